"""Wholes in a shared space: recordings for a note, notes for a recording, figures of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tsalign.align.pooling.pooling import RECORDING, scale_name
from tsalign.align.pooling.stretches import cut
from tsalign.align.retrieval.index import Index
from tsalign.align.retrieval.queries import unit
from tsalign.align.supervision.noted import HERE, Noted, pairs_of
from tsalign.errors import TsalignError
from tsalign.types import Note, Part, Segments, Wholes

if TYPE_CHECKING:
    from tsalign.align.pooling.pooling import Scale
    from tsalign.align.space.pooled_space import PooledSpace


def recordings_for(
    model: PooledSpace,
    index: Index,
    note: Sequence[str],
    top: int = 10,
    part: Part | None = None,
    scale: Scale | None = None,
) -> list[tuple[str, float]]:
    """Return the recordings that a note as a whole fits best, the best first.

    Parameters
    ----------
    model : PooledSpace
        The one that the index was built with, learnt with pooling.
    index : Index
        Segments.
    note : sequence of str
        Its sentences.
    top : int
        At most so many.
    part : str or None
        Only recordings of this part; None for all.
    scale : float or "recording" or None
        Which of the scales learnt; None is the last of them.

    Returns
    -------
    list of (str, float)
        Recording, and the cosine of the places of both; equal ones in the order of the index.
    """
    able = [
        i
        for i, p in enumerate(index.parts)
        if part in (None, p) and index.rows[i] < index.rows[i + 1]
    ]
    if not able:
        return []
    bounds = np.stack([index.rows[able], index.rows[np.add(able, 1)]], axis=1)
    stretches = model.pool_segments(index.places, bounds, scale)
    return _best(
        [index.recordings[i] for i in able], stretches, model.encode_notes([note], scale), top
    )


def notes_for(
    model: PooledSpace,
    index: Index,
    recording: str,
    notes: Mapping[str, Sequence[str]],
    top: int = 10,
    scale: Scale | None = None,
) -> list[tuple[str, float]]:
    """Return the notes that fit a recording as a whole best, the best first.

    Parameters
    ----------
    model : PooledSpace
        The one that the index was built with, learnt with pooling.
    index : Index
        Segments.
    recording : str
        An id in the index.
    notes : mapping of str to sequence of str
        The sentences of each note, by its name.
    top, scale
        As in `recordings_for`.

    Returns
    -------
    list of (str, float)
        Note, and the cosine of the places of both; equal ones in the order given.

    Raises
    ------
    TsalignError
        When there is no such recording, or it has no segment.
    """
    if recording not in index.recordings:
        raise TsalignError(f"no recording of this run is called {recording!r}")
    bounds = index.rows[(at := index.recordings.index(recording)) : at + 2][None]
    own = model.pool_segments(index.places, bounds, scale)
    return _best(list(notes), model.encode_notes(list(notes.values()), scale), own, top)


def wholes_of(
    model: PooledSpace,
    places: NDArray[np.float32],
    segments: Segments,
    notes: Sequence[Note],
    scale: Scale = RECORDING,
) -> Wholes | None:
    """Return where the stretches of a recording lie, and what the notes say of each.

    Parameters
    ----------
    model : PooledSpace
        Learnt; without pooling, plain means stand for what it would have learnt.
    places : (k, dimension) float32
        Of the segments, from `encode_signal`.
    segments : Segments
        Where they lie.
    notes : sequence of Note
        Of stretches in seconds a note says what its stamps say of them; of all of the recording
        it says all of its sentences, stamped or not.
    scale : float or "recording"
        How long stretches are.

    Returns
    -------
    Wholes or None
        Stretches of which nothing is said are left out; None where that is all of them, or
        the recording has no segment.
    """
    bounds, said, owner = _told(segments, notes, scale)
    if not said:
        return None
    means = unit(np.stack([places[first:last].mean(0) for first, last in bounds]))
    note_means = unit(np.stack([model.encode_text(texts).mean(0) for texts in said]))
    learnt = means, note_means
    if model.pooling is not None:
        learnt = model.pool_segments(places, bounds, scale), model.encode_notes(said, scale)
    return Wholes(scale_name(scale), learnt[0], means, learnt[1], note_means, owner)


def _told(
    segments: Segments, notes: Sequence[Note], scale: Scale
) -> tuple[NDArray[np.int64], list[list[str]], NDArray[np.int64]]:
    """Return stretches, the sentences of each note about one, and about which."""
    if not len(segments):
        return np.empty((0, 2), np.int64), [], np.empty(0, np.int64)
    if scale == RECORDING:
        spoken = [[s.text for s in note.sentences if s.assertion in HERE] for note in notes]
        said = [texts for texts in spoken if texts]
        return np.array([[0, len(segments)]]), said, np.zeros(len(said), np.int64)
    one = Noted(np.zeros((len(segments), 0), np.float32), segments, tuple(notes))
    try:
        pairs = pairs_of([one])
    except TsalignError:  # no sentence has a place here
        return np.empty((0, 2), np.int64), [], np.empty(0, np.int64)
    found = cut(scale, pairs.text.astype(np.int64), np.zeros(len(pairs.text), int), pairs.seconds)
    _, first, owner = np.unique(found.same, return_index=True, return_inverse=True)
    bounds = found.bounds[first] - found.bounds[first, :1] // len(segments) * len(segments)
    return bounds, [[pairs.texts[i] for i in note] for note in found.notes()], owner


def _best(
    names: Sequence[str], rows: NDArray[np.float32], sought: NDArray[np.float32], top: int
) -> list[tuple[str, float]]:
    close = rows @ sought[0]
    return [(names[i], float(close[i])) for i in np.argsort(-close, kind="stable")[:top]]
