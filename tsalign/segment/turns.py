"""From windows to samples: where the windows around a change turn from one mean to the other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Describe = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""From the first samples of windows `(m,)` to their descriptions `(m, q)`."""


def turn(
    describe: Describe, apart: NDArray[np.float64], place: int, first: int, last: int, w: int
) -> int:
    """Move a change to the sample that best splits the windows centred around it.

    Parameters
    ----------
    describe : callable
        Describes windows by their first samples.
    apart : (q,) float64
        Mean description after the change, less that before.
    place : int
        The change, for where there is no room.
    first, last : int
        The samples that come into question.
    w : int
        Samples of a window.

    Returns
    -------
    int
        Between `first` and `last`, or `place`.

    Examples
    --------
    >>> step = lambda starts: (starts[:, None] >= 7).astype(float)
    >>> turn(step, np.ones(1), 6, 2, 20, 4)
    9
    """
    if last - first < 2:
        return place
    return first + best_step(describe(np.arange(first, last + 1) - w // 2) @ apart)


def best_step(values: NDArray[np.float64]) -> int:
    """Return where two constants fit best: the first index of the second, at least 1.

    Parameters
    ----------
    values : (n,) float64
        At least two.

    Returns
    -------
    int
        Below `n`.

    Examples
    --------
    >>> best_step(np.array([0.0, 0.1, 5.0]))
    2
    """
    sums = np.cumsum(values - values.mean())[:-1]
    left = np.arange(1, len(values))
    return 1 + int(np.argmax(sums**2 / (left * (len(values) - left))))
