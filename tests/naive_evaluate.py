"""Slow, obvious twins of the evaluation, and a builder of small recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from tsalign.types import (
    Aligned,
    AlignedSpan,
    Alignment,
    Label,
    Segments,
    Signal,
    Span,
    Tokens,
    Unmatched,
)

SECONDS = 20


def aligned(
    placed: Mapping[str, tuple[float, float, float]] | None = None,
    truth: Mapping[str, Sequence[tuple[float, float]]] | None = None,
    labels: Sequence[tuple[float, float, str]] = (),
    cuts: Sequence[int] = (5, 10, 15),
    ids: Sequence[int] | None = None,
    similarity: np.ndarray | None = None,
    texts: Mapping[str, str] | None = None,
    recording: str = "r",
) -> Aligned:
    """Twenty seconds at 1 Hz; sentences of the truth that are not placed are unmatched."""
    placed, truth, texts = placed or {}, truth or {}, texts or {}
    bounds = np.array([0, *cuts, SECONDS])
    segments = Segments(np.stack([bounds[:-1], bounds[1:]], axis=1), 1.0)
    units = np.array(ids if ids is not None else range(len(segments)), np.int32)
    spans = tuple(
        AlignedSpan(recording, Span(a, b), name, texts.get(name, name), "n", 1.0, confidence)
        for name, (a, b, confidence) in placed.items()
    )
    left = tuple(
        Unmatched(recording, name, texts.get(name, name), "n", "no_match", 0.1)
        for name in truth
        if name not in placed
    )
    scores = np.zeros((0, 0), np.float32) if similarity is None else similarity
    return Aligned(
        recording=recording,
        part="test",
        signal=Signal(np.zeros((SECONDS, 1), np.float32), 1.0),
        segments=segments,
        tokens=Tokens(units, 50, segments),
        alignment=Alignment(spans, left, scores, scores, 0.0),
        labels=tuple(Label(Span(a, b), name) for a, b, name in labels),
        truth={name: tuple(Span(*s) for s in spans) for name, spans in truth.items()},
    )


def shared(a: Sequence[float], b: Sequence[float]) -> float:
    return max(0.0, min(a[1], b[1]) - max(a[0], b[0]))


def jaccard(a: Sequence[float], b: Sequence[float]) -> float:
    if shared(a, b) == 0:
        return 0.0
    return shared(a, b) / (max(a[1], b[1]) - min(a[0], b[0]))


def best_jaccard(a, b) -> list[float]:
    return [max((jaccard(x, y) for y in b), default=0.0) for x in a]


def majority(a, b) -> list[int]:
    result = []
    for x in a:
        halves = [(-shared(x, y), j) for j, y in enumerate(b) if 2 * shared(x, y) >= x[1] - x[0]]
        halves = [h for h in halves if h[0] < 0]
        result.append(min(halves)[1] if halves else -1)
    return result


def inside(a, b, owner, owners) -> list[list[bool]]:
    return [
        [
            any(
                o == w and 0 < shared(x, y) * 2 >= x[1] - x[0]
                for y, o in zip(b, owner, strict=True)
            )
            for w in range(owners)
        ]
        for x in a
    ]


def matches(a, b, margin) -> int:
    near = csr_matrix([[abs(x - y) <= margin for y in b] for x in a]) if len(a) and len(b) else None
    return 0 if near is None else int((maximum_bipartite_matching(near) >= 0).sum())


def calibration_error(stated, right, bin_of) -> float:
    """Sum over bins of share times |accuracy - mean confidence|."""
    error = 0.0
    for b in set(bin_of):
        here = [i for i, other in enumerate(bin_of) if other == b]
        accuracy = sum(right[i] for i in here) / len(here)
        confidence = sum(stated[i] for i in here) / len(here)
        error += len(here) / len(stated) * abs(accuracy - confidence)
    return error


def first_ranks(scores, right) -> list[int]:
    ranks = []
    for row, good in zip(scores, right, strict=True):
        if any(good):
            # Wrong answers stand before right ones of the same score.
            order = sorted(range(len(row)), key=lambda j: (-row[j], good[j]))
            ranks.append(1 + next(place for place, j in enumerate(order) if good[j]))
    return ranks


def mean_iou(items: Sequence[Aligned]) -> float:
    values = []
    for item in items:
        for name, true in item.truth.items():
            if true:
                own = [s for s in item.alignment.spans if s.sentence == name]
                best = max(own, key=lambda s: (s.confidence, s.score), default=None)
                values.append(
                    max(jaccard((best.span.start, best.span.end), (t.start, t.end)) for t in true)
                    if best
                    else 0.0
                )
    return sum(values) / len(values) if values else float("nan")
