"""Times of events written as people write them: in several styles, rounded, and now and then none.

What is written is true but for its rounding; whoever reads it knows when the recording began.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np

UNTIMED = 0.15  # share of the events of which no time is told
LASTING = 0.3  # share of the longer events of which the duration is told
LONG = 8.0  # seconds from which an event has a duration worth telling
NUMBERS = ("no", "a", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_SMALL = ("The", "He", "She", "They", "Patient", "It", "A", "An", "Then", "His", "Her", "Next")

Style = Callable[[float, float, datetime, float | None], str | None]


def _clock(begun: datetime, seconds: float, step: int) -> str:
    """Return the wall clock, rounded to `step` seconds."""
    origin = begun.replace(hour=0, minute=0, second=0, microsecond=0)
    since = (begun - origin).total_seconds() + seconds
    moment = origin + timedelta(seconds=step * round(since / step))
    return moment.strftime("%H:%M" if step == 60 else "%H:%M:%S")


def _amount(seconds: float) -> str:
    """Return a length of time: tens of seconds, and half minutes from two minutes on."""
    if seconds < 55:
        return f"{max(10 * round(seconds / 10), 10)} seconds"
    if seconds < 120:
        return "a minute" if seconds < 75 else f"{10 * round(seconds / 10)} seconds"
    halves = round(seconds / 30)
    whole, half = divmod(halves, 2)
    name = NUMBERS[whole] if whole < len(NUMBERS) else str(whole)
    return f"{name} and a half minutes" if half else f"{name} minutes"


def to_the_second(start: float, end: float, begun: datetime, before: float | None) -> str:
    """At 14:03:20."""
    return f"At {_clock(begun, start, 1)}"


def to_the_minute(start: float, end: float, begun: datetime, before: float | None) -> str:
    """At 14:03."""
    return f"At {_clock(begun, start, 60)}"


def roughly(start: float, end: float, begun: datetime, before: float | None) -> str:
    """Around 14:03."""
    return f"Around {_clock(begun, start, 60)}"


def between(start: float, end: float, begun: datetime, before: float | None) -> str:
    """From 14:03:20 to 14:03:40."""
    return f"From {_clock(begun, start, 1)} to {_clock(begun, end, 1)}"


def into(start: float, end: float, begun: datetime, before: float | None) -> str:
    """Two and a half minutes into the recording."""
    return f"{_amount(start)} into the recording".replace("a minute", "one minute").capitalize()


def relative(start: float, end: float, begun: datetime, before: float | None) -> str | None:
    """Return a minute later; None where nothing was told before, or at nearly the same time."""
    if before is None or abs(start - before) < 8:
        return None
    side = "later" if start > before else "earlier"
    return f"{_amount(abs(start - before))} {side}".capitalize()


STYLES: tuple[Style, ...] = (to_the_second, to_the_minute, roughly, between, into, relative)


def with_time(
    text: str,
    event: tuple[float, float],
    begun: datetime,
    before: float | None,
    rng: np.random.Generator,
) -> tuple[str, bool]:
    """Write the time of an event into its sentence.

    Parameters
    ----------
    text : str
        The sentence.
    event : (float, float)
        Seconds from the start of the recording.
    begun : datetime
        When that was.
    before : float or None
        Start of the event told just before, where its time was told.
    rng : numpy.random.Generator
        Draws the style.

    Returns
    -------
    str, bool
        The sentence, and whether it now tells its time.
    """
    style, told, lasting = rng.integers(len(STYLES)), rng.random(), rng.random()
    start, end = event
    if end - start >= LONG and lasting < LASTING:
        seconds = 5 * round((end - start) / 5)
        text = f"{text.rstrip('.')}, for about {seconds} seconds."
    if told < UNTIMED:
        return text, False
    phrase = STYLES[style](start, end, begun, before) or into(start, end, begun, before)
    first = text.split(" ", 1)[0].rstrip(",")
    return f"{phrase}, {text[0].lower() + text[1:] if first in _SMALL else text}", True
