"""A note's text to a `Note`."""

from __future__ import annotations

from datetime import datetime

from tsalign.notes.sentences import split_sentences
from tsalign.types import Note, Sentence


def parse(
    text: str,
    *,
    written: datetime | None = None,
    recorded: tuple[datetime, datetime] | None = None,
) -> Note:
    """Return the sentences of a note.

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
    >>> [s.text for s in parse("Stood quietly. Then he sat down.").sentences]
    ['Stood quietly.', 'Then he sat down.']
    """
    return Note("n0", text, sentences_of(text, "n0"))


def sentences_of(text: str, note: str) -> tuple[Sentence, ...]:
    """Return the sentences of a text with ids `<note>.<i>`.

    Examples
    --------
    >>> sentences_of("No pain.", "n3")[0].id
    'n3.0'
    """
    places = split_sentences(text)
    return tuple(
        Sentence(text[a:b], f"{note}.{i}", chars=(a, b)) for i, (a, b) in enumerate(places)
    )
