"""What all readers share: choosing channels, checking values, placing them in time."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tsalign.errors import TsalignError
from tsalign.kernels.grid import interpolate, regular_rate, typical_rate
from tsalign.types import Signal

_TOLERANCE = 0.01  # of the rate: further apart, two statements of it contradict each other
_MOST_GRID = 100  # grid samples per row of the file; beyond, a stamp is surely wrong


def file_of(path: str | Path) -> Path:
    """Return the path of a file that is there and not empty.

    Parameters
    ----------
    path : str or Path
        A file.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    TsalignError
        When there is no such file, it is a folder, or it holds no byte.
    """
    path = Path(path)
    if not path.is_file():
        raise TsalignError("this is a folder" if path.is_dir() else "no such file", file=str(path))
    if path.stat().st_size == 0:
        raise TsalignError("the file is empty", file=str(path))
    return path


def stem_of(path: Path, suffixes: Sequence[str]) -> str:
    """Return a file's name without its longest known suffix.

    Examples
    --------
    >>> stem_of(Path("a/s01.chest.csv.gz"), (".csv", ".csv.gz"))
    's01.chest'
    """
    known = [s for s in suffixes if path.name.lower().endswith(s)]
    return path.name[: -len(max(known, key=len))] if known else path.stem


def choose(names: Sequence[str], channels: Sequence[str] | None) -> list[int]:
    """Return the positions of the wanted channels, in the wanted order.

    Parameters
    ----------
    names : sequence of str
        What the file has.
    channels : sequence of str or None
        What is wanted; None for everything.

    Returns
    -------
    list of int
        Positions in `names`.

    Raises
    ------
    TsalignError
        When a name is unknown or stands twice, or there is none.

    Examples
    --------
    >>> choose(["x", "y", "z"], ["z", "x"])
    [2, 0]
    """
    twice = [n for n, count in Counter(channels or names).items() if count > 1]
    if twice:
        raise TsalignError(f"channel {twice[0]!r} stands twice")
    if not (names if channels is None else channels):
        raise TsalignError("no channel to read")
    for name in channels or ():
        if name not in names:
            near = difflib.get_close_matches(name, names, n=3, cutoff=0.5) or list(names)[:20]
            raise TsalignError(f"no channel {name!r}; there are {', '.join(map(repr, near))}")
    return [list(names).index(name) for name in channels or names]


def unique(names: Sequence[str]) -> list[str]:
    """Return names in which a repeated one carries its number.

    Examples
    --------
    >>> unique(["ECG", "ABP", "ECG"])
    ['ECG', 'ABP', 'ECG_2']
    """
    before = [list(names[:at]).count(name) for at, name in enumerate(names)]
    return [f"{n}_{k + 1}" if k else n for n, k in zip(names, before, strict=True)]


def check_values(values: NDArray[np.float32], names: Sequence[str]) -> None:
    """Refuse values that no later stage could use.

    Parameters
    ----------
    values : (n, c) float32
        Samples.
    names : sequence of str
        The `c` channels.

    Raises
    ------
    TsalignError
        When there are no rows, a channel holds no number, or a value is infinite.
    """
    if not len(values):
        raise TsalignError("no samples in the file")
    for name, column in zip(names, values.T, strict=True):
        infinite = np.isinf(column)
        if infinite.any():
            row = int(infinite.argmax()) + 1
            raise TsalignError(f"channel {name!r} holds an infinite value", row=str(row))
        if np.isnan(column).all():
            raise TsalignError(
                f"channel {name!r} holds no number at all; leave it out with `channels`"
            )


def place(
    values: NDArray[np.float32],
    names: Sequence[str],
    units: Sequence[str],
    times: NDArray[np.float64] | None,
    rate: float | None,
    max_gap: float,
    start: float = 0.0,
) -> Signal:
    """Return the signal that columns of a table stand for.

    Parameters
    ----------
    values : (n, c) float32
        Samples.
    names, units : sequence of str
        The `c` channels.
    times : (n,) float64 or None
        Stamps in seconds.
    rate : float or None
        Samples per second, where somebody stated it.
    max_gap : float
        Seconds up to which irregular samples are interpolated.
    start : float
        Time of the first sample where there are no stamps.

    Returns
    -------
    Signal
        On a regular grid.

    Raises
    ------
    TsalignError
        When time is unknown, runs backwards or contradicts the rate.
    """
    check_values(values, names)
    if times is None:
        if rate is None:
            raise TsalignError(
                "neither a time column nor a rate; give `rate` in Hz, or name the column "
                "with the stamps by `time`"
            )
        return Signal(values, rate, start, tuple(names), tuple(units))
    _check_times(times)
    found = regular_rate(times) if len(times) > 1 else rate
    if found is None:
        values, found = _regrid(times, values, rate, max_gap)
    _agree(rate, found)
    return Signal(values, found, float(times[0]), tuple(names), tuple(units))


def _regrid(
    times: NDArray[np.float64], values: NDArray[np.float32], rate: float | None, max_gap: float
) -> tuple[NDArray[np.float32], float]:
    if len(times) < 2:
        raise TsalignError("one row tells no rate; give `rate` in Hz")
    typical = typical_rate(times)
    _agree(rate, typical)
    grid_rate = rate or typical
    if (times[-1] - times[0]) * grid_rate > _MOST_GRID * len(times):
        at = int(np.diff(times).argmax())
        raise TsalignError(
            f"time jumps from {times[at]:g} to {times[at + 1]:g} s, too far for {len(times)} rows",
            row=str(at + 2),
        )
    return interpolate(times, values, grid_rate, max_gap), grid_rate


def _check_times(times: NDArray[np.float64]) -> None:
    wrong = ~np.isfinite(times)
    if wrong.any():
        raise TsalignError("the time is missing", row=str(int(wrong.argmax()) + 1))
    backwards = np.diff(times) <= 0
    if backwards.any():
        at = int(backwards.argmax())
        raise TsalignError(
            f"time must increase, but {times[at + 1]:.6f} s follows {times[at]:.6f} s",
            row=str(at + 2),
        )


def _agree(stated: float | None, found: float) -> None:
    if stated is not None and abs(stated - found) > _TOLERANCE * found:
        raise TsalignError(f"the rate is given as {stated:g} Hz, but the stamps say {found:g} Hz")


def one_rate(given: float | None, stated: float | None) -> float | None:
    """Return the rate that the user or the file states, and refuse a contradiction.

    Examples
    --------
    >>> one_rate(None, 50.0)
    50.0
    """
    if given is not None and stated is not None and abs(given - stated) > _TOLERANCE * stated:
        raise TsalignError(f"the rate is given as {given:g} Hz, but the file says {stated:g} Hz")
    return given if given is not None else stated
