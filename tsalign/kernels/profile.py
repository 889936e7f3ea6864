"""The most alike windows of a series, by walking the diagonals of the distance matrix.

Windows `(d, w)` are alike by their correlation less `scale` times the difference of their log
standard deviations, averaged over channels. Along a diagonal `j - i = const` the covariance of
windows `i` and `j` follows from the one before (Zimmermann et al., *Matrix Profile XIV*, SoCC
2019, section 3.2),

    cov(i, j) = cov(i - 1, j - 1) + out(i) mid(j) + out(j) mid(i),

with `out(i) = (x[i + w - 1] - x[i - 1]) / 2` and
`mid(i) = x[i + w - 1] - mean(i) + x[i - 1] - mean(i - 1)`. `LANES` diagonals are walked at a time,
`ROWS` windows at a time, so that everything stays in vector registers and the first-level cache;
no row of the matrix is ever stored, and memory is O(n k). Covariances are float32 and begin afresh
every `RESTART` windows, before rounding adds up.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

LANES = 32
ROWS = 64
RESTART = 16 * ROWS
FLAT = 1e-3
"""Standard deviation, in units of the channel's own, below which a window has no shape."""
NOTHING = np.float32(-1e30)


class Shapes(NamedTuple):
    """Windows of each channel, `(d, m + LANES)` float32; the last `LANES` columns are zero."""

    out: NDArray[np.float32]
    mid: NDArray[np.float32]
    unit: NDArray[np.float32]
    level: NDArray[np.float32]


@njit(cache=True)
def shapes(x, w, scale):
    """Describe all windows of `x` (d, n), standardised; the average over channels is built in."""
    d, n = x.shape
    m = n - w + 1
    table = np.zeros((4, d, m + LANES), np.float32)
    for c in range(d):
        row, mean, before = x[c], x[c, :w].mean(), 0.0
        for i in range(m):
            if i > 0:
                before, mean = mean, row[i : i + w].mean()
                table[0, c, i] = (row[i + w - 1] - row[i - 1]) / 2
                table[1, c, i] = row[i + w - 1] - mean + row[i - 1] - before
            squares = 0.0
            for t in range(i, i + w):
                squares += (row[t] - mean) ** 2
            std = np.sqrt(squares / w)
            table[2, c, i] = 1.0 / np.sqrt(squares * d) if std > FLAT else 0.0
            table[3, c, i] = scale / d * np.log(max(std, FLAT))
    return Shapes(table[0], table[1], table[2], table[3])


@njit(cache=True)
def _start(row, w, i, j, cov):
    """Put the covariance of window `i` with windows `j, j + 1, ...` of a channel into `cov`."""
    mean = row[i : i + w].mean()
    for b in range(LANES):
        total, last = 0.0, min(j + b, len(row) - w)
        for t in range(w):
            total += (row[i + t] - mean) * row[last + t]
        cov[b] = total


@njit(cache=True, fastmath={"nnan", "nsz", "contract"})
def _walk(table, c, i, j, cov, alike):
    """Add to `alike` (rows, LANES) what channel `c` says of windows `i + r` and `j + r + b`.

    `cov` (LANES,) is the covariance at `i, j`, or where `i` is not a start, the one before.
    """
    out, mid, unit, level = table.out[c], table.mid[c], table.unit[c], table.level[c]
    for r in range(len(alike)):
        out_i, mid_i, unit_i, level_i = out[i + r], mid[i + r], unit[i + r], level[i + r]
        here = slice(j + r, j + r + LANES)
        out_j, mid_j, unit_j, level_j = out[here], mid[here], unit[here], level[here]
        row = alike[r]
        for b in range(LANES):
            cov[b] += out_i * mid_j[b] + out_j[b] * mid_i
            row[b] += cov[b] * (unit_i * unit_j[b]) - abs(level_i - level_j[b])


@njit(cache=True)
def _insert(values, places, value, place):
    """Insert into a descending list in place of its last; return the new last value."""
    p = len(values) - 1
    while p > 0 and values[p - 1] < value:
        values[p] = values[p - 1]
        places[p] = places[p - 1]
        p -= 1
    values[p] = value
    places[p] = place
    return values[-1]


@njit(cache=True, fastmath={"nnan", "nsz"})
def _gain(alike, own, others):
    """Return by how much the best of `alike` (LANES,) improves a list; what is positive does."""
    most = NOTHING
    for b in range(LANES):
        most = max(most, alike[b] - min(own, others[b]))
    return most


@njit(cache=True)
def _keep(alike, i, j, m, best, places, worst):
    """Enter `alike` (rows, LANES) into the lists of windows `i + r` and `j + r + b`."""
    for r in range(len(alike)):
        p, q = i + r, j + r
        if _gain(alike[r], worst[p], worst[q : q + LANES]) > 0:
            for b in range(min(LANES, m - q)):
                value = alike[r, b]
                if value > worst[p]:
                    worst[p] = _insert(best[p], places[p], value, q + b)
                if value > worst[q + b]:
                    worst[q + b] = _insert(best[q + b], places[q + b], value, p)


@njit(cache=True)
def neighbours(x, w, k, scale):
    """Return the `k` most alike windows of every window, `(m, k)` int64, best first.

    Windows at most `w // 2` samples apart share too much to count; where fewer than `k` are left,
    a window stands in for its own neighbour.

    Parameters
    ----------
    x : (d, n) float64
        Standardised channels.
    w, k : int
        Samples of a window, neighbours wanted.
    scale : float
        Weight of the difference of log standard deviations.
    """
    d, m = len(x), x.shape[1] - w + 1
    table = shapes(x, w, scale)
    best = np.full((m, k), NOTHING)
    places = np.empty((m, k), np.int64)
    places[:] = np.arange(m).reshape(-1, 1)
    worst = np.full(m + LANES, -NOTHING)
    worst[:m] = NOTHING
    cov = np.empty((d, LANES), np.float32)
    alike = np.empty((ROWS, LANES), np.float32)
    for apart in range(w // 2 + 1, m, LANES):
        for i in range(0, m - apart, ROWS):
            rows = alike[: min(ROWS, m - apart - i)]
            rows[:] = 0.0
            for c in range(d):
                if i % RESTART == 0:
                    # One step back, so that the step that follows leads to window i.
                    _start(x[c], w, i, i + apart, cov[c])
                    for b in range(LANES):
                        j = i + apart + b
                        cov[c, b] -= (
                            table.out[c, i] * table.mid[c, j] + table.out[c, j] * table.mid[c, i]
                        )
                _walk(table, c, i, i + apart, cov[c], rows)
            _keep(rows, i, i + apart, m, best, places, worst)
    return places
