"""What words of time mean: an editable table of parts of the day, meals, shifts and tolerances."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from tsalign.errors import TsalignError, located
from tsalign.yamlmap import parse as parse_yaml

DAY = 86400.0
_CLOCK = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)\Z")
_ORDERS = ("month first", "day first")
_NUMBERS = ("tolerance", "reach")


@dataclass(frozen=True)
class Named:
    """A time of day that has a name.

    Parameters
    ----------
    start, end : float
        Seconds since midnight; beyond a day for what ends on the next one.
    words, alone : tuple of str
        Names that need a preposition or a day before them, and names that do not.
    day : int or None
        Counted from the day on which the note was written; None for any day.
    """

    start: float
    end: float
    words: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()
    day: int | None = None


@dataclass(frozen=True, eq=False)
class Meanings:
    """How times in words are understood.

    Parameters
    ----------
    named : mapping of str to Named
        Parts of the day, meals, shifts, habits.
    tolerance, reach : mapping of str to float
        Seconds, but for `share`; `data/times.yaml` says which is which.
    day_first : bool
        Whether 3/4 is the third of April.
    """

    named: Mapping[str, Named]
    tolerance: Mapping[str, float]
    reach: Mapping[str, float]
    day_first: bool = False

    @classmethod
    def read(cls, path: str | Path) -> Meanings:
        """Read a YAML file of the form of `tsalign/notes/data/times.yaml`.

        Parameters
        ----------
        path : str or Path
            What it leaves out keeps the built-in values.

        Returns
        -------
        Meanings
            The built-in ones with the changes of the file.

        Raises
        ------
        TsalignError
            Naming the file and the entry that is wrong.
        """
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise TsalignError("no such file", file=str(path)) from None
        except (OSError, UnicodeDecodeError) as error:
            raise TsalignError(f"cannot be read: {error}", file=str(path)) from error
        with located(file=path):
            return _built(_merged(_shipped(), parse_yaml(text, str(path))[0]))


@functools.cache
def built_in() -> Meanings:
    """Return the meanings that come with the package.

    Examples
    --------
    >>> built_in().named["lunch"].start / 3600
    12.0
    """
    return _built(_shipped())


@functools.cache
def _shipped() -> dict[str, Any]:
    text = files("tsalign.notes").joinpath("data", "times.yaml").read_text(encoding="utf-8")
    return parse_yaml(text, "times.yaml")[0]


def _merged(table: Mapping[str, Any], changes: Any) -> dict[str, Any]:
    if not isinstance(changes, dict):
        raise TsalignError("a table of times is a mapping")
    merged = dict(table)
    for key, value in changes.items():
        if key not in table:
            raise TsalignError(f"unknown key; there are {', '.join(table)}", key=str(key))
        if not isinstance(table[key], dict):
            merged[key] = value
            continue
        if not isinstance(value, dict):
            raise TsalignError("should be a mapping", key=key)
        if key in _NUMBERS:
            for name in value:
                if name not in table[key]:
                    known = ", ".join(table[key])
                    raise TsalignError(f"unknown key; there are {known}", key=f"{key}.{name}")
            merged[key] = table[key] | value
        else:
            merged[key] = table[key] | {k: _entry(table[key].get(k), v) for k, v in value.items()}
    return merged


def _entry(old: Any, new: Any) -> Any:
    return old | new if isinstance(old, dict) and isinstance(new, dict) else new


def _built(table: Mapping[str, Any]) -> Meanings:
    named = {}
    for name, entry in table["named"].items():
        with located(key=f"named.{name}"):
            named[str(name)] = _named(entry)
    numbers = {}
    for group in _NUMBERS:
        for key, value in table[group].items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
                raise TsalignError("should be a number of minutes", key=f"{group}.{key}")
        numbers[group] = {k: v if k == "share" else 60.0 * v for k, v in table[group].items()}
    if table["date_order"] not in _ORDERS:
        raise TsalignError(f"should be one of {', '.join(_ORDERS)}", key="date_order")
    return Meanings(named, day_first=table["date_order"] == "day first", **numbers)


def _named(entry: Any) -> Named:
    if not isinstance(entry, dict) or not set(entry) <= {"window", "words", "alone", "day"}:
        raise TsalignError("should be a mapping of window, words, alone and day")
    window = entry.get("window")
    if not isinstance(window, list) or len(window) != 2:
        raise TsalignError('window should be ["HH:MM", "HH:MM"]')
    start, end = map(_seconds, window)
    phrases = [tuple(str(w).lower() for w in entry.get(k) or ()) for k in ("words", "alone")]
    day = entry.get("day")
    if day is not None and (isinstance(day, bool) or not isinstance(day, int)):
        raise TsalignError("day should be a whole number: 0 for the day of the note, -1 before")
    return Named(start, end if end >= start else end + DAY, phrases[0], phrases[1], day)


def _seconds(clock: Any) -> float:
    found = _CLOCK.match(clock) if isinstance(clock, str) else None
    if not found:
        raise TsalignError(f'{clock!r} is no time of day; write "14:30"')
    return 3600.0 * int(found[1]) + 60.0 * int(found[2])
