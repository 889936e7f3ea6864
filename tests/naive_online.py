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


def sliding(describe, n, first, plan, learn, search, block, kept, most, growth):
    """Changes: after every block of windows the last ones are searched anew, from scratch.

    describe(start) is the row of a window; learn(rows, numbers) gives a function from rows to
    points, one to scores, and the price; search(points, price, size) gives ends.
    """
    w, hop, size = plan.w, plan.hop, plan.size
    total = (n - w) // hop + 1
    now = (first - w) // hop + 1
    blocks = [now]
    while blocks[-1] + block <= total:
        blocks.append(blocks[-1] + block)
    if blocks[-1] < total:
        blocks.append(total)
    changes, begun, due, thin = [], 0, 0, 1
    for i, now in enumerate(blocks):
        while sum(j // block % thin == 0 for j in range(now)) > most:
            thin *= 2
        if now >= due:
            numbers = np.array([j for j in range(now) if j // block % thin == 0])
            points, scores, price = learn(np.array([describe(j * hop) for j in numbers]), numbers)
            due = int(growth * now) + 1
        if i == 0:
            continue
        over = now == total and i == len(blocks) - 1
        for delay, end in [(plan.delay, (now - 1) * hop + w)] + [(0, n)] * over:
            rows = np.array([describe(j * hop) for j in range(begun, now)])
            ends = search(points(rows), price, size) if len(rows) >= 2 * size else [len(rows)]
            edges = [0, *ends]
            settled = [e for e in ends[:-1] if e <= len(rows) - delay]
            for before, at, after in zip(edges, edges[1:], edges[2:], strict=False):
                if at in settled:
                    place = turning(
                        describe, scores, rows, (before, at, after), begun, plan, changes, end
                    )
                    changes += place
            begun += max(settled, default=0)
            begun = max(begun, now - kept)
    return changes


def turning(describe, scores, rows, around, begun, plan, changes, n):
    """The sample of a change between windows, if there is room for it."""
    before, at, after = around
    w, shift = plan.w, (plan.w - plan.hop) // 2
    stop = n if after == len(rows) else (begun + after) * plan.hop + shift
    bound = changes[-1] if changes else 0
    first, last = bound + plan.least, stop - plan.least
    if first > last:
        return []
    place = min(max((begun + at) * plan.hop + shift, first), last)
    first, last = max(first, place - w, w // 2), min(last, place + w, n - w + w // 2)
    if last - first < 2:
        return [place]
    apart = scores(rows[at:after]).mean(axis=0) - scores(rows[before:at]).mean(axis=0)
    near = [scores(describe(s - w // 2)[None])[0] @ apart for s in range(first, last + 1)]
    off = [squares(np.array(near[:i])) + squares(np.array(near[i:])) for i in range(1, len(near))]
    return [first + 1 + int(np.argmin(off))]
