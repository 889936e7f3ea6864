"""CSV: the same rows for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

from tsalign.errors import TsalignError
from tsalign.export.atomic import replacing
from tsalign.export.rows import Row, WhichPart, of_part, rows
from tsalign.params import check_params
from tsalign.types import Aligned, Contradiction

COLUMNS = tuple(field.name for field in fields(Row))
_NUMBERS = ("start", "end", "score", "confidence", "matches")


@dataclass(frozen=True)
class Csv:
    """Write `spans.csv`: the columns of `spans.jsonl`, text quoted, numbers in full.

    What is absent is empty; tokens are separated by spaces, and so are the start, end and
    confidence of a contradiction.

    Parameters
    ----------
    part : str
        Which recordings: `all`, `train`, `valid` or `test`.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     read_csv(Csv()([], Path(folder))[0])
    []
    """

    part: WhichPart = "all"
    version: ClassVar[int] = 1
    per_recording: ClassVar[bool] = False

    def __call__(self, items: Iterable[Aligned], folder: Path) -> list[Path]:
        """Write the file into a folder and return its path."""
        check_params(self)
        path = Path(folder, "spans.csv")
        with replacing(path) as file:
            file.write(_encode([COLUMNS], ""))
            for item in of_part(items, self.part):
                file.write(_encode(map(_cells, rows(item)), item.recording))
        return [path]


def read_csv(path: Path) -> list[Row]:
    """Read a `spans.csv`.

    Parameters
    ----------
    path : Path
        A file written by `Csv`.

    Returns
    -------
    list of Row
        In the order of the file.

    Raises
    ------
    TsalignError
        Naming the line that is not a sentence, or the header.
    """
    found = []
    with open(path, encoding="utf-8", newline="") as file, _long_fields():
        reader = csv.DictReader(file, strict=True)
        try:
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise ValueError(f"the columns should be {', '.join(COLUMNS)}")
            found.extend(_row(cells) for cells in reader)
        except (ValueError, TypeError, AttributeError, csv.Error) as error:
            raise TsalignError(
                f"not a table of spans: {error}", file=str(path), line=str(reader.line_num)
            ) from error
    return found


def _cells(row: Row) -> list[object]:
    cells = [getattr(row, name) for name in COLUMNS]
    cells[COLUMNS.index("tokens")] = " ".join(map(str, row.tokens))
    if row.contradiction is not None:
        told = " ".join(map(repr, astuple(row.contradiction)))
        cells[COLUMNS.index("contradiction")] = told
    return cells


def _encode(lines: Iterable[Iterable[object]], recording: str) -> bytes:
    """Quote all text: otherwise a carriage return in it would end the row."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n").writerows(lines)
    try:
        return text.getvalue().encode()
    except UnicodeEncodeError as error:
        raise TsalignError(
            "a sentence holds half a surrogate pair, which CSV cannot carry", recording=recording
        ) from error


def _row(cells: Mapping[str, str]) -> Row:
    values: dict[str, Any] = dict(cells)
    values["tokens"] = tuple(int(token) for token in cells["tokens"].split())
    for name in _NUMBERS:
        values[name] = float(cells[name]) if cells[name] else None
    told = [float(number) for number in cells["contradiction"].split()]
    values["contradiction"] = Contradiction(*told) if told else None
    values["reason"] = cells["reason"] if cells["status"] == "unmatched" else None
    return Row(**values)


@contextmanager
def _long_fields() -> Generator[None]:
    """Let a day-long span keep all its tokens: the module's limit is 128 KiB a field."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(limit)
