"""Discrete units: each segment's features become the number of the nearest of k centres."""

from __future__ import annotations

from functools import partial
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from annotated_types import Ge
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClusterMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from tsalign.errors import TsalignError
from tsalign.kernels import kmeans as kernels
from tsalign.params import check_params
from tsalign.tokens.chunks import (
    UNWEIGHTED,
    Rows,
    Weights,
    as_rows,
    as_table,
    as_weights,
    blocks,
    split,
    spread,
)
from tsalign.tokens.lloyd import Assignment, Solution, label, lloyd
from tsalign.tokens.seeding import plus_plus, random_rows
from tsalign.tokens.shards import Shards


class KMeans(TransformerMixin, ClusterMixin, BaseEstimator):
    """K-means by Lloyd's algorithm on float32 rows, with scikit-learn's names and meanings.

    Labels are exact (the nearest centre in float64), sums are float64, and the same seed gives the
    same bits for any number of threads. An empty cluster takes the row farthest from its centre.
    Where there are fewer different rows than clusters, some centres coincide.

    Parameters
    ----------
    n_clusters : int
        Number of centres.
    init : {"k-means++", "random"} or array_like of shape (n_clusters, n_features)
        How the first centres are found; `"k-means++"` is the greedy variant.
    n_init : "auto" or int
        Number of starts, of which the one with the lowest inertia is kept; `"auto"` means 10 for
        `"random"` and 1 otherwise. Given centres are one start.
    max_iter : int
        Most iterations of one start.
    tol : float
        Stop when the squared movements of the centres sum to no more than `tol` times the mean
        variance of the features.
    random_state : int, optional
        Seed; `None` gives other centres on every call.
    n_jobs : int, optional
        Number of threads; `None` for numba's own number.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        float32.
    counts_ : ndarray of shape (n_clusters,)
        float64, how many rows each centre is the mean of, each counted by its weight.
    labels_ : ndarray of shape (n_samples,)
        int32, of the rows last fitted.
    inertia_ : float
        Sum of squared distances of those rows to their centres.
    n_iter_ : int
        Iterations of the start that was kept.
    relocated_ : int
        How often a cluster had become empty and was given the row farthest from its centre. Not 0
        for distinct rows means more centres than the data ask for, or a poor start.

    References
    ----------
    Lloyd, "Least squares quantization in PCM", 1982, section VI; Arthur and Vassilvitskii,
    "k-means++: the advantages of careful seeding", 2007; Sculley, "Web-scale k-means clustering",
    2010, algorithm 1 (`partial_fit`).

    Examples
    --------
    >>> rows = [[0.0, 0.0], [0.0, 1.0], [9.0, 9.0], [9.0, 8.0]]
    >>> units = KMeans(n_clusters=2, random_state=0).fit(rows)
    >>> units.predict([[1.0, 1.0], [8.0, 8.0]]) == units.labels_[[0, 2]]
    array([ True,  True])
    >>> units.inertia_
    1.0
    """

    version: ClassVar[int] = 3

    def __init__(
        self,
        n_clusters: Annotated[int, Ge(1)] = 8,
        *,
        init: Literal["k-means++", "random"] | list[list[float]] = "k-means++",
        n_init: Literal["auto"] | Annotated[int, Ge(1)] = "auto",
        max_iter: Annotated[int, Ge(1)] = 300,
        tol: Annotated[float, Ge(0)] = 1e-4,
        random_state: int | None = None,
        n_jobs: Annotated[int, Ge(1)] | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(
        self, X: ArrayLike | Shards, y: object = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Find centres, starting anew.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features), or a sequence of arrays or paths
            Finite numbers; contiguous float32 is used without a copy, memory maps included. Of a
            sequence of two-dimensional arrays, `.npy` or Parquet files, each part is read once an
            iteration, block by block; the result is that of all their rows in one array.
        y : object
            Ignored.
        sample_weight : array_like of shape (n_samples,), optional
            How many rows each row counts for.

        Returns
        -------
        KMeans
            Itself.

        Raises
        ------
        TsalignError
            For a wrong parameter, a value that is not finite, or fewer rows than clusters.
        """
        rows = self._checked(X)
        weights = as_weights(sample_weight, len(rows))
        tol = self.tol * mean_variance(rows, self.n_jobs) if self.tol > 0 else 0.0
        rng = check_random_state(self.random_state)
        starts = (self._first_centers(rows, rng, weights) for _ in range(self._starts()))
        fit = partial(
            lloyd, rows, max_iter=self.max_iter, tol=tol, threads=self.n_jobs, weights=weights
        )
        return self._keep(min(map(fit, starts), key=lambda one: one.inertia))

    def partial_fit(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Move each centre to the mean of all rows it got so far, this batch included.

        The first batch chooses the centres; after `fit` the centres found there move on.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            One batch of finite numbers; the first needs at least `n_clusters` rows.
        y : object
            Ignored.
        sample_weight : array_like of shape (n_samples,), optional
            How many rows each row counts for.

        Returns
        -------
        KMeans
            Itself.

        Raises
        ------
        TsalignError
            As `fit`; also for another number of features than before.
        """
        started = hasattr(self, "cluster_centers_")
        rows = self._rows(X) if started else self._checked(X)
        weights = as_weights(sample_weight, len(rows))
        if started:
            centers, counts = self.cluster_centers_, self.counts_
        else:
            centers = self._first_centers(rows, check_random_state(self.random_state), weights)
            counts = np.zeros(self.n_clusters)
        batch = Assignment(rows, len(centers), self.n_jobs, weights)
        batch.update(centers)
        centers, total = batch.running_means(centers, counts)
        steps = getattr(self, "n_iter_", 0) + 1
        return self._keep(Solution(centers, batch.labels, total, batch.inertia(centers), steps, 0))

    def predict(self, X: ArrayLike) -> NDArray[np.int32]:
        """Return the nearest centre of each row.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Finite numbers.

        Returns
        -------
        ndarray of shape (n_samples,)
            int32 indices; the first one of equally near centres.

        Raises
        ------
        TsalignError
            For a value that is not finite or another number of features than fitted.
        """
        return label(self._rows(X), self.cluster_centers_, self.n_jobs)

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return the distance of each row to each centre.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Finite numbers.

        Returns
        -------
        ndarray of shape (n_samples, n_clusters)
            float32, in X's unit.

        Raises
        ------
        TsalignError
            For a value that is not finite or another number of features than fitted.
        """
        rows = self._rows(X)
        columns = np.ascontiguousarray(self.cluster_centers_.T, dtype=np.float64)
        out = np.empty((len(rows), columns.shape[1]), dtype=np.float32)

        def work(_: int, chunk: slice) -> None:
            for block in blocks(chunk):
                kernels.distances(rows[block], columns, out[block])

        spread(work, split(len(rows), size=1), self.n_jobs)
        return out

    def _checked(self, X: ArrayLike | Shards) -> Rows:
        check_params(self)
        rows = as_rows(X)
        if len(rows) < self.n_clusters:
            raise TsalignError(f"{len(rows)} rows cannot make n_clusters={self.n_clusters}")
        return rows

    def _rows(self, X: ArrayLike | Shards) -> Rows:
        check_is_fitted(self)
        rows, features = as_rows(X), self.cluster_centers_.shape[1]
        if rows.shape[1] != features:
            raise TsalignError(f"X has {rows.shape[1]} features; the centres have {features}")
        return rows

    def _starts(self, random: int = 10) -> int:
        if not isinstance(self.init, str):
            return 1
        if self.n_init == "auto":
            return random if self.init == "random" else 1
        return self.n_init

    def _first_centers(
        self, rows: Rows, rng: np.random.RandomState, weights: Weights = UNWEIGHTED
    ) -> NDArray[np.float32]:
        if not isinstance(self.init, str):
            centers, shape = as_table(self.init, "init"), (self.n_clusters, rows.shape[1])
            if centers.shape != shape:
                raise TsalignError(f"init has shape {centers.shape}; the data ask for {shape}")
            return centers.copy()
        if self.init == "random":
            return random_rows(rows, self.n_clusters, rng, weights)
        return plus_plus(rows, self.n_clusters, rng, self.n_jobs, weights)

    def _keep(self, found: Solution) -> Self:
        self.cluster_centers_, self.labels_, self.counts_, self.inertia_ = found[:4]
        self.n_iter_, self.relocated_ = found[4:]
        return self


def mean_variance(rows: Rows, threads: int | None) -> float:
    """Return the mean of the features' variances.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Finite.
    threads : int or None
        Threads used inside; the result does not depend on it.

    Returns
    -------
    float
        In the square of the rows' unit.
    """
    chunks = split(len(rows), size=rows.shape[1])
    sums = np.zeros((len(chunks), 2, rows.shape[1]))
    origin = rows[:1][0].astype(
        np.float64
    )  # sums of squares about a row lose no digits to an offset

    def work(number: int, chunk: slice) -> None:
        for block in blocks(chunk):
            kernels.moments(rows[block], origin, sums[number])

    spread(work, chunks, threads)
    mean, square = sums.sum(axis=0) / len(rows)
    return float(np.mean(square - mean**2))
