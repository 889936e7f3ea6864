"""Exact penalised change points in the mean."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray

from tsalign.errors import TsalignError
from tsalign.kernels.search import change_points
from tsalign.segment.base import Segmenter, bounds_of, count


class Pelt(Segmenter):
    """Cut a series where its mean changes: the exact optimum for any minimum length.

    Minimises the squared distances of the samples to the mean of their segment, summed over
    channels, plus `penalty` for each change. Channels weigh by their scale: standardize them first
    where units differ. Time and memory grow about linearly with the number of samples, whether
    changes are many or few.

    Parameters
    ----------
    cost : {"l2"}
        What a segment costs: squared distance to its mean.
    penalty : float or "bic"
        What a change must save to be made, in squared units of the signal; or a rule, see `bic`.
    min_duration : float
        Shortest segment in seconds, rounded to whole samples and at least one sample. A series
        shorter than two of them is one segment.
    rate : float
        Samples per second; with 1.0 a second is a sample.

    Attributes
    ----------
    n_features_in_ : int
        Channels seen in `fit`.

    References
    ----------
    Killick, Fearnhead, Eckley, *Optimal detection of changepoints with a linear computational
    cost*, JASA 107, 2012, section 3: the problem and the pruning. How candidates are discarded
    here: `tsalign.kernels.search`.

    Examples
    --------
    >>> Pelt(penalty=1.0).fit_predict([0.0, 0.1, 0.0, 5.0, 5.1, 5.0]).tolist()
    [[0, 3], [3, 6]]
    """

    def __init__(
        self,
        cost: Literal["l2"] = "l2",
        penalty: Annotated[float, Ge(0)] | Literal["bic"] = "bic",
        min_duration: Annotated[float, Ge(0)] = 1.0,
        rate: Annotated[float, Gt(0)] = 1.0,
    ) -> None:
        self.cost = cost
        self.penalty = penalty
        self.min_duration = min_duration
        self.rate = rate

    def _segment(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        min_size = max(1, count("min_duration", self.min_duration, self.rate, least=0))
        _check_scale(x)
        penalty = bic(x) if self.penalty == "bic" else float(self.penalty)
        return bounds_of(change_points(x, penalty, min_size))


def bic(x: NDArray[np.float64]) -> float:
    """Return the penalty of the Bayesian information criterion for changes in the mean.

    It is `(sum of v + max of v) * ln(n)` with `v` the noise variance of each channel: for `d`
    equally noisy channels `(d + 1) v ln(n)`, since a change adds `d` means and one place.
    The noise is estimated from the differences of neighbours, `median|y - median y| / .6745` over
    `sqrt(2)`, so that changes of the mean hardly disturb it; where more than half of the
    differences are equal (a coarsely quantised signal), from their root mean square. The penalty
    is never below 1e-13 of the total squared deviation: smaller savings are rounding.

    The weakness: it takes samples as independent around their mean. In autocorrelated data, as
    most raw sensor signals are, neighbours differ too little, the noise is underestimated, and
    far too many changes are found; segment features of windows there, or give a penalty.

    Parameters
    ----------
    x : (n, d) float64
        Finite values.

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
    steps = np.diff(x, axis=0)
    spread = np.median(np.abs(steps - np.median(steps, axis=0)), axis=0) / 0.6744897501960817
    noise = np.where(spread > 0, spread**2, np.square(steps).mean(axis=0)) / 2
    penalty = (noise.sum() + noise.max()) * np.log(len(x))
    return float(max(penalty, 1e-13 * len(x) * (x - x[0]).var(axis=0).sum()))


def _check_scale(x: NDArray[np.float64]) -> None:
    """Refuse values whose squares and their products would leave the range of float64."""
    reach = 2 * float(np.abs(x / 2 - x[0] / 2).max())  # halved, so that nothing overflows here
    if reach != 0 and not 1e-60 < reach < 1e60:
        raise TsalignError(f"X varies by {reach:g}; rescale it to between 1e-60 and 1e60")
