"""Nearest centres by way of bytes: rounded rows and centres rule most centres out, exactly.

Rows and centres, less an origin, are rounded to whole multiples of a scale, one a row and one for
all centres, so that products are of bytes and their sums whole numbers. The rest is the triangle
inequality: let e be the sum of how far a row and the centres lie from what they were rounded to; a
distance lies within e of that of the rounded points. What is left is decided in float64.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tsalign.kernels import kmeans
from tsalign.kernels.bytes import byte_sweep, first_bit, round_rows, sizes, tally
from tsalign.kernels.kmeans import Doubles, Floats, Labels, squared_distance
from tsalign.kernels.lanes import fill, rounding
from tsalign.kernels.simd import CENTERS, ROWS, WIDTH

Words = NDArray[np.int32]

FEW = 24  # centres that may be left of a row before all are looked at
HALF_UNIT = np.float32(2.0**-24)
LARGE = np.float32(1e36)
SHARE = np.float32(1 / 127)
TINY = np.float32(1e-30)  # smaller scales have no inverse: such a row becomes zero, its error all


class Rounded(NamedTuple):
    """Centres as the kernel reads them."""

    centers: Floats  # (k, d), as given
    columns: Doubles  # (d, k) float64, as given
    origin: Floats  # (whole vectors of d,) float32, what is subtracted, zero past d
    bytes: Words  # (blocks, fours, CENTERS) int32, four signed bytes each
    starts: Words  # (blocks, CENTERS) int32, what undoes the 128 added to rows
    halves: Floats  # (blocks, CENTERS) float32, half the squared norms of the rounded centres
    scale: np.float32
    error: np.float32  # no centre is farther from what it was rounded to
    norm: np.float32  # no rounded centre has a larger one


def pack(centers: Floats, columns: bool = True) -> Rounded:
    """Return centres rounded to bytes about an origin amid them.

    Parameters
    ----------
    centers : ndarray of shape (n_clusters, n_features)
        float32.
    columns : bool
        Whether rows may have to be decided among all centres.

    Returns
    -------
    Rounded
        Holes of the last block are too far for any row.
    """
    d = centers.shape[1]
    origin = np.zeros(-(-d // WIDTH) * WIDTH, dtype=np.float32)
    origin[:d] = np.median(centers, axis=0)
    wide = np.ascontiguousarray(centers.T if columns else centers[:0].T, dtype=np.float64)
    return round_centers(centers, origin, np.arange(d), wide)


def round_centers(
    centers: Floats, origin: Floats, order: NDArray[np.intp], columns: Doubles
) -> Rounded:
    """Return centres rounded to bytes, in the dimensions given alone.

    Parameters
    ----------
    centers : ndarray of shape (n_clusters, n_features)
        float32.
    origin : ndarray
        float32, what is subtracted, zeros up to whole vectors.
    order : ndarray of shape (n_kept,)
        Which dimensions.
    columns : ndarray of shape (n_features, n_clusters)
        float64, the centres; or without any where they are not wanted.

    Returns
    -------
    Rounded
        As the kernel reads them.
    """
    k, kept = len(centers), len(order)
    blocks, fours = -(-k // CENTERS), -(-kept // 4)
    exact = centers[:, order].astype(np.float64) - origin[order]
    whole = np.zeros((blocks * CENTERS, 4 * fours), dtype=np.int8)
    halves = np.full(len(whole), np.inf, dtype=np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # what is infinite rules nothing out
        scale = np.float32(np.abs(exact).max() / 127.0)
        if np.isfinite(scale) and scale > 0:
            whole[:k, :kept] = np.clip(np.rint(exact / scale), -127, 127)
        rounded = whole[:k, :kept] * np.float64(scale)
        squares = np.square(rounded).sum(axis=1)
        halves[:k] = 0.5 * squares
        error = np.float32(np.sqrt(np.square(exact - rounded).sum(axis=1).max()))
        norm = np.float32(np.sqrt(squares.max()))
    words = whole.reshape(blocks, CENTERS, fours, 4).transpose(0, 2, 1, 3)
    starts = -128 * whole.astype(np.int32).sum(axis=1, dtype=np.int32)
    return Rounded(
        centers,
        columns,
        origin,
        np.ascontiguousarray(words).view(np.int32)[..., 0],
        starts.reshape(blocks, CENTERS),
        halves.reshape(blocks, CENTERS),
        scale,
        np.nextafter(error, np.float32(np.inf)),
        np.nextafter(norm, np.float32(np.inf)),
    )


class Work(NamedTuple):
    """What a panel of rows needs and leaves behind."""

    panel: Floats  # (whole vectors of d, ROWS)
    words: Words  # (fours, ROWS)
    shares: Floats  # (ROWS,), and so are the next ones
    scales: Floats
    squares: Floats  # squared norms of the rounded rows
    apart: Floats  # how much distances of rounded points can be off
    lowest: Floats
    limits: Floats
    values: Floats  # (slots, ROWS), as in `bytes.byte_sweep`
    masks: NDArray[np.int64]  # (k,), the rows that a centre was left of, bit by bit
    left: Words  # (ROWS, FEW), centres that could not be ruled out
    many: Words  # (ROWS,), how many these are; some may have found no place
    last: Words  # (ROWS,), the last of them
    wanted: NDArray[np.int64]  # (ROWS,), the rows of the panel


@njit(cache=True, nogil=True, error_model="numpy")
def room(rounded: Rounded) -> Work:
    """Return work space for these centres."""
    lines = np.empty((6, ROWS), dtype=np.float32)
    return Work(
        np.empty((len(rounded.origin), ROWS), dtype=np.float32),
        np.empty((rounded.bytes.shape[1], ROWS), dtype=np.int32),
        lines[0],
        lines[1],
        lines[2],
        lines[3],
        lines[4],
        lines[5],
        np.empty((rounded.halves.size, ROWS), dtype=np.float32),
        np.empty(len(rounded.centers), dtype=np.int64),
        np.empty((ROWS, FEW), dtype=np.int32),
        np.empty(ROWS, dtype=np.int32),
        np.empty(ROWS, dtype=np.int32),
        np.empty(ROWS, dtype=np.int64),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def nearest(rows: Floats, rounded: Rounded, labels: Labels) -> int:
    """Write to `labels` (m,) int32 the nearest centre for `rows` (m, d); return how many were left.

    The number is of pairs of a row and a centre that could not be ruled out.
    """
    work, gaps, total = room(rounded), np.empty(len(rounded.centers)), 0
    centers, columns, left, many = rounded.centers, rounded.columns, work.left, work.many
    for start in range(0, len(rows), ROWS):
        rule_out(rows, start, rounded, work)
        for r in range(min(ROWS, len(rows) - start)):
            total += many[r]
            if many[r] == 1:  # by far the most; no call, which would count references
                labels[start + r] = left[r, 0]
            else:
                row, listed = rows[start + r], left[r, : min(many[r], FEW)]
                labels[start + r] = decide(row, centers, columns, listed, many[r], gaps)
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def rule_out(rows: Floats, start: int, rounded: Rounded, work: Work) -> None:
    """Leave in `work` what there is to say of `rows[start : start + ROWS]` by bytes."""
    n, d = rows.shape
    panel, words, values, unit = work.panel, work.words, work.values, rounding(d)
    shares, scales, squares, apart = work.shares, work.scales, work.squares, work.apart
    lowest, limits, wanted = work.lowest, work.limits, work.wanted
    for r in range(ROWS):
        wanted[r] = min(start + r, n - 1)
    fill(rows, wanted, rounded.origin, panel)
    panel[d : 4 * len(words)] = 0.0
    sizes(panel, words, scales)  # ty: ignore[missing-argument]  # the compiler passes one more
    for r in range(ROWS):
        scales[r] *= SHARE
        shares[r] = np.float32(1) / scales[r] if scales[r] > TINY else np.float32(0)
    round_rows(panel, words, shares, scales, squares, apart)
    step, error, norm = rounded.scale, rounded.error, rounded.norm
    for r in range(ROWS):
        scales[r] *= -step
        lowest[r] = np.inf
        apart[r] = farthest(squares[r], apart[r], unit) + error
    byte_sweep(words, rounded.bytes, rounded.starts, rounded.halves, scales, lowest, values)
    for r in range(ROWS):
        limits[r] = limit(squares[r], lowest[r], apart[r], norm, unit)
    tally(values, len(work.masks), limits, work.many, work.last, work.masks)
    spell(work.masks, work.many, work.last, work.left)


@njit(cache=True, nogil=True, error_model="numpy")
def spell(masks: NDArray[np.int64], many: Words, last: Words, left: Words) -> None:
    """Write to `left` (ROWS, FEW) the centres of each row, in order, as many as there is place for.

    `masks` (k,), `many` and `last` (ROWS,) are those of `bytes.tally`.
    """
    several = 0
    for r in range(ROWS):
        left[r, 0] = last[r]
        if many[r] != 1:
            several |= 1 << r
            many[r] = 0
    for c in range(len(masks) if several != 0 else 0):
        mask = masks[c] & several
        while mask != 0:
            r = first_bit(mask)  # ty: ignore[missing-argument]
            mask &= mask - 1
            left[r, min(many[r], FEW - 1)] = c
            many[r] += 1


@njit(cache=True, nogil=True, error_model="numpy")
def decide(
    row: Floats,
    centers: Floats,
    columns: Doubles,
    left: Words,
    many: int,
    gaps: Doubles,
) -> int:
    """Return the nearest of the centres `left` of a row, or of all where these are not complete."""
    if 0 < many <= FEW:
        return among(row, centers, left)
    return kmeans.nearest_row(row, columns, gaps)


@njit(cache=True, nogil=True, error_model="numpy")
def limit(
    square: np.float32, lowest: np.float32, apart: np.float32, norm: np.float32, unit: np.float32
) -> np.float32:
    """Return the value above which a centre is not the nearest one of a row.

    Let r be the least distance of the rounded points and e = `apart`: the nearest centre is at most
    r + e away; one whose rounded distance is above r + 2 e is farther. A value is half of (the
    squared rounded distance less `square`), so r^2 = `square` + 2 `lowest` and the limit lies
    2 e (r + e) above `lowest`. See `blur` for what rounding does to values and to r.
    """
    two, wide = np.float32(2), blur(square, norm, unit)
    reach = np.sqrt(max(square + two * lowest, np.float32(0)) + two * wide)
    apart *= np.float32(1 + 2.0**-20)
    value = lowest + two * apart * (reach + apart) + two * wide
    return value if wide < LARGE else np.float32(np.inf)


@njit(cache=True, nogil=True, error_model="numpy")
def least(
    square: np.float32, value: np.float32, apart: np.float32, norm: np.float32, unit: np.float32
) -> np.float32:
    """Return a distance that no centre of this value or more can fall below."""
    two, wide = np.float32(2), blur(square, norm, unit)
    reach = np.sqrt(max(square + two * value - two * wide, np.float32(0)))
    bound = reach * np.float32(1 - 2.0**-20) - apart * np.float32(1 + 2.0**-20)
    return bound if wide < LARGE and bound > 0 else np.float32(0)


@njit(cache=True, nogil=True, error_model="numpy")
def blur(square: np.float32, norm: np.float32, unit: np.float32) -> np.float32:
    """Return how far a value, or half of `square`, can be off in float32.

    Let n and m be the norms of the rounded points. Sums of bytes are whole, so a value is off by
    the roundings of half a square, of two scales' product, of the sum as a float32 and of its
    product with the scales: 4 u (m^2 / 2 + n m) at most, u = 2^-24. `square` is off by (d + 2) u of
    itself. `unit` is above (d + 8) u, so `unit` (n + m)^2 exceeds both, with room for the roundings
    of what is computed from it. Products below 1e-36 vanish.
    """
    size = np.sqrt(square) + norm
    return unit * size * size + np.float32(1e-36)


@njit(cache=True, nogil=True, error_model="numpy")
def farthest(square: np.float32, error: np.float32, unit: np.float32) -> np.float32:
    """Return how far a row lies from what it was rounded to, at most, given the squares computed.

    With u = 2^-24, each product of whole number and scale is off by u of itself, the origin's
    subtraction by u of the row, of norm n + e at most, and sums by `unit` of themselves.
    """
    own = np.sqrt(error) * (np.float32(1) + unit)
    return own + np.float32(4) * HALF_UNIT * (np.sqrt(square) + own)


@njit(cache=True, nogil=True, error_model="numpy")
def among(row: Floats, centers: Floats, left: Words) -> int:
    """Return which of the centres `left` (m,) is the nearest one, as `kmeans.nearest_row` would."""
    best, second, found = np.inf, np.inf, left[0]
    for c in left:
        gap = squared_distance(row, centers[c])
        if gap < best:
            best, second, found = gap, best, c
        else:
            second = min(second, gap)
    if second - best > (8.0 + 4.0 * len(row)) * 2.0**-53 * second:
        return found
    best = np.inf
    for c in left:
        total = 0.0
        for q in range(len(row)):
            gap = np.float64(row[q]) - np.float64(centers[c, q])
            total += gap * gap
        if total < best or (total == best and c < found):
            best, found = total, c
    return found
