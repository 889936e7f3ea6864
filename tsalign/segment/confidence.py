"""How sure a change is, given its neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from tsalign.kernels.gains import level_gains
from tsalign.kernels.pelt import segment_costs
from tsalign.segment.costs import L2
from tsalign.segment.problem import Problem

REACH = 32
"""So many samples beside a change, another place counts as the same change."""

BATCH = 4096
"""Changes judged at a time."""


def confidence(
    problem: Problem, ends: NDArray[np.int64], unit: float, numbers: float
) -> NDArray[np.float64]:
    """Return how probable each change is against none between its two neighbours.

    The odds are the likelihood of one change, averaged over its place, against that of none:

        `mean over s of exp(gain(s) / (2 unit)) * length ** (-numbers / 2)`

    with `gain(s)` what a change at `s` saves of the cost between the neighbours, and `length` the
    number of samples there, by which a second level of unknown size is less likely (the Schwarz
    approximation). Beforehand a change is as likely as none. Only places up to `REACH` samples away
    are added up: a change elsewhere is not this one.

    Parameters
    ----------
    problem : Problem
        Series and cost.
    ends : (k,) int64
        Where the segments end.
    unit : float
        What a superfluous number saves, on average: the variance of the noise, for `l2`.
    numbers : float
        How many numbers a change adds.

    Returns
    -------
    (k - 1,) float64
        Probabilities.

    References
    ----------
    Kass, Raftery, *Bayes factors*, Journal of the American Statistical Association 90, 1995,
    section 4.1: the approximation.

    Examples
    --------
    >>> from tsalign.segment.problem import prepare
    >>> x = np.repeat([0.0, 4.0, 4.3], 20)[:, None]
    >>> confidence(prepare(x, "l2", 1), np.array([20, 40, 60]), 1.0, 1.0).round(2).tolist()
    [1.0, 0.16]
    """
    edges = np.concatenate([[0], ends])
    out = np.empty(len(ends) - 1)
    for first in range(0, len(out), BATCH):
        part = edges[first : first + BATCH + 2]
        gains = _gains(problem, part)
        length = (part[2:] - part[:-2]).astype(np.float64)
        places = np.maximum(1.0, length - 2 * problem.min_size + 1)
        if unit > 0:
            most = gains.max(axis=1)
            with np.errstate(over="ignore"):  # beside a tiny unit everything is certain
                beside = np.exp((gains - most[:, None]) / (2 * unit)).sum(axis=1)
                odds = most / (2 * unit) + np.log(beside / places) - numbers / 2 * np.log(length)
        else:
            odds = np.where(gains.max(axis=1) > 0, np.inf, -np.inf)
        out[first : first + BATCH] = expit(odds)
    return out


def _gains(problem: Problem, edges: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return savings `(changes, 2 reach + 1)`; the first edge begins the first segment."""
    start, size = int(edges[0]), problem.min_size
    reach = int(min(REACH, np.diff(edges).max()))
    if type(problem.cost) is L2:
        x = problem.x[start : edges[-1]]
        return level_gains(x, problem.weights, edges[1:] - start, reach, size)
    before, place, stop = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    s = place + np.arange(-reach, reach + 1)
    row, column = np.nonzero((s >= before + size) & (s <= stop - size))
    places, starts, stops = s[row, column], edges[row], edges[row + 2]
    gains = np.full(s.shape, -np.inf)
    whole = _costs(problem, edges[:-2], edges[2:])
    halves = _costs(problem, starts, places) + _costs(problem, places, stops)
    gains[row, column] = whole[row] - halves
    return gains


def _costs(
    problem: Problem, starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> NDArray[np.float64]:
    return segment_costs(problem.cost.kernel, *problem.statistics, starts, stops)
