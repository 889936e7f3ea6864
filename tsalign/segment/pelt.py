"""Exact penalised change points."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Gt, Lt
from numpy.typing import NDArray

from tsalign.segment.base import count
from tsalign.segment.cost import Cost, Variance
from tsalign.segment.costs import L2, CostName
from tsalign.segment.penalties import bic_penalty
from tsalign.segment.problem import NOTHING, masks, prepare
from tsalign.segment.rules import Question, Ruled

Rule = Literal["bic", "mbic", "slope", "crops", "calibrated", "supervised"]
"""The rules that choose a penalty."""


class Pelt(Ruled):
    """Cut a series where its mean, or what else a cost describes, changes: the exact optimum.

    Minimises the cost of the segments plus `penalty` for each change, for any shortest length.
    Under `l2`, `l1`, `linear` and `ar` channels count by their scale: standardize them first where
    units differ, or give `weights`. Time and memory grow about linearly with the number of samples,
    whether changes are many or few.

    Under `l2`, `normal` and a mixture of them, NaN stands for a missing sample: a segment costs
    what the samples of each channel that are there cost, and that is minimised exactly, too. A
    sample that all channels miss, and a channel without any, count as if they were not in the
    series: durations and rules know nothing of them, and a change at such a gap is at the first
    sample after it. Where a single channel changes in a gap of its own, the others decide the
    place; if they do not, it is the first sample of the gap. Noise is measured on the samples of
    each channel that are there, as if they were neighbours. Under `normal` a channel's only sample
    in a segment has the least variance: where much is missing, ask for a longer `min_duration`;
    with `mbic` above all. Other costs refuse NaN and say where it is. Long gaps as boundaries:
    `tsalign.segment.AroundGaps`.

    Parameters
    ----------
    cost : {"l2", "l1", "normal", "normal_full", "poisson", "rank", "linear", "ar"} or Cost
        What a segment costs: squared distance to its mean; absolute distance to its median; twice
        the negative log-likelihood of a normal law (mean and variance, or all covariances) or of
        Poisson counts; squared distance to the mean of ranks; to a line over time; squared error
        of an autoregression; or a cost of your own. See `tsalign.segment.costs`; different costs
        for different channels: `tsalign.segment.Mixed`.
    penalty : float, "bic", "mbic", "slope", "crops", "calibrated" or "supervised"
        What a change must save to be made, in units of the cost; or a rule. `bic` and `mbic`:
        information criteria, see `tsalign.segment.penalties`. `slope`: see
        `tsalign.segment.path.slope`. `crops`: of all partitions that are the best for a penalty
        between half of `bic` and four times that, the one that is so over the largest ratio of
        penalties; `path_` are all. `calibrated`: so that a series without changes is cut with
        probability `alpha`, see `tsalign.segment.calibration`. `supervised`: a multiple of `bic`
        that `fit(list_of_series, list_of_changes)` learns, see `tsalign.segment.supervision`;
        `predict` then cuts new series.
    min_duration : float
        Shortest segment in seconds, rounded to whole samples and at least one sample, or as many
        as the cost needs: 2 for `normal`, channels + 1 for `normal_full`, 3 for `linear`,
        `order + 2` for `ar`. A series shorter than two of them is one segment.
    rate : float
        Samples per second; with 1.0 a second is a sample.
    variance : {"difference", "long_run"}
        How rules measure noise. `long_run` finds changes and the memory of the noise together, see
        `tsalign.segment.noise`: slow waves of autocorrelated noise are no changes. `difference`
        takes samples as independent around their mean: a little faster, right where changes are a
        few samples apart all along, and disastrous in autocorrelated data, as most raw sensor
        signals are.
    order : int
        For `ar`: how many samples back it looks.
    weights : list of float or None
        How much each channel counts, one number above 0 each; None for all alike.
    alpha : float
        For `calibrated`: the probability of any change where there is none.
    n_permutations : int
        For `calibrated`: how many series without changes are drawn.
    random_state : int
        For `calibrated`: the seed by which.

    Attributes
    ----------
    n_features_in_ : int
        Channels seen in `fit`.
    bounds_ : (k, 2) int64
        Segments of the series seen in `fit`; not with `supervised`.
    confidence_ : (k - 1,) float64
        How probable each change is against none between its neighbours, see
        `tsalign.segment.confidence`; not with `supervised`. A penalty given as a number, and that
        of `slope`, is taken as `bic` would be: then it tells the noise.
    path_ : (m, 3) float64
        With `crops`: from which to which penalty each partition is the best, and into how many
        segments it is; their bounds are those of the function `crops`.
    factor_ : float
        With `supervised`: what `bic` is multiplied by.

    References
    ----------
    Killick, Fearnhead, Eckley, *Optimal detection of changepoints with a linear computational
    cost*, JASA 107, 2012, section 3: the problem and the pruning. How candidates are discarded
    here: `tsalign.kernels.search` for `l2`, `tsalign.kernels.pelt` for the others.

    Examples
    --------
    >>> Pelt(penalty=1.0).fit_predict([0.0, 0.1, 0.0, 5.0, 5.1, 5.0]).tolist()
    [[0, 3], [3, 6]]
    >>> tremor = np.repeat([0.1, 3.0], 20) * np.tile([1.0, -1.0, 0.5, -0.5], 10)
    >>> Pelt("normal").fit_predict(tremor).tolist()
    [[0, 20], [20, 40]]

    With samples missing:

    >>> nan = float("nan")
    >>> Pelt(penalty=1.0).fit_predict([[0.0, nan], [0.1, 2.0], [nan, nan], [5.0, nan]]).tolist()
    [[0, 3], [3, 4]]

    Learnt from a series that changes once and then wavers:

    >>> one = np.repeat([0.0, 9.0, 8.0], 20) + np.tile([0.2, -0.1, 0.1, -0.2], 15)
    >>> learnt = Pelt(penalty="supervised").fit([one, one[:20]], [[20], []])
    >>> learnt.predict(100 * one).tolist()
    [[0, 20], [20, 60]]
    """

    version: ClassVar[int] = 3

    def __init__(
        self,
        cost: CostName | Cost = "l2",
        penalty: Annotated[float, Ge(0)] | Rule = "bic",
        min_duration: Annotated[float, Ge(0)] = 1.0,
        rate: Annotated[float, Gt(0)] = 1.0,
        variance: Variance = "long_run",
        order: Annotated[int, Ge(1)] = 1,
        weights: list[float] | None = None,
        alpha: Annotated[float, Gt(0), Lt(1)] = 0.05,
        n_permutations: Annotated[int, Ge(1)] = 199,
        random_state: Annotated[int, Ge(0)] = 0,
    ) -> None:
        self.cost = cost
        self.penalty = penalty
        self.min_duration = min_duration
        self.rate = rate
        self.variance = variance
        self.order = order
        self.weights = weights
        self.alpha = alpha
        self.n_permutations = n_permutations
        self.random_state = random_state

    @property
    def takes_missing(self) -> bool:
        """Whether the cost takes NaN for a missing sample, as `l2` and `normal` do."""
        return masks(self.cost)

    def _ask(self, x: NDArray[np.float64]) -> Question:
        min_size = max(1, count("min_duration", self.min_duration, self.rate, least=0))
        problem = prepare(x, self.cost, min_size, self.order, self.weights)

        def measure() -> NDArray[np.float64]:
            return problem.weights * problem.cost.noise(problem.x, self.variance)

        return Question(problem, measure, problem.best)


def bic(x: NDArray[np.float64], variance: Variance = "difference") -> float:
    """Return the penalty of the Bayesian information criterion for changes in the mean.

    It is `(sum of v + max of v) * ln(n)` with `v` the noise variance of each channel: for `d`
    equally noisy channels `(d + 1) v ln(n)`, since a change adds `d` means and one place. It is
    never below 1e-13 of the total squared deviation: smaller savings are rounding.

    Parameters
    ----------
    x : (n, d) float64
        Finite values.
    variance : {"difference", "long_run"}
        How the noise is measured, see `tsalign.segment.penalties`.

    Returns
    -------
    float
        In squared units of the signal; 0 for a constant signal.

    References
    ----------
    Yao, *Estimating the number of change-points via Schwarz' criterion*, 1988.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=(10_000, 2))
    >>> round(bic(noise) / float(3 * np.log(10_000)), 1)
    1.0
    """
    if len(x) < 2:
        return 0.0
    penalty = bic_penalty(L2().noise(x, variance), 1, len(x)).change
    return float(max(penalty, NOTHING * len(x) * (x - x[0]).var(axis=0).sum()))
