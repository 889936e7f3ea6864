"""Slow, obvious twins of the classification segmenter's kernels."""

from __future__ import annotations

import numpy as np

FLAT = 1e-3


def likeness(x, w, scale):
    """A[i, j]: mean over channels of correlation less scaled difference of log deviation."""
    m = x.shape[1] - w + 1
    total = np.zeros((m, m))
    for row in x:
        windows = np.array([row[i : i + w] for i in range(m)])
        centred = windows - windows.mean(axis=1, keepdims=True)
        std = centred.std(axis=1)
        shape = np.where(std > FLAT, std, np.inf)[:, None]
        correlation = (centred / shape) @ (centred / shape).T / w
        level = scale * np.log(np.maximum(std, FLAT))
        total += correlation - np.abs(level[:, None] - level)
    return total / len(x)


def allowed(m, w):
    """Which windows may be neighbours: those more than half a window apart."""
    return np.abs(np.subtract.outer(np.arange(m), np.arange(m))) > w // 2


def nearest(x, w, k, scale):
    """The k most alike windows of each, itself where there are not enough."""
    alike = likeness(x, w, scale)
    alike[~allowed(len(alike), w)] = -np.inf
    order = np.argsort(-alike, axis=1, kind="stable")[:, :k]
    own = np.arange(len(alike))[:, None]
    found = np.take_along_axis(alike, order, axis=1) > -np.inf
    padded = np.repeat(own, k, axis=1)
    padded[:, : order.shape[1]] = np.where(found, order, own)
    return padded


def predictions(places, s, w):
    """Whether each window is voted to lie right of s; those across the split count as right."""
    right = (places >= s).sum(axis=1) * 2 > places.shape[1]
    right[max(0, s - w) : s] = True
    return right


def split(places, s, w):
    """Balanced accuracy, rank score and link score of one split."""
    m, k = places.shape
    right, truth = predictions(places, s, w), np.arange(m) >= s
    accuracy = ranks = 0.0
    if right.any() and not right.all():
        accuracy = (truth[right].mean() + (~truth)[~right].mean()) / 2
        rank = np.where(right, (~right).sum() + (right.sum() + 1) / 2, ((~right).sum() + 1) / 2)
        middle = s * (m + 1) / 2
        ranks = (middle - rank[:s].sum()) / np.sqrt(s * (m - s) * (m + 1) / 12) / np.sqrt(w)
    crossing = expected = 0.0
    for i in range(m):
        for j in places[i]:
            low, high = min(i, j), max(i, j)
            length = high - low
            crossing += low < s <= high
            spots = [p for p in range(m - length) if p < s <= p + length]
            expected += len(spots) / (m - length)
    variance = expected * (1 - expected / (m * k)) * w * k
    links = (expected - crossing) / np.sqrt(variance) if variance > 0 else 0.0
    return accuracy, ranks, links


def both(x, start, end, s, w, k, scale):
    """Geometric mean of rank and link score of the split at s of a stretch."""
    _, ranks, links = split(nearest(x[:, start:end], w, k, scale), s - start, w)
    return np.sqrt(max(ranks, 0) * max(links, 0))


def confirmed(x, places, w, k, scale, threshold):
    """Splits left after the weakest was dropped again and again, and their scores."""
    edges = [0, *places, x.shape[1]]
    scores = []
    for start, place, end in zip(edges, places, edges[2:], strict=False):
        for width in (w, 2 * w):
            near = range(place - width // 2, place + width // 2 + 1)
            inside = [s for s in near if start < s <= end - width]
            best = max(both(x, start, end, s, width, k, scale) for s in inside)
            if width == w:
                scores.append(best)
            elif scores[-1] < threshold:
                scores[-1] = max(scores[-1], best)
    if not scores or min(scores) >= threshold:
        return places, scores
    weakest = places[int(np.argmin(scores))]
    return confirmed(x, [p for p in places if p != weakest], w, k, scale, threshold)


def refined(x, places, w, k, scale, least):
    """Each split where windows of 0.4 times the length score best, at most a window away."""
    edges, moved = [0, *places, x.shape[1]], [0]
    for start, place, end in zip(edges, places, edges[2:], strict=False):
        reach = range(max(place - w, moved[-1] + least), min(place + w, end - least) + 1)
        scores = [both(x, start, end, s, max(2, round(0.4 * w)), k, scale) for s in reach]
        moved.append(reach[int(np.argmax(scores))] if max(scores) > 0 else place)
    return moved[1:]


def unlikeness(x, w):
    """Mean distance of the windows' mean, deviation and range from those of the series."""
    whole = np.array([x.mean(), x.std(), np.ptp(x)])
    windows = [x[i - w + 1 : i + 1] for i in range(w, len(x))]
    far = [np.linalg.norm([v.mean(), v.std(), np.ptp(v)] - whole) for v in windows]
    return np.mean(far) / np.sqrt(w)


def window(x, least, level):
    """SuSS by trying every width from the shortest."""
    x = (x - x.min()) / np.ptp(x)
    bottom, top = unlikeness(x, len(x) - 1), unlikeness(x, 1)
    for w in range(least, len(x) - 1):
        if 1 - (unlikeness(x, w) - bottom) / (top - bottom) >= level:
            return w
    return len(x) - 2
