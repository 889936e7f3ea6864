"""When a sentence says that something was: windows in seconds of the recording."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta, tzinfo

from tsalign.errors import TsalignError
from tsalign.notes.meanings import DAY, Meanings, built_in
from tsalign.notes.moments import Day
from tsalign.notes.phrases import phrases
from tsalign.notes.said import Daily, Item, Offset, Phrases, merged
from tsalign.types import Span

_WEEK = 7


class Times:
    """Reads the times in the sentences of one note, in their order.

    A time of day without a day may mean several days. Of those that touch the recording the last
    one counts that begins before the note was written (for a stretch "from ... to ...": that is
    over by then); where nobody knows when that was, the first one. If none touches the recording,
    the last one before the note counts, or that of the day on which the recording begins, and
    lies outside. "At 3" is 03:00 if that leaves a place
    in the recording, and 15:00 otherwise.

    Parameters
    ----------
    written : datetime or None
        When the note was written.
    recorded : (datetime, datetime) or None
        Start and end of the recording. With time zones, wall clocks are understood in that of the
        start; an hour that comes twice in autumn is meant both times.
    meanings : Meanings or None
        What words mean; None for the table that comes with the package.

    Raises
    ------
    TsalignError
        Where the recording ends before it starts, or only some datetimes have a time zone.

    Examples
    --------
    >>> times = Times(recorded=(datetime(2024, 3, 5, 22), datetime(2024, 3, 6, 8)))
    >>> times.read("Woke at 03:15.")[0]
    Span(start=18600.0, end=19200.0)
    >>> times.read("Ten minutes later he slept again.")[0]
    Span(start=19140.0, end=19860.0)
    >>> Times().read("Walked twenty minutes into the recording.")[0]
    Span(start=1080.0, end=1320.0)
    """

    def __init__(
        self,
        *,
        written: datetime | None = None,
        recorded: tuple[datetime, datetime] | None = None,
        meanings: Meanings | None = None,
    ) -> None:
        self.meanings = meanings or built_in()
        self.calendar = _Calendar(written, recorded) if recorded else None
        self.earlier: Span | None = None

    def read(self, text: str) -> tuple[Span | None, float | None, int | None]:
        """Return window, duration in seconds and count of the next sentence.

        Parameters
        ----------
        text : str
            The sentence.

        Returns
        -------
        when : Span or None
            Seconds of the recording; perhaps outside of it.
        duration : float or None
            Seconds.
        count : int or None
            How often it happened.
        """
        said = phrases(text, self.meanings)
        when = self._when(said)
        self.earlier = when or self.earlier
        return when, said.duration, said.count

    def peek(self, text: str) -> Span | None:
        """Return the window of a sentence without remembering it for the next one."""
        return self._when(phrases(text, self.meanings))

    def _when(self, said: Phrases) -> Span | None:
        when: Span | None = None
        for item in _with_days(merged(said.items), said.items):
            found = self._window(*item, when or self.earlier)
            if found is None:
                return None
            when = found if when is None else _combined(when, found)
        return when

    def _window(self, item: Item, day: Day | None, earlier: Span | None) -> Span | None:
        if isinstance(item, Offset):
            return self._offset(item, earlier)
        if self.calendar is None or not isinstance(item, Daily):
            return None
        try:
            return self.calendar.window(item, day)
        except OverflowError:  # beyond the calendar
            return None

    def _offset(self, item: Offset, earlier: Span | None) -> Span | None:
        calendar = self.calendar
        if item.of == "start":
            return Span(max(item.start, 0.0), item.end)
        if item.of in ("earlier", "after"):
            if earlier is None:
                return None
            start = earlier.start if item.of == "earlier" else (earlier.start + earlier.end) / 2
            return Span(start + item.start, earlier.end + item.end)
        if calendar is None:
            return None
        if item.of == "share":
            return Span(item.start * calendar.length, item.end * calendar.length)
        origin = calendar.length if item.of == "end" else calendar.now
        return None if origin is None else Span(origin + item.start, origin + item.end)


def _with_days(items: Iterable[Item], said: tuple[Item, ...]) -> Iterator[tuple[Item, Day | None]]:
    """Yield items with the day that they belong to; a day alone is meant whole."""
    days = [item for item in said if isinstance(item, Day)]
    timed = any(isinstance(item, Daily) for item in said)
    for item in items:
        if isinstance(item, Daily):
            yield item, days[0] if days else None
        elif isinstance(item, Offset):
            yield item, None
        elif not timed:
            yield Daily(((0.0, DAY),)), item


def _combined(first: Span, second: Span) -> Span:
    """Return what both allow, and where nothing is left all that lies between."""
    return (first & second) or Span(min(first.start, second.start), max(first.end, second.end))


class _Calendar:
    """Knows which seconds of the recording a wall clock shows on which day."""

    def __init__(self, written: datetime | None, recorded: tuple[datetime, datetime]) -> None:
        start, end = recorded
        self.zone: tzinfo | None = start.tzinfo
        for other in (end, written):
            if other is not None and (other.tzinfo is None) != (self.zone is None):
                raise TsalignError("either all datetimes have a time zone or none")
        self.origin = start
        self.first, self.last = start.date(), self._local(end).date()
        self.length = self._since(end)
        if not self.length >= 0:
            raise TsalignError(f"the recording ends before it starts: {start}, {end}")
        self.now = None if written is None else self._since(written)
        self.today = None if written is None else self._local(written).date()

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone) if self.zone else moment

    def _since(self, moment: datetime) -> float:
        if self.zone:  # subtracting within one zone would forget that clocks change
            return moment.timestamp() - self.origin.timestamp()
        return (moment - self.origin).total_seconds()

    def _seconds(self, day: date, clock: float, *, late: bool) -> float:
        """Return seconds of the recording; of an hour that comes twice, its first or last."""
        if math.isinf(clock):
            return clock
        wall = datetime.combine(day, time()) + timedelta(seconds=clock)
        if not self.zone:
            return self._since(wall)
        both = [self._since(wall.replace(tzinfo=self.zone, fold=fold)) for fold in (0, 1)]
        return max(both) if late else min(both)

    def window(self, item: Daily, day: Day | None) -> Span | None:
        """Return the window that the rule of `Times` chooses, or None where it has no place."""
        if item.day is not None and self.today is not None:
            day = Day("back", -item.day)
        days = None if day is None else self._days(day)
        if days == []:
            return None
        for reading in item.readings:
            found = self._inside(reading, item, days)
            if found:
                return found
        return None if item.nth else self._outside(item.readings[0], days)

    def _inside(
        self, reading: tuple[float, float], item: Daily, days: list[date] | None
    ) -> Span | None:
        if item.nth is not None:
            inside = (s for s in self._spans(reading, days or self._dates()) if self._touches(s))
            return next((s for n, s in enumerate(inside, 1) if n == item.nth), None)
        told_day = days is not None
        if self.now is not None:
            backwards = reversed(days) if days else self._dates(back=True)
            for span in self._spans(reading, backwards, told_day):
                told = span.end if item.finished else span.start
                if self._touches(span) and told <= self.now:
                    return span
        spans = self._spans(reading, days or self._dates(), told_day)
        return next(filter(self._touches, spans), None)

    def _outside(self, reading: tuple[float, float], days: list[date] | None) -> Span | None:
        if any(map(math.isinf, reading)):
            return None
        if days is None:
            days = [(self.today or self.first) + timedelta(days=n) for n in (-2, -1, 0)]
        spans = list(self._spans(reading, days))
        if self.now is None:
            return spans[-1]
        return next((s for s in reversed(spans) if s.start <= self.now), spans[0])

    def _touches(self, span: Span) -> bool:
        return span.start < self.length and span.end > 0

    def _spans(
        self, reading: tuple[float, float], days: Iterable[date], told_day: bool = False
    ) -> Iterator[Span]:
        """Yield the window of each day; open ends are those of the recording.

        "Since 22:30" begins inside; only since a day that was told it may go on from before.
        """
        for day in days:
            start = self._seconds(day, reading[0], late=False)
            end = self._seconds(day, reading[1], late=True)
            if math.isinf(start) and math.isinf(end):
                yield Span(0.0, self.length)
            elif math.isinf(start):
                if 0 < end <= self.length:
                    yield Span(0.0, end)
            elif math.isinf(end):
                if (told_day or start >= 0) and start < self.length:
                    yield Span(start, self.length)
            else:
                yield Span(start, end)

    def _dates(self, *, back: bool = False) -> Iterator[date]:
        """Yield the days whose windows can touch the recording."""
        count = (self.last - self.first).days + 4
        for n in range(count):
            yield self.first + timedelta(days=(count - 1 - n if back else n) - 2)

    def _days(self, day: Day) -> list[date]:
        """Return the dates that a day can mean, in order; none where that is unknown."""
        if day.kind == "back":
            return [] if self.today is None else [self.today - timedelta(days=day.value)]
        if day.kind == "nth":
            return [self.first + timedelta(days=day.value - 1)]
        begin = min(self.first, self.today or self.first)
        end = max(self.last, self.today or self.last)
        if day.kind == "weekday":
            back = (begin.weekday() - day.value) % _WEEK
            begin -= timedelta(days=back)
            return [begin + timedelta(days=n) for n in range(0, (end - begin).days + 1, _WEEK)]
        found = _dates_of(day.value, begin, end)
        near = [d for d in _dates_of(day.other, begin, end) if begin <= d <= end]
        return found if any(begin <= d <= end for d in found) else near or found


def _dates_of(told: tuple[int | None, int, int] | None, begin: date, end: date) -> list[date]:
    """Return the dates of a month and day, in all years that may be meant."""
    if told is None:
        return []
    year, month, number = told
    years = [year] if year else range(begin.year - 1, end.year + 1)
    return [date(y, month, number) for y in years if _exists(y, month, number)]


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
