"""Nearest centres of rows that were labelled before: most distances are ruled out by bounds.

Each row keeps an upper bound of the distance to its own centre and, for each group of centres, a
lower bound of the distance to all others in it. Centres that moved loosen the bounds by as much. A
row whose upper bound lies below all lower ones keeps its label without a single product.

Why labels stay exact, with u = 2^-24, x and c less the origin, n = |x|, m = |c|, r = |x - c|:

1. *Lower bounds of a sweep.* As in `lanes.doubtful`, a swept value lies within (d + 2) u (m^2 / 2 +
   n m) of |c|^2 / 2 - x.c, the computed |x|^2 within d u n^2; subtracting the origin from x and c
   moved r by at most u (n + m), hence r^2 by 2 u (n + m)^2. So b = |x|^2 + 2 value, rounded, lies
   within g (n + m)^2 of r^2 for g = (d + 8) u (`lanes.rounding`). From m <= n + r follows
   (n + m)^2 <= (2 n + r)^2 <= 8 n^2 + 2 r^2, hence r^2 >= (b - 8 g n^2) / (1 + 2 g). With the
   smallest b of a group this holds for all its centres. Products below 1e-36 vanish; no sum
   overflows where n^2 and b are below 1e37, and larger ones are cut to that or not used.
   Where there are products of bytes, the first bounds come from them instead: see `rough.least`.
2. *Upper bounds* are distances computed in float64.
3. *Storing.* Bounds are kept as (lower + drift of the group) and (upper - drift of the centre), so
   that rows at rest are only read. Drifts are rounded up, sums towards the safe side by 4 u of the
   larger operand's size, which exceeds both roundings.
4. *Comparing* with a relative slack of 16 u covers the rounding of reading both bounds and of
   float64 distances, so the order of the float64 distances is that of the bounds. A row that is
   not clear at the end is decided among all centres in float64, like any row.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tsalign.kernels import kmeans, rough
from tsalign.kernels.kmeans import Doubles, Floats, Labels
from tsalign.kernels.lanes import FAR, Packed, fill, rounding
from tsalign.kernels.simd import CENTERS, ROWS, sweep

ROUNDING = np.float32(4 * 2.0**-24)
SLACK = np.float32(1 - 16 * 2.0**-24)
LARGE = np.float32(1e37)
VALUES = 2**17  # of the rows that are handled together: half a second-level cache


class Groups(NamedTuple):
    """Centres in groups of neighbours, and how far they came since the bounds were first made."""

    packed: Packed  # blocks in the order of the groups, `columns` in that of the centres
    centers: Floats  # (k, d)
    order: Labels  # (slots,) int32, the centre in each slot of the blocks
    starts: NDArray[np.int64]  # (groups + 1,) the first block of each group
    group: Labels  # (k,) int32, the group of each centre
    drift: Floats  # (groups,) summed largest movements, rounded up
    moved: Floats  # (k,) summed movements, rounded up


@njit(cache=True, nogil=True, error_model="numpy")
def nearest(rows: Floats, groups: Groups, labels: Labels, lower: Floats, upper: Floats) -> int:
    """Bring `labels` (m,) int32 of `rows` (m, d) up to date; return how many products it took.

    `lower` (groups, m) and `upper` (m,) float32 hold the bounds as stored; -inf and inf to begin.
    The number returned is of pairs of a row and a group.
    """
    n, d = rows.shape
    panel = np.empty((len(groups.packed.origin), ROWS), dtype=np.float32)
    found = np.empty((5, ROWS), dtype=np.float32)  # squares, best, second, and their two bounds
    index = np.empty(ROWS, dtype=np.int32)
    gaps = np.empty(len(groups.centers))
    span = max(VALUES // d // ROWS, 8) * ROWS
    near, reach = np.empty((2, span), dtype=np.float32)
    open_rows, wanted = np.empty((2, span + ROWS), dtype=np.int64)
    pairs = 0
    for start in range(0, n, span):
        stop = min(start + span, n)
        count = unclear(rows, groups, labels, lower, upper, start, stop, near, reach, open_rows)
        for t in range(len(groups.drift)):
            many = 0
            for j in range(count):
                i = open_rows[j]
                wanted[many] = i
                many += not (lower[t, i] - groups.drift[t]) * SLACK > reach[i - start]
            pairs += many
            wanted[many : many + ROWS] = wanted[max(many - 1, 0)]
            for j in range(0, many, ROWS):
                part = wanted[j : j + ROWS]
                fill(rows, part, groups.packed.origin, panel)
                measure(panel, groups, t, found, index)
                for r in range(min(ROWS, many - j)):
                    i, nearby = part[r], groups.order[index[r]]
                    own, bound = labels[i], found[3, r]
                    if nearby == own:
                        bound = found[4, r]
                    elif not bound * SLACK > reach[i - start]:
                        bound = found[4, r]
                        other = distance(rows[i], groups.centers[nearby])
                        if other < reach[i - start]:  # the row moves, and leaves a bound behind
                            before = groups.group[own]
                            left = stored_lower(reach[i - start] * SLACK, groups.drift[before])
                            lower[before, i] = min(lower[before, i], left)
                            labels[i], reach[i - start] = nearby, other
                        else:
                            bound = min(bound, other * SLACK)
                    lower[t, i] = stored_lower(bound, groups.drift[t])
        close(rows, groups, labels, lower, upper, start, open_rows[:count], reach, gaps)
    return pairs


@njit(cache=True, nogil=True, error_model="numpy")
def begin(
    rows: Floats,
    rounded: rough.Rounded,
    groups: Groups,
    labels: Labels,
    lower: Floats,
    upper: Floats,
) -> int:
    """Make the bounds of rows that have none yet, and their labels, by way of bytes.

    As `nearest`, but returns how many pairs of a row and a centre were left by the bytes. The words
    of `rounded` are in the order of the groups, its centres in their own.
    """
    work, gaps = rough.room(rounded), np.empty(len(groups.centers))
    centers, columns, order, moved = groups.centers, rounded.columns, groups.order, groups.moved
    left, many, values = work.left, work.many, work.values
    near, own, total = np.empty(ROWS, dtype=np.float32), np.zeros(ROWS, dtype=np.int32), 0
    unit, last = rounding(rows.shape[1]), len(centers)
    for start in range(0, len(rows), ROWS):
        rough.rule_out(rows, start, rounded, work)
        real = min(ROWS, len(rows) - start)
        for r in range(real):
            total += many[r]
            listed = left[r, : min(many[r], rough.FEW)]
            for j in range(len(listed)):
                listed[j] = order[listed[j]]
            own[r] = listed[0] if len(listed) > 0 else 0
            if many[r] != 1:
                own[r] = rough.decide(rows[start + r], centers, columns, listed, many[r], gaps)
            labels[start + r] = own[r]
            upper[start + r] = stored_upper(
                distance(rows[start + r], centers[own[r]]), moved[own[r]]
            )
        for t in range(len(lower)):
            near[:] = np.inf
            for s in range(groups.starts[t] * CENTERS, min(groups.starts[t + 1] * CENTERS, last)):
                c, line = order[s], values[s]
                for r in range(ROWS):
                    near[r] = near[r] if own[r] == c else min(near[r], line[r])
            for r in range(real):
                bound = rough.least(work.squares[r], near[r], work.apart[r], rounded.norm, unit)
                lower[t, start + r] = stored_lower(min(bound, LARGE), groups.drift[t])
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def unclear(
    rows: Floats,
    groups: Groups,
    labels: Labels,
    lower: Floats,
    upper: Floats,
    start: int,
    stop: int,
    near: Floats,
    reach: Floats,
    out: NDArray[np.int64],
) -> int:
    """Write to `out` the rows that may have a new label; return their number.

    `reach` receives the distances of those to their centres, upper bounds made as low as can be.
    """
    n = stop - start
    near[:] = np.inf
    for t in range(len(lower)):
        line, drift = lower[t, start:stop], groups.drift[t]
        for i in range(n):
            near[i] = min(near[i], line[i] - drift)
    count = 0
    for i in range(n):
        own = labels[start + i]
        if near[i] * SLACK > upper[start + i] + groups.moved[own]:
            continue
        reach[i] = distance(rows[start + i], groups.centers[own])
        upper[start + i] = stored_upper(reach[i], groups.moved[own])
        out[count] = start + i
        count += not near[i] * SLACK > reach[i]
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def measure(panel: Floats, groups: Groups, t: int, found: Floats, index: Labels) -> None:
    """Sweep a panel over group `t`: `found` (5, ROWS) and `index` (ROWS,) receive what was found.

    The last two lines of `found` are lower bounds of the distance to the best centre and to all
    others.
    """
    squares, best, second, first_bound, other_bound = found
    best[:] = FAR
    second[:] = FAR
    index[:] = 0
    packed, begin, end = groups.packed, groups.starts[t], groups.starts[t + 1]
    sweep(  # ty: ignore[missing-argument]  # the compiler passes the first one
        panel, packed.negated, packed.halves, begin, end, squares, best, second, index
    )
    unit = rounding(groups.centers.shape[1])
    for r in range(ROWS):
        first_bound[r] = lower_bound(squares[r], best[r], unit)
        other_bound[r] = lower_bound(squares[r], second[r], unit)


@njit(cache=True, nogil=True, error_model="numpy")
def lower_bound(square: np.float32, value: np.float32, unit: np.float32) -> np.float32:
    """Return a distance that no centre of this value or more can fall below: see 1. above."""
    two = np.float32(2.0)
    least = min(square + two * value, LARGE) - np.float32(8.5) * unit * square - np.float32(1e-36)
    if not (square < LARGE and least > 0):
        return np.float32(0.0)
    return np.sqrt(least) * (np.float32(1.0) - unit) * SLACK


@njit(cache=True, nogil=True, error_model="numpy")
def close(
    rows: Floats,
    groups: Groups,
    labels: Labels,
    lower: Floats,
    upper: Floats,
    start: int,
    open_rows: NDArray[np.int64],
    reach: Floats,
    gaps: Doubles,
) -> None:
    """Store the upper bounds of the open rows; decide in float64 those that are still unclear."""
    for i in open_rows:
        near, own = np.float32(np.inf), labels[i]
        for t in range(len(lower)):
            near = min(near, lower[t, i] - groups.drift[t])
        if not near * SLACK > reach[i - start]:
            labels[i] = kmeans.nearest_row(rows[i], groups.packed.columns, gaps)
            if labels[i] != own:
                t = groups.group[own]
                left = stored_lower(np.float32(np.sqrt(gaps[own])) * SLACK, groups.drift[t])
                lower[t, i] = min(lower[t, i], left)
            reach[i - start] = distance(rows[i], groups.centers[labels[i]])
        upper[i] = stored_upper(reach[i - start], groups.moved[labels[i]])


@njit(cache=True, nogil=True, error_model="numpy")
def distance(row: Floats, center: Floats) -> np.float32:
    """Return the distance, rounded up."""
    gap = np.sqrt(kmeans.squared_distance(row, center))
    return np.float32(gap) * (np.float32(1.0) + ROUNDING)


@njit(cache=True, nogil=True, error_model="numpy")
def stored_lower(bound: np.float32, drift: np.float32) -> np.float32:
    """Return `bound + drift`, rounded down."""
    return (bound + drift) * (np.float32(1.0) - ROUNDING)


@njit(cache=True, nogil=True, error_model="numpy")
def stored_upper(bound: np.float32, drift: np.float32) -> np.float32:
    """Return `bound - drift`, rounded up."""
    return bound - drift + ROUNDING * (bound + drift)
