"""Power spectra of windows of any lengths, in blocks that bound the memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from tsalign.kernels.statistics import frames

BLOCK = 1 << 22


def power_of_two(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the smallest power of two that is not below each length.

    Examples
    --------
    >>> power_of_two(np.array([1, 2, 3, 128, 129])).tolist()
    [1, 2, 4, 128, 256]
    """
    return 1 << np.ceil(np.log2(lengths)).astype(np.int64)


def blocks(sizes: NDArray[np.int64], channels: int) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Yield the rows that share a transform size, at most about 32 MiB of samples at once.

    Parameters
    ----------
    sizes : (k,) int64
        Transform size of each window.
    channels : int
        Channels a window.

    Yields
    ------
    rows : (m,) int64
        Which windows.
    size : int
        Their transform size.
    """
    for size in np.unique(sizes).tolist():
        rows = np.flatnonzero(sizes == size)
        step = max(1, BLOCK // (size * max(1, channels)))
        for at in range(0, len(rows), step):
            yield rows[at : at + step], size


def power_spectrum(
    signal: NDArray[np.float32], windows: NDArray[np.int64], size: int
) -> NDArray[np.float64]:
    """Return one-sided Hann-tapered power spectra.

    Parameters
    ----------
    signal : (c, n) float32
        Samples, finite within the windows.
    windows : (k, 2) int64
        Half-open sample bounds, none longer than `size`; their mean is taken away.
    size : int
        Samples after zero-padding, even.

    Returns
    -------
    (k, c, size / 2 + 1) float64
        The sum over all bins is the mean square of the tapered window.
    """
    lengths = (windows[:, 1] - windows[:, 0])[:, None, None]
    power = np.abs(fft.rfft(frames(signal, windows, size, True))) ** 2
    power[..., 1:-1] *= 2
    return power / (size * lengths)


def lagged_products(
    signal: NDArray[np.float32], windows: NDArray[np.int64], size: int
) -> NDArray[np.float64]:
    """Return the autocorrelation of windows about their mean, not normalised.

    Parameters
    ----------
    signal : (c, n) float32
        Samples, finite within the windows.
    windows : (k, 2) int64
        Half-open sample bounds, none longer than `size / 2`.
    size : int
        Transform size.

    Returns
    -------
    (k, c, size) float64
        Sums of products at lag 0, 1, ...; those up to `size / 2` are of use.
    """
    half = fft.rfft(frames(signal, windows, size, False))
    return fft.irfft(np.abs(half) ** 2, n=size)


def overlaps(edges: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """Return how much of each spectral bin lies in each band.

    A bin stands for the cell of one bin's width around its frequency: so no band is empty
    because it is narrow, and neighbouring bands share out all the power but that of bin 0.

    Parameters
    ----------
    edges : (b + 1,) float64
        Edges of the bands as fractions of half the sampling rate, rising within [0, 1].
    bins : int
        Bins from 0 to half the sampling rate, both included.

    Returns
    -------
    (b, bins) float64
        Each in [0, 1].

    Examples
    --------
    >>> overlaps(np.array([0.0, 0.5, 1.0]), 5)
    array([[0. , 1. , 0.5, 0. , 0. ],
           [0. , 0. , 0.5, 1. , 1. ]])
    """
    at = edges * (bins - 1)
    low = np.arange(bins) - 0.5
    width = np.where(np.arange(bins) == bins - 1, 0.5, 1.0)
    shared = np.minimum(at[1:, None], low + width) - np.maximum(at[:-1, None], low)
    weights = np.clip(shared, 0.0, None) / width
    weights[:, 0] = 0.0
    return weights
