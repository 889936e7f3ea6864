"""Blocks of sentences over segments: ordered inside, in any order between them, exactly.

A block speaks of one stretch; stretches do not overlap. The state is the set of blocks that were
told so far. Blocks without a placed sentence are never entered: their cost is paid at the end, so
that each alignment is counted once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tsalign.kernels.ordered import TIE
from tsalign.match.lattice import BEST, Lattice, Row, Semiring, cover
from tsalign.match.path import Best, Runs, Spans, peaks


@dataclass(frozen=True, eq=False)
class Way:
    """A block entered from a set of blocks: values sentence by sentence.

    Parameters
    ----------
    before : (k + 1,) float64
        Values it was entered with.
    entries : list of (k + 1,) float64
        Before each sentence: all earlier ones of the block, within the first t segments.
    runs : list of (k + 1,) float64
        With its run ending at t.
    placed : list of (k + 1,) float64
        As `entries`, with at least one sentence placed; one longer.
    """

    before: Row
    entries: list[Row]
    runs: list[Row]
    placed: list[Row]


@dataclass(frozen=True, eq=False)
class Rest:
    """A block and what may follow it, from each place on.

    Parameters
    ----------
    starts : list of (k + 1,) float64
        With the run of each sentence starting at t.
    any : list of (k + 1,) float64
        This sentence of the block and later ones, placed or not; one longer.
    placed : list of (k + 1,) float64
        The same with at least one of them placed; one longer.
    """

    starts: list[Row]
    any: list[Row]
    placed: list[Row]


class Subsets:
    """Joined values of all ways to place blocks.

    Parameters
    ----------
    lattice : Lattice
        Sentences, scores, durations, windows, costs.
    blocks : sequence of sequences of int
        Sentences of each block, in their order.
    ring : Semiring
        Best values or log sums.
    """

    def __init__(self, lattice: Lattice, blocks: Sequence[Sequence[int]], ring: Semiring) -> None:
        self.lattice, self.blocks, self.ring = lattice, blocks, ring
        self._join = np.maximum if ring is BEST else np.logaddexp
        self._costs = [float(lattice.skips[list(block)].sum()) for block in blocks]
        self._places = lattice.rows.shape[1] + 1

    @cached_property
    def before(self) -> NDArray[np.float64]:
        """Values `(2 ** b, k + 1)` of each set of blocks within the first t segments."""
        out = np.full((1 << len(self.blocks), self._places), -np.inf)
        out[0] = 0.0
        for told, b in self.steps():
            into = told | 1 << b
            out[into] = self._join(out[into], self.way(b, out[told]).placed[-1])
        return out

    @cached_property
    def after(self) -> NDArray[np.float64]:
        """Values `(2 ** b, k + 1)` of what may follow each set of blocks from each place on."""
        sets = range(1 << len(self.blocks))
        out = np.array([np.full(self._places, -self.untold(told)) for told in sets])
        for told, b in reversed(list(self.steps())):
            rest = self.rest(b, out[told | 1 << b])
            out[told] = self._join(out[told], rest.placed[0])
        return out

    def steps(self) -> Iterator[tuple[int, int]]:
        """Yield each set of blocks with each block outside it."""
        for told in range(1 << len(self.blocks)):
            for b in range(len(self.blocks)):
                if not told >> b & 1:
                    yield told, b

    def untold(self, told: int) -> float:
        """Return the cost of leaving out all blocks outside a set."""
        return sum(cost for b, cost in enumerate(self._costs) if not told >> b & 1)

    def way(self, b: int, before: Row) -> Way:
        """Go through a block from the values before it."""
        found = Way(before, [], [], [np.full(self._places, -np.inf)])
        passed = 0.0
        for j in self.blocks[b]:
            entry = self._join(found.placed[-1], before - passed)
            runs = self._ending(j, entry)
            found.entries.append(entry)
            found.runs.append(runs)
            left_out = found.placed[-1] - self.lattice.skips[j]
            found.placed.append(self._join(left_out, self._join.accumulate(runs)))
            passed += self.lattice.skips[j]
        return found

    def rest(self, b: int, after: Row) -> Rest:
        """Go back through a block from the values after it; lists in the order of its sentences."""
        starts, some, placed = [], [after], [np.full(self._places, -np.inf)]
        for j in reversed(self.blocks[b]):
            start = self.lattice.starting(j, some[-1], self.ring)
            later = self._join.accumulate(start[::-1])[::-1]
            starts.append(start)
            some.append(self._join(some[-1] - self.lattice.skips[j], later))
            placed.append(self._join(placed[-1] - self.lattice.skips[j], later))
        return Rest(starts[::-1], some[::-1], placed[::-1])

    def _ending(self, j: int, before: Row) -> Row:
        """Join runs that end at each place; places that cannot be reached are left aside."""
        lattice, (lo, hi) = self.lattice, self.lattice.windows[j].tolist()
        first = min(int(np.searchsorted(before > -np.inf, True)), self._places - 1)
        if first > lo:
            windows = lattice.windows.copy()
            windows[j] = first, max(first, hi)
            lattice = replace(lattice, windows=windows)
        return lattice.ending(j, before, self.ring)

    def passages(self, b: int) -> list[tuple[Way, Rest]]:
        """Return the block entered from each set of others, and what may follow it."""
        sets = [told for told in range(1 << len(self.blocks)) if not told >> b & 1]
        return [
            (self.way(b, self.before[told]), self.rest(b, self.after[told | 1 << b]))
            for told in sets
        ]


def totals(subsets: Subsets) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return posteriors `(k, s)` and chances `(s,)` of being placed, over all alignments."""
    lattice, whole = subsets.lattice, subsets.after[0, 0]
    posterior = np.zeros((len(lattice.text), lattice.rows.shape[1]), np.float32)
    placed = np.zeros(len(posterior), np.float32)
    for b, block in enumerate(subsets.blocks):
        passages = subsets.passages(b)
        for i, j in enumerate(block):
            opening = [way.entries[i] + rest.starts[i] for way, rest in passages]
            closing = [way.runs[i] + rest.any[i + 1] for way, rest in passages]
            joined = np.logaddexp.reduce(opening), np.logaddexp.reduce(closing)
            posterior[j], placed[j] = cover(*joined, whole)
    return np.ascontiguousarray(posterior.T), placed


def best_of_all(subsets: Subsets, count: int, max_overlap: float) -> Best:
    """Find the best alignment, max-marginals and alternatives; see `path.best`."""
    lattice, whole = subsets.lattice, float(subsets.after[0, 0])
    spans, concepts = trace(subsets)
    tolerance = TIE * max(1.0, abs(whole))
    margin = np.empty(len(spans), np.float32)
    further: list[Spans] = [()] * len(spans)
    for b, block in enumerate(subsets.blocks):
        passages, untold = subsets.passages(b), _best_untold(subsets, b)
        for i, j in enumerate(block):
            without = max(
                untold, max(_best_left_out(subsets, block[: i + 1], *p) for p in passages)
            )
            ends = Ends(passages, lattice, i, j, tolerance)
            opening, closing = ends.opening - without, ends.closing - without
            margin[j] = opening.max()
            further[j] = peaks(opening, closing, ends, spans[j], count, max_overlap)
    return Best(whole, spans, concepts, margin, tuple(further))


def _best_untold(subsets: Subsets, b: int) -> float:
    """Return the best value with a whole block left out."""
    sets = [told for told in range(len(subsets.before)) if not told >> b & 1]
    return max(float(subsets.before[told, -1]) - subsets.untold(told) for told in sets)


def _best_left_out(subsets: Subsets, until: Sequence[int], way: Way, rest: Rest) -> float:
    """Return the best value of a told block with the last of these sentences left out."""
    i, skips = len(until) - 1, subsets.lattice.skips
    earlier = (way.placed[i] + rest.any[i + 1]).max() - skips[until[-1]]
    passed = float(skips[list(until)].sum())
    later = (way.before + rest.placed[i + 1]).max() - passed
    return float(max(earlier, later))


class Ends:
    """The other end of a span of one sentence, whatever blocks were told before.

    Parameters
    ----------
    passages : list of (Way, Rest)
        Its block entered from each set of others.
    lattice : Lattice
        The problem.
    i, j : int
        Its number in the block, and in the note.
    tolerance : float
        Values closer than this are equal; the shortest run wins.
    """

    def __init__(
        self,
        passages: list[tuple[Way, Rest]],
        lattice: Lattice,
        i: int,
        j: int,
        tolerance: float,
    ) -> None:
        opening = np.array([way.entries[i] + rest.starts[i] for way, rest in passages])
        closing = np.array([way.runs[i] + rest.any[i + 1] for way, rest in passages])
        self._from, self._to = opening.argmax(0), closing.argmax(0)
        self.opening, self.closing = opening.max(0), closing.max(0)
        self._runs = [
            Runs(lattice, j, way.entries[i], np.ascontiguousarray(rest.any[i + 1]), tolerance)
            for way, rest in passages
        ]

    def end(self, start: int) -> tuple[int, int]:
        """Return the end, and the concept, of the best run from a start."""
        return self._runs[self._from[start]].end(start)

    def start(self, end: int) -> int:
        """Return the start of the best run up to an end."""
        return self._runs[self._to[end]].start(end)


def trace(subsets: Subsets) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return spans and concepts of the best alignment.

    Of equal ones that goes on with the block whose first run starts earliest, then the first
    block; inside a block as `path.best`.
    """
    lattice, after = subsets.lattice, subsets.after
    tolerance = TIE * max(1.0, abs(after[0, 0]))
    spans = np.full((len(lattice.text), 2), -1)
    concepts = np.full(len(spans), -1, np.int32)
    told = place = 0
    while after[told, place] > -subsets.untold(told) + tolerance:
        options = []
        for b in range(len(subsets.blocks)):
            if not told >> b & 1:
                rest = subsets.rest(b, after[told | 1 << b])
                if rest.placed[0][place] >= after[told, place] - tolerance:
                    found = _trace_block(subsets, b, rest, place, tolerance)
                    options.append((found[0][1], b, found))
        _, b, found = min(options)
        for j, start, end, concept in found:
            spans[j], concepts[j], place = (start, end), concept, end
        told |= 1 << b
    return spans, concepts


def _trace_block(
    subsets: Subsets, b: int, rest: Rest, place: int, tolerance: float
) -> list[tuple[int, int, int, int]]:
    """Return sentence, start, end and concept of the best runs of a block from a place on."""
    found: list[tuple[int, int, int, int]] = []
    for i, j in enumerate(subsets.blocks[b]):
        values = rest.any if found else rest.placed
        left_out = values[i + 1][place] - subsets.lattice.skips[j]
        if values[i][place] > left_out + tolerance:
            reached = rest.starts[i][place:] >= values[i][place] - tolerance
            start = place + int(np.argmax(reached))
            later = np.ascontiguousarray(rest.any[i + 1])
            runs = Runs(subsets.lattice, j, later, later, tolerance)
            place, concept = runs.end(start)
            found.append((j, start, place, concept))
    return found
