"""The best path through the lattice, what depends on each sentence, and where else it fits."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tsalign.kernels import decoders
from tsalign.kernels.ordered import TIE, mark, walk
from tsalign.match.lattice import BEST, Lattice, Row

Spans = tuple[tuple[int, int, float], ...]
DECIMALS = 6  # of the values of alternatives, so that the rounding of sums does not order them
CANDIDATES = 8  # local maxima looked at for each alternative asked for


class Best(NamedTuple):
    """The best alignment, and how much depends on each sentence; fields as in `Decoded`."""

    score: float
    spans: NDArray[np.int64]
    concepts: NDArray[np.int32]
    margin: NDArray[np.float32]
    alternatives: tuple[Spans, ...]


def best(lattice: Lattice, count: int, max_overlap: float) -> Best:
    """Find the best alignment, max-marginals and alternatives.

    Parameters
    ----------
    lattice : Lattice
        What to align.
    count : int
        Alternatives wanted for each sentence.
    max_overlap : float
        Largest IoU between two spans of one sentence.
    """
    after, starts = lattice.suffixes(BEST)
    tolerance = TIE * max(1.0, abs(after[0, 0]))
    spans, concepts = np.full((len(starts), 2), -1), np.full(len(starts), -1, np.int32)
    margin, further = np.empty(len(starts), np.float32), []
    before, place = np.zeros(after.shape[1]), 0
    for j, row in enumerate(starts):
        runs = Runs(lattice, j, before, after[j + 1], tolerance)
        without = after[j + 1, place] - lattice.skips[j]
        if after[j, place] > without + tolerance:
            start = place + int(np.argmax(row[place:] >= after[j, place] - tolerance))
            place, concepts[j] = runs.end(start)
            spans[j] = start, place
        ending = lattice.ending(j, before, BEST)
        left_out = np.max(before + after[j + 1]) - lattice.skips[j]
        opening, closing = before + row - left_out, ending + after[j + 1] - left_out
        margin[j] = opening.max()
        further.append(peaks(opening, closing, runs, spans[j], count, max_overlap))
        before = BEST.close(before, ending, lattice.skips[j])
    return Best(float(after[0, 0]), spans, concepts, margin, tuple(further))


def only_spans(
    matrix: NDArray[np.float32], skips: NDArray[np.float64]
) -> tuple[NDArray[np.int64], float]:
    """Find the best spans of whole sentences without durations and windows, and their value.

    Parameters
    ----------
    matrix : (k, s) float32
        Checked scores; beside them a byte a cell is needed.
    skips : (s,) float64
        Costs of leaving sentences out.
    """
    marks = np.empty((len(matrix) + 1, matrix.shape[1]), np.uint8)
    score = mark(matrix, skips, marks)
    return walk(marks), float(score)


def only_best(lattice: Lattice) -> tuple[NDArray[np.int64], NDArray[np.int32], float]:
    """Find the best spans and concepts, and their value: a quarter of the work of `best`.

    Parameters
    ----------
    lattice : Lattice
        What to align.
    """
    count, lows = len(lattice.text), lattice.windows[:, 0]
    after, starts = np.zeros((count + 1, lattice.rows.shape[1] + 1)), []
    for j in range(count - 1, -1, -1):
        starts.append(lattice.starting_inside(j, after[j + 1], BEST))
        decoders.best_close(after[j + 1], starts[-1], lows[j], lattice.skips[j], after[j])
    tolerance = TIE * max(1.0, abs(after[0, 0]))
    spans, concepts = np.full((count, 2), -1), np.full(count, -1, np.int32)
    place, unused = 0, np.empty(0)
    for j in range(count):
        without = after[j + 1, place] - lattice.skips[j]
        if after[j, place] > without + tolerance:
            first = max(place, lows[j])
            row = starts[-1 - j][first - lows[j] :]
            start = first + int(np.argmax(row >= after[j, place] - tolerance))
            place, concepts[j] = Runs(lattice, j, unused, after[j + 1], tolerance).end(start)
            spans[j] = start, place
    return spans, concepts, float(after[0, 0])


class Others(Protocol):
    """What finds the other end, and the concept, of the best span of one sentence."""

    def end(self, start: int) -> tuple[int, int]:
        """Return the end, and the concept, of the best span from a start."""
        ...

    def start(self, end: int) -> int:
        """Return the start of the best span up to an end."""
        ...


class Runs:
    """The other end of the best run of one sentence from either of its ends.

    Parameters
    ----------
    lattice : Lattice
        The problem.
    j : int
        Sentence.
    before, after : (k + 1,) float64
        Best value of all earlier sentences up to each place, and of all later ones from it on;
        `before` is only looked at by `start`.
    tolerance : float
        Values closer than this are equal; the shortest run wins.
    """

    def __init__(self, lattice: Lattice, j: int, before: Row, after: Row, tolerance: float) -> None:
        lo, hi = lattice.windows[j].tolist()
        self._k, self._tolerance = len(after) - 1, tolerance
        self._choices = lattice.choices(j)
        self._before = lattice.opened(j, before) if len(before) else before
        self._ways: dict[int, tuple] = {0: (*self._choices, lattice.closed(j, after), lo, hi)}
        self._back = self._k - hi, self._k - lo
        self._all: dict[int, tuple[NDArray, NDArray]] = {}

    def end(self, start: int) -> tuple[int, int]:
        """Return the end, and the concept, of the best run from a start."""
        return self._other_end(0, start)

    def start(self, end: int) -> int:
        """Return the start of the best run up to an end."""
        return self._k - self._other_end(1, self._k - end)[0]

    def _other_end(self, way: int, place: int) -> tuple[int, int]:
        if way not in self._ways:
            rows, *rest = self._choices
            mirror = np.ascontiguousarray(rows[:, ::-1])
            self._ways[way] = mirror, *rest, self._before[::-1].copy(), *self._back
        rows, text, prior, beyond, lo, hi = self._ways[way]
        if prior is not None:
            common = beyond, place, hi, self._tolerance
            return decoders.bounded_end(rows, text, prior, *common)
        if way not in self._all:
            self._all[way] = decoders.free_ends(rows, text, beyond, lo, hi, self._tolerance)
        ends, concepts = self._all[way]
        return int(ends[place]), int(concepts[place])


def peaks(
    opening: Row, closing: Row, runs: Others, taken: Any, count: int, max_overlap: float
) -> Spans:
    """Return further spans of one sentence: local maxima over starts and ends, less overlaps.

    Both are needed: the best run from the start of a weak event may reach over a stronger one.

    Parameters
    ----------
    opening, closing : (k + 1,) float64
        Best value of a span that starts, and that ends, at each place; -inf where there is none.
    runs : Others
        Finds the other end.
    taken : (int, int)
        The span already chosen; -1, -1 for none.
    count : int
        Spans wanted at most.
    max_overlap : float
        Largest IoU with a better span.
    """
    if not count:
        return ()
    opening, closing = np.round(opening, DECIMALS), np.round(closing, DECIMALS)
    most = CANDIDATES * count
    found = {(a, runs.end(a)[0]): float(opening[a]) for a in _local_maxima(opening, most)}
    for b in _local_maxima(closing, most):
        found.setdefault((runs.start(b), b), float(closing[b]))
    found.pop((int(taken[0]), int(taken[1])), None)
    kept = [(int(taken[0]), int(taken[1]), 0.0)]
    for (a, b), value in sorted(found.items(), key=lambda item: (-item[1], item[0])):
        if len(kept) <= count and all(_iou((a, b), other) <= max_overlap for other in kept):
            kept.append((a, b, value))
    return tuple(kept[1:])


def _local_maxima(values: Row, most: int) -> list[int]:
    """Return the places of the highest local maxima, of equal ones the earliest."""
    places = decoders.local_maxima(values)
    if most < len(places):
        least = np.partition(values[places], -most)[-most]
        places = places[values[places] >= least]
    return places[np.argsort(-values[places], kind="stable")][:most].tolist()


def _iou(a: tuple[int, int], b: tuple[int, int, float]) -> float:
    common = max(min(a[1], b[1]) - max(a[0], b[0]), 0)
    return common / (a[1] - a[0] + b[1] - b[0] - common)
