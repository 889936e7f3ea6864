"""Bounds of segments in the conventions of other libraries, and theirs as bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsalign.errors import TsalignError
from tsalign.segment.base import bounds_of


def to_changepoints(bounds: ArrayLike) -> NDArray[np.int64]:
    """Return where segments begin, but for the first: as skchange, claspy and aeon have it.

    Parameters
    ----------
    bounds : (k, 2) array-like of int
        Half-open, sorted.

    Returns
    -------
    (k - 1,) int64
        First samples of the later segments.

    Examples
    --------
    >>> to_changepoints([[0, 3], [3, 5]]).tolist()
    [3]
    """
    return _checked(bounds)[1:, 0]


def to_ends(bounds: ArrayLike) -> list[int]:
    """Return where segments end, the last one included: as ruptures has it.

    Parameters
    ----------
    bounds : (k, 2) array-like of int
        Half-open, sorted.

    Returns
    -------
    list of int
        One a segment.

    Examples
    --------
    >>> to_ends([[0, 3], [3, 5]])
    [3, 5]
    """
    return _checked(bounds)[:, 1].tolist()


def to_labels(bounds: ArrayLike, n: int) -> NDArray[np.int64]:
    """Return the number of the segment that each sample lies in: a dense annotation.

    Parameters
    ----------
    bounds : (k, 2) array-like of int
        Half-open, sorted.
    n : int
        Length of the series.

    Returns
    -------
    (n,) int64
        From 0; -1 outside of all segments. Where two overlap, the later.

    Raises
    ------
    TsalignError
        For bounds beyond `n`.

    Examples
    --------
    >>> to_labels([[0, 2], [3, 5]], 5).tolist()
    [0, 0, -1, 1, 1]
    """
    checked = _checked(bounds)
    if len(checked) and checked[:, 1].max() > n:
        raise TsalignError(f"a segment ends at {checked[:, 1].max()}, beyond n={n} samples")
    labels = np.full(n, -1)
    for number, (start, stop) in enumerate(checked.tolist()):
        labels[start:stop] = number
    return labels


def to_intervals(bounds: ArrayLike) -> Any:
    """Return a data frame of intervals and labels: the sparse annotation of sktime.

    Parameters
    ----------
    bounds : (k, 2) array-like of int
        Half-open, sorted.

    Returns
    -------
    pandas.DataFrame
        `ilocs`, intervals closed at the left, and `labels`, from 0.

    Raises
    ------
    TsalignError
        Where pandas is not installed.

    Examples
    --------
    >>> to_intervals([[0, 3], [3, 5]])["ilocs"].tolist()
    [Interval(0, 3, closed='left'), Interval(3, 5, closed='left')]
    """
    try:
        import pandas
    except ImportError as error:
        raise TsalignError("to_intervals needs pandas, which is not installed") from error
    starts, stops = _checked(bounds).T
    intervals = pandas.IntervalIndex.from_arrays(starts, stops, closed="left")
    return pandas.DataFrame({"ilocs": intervals, "labels": np.arange(len(starts))})


def from_answer(answer: Any, n: int) -> NDArray[np.int64]:
    """Return the bounds that another library's answer stands for.

    Parameters
    ----------
    answer : array-like of int or pandas.DataFrame
        Change points, with or without `0` and `n`; a label for each of `n` samples; or a data frame
        with change points or intervals in a column `ilocs`.
    n : int
        Length of the series.

    Returns
    -------
    (k, 2) int64
        A partition of the series.

    Raises
    ------
    TsalignError
        For anything else.

    Examples
    --------
    >>> from_answer([3], 5).tolist() == from_answer([3, 5], 5).tolist()
    True
    >>> from_answer([0, 0, 1, 1, 1], 5).tolist()
    [[0, 2], [2, 5]]
    """
    if hasattr(answer, "columns"):
        answer = answer["ilocs"] if "ilocs" in answer.columns else answer.to_numpy()
    try:
        values = np.array([getattr(value, "left", value) for value in answer]).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise TsalignError(f"not a list of change points: {answer!r}") from error
    whole = values.ndim == 1 and (np.isfinite(values) & (values == np.floor(values))).all()
    if whole and len(values) == n and not (np.diff(values) > 0).all():
        values = 1.0 + np.flatnonzero(np.diff(values))
    inner = values[(values != 0) & (values != n)] if whole else values
    if not whole or (inner < 0).any() or (inner > n).any() or (np.diff(inner) <= 0).any():
        raise TsalignError(
            f"neither change points within {n} samples in ascending order nor a label for each:"
            f" {answer!r}"
        )
    return bounds_of([*inner.astype(np.int64).tolist(), n])


def _checked(bounds: ArrayLike) -> NDArray[np.int64]:
    checked = np.asarray(bounds)
    if checked.ndim != 2 or checked.shape[1] != 2 or checked.dtype.kind not in "iu":
        raise TsalignError(
            f"bounds should be (k, 2) whole numbers, not {checked.dtype} {checked.shape}"
        )
    return checked.astype(np.int64)
