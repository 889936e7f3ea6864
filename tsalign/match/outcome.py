"""From decoded runs of segments to spans in seconds, and what tells right ones from wrong ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tsalign.match.decoded import Decoded
from tsalign.types import (
    AlignedSpan,
    Evidence,
    Note,
    Segments,
    Sentence,
    Span,
    Unmatched,
)

FEATURES, POSTERIOR = 5, 2  # how many, and which of them is the mean posterior
CHANCES = 4  # how many features tell whether a sentence matches at all
HALF = 0.5  # the IoU from which a span is right, and the chance from which it is worth telling
STEEPEST = 50.0  # margins beyond it say no more


@dataclass(frozen=True, eq=False)
class Case:
    """A validation recording: what the model says, and where the sentences truly belong.

    Parameters
    ----------
    evidence : Evidence
        Of all sentences of the notes, in their order.
    segments : Segments
        The k segments.
    notes : sequence of Note
        As the matcher sees them.
    truth : mapping of str to tuple of Span
        True stretches by sentence id; an empty tuple for a sentence that matches nothing.
    anywhere : mapping of str to tuple of Span or None
        By sentence id, all stretches of what it speaks of, whichever was meant; None: `truth`.
    """

    evidence: Evidence
    segments: Segments
    notes: Sequence[Note]
    truth: Mapping[str, tuple[Span, ...]]
    anywhere: Mapping[str, tuple[Span, ...]] | None = None


@dataclass(frozen=True, eq=False)
class Found:
    """One decoded note: its sentences, their rows in the evidence, what the matcher found."""

    note: Note
    sentences: tuple[Sentence, ...]
    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    decoded: Decoded


def features_of(found: Found, evidence: Evidence) -> NDArray[np.float64]:
    """Return what tells right spans from wrong ones, `(s, 5)`; zeros where nothing was placed."""
    decoded = found.decoded
    out = np.zeros((len(found.sentences), FEATURES))
    for j, (start, end) in enumerate(decoded.spans):
        if start >= 0:
            which = decoded.concepts[j] if decoded.concepts is not None else j
            inside = decoded.posterior[start:end, j]
            odds = found.scores[start:end, which]
            text = evidence.text[found.rows[j]]
            best = float(text.max()) if len(text) else 0.0
            out[j] = *_decisive(decoded, j), inside.mean(), odds.mean(), best
    return out


def chances_of(found: Found, evidence: Evidence) -> NDArray[np.float64]:
    """Return what tells sentences that match something from those that match nothing, `(s, 4)`."""
    decoded, text = found.decoded, evidence.text[found.rows]
    highest = decoded.posterior.max(axis=0, initial=0.0)
    best = text.max(axis=1, initial=-STEEPEST)
    count = range(len(found.sentences))
    return np.array([(*_decisive(decoded, j), highest[j], best[j]) for j in count])


def _decisive(decoded: Decoded, j: int) -> tuple[float, float]:
    """Return what depends on a sentence, and the log-odds that it is placed."""
    sure = float(np.clip(decoded.placed[j], 1e-6, 1 - 1e-6))
    return float(np.clip(decoded.margin[j], -STEEPEST, STEEPEST)), np.log(sure / (1 - sure))


Judged = Iterable[tuple[Found, Case]]


def of_spans(
    every: Judged, anywhere: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return features and success of every span placed in validation.

    Parameters
    ----------
    every : iterable of (Found, Case)
        What was decoded, and its truth.
    anywhere : bool
        Whether a span may lie wherever what the sentence speaks of happens.
    """

    def hits(found: Found, case: Case, kept: NDArray[np.int64]) -> list[bool]:
        truth = case.anywhere if anywhere and case.anywhere is not None else case.truth
        edges, spans = case.segments.edges(), found.decoded.spans
        ids = [found.sentences[j].id for j in kept]
        given = zip(kept, ids, strict=True)
        return [best_iou(seconds_of(edges, spans[j]), truth[i]) >= HALF for j, i in given]

    placed = lambda found: found.decoded.spans[:, 0] >= 0  # noqa: E731
    return _gathered(every, FEATURES, features_of, placed, hits)


def of_sentences(every: Judged) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return features of every sentence in validation, and whether it matches anything."""

    def events(found: Found, case: Case, kept: NDArray[np.int64]) -> list[bool]:
        return [bool(case.truth[found.sentences[j].id]) for j in kept]

    each = lambda found: np.ones(len(found.sentences), bool)  # noqa: E731
    return _gathered(every, CHANCES, chances_of, each, events)


def _gathered(
    every: Judged,
    width: int,
    features: Callable[[Found, Evidence], NDArray[np.float64]],
    chosen: Callable[[Found], NDArray[np.bool_]],
    outcome: Callable[[Found, Case, NDArray[np.int64]], list[bool]],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    rows, right = [np.empty((0, width))], [np.empty(0, bool)]
    for found, case in every:
        known = np.array([s.id in case.truth for s in found.sentences])
        kept = np.flatnonzero(known & chosen(found))
        rows.append(features(found, case.evidence)[kept])
        right.append(np.array(outcome(found, case, kept), bool))
    return np.concatenate(rows), np.concatenate(right)


def seconds_of(edges: NDArray[np.float64], run: NDArray[np.int64]) -> Span:
    """Return the span of a run of segments, given their edges in seconds."""
    return Span(float(edges[run[0], 0]), float(edges[run[1] - 1, 1]))


def best_iou(span: Span, truth: Sequence[Span]) -> float:
    """Return the best intersection over union with any of the true spans."""
    return max(map(span.iou, truth), default=0.0)


def unmatched(
    recording: str, found: Found, j: int, matches: float | None, reason: str = "no_match"
) -> Unmatched:
    """Return sentence j of a decoded note as placed nowhere.

    Where nothing is calibrated its confidence is what the posteriors say.
    """
    s = found.sentences[j]
    sure = 1.0 - (float(found.decoded.placed[j]) if matches is None else matches)
    told = recording, s.id, s.text, found.note.id, reason, sure, s.assertion
    return Unmatched(*told, matches=matches)


def aligned(
    recording: str,
    found: Found,
    j: int,
    edges: NDArray[np.float64],
    units: NDArray[np.int32],
    sure: float,
    matches: float | None,
) -> AlignedSpan:
    """Return sentence j of a decoded note as a span in seconds."""
    sentence = found.sentences[j]
    start, end = found.decoded.spans[j]
    which = found.decoded.concepts[j] if found.decoded.concepts is not None else j
    others = found.decoded.alternatives[j]
    return AlignedSpan(
        recording=recording,
        span=seconds_of(edges, found.decoded.spans[j]),
        sentence=sentence.id,
        text=sentence.text,
        note=found.note.id,
        score=float(found.scores[start:end, which].sum()),
        confidence=sure,
        tokens=tuple(int(u) for u in units[start:end]),
        assertion=sentence.assertion,
        alternatives=tuple((float(edges[a, 0]), float(edges[b - 1, 1]), v) for a, b, v in others),
        matches=matches,
    )
