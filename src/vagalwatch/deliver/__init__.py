"""What leaves the house: ledgers take everything, mailboxes what is still valid."""
