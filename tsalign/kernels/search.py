"""Exact optimal partitioning under the least-squares cost, near-linear in the number of samples.

The best partition minimises the sum of `C(segment) + penalty` over its segments, where `C` is the
squared distance to the segment's mean and no segment is shorter than `min_size`. With `Q_t` the
optimum of the first `t` samples (`Q_0 = -penalty`), the recursion is

    V_s(t) = Q_s + C(s, t) + penalty,    Q_t = min over s of V_s(t),    s <= t - min_size.

All `s` at all `t` would cost O(n^2). Here time is divided again and again down to leaves of
`WIDTH` samples, and each chunk `(t0, t1]` inherits from the chunk around it only the candidates
`s` that can still win inside it. Let `r` be the argmin at `t0`, `c = mean(x[r:t0])`,
`tau = t0 - s`, `M = V_s(t0) - Q_t0`, and for `t = t0 + k` let `e = sum(x[t0:t]) - k c`. Four
proofs that `s` cannot win; the first three have `C(s, t) >= C(s, t0) + C(t0, t)` at heart:

regret    `C(r,t) <= C(r,t0) + sum|x - c|^2` and `C(t0,t) = sum|x - c|^2 - |e|^2 / k` give
          `V_s(t) - V_r(t) >= M - |e|^2 / k`: out for the chunk if `M > max |e|^2 / k`.
drift     exactly `C(s,t) = C(s,t0) + sum|x - c|^2 + |P|^2 / tau - |P + e|^2 / (tau + k)` with
          `P = sum(x[s:t0]) - tau c`, so `V_s(t) - V_r(t) >= M - (2|P||e| + |e|^2) / tau`:
          out for the chunk if `M tau > 2|P| rho + rho^2`, `rho = max |e|`.
outlived  `Q_s + C(s,u) > Q_u` at some `u` gives `V_s(t) > V_u(t)` wherever `u` may be chosen,
          `t >= u + min_size`: out for ever (this is PELT, Killick et al. 2012, which prunes at
          `u = t` and so is exact for `min_size = 1` only).
newborn   `V_s(t) >= Q_s + penalty` as `C >= 0`: where the values that the older candidates reach
          in a leaf differ by less than the penalty, none born in the leaf can win in it.

The samples of the chunk are known, so the maxima are computed, not assumed. The first two need `r`
to be allowed at every `t > t0`, which an argmin at `t0` is, whatever `min_size`. In a steady
stretch `M` is about the penalty and the maxima stay small: hardly any candidate is left but `r`.

In place of `Q_t` the code keeps `value[t] = Q_t - sum|x[:t]|^2`, which turns `C` into
`-|S|^2 / length` with `S` the segment's sum. Candidates are tested and listed by the block,
`WIDTH` neighbours at once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tsalign.kernels.costs import running_sums
from tsalign.kernels.vectors import (
    WIDTH,
    bits,
    choose,
    highest,
    item,
    larger,
    load,
    lowest,
    ramp,
    store,
)

GROWTH = 2
"""A chunk holds four of the level below: two to this power."""

UNBOUNDED = 1e150
"""More than any excess, and its square is a number too."""

UNROLLED = 8
"""Up to that many channels, their number is known when the search is compiled."""


class Task(NamedTuple):
    """What stays; the number of channels is the length of `channels`, or not fixed if empty."""

    penalty: float
    min_size: int
    slack: float
    channels: tuple[int, ...]


class Chunk(NamedTuple):
    """What the tests at `t0` need.

    A candidate is out where its value at `anchor` exceeds `ceiling`: by regret if that is `t0`, as
    outlived if it is earlier. `base` is `Q_t0 - penalty`, and `drift` is `rho^2`.
    """

    t0: int
    anchor: int
    ceiling: float
    base: float
    drift: float


_FLAGS = {"contract", "nnan", "nsz"}
_part = njit(cache=True, error_model="numpy", fastmath=_FLAGS, forceinline=True)


@_part
def _count(sums, channels):
    """Return the number of channels: a constant of the compiled code where possible."""
    return len(channels) if len(channels) else sums.shape[0]


@_part
def _distances(sums, s, t, channels):
    """Return `|sum(x[s:t])|^2` for `t, t + 1, ...`; the same with `s` and `t` exchanged."""
    squares = 0.0 * ramp()
    for q in range(_count(sums, channels)):
        off = load(sums[q], t) - sums[q, s]
        squares = squares + off * off
    return squares


@_part
def _deviations(sums, t0, t, mean, channels):
    """Return `|e|^2` for `t, t + 1, ...`; before `t0` it is `|P|^2` of the candidates there."""
    squares, k = 0.0 * ramp(), ramp() + (t - t0)
    for q in range(_count(sums, channels)):
        off = load(sums[q], t) - sums[q, t0] - k * mean[q]
        squares = squares + off * off
    return squares


@_part
def _bounds(sums, t0, t1, mean, enough, channels):
    """Return `max |e|^2 / k` and `max |e|^2` over the chunk; `UNBOUNDED` once both pass `enough`.

    Past the end of the series the sums stand still, which can only raise the maxima: still a bound.
    """
    regret, drift = 0.0 * ramp(), 0.0 * ramp()
    for t in range(t0 + 1, t1 + 1, WIDTH):
        squares = _deviations(sums, t0, t, mean, channels)
        drift = larger(drift, squares)
        regret = larger(regret, squares / (ramp() + (t - t0)))
        if bits(regret >= enough[0]) and bits(drift >= enough[1]):
            return UNBOUNDED, UNBOUNDED
    return highest(regret), highest(drift)


@_part
def _look_ahead(task, sums, value, r, t0, t1, oldest, mean):
    """Return what the tests of the candidates from `oldest` on need for `(t0, t1]`."""
    for q in range(_count(sums, task.channels)):
        mean[q] = (sums[q, t0] - sums[q, r]) / (t0 - r)
    enough = (task.penalty, task.penalty * (t0 - oldest))
    most, drift = _bounds(sums, t0, t1, mean, enough, task.channels)
    anchor, u = t0, t0 + 1 - task.min_size
    if most > task.penalty and u >= task.min_size:
        anchor, most = u, task.penalty
    base = value[t0] - task.penalty + task.slack
    return Chunk(t0, anchor, value[anchor] - task.penalty + most + task.slack, base, drift)


@_part
def _able(sums, value, block, chunk, mean, channels):
    """Return the candidates of a block that pass all tests for the chunk, as bits."""
    own = load(value, block)
    tau = (chunk.anchor - block) - ramp()
    distances = _distances(sums, chunk.anchor, block, channels)
    able = ((own - chunk.ceiling) * tau <= distances) | (tau <= 0.0)
    if not bits(able):
        return 0
    tau = (chunk.t0 - block) - ramp()
    excess = (own - chunk.base) * tau - _distances(sums, chunk.t0, block, channels)
    margin = excess - chunk.drift
    squares = _deviations(sums, chunk.t0, block, mean, channels)
    return bits(able & ((margin <= 0.0) | (margin * margin <= 4.0 * chunk.drift * squares)))


@_part
def _block(listed, row, i):
    """Return block `i` of a row `(start, stop, first)`: `listed[start:stop]`, then from `first`."""
    count = row[1] - row[0]
    return listed[row[0] + i] if i < count else row[2] + WIDTH * (i - count)


@_part
def _size(row, t0):
    """Return how many blocks a row has before `t0`."""
    return row[1] - row[0] + (t0 - row[2]) // WIDTH


@_part
def _sift(sums, value, chunk, listed, above, mean, channels):
    """Return the row of blocks that can win in the chunk, out of the row `above`.

    Where more than half would stay, the row above is taken over as it is: more candidates than
    needed do no harm, and so all rows together are no longer than the series.
    """
    count, end = _size(above, chunk.t0), above[1]
    for i in range(count):
        block = _block(listed, above, i)
        if _able(sums, value, block, chunk, mean, channels):
            if end - above[1] >= count // 2:
                return above
            listed[end] = block
            end += 1
    return above[1], end, chunk.t0


@_part
def _offer(task, sums, s, base, t0, best, start):
    """Let candidate `s` of value `base` compete for the leaf; of equals the first stays."""
    length = ramp() + (t0 + 1 - s)
    distances = _distances(sums, s, t0 + 1, task.channels)
    offer = base - distances / larger(length, 1.0)
    better = (offer < best) & (length >= task.min_size)
    return choose(better, offer, best), choose(better, 0.0 * ramp() + s, start)


@_part
def _leaf(task, sums, squares, value, last, chunk, listed, above, mean):
    """Solve the `WIDTH` samples after `t0` from the candidates of the row `above`."""
    t0 = chunk.t0
    best, start = 0.0 * ramp() + np.inf, 0.0 * ramp()
    for i in range(_size(above, t0)):
        block = _block(listed, above, i)
        able = _able(sums, value, block, chunk, mean, task.channels)
        s = block
        while able:
            if able & 1:
                best, start = _offer(task, sums, s, value[s], t0, best, start)
            able >>= 1
            s += 1
    if chunk.anchor < t0 or value[t0] <= chunk.ceiling:
        best, start = _offer(task, sums, t0, value[t0], t0, best, start)
    reached = best + load(squares, t0 + 1)
    if highest(reached) - lowest(reached) >= task.penalty - task.slack:
        for i in range(WIDTH - task.min_size):
            base = item(best, i) + task.penalty
            best, start = _offer(task, sums, t0 + 1 + i, base, t0, best, start)
    store(value, t0 + 1, best + task.penalty)
    store(last, t0 + 1, start)


@njit(cache=True, error_model="numpy", fastmath=_FLAGS)
def partition(task, sums, squares, value, last, listed):
    """Solve the recursion.

    Parameters
    ----------
    task : Task
        Penalty and shortest segment, at most half of the series; and by how much a candidate must
        fail a test: more than the rounding error of a value.
    sums, squares : (d, n + 1 + WIDTH) and (n + 1 + WIDTH,) float64
        Running sums as `running_sums` gives them.
    value, last : (n + 1 + WIDTH,) float64 and int64
        Zeros; filled with what the best partitions of the first `t` samples cost, less their
        squares, and with the start of their last segment, the earliest among equals.
    listed : (n // WIDTH + 1,) int64
        Space for the rows of blocks.
    """
    n = len(value) - 1 - WIDTH
    t0 = (2 * task.min_size - 1) // WIDTH * WIDTH  # up to here there is one segment
    value[0] = -task.penalty
    value[1 : task.min_size] = np.inf
    for t in range(task.min_size, t0 + 1):
        value[t] = -np.square(sums[:, t]).sum() / t
    depth = 1
    while WIDTH << GROWTH * depth < n - t0:
        depth += 1
    levels, mean = np.zeros((depth + 1, 3), np.int64), np.zeros(len(sums))
    chunk = Chunk(t0, t0, UNBOUNDED, 0.0, 0.0)
    for index in range((n - t0 + WIDTH - 1) // WIDTH):
        level = depth - 1  # of the longest chunk that begins here
        while index & ((1 << GROWTH * level) - 1):
            level -= 1
        above = (levels[level + 1, 0], levels[level + 1, 1], levels[level + 1, 2])
        while level >= 0 and t0 > 0:
            oldest = listed[above[0]] if above[0] < above[1] else above[2]
            t1 = min(n, t0 + (WIDTH << GROWTH * level))
            chunk = _look_ahead(task, sums, value, last[t0], t0, t1, oldest, mean)
            if level > 0:
                above = _sift(sums, value, chunk, listed, above, mean, task.channels)
                levels[level, 0], levels[level, 1], levels[level, 2] = above
            level -= 1
        _leaf(task, sums, squares, value, last, chunk, listed, above, mean)
        t0 += WIDTH


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
    sums, squares = running_sums(x)
    if penalty >= squares[n] or n < 2 * min_size:  # no change can save more than everything
        return np.array([n], np.int64)
    # Made here, large arrays lie on large pages: half of the time would go into small ones.
    value, last = np.zeros(squares.shape), np.zeros(squares.shape, np.int64)
    listed = np.empty(n // WIDTH + 1, np.int64)
    slack = 4 * (d + 8) * np.finfo(np.float64).eps * (squares[n] + penalty)
    channels = (0,) * d if d <= UNROLLED else ()
    task = Task(float(penalty), min_size, slack, channels)
    partition(task, sums, squares, value, last, listed)
    ends = [n]
    while last[ends[-1]] > 0:
        ends.append(int(last[ends[-1]]))
    return np.array(ends[::-1], np.int64)
