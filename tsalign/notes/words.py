"""The tables of words beside the code: one JSON file for each kind and language, by topic.

A file `data/<kind>.<language>.json` more, and all rules know the language.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

EDGE = r"(?:(?<!\w)|(?!\w))"  # not inside a word


@functools.cache
def words(table: str, topic: str) -> frozenset[str]:
    """Return the words of a topic in all languages.

    Parameters
    ----------
    table : str
        A kind of files in `tsalign/notes/data`: `sentences`, `assertion`, `times`.
    topic : str
        A key of the files.

    Returns
    -------
    frozenset of str
        In lower case.

    Examples
    --------
    >>> "approx" in words("sentences", "never_end")
    True
    """
    return frozenset(word for language in load(table)[topic].values() for word in language)


@functools.cache
def values(table: str, topic: str) -> dict[str, Any]:
    """Return what the words of a topic stand for, in all languages.

    Examples
    --------
    >>> values("times", "numbers")["twenty"]
    20
    """
    return {k: v for language in load(table)[topic].values() for k, v in language.items()}


@functools.cache
def load(table: str) -> dict[str, Any]:
    """Return all files of a kind: from topic to language to what the file says."""
    found: dict[str, Any] = {}
    folder = files("tsalign.notes").joinpath("data")
    for source in sorted(folder.iterdir(), key=lambda file: file.name):
        kind, _, rest = source.name.partition(".")
        if kind == table and rest.endswith(".json"):
            for topic, said in json.loads(source.read_text(encoding="utf-8")).items():
                found.setdefault(topic, {})[rest.removesuffix(".json")] = said
    return found


def any_of(phrases: Iterable[str]) -> str:
    """Return a pattern that finds the longest of some phrases, as whole words.

    Examples
    --------
    >>> re.findall(any_of(["no", "no sign of"]), "no sign of a note: no")
    ['no sign of', 'no']
    """
    return EDGE + _branch(list(phrases))


def _branch(endings: list[str]) -> str:
    """Return a pattern that shares beginnings, so that hundreds of phrases cost little."""
    by_head: dict[str, list[str]] = {}
    for ending in endings:
        if ending:
            by_head.setdefault(ending[0], []).append(ending[1:])
    options = [
        (r"\s++" if head == " " else re.escape(head)) + _branch(rest)
        for head, rest in sorted(by_head.items())
    ]
    if "" in endings:
        options.append(EDGE)
    return f"(?:{'|'.join(options)})"


def plain(text: str) -> str:
    """Return lower-case text of the same length.

    Examples
    --------
    >>> plain("It\u2019s \u0130")
    "it's \u0130"
    """
    small = text.lower()
    if len(small) != len(text):
        small = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    return small.replace("\u2019", "'")
