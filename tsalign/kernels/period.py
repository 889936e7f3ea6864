"""How long a window has to be to look like the series it comes from."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def _unlikeness(x, w):
    """Return how far mean, std and range of the windows lie from the whole's, over `sqrt(w)`.

    The candidates for least and most stand in two queues, ascending and descending, so that all
    windows together cost O(n).
    """
    n = len(x)
    mean, std, reach = x.mean(), x.std(), x.max() - x.min()
    low, high = np.empty(n, np.int64), np.empty(n, np.int64)
    low_first, low_end, high_first, high_end = 0, 0, 0, 0
    total, squares, far = 0.0, 0.0, 0.0
    for i in range(n):
        total += x[i] - mean
        squares += (x[i] - mean) ** 2
        if i >= w:
            total -= x[i - w] - mean
            squares -= (x[i - w] - mean) ** 2
        while low_end > low_first and x[low[low_end - 1]] >= x[i]:
            low_end -= 1
        while high_end > high_first and x[high[high_end - 1]] <= x[i]:
            high_end -= 1
        low[low_end] = high[high_end] = i
        low_end += 1
        high_end += 1
        low_first += low[low_first] <= i - w
        high_first += high[high_first] <= i - w
        if i >= w:
            offset = total / w
            spread = np.sqrt(max(squares / w - offset * offset, 0.0)) - std
            span = x[high[high_first]] - x[low[low_first]] - reach
            far += np.sqrt(offset * offset + spread * spread + span * span)
    return far / (n - w) / np.sqrt(w)


@njit(cache=True)
def suss(x, least, level):
    """Return the shortest window whose summary statistics resemble those of the series.

    The score of a width falls from 1 for windows like the whole series to 0 for single samples;
    the width at which it reaches `level` is found by doubling and bisection (Ermshaus, Schäfer,
    Leser, *Window size selection in unsupervised time series analytics*, 2022: SuSS).

    Parameters
    ----------
    x : (n,) float64
        A series; its scale does not matter.
    least : int
        Shortest window.
    level : float
        Between 0 and 1.

    Returns
    -------
    int
        Samples; `least` for a series that is constant or shorter than four of them.
    """
    n, reach = len(x), x.max() - x.min()
    if n < 4 * least or reach == 0:
        return least
    x = (x - x.min()) / reach
    bottom, top = _unlikeness(x, n - 1), _unlikeness(x, 1)
    if top <= bottom:
        return least
    enough = bottom + (1 - level) * (top - bottom)
    high = 1
    while high < least or (high < n // 2 and _unlikeness(x, high) >= enough):
        high *= 2
    low, high = max(least, high // 2), min(high, n - 2)
    while low < high:
        middle = (low + high) // 2
        if _unlikeness(x, middle) > enough:
            low = middle + 1
        else:
            high = middle
    return low
