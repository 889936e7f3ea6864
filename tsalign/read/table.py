"""Tables with one column a channel: Parquet, and comma-separated text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray

from tsalign.errors import TsalignError, located
from tsalign.params import check_params
from tsalign.read.assemble import choose, file_of, one_rate, place, stem_of
from tsalign.read.columns import as_float, is_number, metadata, seconds, stated_number, units_of
from tsalign.read.csvtext import explain, head, time_type
from tsalign.types import Recording

_READ_METADATA = ("rate_hz", "start_s", "units", "subject", "pandas", "ARROW:schema")
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Parquet:
    """Reads a Parquet file with one column a channel.

    The schema's metadata may state `rate_hz`, `start_s`, `subject` and `units` (a JSON object of
    channel to unit, or `acc: g, gyro: rad/s` for all channels whose name begins so).

    Parameters
    ----------
    channels : tuple of str or None
        Columns to read, in this order; all but the time by default.
    rate : float or None
        Samples per second, where the file does not say.
    time : str
        Column of stamps: numbers, or timestamps (then the first one is 0 s).
    time_unit : str
        Unit of stamps that are numbers.
    max_gap : float
        Seconds up to which irregular samples are interpolated linearly onto a regular grid (never
        less than two steps); inside longer gaps the signal is NaN.

    Examples
    --------
    >>> Parquet(channels=("acc_x",)).suffixes
    ('.parquet',)
    """

    channels: tuple[str, ...] | None = None
    rate: Annotated[float, Gt(0)] | None = None
    time: str = "time"
    time_unit: Literal["s", "ms", "us", "ns"] = "s"
    max_gap: Annotated[float, Ge(0)] = 1.0

    version: ClassVar[int] = 1
    suffixes: ClassVar[tuple[str, ...]] = (".parquet",)

    def __call__(self, path: Path) -> Recording:
        """Read one file.

        Parameters
        ----------
        path : Path
            A Parquet file.

        Returns
        -------
        Recording
            With one signal; its id is the file's stem.

        Raises
        ------
        TsalignError
            Naming the file, and the row (counted from 1) where one is at fault.
        """
        check_params(self)
        path = file_of(path)
        with located(file=path):
            return self._read(path)

    def _read(self, path: Path) -> Recording:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(path) as file:
                said = metadata(file.schema_arrow)
                names = self._names(file.schema_arrow)
                values, stamps = self._columns(file, names)
        except (pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0]
            raise TsalignError(f"not a whole Parquet file: {reason}") from error
        times, started = seconds(stamps, self.time_unit, self.time) if stamps else (None, {})
        rate = one_rate(self.rate, stated_number(said, "rate_hz"))
        start = stated_number(said, "start_s") or 0.0
        units = units_of(said.get("units", ""), names)
        signal = place(values, names, units, times, rate, self.max_gap, start)
        rest = {key: text for key, text in said.items() if key not in _READ_METADATA}
        ident = stem_of(path, self.suffixes)
        return Recording(ident, (signal,), subject=said.get("subject"), meta=rest | started)

    def _names(self, schema: Any) -> list[str]:
        """Return the wanted columns; the nameless index that pandas adds is not offered."""
        there = [n for n in schema.names if n != self.time and not n.startswith("__index_level_")]
        names = [there[at] for at in choose(there, self.channels)]
        for name in names:
            if schema.names.count(name) > 1:
                raise TsalignError(f"column {name!r} stands twice")
            kind = schema.field(name).type
            if not is_number(kind):
                raise TsalignError(
                    f"column {name!r} holds {kind}, not numbers; name the columns to read "
                    "with `channels`"
                )
        return names

    def _columns(self, file: Any, names: list[str]) -> tuple[NDArray[np.float32], list[Any]]:
        timed = [self.time] if self.time in file.schema_arrow.names else []
        values = np.empty((file.metadata.num_rows, len(names)), np.float32)
        stamps: list[Any] = []
        row = 0
        for batch in file.iter_batches(columns=[*names, *timed]):
            for at, name in enumerate(names):
                values[row : row + len(batch), at] = as_float(batch.column(name), "float32")
            stamps += [batch.column(name) for name in timed]
            row += len(batch)
        return values[:row], stamps


@dataclass(frozen=True)
class Csv:
    """Reads text with one column a channel and a header line, also compressed by gzip.

    Read in blocks, and strictly: a row that is too short or too long and a cell that is no number
    are errors; an empty cell is a missing value.

    Parameters
    ----------
    channels : tuple of str or None
        Columns to read, in this order; all but the time by default.
    rate : float or None
        Samples per second, where the file has no stamps.
    time : str
        Column of stamps: numbers, or ISO 8601 date-times (then the first one is 0 s).
    time_unit : str
        Unit of stamps that are numbers.
    max_gap : float
        Seconds up to which irregular samples are interpolated linearly onto a regular grid (never
        less than two steps); inside longer gaps the signal is NaN.
    delimiter : str or None
        What separates the cells; by default a tab in `.tsv` files and else a comma.
    decimal : str
        The decimal point.

    Examples
    --------
    >>> Csv(rate=50.0, delimiter=";", decimal=",").decimal
    ','
    """

    channels: tuple[str, ...] | None = None
    rate: Annotated[float, Gt(0)] | None = None
    time: str = "time"
    time_unit: Literal["s", "ms", "us", "ns"] = "s"
    max_gap: Annotated[float, Ge(0)] = 1.0
    delimiter: Literal[",", ";", "\t", " "] | None = None
    decimal: Literal[".", ","] = "."

    version: ClassVar[int] = 1
    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".tsv", ".csv.gz", ".tsv.gz")

    def __call__(self, path: Path) -> Recording:
        """Read one file.

        Parameters
        ----------
        path : Path
            A text table.

        Returns
        -------
        Recording
            With one signal; its id is the file's stem.

        Raises
        ------
        TsalignError
            Naming the file, and the line or row (counted from 1) where one is at fault.
        """
        check_params(self)
        path = file_of(path)
        with located(file=path):
            return self._read(path)

    def _read(self, path: Path) -> Recording:
        delimiter = self.delimiter or ("\t" if ".tsv" in path.suffixes else ",")
        header, first = head(path, delimiter)
        there = [name for name in header if name != self.time]
        names = [there[at] for at in choose(there, self.channels)]
        timed = [self.time] if self.time in header else []
        kinds: dict[str, Any] = dict.fromkeys(names, "float32")
        for name in timed:
            kinds[name] = time_type(first[header.index(name)], self.decimal)
        values, stamps = self._columns(path, delimiter, header, kinds, len(names))
        times, started = seconds(stamps, self.time_unit, self.time) if stamps else (None, {})
        units = ("",) * len(names)
        signal = place(values, names, units, times, self.rate, self.max_gap)
        return Recording(stem_of(path, self.suffixes), (signal,), meta=started)

    def _columns(
        self, path: Path, delimiter: str, header: list[str], kinds: dict[str, Any], width: int
    ) -> tuple[NDArray[np.float32], list[Any]]:
        import pyarrow as pa
        from pyarrow import csv

        blocks, stamps = [np.empty((0, width), np.float32)], []
        try:
            with csv.open_csv(
                path,
                csv.ReadOptions(block_size=_BLOCK, skip_rows=1, column_names=header),
                csv.ParseOptions(delimiter=delimiter),
                csv.ConvertOptions(
                    column_types=kinds, include_columns=list(kinds), decimal_point=self.decimal
                ),
            ) as reader:
                for batch in reader:
                    columns = [as_float(c, "float32") for c in batch.columns[:width]]
                    blocks.append(np.stack(columns, axis=1))
                    stamps += batch.columns[width:]
        except (pa.ArrowException, OSError, EOFError) as error:
            numbers = {name for name, kind in kinds.items() if isinstance(kind, str)}
            explain(path, delimiter, header, numbers, self.decimal)
            reason = str(error).splitlines()[0]
            raise TsalignError(f"not a readable table: {reason}") from error
        return np.concatenate(blocks), stamps
