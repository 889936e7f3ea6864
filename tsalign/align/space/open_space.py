"""A shared space asked for classes that are told by sentences alone, trained or not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from tsalign.align.retrieval.queries import unit
from tsalign.align.space.shared_space import Floats, SharedSpace
from tsalign.errors import TsalignError


class OpenSpace(SharedSpace):
    """A shared space that knows by how much it underrates classes never trained."""

    def classify(
        self,
        features: NDArray[np.float32],
        classes: Mapping[str, Sequence[str]],
        new: Collection[str] = (),
        recordings: NDArray[np.int32] | None = None,
    ) -> NDArray[np.float32]:
        """Return log p(class | segment) of classes that are told by sentences alone.

        What a class means is the mean of what its sentences mean: several wordings are surer
        than one. A class never trained would be swallowed by trained ones: its closeness in the
        shared space is set off against that of the closest concept, with what `open_set` rounds
        found that new classes lack.

        Parameters
        ----------
        features : (k, d) float32
            As learnt from.
        classes : mapping of str to sequence of str
            Name and sentences of each class; a name says nothing to the model.
        new : collection of str
            Classes that mean no known concept.
        recordings : (k,) int32 or None
            As in `encode_signal`.

        Returns
        -------
        (k, n) float32
            A row's chances sum to 1: each segment is of one of the classes.

        Raises
        ------
        TsalignError
            When there is no class, or a class without a sentence, or `new` names another.

        References
        ----------
        Chao et al. (2016), An Empirical Study and Analysis of Generalized Zero-Shot Learning for
        Object Recognition in the Wild, ECCV, section 3.2.
        """
        for name in new:
            if name not in classes:
                raise TsalignError(f"{name!r} is not among the classes")
        if not classes or not all(len(texts) for texts in classes.values()):
            raise TsalignError("each class needs at least one sentence")
        odds = np.empty((len(features), len(classes)))
        places = self.encode_signal(features, recordings)
        fresh = np.array([name in new for name in classes])
        told = [texts for name, texts in classes.items() if name not in new]
        if told:
            means = [np.exp(self.concept_text(texts), dtype=float).mean(0) for texts in told]
            chances = np.exp(self._log_proba(places)[:, :-1]) @ np.stack(means).T
            odds[:, ~fresh] = np.log(chances / chances.sum(axis=1, keepdims=True))
        if fresh.any():
            best = odds[:, ~fresh].max(1, keepdims=True) if told else 0.0
            asked = [classes[name] for name in classes if name in new]
            odds[:, fresh] = best + self.margins(places, asked) + self.bias_
        return log_softmax(odds, axis=1).astype(np.float32)

    def margins(self, places: Floats, classes: Sequence[Sequence[str]]) -> Floats:
        """Return how much closer each segment is to a new class than to any known concept.

        Parameters
        ----------
        places : (k, dimension) array
            From `encode_signal`.
        classes : sequence of sequence of str
            Wordings of each new class; their mean place is the class's.

        Returns
        -------
        (k, n) float64
            Differences of logits.
        """
        new = np.stack([unit(self.encode_text(texts)).mean(0) for texts in classes])
        known = self.logits(places, self.prototypes_).max(1, keepdims=True)
        return self.logits(places, unit(new)) - known
