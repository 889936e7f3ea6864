"""Slow, obvious twins of the segmenters."""

from __future__ import annotations

import itertools

import numpy as np


def costs(x):
    """C[s, t]: squared distance of x[s:t] to its mean."""
    n = len(x)
    table = np.full((n + 1, n + 1), np.inf)
    for s in range(n):
        y = x[s:] - x[s]
        lengths = np.arange(1, n - s + 1)[:, None]
        squares = np.cumsum(y**2, axis=0) - np.cumsum(y, axis=0) ** 2 / lengths
        table[s, s + 1 :] = squares.sum(axis=1)
    return table


def optimal_partition(x, penalty, min_size):
    """Ends of the best partition and its value, trying every last change; penalty per change."""
    n, table = len(x), costs(x)
    best, last = np.full(n + 1, np.inf), np.zeros(n + 1, int)
    best[0] = -penalty
    for t in range(min_size, n + 1):
        values = best[: t - min_size + 1] + table[: t - min_size + 1, t] + penalty
        last[t] = values.argmin()
        best[t] = values[last[t]]
    ends = [n]
    while last[ends[0]] > 0:
        ends.insert(0, int(last[ends[0]]))
    return ends, best[n]


def objective(x, ends, penalty):
    """Value of a partition."""
    edges = [0, *ends]
    pieces = [x[a:b] for a, b in itertools.pairwise(edges)]
    squares = sum(float(((piece - piece.mean(axis=0)) ** 2).sum()) for piece in pieces)
    return squares + penalty * (len(pieces) - 1)


def windows(n, length, hop):
    """Bounds of all whole windows."""
    bounds = [(a, a + length) for a in range(0, n, hop) if a + length <= n]
    return np.array(bounds, dtype=np.int64).reshape(-1, 2)
