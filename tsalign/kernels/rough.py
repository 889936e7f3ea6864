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
from tsalign.kernels.bytes import byte_sweep, first_bit, not_above, round_rows, sizes
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
    k, d = centers.shape
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
    scale = np.float32(np.abs(exact).max() / 127.0)
    whole = np.zeros((blocks * CENTERS, 4 * fours), dtype=np.int8)
    if np.isfinite(scale) and scale > 0:
        whole[:k, :kept] = np.clip(np.rint(exact / scale), -127, 127)
    rounded = whole[:k, :kept] * np.float64(scale)
    squares = np.square(rounded).sum(axis=1)
    halves = np.full(len(whole), np.inf, dtype=np.float32)
    halves[:k] = 0.5 * squares
    error, norm = np.sqrt(np.square(exact - rounded).sum(axis=1).max()), np.sqrt(squares.max())
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
        np.nextafter(np.float32(error), np.float32(np.inf)),
        np.nextafter(np.float32(norm), np.float32(np.inf)),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def nearest(rows: Floats, rounded: Rounded, labels: Labels) -> int:
    """Write to `labels` (m,) int32 the nearest centre for `rows` (m, d); return how many were left.

    The number is of pairs of a row and a centre that could not be ruled out.
    """
    n, d = rows.shape
    k = len(rounded.centers)
    panel = np.empty((len(rounded.origin), ROWS), dtype=np.float32)
    words = np.empty((rounded.bytes.shape[1], ROWS), dtype=np.int32)
    shares, scales, squares, errors, lowest, limits = np.empty((6, ROWS), dtype=np.float32)
    values = np.empty((rounded.halves.size, ROWS), dtype=np.float32)
    wanted, many = np.empty((2, ROWS), dtype=np.int64)
    left = np.empty((ROWS, FEW), dtype=np.int64)
    gaps, unit, one = np.empty(k), rounding(d), np.float32(1)
    total = 0
    for start in range(0, n, ROWS):
        for r in range(ROWS):
            wanted[r] = min(start + r, n - 1)
        fill(rows, wanted, rounded.origin, panel)
        panel[d : 4 * len(words)] = 0.0
        sizes(panel, words, scales)  # ty: ignore[missing-argument]
        for r in range(ROWS):
            scales[r] *= SHARE
            shares[r] = one / scales[r] if scales[r] > TINY else np.float32(0)
        round_rows(panel, words, shares, scales, squares, errors)  # ty: ignore[missing-argument]
        lowest[:] = np.inf
        for r in range(ROWS):
            scales[r] *= -rounded.scale
            errors[r] = farthest(squares[r], errors[r], unit)
        byte_sweep(  # ty: ignore[missing-argument]  # the compiler passes the first one
            words, rounded.bytes, rounded.starts, rounded.halves, scales, lowest, values
        )
        for r in range(ROWS):
            limits[r] = limit(
                squares[r], lowest[r], errors[r] + rounded.error, rounded.norm, unit
            )
        many[:] = 0
        for c in range(k):
            mask = not_above(values, c, limits)  # ty: ignore[missing-argument]
            while mask != 0:
                r = first_bit(mask)  # ty: ignore[missing-argument]
                mask &= mask - 1
                left[r, min(many[r], FEW - 1)] = c
                many[r] += 1
        for r in range(min(ROWS, n - start)):
            total += many[r]
            if many[r] == 1:
                labels[start + r] = left[r, 0]
            elif 1 < many[r] <= FEW:
                labels[start + r] = among(rows[start + r], rounded.centers, left[r, : many[r]])
            else:
                labels[start + r] = kmeans.nearest_row(rows[start + r], rounded.columns, gaps)
    return total


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
def among(row: Floats, centers: Floats, left: NDArray[np.int64]) -> int:
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
        if total < best:
            best, found = total, c
    return found
