"""Any number of runs of any sentence, in any order: sentences that are alike count as one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from tsalign.kernels import filling
from tsalign.match.lattice import Lattice, Row


class Filling:
    """The ways to fill a recording with runs.

    Sentences that differ in nothing but their text share their states: of all of them the best
    one counts for each concept, or their sum.

    Parameters
    ----------
    lattice : Lattice
        Scores, durations, windows, edges; its `text` and `skips` are not used.

    Attributes
    ----------
    sums : (r, k + 1) float64
        Of the scores of each row before each place, -inf taken as 0.
    groups : list of (n,) int64
        Sentences that are alike.
    states : (m, 3) int64
        Row, group and line of `prior` of each state.
    prior : (q, D) float64
        Log priors of run lengths; D = 0 for none.
    edges : (2, g, k + 1) float64
        Log priors of where the runs of each group start and end.
    """

    def __init__(self, lattice: Lattice) -> None:
        count, k = lattice.rows.shape
        never = lattice.rows == -np.inf
        self.sums = np.zeros((count, k + 1))
        np.cumsum(np.where(never, 0, lattice.rows), axis=1, dtype=float, out=self.sums[:, 1:])
        self.clear = np.zeros((count, k + 1), np.int64)
        places = np.where(never, np.arange(1, k + 1), 0)
        np.maximum.accumulate(places, axis=1, out=self.clear[:, 1:])
        self.groups = _alike(lattice)
        first = [group[0] for group in self.groups]
        own = lattice.text.shape[1]
        self.states = np.array(
            [
                (c if lattice.concepts else j, g, _line(lattice, j, c))
                for g, j in enumerate(first)
                for c in range(own)
            ],
            np.int64,
        ).reshape(-1, 3)
        self.windows = lattice.windows[first]
        self.prior = np.zeros((1, 0))
        if lattice.prior is not None:
            self.prior = lattice.prior.reshape(-1, lattice.prior.shape[-1])
        backward = np.ascontiguousarray(self.prior[:, ::-1])
        none = np.zeros((2, len(first), k + 1))
        self.edges = none if lattice.edges is None else lattice.edges[:, first].copy()
        self._known = self.sums, self.clear, self.states
        self._more = self.windows, backward, self.edges

    def best(self, text: NDArray[np.float64]) -> tuple[Row, NDArray[np.int64]]:
        """Return the best values `(k + 1,)` of the first t segments, and the states that end.

        Parameters
        ----------
        text : (s, c) float64
            Added once for each run; -inf for none.
        """
        out, ended = np.empty(self.sums.shape[1]), np.empty(self.sums.shape[1], np.int64)
        filling.best(*self._known, self._joined(text, np.max), *self._more, out, ended)
        return out, ended

    def total(self, text: NDArray[np.float64]) -> Row:
        """Return the log sums likewise; run lengths have to be bounded."""
        out = np.empty(self.sums.shape[1])
        filling.total(*self._known, self._joined(text, logsumexp), *self._more, out)
        return out

    def runs(self, out: Row, ended: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the runs `(m, 2)` of what `best` returned, the last first."""
        return filling.runs(*self._known, *self._more, out, ended)

    def _joined(self, text: NDArray[np.float64], join: Callable[..., Row]) -> Row:
        with np.errstate(divide="ignore"):  # of a group without any text
            every = [np.empty(0), *(join(text[group], axis=0) for group in self.groups)]
        return np.concatenate(every)


def mirrored(lattice: Lattice) -> Lattice:
    """Return the lattice with time running backward."""
    k = lattice.rows.shape[1]
    edges = lattice.edges
    return replace(
        lattice,
        rows=np.ascontiguousarray(lattice.rows[:, ::-1]),
        windows=k - lattice.windows[:, ::-1],
        edges=None if edges is None else edges[::-1, :, ::-1].copy(),
    )


def _line(lattice: Lattice, j: int, c: int) -> int:
    """Return the line among all log priors of what sentence j takes for concept c."""
    if lattice.prior is None:
        return 0
    if lattice.prior.ndim == 3:
        return j * lattice.prior.shape[1] + c
    return c if lattice.concepts else j


def _alike(lattice: Lattice) -> list[NDArray[np.int64]]:
    """Return groups of sentences that differ in nothing but their text and their costs."""
    groups: dict[tuple, list[int]] = {}
    for j in range(len(lattice.text)):
        edges = b"" if lattice.edges is None else lattice.edges[:, j].tobytes()
        own = lattice.prior is not None and lattice.prior.ndim == 3
        prior = lattice.prior[j].tobytes() if lattice.prior is not None and own else b""
        alone = -1 if lattice.concepts else j
        groups.setdefault((alone, lattice.windows[j].tobytes(), edges, prior), []).append(j)
    return [np.array(group) for group in groups.values()]
