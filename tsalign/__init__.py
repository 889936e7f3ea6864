"""From continuous signals and notes about them to aligned spans."""

__version__ = "0.1.0"
