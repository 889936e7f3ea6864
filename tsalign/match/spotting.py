"""Where each finding of a list is, as often as it is, or that it is nowhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from tsalign.match.independent import Independent
from tsalign.match.outcome import seconds_of
from tsalign.types import AlignedSpan, Alignment, Evidence, Note, Segments, Unmatched

CLIP = 6.0  # log-odds beyond which a single segment does not decide
MOST = 100  # spans of one finding in one recording


def spot(
    recording: str,
    note: Note,
    evidence: Evidence,
    segments: Segments,
    tokens: NDArray[np.int32] | None = None,
    matcher: Independent | None = None,
) -> Alignment:
    """Place every finding by itself, on as many stretches as speak for it.

    Nothing is learnt for this: the scores are calibrated log-odds, and a stretch counts where
    their sum is positive.

    Parameters
    ----------
    recording : str
        Its id.
    note : Note
        One sentence a finding.
    evidence : Evidence
        Of the k segments and the findings, in their order.
    segments : Segments
        The k segments.
    tokens : (k,) int32 or None
        Copied into the spans.
    matcher : Independent or None
        None is one without overlaps and with up to 100 spans a finding.

    Returns
    -------
    Alignment
        Each finding is among the spans, once or more often and in time, or among the unmatched.
        The confidence of a span is the mean chance of its segments.
    """
    matcher = matcher or Independent(max_spans=MOST, max_overlap=0.0)
    odds = evidence.similarity
    found = matcher.decode(np.clip(odds, -CLIP, CLIP))
    chance, edges = expit(odds.astype(np.float64)), segments.edges()
    units = np.empty(0, np.int32) if tokens is None else tokens
    placed: list[AlignedSpan] = []
    rest: list[Unmatched] = []
    for j, sentence in enumerate(note.sentences):
        first = found.spans[j]
        if first[0] < 0:
            told = (recording, sentence.id, sentence.text, note.id, "no_match")
            rest.append(Unmatched(*told, 1.0 - float(found.placed[j])))
            continue
        for a, b in sorted([tuple(first), *((a, b) for a, b, _ in found.alternatives[j])]):
            placed.append(
                AlignedSpan(
                    recording=recording,
                    span=seconds_of(edges, np.array([a, b])),
                    sentence=sentence.id,
                    text=sentence.text,
                    note=note.id,
                    score=float(odds[a:b, j].sum()),
                    confidence=float(chance[a:b, j].mean()),
                    tokens=tuple(int(u) for u in units[a:b]),
                )
            )
    return Alignment(tuple(placed), tuple(rest), odds, found.posterior, found.score)
