"""Notes that a spaCy pipeline has cut already."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tsalign.notes.assertion import assess
from tsalign.types import Assertion


def places(doc: Any) -> Iterator[tuple[int, int, Assertion]]:
    """Yield place and assertion of each sentence of a spaCy `Doc`.

    Parameters
    ----------
    doc : Doc
        Anything with `text`, `sents` (each with `start_char`, `end_char`) and perhaps `ents` with
        negspacy's `_.negex`: where those of a sentence are all negated, it is `absent`, and where
        one is affirmed, what the rules here call absent is `present`.

    Yields
    ------
    (int, int, str)
        Half-open characters without outer white space, and the assertion.
    """
    ents = [
        (ent.start_char, bool(ent._.negex))
        for ent in getattr(doc, "ents", ())
        if hasattr(getattr(ent, "_", None), "negex")
    ]
    for sent in doc.sents:
        piece = doc.text[sent.start_char : sent.end_char]
        start = sent.start_char + len(piece) - len(piece.lstrip())
        end = start + len(piece.strip())
        if start < end:
            inside = [negated for at, negated in ents if start <= at < end]
            yield start, end, _judged(assess(piece), inside)


def _judged(own: Assertion, negated: list[bool]) -> Assertion:
    if own in ("present", "absent") and negated:
        return "absent" if all(negated) else "present"
    return own
