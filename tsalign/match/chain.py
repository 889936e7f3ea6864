"""Runs of sentences in any order: values, sums and the best runs over a lattice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tsalign.kernels import any_order
from tsalign.kernels.ordered import TIE
from tsalign.match.filling import Filling, mirrored
from tsalign.match.lattice import BEST, TOTAL, Lattice, Row, cover
from tsalign.match.path import Runs, Spans, peaks

MODERATE = 80.0, 200.0  # largest score, and start, for which linear sums cannot overflow


class States(NamedTuple):
    """The states of a lattice; fields as for `kernels.any_order.best_chains`."""

    which: NDArray[np.int64]
    start: Row
    windows: NDArray[np.int64]
    first: NDArray[np.int64]


class Chosen(NamedTuple):
    """The best runs in time, with sentence, concept and own value."""

    score: float
    runs: tuple[tuple[int, int, int, int, float], ...]


class Chain:
    """Any number of runs of any sentence, in any order, with nothing between them.

    Parameters
    ----------
    lattice : Lattice
        Scores, durations, windows; its `text` is added to every run, its `skips` are not used.
    """

    def __init__(self, lattice: Lattice) -> None:
        self._lattice = lattice
        s, c = lattice.text.shape
        self._count, self._k = s, lattice.rows.shape[1]
        which = np.tile(np.arange(c), s) if lattice.concepts else np.arange(s)
        self._states = States(
            which,
            lattice.text.ravel(),
            np.repeat(lattice.windows, c, axis=0),
            np.arange(s + 1) * c,
        )
        self._longest = 0 if lattice.prior is None else lattice.prior.shape[-1]
        self._tables: dict[str, tuple] = {}

    @cached_property
    def _scores(self) -> NDArray[np.float32]:
        return np.ascontiguousarray(self._lattice.rows.T)

    def best(self) -> tuple[Row, Row]:
        """Return the best values `(k + 1,)` of the first t segments, and of those from t on."""
        if self._lattice.prior is not None:
            text = self._lattice.text
            return self._forth.best(text)[0], self._back.best(text)[0][::-1].copy()
        return self._chain(any_order.best_chains), self._chain(any_order.best_chains, back=True)

    def total(self) -> tuple[Row, Row]:
        """Return the log sums likewise."""
        if self._lattice.prior is not None:
            text = self._lattice.text
            return self._forth.total(text), self._back.total(text)[::-1].copy()
        return self._chain(self._sums()), self._chain(self._sums(), back=True)

    def best_without(self, sentences: NDArray[np.int64]) -> Row:
        """Return the best value without any run of each of these sentences."""
        if self._lattice.prior is None:
            return self._ends(any_order.best_chains, sentences)
        if self._lattice.concepts:
            return np.array([self._forth.best(text)[0][-1] for text in self._less(sentences)])
        top, second, owner = self._best_table()
        tables = (np.where(owner == j, second, top) for j in sentences)
        return np.array([_ends(any_order.best_of_spans, t) for t in tables])

    def total_without(self, sentences: NDArray[np.int64]) -> Row:
        """Return the log sum without any run of each of these sentences."""
        if self._lattice.prior is None:
            return self._ends(self._sums(), sentences)
        if self._lattice.concepts:
            return np.array([self._forth.total(text)[-1] for text in self._less(sentences)])
        total = self._total_table()
        tables = (any_order.without(total, self._values(j, TOTAL)) for j in sentences)
        return np.array([_ends(any_order.total_of_spans, t) for t in tables])

    def chosen(self, after: Row) -> Chosen:
        """Return the runs of the optimum: earliest start, shortest run, first sentence, concept.

        Parameters
        ----------
        after : (k + 1,) float64
            Best value of the segments from each place on.
        """
        tolerance = TIE * max(1.0, after[0])
        lattice, (which, start, windows, _) = self._lattice, self._states
        opening, closing = self._edges()
        opens = np.zeros((self._count, self._k + 1), bool)
        for j in range(self._count):
            opens[j] = lattice.starting(j, after, BEST) >= after - tolerance
        runs, place = [], 0
        for at in np.flatnonzero(opens.any(axis=0)).tolist():
            if at >= place and after[at] > tolerance:
                open_ = np.repeat(opens[:, at], lattice.text.shape[1])
                begun = start if opening is None else start + opening[at]
                common = lattice.rows, which, begun, self._prior, windows, open_, after
                end, state = any_order.first_run(*common, at, tolerance, closing)
                if state >= 0:
                    j, c = divmod(state, lattice.text.shape[1])
                    runs.append((at, end, j, c, self._value(at, end, j, c)))
                    place = end
        return Chosen(float(after[0]), tuple(runs))

    def _value(self, a: int, b: int, j: int, c: int) -> float:
        rows, text, prior = self._lattice.choices(j)
        value = rows[c, a:b].sum(dtype=np.float64) + text[c]
        if self._lattice.edges is not None:
            value += self._lattice.edges[0, j, a] + self._lattice.edges[1, j, b]
        return float(value if prior is None else value + prior[c, b - a - 1])

    @cached_property
    def _prior(self) -> NDArray[np.float64]:
        """Log prior of run lengths of each state; no columns for none."""
        which, prior = self._states.which, self._lattice.prior
        if prior is None:
            return np.empty((len(which), 0))
        return prior[which] if prior.ndim == 2 else prior.reshape(len(which), -1)

    def _edges(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | tuple[None, None]:
        """Return what it is worth that each state starts, and ends, at each place: (k + 1, n)."""
        if self._lattice.edges is None:
            return None, None
        both = np.repeat(self._lattice.edges, self._lattice.text.shape[1], axis=1)
        return np.ascontiguousarray(both[0].T), np.ascontiguousarray(both[1].T)

    def _sums(self) -> Callable[..., None]:
        if self._lattice.edges is not None:
            return any_order.total_chains_steep
        score = float(self._lattice.rows.max(initial=0.0))
        start = self._states.start[self._states.start > -np.inf]
        moderate = score < MODERATE[0] and float(abs(start).max(initial=0.0)) < MODERATE[1]
        return any_order.total_chains if moderate else any_order.total_chains_steep

    def _chain(self, kernel: Callable[..., None], back: bool = False) -> Row:
        out = np.empty((1, self._k + 1))
        scores, windows, edges = self._scores, self._states.windows, self._edges()
        if back:
            scores, windows = np.ascontiguousarray(scores[::-1]), self._k - windows[:, ::-1]
            edges = edges if edges[0] is None else (edges[1][::-1].copy(), edges[0][::-1].copy())
        which, start, _, first = self._states
        kernel(scores, which, start, windows.copy(), first, np.array([-1]), out, *edges)
        return out[0, ::-1].copy() if back else out[0]

    def _ends(self, kernel: Callable[..., None], sentences: NDArray[np.int64]) -> Row:
        out = np.empty((len(sentences), 1))
        kernel(self._scores, *self._states, sentences, out, *self._edges())
        return out[:, 0]

    @cached_property
    def _forth(self) -> Filling:
        return Filling(self._lattice)

    @cached_property
    def _back(self) -> Filling:
        return Filling(mirrored(self._lattice))

    def _less(self, sentences: NDArray[np.int64]) -> Iterator[NDArray[np.float64]]:
        """Yield the text without each of these sentences."""
        for j in sentences:
            text = self._lattice.text.copy()
            text[j] = -np.inf
            yield text

    def _values(self, j: int, ring: object) -> NDArray[np.float64]:
        """Return the value `(D, k)` of each single run of a sentence, over its concepts."""
        rows, text, prior = self._lattice.choices(j)
        joined = np.full((prior.shape[1], self._k), -np.inf)
        values = np.empty_like(joined)
        for row, extra, chance in zip(rows, text, prior, strict=True):
            any_order.span_values(row, extra, chance, *self._lattice.windows[j], values)
            if ring is BEST:
                np.maximum(joined, values, out=joined)
            else:
                any_order.join_total(values, joined)
        if self._lattice.edges is not None:
            opens, closes = self._lattice.edges[:, j]
            for d in range(min(joined.shape)):
                joined[d, : self._k - d] += opens[: self._k - d] + closes[d + 1 :]
        return joined

    def _best_table(self) -> tuple:
        if "best" not in self._tables:
            shape = self._longest, self._k
            top, second = np.full(shape, -np.inf), np.full(shape, -np.inf)
            owner = np.full(shape, -1, np.int32)
            for j in range(self._count):
                any_order.join_best(self._values(j, BEST), j, top, second, owner)
            self._tables["best"] = top, second, owner
        return self._tables["best"]

    def _total_table(self) -> NDArray[np.float64]:
        if "total" not in self._tables:
            total = np.full((self._longest, self._k), -np.inf)
            for j in range(self._count):
                any_order.join_total(self._values(j, TOTAL), total)
            self._tables["total"] = (total,)
        return self._tables["total"][0]


def sums(lattice: Lattice, chain: Chain) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the posterior `(k, s)` and the chance `(s,)` of any run of each sentence."""
    before, after = chain.total()
    count, whole = len(lattice.text), before[-1]
    posterior = np.empty((count, len(before) - 1), np.float32)
    for j in range(count):
        opening = before + lattice.starting(j, after, TOTAL)
        closing = lattice.ending(j, before, TOTAL) + after
        posterior[j], _ = cover(opening, closing, whole)
    missing = np.exp(np.minimum(chain.total_without(np.arange(count)) - whole, 0.0))
    return np.ascontiguousarray(posterior.T), (1.0 - missing).astype(np.float32)


def margins(
    lattice: Lattice, chain: Chain, spans: NDArray[np.int64], count: int, max_overlap: float
) -> tuple[NDArray[np.float32], tuple[Spans, ...]]:
    """Return what depends on each sentence, and further spans of it; see `Decoded`."""
    before, after = chain.best()
    tolerance = TIE * max(1.0, after[0])
    used = np.flatnonzero(spans[:, 0] >= 0)
    left_out = np.full(len(spans), before[-1])
    left_out[used] = chain.best_without(used)
    margin, further = np.empty(len(spans), np.float32), []
    for j, gone in enumerate(left_out):
        opening = before + lattice.starting(j, after, BEST) - gone
        closing = lattice.ending(j, before, BEST) + after - gone
        margin[j] = opening.max()
        runs = Runs(lattice, j, before, after, tolerance)
        further.append(peaks(opening, closing, runs, spans[j], count, max_overlap))
    return margin, tuple(further)


def _ends(kernel: Callable[..., None], table: NDArray[np.float64]) -> float:
    out = np.empty(table.shape[1] + 1)
    kernel(table, out)
    return float(out[-1])
