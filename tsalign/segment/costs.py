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

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from tsalign.errors import TsalignError
from tsalign.kernels import segment_costs
from tsalign.kernels.autoregression import lagged, prediction_error, products
from tsalign.kernels.median_cost import absolute_deviation, wavelet_matrix
from tsalign.kernels.pelt import best_partition
from tsalign.segment.noise import inflation, median_scale, steady
from tsalign.segment.penalties import difference_variance, long_run_variance

Statistics = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Table and constants, as a kernel reads them."""

CostName = Literal["l2", "l1", "normal", "poisson", "linear", "ar"]
"""The costs that have a word."""

Variance = Literal["difference", "long_run"]
"""How noise is measured: see `difference_variance` and `long_run_variance`."""

NORMAL_FLOOR = 1e-4
"""Least variance of a segment under the normal cost, as a share of the channel's noise."""


@dataclass(frozen=True)
class Cost(ABC):
    """Base of all costs.

    Examples
    --------
    >>> isinstance(Normal(), Cost)
    True
    """

    version: ClassVar[int] = 1
    kernel: ClassVar[Callable[..., None]]

    @property
    def min_size(self) -> int:
        """Samples that the shortest segment should have."""
        return 1

    @property
    def parameters(self) -> int:
        """Numbers that describe a channel within a segment."""
        return 1

    @abstractmethod
    def statistics(self, x: NDArray[np.float64], weights: NDArray[np.float64]) -> Statistics:
        """Prepare a series.

        Parameters
        ----------
        x : (n, d) float64
            Finite values.
        weights : (d,) float64
            How much each channel counts, above 0.

        Returns
        -------
        table : (rows, columns) float64
            For the kernel.
        constants : (k,) float64
            For the kernel.

        Raises
        ------
        TsalignError
            Where the cost has no meaning for the values.
        """

    def noise(self, x: NDArray[np.float64], variance: Variance) -> NDArray[np.float64]:
        """Return by how much a superfluous number lowers the cost of each channel, on average.

        Parameters
        ----------
        x : (n, d) float64
            Finite values.
        variance : {"difference", "long_run"}
            Whether samples count as independent or not.

        Returns
        -------
        (d,) float64
            In units of the cost.
        """
        raise TsalignError(f"{type(self).__name__} knows no noise; give the penalty as a number")

    def steady(self, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], int, float]:
        """Return a series less what is taken for changes, and how long its noise remembers.

        Parameters
        ----------
        x : (n, d) float64
            Finite values.

        Returns
        -------
        noise : (n, d) float64
            Here, what the likeliest levels leave; a subclass may know better.
        memory : int
            Sums of so many samples vary, per sample, nearly as much as the longest.
        lost : float
            By how much more these do, at least 1.
        """
        return steady(x)


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
        return _variance(x, variance)


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
        noise = np.square(np.diff(x, axis=0)).sum(axis=0) / max(1, 2 * (len(x) - 1))
        return np.where(noise > 0, NORMAL_FLOOR * noise, 1.0)

    def noise(self, x: NDArray[np.float64], variance: Variance) -> NDArray[np.float64]:
        """Return 1, or more for dependent samples."""
        return (np.ptp(x, axis=0) > 0) * _inflation(x, variance)


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
        return (np.ptp(x, axis=0) > 0) * _inflation(x, variance)

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
        return _variance(left, variance)


COSTS: dict[str, type[Cost]] = {
    "l2": L2,
    "l1": L1,
    "normal": Normal,
    "poisson": Poisson,
    "linear": Linear,
    "ar": AR,
}


def centred(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a series less its mean; what is constant becomes exactly zero.

    Parameters
    ----------
    x : (n, d) float64
        Finite values.

    Returns
    -------
    (n, d) float64
        A new array.
    """
    y = x - x[0]
    y -= y.mean(axis=0)
    return y


def running_sums(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sums of the first 0, 1, ..., n rows.

    Parameters
    ----------
    x : (n, d) float64
        Finite values.

    Returns
    -------
    (d, n + 1) float64
        One row a channel.

    Examples
    --------
    >>> running_sums(np.array([[1.0], [2.0]])).tolist()
    [[0.0, 1.0, 3.0]]
    """
    sums = np.zeros((x.shape[1], len(x) + 1))
    np.cumsum(x.T, axis=1, out=sums[:, 1:])
    return sums


def _variance(x: NDArray[np.float64], variance: Variance) -> NDArray[np.float64]:
    return difference_variance(x) if variance == "difference" else long_run_variance(x)


def _inflation(x: NDArray[np.float64], variance: Variance) -> NDArray[np.float64]:
    """Return how many times more the sum of the noise varies than independent samples would."""
    return np.ones(x.shape[1]) if variance == "difference" else inflation(x)
