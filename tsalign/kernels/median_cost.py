"""Absolute distance to the median of any segment, in a number of steps that grows like log n.

A wavelet matrix holds the samples sorted by one bit of their rank after the other, highest first.
Going down it, the samples of a segment whose next bit is 0 are those below the others: how many
they are and what they add up to is read off running sums, so the half of the segment below its
median is found and summed without looking at a sample.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


def wavelet_matrix(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the table for `absolute_deviation`.

    Parameters
    ----------
    x : (n, d) float64
        Finite values.

    Returns
    -------
    (d (2 b + 1), n + 1) float64
        With `b` bits in a rank, each channel has `b` rows that count zeros, then `b + 1` rows of
        running sums: of the samples in their own order, and sorted by the first bits.
    """
    n, d = x.shape
    bits = max(1, (n - 1).bit_length())
    table = np.zeros((d, 2 * bits + 1, n + 1))
    for q in range(d):
        ranks = np.empty(n, np.int64)
        ranks[np.argsort(x[:, q], kind="stable")] = np.arange(n)
        values = x[:, q]
        for level in range(bits):
            high = (ranks >> (bits - 1 - level)) & 1
            np.cumsum(1 - high, out=table[q, level, 1:])
            np.cumsum(values, out=table[q, bits + level, 1:])
            order = np.argsort(high, kind="stable")
            ranks, values = ranks[order], values[order]
        np.cumsum(values, out=table[q, 2 * bits, 1:])
    return table.reshape(-1, n + 1)


@njit(cache=True, error_model="numpy")
def absolute_deviation(table, constants, starts, stops, out):
    """Absolute distance to the median of each channel.

    Parameters
    ----------
    table : (d (2 b + 1), n + 1) float64
        As `wavelet_matrix` gives it.
    constants : (1,) float64
        The number of bits `b`.
    starts, stops : (m,) int64
        Bounds.
    out : (m,) float64
        Costs.
    """
    bits = np.int64(constants[0])
    rows, n = 2 * bits + 1, table.shape[1] - 1
    for i in range(len(starts)):
        cost = 0.0
        for top in range(0, len(table), rows):
            s, t = starts[i], stops[i]
            whole = table[top + bits, t] - table[top + bits, s]
            odd = (t - s) % 2
            rank, below = (t - s) // 2, 0.0  # the median is what has that many below
            for row in range(top, top + bits):
                s0, t0 = np.int64(table[row, s]), np.int64(table[row, t])
                if rank < t0 - s0:
                    s, t = s0, t0
                else:
                    sums = table[row + bits + 1]
                    rank -= t0 - s0
                    below += sums[t0] - sums[s0]
                    zeros = np.int64(table[row, n])
                    s, t = zeros + s - s0, zeros + t - t0
            last = table[top + 2 * bits]
            cost += whole - 2.0 * below - odd * (last[t] - last[s])
        out[i] = max(0.0, cost)
