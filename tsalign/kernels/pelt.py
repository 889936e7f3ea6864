"""Exact optimal partitioning under any cost that is the least value of a sum of losses.

The best partition minimises the sum of `C(segment) + length log|segment| + penalty` over its
segments, none shorter than `min_size`. With `Q_t` the optimum of the first `t` samples
(`Q_0 = -penalty`), the recursion is

    V_s(t) = Q_s + C(s, t) + length log(t - s) + penalty,    Q_t = min over s of V_s(t).

All that is asked of the cost is what every least sum of losses fulfils: two halves fitted apart
cost no more than the whole, `C(s, t) >= C(s, u) + C(u, t)`. Time is halved in fours down to chunks
of `LEAF` samples; each chunk `(t0, t1]` inherits from the chunk around it only the candidates `s`
that can still win inside it. Let `r` be the best at `t0`, `C' = C + length log|segment|` and
`M = Q_s + C'(s, t0) + penalty - Q_t0`. Two proofs that `s` cannot win:

regret    `V_s(t) - V_r(t) >= M - [C'(r,t) - C'(r,t0) - C(t0,t)]` by splitting `C(s,t)` at `t0`:
          out for the chunk if `M` exceeds the largest bracket in it. The bracket is what the
          incumbent loses by not starting anew at `t0`; the chunk is known, so it is computed.
outlived  `Q_s + C(s,u) > Q_u` gives `V_s(t) > V_u(t)` by splitting at `u`, wherever `u` may be
          chosen, `t >= u + min_size`: out for ever. This is PELT, delayed by `min_size`; pruned at
          `u = t` (Killick et al. 2012) it is exact for `min_size = 1` only.

In a steady stretch `M` is about the penalty and the bracket stays small: hardly any candidate but
the best is left, however many PELT alone would keep.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from tsalign.kernels.handed import COST, CostKernel, ready, segment_costs

LEAF = 4
"""Samples of the shortest chunk."""

CROWD = 32
"""Where that many candidates are left, mostly at a change, a chunk is divided once more."""

BATCH = 64
"""Ends that are looked at together: many segments in one call let a cost fill vectors."""


class Task(NamedTuple):
    """What stays: the cost's table and constants, values so far, and the parameters."""

    table: NDArray[np.float64]
    constants: NDArray[np.float64]
    value: NDArray[np.float64]
    penalty: float
    length: float
    min_size: int
    slack: float


class Buffers(NamedTuple):
    """Room for one batch of segments."""

    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    out: NDArray[np.float64]


@njit(cache=True, forceinline=True)
def _evaluate(cost, task, room, m):
    """Put the costs of the first `m` segments into `room.out[:m]`."""
    cost(task.table, task.constants, room.starts[:m], room.stops[:m], room.out[:m])


@njit(cache=True)
def _regrets(cost, task, room, r, t0, n, level, most, own):
    """Write to `most[:level + 1]` the largest bracket of each chunk that begins at `t0`.

    Infinity from where it passes the penalty. `own` receives `C(r, t)` for the two shortest.
    """
    known, largest, first = task.value[t0] - task.penalty - task.value[r], 0.0, t0 + 1
    limit, out = task.penalty + task.slack, room.out
    most[: level + 1] = np.inf
    for inner in range(level + 1):
        t1 = min(n, t0 + (LEAF << 2 * inner))
        while first <= t1 and (largest <= limit or inner < 2):
            m = min(BATCH, t1 + 1 - first)
            for i in range(m):
                room.starts[i], room.starts[m + i] = r, t0
                room.stops[i] = room.stops[m + i] = first + i
            _evaluate(cost, task, room, 2 * m)
            if inner < 2:
                own[first - t0 - 1 : first - t0 - 1 + m] = out[:m]
            for i in range(m):
                whole = out[i] - known
                if task.length != 0.0:
                    whole += task.length * np.log(first + i - r)
                largest = max(largest, whole - out[m + i])
            first += m
        if largest <= limit:
            most[inner] = largest


@njit(cache=True)
def _sift(cost, task, room, m, t, length, limit):
    """Keep of the first `m` starts those that reach `t` within `limit`; return how many.

    Those from `t` on stay. The starts ascend.
    """
    starts, costs, value = room.starts, room.out, task.value
    before = np.searchsorted(starts[:m], t)
    room.stops[:before] = t
    _evaluate(cost, task, room, before)
    out = 0
    for i in range(before):
        s = starts[i]
        reached = value[s] + costs[i]
        if length != 0.0:
            reached += length * np.log(t - s)
        starts[out] = s
        out += reached <= limit
    for i in range(before, m):
        starts[out] = starts[i]
        out += 1
    return out


@njit(cache=True, forceinline=True)
def _size(row, t0):
    """Return how many candidates a row of `levels` has up to `t0`."""
    return row[1] - row[0] + max(0, t0 + 1 - row[2])


@njit(cache=True)
def _narrow(cost, task, room, t0, most, kept, levels, level):
    """Write to `levels[level]` which candidates of the level above can win in a chunk after `t0`.

    `most` is the largest bracket in the chunk.

    A row of `levels` is `(start, stop, first)`: the candidates `kept[start:stop]`, then all of
    `first..t0`. Where more than half would stay, the row above is taken over as it is: more
    candidates than needed do no harm, and so the rows together hold no more than `n`.
    """
    start, stop, first = levels[level + 1]
    value, u = task.value, t0 + 1 - task.min_size
    base = value[t0] - task.penalty
    listed = stop - start
    count = listed + max(0, t0 - first)  # the level above may have dropped t0
    room.starts[:listed] = kept[start:stop]
    for i in range(listed, count):
        room.starts[i] = first + i - listed
    m = count
    if most < np.inf:  # below the penalty: hardly any that passes is outlived
        m = _sift(cost, task, room, m, t0, task.length, base + most + task.slack)
    elif u > 0:
        m = _sift(cost, task, room, m, u, 0.0, value[u] + task.slack)
    if 2 * m > count and count > 0:
        levels[level] = levels[level + 1]
    else:
        kept[stop : stop + m] = room.starts[:m]
        levels[level] = stop, stop + m, t0 if task.penalty <= most + task.slack else t0 + 1


@njit(cache=True, forceinline=True)
def _offer(task, s, t0, t1, costs, at, last):
    """Let candidate `s`, of `costs[at:]` up to each `t` in `(t0, t1]`, compete for them.

    Of equals the first stays; `value` lacks the penalty until all have competed.
    """
    base, value, length = task.value[s], task.value, task.length
    for t in range(max(t0 + 1, s + task.min_size), t1 + 1):
        v = base + costs[at + t - t0 - 1]
        if length != 0.0:
            v += length * np.log(t - s)
        if v < value[t]:
            value[t] = v
            last[t] = s


@njit(cache=True)
def _leaf(cost, task, room, t0, t1, kept, row, own, last):
    """Solve the recursion for `t` in `(t0, t1]`, given the candidates that may win.

    `own` are the costs from the best at `t0` on, which are known.
    """
    start, stop, first = row
    listed, r = stop - start, last[t0]
    count = _size(row, t0)
    for top in range(0, count, CROWD):
        m, end = 0, min(count, top + CROWD)
        for j in range(top, end):
            s = kept[start + j] if j < listed else first + j - listed
            for t in range(t0 + 1, t1 + 1 if s != r else 0):
                room.starts[m], room.stops[m] = s, t
                m += 1
        _evaluate(cost, task, room, m)
        m = 0
        for j in range(top, end):
            s = kept[start + j] if j < listed else first + j - listed
            if s == r:
                _offer(task, s, t0, t1, own, 0, last)
            else:
                _offer(task, s, t0, t1, room.out, m, last)
                m += t1 - t0
    m = 0
    for s in range(t0 + 1, t1):  # those born here: their costs are known before their values
        for t in range(s + task.min_size, t1 + 1):
            room.starts[m], room.stops[m] = s, t
            m += 1
    _evaluate(cost, task, room, m)
    m = 0
    for s in range(t0 + 1, t1 + 1):
        task.value[s] += task.penalty
        _offer(task, s, s + task.min_size - 1, t1, room.out, m, last)
        m += max(0, t1 + 1 - s - task.min_size)


@njit(cache=True)
def partition(cost, table, constants, n, penalty, length, min_size, slack):
    """Solve the recursion.

    Parameters
    ----------
    cost : function
        A compiled cost, see `tsalign.segment.costs`.
    table : (rows, columns) float64
        What the cost needs to know of the series.
    constants : (k,) float64
        And what else.
    n : int
        Number of samples.
    penalty, length : float
        Cost of a segment, and cost per logarithm of its length; both at least 0.
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
    value = np.full(n + 1, np.inf)
    last = np.zeros(n + 1, np.int64)
    size = max(n + 1, 2 * BATCH, 4 * LEAF * CROWD)
    room = Buffers(np.zeros(size, np.int64), np.zeros(size, np.int64), np.zeros(size))
    task = Task(table, constants, value, penalty, length, min_size, slack)
    value[0] = -penalty
    t0 = min(n, 2 * min_size - 1)  # up to here there is one segment
    for t in range(min(min_size, n), t0 + 1):
        room.starts[0], room.stops[0] = 0, t
        _evaluate(cost, task, room, 1)
        value[t] = room.out[0] + length * np.log(t)
    depth = 2
    while LEAF << 2 * (depth - 1) < n - t0:
        depth += 1
    levels, most = np.zeros((depth + 1, 3), np.int64), np.empty(depth)
    kept, own = np.empty(2 * (n + 1), np.int64), np.empty(4 * LEAF)
    for index in range((n - t0 + 4 * LEAF - 1) // (4 * LEAF)):
        level = depth - 1  # of the longest chunk that begins here
        while index % (1 << 2 * (level - 1)):
            level -= 1
        r = last[t0]
        _regrets(cost, task, room, r, t0, n, level, most, own)
        for inner in range(level, 0, -1):
            _narrow(cost, task, room, t0, most[inner], kept, levels, inner)
        t1 = min(n, t0 + 4 * LEAF)
        if _size(levels[1], t0) < CROWD:
            _leaf(cost, task, room, t0, t1, kept, levels[1], own, last)
            t0 = t1
        while t0 < t1:
            if r != last[t0] or t1 - t0 < 4 * LEAF:
                r = last[t0]
                _regrets(cost, task, room, r, t0, n, 0, most, own)
            _narrow(cost, task, room, t0, most[0], kept, levels, 0)
            _leaf(cost, task, room, t0, min(t1, t0 + LEAF), kept, levels[0], own, last)
            t0 = min(t1, t0 + LEAF)
    return last


_SEARCH = types.int64[::1](
    types.FunctionType(COST),
    types.float64[:, ::1],
    types.float64[::1],
    types.int64,
    types.float64,
    types.float64,
    types.int64,
    types.float64,
)


def best_partition(
    kernel: CostKernel,
    table: NDArray[np.float64],
    constants: NDArray[np.float64],
    n: int,
    penalty: float,
    length: float,
    min_size: int,
) -> NDArray[np.int64]:
    """Return the ends of the segments of the best partition; the last one is `n`.

    Parameters
    ----------
    kernel : function
        The compiled cost.
    table : (rows, columns) float64
        Its table.
    constants : (k,) float64
        Its constants.
    n : int
        Number of samples, at least 1.
    penalty : float
        What a change must save to be made, at least 0.
    length : float
        What a segment costs per logarithm of its length besides, at least 0.
    min_size : int
        Shortest segment in samples, at least 1; a series below twice that is one segment.

    Returns
    -------
    (k,) int64
        Half-open ends, ascending. Of equally good partitions the one with the earliest last
        change.

    References
    ----------
    Killick, Fearnhead, Eckley, *Optimal detection of changepoints with a linear computational
    cost*, 2012.
    """
    if penalty == np.inf:
        return np.array([n], np.int64)
    stops = np.arange(1, n + 1)
    size = np.abs(segment_costs(kernel, table, constants, np.zeros_like(stops), stops)).max()
    # Far above the rounding of a value and far below what matters: it only keeps candidates longer.
    slack = 1e-10 * (size + penalty + length * np.log(n))
    search = ready(partition, _SEARCH)
    last = search(ready(kernel), table, constants, n, penalty, length, min_size, slack)
    ends = [n]
    while last[ends[-1]] > 0:
        ends.append(int(last[ends[-1]]))
    return np.array(ends[::-1], np.int64)
