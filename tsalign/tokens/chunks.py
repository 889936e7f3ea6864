"""Rows in fixed chunks: the same whatever the number of threads, so that sums have one order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeAlias, TypeVar

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsalign.errors import TsalignError
from tsalign.tokens.shards import Shards, is_sharded

Result = TypeVar("Result")
Rows: TypeAlias = NDArray[np.float32] | Shards
Weights: TypeAlias = NDArray[np.float64]

UNWEIGHTED: Weights = np.empty(0)

FEW = 4_000_000  # values are looked at before a second thread has begun
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
    most = min(64, max(8, 2**19 // size))
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


def pieces(rows: Rows, chunk: slice) -> Iterator[slice]:
    """Yield the parts of a chunk that are read at once: all of it where it lies in memory.

    Parameters
    ----------
    rows : ndarray or Shards of shape (n_samples, n_features)
        What is read.
    chunk : slice
        One of `split`.

    Yields
    ------
    slice
        The chunk, or its blocks.
    """
    yield from [chunk] if isinstance(rows, np.ndarray) else blocks(chunk)


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


def as_rows(X: ArrayLike | Shards, name: str = "X") -> Rows:
    """Return rows of float32 to be read block by block, or say in one sentence why they are none.

    Parameters
    ----------
    X : array_like of shape (n_samples, n_features), or files and arrays that hold its rows in order
        Finite numbers; see `Shards`.
    name : str
        What it is called in errors.

    Returns
    -------
    ndarray of shape (n_samples, n_features) or Shards
        `X` itself where it already is contiguous float32, a memory map included.

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
    table = Shards(X) if is_sharded(X) else np.asarray(X)
    if table.ndim != 2 or 0 in table.shape:
        raise TsalignError(f"{name} has shape {table.shape}; k-means needs (n_samples, n_features)")
    if table.dtype.kind not in "fiub":
        raise TsalignError(f"{name} holds {table.dtype} values; k-means needs numbers")
    with np.errstate(over="ignore"):  # what overflows is reported below, with its place
        rows = table if isinstance(table, Shards) else np.ascontiguousarray(table, dtype=np.float32)
    threads = None if rows.size > FEW else 1
    found = spread(partial(_broken, rows), split(len(rows), 1), threads)
    broken = [block for block in found if block]
    if broken:
        row, column = np.argwhere(~np.isfinite(rows[broken[0]]))[0]
        given = table[broken[0]][row, column]
        raise TsalignError(
            f"column {column} of {name} is {given}; k-means needs finite float32 numbers",
            row=str(broken[0].start + row),
        )
    return rows


def _broken(rows: Rows, _: int, chunk: slice) -> slice | None:
    """Return the first block of a chunk with a value that is not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        for block in blocks(chunk):
            values = rows[block]
            # A finite sum says it all at a glance; finite values may have another.
            if not (np.isfinite(values.sum()) or np.isfinite(values).all()):
                return block
    return None


def as_table(X: ArrayLike, name: str = "X") -> NDArray[np.float32]:
    """Return rows that are small enough to be held in memory.

    Parameters
    ----------
    X : array_like of shape (n_samples, n_features), or files and arrays that hold its rows in order
        Finite numbers.
    name : str
        What it is called in errors.

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        As from `as_rows`.
    """
    rows = as_rows(X, name)
    return rows[:] if isinstance(rows, Shards) else rows


def as_weights(sample_weight: ArrayLike | None, n_rows: int) -> Weights:
    """Return weights as float64, or say in one sentence why they are none.

    Parameters
    ----------
    sample_weight : array_like of shape (n_samples,), optional
        Finite, not negative, not all zero.
    n_rows : int
        Number of rows they belong to.

    Returns
    -------
    ndarray of shape (n_samples,)
        Empty where all rows count once.

    Raises
    ------
    TsalignError
        For another shape or a value that cannot be a weight.
    """
    if sample_weight is None:
        return UNWEIGHTED
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n_rows,):
        raise TsalignError(f"sample_weight has shape {weights.shape}; X has {n_rows} rows")
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong) > 0:
        raise TsalignError(
            f"sample_weight is {weights[wrong[0]]}; weights are finite and not negative",
            row=str(wrong[0]),
        )
    if not weights.any():
        raise TsalignError("sample_weight is zero for every row")
    return weights
