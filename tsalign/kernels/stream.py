"""Decoding segment by segment: the best alignment so far, or each sentence by itself."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tsalign.kernels.ordered import LEAST

Row = NDArray[np.float64]
Runs = NDArray[np.int64]


@njit(cache=True)
def advance(
    scores: NDArray[np.float32],
    skips: Row,
    place: int,
    value: Row,
    run: Row,
    first: Runs,
    opened: Runs,
) -> None:
    """Go on over segments.

    Parameters
    ----------
    scores : (n, s) float32
        Log-odds of each segment and sentence.
    skips : (s,) float64
        Costs of leaving sentences out.
    place : int
        Number of the first of these segments.
    value : (s + 1,) float64
        Best value of the first j sentences within the segments so far.
    run : (s,) float64
        The same with a run of sentence j that covers the last segment.
    first : (s + 1, 3) int64
        Sentence, start and end of the first run of the alignment that `value` is of; -1 for none.
    opened : (s, 3) int64
        The same for `run`; its end is -1 while that run is the first itself.
    """
    for t in range(scores.shape[0]):
        for j in range(len(run)):
            if value[j] > run[j]:
                run[j] = value[j]
                opened[j] = first[j]
                if first[j, 0] < 0:
                    opened[j, 0], opened[j, 1] = j, place + t
            run[j] += scores[t, j]
        for j in range(len(run)):
            if value[j] - skips[j] > value[j + 1]:
                value[j + 1], first[j + 1] = value[j] - skips[j], first[j]
            if run[j] > value[j + 1]:
                value[j + 1], first[j + 1] = run[j], opened[j]
                if opened[j, 2] < 0:
                    first[j + 1, 2] = place + t + 1


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
