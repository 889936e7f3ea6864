"""From evidence to spans: weights tuned on validation recordings, confidence calibrated there."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from sklearn.base import BaseEstimator

from tsalign.match.blocks import blocks_of
from tsalign.match.confidence import Confidence
from tsalign.match.decoded import Decoded, label
from tsalign.match.durations import log_normal
from tsalign.match.odds import against_nothing, mixed_durations, off_topic, without
from tsalign.match.outcome import (
    HALF,
    POSTERIOR,
    Case,
    Found,
    aligned,
    best_iou,
    chances_of,
    features_of,
    of_sentences,
    of_spans,
    seconds_of,
    unmatched,
)
from tsalign.match.told import edges_of, outside, own_lengths, windows_of
from tsalign.types import (
    AlignedSpan,
    Alignment,
    Contradiction,
    Evidence,
    Note,
    Segments,
    Sentence,
    Unmatched,
)

REASONS = {
    "absent": "negated",
    "history": "history",
    "hypothetical": "hypothetical",
    "plan": "plan",
    "other_person": "other_person",
}
# Log-odds of neighbouring segments say much the same thing: they are weighted down, and clipped
# so that no single segment decides. The values are where the search on validation begins.
WEIGHTS = {"signal": 0.1, "text": 1.0, "duration": 0.5, "skip": 3.0, "other": 0.5}
GRID = {
    "text": (0.5, 1.0, 2.0, 3.0),
    "skip": (1.0, 2.0, 3.0, 4.5, 6.0),
    "other": (0.0, 0.5, 1.0),
    "signal": (0.03, 0.05, 0.1, 0.2, 0.4),
    "duration": (0.0, 0.25, 0.5, 1.0),
}
CLIP = 6.0
MISPLACED = 0.5  # what placing a sentence that matches nothing costs, in right spans
LONGEST = 1.5  # runs are at most so many times as long as the longest seen in training
UNEQUAL = 0.05  # segments that differ by more than this share have no common run length


class Placer(BaseEstimator):
    """Place the sentences of a recording with a matcher, and say how sure that is.

    Parameters
    ----------
    matcher : estimator
        With `decode`; with `decode_concepts` too, the text stays a distribution over the known
        concepts until the signal has spoken. One with `exact_blocks` is told the blocks of each
        note; one with `skip_cost` or `switch_cost` the cost of each sentence.

    Attributes
    ----------
    weights_ : (5,) float64
        Of signal, text and durations, the cost of leaving a sentence out, and how much less it
        costs for one that sounds off-topic.
    confidence_, matches_, denied_ : Confidence or None
        Chance that a span is right, that a sentence matches at all, and that what a sentence
        denies happens where it would have been placed; None without validation.

    Examples
    --------
    >>> from tsalign.match import Ordered
    >>> placer = Placer(Ordered()).fit([])
    >>> placer.weights_.tolist()
    [0.1, 1.0, 0.5, 3.0, 0.5]
    """

    version: ClassVar[int] = 2

    def __init__(self, matcher: Any) -> None:
        self.matcher = matcher

    def fit(self, cases: Sequence[Case], seconds: Sequence[Sequence[float]] = ()) -> Placer:
        """Learn durations, weights and confidence.

        Parameters
        ----------
        cases : sequence of Case
            Validation recordings; without any, the starting weights stay.
        seconds : sequence of sequences of float
            Durations of the training stamps of each known concept.

        Returns
        -------
        Placer
            Itself.
        """
        cases = [case for case in cases if case.truth]
        self.seconds_ = [np.asarray(s, np.float64) for s in seconds]
        self.weights_ = np.array([*WEIGHTS.values()])
        if cases:
            self._tune(cases)
        self.confidence_ = self.matches_ = self.denied_ = None
        if cases:
            every = [(found, case) for case in cases for found in self._all(case)]
            self.confidence_ = Confidence().fit(*of_spans(every))
            self.matches_ = Confidence().fit(*of_sentences(every))
            self.denied_ = Confidence().fit(*self._one_by_one(cases))
        return self

    def place(
        self,
        recording: str,
        evidence: Evidence,
        segments: Segments,
        notes: Sequence[Note],
        tokens: NDArray[np.int32] | None = None,
    ) -> Alignment:
        """Place every sentence of a recording, or say why not.

        Parameters
        ----------
        recording : str
            Its id.
        evidence : Evidence
            Of the k segments and all sentences of the notes, in their order.
        segments : Segments
            The k segments.
        notes : sequence of Note
            As the matcher may see them.
        tokens : (k,) int32 or None
            Copied into the spans.

        Returns
        -------
        Alignment
            Each sentence given is either among the spans or among the unmatched.
        """
        posterior = np.zeros_like(evidence.similarity)
        placed: list[AlignedSpan] = []
        rest: list[Unmatched] = []
        total = 0.0
        units = np.empty(0, np.int32) if tokens is None else tokens
        edges, slack = segments.edges(), self._slack()
        for found in self._decoded(evidence, segments, notes):
            posterior[:, found.rows] = found.decoded.posterior
            total += float(found.decoded.score)
            sure, there = self._sure(found, evidence)
            for j in range(len(found.sentences)):
                if found.decoded.spans[j, 0] < 0:
                    when = found.sentences[j].when
                    elsewhere = slack is not None and outside(when, edges, slack)
                    reason = "outside_recording" if elsewhere else "no_match"
                    rest.append(unmatched(recording, found, j, there[j], reason))
                else:
                    placed.append(aligned(recording, found, j, edges, units, sure[j], there[j]))
        rest += self._not_now(recording, evidence, segments, notes)
        return Alignment(tuple(placed), tuple(rest), evidence.similarity, posterior, total)

    def _sure(self, found: Found, evidence: Evidence) -> tuple[list[float], list[float | None]]:
        """Return how sure each span is, and the chance that each sentence matches at all."""
        features = features_of(found, evidence)
        if self.confidence_ is None or self.matches_ is None:
            # Without validation nothing is calibrated: the posterior is the next best word.
            return features[:, POSTERIOR].tolist(), [None] * len(features)
        chances = self.matches_.predict_proba(chances_of(found, evidence))
        return self.confidence_.predict_proba(features).tolist(), chances.tolist()

    def _not_now(
        self, recording: str, evidence: Evidence, segments: Segments, notes: Sequence[Note]
    ) -> Iterator[Unmatched]:
        """Yield the sentences that speak of nothing present here, and what speaks against them."""
        for note, j, row in _rows(notes):
            s = note.sentences[j]
            if s.assertion in REASONS:
                against = None
                if s.assertion == "absent" and self.denied_ is not None:
                    found = self._found(evidence, segments, note, [j], [row])
                    against = self._against(found, evidence, segments)
                told = recording, s.id, s.text, note.id, REASONS[s.assertion], 1.0, s.assertion
                yield Unmatched(*told, contradiction=against)

    def _against(
        self, found: Found, evidence: Evidence, segments: Segments
    ) -> Contradiction | None:
        """Return where a sentence would be placed by itself, if it is likely to be there."""
        assert self.denied_ is not None
        if found.decoded.spans[0, 0] < 0:
            return None
        sure = float(self.denied_.predict_proba(features_of(found, evidence))[0])
        span = seconds_of(segments.edges(), found.decoded.spans[0])
        return Contradiction(span.start, span.end, sure) if sure >= HALF else None

    def _all(self, case: Case) -> Iterator[Found]:
        return self._decoded(case.evidence, case.segments, case.notes)

    def _one_by_one(self, cases: Sequence[Case]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return features and success of each wording placed by itself, as if it were denied.

        Each is placed a second time where all it speaks of is taken out of the recording: that
        is what a sentence looks like that is rightly denied.
        """
        every = []
        for case in cases:
            said = set()
            anywhere = case.anywhere or case.truth
            for note, j, row in _rows(case.notes):
                s = note.sentences[j]
                if s.id not in case.truth or s.text in said or s.assertion in REASONS:
                    continue
                said.add(s.text)
                spans = anywhere[s.id]
                gone = without(case.evidence, case.segments, spans)
                alone = note, [j], [row]
                every.append((self._found(case.evidence, case.segments, *alone), case))
                if spans:
                    missing = replace(case, evidence=gone, truth={s.id: ()}, anywhere={s.id: ()})
                    every.append((self._found(gone, case.segments, *alone), missing))
        return of_spans(every, anywhere=True)

    def _decoded(
        self,
        evidence: Evidence,
        segments: Segments,
        notes: Sequence[Note],
        posteriors: bool = True,
    ) -> Iterator[Found]:
        """Decode each note by itself: notes overlap, sentences of one note do not."""
        for note, group in itertools.groupby(_rows(notes), key=itemgetter(0)):
            kept = [(j, row) for _, j, row in group if note.sentences[j].assertion not in REASONS]
            if kept:
                yield self._found(evidence, segments, note, *zip(*kept, strict=True), posteriors)

    def _found(
        self,
        evidence: Evidence,
        segments: Segments,
        note: Note,
        which: Sequence[int],
        rows: Sequence[int],
        posteriors: bool = True,
    ) -> Found:
        """Decode some sentences of a note, of which the rows of the evidence are given."""
        sentences = tuple(note.sentences[j] for j in which)
        given = self._given(segments, note, sentences, posteriors)
        places = np.array(rows, np.int64)
        decoded = self._decode(evidence, segments, places, sentences, given)
        return Found(note, sentences, places, *decoded)

    def _given(
        self,
        segments: Segments,
        note: Note,
        sentences: Sequence[Sentence],
        posteriors: bool,
    ) -> dict[str, Any]:
        """Return what a decoder is told besides scores, durations and costs."""
        given: dict[str, Any] = {"windows": windows_of(segments, note, len(sentences))}
        slack = self._slack()
        if slack is not None and any(s.when is not None for s in sentences):
            given["edges"] = edges_of(segments, sentences, slack)
        if hasattr(self.matcher, "exact_blocks"):
            given["blocks"] = blocks_of(note, sentences)
        if self._has_costs():
            given["posteriors"] = posteriors
        return given

    def _slack(self) -> float | None:
        """Return the seconds of `window`; None where stated times do not count."""
        return getattr(self.matcher, "window", None)

    def _has_costs(self) -> bool:
        """Tell whether the matcher itself leaves out what gains too little."""
        return hasattr(self.matcher, "skip_cost") or hasattr(self.matcher, "switch_cost")

    def _decode(
        self,
        evidence: Evidence,
        segments: Segments,
        rows: NDArray[np.int64],
        sentences: Sequence[Sentence],
        given: dict[str, Any],
    ) -> tuple[NDArray[np.float32], Decoded]:
        weight = dict(zip(WEIGHTS, self.weights_, strict=True))
        cells = np.diff(segments.edges(), axis=1)
        share = weight["signal"] * cells / np.median(cells)
        text = evidence.text[rows]
        through = self.matcher.concepts and text.shape[1] > 0
        durations = self._durations(segments, weight["duration"], sentences) if through else None
        doubt = weight["other"] * off_topic(text)
        skip = np.maximum(weight["skip"] - doubt, 0.0)
        if hasattr(self.matcher, "skip_cost"):
            given["skip_costs"] = skip
        elif hasattr(self.matcher, "switch_cost"):  # the other way about: it costs to be placed
            given["switch_costs"] = np.maximum(weight["skip"] + doubt, 0.0)
        odds = np.clip(against_nothing(evidence), -CLIP, CLIP)
        if through and hasattr(self.matcher, "decode_concepts"):
            scores = (odds * share).astype(np.float32)
            return scores, self.matcher.decode_concepts(
                scores,
                weight["text"] * text,
                durations=durations,
                **given,
            )
        scores = evidence.similarity[:, rows]
        if through:  # what the sentence may mean, each meaning by its chance
            scores = logsumexp(odds[:, None, :] + text[None], axis=2)
            durations = mixed_durations(text, durations)
        scores = (np.clip(scores, -CLIP, CLIP) * share).astype(np.float32)
        found = self.matcher.decode(scores, durations=durations, **given)
        if self._has_costs():
            return scores, found
        spans = np.where((found.margin < skip)[:, None], -1, found.spans)
        return scores, replace(found, spans=spans, labels=label(spans, len(scores)))

    def _durations(
        self, segments: Segments, weight: float, sentences: Sequence[Sentence]
    ) -> NDArray[np.float32] | None:
        """Return weighted log priors of run lengths, where segments are equally long.

        Of each concept `(c, D)`; where sentences state durations that count, `(s, c, D)`.
        """
        cells = np.diff(segments.edges(), axis=1).ravel()
        hop = float(np.median(cells))
        if not weight or not self.seconds_ or not all(map(len, self.seconds_)):
            return None
        if np.quantile(np.abs(cells - hop), 0.9) > UNEQUAL * hop:
            return None
        told = [s.duration for s in sentences if s.duration] if self._slack() is not None else []
        most = LONGEST * max([*told, *(s.max() for s in self.seconds_)])
        longest = int(np.clip(np.ceil(most / hop), 1, len(segments)))
        table = np.stack([log_normal(s, hop, longest) for s in self.seconds_])
        prior = (weight * table).astype(np.float32)
        return own_lengths(prior, sentences, hop) if told else prior

    def _tune(self, cases: Sequence[Case]) -> None:
        """Search one weight after the other, twice, for the most useful placement."""
        best = self._use(cases)
        for _, (name, values) in itertools.product(range(2), GRID.items()):
            place = list(WEIGHTS).index(name)
            for value in values:
                before = self.weights_.copy()
                self.weights_[place] = value
                use = self._use(cases) if value != before[place] else best
                if use > best:
                    best = use
                else:
                    self.weights_ = before

    def _use(self, cases: Sequence[Case]) -> float:
        """Count right spans, and a little for their fit, less what was placed and fits nowhere."""
        use = 0.0
        for case in cases:
            edges = case.segments.edges()
            for found in self._decoded(case.evidence, case.segments, case.notes, False):
                for j, sentence in enumerate(found.sentences):
                    truth = case.truth.get(sentence.id)
                    if truth is not None and found.decoded.spans[j, 0] >= 0:
                        iou = best_iou(seconds_of(edges, found.decoded.spans[j]), truth)
                        use += (iou >= HALF) + 0.2 * iou if truth else -MISPLACED
        return use


def _rows(notes: Sequence[Note]) -> Iterator[tuple[Note, int, int]]:
    """Yield each sentence as its note, its place there and its row in the evidence."""
    row = itertools.count()
    return ((note, j, next(row)) for note in notes for j in range(len(note.sentences)))
