"""What a slot can hold: words, one line about each, parameters from the signatures."""

from __future__ import annotations

import inspect

from tsalign.params import hints
from tsalign.registry import REGISTRY, find


def listing(slot: str) -> str:
    """Return the words of a slot, each with its parameters and defaults.

    Parameters
    ----------
    slot : str
        A key of `tsalign.registry.REGISTRY`.

    Returns
    -------
    str
        Lines for a terminal.

    Examples
    --------
    >>> print(listing("segment").splitlines()[0])
    segment: windows
    """
    return "".join(_entry(slot, word) for word in REGISTRY[slot])


def _entry(slot: str, word: str) -> str:
    kind = find(slot, word)
    first = (inspect.getdoc(kind) or "").partition("\n")[0]
    lines = [f"{slot}: {word}", f"    {first}"]
    signature = inspect.signature(kind).parameters
    for name in hints(kind) if inspect.isclass(kind) else ():
        default = signature[name].default
        given = "required" if default is inspect.Parameter.empty else f"= {default!r}"
        lines.append(f"    {name} {given}")
    return "\n".join(lines) + "\n"
