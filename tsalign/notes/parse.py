"""A note's text to a `Note`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from tsalign.notes.assertion import assess
from tsalign.notes.clauses import split_clauses
from tsalign.notes.doc import places
from tsalign.notes.meanings import Meanings
from tsalign.notes.sentences import split_sentences
from tsalign.notes.times import Times
from tsalign.types import Note, Sentence


def parse(
    text: str | Any,
    *,
    written: datetime | None = None,
    recorded: tuple[datetime, datetime] | None = None,
    meanings: Meanings | None = None,
    clauses: bool = False,
) -> Note:
    """Return the sentences of a note, what they assert, when, how long and how often.

    Parameters
    ----------
    text : str or Doc
        The note as it was written; or a spaCy `Doc`, whose sentences are taken as they are, and
        negspacy's negations with them.
    written : datetime or None
        When it was written.
    recorded : (datetime, datetime) or None
        Start and end of the recording of which it speaks. Without it only what is told from the
        start of the recording has a window.
    meanings : Meanings or None
        What words of time mean; None for the table that comes with the package.
    clauses : bool
        Whether a sentence of several clauses becomes several sentences `n0.0.0`, `n0.0.1`, ...
        with the id of the whole one as `parent`.

    Returns
    -------
    Note
        With id `n0` and sentences `n0.0`, `n0.1`, ...; `Times` says which day a time of day is
        given.

    Raises
    ------
    TsalignError
        Where the recording ends before it starts, or only some datetimes have a time zone.

    Examples
    --------
    >>> [(s.text, s.assertion) for s in parse("Stood quietly. No dizziness.").sentences]
    [('Stood quietly.', 'present'), ('No dizziness.', 'absent')]
    >>> night = datetime(2024, 3, 5, 22), datetime(2024, 3, 6, 8)
    >>> woke, = parse("Woke twice between 2 and 4 am.", recorded=night).sentences
    >>> woke.when, woke.count
    (Span(start=14400.0, end=21600.0), 2)
    """
    times = Times(written=written, recorded=recorded, meanings=meanings)
    if not isinstance(text, str):
        return _of_doc(text, times)
    return Note("n0", text, sentences_of(text, "n0", times, clauses=clauses))


def _of_doc(doc: Any, times: Times) -> Note:
    found = []
    for index, (start, end, assertion) in enumerate(places(doc)):
        piece = doc.text[start:end]
        when, duration, count = times.read(piece)
        said = Sentence(piece, f"n0.{index}", (start, end), when, None, assertion)
        found.append(replace(said, duration=duration, count=count))
    return Note("n0", doc.text, tuple(found))


def sentences_of(
    text: str, note: str, times: Times, *, clauses: bool = False
) -> tuple[Sentence, ...]:
    """Return the sentences of a text with ids `<note>.<i>`, or their clauses.

    Examples
    --------
    >>> sentences_of("No pain.", "n3", Times())[0].id
    'n3.0'
    >>> both = sentences_of("No pain, dizziness.", "n3", Times(), clauses=True)
    >>> [(s.id, s.parent, s.assertion) for s in both]
    [('n3.0.0', 'n3.0', 'absent'), ('n3.0.1', 'n3.0', 'absent')]
    """
    found: list[Sentence] = []
    for index, (start, end) in enumerate(split_sentences(text)):
        piece, ident = text[start:end], f"{note}.{index}"
        parts = split_clauses(piece) if clauses else []
        if len(parts) > 1:
            found += _parts(piece, parts, ident, start, times)
            continue
        when, duration, count = times.read(piece)
        said = Sentence(piece, ident, (start, end), when, None, assess(piece))
        found.append(replace(said, duration=duration, count=count))
    return tuple(found)


def _parts(
    piece: str, parts: list[tuple[int, int]], ident: str, start: int, times: Times
) -> list[Sentence]:
    """Return clauses, each judged within its sentence; one without a time has that of the whole."""
    whole = times.peek(piece)
    found = []
    for index, (first, last) in enumerate(parts):
        text = piece[first:last]
        when, duration, count = times.read(text)
        chars = start + first, start + last
        kind = assess(piece, (first, last))
        said = Sentence(text, f"{ident}.{index}", chars, when or whole, None, kind)
        found.append(replace(said, duration=duration, count=count, parent=ident))
    return found
