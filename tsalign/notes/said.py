"""What a phrase of time says before it is tied to a date, and what two phrases say together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

from tsalign.notes.meanings import DAY
from tsalign.notes.moments import Day

Anchor = Literal["start", "end", "written", "earlier", "after", "share"]


@dataclass(frozen=True)
class Daily:
    """A stretch of some day.

    Parameters
    ----------
    readings : tuple of (float, float)
        Start and end in seconds since midnight, the likeliest first; infinite for the start and
        end of the recording.
    finished : bool
        Whether it must be over when the note is written.
    nth : int or None
        Which of those in the recording.
    day : int or None
        Counted from the day on which the note was written.
    """

    readings: tuple[tuple[float, float], ...]
    finished: bool = False
    nth: int | None = None
    day: int | None = None


@dataclass(frozen=True)
class Offset:
    """A stretch told from something else.

    Parameters
    ----------
    of : str
        `start` or `end` of the recording, the time at which the note was `written`, the window
        told `earlier`, the time `after` that; with `share` the unit is the recording's length.
    start, end : float
        Seconds.
    """

    of: Anchor
    start: float
    end: float


Item = Daily | Offset | Day


@dataclass(frozen=True)
class Phrases:
    """What a sentence says of time.

    Parameters
    ----------
    items : tuple of Daily, Offset or Day
        When.
    duration : float or None
        How long, in seconds.
    count : int or None
        How often.
    """

    items: tuple[Item, ...] = ()
    duration: float | None = None
    count: int | None = None


def merged(items: tuple[Item, ...]) -> Iterator[Item]:
    """Join times that make each other clear: "at 3 in the afternoon", "after lunch, around two"."""
    last: Daily | None = None
    for item in items:
        if not isinstance(item, Daily):
            yield item
            continue
        both = last and _common(last, item)
        if last is not None and both is None:
            yield last
        last = both or item
    if last is not None:
        yield last


def _common(first: Daily, second: Daily) -> Daily | None:
    """Return what two stretches of one day share; a night reaches into the next day."""
    shared = []
    for (a, b), (c, d), shift in product(first.readings, second.readings, (-DAY, 0.0, DAY)):
        narrow = b - a <= d - c
        start, end = (
            (max(a + shift, c), min(b + shift, d))
            if narrow
            else (max(a, c + shift), min(b, d + shift))
        )
        if start < end:
            shared.append((start, end))
    small_hours = first.readings[0][1] <= DAY / 4  # 4 in the morning is before the morning
    if not shared and (len(first.readings) == 2 or small_hours) and len(second.readings) == 1:
        middle = sum(second.readings[0]) / 2 % DAY
        shared = [r for r in first.readings if (sum(r) / 2 < DAY / 2) == (middle < DAY / 2)]
        if second.readings[0][1] > DAY:  # half past eight at night is before the night
            shared = [r for r in first.readings if r[0] >= 0.75 * DAY] or shared
    if not shared:
        return None
    day = first.day if first.day is not None else second.day
    nth = first.nth or second.nth
    return replace(first, readings=tuple(dict.fromkeys(shared)), day=day, nth=nth)
