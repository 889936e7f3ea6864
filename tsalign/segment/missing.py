"""Series in which samples are missing: what is there, where it was, and what segments cost then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tsalign.kernels.masked_costs import least_squares_masked, normal_masked
from tsalign.segment.cost import Cost, Statistics, Variance, normal_floor, running_sums


@dataclass(frozen=True, eq=False)
class Present:
    """The samples of a series that are there in at least one channel.

    Parameters
    ----------
    x : (m, d) float64
        They themselves.
    places : (m,) int64 or None
        Where they are in the series; None if nothing is left out.
    n : int
        Samples of the series.

    Examples
    --------
    >>> rest = present(np.array([[0.0], [np.nan], [5.0], [np.nan]]))
    >>> rest.x.ravel().tolist(), rest.bounds(np.array([[0, 1], [1, 2]])).tolist()
    ([0.0, 5.0], [[0, 2], [2, 4]])
    """

    x: NDArray[np.float64]
    places: NDArray[np.int64] | None
    n: int

    def bounds(self, found: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return in samples of the series what was found in those that are there.

        Parameters
        ----------
        found : (k, 2) int64
            Half-open bounds in rows of `x`.

        Returns
        -------
        (k, 2) int64
            Half-open bounds, gaps included as `spread` has it.
        """
        return found if self.places is None else spread(found, self.places, 0, self.n)

    def changes(self, marks: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where changes of the series are in what is there.

        Parameters
        ----------
        marks : (k,) int64
            Samples that begin a segment, ascending.

        Returns
        -------
        (m,) int64
            The first row of `x` from each on; none before the first sample or after the last.
        """
        if self.places is None:
            return marks
        rows = np.unique(np.searchsorted(self.places, marks))
        return rows[(rows > 0) & (rows < len(self.places))]


def present(x: NDArray[np.float64]) -> Present:
    """Return what is there of a series.

    Parameters
    ----------
    x : (n, d) float64
        NaN where a channel misses a sample.

    Returns
    -------
    Present
        The series itself where no sample is missing in all channels.
    """
    if not np.isnan(x.min()):
        return Present(x, None, len(x))
    there = ~np.isnan(x).all(axis=1)
    if there.all():
        return Present(x, None, len(x))
    return Present(np.ascontiguousarray(x[there]), np.flatnonzero(there), len(x))


def spread(
    found: NDArray[np.int64], places: NDArray[np.int64], start: int, end: int
) -> NDArray[np.int64]:
    """Return segments of samples that are there, with what is missing between them.

    A gap goes with what is before it: the change is at the first sample after it. At the rim there
    is only one neighbour.

    Parameters
    ----------
    found : (k, 2) int64
        Half-open bounds, in samples that are there.
    places : (m,) int64
        Where these are.
    start, end : int
        The stretch that they are of.

    Returns
    -------
    (k, 2) int64
        Half-open bounds in the series.
    """
    starts = np.where(found[:, 0] == 0, start, places[found[:, 0]])
    return np.column_stack([starts, np.append(places, end)[found[:, 1]]])


@dataclass(frozen=True)
class Masked(Cost):
    """Base of costs of what is there: each channel counts its own samples.

    Noise, its memory, and its floor under `normal` are measured in each channel on the samples
    that are there, as if they were neighbours.

    Parameters
    ----------
    whole : Cost
        The cost where nothing is missing.
    """

    whole: Cost

    @property
    def min_size(self) -> int:
        """As many as where nothing is missing."""
        return self.whole.min_size

    @property
    def parameters(self) -> int:
        """As many as where nothing is missing."""
        return self.whole.parameters

    def noise(self, x: NDArray[np.float64], variance: Variance) -> NDArray[np.float64]:
        """Return the noise of what is there.

        Parameters
        ----------
        x : (n, d) float64
            NaN where a sample is missing; each channel has one.
        variance : {"difference", "long_run"}
            Whether samples count as independent or not.
        """
        return by_channel(x, lambda channel: self.whole.noise(channel, variance)[0])

    def steady(self, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], int, float]:
        """Return what is there less its changes, and the longest memory of all channels.

        Parameters
        ----------
        x : (n, d) float64
            NaN where a sample is missing, in what is returned too; each channel has a sample.
        """
        left, memory, lost = x.copy(), 1, 1.0
        for q, there in enumerate(~np.isnan(x.T)):
            rest, lasts, grows = self.whole.steady(np.ascontiguousarray(x[there, q : q + 1]))
            left[there, q] = rest[:, 0]
            memory, lost = max(memory, lasts), max(lost, grows)
        return left, memory, lost


@dataclass(frozen=True)
class MaskedL2(Masked):
    """Squared distance of the samples that are there to their mean, by channel.

    Examples
    --------
    >>> from tsalign.segment.costs import L2
    >>> x = np.array([[1.0, 5.0], [np.nan, 7.0], [3.0, np.nan]])
    >>> table, _ = MaskedL2(L2()).statistics(x, np.ones(2))
    >>> table[2:4, -1].tolist(), float(table[-1, -1])
    ([2.0, 2.0], 4.0)
    """

    kernel = staticmethod(least_squares_masked)

    def statistics(self, x: NDArray[np.float64], weights: NDArray[np.float64]) -> Statistics:
        """Return running sums of the channels, of what is there, of all squares; no constants."""
        y = filled(x) * np.sqrt(weights)
        rows = [y, ~np.isnan(x), np.square(y).sum(axis=1)]
        return running_sums(np.column_stack(rows)), np.empty(0)


@dataclass(frozen=True)
class MaskedNormal(Masked):
    """Twice the negative log-likelihood of a normal law for what is there, by channel.

    A channel with one sample in a segment has the least variance there, which saves about as much
    as two equal samples do: where much is missing, ask for longer segments by `min_duration`.
    """

    kernel = staticmethod(normal_masked)

    def statistics(self, x: NDArray[np.float64], weights: NDArray[np.float64]) -> Statistics:
        """Return running sums of channels scaled to a floor of 1, of what is there, of squares."""
        y = filled(x) / np.sqrt(by_channel(x, lambda channel: normal_floor(channel)[0]))
        return running_sums(np.column_stack([y, ~np.isnan(x), np.square(y)])), weights


def filled(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a series less the mean of what is there, and 0 where a sample is missing.

    Parameters
    ----------
    x : (n, d) float64
        NaN where a sample is missing.

    Returns
    -------
    (n, d) float64
        A new array.

    Examples
    --------
    >>> filled(np.array([[np.nan], [1e8], [1e8 + 2]])).ravel().tolist()
    [0.0, -1.0, 1.0]
    """
    there = ~np.isnan(x)
    first = x[there.argmax(axis=0), np.arange(x.shape[1])]
    y = np.where(there, x - first, 0.0)
    return np.where(there, y - y.sum(axis=0) / np.maximum(1, there.sum(axis=0)), 0.0)


def by_channel(
    x: NDArray[np.float64], measure: Callable[[NDArray[np.float64]], float]
) -> NDArray[np.float64]:
    """Return what is measured in each channel on the samples that are there.

    Parameters
    ----------
    x : (n, d) float64
        NaN where a sample is missing; each channel has one.
    measure : callable
        From one channel `(m, 1)` to a number.

    Returns
    -------
    (d,) float64
        One number a channel.

    Examples
    --------
    >>> by_channel(np.array([[1.0, 2.0], [3.0, np.nan]]), np.sum).tolist()
    [4.0, 2.0]
    """
    there = ~np.isnan(x)
    channels = (np.ascontiguousarray(x[there[:, q], q : q + 1]) for q in range(x.shape[1]))
    return np.array([measure(channel) for channel in channels], dtype=np.float64)
