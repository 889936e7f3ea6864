"""Slow and obvious twins of the describers."""

from __future__ import annotations

from itertools import combinations

import numpy as np


def minirocket(x, dilations, masks, ends, biases):
    """One window `(c, n)` to its features, straight from the definition."""
    n, row = x.shape[1], []
    for j in range(len(masks)):
        d, k = divmod(j, 84)
        weights = np.full(9, -1.0)
        weights[list(list(combinations(range(9), 3))[k])] = 2.0
        dilation = max(1, min(int(dilations[d]), (n - 1) // 8))
        response = np.zeros(n)
        for i in range(n):
            for tap in range(9):
                at = i + (tap - 4) * dilation
                if 0 <= at < n:
                    response[i] += weights[tap] * x[masks[j], at].sum()
        if (d + k) % 2 == 1 and n > 8 * dilation:
            response = response[4 * dilation : n - 4 * dilation]
        row += [np.mean(response > b) for b in biases[ends[j] : ends[j + 1]]]
    return np.array(row)


def moments(x):
    """Ten numbers of one window of one channel."""
    steps = np.diff(x) if len(x) > 1 else np.zeros(1)
    quarter = max(1, len(x) // 4)
    return [
        x.mean(),
        x.std(),
        x.min(),
        x.max(),
        *np.quantile(x, [0.25, 0.5, 0.75]),
        np.abs(steps).mean(),
        steps.std(),
        x[-quarter:].mean() - x[:quarter].mean(),
    ]


def spectrum(x, size):
    """One-sided power by the definition of the Fourier transform."""
    n = len(x)
    hann = np.array([0.5 - 0.5 * np.cos(2 * np.pi * (i + 0.5) / n) for i in range(n)])
    tapered = (x - x.mean()) * hann / np.sqrt(np.mean(hann**2))
    power = []
    for j in range(size // 2 + 1):
        wave = np.exp(-2j * np.pi * j * np.arange(n) / size)
        both = 1 if j in (0, size // 2) else 2
        power.append(both * abs((tapered * wave).sum()) ** 2 / size / n)
    return np.array(power)


def autocorrelation_peak(x):
    """Height and lag of the first period."""
    x = x - x.mean()
    products = [float((x[: len(x) - lag] * x[lag:]).sum()) for lag in range(len(x))]
    below = [lag for lag in range(1, len(x)) if products[lag] <= 0]
    if not below:
        return 0.0, 0
    best = max(range(below[0], len(x)), key=lambda lag: products[lag])
    return (products[best] / products[0], best) if products[best] > 1e-9 else (0.0, 0)


def log_mel(x, rate, size, bins, floor):
    """HTK's filter bank by its formula, one filter and one bin at a time."""

    def mel(f):
        return 2595 * np.log10(1 + f / 700)

    step = mel(rate / 2) / (bins + 1)
    peaks = [700 * (10 ** (i * step / 2595) - 1) for i in range(bins + 2)]
    power, out = spectrum(x, size), []
    for b in range(1, bins + 1):
        total = 0.0
        for j, p in enumerate(power):
            f = j * rate / size
            if peaks[b - 1] < f <= peaks[b]:
                total += p * (f - peaks[b - 1]) / (peaks[b] - peaks[b - 1])
            elif peaks[b] < f < peaks[b + 1]:
                total += p * (peaks[b + 1] - f) / (peaks[b + 1] - peaks[b])
        out.append(np.log(max(total, floor)))
    return np.array(out)


def dct(x, count):
    """Orthonormal DCT-II."""
    n = len(x)
    return np.array(
        [
            np.sqrt((1 if k == 0 else 2) / n)
            * sum(x[i] * np.cos(np.pi * k * (2 * i + 1) / (2 * n)) for i in range(n))
            for k in range(count)
        ]
    )
