"""Bounds of distances, kept from one iteration to the next: long fits skip most products."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tsalign.kernels import bounds as kernels
from tsalign.kernels import lanes, rough
from tsalign.kernels.labels import CROWDED, pays
from tsalign.kernels.simd import CENTERS

NEVER = 2**31


def first_bounded(n_rows: int, shape: tuple[int, int], max_iter: int) -> int:
    """Return the iteration from which on bounds pay for themselves.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    shape : (int, int)
        Clusters and features.
    max_iter : int
        Most iterations of the fit.

    Returns
    -------
    int
        Counted from 0; more than any `max_iter` where they do not pay. Results are the same.
    """
    k, d = shape
    if not lanes.worthwhile(n_rows * k * d) or d < 32 or k < 64:
        return NEVER
    if pays(shape):  # bytes make the first passes cheap: bounds wait until centres slow down
        first, least = (3, 8) if k >= 200 else (4, 20)
    else:
        first, least = (1, 2) if k >= 200 else (2, 20)
    return first if max_iter >= least else NEVER  # measured: benchmarks/kmeans.py


def group_size(k: int, d: int) -> int:
    """Return how many centres share a lower bound, as measured to be fastest.

    Parameters
    ----------
    k, d : int
        Clusters and features.

    Returns
    -------
    int
        A whole number of the kernel's blocks, about.
    """
    return 24 if k < 200 or 96 <= d < 256 else 64


class Bounds:
    """Bounds of all rows for groups of neighbouring centres.

    They take 4 bytes a row, and 4 more for each group.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    centers : ndarray of shape (n_clusters, n_features)
        float32, from which groups are made.
    """

    def __init__(self, n_rows: int, centers: NDArray[np.float32]) -> None:
        k, d = centers.shape
        parts = gather(centers, max(2, round(k / group_size(k, d))))
        sizes = np.array([-(-len(part) // CENTERS) for part in parts])
        self.starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self.order = np.concatenate(parts)
        self.group = np.empty(k, dtype=np.int32)
        for number, part in enumerate(parts):
            self.group[part] = number
        self.centers = centers
        self.drift = np.zeros(len(parts), dtype=np.float32)
        self.moved = np.zeros(k, dtype=np.float32)
        self.lower = np.full(len(parts) * n_rows, -np.inf, dtype=np.float32)
        self.upper = np.full(n_rows, np.inf, dtype=np.float32)
        self.rounded: rough.Rounded | None = None
        self.fresh = pays(centers.shape)

    def follow(self, centers: NDArray[np.float32]) -> kernels.Groups:
        """Loosen the bounds by the centres' movements; return what the kernel reads.

        Parameters
        ----------
        centers : ndarray of shape (n_clusters, n_features)
            Where the centres are now.

        Returns
        -------
        Groups
            For `nearest`.
        """
        gaps = np.square(centers.astype(np.float64) - self.centers).sum(axis=1)
        steps = np.sqrt(gaps) * (1.0 + 2.0**-30)
        self.moved = _summed_up(self.moved, steps)
        largest = np.zeros(len(self.drift))
        np.maximum.at(largest, self.group, steps)
        self.drift = _summed_up(self.drift, largest)
        self.centers = centers
        self.rounded, self.fresh = self._rounded(centers) if self.fresh else None, False
        packed = lanes.pack(centers[self.order])
        columns = np.ascontiguousarray(centers.T, dtype=np.float64)
        packed = packed._replace(columns=columns)
        order = np.zeros(len(packed.halves) * CENTERS, dtype=np.int32)
        order[: len(self.order)] = self.order
        return kernels.Groups(
            packed, centers, order, self.starts, self.group, self.drift, self.moved
        )

    def nearest(
        self, rows: NDArray[np.float32], block: slice, groups: kernels.Groups, labels: NDArray
    ) -> int:
        """Bring the labels of a block up to date.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_features)
            The block's rows.
        block : slice
            Where they are among all rows; the same blocks every time.
        groups : Groups
            From `follow`.
        labels : ndarray of shape (n_rows,)
            int32 labels of the block, changed in place.

        Returns
        -------
        int
            Pairs of a row and a group that had to be computed.
        """
        many = len(self.drift)
        lower = self.lower[block.start * many : block.stop * many].reshape(many, -1)
        rounded = self.rounded
        if rounded is None:
            return kernels.nearest(rows, groups, labels, lower, self.upper[block])
        left = kernels.begin(rows, rounded, groups, labels, lower, self.upper[block])
        if left > CROWDED * len(rows):
            self.rounded = None  # labels are the same either way
        return many * len(rows)

    def _rounded(self, centers: NDArray[np.float32]) -> rough.Rounded:
        """Return centres rounded to bytes in the order of the groups."""
        packed = rough.pack(centers[self.order])
        columns = np.ascontiguousarray(centers.T, dtype=np.float64)
        return packed._replace(centers=centers, columns=columns)


def gather(centers: NDArray[np.float32], groups: int) -> list[NDArray[np.int32]]:
    """Part centres into groups of neighbours, by halving along the longest axis again and again.

    Parameters
    ----------
    centers : ndarray of shape (n_clusters, n_features)
        float32.
    groups : int
        How many.

    Returns
    -------
    list of ndarray
        Numbers of centres; all groups but the last fill whole blocks of the kernel.
    """

    def halve(members: NDArray[np.int32], parts: int) -> list[NDArray[np.int32]]:
        cut = round(len(members) * (parts // 2) / (parts * CENTERS)) * CENTERS
        if parts == 1 or not 0 < cut < len(members):
            return [members]
        order = members[np.argsort(_along(centers[members]), kind="stable")]
        return halve(order[:cut], parts // 2) + halve(order[cut:], parts - parts // 2)

    return halve(np.arange(len(centers), dtype=np.int32), groups)


def _along(points: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return where points lie along their longest axis, roughly: a dozen power iterations."""
    gaps = points - points.mean(axis=0, dtype=np.float64)
    axis = gaps[np.argmax(np.square(gaps).sum(axis=1))]
    for _ in range(12):
        axis = gaps.T @ (gaps @ axis)
        axis /= max(float(np.linalg.norm(axis)), 1e-300)
    return gaps @ axis


def _summed_up(total: NDArray[np.float32], steps: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the sum, rounded up."""
    return np.nextafter((total + steps).astype(np.float32), np.float32(np.inf))
