"""What was learnt, and what can be asked of it."""
