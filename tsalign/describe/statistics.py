"""Features an expert would name: level, spread, change, rhythm, and how channels move together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from tsalign.describe.context import Describer, Piece, level_and_power
from tsalign.describe.spectrum import (
    blocks,
    lagged_products,
    overlaps,
    power_of_two,
    power_spectrum,
)
from tsalign.errors import TsalignError
from tsalign.kernels.statistics import (
    autocorrelation_peaks,
    banded,
    correlations,
    moments,
    spectral_shapes,
)

OCTAVES = 6
FLOOR = 1e-8
LEVELS = (
    "mean",
    "std",
    "min",
    "max",
    "lower quartile",
    "median",
    "upper quartile",
    "mean |difference|",
    "std of differences",
    "drift",
    "spectral centroid",
    "peak frequency",
    "spectral entropy",
)
Groups = Literal["auto"] | tuple[tuple[int, int, int], ...]
RHYTHM = ("autocorrelation peak", "autocorrelation lag")


class Statistics(Describer):
    """Statistics of each channel, of the magnitude of 3-axis sensors, and between channels.

    A channel gives mean, standard deviation, minimum, maximum, quartiles, mean absolute difference
    and standard deviation of differences of neighbouring samples, drift (mean of the last quarter
    minus mean of the first), centroid, highest peak (Hz) and entropy of the Hann-tapered power
    spectrum, natural log of the power in bands, and height and lag (s) of the highest peak of the
    autocorrelation after it first reaches zero. Each pair of channels gives its correlation.

    Parameters
    ----------
    context : float or None
        Shortest stretch in seconds that is looked at around a segment.
    bands : tuple of float or None
        Rising edges of the bands in Hz; None takes the six octaves below half the sampling rate
        and what lies below them. Power more than 80 dB below that of the training recordings
        counts as that.
    groups : "auto" or tuple of tuple of int
        The three channels (by number) of each 3-axis sensor. "auto" finds, by the names given to
        `fit`, channels that differ only in a last letter x, y, z; without names there are none.

    Attributes
    ----------
    rate_ : float
        Samples per second.
    channels_ : int
        Channels of the signal.
    groups_ : (g, 3) int64
        Channels of each 3-axis sensor.
    edges_ : (b + 1,) float64
        Edges of the bands in Hz.
    floor_ : (channels_ + g,) float64
        Least power that is told from none.

    Examples
    --------
    >>> wave = np.sin(2 * np.pi * 5 * np.arange(100) / 50)[:, None].astype(np.float32)
    >>> bounds = np.array([[0, 50], [50, 100]])
    >>> statistics = Statistics().fit([(wave, 50.0, bounds)])
    >>> rows = statistics.transform(wave, 50.0, bounds)
    >>> rows.shape, statistics.feature_names(["x"])[1], round(float(rows[0, 1]), 2)
    ((2, 22), 'x std', 0.71)
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        context: Annotated[float, Ge(0)] | None = None,
        bands: tuple[float, ...] | None = None,
        groups: Groups = "auto",
    ) -> None:
        self.context = context
        self.bands = bands
        self.groups = groups

    def fit(self, pieces: Sequence[Piece], channels: Sequence[str] | None = None) -> Statistics:
        """Learn the sampling rate, the bands, the 3-axis sensors and the least power.

        Parameters
        ----------
        pieces : sequence of (values (n, c), rate, bounds (k, 2))
            Training recordings, all with the same rate and channels.
        channels : sequence of str or None
            Names of the channels, by which 3-axis sensors are found.

        Returns
        -------
        Statistics
            Itself.

        Raises
        ------
        TsalignError
            When bands do not rise or go beyond half the sampling rate, or a group names a channel
            that is not there.
        """
        self._learn(pieces)
        self.edges_ = self._band_edges()
        self.groups_ = sensor_groups(self.groups, channels, self.channels_)
        _, power = level_and_power(self._with_magnitudes(values).T for values, _, _ in pieces)
        self.floor_ = FLOOR * power
        return self

    def _band_edges(self) -> NDArray[np.float64]:
        nyquist = self.rate_ / 2
        if self.bands is None:
            return np.array([0.0, *(nyquist / 2.0**i for i in range(OCTAVES, -1, -1))])
        edges = np.asarray(self.bands, dtype=np.float64)
        rising = len(edges) > 1 and edges[0] >= 0 and bool((np.diff(edges) > 0).all())
        if not rising or edges[-1] > nyquist:
            raise TsalignError(
                f"bands {self.bands} should rise from 0 or more to at most half the rate, "
                f"{nyquist:g} Hz"
            )
        return edges

    def _with_magnitudes(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        extra = [np.sqrt(np.square(values[:, g], dtype=np.float64).sum(1)) for g in self.groups_]
        return np.ascontiguousarray(np.vstack([values.T, *extra]), dtype=np.float32)

    def transform(
        self, values: NDArray[np.float32], rate: float, bounds: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Describe segments.

        Parameters
        ----------
        values : (n, c) float32
            Samples, finite within the segments.
        rate : float
            Samples per second, as in training.
        bounds : (k, 2) int64
            Half-open segments of any lengths.

        Returns
        -------
        (k, d) float32
            Finite; a row depends on its window alone.
        """
        windows = self._windows(values, rate, bounds)
        signal = self._with_magnitudes(values)
        between = correlations(signal[: self.channels_], windows)
        rows = np.concatenate([moments(signal, windows), self._spectral(signal, windows)], axis=2)
        return np.hstack([rows.reshape(len(rows), rows.shape[1] * rows.shape[2]), between]).astype(
            np.float32
        )

    def _spectral(
        self, signal: NDArray[np.float32], windows: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        lengths = windows[:, 1] - windows[:, 0]
        out = np.empty((len(windows), len(signal), 3 + len(self.edges_) - 1 + 2))
        for rows, size in blocks(power_of_two(2 * lengths), len(signal)):
            power = power_spectrum(signal, windows[rows], size)
            shapes = spectral_shapes(power, lengths[rows], size)
            shapes[..., :2] *= self.rate_
            weights = overlaps(self.edges_ / (self.rate_ / 2), power.shape[2])
            loud = np.log(np.maximum(banded(power, weights), self.floor_[:, None]))
            peaks = autocorrelation_peaks(
                lagged_products(signal, windows[rows], size), lengths[rows]
            )
            peaks[..., 1] /= self.rate_
            out[rows] = np.concatenate([shapes, loud, peaks], axis=2)
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
            One a column.
        """
        bands = [
            f"log power {a:.4g}-{b:.4g} Hz"
            for a, b in zip(self.edges_[:-1], self.edges_[1:], strict=True)
        ]
        sensors = [f"{channels[g[0]][:-1].rstrip('_- .')} magnitude" for g in self.groups_]
        each = [f"{c} {f}" for c in (*channels, *sensors) for f in (*LEVELS, *bands, *RHYTHM)]
        pairs = [f"{a} {b} correlation" for a, b in combinations(channels, 2)]
        return self._named(each + pairs)


def three_axis(channels: Sequence[str]) -> list[tuple[int, int, int]]:
    """Find the channels that differ only in a last letter x, y, z.

    Parameters
    ----------
    channels : sequence of str
        Names; capitals count as small letters.

    Returns
    -------
    list of (int, int, int)
        Numbers of the x, y and z channel of each sensor.

    Examples
    --------
    >>> three_axis(["acc_x", "acc_y", "acc_z", "heart rate"])
    [(0, 1, 2)]
    """
    place = {name.lower(): i for i, name in enumerate(channels)}
    return [
        (i, place[name[:-1] + "y"], place[name[:-1] + "z"])
        for name, i in place.items()
        if name.endswith("x") and name[:-1] + "y" in place and name[:-1] + "z" in place
    ]


def sensor_groups(
    groups: Groups, channels: Sequence[str] | None, n_channels: int
) -> NDArray[np.int64]:
    """Return the channels of each 3-axis sensor, as told or as their names tell.

    Parameters
    ----------
    groups : "auto" or tuple of tuple of int
        "auto" asks `three_axis`.
    channels : sequence of str or None
        Names.
    n_channels : int
        How many there are.

    Returns
    -------
    (g, 3) int64
        Numbers of channels.

    Raises
    ------
    TsalignError
        When a group names a channel that is not there.
    """
    found = three_axis(channels or ()) if groups == "auto" else [tuple(g) for g in groups]
    numbers = np.array(found, dtype=np.int64).reshape(-1, 3)
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < n_channels:
        raise TsalignError(f"groups {found} name a channel beyond the {n_channels} given")
    return numbers
