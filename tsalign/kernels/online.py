"""An exact test for a change in the mean of all samples since the last one, a sample at a time.

At time `t` the gain of a change at `s` is what it saves against one segment,
`G(s, t) = C(0, t) - C(0, s) - C(s, t)`, with `C` the squared distance to the mean or the Poisson
deviance, summed over channels. The alarm is raised at the first `t` at which some `s` gains more
than the penalty, and a change is made, `delay` samples later, at the `s` that then gains most, if
that still is more. Comparing all `s` at all `t` would cost O(t) a sample. Two facts spare it:

chain   `C(s, t) >= C(s, u) + C(u, t)` for any cost that is a minimum of sums of losses, so
        `G(s, t) <= G(s, u) + G(u, t)` for `s < u < t`: a group of `s` whose largest gain at `u` is
        known need not be looked at while that gain plus `G(u, t)` stays below the penalty. In a
        steady stretch both are a few units of noise. This holds in any number of channels.
hull    for fixed `t` the gain is a convex function of the point `(s, sum(x[:s]))`, so its maximum
        lies on a corner of the convex hull of all points: what is inside the hull is out for ever
        (this is functional pruning: Romano et al. 2023 for one channel, where the corners number
        about `log t`; Pishchagina et al. 2023 for several, where they are too many to find).

Pruning decides what is computed, never what is found: the answer does not depend on how the
samples come in.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

GROUP = 64
"""Candidates that share one bound."""

BLOCK = 16
"""Most samples taken in at once."""

SQUARES, POISSON = 0, 1


class Run(NamedTuple):
    """What is kept of the samples since the last change, `r` rows at most, in `d` channels.

    Row `i` is the candidate `places[i]` with `sums[i]` the sum of the samples before it; the last
    row is now. Group `g` holds the rows from `GROUP * g`; none of them gained more than `peaks[g]`
    when the sum of the first `seen[g]` samples was `then[g]`.
    """

    places: NDArray[np.int64]  # (r,)
    sums: NDArray[np.float64]  # (r, d)
    peaks: NDArray[np.float64]  # (r // GROUP,)
    seen: NDArray[np.int64]  # (r // GROUP,)
    then: NDArray[np.float64]  # (r // GROUP, d)
    count: NDArray[np.int64]  # (3,) rows and groups in use; place to decide at, 0 if no alarm


class Test(NamedTuple):
    """What is asked: the kind of cost, the shortest segment, the delay, and the penalty.

    The penalty at sample `t` of the stream is `fixed + slope * log(lead + t)`.
    """

    kind: int
    min_size: int
    delay: int
    fixed: float
    slope: float
    lead: int


@njit(cache=True, error_model="numpy")
def _gain(kind, s, part, t, total):
    """Return the gain at `t` of a change at `s`; `part` and `total` are the sums up to them."""
    gain = 0.0
    if kind == SQUARES:
        share = s / t
        for q in range(len(total)):
            off = part[q] - share * total[q]
            gain += off * off
        return gain * (t / (np.float64(s) * (t - s)))
    for q in range(len(total)):
        mean, rest = total[q] / t, total[q] - part[q]
        if part[q] > 0:
            gain += part[q] * np.log(part[q] / (s * mean))
        if rest > 0:
            gain += rest * np.log(rest / ((t - s) * mean))
    return 2.0 * gain


@njit(cache=True, error_model="numpy")
def _best(run, test, lo, hi, now):
    """Return the largest gain at row `now` of the rows `lo .. hi - 1`, and its row."""
    t, total = run.places[now], run.sums[now]
    best, row = 0.0, -1
    for i in range(lo, hi):
        s = run.places[i]
        if s > t - test.min_size:
            break
        if s >= test.min_size:
            gain = _gain(test.kind, s, run.sums[i], t, total)
            if gain > best:
                best, row = gain, i
    return best, row


@njit(cache=True, error_model="numpy")
def _refresh(run, test, g, now):
    """Compute the largest gain of a group at row `now`."""
    run.peaks[g] = _best(run, test, GROUP * g, GROUP * (g + 1), now)[0]
    run.seen[g], run.then[g] = run.places[now], run.sums[now]


@njit(cache=True, error_model="numpy")
def _group(run, test):
    """Form groups of the rows that may be a change by now."""
    now = run.count[0] - 1
    end = GROUP * (run.count[1] + 1)
    while end <= now and run.places[end - 1] <= run.places[now] - test.min_size:
        _refresh(run, test, run.count[1], now)
        run.count[1] += 1
        end += GROUP


@njit(cache=True)
def penalty(run, test, row, start):
    """Return what a change must gain at a row of a run that began at `start`."""
    return test.fixed + test.slope * np.log(test.lead + start + run.places[row])


@njit(cache=True)
def again(run, test, start):
    """Form the groups anew after rows have gone; return the row of a change by now, or -1."""
    now = run.count[0] - 1
    run.count[1] = 0
    if now < 1:
        return -1
    _group(run, test)
    if run.count[2] > run.places[now]:
        return -1
    best, row = _best(run, test, 0, now, now)
    return _decide(run, test, best > penalty(run, test, now, start), row, now)


@njit(cache=True)
def _decide(run, test, high, row, now):
    """Return `row` if it is a change by now; if it is no more than an alarm, set it."""
    if high and run.count[2] == 0 and test.delay > 0:
        run.count[2] = run.places[now] + test.delay
        return -1
    run.count[2] = 0
    return row if high else -1


@njit(cache=True, error_model="numpy")
def _suspects(run, test, before, after, limit, hot):
    """List in `hot` the groups that the chain rule cannot clear from row `before` to `after`."""
    u, at_u, ahead = run.places[before], run.sums[before], 0.0
    for now in range(before + 1, after + 1):
        ahead = max(ahead, _gain(test.kind, u, at_u, run.places[now], run.sums[now]))
    found = 0
    for g in range(run.count[1]):
        since = 0.0
        if run.seen[g] < u:
            since = _gain(test.kind, run.seen[g], run.then[g], u, at_u)
        if run.peaks[g] + since + ahead > limit:
            _refresh(run, test, g, before)
            if run.peaks[g] + ahead > limit:
                hot[found] = g
                found += 1
    return found


@njit(cache=True, error_model="numpy")
def advance(run, test, x, start):
    """Take samples `x (n, d)` in until a change is found or no row is free.

    `start` is where the run began in the stream. Returns how many samples were taken in, and the
    row of the change or -1.
    """
    used = 0
    hot = np.empty(len(run.peaks), np.int64)
    while used < len(x) and run.count[0] < len(run.places):
        first = run.count[0]
        block = min(BLOCK, len(x) - used, len(run.places) - first)
        for i in range(block):
            row = first + i
            run.places[row] = run.places[row - 1] + 1 if row else 1
            for q in range(x.shape[1]):
                run.sums[row, q] = (run.sums[row - 1, q] if row else 0.0) + x[used + i, q]
        # Rounding must never clear what could win.
        limit = penalty(run, test, first, start) * (1 - 1e-9)
        suspects = _suspects(run, test, first - 1, first + block - 1, limit, hot) if first else 0
        for now in range(first, first + block):
            if run.count[2] > run.places[now]:
                continue
            alarm = run.count[2] > 0
            best, row = _best(run, test, 0 if alarm else GROUP * run.count[1], now, now)
            for i in range(0 if alarm else suspects):
                other, place = _best(run, test, GROUP * hot[i], GROUP * (hot[i] + 1), now)
                if other > best or (other == best and place < row):
                    best, row = other, place
            row = _decide(run, test, best > penalty(run, test, now, start), row, now)
            if row >= 0:
                run.count[0] = now + 1
                return used + now - first + 1, row
        run.count[0] += block
        used += block
        _group(run, test)
    return used, -1


@njit(cache=True)
def corners(places, heights):
    """Return which points are corners of their convex hull; `places` ascend."""
    keep = np.zeros(len(places), np.bool_)
    stack = np.empty(len(places), np.int64)
    for side in (1.0, -1.0):
        size = 0
        for i in range(len(places)):
            while size > 1:
                a, b = stack[size - 2], stack[size - 1]
                rise = (heights[b] - heights[a]) * (places[i] - places[a])
                if side * (rise - (heights[i] - heights[a]) * (places[b] - places[a])) > 0:
                    break
                size -= 1
            stack[size] = i
            size += 1
        keep[stack[:size]] = True
    return keep
