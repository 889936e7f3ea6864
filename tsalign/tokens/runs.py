"""Runs of equal tokens as one token with a duration, and the rate at which tokens come."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsalign.errors import TsalignError
from tsalign.types import Segments, Tokens


def runs(ids: ArrayLike) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the tokens without repetitions, and how often each was repeated.

    Parameters
    ----------
    ids : array_like of shape (k,)
        Tokens in order.

    Returns
    -------
    ids : ndarray of shape (r,)
        int32; neighbours differ. `np.repeat(ids, lengths)` gives the tokens back.
    lengths : ndarray of shape (r,)
        int64, at least 1.

    Raises
    ------
    TsalignError
        For another shape.

    Examples
    --------
    >>> runs([7, 7, 7, 2, 7])
    (array([7, 2, 7], dtype=int32), array([3, 1, 1]))
    """
    tokens = np.asarray(ids, dtype=np.int32)
    if tokens.ndim != 1:
        raise TsalignError(f"tokens have shape {tokens.shape}; runs need one row of them")
    starts = _starts(tokens, np.zeros(max(len(tokens) - 1, 0), dtype=bool))
    return tokens[starts], np.diff(np.append(starts, len(tokens)))


def deduplicate(tokens: Tokens) -> Tokens:
    """Merge neighbouring segments of the same token into one.

    Parameters
    ----------
    tokens : Tokens
        In order. Segments that do not touch stay apart: nothing is known of the gap between them.

    Returns
    -------
    Tokens
        Its segments last as long as the runs: `segments.times` are their starts and ends in s.

    Examples
    --------
    >>> cut = Segments(np.array([[0, 5], [5, 10], [10, 15]]), rate=10.0)
    >>> merged = deduplicate(Tokens(np.array([4, 4, 1], dtype=np.int32), 8, cut))
    >>> merged.ids.tolist(), merged.segments.times.tolist()
    ([4, 1], [[0.0, 1.0], [1.0, 1.5]])
    """
    bounds = tokens.segments.bounds
    starts = _starts(tokens.ids, bounds[1:, 0] > bounds[:-1, 1])
    if len(starts) == 0:
        return tokens
    ends = np.maximum.reduceat(bounds[:, 1], starts)
    merged = np.stack([bounds[starts, 0], ends], axis=1)
    segments = Segments(merged, tokens.segments.rate, tokens.segments.start)
    return Tokens(tokens.ids[starts], tokens.size, segments)


def token_rate(tokens: Tokens) -> float:
    """Return how many tokens come a second.

    Parameters
    ----------
    tokens : Tokens
        One a segment, before repetitions are merged.

    Returns
    -------
    float
        In Hz, from the usual step between the starts of segments; 0 for less than two of them.
    """
    steps = np.diff(tokens.segments.bounds[:, 0])
    return float(tokens.segments.rate / np.median(steps)) if len(steps) > 0 else 0.0


def check_rate(tokens: Tokens, expected: float, tolerance: float = 0.02) -> None:
    """Refuse tokens that come at another rate than those something was made with.

    Parameters
    ----------
    tokens : Tokens
        One a segment.
    expected : float
        Tokens a second in Hz, as from `token_rate`.
    tolerance : float
        Largest relative difference.

    Raises
    ------
    TsalignError
        Naming both rates: 50 Hz tokens in a model of 100 Hz ones give no error by themselves.

    Examples
    --------
    >>> cut = Segments(np.array([[0, 320], [320, 640]]), rate=16000.0)
    >>> check_rate(Tokens(np.zeros(2, dtype=np.int32), 8, cut), expected=100.0)
    Traceback (most recent call last):
    tsalign.errors.TsalignError: tokens come at 50 Hz; 100 Hz are needed
    """
    rate = token_rate(tokens)
    if len(tokens.ids) > 1 and abs(rate - expected) > tolerance * expected:
        raise TsalignError(f"tokens come at {rate:g} Hz; {expected:g} Hz are needed")


def _starts(ids: NDArray[np.int32], apart: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return where runs start: at another token, and where `apart` (k - 1,) says so."""
    first = np.ones(len(ids), dtype=bool)
    first[1:] = (ids[1:] != ids[:-1]) | apart
    return np.flatnonzero(first)
