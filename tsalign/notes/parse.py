"""A note's text to a `Note`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from tsalign.notes.assertion import assess
from tsalign.notes.clauses import split_clauses
from tsalign.notes.doc import places
from tsalign.notes.meanings import Meanings
from tsalign.notes.sentences import split_sentences
from tsalign.notes.times import Times
from tsalign.types import Assertion, Note, Sentence


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
    if isinstance(text, str):
        return Note("n0", text, sentences_of(text, "n0", times, clauses=clauses))
    found: list[Sentence] = []
    for index, (chars, judge) in enumerate(places(text)):
        piece = text.text[slice(*chars)]
        found += said(piece, f"n0.{index}", chars, times, judge, clauses=clauses)
    return Note("n0", text.text, tuple(found))


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
    for index, chars in enumerate(split_sentences(text)):
        piece = text[slice(*chars)]
        judge = partial(assess, piece)
        found += said(piece, f"{note}.{index}", chars, times, judge, clauses=clauses)
    return tuple(found)


def said(
    piece: str,
    ident: str,
    chars: tuple[int, int],
    times: Times,
    judge: Callable[[tuple[int, int] | None], Assertion],
    *,
    clauses: bool = False,
) -> list[Sentence]:
    """Return one sentence with its times, or its clauses where that is wanted and there are some.

    Parameters
    ----------
    piece, ident : str
        The sentence and its id.
    chars : (int, int)
        Its place in the note; (0, 0) where there is no running text.
    times : Times
        Reads it next.
    judge : callable
        From the place of a clause in the sentence, or None for all of it, to what it asserts.
    clauses : bool
        Whether to cut it. A clause without a time of its own has that of the whole.

    Returns
    -------
    list of Sentence
        Clauses have ids `<ident>.<i>` and `ident` as their parent.
    """
    parts = split_clauses(piece) if clauses else []
    if len(parts) < 2:
        when, duration, count = times.read(piece)
        whole = Sentence(piece, ident, chars, when, None, judge(None))
        return [replace(whole, duration=duration, count=count)]
    shared, found = times.peek(piece), []
    for index, (first, last) in enumerate(parts):
        when, duration, count = times.read(piece[first:last])
        place = (chars[0] + first, chars[0] + last) if chars[1] else chars
        kind = judge((first, last))
        clause = Sentence(piece[first:last], f"{ident}.{index}", place, when or shared, None, kind)
        found.append(replace(clause, duration=duration, count=count, parent=ident))
    return found
