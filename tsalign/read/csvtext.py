"""A look at a table's text: its header, and the exact place where it is broken."""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from tsalign.errors import TsalignError

_MISSING = {"", "nan", "na", "n/a", "null", "#n/a", "-nan", "none"}
_ZONE = re.compile(r"(Z|[+-]\d\d(:?\d\d)?)$")


@contextmanager
def _opened(path: Path) -> Generator[TextIO]:
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as text:
            yield text
    except UnicodeDecodeError as error:
        raise TsalignError(f"not UTF-8 text: {error.reason}") from error
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        raise TsalignError(f"not a whole text file: {error}") from error


def head(path: Path, delimiter: str) -> tuple[list[str], list[str]]:
    """Return the column names and the first row of cells.

    Parameters
    ----------
    path : Path
        A text table, perhaps compressed by gzip.
    delimiter : str
        What separates the cells.

    Returns
    -------
    header : list of str
        Names without the white space around them.
    first : list of str
        The first row below them.

    Raises
    ------
    TsalignError
        When the first line is no header or names a column twice, or no row follows it.
    """
    with _opened(path) as text:
        rows = csv.reader(text, delimiter=delimiter)
        header = [name.strip() for name in next(rows, [])]
        first = next((row for row in rows if row), [])
        line = str(rows.line_num)
    if not header:
        raise TsalignError("the first line is empty; it should name the columns", line="1")
    if any(_is_number(name, ".") for name in header):
        raise TsalignError("the first line holds numbers; it should name the columns", line="1")
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise TsalignError(f"column {twice!r} stands twice", line="1")
    other = next((d for d in ";\t," if d in header[0]), None) if len(header) == 1 else None
    if other:
        raise TsalignError(f"no {delimiter!r} in the header; try delimiter={other!r}", line="1")
    if not first:
        raise TsalignError("no samples in the file")
    _check_length(first, header, line)
    return header, first


def _check_length(row: list[str], header: list[str], line: str) -> None:
    if len(row) != len(header):
        raise TsalignError(f"{len(row)} cells under {len(header)} names", line=line)


def time_type(cell: str, decimal: str) -> Any:
    """Return the Arrow type of a time column that begins with this cell.

    Parameters
    ----------
    cell : str
        The first stamp.
    decimal : str
        The decimal point.

    Returns
    -------
    str or pyarrow.DataType
        `float64`, or a timestamp with or without a zone.
    """
    import pyarrow as pa

    if _is_number(cell, decimal) or cell.strip().lower() in _MISSING:
        return "float64"
    return pa.timestamp("ns", "UTC" if _ZONE.search(cell.strip()) else None)


def _is_number(cell: str, decimal: str) -> bool:
    try:
        float(cell.replace(decimal, "."))
    except ValueError:
        return False
    return True


def explain(path: Path, delimiter: str, header: list[str], numbers: set[str], decimal: str) -> None:
    """Raise the error of the first broken row; return where none is found.

    Parameters
    ----------
    path, delimiter, header, decimal
        As read.
    numbers : set of str
        Columns that should hold numbers.

    Raises
    ------
    TsalignError
        Naming the line, and the column where one cell is at fault.
    """
    with _opened(path) as text:
        rows = csv.reader(text, delimiter=delimiter)
        next(rows, None)
        for row in rows:
            line = str(rows.line_num)
            if row:
                _check_length(row, header, line)
            for name, cell in zip(header, row, strict=False):
                fine = _is_number(cell, decimal) or cell.strip().lower() in _MISSING
                if name in numbers and not fine:
                    raise TsalignError(f"column {name!r} holds {cell!r}, not a number", line=line)
