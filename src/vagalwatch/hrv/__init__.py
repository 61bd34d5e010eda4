"""Records in, estimates out; pure mathematics."""
