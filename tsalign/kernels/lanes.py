"""Nearest centres with rows in the vector lanes: the labels of `kmeans.nearest`, many times faster.

A panel of rows is transposed, so that a vector holds one dimension of several rows, and swept over
all centres in float32: the running minimum needs no reduction across lanes. A row whose two best
centres are within rounding of each other is decided again in float64, so the labels are exact.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import config, njit
from numpy.typing import NDArray

from tsalign.kernels import kmeans
from tsalign.kernels.kmeans import Doubles, Floats, Labels
from tsalign.kernels.simd import AVAILABLE, CENTERS, ROWS, WIDTH, sweep, transpose

FAR = np.float32(1e38)  # three times it is still a float32
SMALL = 100_000_000  # products below which the plain kernel is as good, and nothing to compile


class Packed(NamedTuple):
    """Centres as the kernel reads them."""

    columns: Doubles  # (d, k) float64, as given
    origin: Floats  # (whole vectors of d,) float32, what is subtracted, zero past d
    negated: Floats  # (blocks, d, CENTERS) float32, less the origin
    halves: Floats  # (blocks, CENTERS) float32, half the squared norms


def worthwhile(products: int) -> bool:
    """Tell whether vectors are there and the work is worth compiling for.

    Parameters
    ----------
    products : int
        Rows times centres times features.

    Returns
    -------
    bool
        Either way the results are the same.
    """
    interpreted = config.DISABLE_JIT  # ty: ignore[missing-attribute]
    return AVAILABLE and not interpreted and products >= SMALL


def pack(centers: Floats) -> Packed:
    """Return centres in blocks, about an origin amid them: small numbers lose less to rounding.

    Parameters
    ----------
    centers : ndarray of shape (n_clusters, n_features)
        float32.

    Returns
    -------
    Packed
        Holes of the last block are too far for any row.
    """
    k, d = centers.shape
    blocks = -(-k // CENTERS)
    origin = np.zeros(-(-d // WIDTH) * WIDTH, dtype=np.float32)
    origin[:d] = np.median(centers, axis=0)  # a far centre does not move a median
    table = np.zeros((blocks * CENTERS, d), dtype=np.float32)
    table[:k] = centers - origin[:d]
    halves = np.full(len(table), FAR)
    with np.errstate(over="ignore"):  # an infinite value leaves the row to float64
        halves[:k] = 0.5 * np.square(table[:k], dtype=np.float64).sum(axis=1)
    negated = np.ascontiguousarray(-table.reshape(blocks, CENTERS, d).transpose(0, 2, 1))
    columns = np.ascontiguousarray(centers.T, dtype=np.float64)
    return Packed(columns, origin, negated, halves.reshape(blocks, CENTERS))


@njit(cache=True, nogil=True, error_model="numpy")
def nearest(rows: Floats, packed: Packed, labels: Labels) -> None:
    """Write to `labels` (m,) int32 the nearest of the packed centres for `rows` (m, d) float32."""
    n, d = rows.shape
    panel = np.empty((len(packed.origin), ROWS), dtype=np.float32)
    squares, best, second = np.empty((3, ROWS), dtype=np.float32)
    index = np.empty(ROWS, dtype=np.int32)
    wanted = np.empty(ROWS, dtype=np.int64)
    blocks = len(packed.halves)
    gaps = np.empty(packed.columns.shape[1])
    unit = rounding(d)
    for start in range(0, n, ROWS):
        for r in range(ROWS):
            wanted[r] = min(start + r, n - 1)
        fill(rows, wanted, packed.origin, panel)
        best[:] = FAR
        second[:] = FAR
        index[:] = 0
        sweep(  # ty: ignore[missing-argument]  # the compiler passes the first one
            panel, packed.negated, packed.halves, 0, blocks, squares, best, second, index
        )
        doubts = 0
        for r in range(ROWS):  # counted first: without a branch this fills vectors
            doubts += doubtful(best[r], second[r], squares[r], unit)
        real = min(ROWS, n - start)
        labels[start : start + real] = index[:real]
        if doubts > 0:
            for r in range(real):
                if doubtful(best[r], second[r], squares[r], unit):
                    labels[start + r] = kmeans.nearest_row(rows[start + r], packed.columns, gaps)


@njit(cache=True, nogil=True, error_model="numpy")
def fill(rows: Floats, wanted: NDArray[np.int64], origin: Floats, panel: Floats) -> None:
    """Write the `wanted` (ROWS,) of `rows`, less `origin`, to the lanes of `panel`."""
    n, d = rows.shape
    if wanted.max() * d + len(origin) <= n * d:  # whole vectors stay inside the array
        for lane in range(0, ROWS, WIDTH):
            transpose(rows, wanted, panel, lane, origin)  # ty: ignore[missing-argument]
        return
    for r in range(ROWS):
        row = rows[wanted[r]]
        for q in range(d):
            panel[q, r] = row[q] - origin[q]


@njit(cache=True, nogil=True, error_model="numpy")
def rounding(d: int) -> np.float32:
    """Return the relative error that d + 8 roundings cannot exceed (u = 2^-24 each, compounded)."""
    first_order = (d + 8) * 2.0**-24
    return np.float32(first_order / (1.0 - first_order) if first_order < 0.5 else np.inf)


@njit(cache=True, nogil=True, error_model="numpy")
def doubtful(best: np.float32, second: np.float32, square: np.float32, unit: np.float32) -> bool:
    """Tell whether rounding could have swapped the two best centres of a row.

    Let u = 2^-24, n = |x|, r the distance to the second best. Any centre c as near has norm at most
    n + r, and rounding changes its value |c|^2 / 2 - x.c by at most (d + 4) u (|c|^2 / 2 + n |c|),
    which is at most (d + 4) u (5 n^2 + 3 r^2) / 2: twice that for two centres. `unit` is
    `rounding(d)`, about (d + 8) u, which leaves room for the rounding of the bound itself; products
    below 1e-36 vanish. What is not a number, or infinite, counts as doubt.
    """
    return not (second - best > margin(second, square, unit))


@njit(cache=True, nogil=True, error_model="numpy")
def margin(second: np.float32, square: np.float32, unit: np.float32) -> np.float32:
    """Return by how much two values can be off together, the larger one of which is `second`."""
    reach = max(square + second + second, np.float32(0.0))
    return np.float32(5.0) * unit * square + np.float32(3.0) * unit * reach + np.float32(1e-36)
