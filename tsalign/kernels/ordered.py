"""Ordered decoding over scores as they come, segment by segment: the optimum and where it turns.

One pass from the last segment to the first keeps, for each sentence, the best value of it and all
later ones (`after`) and the best value of a run of it that covers the segment (`run`). Three bits
a cell say how the best alignment goes on from there; a walk from the first place reads them.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Row = NDArray[np.float64]
LEAST = -1e6  # scores from here down mean never
TIE = 1e-10  # relative difference up to which values are equal, above the rounding of sums
STOP, START, LEAVE = 1, 2, 4  # a run may end here, start here; the sentence may be left out
AHEAD = 128  # segments fetched at once: 100 KiB for 200 sentences stay in the second-level cache
BLOCK = 32  # segments and sentences of a block that is turned over within the first-level cache


@njit(cache=True)
def turned(scores: NDArray[np.float32], rows: NDArray[np.float32]) -> None:
    """Write `scores (k, s)` to `rows (s, k)`, -inf for what means never."""
    k, s = scores.shape
    for first in range(0, k, BLOCK):
        last = min(first + BLOCK, k)
        for left in range(0, s, BLOCK):
            for j in range(left, min(left + BLOCK, s)):
                for t in range(first, last):
                    value = scores[t, j]
                    rows[j, t] = -np.inf if value <= LEAST else value


@njit(cache=True)
def mark(
    scores: NDArray[np.float32], skips: NDArray[np.float64], marks: NDArray[np.uint8]
) -> float:
    """Return the value of the optimum and fill the marks.

    Parameters
    ----------
    scores : (k, s) float32
        Log-odds of each segment and sentence.
    skips : (s,) float64
        Cost of leaving out each sentence.
    marks : (k + 1, s) uint8
        In row t the bits that hold at place t, where a sentence is next, or is being told; START
        in row k, and STOP in row 0, mean nothing.
    """
    k, s = scores.shape
    run, top, after, costs = np.full(s, -np.inf), np.zeros(s), np.zeros(s + 1), skips.sum()
    # Rows are read from the last to the first, which no processor foresees: a block of them is
    # fetched the usual way round before.
    block = np.empty((min(AHEAD, k), s), np.float32)
    for last in range(k, 0, -AHEAD):
        first = max(last - AHEAD, 0)
        block[: last - first] = scores[first:last]
        for t in range(last - 1, first - 1, -1):
            row, told, tolerance = block[t - first], marks[t + 1], _tie(after[0] - costs, costs)
            _step(row, run, after[:s], after[1:], skips, tolerance, told, top)
            _leave(top, after)
    tolerance = _tie(after[0] - costs, costs)
    _step(np.zeros(s, np.float32), run, after[:s], after[1:], skips, tolerance, marks[0], top)
    return after[0] - costs


@njit(cache=True)
def _tie(value: float, costs: float) -> float:
    """Return how close values count as equal; huge costs round all that they are added to."""
    return TIE * max(1.0, abs(value), 1e-5 * costs)


@njit(cache=True)
def _step(
    row: NDArray[np.float32],
    run: Row,
    after: Row,
    later: Row,
    skips: Row,
    tolerance: float,
    told: NDArray[np.uint8],
    top: Row,
) -> None:
    """Mark the place behind a segment, and go on to the place before it but for leaving out.

    `after` and `later` are the best values from behind the segment on, of each sentence with all
    later ones, and of the later ones alone; to all is added what leaving these sentences out
    would cost, so that leaving out is free. A loop without branches, which LLVM vectorises.
    """
    for j in range(run.shape[0]):
        best, rest, ended, value = run[j], after[j], later[j], np.float64(row[j])
        least, opened = rest - tolerance, ended + skips[j]
        bits = np.uint8(best >= least) << np.uint8(1) | np.uint8(ended >= least) << np.uint8(2)
        told[j] = bits | np.uint8(opened >= best - tolerance)
        best = opened if opened > best else best
        best += -np.inf if value <= LEAST else value
        run[j] = best
        top[j] = best if best > rest else rest


@njit(cache=True)
def _leave(top: Row, after: Row) -> None:
    """Let each sentence be left out where that is best: a maximum over all later ones.

    Each maximum waits for the next; so the second half of the sentences is gone through beside
    the first, which learns of it at the end.
    """
    s = top.shape[0]
    half = s // 2
    best = own = 0.0
    if s % 2:
        best = after[s - 1] = max(top[s - 1], best)
    for j in range(half - 1, -1, -1):
        best = top[half + j] if top[half + j] > best else best
        own = top[j] if top[j] > own else own
        after[half + j], after[j] = best, own
    for j in range(half):
        after[j] = best if best > after[j] else after[j]


@njit(cache=True)
def walk(marks: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the spans `(s, 2)` that the marks tell: earliest start, then shortest run."""
    k, s = marks.shape[0] - 1, marks.shape[1]
    spans = np.full((s, 2), -1)
    place = 0
    for j in range(s):
        if place == k or marks[place, j] & LEAVE:
            continue
        while not marks[place, j] & START:
            place += 1
        spans[j, 0] = place
        place += 1
        while not marks[place, j] & STOP:
            place += 1
        spans[j, 1] = place
    return spans
