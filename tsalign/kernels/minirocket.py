"""MiniRocket's convolutions: everything the 84 kernels of a dilation share is computed once."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

TAPS = 9
TRIPLES = np.array(list(combinations(range(TAPS), 3)), dtype=np.int64)


@njit(cache=True)
def _add(x: NDArray, out: NDArray) -> None:
    # A plain loop over two contiguous rows becomes vector instructions; `out += x` does not.
    for i in range(len(out)):
        out[i] += x[i]


@njit(cache=True)
def _sum_chosen(arrays: NDArray, mask: NDArray, out: NDArray) -> None:
    out[:] = 0
    for c in range(len(mask)):
        if mask[c]:
            _add(arrays[c], out)


@njit(cache=True)
def _all_taps(padded: NDArray, dilation: int, pad: int, out: NDArray) -> None:
    n = out.shape[1]
    out[:] = 0
    for c in range(len(out)):
        for tap in range(TAPS):
            at = pad + (tap - TAPS // 2) * dilation
            _add(padded[c, at : at + n], out[c])


@njit(cache=True)
def _add_triple(
    base: NDArray, mixed: NDArray, triple: NDArray, dilation: int, pad: int, out: NDArray
) -> None:
    n = len(out)
    a = pad + (triple[0] - TAPS // 2) * dilation
    b = pad + (triple[1] - TAPS // 2) * dilation
    c = pad + (triple[2] - TAPS // 2) * dilation
    x, y, z = mixed[a : a + n], mixed[b : b + n], mixed[c : c + n]
    for i in range(n):
        out[i] = np.float32(3) * (x[i] + y[i] + z[i]) - base[i]


@njit(cache=True)
def _fraction_above(x: NDArray, bias: float) -> float:
    count = np.uint32(0)
    for i in range(len(x)):
        count += np.uint32(x[i] > bias)
    return count / len(x)


@njit(cache=True)
def fitting(dilation: int, n: int) -> int:
    """Return the dilation, lowered until nine taps span no more than `n` samples.

    Parameters
    ----------
    dilation : int
        Wanted samples between taps.
    n : int
        Samples in the window.

    Returns
    -------
    int
        At least 1.
    """
    return max(1, min(dilation, (n - 1) // (TAPS - 1)))


@njit(cache=True)
def convolve(window: NDArray, dilation: int, mask: NDArray, triple: NDArray) -> NDArray:
    """Convolve the sum of the chosen channels with one kernel, zeros outside.

    Parameters
    ----------
    window : (c, n) float32
        Samples.
    dilation : int
        Samples between taps, as `fitting` gives it.
    mask : (c,) bool
        Which channels are summed.
    triple : (3,) int64
        The taps with weight 2; the others have -1.

    Returns
    -------
    (n,) float32
        Output at each sample.
    """
    channels, n = window.shape
    pad = (TAPS // 2) * dilation
    padded = np.zeros((channels, n + 2 * pad), np.float32)
    padded[:, pad : pad + n] = window
    taps = np.empty((channels, n), np.float32)
    _all_taps(padded, dilation, pad, taps)
    mixed, base = np.empty(n + 2 * pad, np.float32), np.empty(n, np.float32)
    _sum_chosen(padded, mask, mixed)
    _sum_chosen(taps, mask, base)
    out = np.empty(n, np.float32)
    _add_triple(base, mixed, triple, dilation, pad, out)
    return out


@njit(cache=True)
def _ppv_row(
    window: NDArray,
    triples: NDArray,
    dilations: NDArray,
    masks: NDArray,
    ends: NDArray,
    biases: NDArray,
    out: NDArray,
) -> None:
    channels, n = window.shape
    pad = (TAPS // 2) * fitting(dilations.max(), n)
    padded = np.zeros((channels, n + 2 * pad), np.float32)
    padded[:, pad : pad + n] = window
    taps = np.empty((channels, n), np.float32)
    mixed, base = np.empty(n + 2 * pad, np.float32), np.empty(n, np.float32)
    response = np.empty(n, np.float32)
    for d in range(len(dilations)):
        dilation = fitting(dilations[d], n)
        _all_taps(padded, dilation, pad, taps)
        for k in range(len(triples)):
            j = d * len(triples) + k
            if ends[j] == ends[j + 1]:
                continue
            _sum_chosen(padded, masks[j], mixed)
            _sum_chosen(taps, masks[j], base)
            _add_triple(base, mixed, triples[k], dilation, pad, response)
            edge = (TAPS // 2) * dilation if (d + k) % 2 and n > (TAPS - 1) * dilation else 0
            for f in range(ends[j], ends[j + 1]):
                out[f] = _fraction_above(response[edge : n - edge], biases[f])


@njit(cache=True, parallel=True)
def proportions(
    signal: NDArray,
    windows: NDArray,
    triples: NDArray,
    dilations: NDArray,
    masks: NDArray,
    ends: NDArray,
    biases: NDArray,
) -> NDArray:
    """Return the proportion of positive values of each window's convolutions.

    Each window is worked on by one thread alone, so the number of threads changes no bit.

    Parameters
    ----------
    signal : (c, n) float32
        Samples, finite within the windows.
    windows : (k, 2) int64
        Half-open sample bounds, of any lengths of at least 1.
    triples : (84, 3) int64
        `TRIPLES`.
    dilations : (d,) int64
        Samples between taps; lowered for a window that is too short.
    masks : (d * 84, c) bool
        Channels summed for each pair of dilation and kernel, dilation first.
    ends : (d * 84 + 1,) int64
        The features of pair `j` are `ends[j]` to `ends[j + 1]`.
    biases : (f,) float32
        One a feature.

    Returns
    -------
    (k, f) float32
        Each in [0, 1].
    """
    out = np.empty((len(windows), len(biases)), np.float32)
    for w in prange(len(windows)):
        window = np.ascontiguousarray(signal[:, windows[w, 0] : windows[w, 1]])
        _ppv_row(window, triples, dilations, masks, ends, biases, out[w])
    return out
