"""Exact optimal partitioning under the least-squares cost, near-linear in the number of samples.

The best partition minimises the sum of `C(segment) + penalty` over its segments, where `C` is the
squared distance to the segment's mean and no segment is shorter than `min_size`. With `Q_t` the
optimum of the first `t` samples (`Q_0 = -penalty`), the recursion is

    V_s(t) = Q_s + C(s, t) + penalty,    Q_t = min over s of V_s(t),    s <= t - min_size.

All `s` at all `t` would cost O(n^2). Here time is halved again and again down to chunks of `LANES`
samples, and each chunk `(t0, t1]` inherits from the chunk around it only the candidates `s` that
can still win inside it. Let `r` be the argmin at `t0`, `c = mean(x[r:t0])`, `tau = t0 - s`,
`M = V_s(t0) - Q_t0`, and for `t = t0 + k` let `e = sum(x[t0:t]) - k c`. Three proofs that `s`
cannot win, all with `C(s, t) >= C(s, t0) + C(t0, t)` at heart:

regret    `C(r,t) <= C(r,t0) + sum|x - c|^2` and `C(t0,t) = sum|x - c|^2 - |e|^2 / k` give
          `V_s(t) - V_r(t) >= M - |e|^2 / k`: out for the chunk if `M > max |e|^2 / k`.
drift     exactly `C(s,t) = C(s,t0) + sum|x - c|^2 + |P|^2 / tau - |P + e|^2 / (tau + k)` with
          `P = sum(x[s:t0]) - tau c`, so `V_s(t) - V_r(t) >= M - (2|P||e| + |e|^2) / tau`:
          out for the chunk if `M tau > 2|P| rho + rho^2`, `rho = max |e|`.
outlived  `Q_s + C(s,u) > Q_u` at some `u` gives `V_s(t) > V_u(t)` wherever `u` may be chosen,
          `t >= u + min_size`: out for ever (this is PELT, Killick et al. 2012, which prunes at
          `u = t` and so is exact for `min_size = 1` only).

The samples of the chunk are known, so the maxima are computed, not assumed. The first two need `r`
to be allowed at every `t > t0`, which an argmin at `t0` is, whatever `min_size`. In a steady
stretch `M` is about the penalty and the maxima stay small: hardly any candidate is left.

In place of `Q_t` the code keeps `value[t] = Q_t - sum|x[:t]|^2`, which turns `C` into
`-|S|^2 / length` with `S` the segment's sum.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tsalign.kernels.costs import LANES, centred_sums


@njit(cache=True)
def _distances(sums, first, origin, slope, out):
    """Put `|sums[:, first + i] - origin - i slope|^2` into `out[i]`, for `LANES` columns."""
    out[:] = 0.0
    for q in range(sums.shape[0]):
        row = sums[q, first : first + LANES]
        for i in range(LANES):
            off = row[i] - origin[q] - i * slope[q]
            out[i] += off * off


@njit(cache=True)
def _square(sums, s, t, mean):
    """Return `|sum(x[s:t]) - (t - s) mean|^2`."""
    square = 0.0
    for q in range(sums.shape[0]):
        off = sums[q, t] - sums[q, s] - (t - s) * mean[q]
        square += off * off
    return square


@njit(cache=True, fastmath={"nnan", "nsz"})
def _bounds(sums, t0, t1, mean, enough, lanes):
    """Return `max |e|^2 / k` and `max |e|^2` over the chunk; infinite once both pass `enough`.

    Past the end of the series the sums stand still, which can only raise the maxima: still a bound.
    """
    regret, drift = 0.0, 0.0
    for t in range(t0 + 1, t1 + 1, LANES):
        _distances(sums, t, sums[:, t0] + (t - t0) * mean, mean, lanes)
        for i in range(LANES):
            regret = max(regret, lanes[i] / (t + i - t0))
            drift = max(drift, lanes[i])
        if regret > enough[0] and drift > enough[1]:
            return np.inf, np.inf
    return regret, drift


@njit(cache=True)
def _gain(sums, s, t):
    """Return `|sum(x[s:t])|^2 / (t - s)`: what the segment's mean saves against zero."""
    square = 0.0
    for q in range(sums.shape[0]):
        off = sums[q, t] - sums[q, s]
        square += off * off
    return square / (t - s)


@njit(cache=True)
def _may_win(sums, value, s, t0, excess, mean, drift, min_size, slack):
    """Whether candidate `s`, with `excess = M tau`, passes the drift and the outlived test."""
    margin = excess - slack * (t0 - s) - drift
    if margin > 0.0 and margin * margin > 4.0 * drift * _square(sums, s, t0, mean):
        return False
    u = t0 + 1 - min_size
    return s >= u or value[s] - _gain(sums, s, u) <= value[u] + slack


@njit(cache=True)
def _narrow(sums, value, r, t0, t1, penalty, min_size, slack, kept, levels, level, lanes):
    """Write to `levels[level]` which candidates of the level above can win in `(t0, t1]`.

    A row of `levels` is `(start, stop, first)`: the candidates `kept[start:stop]`, then all of
    `first..t0`. Where more than half would stay, the row above is taken over as it is (more
    candidates than needed do no harm), so that `kept` never holds more than 2 n.
    """
    start, stop, first = levels[level + 1]
    levels[level] = levels[level + 1]
    oldest = kept[start] if start < stop else first
    origin, still = sums[:, t0].copy(), np.zeros(sums.shape[0])
    mean = (origin - sums[:, r]) / (t0 - r)
    enough = (penalty, penalty * (t0 - oldest))
    regret, drift = _bounds(sums, t0, t1, mean, enough, lanes)
    most = regret + slack
    base = value[t0] - penalty
    room = stop - start + t0 - first
    top = stop + (room if level == 0 else room // 2)
    out = stop
    for i in range(start, stop):
        s = kept[i]
        tau = t0 - s
        excess = (value[s] - base - _gain(sums, s, t0)) * tau
        if excess <= most * tau and _may_win(
            sums, value, s, t0, excess, mean, drift, min_size, slack
        ):
            if out == top:
                return
            kept[out] = s
            out += 1
    for block in range(first, t0, LANES):
        _distances(sums, block, origin, still, lanes)
        hits = 0
        for i in range(LANES):
            tau = t0 - block - i
            lanes[i] = (value[block + i] - base) * tau - lanes[i]
            hits += lanes[i] <= most * tau
        if hits == 0:
            continue
        for i in range(min(LANES, t0 - block)):
            s = block + i
            if lanes[i] <= most * (t0 - s) and _may_win(
                sums, value, s, t0, lanes[i], mean, drift, min_size, slack
            ):
                if out == top:
                    return
                kept[out] = s
                out += 1
    levels[level] = stop, out, (t0 if penalty <= most else t0 + 1)


@njit(cache=True)
def _offer(sums, value, s, t0, min_size, still, lanes, best, argbest):
    """Let candidate `s` compete for the `LANES` samples after `t0`; of equals the first stays."""
    _distances(sums, t0 + 1, sums[:, s], still, lanes)
    for i in range(LANES):
        length = t0 + 1 + i - s
        v = value[s] - lanes[i] / max(length, 1)
        if length >= min_size and v < best[i]:
            best[i] = v
            argbest[i] = s


@njit(cache=True)
def partition(sums, n, penalty, min_size, slack):
    """Solve the recursion.

    Parameters
    ----------
    sums : (d, n + 1 + LANES) float64
        Running sums as `centred_sums` gives them.
    n : int
        Number of samples.
    penalty : float
        Cost of a segment, at least 0.
    min_size : int
        Shortest segment in samples, at least 1.
    slack : float
        More than the rounding error of a value: candidates that close to losing are kept.

    Returns
    -------
    last : (n + 1,) int64
        Start of the last segment of the best partition of the first `t` samples; the earliest
        among equals.
    """
    value = np.zeros(n + 1 + LANES)
    last = np.zeros(n + 1, np.int64)
    t0 = min(n, 2 * min_size - 1)  # up to here there is one segment
    value[0] = -penalty
    value[1 : min(min_size, n + 1)] = np.inf
    for t in range(min_size, t0 + 1):
        value[t] = -_gain(sums, 0, t)
    depth = 1
    while LANES << (depth - 1) < n - t0:
        depth += 1
    levels = np.zeros((depth + 1, 3), np.int64)
    kept = np.empty(3 * (n + 1), np.int64)
    still, lanes = np.zeros(sums.shape[0]), np.empty(LANES)
    best, argbest = np.empty(LANES), np.zeros(LANES, np.int64)
    for chunk in range((n - t0 + LANES - 1) // LANES):
        top = depth - 1  # the longest chunk that begins here
        while chunk % (1 << top):
            top -= 1
        for level in range(top, -1, -1):
            t1 = min(n, t0 + (LANES << level))
            _narrow(
                sums, value, last[t0], t0, t1, penalty, min_size, slack, kept, levels, level, lanes
            )
        start, stop, first = levels[0]
        best[:] = np.inf
        for i in range(start, stop):
            _offer(sums, value, kept[i], t0, min_size, still, lanes, best, argbest)
        for s in range(first, t0 + 1):
            _offer(sums, value, s, t0, min_size, still, lanes, best, argbest)
        for i in range(min(LANES, n - t0)):
            t = t0 + 1 + i
            value[t] = best[i] + penalty
            last[t] = argbest[i]
            _offer(sums, value, t, t0, min_size, still, lanes, best, argbest)
        t0 = min(n, t0 + LANES)
    return last


def change_points(x: NDArray[np.float64], penalty: float, min_size: int) -> NDArray[np.int64]:
    """Return the ends of the segments of the best partition; the last one is `n`.

    Parameters
    ----------
    x : (n, d) float64
        Finite values, `n >= 1`.
    penalty : float
        What a change must save to be made, at least 0.
    min_size : int
        Shortest segment in samples, at least 1; a series below twice that is one segment.

    Returns
    -------
    (k,) int64
        Half-open ends, ascending. Of equally good partitions the one with the earliest last
        change.

    References
    ----------
    Jackson et al., *An algorithm for optimal partitioning of data on an interval*, 2005.
    Killick, Fearnhead, Eckley, *Optimal detection of changepoints with a linear computational
    cost*, 2012.

    Examples
    --------
    >>> change_points(np.array([[0.0], [0.0], [0.0], [9.0], [9.0]]), 1.0, 1).tolist()
    [3, 5]
    """
    n, d = x.shape
    sums, total = centred_sums(x)
    if penalty >= total:  # no change can save more than everything
        return np.array([n], np.int64)
    slack = 4 * (d + 8) * np.finfo(np.float64).eps * (total + penalty)
    last = partition(sums, n, float(penalty), min_size, slack)
    ends = [n]
    while last[ends[-1]] > 0:
        ends.append(int(last[ends[-1]]))
    return np.array(ends[::-1], np.int64)
