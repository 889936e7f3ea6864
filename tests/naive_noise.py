"""Slow, obvious twins of the kernels that measure noise and judge changes."""

from __future__ import annotations

import itertools

import numpy as np


def residuals(x, ends, lines):
    out = []
    for a, b in itertools.pairwise([0, *ends]):
        degree = 1 if lines and b - a > 1 else 0
        time = np.arange(b - a)
        out.append(x[a:b] - np.polyval(np.polyfit(time, x[a:b], degree), time))
    return np.concatenate(out)


def reflections(x, most):
    """Burg: of each order, the coefficient with the least error forward and backward."""
    forward, backward, out = x.copy(), x.copy(), []
    for _ in range(most):
        ahead, behind = forward[1:], backward[:-1]
        out.append(2 * (ahead @ behind) / (ahead @ ahead + behind @ behind))
        forward, backward = ahead - out[-1] * behind, behind - out[-1] * ahead
    return np.array(out)


def sum_variances(reflected, most):
    """By the response of the autoregression to one shock."""
    weights = np.zeros(0)
    for k in reflected:
        weights = np.append(weights - k * weights[::-1], k)
    shocks = np.zeros(3000)
    shocks[0] = 1
    for t in range(1, len(shocks)):
        past = shocks[max(0, t - len(weights)) : t][::-1]
        shocks[t] = weights[: len(past)] @ past
    alike = np.array([shocks[h:] @ shocks[: len(shocks) - h] for h in range(most)])
    lags = np.arange(1, most)
    return np.array(
        [(alike[0] + 2 * ((1 - lags / m) * alike[1:])[: m - 1].sum()) for m in range(1, most + 1)]
    ) / (shocks @ shocks)


def gains(costs, ends, reach, min_size):
    """What one change saves at each place near each end, from the costs of all segments."""
    out = np.full((len(ends) - 1, 2 * reach + 1), -np.inf)
    for i, (a, b, c) in enumerate(zip([0, *ends], ends, ends[1:], strict=False)):
        for s in range(max(a + min_size, b - reach), min(c - min_size, b + reach) + 1):
            out[i, reach + s - b] = costs[a, c] - costs[a, s] - costs[s, c]
    return out
