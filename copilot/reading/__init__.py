"""How the customer feels, what delighted them, what needs care, and the words that show it."""
