"""What every cost is: the base class, and what costs have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from tsalign.errors import TsalignError
from tsalign.segment.noise import inflation, steady
from tsalign.segment.penalties import difference_variance, long_run_variance

Statistics = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Table and constants, as a kernel reads them."""

Variance = Literal["difference", "long_run"]
"""How noise is measured: see `difference_variance` and `long_run_variance`."""

NORMAL_FLOOR = 1e-4
"""Least variance of a segment under the normal costs, as a share of the channel's noise."""


@dataclass(frozen=True)
class Cost(ABC):
    """Base of all costs.

    Examples
    --------
    >>> from tsalign.segment.costs import Normal
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

    def shortest(self, channels: int) -> int:
        """Return the samples that the shortest segment of so many channels should have.

        Parameters
        ----------
        channels : int
            How many there are.
        """
        return self.min_size

    def numbers(self, channels: int) -> NDArray[np.float64]:
        """Return how many numbers describe each channel within a segment.

        Parameters
        ----------
        channels : int
            How many there are.

        Returns
        -------
        (channels,) float64
            What several channels need together is shared among them.
        """
        return np.full(channels, float(self.parameters))

    def levels(
        self, x: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> NDArray[np.float64] | None:
        """Return a series whose squared distance to its mean is this cost, if there is one.

        For such there is a faster search; a constant for the whole series may be missing.

        Parameters
        ----------
        x : (n, d) float64
            Finite values.
        weights : (d,) float64
            How much each channel counts.

        Returns
        -------
        (n, channels) float64 or None
            None, unless a cost knows better.
        """
        return None

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

    def masked(self) -> Cost | None:
        """Return what this cost is where samples are missing in single channels.

        Returns
        -------
        Cost or None
            Its methods take NaN. None, unless a cost knows better: then NaN is refused.
        """
        return None

    def narrowed(self, kept: NDArray[np.bool_]) -> Cost:
        """Return this cost for some of the channels.

        Parameters
        ----------
        kept : (d,) bool
            Which of them are left.

        Returns
        -------
        Cost
            Itself, unless it tells channels apart by their numbers.
        """
        return self

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


def normal_floor(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the least variance of each channel under the normal costs.

    Parameters
    ----------
    x : (n, d) float64
        Finite values.

    Returns
    -------
    (d,) float64
        `NORMAL_FLOOR` of half the mean squared difference of neighbours; 1 for a constant channel.

    Examples
    --------
    >>> normal_floor(np.array([[0.0, 3.0], [2.0, 3.0]])).tolist()
    [0.0002, 1.0]
    """
    noise = np.square(np.diff(x, axis=0)).sum(axis=0) / max(1, 2 * (len(x) - 1))
    return np.where(noise > 0, NORMAL_FLOOR * noise, 1.0)


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


def noise_variance(x: NDArray[np.float64], variance: Variance) -> NDArray[np.float64]:
    """Return the noise variance of each channel `(d,)`, as `variance` says."""
    return difference_variance(x) if variance == "difference" else long_run_variance(x)


def noise_inflation(x: NDArray[np.float64], variance: Variance) -> NDArray[np.float64]:
    """Return how many times more the sum of the noise varies than independent samples would."""
    return np.ones(x.shape[1]) if variance == "difference" else inflation(x)
