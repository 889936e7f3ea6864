"""What changes save, at the places found and beside them."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, error_model="numpy")
def segment_means(x: NDArray[np.float64], ends: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean of each segment, taken around its first sample lest digits be lost.

    Parameters
    ----------
    x : (n, d) float64
        Finite values.
    ends : (k,) int64
        Where the segments end.

    Returns
    -------
    (k, d) float64
        One row a segment.
    """
    means, start = np.zeros((len(ends), x.shape[1])), 0
    for i, end in enumerate(ends):
        for t in range(start, end):
            for q in range(x.shape[1]):
                means[i, q] += x[t, q] - x[start, q]
        for q in range(x.shape[1]):
            means[i, q] = x[start, q] + means[i, q] / (end - start)
        start = end
    return means


@njit(cache=True, error_model="numpy")
def level_gains(
    x: NDArray[np.float64],
    weights: NDArray[np.float64],
    edges: NDArray[np.int64],
    means: NDArray[np.float64],
    which: NDArray[np.int64],
    reach: int,
    min_size: int,
) -> NDArray[np.float64]:
    """Return what one change of level saves against none, between the neighbours of a change.

    Parameters
    ----------
    x : (n, d) float64
        Finite values.
    weights : (d,) float64
        How much each channel counts.
    edges : (k + 1,) int64
        0 and where the segments end.
    means : (k, d) float64
        As `segment_means` gives them.
    which : (m,) int64
        The changes asked for: 1 to `k - 1`, as they are numbered in `edges`.
    reach : int
        How far beside a change others are looked at.
    min_size : int
        Shortest segment.

    Returns
    -------
    (m, 2 reach + 1) float64
        Savings in squared distances; minus infinity where a change may not be.
    """
    out = np.full((len(which), 2 * reach + 1), -np.inf)
    middle, total = np.empty(x.shape[1]), np.empty(x.shape[1])
    for row, i in enumerate(which):
        start, place, stop = edges[i - 1], edges[i], edges[i + 1]
        share = (place - start) / (stop - start)
        for way in (-1, 1):
            for q in range(x.shape[1]):  # the sum of what precedes, around the mean of both
                middle[q] = share * means[i - 1, q] + (1.0 - share) * means[i, q]
                total[q] = (place - start) * (means[i - 1, q] - middle[q])
            s = place
            while start < s < stop and abs(s - place) <= reach:
                if start + min_size <= s <= stop - min_size:
                    both = np.float64(s - start) * np.float64(stop - s)
                    gain = _square(total, weights) * ((stop - start) / both)
                    out[row, reach + s - place] = gain
                passed = s if way > 0 else s - 1
                for q in range(x.shape[1]):
                    total[q] += way * (x[passed, q] - middle[q])
                s += way
    return out


@njit(cache=True, inline="always")
def _square(values, weights):
    total = 0.0
    for q in range(len(values)):
        total += weights[q] * values[q] * values[q]
    return total
