"""Retrieval of wholes: recordings for a note, notes for a recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tsalign.align.index import Index
from tsalign.errors import TsalignError
from tsalign.types import Part

if TYPE_CHECKING:
    from tsalign.align.pooled_space import PooledSpace
    from tsalign.align.pooling import Scale


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


def _best(
    names: Sequence[str], rows: NDArray[np.float32], sought: NDArray[np.float32], top: int
) -> list[tuple[str, float]]:
    close = rows @ sought[0]
    return [(names[i], float(close[i])) for i in np.argsort(-close, kind="stable")[:top]]
