"""Notes as JSON Lines, one note a line."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tsalign.errors import TsalignError, located
from tsalign.notes.meanings import Meanings
from tsalign.notes.parse import said, sentences_of
from tsalign.notes.reading import Reading
from tsalign.notes.times import Times
from tsalign.types import Assertion, Note, Sentence, Span

_NOTE = ("recording", "note", "subject", "covers", "ordered", "text", "sentences")
_NOTE += ("written", "recorded", "zone")
_SENTENCE = ("id", "text", "start", "end", "concept", "assertion")
_KINDS: dict[type, str] = {str: "a text", bool: "true or false", list: "a list", dict: "an object"}


@dataclass(frozen=True)
class RecordingNotes:
    """The notes about one recording.

    Parameters
    ----------
    notes : tuple of Note
        In the order of the file.
    subject : str or None
        Who it is, where a note says so.
    """

    notes: tuple[Note, ...] = ()
    subject: str | None = None


def read_notes(path: str | Path, reading: Reading | None = None) -> dict[str, RecordingNotes]:
    """Read a file of notes.

    Parameters
    ----------
    path : str or Path
        JSON Lines. Each line is an object with `recording`, and `text` or `sentences` or both;
        optional are `note` (id, by default `n0`, `n1`, ... within the recording), `subject`,
        `covers` ([start, end] in s) and `ordered`; for times in words `written` and `recorded`
        ([start, end]) in ISO 8601 and `zone` ("Europe/Berlin"). Each of the `sentences` has
        `text`, and perhaps `id` (by default `<note>.<i>`), `start` and `end` in s, which become
        its `stamp`, `concept`, `assertion`.
    reading : Reading or None
        How; None for whole sentences, the built-in meaning of times, and texts as they are.

    Returns
    -------
    dict of str to RecordingNotes
        By recording id, in the order of the file. A note's text without given sentences is split.

    Raises
    ------
    TsalignError
        Naming file and line: no JSON, an unknown key, a value of the wrong kind, an id twice.
    """
    path = Path(path)
    reading = reading or Reading()
    meanings = reading.meanings()
    found: dict[str, RecordingNotes] = {}
    with located(file=path):
        for line, raw in enumerate(_lines(path), start=1):
            if not raw.strip():
                continue
            with located(line=line):
                fields = _object(raw)
                name = _take(fields, "recording", str)
                known = found.get(name, RecordingNotes())
                note = _note(fields, len(known.notes), meanings, clauses=reading.clauses)
                who = _take(fields, "subject", str, required=False) or known.subject or name
                found[name] = _joined(known, reading.finished(note, who), fields)
    return found


def _lines(path: Path) -> Sequence[str]:
    try:
        return path.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        raise TsalignError("no such file") from None
    except UnicodeDecodeError as error:
        raise TsalignError(f"not UTF-8 text: {error.reason}") from error
    except OSError as error:
        raise TsalignError(f"cannot be read: {error.strerror}") from error


def _object(raw: str) -> dict[str, Any]:
    try:
        fields = json.loads(raw, object_pairs_hook=_without_repeats, parse_constant=_refuse)
    except (json.JSONDecodeError, RecursionError) as error:
        raise TsalignError(f"no JSON: {error}") from error
    if not isinstance(fields, dict):
        raise TsalignError("a note is an object, {...}")
    _check_keys(fields, _NOTE)
    return fields


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise TsalignError("this key stands twice", key=twice)
    return fields


def _refuse(constant: str) -> None:
    raise TsalignError(f"{constant} is not a number of JSON")


def _check_keys(fields: Iterable[str], allowed: Sequence[str]) -> None:
    for key in fields:
        if key not in allowed:
            near = difflib.get_close_matches(key, allowed, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(allowed)}"
            raise TsalignError(f"unknown key; {hint}", key=key)


def _take(fields: dict[str, Any], key: str, kind: type, *, required: bool = True) -> Any:
    """Return a value of the right kind, None where it is absent or null."""
    value = fields.get(key)
    if value is None:
        if required:
            raise TsalignError("required, but not there", key=key)
        return None
    if not isinstance(value, kind):
        raise TsalignError(f"should be {_KINDS[kind]}, not {_shown(value)}", key=key)
    if isinstance(value, str) and not value.strip():
        raise TsalignError("is empty", key=key)
    return value


def _shown(value: Any) -> str:
    """Return a value for a message; what may hold words of a note is only named by its kind."""
    if isinstance(value, list | dict):
        return _KINDS[type(value)]
    return json.dumps(value)[:60] if not isinstance(value, str) or " " not in value else "a text"


def _seconds(value: Any, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise TsalignError(f"should be a number of seconds, not {json.dumps(value)[:60]}", key=key)
    return float(value)


def _note(fields: dict[str, Any], index: int, meanings: Meanings, *, clauses: bool = False) -> Note:
    ident = _take(fields, "note", str, required=False) or f"n{index}"
    given = _take(fields, "sentences", list, required=False)
    text = _take(fields, "text", str, required=False) or ""
    if given is None and not text:
        raise TsalignError("a note needs 'text' or 'sentences'")
    times = _times(fields, meanings)
    sentences = (
        _given(given, ident, text, times, clauses)
        if given
        else sentences_of(text, ident, times, clauses=clauses)
    )
    ordered = _take(fields, "ordered", bool, required=False)
    return Note(ident, text, sentences, _covers(fields), ordered)


def _times(fields: dict[str, Any], meanings: Meanings) -> Times:
    zone = _zone(_take(fields, "zone", str, required=False))
    written = _take(fields, "written", str, required=False)
    pair = _take(fields, "recorded", list, required=False)
    if pair is not None and len(pair) != 2:
        raise TsalignError("should be [start, end] in ISO 8601", key="recorded")
    return Times(
        written=_moment(written, "written", zone) if written else None,
        recorded=(_moment(pair[0], "recorded", zone), _moment(pair[1], "recorded", zone))
        if pair
        else None,
        meanings=meanings,
    )


def _zone(name: str | None) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise TsalignError(f"{name!r} is no time zone known here", key="zone") from None


def _moment(value: Any, key: str, zone: tzinfo | None) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        told = json.dumps(value)[:60]
        raise TsalignError(f"should be a date and time in ISO 8601, not {told}", key=key) from None
    if zone is None:
        return moment
    return moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)


def _covers(fields: dict[str, Any]) -> Span | None:
    pair = _take(fields, "covers", list, required=False)
    if pair is None:
        return None
    if len(pair) != 2:
        raise TsalignError("should be [start, end] in seconds", key="covers")
    with located(key="covers"):
        return Span(_seconds(pair[0], "covers"), _seconds(pair[1], "covers"))


def _given(
    items: list[Any], note: str, text: str, times: Times, clauses: bool
) -> tuple[Sentence, ...]:
    sentences: list[Sentence] = []
    cursor = 0
    for index, item in enumerate(items):
        with located(key=f"sentences[{index}]"):
            fields = _fields(item)
            words, chars = fields["text"], (0, 0)
            if text:
                at = text.find(words, cursor)
                if at < 0:
                    raise TsalignError("not in the note's text, or not in its order")
                cursor = at + len(words)
                chars = at, cursor
            sentences += _sentences(fields, f"{note}.{index}", chars, times, clauses)
    return tuple(sentences)


def _fields(item: Any) -> dict[str, Any]:
    """Return the checked fields of a given sentence."""
    if not isinstance(item, dict):
        raise TsalignError(f"should be an object, not {_shown(item)}")
    _check_keys(item, _SENTENCE)
    assertion = _take(item, "assertion", str, required=False) or "present"
    if assertion not in get_args(Assertion):
        allowed = ", ".join(get_args(Assertion))
        raise TsalignError(f"{assertion!r} is none of {allowed}", key="assertion")
    optional = {key: _take(item, key, str, required=False) for key in ("id", "concept")}
    return {"text": _take(item, "text", str), "assertion": assertion, **optional} | {
        "stamp": _stamp(item)
    }


def _sentences(
    fields: dict[str, Any], default: str, chars: tuple[int, int], times: Times, clauses: bool
) -> list[Sentence]:
    """Return a given sentence; whoever gave a concept or a time meant it whole."""
    stamp, concept = fields["stamp"], fields["concept"]

    def judge(clause: tuple[int, int] | None) -> Assertion:
        return fields["assertion"]

    cut = clauses and stamp is None and concept is None
    found = said(fields["text"], fields["id"] or default, chars, times, judge, clauses=cut)
    return [replace(sentence, concept=concept, stamp=stamp) for sentence in found]


def _stamp(item: dict[str, Any]) -> Span | None:
    start, end = item.get("start"), item.get("end")
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise TsalignError("'start' and 'end' are given both or not at all")
    return Span(_seconds(start, "start"), _seconds(end, "end"))


def _joined(known: RecordingNotes, note: Note, fields: dict[str, Any]) -> RecordingNotes:
    """Add a note to those about the same recording; its ids and subject must agree with them."""
    if any(other.id == note.id for other in known.notes):
        raise TsalignError(f"note {note.id!r} stands twice about {fields['recording']!r}")
    ids = [s.id for other in (*known.notes, note) for s in other.sentences]
    twice = next((i for i in (s.id for s in note.sentences) if ids.count(i) > 1), None)
    if twice is not None:
        raise TsalignError(f"sentence {twice!r} stands twice about {fields['recording']!r}")
    subject = _take(fields, "subject", str, required=False)
    if subject and known.subject and subject != known.subject:
        message = f"subject {subject!r}, but an earlier note says {known.subject!r}"
        raise TsalignError(message, key="subject")
    return RecordingNotes((*known.notes, note), subject or known.subject)
