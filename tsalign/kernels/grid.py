"""From time stamps to a regular grid: the true rate, and values in between."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_NEAR = 0.25  # of a step: closer stamps count as jitter or rounding


def regular_rate(times: NDArray[np.float64]) -> float | None:
    """Return the rate of stamps that lie on a regular grid, None where they do not.

    The rate is fitted over all stamps, so that whole-millisecond stamps of 64 Hz (steps of 15 and
    16 ms) give 64 Hz; of the rates that explain the stamps equally well the roundest is taken.

    Parameters
    ----------
    times : (n,) float64
        Increasing stamps in seconds, `n >= 2`.

    Returns
    -------
    float or None
        Samples per second.

    Examples
    --------
    >>> regular_rate(np.floor(np.arange(1000) / 64 * 1000) / 1000)
    64.0
    >>> regular_rate(np.array([0.0, 1.0, 2.0, 7.0])) is None
    True
    """
    fitted = (len(times) - 1) / (times[-1] - times[0])
    worst = _worst(times, fitted)
    if worst * fitted > _NEAR:
        return None
    allowed = 2 * worst + 1e-6 / fitted
    rounds = (round(fitted, digits) for digits in range(4))
    return float(next((r for r in rounds if r > 0 and _worst(times, r) <= allowed), fitted))


def _worst(times: NDArray[np.float64], rate: float) -> float:
    return float(np.abs(times - times[0] - np.arange(len(times)) / rate).max())


def typical_rate(times: NDArray[np.float64]) -> float:
    """Return the rate of stamps with gaps or wide jitter.

    Parameters
    ----------
    times : (n,) float64
        Increasing stamps in seconds, `n >= 2`.

    Returns
    -------
    float
        One over the median step; over the mean of the steps near it where nearly all are,
        because rounding of the stamps moves a median but not a mean.

    Examples
    --------
    >>> typical_rate(np.array([0.0, 0.5, 1.0, 1.5, 60.0, 60.5]))
    2.0
    """
    steps = np.diff(times)
    middle = np.median(steps)
    near = steps[np.abs(steps - middle) <= _NEAR * middle]
    rate = 1 / float(near.mean() if len(near) >= 0.9 * len(steps) else middle)
    return round(rate, 6)


def interpolate(
    times: NDArray[np.float64], values: NDArray[np.float32], rate: float, max_gap: float
) -> NDArray[np.float32]:
    """Return values on the grid `times[0] + i / rate`, NaN inside long gaps.

    Parameters
    ----------
    times : (n,) float64
        Increasing stamps in seconds.
    values : (n, c) float32
        Samples at these times; a NaN makes its neighbourhood NaN.
    rate : float
        Samples per second of the grid.
    max_gap : float
        Seconds between two stamps up to which values are interpolated linearly; never less
        than two steps of the grid.

    Returns
    -------
    (m, c) float32
        `m = floor((times[-1] - times[0]) * rate) + 1`.

    Examples
    --------
    >>> y = np.array([[0.0], [1.0], [5.0], [6.0]], np.float32)
    >>> interpolate(np.array([0.0, 1.0, 5.0, 6.0]), y, 1.0, 2.0)[:, 0].tolist()
    [0.0, 1.0, nan, nan, nan, 5.0, 6.0]
    """
    slack = 1e-6  # of a step, so that rounding never costs the last sample
    count = int(np.floor((times[-1] - times[0]) * rate + slack)) + 1
    grid = times[0] + np.arange(count) / rate
    out = np.empty((count, values.shape[1]), np.float32)
    for channel in range(values.shape[1]):
        out[:, channel] = np.interp(grid, times, values[:, channel])
    after = np.searchsorted(times, grid - slack / rate)
    before = np.maximum(after - 1, 0)
    after = np.minimum(after, len(times) - 1)
    off_stamp = np.abs(times[after] - grid) > slack / rate
    out[off_stamp & (times[after] - times[before] > max(max_gap, 2 / rate))] = np.nan
    return out
