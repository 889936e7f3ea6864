"""How a series resembles its own past: autoregressions of all orders, and what they imply."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True)
def residuals(x: NDArray[np.float64], ends: NDArray[np.int64], lines: bool) -> NDArray[np.float64]:
    """Return a series less the mean, or the straight line, of each of its segments.

    Parameters
    ----------
    x : (n,) float64
        Finite values.
    ends : (k,) int64
        Where the segments end, the last one at `n`.
    lines : bool
        Whether lines are taken off, or means.

    Returns
    -------
    (n,) float64
        A new array.
    """
    out, start = np.empty_like(x), 0
    for end in ends:
        middle, length = (end - start - 1) / 2, end - start
        mean = moment = 0.0
        for t in range(start, end):
            mean += x[t] / length
        if lines and length > 1:
            for t in range(start, end):
                moment += (t - start - middle) * (x[t] - mean)
            moment /= length * (length * length - 1.0) / 12
        for t in range(start, end):
            out[t] = x[t] - mean - moment * (t - start - middle)
        start = end
    return out


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def reflections(x: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """Return the reflection coefficients of the autoregressions of all orders, by Burg's method.

    Each order predicts a sample from its past and its past from it, and the next coefficient is
    what is best for both errors: no order is ever unstable, and short series are not flattened at
    their ends.

    Parameters
    ----------
    x : (n,) float64
        Values around zero.
    most : int
        Highest order, below `n`.

    Returns
    -------
    (most,) float64
        Between -1 and 1; 0 from where nothing is left to predict.

    References
    ----------
    Burg, *Maximum entropy spectral analysis*, 1975.
    """
    forward, backward, out = x.copy(), x.copy(), np.zeros(most)
    for p in range(most):
        both = squares = 0.0
        for t in range(len(x) - p - 1):
            both += forward[t + p + 1] * backward[t]
            squares += forward[t + p + 1] ** 2 + backward[t] ** 2
        if squares <= 0.0:
            break
        out[p] = 2 * both / squares
        for t in range(len(x) - p - 1):
            ahead = forward[t + p + 1]
            forward[t + p + 1] = ahead - out[p] * backward[t]
            backward[t] -= out[p] * ahead
    return out


@njit(cache=True, error_model="numpy")
def sum_variances(reflected: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """Return by how much sums of 1, 2, ... samples vary per sample, under an autoregression.

    Parameters
    ----------
    reflected : (p,) float64
        Its reflection coefficients; none for independent samples.
    most : int
        Longest sum, at least 1.

    Returns
    -------
    (most,) float64
        Variances of sums over their lengths, in units of the variance of a sample: the first is 1.
    """
    order = len(reflected)
    alike, weights = np.zeros(max(most, order + 1)), np.zeros(order)
    alike[0], left = 1.0, 1.0
    for p in range(order):  # Levinson's recursion, read from right to left
        alike[p + 1] = reflected[p] * left
        for j in range(p):
            alike[p + 1] += weights[j] * alike[p - j]
        for j in range((p + 1) // 2):
            a, b = weights[j], weights[p - 1 - j]
            weights[j], weights[p - 1 - j] = a - reflected[p] * b, b - reflected[p] * a
        weights[p] = reflected[p]
        left *= 1.0 - reflected[p] ** 2
    for h in range(order + 1, most):
        for j in range(order):
            alike[h] += weights[j] * alike[h - 1 - j]
    out, near, far = np.ones(most), 0.0, 0.0
    for h in range(1, most):
        near += alike[h]
        far += h * alike[h]
        out[h] = 1.0 + 2 * (near - far / (h + 1))
    return out
