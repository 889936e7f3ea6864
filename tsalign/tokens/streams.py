"""Streams of rows and their tokens, checked against each other before anything is learnt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsalign.errors import TsalignError, located
from tsalign.tokens.runs import check_rate, token_rate
from tsalign.types import Tokens

Rows = NDArray[np.float32]
Units = Tokens | ArrayLike


def rows_of(sequence: ArrayLike, width: int | None) -> Rows:
    """Return finite rows `(k, width)` as float32, or say which is none."""
    rows = np.asarray(sequence, np.float32)
    if rows.ndim != 2 or not rows.shape[1]:
        raise TsalignError(f"rows have shape {rows.shape}; one row a token is needed")
    if width is not None and rows.shape[1] != width:
        raise TsalignError(f"rows have {rows.shape[1]} columns; {width} were learnt from")
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(bad):
        raise TsalignError(f"row {bad[0]} is not finite")
    return rows


def streams_of(
    sequences: Sequence[ArrayLike],
    tokens: Sequence[Units],
    width: int | None,
    size: int | None = None,
    what: str = "stream",
) -> tuple[list[Rows], list[NDArray[np.int64]]]:
    """Check streams against each other; return those that are not empty."""
    if len(sequences) != len(tokens):
        raise TsalignError(f"{len(sequences)} streams of rows, but {len(tokens)} of tokens")
    X, z = [], []
    for number, (sequence, units) in enumerate(zip(sequences, tokens, strict=True)):
        with located(key=f"{what} {number}"):
            rows, ids = rows_of(sequence, width), ids_of(units, size)
            if len(rows) != len(ids):
                raise TsalignError(f"{len(rows)} rows, but {len(ids)} tokens")
        width = rows.shape[1]
        if len(rows):
            X.append(rows)
            z.append(ids)
    if not X:
        raise TsalignError("no row: there is nothing to learn from")
    return X, z


def ids_of(units: Units, size: int | None) -> NDArray[np.int64]:
    """Return tokens `(k,)` below `size`, or below what they say themselves."""
    given = np.asarray(units.ids if isinstance(units, Tokens) else units)
    if given.ndim != 1 or (len(given) and given.dtype.kind not in "iu"):
        raise TsalignError("tokens are whole numbers, one a row")
    size = units.size if isinstance(units, Tokens) and size is None else size
    wrong = given[(given < 0) | (given >= size)] if size is not None else given[given < 0]
    if len(wrong):
        known = f"; there are 0 to {size - 1}" if size is not None else ""
        raise TsalignError(f"token {wrong[0]} is out of range{known}")
    return given.astype(np.int64)


def size_of(tokens: Sequence[Units], ids: list[NDArray[np.int64]]) -> int:
    """Return how many tokens there are: as stated, or one more than the largest."""
    stated = [units.size for units in tokens if isinstance(units, Tokens)]
    return max([*stated, *(int(z.max()) + 1 for z in ids)])


def rate_of(tokens: Sequence[Units], rate: float | None, what: str = "stream") -> float:
    """Return the stated rate, or that of the first tokens that have one; the others come at it."""
    for number, units in enumerate(tokens):
        if isinstance(units, Tokens) and len(units.ids) > 1:
            rate = token_rate(units) if rate is None else rate
            with located(key=f"{what} {number}"):
                check_rate(units, rate)
    return 1.0 if rate is None else float(rate)


def same_rate(rate: float, expected: float, tolerance: float = 0.02) -> None:
    """Refuse a rate in Hz that is not the expected one."""
    if abs(rate - expected) > tolerance * expected:
        raise TsalignError(f"tokens come at {rate:g} Hz; {expected:g} Hz are needed")
