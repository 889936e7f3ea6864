"""What sentences mean: encoders, and chances of the known concepts."""
