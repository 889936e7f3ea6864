"""Stretches of recordings of several time scales, beside what is said in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tsalign.align.pooling.pooling import RECORDING, Pooling, Scale, check_scales, scale_name
from tsalign.errors import TsalignError

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Stretches:
    """Stretches of one scale, those without a word left out.

    Parameters
    ----------
    bounds : (t, 2) int64
        Rows of each, half-open.
    said : (m,) int64
        What is said in them, one stretch after the other, in the order of time.
    counts : (t,) int64
        How much is said in each: at least one thing.
    same : (t,) int64
        The same number where it is the same stretch of the same recording, told of by two notes.
    """

    bounds: Ints
    said: Ints
    counts: Ints
    same: Ints

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.bounds)

    def notes(self) -> list[Ints]:
        """Return what is said in each."""
        last = np.cumsum(self.counts)
        return [self.said[b - n : b] for b, n in zip(last, self.counts, strict=True)]


def cut(
    scale: Scale,
    said: Ints,
    wholes: NDArray[np.integer],
    seconds: NDArray[np.float64] | None,
    phase: float = 0.0,
) -> Stretches:
    """Cut recordings into stretches of equal length, the last of each the rest.

    Parameters
    ----------
    scale : float or "recording"
        Seconds of a stretch, or all of a recording.
    said : (n,) int64
        What is said of each segment, -1 for nothing; neighbours of which the same is said are
        spoken of once.
    wholes : (n,) int
        Recording of each segment; those of one stand together, in the order of time, and once
        more for every further note.
    seconds : (n, 2) float64 or None
        Start and end of each; scales in seconds need them.
    phase : float
        Share of the length that the first stretch of a recording lacks.

    Returns
    -------
    Stretches
        Segments are in the stretch that holds their middle.

    Raises
    ------
    TsalignError
        When seconds are needed and there are none.

    Examples
    --------
    >>> time = np.arange(6.0)
    >>> told = np.array([0, 0, 0, 1, -1, -1]), np.zeros(6, int), np.stack([time, time + 1], 1)
    >>> found = cut(2.0, *told)
    >>> found.bounds.tolist(), [note.tolist() for note in found.notes()]
    ([[0, 2], [2, 4]], [[0], [0, 1]])
    """
    again = np.zeros(len(said), bool)
    part = np.zeros(len(said))
    if seconds is not None:
        again[1:] = np.diff(seconds[:, 0]) < 0
    if scale != RECORDING:
        if seconds is None:
            raise TsalignError(
                f"pooling over {scale:g} s needs the times of the segments: pairs with seconds"
            )
        new = np.flatnonzero(_changes(wholes) | again)
        begin = np.repeat(seconds[new, 0], np.diff([*new, len(said)]))
        part = np.floor((seconds.mean(axis=1) - begin) / scale + phase)
    border = _changes(wholes) | _changes(part) | again
    first = np.flatnonzero(border)
    runs = np.flatnonzero((border | _changes(said)) & (said >= 0))
    counts = np.bincount(np.searchsorted(first, runs, side="right") - 1, minlength=len(first))
    told = counts > 0
    bounds = np.stack([first, np.append(first[1:], len(said))[: len(first)]], axis=1)[told]
    where = np.stack([wholes[bounds[:, 0]], part[bounds[:, 0]]])
    _, same = np.unique(where, axis=1, return_inverse=True)
    return Stretches(bounds, said[runs], counts[told], same.ravel())


def _changes(row: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Tell where something else begins."""
    return np.append([True], row[1:] != row[:-1])[: len(row)]


@dataclass(frozen=True, eq=False)
class Group:
    """Some stretches of one scale, as a step looks at them.

    Parameters
    ----------
    rows : (b, m) int64
        Segments of each stretch, -1 where it has no more.
    wording : (b, s) int64
        A text for each thing that is said in it, -1 where there is no more.
    kin : (b, 2) int64
        The same number where the same is said, in whatever order; and where the stretch is.
    scale : int
        Which.
    """

    rows: Ints
    wording: Ints
    kin: Ints
    scale: int

    def part(self, own: int, world: int) -> Group:
        """Return every so-manyth stretch: the part of process `own`."""
        mine = slice(own, None, world)
        return Group(self.rows[mine], self.wording[mine], self.kin[mine], self.scale)


@dataclass(frozen=True, eq=False)
class Whole:
    """Where the segments of examples lie, and how stretches of them are looked at.

    Parameters
    ----------
    pooling : Pooling
        Scales, and the size of a step.
    wholes : (n,) int
        Recording of each segment, gaps and all.
    seconds : (n, 2) float64 or None
        Start and end of each.
    every : bool
        Whether all segments of a stretch are looked at, not some.
    """

    pooling: Pooling
    wholes: NDArray[np.integer]
    seconds: NDArray[np.float64] | None
    every: bool = False

    def check(self, said: Ints) -> None:
        """Raise a `TsalignError` unless each scale has two stretches with a sentence.

        Parameters
        ----------
        said : (n,) int64
            As in `cut`.
        """
        check_scales(self.pooling.scales)
        for scale in self.pooling.scales:
            many = len(cut(scale, said, self.wholes, self.seconds))
            if many < 2:
                what = "no stretch has a sentence" if not many else "one stretch has a sentence"
                raise TsalignError(
                    f"pooling: of scale {scale_name(scale)} {what}; at least two are compared"
                )

    def once(self, said: Ints, text_concept: Ints, rng: np.random.Generator) -> list[Group]:
        """Return all stretches of all scales, in groups.

        Parameters
        ----------
        said : (n,) int64
            Concept of each segment.
        text_concept : (m,) int64
            Concept of each wording, sorted.
        rng : numpy.random.Generator
            Draws groups, segments and wordings.
        """
        numbers = range(len(self.pooling.scales))
        return [g for i in numbers for g in self._round(i, said, text_concept, rng, 0.0)]

    def forever(self, said: Ints, text_concept: Ints, rng: np.random.Generator) -> Iterator[Group]:
        """Yield groups of the scales in turn, the borders of stretches drawn anew each round.

        Parameters
        ----------
        said, text_concept, rng
            As in `once`.
        """

        def turns(number: int) -> Iterator[Group]:
            while True:
                yield from self._round(number, said, text_concept, rng, float(rng.random()))

        every = [turns(i) for i in range(len(self.pooling.scales))]
        while True:
            for scale in every:
                yield next(scale)

    def _round(
        self, number: int, said: Ints, text_concept: Ints, rng: np.random.Generator, phase: float
    ) -> Iterator[Group]:
        some = cut(self.pooling.scales[number], said, self.wholes, self.seconds, phase)
        notes, size = some.notes(), self.pooling.batch_size
        if not len(some):
            return
        # Few make no group of their own: they would be told from too few.
        for chosen in np.array_split(rng.permutation(len(some)), max(len(some) // size, 1)):
            told = [notes[i] for i in chosen]
            ids: dict[tuple[int, ...], int] = {}
            alike = [ids.setdefault(tuple(sorted(note.tolist())), len(ids)) for note in told]
            kin = np.stack([np.array(alike), some.same[chosen]], axis=1)
            rows = [self._members(*some.bounds[i].tolist(), rng) for i in chosen]
            wording = [_worded(note, text_concept, rng) for note in told]
            yield Group(_padded(rows), _padded(wording), kin, number)

    def _members(self, first: int, last: int, rng: np.random.Generator) -> Ints:
        """Return segments of a stretch, spread over it; all where they are few."""
        count, most = last - first, self.pooling.members
        if self.every or count <= most:
            return np.arange(first, last)
        return first + ((np.arange(most) + rng.random(most)) * count / most).astype(np.int64)


def _worded(note: Ints, text_concept: Ints, rng: np.random.Generator) -> Ints:
    """Return a wording of each concept."""
    low = np.searchsorted(text_concept, note)
    high = np.searchsorted(text_concept, note, side="right")
    return low + np.floor(rng.random(len(note)) * (high - low)).astype(np.int64)


def _padded(rows: Sequence[Ints]) -> Ints:
    """Return rows of unequal length as one array, -1 where one has no more."""
    out = np.full((len(rows), max(map(len, rows), default=0)), -1, np.int64)
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    return out
