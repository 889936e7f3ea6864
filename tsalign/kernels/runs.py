"""Bayesian online change points: the posterior of how long the present run has lasted."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray


class Runs(NamedTuple):
    """Hypotheses about where the present segment began, `r` at most, in `d` channels.

    Hypothesis 0 is that nothing has changed since the last bound. The mean of a segment is
    normal around 0, given its variance, and that is inverse gamma; `scale` is the latter's.
    """

    starts: NDArray[np.int64]  # (r,)
    weights: NDArray[np.float64]  # (r,) log of the posterior probability
    mean: NDArray[np.float64]  # (r, d)
    scale: NDArray[np.float64]  # (r, d)
    prior: NDArray[np.float64]  # (d,) samples that the prior's mean is worth
    count: NDArray[np.int64]  # (2,) hypotheses in use, samples of the stream so far


@njit(cache=True)
def _learn(runs, i, x, age):
    """Return the log density that hypothesis `i` gave to `x`, and update it."""
    shape = 1.0 + 0.5 * age
    change = math.lgamma(shape + 0.5) - math.lgamma(shape)
    density = 0.0
    for q in range(len(x)):
        worth = runs.prior[q] + age
        off = x[q] - runs.mean[i, q]
        surprise = 0.5 * worth / (worth + 1) * off * off
        scale = runs.scale[i, q]
        density += change - 0.5 * math.log(2 * math.pi * scale * (worth + 1) / worth)
        density -= (shape + 0.5) * math.log1p(surprise / scale)
        runs.scale[i, q] += surprise
        runs.mean[i, q] += off / (worth + 1)
    return density


@njit(cache=True)
def _move(runs, i, j):
    """Put hypothesis `i` at place `j`."""
    runs.starts[j], runs.weights[j] = runs.starts[i], runs.weights[i]
    runs.mean[j], runs.scale[j] = runs.mean[i], runs.scale[i]


@njit(cache=True)
def _normalise(runs):
    weights = runs.weights[: runs.count[0]]
    most = weights.max()
    weights -= most + math.log(np.exp(weights - most).sum())


@njit(cache=True)
def _forget(runs, floor):
    """Drop what is less probable than `floor`; if no room is left, also the least probable."""
    kept = 1
    for i in range(1, runs.count[0]):
        if runs.weights[i] >= floor:
            _move(runs, i, kept)
            kept += 1
    if kept == len(runs.starts):
        least = 1 + runs.weights[1:kept].argmin()
        for i in range(least + 1, kept):
            _move(runs, i, i - 1)
        kept -= 1
    runs.count[0] = kept


@njit(cache=True)
def track(runs, x, hazard, doubt, floor, min_size):
    """Take samples `x (n, d)` in until hypothesis 0 is less probable than `doubt`.

    Before each sample a new segment may have begun with probability `hazard`. Returns how many
    samples were taken in, and the hypothesis that holds instead or -1.
    """
    for used in range(len(x)):
        time = runs.count[1]
        count = runs.count[0]
        if count == 0 or time - runs.starts[0] >= min_size:
            if count:
                runs.weights[:count] += math.log1p(-hazard)
            runs.starts[count] = time
            runs.weights[count] = math.log(hazard) if count else 0.0
            runs.mean[count] = 0.0
            runs.scale[count] = 1.0
            runs.count[0] = count = count + 1
        for i in range(count):
            runs.weights[i] += _learn(runs, i, x[used], time - runs.starts[i])
        _normalise(runs)
        _forget(runs, floor)
        runs.count[1] = time + 1
        found = verdict(runs, doubt, min_size)
        if found > 0:
            return used + 1, found
    return len(x), -1


@njit(cache=True)
def verdict(runs, doubt, min_size):
    """Return the hypothesis that holds instead of hypothesis 0, or -1."""
    count = runs.count[0]
    if count < 2 or runs.weights[0] >= math.log(doubt):
        return -1
    likely = 1 + runs.weights[1:count].argmax()
    return likely if runs.count[1] - runs.starts[likely] >= min_size else -1


@njit(cache=True)
def settle(runs, found, min_size):
    """Make hypothesis `found` the new hypothesis 0, and drop what it rules out."""
    start, kept = runs.starts[found], 1
    _move(runs, found, 0)
    for i in range(found + 1, runs.count[0]):
        if runs.starts[i] - start >= min_size:
            _move(runs, i, kept)
            kept += 1
    runs.count[0] = kept
    _normalise(runs)
