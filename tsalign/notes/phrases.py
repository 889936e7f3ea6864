"""Phrases of time in one sentence: when, how long, how often; not yet tied to any date."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from itertools import product

from tsalign.notes.atoms import Atom, atoms
from tsalign.notes.counts import count
from tsalign.notes.meanings import DAY, Meanings
from tsalign.notes.moments import Amount, Day, Moment
from tsalign.notes.said import Anchor, Daily, Item, Offset, Phrases
from tsalign.notes.words import plain

_LONGEST = DAY / 2  # of a range, where its ends leave a choice


def phrases(text: str, meanings: Meanings) -> Phrases:
    """Return what a sentence says of time.

    Parameters
    ----------
    text : str
        One sentence.
    meanings : Meanings
        What words mean.

    Returns
    -------
    Phrases
        Empty for vital signs and the like.

    Examples
    --------
    >>> from tsalign.notes.meanings import built_in
    >>> phrases("Walked for ten minutes, twice. HR 72, BP 120/80.", built_in())
    Phrases(items=(), duration=600.0, count=2)
    """
    small = plain(text)
    reader = _Reader(atoms(small, text, meanings), meanings)
    items = tuple(reader.items())
    return Phrases(items, reader.duration, count(small))


# Repeats are bounded so that no text makes the search quadratic.
# Points: a clock, a name, a bare number where the words around it say that it is an hour.
_P = "~?[cmMqn]"
_EDGE = "(?:(?P<{0}B>BQ?R|B)|(?P<{0}E>EQ?R))"
_KINDS = {
    "every": "e[aUnmy#]?",
    "range": f"[fSb]?(?:i?[yY])?(?P<range1>{_P})y?[tu&d][yY]?(?P<range2>{_P})",
    "whole": "(?:T|dT?|iT)R",
    "edge": "[i@wd]?" + _EDGE.format("at") + "(?<=R)",
    "middle": "[i@]?H(?:Q?R)",
    "inside": "(?P<inside>a)(?:IR|i(?=,))|>~?(?P<inside2>a)Q?R|[@~]{1,2}(?P<inside3>a)Q?R"
    "|[@i](?P<inside4>N)",
    "lasting": "D~?(?P<lasting>a)(?![IGL])l?|~?(?P<lasting2>a)l",
    "within": "w~?(?P<within>a)(?![cmMqn><Q])",
    "beside": "(?P<beside>a)(?P<side>[><f])(?:" + _EDGE.format("by") + f"|(?P<point>{_P}))",
    "hence": ">~?(?P<hence>a)(?![cmMqnyYGL])",
    "elsewhere": "[i@]~?a(?![IL])|a[><]",
    "nth_day": "[i@d]{1,3}(?P<nthday>[F#])U",
    "first": "[iDdw>]{0,3}F(?P<first>a|U)(?:Q?R|(?!Q))",
    "last": "[iDdw]{0,3}Z(?P<last>a|U)(?P<ofR>Q?R)?",
    "half": "[i@dT]{0,3}(?P<half>[F#])X(?:Q?R|[.,])?",
    "ago": "(?P<ago>a)G|<(?P<vor>a)",
    "later": "(?:(?P<later>a)|s)L",
    "sooner": "(?P<sooner>a)V",
    "nth_named": "[i@d]{0,3}(?P<nth>[F#])(?P<nthm>[mM])",
    "since_day": "S(?P<sinceday>[yY])(?P<sincem>[mM])?",
    "since_ago": "S~?(?P<sinceago>a)G?",
    "since": f"[fS](?P<since>{_P})O?",
    "until": f"u(?P<until>{_P})",
    "by": f"k(?P<by>{_P})",
    "beyond": f"s?(?P<beyond>[><])(?P<beyondp>{_P})",
    "soon": "s>(?![ayY])",
    "today": "[jZ](?P<today>m)",
    "named_of": "i?(?P<of>m)Qy",
    "day": "[idfuS]?Z?y|[i]Z?Y|Y(?=Y?,?[mMc]|iQR|QR)",
    "point": f"[i@dT~]{{1,3}}(?P<point1>{_P})~?|(?P<point2>~?[cM]|(?<=[yY])m)~?|(?P<logged>^~?q)"
    "|(?P<noted>q)(?=[.,]*$)",
}


@functools.cache
def _grammar() -> re.Pattern[str]:
    """Return the pattern that holds wherever one of the kinds may begin."""
    return re.compile("|".join(f"(?:{p.pattern})" for _, p in _patterns(named=False)))


@functools.cache
def _patterns(named: bool = True) -> tuple[tuple[str, re.Pattern[str]], ...]:
    patterns = {k: p if named else re.sub(r"\?P<\w+>", "?:", p) for k, p in _KINDS.items()}
    return tuple((kind, re.compile(pattern)) for kind, pattern in patterns.items())


class _Reader:
    """Reads the letters of the atoms; one method for each kind of phrase."""

    def __init__(self, found: list[Atom], meanings: Meanings) -> None:
        self.atoms, self.meanings = found, meanings
        self.letters = "".join(atom.letter for atom in found)
        self.measured = self.letters.find("v") % (len(found) + 1)  # where vital signs begin
        self.duration: float | None = None

    def items(self) -> Iterator[Item]:
        """Yield what says when; amounts that are left over say how long."""
        at = 0
        while at < len(self.letters):
            end, items = self._phrase(at)
            yield from items
            if not end and self.letters[at] == "a" and self._lasted(at):
                self.duration = self.atoms[at].value.seconds
            at = end or at + 1

    def _lasted(self, at: int) -> bool:
        """Whether an amount that is left over says how long: "ten minutes", but not "a day"."""
        told = at > 0 and self.letters[at - 1] in "D~"
        return self.duration is None and (told or not self.atoms[at].value.article)

    def _phrase(self, at: int) -> tuple[int, tuple[Item, ...]]:
        """Return the end of the phrase that begins here, 0 where none does, and its items."""
        if not _grammar().match(self.letters, at):
            return 0, ()
        for kind, pattern in _patterns():
            match = pattern.match(self.letters, at)
            items = getattr(self, kind)(match) if match else None
            if match and items is not None:
                return match.end(), items if isinstance(items, tuple) else (items,)
        return 0, ()

    # What the letters stand for

    def _moment(self, at: int) -> Moment | None:
        """Return a point's moment; doubtful digits only where nothing was measured before."""
        atom = self.atoms[at]
        doubtful = atom.letter in "nq"
        if doubtful and self.measured < at:
            return None
        follows = self.letters[at + 1 : at + 2]
        if atom.letter == "n" and follows in (".", "v", "t", "a", "U", "n", "q"):
            return None
        return atom.value

    def _point(self, match: re.Match[str], group: str) -> tuple[Moment, bool] | None:
        moment = self._moment(match.end(group) - 1)
        return None if moment is None else (moment, match[group][0] == "~")

    def _amount(self, match: re.Match[str], group: str) -> tuple[float, float]:
        """Return seconds and the unit's seconds."""
        value = self.atoms[match.start(group)].value
        return (value.seconds, value.unit) if isinstance(value, Amount) else (value, value)

    def _widened(self, moment: Moment, around: bool) -> tuple[tuple[float, float], ...]:
        far = self.meanings.tolerance["around" if around else moment.grain]
        return tuple((a - far, b + far) if around or a == b else (a, b) for a, b in moment.readings)

    def _slack(self, seconds: float) -> float:
        tolerance = self.meanings.tolerance
        return max(tolerance["share"] * abs(seconds), tolerance["least"])

    def _offset(self, of: Anchor, seconds: float) -> Offset:
        slack = self._slack(seconds)
        return Offset(of, seconds - slack, seconds + slack)

    # Kinds of phrases

    def every(self, match: re.Match[str]) -> tuple[Item, ...]:
        return ()  # a rate

    def range(self, match: re.Match[str]) -> tuple[Item, ...] | None:
        first, last = match.end("range1") - 1, match.end("range2") - 1
        ends = self.atoms[first], self.atoms[last]
        led = self.letters[match.start()] in "fSb" or self._is_log(match, ends)
        if not led and (self.letters[first + 1] in "&d" or not self._plain_range(ends)):
            return None
        if any(e.letter in "nq" for e in ends) and self.measured < match.start():
            return None
        if ends[1].letter == "n" and not self._is_log(match, ends) and self._moment(last) is None:
            return None
        stretch = Daily(_joined(ends[0].value, ends[1].value), finished=True)
        days = [a.value for a in self.atoms[match.start() : match.end()] if a.letter in "yY"]
        return (*days[:1], stretch)

    def _is_log(self, match: re.Match[str], ends: tuple[Atom, Atom]) -> bool:
        """Whether a line of a log begins so: "14.20-14.35 treadmill"."""
        return match.start() == 0 and all(
            end.letter == "n" and end.value.grain == "minute" for end in ends
        )

    def _plain_range(self, ends: tuple[Atom, Atom]) -> bool:
        """Whether a range without "from" is one of times: one end at least must be a clock."""
        kinds = {end.letter for end in ends}
        return bool(kinds & set("cM")) or kinds == {"q"} or (kinds == {"m"})

    def lasting(self, match: re.Match[str]) -> tuple[Item, ...]:
        if self.duration is None:
            group = "lasting" if match["lasting"] else "lasting2"
            self.duration = self._amount(match, group)[0]
        return ()

    def within(self, match: re.Match[str]) -> Item:
        return Offset("after", 0.0, self._amount(match, "within")[0])

    def hence(self, match: re.Match[str]) -> tuple[Item, ...]:
        """Read "after two minutes" as so long after what was told; after weeks: from elsewhere."""
        seconds, unit = self._amount(match, "hence")
        return () if unit >= DAY else (self._offset("earlier", seconds),)

    def soon(self, match: re.Match[str]) -> Item:
        return Offset("after", 0.0, self.meanings.reach["near"])

    def whole(self, match: re.Match[str]) -> Item:
        return Daily(((float("-inf"), float("inf")),))

    def edge(self, match: re.Match[str]) -> Item:
        edge = self.meanings.reach["edge"]
        return Offset("start", 0.0, edge) if match["atB"] else Offset("end", -edge, 0.0)

    def middle(self, match: re.Match[str]) -> Item:
        share = self.meanings.tolerance["share"]
        return Offset("share", 0.5 * (1 - share), 0.5 * (1 + share))

    def inside(self, match: re.Match[str]) -> Item:
        group = next(g for g in ("inside", "inside2", "inside3", "inside4") if match[g])
        return self._offset("start", self._amount(match, group)[0])

    def beside(self, match: re.Match[str]) -> Item | None:
        seconds, _ = self._amount(match, "beside")
        seconds = seconds if match["side"] in ">f" else -seconds
        if match["byB"]:
            return self._offset("start", seconds)
        if match["byE"]:
            return self._offset("end", seconds)
        point = self._point(match, "point")
        if point is None:
            return None
        slack = self._slack(seconds)
        near = self._widened(*point)
        return Daily(tuple((a + seconds - slack, b + seconds + slack) for a, b in near))

    def elsewhere(self, match: re.Match[str]) -> tuple[Item, ...]:
        return ()  # in two weeks, three days after the visit: told from what is not known

    def first(self, match: re.Match[str]) -> Item | None:
        return Offset("start", 0.0, self._amount(match, "first")[0])

    def last(self, match: re.Match[str]) -> Item:
        of = "end" if match["ofR"] else "written"
        return Offset(of, -self._amount(match, "last")[0], 0.0)

    def ago(self, match: re.Match[str]) -> Item:
        seconds, unit = self._amount(match, "ago" if match["ago"] else "vor")
        if unit == DAY:
            return Day("back", round(seconds / DAY))
        return self._offset("written", -seconds)

    def later(self, match: re.Match[str]) -> Item:
        if match["later"]:
            return self._offset("earlier", self._amount(match, "later")[0])
        return Offset("after", 0.0, self.meanings.reach["near"])

    def sooner(self, match: re.Match[str]) -> Item:
        return self._offset("earlier", -self._amount(match, "sooner")[0])

    def half(self, match: re.Match[str]) -> Item | None:
        which = self.atoms[match.start("half")].value or 1
        return Offset("share", which / 2 - 0.5, which / 2) if which <= 2 else None

    def since_day(self, match: re.Match[str]) -> tuple[Item, ...]:
        start = 0.0
        if match["sincem"]:
            start = self.atoms[match.start("sincem")].value.readings[0][0]
        return self.atoms[match.start("sinceday")].value, Daily(((start, float("inf")),))

    def since_ago(self, match: re.Match[str]) -> Item:
        seconds = self._amount(match, "sinceago")[0]
        return Offset("written", -seconds - self._slack(seconds), 0.0)

    def nth_named(self, match: re.Match[str]) -> Item:
        which = self.atoms[match.start("nth")].value or 1
        moment = self.atoms[match.start("nthm")].value
        return Daily(self._widened(moment, False), nth=which)

    def nth_day(self, match: re.Match[str]) -> Item | None:
        if self.atoms[match.end() - 1].value != DAY:
            return None
        return Day("nth", self.atoms[match.start("nthday")].value or 1)

    def since(self, match: re.Match[str]) -> Item | None:
        point = self._point(match, "since")
        return point and Daily(tuple((a, float("inf")) for a, _ in self._exact(*point)))

    def until(self, match: re.Match[str]) -> Item | None:
        point = self._point(match, "until")
        return point and Daily(tuple((float("-inf"), b) for _, b in self._exact(*point)))

    def _exact(self, moment: Moment, around: bool) -> tuple[tuple[float, float], ...]:
        return self._widened(moment, True) if around else moment.readings

    def by(self, match: re.Match[str]) -> Item | None:
        point = self._point(match, "by")
        far = self.meanings.reach["far"]
        return point and Daily(tuple((a - far, b) for a, b in self._exact(*point)))

    def beyond(self, match: re.Match[str]) -> Item | None:
        point = self._point(match, "beyondp")
        if point is None:
            return None
        far = self.meanings.reach["near" if match.group()[0] == "s" else "far"]
        readings = [((a + b) / 2, a, b) for a, b in self._exact(*point)]
        if match["beyond"] == ">":
            return Daily(tuple((middle, b + far) for middle, _, b in readings), day=point[0].day)
        return Daily(tuple((a - far, middle) for middle, a, _ in readings), day=point[0].day)

    def today(self, match: re.Match[str]) -> Item:
        moment = self.atoms[match.start("today")].value
        back = -1 if match.group()[0] == "Z" else 0
        return Daily(self._widened(moment, False), day=back)

    def named_of(self, match: re.Match[str]) -> tuple[Item, ...]:
        moment = self.atoms[match.start("of")].value
        return self.atoms[match.end() - 1].value, Daily(self._widened(moment, False))

    def day(self, match: re.Match[str]) -> Item:
        return next(a.value for a in self.atoms[match.start() : match.end()] if a.value)

    def point(self, match: re.Match[str]) -> Item | None:
        if match["logged"] or match["noted"]:
            return self._logged(match) if match["logged"] else self._noted(match)
        group = "point1" if match["point1"] else "point2"
        point = self._point(match, group)
        if point is None or not self._is_hour(match, group):
            return None
        around = point[1] or "~" in match.group()
        return Daily(self._widened(point[0], around), day=point[0].day)

    def _is_hour(self, match: re.Match[str], group: str) -> bool:
        """Whether a bare number follows a word that hours follow: "at 6", "um 6"."""
        logged = match.start() == 0 and match[group][-1] == "q"
        return match[group][-1] not in "nq" or "@" in match.group() or logged

    def _logged(self, match: re.Match[str]) -> Item | None:
        """Read the beginning of a line of a log, `2315: restless`; a year is none."""
        around = match["logged"][0] == "~"
        moment: Moment = self.atoms[match.end() - 1].value
        follows = self.letters[match.end() : match.end() + 1]
        is_year = 19 <= moment.readings[0][0] // 3600 <= 20 and follows not in (",", "t")
        return None if is_year and not around else Daily(self._widened(moment, around))

    def _noted(self, match: re.Match[str]) -> Item | None:
        """Read four digits at the end, `to chair 0915`; where they measure nothing, nor a year."""
        moment = self._moment(match.start("noted"))
        early = moment is not None and moment.readings[0][0] < _LONGEST - 2 * 3600
        return Daily(self._widened(moment, False)) if moment is not None and early else None


def _joined(first: Moment, last: Moment) -> tuple[tuple[float, float], ...]:
    """Return the stretches from one moment to the next, without those that are far too long."""
    pairs = [
        (a, a + ((b - a) % DAY or DAY)) for (a, _), (_, b) in product(first.readings, last.readings)
    ]
    short = [(a, b) for a, b in pairs if b - a <= _LONGEST]
    kept = short or pairs
    shortest = min(b - a for a, b in kept)
    return tuple(pair for pair in kept if pair[1] - pair[0] <= max(shortest, _LONGEST))
