"""What the scores of a shared space are worth: calibration on validation people."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tsalign.align.pairs import Pairs
from tsalign.align.space import calibrate
from tsalign.align.space.pooled_space import PooledSpace

MAX_CELLS = 1_000_000
"""Cells of segment and sentence that calibration looks at: beyond, three numbers gain nothing."""
ANCHORS = 512  # pairs kept for what compares within a batch


class CalibratedSpace(PooledSpace):
    """A shared space that learns from pairs what its scores are worth; `Contrastive` says how."""

    unmentioned: Literal["nothing", "unknown", "validate"]
    random_state: int

    def _ids(self, pairs: Pairs) -> NDArray[np.int64]:
        """Concept of each text: first those learnt, then others; -1 is off-topic."""
        new = sorted({n for n in pairs.names if n is not None} - set(self.concepts_))
        index = {name: i for i, name in enumerate((*self.concepts_, *new))}
        return np.array([-1 if n is None else index[n] for n in pairs.names])

    def _calibrate(self, pairs: Pairs, held_out: Pairs) -> None:
        self._anchor(pairs)
        ids = self._ids(pairs)
        wordings = self.encode_text(pairs.texts)
        means = np.stack([wordings[ids == c].mean(0) for c in range(len(self.concepts_))])
        self.prototypes_ = means / np.linalg.norm(means, axis=1, keepdims=True)
        counts = np.bincount(ids[pairs.text[pairs.text >= 0]], minlength=len(self.concepts_)) + 1.0
        self.log_prior_ = np.log(counts / counts.sum())
        self.choice_ = self._fit_choice(pairs, held_out)
        self.cell_ = self._fit_cells(held_out)

    def _anchor(self, pairs: Pairs) -> None:
        """Keep pairs of places, as many of each concept, for what compares within a batch."""
        if self.closeness is None:
            self.anchors_ = np.empty((2, 0, self.dimension), np.float32)
            return
        said = np.flatnonzero((pairs.text >= 0) & (self._counts(pairs) > 0))
        rng = np.random.default_rng(self.random_state)
        concept = concepts_of(self._ids(pairs), pairs)[said]
        chance = 1 / np.bincount(concept)[concept]
        size = min(ANCHORS, len(said))
        some = rng.choice(said, size, replace=False, p=chance / chance.sum())
        signal = self.encode_signal(pairs.features, pairs.recordings)[some]
        text = self.encode_text(pairs.texts)[pairs.text[some]]
        self.anchors_ = np.stack([signal, text])

    def _counts(self, pairs: Pairs) -> NDArray[np.float64]:
        """How far each segment teaches something."""
        taught = (pairs.text >= 0) | (self.unmentioned == "nothing")
        given = 1.0 if pairs.weights is None else pairs.weights
        return np.where(taught, given, 0.0).astype(float)

    def _answers(self, pairs: Pairs) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Places and true concept of the segments that teach something."""
        rows = self._counts(pairs) > 0
        places = self.encode_signal(pairs.features, recordings=pairs.recordings)
        return places[rows], concepts_of(self._ids(pairs), pairs)[rows]

    def _fit_choice(self, pairs: Pairs, held_out: Pairs) -> NDArray[np.float64]:
        places, concept = self._answers(held_out)
        known = concept < len(self.concepts_)
        if not (known & (concept >= 0)).any():  # texts that only stand for themselves
            places, concept = self._answers(pairs)
            known = np.ones(len(concept), bool)
        logits = self.logits(places[known], self.prototypes_)
        return calibrate.choice(logits, self.log_prior_, concept[known])

    def _fit_cells(self, held_out: Pairs) -> NDArray[np.float64]:
        places, concept = self._answers(held_out)
        texts = np.unique(held_out.text[held_out.text >= 0])
        ids = self._ids(held_out)[texts]
        some = np.arange(len(places))
        if len(some) * len(texts) > MAX_CELLS:
            size = max(MAX_CELLS // len(texts), 1)
            some = np.random.default_rng(self.random_state).choice(some, size, replace=False)
        sentences = [held_out.texts[i] for i in texts]
        _, which, counts = np.unique(ids, return_inverse=True, return_counts=True)
        return calibrate.logistic(
            self._witnesses(places[some], self.queries(sentences)),
            concept[some, None] == ids,
            1 / counts[which],  # each concept counts the same, however many wordings it has
        )

    def _told(self, held_out: Pairs) -> float:
        """Calibrate with silence as nothing; return the mean log chance of the answers."""
        places = self.encode_signal(held_out.features, recordings=held_out.recordings)
        concept = concepts_of(self._ids(held_out), held_out)
        known = concept < len(self.concepts_)
        if held_out.weights is not None:
            known &= held_out.weights > 0
        logits, answers = self.logits(places[known], self.prototypes_), concept[known]
        self.choice_ = calibrate.choice(logits, self.log_prior_, answers)
        log_p = calibrate.choose_log_proba(logits, self.log_prior_, self.choice_)
        return float(log_p[np.arange(len(answers)), answers].mean())  # -1, the last, is nothing


def concepts_of(ids: NDArray[np.int64], pairs: Pairs) -> NDArray[np.int64]:
    """Return the concept of each segment, -1 where nothing is said.

    Parameters
    ----------
    ids : (m,) int64
        Concept of each text.
    pairs : Pairs
        Segments with their texts.

    Examples
    --------
    >>> said = np.array([0, -1], np.int32)
    >>> pairs = Pairs(np.zeros((2, 1), np.float32), said, ("Sits.",), (None,))
    >>> concepts_of(np.array([4]), pairs).tolist()
    [4, -1]
    """
    return np.where(pairs.text < 0, -1, ids[pairs.text])
