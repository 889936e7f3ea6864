"""The best partition into each number of segments, by dynamic programming."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def partitions(sums, n, most, min_size):
    """Return the values and the last changes of the best partitions into 1 .. `most` segments.

    `sums` is `(d, > n)`, see `tsalign.kernels.costs`. With `F_k(t)` the least sum of squares of
    the first `t` samples in `k` segments, less the sum of all their squares,

        F_k(t) = min over s of F_{k-1}(s) - |sum(x[s:t])|^2 / (t - s),    s <= t - min_size.

    The last term is computed once for all `k`: O(n^2 (d + most)) time, O(n most) memory. Returns
    `values (most + 1, n + 1)`, infinite where nothing fits, and `last (most + 1, n + 1)`.
    """
    values = np.full((most + 1, n + 1), np.inf)
    last = np.zeros((most + 1, n + 1), np.int32)
    values[0, 0] = 0.0
    lanes = np.empty(n + 1)
    for t in range(min_size, n + 1):
        count = t - min_size + 1
        lanes[:count] = 0.0
        for q in range(sums.shape[0]):
            total, row = sums[q, t], sums[q, :count]
            for s in range(count):
                off = total - row[s]
                lanes[s] += off * off
        for s in range(count):
            lanes[s] /= s - t  # negative
        values[1, t] = lanes[0]
        for k in range(2, min(most, t // min_size) + 1):
            row, first = values[k - 1, :count], (k - 1) * min_size
            best = np.inf
            for s in range(first, count):
                best = min(best, row[s] + lanes[s])
            s = first
            while row[s] + lanes[s] > best:
                s += 1
            values[k, t], last[k, t] = best, s
    return values, last
