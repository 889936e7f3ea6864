"""The lattice of sentences and places that the decoders walk, and its sums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tsalign.kernels import decoders, posteriors

Row = NDArray[np.float64]


class Semiring(NamedTuple):
    """How values are joined: the kernels for free and for bounded runs, the steps after them."""

    free: Callable[..., None]
    bounded: Callable[..., None]
    close: Callable[[Row, Row, float], Row]
    close_back: Callable[[Row, Row, float], Row]


def _best_close(before: Row, runs: Row, skip: float) -> Row:
    return _best_close_back(before[::-1], runs[::-1], skip)[::-1]


def _best_close_back(after: Row, starts: Row, skip: float) -> Row:
    out = np.empty(len(after))
    decoders.best_close(after, starts, 0, skip, out)
    return out


def _total_close(before: Row, runs: Row, skip: float) -> Row:
    out = np.empty_like(before)
    posteriors.total_close(before, runs, skip, out)
    return out


def _total_close_back(after: Row, starts: Row, skip: float) -> Row:
    return _total_close(after[::-1].copy(), starts[::-1].copy(), skip)[::-1]


BEST = Semiring(decoders.best_free, decoders.best_bounded, _best_close, _best_close_back)
TOTAL = Semiring(posteriors.total_free, posteriors.total_bounded, _total_close, _total_close_back)


@dataclass(frozen=True, eq=False)
class Lattice:
    """Sentences in order over segments; each takes one run of segments, or is left out.

    Parameters
    ----------
    rows : (r, k) float32
        Log-odds of each sentence (r = s), or of each concept.
    text : (s, c) float64
        Added once for the concept taken; zeros with c = 1 where rows are sentences.
    prior : (r, D) or (s, r, D) float64 or None
        Log prior of run lengths; with three axes each sentence has its own.
    windows : (s, 2) int64
        Segments each sentence may use.
    skips : (s,) float64
        Costs of leaving sentences out.
    concepts : bool
        Whether rows are concepts, which every sentence may take.
    edges : (2, s, k + 1) float64 or None
        Log prior of where the run of each sentence starts, and ends.
    """

    rows: NDArray[np.float32]
    text: NDArray[np.float64]
    prior: NDArray[np.float64] | None
    windows: NDArray[np.int64]
    skips: NDArray[np.float64]
    concepts: bool = False
    edges: NDArray[np.float64] | None = None

    def choices(self, j: int) -> tuple[Any, Row, Any]:
        """Return the rows, text and prior that sentence j may choose from."""
        own = slice(None) if self.concepts else slice(j, j + 1)
        if self.prior is None or self.prior.ndim == 2:
            return self.rows[own], self.text[j], None if self.prior is None else self.prior[own]
        return self.rows[own], self.text[j], self.prior[j]

    def opened(self, j: int, before: Row) -> Row:
        """Add to the values before each place what it is worth that sentence j starts there."""
        return before if self.edges is None else before + self.edges[0, j]

    def closed(self, j: int, after: Row) -> Row:
        """Add to the values after each place what it is worth that sentence j ends there."""
        return after if self.edges is None else after + self.edges[1, j]

    def ending(self, j: int, before: Row, ring: Semiring) -> Row:
        """Join, at each place, all runs of sentence j that end there."""
        rows, text, prior = self.choices(j)
        out = np.full(len(before), -np.inf)
        _join_runs(ring, self.opened(j, before), rows, text, prior, *self.windows[j], out)
        return self.closed(j, out)

    def starting(self, j: int, after: Row, ring: Semiring) -> Row:
        """Join, at each place, all runs of sentence j that start there."""
        out = np.full(len(after), -np.inf)
        lo, hi = self.windows[j].tolist()
        out[lo : hi + 1] = self.starting_inside(j, after, ring)
        return out

    def starting_inside(self, j: int, after: Row, ring: Semiring) -> Row:
        """Do so for the places of its window only: the way forth over mirrored scores."""
        rows, text, prior = self.choices(j)
        lo, hi = self.windows[j].tolist()
        mirror = np.ascontiguousarray(rows[:, lo:hi][:, ::-1])
        starts = np.full(hi - lo + 1, -np.inf)
        inside = self.closed(j, after)[lo : hi + 1][::-1].copy()
        _join_runs(ring, inside, mirror, text, prior, 0, hi - lo, starts)
        opens = 0.0 if self.edges is None else self.edges[0, j, lo : hi + 1]
        return starts[::-1] + opens

    def suffixes(self, ring: Semiring) -> tuple[NDArray, NDArray]:
        """Join all alignments of the last sentences from each place on.

        Returns
        -------
        after : (s + 1, k + 1) float64
            Sentences j.. within segments t.. .
        starts : (s, k + 1) float64
            The same with sentence j starting exactly at t.
        """
        s, k = len(self.text), self.rows.shape[1]
        after, starts = np.zeros((s + 1, k + 1)), np.empty((s, k + 1))
        for j in range(s - 1, -1, -1):
            starts[j] = self.starting(j, after[j + 1], ring)
            after[j] = ring.close_back(after[j + 1], starts[j], self.skips[j])
        return after, starts


def _join_runs(
    ring: Semiring, before: Row, rows: Any, text: Row, prior: Any, lo: int, hi: int, out: Row
) -> None:
    if prior is None:
        ring.free(before, rows, text, lo, hi, out)
    else:
        ring.bounded(before, rows, text, prior, lo, hi, out)


def total(lattice: Lattice) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Sum over all alignments.

    Returns
    -------
    posterior : (k, s) float32
        Probability that a sentence covers a segment.
    placed : (s,) float32
        Probability that a sentence is placed.
    """
    after, starts = lattice.suffixes(TOTAL)
    covered = np.empty((len(starts), after.shape[1] - 1), np.float32)
    placed = np.empty(len(starts), np.float32)
    before = np.zeros(after.shape[1])
    for j, row in enumerate(starts):
        runs = lattice.ending(j, before, TOTAL)
        covered[j], placed[j] = cover(before + row, runs + after[j + 1], after[0, 0])
        before = TOTAL.close(before, runs, lattice.skips[j])
    return np.ascontiguousarray(covered.T), placed


def cover(opening: Row, closing: Row, whole: float) -> tuple[Row, float]:
    """Return how probable it is that a run covers each segment, and that there is a run.

    Parameters
    ----------
    opening, closing : (k + 1,) float64
        Log sums of all alignments in which the run starts, and ends, at each place.
    whole : float
        Log sum of all alignments.
    """
    opens, closes = np.exp(opening - whole), np.exp(closing - whole)
    return np.clip(np.cumsum(opens - closes)[:-1], 0.0, 1.0), min(float(opens.sum()), 1.0)
