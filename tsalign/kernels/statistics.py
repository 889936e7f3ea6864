"""Moments, spectra and correlations of many windows of one signal."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

MOMENTS = 10
SHAPES = 3


@njit(cache=True)
def _quantile(ordered: NDArray, q: float) -> float:
    at = q * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])


@njit(cache=True)
def _moments(x: NDArray, out: NDArray) -> None:
    # Sums run over distances from the first sample: a constant window has a spread of exactly 0.
    n, first = len(x), np.float64(x[0])
    total, squares, steps, steps_abs, steps_squares = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        total += x[i] - first
    mean = total / n
    for i in range(n):
        squares += (x[i] - first - mean) ** 2
    for i in range(1, n):
        step = np.float64(x[i]) - np.float64(x[i - 1])
        steps += step
        steps_abs += abs(step)
        steps_squares += step * step
    count = max(1, n - 1)
    quarter, drift = max(1, n // 4), 0.0
    for i in range(quarter):
        drift += np.float64(x[n - quarter + i]) - np.float64(x[i])
    ordered = np.sort(x)
    out[0] = first + mean
    out[1] = np.sqrt(squares / n)
    out[2] = ordered[0]
    out[3] = ordered[n - 1]
    out[4] = _quantile(ordered, 0.25)
    out[5] = _quantile(ordered, 0.5)
    out[6] = _quantile(ordered, 0.75)
    out[7] = steps_abs / count
    out[8] = np.sqrt(max(0.0, steps_squares / count - (steps / count) ** 2))
    out[9] = drift / quarter


@njit(cache=True)
def moments(signal: NDArray, windows: NDArray) -> NDArray:
    """Return what the samples of each window say without regard to rhythm.

    Parameters
    ----------
    signal : (c, n) float32
        Samples, finite within the windows.
    windows : (k, 2) int64
        Half-open sample bounds.

    Returns
    -------
    (k, c, 10) float64
        Mean, standard deviation, minimum, maximum, quartiles, mean absolute difference and
        standard deviation of differences of neighbours, mean of the last quarter minus the first.
    """
    out = np.empty((len(windows), len(signal), MOMENTS))
    for w in range(len(windows)):
        for c in range(len(signal)):
            _moments(signal[c, windows[w, 0] : windows[w, 1]], out[w, c])
    return out


@njit(cache=True)
def _correlation(x: NDArray, y: NDArray) -> float:
    n = len(x)
    a, b = np.float64(x[0]), np.float64(y[0])
    sum_x, sum_y, xx, yy, xy = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        sum_x += x[i] - a
        sum_y += y[i] - b
    for i in range(n):
        p, q = x[i] - a - sum_x / n, y[i] - b - sum_y / n
        xx += p * p
        yy += q * q
        xy += p * q
    scale = np.sqrt(xx) * np.sqrt(yy)
    return max(-1.0, min(1.0, xy / scale)) if scale > 0 else 0.0


@njit(cache=True)
def correlations(signal: NDArray, windows: NDArray) -> NDArray:
    """Return Pearson's correlation of every pair of channels in each window.

    Parameters
    ----------
    signal : (c, n) float32
        Samples, finite within the windows.
    windows : (k, 2) int64
        Half-open sample bounds.

    Returns
    -------
    (k, c * (c - 1) / 2) float64
        Pairs (0, 1), (0, 2), ..., (1, 2), ...; 0 where a channel is constant.
    """
    channels = len(signal)
    out = np.empty((len(windows), channels * (channels - 1) // 2))
    for w in range(len(windows)):
        a, b, pair = windows[w, 0], windows[w, 1], 0
        for c in range(channels):
            for d in range(c + 1, channels):
                out[w, pair] = _correlation(signal[c, a:b], signal[d, a:b])
                pair += 1
    return out


@njit(cache=True)
def frames(signal: NDArray, windows: NDArray, size: int, taper: bool) -> NDArray:
    """Cut windows without their mean, zero-padded to one size.

    Parameters
    ----------
    signal : (c, n) float32
        Samples, finite within the windows.
    windows : (k, 2) int64
        Half-open sample bounds, none longer than `size`.
    size : int
        Samples a frame.
    taper : bool
        Multiply by a Hann window of mean square 1, which never quite reaches 0 so that one
        sample remains one.

    Returns
    -------
    (k, c, size) float64
        A constant window is exactly 0.
    """
    channels = len(signal)
    out = np.zeros((len(windows), channels, size))
    for w in range(len(windows)):
        a, n = windows[w, 0], windows[w, 1] - windows[w, 0]
        weights = np.ones(n)
        if taper:
            weights = np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2
            weights /= np.sqrt(np.mean(weights * weights))
        for c in range(channels):
            first, total = np.float64(signal[c, a]), 0.0
            for i in range(n):
                total += signal[c, a + i] - first
            for i in range(n):
                out[w, c, i] = (signal[c, a + i] - first - total / n) * weights[i]
    return out


@njit(cache=True)
def _first_and_last(weights: NDArray) -> NDArray:
    spans = np.zeros((len(weights), 2), np.int64)
    for b in range(len(weights)):
        used = np.flatnonzero(weights[b])
        if len(used):
            spans[b, 0], spans[b, 1] = used[0], used[-1] + 1
    return spans


@njit(cache=True)
def banded(power: NDArray, weights: NDArray) -> NDArray:
    """Sum power spectra over weighted bands.

    Parameters
    ----------
    power : (k, c, j) float64
        Spectra.
    weights : (b, j) float64
        One row a band, zero outside a stretch.

    Returns
    -------
    (k, c, b) float64
        Weighted sums.
    """
    spans = _first_and_last(weights)
    out = np.zeros((power.shape[0], power.shape[1], len(weights)))
    for w in range(len(power)):
        for c in range(power.shape[1]):
            for b in range(len(weights)):
                for j in range(spans[b, 0], spans[b, 1]):
                    out[w, c, b] += weights[b, j] * power[w, c, j]
    return out


@njit(cache=True)
def _shape(power: NDArray, length: int, size: int, out: NDArray) -> None:
    total, weighted, peak = 0.0, 0.0, 1
    for j in range(1, len(power)):
        total += power[j]
        weighted += j * power[j]
        if power[j] > power[peak]:
            peak = j
    out[:] = 0
    if total <= 0:
        return
    entropy = 0.0
    for j in range(1, len(power)):
        share = power[j] / total
        if share > 0:
            entropy -= share * np.log(share)
    out[0] = weighted / total / size
    out[1] = peak / size
    if length > 3:
        # Padding adds bins but no information.
        entropy = (entropy - np.log(size / length)) / np.log(length / 2)
        out[2] = max(0.0, min(1.0, entropy))


@njit(cache=True)
def spectral_shapes(power: NDArray, lengths: NDArray, size: int) -> NDArray:
    """Return centroid, peak and entropy of power spectra, without their bin 0.

    Parameters
    ----------
    power : (k, c, size / 2 + 1) float64
        Spectra of frames of `size` samples.
    lengths : (k,) int64
        Samples in each frame before padding.
    size : int
        Samples with padding.

    Returns
    -------
    (k, c, 3) float64
        Centroid and peak in cycles a sample; entropy in [0, 1], 1 for a flat spectrum.
    """
    out = np.empty((power.shape[0], power.shape[1], SHAPES))
    for w in range(len(power)):
        for c in range(power.shape[1]):
            _shape(power[w, c], lengths[w], size, out[w, c])
    return out


@njit(cache=True)
def autocorrelation_peaks(products: NDArray, lengths: NDArray) -> NDArray:
    """Return the highest value of autocorrelations after they first reach zero.

    Parameters
    ----------
    products : (k, c, size) float64
        Sum of lagged products at lag 0, 1, ... (not divided by the number of products, so that
        the first of several equal periods is the highest).
    lengths : (k,) int64
        Samples in each window.

    Returns
    -------
    (k, c, 2) float64
        Height relative to lag 0, and lag in samples; both 0 where there is no such peak.
    """
    out = np.zeros((products.shape[0], products.shape[1], 2))
    for w in range(len(products)):
        for c in range(products.shape[1]):
            x = products[w, c]
            lag = 1
            while lag < lengths[w] and x[lag] > 0:
                lag += 1
            best = lag
            for i in range(lag, lengths[w]):
                if x[i] > x[best]:
                    best = i
            # Less than this is the rounding error of the transform.
            if best < lengths[w] and x[best] > 1e-9 * x[0]:
                out[w, c, 0] = x[best] / x[0]
                out[w, c, 1] = best
    return out
