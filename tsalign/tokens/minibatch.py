"""K-means from small random batches, by scikit-learn's rule: for very many rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from annotated_types import Ge
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from tsalign.errors import TsalignError
from tsalign.tokens.chunks import UNWEIGHTED, Rows, Weights, as_weights
from tsalign.tokens.kmeans import KMeans, mean_variance
from tsalign.tokens.lloyd import Assignment, Solution
from tsalign.tokens.shards import Shards

SMALL = 50_000_000
"""Batches with fewer products than these are done before a second thread has begun."""


class MiniBatchKMeans(KMeans):
    """K-means whose centres are running means over random batches of rows.

    Draws, updates, stops and replaces rarely used centres as scikit-learn's class of this name
    does: the same `random_state` and given centres lead through the same batches. Labels are exact.
    Rows are read where a batch needs them and, at the end, once in order for the labels.

    Parameters
    ----------
    n_clusters : int
        Number of centres.
    init : {"k-means++", "random"} or array_like of shape (n_clusters, n_features)
        How the first centres are found among `init_size` random rows.
    n_init : "auto" or int
        Number of starts, of which the best on `init_size` rows is kept; `"auto"` means 3 for
        `"random"` and 1 otherwise.
    max_iter : int
        Most rows to draw, in multiples of the number of rows.
    batch_size : int
        Rows a batch.
    tol : float
        Stop when a batch moves the centres by no more: squared movements in the mean variance of
        the features; 0 for never.
    max_no_improvement : int, optional
        Stop after as many batches without a lower smoothed inertia; `None` for never.
    init_size : int, optional
        Rows to start from; `None` for three batches, or three times `n_clusters` if they
        are fewer than `n_clusters`.
    reassignment_ratio : float
        Centres with less than this fraction of the rows of the largest are moved to random rows
        every `10 * n_clusters` rows.
    random_state : int, optional
        Seed; `None` gives other centres on every call.
    n_jobs : int, optional
        Number of threads; `None` for numba's own number.

    Attributes
    ----------
    cluster_centers_, counts_, labels_, inertia_ : as in `KMeans`
        Labels and inertia are of all rows.
    n_iter_ : int
        How often as many rows as there are were drawn, rounded up.
    n_steps_ : int
        Batches drawn.
    relocated_ : int
        How often a rarely used centre was moved to a random row.

    References
    ----------
    Sculley, "Web-scale k-means clustering", 2010, algorithm 1.

    Examples
    --------
    >>> rows = np.repeat([[0.0], [9.0]], 50, axis=0)
    >>> MiniBatchKMeans(2, batch_size=20, random_state=0).fit(rows).inertia_
    0.0
    """

    version: ClassVar[int] = 2

    def __init__(
        self,
        n_clusters: Annotated[int, Ge(1)] = 8,
        *,
        init: Literal["k-means++", "random"] | list[list[float]] = "k-means++",
        n_init: Literal["auto"] | Annotated[int, Ge(1)] = "auto",
        max_iter: Annotated[int, Ge(1)] = 100,
        batch_size: Annotated[int, Ge(1)] = 1024,
        tol: Annotated[float, Ge(0)] = 0.0,
        max_no_improvement: Annotated[int, Ge(0)] | None = 10,
        init_size: Annotated[int, Ge(1)] | None = None,
        reassignment_ratio: Annotated[float, Ge(0)] = 0.01,
        random_state: int | None = None,
        n_jobs: Annotated[int, Ge(1)] | None = None,
    ) -> None:
        super().__init__(
            n_clusters,
            init=init,
            n_init=n_init,
            max_iter=max_iter,
            tol=tol,
            random_state=random_state,
            n_jobs=n_jobs,
        )
        self.batch_size = batch_size
        self.max_no_improvement = max_no_improvement
        self.init_size = init_size
        self.reassignment_ratio = reassignment_ratio

    def fit(
        self, X: ArrayLike | Shards, y: object = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Find centres, starting anew.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features), or a sequence of arrays or paths
            As for `KMeans.fit`.
        y : object
            Ignored.
        sample_weight : array_like of shape (n_samples,), optional
            Chances of the rows to be drawn, in proportion.

        Returns
        -------
        MiniBatchKMeans
            Itself.

        Raises
        ------
        TsalignError
            As `KMeans.fit`; also for an `init_size` that is smaller than the number of centres.
        """
        rows = self._checked(X)
        weights, rng = as_weights(sample_weight, len(rows)), check_random_state(self.random_state)
        size = min(self.batch_size, len(rows))
        tol = self.tol * mean_variance(rows, self.n_jobs) if self.tol > 0 else 0.0
        centers, counts = self._start(rows, weights, rng), np.zeros(self.n_clusters)
        # Summed up once: `rng.choice` with chances draws the same rows, but sums for every batch.
        chances = (weights if len(weights) else np.ones(len(rows))) / (weights.sum() or len(rows))
        reached = np.cumsum(chances)
        reached /= reached[-1]
        watch, since, moved = Watch(size, len(rows), tol, self.max_no_improvement), 0, 0
        steps = max(self.max_iter * len(rows) // size, 1)
        for step in range(1, steps + 1):
            batch = rows[_drawn(reached, rng.random_sample(size), even=not len(weights))]
            since += size
            due = bool((counts == 0).any()) or since >= 10 * self.n_clusters
            since = 0 if due else since
            before = centers
            centers, counts, inertia = self._step(batch, UNWEIGHTED, centers, counts, steps * size)
            if due:
                moved += self._replace(batch, centers, counts, rng)
            if watch.done(step, np.square(centers - before, dtype=np.float64).sum(), inertia):
                break
        final = Assignment(rows, len(centers), self.n_jobs, weights)
        final.update(centers)
        self.n_steps_ = step
        iterations = -(-step * size // len(rows))
        found = Solution(centers, final.labels, counts, final.inertia(centers), iterations, moved)
        return self._keep(found)

    def _start(
        self, rows: Rows, weights: Weights, rng: np.random.RandomState
    ) -> NDArray[np.float32]:
        """Return the best of several first centres, each from its own random rows."""
        wanted = 3 * min(self.batch_size, len(rows))
        wanted = wanted if wanted >= self.n_clusters else 3 * self.n_clusters
        size = min(self.init_size or wanted, len(rows))
        if size < self.n_clusters:
            raise TsalignError(f"init_size={size} is less than n_clusters={self.n_clusters}")
        picked = rng.randint(0, len(rows), size)
        valid, valid_weights = rows[picked], weights[picked] if len(weights) else weights
        found = []
        for _ in range(self._starts(random=3)):
            part, part_weights = rows, weights
            if size < len(rows):
                picked = rng.randint(0, len(rows), size)
                part, part_weights = rows[picked], weights[picked] if len(weights) else weights
            centers = self._first_centers(part, rng, part_weights)
            test = Assignment(valid, len(centers), self.n_jobs, valid_weights)
            test.update(centers)
            found.append((test.inertia(centers), centers))
        return min(found, key=lambda one: one[0])[1]

    def _step(
        self,
        batch: Rows,
        weights: Weights,
        centers: NDArray[np.float32],
        counts: Weights,
        of: int = 0,
    ) -> tuple[NDArray[np.float32], Weights, float]:
        """Return centres and counts after a batch, and its inertia before it."""
        threads = self.n_jobs if batch.size * len(centers) > SMALL else 1
        state = Assignment(batch, len(centers), threads, weights, of)
        state.update(centers)
        return *state.running_means(centers, counts), state.inertia(centers)

    def _replace(
        self,
        batch: NDArray[np.float32],
        centers: NDArray[np.float32],
        counts: Weights,
        rng: np.random.RandomState,
    ) -> int:
        """Move rarely used centres to rows of the batch, in place; return how many."""
        rare, most = counts < self.reassignment_ratio * counts.max(), len(batch) // 2
        if rare.sum() > len(batch) / 2:
            rare[np.argsort(counts)[most:]] = False
        if rare.any():
            centers[rare] = batch[rng.choice(len(batch), int(rare.sum()), replace=False)]
            counts[rare] = counts[~rare].min()
        return int(rare.sum())


def _drawn(
    reached: NDArray[np.float64], chances: NDArray[np.float64], even: bool
) -> NDArray[np.intp]:
    """Return `reached.searchsorted(chances, side="right")`; where steps are even, by a guess."""
    if not even:
        return reached.searchsorted(chances, side="right")
    places = np.minimum((chances * len(reached)).astype(np.intp), len(reached) - 1)
    while (late := reached[places] <= chances).any():  # sums are rounded: a guess may be one off
        places += late
    while (early := (places > 0) & (reached[places - 1] > chances)).any():
        places -= early
    return places


@dataclass
class Watch:
    """Whether batches still help: smoothed inertia a row, and how far centres move."""

    size: int
    n_rows: int
    tol: float
    patience: int | None
    smooth: float | None = None
    lowest: float = np.inf
    idle: int = 0

    def done(self, step: int, moved: float, inertia: float) -> bool:
        """Take note of a batch; tell whether to stop after it.

        Parameters
        ----------
        step : int
            Number of the batch, from 1; the first one tells of the start alone.
        moved : float
            Sum of the centres' squared movements.
        inertia : float
            Of the batch before the movement.

        Returns
        -------
        bool
            True after too little movement or too many batches without a new lowest inertia.
        """
        if step == 1:
            return False
        mean, share = inertia / self.size, min(2.0 * self.size / (self.n_rows + 1), 1.0)
        self.smooth = mean if self.smooth is None else self.smooth + share * (mean - self.smooth)
        if self.tol > 0 and moved <= self.tol:
            return True
        self.idle = 0 if self.smooth < self.lowest else self.idle + 1
        self.lowest = min(self.lowest, self.smooth)
        return self.patience is not None and self.idle >= self.patience
