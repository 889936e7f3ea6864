"""An order for sentences that may stand in any: each pays a price until none is wanted twice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tsalign.kernels import filling
from tsalign.match.lattice import Lattice

ROUNDS = 20  # of prices: more of them found nothing better in notes of twenty sentences
NEVER = -1e4  # a score of -inf, so that sums stay finite: the order is decided exactly elsewhere
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
        self._text, self._skips = lattice.text, lattice.skips
        rows = np.maximum(lattice.rows, NEVER)
        count, k = rows.shape
        self._sums = np.zeros((count, k + 1))
        np.cumsum(rows, axis=1, dtype=np.float64, out=self._sums[:, 1:])
        prior = np.zeros((count, k)) if lattice.prior is None else lattice.prior
        self._prior = np.maximum(prior, NEVER)
        self._backward = np.ascontiguousarray(self._prior[:, ::-1])
        self._windows, self._group = np.unique(lattice.windows, axis=0, return_inverse=True)
        self._concepts = lattice.concepts
        s, groups = len(self._text), len(self._windows)
        self._which = np.tile(np.arange(count), groups) if lattice.concepts else np.arange(s)
        shown = np.repeat(self._windows, count, axis=0) if lattice.concepts else lattice.windows
        self._shown = np.ascontiguousarray(shown)

    def places(self) -> NDArray[np.float64]:
        """Return the place `(s,)` of each sentence in the best alignment found; inf for none."""
        price, best = self._skips.copy(), -np.inf
        bound, places = np.inf, np.full(len(price), np.inf)
        for _ in range(ROUNDS):
            value, runs, owner = self._wanted(price)
            bound = min(bound, value + price.sum() - self._skips.sum())
            found, where = self._assigned(runs)
            if found > best:
                best, places = found, where
            excess = np.bincount(owner, minlength=len(price)) - 1.0
            excess[(excess < 0) & (price <= 0)] = 0.0
            if bound - best < CLOSE or not excess.any():
                break
            step = (value + price.sum() - self._skips.sum() - best) / (excess @ excess)
            price = np.maximum(price + step * excess, 0.0)
        return places

    def _wanted(
        self, price: NDArray[np.float64]
    ) -> tuple[float, NDArray[np.int64], NDArray[np.int64]]:
        """Return the value of the best runs at these prices, the runs, and who takes each."""
        offers = self._text + (self._skips - price)[:, None]
        taker = np.arange(len(price))
        if self._concepts:  # of sentences with the same window one is the best for each concept
            groups = range(len(self._windows))
            own = [np.flatnonzero(self._group.ravel() == g) for g in groups]
            first = [rows[offers[rows].argmax(axis=0)] for rows in own]
            taker = np.concatenate(first)
            start = np.concatenate([offers[j, np.arange(offers.shape[1])] for j in first])
        else:
            start = offers[:, 0].copy()
        out, state = np.empty(self._sums.shape[1]), np.empty(self._sums.shape[1], np.int64)
        told = self._sums, self._which, start, self._shown, self._backward, out, state
        filling.fill(*told)
        runs = filling.runs(*told)
        return float(out[-1]), runs, taker[state[runs[:, 1]]]

    def _assigned(self, runs: NDArray[np.int64]) -> tuple[float, NDArray[np.float64]]:
        """Return the value of giving each run to one sentence at most, and the places taken."""
        first, last = runs.T
        gain = self._sums[:, last] - self._sums[:, first]
        gain += self._prior[:, last - first - 1]  # (r, m)
        worth = np.empty((len(self._text), len(runs)))
        for j, text in enumerate(self._text):
            own = (gain + text[:, None]).max(axis=0) if self._concepts else gain[j] + text[0]
            lo, hi = self._windows[self._group.ravel()[j]]
            worth[j] = np.where((first >= lo) & (last <= hi), own + self._skips[j], 0.0)
        takers, taken = linear_sum_assignment(np.maximum(worth, 0.0), maximize=True)
        kept = worth[takers, taken] > 0
        places = np.full(len(worth), np.inf)
        places[takers[kept]] = first[taken[kept]]
        return float(worth[takers[kept], taken[kept]].sum() - self._skips.sum()), places
