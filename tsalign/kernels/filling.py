"""The best runs of states in any order, with run lengths, and where they lie.

As `any_order.best_of_spans`, but without a table of all runs: one vector pass over the lengths for
each place and state.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Row = NDArray[np.float64]
Table = NDArray[np.float64]
Whole = NDArray[np.int64]


@njit(cache=True, fastmath={"nnan", "nsz", "reassoc"})
def _highest(opened: Row, chance: Row) -> float:
    top = -np.inf
    for i in range(opened.shape[0]):
        value = opened[i] + chance[i]
        top = value if value > top else top
    return top


@njit(cache=True)
def fill(
    sums: Table, which: Whole, start: Row, windows: Whole, backward: Table, out: Row, state: Whole
) -> None:
    """Fill in the best value of the first 0..k segments.

    Parameters
    ----------
    sums : (r, k + 1) float64
        Of the scores of each row before each place, finite.
    which : (n,) int64
        Row of each state.
    start : (n,) float64
        Added once for each run of the state.
    windows : (n, 2) int64
        Only segments in [lo, hi) may be used.
    backward : (r, D) float64
        Log prior of runs of D..1 segments.
    out : (k + 1,) float64
        Written.
    state : (k + 1,) int64
        Set to the state whose run ends there in the best filling, -1 where none does.
    """
    longest = backward.shape[1]
    opened = np.empty(sums.shape)
    out[0], state[0] = 0.0, -1
    opened[:, 0] = -sums[:, 0]
    for t in range(1, len(out)):
        top, ended = out[t - 1], -1
        for i in range(len(which)):
            r, lo = which[i], windows[i, 0]
            if lo < t <= windows[i, 1] and start[i] > -np.inf:
                first = max(lo, t - longest)
                value = _highest(opened[r, first:t], backward[r, longest - (t - first) :])
                value += sums[r, t] + start[i]
                if value > top:
                    top, ended = value, i
        out[t], state[t] = top, ended
        for r in range(sums.shape[0]):
            opened[r, t] = top - sums[r, t]


@njit(cache=True)
def runs(
    sums: Table, which: Whole, start: Row, windows: Whole, backward: Table, out: Row, state: Whole
) -> Whole:
    """Return the runs `(m, 2)` of the best filling, the last first; parameters as for `fill`."""
    found = np.empty((len(out), 2), np.int64)
    count, t, longest = 0, len(out) - 1, backward.shape[1]
    while t > 0:
        i = state[t]
        if i < 0:
            t -= 1
            continue
        r, best, begun = which[i], -np.inf, t - 1
        for a in range(t - 1, max(windows[i, 0], t - longest) - 1, -1):
            value = out[a] - sums[r, a] + backward[r, longest - (t - a)]
            if value > best:
                best, begun = value, a
        found[count, 0], found[count, 1] = begun, t
        count, t = count + 1, begun
    return found[:count]
