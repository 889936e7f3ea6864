"""How many changes: all solutions over a range of penalties, and the slope heuristic on them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import ArrayLike, NDArray

from tsalign.errors import TsalignError
from tsalign.segment.base import bounds_of, count, samples
from tsalign.segment.cost import Cost
from tsalign.segment.costs import CostName
from tsalign.segment.missing import present
from tsalign.segment.penalties import Penalty
from tsalign.segment.problem import NOTHING, Problem, masks, prepare

STEP = np.sqrt(0.5)
"""Ratio of neighbouring penalties where the slope is looked for."""


@dataclass(frozen=True, eq=False)
class Solution:
    """The best partition for all penalties of an interval.

    Parameters
    ----------
    low, high : float
        The interval.
    ends : (k,) int64
        Where its segments end.
    price : float
        What it costs without a penalty.
    """

    low: float
    high: float
    ends: NDArray[np.int64]
    price: float


def crops(
    X: ArrayLike,
    low: Annotated[float, Ge(0)],
    high: Annotated[float, Ge(0)],
    cost: CostName | Cost = "l2",
    min_duration: Annotated[float, Ge(0)] = 1.0,
    rate: Annotated[float, Gt(0)] = 1.0,
    order: Annotated[int, Ge(1)] = 1,
    weights: Sequence[float] | None = None,
) -> list[tuple[tuple[float, float], NDArray[np.int64]]]:
    """Return all best partitions for penalties between two values.

    Parameters
    ----------
    X : (n_samples, n_channels) or (n_samples,) array-like
        Finite numbers; where the cost takes that, NaN for what is missing.
    low, high : float
        Penalties a change, `low <= high`.
    cost, min_duration, rate, order, weights
        As for `Pelt`.

    Returns
    -------
    list of ((float, float), (k, 2) int64)
        Interval of penalties and bounds of the segments, fewest segments last. The intervals touch
        and cover `low` to `high`.

    Raises
    ------
    TsalignError
        For penalties that are no interval, and as `Pelt` does.

    References
    ----------
    Haynes, Eckley, Fearnhead, *Computationally efficient changepoint detection for a range of
    penalties*, Journal of Computational and Graphical Statistics 26, 2017.

    Examples
    --------
    >>> found = crops([0.0, 0.0, 3.0, 3.0, 4.0, 4.0], 0.1, 100.0)
    >>> [(round(b, 3), bounds[:, 1].tolist()) for (a, b), bounds in found]
    [(1.0, [2, 4, 6]), (16.333, [2, 6]), (100.0, [6])]
    """
    if not 0 <= low <= high < np.inf:
        raise TsalignError(f"low={low} and high={high} should be an interval of penalties")
    min_size = max(1, count("min_duration", min_duration, rate, least=0))
    rest = present(samples(X, missing=masks(cost)))
    problem = prepare(rest.x, cost, min_size, order, weights)
    found = solutions(problem, low, high)
    return [((part.low, part.high), rest.bounds(bounds_of(part.ends))) for part in found]


def solutions(problem: Problem, low: float, high: float) -> list[Solution]:
    """Return all best partitions for penalties between two values.

    Parameters
    ----------
    problem : Problem
        Series and cost.
    low, high : float
        Penalties a change, `low <= high`.

    Returns
    -------
    list of Solution
        Fewest segments last.
    """
    many, few = _solve(problem, low), _solve(problem, high)
    found = {len(part.ends): part for part in (many, few)}
    between = [(many, few)]
    while between:
        many, few = between.pop()
        if len(many.ends) <= len(few.ends) + 1:
            continue
        middle = _solve(problem, _tie(many, few))
        value = middle.price + middle.low * len(middle.ends)
        tied = many.price + middle.low * len(many.ends)
        if value < tied - 1e-12 * (abs(tied) + abs(many.price)):  # or the two are all there is
            found[len(middle.ends)] = middle
            between += [(many, middle), (middle, few)]
    parts = [found[size] for size in sorted(found, reverse=True)]
    inner = [_tie(a, b) for a, b in itertools.pairwise(parts)]
    edges = [low, *np.clip(inner, low, high).tolist(), high]
    return [
        Solution(a, b, part.ends, part.price)
        for part, (a, b) in zip(parts, itertools.pairwise(edges), strict=True)
    ]


def persistent(problem: Problem, penalty: float) -> tuple[Penalty, NDArray[np.float64]]:
    """Return a penalty from the middle of the widest interval near a given one, and the path.

    The path are all best partitions for penalties between a half and four times what is given. Of
    these the one that stays the best over the largest ratio of penalties is taken, the coarser of
    equals: small errors in the noise do not change the answer. To have no changes is one of them.

    Parameters
    ----------
    problem : Problem
        Series and cost.
    penalty : float
        About right, as `bic_penalty` is.

    Returns
    -------
    penalty : Penalty
        The geometric middle of the chosen interval.
    path : (m, 3) float64
        From which to which penalty each partition is the best, and into how many segments it is.

    Examples
    --------
    >>> problem = prepare(np.array([[0.0], [0.0], [3.0], [3.0], [4.0], [4.0]]), "l2", 1)
    >>> penalty, path = persistent(problem, 2.0)
    >>> path.tolist(), round(penalty.change, 2)
    ([[1.0, 8.0, 2.0]], 2.83)
    """
    least = max(penalty, NOTHING * abs(problem.price([len(problem.x)])))
    found = solutions(problem, least / 2, 4 * least)
    path = np.array([[part.low, part.high, len(part.ends)] for part in found])
    if least == 0:
        return Penalty(0.0), path
    widths = [part.high / part.low for part in found]
    chosen = found[len(found) - 1 - int(np.argmax(widths[::-1]))]
    return Penalty(float(np.sqrt(chosen.low * chosen.high))), path


def slope(problem: Problem) -> Penalty:
    """Return the penalty that the slope heuristic chooses.

    Partitions far finer than any true one gain from noise alone, so what they cost falls along a
    line as segments are added; a penalty twice as steep is enough against noise. Among `n` samples
    `k` segments are expected to gain in proportion to `k (2 log(n / k) + 4 + p)`, `p` the numbers
    that describe a segment. The line is fitted to partitions into up to `n / (10 min_size)`
    segments, at least half of that. No estimate of the noise is needed. The weakness: dependence
    between samples is mostly taken for changes, and in fewer than some hundred samples the line is
    a guess.

    Parameters
    ----------
    problem : Problem
        Series and cost.

    Returns
    -------
    Penalty
        From the middle of the interval in which the chosen partition is the best.

    References
    ----------
    Birgé, Massart, *Minimal penalties for Gaussian model selection*, 2007. Lebarbier, *Detecting
    multiple change-points in the mean of Gaussian process by model selection*, Signal Processing
    85, 2005: the shape, `4 + p` being 5 for one mean.
    """
    n, most = len(problem.x), max(4, len(problem.x) // (10 * problem.min_size))
    whole = problem.price([n])
    gain = whole - problem.price(problem.best(Penalty(0.0)))
    if gain <= NOTHING * abs(whole):
        return Penalty(0.0)
    parts = [_solve(problem, gain)]
    while len(parts[-1].ends) < most and parts[-1].low > NOTHING * gain:
        parts.append(_solve(problem, parts[-1].low * STEP))
    steep = _steepness(problem, parts)
    nearest = int(np.argmin([_criterion(problem, steep, part) for part in parts]))
    least, last = parts[min(nearest + 1, len(parts) - 1)].low, parts[max(nearest - 1, 0)].low
    chosen = min(solutions(problem, least, last), key=partial(_criterion, problem, steep))
    return Penalty(float(np.sqrt(chosen.low * chosen.high)))


def _steepness(problem: Problem, parts: list[Solution]) -> float:
    """Return how steeply the price falls along the finest partitions."""
    half = len(parts[-1].ends) / 2
    last_coarse = max((part.low for part in parts if len(part.ends) >= half), default=0.0)
    penalties = np.geomspace(parts[-1].low, last_coarse / STEP, 12)
    fine = [part for p in penalties if len((part := _solve(problem, float(p))).ends) >= half]
    shapes = np.array([_shape(problem, len(part.ends)) for part in fine])
    if np.ptp(shapes) == 0:  # so few samples that there is no line
        return 0.0
    return max(0.0, -float(np.polyfit(shapes, [part.price for part in fine], 1)[0]))


def _criterion(problem: Problem, steep: float, part: Solution) -> float:
    return part.price + 2 * steep * _shape(problem, len(part.ends))


def _shape(problem: Problem, size: int) -> float:
    numbers = problem.cost.numbers(problem.x.shape[1]).sum()
    return float(size * (2 * np.log(len(problem.x) / size) + 4 + numbers))


def _solve(problem: Problem, penalty: float) -> Solution:
    ends = problem.best(Penalty(penalty))
    return Solution(penalty, penalty, ends, problem.price(ends))


def _tie(many: Solution, few: Solution) -> float:
    """Return the penalty at which two partitions are equally good."""
    return max(0.0, (few.price - many.price) / (len(many.ends) - len(few.ends)))
