"""What every describer does first: check the signal, and widen segments to their context."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from tsalign.errors import TsalignError
from tsalign.params import check_params

Piece = tuple[NDArray[np.float32], float, NDArray[np.int64]]


def widen(
    values: NDArray[np.float32], rate: float, bounds: NDArray[np.int64], context: float | None
) -> NDArray[np.int64]:
    """Return the window over which each segment is described.

    Parameters
    ----------
    values : (n, c) array
        Samples; a row with a missing value ends a run.
    rate : float
        Samples per second.
    bounds : (k, 2) int64
        Half-open segments, each finite throughout.
    context : float or None
        Shortest window in seconds, centred on the segment and clipped to the finite run around
        it; None keeps the segments as they are.

    Returns
    -------
    (k, 2) int64
        Each window holds its segment.

    Raises
    ------
    TsalignError
        When a segment is empty, lies outside, or holds a missing value.

    Examples
    --------
    >>> x = np.zeros((10, 1), np.float32)
    >>> x[7] = np.nan
    >>> widen(x, 1.0, np.array([[0, 2], [3, 5], [6, 7]]), 4.0).tolist()
    [[0, 3], [2, 6], [4, 7]]
    """
    bounds = inside(bounds, len(values))
    start, end = bounds.T
    missing = np.flatnonzero(~np.isfinite(values).all(axis=1))
    before = np.searchsorted(missing, start)
    _refuse(bounds, before != np.searchsorted(missing, end), "holds a missing value")
    if context is None:
        return bounds
    borders = np.concatenate([[-1], missing, [len(values)]])
    length = np.maximum(end - start, round(context * rate))
    left = (start + end - length) // 2
    wide = np.maximum(left, borders[before] + 1), np.minimum(left + length, borders[before + 1])
    return np.stack(wide, axis=1)


def inside(bounds: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return bounds as `(k, 2)` int64, or raise when one is empty or outside `n` samples."""
    bounds = np.asarray(bounds, dtype=np.int64).reshape(-1, 2)
    start, end = bounds.T
    outside = (start < 0) | (start >= end) | (end > n)
    _refuse(bounds, outside, f"is empty or outside the {n} samples")
    return bounds


def _refuse(bounds: NDArray[np.int64], wrong: NDArray[np.bool_], words: str) -> None:
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise TsalignError(f"segment {at} ({bounds[at, 0]} to {bounds[at, 1]}) {words}")


def runs_of(bounds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return `(r, 2)` ranges of segments that follow each other without a hole.

    Examples
    --------
    >>> runs_of(np.array([[0, 4], [2, 6], [9, 12]])).tolist()
    [[0, 2], [2, 3]]
    """
    cuts = np.flatnonzero(bounds[1:, 0] > bounds[:-1, 1]) + 1
    edges = np.concatenate([[0], cuts, [len(bounds)]])
    return np.stack([edges[:-1], edges[1:]], axis=1)


class Describer(BaseEstimator):
    """Base of the describers: one row of features a segment.

    A subclass stores `context` and offers `fit`, `transform` and `feature_names`. Pieces may be
    loaded from disk each time they are asked for, so a fit goes through them in order, few times.
    """

    context: float | None

    def _learn(self, pieces: Sequence[Piece]) -> list[NDArray[np.int64]]:
        """Check the parameters, learn `rate_` and `channels_`, and return each piece's windows."""
        check_params(self)
        windows: list[NDArray[np.int64]] = []
        for values, rate, bounds in pieces:
            if not windows:
                self.rate_, self.channels_ = float(rate), int(values.shape[1])
            windows.append(self._windows(values, rate, bounds))
        if not sum(map(len, windows)):
            raise TsalignError(f"{type(self).__name__} needs at least one segment to learn from")
        return windows

    def _windows(
        self, values: NDArray[np.float32], rate: float, bounds: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        self._check(values, rate)
        return widen(values, rate, bounds, self.context)

    def _check(self, values: NDArray[np.float32], rate: float) -> None:
        """Refuse another rate, or other channels, than learnt from."""
        check_is_fitted(self, "rate_")
        if values.ndim != 2 or values.shape[1] != self.channels_:
            raise TsalignError(
                f"{type(self).__name__} learned from {self.channels_} channels, "
                f"but got an array of shape {values.shape}"
            )
        if rate != self.rate_:
            raise TsalignError(
                f"{type(self).__name__} learned at {self.rate_:g} Hz, but got {rate:g} Hz; "
                "prepare: resample brings all recordings to one rate"
            )

    def _named(self, names: Iterable[str]) -> list[str]:
        suffix = "" if self.context is None else f" ({self.context:g} s)"
        return [name + suffix for name in names]


def level_and_power(
    recordings: Iterable[NDArray[np.float32]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean of each channel, and its mean square about each recording's own mean.

    Parameters
    ----------
    recordings : iterable of (n, c) float32
        Samples; rows with a missing value are left out.

    Returns
    -------
    level : (c,) float64
        Mean over all.
    power : (c,) float64
        Mean square; 1 for a channel that never varies.

    Examples
    --------
    >>> x = np.array([[0, 5], [2, 5], [np.nan, 5]], np.float32)
    >>> [part.tolist() for part in level_and_power([x])]
    [[1.0, 5.0], [1.0, 1.0]]
    """
    count, level, power = 0, np.float64(0), np.float64(0)
    for values in recordings:
        finite = np.isfinite(values).all(axis=1)
        rows = values if finite.all() else values[finite]
        if len(rows):
            # About the first row: a channel that never varies then has a mean square of exactly 0.
            away = rows - rows[0].astype(np.float64)
            count += len(rows)
            level = level + rows[0] * float(len(rows)) + away.sum(axis=0)
            power = power + away.var(axis=0) * len(rows)
    return np.asarray(level / count), np.where(power > 0, power / count, 1.0)
