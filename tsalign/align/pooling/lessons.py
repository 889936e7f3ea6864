"""What the network of a shared space learns from: pairs as tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tsalign.align.pairs import Pairs
from tsalign.align.space.calibrated import CalibratedSpace, concepts_of
from tsalign.align.text.encoder import text_rows

if TYPE_CHECKING:
    from tsalign.align.pooling.stretches import Whole
    from tsalign.align.training.examples import Examples


class Lessons(CalibratedSpace):
    """A shared space that makes of pairs what its network sees; `Contrastive` says how."""

    def _examples(self, pairs: Pairs, said: Pairs, device: str) -> Examples:
        """Segments of `pairs` beside the wordings of `said`, or their own for a new concept."""
        import torch

        from tsalign.align.training.examples import Examples
        from tsalign.align.training.feed import settled

        ids, known = self._ids(pairs), self._ids(said)
        counts = self._counts(pairs)
        window = getattr(self.signal, "window", None)
        # Read in context, segments without an answer are neighbours of those that have one, and
        # pooled they are members.
        apart = window is None and self.pooling is None
        rows = np.flatnonzero(counts > 0) if apart else np.arange(len(counts))
        new = ids >= len(self.concepts_)
        pool = sorted(
            [(i, text) for i, text in zip(known, said.texts, strict=True) if i >= 0]
            + [(i, pairs.texts[j]) for j, i in enumerate(ids) if new[j]],
            key=lambda entry: entry[0],
        )
        return Examples(
            settled(self._standard(pairs.features[rows]), device),
            concepts_of(ids, pairs)[rows],
            counts[rows],
            torch.from_numpy(text_rows(self._text, [text for _, text in pool])).to(device),
            np.array([i for i, _ in pool]),
            pairs.places[rows],
            window,
            *self._bags(pairs, ids, rows),
            self._whole(pairs, window is not None),
        )

    def _whole(self, pairs: Pairs, every: bool) -> Whole | None:
        """Return where the segments lie, where stretches of them are to be pooled."""
        if self.pooling is None:
            return None
        from tsalign.align.pooling.stretches import Whole

        wholes = pairs.places if pairs.wholes is None else pairs.wholes
        return Whole(self.pooling, wholes, pairs.seconds, every)

    def _bags(
        self, pairs: Pairs, ids: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64] | None, NDArray[np.bool_] | None]:
        """Return the bag of each of some segments, and the concepts in each bag."""
        if pairs.bag is None:
            return None, None
        table = np.zeros((len(pairs.bags) + 1, len(self.concepts_)), bool)
        for i, bag in enumerate(pairs.bags):
            table[i, ids[list(bag)]] = True
        return pairs.bag[rows].astype(np.int64), table
