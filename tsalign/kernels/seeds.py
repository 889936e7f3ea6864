"""Greedy k-means++: what each candidate would gain, exactly, most rows ruled out in float32."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tsalign.kernels import rough
from tsalign.kernels.bytes import byte_sweep, first_bit, not_above, round_rows, sizes
from tsalign.kernels.kmeans import Doubles, Floats, squared_distance
from tsalign.kernels.lanes import FAR, Packed, fill, rounding
from tsalign.kernels.rough import Rounded, Words
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


class Sketch(NamedTuple):
    """Rows rounded to bytes, panel by panel, in some of their dimensions."""

    words: Words  # (panels, fours, ROWS) int32
    squares: Floats  # (panels, ROWS) float32, squared norms
    scales: Floats  # (panels,) float32, that of each panel's rows
    errors: Floats  # (panels,) float32, no row is farther from what it was rounded to


@njit(cache=True, nogil=True, error_model="numpy")
def draft(rows: Floats, origin: Floats, order: NDArray[np.int64], sketch: Sketch) -> None:
    """Fill the `sketch` of `rows` (m, d), less `origin`, in the dimensions `order` (kept,)."""
    n = len(rows)
    panel = np.empty((len(origin), ROWS), dtype=np.float32)
    kept = np.zeros((4 * sketch.words.shape[1], ROWS), dtype=np.float32)
    shares, scales, errors = np.empty((3, ROWS), dtype=np.float32)
    wanted = np.empty(ROWS, dtype=np.int64)
    unit = rounding(len(order))
    for p in range(len(sketch.words)):
        for r in range(ROWS):
            wanted[r] = min(p * ROWS + r, n - 1)
        fill(rows, wanted, origin, panel)
        for j in range(len(order)):
            kept[j] = panel[order[j]]
        words, squares = sketch.words[p], sketch.squares[p]
        sizes(kept, words, scales)  # ty: ignore[missing-argument]  # the compiler passes it
        scale = scales.max() * rough.SHARE
        scales[:] = scale
        shares[:] = np.float32(1) / scale if scale > rough.TINY else np.float32(0)
        round_rows(kept, words, shares, scales, squares, errors)
        sketch.scales[p], sketch.errors[p] = scale, 0.0
        for r in range(ROWS):
            error = rough.farthest(squares[r], errors[r], unit)
            sketch.errors[p] = max(sketch.errors[p], error)


@njit(cache=True, nogil=True, error_model="numpy")
def rough_gains(
    rows: Floats,
    weights: Doubles,
    candidates: Floats,
    sketch: Sketch,
    rounded: Rounded,
    closest: Doubles,
    marks: NDArray[np.uint8],
    out: Doubles,
) -> None:
    """Do as `gains` does, to the same bits: `rounded` holds the candidates as the sketch's rows."""
    n = len(rows)
    factors, lowest, limits = np.empty((3, ROWS), dtype=np.float32)
    values = np.empty((rounded.halves.size, ROWS), dtype=np.float32)
    masks = np.empty(len(candidates), dtype=np.int64)
    unit = rounding(4 * sketch.words.shape[1])
    reach = np.zeros(ROWS, dtype=np.float32)
    for p in range(len(sketch.words)):
        start = p * ROWS
        real = min(ROWS, n - start)
        reach[:real] = closest[start : start + real]
        apart = sketch.errors[p] + rounded.error
        factors[:] = -sketch.scales[p] * rounded.scale
        lowest[:] = np.inf
        byte_sweep(  # ty: ignore[missing-argument]  # the compiler passes the first one
            sketch.words[p], rounded.bytes, rounded.starts, rounded.halves, factors, lowest, values
        )
        for r in range(ROWS):
            limits[r] = rough_limit(sketch.squares[p, r], reach[r], apart, rounded.norm, unit)
        near = 0
        for t in range(len(candidates)):
            masks[t] = not_above(values, t, limits)
            near |= masks[t]
        marks[start : start + real] = NONE
        while near != 0:
            r = first_bit(near)
            near &= near - 1
            i = start + r
            if r >= real:
                continue
            weight, found = weights[i] if len(weights) > 0 else 1.0, NONE
            for t in range(len(candidates)):
                if (masks[t] >> r) & 1:
                    gap = squared_distance(rows[i], candidates[t])
                    if gap < closest[i]:
                        out[t] += weight * (closest[i] - gap)
                        found = t + 1 if found == NONE else ANY
            marks[i] = found


@njit(cache=True, nogil=True, error_model="numpy")
def rough_limit(
    square: np.float32, closest: np.float32, apart: np.float32, norm: np.float32, unit: np.float32
) -> np.float32:
    """Return the value above which a centre is no nearer than `closest`, a squared distance.

    With e = `apart`, a centre whose rounded distance is above sqrt(closest) + e is farther, and
    dimensions left out only add to distances. Values are those of `rough.limit`, as far off as
    `rough.blur` says.
    """
    two, wide = np.float32(2), rough.blur(square, norm, unit)
    reach = np.sqrt(closest) * np.float32(1 + 2.0**-20) + apart * np.float32(1 + 2.0**-20)
    value = (reach * reach - square) / two + two * wide
    return value if max(wide, closest) < rough.LARGE else np.float32(np.inf)


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
