"""`--set key=value`: what the command line says instead of the file."""

from __future__ import annotations

from typing import Any

from tsalign.errors import TsalignError
from tsalign.yamlmap import parse


def override(values: dict[str, Any], pair: str) -> str:
    """Replace one value of a pipeline file.

    Parameters
    ----------
    values : dict
        What the file says; changed in place.
    pair : str
        `key.path=value`; the value is YAML.

    Returns
    -------
    str
        The key.

    Raises
    ------
    TsalignError
        When the key leads nowhere.

    Examples
    --------
    >>> said = {"segment": "windows"}
    >>> override(said, "segment.length=2.56"), said
    ('segment.length', {'segment': {'kind': 'windows', 'length': 2.56}})
    """
    key, equals, text = pair.partition("=")
    if not equals:
        raise TsalignError(f"--set wants key=value, got {pair!r}")
    *parents, last = key.split(".")
    inside: Any = values
    for name in parents:
        inside = _enter(inside, name, key)
    value = parse(text, f"--set {key}")[0]
    if isinstance(inside, list):
        inside[_index(inside, last, key)] = value
    else:
        inside[last] = value
    return key


def _enter(inside: Any, name: str, key: str) -> Any:
    at = _index(inside, name, key) if isinstance(inside, list) else name
    value = inside[at] if isinstance(inside, list) else inside.get(name)
    if value is None or isinstance(value, str):
        value = {} if value is None else {"kind": value}
    if not isinstance(value, (dict, list)):
        raise TsalignError(f"--set {key}: {name!r} holds a plain value")
    inside[at] = value
    return value


def _index(inside: list[Any], name: str, key: str) -> int:
    if name.isdigit() and int(name) < len(inside):
        return int(name)
    raise TsalignError(f"--set {key}: the list has places 0 to {len(inside) - 1}, not {name!r}")
