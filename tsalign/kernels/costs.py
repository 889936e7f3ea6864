"""Sums from which the least-squares cost of any segment follows in O(channels)."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tsalign.kernels.vectors import WIDTH

ROWS = 1024
"""Samples taken at a time, channel by channel: they stay in the first-level cache."""


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _means(x, origin):
    """Return the mean of `x - origin` by channel, added up in any order."""
    n, d = x.shape
    means = np.zeros(d)
    for top in range(0, n, ROWS):
        rows = x[top : top + ROWS]
        for q in range(d):
            total, zero = 0.0, origin[q]
            for i in range(rows.shape[0]):
                total += rows[i, q] - zero
            means[q] += total
    return means / n


@njit(cache=True, error_model="numpy", fastmath={"contract"})
def _accumulate(x, origin, means, sums, squares):
    """Write the running sums of `x - origin - means`, and of the squares over all channels."""
    n, d = x.shape
    for top in range(0, n, ROWS):
        rows, square = x[top : top + ROWS], squares[top + 1 : top + 1 + ROWS]
        for q in range(d):
            total, zero, mean = sums[q, top], origin[q], means[q]
            row = sums[q, top + 1 : top + 1 + ROWS]
            for i in range(rows.shape[0]):
                off = rows[i, q] - zero - mean
                square[i] += off * off
                total += off
                row[i] = total
        total = squares[top]
        for i in range(rows.shape[0]):
            total += square[i]
            square[i] = total
    for q in range(d):
        sums[q, n + 1 :] = sums[q, n]
    squares[n + 1 :] = squares[n]


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _deviations(x, origin, means):
    """Return the squared deviation from the mean by channel."""
    n, d = x.shape
    out = np.zeros(d)
    for top in range(0, n, ROWS):
        rows = x[top : top + ROWS]
        for q in range(d):
            total, middle = 0.0, origin[q] + means[q]
            for i in range(rows.shape[0]):
                off = rows[i, q] - middle
                total += off * off
            out[q] += total
    return out


def squared_deviations(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the squared distance of each channel from its mean.

    Parameters
    ----------
    x : (n, d) float64
        Finite values.

    Returns
    -------
    (d,) float64
        In squared units of the signal; 0 for a constant channel.

    Examples
    --------
    >>> squared_deviations(np.array([[0.0, 1e8], [2.0, 1e8]])).tolist()
    [2.0, 0.0]
    """
    return _deviations(x, x[0], _means(x, x[0]))


@njit(cache=True, error_model="numpy")
def extent(x):
    """Return the largest range of a channel, halved so that nothing overflows.

    Parameters
    ----------
    x : (n, d) float64
        Finite values, or NaN, which does not count.
    """
    widest = 0.0
    for q in range(x.shape[1]):
        low, high = np.inf, -np.inf
        for i in range(x.shape[0]):
            value = x[i, q]
            low = value if value < low else low
            high = value if value > high else high
        widest = max(widest, high / 2 - low / 2)
    return widest


def running_sums(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return running sums of the centred series, and of its squared distance to the mean.

    With `S = sums[:, t] - sums[:, s]`, the cost of `x[s:t]` is `squares[t] - squares[s]` minus
    `|S|^2 / (t - s)`. Sums of an uncentred series would lose the digits that a large offset takes.

    Parameters
    ----------
    x : (n, d) float64
        Finite values.

    Returns
    -------
    sums : (d, n + 1 + WIDTH) float64
        `sums[:, t]` adds up the first `t` samples; the padding repeats the last sum.
    squares : (n + 1 + WIDTH,) float64
        `squares[t]` adds up the squares of the first `t` samples, all channels together.

    Examples
    --------
    >>> sums, squares = running_sums(np.array([[1.0], [2.0], [3.0]]))
    >>> sums[0, :4].tolist(), squares[:4].tolist()
    ([0.0, -1.0, -1.0, 0.0], [0.0, 1.0, 1.0, 2.0])
    """
    x = np.ascontiguousarray(x)
    n, d = x.shape
    sums, squares = np.zeros((d, n + 1 + WIDTH)), np.zeros(n + 1 + WIDTH)
    # Off goes the first sample, then the mean: what is constant becomes exactly zero.
    _accumulate(x, x[0], _means(x, x[0]), sums, squares)
    return sums, squares


def centred_sums(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Return running sums of the centred series, and its squared distance to the mean.

    Parameters
    ----------
    x : (n, d) float64
        Finite values.

    Returns
    -------
    sums : (d, n + 1 + WIDTH) float64
        As `running_sums` gives them.
    total : float
        Sum over samples of the squared distance to the mean.

    Examples
    --------
    >>> sums, total = centred_sums(np.array([[1.0], [2.0], [3.0]]))
    >>> sums[0, :4].tolist(), total
    ([0.0, -1.0, -1.0, 0.0], 2.0)
    """
    sums, squares = running_sums(x)
    return sums, float(squares[-1])
