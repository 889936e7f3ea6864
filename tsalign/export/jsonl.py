"""JSON Lines: one sentence a line, exact."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from tsalign.errors import TsalignError
from tsalign.export.atomic import replacing
from tsalign.export.rows import Row, WhichPart, of_part, rows
from tsalign.params import check_params
from tsalign.types import Aligned, Contradiction

OPTIONAL = frozenset({"reason", "contradiction", "matches"})


@dataclass(frozen=True)
class Jsonl:
    """Write `spans.jsonl`: one JSON object a sentence, nothing rounded, nothing left out.

    Parameters
    ----------
    part : str
        Which recordings: `all`, `train`, `valid` or `test`.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     [path.name for path in Jsonl()([], Path(folder))]
    ['spans.jsonl']
    """

    part: WhichPart = "all"
    version: ClassVar[int] = 1
    per_recording: ClassVar[bool] = False

    def __call__(self, items: Iterable[Aligned], folder: Path) -> list[Path]:
        """Write the file into a folder and return its path."""
        check_params(self)
        path = Path(folder, "spans.jsonl")
        with replacing(path) as file:
            for item in of_part(items, self.part):
                file.writelines(line(row) for row in rows(item))
        return [path]


def line(row: Row) -> bytes:
    """Return a row as one line of UTF-8, newline included.

    Parameters
    ----------
    row : Row
        A sentence.

    Returns
    -------
    bytes
        `reason`, `contradiction` and `matches` are left out where there is nothing to say.
    """
    values = {k: v for k, v in asdict(row).items() if k not in OPTIONAL or v is not None}
    try:
        return json.dumps(values, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except UnicodeEncodeError:  # half a surrogate pair: only an escape can carry it
        return json.dumps(values, allow_nan=False).encode() + b"\n"


def read_jsonl(path: Path) -> list[Row]:
    """Read a `spans.jsonl`.

    Parameters
    ----------
    path : Path
        A file written by `Jsonl`.

    Returns
    -------
    list of Row
        In the order of the file.

    Raises
    ------
    TsalignError
        Naming the line that is not a sentence.
    """
    found = []
    with open(path, "rb") as file:
        for number, raw in enumerate(file, start=1):
            try:
                found.append(_row(json.loads(raw)))
            except (ValueError, TypeError, KeyError) as error:
                raise TsalignError(
                    f"not a line of spans: {error}", file=str(path), line=str(number)
                ) from error
    return found


def _row(values: Mapping[str, Any]) -> Row:
    cells: dict[str, Any] = {**values, "tokens": tuple(values["tokens"])}
    if cells.get("contradiction") is not None:
        cells["contradiction"] = Contradiction(**cells["contradiction"])
    return Row(**cells)
