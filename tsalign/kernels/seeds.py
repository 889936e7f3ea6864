"""Greedy k-means++: what each candidate would gain, exactly, most rows ruled out in float32."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tsalign.kernels.kmeans import Doubles, Floats, squared_distance
from tsalign.kernels.lanes import FAR, Packed, fill, rounding
from tsalign.kernels.simd import ROWS, sweep

NONE, ANY = 0, 255  # marks of a row: no candidate is nearer; several may be. Else: number + 1
LARGE = np.float32(1e37)


@njit(cache=True, nogil=True, error_model="numpy")
def gains(
    rows: Floats,
    weights: Doubles,
    candidates: Floats,
    closest: Doubles,
    marks: NDArray[np.uint8],
    out: Doubles,
) -> None:
    """Add to `out` (t,) by how much each candidate would lower the weighted sum of `closest`.

    `rows` (m, d) and `candidates` (t, d) float32; `weights` (m,) float64, or empty for ones;
    `closest` (m,) float64 squared distances to the nearest centre so far; `marks` (m,) receives
    which candidates may be nearer.
    """
    for i in range(len(rows)):
        weight = weights[i] if len(weights) > 0 else 1.0
        marks[i] = mark(rows[i], weight, candidates, closest[i], out)


@njit(cache=True, nogil=True, error_model="numpy")
def mark(row: Floats, weight: float, candidates: Floats, closest: float, out: Doubles) -> int:
    """Account for one row; return its mark."""
    found = NONE
    for t in range(len(candidates)):
        gap = squared_distance(row, candidates[t])
        if gap < closest:
            out[t] += weight * (closest - gap)
            found = t + 1 if found == NONE else ANY
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def swept_gains(
    rows: Floats,
    weights: Doubles,
    candidates: Floats,
    packed: Packed,
    closest: Doubles,
    marks: NDArray[np.uint8],
    out: Doubles,
) -> None:
    """Do as `gains` does, to the same bits: `packed` holds the candidates for the sweep."""
    n, d = rows.shape
    panel = np.empty((len(packed.origin), ROWS), dtype=np.float32)
    squares, best, second = np.empty((3, ROWS), dtype=np.float32)
    limits = np.zeros(ROWS, dtype=np.float32)
    index = np.empty(ROWS, dtype=np.int32)
    wanted = np.empty(ROWS, dtype=np.int64)
    blocks, unit = len(packed.halves), rounding(d)
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
        real = min(ROWS, n - start)
        limits[:real] = closest[start : start + real]
        nearer = 0
        for r in range(ROWS):  # without a branch this fills vectors
            limits[r] = limit(squares[r], limits[r], unit)
            nearer += not best[r] >= limits[r]
        marks[start : start + real] = NONE
        if nearer == 0:
            continue
        for i in range(start, start + real):
            r = i - start
            if best[r] >= limits[r]:
                continue
            weight = weights[i] if len(weights) > 0 else 1.0
            if not second[r] >= limits[r]:
                marks[i] = mark(rows[i], weight, candidates, closest[i], out)
                continue
            gap = squared_distance(rows[i], candidates[index[r]])
            if gap < closest[i]:
                out[index[r]] += weight * (closest[i] - gap)
                marks[i] = index[r] + 1


@njit(cache=True, nogil=True, error_model="numpy")
def limit(square: np.float32, closest: np.float32, unit: np.float32) -> np.float32:
    """Return the value from which on a centre is no nearer than `closest`.

    From `bounds`: r^2 >= (b - 8 g n^2 - 1e-36) / (1 + 2 g), b = n^2 + 2 value. More of both cover
    the roundings here; above 1e37 nothing is ruled out.
    """
    safe = closest + np.float32(4.0) * unit * closest + np.float32(10.0) * unit * square
    value = np.float32(0.5) * (safe + np.float32(2e-36) - square)
    return value if max(square, closest) < LARGE else np.float32(np.inf)


@njit(cache=True, nogil=True, error_model="numpy")
def approach(
    rows: Floats, center: Floats, wanted: int, marks: NDArray[np.uint8], closest: Doubles
) -> None:
    """Lower `closest` (m,) to the squared distances of `rows` (m, d) to `center` (d,).

    Only rows whose mark is `wanted` or `ANY` are looked at.
    """
    for i in range(len(rows)):
        if marks[i] == wanted or marks[i] == ANY:
            closest[i] = min(closest[i], squared_distance(rows[i], center))
