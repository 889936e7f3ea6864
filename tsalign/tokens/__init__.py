"""Discrete tokens: the public names of this stage."""

from tsalign.tokens.kmeans import KMeans
from tsalign.tokens.minibatch import MiniBatchKMeans
from tsalign.tokens.pairs import PairEncoding, ngrams
from tsalign.tokens.predict import MaskedPredictor
from tsalign.tokens.product import ProductKMeans
from tsalign.tokens.residual import ResidualKMeans
from tsalign.tokens.runs import check_rate, deduplicate, runs, token_rate

__all__ = [
    "KMeans",
    "MaskedPredictor",
    "MiniBatchKMeans",
    "PairEncoding",
    "ProductKMeans",
    "ResidualKMeans",
    "check_rate",
    "deduplicate",
    "ngrams",
    "runs",
    "token_rate",
]
