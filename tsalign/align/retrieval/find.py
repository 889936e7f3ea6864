"""Retrieval both ways: stretches of recordings for a sentence, sentences for a stretch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from tsalign.align.retrieval.index import Index
from tsalign.align.retrieval.queries import Queries, unit
from tsalign.errors import TsalignError
from tsalign.kernels.maximal import maximal_runs
from tsalign.types import Part, Span

if TYPE_CHECKING:
    from tsalign.align.space.shared_space import SharedSpace

BLOCK = 65_536  # segments judged at once: bounds memory
WITHIN = 2.0
"""Log-odds below its best segment down to which a query that fits nowhere well still answers."""


@dataclass(frozen=True)
class Hit:
    """A stretch of a recording that answers a query.

    Parameters
    ----------
    recording, part : str
        Where.
    span : Span
        Seconds of the recording.
    score : float
        Log-odds above even ones, summed over the segments of the stretch.
    chance : float
        Mean calibrated chance of its segments that the query speaks of them.
    """

    recording: str
    part: Part
    span: Span
    score: float
    chance: float


def find(
    model: SharedSpace, index: Index, query: Queries, top: int = 10, part: Part | None = None
) -> list[Hit]:
    """Return the stretches that answer a query best, the best first.

    The search is exact: every segment is judged. Neighbours are joined so that the summed
    log-odds of a stretch are highest; with no segment of even odds, those near the best count.

    Parameters
    ----------
    model : SharedSpace
        The one that the index was built with.
    index : Index
        Segments.
    query : Queries
        A single one.
    top : int
        At most so many stretches.
    part : str or None
        Only in recordings of this part; None for all.

    Returns
    -------
    list of Hit
        Equal scores in the order of the index.
    """
    pieces = index.pieces(part)
    if not len(pieces):
        return []
    odds = _judged(model, index, query, np.concatenate([np.arange(a, b) for a, b in pieces]))
    least = min(0.0, float(odds.max()) - WITHIN)
    runs = maximal_runs(odds - least, pieces)
    scores = np.array([(odds[a:b] - least).sum() for a, b in runs])
    best = np.argsort(-scores, kind="stable")[:top]
    return [_hit(index, odds, runs[i], float(scores[i])) for i in best]


def sentences_for(
    model: SharedSpace, index: Index, recording: str, span: Span, top: int = 10
) -> list[tuple[str, float]]:
    """Return the sentences of all notes that speak best of a stretch.

    Parameters
    ----------
    model : SharedSpace
        The one that the index was built with.
    index : Index
        Segments and sentences.
    recording : str
        An id in the index.
    span : Span
        Seconds; segments count whose middle lies inside.
    top : int
        At most so many.

    Returns
    -------
    list of (str, float)
        Sentence, and the mean over the segments of the chance that it speaks of them; equal ones
        in the order of the alphabet.

    Raises
    ------
    TsalignError
        When there is no such recording, or no segment in the stretch.
    """
    if recording not in index.recordings:
        raise TsalignError(f"no recording of this run is called {recording!r}")
    first, last = index.rows[(at := index.recordings.index(recording)) : at + 2]
    middle = index.edges[first:last].mean(axis=1)
    inside = np.flatnonzero((middle >= span.start) & (middle < span.end)) + first
    if not len(inside):
        message = f"no segment between {span.start:g} and {span.end:g} s"
        raise TsalignError(message, recording=recording)
    if not index.texts:
        return []
    chance = expit(model.judge(unit(index.places[inside].astype(float)), index.sentences)).mean(0)
    best = np.argsort(-chance, kind="stable")[:top]
    return [(index.texts[i], float(chance[i])) for i in best]


def _judged(
    model: SharedSpace, index: Index, query: Queries, rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the log-odds of some segments, block by block, and of the others never."""
    out = np.full(len(index), -np.inf)
    for first in range(0, len(rows), BLOCK):
        block = rows[first : first + BLOCK]
        out[block] = model.judge(index.places[block].astype(np.float32), query)[:, 0]
    return out


def _hit(index: Index, odds: NDArray[np.float64], run: NDArray[np.int64], score: float) -> Hit:
    first, last = run
    at = int(index.owner(run[:1])[0])
    span = Span(float(index.edges[first, 0]), float(index.edges[last - 1, 1]))
    chance = float(expit(odds[first:last]).mean())
    return Hit(index.recordings[at], index.parts[at], span, score, chance)
