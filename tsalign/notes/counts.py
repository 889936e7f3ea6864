"""How often a sentence says that something happened."""

from __future__ import annotations

import functools
import re

from tsalign.notes.moments import number
from tsalign.notes.words import any_of, values, words


@functools.cache
def _counts() -> re.Pattern[str]:
    numbers = any_of(values("times", "numbers").keys() - words("times", "articles"))
    rates = any_of(words("times", "rates"))
    unlike = any_of(
        [*values("times", "ordinals"), *values("times", "units"), "to", "few", "am", "pm", "uhr"]
    )
    between = rf"(?:[ -](?!{unlike})[^\W\d]+){{0,2}}?"
    number_of = (
        rf"(?P<number>\d{{1,3}}|{numbers}){between}[ -](?:{any_of(words('times', 'counted'))})"
    )
    # Not sizes: 2 cm x 2 cm, 3 x 4.
    cross = r"(?<!\d )(?<!m )\bx ?(?P<after>\d{1,2})\b(?!\s*(?:[cm]?m|mg|/)\b)"
    cross += rf"(?!\s*(?:{any_of(values('times', 'units'))}))"
    cross += r"|(?<![\w.,/:-])(?P<before>\d{1,2}) ?x\b(?! ?\d)"
    single = rf"(?P<word>{any_of(values('times', 'times_words'))})"
    return re.compile(rf"(?<![\w./:,])(?:{number_of}|{cross}|{single})(?!\s*(?:{rates}))")


_ENDS = re.compile(
    r"\s*(?:[.,;:!?)]|\Z|overnight|during|today|yesterday|last night|again"
    r"|this (?:morning|afternoon|evening))"
)


def count(text: str) -> int | None:
    """Return how often, or None where nothing is said; a rate, "twice daily", is none.

    Parameters
    ----------
    text : str
        One sentence in lower case.

    Examples
    --------
    >>> count("three brief episodes"), count("fell twice"), count("twice daily"), count("at 3")
    (3, 2, None, None)
    """
    for match in _counts().finditer(text):
        said = match["number"] or match["after"] or match["before"]
        if said:
            value = number(said)
            if value == int(value) and value > 0:
                return int(value)
        else:
            word = " ".join(match["word"].split())
            if word != "once" or _ENDS.match(text, match.end()):
                return values("times", "times_words")[word]
    return None
