"""Whether whole notes find their recordings, and stretches of recordings their notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tsalign.evaluate.facts import Facts, first_rank
from tsalign.evaluate.results import Results, ratio
from tsalign.types import Wholes


@dataclass(frozen=True)
class GlobalRetrieval:
    """Recall at 1 and mean reciprocal rank of stretches and notes as wholes, in both directions.

    Among the stretches of all evaluated recordings a note looks for its own, and a stretch for
    one of its notes; for `recording` a stretch is all of a recording. Beside each figure of the
    pooling that was learnt stands what plain means get (`mean_pooling_`) and what guessing gets
    (`chance`). Equal scores rank a wrong answer first. Without pooling learnt, both are means.

    Examples
    --------
    >>> sorted(GlobalRetrieval()(Results.from_aligned([])))[-2:]
    ['recording_to_note_mrr', 'recording_to_note_recall_at_1']
    """

    version: ClassVar[int] = 1

    def __call__(self, results: Results) -> dict[str, float]:
        """Return the figures of each scale; NaN where nothing was pooled."""
        totals = np.tensordot(results.weights, results.once(self._count), 1)
        figures = {}
        for scale, (learnt, plain) in zip(_scales(results.facts), totals.tolist(), strict=True):
            ways = (f"note_to_{scale}", f"{scale}_to_note")
            for way, own, mean in zip(ways, learnt, plain, strict=True):
                queries = own[0]
                for name, i in (("recall_at_1", 1), ("mrr", 2)):
                    figures[f"{way}_{name}"] = ratio(own[i], queries)
                    figures[f"mean_pooling_{way}_{name}"] = ratio(mean[i], queries)
                figures[f"{way}_chance_at_1"] = ratio(own[3], queries)
        return figures

    def _count(self, facts: tuple[Facts, ...]) -> NDArray[np.float64]:
        """Return by recording, scale, kind and way: queries, hits, reciprocal ranks, chances."""
        found = np.zeros((len(facts), len(_scales(facts)), 2, 2, 4))
        for j, scale in enumerate(_scales(facts)):
            there = [(i, w) for i, f in enumerate(facts) for w in f.wholes if w.scale == scale]
            if there:
                found[:, j] = _of_scale([i for i, _ in there], [w for _, w in there], len(facts))
        return found


def _scales(facts: Sequence[Facts]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(w.scale for f in facts for w in f.wholes)) or ("recording",)


def _of_scale(
    recordings: Sequence[int], wholes: Sequence[Wholes], count: int
) -> NDArray[np.float64]:
    """Return `(count, 2, 2, 4)` of one scale."""
    out = np.zeros((count, 2, 2, 4))
    before = np.cumsum([0, *(len(w.stretches) for w in wholes)])[:-1]
    own = np.concatenate([w.owner + b for w, b in zip(wholes, before, strict=True)])
    right = own[:, None] == np.arange(sum(len(w.stretches) for w in wholes))  # (notes, stretches)
    asking = [np.repeat(recordings, [len(w.owner) for w in wholes]),
              np.repeat(recordings, [len(w.stretches) for w in wholes])]  # fmt: skip
    for kind, (signal, text) in enumerate((("stretches", "notes"), ("means", "note_means"))):
        rows = [np.concatenate([getattr(w, name) for w in wholes]) for name in (signal, text)]
        close = rows[1].astype(float) @ rows[0].T
        for way, (scores, true) in enumerate(((close, right), (close.T, right.T))):
            asked, ranks = true.any(1), first_rank(scores, true)
            columns = np.ones(len(ranks)), ranks == 1, 1 / ranks, true[asked].mean(1)
            np.add.at(out[:, kind, way], asking[way][asked], np.stack(columns, axis=1))
    return out
