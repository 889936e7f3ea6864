"""Slow, obvious twins of the costs and of the search over them: each segment fitted on its own."""

from __future__ import annotations

import itertools

import numpy as np


def l2(y, **_):
    return ((y - y.mean(axis=0)) ** 2).sum(axis=0)


def l1(y, **_):
    return np.abs(y - np.median(y, axis=0)).sum(axis=0)


def normal(y, floor, **_):
    variance = np.maximum(((y - y.mean(axis=0)) ** 2).mean(axis=0), floor)
    squares = ((y - y.mean(axis=0)) ** 2).sum(axis=0)
    return len(y) * np.log(variance / floor) + squares / variance - len(y)


def poisson(y, rate, **_):
    """Twice the sum of `rate - count log rate`, fitted less overall."""
    own = y.mean(axis=0)
    logs = np.where(own > 0, np.log(np.where(own > 0, own, 1) / np.where(rate > 0, rate, 1)), 0)
    return 2 * (len(y) * (own - rate) - y.sum(axis=0) * logs)


def linear(y, **_):
    columns = np.column_stack([np.ones(len(y)), np.arange(len(y)) - len(y) / 2])
    fit = np.linalg.lstsq(columns, y, rcond=None)[0]
    return ((y - columns @ fit) ** 2).sum(axis=0)


def ar(y, past, order, **_):
    """`past` are all samples before the segment; the first ones of the series are not predicted."""
    whole = np.concatenate([past, y])
    targets = [t for t in range(len(past), len(whole)) if t >= order]
    out = np.zeros(y.shape[1])
    for q in range(y.shape[1]):
        rows = [[1.0, *whole[t - order : t, q]] for t in targets]
        if rows:
            fit = np.linalg.lstsq(np.array(rows), whole[targets, q], rcond=None)[0]
            out[q] = ((whole[targets, q] - np.array(rows) @ fit) ** 2).sum()
    return out


def normal_full(x, start, stop, weights):
    """Length times log det of the covariance plus the floors, less that of the floors."""
    y = (x - x.mean(axis=0)) / np.sqrt(floors(x))
    spread = np.cov(y[start:stop].T, bias=True).reshape(x.shape[1], -1)
    return weights[0] * (stop - start) * np.linalg.slogdet(spread + np.eye(x.shape[1]))[1]


def rank(x, start, stop, weights):
    """Squared Mahalanobis distance of ranks to their mean, each rank found by counting."""
    below = (x[None] < x[:, None]).sum(axis=1) + (x[None] <= x[:, None]).sum(axis=1)
    ranks = below / 2 - len(x) / 2
    inverse = np.linalg.pinv(ranks.T @ ranks / len(x), rcond=1e-9, hermitian=True)
    off = (ranks[start:stop] - ranks[start:stop].mean(axis=0)) * np.sqrt(weights)
    return float(np.einsum("ip,pq,iq->", off, inverse, off))


def mixed(x, start, stop, weights):
    """A mean in the first channel, a variance in the last, and medians between."""
    parts = {"l2": [0], "normal": [x.shape[1] - 1], "l1": [*range(1, x.shape[1] - 1)]}
    parts = {cost: own for cost, own in parts.items() if own and (cost == "l2" or x.shape[1] > 1)}
    return sum(price(c, x[:, own], start, stop, weights[own]) for c, own in parts.items())


def floors(x):
    noise = np.square(np.diff(x, axis=0)).sum(axis=0) / max(1, 2 * (len(x) - 1))
    return np.where(noise > 0, 1e-4 * noise, 1.0)


def there(y):
    return [channel[~np.isnan(channel)] for channel in y.T]


def masked_l2(x, start, stop, weights):
    """Each channel on its own, nothing for one without a sample."""
    parts = there(x[start:stop])
    return sum(
        w * ((y - y.mean()) ** 2).sum() for w, y in zip(weights, parts, strict=True) if len(y)
    )


def masked_normal(x, start, stop, weights):
    """As `normal`, each channel on its own samples; the floor by those that are there."""
    floor = [floors(y[:, None]) for y in there(x)]
    parts = zip(weights, there(x[start:stop]), floor, strict=True)
    return sum(float(w * normal(y[:, None], least)[0]) for w, y, least in parts if len(y))


def masked_mixed(x, start, stop, weights):
    """A mean in the first channel, variances in the others."""
    return masked_l2(x[:, :1], start, stop, weights[:1]) + masked_normal(
        x[:, 1:], start, stop, weights[1:]
    )


WHOLE = {"normal_full": normal_full, "rank": rank, "mixed": mixed}
WHOLE |= {
    "masked l2": masked_l2,
    "masked normal": masked_normal,
    "masked mixed": masked_mixed,
}
"""Costs that are no sum over channels of one kind."""

COSTS = {"l2": l2, "l1": l1, "normal": normal, "poisson": poisson, "linear": linear, "ar": ar}


def price(cost, x, start, stop, weights, order=1):
    """Cost of `x[start:stop]`, weighted over channels."""
    if cost in WHOLE:
        return WHOLE[cost](x, start, stop, weights)
    floor, rate = floors(x), x.mean(axis=0)
    each = COSTS[cost](x[start:stop], past=x[:start], order=order, floor=floor, rate=rate)
    return float(weights @ each)


def table(cost, x, weights, order=1):
    """Costs of all segments, `(n + 1, n + 1)`, infinite where there is none."""
    n = len(x)
    out = np.full((n + 1, n + 1), np.inf)
    for start, stop in itertools.combinations(range(n + 1), 2):
        out[start, stop] = price(cost, x, start, stop, weights, order)
    return out


def optimum(costs, penalty, length, min_size):
    """Value of the best partition, penalty per change, trying every last change of every end."""
    n = len(costs) - 1
    best = np.full(n + 1, np.inf)
    best[0] = -penalty
    last = np.zeros(n + 1, int)
    min_size = min(min_size, n)
    for t in range(min_size, n + 1):
        starts = np.arange(t - min_size + 1)
        values = best[starts] + costs[starts, t] + length * np.log(t - starts) + penalty
        last[t] = values.argmin()
        best[t] = values[last[t]]
    ends = [n]
    while last[ends[0]] > 0:
        ends.insert(0, int(last[ends[0]]))
    return ends, best[n]


def value(costs, ends, penalty, length):
    """Value of a partition, penalty per change."""
    pairs = list(itertools.pairwise([0, *ends]))
    segments = sum(costs[a, b] + length * np.log(b - a) for a, b in pairs)
    return segments + penalty * (len(pairs) - 1)
