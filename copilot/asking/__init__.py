"""Whether, how and what to ask; what the customer answered; the ledger of permissions."""
