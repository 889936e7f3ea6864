"""Finding stretches for sentences, and sentences for stretches."""
