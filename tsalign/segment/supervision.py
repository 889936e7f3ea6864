"""A penalty learnt from series whose changes are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tsalign.segment.path import solutions
from tsalign.segment.penalties import Penalty
from tsalign.segment.problem import NOTHING, Problem

HIGHEST = 2.0**7
"""Largest factor tried."""

LOWEST = 2.0**-10
"""Smallest factor tried, where known changes are not found before."""


def learn_factor(examples: Sequence[tuple[Problem, float, NDArray[np.int64]]]) -> float:
    """Return by what to multiply the information criterion so that known changes are found.

    For each series all best partitions over a range of factors are known, and with them how many
    errors each makes: a series is divided half-way between its changes, each part should hold one
    change, and each one more or less is an error. A series without changes is one part and should
    hold none. The factor is the middle, by ratio, of the widest interval with the fewest errors.
    As the criterion is in units of the noise and grows with the logarithm of the length, it holds
    for series of other scales and lengths.

    Parameters
    ----------
    examples : list of (Problem, float, (m,) int64)
        Series, the penalty by `bic_penalty`, and the known changes.

    Returns
    -------
    float
        Between `LOWEST` and `HIGHEST`.

    References
    ----------
    Hocking, Rigaill, Vert, Bach, *Learning sparse penalties for change-point detection using max
    margin interval regression*, ICML 2013: errors over the path, here for one weight.

    Examples
    --------
    >>> from tsalign.segment.problem import prepare
    >>> x = np.repeat([0.0, 9.0, 10.0], 10)[:, None] + np.tile([0.1, -0.1], 15)[:, None]
    >>> learn_factor([(prepare(x, "l2", 1), 1.0, np.array([10]))]) > 5
    True
    """
    lowest = min(_low(*example) for example in examples)
    paths = [_errors(lowest, *example) for example in examples]
    edges = np.unique(np.concatenate([[lowest, HIGHEST], *(path[0] for path in paths)]))
    middles = np.sqrt(edges[:-1] * edges[1:])
    total = np.zeros(len(middles))
    for highs, errors in paths:
        total += errors[np.searchsorted(highs, middles).clip(0, len(errors) - 1)]
    turns = np.diff(np.concatenate([[0], total == total.min(), [0]]).astype(np.int64))
    starts, stops = np.flatnonzero(turns > 0), np.flatnonzero(turns < 0)
    widest = int(np.argmax(edges[stops] / edges[starts]))
    return float(np.sqrt(edges[starts[widest]] * edges[stops[widest]]))


def _unit(problem: Problem, bic: float) -> float:
    """Return the criterion, or what is more than rounding where there is no noise."""
    return max(bic, NOTHING * abs(problem.price([len(problem.x)])))


def _low(problem: Problem, bic: float, places: NDArray[np.int64]) -> float:
    """Return the largest power of two, at most 1, under which there are changes enough."""
    factor, unit = 1.0, _unit(problem, bic)
    while factor > LOWEST and len(problem.best(Penalty(factor * unit))) <= len(places):
        factor /= 2
    return factor


def _errors(
    lowest: float, problem: Problem, bic: float, places: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return up to which factor each partition is the best, ascending, and its errors."""
    unit = _unit(problem, bic)
    if unit == 0:
        return np.array([HIGHEST]), np.array([float(len(places))])
    found = solutions(problem, lowest * unit, HIGHEST * unit)
    highs = np.array([part.high / unit for part in found])
    n = len(problem.x)
    return highs, np.array([count_errors(part.ends[:-1], places, n) for part in found], float)


def count_errors(found: NDArray[np.int64], places: NDArray[np.int64], n: int) -> int:
    """Return how many changes are missing or too many, each counted where it belongs.

    Parameters
    ----------
    found, places : (k,) and (m,) int64
        Changes found and known, ascending.
    n : int
        Samples.

    Returns
    -------
    int
        0 if each known change has exactly one that is found nearest to it.

    Examples
    --------
    >>> count_errors(np.array([12, 14]), np.array([10, 30]), 40)
    2
    """
    if len(places) == 0:
        return len(found)
    edges = np.concatenate([[0.0], (places[1:] + places[:-1]) / 2, [float(n)]])
    counts = np.histogram(found, edges)[0]
    return int(np.abs(counts - 1).sum())
