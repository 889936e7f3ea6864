"""Sums over all ways to give sentences segments, one to one, by the set of sentences placed."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tsalign.kernels.decoders import add_logs

Table = NDArray[np.float64]


@njit(cache=True)
def place_sets(gains: Table, out: Table) -> None:
    """Fill in the log sum over the first 0..k segments for each set of placed sentences.

    Parameters
    ----------
    gains : (k, s) float64
        Log weight of each pair; -inf for never.
    out : (k + 1, 2 ** s) float64
        Written; bit j of the column stands for sentence j.
    """
    k, s = gains.shape
    out[0] = -np.inf
    out[0, 0] = 0.0
    for t in range(k):
        out[t + 1] = out[t]
        for j in range(s):
            if gains[t, j] > -np.inf:
                for told in range(1 << s):
                    if not told >> j & 1:
                        into = told | 1 << j
                        out[t + 1, into] = add_logs(out[t + 1, into], out[t, told] + gains[t, j])


@njit(cache=True)
def join_sets(gains: Table, before: Table, after: Table, out: Table) -> float:
    """Fill in the log sum `(k, s)` with each pair in it, and return that over everything.

    Parameters
    ----------
    gains : (k, s) float64
        As for `place_sets`.
    before : (k + 1, 2 ** s) float64
        What `place_sets` filled in.
    after : (2, 2 ** s) float64
        Room for the sums over later segments, given the sentences placed before.
    out : (k, s) float64
        Written.
    """
    k, s = gains.shape
    after[:] = 0.0
    for t in range(k - 1, -1, -1):
        later, here = after[(t + 1) % 2], after[t % 2]
        here[:] = later
        for j in range(s):
            joined = -np.inf
            if gains[t, j] > -np.inf:
                for told in range(1 << s):
                    if not told >> j & 1:
                        rest = gains[t, j] + later[told | 1 << j]
                        here[told] = add_logs(here[told], rest)
                        joined = add_logs(joined, before[t, told] + rest)
            out[t, j] = joined
    return after[0, 0]
