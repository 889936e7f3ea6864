"""What a note says of time, as a decoder takes it: windows, soft edges, lengths of runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tsalign.match.durations import stated
from tsalign.types import Note, Segments, Sentence, Span

EARLIEST = 2.0  # nats: what is stated is mostly the beginning, but may be going on for long
FARTHEST = 3.0  # slacks outside of the recording from which a sentence speaks of another time


def windows_of(segments: Segments, note: Note, count: int) -> NDArray[np.int64]:
    """Return the segments that each sentence may use: those of the stretch its note covers.

    Parameters
    ----------
    segments : Segments
        The k segments.
    note : Note
        The note.
    count : int
        Number of its sentences that are to be placed.

    Returns
    -------
    (count, 2) int64
        Half-open.
    """
    if note.covers is None:
        return np.tile([0, len(segments)], (count, 1))
    middle = segments.edges().mean(axis=1)
    lo, hi = np.searchsorted(middle, [note.covers.start, note.covers.end])
    return np.tile([lo, max(lo, hi)], (count, 1))


def edges_of(
    segments: Segments, sentences: Sequence[Sentence], slack: float
) -> NDArray[np.float64]:
    """Return log priors of where runs start and end, from the times that sentences state.

    A run that starts in the stated window costs nothing; one that starts after it costs half the
    square of the seconds between, in slacks: a Gaussian kernel. So does one that starts before it,
    but if it goes on in the window no more than 2 nats; otherwise the seconds from its end to the
    window are counted as well.

    Parameters
    ----------
    segments : Segments
        The k segments.
    sentences : sequence of Sentence
        Those to be placed.
    slack : float
        Seconds that cost half a nat; 0 forbids runs that do not touch the window.

    Returns
    -------
    (2, s, k + 1) float64
        For starts and ends at each place.

    Examples
    --------
    >>> cut = Segments(np.array([[0, 1], [1, 2], [2, 3], [3, 4]]), rate=1.0, start=0.0)
    >>> told = [Sentence("Sat.", "n0.0", when=Span(1.0, 2.0))]
    >>> edges_of(cut, told, 1.0)[:, 0].tolist()
    [[-0.5, 0.0, 0.0, -0.5, -2.0], [-0.5, 0.0, 0.0, 0.0, 0.0]]
    """
    cut = segments.edges()
    starts, ends = np.append(cut[:, 0], cut[-1, 1]), np.append(cut[0, 0], cut[:, 1])
    out = np.zeros((2, len(sentences), len(starts)))
    for j, sentence in enumerate(sentences):
        if sentence.when is not None:
            lo, hi = sentence.when.start, sentence.when.end
            early = np.maximum(_kernel(lo - starts, slack), -EARLIEST)
            out[0, j] = _kernel(starts - hi, slack) + early
            out[1, j] = _kernel(lo - ends, slack)
    return out


def _kernel(beyond: NDArray[np.float64], slack: float) -> NDArray[np.float64]:
    if not slack:
        return np.where(beyond > 0, -np.inf, 0.0)
    return 0.0 - np.maximum(beyond, 0.0) ** 2 / (2 * slack**2)


def own_lengths(
    prior: NDArray[np.float32], sentences: Sequence[Sentence], hop: float
) -> NDArray[np.float32]:
    """Return log priors of run lengths in which each sentence counts the duration it states.

    Parameters
    ----------
    prior : (c, D) float32
        Weighted log priors of each concept.
    sentences : sequence of Sentence
        Those to be placed.
    hop : float
        Seconds by which one more segment lengthens a run.

    Returns
    -------
    (s, c, D) float32
        Of each sentence and concept.
    """
    told = np.stack([stated(s.duration, hop, prior.shape[1]) for s in sentences])
    return (prior[None] + told[:, None]).astype(np.float32)


def outside(when: Span | None, edges: NDArray[np.float64], slack: float) -> bool:
    """Tell whether a stated time lies so far outside of all segments that it means another one.

    Examples
    --------
    >>> seconds = np.array([[0.0, 50.0], [50.0, 100.0]])
    >>> outside(Span(200.0, 300.0), seconds, 10.0), outside(Span(105.0, 110.0), seconds, 10.0)
    (True, False)
    """
    far = FARTHEST * slack
    return when is not None and bool(
        when.start > edges[-1, 1] + far or when.end < edges[0, 0] - far
    )
