"""Sums from which the least-squares cost of any segment follows in O(channels)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LANES = 16
"""Samples or candidates that the inner loops of the search treat side by side."""


def centred_sums(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Return running sums of the centred series, and its squared distance to the mean.

    With `S = sums[:, t] - sums[:, s]`, the cost of `x[s:t]` is its sum of squares minus
    `|S|^2 / (t - s)`. Sums of an uncentred series would lose the digits that a large offset takes.

    Parameters
    ----------
    x : (n, d) float64
        Finite values.

    Returns
    -------
    sums : (d, n + 1 + LANES) float64
        `sums[:, t]` adds up the first `t` samples; the padding repeats the last sum.
    total : float
        Sum over samples of the squared distance to the mean.

    Examples
    --------
    >>> sums, total = centred_sums(np.array([[1.0], [2.0], [3.0]]))
    >>> sums[0, :4].tolist(), total
    ([0.0, -1.0, -1.0, 0.0], 2.0)
    """
    n, d = x.shape
    # Off goes the first sample, then the mean: what is constant becomes exactly zero.
    centred = x - x[0]
    centred -= centred.mean(axis=0)
    sums = np.zeros((d, n + 1 + LANES))
    np.cumsum(centred.T, axis=1, out=sums[:, 1 : n + 1])
    sums[:, n + 1 :] = sums[:, n : n + 1]
    return sums, float(np.square(centred).sum())
