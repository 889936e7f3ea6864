"""A note's text to a `Note`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from tsalign.notes.assertion import assess
from tsalign.notes.meanings import Meanings
from tsalign.notes.sentences import split_sentences
from tsalign.notes.times import Times
from tsalign.types import Note, Sentence


def parse(
    text: str,
    *,
    written: datetime | None = None,
    recorded: tuple[datetime, datetime] | None = None,
    meanings: Meanings | None = None,
) -> Note:
    """Return the sentences of a note, what they assert, when, how long and how often.

    Parameters
    ----------
    text : str
        The note as it was written.
    written : datetime or None
        When it was written.
    recorded : (datetime, datetime) or None
        Start and end of the recording of which it speaks. Without it only what is told from the
        start of the recording has a window.
    meanings : Meanings or None
        What words of time mean; None for the table that comes with the package.

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
    return Note("n0", text, sentences_of(text, "n0", times))


def sentences_of(text: str, note: str, times: Times) -> tuple[Sentence, ...]:
    """Return the sentences of a text with ids `<note>.<i>`.

    Examples
    --------
    >>> sentences_of("No pain.", "n3", Times())[0].id
    'n3.0'
    """
    found = []
    for index, (start, end) in enumerate(split_sentences(text)):
        piece = text[start:end]
        when, duration, count = times.read(piece)
        said = Sentence(piece, f"{note}.{index}", (start, end), when, None, assess(piece))
        found.append(replace(said, duration=duration, count=count))
    return tuple(found)
