"""YAML 1.2 to plain values, with the line and column of every key and value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tsalign.errors import TsalignError

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Place:
    """Line and column, from 1, of a key and of its value."""

    key: tuple[int, int]
    value: tuple[int, int]


def parse(text: str, file: str) -> tuple[Any, dict[Path, Place]]:
    r"""Read a YAML 1.2 document.

    Parameters
    ----------
    text : str
        The document.
    file : str
        Its name, for messages.

    Returns
    -------
    values : object
        Dictionaries, lists and scalars.
    places : dict
        From the path of each entry to its `Place`.

    Raises
    ------
    TsalignError
        Where the text is not YAML, or a key stands twice.

    Examples
    --------
    >>> values, places = parse("align:\n  learning_rate: 3e-4\n", "p.yaml")
    >>> values["align"]["learning_rate"], places["align", "learning_rate"].value
    (0.0003, (2, 18))
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    yaml = YAML(typ="safe", pure=True)
    places: dict[Path, Place] = {}
    try:
        values, node = yaml.load(text), yaml.compose(text)
        if node is not None:
            _walk(node, (), places)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        place = {"line": mark.line + 1, "column": mark.column + 1} if mark else {}
        raise TsalignError(str(error.problem), file=file, **_text(place)) from error
    except (YAMLError, ValueError, TypeError, RecursionError) as error:
        # Bytes that no YAML has, scalars that their tags forbid, lists as keys, endless aliases.
        reason = str(error).partition("\n")[0]
        raise TsalignError(f"not readable as YAML: {reason}", file=file) from error
    return values, places


def dump(values: Any) -> str:
    """Write plain values as YAML.

    Examples
    --------
    >>> print(dump({"segment": {"kind": "windows", "length": 2.56}}).strip())
    segment: {kind: windows, length: 2.56}
    """
    import io

    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None
    yaml.width = 100
    yaml.sort_base_mapping_type_on_output = False
    out = io.StringIO()
    yaml.dump(values, out)
    return out.getvalue()


def _text(place: dict[str, int]) -> dict[str, str]:
    return {name: str(number) for name, number in place.items()}


def _at(node: Any) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _walk(node: Any, path: Path, places: dict[Path, Place]) -> None:
    if node.id == "mapping":
        for key, value in node.value:
            places[(*path, key.value)] = Place(_at(key), _at(value))
            _walk(value, (*path, key.value), places)
    elif node.id == "sequence":
        for index, value in enumerate(node.value):
            places[(*path, index)] = Place(_at(value), _at(value))
            _walk(value, (*path, index), places)
