"""The best runs of states in any order, where they lie, and the sum over all ways to choose them.

Without tables of all runs: for each place and state one vector pass over the lengths, or none
where all lengths are alike. What is common to all functions:

sums, clear : (r, k + 1)
    Sum of the scores of each row before each place, -inf taken as 0; and from where on no score
    before the place is -inf.
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
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Row = NDArray[np.float64]
Table = NDArray[np.float64]
Whole = NDArray[np.int64]
NEGLIGIBLE = -45.0  # nats below the best from which a run is beyond the last digit


@njit(cache=True, fastmath={"nnan", "nsz", "reassoc"})
def _highest(opened: Row, chance: Row) -> float:
    top = -np.inf
    for i in range(opened.shape[0]):
        value = opened[i] + chance[i]
        top = value if value > top else top
    return top


@njit(cache=True)
def _mass(opened: Row, chance: Row, shift: float) -> float:
    mass = 0.0
    for i in range(opened.shape[0]):
        value = opened[i] + chance[i] + shift
        if value > NEGLIGIBLE:
            mass += math.exp(value)
    return mass


@njit(cache=True)
def _first(clear: Whole, windows: Whole, state: Whole, t: int, longest: int) -> int:
    """Return the first place where a run that ends here may start; t where there is none."""
    lo, hi = windows[state[1], 0], windows[state[1], 1]
    if t > hi or t <= lo:
        return t
    first = max(lo, clear[state[0], t])
    return max(first, t - longest) if longest else first


@njit(cache=True)
def _open(sums: Table, states: Whole, edges: NDArray[np.float64], t: int, value: float, to: Table):
    for i in range(len(states)):
        to[i, t] = value - sums[states[i, 0], t] + edges[0, states[i, 1], t]


@njit(cache=True)
def best(
    sums: Table,
    clear: Whole,
    states: Whole,
    start: Row,
    windows: Whole,
    backward: Table,
    edges: NDArray[np.float64],
    out: Row,
    ended: Whole,
) -> None:
    """Fill in the best value of the first 0..k segments, and the state whose run ends there.

    `ended` (k + 1,) is -1 where no run does in the best filling.
    """
    longest = backward.shape[1]
    opened = np.empty((len(states), len(out)))  # what a run that starts there begins with
    going = np.full(len(states), -np.inf)  # the best of them for runs of any length
    out[0], ended[0] = 0.0, -1
    _open(sums, states, edges, 0, 0.0, opened)
    for t in range(1, len(out)):
        out[t], ended[t] = out[t - 1], -1
        for i in range(len(states)):
            r, g, line = states[i]
            first = _first(clear, windows, states[i], t, longest)
            going[i] = -np.inf if first == t else max(going[i], opened[i, t - 1])
            if first < t and start[i] > -np.inf:
                value = going[i]
                if longest:
                    value = _highest(opened[i, first:t], backward[line, longest - (t - first) :])
                value += sums[r, t] + start[i] + edges[1, g, t]
                if value > out[t]:
                    out[t], ended[t] = value, i
        _open(sums, states, edges, t, out[t], opened)


@njit(cache=True)
def total(
    sums: Table,
    clear: Whole,
    states: Whole,
    start: Row,
    windows: Whole,
    backward: Table,
    edges: NDArray[np.float64],
    out: Row,
) -> None:
    """Fill in the log sum over all fillings of the first 0..k segments; run lengths bounded."""
    longest = backward.shape[1]
    opened, height = np.empty((len(states), len(out))), np.empty(len(states))
    out[0] = 0.0
    _open(sums, states, edges, 0, 0.0, opened)
    for t in range(1, len(out)):
        top = out[t - 1]
        for i in range(len(states)):
            r, g, line = states[i]
            first = _first(clear, windows, states[i], t, longest)
            runs, chance = opened[i, first:t], backward[line, longest - (t - first) :]
            height[i] = _highest(runs, chance) + sums[r, t] + start[i] + edges[1, g, t]
            top = max(top, height[i])
        mass = math.exp(out[t - 1] - top)
        for i in range(len(states)):
            if height[i] - top > NEGLIGIBLE:
                r, g, line = states[i]
                first = _first(clear, windows, states[i], t, longest)
                runs, chance = opened[i, first:t], backward[line, longest - (t - first) :]
                mass += _mass(runs, chance, sums[r, t] + start[i] + edges[1, g, t] - top)
        out[t] = top + math.log(mass)
        _open(sums, states, edges, t, out[t], opened)


@njit(cache=True)
def runs(
    sums: Table,
    clear: Whole,
    states: Whole,
    windows: Whole,
    backward: Table,
    edges: NDArray[np.float64],
    out: Row,
    ended: Whole,
) -> Whole:
    """Return the runs `(m, 2)` of the best filling, the last first."""
    found = np.empty((len(out), 2), np.int64)
    count, t, longest = 0, len(out) - 1, backward.shape[1]
    while t > 0:
        if ended[t] < 0:
            t -= 1
            continue
        r, g, line = states[ended[t]]
        top, begun = -np.inf, t - 1
        for a in range(t - 1, _first(clear, windows, states[ended[t]], t, longest) - 1, -1):
            value = out[a] - sums[r, a] + edges[0, g, a]
            value += backward[line, longest - (t - a)] if longest else 0.0
            if value > top:
                top, begun = value, a
        found[count, 0], found[count, 1] = begun, t
        count, t = count + 1, begun
    return found[:count]
