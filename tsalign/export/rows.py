"""One row a sentence: what the tabular formats write and read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tsalign.types import Aligned, AlignedSpan, Assertion, Contradiction, Part, Unmatched

WhichPart = Literal["all", "train", "valid", "test"]
Status = Literal["aligned", "unmatched"]


@dataclass(frozen=True)
class Row:
    """A sentence and where it was found, as a line of `spans.jsonl` or `spans.csv`.

    Parameters
    ----------
    recording : str
        Recording id.
    start, end : float or None
        Seconds, half-open; None where the sentence was not placed.
    text, sentence, note : str
        The wording, the sentence's id and its note's id.
    score : float or None
        Log-odds against nothing; None where unmatched or not finite.
    confidence : float or None
        Stated chance; None where not finite.
    status : str
        `aligned` or `unmatched`.
    tokens : tuple of int
        The tokens inside the span.
    assertion : str
        Whether the sentence speaks of something present here and now.
    part : str
        `train`, `valid` or `test`.
    reason : str or None
        Why a sentence was not placed.
    contradiction : Contradiction or None
        Where what the sentence denies seems to happen.
    matches : float or None
        Chance that the sentence speaks of anything in the recording; None where nobody knows.
    """

    recording: str
    start: float | None
    end: float | None
    text: str
    sentence: str
    note: str
    score: float | None
    confidence: float | None
    status: Status
    tokens: tuple[int, ...]
    assertion: Assertion
    part: Part
    reason: str | None = None
    contradiction: Contradiction | None = None
    matches: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no export of ours says, so that a damaged file is noticed."""
        for name, allowed in (("status", Status), ("assertion", Assertion), ("part", Part)):
            if getattr(self, name) not in get_args(allowed):
                raise ValueError(
                    f"{name} {getattr(self, name)!r} is not one of {get_args(allowed)}"
                )
        placed = self.status == "aligned"
        if placed != (self.start is not None) or placed != (self.end is not None):
            raise ValueError(f"a sentence that is {self.status} with start {self.start}")


def rows(item: Aligned) -> Iterator[Row]:
    """Yield every sentence of a recording: those placed, then those that were not.

    Parameters
    ----------
    item : Aligned
        One recording.

    Returns
    -------
    iterator of Row
    """
    for span in item.alignment.spans:
        yield _placed(span, item.part)
    for left in item.alignment.unmatched:
        yield _left(left, item.part)


def of_part(items: Iterable[Aligned], part: WhichPart) -> Iterator[Aligned]:
    """Yield the recordings of one part, or all.

    Parameters
    ----------
    items : iterable of Aligned
        Gone through once.
    part : str
        `all`, `train`, `valid` or `test`.

    Returns
    -------
    iterator of Aligned
    """
    return (item for item in items if part in ("all", item.part))


def token_times(item: Aligned) -> NDArray[np.float64]:
    """Return where each token stands, overlaps shared at their middle where that is possible.

    Parameters
    ----------
    item : Aligned
        One recording.

    Returns
    -------
    (k, 2) float64
        Seconds; without tokens no rows. Segments inside one another keep their own bounds.
    """
    segments = item.tokens.segments
    edges = segments.edges()
    times = edges if np.all(edges[:, 0] < edges[:, 1]) else segments.times
    return times[: len(item.tokens.ids)]


def _placed(span: AlignedSpan, part: Part) -> Row:
    return Row(
        recording=span.recording,
        start=float(span.span.start),
        end=float(span.span.end),
        text=span.text,
        sentence=span.sentence,
        note=span.note,
        score=_finite(span.score),
        confidence=_finite(span.confidence),
        status="aligned",
        tokens=tuple(int(token) for token in span.tokens),
        assertion=span.assertion,
        part=part,
        matches=span.matches,
    )


def _left(left: Unmatched, part: Part) -> Row:
    return Row(
        recording=left.recording,
        start=None,
        end=None,
        text=left.text,
        sentence=left.sentence,
        note=left.note,
        score=None,
        confidence=_finite(left.confidence),
        status="unmatched",
        tokens=(),
        assertion=left.assertion,
        part=part,
        reason=left.reason,
        contradiction=left.contradiction,
        matches=left.matches,
    )


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
