"""Where k-means starts: greedy k-means++ and random rows, drawn as scikit-learn draws them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tsalign.kernels import lanes
from tsalign.kernels import seeds as kernels
from tsalign.tokens.chunks import UNWEIGHTED, Rows, Weights, pieces, split, spread
from tsalign.tokens.sketch import Sketch


def random_rows(
    X: Rows, n_clusters: int, rng: np.random.RandomState, weights: Weights
) -> NDArray[np.float32]:
    """Return different rows drawn with a chance in proportion to their weights.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows to draw from.
    n_clusters : int
        How many.
    rng : numpy.random.RandomState
        Source of chance.
    weights : ndarray of shape (n_samples,)
        How many rows each counts for; empty for one each.

    Returns
    -------
    ndarray of shape (n_clusters, n_features)
        Copies of rows.
    """
    return X[rng.choice(len(X), size=n_clusters, replace=False, p=_chances(X, weights))]


def plus_plus(
    X: Rows,
    n_clusters: int,
    rng: np.random.RandomState,
    threads: int | None,
    weights: Weights = UNWEIGHTED,
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
    weights : ndarray of shape (n_samples,)
        How many rows each counts for; empty for one each.

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
    chosen = [rng.choice(len(X), p=_chances(X, weights))]
    near = Nearby(X, trials, lanes.worthwhile(X.size * n_clusters), threads, weights)
    near.approach(X[chosen], 0)
    while len(chosen) < n_clusters:
        drawn = near.draw(rng.uniform(size=trials))
        candidates = X[drawn]
        best = int(np.argmax(near.gains(candidates)))
        near.approach(candidates, best)
        chosen.append(drawn[best])
    return X[chosen]


class Nearby:
    """Squared distances of all rows to the nearest centre chosen so far.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite rows.
    trials : int
        Candidates a round.
    vectors : bool
        Whether to rule rows out with vector instructions; the results are the same.
    threads : int or None
        Threads used inside; the result does not depend on it.
    weights : ndarray of shape (n_samples,)
        How many rows each counts for; empty for one each.
    """

    def __init__(
        self,
        X: Rows,
        trials: int,
        vectors: bool,
        threads: int | None,
        weights: Weights = UNWEIGHTED,
    ) -> None:
        self.X, self.vectors, self.threads, self.weights = X, vectors, threads, weights
        self.sketch = Sketch(X, threads) if vectors and Sketch.pays(X.shape) else None
        self.chunks = split(len(X), size=trials)
        self.closest = np.full(len(X), np.inf)
        self.marks = np.full(len(X), kernels.ANY, dtype=np.uint8)
        self.sums = np.zeros(len(self.chunks))

    def draw(self, chances: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return rows drawn in proportion to their squared distances.

        Parameters
        ----------
        chances : ndarray of shape (n_trials,)
            Numbers in [0, 1).

        Returns
        -------
        ndarray of shape (n_trials,)
            Numbers of rows.
        """
        reached = np.cumsum(self.sums)
        wanted = chances * reached[-1]
        held = np.minimum(np.searchsorted(reached, wanted), len(reached) - 1)
        drawn = np.empty(len(chances), dtype=np.intp)
        for number in np.unique(held):
            chunk, mine = self.chunks[number], held == number
            before = reached[number] - self.sums[number]
            inside = np.searchsorted(np.cumsum(self._mass(chunk)), wanted[mine] - before)
            drawn[mine] = np.minimum(chunk.start + inside, chunk.stop - 1)
        return drawn

    def gains(self, candidates: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return by how much each candidate would lower the sum of squared distances.

        Parameters
        ----------
        candidates : ndarray of shape (n_trials, n_features)
            float32.

        Returns
        -------
        ndarray of shape (n_trials,)
            The same bits for any number of threads.
        """
        sums = np.zeros((len(self.chunks), len(candidates)))
        rounded = self.sketch.round(candidates) if self.sketch else None
        packed = lanes.pack(candidates) if self.vectors and not self.sketch else None

        def work(number: int, chunk: slice) -> None:
            for block in pieces(self.X, chunk):
                rows = self.X[block], self.weights[block]
                state = self.closest[block], self.marks[block], sums[number]
                if self.sketch is not None and rounded is not None:
                    kernels.rough_gains(*rows, candidates, self.sketch[block], rounded, *state)
                elif packed is None:
                    kernels.gains(*rows, candidates, *state)
                else:
                    kernels.swept_gains(*rows, candidates, packed, *state)

        spread(work, self.chunks, self.threads)
        return sums.sum(axis=0)

    def approach(self, candidates: NDArray[np.float32], best: int) -> None:
        """Take a candidate as a centre.

        Parameters
        ----------
        candidates : ndarray of shape (n_trials, n_features)
            Those of the last `gains`.
        best : int
            Which of them.
        """

        def work(number: int, chunk: slice) -> None:
            for block in pieces(self.X, chunk):
                kernels.approach(
                    self.X[block],
                    candidates[best],
                    best + 1,
                    self.marks[block],
                    self.closest[block],
                )
            self.sums[number] = self._mass(chunk).sum()

        spread(work, self.chunks, self.threads)

    def _mass(self, chunk: slice) -> NDArray[np.float64]:
        closest = self.closest[chunk]
        return closest * self.weights[chunk] if len(self.weights) > 0 else closest


def _chances(X: Rows, weights: Weights) -> NDArray[np.float64]:
    return weights / weights.sum() if len(weights) > 0 else np.full(len(X), 1.0 / len(X))
