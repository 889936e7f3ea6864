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
`-|S|^2 / length` with `S` the segment's sum. The smallest functions are inlined: passing arrays
to them would take longer than their work.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tsalign.kernels.costs import LANES, centred_sums

UNBOUNDED = 1e200
"""Stands for infinity where a product with zero has to be zero."""


class Task(NamedTuple):
    """What stays: running sums `(d, n + 1 + LANES)`, values so far, and the parameters."""

    sums: NDArray[np.float64]
    value: NDArray[np.float64]
    penalty: float
    min_size: int
    slack: float


class Chunk(NamedTuple):
    """What the tests at `t0` need: `max |e|^2 / k` and `max |e|^2` ahead, `c`, `Q_t0 - penalty`."""

    t0: int
    most: float
    drift: float
    mean: NDArray[np.float64]
    base: float


@njit(cache=True, error_model="numpy", inline="always")
def _distances(sums, first, s, lanes):
    """Put `|sum(x[s:t])|^2` into `lanes`, for `t = first, first + 1, ...`."""
    lanes[:] = 0.0
    for q in range(sums.shape[0]):
        origin, row = sums[q, s], sums[q, first : first + LANES]
        for i in range(LANES):
            off = row[i] - origin
            lanes[i] += off * off


@njit(cache=True, error_model="numpy", fastmath={"nnan", "nsz"})
def _bounds(sums, t0, t1, mean, enough, lanes):
    """Return `max |e|^2 / k` and `max |e|^2` over the chunk; `UNBOUNDED` once both pass `enough`.

    Past the end of the series the sums stand still, which can only raise the maxima: still a bound.
    """
    regret, drift = 0.0, 0.0
    for t in range(t0 + 1, t1 + 1, LANES):
        k = np.float64(t - t0)
        lanes[:] = 0.0
        for q in range(sums.shape[0]):
            slope, row = mean[q], sums[q, t : t + LANES]
            origin = sums[q, t0] + k * slope
            for i in range(LANES):
                off = row[i] - origin - i * slope
                lanes[i] += off * off
        for i in range(LANES):
            drift = max(drift, lanes[i])
            regret = max(regret, lanes[i] / (k + i))
        if regret > enough[0] and drift > enough[1]:
            return UNBOUNDED, UNBOUNDED
    return regret, drift


@njit(cache=True, error_model="numpy", inline="always")
def _square(sums, s, t, mean):
    """Return `|sum(x[s:t]) - (t - s) mean|^2`."""
    square = 0.0
    for q in range(sums.shape[0]):
        off = sums[q, t] - sums[q, s] - (t - s) * mean[q]
        square += off * off
    return square


@njit(cache=True, error_model="numpy", inline="always")
def _gain(sums, s, t):
    """Return `|sum(x[s:t])|^2 / (t - s)`: what the segment's mean saves against zero."""
    square = 0.0
    for q in range(sums.shape[0]):
        off = sums[q, t] - sums[q, s]
        square += off * off
    return square / (t - s)


@njit(cache=True, error_model="numpy", inline="always")
def _may_win(task, chunk, s, excess):
    """Whether candidate `s`, with `excess = M tau`, passes all three tests for the chunk."""
    tau = chunk.t0 - s
    if excess > chunk.most * tau:
        return False
    margin = excess - task.slack * tau - chunk.drift
    if margin > 0.0:
        square = _square(task.sums, s, chunk.t0, chunk.mean)
        if margin * margin > 4.0 * chunk.drift * square:
            return False
    u = chunk.t0 + 1 - task.min_size
    if s >= u:
        return True
    return task.value[s] - _gain(task.sums, s, u) <= task.value[u] + task.slack


@njit(cache=True, error_model="numpy")
def _sift_listed(task, chunk, kept, start, stop, top):
    """Copy what may win of `kept[start:stop]` behind it, no further than `top`; return the end."""
    out = stop
    for i in range(start, stop):
        s = kept[i]
        excess = (task.value[s] - chunk.base - _gain(task.sums, s, chunk.t0)) * (chunk.t0 - s)
        if _may_win(task, chunk, s, excess):
            if out == top:
                return top + 1
            kept[out] = s
            out += 1
    return out


@njit(cache=True, error_model="numpy")
def _sift_recent(task, chunk, kept, first, out, top, lanes):
    """Append what may win of `first..t0 - 1` to `kept[:out]`, as `_sift_listed` does."""
    for block in range(first, chunk.t0, LANES):
        _distances(task.sums, block, chunk.t0, lanes)
        ahead, hits = chunk.t0 - block, 0
        for i in range(LANES):
            tau = np.float64(ahead - i)
            lanes[i] = (task.value[block + i] - chunk.base) * tau - lanes[i]
            hits += (tau > 0.0) & (lanes[i] <= chunk.most * tau)
        for i in range(min(LANES, ahead) if hits else 0):
            if lanes[i] <= chunk.most * (ahead - i) and _may_win(task, chunk, block + i, lanes[i]):
                if out >= top:
                    return top + 1
                kept[out] = block + i
                out += 1
    return out


@njit(cache=True, error_model="numpy")
def _narrow(task, r, t0, t1, kept, levels, level, mean, lanes):
    """Write to `levels[level]` which candidates of the level above can win in `(t0, t1]`.

    A row of `levels` is `(start, stop, first)`: the candidates `kept[start:stop]`, then all of
    `first..t0`. Where more than half would stay, the row above is taken over as it is: more
    candidates than needed do no harm, and so the rows together hold no more than 2 n.
    """
    start, stop, first = levels[level + 1]
    oldest = kept[start] if start < stop else first
    for q in range(task.sums.shape[0]):
        mean[q] = (task.sums[q, t0] - task.sums[q, r]) / (t0 - r)
    enough = (task.penalty, task.penalty * (t0 - oldest))
    regret, drift = _bounds(task.sums, t0, t1, mean, enough, lanes)
    chunk = Chunk(t0, regret + task.slack, drift, mean, task.value[t0] - task.penalty)
    count = stop - start + t0 - first
    top = stop + (count if level == 0 else count // 2)
    out = _sift_listed(task, chunk, kept, start, stop, top)
    if out <= top:
        out = _sift_recent(task, chunk, kept, first, out, top, lanes)
    if out <= top:
        start, stop, first = stop, out, t0 if task.penalty <= chunk.most else t0 + 1
    levels[level] = start, stop, first


@njit(cache=True, error_model="numpy")
def _offer(task, s, t0, lanes, best, argbest):
    """Let candidate `s` compete for the `LANES` samples after `t0`; of equals the first stays."""
    _distances(task.sums, t0 + 1, s, lanes)
    base, ahead = task.value[s], t0 + 1 - s
    for i in range(max(0, task.min_size - ahead), LANES):
        v = base - lanes[i] / np.float64(ahead + i)
        if v < best[i]:
            best[i] = v
            argbest[i] = s


@njit(cache=True, error_model="numpy")
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
    mean, lanes = np.empty(sums.shape[0]), np.empty(LANES)
    best, argbest = np.empty(LANES), np.zeros(LANES, np.int64)
    task = Task(sums, value, penalty, min_size, slack)
    for index in range((n - t0 + LANES - 1) // LANES):
        level = depth - 1  # of the longest chunk that begins here
        while index % (1 << level):
            level -= 1
        for inner in range(level, -1, -1):
            t1 = min(n, t0 + (LANES << inner))
            _narrow(task, last[t0], t0, t1, kept, levels, inner, mean, lanes)
        start, stop, first = levels[0]
        best[:] = np.inf
        for i in range(start, stop):
            _offer(task, kept[i], t0, lanes, best, argbest)
        for s in range(first, t0 + 1):
            _offer(task, s, t0, lanes, best, argbest)
        for i in range(min(LANES, n - t0)):
            value[t0 + 1 + i] = best[i] + penalty
            last[t0 + 1 + i] = argbest[i]
            _offer(task, t0 + 1 + i, t0, lanes, best, argbest)
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
