"""A list of findings to look for in recordings that have no notes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tsalign.errors import TsalignError
from tsalign.types import Note, Sentence
from tsalign.yamlmap import Place, parse

VOCABULARY = "vocabulary"  # the id of the note that the findings make


@dataclass(frozen=True)
class Finding:
    """One thing to look for, in one or more wordings.

    Parameters
    ----------
    id : str
        Its name, or its place in the list.
    wordings : tuple of str
        Averaged; the first is the one that is shown.
    """

    id: str
    wordings: tuple[str, ...]


def read_vocabulary(path: str | Path) -> tuple[Finding, ...]:
    """Read a YAML file of findings.

    Parameters
    ----------
    path : str or Path
        A list of sentences, or a mapping from a finding's name to a sentence or several.

    Returns
    -------
    tuple of Finding
        In the order of the file.

    Raises
    ------
    TsalignError
        Naming file and line: nothing in it, something that is no text, a sentence twice.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not a UTF-8 text file"
        raise TsalignError(f"cannot read the vocabulary: {why}", file=str(path)) from error
    values, places = parse(text, str(path))
    if not isinstance(values, (list, dict)) or not values:
        raise TsalignError("a vocabulary is a list of sentences, or names with theirs",
                           file=str(path))  # fmt: skip
    named = values.items() if isinstance(values, dict) else enumerate(values)
    found, seen = [], set()
    for key, given in named:
        wordings = tuple(given) if isinstance(given, list) else (given,)
        for wording in wordings or (None,):
            if not isinstance(wording, str) or not wording.strip() or wording in seen:
                said = "stands twice" if wording in seen else "is no sentence"
                where = _line(places, key)
                raise TsalignError(f"{wording!r} {said}", file=str(path), line=where, key=str(key))
            seen.add(wording)
        found.append(Finding(str(key), wordings))
    return tuple(found)


def _line(places: dict[Any, Place], key: Any) -> str:
    place = places.get((key,))
    return str(place.key[0] if place else 1)


def as_note(findings: tuple[Finding, ...]) -> Note:
    """Return findings as a note without an order, one sentence a finding.

    Parameters
    ----------
    findings : tuple of Finding
        From `read_vocabulary`.

    Returns
    -------
    Note

    Examples
    --------
    >>> as_note((Finding("FALL", ("She falls.", "A fall.")),)).sentences[0].id
    'vocabulary.FALL'
    """
    said = tuple(Sentence(f.wordings[0], f"{VOCABULARY}.{f.id}") for f in findings)
    return Note(VOCABULARY, sentences=said, ordered=False)
