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

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

LEAF = 16
"""Samples of the shortest chunk."""

CostKernel = Callable[..., None]
"""A function like those in `tsalign.kernels.segment_costs`: see `tsalign.segment.costs`."""

_COST = types.void(
    types.float64[:, ::1],
    types.float64[::1],
    types.int64[::1],
    types.int64[::1],
    types.float64[::1],
)


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


@njit(cache=True)
def _to(cost, task, room, m, t):
    """Put `C(s, t)` into `room.out[:m]` for the first `m` starts."""
    room.stops[:m] = t
    cost(task.table, task.constants, room.starts[:m], room.stops[:m], room.out[:m])


@njit(cache=True)
def _largest_regret(cost, task, room, r, t0, t1, known):
    """Return the largest bracket over `(t0, t1]`, or infinity once it passes the penalty."""
    most = 0.0
    for first in range(t0 + 1, t1 + 1, LEAF):
        m = min(LEAF, t1 + 1 - first)
        for i in range(m):
            room.stops[i] = room.stops[m + i] = first + i
        room.starts[:m] = r
        room.starts[m : 2 * m] = t0
        starts, stops, out = room.starts[: 2 * m], room.stops[: 2 * m], room.out[: 2 * m]
        cost(task.table, task.constants, starts, stops, out)
        for i in range(m):
            whole = out[i] + task.length * np.log(first + i - r)
            most = max(most, whole - known - out[m + i])
        if most > task.penalty + task.slack:
            return np.inf
    return most


@njit(cache=True)
def _sift(cost, task, room, m, t, length, limit):
    """Keep of the first `m` starts those that reach `t` within `limit`; return how many.

    Those from `t` on stay. The starts ascend.
    """
    before = np.searchsorted(room.starts[:m], t)
    _to(cost, task, room, before, t)
    out = 0
    for i in range(m):
        s = room.starts[i]
        if i >= before or task.value[s] + room.out[i] + length * np.log(t - s) <= limit:
            room.starts[out] = s
            out += 1
    return out


@njit(cache=True)
def _narrow(cost, task, room, r, t0, t1, kept, levels, level):
    """Write to `levels[level]` which candidates of the level above can win in `(t0, t1]`.

    A row of `levels` is `(start, stop, first)`: the candidates `kept[start:stop]`, then all of
    `first..t0`. Where more than half would stay, the row above is taken over as it is: more
    candidates than needed do no harm, and so the rows together hold no more than `n`.
    """
    start, stop, first = levels[level + 1]
    value, u = task.value, t0 + 1 - task.min_size
    base = value[t0] - task.penalty
    most = task.slack + _largest_regret(cost, task, room, r, t0, t1, base - value[r])
    listed = stop - start
    count = listed + max(0, t0 - first)  # the level above may have dropped t0
    room.starts[:listed] = kept[start:stop]
    for i in range(listed, count):
        room.starts[i] = first + i - listed
    m = count
    if most < np.inf:
        m = _sift(cost, task, room, m, t0, task.length, base + most)
    if u > 0:
        m = _sift(cost, task, room, m, u, 0.0, value[u] + task.slack)
    if 2 * m > count and count > 0:
        levels[level] = levels[level + 1]
    else:
        kept[stop : stop + m] = room.starts[:m]
        levels[level] = stop, stop + m, t0 if task.penalty <= most else t0 + 1


@njit(cache=True)
def _leaf(cost, task, room, t0, t1, kept, row, last):
    """Solve the recursion for `t` in `(t0, t1]`, given the candidates that may win."""
    start, stop, first = row
    m = stop - start
    candidates = np.empty(m + max(0, t1 - task.min_size + 1 - first), np.int64)
    candidates[:m] = kept[start:stop]
    for i in range(m, len(candidates)):
        candidates[i] = first + i - m
    for t in range(t0 + 1, t1 + 1):
        m = np.searchsorted(candidates, t - task.min_size + 1)
        room.starts[:m] = candidates[:m]
        _to(cost, task, room, m, t)
        best = np.inf
        for i in range(m):
            s = candidates[i]
            v = task.value[s] + room.out[i]
            if task.length != 0.0:
                v += task.length * np.log(t - s)
            if v < best:
                best = v
                last[t] = s
        task.value[t] = best + task.penalty


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
    size = max(n + 1, 4 * LEAF)
    room = Buffers(np.zeros(size, np.int64), np.zeros(size, np.int64), np.zeros(size))
    task = Task(table, constants, value, penalty, length, min_size, slack)
    value[0] = -penalty
    t0 = min(n, 2 * min_size - 1)  # up to here there is one segment
    for t in range(min(min_size, n), t0 + 1):
        room.starts[0] = 0
        _to(cost, task, room, 1, t)
        value[t] = room.out[0] + length * np.log(t)
    depth = 1
    while LEAF << 2 * (depth - 1) < n - t0:
        depth += 1
    levels = np.zeros((depth + 1, 3), np.int64)
    kept = np.empty(2 * (n + 1), np.int64)
    for index in range((n - t0 + LEAF - 1) // LEAF):
        level = depth - 1  # of the longest chunk that begins here
        while index % (1 << 2 * level):
            level -= 1
        for inner in range(level, -1, -1):
            t1 = min(n, t0 + (LEAF << 2 * inner))
            _narrow(cost, task, room, last[t0], t0, t1, kept, levels, inner)
        t1 = min(n, t0 + LEAF)
        _leaf(cost, task, room, t0, t1, kept, levels[0], last)
        t0 = t1
    return last


def ready(kernel: Any, signature: Any = _COST) -> Any:
    """Return a compiled function as a value that other compiled functions can be handed.

    One signature, compiled or read from the cache now: then the search is compiled once for all
    costs, those of third parties included, and not again for each.

    Parameters
    ----------
    kernel : function
        Decorated with `numba.njit`.
    signature : numba signature
        What it takes and returns; by default that of a cost.

    Returns
    -------
    function
        Itself.
    """
    if signature.args not in getattr(kernel, "signatures", [signature.args]):
        kernel.compile(signature)
        kernel.disable_compile()
    return kernel


_SEARCH = types.int64[::1](
    types.FunctionType(_COST),
    types.float64[:, ::1],
    types.float64[::1],
    types.int64,
    types.float64,
    types.float64,
    types.int64,
    types.float64,
)


def segment_costs(
    kernel: CostKernel,
    table: NDArray[np.float64],
    constants: NDArray[np.float64],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the costs of segments.

    Parameters
    ----------
    kernel : function
        The compiled cost.
    table : (rows, columns) float64
        Its table.
    constants : (k,) float64
        Its constants.
    starts, stops : (m,) int64
        Half-open bounds, `start < stop`.

    Returns
    -------
    (m,) float64
        One a segment.
    """
    out = np.empty(len(starts))
    ready(kernel)(table, constants, np.ascontiguousarray(starts), np.ascontiguousarray(stops), out)
    return out


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
