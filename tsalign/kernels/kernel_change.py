"""Exact optimal partitioning under a Gaussian kernel, in memory linear in the number of samples.

A segment costs the squared distance of its samples to their mean in the feature space of
`k(a, b) = exp(-|a - b|^2)`: `C(s, t) = (t - s) - W_s / (t - s)`, `W_s` the sum of `k` over all
pairs in `[s, t)`. When sample `j` arrives, `W_s` grows by `k(j, j) + 2 sum(k(j, i), s <= i < j)`,
so one column of the Gram matrix at a time is enough, back to the oldest start that may still win.
Starts are pruned as in `tsalign.kernels.pelt` ("outlived"), delayed by the shortest segment.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, error_model="numpy")
def _column(x, first, j, out):
    """Put `k(j, i)` into `out[i]` for `first <= i < j`."""
    d = x.shape[1]
    for i in range(first, j):
        square = 0.0
        for q in range(d):
            off = x[i, q] - x[j, q]
            square += off * off
        out[i] = np.exp(-square)


@njit(cache=True, error_model="numpy")
def _extend(column, live, j, pairs):
    """Add sample `j` to the pair sums of all live starts, which ascend."""
    below, end = 0.0, j
    for p in range(len(live) - 1, -1, -1):
        s = live[p]
        for i in range(s, end):
            below += column[i]
        end = s
        pairs[s] += 2.0 * below + 1.0


@njit(cache=True, error_model="numpy")
def partition(x, penalty, min_size, slack):
    """Solve the recursion of `tsalign.kernels.pelt`.

    Parameters
    ----------
    x : (n, d) float64
        Samples, scaled by the root of the kernel's `gamma`.
    penalty : float
        Cost of a segment, at least 0.
    min_size : int
        Shortest segment in samples, at least 1.
    slack : float
        More than the rounding error of a value.

    Returns
    -------
    last : (n + 1,) int64
        Start of the last segment of the best partition of the first `t` samples; the earliest
        among equals.
    """
    n = len(x)
    value, last = np.full(n + 1, np.inf), np.zeros(n + 1, np.int64)
    value[0] = -penalty
    column, pairs, saved = np.zeros(n), np.zeros(n), np.zeros(n)
    live, dies = np.zeros(n, np.int64), np.full(n, n + 1)
    m = 0
    for t in range(1, n + 1):
        out = 0
        for p in range(m):
            if dies[live[p]] > t:
                live[out] = live[p]
                out += 1
        m = out
        if value[t - 1] < np.inf:
            live[m] = t - 1
            m += 1
        _column(x, live[0], t - 1, column)
        _extend(column, live[:m], t - 1, pairs)
        for p in range(m):
            s = live[p]
            saved[p] = value[s] + (t - s) - pairs[s] / (t - s)
            if t - s >= min_size and saved[p] + penalty < value[t]:
                value[t] = saved[p] + penalty
                last[t] = s
        for p in range(m):
            if saved[p] > value[t] + slack and dies[live[p]] > n:
                dies[live[p]] = t + min_size
    return last


def kernel_change_points(
    x: NDArray[np.float64], gamma: float, penalty: float, min_size: int
) -> NDArray[np.int64]:
    """Return the ends of the segments of the best partition; the last one is `n`.

    Time grows with the sum over samples of the distance to the oldest start that may still win: at
    most `n^2 / 2` evaluations of the kernel.

    Parameters
    ----------
    x : (n, d) float64
        Finite values, `n >= 1`.
    gamma : float
        The kernel is `exp(-gamma |a - b|^2)`.
    penalty : float
        What a change must save to be made, at least 0.
    min_size : int
        Shortest segment in samples, at least 1.

    Returns
    -------
    (k,) int64
        Half-open ends, ascending. Of equally good partitions the one with the earliest last
        change.

    References
    ----------
    Arlot, Celisse, Harchaoui, *A kernel multiple change-point algorithm via model selection*,
    Journal of Machine Learning Research 20, 2019. Celisse, Marot, Pierre-Jean, Rigaill, *New
    efficient algorithms for multiple change-point detection with reproducing kernels*,
    Computational Statistics and Data Analysis 128, 2018: columns instead of the Gram matrix.

    Examples
    --------
    >>> x = np.array([[0.0], [0.1], [0.0], [4.0], [4.1]])
    >>> kernel_change_points(x, 1.0, 0.5, 1).tolist()
    [3, 5]
    """
    n = len(x)
    if n < 2 * min_size or penalty >= n:  # no change can save more than everything
        return np.array([n], np.int64)
    centred = np.ascontiguousarray((x - x[0]) * np.sqrt(gamma))
    last = partition(centred, float(penalty), min_size, 1e-12 * (n + penalty))
    ends = [n]
    while last[ends[-1]] > 0:
        ends.append(int(last[ends[-1]]))
    return np.array(ends[::-1], np.int64)
