"""What stands beside tsalign in `align.py`: the floor, the ceiling, and what others would do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from align_runs import Run, hits
from numpy.typing import NDArray

from tsalign.data import Item
from tsalign.types import AlignedSpan, Alignment, Span

NONE = np.zeros((0, 0), np.float32)


@dataclass(frozen=True, eq=False)
class Judged:
    """What a baseline reached on each test recording, as counts."""

    hits: NDArray[np.int64]
    any_hits: NDArray[np.int64] | None = None
    confusion: NDArray[np.int64] | None = None


def sentences(item: Item) -> list[tuple[str, str]]:
    """Return id and text of every sentence of a recording."""
    return [(s.id, s.text) for note in item.notes for s in note.sentences]


def placed(item: Item, spans: Sequence[tuple[float, float] | None]) -> Alignment:
    """Return an alignment of the sentences in their order; None leaves one out."""
    found = [
        AlignedSpan(item.id, Span(*span), name, text, "", 0.0, float("nan"))
        for (name, text), span in zip(sentences(item), spans, strict=True)
        if span is not None
    ]
    return Alignment(tuple(found), (), NONE, NONE, 0.0)


def uniform(run: Run) -> Judged:
    """Spread all sentences evenly."""

    def place(item: Item) -> Alignment:
        edges = run.segments(item).edges()
        cuts = np.linspace(edges[0, 0], edges[-1, 1], len(sentences(item)) + 1)
        return placed(item, list(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)))

    return Judged(hits(run, place))


def grid_oracle(run: Run) -> Judged:
    """Put every sentence onto the frames that fit its truth best."""

    def place(item: Item) -> Alignment:
        edges = run.segments(item).edges()
        borders = np.append(edges[:, 0], edges[-1, 1])

        def nearest(seconds: float) -> float:
            return float(borders[np.abs(borders - seconds).argmin()])

        truth = [item.truth.get(name, ()) for name, _ in sentences(item)]
        spans = [(nearest(t[0].start), nearest(t[0].end)) if t else None for t in truth]
        return placed(item, spans)

    return Judged(hits(run, place))


def warp(scores: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return the sentence of each segment: in order, all used, no segment left out (plain DTW).

    Parameters
    ----------
    scores : (k, s) array
        With k >= s.

    References
    ----------
    Sakoe and Chiba (1978), Dynamic programming algorithm optimization for spoken word recognition.
    """
    k, s = scores.shape
    best = np.full((k, s), -np.inf)
    best[0, 0] = scores[0, 0]
    for i in range(1, k):
        before = np.append(-np.inf, best[i - 1, :-1])
        best[i] = np.maximum(best[i - 1], before) + scores[i]
    path = np.empty(k, np.int64)
    path[-1] = s - 1
    for i in range(k - 1, 0, -1):
        j = path[i]
        path[i - 1] = j - int(j > 0 and best[i - 1, j - 1] > best[i - 1, j])
    return path


def dtw(run: Run) -> Judged:
    """Warp the notes of a stamped model onto the frames, by closeness in its space."""

    def place(item: Item) -> Alignment:
        texts = [text for _, text in sentences(item)]
        closeness = run.model.encode_signal(run.rows(item)) @ run.model.encode_text(texts).T
        path = warp(closeness.astype(np.float64))
        edges = run.segments(item).edges()
        runs = [np.flatnonzero(path == j) for j in range(len(texts))]
        return placed(item, [(float(edges[r[0], 0]), float(edges[r[-1], 1])) for r in runs])

    return Judged(hits(run, place))


PEERS: dict[str, Callable[[Run], Judged]] = {
    "evenly spread": uniform,
    "grid oracle": grid_oracle,
    "plain DTW": dtw,
}
