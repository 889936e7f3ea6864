"""Rows that lie in several arrays and files, read block by block as if they were one table."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsalign.errors import TsalignError, located


def is_sharded(X: Any) -> bool:
    """Tell whether X is a path, or a sequence of paths and tables.

    Parameters
    ----------
    X : object
        What was given as rows.

    Returns
    -------
    bool
        A list of rows is no sequence of tables.
    """
    if isinstance(X, (str, Path, Shards)):
        return True
    return isinstance(X, (list, tuple)) and len(X) > 0 and all(map(_is_part, X))


def _is_part(part: Any) -> bool:
    return isinstance(part, (str, Path)) or (isinstance(part, np.ndarray) and part.ndim == 2)


class Shards:
    """A table in parts: sliced like an array, which reads the rows asked for and no others.

    Parameters
    ----------
    parts : path, or sequence of path and ndarray of shape (n_rows, n_features)
        `.npy` files are mapped into memory. Parquet files, whose columns are the features, are
        decoded once, into a temporary file of float32.

    Examples
    --------
    >>> table = Shards([np.zeros((3, 2)), np.ones((2, 2))])
    >>> table.shape, table[2:4].tolist()
    ((5, 2), [[0.0, 0.0], [1.0, 1.0]])
    """

    ndim = 2

    def __init__(self, parts: Any) -> None:
        if isinstance(parts, Shards):
            parts = parts.parts
        parts = [parts] if isinstance(parts, (str, Path)) else parts
        self.parts: list[NDArray] = [_table(part) for part in parts]
        widths = [part.shape[1] for part in self.parts]
        for number, width in enumerate(widths):
            if width != widths[0]:
                raise TsalignError(
                    f"shard {number} has {width} features; the first one has {widths[0]}"
                )
        self.ends = np.cumsum([len(part) for part in self.parts])
        self.shape = (int(self.ends[-1]), widths[0])
        self.size = self.shape[0] * self.shape[1]
        self.dtype = np.result_type(*self.parts)

    def __len__(self) -> int:
        """Count the rows."""
        return self.shape[0]

    def __getitem__(self, key: slice | Sequence[int] | NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the rows asked for as contiguous float32: those of a slice, or one by one."""
        if not isinstance(key, slice):
            return np.concatenate([self[int(row) : int(row) + 1] for row in key])
        start, stop, _ = key.indices(len(self))
        first = int(np.searchsorted(self.ends, start, side="right"))
        pieces = []
        for part, end in zip(self.parts[first:], self.ends[first:], strict=True):
            offset = int(end) - len(part)
            if offset >= stop:
                break
            pieces.append(part[max(start - offset, 0) : stop - offset])
        joined = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        return np.ascontiguousarray(joined, dtype=np.float32)


def _table(part: Any) -> NDArray:
    if isinstance(part, np.ndarray):
        return part
    path = Path(part)
    with located(file=str(path)):
        try:
            table = np.load(path, mmap_mode="r") if path.suffix == ".npy" else _parquet(path)
        except TsalignError:
            raise
        except (OSError, ValueError) as error:
            raise TsalignError(f"cannot be read as a table: {error}") from error
        if table.ndim != 2:
            raise TsalignError(f"has shape {table.shape}; k-means needs (n_samples, n_features)")
        return table


def _parquet(path: Path) -> NDArray[np.float32]:
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        shape = (file.metadata.num_rows, len(file.schema_arrow))
        for column in file.schema_arrow:
            if not (
                pyarrow.types.is_floating(column.type) or pyarrow.types.is_integer(column.type)
            ):
                raise TsalignError(f"column {column.name!r} holds {column.type}; it needs numbers")
        if 0 in shape:
            return np.empty(shape, dtype=np.float32)
        with tempfile.TemporaryFile() as plain:  # the map outlives its name
            table = np.memmap(plain, dtype=np.float32, mode="w+", shape=shape)
        start = 0
        for batch in file.iter_batches():
            for number, column in enumerate(batch.columns):
                values = column.to_numpy(zero_copy_only=False)
                table[start : start + len(batch), number] = values
            start += len(batch)
    return table
