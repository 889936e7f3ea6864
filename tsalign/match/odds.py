"""What evidence says for and against: concepts against nothing, sentences against other topics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, logsumexp

from tsalign.types import Evidence, Segments, Span

KNOWN_ELSE = 2.0  # how far below the likeliest concept the others count as "something else"
NEVER = -50.0  # nats that leave nothing of a chance


def against_nothing(evidence: Evidence) -> NDArray[np.float32]:
    """Return log-odds of each concept; "nothing" also covers known events that go unmentioned.

    Parameters
    ----------
    evidence : Evidence
        Of one recording.

    Returns
    -------
    (k, c) float32
        For `decode_concepts`.

    Examples
    --------
    >>> none = np.empty((1, 0), np.float32), np.empty((0, 2), np.float32)
    >>> signal, null = np.log(np.float32([[0.6, 0.1]])), np.log(np.float32([0.3]))
    >>> against_nothing(Evidence(none[0], signal, null, none[1])).round(2)
    array([[ 0.69, -1.1 ]], dtype=float32)
    """
    likeliest = evidence.signal.max(axis=1) - KNOWN_ELSE
    return evidence.signal - np.maximum(evidence.null, likeliest)[:, None]


def mixed_durations(
    text: NDArray[np.float32], durations: NDArray[np.float32] | None
) -> NDArray[np.float32] | None:
    """Return the duration prior of each sentence: of its meanings, each by its chance."""
    if durations is None:
        return None
    own = durations if durations.ndim == 3 else durations[None]
    chances = log_softmax(text, axis=1)
    return logsumexp(own + chances[:, :, None], axis=1).astype(np.float32)


def off_topic(text: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the log-odds that each sentence means none of the known concepts."""
    known = np.clip(np.exp(text.astype(np.float64)).sum(axis=1), 1e-6, 1 - 1e-6)
    return np.log1p(-known) - np.log(known)


def without(evidence: Evidence, segments: Segments, spans: Sequence[Span]) -> Evidence:
    """Return the evidence of a recording in which nothing happens during these stretches."""
    edges = segments.edges()
    gone = np.zeros(len(edges), bool)
    for span in spans:
        gone |= (edges[:, 0] < span.end) & (edges[:, 1] > span.start)
    here = gone[:, None]
    return replace(
        evidence,
        null=np.where(gone, np.float32(0), evidence.null),
        signal=np.where(here, np.float32(NEVER), evidence.signal),
        similarity=np.where(here, np.float32(NEVER), evidence.similarity),
    )
