"""Ordered decoding: sentences in the order of the events, nothing allowed on both sides."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from tsalign.match.decoded import (
    Decoded,
    check_costs,
    check_durations,
    check_edges,
    check_matrix,
    check_scores,
    check_text,
    check_windows,
    label,
    rows_of,
    spans_alone,
)
from tsalign.match.lattice import Lattice, total
from tsalign.match.linear import Found, total_linear
from tsalign.match.path import best, only_best, only_spans
from tsalign.params import check_params


class Ordered(BaseEstimator):
    """Place sentences in their order, each on one run of segments or nowhere.

    The value of an alignment is the sum of the scores of the segments its sentences cover, plus
    the log duration priors of its runs, less `skip_cost` for each sentence left out. Segments
    before, between and after the runs are nothing and count 0. The optimum is exact; posteriors
    are sums over all alignments, each weighted by the exponential of its value.

    Of equal alignments (to 1e-10 of the value) the first sentence decides, then the second: left
    out rather than placed, then the earliest start, then the shortest run, then the first concept.

    Parameters
    ----------
    skip_cost : float
        Cost of leaving out a sentence, in nats; at most 1e6.
    alternatives : int
        Further spans reported for each sentence.
    max_overlap : float
        Largest intersection over union of two reported spans of one sentence.
    window : float or None
        In a pipeline: seconds by which a run may miss its stated time at a cost of half a nat,
        and of four times that for twice as many; 0 for never. None leaves stated times and
        durations out of the matching.
    concepts : bool
        In a pipeline: keep the text a distribution over the known concepts until the signal has
        spoken (`decode_concepts`), rather than score each sentence by itself (`decode`).

    References
    ----------
    Rabiner, A tutorial on hidden Markov models, Proc. IEEE 1989, section IV.D (durations).
    Sarawagi and Cohen, Semi-Markov conditional random fields, NIPS 2004, section 3.

    Examples
    --------
    >>> scores = np.array([[-1, -2], [3, -1], [2, -3], [-2, 4]], np.float32)
    >>> found = Ordered().decode(scores)
    >>> found.spans.tolist(), found.labels.tolist(), found.score
    ([[1, 3], [3, 4]], [-1, 0, 0, 1], 9.0)
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        skip_cost: Annotated[float, Ge(0), Le(1e6)] = 2.0,
        alternatives: Annotated[int, Ge(0)] = 4,
        max_overlap: Annotated[float, Ge(0), Le(1)] = 0.3,
        window: Annotated[float, Ge(0)] | None = None,
        concepts: bool = True,
    ) -> None:
        self.skip_cost = skip_cost
        self.alternatives = alternatives
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
        skip_costs: ArrayLike | None = None,
        posteriors: bool = True,
    ) -> Decoded:
        """Find the best alignment and the posteriors; O(k s), O(k s D) with durations.

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
        skip_costs : (s,) array_like or None
            Cost of leaving out each sentence; None: `skip_cost` for all.
        posteriors : bool
            False finds the spans alone, several times faster: posteriors, margins and chances
            are then 0, and there are no alternatives.

        Returns
        -------
        Decoded
            Without concepts.

        Raises
        ------
        TsalignError
            For shapes that do not fit, NaN, and anything from +1e6 on.
        """
        check_params(self)
        matrix = check_matrix(scores)
        k, s = matrix.shape
        prior, costs = check_durations(durations, s, k), check_costs(skip_costs, self.skip_cost, s)
        bounds = check_windows(windows, s, k)
        if not posteriors and durations is None and windows is None and edges is None:
            return spans_alone(*only_spans(matrix, costs), k)
        soft = check_edges(edges, s, k)
        lattice = Lattice(rows_of(matrix), np.zeros((s, 1)), prior, bounds, costs, edges=soft)
        sums = None
        if posteriors and prior is None and edges is None:
            sums = total_linear(matrix, costs, None if windows is None else bounds)
        return self._decode(lattice, posteriors, sums)

    def decode_concepts(
        self,
        signal: ArrayLike,
        text: ArrayLike,
        *,
        durations: ArrayLike | None = None,
        windows: ArrayLike | None = None,
        edges: ArrayLike | None = None,
        skip_costs: ArrayLike | None = None,
        posteriors: bool = True,
    ) -> Decoded:
        """Do the same over sentence and concept, so that the text may stay uncertain.

        Each placed sentence takes one concept: its run adds that concept's scores, its duration
        prior, and `text` once. O(k s c), O(k s c D) with durations; tables take O(k s).

        Parameters
        ----------
        signal : (k, c) array_like
            Log-odds of each segment and concept against nothing; -inf means never.
        text : (s, c) array_like
            Weighted log probability of each concept given the sentence; -inf means never.
        durations : (c, D) or (s, c, D) array_like or None
            Log prior of runs of 1..D segments of each concept, perhaps of each sentence its own.
            None: no prior.
        windows : (s, 2) array_like of int or None
            Each sentence may only use segments in [lo, hi).
        edges : (2, s, k + 1) array_like or None
            Log prior of the place where the run of each sentence starts, and where it ends.
        skip_costs : (s,) array_like or None
            Cost of leaving out each sentence; None: `skip_cost` for all.
        posteriors : bool
            False finds the spans alone, several times faster: posteriors, margins and chances
            are then 0, and there are no alternatives.

        Returns
        -------
        Decoded
            With concepts; posteriors are sums over concepts.

        Raises
        ------
        TsalignError
            For shapes that do not fit, NaN, and anything from +1e6 on.
        """
        check_params(self)
        rows = check_scores(signal, "concept")
        c, k = rows.shape
        words = check_text(text, c)
        s = len(words)
        lattice = Lattice(
            rows,
            words,
            check_durations(durations, c, k, s),
            check_windows(windows, s, k),
            check_costs(skip_costs, self.skip_cost, s),
            concepts=True,
            edges=check_edges(edges, s, k),
        )
        return self._decode(lattice, posteriors)

    def _decode(self, lattice: Lattice, posteriors: bool, sums: Found | None = None) -> Decoded:
        k = lattice.rows.shape[1]
        if not posteriors:
            spans, concepts, score = only_best(lattice)
            return spans_alone(spans, score, k, concepts if lattice.concepts else None)
        found = best(lattice, self.alternatives, self.max_overlap)
        posterior, placed = sums or total(lattice)
        return Decoded(
            labels=label(found.spans, k),
            spans=found.spans,
            posterior=posterior,
            placed=placed,
            score=found.score,
            margin=found.margin,
            concepts=found.concepts if lattice.concepts else None,
            alternatives=found.alternatives,
        )
