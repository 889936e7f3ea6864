"""Runs of sentences in any order: the best, and the sum, of all ways to fill the first t segments.

A state is a sentence, or a sentence taken for one concept; `first[j] : first[j + 1]` are the
states of sentence j. Between runs lies nothing, which counts 0. Several problems are worked at
once, each with one sentence left out of the question (-1 for none), so that what depends on a
sentence costs one pass, not two.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tsalign.kernels.decoders import add_logs

Row = NDArray[np.float64]
Table = NDArray[np.float64]
Whole = NDArray[np.int64]


@njit(cache=True)
def best_chains(
    scores: NDArray[np.float32],
    which: Whole,
    start: Row,
    windows: Whole,
    first: Whole,
    excluded: Whole,
    out: Table,
    opens: Table | None = None,
    closes: Table | None = None,
) -> None:
    """Fill in the best value of the first 0..k segments, for each problem; runs of any length.

    Parameters
    ----------
    scores : (k, r) float32
        Log-odds of each segment and row.
    which : (n,) int64
        Row of each state.
    start : (n,) float64
        Added once for each run of the state.
    windows : (n, 2) int64
        Only segments in [lo, hi) may be used.
    first : (s + 1,) int64
        Where the states of each sentence begin.
    excluded : (p,) int64
        Sentence without runs, -1 for none.
    out : (p, k + 1) or (p, 1) float64
        All values, or the last alone.
    opens, closes : (k + 1, n) float64 or None
        Added where a run of the state starts, and where it ends.
    """
    run = np.full((len(excluded), len(which)), -np.inf)
    out[:, 0] = 0.0
    for t in range(scores.shape[0]):
        row = scores[t]
        for q in range(len(excluded)):
            value = out[q, t % out.shape[1]]
            top = value
            own, j = run[q], excluded[q]
            for i in range(len(which)):
                opened = value + start[i]
                if opens is not None:
                    opened += opens[t, i]
                best = (own[i] if own[i] > opened else opened) + row[which[i]]
                inside = windows[i, 0] <= t < windows[i, 1]
                inside &= j < 0 or i < first[j] or i >= first[j + 1]
                own[i] = best if inside else -np.inf
                ended = own[i]
                if closes is not None:
                    ended += closes[t + 1, i]
                top = ended if ended > top else top
            out[q, (t + 1) % out.shape[1]] = top


@njit(cache=True)
def total_chains(
    scores: NDArray[np.float32],
    which: Whole,
    start: Row,
    windows: Whole,
    first: Whole,
    excluded: Whole,
    out: Table,
    opens: Table | None = None,
    closes: Table | None = None,
) -> None:
    """Do the same for log sums, relative to the sum so far: for moderate scores and starts.

    `opens` and `closes` are not looked at.

    A run that fell out of range beside the sum so far is one that a new run from here exceeds;
    it is kept without its `start`, so that this holds however much a start costs.
    """
    opens, grown = np.exp(start), np.empty(len(which))
    run = np.zeros((len(excluded), len(which)))
    out[:, 0] = 0.0
    for t in range(scores.shape[0]):
        for i in range(len(which)):
            inside = windows[i, 0] <= t < windows[i, 1]
            grown[i] = math.exp(scores[t, which[i]]) if inside else 0.0
        for q in range(len(excluded)):
            own, j = run[q], excluded[q]
            if j < 0:
                total = 1.0 + _grow(own, grown, opens)
            else:
                a, b = first[j], first[j + 1]
                total = 1.0 + _grow(own[:a], grown[:a], opens[:a])
                total += _grow(own[b:], grown[b:], opens[b:])
            own *= 1.0 / total
            out[q, (t + 1) % out.shape[1]] = out[q, t % out.shape[1]] + math.log(total)


@njit(cache=True, fastmath={"reassoc", "nsz"})
def _grow(run: Row, grown: Row, opens: Row) -> float:
    total = 0.0
    for i in range(run.shape[0]):
        run[i] = (run[i] + 1.0) * grown[i]
        total += run[i] * opens[i]
    return total


@njit(cache=True)
def total_chains_steep(
    scores: NDArray[np.float32],
    which: Whole,
    start: Row,
    windows: Whole,
    first: Whole,
    excluded: Whole,
    out: Table,
    opens: Table | None = None,
    closes: Table | None = None,
) -> None:
    """Do the same in logarithms throughout: slower, for any scores and starts."""
    run = np.full((len(excluded), len(which)), -np.inf)
    out[:, 0] = 0.0
    for t in range(scores.shape[0]):
        for q in range(len(excluded)):
            value, j = out[q, t % out.shape[1]], excluded[q]
            total = value
            for i in range(len(which)):
                inside = windows[i, 0] <= t < windows[i, 1]
                inside &= j < 0 or i < first[j] or i >= first[j + 1]
                opened = value + start[i]
                if opens is not None:
                    opened += opens[t, i]
                joined = add_logs(run[q, i], opened) + scores[t, which[i]]
                run[q, i] = joined if inside else -np.inf
                ended = run[q, i]
                if closes is not None:
                    ended += closes[t + 1, i]
                total = add_logs(total, ended)
            out[q, (t + 1) % out.shape[1]] = total


@njit(cache=True)
def span_values(
    row: NDArray[np.float32], text: float, prior: Row, lo: int, hi: int, out: Table
) -> None:
    """Set `out[d, a]` to the value of the run of d + 1 segments from a; -inf where there is none.

    Parameters
    ----------
    row : (k,) float32
        Scores.
    text : float
        Added once.
    prior : (D,) float64
        Log prior of runs of 1..D segments.
    lo, hi : int
        Only segments in [lo, hi) may be used.
    out : (D, k) float64
        Written throughout.
    """
    out[:] = -np.inf
    sums = np.zeros(out.shape[1])
    for d in range(min(out.shape[0], hi - lo)):
        _extend(sums[lo : hi - d], row[lo + d : hi], prior[d] + text, out[d, lo : hi - d])


@njit(cache=True)
def _extend(sums: Row, row: NDArray[np.float32], extra: float, out: Row) -> None:
    for i in range(sums.shape[0]):
        sums[i] += row[i]
        out[i] = sums[i] + extra


@njit(cache=True)
def join_best(values: Table, j: int, top: Table, second: Table, owner: NDArray[np.int32]) -> None:
    """Enter the values of a sentence into the best, and the best of any other sentence, so far."""
    for d in range(values.shape[0]):
        for a in range(values.shape[1]):
            value = values[d, a]
            if owner[d, a] == j:
                top[d, a] = max(top[d, a], value)
            elif value > top[d, a]:
                second[d, a], top[d, a], owner[d, a] = top[d, a], value, j
            elif value > second[d, a]:
                second[d, a] = value


@njit(cache=True)
def join_total(values: Table, total: Table) -> None:
    """Add the values to the log sums so far."""
    for d in range(values.shape[0]):
        for a in range(values.shape[1]):
            if values[d, a] > -np.inf:
                total[d, a] = add_logs(total[d, a], values[d, a])


@njit(cache=True)
def without(total: Table, values: Table) -> Table:
    """Return the log sums less those of one sentence; what is lost stays below the last digit."""
    out = total.copy()
    for d in range(values.shape[0]):
        for a in range(values.shape[1]):
            if values[d, a] > -np.inf:
                left = -math.expm1(values[d, a] - total[d, a])
                out[d, a] = total[d, a] + math.log(left) if left > 0 else -np.inf
    return out


@njit(cache=True)
def best_of_spans(table: Table, out: Row) -> None:
    """Fill in the best value of the first 0..k segments, given that of each single run.

    Parameters
    ----------
    table : (D, k) float64
        Of the run of d + 1 segments from a.
    out : (k + 1,) float64
        Written.
    """
    out[0] = 0.0
    for t in range(1, len(out)):
        top = out[t - 1]
        for d in range(min(table.shape[0], t)):
            value = out[t - 1 - d] + table[d, t - 1 - d]
            top = value if value > top else top
        out[t] = top


@njit(cache=True)
def total_of_spans(table: Table, out: Row) -> None:
    """Do the same for log sums."""
    out[0] = 0.0
    for t in range(1, len(out)):
        top, mass = out[t - 1], 1.0
        for d in range(min(table.shape[0], t)):
            ahead = out[t - 1 - d] + table[d, t - 1 - d] - top
            if ahead > 0:
                top, mass = top + ahead, mass * math.exp(-ahead) + 1.0
            elif ahead > -745.0:
                mass += math.exp(ahead)
        out[t] = top + math.log(mass)


@njit(cache=True)
def first_run(
    rows: NDArray[np.float32],
    which: Whole,
    start: Row,
    prior: Table,
    windows: Whole,
    opens: NDArray[np.bool_],
    after: Row,
    place: int,
    tolerance: float,
    closes: Table | None = None,
) -> tuple[int, int]:
    """Return the end and the state of the shortest best run that starts here and gains.

    Parameters
    ----------
    rows : (r, k) float32
        Log-odds of each row and segment.
    which, start, windows
        As for `best_chains`.
    prior : (n, D) float64
        Log prior of run lengths; (n, 0) for none.
    opens : (n,) bool
        States among which such a run is known to be.
    after : (k + 1,) float64
        Best value of the segments from each place on.
    place : int
        Where the run starts.
    tolerance : float
        Values closer than this are equal.
    closes : (k + 1, n) float64 or None
        Added where the run ends.

    Returns
    -------
    (int, int)
        -1, -1 where no run from here is among the best.
    """
    end, state, bounded = -1, -1, prior.shape[1] > 0
    for i in range(len(which)):
        if opens[i] and windows[i, 0] <= place:
            c, value = which[i], start[i]
            limit = windows[i, 1] if end < 0 else min(windows[i, 1], end - 1)
            if bounded:
                limit = min(limit, place + prior.shape[1])
            for t in range(place, limit):
                value += rows[c, t]
                whole = value + prior[i, t - place] if bounded else value
                if closes is not None:
                    whole += closes[t + 1, i]
                if whole > tolerance and whole + after[t + 1] >= after[place] - tolerance:
                    end, state = t + 1, i
                    break
    return end, state
