"""What a ticket is, the queues it comes from, and how it is kept. Knows nothing of moods or plays."""
