"""Values of the stages to files and back: JSON and npz, never pickle."""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tsalign.errors import TsalignError


def write(value: Any, folder: Path) -> None:
    """Write a value into an empty folder.

    Parameters
    ----------
    value : object
        Scalars, arrays, containers, frozen dataclasses, scikit-learn estimators whose learned
        state ends in `_`, and objects with `save(folder)` and `load(folder)`.
    folder : Path
        Existing and empty.

    Examples
    --------
    >>> import tempfile
    >>> from tsalign.types import Segments
    >>> folder = Path(tempfile.mkdtemp())
    >>> write({"cut": Segments(np.array([[0, 5]]), 2.0)}, folder)
    >>> read(folder)["cut"].times.tolist()
    [[0.0, 2.5]]
    """
    arrays: dict[str, np.ndarray] = {}
    tree = _encode(value, folder, arrays)
    (folder / "value.json").write_text(json.dumps(tree), encoding="ascii")
    if arrays:
        np.savez(folder / "arrays.npz", allow_pickle=False, **arrays)


def read(folder: Path) -> Any:
    """Read what `write` wrote.

    Parameters
    ----------
    folder : Path
        A folder filled by `write`.
    """
    tree = json.loads((folder / "value.json").read_text(encoding="ascii"))
    if not (folder / "arrays.npz").exists():
        return _decode(tree, folder, {})
    with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
        return _decode(tree, folder, arrays)


def _name(thing: Any) -> str:
    return f"{type(thing).__module__}:{type(thing).__qualname__}"


def _encode(value: Any, folder: Path, arrays: dict[str, np.ndarray]) -> Any:
    def inner(part: Any) -> Any:
        return _encode(part, folder, arrays)

    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        name = f"a{len(arrays)}"
        arrays[name] = value
        return {"$": "array", "of": name}
    if isinstance(value, list):
        return [inner(part) for part in value]
    if isinstance(value, tuple):
        return {"$": "tuple", "of": [inner(part) for part in value]}
    if isinstance(value, dict):
        return {"$": "dict", "of": [[inner(k), inner(v)] for k, v in value.items()]}
    return _encode_object(value, folder, inner)


def _encode_object(value: Any, folder: Path, inner: Callable[[Any], Any]) -> dict[str, Any]:
    if hasattr(value, "save") and hasattr(type(value), "load"):
        place = f"saved{len(list(folder.glob('saved*')))}"
        value.save(folder / place)
        return {"$": "saved", "class": _name(value), "of": place}
    if dataclasses.is_dataclass(value):
        fields = {f.name: inner(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"$": "dataclass", "class": _name(value), "of": fields}
    if hasattr(value, "get_params"):
        params = {n: inner(v) for n, v in value.get_params(deep=False).items()}
        learned = {n: inner(v) for n, v in vars(value).items() if _learned(n)}
        told = {"class": _name(value), "version": getattr(value, "version", 1)}
        return {"$": "estimator", **told, "of": params, "learned": learned}
    raise TsalignError(f"a {type(value).__name__} cannot be written to the cache")


def _learned(name: str) -> bool:
    return name.endswith("_") and not name.startswith("_")


def _decode(tree: Any, folder: Path, arrays: Any) -> Any:
    def inner(part: Any) -> Any:
        return _decode(part, folder, arrays)

    if isinstance(tree, list):
        return [inner(part) for part in tree]
    if not isinstance(tree, dict):
        return tree
    what, of = tree["$"], tree["of"]
    if what == "array":
        return arrays[of]
    if what == "tuple":
        return tuple(inner(part) for part in of)
    if what == "dict":
        return {inner(k): inner(v) for k, v in of}
    kind = _class(tree["class"], what)
    if what == "saved":
        return kind.load(folder / of)
    if tree.get("version", now := getattr(kind, "version", 1)) != now:
        raise TsalignError(f"{tree['class']} was learnt by another version of tsalign: learn anew")
    made = kind(**{name: inner(part) for name, part in of.items()})
    for name, part in tree.get("learned", {}).items():
        setattr(made, name, inner(part))
    return made


def _class(path: str, what: str) -> Any:
    module, _, name = path.partition(":")
    # A model folder may come from elsewhere: only classes of tsalign, or of modules that the
    # pipeline file has already named and loaded, are constructed, and only such as are written.
    if not module.startswith("tsalign.") and module not in sys.modules:
        raise TsalignError(f"refusing to load {path!r}: name its module in the pipeline file")
    kind = getattr(importlib.import_module(module), name, None)
    marks = {"saved": "load", "dataclass": "__dataclass_fields__", "estimator": "get_params"}
    if not isinstance(kind, type) or not hasattr(kind, marks[what]):
        raise TsalignError(f"refusing to load {path!r}: it is no {what} class")
    return kind
