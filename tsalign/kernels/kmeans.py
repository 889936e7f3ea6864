"""Pure kernels of k-means on float32 rows: each takes a block of rows and runs in one thread.

All arithmetic is float64 on float32 values, in a fixed order. Threads are the caller's: blocks are
fixed beforehand and summed in order, hence the same bits for any number of threads.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Labels = NDArray[np.int32]


@njit(cache=True, nogil=True, error_model="numpy")
def nearest_row(row: Floats, columns: Doubles, gaps: Doubles) -> int:
    """Return the index of the centre nearest to one row; the first one of equals.

    `row` (d,) float32, `columns` (d, k) float64 centres transposed, `gaps` (k,) float64 work space,
    left holding the squared distances.
    """
    gaps[:] = 0.0
    for q in range(len(row)):  # rows of `columns` are contiguous over centres: this fills vectors
        value = np.float64(row[q])
        column = columns[q]
        for j in range(len(gaps)):
            gap = value - column[j]
            gaps[j] += gap * gap
    return int(np.argmin(gaps))


@njit(cache=True, nogil=True, error_model="numpy")
def nearest(rows: Floats, columns: Doubles, labels: Labels) -> None:
    """Write to `labels` (m,) int32 the nearest of `columns` (d, k) float64 for `rows` (m, d)."""
    gaps = np.empty(columns.shape[1])
    for i in range(len(rows)):
        labels[i] = nearest_row(rows[i], columns, gaps)


@njit(cache=True, nogil=True, error_model="numpy")
def distances(rows: Floats, columns: Doubles, out: Floats) -> None:
    """Write to `out` (m, k) float32 the distances of `rows` (m, d) to `columns` (d, k) float64."""
    gaps = np.empty(columns.shape[1])
    for i in range(len(rows)):
        nearest_row(rows[i], columns, gaps)
        out[i] = np.sqrt(gaps)


@njit(cache=True, nogil=True, error_model="numpy")
def move(
    rows: Floats, weights: Doubles, old: Labels, new: Labels, sums: Doubles, counts: Doubles
) -> int:
    """Bring sums up to date from the rows whose label changed alone; return how many did.

    `rows` (m, d) float32, `weights` (m,) float64, or empty for ones, `old` (m,) int32 labels
    (-1: none yet), overwritten by `new`, `sums` (k, d) and `counts` (k,) float64, the weighted sums
    of the rows of each label and of their weights.
    """
    changed, weight = 0, 1.0
    for i in range(len(rows)):
        source, target = old[i], new[i]
        if source == target:
            continue
        if len(weights) > 0:
            weight = weights[i]
        for q in range(rows.shape[1]):
            sums[target, q] += weight * rows[i, q]
        counts[target] += weight
        if source >= 0:
            for q in range(rows.shape[1]):
                sums[source, q] -= weight * rows[i, q]
            counts[source] -= weight
        old[i] = target
        changed += 1
    return changed


@njit(cache=True, nogil=True, error_model="numpy")
def scatter(
    rows: Floats, weights: Doubles, centers: Floats, labels: Labels, each: Doubles
) -> float:
    """Return the weighted sum of squared distances of `rows` (m, d) to their `centers` (k, d).

    `weights` (m,) float64, or empty for ones; `labels` (m,) int32; `each` (m,) float64 receives the
    squared distance of every row, without its weight, unless it is empty.
    """
    total = np.zeros(rows.shape[1])  # one sum a column: adds vectors without changing their order
    squares = np.empty(rows.shape[1])
    weight = 1.0
    for i in range(len(rows)):
        center = centers[labels[i]]
        if len(weights) > 0:
            weight = weights[i]
        for q in range(rows.shape[1]):
            gap = np.float64(rows[i, q]) - center[q]
            squares[q] = gap * gap
            total[q] += weight * squares[q]
        if len(each) > 0:
            each[i] = squares.sum()
    return total.sum()


@njit(cache=True, nogil=True, error_model="numpy")
def moments(rows: Floats, origin: Doubles, out: Doubles) -> None:
    """Add to `out` (2, d) float64 the sums of `rows - origin` and of its squares."""
    for i in range(len(rows)):
        for q in range(rows.shape[1]):
            value = np.float64(rows[i, q]) - origin[q]
            out[0, q] += value
            out[1, q] += value * value


# Reassociation lets the sum over dimensions fill vectors; a row's result depends on the row alone.
@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def squared_distance(a: Floats, b: Floats) -> float:
    """Return the squared distance of `a` (d,) and `b` (d,), in float64."""
    total = 0.0
    for q in range(len(a)):
        gap = np.float64(a[q]) - np.float64(b[q])
        total += gap * gap
    return total
