"""Where k-means starts: greedy k-means++ and random rows, drawn as scikit-learn draws them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tsalign.kernels import kmeans as kernels
from tsalign.tokens.chunks import split, spread


def random_rows(
    X: NDArray[np.float32], n_clusters: int, rng: np.random.RandomState
) -> NDArray[np.float32]:
    """Return different rows drawn with equal chance.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows to draw from.
    n_clusters : int
        How many.
    rng : numpy.random.RandomState
        Source of chance.

    Returns
    -------
    ndarray of shape (n_clusters, n_features)
        Copies of rows.
    """
    equal = np.full(len(X), 1.0 / len(X))
    return X[rng.choice(len(X), size=n_clusters, replace=False, p=equal)]


def plus_plus(
    X: NDArray[np.float32], n_clusters: int, rng: np.random.RandomState, threads: int | None
) -> NDArray[np.float32]:
    """Return rows far from each other by greedy k-means++.

    Each next centre is the best of `2 + log(n_clusters)` rows drawn with a chance in proportion to
    their squared distance to the nearest centre so far.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows to draw from.
    n_clusters : int
        How many.
    rng : numpy.random.RandomState
        Source of chance.
    threads : int or None
        Threads used inside; the result does not depend on it.

    Returns
    -------
    ndarray of shape (n_clusters, n_features)
        Copies of rows.

    References
    ----------
    Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding", 2007, sections 2.2
    and 6 (the greedy variant).
    """
    trials = 2 + int(np.log(n_clusters))
    chosen = [rng.choice(len(X), p=np.full(len(X), 1.0 / len(X)))]
    closest = np.full(len(X), np.inf)
    _approach(X, chosen[0], closest, threads)
    while len(chosen) < n_clusters:
        reached = np.cumsum(closest)
        drawn = np.searchsorted(reached, rng.uniform(size=trials) * reached[-1])
        drawn = np.minimum(drawn, len(X) - 1)
        chosen.append(drawn[np.argmin(_potentials(X, drawn, closest, threads))])
        _approach(X, chosen[-1], closest, threads)
    return X[chosen]


def _approach(
    X: NDArray[np.float32], row: int, closest: NDArray[np.float64], threads: int | None
) -> None:
    def work(_: int, chunk: slice) -> None:
        kernels.approach(X[chunk], X[row], closest[chunk])

    spread(work, split(len(X), size=1), threads)


def _potentials(
    X: NDArray[np.float32],
    drawn: NDArray[np.intp],
    closest: NDArray[np.float64],
    threads: int | None,
) -> NDArray[np.float64]:
    chunks = split(len(X), size=len(drawn))
    sums = np.empty((len(chunks), len(drawn)))
    candidates = X[drawn]

    def work(number: int, chunk: slice) -> None:
        kernels.potentials(X[chunk], candidates, closest[chunk], sums[number])

    spread(work, chunks, threads)
    return sums.sum(axis=0)
