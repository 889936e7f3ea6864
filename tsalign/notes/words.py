"""The tables of words beside the code, one JSON file each, by topic and language."""

from __future__ import annotations

import functools
import json
from importlib.resources import files


@functools.cache
def words(table: str, topic: str) -> frozenset[str]:
    """Return the words of a topic in all languages.

    Parameters
    ----------
    table : str
        A file of `tsalign/notes/data`, without its suffix.
    topic : str
        A key of the file.

    Returns
    -------
    frozenset of str
        In lower case.

    Examples
    --------
    >>> "approx" in words("sentences", "never_end")
    True
    """
    source = files("tsalign.notes").joinpath("data", f"{table}.json")
    languages = json.loads(source.read_text(encoding="utf-8"))[topic]
    return frozenset(word for language in languages.values() for word in language)
