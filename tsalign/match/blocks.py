"""Decoding of notes that are ordered inside a paragraph, but not from one to the next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from tsalign.errors import TsalignError
from tsalign.kernels.ordered import TIE
from tsalign.match.decoded import (
    Decoded,
    check_costs,
    check_durations,
    check_edges,
    check_scores,
    check_text,
    check_windows,
    label,
    spans_alone,
)
from tsalign.match.lattice import BEST, TOTAL, Lattice, total
from tsalign.match.path import best, only_best
from tsalign.match.prices import Market
from tsalign.match.subsets import Subsets, best_of_all, totals, trace
from tsalign.params import check_params
from tsalign.types import Note, Sentence

Order = list[int]


class Blocks(BaseEstimator):
    """Place sentences in their order inside each block, and the blocks in any order.

    A block is a paragraph, or the sentences about one stretch of time. The value of an alignment
    is that of `Ordered`: sums of scores and log duration priors, less `skip_cost` for each
    sentence left out. The stretch from a block's first placed segment to its last holds no
    sentence of another block; which stretch comes first is free. Up to `exact_blocks` blocks the
    optimum and the posteriors are exact, over all orders of the blocks, in time that doubles with
    each block. Beyond, the order is sought: every sentence for itself finds its place by prices
    (`prices.Market`), and blocks stand where their middle sentence does. The result is then the
    exact optimum, and the posteriors those, of the order found: never worth less than that of
    `Ordered`, but the best order may be another.

    Of equal alignments that goes on, from the first segment on, with the block whose first run
    starts earliest, then with the first block; inside a block ties are broken as in `Ordered`.

    Parameters
    ----------
    skip_cost : float
        Cost of leaving out a sentence, in nats; at most 1e6.
    exact_blocks : int
        Most blocks for which all orders are looked at; at most 12.
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
    Sarawagi and Cohen, Semi-Markov conditional random fields, NIPS 2004, section 3.
    Held and Karp, A dynamic programming approach to sequencing problems, SIAM 1962.
    Fisher, The Lagrangian relaxation method for solving integer programming problems, Management
    Science 1981.

    Examples
    --------
    >>> scores = np.array([[-1, 4], [-1, 2], [3, -1], [2, -3]], np.float32)
    >>> Blocks().decode(scores, blocks=[0, 1]).spans.tolist()
    [[2, 4], [0, 2]]
    >>> Blocks().decode(scores, blocks=[0, 0]).spans.tolist()
    [[-1, -1], [0, 2]]
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        skip_cost: Annotated[float, Ge(0), Le(1e6)] = 2.0,
        exact_blocks: Annotated[int, Ge(1), Le(12)] = 6,
        alternatives: Annotated[int, Ge(0)] = 4,
        max_overlap: Annotated[float, Ge(0), Le(1)] = 0.3,
        window: Annotated[float, Ge(0)] | None = None,
        concepts: bool = True,
    ) -> None:
        self.skip_cost = skip_cost
        self.exact_blocks = exact_blocks
        self.alternatives = alternatives
        self.max_overlap = max_overlap
        self.window = window
        self.concepts = concepts

    def decode(
        self,
        scores: ArrayLike,
        *,
        blocks: ArrayLike | None = None,
        durations: ArrayLike | None = None,
        windows: ArrayLike | None = None,
        edges: ArrayLike | None = None,
        skip_costs: ArrayLike | None = None,
        posteriors: bool = True,
    ) -> Decoded:
        """Find the best alignment and the posteriors; O(2^b k s) for b blocks.

        Parameters
        ----------
        scores : (k, s) array_like
            Log-odds of each segment and sentence against nothing; -inf means never.
        blocks : (s,) array_like of int or None
            Block of each sentence; None: all are of one, which is `Ordered`.
        durations : (s, D) array_like or None
            Log prior of runs of 1..D segments; longer runs are impossible. None: no prior.
        windows : (s, 2) array_like of int or None
            Each sentence may only use segments in [lo, hi).
        edges : (2, s, k + 1) array_like or None
            Log prior of the place where the run of each sentence starts, and where it ends.
        skip_costs : (s,) array_like or None
            Cost of leaving out each sentence; None: `skip_cost` for all.
        posteriors : bool
            False finds the spans alone, several times faster.

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
        rows = check_scores(scores)
        s, k = rows.shape
        lattice = Lattice(
            rows,
            np.zeros((s, 1)),
            check_durations(durations, s, k),
            check_windows(windows, s, k),
            check_costs(skip_costs, self.skip_cost, s),
            edges=check_edges(edges, s, k),
        )
        return self._decode(lattice, check_blocks(blocks, s), posteriors)

    def decode_concepts(
        self,
        signal: ArrayLike,
        text: ArrayLike,
        *,
        blocks: ArrayLike | None = None,
        durations: ArrayLike | None = None,
        windows: ArrayLike | None = None,
        edges: ArrayLike | None = None,
        skip_costs: ArrayLike | None = None,
        posteriors: bool = True,
    ) -> Decoded:
        """Do the same over sentence and concept, as `Ordered.decode_concepts`.

        Parameters
        ----------
        signal : (k, c) array_like
            Log-odds of each segment and concept against nothing; -inf means never.
        text : (s, c) array_like
            Weighted log probability of each concept given the sentence; -inf means never.
        blocks : (s,) array_like of int or None
            Block of each sentence; None: all are of one.
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
            False finds the spans alone, several times faster.

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
        return self._decode(lattice, check_blocks(blocks, s), posteriors)

    def _decode(self, lattice: Lattice, blocks: list[Order], posteriors: bool) -> Decoded:
        if 1 < len(blocks) <= self.exact_blocks:
            return decode_subsets(lattice, blocks, posteriors, self.alternatives, self.max_overlap)
        order = list(chain.from_iterable(_ordered(lattice, blocks) if blocks[1:] else blocks))
        sorted_ = permuted(lattice, order)
        k, back = lattice.rows.shape[1], np.argsort(order, kind="stable")
        if not posteriors:
            spans, concepts, score = only_best(sorted_)
            told = concepts[back] if lattice.concepts else None
            return spans_alone(spans[back], score, k, told)
        found = best(sorted_, self.alternatives, self.max_overlap)
        posterior, placed = total(sorted_)
        return Decoded(
            labels=label(found.spans[back], k),
            spans=found.spans[back],
            posterior=np.ascontiguousarray(posterior[:, back]),
            placed=placed[back],
            score=found.score,
            margin=found.margin[back],
            concepts=found.concepts[back] if lattice.concepts else None,
            alternatives=tuple(found.alternatives[i] for i in back),
        )


def decode_subsets(
    lattice: Lattice, blocks: list[Order], posteriors: bool, count: int, max_overlap: float
) -> Decoded:
    """Decode over all orders of blocks; see `Blocks`.

    Parameters
    ----------
    lattice : Lattice
        The problem.
    blocks : list of lists of int
        Sentences of each block.
    posteriors : bool
        Whether to look at more than the optimum.
    count : int
        Alternatives wanted for each sentence.
    max_overlap : float
        Largest IoU between two spans of one sentence.
    """
    k, subsets = lattice.rows.shape[1], Subsets(lattice, blocks, BEST)
    if not posteriors:
        spans, concepts = trace(subsets)
        told = concepts if lattice.concepts else None
        return spans_alone(spans, float(subsets.after[0, 0]), k, told)
    found = best_of_all(subsets, count, max_overlap)
    posterior, placed = totals(Subsets(lattice, blocks, TOTAL))
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


def check_blocks(blocks: ArrayLike | None, s: int) -> list[Order]:
    """Return the sentences of each block, blocks in the order of their first sentences.

    Parameters
    ----------
    blocks : (s,) array_like of int or None
        Block of each sentence.
    s : int
        Number of sentences.

    Raises
    ------
    TsalignError
        For another shape, and for anything but whole numbers.
    """
    given = np.zeros(s, int) if blocks is None else np.asarray(blocks)
    if given.shape != (s,) or (s and given.dtype.kind not in "iu"):
        raise TsalignError(
            f"blocks are whole numbers of shape ({s},), not {given.dtype} {given.shape}"
        )
    found: dict[int, Order] = {}
    for j, block in enumerate(given.tolist()):
        found.setdefault(block, []).append(j)
    return list(found.values())


def blocks_of(note: Note, sentences: Sequence[Sentence]) -> NDArray[np.int64]:
    r"""Return the block of each sentence, as its note tells.

    In an ordered note all sentences are one block, in an unordered one each is its own. Where
    nobody said, the paragraphs of the text are the blocks: blank lines part them.

    Parameters
    ----------
    note : Note
        With its text, where there is a running one.
    sentences : sequence of Sentence
        Those to be placed.

    Returns
    -------
    (s,) int64
        Not descending where sentences stand in the order of the text.

    Examples
    --------
    >>> text = "Sat up. Walked.\n\nSlept before."
    >>> chars = (0, 7), (8, 15), (17, 30)
    >>> told = tuple(Sentence(text[a:b], f"{a}", (a, b)) for a, b in chars)
    >>> blocks_of(Note("n0", text, told), told).tolist()
    [0, 0, 1]
    """
    if note.ordered is False:
        return np.arange(len(sentences))
    if note.ordered or not note.text:
        return np.zeros(len(sentences), np.int64)
    breaks = [m.end() for m in re.finditer(r"\n[ \t\r]*\n", note.text)]
    return np.searchsorted(breaks, [s.chars[0] for s in sentences], side="right")


def permuted(lattice: Lattice, order: Order) -> Lattice:
    """Return the lattice with its sentences in another order."""
    own = slice(None) if lattice.concepts else order
    return replace(
        lattice,
        rows=lattice.rows[own],
        text=lattice.text[order],
        prior=None if lattice.prior is None else _of(lattice.prior, own, order),
        windows=lattice.windows[order],
        edges=None if lattice.edges is None else lattice.edges[:, order],
        skips=lattice.skips[order],
    )


def _of(prior: NDArray[np.float64], rows: slice | Order, sentences: Order) -> NDArray[np.float64]:
    """Return the log priors of rows, or of sentences where each has its own."""
    return prior[sentences] if prior.ndim == 3 else prior[rows]


def _ordered(lattice: Lattice, blocks: list[Order]) -> list[Order]:
    """Return the blocks in the order of where their sentences would be taken by themselves."""

    def value(order: list[Order]) -> float:
        return only_best(permuted(lattice, list(chain.from_iterable(order))))[2]

    places = Market(lattice).places()
    sought = sorted(blocks, key=lambda block: float(np.median(places[block])))
    top = value(blocks)
    return sought if value(sought) > top + TIE * max(1.0, abs(top)) else blocks
