"""Clauses of a sentence, each with what it asserts by itself."""

from __future__ import annotations

import functools
import re
from itertools import pairwise

from tsalign.notes.words import any_of, values, words

_PARTS = re.compile(r"[,;]\s+(?:(?:and|but|or|und|aber|oder)\s+)?|\s+(?:and|but|und|aber)\s+")


def split_clauses(text: str) -> list[tuple[int, int]]:
    """Return the places of the clauses of one sentence.

    It is cut at `,`, `;`, "and" and "but"; what has no word that carries meaning stays with the
    clause before it. What negates "no cough, dyspnea or fever" reaches over all of them, so that
    each clause is judged within its sentence: `assess(text, clause)`.

    Parameters
    ----------
    text : str
        One sentence.

    Returns
    -------
    list of (int, int)
        Half-open characters in the order of the text.

    Examples
    --------
    >>> said = "No cough, dyspnea and fever, but slept badly."
    >>> [said[a:b] for a, b in split_clauses(said)]
    ['No cough', 'dyspnea', 'fever', 'slept badly.']
    """
    ends = [(0, 0), *(match.span() for match in _PARTS.finditer(text)), (len(text), len(text))]
    found: list[tuple[int, int]] = []
    for (_, start), (end, _) in pairwise(ends):
        if start < end and (not found or _has_meaning(text[start:end])):
            found.append((start, end))
        elif found:
            found[-1] = (found[-1][0], end)
    return found


def _has_meaning(piece: str) -> bool:
    said = re.findall(r"[^\W\d_]+", _bare().sub(" ", piece.lower()))
    return any(word not in words("assertion", "empty") for word in said)


@functools.cache
def _bare() -> re.Pattern[str]:
    """Return the pattern of numbers with their units, which are no statement: "for 5 min"."""
    return re.compile(rf"\d+\s*{any_of(values('times', 'units'))}")
