"""Change points one at a time, best first: splitting from above, merging from below.

The gain of a split is what it takes off the sum of squares,
`C(a, b) - C(a, t) - C(t, b) = |S - (t - a) mean|^2 (b - a) / ((t - a) (b - t))` with
`S = sum(x[a:t])` and `mean = mean(x[a:b])`: one square and no cancellation.
"""

from __future__ import annotations

import heapq

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def best_split(sums, a, b, min_size):
    """Return the largest gain of a split of `x[a:b]` and the first place that has it.

    `sums` is `(d, > n)`, see `tsalign.kernels.costs`. Both sides keep `min_size` samples; where
    that cannot be, the gain is 0.
    """
    count = b - a - 2 * min_size + 1
    if count < 1:
        return 0.0, a
    squares = np.zeros(count)
    for q in range(sums.shape[0]):
        origin = sums[q, a]
        slope = (sums[q, b] - origin) / (b - a)
        row = sums[q, a + min_size : a + min_size + count]
        for i in range(count):
            off = row[i] - origin - (min_size + i) * slope
            squares[i] += off * off
    best, place = 0.0, a + min_size
    for i in range(count):
        left = np.float64(min_size + i)
        gain = squares[i] * ((b - a) / (left * (b - a - left)))
        if gain > best:
            best, place = gain, a + min_size + i
    return best, place


@njit(cache=True, error_model="numpy")
def split(sums, n, intervals, min_size, most, limit):
    """Split best first; return the ends of the segments.

    Besides the segments themselves, the splits of `intervals` `(m, 2)` take part until a change
    falls inside them. A split keeps `min_size` samples to the ends of its interval, and so to
    all changes made before. Stops at `most` segments or when no gain exceeds `limit`.
    """
    heap = [(0.0, 0, 0, 0)]
    heap.pop()
    gain, t = best_split(sums, 0, n, min_size)
    if gain > limit:
        heapq.heappush(heap, (-gain, 0, n, t))
    for i in range(len(intervals)):
        a, b = intervals[i]
        gain, t = best_split(sums, a, b, min_size)
        if gain > limit:
            heapq.heappush(heap, (-gain, a, b, t))
    edge = np.zeros(n + 1, np.bool_)
    edge[0] = edge[n] = True
    found = 1
    while heap and found < most:
        _, a, b, t = heapq.heappop(heap)
        if edge[a + 1 : b].any():
            continue
        while not edge[a]:
            a -= 1
        while not edge[b]:
            b += 1
        edge[t] = True
        found += 1
        for lo, hi in ((a, t), (t, b)):
            gain, place = best_split(sums, lo, hi, min_size)
            if gain > limit:
                heapq.heappush(heap, (-gain, lo, hi, place))
    return np.flatnonzero(edge)[1:]


@njit(cache=True, error_model="numpy")
def split_gain(sums, a, t, b):
    """Return the gain of splitting `x[a:b]` at `t`, which is what merging the two sides costs."""
    square = 0.0
    for q in range(sums.shape[0]):
        slope = (sums[q, b] - sums[q, a]) / (b - a)
        off = sums[q, t] - sums[q, a] - (t - a) * slope
        square += off * off
    return square * ((b - a) / (np.float64(t - a) * (b - t)))


@njit(cache=True)
def halves(n, min_size):
    """Return the ends of pieces made by halving `n` samples while both halves keep `min_size`."""
    edge = np.zeros(n + 1, np.bool_)
    edge[n] = True
    todo = [(0, n)]
    while todo:
        a, b = todo.pop()
        if b - a >= 2 * min_size:
            middle = (a + b) // 2
            edge[middle] = True
            todo.append((a, middle))
            todo.append((middle, b))
    return np.flatnonzero(edge)


@njit(cache=True, error_model="numpy")
def merge(sums, ends, most, limit):
    """Merge neighbours, cheapest first; return the ends that are left.

    Goes on while there are more than `most` segments or a merge costs at most `limit`.
    """
    n = ends[-1]
    after, before = np.full(n + 1, -1), np.full(n + 1, -1)
    a = 0
    for b in ends:
        after[a], before[b] = b, a
        a = b
    heap = [(0.0, 0, 0, 0)]
    heap.pop()
    for t in ends[:-1]:
        heapq.heappush(heap, (split_gain(sums, before[t], t, after[t]), before[t], t, after[t]))
    left = len(ends)
    while heap:
        cost, a, t, b = heapq.heappop(heap)
        if after[a] != t or after[t] != b:
            continue  # one side is no longer a segment
        if left <= most and cost > limit:
            break
        after[a], before[b], after[t], before[t] = b, a, -1, -1
        left -= 1
        if a > 0:
            heapq.heappush(heap, (split_gain(sums, before[a], a, b), before[a], a, b))
        if b < n:
            heapq.heappush(heap, (split_gain(sums, a, b, after[b]), a, b, after[b]))
    return np.flatnonzero(before >= 0)
