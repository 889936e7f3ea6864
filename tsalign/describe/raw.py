"""The signal itself around each segment, for networks that learn their own features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray

from tsalign.describe.context import Describer, Piece, inside
from tsalign.describe.spectrum import BLOCK
from tsalign.describe.statistics import Groups, sensor_groups

FAR = 10.0  # units of spread beyond which a sample says no more
FAINT = 1e-6  # stands for a sample that is exactly 0, which means missing
CONSTANT = 1e-12  # share of the mean square below which a channel does not vary


class Raw(Describer):
    """A stretch of fixed length centred on each segment, resampled and scaled.

    A point is the mean of the samples in its cell. What is missing, or lies beyond the ends of a
    recording, is exactly 0, and nothing else is. The three channels of a 3-axis sensor share one
    scale and keep their zero, so that they can be turned; others have mean 0 and spread 1.

    Parameters
    ----------
    context : float
        Seconds that are looked at; of a longer segment its middle.
    samples : int
        Points a channel.
    groups : "auto" or tuple of tuple of int
        The three channels (by number) of each 3-axis sensor, as in `Statistics`.

    Attributes
    ----------
    rate_ : float
        Samples per second.
    channels_ : int
        Channels of the signal.
    groups_ : (g, 3) int64
        Channels of each 3-axis sensor.
    center_, spread_ : (channels_,) float64
        Of the training recordings, over all that is not missing.

    Examples
    --------
    >>> x = np.arange(8, dtype=np.float32)[:, None]
    >>> raw = Raw(context=4.0, samples=2).fit([(x, 1.0, np.array([[0, 8]]))])
    >>> raw.transform(x, 1.0, np.array([[2, 6], [7, 8]])).round(2)
    array([[-0.44,  0.44],
           [ 0.87,  1.53]], dtype=float32)
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        context: Annotated[float, Gt(0)] = 2.56,
        samples: Annotated[int, Ge(1)] = 64,
        groups: Groups = "auto",
    ) -> None:
        self.context = context
        self.samples = samples
        self.groups = groups

    def fit(self, pieces: Sequence[Piece], channels: Sequence[str] | None = None) -> Raw:
        """Learn the sampling rate, the 3-axis sensors and the scale of each channel.

        Parameters
        ----------
        pieces : sequence of (values (n, c), rate, bounds (k, 2))
            Training recordings, all with the same rate and channels.
        channels : sequence of str or None
            Names of the channels, by which 3-axis sensors are found.

        Returns
        -------
        Raw
            Itself.

        Raises
        ------
        TsalignError
            When a group names a channel that is not there.
        """
        self._learn(pieces)
        self.groups_ = sensor_groups(self.groups, channels, self.channels_)
        nothing = np.zeros(self.channels_)
        level = _means(pieces, nothing, 1)
        self.center_ = level.copy()
        self.center_[self.groups_] = 0.0
        power = _means(pieces, self.center_, 2)
        varies = power > CONSTANT * level**2
        power[self.groups_] = power[self.groups_].mean(axis=1, keepdims=True)
        varies[self.groups_] = varies[self.groups_].any(axis=1, keepdims=True)
        self.spread_ = np.sqrt(np.where(varies, power, 1.0))
        return self

    def transform(
        self, values: NDArray[np.float32], rate: float, bounds: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Return what is around each segment.

        Parameters
        ----------
        values : (n, c) float32
            Samples; any may be missing (NaN).
        rate : float
            Samples per second, as in training.
        bounds : (k, 2) int64
            Half-open segments.

        Returns
        -------
        (k, c * samples) float32
            All points of the first channel, then those of the next; 0 is missing.
        """
        windows = self._windows(values, rate, bounds)
        out = np.empty((len(windows), self.channels_ * self.samples), np.float32)
        step = max(1, BLOCK // (self._length() * self.channels_))
        for at in range(0, len(windows), step):
            some = slice(at, at + step)
            out[some] = self._points(values, windows[some, 0]).reshape(-1, out.shape[1])
        return out

    def feature_names(self, channels: Sequence[str]) -> list[str]:
        """Name the columns.

        Parameters
        ----------
        channels : sequence of str
            Names of the channels.

        Returns
        -------
        list of str
            One a column: the channel, and the seconds from the middle.
        """
        cells = (np.arange(self.samples) + 0.5) / self.samples - 0.5
        return [f"{c} {t:+.3f} s" for c in channels for t in cells * self.context]

    def _length(self) -> int:
        return max(1, round((self.context or 0.0) * self.rate_))

    def _windows(
        self, values: NDArray[np.float32], rate: float, bounds: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        self._check(values, rate)
        start = (inside(bounds, len(values)).sum(axis=1) - self._length()) // 2
        return np.stack([start, start + self._length()], axis=1)

    def _points(self, values: NDArray[np.float32], start: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return `(k, c, samples)` scaled points of windows that may reach over the ends."""
        places = start[:, None] + np.arange(self._length())
        window = values[places.clip(0, len(values) - 1)].transpose(0, 2, 1)  # (k, c, length)
        there = np.isfinite(window) & ((places >= 0) & (places < len(values)))[:, None]
        away = np.where(there, window - self.center_[:, None], 0.0)
        weights = _cells(self._length(), self.samples)
        share = there.astype(float) @ weights
        points = away @ weights / np.where(share > 0, share, 1.0) / self.spread_[:, None]
        points = np.clip(points, -FAR, FAR)
        points = np.where(np.abs(points) < FAINT, FAINT, points)
        return np.where(share > 0, points, 0.0)


def _cells(length: int, samples: int) -> NDArray[np.float64]:
    """Return how much of each of `length` samples lies in each of equal cells."""
    edges = np.linspace(0.0, length, samples + 1)
    at = np.arange(length)[:, None]
    return np.clip(np.minimum(at + 1, edges[1:]) - np.maximum(at, edges[:-1]), 0.0, None)


def _means(pieces: Sequence[Piece], center: NDArray[np.float64], power: int) -> NDArray[np.float64]:
    """Return the mean of a power of what each channel is away from a centre; 0 where all misses."""
    count, total = np.zeros(len(center)), np.zeros(len(center))
    for values, _, _ in pieces:
        there = np.isfinite(values)
        count += there.sum(axis=0)
        total += (np.where(there, values - center, 0.0) ** power).sum(axis=0)
    return total / np.maximum(count, 1)
