"""Which kernel finds the nearest centres: all write the same labels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tsalign.kernels import kmeans, lanes, rough
from tsalign.kernels.bytes import MOST, SUPPORTED
from tsalign.kernels.kmeans import Floats, Labels

CROWDED = 6  # centres left of a row on average, from which on bytes do not pay


def labeller(centers: Floats, n_rows: int) -> Callable[[Floats, Labels], None]:
    """Return `nearest(rows, labels)` for these centres, by the kernel that suits the work.

    Parameters
    ----------
    centers : ndarray of shape (n_clusters, n_features)
        float32.
    n_rows : int
        How many rows will be given to it in all.

    Returns
    -------
    callable
        Writes to `labels` (m,) int32 the nearest centre of each of `rows` (m, d) float32. All
        kernels write the same.
    """
    if not lanes.worthwhile(n_rows * centers.size):
        columns = np.ascontiguousarray(centers.T, dtype=np.float64)
        return lambda rows, labels: kmeans.nearest(rows, columns, labels)
    if not pays(centers.shape):
        packed = lanes.pack(centers)
        return lambda rows, labels: lanes.nearest(rows, packed, labels)
    rounded = rough.pack(centers)
    crowded: list[lanes.Packed] = []

    def nearest(rows: Floats, labels: Labels) -> None:
        if crowded:
            lanes.nearest(rows, crowded[0], labels)
        elif rough.nearest(rows, rounded, labels) > CROWDED * len(rows):
            crowded.append(lanes.pack(centers))

    return nearest


def pays(shape: tuple[int, int]) -> bool:
    """Tell whether bytes are faster than float32 for centres of this shape, as measured.

    Parameters
    ----------
    shape : (int, int)
        Clusters and features.

    Returns
    -------
    bool
        False where the processor has no products of bytes.
    """
    k, d = shape
    return SUPPORTED and 24 <= d <= MOST and k >= 64
