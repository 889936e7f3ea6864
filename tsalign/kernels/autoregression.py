"""Squared error of the best autoregression of any segment, from running sums of products."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


def lagged(x: NDArray[np.float64], order: int) -> NDArray[np.float64]:
    """Return the rows `(1, x[t-1], ..., x[t-order], x[t])`, zero where the past is not known.

    Parameters
    ----------
    x : (n,) float64
        One channel.
    order : int
        How far back it looks, at least 1.

    Returns
    -------
    (n, order + 2) float64
        The first `order` rows are zero.
    """
    rows = np.zeros((len(x), order + 2))
    rows[order:, 0] = 1.0
    for lag in range(1, order + 1):
        rows[order:, lag] = x[order - lag : len(x) - lag]
    rows[order:, order + 1] = x[order:]
    return rows


def products(x: NDArray[np.float64], order: int) -> NDArray[np.float64]:
    """Return running sums of the products of the columns of `lagged`.

    Parameters
    ----------
    x : (n, d) float64
        Finite values, centred.
    order : int
        At least 1.

    Returns
    -------
    (d p (p + 1) / 2, n + 1) float64
        With `p = order + 2`; the lower triangle row by row, one channel after the other.
    """
    n, d = x.shape
    pairs = [(a, b) for a in range(order + 2) for b in range(a + 1)]
    table = np.zeros((d, len(pairs), n + 1))
    for q in range(d):
        rows = lagged(x[:, q], order)
        for i, (a, b) in enumerate(pairs):
            np.cumsum(rows[:, a] * rows[:, b], out=table[q, i, 1:])
    return table.reshape(-1, n + 1)


@njit(cache=True, error_model="numpy")
def prediction_error(table, constants, starts, stops, out):
    """Squared error of predicting each sample from those before it, summed over channels.

    The samples before a segment serve its first predictions; the first ones of the series are
    predicted by nobody and cost nothing. What hardly differs from the regressors before it is left
    out, so a constant segment costs 0.

    Parameters
    ----------
    table : (rows, n + 1) float64
        As `products` gives it.
    constants : (1 + d,) float64
        The order, then how small a remainder of a channel counts as rounding.
    starts, stops : (m,) int64
        Bounds.
    out : (m,) float64
        Costs.
    """
    p = np.int64(constants[0]) + 2
    rows = p * (p + 1) // 2
    a = np.empty((p, p))
    for i in range(len(starts)):
        s, t = starts[i], stops[i]
        out[i] = 0.0
        for q in range(len(constants) - 1):
            row = q * rows
            for j in range(p):
                for k in range(j + 1):
                    a[j, k] = table[row, t] - table[row, s]
                    row += 1
            out[i] += _remainder(a, constants[1 + q])


@njit(cache=True, error_model="numpy")
def _remainder(a, least):
    """Eliminate all but the last column of a Gram matrix (lower triangle); return what is left."""
    p = len(a)
    for j in range(p - 1):
        pivot = a[j, j]
        if pivot <= least:
            continue
        for k in range(j + 1, p):
            factor = a[k, j] / pivot
            for m in range(k, p):
                a[m, k] -= factor * a[m, j]
    return max(0.0, a[p - 1, p - 1])
