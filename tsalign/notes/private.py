"""Notes without names, and with dates that no longer tell when."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

from tsalign.types import Note

_WEEKS = 520  # dates go back by one to so many weeks, so that days of the week stay right
_NAME = r"[A-ZÄÖÜ][\w'\u2019-]+"
_TITLED = re.compile(
    rf"\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Sr|Herrn?|Frau|Pfleger|Nurse|Sister)\.?\s+"
    rf"(?:(?:med|Dr|Prof)\.\s*)*(?P<hidden>(?:{_NAME}|[A-Z]\.)(?:\s+(?:{_NAME}|[A-Z]\.))*)"
)
_LABELLED = re.compile(
    rf"\b(?:[Nn]ame|[Pp]atient [Nn]ame)\s*:\s*(?P<hidden>{_NAME}(?:,?\s+{_NAME})*)"
)
_NUMBERED = re.compile(
    r"\b(?:MRN|NHS|SSN|ID|Fallnr\.?)\W{0,3}(?:no\.?\s*)?(?P<hidden>\d[\d -]{3,}\d)"
)
_REACHED = re.compile(
    r"(?P<hidden>[\w.+-]+@[\w-]+\.[\w.]+|(?<![\w.:-])\+?\d{2,4}[ /-]\d{3,}[\d -]*\d)"
)
_ISO = re.compile(r"\b(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)\b")
_GERMAN = re.compile(r"\b(?P<d>\d\d)\.(?P<m>\d\d)\.(?P<y>\d{4})\b")
_OTHER = re.compile(r"\b\d{1,2}([./])\d{1,2}\1(?:\d{4}|\d\d)\b")


def deidentified(text: str, days: int) -> str:
    """Return a text of the same length with names masked and dates set back.

    Names are those behind a title or a label; numbers of persons, telephones and mail addresses
    are masked too. Dates written as 2024-03-05 or 05.03.2024 go back, shorter ones are masked;
    times of day stay. Rules miss names that nothing announces: read what you publish.

    Parameters
    ----------
    text : str
        Any text.
    days : int
        How far dates go back.

    Returns
    -------
    str
        As long as the text, so that places in it stay right.

    Examples
    --------
    >>> deidentified("Mr. Smith fell on 2024-03-05 at 14:30.", 7)
    'Mr. XXXXX fell on 2024-02-27 at 14:30.'
    """
    for pattern in (_TITLED, _LABELLED, _NUMBERED, _REACHED):
        if pattern is not _REACHED or not _ISO.search(text):
            text = pattern.sub(_masked, text)
    text = _ISO.sub(_back(days, "{:%Y-%m-%d}"), text)
    text = _GERMAN.sub(_back(days, "{:%d.%m.%Y}"), text)
    return _OTHER.sub(lambda m: m[0] if _GERMAN.fullmatch(m[0]) else _hidden(m[0]), text)


def _hidden(text: str) -> str:
    return re.sub(r"\w", "X", text)


def _masked(match: re.Match[str]) -> str:
    return match[0][: match.start("hidden") - match.start()] + _hidden(match["hidden"])


def _back(days: int, form: str) -> Callable[[re.Match[str]], str]:
    def moved(match: re.Match[str]) -> str:
        try:
            day = date(int(match["y"]), int(match["m"]), int(match["d"])) - timedelta(days=days)
        except (ValueError, OverflowError):
            return _hidden(match[0])
        return form.format(day) if day.year >= 1000 else _hidden(match[0])

    return moved


@functools.cache
def days_back(who: str) -> int:
    """Return how far the dates of one person go back: whole weeks, always the same.

    Examples
    --------
    >>> days_back("s21") % 7, days_back("s21") == days_back("s21")
    (0, True)
    """
    drawn = hashlib.blake2b(who.encode(), digest_size=8).digest()
    return 7 * (1 + int.from_bytes(drawn) % _WEEKS)


def without_names(note: Note, who: str) -> Note:
    """Return a note with `deidentified` texts; windows and places stay as they were read.

    Examples
    --------
    >>> without_names(Note("n", "Seen by Dr. Lee."), "s1").text
    'Seen by Dr. XXX.'
    """
    days = days_back(who)
    text = deidentified(note.text, days)
    said = []
    for sentence in note.sentences:
        first, last = sentence.chars
        own = text[first:last] if last > first else deidentified(sentence.text, days)
        said.append(replace(sentence, text=own))
    return replace(note, text=text, sentences=tuple(said))
