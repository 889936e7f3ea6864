"""A note's text to a `Note`."""

from __future__ import annotations

from datetime import datetime

from tsalign.notes.assertion import assess
from tsalign.notes.sentences import split_sentences
from tsalign.types import Note, Sentence


def parse(
    text: str,
    *,
    written: datetime | None = None,
    recorded: tuple[datetime, datetime] | None = None,
) -> Note:
    """Return the sentences of a note and what they assert.

    Parameters
    ----------
    text : str
        The note as it was written.
    written : datetime or None
        When it was written.
    recorded : (datetime, datetime) or None
        Start and end of the recording of which it speaks.

    Returns
    -------
    Note
        With id `n0` and sentences `n0.0`, `n0.1`, ...

    Examples
    --------
    >>> [(s.text, s.assertion) for s in parse("Stood quietly. No dizziness.").sentences]
    [('Stood quietly.', 'present'), ('No dizziness.', 'absent')]
    """
    return Note("n0", text, sentences_of(text, "n0"))


def sentences_of(text: str, note: str) -> tuple[Sentence, ...]:
    """Return the sentences of a text with ids `<note>.<i>`.

    Examples
    --------
    >>> sentences_of("No pain.", "n3")[0].id
    'n3.0'
    """
    found = []
    for index, (start, end) in enumerate(split_sentences(text)):
        piece = text[start:end]
        ident = f"{note}.{index}"
        found.append(Sentence(piece, ident, chars=(start, end), assertion=assess(piece)))
    return tuple(found)
