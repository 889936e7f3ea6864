"""What learning minimises: losses, what is close, and what is a wrong answer."""
