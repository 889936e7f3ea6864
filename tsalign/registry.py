"""The word after `kind:` and the class it stands for: strings only, so nothing is imported here."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import Any

from tsalign.errors import TsalignError

REGISTRY: dict[str, dict[str, str]] = {
    "reader": {},
    "prepare": {},
    "segment": {},
    "describe": {},
    "tokens": {},
    "align": {},
    "signal": {},
    "text": {},
    "loss": {},
    "match": {},
    "evaluate": {},
    "export": {},
}


def find(slot: str, word: str) -> Any:
    """Return the class that a word of a pipeline file names.

    Parameters
    ----------
    slot : str
        A key of `REGISTRY`.
    word : str
        A word of the slot, an entry point of group `tsalign.<slot>`, or `module:Class`.

    Returns
    -------
    type
        The class; it is imported only now.

    Raises
    ------
    TsalignError
        When nothing is called so, with the nearest word.

    Examples
    --------
    >>> find("segment", "windows").__name__
    'Windows'
    """
    path = REGISTRY[slot].get(word) or (word if ":" in word else _entry_point(slot, word))
    module, _, name = path.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise TsalignError(f"cannot load {word!r}: {error}") from error


def _entry_point(slot: str, word: str) -> str:
    for point in entry_points(group=f"tsalign.{slot}"):
        if point.name == word:
            return point.value
    import difflib

    near = difflib.get_close_matches(word, REGISTRY[slot], n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(REGISTRY[slot])}"
    raise TsalignError(f"no {slot} is called {word!r}; {hint}")
