"""Slow, obvious twins of the online segmenters."""

from __future__ import annotations

import math

import numpy as np


def squares(x):
    return float(((x - x.mean(axis=0)) ** 2).sum())


def deviance(x):
    """Twice the negative log likelihood at the best rate, up to what all partitions share."""
    sums = x.sum(axis=0)
    logs = np.log(np.where(sums > 0, sums / len(x), 1.0))
    return float(-2 * (sums * logs).sum())


def gain_test(x, cost, penalty, min_size, delay=0):
    """Changes: at every t all splits of the present segment are compared; penalty(t) to beat."""
    changes, start, t, due = [], 0, 1, None
    while t <= len(x):
        y = x[start:t]
        places = range(min_size, len(y) - min_size + 1)
        gains = [cost(y) - cost(y[:s]) - cost(y[s:]) for s in places]
        high = bool(gains) and max(gains) > penalty(t)
        if high and due is None:
            due = t + delay
        if high and due is not None and (t >= due or t == len(x)):
            start += places[int(np.argmax(gains))]
            changes.append(start)
            due = None
        else:
            due = None if due is not None and t >= due else due
            t += 1
    return changes


def student(x, past, prior):
    """Log density of the next value under a normal-inverse-gamma prior and past values."""
    k, a = prior + len(past), 1 + len(past) / 2
    mean = sum(past) / k
    b = 1 + (sum(p * p for p in past) - k * mean**2) / 2
    wide = b * (k + 1) / (a * k)
    return (
        math.lgamma(a + 0.5)
        - math.lgamma(a)
        - 0.5 * math.log(2 * a * math.pi * wide)
        - (a + 0.5) * math.log1p((x - mean) ** 2 / (2 * a * wide))
    )


def bayes(z, prior, hazard, doubt, min_size):
    """Changes by the posterior of all starts; z is already in units of the noise."""
    changes, bound, log_p = [], 0, {}
    for t in range(len(z)):
        if not log_p:
            log_p[0] = 0.0
        elif t - bound >= min_size:
            log_p = {s: v + math.log1p(-hazard) for s, v in log_p.items()} | {t: math.log(hazard)}
        for s in log_p:
            log_p[s] += sum(student(z[t, q], z[s:t, q], prior[q]) for q in range(z.shape[1]))
        while True:
            total = np.logaddexp.reduce(list(log_p.values()))
            log_p = {s: v - total for s, v in log_p.items()}
            later = [s for s in log_p if s > bound]
            best = max(later, key=log_p.get, default=None)
            sure = best is not None and log_p[bound] < math.log(doubt)
            if not sure or t + 1 - best < min_size:
                break
            bound = best
            changes.append(bound)
            log_p = {s: v for s, v in log_p.items() if s == bound or s - bound >= min_size}
    return changes
