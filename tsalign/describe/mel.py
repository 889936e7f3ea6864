"""Log-mel spectra and their cepstra: how speech sounds within a segment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Self

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray
from scipy.fft import dct

from tsalign.describe.context import Describer, Piece, level_and_power, runs_of
from tsalign.describe.spectrum import blocks, power_of_two, power_spectrum
from tsalign.errors import TsalignError
from tsalign.kernels.statistics import banded

FLOOR = 1e-8


def hz_to_mel(hz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Return the mel scale of HTK, `2595 log10(1 + hz / 700)`.

    Examples
    --------
    >>> float(hz_to_mel(1000.0).round(2))
    999.99
    """
    return 2595.0 * np.log10(1.0 + np.asarray(hz) / 700.0)


def mel_to_hz(mel: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Return the inverse of `hz_to_mel`."""
    return 700.0 * (10.0 ** (np.asarray(mel) / 2595.0) - 1.0)


def mel_edges(bins: int, low: float, high: float) -> NDArray[np.float64]:
    """Return `(bins + 2,)` frequencies in Hz, equally spaced in mel from `low` to `high`."""
    return mel_to_hz(np.linspace(hz_to_mel(low), hz_to_mel(high), bins + 2))


def mel_filters(edges: NDArray[np.float64], rate: float, size: int) -> NDArray[np.float64]:
    """Return triangles of height 1, each from its left to its right neighbour's peak (HTK).

    Parameters
    ----------
    edges : (bins + 2,) float64
        Hz, as from `mel_edges`.
    rate : float
        Samples per second.
    size : int
        Transform size.

    Returns
    -------
    (bins, size / 2 + 1) float64
        Weights of the spectral bins.
    """
    frequencies = np.arange(size // 2 + 1) * (rate / size)
    left, peak, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (frequencies - left) / (peak - left), (right - frequencies) / (right - peak)
    return np.clip(np.minimum(rising, falling), 0.0, None)


class LogMel(Describer):
    """Natural log of the power in mel bands, each channel by itself.

    The whole segment is one frame: its mean is taken away, it is tapered by a Hann window and
    zero-padded. The filters are HTK's (mel formula and triangles of height 1). Power more than
    80 dB below that of the training recordings counts as that.

    Parameters
    ----------
    bins : int
        Mel bands.
    low, high : float, float or None
        Hz; the lowest edge, and the highest, where None stands for half the rate.
    n_fft : int or None
        Least transform size, rounded up to a power of two that holds the window; None takes one
        at which every band has a spectral bin.
    context : float or None
        Shortest stretch in seconds that is looked at around a segment.

    Attributes
    ----------
    rate_ : float
        Samples per second.
    channels_ : int
        Channels of the signal.
    edges_ : (bins + 2,) float64
        Edges and peaks of the bands in Hz.
    floor_ : (channels_,) float64
        Least power that is told from none.

    References
    ----------
    Young et al., "The HTK Book", section 5.4 (filter bank).

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(1600) / 16000)[:, None].astype(np.float32)
    >>> bounds = np.array([[0, 400], [320, 720]])
    >>> mel = LogMel().fit([(tone, 16000.0, bounds)])
    >>> loudest = int(mel.transform(tone, 16000.0, bounds)[0].argmax())
    >>> bool(mel.edges_[loudest] < 1000 < mel.edges_[loudest + 2])
    True
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        bins: Annotated[int, Gt(0)] = 40,
        low: Annotated[float, Ge(0)] = 0.0,
        high: Annotated[float, Gt(0)] | None = None,
        n_fft: Annotated[int, Gt(1)] | None = None,
        context: Annotated[float, Ge(0)] | None = None,
    ) -> None:
        self.bins = bins
        self.low = low
        self.high = high
        self.n_fft = n_fft
        self.context = context

    def fit(self, pieces: Sequence[Piece], channels: Sequence[str] | None = None) -> Self:
        """Learn the sampling rate, the bands and the least power.

        Parameters
        ----------
        pieces : sequence of (values (n, c), rate, bounds (k, 2))
            Training recordings, all with the same rate and channels.
        channels : sequence of str or None
            Not used; taken so that all describers are fitted alike.

        Returns
        -------
        LogMel
            Itself.

        Raises
        ------
        TsalignError
            When the bands do not fit between `low` and half the rate, or `n_fft` is so small that
            a band has no spectral bin.
        """
        self._learn(pieces)
        nyquist = self.rate_ / 2
        high = nyquist if self.high is None else self.high
        if not self.low < high <= nyquist:
            raise TsalignError(
                f"mel bands from {self.low:g} to {high:g} Hz do not lie within 0 and half the "
                f"rate, {nyquist:g} Hz"
            )
        self.edges_ = mel_edges(self.bins, self.low, high)
        self.floor_ = FLOOR * level_and_power(values for values, _, _ in pieces)[1]
        self._refuse_empty_bands()
        return self

    def _refuse_empty_bands(self) -> None:
        size = int(self._sizes(np.array([1]))[0])
        empty = np.flatnonzero(~mel_filters(self.edges_, self.rate_, size).any(axis=1))
        if len(empty):
            raise TsalignError(
                f"mel band {empty[0]} of {self.bins} has no spectral bin at n_fft={size}; "
                "take fewer bins or a larger n_fft"
            )

    def _sizes(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        # A band is sure to have a bin where bins lie closer than the narrowest band is wide.
        narrowest = float((self.edges_[2:] - self.edges_[:-2]).min())
        least = int(self.rate_ / narrowest) + 1 if self.n_fft is None else self.n_fft
        return power_of_two(np.maximum(lengths, max(2, least)))

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
        (k, c * bins) float32
            All bands of the first channel, then those of the next.
        """
        power = self._log_power(values, rate, bounds)
        return power.reshape(len(power), self.channels_ * self.bins).astype(np.float32)

    def _log_power(
        self, values: NDArray[np.float32], rate: float, bounds: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        windows = self._windows(values, rate, bounds)
        signal = np.ascontiguousarray(values.T, dtype=np.float32)
        out = np.empty((len(windows), self.channels_, self.bins))
        for rows, size in blocks(self._sizes(windows[:, 1] - windows[:, 0]), self.channels_):
            filters = mel_filters(self.edges_, self.rate_, size)
            power = banded(power_spectrum(signal, windows[rows], size), filters)
            out[rows] = np.log(np.maximum(power, self.floor_[:, None]))
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
        return self._named(f"{c} mel {f:.0f} Hz" for c in channels for f in self.edges_[1:-1])


class Mfcc(LogMel):
    """Mel-frequency cepstral coefficients, each channel by itself.

    The orthonormal DCT-II of `LogMel`, and with `deltas` its slope and the slope's slope over two
    segments on either side. Slopes do not look across a hole between segments: there, as at the
    ends, the nearest segment is repeated.

    Parameters
    ----------
    coefficients : int
        How many to keep, coefficient 0 (the level) included.
    bins : int
        Mel bands, at least `coefficients`.
    deltas : bool
        Append first and second slopes.
    low, high : float, float or None
        Hz; the lowest edge, and the highest, where None stands for half the rate.
    n_fft : int or None
        As in `LogMel`.
    context : float or None
        Shortest stretch in seconds that is looked at around a segment.

    Attributes
    ----------
    rate_, channels_, edges_, floor_
        As in `LogMel`.

    References
    ----------
    Davis, Mermelstein (1980), IEEE Trans. ASSP 28(4); slopes as in "The HTK Book", equation 5.16.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(1600, 1)).astype(np.float32)
    >>> bounds = np.array([[0, 400], [320, 720], [640, 1040]])
    >>> Mfcc().fit([(x, 16000.0, bounds)]).transform(x, 16000.0, bounds).shape
    (3, 39)
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        coefficients: Annotated[int, Gt(0)] = 13,
        bins: Annotated[int, Gt(0)] = 40,
        deltas: bool = True,
        low: Annotated[float, Ge(0)] = 0.0,
        high: Annotated[float, Gt(0)] | None = None,
        n_fft: Annotated[int, Gt(1)] | None = None,
        context: Annotated[float, Ge(0)] | None = None,
    ) -> None:
        super().__init__(bins=bins, low=low, high=high, n_fft=n_fft, context=context)
        self.coefficients = coefficients
        self.deltas = deltas

    def fit(self, pieces: Sequence[Piece], channels: Sequence[str] | None = None) -> Self:
        """Learn the sampling rate, the bands and the least power.

        Parameters
        ----------
        pieces : sequence of (values (n, c), rate, bounds (k, 2))
            Training recordings, all with the same rate and channels.
        channels : sequence of str or None
            Not used; taken so that all describers are fitted alike.

        Returns
        -------
        Mfcc
            Itself.

        Raises
        ------
        TsalignError
            As for `LogMel.fit`, and when there are more coefficients than bins.
        """
        super().fit(pieces, channels)
        if self.coefficients > self.bins:
            raise TsalignError(f"{self.coefficients} coefficients of only {self.bins} mel bands")
        return self

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
            Half-open segments in the order of time, of any lengths.

        Returns
        -------
        (k, c * d) float32
            For each channel the coefficients, then their first and second slopes.
        """
        cepstra = dct(self._log_power(values, rate, bounds), type=2, norm="ortho", axis=2)
        cepstra = cepstra[:, :, : self.coefficients]
        if self.deltas:
            first = slopes(cepstra, bounds)
            cepstra = np.concatenate([cepstra, first, slopes(first, bounds)], axis=2)
        width = cepstra.shape[1] * cepstra.shape[2]
        return cepstra.reshape(len(cepstra), width).astype(np.float32)

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
        kinds = ("mfcc", "mfcc slope", "mfcc second slope") if self.deltas else ("mfcc",)
        return self._named(
            f"{c} {kind} {i}" for c in channels for kind in kinds for i in range(self.coefficients)
        )


def slopes(rows: NDArray[np.float64], bounds: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the regression slope over two rows on either side.

    Parameters
    ----------
    rows : (k, ...) float64
        One row a segment.
    bounds : (k, 2) int64
        Segments; a hole between two ends a run, at whose ends the outermost row is repeated.

    Returns
    -------
    (k, ...) float64
        Change a row.

    Examples
    --------
    >>> slopes(np.arange(5.0)[:, None], np.stack([np.arange(5), np.arange(1, 6)], 1))[2].tolist()
    [1.0]
    """
    out = np.empty_like(rows)
    for a, b in runs_of(bounds).tolist():
        row = np.arange(a, b)
        ahead = [rows[np.minimum(row + i, b - 1)] - rows[np.maximum(row - i, a)] for i in (1, 2)]
        out[a:b] = (ahead[0] + 2 * ahead[1]) / 10
    return out
