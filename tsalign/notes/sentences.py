"""Sentences of clinical prose, with their exact places in the text."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from itertools import pairwise

from tsalign.notes.words import words

_LOOK_BACK = 40  # characters in which the word before a full stop is sought: keeps time linear
_WRAPPED = 50  # characters of a line from which it may be one that an editor wrapped

_BREAK = r"\n\r\f\v\u2028\u2029\x85"
_NEWLINE = re.compile(rf"\r\n|[{_BREAK}]")
_SPACE = re.compile(r"\s*+")
_CLOSERS = "[\"'\u201d\u2019\u00bb)\\]}*]"
_OPENERS = "[\"'\u201c\u201d\u2018\u2019\u201e\u00ab\u00bb(\\[{*_\u00bf\u00a1]"
_BULLETS = "\u2022\u25aa\u25cf\u25e6\u2023"
_LINE_BULLETS = rf"[-*+>#\u2013\u2014\u00b7\u25ba\u25cb{_BULLETS}]+"
_LAST_WORD = re.compile(r"(?=\w)[\w./'\u2019-]*[^\W_]")  # of text turned round
_NEXT_WORD = re.compile(rf"{_OPENERS}*+([\w/]*+)")
_STOP_AT_END = re.compile(rf"[.!?…]+{_CLOSERS}*\Z")
_MARKER = re.compile(rf"(?:{_LINE_BULLETS}|\(?\d{{1,2}}[.)]|\(?[a-zA-Z]\))(?=[ \t\xa0])")
_LETTERS = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]\Z")  # q.d, b.i.d, U.S


@functools.cache
def _candidates() -> re.Pattern[str]:
    """Return the pattern of all places where a sentence might end.

    It begins with one set of characters, which makes the search fast; what stands around such a
    character is told apart afterwards. No kind can begin again inside a failed attempt of itself,
    so that no text makes the search quadratic.
    """
    answers = "|".join(sorted(map(re.escape, words("sentences", "answers"))))
    return re.compile(
        rf"[{_BREAK}.!?…:){_BULLETS}](?:"
        rf"(?<=[{_BREAK}])(?P<line>\s*+)"
        rf"|(?<=[.!?…])(?<![.!?…][.!?…])(?P<stop>[.!?…]*+{_CLOSERS}*+)(?=\s|\Z)"
        r"|(?<=[a-zäöüß]{3}[.!?])(?P<tight>)(?=[A-ZÄÖÜ][a-zäöüß])"
        rf"|(?<=:)[ \t]*+(?i:{answers})(?P<answer>[;,.|]?)[ \t]++(?=[^\W\d_][^:.;\n]{{0,40}}:)"
        rf"|(?<=\d\))(?P<item>)(?=[ \t])"
        rf"|(?<=[{_BULLETS}])(?<!\S[{_BULLETS}])(?P<bullet>)(?=\s))"
    )


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Return the places of the sentences of a note.

    Made for clinical prose: abbreviations (Pt., approx., q.d.), decimals, initials, bullets,
    headings, lists of `Term: No`, wrapped lines, text without capitals; English and German.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    list of (int, int)
        Half-open character places in the order of the text. They never overlap, hold no outer
        white space, and every other character lies in exactly one.

    Examples
    --------
    >>> note = "Pt. slept approx. 6.5 h. Chest pain: No"
    >>> [note[a:b] for a, b in split_sentences(note)]
    ['Pt. slept approx. 6.5 h.', 'Chest pain: No']
    """
    cuts = [0, *_Splitter(text).cuts(), len(text)]
    trimmed = (_trim(text, start, end) for start, end in pairwise(cuts))
    return [(start, end) for start, end in trimmed if start < end]


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end].lstrip()
    start = end - len(piece)
    return start, start + len(piece.rstrip())


class _Splitter:
    """Walks over the candidates of one text and decides which of them end a sentence."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.start = 0  # of the present sentence
        self.line = 0  # where the present line begins
        self.number = 0  # of the last item in a list that runs on in one line
        self.marker = -1  # the full stop after an item's number, which ends nothing

    def cuts(self) -> Iterator[int]:
        self.start = self._after_space(0)
        judges = {kind: getattr(self, f"_{kind}") for kind in _candidates().groupindex}
        for match in _candidates().finditer(self.text):
            kind = str(match.lastgroup)
            cut = judges[kind](match)
            if kind == "line":
                self.line = match.end()
            if cut is not None and cut > self.start:
                yield cut
                self.start = self._after_space(cut)

    def _after_space(self, at: int) -> int:
        space = _SPACE.match(self.text, at)
        return space.end() if space else at

    def _next_word(self, at: int) -> str:
        word = _NEXT_WORD.match(self.text, at)
        return word.group(1) if word else ""

    def _word_before(self, at: int) -> str:
        found = _LAST_WORD.match(self.text[max(self.start, at - _LOOK_BACK) : at][::-1])
        return found.group()[::-1] if found else ""

    def _answer(self, match: re.Match[str]) -> int:
        """`Term: No Term: Yes`, all in one line."""
        return match.end("answer")

    def _tight(self, match: re.Match[str]) -> int | None:
        """`slept well.No pain`, where the space was forgotten."""
        word = self._word_before(match.start()).lower()
        return None if word in _abbreviations() else match.end()

    def _bullet(self, match: re.Match[str]) -> int:
        """`• Walk • Rest`."""
        return match.start()

    def _item(self, match: re.Match[str]) -> int | None:
        """`1) Walk 2) Rest`."""
        word = self._word_before(match.start())
        return self._numbered(match.start(), word) if word.isdigit() else None

    def _numbered(self, at: int, word: str) -> int | None:
        """Cut before a number that goes on counting; remember it where a list begins."""
        if len(word) > 2:
            return None
        value, first = int(word), at - len(word)
        before = self.text[max(self.start, first - 3) : first]
        opens = first == self.start or before.endswith((": ", ":\t"))
        follows = self.number > 0 and value == self.number + 1
        if opens or follows:
            self.number, self.marker = value, at
        return first if follows and not opens else None

    def _line(self, match: re.Match[str]) -> int | None:
        """End at a line's end, unless the line was wrapped in its middle."""
        at, following = match.start(), match.end()
        row = self.text[self.line : at].rstrip()
        if len(_NEWLINE.findall(match.group())) == 1 and row and self._wrapped(row, at, following):
            return None
        self.number = 0
        return at

    def _wrapped(self, row: str, at: int, following: int) -> bool:
        if row.endswith((":", ";")) or _MARKER.match(self.text, following):
            return False
        stop = _STOP_AT_END.search(row[-_LOOK_BACK:])
        end = self.line + len(row)
        if stop:
            word = self._word_before(end - len(stop.group())).lower()
            return word in words("sentences", "never_end")
        last, first = self._word_before(end).lower(), self._next_word(following)
        goes_on = row.endswith(",") or last in words("sentences", "goes_on_after")
        if not _is_small(first):
            return goes_on and len(row) >= _WRAPPED
        return goes_on or len(row) >= _WRAPPED or first in words("sentences", "goes_on_before")

    def _stop(self, match: re.Match[str]) -> int | None:
        """Full stops, question and exclamation marks, ellipses, with closing quotes."""
        at, end = match.span()
        mark = match.group()
        following = self._after_space(end)
        word = self._word_before(at) if mark[0] == "." else ""
        cut = self._numbered(at, word) if word.isdigit() else None
        if cut is not None:
            return cut
        if at == self.marker or self._line_decides(end, following):
            return None
        if following == len(self.text):
            return end
        first = self._next_word(following)
        if mark[0] in "!?":
            return end if self._asks(at, first) else None
        if mark[0] == "…" or mark.startswith(".."):
            return None if _is_small(first) else end
        return end if self._is_full_stop(at, word, first) else None

    def _line_decides(self, end: int, following: int) -> bool:
        space = self.text[end:following]
        return space != " " and bool(_NEWLINE.search(space))

    def _asks(self, at: int, first: str) -> bool:
        """`? AF` doubts what follows, and `Pain? No` is one statement."""
        doubt = at == self.start or self.text[at - 1].isspace()
        answered = first.lower() in words("sentences", "answers")
        return not (doubt or answered or _is_small(first))

    def _is_full_stop(self, at: int, word: str, first: str) -> bool:
        key = word.lower()
        opens = at - len(word) == self.start
        small = _is_small(first)
        if not word or key in words("sentences", "never_end"):
            return not word and not small
        if key in words("sentences", "before_number") and first[:1].isdigit():
            return False
        if key in words("sentences", "may_end") or _LETTERS.match(word):
            return first[:1].isupper() and not opens
        if word.isdigit():
            ordinal = first.lower() in words("sentences", "after_ordinal")
            return not (opens or ordinal or (small and not self._careless()))
        if len(word) == 1 and word.isupper():
            return not self._is_initial(at)
        return not small or len(word) > 3 or self._careless()

    def _careless(self) -> bool:
        """Whether the sentence itself begins without a capital."""
        return self.text[self.start].islower()

    def _is_initial(self, at: int) -> bool:
        """`J. Smith`, but neither `vitamin D. He` nor `in lead V. No`."""
        before = self._word_before(self._skip_back(at - 1))
        if at - 1 == self.start or not before:
            return True
        return before[0].isupper() and before.lower() not in words("sentences", "before_letter")

    def _skip_back(self, at: int) -> int:
        """Return where the word ends that stands before a single letter."""
        piece = self.text[max(self.start, at - _LOOK_BACK) : at]
        return at - len(piece) + len(piece.rstrip(" \t\xa0."))


def _is_small(word: str) -> bool:
    """Whether a word is written without capitals; `pH` and `12` are not."""
    return word.islower() and not word[:1].isdigit()


@functools.cache
def _abbreviations() -> frozenset[str]:
    return words("sentences", "never_end") | words("sentences", "may_end")
