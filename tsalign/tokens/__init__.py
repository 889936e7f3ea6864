"""Discrete tokens: the public names of this stage."""

from tsalign.tokens.kmeans import KMeans

__all__ = ["KMeans"]
