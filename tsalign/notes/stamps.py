"""What the stamps of sentences say, and notes with other stamps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from tsalign.types import Note, Span


def stamped(notes: Iterable[Note], places: Mapping[str, Sequence[Span]]) -> tuple[Note, ...]:
    """Return notes that state these places as the exact times of their sentences.

    Parameters
    ----------
    notes : iterable of Note
        Their own stamps are left out.
    places : mapping of str to sequence of Span
        By sentence id, as from `read_truths`; the first counts, and one without any has no stamp.

    Returns
    -------
    tuple of Note
        In the same order.

    Examples
    --------
    >>> from tsalign.notes import parse
    >>> note = parse("Sat down. No pain.")
    >>> (note,) = stamped([note], {"n0.0": [Span(3.0, 5.0)], "n0.1": []})
    >>> [sentence.stamp for sentence in note.sentences]
    [Span(start=3.0, end=5.0), None]
    """

    def first(sentence: str) -> Span | None:
        return next(iter(places.get(sentence, ())), None)

    return tuple(
        replace(n, sentences=tuple(replace(s, stamp=first(s.id)) for s in n.sentences))
        for n in notes
    )


def durations(notes: Iterable[Note]) -> dict[str, list[float]]:
    """Return the seconds of all stamps, by what is said.

    Parameters
    ----------
    notes : iterable of Note
        Of any recordings.

    Returns
    -------
    dict of str to list of float
        By concept, or by the text of a sentence that has none; stamps of no duration left out.

    Examples
    --------
    >>> from tsalign.notes import parse
    >>> durations(stamped([parse("Sat down.")], {"n0.0": [Span(3.0, 5.0)]}))
    {'Sat down.': [2.0]}
    """
    seconds: dict[str, list[float]] = {}
    for sentence in (s for note in notes for s in note.sentences):
        if sentence.stamp is not None and sentence.stamp.duration > 0:
            name = sentence.concept or sentence.text
            seconds.setdefault(name, []).append(sentence.stamp.duration)
    return seconds
