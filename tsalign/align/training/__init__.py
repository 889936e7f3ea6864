"""How the space is learnt: examples, batches, steps."""
