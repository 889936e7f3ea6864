"""All maximal scoring runs of a sequence in one pass."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True)
def maximal_runs(scores: NDArray[np.float64], pieces: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return all maximal scoring runs, disjoint and in order.

    The run of the highest sum is one, and so are, again, those of what lies before and after it,
    as far as their sums are positive. Of equal ones the first and shortest is meant.

    Parameters
    ----------
    scores : (n,) float64
        What each place gains, or costs where negative.
    pieces : (p, 2) int64
        Half-open stretches that no run leaves.

    Returns
    -------
    (r, 2) int64
        Half-open runs.

    References
    ----------
    Ruzzo & Tompa (1999), A linear time algorithm for finding all maximal scoring subsequences,
    ISMB, section 2.

    Examples
    --------
    >>> maximal_runs(np.array([2.0, -1.0, 3.0, -9.0, 1.0]), np.array([[0, 5]])).tolist()
    [[0, 3], [4, 5]]
    """
    n = len(scores)
    start, end = np.empty(n, np.int64), np.empty(n, np.int64)
    left, right = np.empty(n), np.empty(n)  # sums before and up to the end of each run
    lower = np.empty(n, np.int64)  # the next run to the left whose left sum is lower
    count = 0
    for first, last in pieces:
        total = 0.0
        base = count
        for i in range(first, last):
            before = total
            total += scores[i]
            if scores[i] <= 0:
                continue
            begin = i
            j = count - 1
            while True:
                while j >= base and left[j] >= before:
                    j = lower[j]
                if j < base or right[j] >= total:
                    break
                begin, before, count = start[j], left[j], j
                j = lower[j]
            start[count], end[count] = begin, i + 1
            left[count], right[count], lower[count] = before, total, j
            count += 1
    out = np.empty((count, 2), np.int64)
    out[:, 0], out[:, 1] = start[:count], end[:count]
    return out
