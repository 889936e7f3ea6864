"""Independent decoding: every sentence by itself, overlaps between sentences allowed."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from tsalign.match.decoded import Decoded, check_durations, check_edges, check_scores, check_windows
from tsalign.match.lattice import BEST, TOTAL, Lattice, Row, cover
from tsalign.match.path import TIE, Runs, Spans, peaks
from tsalign.params import check_params


class Independent(BaseEstimator):
    """Find for each sentence the runs of segments whose scores sum highest above a threshold.

    A run's value is the sum of its scores, each less `threshold`, plus its log duration prior; a
    sentence without a run of positive value is left out. Posteriors weigh every single run by the
    exponential of its value, and no run by 1.

    Parameters
    ----------
    threshold : float
        Log-odds a segment must exceed to speak for a sentence.
    max_spans : int
        Spans of one sentence: the best in `spans`, the others in `alternatives`.
    max_overlap : float
        Largest intersection over union of two spans of one sentence. With 0 the second is the
        exact best run outside the first, and so on; with more, runs that are best among
        neighbouring starts or ends are taken in the order of their values.
    window : float or None
        In a pipeline: seconds by which a run may miss its stated time at a cost of half a nat,
        and of four times that for twice as many; 0 for never. None leaves stated times and
        durations out of the matching.
    concepts : bool
        In a pipeline: score a sentence through what it may mean among the known concepts, rather
        than by its own similarity.

    References
    ----------
    Bentley, Programming pearls: algorithm design techniques, CACM 1984 (maximum-sum subarray).

    Examples
    --------
    >>> scores = np.array([[2], [1], [-4], [2.5], [-1]], np.float32)
    >>> found = Independent(max_spans=2).decode(scores)
    >>> found.spans.tolist(), found.alternatives
    ([[0, 2]], (((3, 4, 2.5),),))
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        threshold: Annotated[float, Gt(-1e6), Lt(1e6)] = 0.0,
        max_spans: Annotated[int, Ge(1)] = 1,
        max_overlap: Annotated[float, Ge(0), Le(1)] = 0.3,
        window: Annotated[float, Ge(0)] | None = None,
        concepts: bool = True,
    ) -> None:
        self.threshold = threshold
        self.max_spans = max_spans
        self.max_overlap = max_overlap
        self.window = window
        self.concepts = concepts

    def decode(
        self,
        scores: ArrayLike,
        *,
        durations: ArrayLike | None = None,
        windows: ArrayLike | None = None,
        edges: ArrayLike | None = None,
    ) -> Decoded:
        """Find the best runs of each sentence and the posteriors.

        Parameters
        ----------
        scores : (k, s) array_like
            Log-odds of each segment and sentence against nothing; -inf means never.
        durations : (s, D) array_like or None
            Log prior of runs of 1..D segments; longer runs are impossible. None: no prior.
        windows : (s, 2) array_like of int or None
            Each sentence may only use segments in [lo, hi).
        edges : (2, s, k + 1) array_like or None
            Log prior of the place where the run of each sentence starts, and where it ends.

        Returns
        -------
        Decoded
            `labels` give a segment that several sentences cover to the one that scores highest;
            `score` is the sum over sentences; `margin` is the value of the best run.

        Raises
        ------
        TsalignError
            For shapes that do not fit, NaN, and anything from +1e6 on.
        """
        check_params(self)
        rows = check_scores(scores) - np.float32(self.threshold)
        s, k = rows.shape
        prior, windows = check_durations(durations, s, k), check_windows(windows, s, k)
        lattice = Lattice(
            rows, np.zeros((s, 1)), prior, windows, np.zeros(s), edges=check_edges(edges, s, k)
        )
        found = [self._spans(lattice, j) for j in range(s)]
        spans = np.array([f[0][:2] if f else (-1, -1) for f, _ in found], np.int64).reshape(s, 2)
        sums = [_posterior(lattice, j) for j in range(s)]
        return Decoded(
            labels=_label(rows, spans),
            spans=spans,
            posterior=np.array([p for p, _ in sums], np.float32).reshape(s, k).T.copy(),
            placed=np.array([p for _, p in sums], np.float32),
            score=float(sum(f[0][2] for f, _ in found if f)),
            margin=np.array([m for _, m in found], np.float32),
            alternatives=tuple(f[1:] for f, _ in found),
        )

    def _spans(self, lattice: Lattice, j: int) -> tuple[Spans, float]:
        opening, runs = _starts(lattice, j)
        top = float(opening.max())
        if top <= 0:
            return (), top
        kept: Spans = (_first(opening, runs),)
        if self.max_overlap > 0 and self.max_spans > 1:
            closing = lattice.ending(j, np.zeros(len(opening)), BEST)
            more = self.max_spans - 1, self.max_overlap
            others = peaks(opening, closing, runs, kept[0][:2], *more)
            return kept + tuple(span for span in others if span[2] > 0), top
        free = lattice.rows[j].copy()
        while len(kept) < self.max_spans:
            free[kept[-1][0] : kept[-1][1]] = -np.inf
            opening, runs = _starts(_alone(lattice, j, free), 0)
            if opening.max() <= 0:
                break
            kept = (*kept, _first(opening, runs))
        return kept, top


def _starts(lattice: Lattice, j: int) -> tuple[Row, Runs]:
    zeros = np.zeros(lattice.rows.shape[1] + 1)
    opening = lattice.starting(j, zeros, BEST)
    return opening, Runs(lattice, j, zeros, zeros, TIE * max(1.0, float(opening.max())))


def _first(opening: Row, runs: Runs) -> tuple[int, int, float]:
    top = opening.max()
    start = int(np.argmax(opening >= top - TIE * max(1.0, top)))
    return start, runs.end(start)[0], float(top)


def _alone(lattice: Lattice, j: int, row: NDArray[np.float32]) -> Lattice:
    own: Any = slice(j, j + 1)
    prior = None if lattice.prior is None else lattice.prior[own]
    edges = None if lattice.edges is None else lattice.edges[:, own]
    windows = lattice.windows[own]
    return Lattice(row[None], np.zeros((1, 1)), prior, windows, np.zeros(1), edges=edges)


def _posterior(lattice: Lattice, j: int) -> tuple[NDArray[np.float64], float]:
    zeros = np.zeros(lattice.rows.shape[1] + 1)
    opening, closing = lattice.starting(j, zeros, TOTAL), lattice.ending(j, zeros, TOTAL)
    return cover(opening, closing, np.logaddexp.reduce(opening, initial=0.0))


def _label(rows: NDArray[np.float32], spans: NDArray[np.int64]) -> NDArray[np.int32]:
    labels = np.full(rows.shape[1], -1, np.int32)
    highest = np.full(rows.shape[1], -np.inf, np.float32)
    for j, (start, end) in enumerate(np.maximum(spans, 0)):
        better = rows[j, start:end] > highest[start:end]
        labels[start:end][better] = j
        highest[start:end][better] = rows[j, start:end][better]
    return labels
