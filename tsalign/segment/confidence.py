"""How sure a change is, given its neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from tsalign.kernels.gains import level_gains, segment_means
from tsalign.kernels.handed import segment_costs
from tsalign.segment.costs import L2
from tsalign.segment.problem import Problem

REACH = 32
"""So many samples beside a change, another place counts as the same change."""

CERTAIN = 40.0
"""Logarithm of odds that make 1 in float64."""

BATCH = 4096
"""Changes judged at a time."""


def confidence(
    problem: Problem, ends: NDArray[np.int64], unit: float, numbers: float
) -> NDArray[np.float64]:
    """Return how probable each change is against none between its two neighbours.

    The odds are the likelihood of one change, averaged over its place, against that of none:

        `mean over s of exp(gain(s) m / (1 + m) / (2 unit)) * (1 + m) ** (-numbers / 2)`

    with `gain(s)` what a change at `s` saves of the cost between the neighbours, and `m = before *
    after / (before + after)` how much the samples on its two sides tell of its size, of which one
    sample's worth is known beforehand: exact for a normal mean, an approximation for what else a
    cost describes. Beforehand a change
    is as likely as none. Only places up to `REACH` samples away are added up: a change elsewhere is
    not this one. The neighbours are taken as given; where the penalty is so low that they are
    noise themselves, a change between them looks a little surer than it is. Where samples are
    missing, savings are those of what is there, and a segment is as long as any channel has it.

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
    section 4.1: unit information.

    Examples
    --------
    >>> from tsalign.segment.problem import prepare
    >>> x = np.repeat([0.0, 4.0, 4.3], 20)[:, None]
    >>> confidence(prepare(x, "l2", 1), np.array([20, 40, 60]), 1.0, 1.0).round(2).tolist()
    [1.0, 0.31]
    """
    edges = np.concatenate([[0], ends])
    which = np.arange(1, len(ends))
    if unit <= 0:  # everything that is saved is certain
        return (_Gains(problem, edges)(which, 0)[:, 0] > 0).astype(np.float64)
    gains = _Gains(problem, edges)
    odds = _odds(gains, which, unit, numbers, 0)
    rest = which[odds < CERTAIN]  # elsewhere, what is beside cannot make it less so
    for first in range(0, len(rest), BATCH):
        some = rest[first : first + BATCH]
        odds[some - 1] = _odds(gains, some, unit, numbers, REACH)
    return expit(odds)


def _odds(
    gains: _Gains, which: NDArray[np.int64], unit: float, numbers: float, reach: int
) -> NDArray[np.float64]:
    """Return the logarithms of the odds of some changes."""
    edges, size = gains.edges, gains.problem.min_size
    s = edges[which, None] + np.arange(-reach, reach + 1)
    before, after = s - edges[which - 1, None], edges[which + 1, None] - s
    told = np.maximum(1e-9, before * after) / (before + after)
    with np.errstate(over="ignore"):  # beside a tiny unit everything is certain
        scores = gains(which, reach) * (told / (1 + told) / (2 * unit))
        scores -= numbers / 2 * np.log1p(told)
        most = scores.max(axis=1)
        beside = np.exp(scores - most[:, None]).sum(axis=1)
    places = (before + after)[:, 0] - 2.0 * size + 1
    return most + np.log(beside / np.maximum(1.0, places))


@dataclass(frozen=True, eq=False)
class _Gains:
    """What changes save between their neighbours, `(changes, 2 reach + 1)`."""

    problem: Problem
    edges: NDArray[np.int64]

    @cached_property
    def means(self) -> NDArray[np.float64]:
        return segment_means(self.problem.x, self.edges[1:])

    def __call__(self, which: NDArray[np.int64], reach: int) -> NDArray[np.float64]:
        problem, edges, size = self.problem, self.edges, self.problem.min_size
        if type(problem.cost) is L2:
            given = (problem.x, problem.weights, edges, self.means)
            return level_gains(*given, which, reach, size)
        starts, stops = edges[which - 1], edges[which + 1]
        s = edges[which, None] + np.arange(-reach, reach + 1)
        row, column = np.nonzero((s >= starts[:, None] + size) & (s <= stops[:, None] - size))
        out, places = np.full(s.shape, -np.inf), s[row, column]
        halves = self._costs(starts[row], places) + self._costs(places, stops[row])
        out[row, column] = self._costs(starts, stops)[row] - halves
        return out

    def _costs(self, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> NDArray[np.float64]:
        return segment_costs(self.problem.cost.kernel, *self.problem.statistics, starts, stops)
