"""Notes without names, and with dates that no longer tell when."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

from tsalign.notes.words import values
from tsalign.types import Note

_WEEKS = 520  # dates go back by one to so many weeks, so that days of the week stay right
_NAME = r"[A-ZÄÖÜ][\w'\u2019-]+"
_TITLED = re.compile(
    rf"\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Sr|Herrn?|Frau|Pfleger|Nurse|Sister)\.?\s+"
    rf"(?:(?:med|Dr|Prof)\.\s*)*(?P<hidden>(?:{_NAME}|[A-Z]\.)(?:\s+(?:{_NAME}|[A-Z]\.))*)"
)
_LABELLED = re.compile(
    r"\b(?:[Pp]atient(?:in)?(?:\s[Nn]ame)?|[Nn]ame|[Ss]igned|[Gg]ez|[Nn]ext of kin)\s*[:.]\s*"
    rf"(?P<hidden>{_NAME},\s*{_NAME}|{_NAME}(?:\s+{_NAME})+|(?<=ame:\s){_NAME})"
)
_NUMBERED = re.compile(
    r"\b(?:MRN|NHS|SSN|ID|[Ff]all-?(?:nr|nummer)|Pat\.?-?(?:Nr|ID)|[Vv]ersicherten(?:nr|nummer)"
    r"|(?:[Rr]ecord|[Cc]ase|[Hh]ospital|[Aa]ccount|[Pp]olicy))\b\W{0,3}(?:(?:[Nn]o|[Nn]umber|[Nn]r)\b\W{0,3})?"
    r"(?P<hidden>[A-Z]{0,3}\d[\d -]{3,}\d)"
)
_WEB = re.compile(r"(?P<hidden>[\w.+-]+@[\w-]+\.[\w.]*\w|\b(?:https?://|www\.)[^\s,;)]+)")
# Not "2200-0630", which tells times of day.
_PHONE = re.compile(
    r"(?i:\b(?:tel|phone|telephone|telefon|mobile|mobil|cell|fax|handy|pager|bleep)\b\W{0,3}"
    r"(?:(?:no|nr|number)\b\W{0,3})?)(?P<labelled>\+?\(?\d[\d /().-]{3,}\d)"
    r"|(?<![\w.:/+-])(?!\d{4}-\d{4}\b|\d{4}-\d\d-\d\d)(?P<hidden>\+\d[\d ()/-]{6,}\d"
    r"|\(?0\d{1,4}\)?[ /-]\d{3,}(?:[ -]?\d{2,})*|\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4}"
    r"|\d{3}-\d{4}|\d{3}-\d\d-\d{4})(?!\w)"
)
_ROADS = "Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Court|Ct|Boulevard|Blvd|Way|Close|Crescent"
_ADDRESS = re.compile(
    rf"(?P<hidden>\b\d{{1,5}}[a-z]?\s+(?:[A-Z][\w'-]+\s+){{1,3}}(?:{_ROADS}|Terrace|Place)\b"
    r"|\b[A-ZÄÖÜ][\wäöüß-]*(?:straße|strasse|str\.|weg|platz|allee|gasse)\s+\d{1,4}[a-z]?\b"
    r"|\b[A-ZÄÖÜ][\wäöüß-]+\s+(?:Straße|Strasse|Str\.|Weg|Platz|Allee|Gasse)\s+\d{1,4}[a-z]?\b"
    r"|\b[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}\b|\b[A-Z]{2}\s\d{5}(?:-\d{4})?\b"
    r"|(?<=,\s)\d{5}\s[A-ZÄÖÜ][a-zäöüß]+)"
)
_OLD = re.compile(r"\b(?P<hidden>9\d|1[01]\d)(?=[ -]?(?:years?|yrs?|y[./]?o|jahre|jährig)\b)", re.I)
_ISO = re.compile(r"\b(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)(?!\d)")
_GERMAN = re.compile(r"\b(?P<d>\d\d)\.(?P<m>\d\d)\.(?P<y>\d{4})\b")
_OTHER = re.compile(r"\b\d{1,2}([./-])\d{1,2}\1(?:\d{4}|\d\d)\b")
_WORDS = re.compile(rf"{_NAME}")


def deidentified(text: str, days: int) -> str:
    """Return a text of the same length with names masked and dates set back.

    Masked are names behind a title or a label, and the same names wherever else they stand;
    numbers of persons and telephones, mail and web addresses, streets and postcodes; ages from 90
    on. Dates written as 2024-03-05 or 05.03.2024 go back, others are masked; times of day, and
    days of the week, stay. Rules miss names that nothing announces: read what you publish.

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
    >>> deidentified("Mr. Smith fell on 2024-03-05 at 14:30. Call 030 123456.", 7)
    'Mr. XXXXX fell on 2024-02-27 at 14:30. Call XXX XXXXXX.'
    """
    told = [m["hidden"] for p in (_TITLED, _LABELLED) for m in p.finditer(text)]
    names = {written for said in told for n in _names(said) for written in (n, n.upper())}
    for pattern in (_WEB, _NUMBERED, _ADDRESS, _PHONE, _TITLED, _LABELLED, _OLD):
        text = pattern.sub(_masked, text)
    text = _WORDS.sub(lambda m: _hidden(m[0]) if m[0] in names else m[0], text)
    text = _ISO.sub(_back(days, "{:%Y-%m-%d}"), text)
    text = _GERMAN.sub(_back(days, "{:%d.%m.%Y}"), text)
    text = _spelled().sub(lambda m: _hidden(m[0]), text)
    return _OTHER.sub(lambda m: m[0] if _GERMAN.fullmatch(m[0]) else _hidden(m[0]), text)


def _names(hidden: str) -> list[str]:
    """Return the single names; short ones are too often words."""
    return [name for name in _WORDS.findall(hidden) if len(name) > 2]


@functools.cache
def _spelled() -> re.Pattern[str]:
    """Return the pattern of dates with the name of a month: 5 March, March 5th, 2024."""
    known = [name.capitalize() for name in values("times", "months")]
    months = "|".join(sorted(known, key=len, reverse=True))
    month = rf"(?:{months})\b\.?"
    year = r"(?:,?\s+\d{4}\b)?"
    return re.compile(
        rf"\b\d{{1,2}}(?:st|nd|rd|th|\.)?\s+(?:of\s+)?{month}{year}"
        rf"|\b{month}\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?!:\d){year}|\b\d{{1,2}}-{month}-\d{{2,4}}\b"
    )


def _hidden(text: str) -> str:
    return re.sub(r"\w", "X", text)


def _masked(match: re.Match[str]) -> str:
    kind = "hidden" if match["hidden"] is not None else "labelled"
    first, last = (place - match.start() for place in match.span(kind))
    return match[0][:first] + _hidden(match[kind]) + match[0][last:]


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
