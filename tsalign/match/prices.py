"""An order for sentences that may stand in any: each pays a price until none is wanted twice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tsalign.match.filling import Filling
from tsalign.match.lattice import Lattice

ROUNDS = 20  # of prices: more of them found nothing better in notes of twenty sentences
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
        self._lattice, self._filling = lattice, Filling(lattice)

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

    def _wanted(
        self, price: NDArray[np.float64]
    ) -> tuple[float, NDArray[np.int64], NDArray[np.int64]]:
        """Return the value of the best runs at these prices, the runs, and who takes each."""
        offers = self._lattice.text + (self._lattice.skips - price)[:, None]
        groups = self._filling.groups
        takers = np.concatenate([group[offers[group].argmax(axis=0)] for group in groups])
        out, ended = self._filling.best(offers)
        runs = self._filling.runs(out, ended)
        return float(out[-1]), runs, takers[ended[runs[:, 1]]]

    def _assigned(self, runs: NDArray[np.int64]) -> tuple[float, NDArray[np.float64]]:
        """Return the value of giving each run to one sentence at most, and the places taken."""
        lattice, known, (first, last) = self._lattice, self._filling, runs.T
        worth = np.zeros((len(lattice.text), len(runs)))
        for g, group in enumerate(known.groups):
            own = known.states[known.states[:, 1] == g]
            sums, clear = known.sums[own[:, 0]], known.clear[own[:, 0]]
            gain = sums[:, last] - sums[:, first]  # (c, m)
            gain[clear[:, last] > first] = -np.inf
            if known.prior.shape[1]:
                longest = known.prior.shape[1]
                chance = known.prior[own[:, 2]][:, np.minimum(last - first, longest) - 1]
                gain += np.where(last - first <= longest, chance, -np.inf)
            gain += known.edges[0, g, first] + known.edges[1, g, last]
            value = (gain[None] + lattice.text[group][:, :, None]).max(axis=1)
            lo, hi = known.windows[g]
            inside = (first >= lo) & (last <= hi)
            worth[group] = np.where(inside, value + lattice.skips[group, None], 0.0)
        takers, taken = linear_sum_assignment(np.maximum(worth, 0.0), maximize=True)
        kept = worth[takers, taken] > 0
        places = np.full(len(worth), np.inf)
        places[takers[kept]] = first[taken[kept]]
        return float(worth[takers[kept], taken[kept]].sum() - lattice.skips.sum()), places
