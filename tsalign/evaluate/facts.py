"""What evaluation keeps of one recording: small arrays, so that recordings may come lazily."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from tsalign.errors import TsalignError
from tsalign.evaluate.intervals import inside, majority
from tsalign.types import Aligned, AlignedSpan, Label, Span, Spoken, Tokens, Wholes

RANKS = 5
"""How many candidate places of a sentence are looked at."""

COLUMNS = ("is_event", "start", "end", "confidence", "start_error", "end_error")


@dataclass(frozen=True, eq=False)
class Stream:
    """The tokens of one recording as they follow each other.

    Parameters
    ----------
    counts : (size,) int64
        How often each token occurs.
    runs : int
        Stretches of equal tokens.
    """

    counts: NDArray[np.int64]
    runs: int


@dataclass(frozen=True, eq=False)
class Places:
    """True stretches and their sentences in the shared space, and what the stretches are.

    Parameters
    ----------
    signal, text : (m, d) float32
        Where each stretch and its sentence lie.
    labels : tuple of str or None
        The label that covers most of each stretch.
    """

    signal: NDArray[np.float32]
    text: NDArray[np.float32]
    labels: tuple[str | None, ...]


NOWHERE = Places(np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32), ())


@dataclass(frozen=True, eq=False)
class Facts:
    """One recording, reduced to what the metrics count.

    Parameters
    ----------
    recording : str
        Recording id.
    span : Span
        Seconds that the signal covers.
    sentences : (n, 6 + 5) float64
        One row an evaluated sentence: the `COLUMNS`, then the best IoU among its first
        1, 2, .. 5 candidate places.
    has_alternatives : bool
        Whether any sentence carried more than one candidate place.
    segments, spans, labels : (k, 2), (p, 2), (l, 2) float64
        Seconds of the segments (overlaps shared), of the placed sentences and of the true
        labelled stretches.
    units : tuple of (str, int)
        Label and token of each segment that has a label.
    stream : Stream
        All tokens.
    first_units, first_stream
        The same of the tokens before masked prediction; None where there was none.
    segment_ranks, sentence_ranks : (q,) int64
        Rank of the first right answer when a segment asks for sentences, and the reverse.
    spoken : Places
        Empty where nothing asks for them.
    wholes : tuple of Wholes
        As in `Aligned`.
    """

    recording: str
    span: Span
    sentences: NDArray[np.float64]
    has_alternatives: bool
    segments: NDArray[np.float64]
    spans: NDArray[np.float64]
    labels: NDArray[np.float64]
    units: tuple[tuple[str, int], ...]
    segment_ranks: NDArray[np.int64]
    sentence_ranks: NDArray[np.int64]
    stream: Stream
    first_units: tuple[tuple[str, int], ...] | None = None
    first_stream: Stream | None = None
    spoken: Places = NOWHERE
    wholes: tuple[Wholes, ...] = ()


def examine(item: Aligned) -> Facts:
    """Reduce one aligned recording to its facts.

    Parameters
    ----------
    item : Aligned
        With or without truth.

    Returns
    -------
    Facts
        Without evaluated sentences, labels or queries where there is no truth.

    Raises
    ------
    TsalignError
        When tokens or similarity do not fit the segments.
    """
    placed: dict[str, list[AlignedSpan]] = {}
    for found in item.alignment.spans:
        placed.setdefault(found.sentence, []).append(found)
    labels = [label for label in item.labels if label.label]
    rows = [_row(placed.get(name, []), spans) for name, spans in item.truth.items()]
    by_segment, by_sentence = _ranks(item, labels)
    return Facts(
        recording=item.recording,
        span=item.signal.span,
        sentences=np.array(rows, np.float64).reshape(-1, len(COLUMNS) + RANKS),
        has_alternatives=any(len(_candidates(found)) > 1 for found in placed.values()),
        segments=item.segments.edges().reshape(-1, 2),
        spans=_as_array(found.span for found in item.alignment.spans),
        labels=_as_array(label.span for label in labels),
        units=_units(item, item.tokens, labels),
        segment_ranks=by_segment,
        sentence_ranks=by_sentence,
        stream=_stream(item.tokens),
        first_units=None if item.first is None else _units(item, item.first, labels),
        first_stream=None if item.first is None else _stream(item.first),
        spoken=NOWHERE if item.spoken is None else _places(item.spoken, labels),
        wholes=item.wholes,
    )


def _places(spoken: Spoken, labels: Sequence[Label]) -> Places:
    where = majority(_as_array(spoken.spans), _as_array(label.span for label in labels))
    named = tuple(labels[j].label if j >= 0 else None for j in where.tolist())
    return Places(spoken.signal, spoken.text, named)


def _stream(tokens: Tokens) -> Stream:
    ids = np.asarray(tokens.ids)
    runs = int(np.count_nonzero(np.diff(ids))) + (len(ids) > 0)
    return Stream(np.bincount(ids, minlength=tokens.size), runs)


def _as_array(spans: Iterable[Span]) -> NDArray[np.float64]:
    """Return `(n, 2)` seconds."""
    return np.array([(s.start, s.end) for s in spans], np.float64).reshape(-1, 2)


def _row(found: Sequence[AlignedSpan], truth: Sequence[Span]) -> list[float]:
    candidates = _candidates(found)
    if not candidates:
        return [bool(truth), nan, nan, nan, nan, nan, *([0.0] * RANKS)]
    chosen = candidates[0]
    confidence = max(f.confidence for f in found)
    ious = [max((c.iou(t) for t in truth), default=0.0) for c in candidates]
    ious += [0.0] * (RANKS - len(ious))
    errors = _errors(chosen, truth) if truth else (nan, nan)
    best = np.maximum.accumulate(ious).tolist()
    return [bool(truth), chosen.start, chosen.end, confidence, *errors, *best]


def _candidates(found: Sequence[AlignedSpan]) -> list[Span]:
    """Order the places of one sentence: those chosen first, then the alternatives."""
    chosen = sorted(found, key=lambda f: (-f.confidence, -f.score))
    others = sorted((a for f in found for a in f.alternatives), key=lambda a: -a[2])
    return [*(f.span for f in chosen), *(Span(a, b) for a, b, _ in others)][:RANKS]


def _errors(span: Span, truth: Sequence[Span]) -> tuple[float, float]:
    """Signed errors against the true span that fits best, the nearest where none overlaps."""
    errors = [(-span.iou(t), span.start - t.start, span.end - t.end) for t in truth]
    _, start, end = min(errors, key=lambda e: (e[0], abs(e[1]) + abs(e[2])))
    return start, end


def _units(item: Aligned, tokens: Tokens, labels: Sequence[Label]) -> tuple[tuple[str, int], ...]:
    ids, times = tokens.ids, tokens.segments.times.reshape(-1, 2)
    if not len(ids):  # a pipeline without tokens
        return ()
    if len(ids) != len(times):
        raise TsalignError(f"{len(ids)} tokens for {len(times)} segments", recording=item.recording)
    where = majority(times, _as_array(label.span for label in labels))
    return tuple(
        (labels[j].label, token)
        for j, token in zip(where.tolist(), ids.tolist(), strict=True)
        if j >= 0
    )


def _ranks(item: Aligned, labels: Sequence[Label]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rank the first right answer of every query, in both directions."""
    nothing = np.zeros(0, np.int64)
    columns = _columns(item)
    similarity = np.asarray(item.alignment.similarity)
    if not columns or not similarity.size:
        return nothing, nothing
    times = item.segments.times.reshape(-1, 2)
    if len(similarity) != len(times):
        raise TsalignError(
            f"similarity has {len(similarity)} rows for {len(times)} segments",
            recording=item.recording,
        )
    spans = [(s, i) for i, name in enumerate(columns) for s in item.truth[name]]
    owner = np.array([i for _, i in spans], np.int64)
    own = inside(times, _as_array(s for s, _ in spans), owner, len(columns))
    right = own.astype(np.float32) @ _kin(item, columns, labels) > 0
    scores = np.where(np.isnan(similarity), -np.inf, similarity)
    return first_rank(scores, right), first_rank(scores.T, right.T)


def _columns(item: Aligned) -> tuple[str, ...]:
    """Name the columns of the similarity: the sentences in the order of the truth.

    An alignment does not say which column is whose, so a recording is left out of retrieval
    unless its truth speaks of every sentence given.
    """
    known = {f.sentence for f in (*item.alignment.spans, *item.alignment.unmatched)}
    complete = known == set(item.truth) and len(known) == item.alignment.similarity.shape[-1]
    return tuple(item.truth) if complete else ()


def _kin(item: Aligned, columns: Sequence[str], labels: Sequence[Label]) -> NDArray[np.float32]:
    """Return `(s, s)`: positive where two sentences have the same text or the same label."""
    texts = {f.sentence: f.text for f in (*item.alignment.spans, *item.alignment.unmatched)}
    meanings = [
        {
            ("text", texts[name]),
            *(("label", x.label) for x in labels for t in item.truth[name] if x.span.iou(t) >= 0.5),
        }
        for name in columns
    ]
    index = {key: i for i, key in enumerate(dict.fromkeys(k for m in meanings for k in m))}
    has = np.zeros((len(columns), len(index)), np.float32)
    for row, keys in enumerate(meanings):
        has[row, [index[key] for key in keys]] = 1.0
    return has @ has.T


def first_rank(scores: NDArray[np.floating], right: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the rank of the best right answer of each query that has one.

    Parameters
    ----------
    scores : (q, a) float
        Larger is better, without NaN.
    right : (q, a) bool
        Which answers are right; several may be.

    Returns
    -------
    (r,) int64
        From 1; a wrong answer with an equal score counts as ranked before.

    Examples
    --------
    >>> first_rank(np.array([[3.0, 2.0, 1.0]]), np.array([[False, True, True]])).tolist()
    [2]
    """
    asked = right.any(axis=1)
    scores, right = scores[asked], right[asked]
    best = np.where(right, scores, -np.inf).max(axis=1, keepdims=True, initial=-np.inf)
    return 1 + (~right & (scores >= best)).sum(axis=1)
