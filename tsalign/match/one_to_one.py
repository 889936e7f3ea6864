"""One-to-one decoding: each sentence on one segment of its own, in any order."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.base import BaseEstimator

from tsalign.kernels.one_to_one import join_sets, place_sets
from tsalign.kernels.ordered import TIE
from tsalign.match.decoded import (
    Decoded,
    check_costs,
    check_durations,
    check_edges,
    check_scores,
    check_windows,
    label,
    spans_alone,
)
from tsalign.params import check_params

EXACT = 8  # sentences up to which the sum over all placements is taken set by set
ROUNDS, SETTLED = 200, 1e-9  # of message passing: at most so many, until messages change less
TINY = 1e-300

Gains = NDArray[np.float64]


class OneToOne(BaseEstimator):
    """Give each sentence one segment of its own, or none.

    The value of a placement is the sum of the scores of its pairs, less `skip_cost` for each
    sentence left out; a segment takes one sentence at most. The optimum is exact: an assignment
    in which nothing is worth as much as leaving out. Of equal optima it is the one that the
    assignment finds, which is the same for the same scores, with each sentence in turn moved to
    the earliest free segment that is worth as much.

    Up to 8 sentences the posteriors are exact sums over all placements, each weighted by the
    exponential of its value. For more that sum is a permanent, which no quick way is known to;
    they are then what belief propagation settles at (the Bethe approximation): each between 0 and
    1, no more than 1 a sentence, and exact where no two sentences compete.

    Parameters
    ----------
    skip_cost : float
        Cost of leaving out a sentence, in nats; at most 1e6.
    window : float or None
        In a pipeline: seconds by which a run may miss its stated time at a cost of half a nat,
        and of four times that for twice as many; 0 for never. None leaves stated times and
        durations out of the matching.
    concepts : bool
        In a pipeline: score a sentence through what it may mean among the known concepts, rather
        than by its own similarity.

    References
    ----------
    Crouse, On implementing 2D rectangular assignment algorithms, IEEE TAES 2016.
    Huang and Jebara, Approximating the permanent with belief propagation, arXiv:0908.1769, 2009.

    Examples
    --------
    >>> scores = np.array([[3, 2], [2.5, -1], [-5, -4]], np.float32)
    >>> found = OneToOne().decode(scores)
    >>> found.spans.tolist(), found.score
    ([[1, 2], [0, 1]], 4.5)
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        skip_cost: Annotated[float, Ge(0), Le(1e6)] = 2.0,
        window: Annotated[float, Ge(0)] | None = None,
        concepts: bool = True,
    ) -> None:
        self.skip_cost = skip_cost
        self.window = window
        self.concepts = concepts

    def decode(
        self,
        scores: ArrayLike,
        *,
        durations: ArrayLike | None = None,
        windows: ArrayLike | None = None,
        edges: ArrayLike | None = None,
        skip_costs: ArrayLike | None = None,
        posteriors: bool = True,
    ) -> Decoded:
        """Find the best placement and the posteriors.

        Parameters
        ----------
        scores : (k, s) array_like
            Log-odds of each segment and sentence against nothing; -inf means never.
        durations : (s, D) array_like or None
            Log prior of runs of 1..D segments, of which that of one counts. None: no prior.
        windows : (s, 2) array_like of int or None
            Each sentence may only use segments in [lo, hi).
        edges : (2, s, k + 1) array_like or None
            Log prior of the place where the run of each sentence starts, and where it ends.
        skip_costs : (s,) array_like or None
            Cost of leaving out each sentence; None: `skip_cost` for all.
        posteriors : bool
            False finds the spans alone: posteriors, margins and chances are then 0.

        Returns
        -------
        Decoded
            Without alternatives.

        Raises
        ------
        TsalignError
            For shapes that do not fit, NaN, and anything from +1e6 on.
        """
        check_params(self)
        rows = check_scores(scores)
        s, k = rows.shape
        prior, bounds = check_durations(durations, s, k), check_windows(windows, s, k)
        costs = check_costs(skip_costs, self.skip_cost, s)
        gains = rows.T + (costs if prior is None else costs + prior[:, 0])  # over leaving out
        soft = check_edges(edges, s, k)
        if soft is not None:
            gains += soft[0].T[:-1] + soft[1].T[1:]
        for j, (lo, hi) in enumerate(bounds):
            gains[:lo, j] = gains[hi:, j] = -np.inf
        seats = _assigned(gains)
        spans = np.where(seats[:, None] < 0, -1, seats[:, None] + [0, 1])
        score = float(_gains_at(gains, seats).sum() - costs.sum())
        if not posteriors:
            return spans_alone(spans, score, k)
        posterior = exact(gains) if s <= EXACT else bethe(gains)
        return Decoded(
            labels=label(spans, k),
            spans=spans,
            posterior=posterior.astype(np.float32),
            placed=np.minimum(posterior.sum(0), 1.0).astype(np.float32),
            score=score,
            margin=margins(gains, seats).astype(np.float32),
            alternatives=((),) * s,
        )


def exact(gains: Gains) -> Gains:
    """Return the probability of each pair, summed over all placements.

    Parameters
    ----------
    gains : (k, s) float64
        Log weight of each pair against leaving the sentence out; -inf for never.
    """
    k, s = gains.shape
    before, pairs = np.empty((k + 1, 1 << s)), np.empty((k, s))
    place_sets(gains, before)
    whole = join_sets(gains, before, np.empty((2, 1 << s)), pairs)
    return np.exp(pairs - whole)


def bethe(gains: Gains) -> Gains:
    """Return the probability of each pair by belief propagation; parameters as for `exact`."""
    highest = np.maximum(gains.max(axis=0, initial=0.0), 0.0)
    weight, none = np.exp(gains - highest), np.exp(-highest)
    free = np.ones_like(weight)  # how free each segment is for each sentence
    for _ in range(ROUNDS):
        wanted = weight * free
        others = np.maximum(none + wanted.sum(axis=0) - wanted, TINY)
        asked = weight / others
        before, free = free, 1.0 / (1.0 + asked.sum(axis=1, keepdims=True) - asked)
        if np.abs(free - before).max(initial=0.0) < SETTLED:
            break
    wanted = weight * free
    return wanted / np.maximum(none + wanted.sum(axis=0), TINY)


def margins(gains: Gains, seats: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the best value with each sentence placed less the best with it left out.

    Given an optimum, both are one chain of moves away from it: sentences displace each other until
    one takes a free segment or is left out, or each takes the segment that the one before left.

    Parameters
    ----------
    gains : (k, s) float64
        As for `exact`.
    seats : (s,) int64
        Segment of each sentence in an optimum, -1 for none.
    """
    own, placed = _gains_at(gains, seats), np.flatnonzero(seats >= 0)
    free = np.ones(len(gains), bool)
    free[seats[placed]] = False
    swap = gains[seats[placed]][:, placed].T - own[placed, None]  # [i, m]: i takes the seat of m
    out = np.maximum(gains[free][:, placed].max(axis=0, initial=0.0), 0.0) - own[placed]
    displaced = _longest(swap, out)
    newcomers = gains[seats[placed]][:, seats < 0].max(axis=1, initial=0.0)
    refilled = _longest(swap.T, np.maximum(newcomers, 0.0))
    margin = np.empty(len(seats))
    margin[placed] = own[placed] - refilled
    forced = gains[:, seats < 0]
    forced[seats[placed]] += displaced[:, None]
    margin[seats < 0] = forced.max(axis=0, initial=-np.inf)
    return margin


def _longest(step: Gains, end: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the best sum of steps and an end, from each node; no circle of steps gains."""
    best = end
    for _ in range(len(end)):
        longer = np.maximum(end, (step + best).max(axis=1, initial=-np.inf))
        if np.array_equal(longer, best):
            break
        best = longer
    return best


def _assigned(gains: Gains) -> NDArray[np.int64]:
    """Return the segment of each sentence, -1 for none; earlier free ones of equal worth."""
    worth = np.maximum(gains, 0.0)
    segments, sentences = linear_sum_assignment(worth, maximize=True)
    seats = np.full(gains.shape[1], -1)
    seats[sentences] = segments
    tolerance = TIE * max(1.0, float(worth[segments, sentences].sum()))
    seats[_gains_at(gains, seats) <= tolerance] = -1
    free = np.ones(len(gains), bool)
    free[seats[seats >= 0]] = False
    for j in np.flatnonzero(seats >= 0):
        equal = free & (gains[:, j] >= gains[seats[j], j] - tolerance)
        first = int(np.argmax(equal))
        if equal[first] and first < seats[j]:
            free[seats[j]], free[first], seats[j] = True, False, first
    return seats


def _gains_at(gains: Gains, seats: NDArray[np.int64]) -> NDArray[np.float64]:
    placed = np.flatnonzero(seats >= 0)
    own = np.zeros(len(seats))
    own[placed] = gains[seats[placed], placed]
    return own
