"""An order for sentences that may stand in any: each pays a price until none is wanted twice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tsalign.kernels import filling
from tsalign.match.lattice import Lattice

ROUNDS = 20  # of prices: more of them found nothing better in notes of twenty sentences
NEVER = -1e4  # for -inf, so that sums stay finite: what is possible is decided elsewhere
CLOSE = 1e-3  # nats between bound and value at which no price changes any more


class Market:
    """Runs on offer, and sentences that want one each.

    Without the rule that a sentence takes one run at most, the best runs in any order are found
    in one pass. Prices bring the rule back: whoever takes two runs becomes dearer, whoever takes
    none cheaper, down to nothing. Every set of prices bounds the value from above; assigning the
    runs found, each to one sentence, bounds it from below.

    Parameters
    ----------
    lattice : Lattice
        What to align.

    References
    ----------
    Fisher, The Lagrangian relaxation method for solving integer programming problems, Management
    Science 1981, equations 4-6 (steps).
    """

    def __init__(self, lattice: Lattice) -> None:
        self._lattice = lattice
        count, k = lattice.rows.shape
        self._sums = np.zeros((count, k + 1))
        rows = np.maximum(lattice.rows, NEVER)
        np.cumsum(rows, axis=1, dtype=np.float64, out=self._sums[:, 1:])
        self._groups = _alike(lattice)
        first = [group[0] for group in self._groups]
        own = range(count) if lattice.concepts else range(1)
        self._states = np.array(
            [
                (c if lattice.concepts else j, g, self._line(j, c))
                for g, j in enumerate(first)
                for c in own
            ],
            np.int64,
        )
        self._windows = lattice.windows[first]
        self._prior = np.zeros((1, 0))
        if lattice.prior is not None:
            prior = np.maximum(lattice.prior, NEVER)
            self._prior = prior.reshape(-1, prior.shape[-1])
        self._backward = np.ascontiguousarray(self._prior[:, ::-1])
        none = np.zeros((2, len(first), k + 1))
        edges = none if lattice.edges is None else lattice.edges[:, first]
        self._edges = np.maximum(edges, NEVER)

    def places(self) -> NDArray[np.float64]:
        """Return the place `(s,)` of each sentence in the best alignment found; inf for none."""
        skips = self._lattice.skips
        price, best, bound = skips.copy(), -np.inf, np.inf
        places = np.full(len(price), np.inf)
        for _ in range(ROUNDS):
            value, runs, takers = self._wanted(price)
            value += price.sum() - skips.sum()
            bound = min(bound, value)
            found, where = self._assigned(runs)
            if found > best:
                best, places = found, where
            excess = np.bincount(takers, minlength=len(price)) - 1.0
            excess[(excess < 0) & (price <= 0)] = 0.0
            if bound - best < CLOSE or not excess.any():
                break
            price = np.maximum(price + (value - best) / (excess @ excess) * excess, 0.0)
        return places

    def _line(self, j: int, c: int) -> int:
        """Return the line among all log priors of what sentence j takes for concept c."""
        prior = self._lattice.prior
        if prior is None:
            return 0
        own = c if self._lattice.concepts else j
        return own if prior.ndim == 2 else j * prior.shape[1] + c

    def _wanted(
        self, price: NDArray[np.float64]
    ) -> tuple[float, NDArray[np.int64], NDArray[np.int64]]:
        """Return the value of the best runs at these prices, the runs, and who takes each."""
        offers = self._lattice.text + (self._lattice.skips - price)[:, None]
        # Of sentences alike but for their text one is the best for each concept.
        takers = np.concatenate([group[offers[group].argmax(axis=0)] for group in self._groups])
        start = np.concatenate([offers[group].max(axis=0) for group in self._groups])
        k = self._sums.shape[1]
        out, ended = np.empty(k), np.empty(k, np.int64)
        common = self._windows, self._backward, self._edges, out, ended
        filling.fill(self._sums, self._states, start, *common)
        runs = filling.runs(self._sums, self._states, *common)
        return float(out[-1]), runs, takers[ended[runs[:, 1]]]

    def _assigned(self, runs: NDArray[np.int64]) -> tuple[float, NDArray[np.float64]]:
        """Return the value of giving each run to one sentence at most, and the places taken."""
        lattice, (first, last) = self._lattice, runs.T
        worth = np.zeros((len(lattice.text), len(runs)))
        for g, group in enumerate(self._groups):
            own = slice(None) if lattice.concepts else group
            gain = self._sums[own][:, last] - self._sums[own][:, first]  # (c, m)
            if self._prior.shape[1]:
                lines = self._states[self._states[:, 1] == g, 2]
                longest = self._prior.shape[1]
                chance = self._prior[lines][:, np.minimum(last - first, longest) - 1]
                gain += np.where(last - first <= longest, chance, NEVER)
            gain += self._edges[0, g, first] + self._edges[1, g, last]
            value = (gain[None] + lattice.text[group][:, :, None]).max(axis=1)
            lo, hi = self._windows[g]
            inside = (first >= lo) & (last <= hi)
            worth[group] = np.where(inside, value + lattice.skips[group, None], 0.0)
        takers, taken = linear_sum_assignment(np.maximum(worth, 0.0), maximize=True)
        kept = worth[takers, taken] > 0
        places = np.full(len(worth), np.inf)
        places[takers[kept]] = first[taken[kept]]
        return float(worth[takers[kept], taken[kept]].sum() - lattice.skips.sum()), places


def _alike(lattice: Lattice) -> list[NDArray[np.int64]]:
    """Return groups of sentences that differ in nothing but their text and their costs."""
    groups: dict[tuple, list[int]] = {}
    for j in range(len(lattice.text)):
        edges = b"" if lattice.edges is None else lattice.edges[:, j].tobytes()
        own = lattice.prior is not None and lattice.prior.ndim == 3
        prior = lattice.prior[j].tobytes() if own else b""
        alone = -1 if lattice.concepts else j
        key = alone, lattice.windows[j].tobytes(), edges, prior
        groups.setdefault(key, []).append(j)
    return [np.array(group) for group in groups.values()]
