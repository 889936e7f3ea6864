"""Discrete tokens: the public names of this stage."""

from tsalign.tokens.kmeans import KMeans
from tsalign.tokens.minibatch import MiniBatchKMeans

__all__ = ["KMeans", "MiniBatchKMeans"]
