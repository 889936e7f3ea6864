"""Unordered decoding: runs of any sentence in any order, with nothing between them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from tsalign.errors import TsalignError
from tsalign.match.blocks import decode_subsets
from tsalign.match.chain import Chain, Chosen, margins, sums
from tsalign.match.decoded import (
    Decoded,
    check_costs,
    check_durations,
    check_edges,
    check_scores,
    check_text,
    check_windows,
    spans_alone,
)
from tsalign.match.lattice import Lattice
from tsalign.params import check_params

MOST_ONCE = 10  # sentences of which each subset can be looked at


class Unordered(BaseEstimator):
    """Place sentences in any order, each on any number of runs of segments.

    The model is segmental: stretches of nothing, which count 0, alternate with runs of sentences.
    The value of an alignment is the sum of the scores of the segments that runs cover, plus the
    log duration priors of the runs, less `switch_cost` for each run. A sentence that takes no run
    costs nothing; runs do not overlap, but may touch. For this model the optimum is exact, and so
    are the posteriors: sums over all alignments, each weighted by the exponential of its value.

    With `repeats=False` each sentence takes at most one run. That problem is harder: it is solved
    exactly over all subsets of sentences, and refused for more than 10.

    Of equal alignments that is taken whose first run gains and starts earliest, then is shortest,
    then is of the first sentence and concept; then the second run decides.

    Parameters
    ----------
    switch_cost : float
        Cost of each run, in nats; at most 1e6.
    repeats : bool
        Whether a sentence may take several runs.
    alternatives : int
        Further spans reported for each sentence; the first are its other runs.
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
    Ostendorf, Digalakis and Kimball, From HMM's to segment models, IEEE TSAP 1996.
    Sarawagi and Cohen, Semi-Markov conditional random fields, NIPS 2004, section 3.

    Examples
    --------
    >>> scores = np.array([[-1, 5], [4, -1], [3, -3], [-9, 4]], np.float32)
    >>> found = Unordered().decode(scores)
    >>> found.labels.tolist(), found.spans.tolist(), found.score
    ([1, 0, 0, 1], [[1, 3], [0, 1]], 10.0)
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        switch_cost: Annotated[float, Ge(0), Le(1e6)] = 2.0,
        repeats: bool = True,
        alternatives: Annotated[int, Ge(0)] = 4,
        max_overlap: Annotated[float, Ge(0), Le(1)] = 0.3,
        window: Annotated[float, Ge(0)] | None = None,
        concepts: bool = True,
    ) -> None:
        self.switch_cost = switch_cost
        self.repeats = repeats
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
        switch_costs: ArrayLike | None = None,
        posteriors: bool = True,
    ) -> Decoded:
        """Find the best runs and the posteriors.

        The optimum takes O(k s), with durations O(k s D). The chance that a sentence has a run at
        all, and its margin, take as many passes as there are sentences: O(k s^2), or O(k s D).

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
        switch_costs : (s,) array_like or None
            Cost of each run of each sentence; None: `switch_cost` for all.
        posteriors : bool
            False finds the spans alone, several times faster: posteriors, margins and chances
            are then 0, and there are no alternatives.

        Returns
        -------
        Decoded
            `labels` tell all runs; `spans` hold the run of each sentence that is worth most;
            `placed` is the chance of one run or more.

        Raises
        ------
        TsalignError
            For shapes that do not fit, NaN, anything from +1e6 on, and more than 10 sentences
            without repeats.
        """
        check_params(self)
        rows = check_scores(scores)
        s, k = rows.shape
        costs = check_costs(switch_costs, self.switch_cost, s)
        lattice = Lattice(
            rows,
            -costs[:, None],
            check_durations(durations, s, k),
            check_windows(windows, s, k),
            np.zeros(s),
            edges=check_edges(edges, s, k),
        )
        return self._decode(lattice, posteriors)

    def decode_concepts(
        self,
        signal: ArrayLike,
        text: ArrayLike,
        *,
        durations: ArrayLike | None = None,
        windows: ArrayLike | None = None,
        edges: ArrayLike | None = None,
        switch_costs: ArrayLike | None = None,
        posteriors: bool = True,
    ) -> Decoded:
        """Do the same over sentence and concept: each run takes one sentence and one concept.

        Of sentences without windows that speak of one concept, that with the highest `text` takes
        all runs of it.

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
        switch_costs : (s,) array_like or None
            Cost of each run of each sentence; None: `switch_cost` for all.
        posteriors : bool
            False finds the spans alone, several times faster.

        Returns
        -------
        Decoded
            With the concept of each span in `spans`; posteriors are sums over concepts.

        Raises
        ------
        TsalignError
            For shapes that do not fit, NaN, anything from +1e6 on, and more than 10 sentences
            without repeats.
        """
        check_params(self)
        rows = check_scores(signal, "concept")
        c, k = rows.shape
        words = check_text(text, c)
        s = len(words)
        costs = check_costs(switch_costs, self.switch_cost, s)
        lattice = Lattice(
            rows,
            words - costs[:, None],
            check_durations(durations, c, k, s),
            check_windows(windows, s, k),
            np.zeros(s),
            concepts=True,
            edges=check_edges(edges, s, k),
        )
        return self._decode(lattice, posteriors)

    def _decode(self, lattice: Lattice, posteriors: bool) -> Decoded:
        if not self.repeats:
            return self._at_most_once(lattice, posteriors)
        chain = Chain(lattice)
        chosen = chain.chosen(chain.best()[1])
        spans, concepts, labels = _told(chosen, *lattice.text.shape[:1], lattice.rows.shape[1])
        told = concepts if lattice.concepts else None
        found = replace(
            spans_alone(spans, chosen.score, len(labels), told),
            labels=labels,
        )
        if not posteriors:
            return found
        margin, others = margins(lattice, chain, spans, self.alternatives, self.max_overlap)
        posterior, placed = sums(lattice, chain)
        return replace(
            found, posterior=posterior, placed=placed, margin=margin, alternatives=others
        )

    def _at_most_once(self, lattice: Lattice, posteriors: bool) -> Decoded:
        count = len(lattice.text)
        if count > MOST_ONCE:
            raise TsalignError(
                f"{count} sentences, each at most once: exact for at most {MOST_ONCE}; "
                "use repeats=True, or Blocks"
            )
        blocks = [[j] for j in range(count)]
        return decode_subsets(lattice, blocks, posteriors, self.alternatives, self.max_overlap)


def _told(
    chosen: Chosen, s: int, k: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Return the worthiest span and its concept of each sentence, and all labels."""
    spans, concepts = np.full((s, 2), -1), np.full(s, -1, np.int32)
    labels, worth = np.full(k, -1, np.int32), np.full(s, -np.inf)
    for start, end, j, concept, value in chosen.runs:
        labels[start:end] = j
        if value > worth[j] + 1e-9 * max(1.0, abs(value)):
            spans[j], concepts[j], worth[j] = (start, end), concept, value
    return spans, concepts, labels
