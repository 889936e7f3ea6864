"""A series and a cost, prepared: the best partition for a penalty, and what a partition costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from tsalign.errors import TsalignError
from tsalign.kernels.costs import extent, squared_deviations
from tsalign.kernels.handed import segment_costs
from tsalign.kernels.pelt import best_partition
from tsalign.kernels.search import change_points
from tsalign.segment.cost import Cost
from tsalign.segment.costs import AR, COSTS, CostName
from tsalign.segment.penalties import Penalty

NOTHING = 1e-13
"""Savings below this share of what one segment costs are rounding, not changes."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A series to be partitioned.

    Parameters
    ----------
    x : (n, d) float64
        Finite values, or what the cost takes.
    cost : Cost
        What segments cost.
    min_size : int
        Shortest segment in samples; at least what the cost needs.
    weights : (d,) float64
        How much each channel counts.

    Examples
    --------
    >>> problem = prepare(np.array([[0.0], [0.0], [4.0], [4.0]]), "l2", 1)
    >>> problem.best(Penalty(1.0)).tolist(), problem.price([4])
    ([2, 4], 16.0)
    """

    x: NDArray[np.float64]
    cost: Cost
    min_size: int
    weights: NDArray[np.float64]

    @cached_property
    def statistics(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """From `cost.statistics`, made when first asked for: the search for `l2` has its own."""
        table, constants = self.cost.statistics(self.x, self.weights)
        return np.ascontiguousarray(table, dtype=np.float64), constants

    def best(self, penalty: Penalty) -> NDArray[np.int64]:
        """Return the ends of the segments of the best partition.

        Parameters
        ----------
        penalty : Penalty
            What changes and lengths cost.

        Returns
        -------
        (k,) int64
            Ascending; the last one is the length of the series.
        """
        n = len(self.x)
        if extent(self.x) == 0:
            return np.array([n], np.int64)
        levels = self.cost.levels(self.x, self.weights) if penalty.length == 0 else None
        if levels is not None:  # by a faster search
            return change_points(levels, _beyond_rounding(levels, penalty.change), self.min_size)
        change = max(penalty.change, NOTHING * abs(self.price([n])))
        return best_partition(
            self.cost.kernel, *self.statistics, n, change, penalty.length, self.min_size
        )

    def numbers(self, noise: NDArray[np.float64]) -> float:
        """Return how many numbers describe a channel within a segment, on average.

        Parameters
        ----------
        noise : (d,) float64
            What a superfluous number saves in each channel, by which the average is weighted.
        """
        total = float(noise.sum())
        return float(noise @ self.cost.numbers(len(noise))) / total if total > 0 else 0.0

    def price(self, ends: Sequence[int] | NDArray[np.int64]) -> float:
        """Return what a partition costs, without any penalty.

        Parameters
        ----------
        ends : (k,) int
            Where its segments end; the last one is the length of the series.

        Returns
        -------
        float
            The sum over segments.
        """
        stops = np.asarray(ends, dtype=np.int64)
        starts = np.concatenate([[0], stops[:-1]])
        costs = segment_costs(self.cost.kernel, *self.statistics, starts, stops)
        return float(costs.sum())


def prepare(
    x: NDArray[np.float64],
    cost: CostName | Cost,
    min_size: int,
    order: int = 1,
    weights: Sequence[float] | None = None,
) -> Problem:
    """Prepare a series for a cost.

    Parameters
    ----------
    x : (n, d) float64
        Finite values; where the cost takes that, NaN for what is missing. A channel without any
        sample is left out.
    cost : str or Cost
        A word, or a cost itself.
    min_size : int
        Shortest segment in samples; raised to what the cost needs.
    order : int
        For `"ar"`.
    weights : (d,) list of float or None
        How much each channel counts; None for all alike.

    Returns
    -------
    Problem
        Ready to be solved.

    Raises
    ------
    TsalignError
        For a cost, weights or values that make no sense.
    """
    check_scale(x)
    chosen = _cost(cost, order)
    checked = np.ones(x.shape[1]) if weights is None else np.asarray(weights, dtype=np.float64)
    if checked.shape != (x.shape[1],):
        raise TsalignError(f"weights should be {x.shape[1]} numbers, one a channel: {weights!r}")
    if not (np.isfinite(checked) & (checked > 0)).all():
        raise TsalignError(f"weights should be finite and above 0: {weights!r}")
    if np.isnan(x.min()):
        x, chosen, checked = _of_what_is_there(x, chosen, checked)
    return Problem(x, chosen, max(min_size, chosen.shortest(x.shape[1])), checked)


def masks(cost: CostName | Cost) -> bool:
    """Return whether a cost takes NaN for samples that are missing in single channels.

    Parameters
    ----------
    cost : str or Cost
        A word, or a cost itself; anything else takes none.

    Examples
    --------
    >>> masks("normal"), masks("poisson")
    (True, False)
    """
    if isinstance(cost, str) and cost in COSTS:
        cost = COSTS[cost]()
    return isinstance(cost, Cost) and cost.masked() is not None


def _of_what_is_there(
    x: NDArray[np.float64], cost: Cost, weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], Cost, NDArray[np.float64]]:
    """Return channels that have samples, a cost that takes NaN if they have any, and weights."""
    gaps = np.isnan(x)
    kept = np.asarray(~gaps.all(axis=0))
    chosen: Cost | None = cost.narrowed(kept)
    if gaps[:, kept].any():
        chosen = chosen.masked()
    if chosen is None:
        row, channel = np.argwhere(gaps)[0].tolist()
        raise TsalignError(f"X has NaN at sample {row}, channel {channel}; {cost} takes none")
    return np.ascontiguousarray(x[:, kept]), chosen, weights[kept]


def check_scale(x: NDArray[np.float64]) -> None:
    """Refuse values whose squares and their products would leave the range of float64.

    Parameters
    ----------
    x : (n, d) float64
        Finite values.

    Raises
    ------
    TsalignError
        Saying by how much they vary.
    """
    reach = 2 * float(extent(x))
    if reach != 0 and not 1e-60 < reach < 1e60:
        raise TsalignError(f"X varies by {reach:g}; rescale it to between 1e-60 and 1e60")


def _beyond_rounding(x: NDArray[np.float64], change: float) -> float:
    """Return a penalty, raised to where savings are more than rounding."""
    if change >= NOTHING * x.size * (2 * float(extent(x))) ** 2:  # more than the whole can cost
        return change
    return max(change, NOTHING * float(squared_deviations(x).sum()))


def _cost(cost: CostName | Cost, order: int) -> Cost:
    if isinstance(cost, Cost):
        return cost
    if cost == "ar":
        return AR(order)
    if cost not in COSTS:
        words = ", ".join(map(repr, get_args(CostName)))
        raise TsalignError(f"cost={cost!r} should be one of {words}, or a Cost")
    return COSTS[cost]()
