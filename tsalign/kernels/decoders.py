"""Steps of ordered decoding, one sentence at a time: the best runs that end at each place.

A place `t` of `0..k` lies before segment `t`. `before[t]` is the best value of all earlier
sentences within the first `t` segments; a step gives, for each place, the best value with this
sentence's run ending exactly there. Runs never contain a segment whose score is -inf.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Row = NDArray[np.float64]
Rows = NDArray[np.float32]
TILE = 512  # places whose tables stay in the first-level cache while all lengths pass over them


@njit(cache=True)
def raise_to(best: Row, opened: Row, prior: float) -> None:
    """Take the maximum with shifted values; slices keep it in the vector lanes."""
    for i in range(best.shape[0]):
        value = opened[i] + prior
        best[i] = value if value > best[i] else best[i]


@njit(cache=True)
def raise_by_four(best: Row, opened: Row, prior: Row) -> None:
    """Do so for four lengths at once: `best` is read and written a quarter as often."""
    p, q, r, s = prior[0], prior[1], prior[2], prior[3]
    third, second, first = opened[3:], opened[2:], opened[1:]
    for i in range(best.shape[0]):
        a, b = third[i] + p, second[i] + q
        c, d = first[i] + r, opened[i] + s
        a = b if b > a else a
        c = d if d > c else c
        a = c if c > a else a
        best[i] = a if a > best[i] else best[i]


@njit(cache=True)
def open_runs(before: Row, row: Rows, gain: Row, opened: Row) -> None:
    """Fill a tile: `gain (m + 1,)` sums the row's m scores, `opened (m,)` is before less gain.

    Sums start anew in each tile: over a long recording they would lose the digits that tell
    close runs apart.
    """
    gain[0] = 0.0
    for i in range(opened.shape[0]):
        opened[i] = before[i] - gain[i]
        gain[i + 1] = gain[i] + row[i]


@njit(cache=True)
def finite_run(row: Rows, start: int, hi: int) -> tuple[int, int]:
    """Return the next stretch without -inf at or after start, empty at hi when there is none."""
    while start < hi and row[start] == -np.inf:
        start += 1
    stop = start
    while stop < hi and row[stop] > -np.inf:
        stop += 1
    return start, stop


@njit(cache=True)
def best_free(before: Row, rows: Rows, text: Row, lo: int, hi: int, out: Row) -> None:
    """Join runs of any length.

    Parameters
    ----------
    before : (k + 1,) float64
        Values to start from, finite.
    rows : (c, k) float32
        Scores of each concept.
    text : (c,) float64
        Added once for the concept taken.
    lo, hi : int
        Only segments in [lo, hi) may be used.
    out : (k + 1,) float64
        Raised to the best value of a run that ends at each place.
    """
    for c in range(rows.shape[0]):
        row, extra, run = rows[c], text[c], -np.inf
        for t in range(lo, hi):
            start = before[t]
            run = (run if run > start else start) + row[t]
            value = run + extra
            out[t + 1] = value if value > out[t + 1] else out[t + 1]


@njit(cache=True)
def best_bounded(
    before: Row, rows: Rows, text: Row, prior: Row, lo: int, hi: int, out: Row
) -> None:
    """Join runs of 1 to D segments with a log prior of each length.

    Parameters
    ----------
    before, rows, text, lo, hi, out
        As for `best_free`.
    prior : (c, D) float64
        Log prior of a run of 1..D segments; -inf forbids a length.
    """
    longest = prior.shape[1]
    gain, opened = np.empty(TILE + longest + 1), np.empty(TILE + longest)
    best = np.empty(TILE)
    for c in range(rows.shape[0]):
        row, chance = rows[c], prior[c]
        start, stop = finite_run(row, lo, hi)
        while start < hi:
            for first in range(start + 1, stop + 1, TILE):
                last = min(first + TILE, stop + 1)
                source = max(start, first - longest)
                size = last - 1 - source
                open_runs(before[source:], row[source:], gain, opened[:size])
                tile = best[: last - first]
                best_of_lengths(opened[:size], chance, first - source, tile)
                for i in range(last - first):
                    value = tile[i] + gain[first - source + i] + text[c]
                    out[first + i] = value if value > out[first + i] else out[first + i]
            start, stop = finite_run(row, stop, hi)


@njit(cache=True)
def best_of_lengths(opened: Row, prior: Row, offset: int, best: Row) -> None:
    """Set `best[i]` to the maximum over d of `opened[offset + i - d] + prior[d - 1]`."""
    best[:] = -np.inf
    longest, d = min(prior.shape[0], opened.shape[0]), 1
    while d + 3 <= min(longest, offset):
        raise_by_four(best, opened[offset - d - 3 :], prior[d - 1 :])
        d += 4
    while d <= longest:
        skip = max(0, d - offset)
        if prior[d - 1] > -np.inf:
            raise_to(best[skip:], opened[offset + skip - d :], prior[d - 1])
        d += 1


@njit(cache=True)
def free_ends(
    rows: Rows, text: Row, after: Row, lo: int, hi: int, tolerance: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the shortest best end, and its concept, of a run of any length from every start.

    Parameters
    ----------
    rows, text, lo, hi
        As for `best_free`.
    after : (k + 1,) float64
        Best value of all later sentences within the segments from each place on.
    tolerance : float
        Values closer than this are equal.
    """
    ends, concepts = np.full(rows.shape[1], -1), np.zeros(rows.shape[1], np.int64)
    best = np.full(rows.shape[1], -np.inf)
    for c in range(rows.shape[0]):
        end, later = -1, -np.inf
        for t in range(hi - 1, lo - 1, -1):
            if after[t + 1] >= later - tolerance:
                end = t + 1
            later = max(later, after[t + 1]) + rows[c, t]
            value = later + text[c]
            shorter = value >= best[t] - tolerance and end < ends[t]
            if shorter or value > best[t] + tolerance:
                ends[t], concepts[t] = end, c
            best[t] = max(best[t], value)
    return ends, concepts


@njit(cache=True)
def bounded_end(
    rows: Rows, text: Row, prior: Row, after: Row, start: int, hi: int, tolerance: float
) -> tuple[int, int]:
    """Return the shortest best end, and its concept, of a run of 1..D segments from one start.

    Parameters
    ----------
    rows, text, prior, hi
        As for `best_bounded`.
    after, tolerance
        As for `free_ends`.
    start : int
        First segment of the run.
    """
    end, concept, best = -1, 0, -np.inf
    for c in range(rows.shape[0]):
        run = text[c]
        for t in range(start, min(hi, start + prior.shape[1])):
            run += rows[c, t]
            value = run + prior[c, t - start] + after[t + 1]
            if value > best + tolerance or (value >= best - tolerance and t + 1 < end):
                end, concept = t + 1, c
            best = max(best, value)
    return end, concept


@njit(cache=True)
def best_close(after: Row, starts: Row, lo: int, skip: float, out: Row) -> None:
    """Take the best from each place on: the sentence left out, or its run started there or later.

    Parameters
    ----------
    after : (k + 1,) float64
        Best values of all later sentences.
    starts : (m,) float64
        Best values with this one's run starting at each of the places from `lo` on.
    lo : int
        It starts nowhere else.
    skip : float
        Cost of leaving it out.
    out : (k + 1,) float64
        Best values of this sentence and all later ones.
    """
    best = -np.inf
    for t in range(after.shape[0]):
        out[t] = after[t] - skip
    for t in range(starts.shape[0] - 1, -1, -1):
        best = starts[t] if starts[t] > best else best
        out[lo + t] = best if best > out[lo + t] else out[lo + t]
    for t in range(lo):
        out[t] = best if best > out[t] else out[t]


@njit(cache=True)
def local_maxima(values: Row) -> NDArray[np.int64]:
    """Return the places above the one before and not below the one after; none of -inf."""
    found, count = np.empty(values.shape[0], np.int64), 0
    before = -np.inf
    for t in range(values.shape[0]):
        after = values[t + 1] if t + 1 < values.shape[0] else -np.inf
        found[count] = t  # overwritten unless counted: a branch here would be guessed wrong
        count += int(values[t] > before) & int(values[t] >= after)
        before = values[t]
    return found[:count]


@njit(cache=True)
def add_logs(a: float, b: float) -> float:
    """Return log(exp(a) + exp(b)); either may be -inf."""
    if a < b:
        a, b = b, a
    return a if b == -np.inf else a + math.log1p(math.exp(b - a))
