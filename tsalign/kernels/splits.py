"""How well nearest windows tell one side of a split from the other, for every split at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray


class Splits(NamedTuple):
    """One value for each split `s` of `m` windows into `[0, s)` and `[s, m)`, `(m + 1,)` float64.

    `accuracy` is balanced, `ranks` and `links` are standard scores; all are 0 where one side is
    empty or every prediction is the same.
    """

    accuracy: NDArray[np.float64]
    ranks: NDArray[np.float64]
    links: NDArray[np.float64]


@njit(cache=True)
def _incoming(places):
    """Return who has whom as a neighbour: `sources[starts[j]:starts[j + 1]]` name window `j`."""
    m, k = places.shape
    starts = np.zeros(m + 1, np.int64)
    for j in places.ravel():
        starts[j + 1] += 1
    starts = np.cumsum(starts)
    ends, sources = starts[:-1].copy(), np.empty(m * k, np.int64)
    for i in range(m):
        for j in places[i]:
            sources[ends[j]] = i
            ends[j] += 1
    return starts, sources


@njit(cache=True)
def _classify(places, w, accuracy, ranks):
    """Fill `accuracy` and `ranks`.

    The label of one window changes from split to split, so only the votes of the windows that have
    it as a neighbour do: all splits together cost O(m k). Windows that hold samples of both sides
    count as right, and a tie of the votes as left, as in ClaSP.
    """
    m, k = places.shape
    starts, sources = _incoming(places)
    votes, right = np.full(m, k), np.ones(m, np.int64)
    wrong, correct, straddling = 0, m, 0
    for s in range(1, m):
        wrong += right[s - 1]
        correct -= right[s - 1]
        straddling += 1 - right[s - 1]
        if s > w:
            straddling -= 1 - right[s - 1 - w]
        for i in sources[starts[s - 1] : starts[s]]:
            votes[i] -= 1
            if right[i] and 2 * votes[i] <= k:
                right[i] = 0
                wrong -= i < s
                correct -= i >= s
                straddling += s - w <= i < s
        left = s - wrong - straddling
        above, below = m - left - (m - s - correct), left + (m - s - correct)
        if above > 0 and below > 0:
            accuracy[s] = (correct / above + left / below) / 2
            middle = s * (m + 1) / 2
            total = left * (below + 1) / 2 + (s - left) * (below + (above + 1) / 2)
            ranks[s] = (middle - total) / np.sqrt(middle * (m - s) / 6)


@njit(cache=True)
def _link(places, w, links):
    """Fill `links`.

    A link of length `l` laid at random on `m` windows crosses `s` in `min(s, l, m - l, m - s)` of
    `m - l` places. Second differences sum this trapezoid over all links in O(m k).
    """
    m, k = places.shape
    crossing, bends = np.zeros(m + 2), np.zeros(m + 2)
    for i in range(m):
        for j in places[i]:
            length = abs(i - j)
            crossing[min(i, j) + 1] += 1
            crossing[max(i, j) + 1] -= 1
            top, slope = min(length, m - length), 1.0 / (m - length)
            bends[1] += slope
            bends[top + 1] -= slope
            bends[m - top + 1] -= slope
    count, found, expected, slope = m * k, 0.0, 0.0, 0.0
    for s in range(1, m):
        found += crossing[s]
        slope += bends[s]
        expected += slope
        variance = expected * (1 - expected / count) * w * k
        if variance > 0:
            links[s] = (expected - found) / np.sqrt(variance)


@njit(cache=True)
def splits(places, w):
    """Judge every split of a series by the neighbours of its windows.

    `ranks` is the rank-sum statistic of the predicted sides over `sqrt(w)`: of `w` windows that
    share samples only one is counted as an observation. `links` compares how many links from a
    window to its neighbours cross the split with how many would if links of the same lengths lay
    at random: in a signal that drifts, neighbours are near in time and links are short, which looks
    like two classes to a classifier but not to this count.

    Parameters
    ----------
    places : (m, k) int64
        Neighbours of each window.
    w : int
        Samples of a window.

    Returns
    -------
    Splits
        For `s = 0 .. m`.
    """
    size = len(places) + 1
    accuracy, ranks, links = np.zeros(size), np.zeros(size), np.zeros(size)
    _classify(places, w, accuracy, ranks)
    _link(places, w, links)
    return Splits(accuracy, ranks / np.sqrt(w), links)


@njit(cache=True)
def flows(places, states, n_states):
    """Count links from state to state, `(n_states, n_states)`; windows of state -1 do not count."""
    table = np.zeros((n_states, n_states), np.int64)
    for i in range(len(places)):
        for j in places[i]:
            if states[i] >= 0 and states[j] >= 0:
                table[states[i], states[j]] += 1
    return table
