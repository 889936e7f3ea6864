"""A penalty by a chosen risk of finding anything where nothing changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tsalign.kernels.handed import segment_costs
from tsalign.segment.penalties import Penalty
from tsalign.segment.problem import NOTHING, Problem

CLOSE = 1e-9
"""Penalties that differ by a smaller share are the same."""


def calibrated(
    problem: Problem, alpha: float = 0.05, n_permutations: int = 199, random_state: int = 0
) -> Penalty:
    """Return a penalty under which a series without changes is cut with probability `alpha`.

    What changes in the series is taken off first, as `Cost.steady` knows it. What is left is cut
    into blocks as long as its memory, their order is drawn at random, and the `critical` penalty of
    the new series is found: the largest gain a change can make in it. That is done
    `n_permutations` times, and the penalty is the quantile above which `alpha` of these lie. The
    dependence that is lost where blocks are joined, if a memory is too long for blocks, is made up
    for by how much more sums vary in the series than in its blocks.

    Each permutation takes about two searches. A series of few blocks calibrates little.

    Parameters
    ----------
    problem : Problem
        Series and cost.
    alpha : float
        Between 0 and 1.
    n_permutations : int
        How many series are drawn.
    random_state : int
        Seed by which.

    Returns
    -------
    Penalty
        Of changes alone.

    References
    ----------
    Künsch, *The jackknife and the bootstrap for general stationary observations*, Annals of
    Statistics 17, 1989: blocks keep dependence. Davison, Hinkley, *Bootstrap methods and their
    application*, 1997, section 4.3: the quantile is such that the risk holds for a finite number of
    permutations.

    Examples
    --------
    >>> from tsalign.segment.problem import prepare
    >>> noise = np.random.default_rng(0).normal(size=(400, 1))
    >>> 5 < calibrated(prepare(noise, "l2", 1), n_permutations=39).change < 15
    True
    """
    x, memory, lost = problem.cost.steady(problem.x)
    rng = np.random.default_rng(random_state)
    gains = [critical(replace(problem, x=shuffled(x, memory, rng))) for _ in range(n_permutations)]
    rank = min(n_permutations, int(np.ceil((1 - alpha) * (n_permutations + 1) - CLOSE)))
    return Penalty(lost * float(np.sort(gains)[rank - 1]))


def shuffled(x: NDArray[np.float64], length: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a series with its blocks in a random order.

    Parameters
    ----------
    x : (n, d) float64
        Finite values.
    length : int
        Samples of a block; one is shorter where they do not add up.
    rng : numpy.random.Generator
        Also draws where the first block begins, in a series closed to a ring.

    Returns
    -------
    (n, d) float64
        All its samples.

    Examples
    --------
    >>> shuffled(np.arange(6.0)[:, None], 3, np.random.default_rng(2)).ravel().tolist()
    [2.0, 3.0, 4.0, 5.0, 0.0, 1.0]
    """
    ring = np.roll(x, -int(rng.integers(len(x))), axis=0)
    blocks = [ring[first : first + length] for first in range(0, len(x), length)]
    return np.ascontiguousarray(np.concatenate([blocks[i] for i in rng.permutation(len(blocks))]))


def critical(problem: Problem) -> float:
    """Return the least penalty under which nothing is cut.

    It is the largest gain of any partition per change it makes: that of the best single change, or
    more where a few changes gain more each.

    Parameters
    ----------
    problem : Problem
        Series and cost.

    Returns
    -------
    float
        0 where no change gains anything.

    References
    ----------
    Dinkelbach, *On nonlinear fractional programming*, Management Science 13, 1967: the iteration
    for the largest of ratios.

    Examples
    --------
    >>> from tsalign.segment.problem import prepare
    >>> critical(prepare(np.array([[0.0], [0.0], [4.0], [4.0]]), "l2", 1))
    16.0
    """
    n, size = len(problem.x), problem.min_size
    if n < 2 * size:
        return 0.0
    whole = problem.price([n])
    places = np.arange(size, n - size + 1)
    costs = (problem.cost.kernel, *problem.statistics)
    halves = segment_costs(*costs, np.zeros_like(places), places)
    halves += segment_costs(*costs, places, np.full_like(places, n))
    gain = max(0.0, whole - float(halves.min()))
    while gain > NOTHING * abs(whole):
        ends = problem.best(Penalty(gain * (1 - CLOSE)))
        more = (whole - problem.price(ends)) / max(1, len(ends) - 1)
        if more <= gain * (1 + CLOSE):
            break
        gain = more
    return gain
