"""Moments, days and amounts of time as they are said, before anyone knows the date."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from tsalign.notes.meanings import DAY
from tsalign.notes.words import values

_HALF_DAY = DAY / 2
Grain = Literal["second", "minute", "hour", "around"]


@dataclass(frozen=True)
class Moment:
    """A time of day.

    Parameters
    ----------
    readings : tuple of (float, float)
        Start and end in seconds since midnight, the likeliest reading first: half past three may
        be in the afternoon.
    grain : str
        How exactly it was said.
    day : int or None
        Counted from the day on which the note was written.
    """

    readings: tuple[tuple[float, float], ...]
    grain: Grain = "hour"
    day: int | None = None


@dataclass(frozen=True)
class Day:
    """A day.

    Parameters
    ----------
    kind : str
        `back`: so many days before the note; `weekday`: 0 is Monday; `nth`: of the recording;
        `date`: (year or None, month, day).
    value : object
        Which.
    other : object
        What it means where the likelier meaning is far from the recording: 2/3 may be in March.
    """

    kind: Literal["back", "weekday", "nth", "date"]
    value: Any
    other: Any = None


@dataclass(frozen=True)
class Amount:
    """A length of time.

    Parameters
    ----------
    seconds, unit : float
        All of it, and the unit in which it was told.
    article : bool
        Whether it is no more than "a day", "an hour".
    """

    seconds: float
    unit: float
    article: bool = False


def number(text: str) -> float:
    """Return the value of digits or words.

    Examples
    --------
    >>> number("2,5"), number("forty two"), number("half an")
    (2.5, 42, 0.5)
    """
    known = values("times", "numbers")
    text = " ".join(text.split())
    if text in known:
        return known[text]
    if text[0].isdigit():
        return float(text.replace(",", "."))
    tens, _, ones = text.replace("-", " ").rpartition(" ")
    return known[tens] + known[ones]


def clock(hour: int, minute: int, second: int = 0, *, half: str | None, exact: bool) -> Moment:
    """Return the moment that a clock shows.

    Parameters
    ----------
    hour, minute, second : int
        As written.
    half : str or None
        `a` or `p`, where that was written.
    exact : bool
        Whether the hour counts to 24 beyond doubt.
    """
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    seconds = 3600.0 * hour + 60.0 * minute + second
    grain: Grain = "second" if second else "minute" if minute else "hour"
    readings = [seconds]
    if not half and not exact and 1 <= hour <= 11:
        readings.append(seconds + _HALF_DAY)
    return Moment(tuple((s, s) for s in readings), grain)
