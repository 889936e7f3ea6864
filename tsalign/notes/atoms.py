"""The words of a sentence as atoms of time: clocks, amounts, days, names, and what joins them.

Each atom has a letter; `phrases.py` reads sequences of letters.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from tsalign.notes.kinds import ONES, clocks, dates
from tsalign.notes.meanings import Meanings
from tsalign.notes.moments import Amount, Day, Moment, clock, number
from tsalign.notes.words import EDGE, any_of, load, values, words

# The letters of joining words, by their names in `data/times.<language>.json`.
LETTERS = {
    "at": "@",
    "in": "i",
    "during": "d",
    "for": "D",
    "within": "w",
    "around": "~",
    "near": "s",
    "after": ">",
    "before": "<",
    "by": "k",
    "from": "f",
    "since": "S",
    "between": "b",
    "to": "t",
    "until": "u",
    "and": "&",
    "onward": "O",
    "later": "L",
    "earlier": "V",
    "ago": "G",
    "into": "I",
    "recording": "R",
    "start": "B",
    "end": "E",
    "half": "H",
    "one half": "X",
    "whole": "T",
    "first": "F",
    "last": "Z",
    "every": "e",
    "long": "l",
    "this": "j",
    "of": "Q",
    "vital": "v",
    "who": "p",
    "": "",
}


@dataclass(frozen=True)
class Atom:
    """A piece of a sentence, its letter and what it stands for."""

    letter: str
    value: Any
    chars: tuple[int, int]


def atoms(text: str, cased: str, meanings: Meanings) -> list[Atom]:
    """Return the atoms of a sentence.

    Letters besides those of joining words: `c` clock, `q` four digits that may be one, `n` a small
    number, `m` a name of a time of day, `M` one that needs no preposition, `a` amount of time,
    `U` its unit without a number, `y` day, `Y` short or doubtful day, `#` ordinal, `,` mark,
    `.` anything else.

    Parameters
    ----------
    text, cased : str
        In lower case, and as it was written.
    meanings : Meanings
        With the names of times.
    """
    found = []
    reader = _Reader(cased, meanings)
    for match in _pattern(meanings).finditer(text):
        kind = str(match.lastgroup)
        letter, value = getattr(reader, kind)(match)
        if letter:
            found.append(Atom(letter, value, match.span()))
    return found


@functools.lru_cache(maxsize=8)
def _pattern(meanings: Meanings) -> re.Pattern[str]:
    """Return the pattern that cuts a sentence into atoms; what stands first wins."""
    names, numbers = _names(meanings), any_of(values("times", "numbers"))
    number = rf"(?:\d{{1,9}}(?:[.,]\d{{1,9}})?|{numbers}(?:[ -]{ONES})?)"
    spread = rf"{number}(?:\s*(?:[-\u2013]|to|or|bis|oder)\s*{number})?"
    unit = rf"(?:{_unit_pattern().pattern})"
    also = rf"(?:\s*(?:,|and|und)?\s*\d{{1,9}}\s*{unit}|\s+(?:and|und)\s+{numbers}\s+{unit})?"
    or_two = r"(?:\s+(?:or two|oder zwei)\b)?"
    kinds = {
        **dates(),
        "ratio": rf"\b\d+:\d+(?=[\s-]+(?:{any_of(words('times', 'ratios'))}))|\b\d+:\d{{3,}}",
        **clocks(number, numbers),
        "amount": rf"(?<![\w.,/:])(?!\d{{4}}-\d{{4}}h)(?!an?\s+second\b){spread}"
        rf"(?:\s+and\s+a\s+half)?(?:\s+|-)?(?:{unit})(?:\s+and\s+a\s+half)?{also}{or_two}",
        "ahead": rf"(?<=\bto )(?:{ONES}|ten\b|eleven\b|twelve\b)(?=\s+(?:in the|at night)\b)",
        "nth": rf"\b(?:day|tag)\s+(?P<which>\d{{1,3}}\b|{numbers})",
        "name": rf"(?:{any_of(names)})" if names else r"(?!)",
        "relative": rf"(?:the\s+)?(?:{any_of(values('times', 'days'))})",
        "weekday": rf"(?:{any_of(values('times', 'weekdays'))})s?\b",
        "short_weekday": rf"(?:{any_of(values('times', 'weekdays_short'))})\.?",
        "joining": rf"(?:{any_of(_joining())})",
        "ordinal": rf"(?:{any_of(values('times', 'ordinals'))})",
        "unit": rf"(?:{any_of(w for w in values('times', 'units') if len(w) > 2)})",
        "four_digits": r"(?<![\w.,/:])(?:[01]\d|2[0-3])[0-5]\d(?![\w/%]|[.,]\d)",
        "number": r"(?<![\w.,/:])\d{1,2}(?:\.[0-5]\d)?(?![\w/%]|[.,:]\d)",
        "other": r"\w++(?:[/.,:'-]\w++)*+",
        "mark": r"[.,;:!?()]",
        "sign": r"[^\s\w]",
    }
    return re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in kinds.items()))


@functools.cache
def _joining() -> dict[str, str]:
    languages = load("times")["letters"].values()
    return {w: LETTERS[name] for said in languages for name, ws in said.items() for w in ws}


@functools.lru_cache(maxsize=8)
def _names(meanings: Meanings) -> dict[str, tuple[str, Moment]]:
    """Return the names of times of day with their letters."""
    found = {}
    for entry in meanings.named.values():
        moment = Moment(((entry.start, entry.end),), day=entry.day)
        found |= {name: ("m", moment) for name in entry.words}
        found |= {name: ("M", moment) for name in entry.alone}
    return found


@functools.cache
def _unit_pattern() -> re.Pattern[str]:
    """Return the pattern of units, also right behind digits: 30s."""
    units = any_of(values("times", "units"))
    return re.compile(rf"(?:(?<=\d){units.removeprefix(EDGE)}|{units})")


@functools.cache
def _number_pattern() -> re.Pattern[str]:
    return re.compile(rf"\d+(?:[.,]\d+)?|{any_of(values('times', 'numbers'))}")


@functools.cache
def _spread() -> re.Pattern[str]:
    return re.compile(r"\d\s*-|-\s*\d|\u2013|\b(?:to|or|bis|oder)\b")


@functools.cache
def _no_duration() -> re.Pattern[str]:
    return re.compile(rf"[\s-]*(?:{any_of(words('times', 'not_durations'))})")


class _Reader:
    """Turns each match of the pattern into a letter and a value; one method a kind."""

    def __init__(self, cased: str, meanings: Meanings) -> None:
        self.cased, self.meanings = cased, meanings
        self.names = _names(meanings)

    def _day(self, year: int | None, month: int, day: int) -> tuple[str, Any]:
        try:
            date(year or 2000, month, day)
        except ValueError:
            return ".", None
        return "y", Day("date", (year, month, day))

    def iso(self, match: re.Match[str]) -> tuple[str, Any]:
        year, month, day = map(int, match.group().rstrip("t").split("-"))
        return self._day(year, month, day)

    def numeric(self, match: re.Match[str]) -> tuple[str, Any]:
        dotted = "." in match.group()
        first, second, year = re.split(r"[/.]", match.group())
        return self._ordered(int(first), int(second), year, dotted)

    def slash(self, match: re.Match[str]) -> tuple[str, Any]:
        first, second = match.group().split("/")
        letter, value = self._ordered(int(first), int(second), "", False)
        swapped = self._day(None, int(second), int(first))[1]
        if letter == "y" and swapped != value:
            other = value.value[::2] if swapped is None else swapped.value
            value = Day("date", value.value, None if swapped is None else other)
        return "Y" if letter == "y" else ".", value

    def _ordered(self, first: int, second: int, year: str, day_first: bool) -> tuple[str, Any]:
        swap = first > 12 or ((day_first or self.meanings.day_first) and second <= 12)
        month, day = (second, first) if swap else (first, second)
        full = int(year) + (2000 if len(year) == 2 else 0) if year else None
        return self._day(full, month, day)

    def dated(self, match: re.Match[str]) -> tuple[str, Any]:
        numbers = [int(n) for n in re.findall(r"\d+", match.group())]
        name = next(w for w in re.findall(r"[^\W\d]+", match.group()) if w in _months())
        if not self.cased[match.start() + match.group().index(name)].isupper():
            return ".", None  # may, march
        year = numbers[1] + (2000 if numbers[1] < 100 else 0) if len(numbers) > 1 else None
        return self._day(year, _months()[name], numbers[0])

    def ratio(self, match: re.Match[str]) -> tuple[str, Any]:
        return ".", None

    def clock(self, match: re.Match[str]) -> tuple[str, Any]:
        hour = int(match["h"])
        minute = int(match["min"] or match["hmin"] or match["dmin"] or 0)
        if hour > 24 or (match["half"] and not 1 <= hour <= 12):
            return ".", None
        uhr = match.group().endswith("uhr")
        exact = match["h"][0] == "0" or bool(match["hmin"]) or uhr
        return "c", clock(hour, minute, int(match["sec"] or 0), half=match["half"], exact=exact)

    def military(self, match: re.Match[str]) -> tuple[str, Any]:
        return "c", self._four(match["four"])

    def four_digits(self, match: re.Match[str]) -> tuple[str, Any]:
        return "q", self._four(match.group())

    def _four(self, digits: str) -> Moment:
        return clock(int(digits[:2]), int(digits[2:]), half=None, exact=True)

    def spoken(self, match: re.Match[str]) -> tuple[str, Any]:
        """Half past three, a quarter to seven, three o'clock."""
        if match["hours"]:
            minute = match["minutes"].removeprefix("oh").strip()
            hour = int(number(match["hours"]))
            return "c", clock(hour, int(number(minute)), half=match["spokenhalf"], exact=False)
        if match["bare"]:
            return "c", clock(int(number(match["bare"])), 0, half=None, exact=False)
        if match["british"]:
            return "c", clock(int(number(match["british"])), 30, half=None, exact=False)
        said = match["hour"] or match["next"] or match["word"]
        hour, part = number(said), match["part"] or match["less"]
        minutes = {None: 0, "half": 30, "quarter": 15, "viertel": 15}
        past = minutes[part] if part in minutes else number(part)
        if match["less"] or match["next"]:
            hour, past = hour - 1, 30 if match["next"] else 60 - past
        if not (0 <= hour <= 23 and hour == int(hour)):
            return ".", None
        return "c", clock(int(hour), int(past), half=match["noon"], exact=False)

    def ish(self, match: re.Match[str]) -> tuple[str, Any]:
        """Say that a clock shows about so much: 3ish, half past eightish."""
        hour = int(number(match["about"]))
        if hour > 24:
            return ".", None
        shown = clock(hour, int(match["ishmin"] or 0), half=match["ishhalf"], exact=False)
        return "c", Moment(shown.readings, "around")

    def past(self, match: re.Match[str]) -> tuple[str, Any]:
        """Read 10 past 3."""
        hour = number(match["pasthour"])
        if not (0 <= hour <= 23 and hour == int(hour)):
            return ".", None
        minute = int(match["pastmin"])
        return "c", clock(int(hour), minute, half=match["pasthalf"], exact=False)

    def minute_mark(self, match: re.Match[str]) -> tuple[str, Any]:
        """Read at minute 12 as an offset from the start."""
        return "N", Amount(60.0 * int(match["marked"]), 60.0)

    def amount(self, match: re.Match[str]) -> tuple[str, Any]:
        """Twenty minutes, 5 to 10 min, an hour and a half, 1 h 20 min."""
        text = match.group()
        if _no_duration().match(match.string, match.end()):
            return ".", None
        first = _number_pattern().match(text)
        unit = next(
            u for u in _unit_pattern().finditer(text) if u.start() >= (first.end() if first else 0)
        )
        if first is None or (len(unit.group()) <= 2 and not first.group()[0].isdigit()):
            return ".", None
        seconds = values("times", "units")
        head, tail = text[: unit.start()], text[unit.end() :]
        size = seconds[unit.group()]
        if re.match(r"an?\s+\w+-\Z", head):
            head = head.split(None, 1)[1]  # a two-hour nap
        spread = [number(n.group()) for n in _number_pattern().finditer(head.split(" and ")[0])]
        if len(spread) == 2 and not _spread().search(head):
            spread = [number(head.strip(" -"))]  # forty-five
        value = sum(spread) / len(spread) * size
        if re.search(r"\band\s+a\s+half\b", text):
            value += size / 2
        if tail.endswith((" or two", " oder zwei")):
            value, tail = 1.5 * value, ""  # a minute or two
        more = re.search(rf"({_number_pattern().pattern})\s*({_unit_pattern().pattern})\Z", tail)
        if more:
            value += number(more[1]) * seconds[more[2].strip()]
        article = head.strip() in words("times", "articles") and not tail
        return "a", Amount(float(value), float(size), article)

    def nth(self, match: re.Match[str]) -> tuple[str, Any]:
        headed = match.string[match.end() : match.end() + 1] == ":"
        return "y" if headed else "Y", Day("nth", int(number(match["which"])))

    def name(self, match: re.Match[str]) -> tuple[str, Any]:
        letter, moment = self.names[" ".join(match.group().split())]
        headed = match.string[match.end() : match.end() + 1] == ":"  # "Evening: restless."
        return ("M" if headed and not match.string[: match.start()].strip() else letter), moment

    def relative(self, match: re.Match[str]) -> tuple[str, Any]:
        name = re.sub(r"^the\s+", "", " ".join(match.group().split()))
        return "y", Day("back", values("times", "days")[name])

    def weekday(self, match: re.Match[str]) -> tuple[str, Any]:
        known = values("times", "weekdays")
        name = match.group()
        return "y", Day("weekday", known[name if name in known else name[:-1]])

    def short_weekday(self, match: re.Match[str]) -> tuple[str, Any]:
        if not self.cased[match.start()].isupper():
            return ".", None  # he sat, in the sun
        return "Y", Day("weekday", values("times", "weekdays_short")[match.group().rstrip(".")])

    def joining(self, match: re.Match[str]) -> tuple[str, Any]:
        return _joining()[" ".join(match.group().split())], None

    def ordinal(self, match: re.Match[str]) -> tuple[str, Any]:
        return "#", values("times", "ordinals")[match.group()]

    def unit(self, match: re.Match[str]) -> tuple[str, Any]:
        return "U", float(values("times", "units")[match.group()])

    def ahead(self, match: re.Match[str]) -> tuple[str, Any]:
        return "n", clock(int(number(match.group())), 0, half=None, exact=False)

    def number(self, match: re.Match[str]) -> tuple[str, Any]:
        hour, _, minute = match.group().partition(".")
        if int(hour) > 24 or (minute and int(hour) < 10):
            return ".", None
        exact = bool(minute) or hour[0] == "0"
        return "n", clock(int(hour), int(minute or 0), half=None, exact=exact)

    def other(self, match: re.Match[str]) -> tuple[str, Any]:
        return ".", None

    def mark(self, match: re.Match[str]) -> tuple[str, Any]:
        return ",", None

    sign = other


def _months() -> dict[str, int]:
    return values("times", "months")
