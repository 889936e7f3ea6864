"""Recordings beside their notes, and what each note claims about which segments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tsalign.align.pairs import Pairs, check_features
from tsalign.errors import TsalignError
from tsalign.types import Note, Segments, Sentence, Span

Kind = Literal["stamped", "loose", "ordered", "unordered"]
Supervision = Literal["auto", Kind]
Text = tuple[str, str | None]
HERE = ("present", "possible")
"""Assertions that speak of something in the recording."""


@dataclass(frozen=True, eq=False)
class Noted:
    """The segments of one recording beside the notes about it.

    Parameters
    ----------
    features : (k, d) float32
        One row a segment.
    segments : Segments
        Where they lie.
    notes : tuple of Note
        `stamp` of a sentence is its stated time; `covers` of a note the stretch that it speaks
        of, all of the recording where it has none; `ordered` whether its sentences follow the
        events.

    Raises
    ------
    TsalignError
        When features and segments differ in number, or a row of features is not finite.

    Examples
    --------
    >>> note = Note("n", sentences=(Sentence("He sat.", "n.0", stamp=Span(0.0, 1.0)),))
    >>> two = Segments(np.array([[0, 1], [1, 2]]), rate=1.0)
    >>> pairs_of([Noted(np.zeros((2, 3), np.float32), two, (note,))]).text.tolist()
    [0, -1]
    """

    features: NDArray[np.float32]
    segments: Segments
    notes: tuple[Note, ...]

    def __post_init__(self) -> None:
        """Check that everything fits together."""
        check_features(self.features)
        if len(self.features) != len(self.segments):
            raise TsalignError(f"{len(self.features)} rows, but {len(self.segments)} segments")


@dataclass(frozen=True, eq=False)
class Claim:
    """What one note says: which texts belong somewhere into which stretch of segments.

    Parameters
    ----------
    place : int
        Which recording.
    first, last : int
        Its segments `[first, last)`.
    said : (s,) int64
        Which texts.
    windows : (s, 2) int64
        Where in the stretch each may lie; for stamped ones where it lies.
    stamps : (s, 2) int64
        Where it lies by its stamp; as `windows` where it has none.
    seconds : (s,) float64
        How long each was by its stamp; NaN where it has none.
    kind : str
        How much the windows and the order are worth.
    """

    place: int
    first: int
    last: int
    said: NDArray[np.int64]
    windows: NDArray[np.int64]
    stamps: NDArray[np.int64]
    seconds: NDArray[np.float64]
    kind: Kind

    def __len__(self) -> int:
        """Count the segments."""
        return self.last - self.first


@dataclass(frozen=True, eq=False)
class Guess:
    """Which sentence of its note each segment belongs to, and how sure that is.

    Parameters
    ----------
    labels : (k,) int64
        Sentence, or -1 for nothing.
    sure : (k,) float32
        0 teaches nothing.
    may : (k, s) bool or None
        Where no more is known than a bag: which sentences the segment may belong to.
    """

    labels: NDArray[np.int64]
    sure: NDArray[np.float32]
    may: NDArray[np.bool_] | None = None


def claims_of(
    recordings: Sequence[Noted], supervision: Supervision = "auto", tolerance: float = 0.0
) -> tuple[list[Claim], list[Text]]:
    """Return what all notes claim, and the texts with their concepts.

    Parameters
    ----------
    recordings : sequence of Noted
        What there is to learn from.
    supervision : str
        How much the notes tell; `auto`: each note by itself.
    tolerance : float
        Seconds by which stamps may be wrong.

    Raises
    ------
    TsalignError
        When no note tells anything of that kind.
    """
    texts: dict[Text, int] = {}
    claims: list[Claim] = []
    for place, noted in enumerate(recordings):
        middle = noted.segments.edges().mean(axis=1)
        for note in noted.notes:
            said = [s for s in note.sentences if s.assertion in HERE]
            kind = _kind(note, said) if supervision == "auto" else supervision
            if kind in ("stamped", "loose") and supervision != "stamped":
                kind = "loose" if tolerance else "stamped"
            if kind in ("stamped", "loose"):
                said = [s for s in said if s.stamp is not None]
            span = note.covers or Span(-np.inf, np.inf)
            first, last = np.searchsorted(middle, [span.start, span.end]).tolist()
            if (said or any(s.stamp for s in note.sentences)) and first < last:
                claims.append(_claim(place, (first, last), middle, said, kind, tolerance, texts))
    for sentence in (s for noted in recordings for note in noted.notes for s in note.sentences):
        if sentence.concept is not None and sentence.assertion in HERE:
            texts.setdefault((sentence.text, sentence.concept), len(texts))  # words alone
    if not any(len(claim.said) for claim in claims):
        raise TsalignError(f"no note tells anything to learn from as supervision={supervision!r}")
    return claims, list(texts)


def _kind(note: Note, said: Sequence[Sentence]) -> Kind:
    if all(s.stamp is not None for s in said):
        return "stamped"
    return "ordered" if note.ordered else "unordered"


def _claim(
    place: int,
    stretch: tuple[int, int],
    middle: NDArray[np.float64],
    said: Sequence[Sentence],
    kind: Kind,
    tolerance: float,
    texts: dict[Text, int],
) -> Claim:
    wide = 0.0 if kind == "stamped" else tolerance
    windows = np.tile(np.subtract(stretch, stretch[0]), (len(said), 1))
    stamps, seconds = windows.copy(), np.full(len(said), np.nan)
    for j, sentence in enumerate(said):
        if sentence.stamp is not None:
            seconds[j] = sentence.stamp.duration
            start, end = sentence.stamp.start, sentence.stamp.end
            for rows, edge in ((windows, wide), (stamps, 0.0)):
                near = np.searchsorted(middle, [start - edge, end + edge]) - stretch[0]
                rows[j] = np.clip(near, 0, stretch[1] - stretch[0])
    ids = [texts.setdefault((s.text, s.concept), len(texts)) for s in said]
    return Claim(place, *stretch, np.array(ids, np.int64), windows, stamps, seconds, kind)


def as_stamped(claim: Claim) -> Guess:
    """Return what the stamps say, taken at their word: the last sentence of a segment counts."""
    labels = np.full(len(claim), -1, np.int64)
    for j, (start, end) in enumerate(claim.stamps):
        labels[start:end] = j
    return Guess(labels, np.ones(len(claim), np.float32))


def pairs_of(recordings: Sequence[Noted], elsewhere: Iterable[str] = ()) -> Pairs:
    """Return the segments beside the sentences whose stamps hold their middle.

    Parameters
    ----------
    recordings : sequence of Noted
        Notes without any stamp are passed over.
    elsewhere : iterable of str
        Sentences known to match nothing.

    Returns
    -------
    Pairs
        Rows of a recording stand once for each layer of overlapping notes.
    """
    claims, texts = claims_of(recordings, "stamped")
    return joined(recordings, claims, [as_stamped(c) for c in claims], texts, elsewhere)


def joined(
    recordings: Sequence[Noted],
    claims: Sequence[Claim],
    guesses: Sequence[Guess],
    texts: Sequence[Text],
    elsewhere: Iterable[str] = (),
) -> Pairs:
    """Return guesses as pairs; segments that no note speaks of are context alone.

    Parameters
    ----------
    recordings : sequence of Noted
        What the claims are about.
    claims, guesses : sequence of Claim, sequence of Guess
        One guess a claim.
    texts : sequence of (str, str or None)
        Texts and concepts.
    elsewhere : iterable of str
        Sentences known to match nothing.
    """
    layers = [
        (place, layer)
        for place in range(len(recordings))
        for layer in _layers(claims, [i for i, claim in enumerate(claims) if claim.place == place])
    ]
    bags: dict[tuple[int, ...], int] = {}
    rows = [
        _row(len(recordings[place].features), [(claims[i], guesses[i]) for i in layer], bags)
        for place, layer in layers
    ]
    text, weights, bag = (np.concatenate(column) for column in zip(*rows, strict=True))
    # Across a stretch without signal nobody is anybody's neighbour.
    pieces = [s.stop - s.start for i, _ in layers for s in recordings[i].segments.unbroken()]
    counts = [len(recordings[place].features) for place, _ in layers]
    every = list(dict.fromkeys([*texts, *((text, None) for text in elsewhere)]))
    return Pairs(
        features=np.concatenate([recordings[place].features for place, _ in layers]),
        text=text,
        texts=tuple(text for text, _ in every),
        concepts=tuple(concept for _, concept in every),
        recordings=np.repeat(np.arange(len(pieces)), pieces).astype(np.int32),
        weights=None if (weights == 1).all() else weights,
        bag=bag if bags else None,
        bags=tuple(bags),
        seconds=np.concatenate([recordings[place].segments.edges() for place, _ in layers]),
        wholes=np.repeat([place for place, _ in layers], counts).astype(np.int32),
    )


def _row(
    count: int, layer: Sequence[tuple[Claim, Guess]], bags: dict[tuple[int, ...], int]
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int32]]:
    """Return text, weight and bag of each segment of one recording."""
    text, bag = np.full((2, count), -1, np.int32)
    weights = np.zeros(count, np.float32)
    for claim, guess in layer:
        text[claim.first : claim.last] = np.append(claim.said, -1)[guess.labels]
        weights[claim.first : claim.last] = guess.sure
        if guess.may is not None:
            which, back = np.unique(guess.may, axis=0, return_inverse=True)
            said = [tuple(np.unique(claim.said[row]).tolist()) for row in which]
            known = [bags.setdefault(some, len(bags)) if some else -1 for some in said]
            bag[claim.first : claim.last] = np.array(known, np.int32)[back]
    return text, weights, bag


def _layers(claims: Sequence[Claim], here: Sequence[int]) -> list[list[int]]:
    """Return groups of claims that do not overlap, each claim in the first group with room."""
    layers: list[list[int]] = []
    for i in here:
        for layer in layers:
            if all(
                claims[i].first >= claims[j].last or claims[i].last <= claims[j].first
                for j in layer
            ):
                layer.append(i)
                break
        else:
            layers.append([i])
    return layers
