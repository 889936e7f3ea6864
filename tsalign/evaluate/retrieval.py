"""Whether segments find their sentences, and sentences their segments, before any matching."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from tsalign.evaluate.facts import Facts
from tsalign.evaluate.results import Results, ratio
from tsalign.params import check_params


@dataclass(frozen=True)
class Retrieval:
    """Recall at K and mean reciprocal rank within a recording, in both directions.

    A segment is right for a sentence when at least half of it lies in a true span of any
    sentence with the same text or the same label. Only queries that have a right answer
    count, and equal scores rank a wrong answer first. Recordings count when the truth speaks
    of all their sentences, in the order of the columns of the similarity.

    Parameters
    ----------
    k : tuple of int
        How many answers are looked at.

    Examples
    --------
    >>> sorted(Retrieval(k=(1,))(Results.from_aligned([])))[:2]
    ['segment_to_sentence_mrr', 'segment_to_sentence_recall_at_1']
    """

    k: tuple[Annotated[int, Ge(1)], ...] = (1, 5, 10)
    version: ClassVar[int] = 1

    def __call__(self, results: Results) -> dict[str, float]:
        """Return recall at K and MRR of `segment_to_sentence` and `sentence_to_segment`."""
        check_params(self)
        totals = (results.weights @ results.once(self._count)).reshape(2, -1)
        figures = {}
        ways = ("segment_to_sentence", "sentence_to_segment")
        for way, (queries, reciprocal, *hits) in zip(ways, totals.tolist(), strict=True):
            for k, hit in zip(self.k, hits, strict=True):
                figures[f"{way}_recall_at_{k}"] = ratio(hit, queries)
            figures[f"{way}_mrr"] = ratio(reciprocal, queries)
        return figures

    def _count(self, facts: tuple[Facts, ...]) -> NDArray[np.float64]:
        rows = [[*self._one(f.segment_ranks), *self._one(f.sentence_ranks)] for f in facts]
        return np.array(rows, np.float64).reshape(-1, 2 * (2 + len(self.k)))

    def _one(self, ranks: NDArray[np.int64]) -> list[float]:
        hits = [int((ranks <= k).sum()) for k in self.k]
        return [len(ranks), float((1.0 / ranks).sum()), *hits]
