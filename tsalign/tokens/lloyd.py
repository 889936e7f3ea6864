"""Lloyd's iterations from given centres, exact: every label is the nearest centre in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tsalign.kernels import kmeans as kernels
from tsalign.kernels.labels import labeller
from tsalign.tokens.bounds import Bounds, first_bounded
from tsalign.tokens.chunks import UNWEIGHTED, Rows, Weights, blocks, split, spread

Labels: TypeAlias = NDArray[np.int32]


class Solution(NamedTuple):
    """Centres with the labels that belong to them."""

    centers: NDArray[np.float32]  # (k, d)
    labels: NDArray[np.int32]  # (n,)
    counts: NDArray[np.float64]  # (k,) weights of the rows of each
    inertia: float
    n_iter: int
    relocated: int  # empty clusters that were given a row


def lloyd(
    X: Rows,
    centers: NDArray[np.float32],
    *,
    max_iter: int,
    tol: float,
    threads: int | None,
    weights: Weights = UNWEIGHTED,
) -> Solution:
    """Iterate from given centres until nothing changes, they hardly move, or `max_iter`.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite rows.
    centers : ndarray of shape (n_clusters, n_features)
        Where to start.
    max_iter : int
        Most iterations.
    tol : float
        Stop when the centres' squared movements sum to no more, in the square of X's unit.
    threads : int or None
        Threads used inside; the result does not depend on it.
    weights : ndarray of shape (n_samples,)
        How many rows each counts for; empty for one each.

    Returns
    -------
    Solution
        The labels belong to the centres returned, not to those before the last step.

    References
    ----------
    Lloyd, "Least squares quantization in PCM", 1982, section VI, method I.
    """
    state = Assignment(X, len(centers), threads, weights)
    bounded = first_bounded(len(X), centers.shape, max_iter)
    n_iter, changed, moved = 0, len(X), np.inf
    while n_iter < max_iter and changed > 0 and moved > tol:
        if n_iter == bounded:
            state.bounds = Bounds(len(X), centers)
        changed = state.update(centers)
        before, centers = centers, state.means(centers)
        moved = np.square(centers - before.astype(np.float64)).sum()
        n_iter += 1
    if moved > 0:
        state.update(centers)
    counts = state.counts.sum(axis=0)
    return Solution(centers, state.labels, counts, state.inertia(centers), n_iter, state.relocated)


def label(X: Rows, centers: NDArray[np.float32], threads: int | None) -> NDArray[np.int32]:
    """Return the nearest centre of each row.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite rows.
    centers : ndarray of shape (n_clusters, n_features)
        Finite centres.
    threads : int or None
        Threads used inside; the result does not depend on it.

    Returns
    -------
    ndarray of shape (n_samples,)
        int32 indices; the first one of equally near centres.
    """
    labels = np.empty(len(X), dtype=np.int32)
    nearest = labeller(centers, len(X))

    def work(_: int, chunk: slice) -> None:
        for block in blocks(chunk):
            nearest(X[block], labels[block])

    spread(work, split(len(X), size=1), threads)
    return labels


class Assignment:
    """Labels of all rows, and the sums of each label kept up to date chunk by chunk.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite rows.
    n_clusters : int
        Number of centres.
    threads : int or None
        Threads used inside; the result does not depend on it.
    weights : ndarray of shape (n_samples,)
        How many rows each counts for; empty for one each.
    of : int
        How many rows there will be in all, if these are one batch of many: what costs a moment
        pays then.
    """

    def __init__(
        self,
        X: Rows,
        n_clusters: int,
        threads: int | None,
        weights: Weights = UNWEIGHTED,
        of: int = 0,
    ) -> None:
        self.X, self.threads, self.weights = X, threads, weights
        self.of = max(of, len(X))
        self.bounds: Bounds | None = None
        self.relocated = 0
        self.chunks = split(len(X), size=n_clusters * X.shape[1])
        self.labels = np.full(len(X), -1, dtype=np.int32)
        self.sums = np.zeros((len(self.chunks), n_clusters, X.shape[1]))
        self.counts = np.zeros((len(self.chunks), n_clusters))

    def update(self, centers: NDArray[np.float32]) -> int:
        """Give every row its nearest centre; return how many rows changed.

        Parameters
        ----------
        centers : ndarray of shape (n_clusters, n_features)
            Finite centres.

        Returns
        -------
        int
            Rows whose label is another than before.
        """
        nearest = self._nearest(centers)

        def work(number: int, chunk: slice) -> int:
            sums, counts, changed = self.sums[number], self.counts[number], 0
            if len(self.weights) > 0:  # anew: what is left of a difference of weights is no zero
                sums[:], counts[:] = 0.0, 0.0
            for block in blocks(chunk):
                rows, old, new = self.X[block], self.labels[block], self.labels[block].copy()
                nearest(rows, block, new)
                if len(self.weights) > 0:
                    changed += int(np.count_nonzero(old != new))
                    old[:] = -1
                    kernels.move(rows, self.weights[block], old, new, sums, counts)
                else:
                    changed += kernels.move(rows, UNWEIGHTED, old, new, sums, counts)
            return changed

        return sum(spread(work, self.chunks, self.threads))

    def _nearest(
        self, centers: NDArray[np.float32]
    ) -> Callable[[NDArray[np.float32], slice, Labels], object]:
        if self.bounds is None:
            nearest = labeller(centers, self.of)
            return lambda rows, _, labels: nearest(rows, labels)
        bounds, groups = self.bounds, self.bounds.follow(centers)
        return lambda rows, block, labels: bounds.nearest(rows, block, groups, labels)

    def running_means(
        self, centers: NDArray[np.float32], counts: Weights
    ) -> tuple[NDArray[np.float32], Weights]:
        """Return the means of these rows and of all those that centres stand for already.

        Parameters
        ----------
        centers : ndarray of shape (n_clusters, n_features)
            The centres of the present labels.
        counts : ndarray of shape (n_clusters,)
            Weights of the rows that each is the mean of.

        Returns
        -------
        centers : ndarray of shape (n_clusters, n_features)
            float32.
        counts : ndarray of shape (n_clusters,)
            Those of these rows added.

        References
        ----------
        Sculley, "Web-scale k-means clustering", 2010, algorithm 1.
        """
        total = counts + self.counts.sum(axis=0)
        sums = self.sums.sum(axis=0) + counts[:, None] * centers.astype(np.float64)
        held, moved = total > 0, centers.copy()
        moved[held] = sums[held] / total[held, None]
        return moved, total

    def means(self, centers: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the mean of each label's rows; labels without rows take the farthest rows.

        Parameters
        ----------
        centers : ndarray of shape (n_clusters, n_features)
            The centres of the present labels.

        Returns
        -------
        ndarray of shape (n_clusters, n_features)
            New centres.
        """
        sums, counts = self.sums.sum(axis=0), self.counts.sum(axis=0)
        empty = np.flatnonzero(counts == 0)
        if len(empty) > 0:
            self._relocate(centers, empty, sums, counts)
        held = counts > 0
        means = centers.copy()
        means[held] = sums[held] / counts[held, None]
        return means

    def _relocate(
        self,
        centers: NDArray[np.float32],
        empty: NDArray[np.intp],
        sums: NDArray[np.float64],
        counts: NDArray[np.float64],
    ) -> None:
        each = np.empty(len(self.X))
        if self.inertia(centers, each) == 0.0:
            return  # every row lies on a centre: there are fewer different rows than centres
        far = np.argpartition(each, -len(empty))[: -len(empty) - 1 : -1]
        for target, row in zip(empty, far, strict=True):
            source, weight = self.labels[row], self.weights[row] if len(self.weights) > 0 else 1.0
            value = weight * self.X[row : row + 1][0].astype(np.float64)
            sums[source] -= value
            counts[source] -= weight
            sums[target], counts[target] = value, weight
        self.relocated += len(empty)

    def inertia(
        self, centers: NDArray[np.float32], each: NDArray[np.float64] | None = None
    ) -> float:
        """Return the sum of squared distances of the rows to their centres.

        Parameters
        ----------
        centers : ndarray of shape (n_clusters, n_features)
            The centres of the present labels.
        each : ndarray of shape (n_samples,), optional
            Receives the squared distance of each row.

        Returns
        -------
        float
            In the square of X's unit.
        """

        def work(_: int, chunk: slice) -> float:
            total = 0.0
            for block in blocks(chunk):
                rows, part = self.X[block], np.empty(0) if each is None else each[block]
                weights, labels = self.weights[block], self.labels[block]
                total += kernels.scatter(rows, weights, centers, labels, part)
            return total

        return float(sum(spread(work, self.chunks, self.threads)))
