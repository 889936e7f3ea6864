"""Edges of spans at the resolution of finer scores than those they were decoded from."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsalign.errors import TsalignError
from tsalign.match.decoded import check_scores


def refine(
    spans: ArrayLike, scores: ArrayLike, reach: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Move the edges of each span to where the finer scores inside it sum highest.

    Each edge moves by at most `reach`, and not past the middle of its span, nor past the middle
    of the gap to the next span on that side, so that spans that did not overlap still do not. Of
    equally good places the one nearest to the given edge is taken, then the earlier. How sure an
    edge is follows from the same sums: each place weighs as their exponential.

    Parameters
    ----------
    spans : (s, 2) array_like of int
        Half-open spans in samples, such as decoded runs times the samples of a segment; -1, -1
        where there is none.
    scores : (n, s) array_like
        Log-odds of each sample and sentence against nothing; -inf means never.
    reach : int
        Samples by which an edge may move.

    Returns
    -------
    edges : (s, 2) int64
        Spans refined; -1, -1 where there was none.
    spread : (s, 2) float64
        Standard deviation of each edge in samples; 0 where there is no span.

    Raises
    ------
    TsalignError
        For shapes that do not fit, spans outside the samples, NaN, and scores from +1e6 on.

    References
    ----------
    Rabiner, A tutorial on hidden Markov models, Proc. IEEE 1989, section III (chance of a state).

    Examples
    --------
    >>> scores = np.array([-1, -1, -1, 2, 2, 2, 2, -1, -1, -1], np.float32)[:, None]
    >>> edges, spread = refine([[4, 8]], scores, reach=3)
    >>> edges.tolist(), spread.round(1).tolist()
    ([[3, 7]], [[0.8, 0.8]])
    """
    rows = check_scores(scores)
    given = np.asarray(spans)
    s, n = rows.shape
    if given.shape != (s, 2) or (s and given.dtype.kind not in "iu") or reach < 0:
        raise TsalignError(
            f"spans are whole numbers of shape ({s}, 2), not {given.dtype} {given.shape}, "
            f"and reach {reach} should not be negative"
        )
    edges, spread = np.full((s, 2), -1), np.zeros((s, 2))
    placed = np.flatnonzero(given[:, 0] >= 0)
    for j in placed:
        start, end = given[j].tolist()
        if not start < end <= n:
            raise TsalignError(f"span {j} is [{start}, {end}) of {n} samples")
        others = given[placed[placed != j]]
        before = others[others[:, 1] <= start, 1].max(initial=-1)
        after = others[others[:, 0] >= end, 0].min(initial=2 * n)
        middle = (start + end) // 2
        low = max(start - reach, 0, -(-(before + start) // 2) if before >= 0 else 0)
        high = min(end + reach, n, (end + after) // 2 if after <= n else n)
        first = np.arange(low, min(start + reach, middle) + 1)
        last = np.arange(max(end - reach, middle + 1), high + 1)
        edges[j, 0], spread[j, 0] = _best(first, -_sums(rows[j], first), start)
        edges[j, 1], spread[j, 1] = _best(last, _sums(rows[j], last), end)
    return edges, spread


def _sums(row: NDArray[np.float32], places: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the sum of the scores from the first place to each."""
    inside = row[places[0] : places[-1]].astype(np.float64)
    return np.concatenate([[0.0], np.cumsum(np.maximum(inside, -1e6))])


def _best(places: NDArray[np.int64], worth: NDArray[np.float64], given: int) -> tuple[int, float]:
    top = np.flatnonzero(worth >= worth.max() - 1e-9 * max(1.0, float(abs(worth).max())))
    nearest = places[top[np.argmin(abs(places[top] - given))]]
    weight = np.exp(worth - worth.max())
    weight /= weight.sum()
    mean = weight @ places
    return int(nearest), float(np.sqrt(weight @ (places - mean) ** 2))
