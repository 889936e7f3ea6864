"""Every segment of the aligned recordings in the shared space, kept in a run folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tsalign import folders
from tsalign.align.retrieval.queries import Queries
from tsalign.errors import TsalignError
from tsalign.types import Part

if TYPE_CHECKING:
    from tsalign.align.space.shared_space import SharedSpace

ARRAYS = ("rows", "edges", "places")
Piece = tuple[str, Part, NDArray[np.float64], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Index:
    """Segments and sentences of a run as rows of the shared space.

    Half precision: 256 bytes a segment of 128 dimensions, and a cosine is off by 0.001 at most.

    Parameters
    ----------
    recordings : tuple of str
        Ids of the r recordings, in the order of the rows.
    parts : tuple of str
        `train`, `valid` or `test`, one a recording.
    rows : (r + 1,) int64
        Recording i holds the segments `rows[i]` to `rows[i + 1]`.
    edges : (n, 2) float64
        Start and end of each segment in seconds of its recording.
    places : (n, d) float16
        Where each lies in the shared space.
    texts : tuple of str
        The t distinct sentences of all notes.
    sentences : Queries
        The same as things to look for, places in float16.
    """

    recordings: tuple[str, ...]
    parts: tuple[Part, ...]
    rows: NDArray[np.int64]
    edges: NDArray[np.float64]
    places: NDArray[np.float16]
    texts: tuple[str, ...]
    sentences: Queries

    @classmethod
    def build(cls, model: SharedSpace, pieces: Iterable[Piece], texts: Sequence[str] = ()) -> Index:
        """Place segments and sentences.

        Parameters
        ----------
        model : SharedSpace
            Learnt.
        pieces : iterable of (recording, part, edges, places)
            Edges (k, 2) in seconds, places (k, d) from `encode_signal`; gone through once.
        texts : sequence of str
            Sentences; repeated ones are kept once.

        Returns
        -------
        Index

        Raises
        ------
        TsalignError
            When there is no recording.
        """
        names, parts, edges, places = [], [], [], []
        for name, part, times, rows in pieces:
            names.append(name)
            parts.append(part)
            edges.append(np.asarray(times, np.float64).reshape(-1, 2))
            places.append(rows.astype(np.float16))
        if not names:
            raise TsalignError("an index needs at least one recording")
        first = np.cumsum([0, *map(len, edges)]).astype(np.int64)
        distinct = tuple(sorted(set(texts)))
        width = (model.dimension, len(model.concepts_))
        said = model.queries(distinct) if distinct else Queries(*(np.empty((0, n)) for n in width))
        said = Queries(said.places.astype(np.float16), said.meanings.astype(np.float32))
        joined = np.concatenate(edges), np.concatenate(places)
        return cls(tuple(names), tuple(parts), first, *joined, distinct, said)

    def __len__(self) -> int:
        """Return the number of segments."""
        return len(self.places)

    def pieces(self, part: Part | None = None) -> NDArray[np.int64]:
        """Return the stretches of rows that no answer leaves: between them signal is missing.

        Parameters
        ----------
        part : str or None
            Only of these recordings; None for all.

        Returns
        -------
        (p, 2) int64
            Half-open.
        """
        gap = self.edges[1:, 0] - self.edges[:-1, 1] > 1e-6
        cuts = np.unique([*self.rows, *(np.flatnonzero(gap) + 1)])
        both = np.stack([cuts[:-1], cuts[1:]], axis=1)
        owner = self.owner(both[:, 0])
        kept = np.array([part in (None, self.parts[i]) for i in owner], bool)
        return both[kept] if len(both) else both.reshape(0, 2)

    def owner(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the place in `recordings` of the one that holds each row.

        Parameters
        ----------
        rows : (q,) int64
            Segments.

        Returns
        -------
        (q,) int64
        """
        return np.searchsorted(self.rows, rows, side="right") - 1

    def save(self, folder: str | Path) -> None:
        """Write the index as one JSON and one safetensors file.

        Parameters
        ----------
        folder : str or Path
            Made where it is missing.
        """
        about = {"class": "index", "version": 1, "texts": list(self.texts)}
        about |= {"recordings": list(self.recordings), "parts": list(self.parts)}
        arrays = {name: getattr(self, name) for name in ARRAYS}
        arrays |= {"texts": self.sentences.places, "meanings": self.sentences.meanings}
        folders.save(folder, about, arrays)

    @classmethod
    def load(cls, folder: str | Path) -> Index:
        """Read what `save` wrote.

        Parameters
        ----------
        folder : str or Path
            Of an index.

        Returns
        -------
        Index

        Raises
        ------
        TsalignError
            When the folder holds no whole index.
        """
        about, arrays = folders.load(folder)
        if about.get("class") != "index":
            raise TsalignError("this is no index of segments", file=str(folder))
        said = Queries(arrays["texts"], arrays["meanings"])
        who = tuple(about["recordings"]), tuple(about["parts"])
        return cls(*who, *(arrays[name] for name in ARRAYS), tuple(about["texts"]), said)
