"""The same steps summed over all runs instead of maximised: logarithms in, logarithms out.

Sums run in the linear domain relative to a base that follows them, so that any range of scores
is exact: one scale a row or a column would lose paths that only later evidence makes likely.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from tsalign.kernels.decoders import (
    TILE,
    Row,
    Rows,
    add_logs,
    best_of_lengths,
    finite_run,
    open_runs,
)

FAR = 30.0  # nats by which a new term may exceed the base before the base moves up to it
RANGE = 600.0  # nats that products of float64 hold without underflow, with room for their sums
FAINT = -40.0  # nats under the largest term at which a term is below the last digit


@njit(cache=True)
def total_free(before: Row, rows: Rows, text: Row, lo: int, hi: int, out: Row) -> None:
    """Sum runs of any length; parameters as for `best_free`, `out` in logarithms."""
    for c in range(rows.shape[0]):
        row, extra = rows[c], text[c]
        base, mass = -np.inf, 0.0
        for t in range(lo, hi):
            ahead = before[t] - base if before[t] > -np.inf else -np.inf
            if ahead > FAR:
                base, mass = before[t], mass * math.exp(-ahead) + 1.0
            elif ahead > FAINT:
                mass += math.exp(ahead)
            base += row[t]
            value = base + math.log(mass) + extra if mass > 0 else -np.inf
            out[t + 1] = value if c == 0 else add_logs(out[t + 1], value)


@njit(cache=True)
def total_bounded(
    before: Row, rows: Rows, text: Row, prior: Row, lo: int, hi: int, out: Row
) -> None:
    """Sum runs of 1 to D segments; parameters as for `best_bounded`, `out` in logarithms."""
    longest = prior.shape[1]
    gain, opened = np.empty(TILE + longest + 1), np.empty(TILE + longest)
    total = np.empty(TILE)
    for c in range(rows.shape[0]):
        row, chance = rows[c], prior[c]
        start, stop = finite_run(row, lo, hi)
        while start < hi:
            for first in range(start + 1, stop + 1, TILE):
                last = min(first + TILE, stop + 1)
                source = max(start, first - longest)
                size = last - 1 - source
                open_runs(before[source:], row[source:], gain, opened[:size])
                tile = total[: last - first]
                total_of_lengths(opened[:size], chance, first - source, tile)
                for i in range(last - first):
                    value = tile[i] + gain[first - source + i] + text[c]
                    out[first + i] = add_logs(out[first + i], value)
            start, stop = finite_run(row, stop, hi)


@njit(cache=True)
def total_of_lengths(opened: Row, prior: Row, offset: int, total: Row) -> None:
    """Set `total[i]` to the log of the sum of `exp(opened[offset + i - d] + prior[d - 1])`."""
    longest = min(prior.shape[0], opened.shape[0])
    low, high = np.inf, -np.inf
    for d in range(longest):
        if prior[d] > -np.inf:
            low, high = min(low, prior[d]), max(high, prior[d])
    if high == -np.inf or opened.max() == -np.inf:
        total[:] = -np.inf
    elif opened.max() - opened.min() + high - low < RANGE:
        _convolve(opened, prior[:longest], high, offset, total)
    else:
        _convolve_steep(opened, prior[:longest], offset, total)


@njit(cache=True)
def _convolve(opened: Row, prior: Row, high: float, offset: int, total: Row) -> None:
    peak = opened.max()
    linear = np.exp(opened - peak)
    weights = np.exp(prior - high)
    total[:] = 0.0
    for d in range(1, prior.shape[0] + 1):
        skip = max(0, d - offset)
        _add_scaled(total[skip:], linear[offset + skip - d :], weights[d - 1])
    for i in range(total.shape[0]):
        total[i] = peak + high + math.log(total[i]) if total[i] > 0 else -np.inf


@njit(cache=True)
def _add_scaled(total: Row, terms: Row, weight: float) -> None:
    for i in range(total.shape[0]):
        total[i] += terms[i] * weight


@njit(cache=True)
def _convolve_steep(opened: Row, prior: Row, offset: int, total: Row) -> None:
    peak = np.empty(total.shape[0])
    best_of_lengths(opened, prior, offset, peak)
    total[:] = 0.0
    for d in range(1, prior.shape[0] + 1):
        skip = max(0, d - offset)
        if prior[d - 1] > -np.inf:
            _add_visible(total[skip:], opened[offset + skip - d :], prior[d - 1], peak[skip:])
    for i in range(total.shape[0]):
        total[i] = peak[i] + math.log(total[i]) if total[i] > 0 else -np.inf


@njit(cache=True)
def _add_visible(total: Row, opened: Row, prior: float, peak: Row) -> None:
    for i in range(total.shape[0]):
        # A place that no run reaches has no peak to be under.
        under = opened[i] + prior - peak[i] if opened[i] > -np.inf else -np.inf
        if under > FAINT:
            total[i] += math.exp(under)


@njit(cache=True)
def total_close(before: Row, runs: Row, skip: float, out: Row) -> None:
    """Sum up to each place: the sentence left out, or its run ended there or earlier.

    Parameters
    ----------
    before, runs : (k + 1,) float64
        Log sums before the sentence, and with its run ending at each place.
    skip : float
        Cost of leaving it out.
    out : (k + 1,) float64
        Log sums after the sentence.
    """
    base, mass = -np.inf, 0.0
    for t in range(before.shape[0]):
        ahead = runs[t] - base if runs[t] > -np.inf else -np.inf
        if ahead > FAR:
            base, mass = runs[t], mass * math.exp(-ahead) + 1.0
        elif ahead > FAINT:
            mass += math.exp(ahead)
        left_out = before[t] - skip
        ahead = left_out - base
        if ahead > FAR:
            out[t] = left_out + math.log(1.0 + mass * math.exp(-ahead))
        else:
            out[t] = base + math.log(mass + math.exp(ahead))
