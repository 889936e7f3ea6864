"""Slow, obvious twins of the segmenters for a known number of segments."""

from __future__ import annotations

import itertools

import numpy as np


def cost(x):
    return float(((x - x.mean(axis=0)) ** 2).sum())


def gain(x, a, t, b):
    return cost(x[a:b]) - cost(x[a:t]) - cost(x[t:b])


def best_split(x, a, b, min_size):
    """Gain and place of the best split of x[a:b]; None where it is too short."""
    places = range(a + min_size, b - min_size + 1)
    return max(((gain(x, a, t, b), t) for t in places), default=None)


def binary_segmentation(x, n_segments, penalty, min_size, intervals=()):
    edges = [0, len(x)]
    while len(edges) - 1 < n_segments:
        free = [(a, b) for a, b in intervals if not any(a < e < b for e in edges)]
        tries = [best_split(x, a, b, min_size) for a, b in [*itertools.pairwise(edges), *free]]
        best = max((t for t in tries if t), default=(0, 0))
        if best[0] <= penalty:
            break
        edges = sorted([*edges, best[1]])
    return edges[1:]


def bottom_up(x, n_segments, penalty, min_size):
    def pieces(a, b):
        middle = (a + b) // 2
        return [b] if b - a < 2 * min_size else pieces(a, middle) + pieces(middle, b)

    edges = [0, *pieces(0, len(x))]
    while len(edges) > 2:
        costs = [gain(x, *edges[i : i + 3]) for i in range(len(edges) - 2)]
        if len(edges) - 1 <= n_segments and min(costs) > penalty:
            break
        del edges[1 + int(np.argmin(costs))]
    return edges[1:]


def sliding_window(x, half, n_segments, penalty, min_size):
    n, reach = len(x), max(half, min_size)
    score = {t: gain(x, t - half, t, t + half) for t in range(half, n - half)}
    peaks = [
        t
        for t in score
        if reach <= t <= n - reach
        and all(score[t] > score[u] for u in score if 0 < abs(u - t) <= reach)
    ]
    edges = [0, n]
    for t in sorted(peaks, key=lambda t: -score[t]):
        longer = sorted([*edges, t])
        i = longer.index(t)
        if len(edges) > n_segments or gain(x, longer[i - 1], t, longer[i + 1]) <= penalty:
            break
        edges = longer
    return edges[1:]


def best_partition(x, n_segments, min_size):
    """The best partition, trying them all."""
    n = len(x)
    options = [
        [*cuts, n]
        for cuts in itertools.combinations(range(1, n), n_segments - 1)
        if min(np.diff([0, *cuts, n])) >= min_size
    ]
    return min(
        options, key=lambda ends: sum(cost(x[a:b]) for a, b in itertools.pairwise([0, *ends]))
    )
