"""The parts of a learnt model as blocks of a pipeline file, and back; the rest lies in a folder."""

from __future__ import annotations

from dataclasses import asdict, is_dataclass
from typing import Any

from tsalign.errors import TsalignError
from tsalign.folders import MODEL, load, save
from tsalign.params import dataclass_in, hints
from tsalign.registry import REGISTRY, find, word

__all__ = ["MODEL", "from_block", "load", "save", "to_block"]


def to_block(slot: str, part: Any) -> Any:
    """Return the block of a pipeline file that builds `part`.

    Parameters
    ----------
    slot : str
        A key of the registry.
    part : object or None
        Stores its parameters under their own names.

    Examples
    --------
    >>> from tsalign.align import Mlp
    >>> to_block("signal", Mlp(width=8))
    {'kind': 'mlp', 'width': 8, 'layers': 2, 'dropout': 0.2}
    """
    if part is None:
        return None
    if isinstance(part, list):
        return [to_block(slot, one) for one in part]
    kind = type(part)
    values = {name: getattr(part, name) for name in hints(kind)}
    values |= {n: asdict(v) for n, v in values.items() if is_dataclass(v)}
    if slot in values:  # a part may be made of others of its own slot
        values[slot] = to_block(slot, values[slot])
    return {"kind": word(slot, kind)} | values


def from_block(slot: str, block: Any) -> Any:
    """Return what a block describes; only the registry's own classes are ever constructed.

    Parameters
    ----------
    slot : str
        A key of the registry.
    block : dict or None
        From `to_block`.

    Raises
    ------
    TsalignError
        When the block names a class of somebody else: a folder must not choose what runs.
    """
    if block is None:
        return None
    if isinstance(block, list):
        return [from_block(slot, one) for one in block]
    if block["kind"] not in REGISTRY[slot]:
        raise TsalignError(
            f"this model was learnt with {block['kind']!r}: load it with {slot}=... of that kind"
        )
    kind = find(slot, block["kind"])
    values = {k: from_block(k, v) if k == slot else v for k, v in block.items() if k != "kind"}
    return kind(**{k: v if k == slot else _typed(v, hints(kind).get(k)) for k, v in values.items()})


def _typed(value: Any, hint: Any) -> Any:
    """Return what JSON, which knows neither tuples nor classes, has made of a parameter."""
    if isinstance(value, list):  # no part takes a list but of other parts
        return tuple(_typed(part, None) for part in value)
    kind = dataclass_in(hint)
    return kind(**value) if kind is not None and isinstance(value, dict) else value
