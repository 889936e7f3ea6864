"""Ordered decoding segment by segment, with the first run of the best alignment so far."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Row = NDArray[np.float64]
Runs = NDArray[np.int64]


@njit(cache=True)
def advance(
    scores: NDArray[np.float32],
    skips: Row,
    place: int,
    value: Row,
    run: Row,
    first: Runs,
    opened: Runs,
) -> None:
    """Go on over segments.

    Parameters
    ----------
    scores : (n, s) float32
        Log-odds of each segment and sentence.
    skips : (s,) float64
        Costs of leaving sentences out.
    place : int
        Number of the first of these segments.
    value : (s + 1,) float64
        Best value of the first j sentences within the segments so far.
    run : (s,) float64
        The same with a run of sentence j that covers the last segment.
    first : (s + 1, 3) int64
        Sentence, start and end of the first run of the alignment that `value` is of; -1 for none.
    opened : (s, 3) int64
        The same for `run`; its end is -1 while that run is the first itself.
    """
    for t in range(scores.shape[0]):
        for j in range(len(run)):
            if value[j] > run[j]:
                run[j] = value[j]
                opened[j] = first[j]
                if first[j, 0] < 0:
                    opened[j, 0], opened[j, 1] = j, place + t
            run[j] += scores[t, j]
        for j in range(len(run)):
            if value[j] - skips[j] > value[j + 1]:
                value[j + 1], first[j + 1] = value[j] - skips[j], first[j]
            if run[j] > value[j + 1]:
                value[j + 1], first[j + 1] = run[j], opened[j]
                if opened[j, 2] < 0:
                    first[j + 1, 2] = place + t + 1
