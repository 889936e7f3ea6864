"""What segments cost where samples are missing in single channels.

Kernels as in `tsalign.kernels.segment_costs`. Each channel counts its own samples: the table has
the running sums of what is there, and how many there are. A channel without a sample in a segment
costs nothing there. That leaves each cost the least value of a sum of losses, over fewer of them.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tsalign.kernels.logarithm import logarithms


@njit(cache=True, error_model="numpy")
def least_squares_masked(table, constants, starts, stops, out):
    """Squared distance to the mean of the samples that are there, by channel.

    Parameters
    ----------
    table : (2 d + 1, n + 1) float64
        Running sums of the channels, 0 where a sample is missing; of the samples that are there;
        and of the squares of all channels together.
    constants : (0,) float64
        Not used.
    starts, stops : (m,) int64
        Bounds.
    out : (m,) float64
        Costs.
    """
    d = len(table) // 2
    for i in range(len(starts)):
        s, t = starts[i], stops[i]
        square = 0.0
        for q in range(d):
            off, there = table[q, t] - table[q, s], table[d + q, t] - table[d + q, s]
            if there > 0.0:
                square += off * off / there
        out[i] = max(0.0, table[2 * d, t] - table[2 * d, s] - square)


@njit(cache=True, error_model="numpy")
def normal_masked(table, constants, starts, stops, out):
    """Twice the negative log-likelihood of a normal law of the samples that are there, by channel.

    As `tsalign.kernels.segment_costs.normal`, with the length, mean and variance of each channel
    from its own samples.

    Parameters
    ----------
    table : (3 d, n + 1) float64
        Running sums of the channels, scaled so that the floor of the variance is 1 and 0 where a
        sample is missing; of the samples that are there; and of the squares.
    constants : (d,) float64
        Weights.
    starts, stops : (m,) int64
        Bounds.
    out : (m,) float64
        Costs.
    """
    d, m = len(constants), len(starts)
    scratch = np.empty((3, m))
    counts, above, below = scratch[0], scratch[1], scratch[2]
    out[:m] = 0.0
    for q in range(d):
        for i in range(m):
            s, t = starts[i], stops[i]
            counts[i] = table[d + q, t] - table[d + q, s]
            inverse = 1.0 / max(1.0, counts[i])
            total = table[q, t] - table[q, s]
            square = table[2 * d + q, t] - table[2 * d + q, s]
            variance = (square - total * total * inverse) * inverse
            above[i] = max(variance, 1.0)
            below[i] = min(max(variance, 0.0), 1.0) - 1.0
        logarithms(above)
        for i in range(m):
            out[i] += constants[q] * counts[i] * (above[i] + below[i])
