"""What a segment may cost: one small class each, one compiled kernel behind it.

A cost of your own takes two things. The kernel: a numba function
`kernel(table, constants, starts, stops, out)` that puts the cost of the samples
`starts[i]..stops[i] - 1` into `out[i]`, for any half-open bounds with `start < stop`. And the
class: a frozen dataclass derived from `Cost` that names the kernel and prepares `table` and
`constants`, float64 arrays of two and one axes, for a series (running sums, usually). The search
is exact if the cost is the least value of a sum of losses over samples, as most are: then two
halves fitted apart cost no more than the whole.

    @numba.njit(cache=True)
    def energy(table, constants, starts, stops, out):
        for i in range(len(starts)):
            out[i] = ...

    @dataclass(frozen=True)
    class Energy(Cost):
        kernel = staticmethod(energy)

        def statistics(self, x, weights):
            return running_sums(weights * x), np.empty(0)

    Pelt(cost=Energy(), penalty=3.0)

With `noise` and `parameters` defined too, it has `bic` and `mbic`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from tsalign.errors import TsalignError
from tsalign.kernels import segment_costs
from tsalign.kernels.autoregression import lagged, prediction_error, products
from tsalign.kernels.median_cost import absolute_deviation, wavelet_matrix
from tsalign.kernels.pelt import best_partition
from tsalign.segment.cost import (
    Cost,
    Statistics,
    Variance,
    centred,
    noise_inflation,
    noise_variance,
    normal_floor,
    running_sums,
)
from tsalign.segment.missing import MaskedL2, MaskedNormal
from tsalign.segment.noise import median_scale, steady
from tsalign.segment.penalties import difference_variance, long_run_variance

CostName = Literal["l2", "l1", "normal", "normal_full", "poisson", "rank", "linear", "ar"]
"""The costs that have a word."""


@dataclass(frozen=True)
class L2(Cost):
    """Squared distance to the mean: changes of the mean.

    Examples
    --------
    >>> table, _ = L2().statistics(np.array([[1.0], [3.0]]), np.ones(1))
    >>> float(table[-1, -1])
    2.0
    """

    kernel = staticmethod(segment_costs.least_squares)

    def statistics(self, x: NDArray[np.float64], weights: NDArray[np.float64]) -> Statistics:
        """Return running sums of the channels and of all squares; no constants."""
        y = centred(x) * np.sqrt(weights)
        return running_sums(np.column_stack([y, np.square(y).sum(axis=1)])), np.empty(0)

    def noise(self, x: NDArray[np.float64], variance: Variance) -> NDArray[np.float64]:
        """Return the noise variance."""
        return noise_variance(x, variance)

    def levels(
        self, x: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> NDArray[np.float64] | None:
        """Return the weighted series itself."""
        return x if (weights == 1).all() else x * np.sqrt(weights)

    def masked(self) -> Cost | None:
        """Return the cost of what is there; None for a subclass, which knows its own."""
        return MaskedL2(self) if type(self) is L2 else None


@dataclass(frozen=True)
class L1(Cost):
    """Absolute distance to the median: changes of the level under outliers.

    A segment is priced in `O(channels log n)`, and the table takes `O(channels n log n)` memory
    (n = 100,000: 28 MB a channel).
    """

    kernel = staticmethod(absolute_deviation)

    def statistics(self, x: NDArray[np.float64], weights: NDArray[np.float64]) -> Statistics:
        """Return a wavelet matrix for each channel and its number of levels."""
        bits = max(1, (len(x) - 1).bit_length())
        return wavelet_matrix(weights * (x - np.median(x, axis=0))), np.array([float(bits)])

    def noise(self, x: NDArray[np.float64], variance: Variance) -> NDArray[np.float64]:
        """Return half the scale of Laplace noise: then the cost is twice a log-likelihood."""
        if variance == "long_run":
            return median_scale(x) / 2
        steps = np.abs(np.diff(x, axis=0)) if len(x) > 1 else np.zeros_like(x)
        middle = np.median(steps, axis=0) / 1.1461932206205825  # median of |Laplace - Laplace|
        scale = np.where(middle > 0, middle, steps.mean(axis=0) / 1.5)
        return scale / 2


@dataclass(frozen=True)
class Normal(Cost):
    """Twice the negative log-likelihood of a normal law: changes of mean, variance or both.

    Channels are independent (a diagonal covariance). The variance of a segment is never taken below
    `NORMAL_FLOOR` of the channel's noise (half the mean squared difference of neighbours), or a run
    of equal values would be worth infinitely much. A constant channel counts for nothing.
    """

    kernel = staticmethod(segment_costs.normal)

    @property
    def min_size(self) -> int:
        """Two: a single sample has no variance."""
        return 2

    @property
    def parameters(self) -> int:
        """Mean and variance."""
        return 2

    def statistics(self, x: NDArray[np.float64], weights: NDArray[np.float64]) -> Statistics:
        """Return running sums of channels scaled to a floor of 1 and of their squares; weights."""
        y = centred(x) / np.sqrt(self.floor(x))
        return running_sums(np.column_stack([y, np.square(y)])), weights

    def floor(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the least variance of each channel.

        Parameters
        ----------
        x : (n, d) float64
            Finite values.

        Returns
        -------
        (d,) float64
            1 for a constant channel.
        """
        return normal_floor(x)

    def masked(self) -> Cost | None:
        """Return the cost of what is there; None for a subclass, which knows its own."""
        return MaskedNormal(self) if type(self) is Normal else None

    def noise(self, x: NDArray[np.float64], variance: Variance) -> NDArray[np.float64]:
        """Return 1, or more for dependent samples."""
        return (np.ptp(x, axis=0) > 0) * noise_inflation(x, variance)


@dataclass(frozen=True)
class NormalFull(Normal):
    """Twice the negative log-likelihood of a normal law with correlations between channels.

    Finds changes of the mean, of variances, and of how channels go together. With `S` the
    covariance within a segment and `F` the floors of `Normal` on a diagonal, a segment of `L`
    samples costs `L log det(S + F)`, less what a segment without variance costs: the least value of
    a sum of losses, `log det V + (x - m)' V^-1 (x - m) + trace(F V^-1)` a sample, so the search
    is exact. Channels are priced together; weights should be alike.
    """

    kernel = staticmethod(segment_costs.normal_full)

    def shortest(self, channels: int) -> int:
        """Return one sample more than there are channels: fewer lie in a plane."""
        return channels + 1

    def numbers(self, channels: int) -> NDArray[np.float64]:
        """Return the share of each channel in all means, variances and covariances."""
        return np.full(channels, (channels + 3) / 2)

    def statistics(self, x: NDArray[np.float64], weights: NDArray[np.float64]) -> Statistics:
        """Return running sums of channels scaled to a floor of 1 and of products; the weight."""
        if not (weights == weights[0]).all():
            raise TsalignError("normal_full prices all channels together: weights should be alike")
        y = centred(x) / np.sqrt(self.floor(x))
        first, second = np.triu_indices(x.shape[1])
        sums = running_sums(np.column_stack([y, y[:, first] * y[:, second]]))
        return sums, np.array([float(x.shape[1]), weights[0]])


@dataclass(frozen=True)
class Poisson(Cost):
    """Twice the negative log-likelihood of Poisson counts: changes of the rate.

    Values should be counts, or at least not negative.
    """

    kernel = staticmethod(segment_costs.poisson)

    def statistics(self, x: NDArray[np.float64], weights: NDArray[np.float64]) -> Statistics:
        """Return running sums of the counts and their overall rates."""
        wrong = np.argwhere(x < 0)
        if len(wrong):
            row, channel = wrong[0].tolist()
            raise TsalignError(
                f"X has {x[row, channel]:g} at sample {row}, channel {channel};"
                " Poisson counts are not negative"
            )
        return running_sums(weights * x), weights * x.mean(axis=0)

    def noise(self, x: NDArray[np.float64], variance: Variance) -> NDArray[np.float64]:
        """Return 1, or more for dependent samples."""
        return (np.ptp(x, axis=0) > 0) * noise_inflation(x, variance)

    def steady(self, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], int, float]:
        """Return the counts themselves, their changes included: less a level they are none."""
        _, memory, lost = steady(x)
        return x, memory, lost


@dataclass(frozen=True)
class Linear(Cost):
    """Squared distance to a straight line over time: changes of level or slope, jumps allowed."""

    kernel = staticmethod(segment_costs.linear_trend)

    @property
    def min_size(self) -> int:
        """Three: a line goes through any two samples."""
        return 3

    @property
    def parameters(self) -> int:
        """Level and slope."""
        return 2

    def statistics(self, x: NDArray[np.float64], weights: NDArray[np.float64]) -> Statistics:
        """Return running sums of channels, of channels times time, of squares; the time's zero."""
        y = centred(x) * np.sqrt(weights)
        time = np.arange(len(x)) - (len(x) - 1) / 2
        # A common line changes no residual, and without it the sums stay small.
        y -= np.outer(time, time @ y / max(1.0, float(time @ time)))
        sums = running_sums(np.column_stack([y, y * time[:, None], np.square(y).sum(axis=1)]))
        return sums, np.array([(len(x) - 1) / 2])

    def noise(self, x: NDArray[np.float64], variance: Variance) -> NDArray[np.float64]:
        """Return the noise variance, around lines where it is that of the long run."""
        if variance == "difference":
            return difference_variance(x)
        return long_run_variance(x, self._best, lines=True)

    def steady(self, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], int, float]:
        """Return what the likeliest lines leave."""
        return steady(x, self._best, lines=True)

    def _best(self, channel: NDArray[np.float64], penalty: float) -> NDArray[np.int64]:
        table, constants = self.statistics(channel, np.ones(1))
        n, size = len(channel), self.min_size
        return best_partition(self.kernel, table, constants, n, penalty, 0.0, size)


@dataclass(frozen=True)
class AR(Cost):
    """Squared error of an autoregression with intercept: changes of level or dynamics.

    Each channel is predicted from its own past.

    Parameters
    ----------
    order : int
        How many samples back the prediction looks.
    """

    order: Annotated[int, Ge(1)] = 1
    kernel = staticmethod(prediction_error)

    @property
    def min_size(self) -> int:
        """One sample more than there are coefficients."""
        return self.order + 2

    @property
    def parameters(self) -> int:
        """Intercept and coefficients."""
        return self.order + 1

    def statistics(self, x: NDArray[np.float64], weights: NDArray[np.float64]) -> Statistics:
        """Return running sums of products of a sample and its past; order and rounding."""
        y = centred(x) * np.sqrt(weights)
        rounding = 1e-13 * np.square(y).sum(axis=0)
        return products(y, self.order), np.concatenate([[float(self.order)], rounding])

    def noise(self, x: NDArray[np.float64], variance: Variance) -> NDArray[np.float64]:
        """Return the variance of what one autoregression of the whole series leaves."""
        if len(x) <= 2 * self.order + 2:
            return difference_variance(x)
        left = np.empty((len(x) - self.order, x.shape[1]))
        for q, channel in enumerate(centred(x).T):
            rows = lagged(channel, self.order)[self.order :]
            fit = np.linalg.lstsq(rows[:, :-1], rows[:, -1], rcond=None)[0]
            left[:, q] = rows[:, -1] - rows[:, :-1] @ fit
        return noise_variance(left, variance)


@dataclass(frozen=True)
class Rank(Cost):
    """Squared distance to the mean of ranks: changes of location, whatever the distribution.

    Each value is replaced by its rank in its channel (equal ones share theirs), so that outliers
    and monotone changes of scale do nothing; then ranks are scaled to variance 1 and freed of
    correlations between channels.

    References
    ----------
    Lung-Yut-Fong, Lévy-Leduc, Cappé, *Homogeneity and change-point detection tests for
    multivariate data using rank statistics*, Journal de la Société Française de Statistique 156,
    2015.

    Examples
    --------
    >>> x = np.array([[1.0], [9.0], [5.0], [1e6]])
    >>> Rank().levels(x, np.ones(1)).round(2).ravel().tolist()
    [-1.34, 0.45, -0.45, 1.34]
    """

    kernel = staticmethod(segment_costs.least_squares)

    def statistics(self, x: NDArray[np.float64], weights: NDArray[np.float64]) -> Statistics:
        """Return running sums as `L2` does, of the scaled ranks."""
        return L2().statistics(self.levels(x, weights), np.ones(x.shape[1]))

    def levels(self, x: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scaled ranks; a constant channel becomes 0."""
        from scipy.stats import rankdata

        ranks = rankdata(x, axis=0) - (len(x) + 1) / 2
        values, vectors = np.linalg.eigh(ranks.T @ ranks / len(x))
        seen = values > 1e-9 * values.max(initial=0.0)
        scale = np.where(seen, 1 / np.sqrt(np.where(seen, values, 1.0)), 0.0)
        return (ranks * np.sqrt(weights)) @ (vectors * scale) @ vectors.T

    def noise(self, x: NDArray[np.float64], variance: Variance) -> NDArray[np.float64]:
        """Return 1, or more for dependent samples."""
        ranks = self.levels(x, np.ones(x.shape[1]))
        return (np.ptp(x, axis=0) > 0) * noise_inflation(ranks, variance)


COSTS: dict[str, type[Cost]] = {
    "l2": L2,
    "l1": L1,
    "normal": Normal,
    "normal_full": NormalFull,
    "poisson": Poisson,
    "rank": Rank,
    "linear": Linear,
    "ar": AR,
}
