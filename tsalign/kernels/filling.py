"""The best runs of states in any order, and where they lie.

As `any_order.best_of_spans`, but without a table of all runs: for each place and state one vector
pass over the lengths, or none where all lengths are alike.
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
    sums: Table,
    states: Whole,
    start: Row,
    windows: Whole,
    backward: Table,
    edges: NDArray[np.float64],
    out: Row,
    ended: Whole,
) -> None:
    """Fill in the best value of the first 0..k segments.

    Parameters
    ----------
    sums : (r, k + 1) float64
        Of the scores of each row before each place, finite.
    states : (n, 3) int64
        Row, group and line of `backward` of each state.
    start : (n,) float64
        Added once for each run of the state.
    windows : (g, 2) int64
        Segments [lo, hi) that a group may use.
    backward : (q, D) float64
        Log priors of runs of D..1 segments; D = 0 for runs of any length.
    edges : (2, g, k + 1) float64
        Added where a run of the group starts, and where it ends.
    out : (k + 1,) float64
        Written.
    ended : (k + 1,) int64
        Set to the state whose run ends there in the best filling, -1 where none does.
    """
    longest = backward.shape[1]
    opened = np.empty((len(states), len(out)))  # what a run that starts there begins with
    best = np.full(len(states), -np.inf)  # of any length
    out[0], ended[0] = 0.0, -1
    for t in range(len(out)):
        if t > 0:
            out[t], ended[t] = out[t - 1], -1
        for i in range(len(states)):
            r, g, line = states[i]
            lo, hi = windows[g]
            if lo < t <= hi and start[i] > -np.inf:
                first = max(lo, t - longest)
                if longest:
                    value = _highest(opened[i, first:t], backward[line, longest - (t - first) :])
                else:
                    best[i] = max(best[i], opened[i, t - 1])
                    value = best[i]
                value += sums[r, t] + start[i] + edges[1, g, t]
                if value > out[t]:
                    out[t], ended[t] = value, i
        for i in range(len(states)):
            opened[i, t] = out[t] - sums[states[i, 0], t] + edges[0, states[i, 1], t]


@njit(cache=True)
def runs(
    sums: Table,
    states: Whole,
    windows: Whole,
    backward: Table,
    edges: NDArray[np.float64],
    out: Row,
    ended: Whole,
) -> Whole:
    """Return the runs `(m, 2)` of the best filling, the last first; parameters as for `fill`."""
    found = np.empty((len(out), 2), np.int64)
    count, t, longest = 0, len(out) - 1, backward.shape[1]
    while t > 0:
        if ended[t] < 0:
            t -= 1
            continue
        r, g, line = states[ended[t]]
        best, begun = -np.inf, t - 1
        least = max(windows[g, 0], t - longest) if longest else windows[g, 0]
        for a in range(t - 1, least - 1, -1):
            value = out[a] - sums[r, a] + edges[0, g, a]
            value += backward[line, longest - (t - a)] if longest else 0.0
            if value > best:
                best, begun = value, a
        found[count, 0], found[count, 1] = begun, t
        count, t = count + 1, begun
    return found[:count]
