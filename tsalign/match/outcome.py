"""From decoded runs of segments to spans in seconds, and what tells right ones from wrong ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tsalign.match.decoded import Decoded
from tsalign.types import AlignedSpan, Evidence, Note, Sentence, Span, Unmatched

FEATURES, POSTERIOR = 5, 2  # how many, and which of them is the mean posterior


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
            sure = float(np.clip(decoded.placed[j], 1e-6, 1 - 1e-6))
            margin = float(np.clip(decoded.margin[j], -50, 50))
            best = float(text.max()) if len(text) else 0.0
            out[j] = margin, np.log(sure / (1 - sure)), inside.mean(), odds.mean(), best
    return out


def seconds_of(edges: NDArray[np.float64], run: NDArray[np.int64]) -> Span:
    """Return the span of a run of segments, given their edges in seconds."""
    return Span(float(edges[run[0], 0]), float(edges[run[1] - 1, 1]))


def best_iou(span: Span, truth: Sequence[Span]) -> float:
    """Return the best intersection over union with any of the true spans."""
    shared = [common.duration if (common := span & other) else 0.0 for other in truth]
    both = [span.duration + other.duration for other in truth]
    return max((s / (b - s) for s, b in zip(shared, both, strict=True)), default=0.0)


def unmatched(
    recording: str, note: Note, sentence: Sentence, reason: str, sure: float
) -> Unmatched:
    """Return a sentence that was placed nowhere, and why."""
    s = sentence
    return Unmatched(recording, s.id, s.text, note.id, reason, sure, s.assertion)


def aligned(
    recording: str,
    found: Found,
    j: int,
    edges: NDArray[np.float64],
    units: NDArray[np.int32],
    sure: float,
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
    )
