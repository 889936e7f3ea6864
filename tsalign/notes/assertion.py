"""Whether a sentence speaks of something that is present, here and now, in this person."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, cast

from tsalign.notes.words import any_of, plain, words
from tsalign.types import Assertion

Reach = Literal["forward", "backward", "clause", "opening"]
# Where scopes overlap, the earlier one holds: what is negated in a condition stays a condition.
_STRONGEST_FIRST: tuple[Assertion, ...] = (
    "other_person",
    "hypothetical",
    "plan",
    "absent",
    "possible",
    "history",
)
_TOPICS = ("absent_forward", "absent_backward", "absent_clause", "possible_clause")
_TOPICS += ("hypothetical_clause", "history_clause", "plan_clause", "other_person_clause")
_TOPICS += ("hypothetical_opening", "history_opening", "plan_opening")
_WHOSE = r"(?:his|her|the|pt's|patient's|a|seiner|seine|ihrer|ihre|der|die|sein|ihr)\s+"
_LONG_AGO = r"\b(?:in|since|until|till|from|seit|bis|im jahr) (?:19|20)\d\d\b"
# "Event button not pressed": what was not done includes its subject.
_PARTICIPLES = {
    "en": r"(?:not|never) (?:(?:been|being|yet|clearly|ever|be|\w{2,12}ly) )?"
    r"(?!need|bleed|indeed|seed|speed|feed|then|when|often|even|open)\w{2,14}(?:ed|en|ght|awn)\b",
    "de": r"(?:nicht|nie|niemals) (?:mehr |sicher |eindeutig )?"
    r"(?:\w{0,5}ge\w{2,12}(?:t|en)|\w{2,12}iert|(?:be|er|ver|ent)\w{2,10}(?:t|en))\b",
}
_TO_BE_DONE = r"to be (?:\w{3,12}ly )?(?!need|indeed|seed|then|when|often|even|open)"
_TO_BE_DONE += r"\w{2,14}(?:ed|en|ne|ght)\b"
# "Physio to review on Monday": somebody's task.
_TASK = r"to (?:review|see|assess|attend|follow|advise|arrange|discuss|reassess|visit|contact)\b"
_HEADING = 60  # characters in which a heading ends: "Family history: ..."
# What comes after a heading is the statement.
_HEADED = re.compile(r"\W{0,4}+(?:[^:;,.?!]{1,50}+:\s++)++(?=\w)")
_BEFORE_OPENING = 4  # characters: a bullet, a dash, brackets
_NOTHING = re.compile(r"[ .!?,;:]*+\Z")
_GOES_ON = re.compile(r"\s+\w")
_BLANK = re.compile(r"[\W\d_]*+\Z")
_WORD = re.compile(r"[^\W_]+(?:[/'.-][^\W_]+)*")


@dataclass(frozen=True)
class Scope:
    """A stretch of text and the trigger that changes what it asserts.

    Parameters
    ----------
    assertion : str
        What holds inside.
    trigger : (int, int)
        Half-open characters of the trigger.
    chars : (int, int)
        Half-open characters that it governs.
    """

    assertion: Assertion
    trigger: tuple[int, int]
    chars: tuple[int, int]


def scopes(text: str) -> tuple[Scope, ...]:
    """Return what is negated, doubted, past, planned or said of others, and by which words.

    Parameters
    ----------
    text : str
        One sentence.

    Returns
    -------
    tuple of Scope
        In the order of the triggers.

    References
    ----------
    Harkema et al., ConText: an algorithm for determining negation, experiencer, and temporal
    status from clinical reports, J Biomed Inform 42 (2009), section 3.

    Examples
    --------
    >>> [(s.assertion, "Denies pain but slept badly"[slice(*s.chars)])
    ...  for s in scopes("Denies pain but slept badly")]
    [('absent', 'Denies pain ')]
    """
    text = plain(text)
    return tuple(scope for start, end in _clauses(text) for scope in _scopes(text, start, end))


def _scopes(text: str, start: int, end: int) -> Iterator[Scope]:
    for match in _triggers().finditer(text, start, end):
        for assertion, reach in _meant(match):
            if reach == "opening" and not _opens(text, match.start()):
                continue
            yield Scope(assertion, match.span(), _governed(text, match, reach, (start, end)))


def _meant(match: re.Match[str]) -> tuple[tuple[Assertion, Reach], ...]:
    if match.lastgroup == "told":
        return ()
    if match.lastgroup == "year":
        return (("history", "clause"),)
    if match.lastgroup == "undone":
        return (("absent", "clause"),)
    if match.lastgroup == "planned":
        return (("plan", "clause"),)
    return _meanings()[" ".join(match.group().split())]


def _governed(
    text: str, match: re.Match[str], reach: Reach, clause: tuple[int, int]
) -> tuple[int, int]:
    """Return what a trigger governs; one that looks to where nothing is turns round."""
    before, after = (clause[0], match.start()), (match.end(), clause[1])
    if reach in ("clause", "opening"):
        return clause
    if reach == "backward" and text[match.start()] == ":" and _GOES_ON.match(text, *after):
        return after  # "neck: no masses"
    if reach == "forward":  # "chest pain: no"
        return before if _NOTHING.match(text, *after) else after
    return after if _BLANK.match(text, *before) else before  # "none of them"


def _opens(text: str, at: int) -> bool:
    """Whether a sentence, or what follows a colon, begins here."""
    before = text[max(0, at - _BEFORE_OPENING) : at].rpartition(":")
    reaches = before[1] or at <= _BEFORE_OPENING
    return bool(reaches) and not any(c.isalnum() for c in before[2])


def assess(text: str, target: tuple[int, int] | None = None) -> Assertion:
    """Return what a sentence, or some words in it, asserts.

    A sentence of which any part is affirmed is `present`: it can be aligned.

    Parameters
    ----------
    text : str
        One sentence.
    target : (int, int) or None
        Half-open characters of the words in question; by default all that carry meaning.

    Returns
    -------
    str
        `present`, `absent`, `possible`, `hypothetical`, `history`, `plan` or `other_person`.

    Examples
    --------
    >>> assess("Chest pain: No"), assess("Cannot exclude AF."), assess("Mother had AF.")
    ('absent', 'possible', 'other_person')
    >>> assess("Denies chest pain but reports palpitations.", target=(7, 17))
    'absent'
    """
    text = plain(text)
    first, last = target or (_heading_end(text), len(text))
    triggered: set[Assertion] = set()
    said: list[Assertion] = []
    for start, end in _clauses(text):
        found = list(_scopes(text, start, end))
        triggered |= {scope.assertion for scope in found}
        said += (a for at, a in _asserted(text, start, end, found) if first <= at < last)
    if not said:
        return _strongest(triggered)
    return "present" if "present" in said else said[0]


def _heading_end(text: str) -> int:
    """Return where the statement begins under a heading: "Neck: no masses" is all absent."""
    heading = _HEADED.match(text)
    return heading.end() if heading else 0


def affirmed(text: str) -> str:
    """Return a sentence without the words that negate it: what it says that there is not.

    Parameters
    ----------
    text : str
        One sentence.

    Returns
    -------
    str
        The sentence as it is where nothing would be left.

    Examples
    --------
    >>> affirmed("Did not walk down the stairs."), affirmed("Chest pain: No")
    ('walk down the stairs.', 'Chest pain')
    """
    triggers = sorted({s.trigger for s in scopes(text) if s.assertion == "absent"})
    pieces, place = [], 0
    for start, end in triggers:
        pieces.append(text[place:start])
        place = max(place, end)
    left = " ".join(" ".join([*pieces, text[place:]]).split())
    return left if _WORD.search(left) else text


def _asserted(
    text: str, start: int, end: int, found: list[Scope]
) -> Iterator[tuple[int, Assertion]]:
    """Yield where the words of a clause begin that carry meaning, and what holds for each.

    Every scope touches an end of its clause, so that those of one kind are summed up by how far
    they reach from either end; that keeps long texts linear.
    """
    from_start: dict[Assertion, int] = {}
    to_end: dict[Assertion, int] = {}
    in_triggers: set[int] = set()
    for scope in found:
        in_triggers.update(word.start() for word in _WORD.finditer(text, *scope.trigger))
        if scope.chars[0] == start:
            from_start[scope.assertion] = max(from_start.get(scope.assertion, 0), scope.chars[1])
        else:
            to_end[scope.assertion] = min(to_end.get(scope.assertion, end), scope.chars[0])
    for word in _WORD.finditer(text, start, end):
        at = word.start()
        if at not in in_triggers and word.group() not in words("assertion", "empty"):
            before = {a for a, reach in from_start.items() if at < reach}
            yield at, _strongest(before | {a for a, reach in to_end.items() if at >= reach})


def _strongest(assertions: Iterable[Assertion]) -> Assertion:
    there = set(assertions)
    return next((a for a in _STRONGEST_FIRST if a in there), "present")


def _clauses(text: str) -> Iterator[tuple[int, int]]:
    if _under_a_heading(text):
        return pairwise([0, len(text)])
    found = (m.start() if m["cause"] is None else m.end() for m in _turns().finditer(text))
    return pairwise([0, *filter(None, found), len(text)])


def _under_a_heading(text: str) -> bool:
    """Whether all that follows belongs to a heading: "Brother: well, positive for autism"."""
    heading, colon, _ = text[:_HEADING].partition(":")
    found = _triggers().finditer(heading) if colon else ()
    meant = [a for match in found for a, reach in _meant(match) if reach == "clause"]
    return bool(set(meant) & {"other_person", "history", "plan"}) and "absent" not in meant


@functools.cache
def _meanings() -> dict[str, tuple[tuple[Assertion, Reach], ...]]:
    """Return what each trigger means; a phrase that only looks like one means nothing."""
    table: dict[str, tuple[tuple[Assertion, Reach], ...]] = {}
    for topic in _TOPICS:
        assertion, _, reach = topic.rpartition("_")
        meaning = (cast(Assertion, assertion), cast(Reach, reach))
        for phrase in words("assertion", topic):
            table[phrase] = (*table.get(phrase, ()), meaning)
    table |= dict.fromkeys(words("assertion", "kin"), (("other_person", "clause"),))
    others = {f"{the}{who}" for the in ("", "the ", "a ") for who in words("assertion", "staff")}
    table |= dict.fromkeys(others, (("other_person", "opening"),))
    return table | dict.fromkeys(words("assertion", "pseudo"), ())


def _told() -> str:
    """Return the pattern of other people who only tell of the patient, or stand beside."""
    people = any_of(words("assertion", "kin") | words("assertion", "staff"))
    tells, beside = (any_of(words("assertion", topic)) for topic in ("tells", "beside"))
    return rf"\b(?:{_WHOSE})?{people}\s+{tells}|{beside}\s+(?:{_WHOSE})?{people}"


@functools.cache
def _triggers() -> re.Pattern[str]:
    task = rf"{any_of(words('assertion', 'staff') | words('assertion', 'services'))}\s+{_TASK}"
    unlike = any_of(_same_beginning(words("assertion", "pseudo")))
    undone = "|".join(_PARTICIPLES.values())
    dated = any_of(words("assertion", "dated"))  # "CABG 2012", but not "woke 2012"
    year = rf"{_LONG_AGO}|{dated}s?,? \(?(?:19|20)\d\d\b|\b(?:19[6-9]\d)\b"
    return re.compile(
        rf"(?P<told>{_told()})|(?!{unlike})\b(?P<undone>{undone})|(?P<year>{year})|\b(?P<planned>{_TO_BE_DONE}|{task})"
        rf"|{any_of(_meanings())}"
    )


def _same_beginning(phrases: Iterable[str]) -> list[str]:
    """Return those phrases that begin as what was not done does."""
    return [p for p in phrases if p.startswith(("not ", "never ", "nicht ", "nie ", "niemals "))]


@functools.cache
def _turns() -> re.Pattern[str]:
    """Return the pattern of places where a new statement begins inside a sentence."""
    opens = set().union(*(words("assertion", t) for t in _TOPICS if t.endswith("_opening")))
    verbs = any_of([*(_meanings().keys() - opens), *words("assertion", "affirms")])
    who = r"(?:(?:then|also|he|she|they|it|(?:the )?(?:patient|pt\.?))\s+){0,3}"
    turns = any_of(words("assertion", "turns"))
    unable, causes = (any_of(words("assertion", topic)) for topic in ("unable", "causes"))
    said_before = any_of(words("assertion", "said_before"))
    return re.compile(
        rf";|{turns}|(?P<cause>{unable}[^,;]{{0,40}}?(?={causes}))"
        rf"|(?:,|\band\b)\s++{who}(?!{said_before}|{_told()})(?={verbs}|{_LONG_AGO})"
    )
