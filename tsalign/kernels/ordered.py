"""Ordered decoding over scores as they come, segment by segment: the optimum and where it turns.

One pass from the last segment to the first keeps, for each sentence, the best value of it and all
later ones (`after`) and the best value of a run of it that covers the segment (`run`). Three bits
a cell say how the best alignment goes on from there; a walk from the first segment reads them.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

LEAST = -1e6  # scores from here down mean never
TIE = 1e-10  # relative difference up to which values are equal, above the rounding of sums
STOP, START, LEAVE = 1, 2, 4  # the run may end after the segment, start at it; the sentence waits
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
    marks : (k, s) uint8
        Set to the bits that hold where a sentence is next, or is being told.
    """
    k, s = scores.shape
    run, after = np.full(s, -np.inf), np.zeros(s + 1)
    for j in range(s - 1, -1, -1):
        after[j] = after[j + 1] - skips[j]
    for t in range(k - 1, -1, -1):
        tolerance = TIE * max(1.0, abs(after[0]))
        row, told = scores[t], marks[t]
        ended, right = 0.0, 0.0  # of all later sentences: from the next segment on, from this one
        for j in range(s - 1, -1, -1):
            value, best, rest = np.float64(row[j]), run[j], after[j]
            bits = np.uint8(ended >= best - tolerance)
            best = ended if ended > best else best
            best += -np.inf if value <= LEAST else value
            without = right - skips[j]
            top = best if best > rest else rest
            top = without if without > top else top
            bits |= np.uint8(best >= top - tolerance) << np.uint8(1)
            told[j] = bits | np.uint8(without >= top - tolerance) << np.uint8(2)
            run[j], after[j] = best, top
            ended, right = rest, top
    return after[0]


@njit(cache=True)
def walk(marks: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the spans `(s, 2)` that the marks tell: earliest start, then shortest run."""
    k, s = marks.shape
    spans = np.full((s, 2), -1)
    place = 0
    for j in range(s):
        if place == k or marks[place, j] & LEAVE:
            continue
        while not marks[place, j] & START:
            place += 1
        spans[j, 0] = place
        while not marks[place, j] & STOP:
            place += 1
        place += 1
        spans[j, 1] = place
    return spans
