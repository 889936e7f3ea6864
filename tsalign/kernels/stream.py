"""Decoding segment by segment: the best alignment so far, or each sentence by itself."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tsalign.kernels.ordered import LEAST

Row = NDArray[np.float64]
Table = NDArray[np.float64]
Runs = NDArray[np.int64]


@njit(cache=True)
def advance(
    scores: NDArray[np.float32],
    text: Table,
    prior: Table,
    windows: Runs,
    skips: Row,
    place: int,
    since: int,
    value: Row,
    first: Runs,
    run: Table,
    opened: Runs,
    past: Table,
    past_first: Runs,
    sums: Table,
    clear: Runs,
) -> None:
    """Go on over segments.

    Parameters
    ----------
    scores : (n, r) float32
        Log-odds of each segment and sentence, or concept where there is more than one column of
        text.
    text : (s, c) float64
        Added once for the concept taken.
    prior : (r, D) float64
        Log prior of runs of 1..D segments; D = 0 for none.
    windows : (s, 2) int64
        Segments that each sentence may use.
    skips : (s,) float64
        Costs of leaving sentences out.
    place, since : int
        Number of the first of these segments, and of the first segment of all.
    value : (s + 1,) float64
        Best value of the first j sentences within the segments so far.
    first : (s + 1, 3) int64
        Sentence, start and end of the first run of the alignment that `value` is of; -1 for none.
    run : (s, c) float64
        As `value` with a run of sentence j and the concept that covers the last segment.
    opened : (s, c, 3) int64
        The same for `run`; its end is -1 while that run is the first itself.
    past, past_first : (s, D), (s, D, 3)
        What `value` and `first` were at the last D places, place modulo D.
    sums : (r, D + 1) float64
        Sums of the scores before those places, and so far.
    clear : (r,) int64
        Where a run of the row may start at the earliest, behind all scores that mean never.
    """
    alone, longest = text.shape[1] == 1 and len(text) == scores.shape[1], prior.shape[1]
    for t in range(place, place + scores.shape[0]):
        row = scores[t - place]
        if longest:
            past[:, t % longest], past_first[:, t % longest] = value[:-1], first[:-1]
            sums[:, t % longest] = sums[:, longest]
        for r in range(len(row)):
            clear[r] = t + 1 if row[r] <= LEAST else clear[r]
            sums[r, longest] += 0.0 if row[r] <= LEAST else row[r]
        for j in range(len(text)):
            for c in range(text.shape[1]):
                r = j if alone else c
                least = max(windows[j, 0], clear[r], since)
                if t < least or t >= windows[j, 1]:
                    run[j, c] = -np.inf
                elif longest:
                    came = past[j], past_first[j], sums[r], prior[r]
                    run[j, c] = text[j, c] + _bounded(j, t, least, *came, opened[j, c])
                else:
                    if value[j] + text[j, c] > run[j, c]:
                        run[j, c] = value[j] + text[j, c]
                        _begun(first[j], j, t, opened[j, c])
                    run[j, c] += row[r]
        _close(t, skips, run, opened, value, first)


@njit(cache=True)
def _bounded(
    j: int,
    t: int,
    least: int,
    past: Row,
    past_first: Runs,
    sums: Row,
    prior: Row,
    opened: Runs,
) -> float:
    """Return the best value with a run of sentence j from `least` on that covers segment t."""
    longest, best = len(prior), -np.inf
    for start in range(max(least, t + 1 - longest), t + 1):
        gain = sums[longest] - sums[start % longest] + prior[t - start]
        if past[start % longest] + gain > best:
            best = past[start % longest] + gain
            _begun(past_first[start % longest], j, start, opened)
    return best


@njit(cache=True)
def _close(t: int, skips: Row, run: Table, opened: Runs, value: Row, first: Runs) -> None:
    """Let runs end after segment t, and sentences be left out."""
    for j in range(len(skips)):
        if value[j] - skips[j] > value[j + 1]:
            value[j + 1], first[j + 1] = value[j] - skips[j], first[j]
        for c in range(run.shape[1]):
            if run[j, c] > value[j + 1]:
                value[j + 1], first[j + 1] = run[j, c], opened[j, c]
                if opened[j, c, 2] < 0:
                    first[j + 1, 2] = t + 1


@njit(cache=True)
def _begun(first: Runs, j: int, start: int, opened: Runs) -> None:
    """Note the first run of an alignment that goes on with a run of sentence j."""
    opened[:] = first
    if first[0] < 0:
        opened[0], opened[1] = j, start


@njit(cache=True)
def extend(
    scores: NDArray[np.float32],
    place: int,
    latency: int,
    level: NDArray[np.float64],
    flat: NDArray[np.int64],
    count: NDArray[np.int64],
    values: NDArray[np.float64],
    spans: NDArray[np.int64],
    told: NDArray[np.int64],
) -> int:
    """Take segments of sentences by themselves; return how many runs became final.

    A run on the list becomes part of a longer one when the sum of scores rises above its end
    before it falls to where the run began: so do all runs between the two.

    Parameters
    ----------
    scores : (m, s) float32
        Log-odds of the next segments, less what they must exceed.
    place : int
        The first of them.
    latency : int
        Segments after its end when a run is told at the latest.
    level, flat, count : (s,)
        Sum of the scores; where it began to stay as it is, -1 for nowhere; runs on the list.
    values : (s, room, 2) float64
        Sum before and behind each run on the list.
    spans : (s, room, 2) int64
        First segment and one past the last. There has to be room for m more.
    told : (m * s + sum of count, 3) int64
        Set to sentence, start and end of the runs that became final.
    """
    found = 0
    for i in range(scores.shape[0]):
        t = place + i
        for j in range(scores.shape[1]):
            score, runs, sums = np.float64(scores[i, j]), spans[j], values[j]
            never = score <= LEAST
            if score > 0:
                _enter(level[j], score, flat[j] if flat[j] >= 0 else t, t + 1, j, count, sums, runs)
            level[j] += 0.0 if never else score
            flat[j] = (flat[j] if flat[j] >= 0 else t) if score == 0 else -1
            final = 0
            while final < count[j] and (
                never or sums[final, 0] >= level[j] or runs[final, 1] <= t + 1 - latency
            ):
                told[found, 0], told[found, 1:] = j, runs[final]
                found, final = found + 1, final + 1
            if final:
                count[j] -= final
                for q in range(count[j]):
                    runs[q], sums[q] = runs[q + final], sums[q + final]
            if count[j] == 0:
                level[j] = 0.0
    return found


@njit(cache=True)
def _enter(
    level: float,
    score: float,
    start: int,
    end: int,
    j: int,
    count: NDArray[np.int64],
    sums: NDArray[np.float64],
    runs: NDArray[np.int64],
) -> None:
    """Put a segment that gains on the list, joined with all that it makes one run with."""
    low, high, n = level, level + score, count[j]
    q = n - 1
    while q >= 0:
        if sums[q, 0] >= low:
            q -= 1
        elif sums[q, 1] >= high:
            break
        else:
            low, start, n = sums[q, 0], runs[q, 0], q
            q -= 1
    sums[n, 0], sums[n, 1], runs[n, 0], runs[n, 1] = low, high, start, end
    count[j] = n + 1
