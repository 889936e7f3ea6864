"""Rows in fixed chunks: the same whatever the number of threads, so that sums have one order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsalign.errors import TsalignError

Result = TypeVar("Result")

BLOCK = 4096  # rows handled between two visits of the interpreter: about one second-level cache


def split(n_rows: int, size: int) -> list[slice]:
    """Cut rows into at most 64 chunks, fewer when what each must hold is large.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    size : int
        Number of float64 values that a chunk sums up on its own.

    Returns
    -------
    list of slice
        In order, without holes.

    Examples
    --------
    >>> split(10_000, size=1)
    [slice(0, 4096, None), slice(4096, 8192, None), slice(8192, 10000, None)]
    """
    most = min(64, max(8, 2**23 // size))
    step = -(-n_rows // (most * BLOCK)) * BLOCK
    return [slice(start, min(start + step, n_rows)) for start in range(0, n_rows, step)]


def blocks(chunk: slice) -> Iterator[slice]:
    """Yield the blocks of a chunk in order.

    Parameters
    ----------
    chunk : slice
        One of `split`.

    Yields
    ------
    slice
        Of `BLOCK` rows at most.
    """
    for start in range(chunk.start, chunk.stop, BLOCK):
        yield slice(start, min(start + BLOCK, chunk.stop))


def spread(
    work: Callable[[int, slice], Result], chunks: Sequence[slice], threads: int | None
) -> list[Result]:
    """Call `work(number, chunk)` for all chunks, several at a time.

    Parameters
    ----------
    work : callable
        Releases the interpreter's lock where it matters.
    chunks : sequence of slice
        As from `split`.
    threads : int or None
        How many at a time; `None` for numba's own number of threads.

    Returns
    -------
    list
        What each call returned, in the order of the chunks.
    """
    threads = min(threads or numba.get_num_threads(), len(chunks))
    if threads == 1:
        return [work(number, chunk) for number, chunk in enumerate(chunks)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, range(len(chunks)), chunks))


def as_rows(X: ArrayLike, name: str = "X") -> NDArray[np.float32]:
    """Return a table as contiguous float32, or say in one sentence why it is none.

    Parameters
    ----------
    X : array_like of shape (n_samples, n_features)
        Finite numbers.
    name : str
        What it is called in errors.

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        `X` itself where it already is contiguous float32.

    Raises
    ------
    TsalignError
        For another shape, another kind of value, no rows, or a value that is not finite.

    Examples
    --------
    >>> as_rows([[0.0], [float("nan")]])
    Traceback (most recent call last):
    tsalign.errors.TsalignError: row 1: column 0 of X is nan; k-means needs finite float32 numbers
    """
    table = np.asarray(X)
    if table.ndim != 2 or 0 in table.shape:
        raise TsalignError(f"{name} has shape {table.shape}; k-means needs (n_samples, n_features)")
    if table.dtype.kind not in "fiub":
        raise TsalignError(f"{name} holds {table.dtype} values; k-means needs numbers")
    with np.errstate(over="ignore"):  # what overflows is reported below, with its place
        rows = np.ascontiguousarray(table, dtype=np.float32)
    for block in blocks(slice(0, len(rows))):
        if not np.isfinite(rows[block]).all():
            row, column = np.argwhere(~np.isfinite(rows[block]))[0]
            raise TsalignError(
                f"column {column} of {name} is {table[block][row, column]}; "
                "k-means needs finite float32 numbers",
                row=str(block.start + row),
            )
    return rows
