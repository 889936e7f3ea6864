"""A learnt shared space: what can be asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tsalign.align.pairs import check_features
from tsalign.align.retrieval.queries import Queries, unit
from tsalign.align.signal.mlp import Mlp
from tsalign.align.space import calibrate
from tsalign.align.space.kept import Kept
from tsalign.align.text.encoder import reader_of, text_rows
from tsalign.device import choose, one_thread
from tsalign.types import Evidence, Segments

Floats = NDArray[np.floating]

if TYPE_CHECKING:
    from tsalign.align.training.train import Space


class SharedSpace(Kept):
    """Segments and sentences in one space, once learnt; `Contrastive` says how."""

    def encode_signal(
        self, features: NDArray[np.float32], recordings: NDArray[np.int32] | None = None
    ) -> NDArray[np.float32]:
        """Return the place of each segment.

        Parameters
        ----------
        features : (k, d) float32
            As learnt from.
        recordings : (k,) int32 or None
            Of which each segment is, for networks that read segments with their neighbours; None
            is one recording. Neighbours in it are neighbours in time.

        Returns
        -------
        (k, dimension) float32
            Unit rows.
        """
        import torch

        check_features(features, len(self.center_))
        if recordings is None:
            recordings = np.zeros(len(features), np.int32)
        space = self._space()
        with torch.inference_mode(), one_thread():
            rows = torch.from_numpy(self._standard(features)).to(space.null.device)
            return space.encode_recordings(rows, recordings).cpu().numpy()

    def encode_segments(
        self, features: NDArray[np.float32], segments: Segments
    ) -> NDArray[np.float32]:
        """Return the place of each segment of one recording; over a gap none sees another.

        Parameters
        ----------
        features : (k, d) float32
            As learnt from.
        segments : Segments
            The k segments.

        Returns
        -------
        (k, dimension) float32
            Unit rows.
        """
        pieces = list(segments.unbroken()) or [slice(0)]
        return np.concatenate([self.encode_signal(features[piece]) for piece in pieces])

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the place of each sentence.

        Parameters
        ----------
        texts : sequence of str
            At least one.

        Returns
        -------
        (s, dimension) float32
            Unit rows.
        """
        import torch

        rows = text_rows(self._text, texts)
        space = self._space()
        with torch.inference_mode(), one_thread():
            return space.encode_text(torch.from_numpy(rows).to(space.null.device)).cpu().numpy()

    def similarity(
        self,
        features: NDArray[np.float32],
        sentences: Sequence[str],
        recordings: NDArray[np.int32] | None = None,
    ) -> NDArray[np.float32]:
        """Return the log-odds that each sentence speaks of each segment, against nothing.

        Two witnesses are weighed as validation taught: how close the two lie in the space, and
        how likely both mean the same concept, by `concept_scores` and `concept_text`. The first
        alone serves sentences about what was never trained.

        Parameters
        ----------
        features : (k, d) float32
            As learnt from.
        sentences : sequence of str
            At least one.
        recordings : (k,) int32 or None
            As in `encode_signal`.

        Returns
        -------
        (k, s) float32
            Their logistic function is the chance that a sentence about some segments like those
            of the validation people speaks of this one.
        """
        return self.judge(self.encode_signal(features, recordings), self.queries(sentences))

    def queries(self, sentences: Sequence[str]) -> Queries:
        """Return sentences as things to look for.

        Parameters
        ----------
        sentences : sequence of str
            At least one.

        Returns
        -------
        Queries
            One a sentence.
        """
        return Queries(self.encode_text(sentences), self.concept_text(sentences))

    def composed(self, terms: Sequence[tuple[int, str]]) -> Queries:
        """Return a signed sum of sentences as one thing to look for.

        The sum is taken in the shared space, of places of equal length; what it means is read off
        the places of the known concepts. One term alone is a plain sentence.

        Parameters
        ----------
        terms : sequence of (int, str)
            From the function `terms`.

        Returns
        -------
        Queries
            A single one.

        Raises
        ------
        TsalignError
            When the terms cancel each other.

        References
        ----------
        Mikolov et al. (2013), Linguistic Regularities in Continuous Space Word Representations,
        NAACL, section 4.
        """
        sentences = [text for _, text in terms]
        if len(terms) == 1:
            return self.queries(sentences)
        signs = np.array([[sign for sign, _ in terms]], float)
        place = unit(signs @ self.encode_text(sentences))
        known = calibrate.choose_log_proba(
            self.logits(place, self.prototypes_), np.zeros(len(self.concepts_)), self.choice_
        )
        return Queries(place, known[:, :-1].astype(np.float32))

    def judge(self, places: Floats, queries: Queries) -> NDArray[np.float32]:
        """Return the log-odds that each query speaks of each place, as `similarity` does.

        Parameters
        ----------
        places : (k, dimension) array
            From `encode_signal`.
        queries : Queries
            From `queries` or `composed`.

        Returns
        -------
        (k, q) float32
            Against nothing.
        """
        witnesses = self._witnesses(places, queries)
        return (np.tensordot(self.cell_[:-1], witnesses, 1) + self.cell_[-1]).astype(np.float32)

    def concept_scores(
        self, features: NDArray[np.float32], recordings: NDArray[np.int32] | None = None
    ) -> NDArray[np.float32]:
        """Return log p(concept | segment).

        Parameters
        ----------
        features : (k, d) float32
            As learnt from.
        recordings : (k,) int32 or None
            As in `encode_signal`.

        Returns
        -------
        (k, c) float32
            Columns as in `concepts_`; with `null_scores` a row's chances sum to 1.
        """
        return self._log_proba(self.encode_signal(features, recordings))[:, :-1].astype(np.float32)

    def null_scores(
        self, features: NDArray[np.float32], recordings: NDArray[np.int32] | None = None
    ) -> NDArray[np.float32]:
        """Return log p(nothing is said | segment).

        Parameters
        ----------
        features : (k, d) float32
            As learnt from.
        recordings : (k,) int32 or None
            As in `encode_signal`.

        Returns
        -------
        (k,) float32
            Log-probabilities.
        """
        return self._log_proba(self.encode_signal(features, recordings))[:, -1].astype(np.float32)

    def evidence(
        self,
        features: NDArray[np.float32],
        segments: Segments,
        asked: Sequence[str] | Queries,
    ) -> Evidence:
        """Return what decoders need to know of one recording, and `match.Placer`.

        Parameters
        ----------
        features : (k, d) float32
            As learnt from.
        segments : Segments
            The k segments.
        asked : sequence of str, or Queries
            Sentences, or none, or other things to look for.

        Returns
        -------
        Evidence
            One column, and one row of text, for each thing that is asked.
        """
        places = self.encode_segments(features, segments)
        known = self._log_proba(places).astype(np.float32)
        near = np.empty((len(places), 0), np.float32)
        text = np.empty((0, len(self.concepts_)), np.float32)
        if len(asked):
            queries = asked if isinstance(asked, Queries) else self.queries(asked)
            near, text = self.judge(places, queries), queries.meanings.astype(np.float32)
        return Evidence(near, known[:, :-1], known[:, -1], text)

    def concept_text(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        """Return log p(concept | sentence).

        Parameters
        ----------
        sentences : sequence of str
            At least one.

        Returns
        -------
        (s, c) float32
            Columns as in `concepts_`; what a row's chances lack to 1 is "something else".
        """
        return self.concept_text_.log_proba(sentences)

    def logits(self, places: Floats, rows: Floats) -> Floats:
        """Return the logits by which places of segments and of texts are close.

        Parameters
        ----------
        places, rows : (k, dimension), (n, dimension) array
            Unit rows.

        Returns
        -------
        (k, n) float64
            Cosines, or what `closeness` says, over the learnt temperature.
        """
        if self.closeness is None:
            return self._scale * places.astype(float) @ rows.T
        import torch

        as_double = lambda array: torch.from_numpy(array.astype(float))  # noqa: E731
        compare = self.closeness.beside(*map(as_double, self.anchors_))
        with one_thread():
            return self._scale * compare(as_double(places), as_double(rows)).numpy()

    def _standard(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        return ((features - self.center_) / self.spread_).astype(np.float32)

    def _space(self) -> Space:
        import torch

        from tsalign.align.training.train import Space

        if self.projection == "learned":
            width, size = self.weights_["text.weight"].shape[1], self.dimension
        else:
            width, size = self._text.encode(["."]).shape[1], None
        # Weights drawn here are overwritten at once: keep the caller's generator untouched.
        with torch.random.fork_rng(devices=[]):
            built = self.signal or Mlp(), len(self.center_), width, size
            space = Space(*built, reader_of(self._text), self.pooling)
        space.load_state_dict({n: torch.from_numpy(a) for n, a in self.weights_.items()})
        return space.eval().to(choose(self.device))

    @property
    def _scale(self) -> float:
        from tsalign.align.training.train import MAX_SCALE

        return min(float(np.exp(self.weights_["log_scale"])), MAX_SCALE)

    def _log_proba(self, places: Floats) -> NDArray[np.float64]:
        logits = self.logits(places, self.prototypes_)
        return calibrate.choose_log_proba(logits, self.log_prior_, self.choice_)

    def _witnesses(self, places: Floats, queries: Queries) -> list[Floats]:
        close = self.logits(places, queries.places)
        concepts = self._log_proba(places)[:, :-1]
        return [close, calibrate.means_same(concepts, queries.meanings)]
