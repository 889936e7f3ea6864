"""Notes that a spaCy pipeline has cut already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from tsalign.notes.assertion import assess
from tsalign.types import Assertion

Place = tuple[int, int]


def places(doc: Any) -> Iterator[tuple[Place, Callable[[Place | None], Assertion]]]:
    """Yield the place of each sentence of a spaCy `Doc`, and what judges it.

    Parameters
    ----------
    doc : Doc
        Anything with `text`, `sents` (each with `start_char`, `end_char`) and perhaps `ents` with
        negspacy's `_.negex`: where those of a sentence, or of a clause, are all negated, it is
        `absent`, and where one is affirmed, what the rules here call absent is `present`.

    Yields
    ------
    (int, int), callable
        Half-open characters without outer white space; from the place of a clause in the sentence,
        or None for all of it, to the assertion.
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
            inside = [(at - start, negated) for at, negated in ents if start <= at < end]
            yield (start, end), partial(_assessed, doc.text[start:end], inside)


def _assessed(piece: str, ents: list[tuple[int, bool]], clause: Place | None = None) -> Assertion:
    first, last = clause or (0, len(piece))
    negated = [negated for at, negated in ents if first <= at < last]
    return _judged(assess(piece, clause), negated)


def _judged(own: Assertion, negated: list[bool]) -> Assertion:
    if own in ("present", "absent") and negated:
        return "absent" if all(negated) else "present"
    return own
