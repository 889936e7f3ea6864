"""Sweeps over two sets of time intervals: cost grows with the overlaps, not with the product."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]


def overlapping(a: _Floats, b: _Floats, limit: int = 1 << 20) -> Iterator[tuple[_Ints, _Ints]]:
    """Yield index pairs of intervals that share time, all pairs of one `a[i]` in one block.

    Parameters
    ----------
    a, b : (n, 2) and (m, 2) float64
        Start and end in seconds, in any order, overlaps allowed.
    limit : int
        Candidate pairs a block, so that memory stays bounded when everything overlaps.

    Returns
    -------
    iterator of (i, j)
        Two int64 arrays of equal length: `a[i]` and `b[j]` share more than a point.

    Examples
    --------
    >>> a, b = np.array([[0.0, 2.0]]), np.array([[2.0, 3.0], [1.0, 5.0]])
    >>> [(i.tolist(), j.tolist()) for i, j in overlapping(a, b)]
    [([0], [1])]
    """
    order = np.argsort(b[:, 0], kind="stable")
    starts, ends = b[order, 0], b[order, 1]
    # Ends need not be sorted; their running maximum is, and bounds the candidates from below.
    first = np.searchsorted(np.maximum.accumulate(ends), a[:, 0], side="right")
    count = np.maximum(np.searchsorted(starts, a[:, 1], side="left") - first, 0)
    done = np.cumsum(count)
    row = 0
    while row < len(a):
        before = done[row - 1] if row else 0
        stop = max(row + 1, int(np.searchsorted(done, before + limit, side="right")))
        here = count[row:stop]
        i = np.repeat(np.arange(row, stop), here)
        offset = np.repeat(np.cumsum(here) - here, here)
        j = first[i] + np.arange(len(i)) - offset
        shares = np.minimum(a[i, 1], ends[j]) > np.maximum(a[i, 0], starts[j])
        yield i[shares], order[j[shares]]
        row = stop


def best_jaccard(a: _Floats, b: _Floats) -> _Floats:
    """Return for each `a[i]` the largest intersection over union with any `b[j]`.

    Parameters
    ----------
    a, b : (n, 2) and (m, 2) float64
        Start and end in seconds.

    Returns
    -------
    (n,) float64
        0 where nothing overlaps.

    Examples
    --------
    >>> best_jaccard(np.array([[0.0, 4.0]]), np.array([[0.0, 2.0], [1.0, 4.0]])).tolist()
    [0.75]
    """
    best = np.zeros(len(a))
    for i, j in overlapping(a, b):
        union = np.maximum(a[i, 1], b[j, 1]) - np.minimum(a[i, 0], b[j, 0])
        np.maximum.at(best, i, _shared(a, b, i, j) / union)
    return best


def majority(a: _Floats, b: _Floats) -> _Ints:
    """Return for each `a[i]` the `b[j]` that covers most of it, if that is at least half.

    Parameters
    ----------
    a, b : (n, 2) and (m, 2) float64
        Start and end in seconds.

    Returns
    -------
    (n,) int64
        Row of `b`, the first among equals, or -1.

    Examples
    --------
    >>> majority(np.array([[0.0, 4.0], [4.0, 8.0]]), np.array([[1.0, 4.0]])).tolist()
    [0, -1]
    """
    chosen = np.full(len(a), -1)
    for i, j in overlapping(a, b):
        shared = _shared(a, b, i, j)
        order = np.lexsort((-j, shared, i))
        order = order[2 * shared[order] >= (a[i, 1] - a[i, 0])[order]]
        chosen[i[order]] = j[order]  # the last of several wins: the largest share
    return chosen


def inside(a: _Floats, b: _Floats, owner: _Ints, owners: int) -> NDArray[np.bool_]:
    """Say which `a[i]` lie by at least half in an interval of which owner.

    Parameters
    ----------
    a, b : (n, 2) and (m, 2) float64
        Start and end in seconds.
    owner : (m,) int64
        Whose interval `b[j]` is, `0 <= owner < owners`.
    owners : int
        Columns of the result.

    Returns
    -------
    (n, owners) bool
        True where some interval of the owner covers at least half of `a[i]`.
    """
    result = np.zeros((len(a), owners), bool)
    for i, j in overlapping(a, b):
        half = 2 * _shared(a, b, i, j) >= a[i, 1] - a[i, 0]
        result[i[half], owner[j[half]]] = True
    return result


def matches(a: _Floats, b: _Floats, margin: float) -> int:
    """Count the most times of `a` that can be paired one to one with times of `b`.

    Parameters
    ----------
    a, b : (n,) and (m,) float64
        Sorted times in seconds.
    margin : float
        Largest distance of a pair in seconds.

    Returns
    -------
    int
        Size of the largest matching; on a line, pairing greedily from the left finds it.

    Examples
    --------
    >>> matches(np.array([1.0, 1.2]), np.array([1.1, 9.0]), margin=0.5)
    1
    """
    left, right = a.tolist(), b.tolist()
    i = j = found = 0
    while i < len(left) and j < len(right):
        if abs(left[i] - right[j]) <= margin:
            i, j, found = i + 1, j + 1, found + 1
        elif left[i] < right[j]:
            i += 1
        else:
            j += 1
    return found


def _shared(a: _Floats, b: _Floats, i: _Ints, j: _Ints) -> _Floats:
    return np.minimum(a[i, 1], b[j, 1]) - np.maximum(a[i, 0], b[j, 0])
