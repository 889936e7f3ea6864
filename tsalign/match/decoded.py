"""What a matcher decided, and the checks of what it was given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsalign.errors import TsalignError
from tsalign.kernels.ordered import turned

LARGEST = 1e6  # log-odds that no evidence reaches, or makes up for; sums stay exact below it


@dataclass(frozen=True, eq=False)
class Decoded:
    """Which sentence speaks of which segments.

    Parameters
    ----------
    labels : (k,) int32
        Sentence of each segment, -1 for nothing.
    spans : (s, 2) int64
        First segment of each sentence and one past its last; -1, -1 where it is left out.
    posterior : (k, s) float32
        Probability that the sentence covers the segment, summed over all alignments.
    placed : (s,) float32
        Probability that the sentence is placed at all.
    score : float
        Value of the optimum.
    margin : (s,) float32
        Best value with the sentence placed less the best with it left out; -inf where it has no
        room.
    concepts : (s,) int32 or None
        Concept of each placed sentence, -1 where left out; None where there are none.
    alternatives : tuple of tuple of (int, int, float)
        For each sentence further spans, best first: start, end and the best value with the
        sentence there less the best with it left out.
    """

    labels: NDArray[np.int32]
    spans: NDArray[np.int64]
    posterior: NDArray[np.float32]
    placed: NDArray[np.float32]
    score: float
    margin: NDArray[np.float32]
    concepts: NDArray[np.int32] | None = None
    alternatives: tuple[tuple[tuple[int, int, float], ...], ...] = ()


def check_scores(scores: ArrayLike, columns: str = "sentence") -> NDArray[np.float32]:
    """Return the scores as contiguous rows, one a column of what was given.

    Parameters
    ----------
    scores : (k, s) array_like
        Log-odds against nothing. -inf, and anything up to -1e6, means never.
    columns : str
        What a column stands for, for the message.

    Returns
    -------
    (s, k) float32
        Finite or -inf.

    Raises
    ------
    TsalignError
        For another shape, and for the first NaN or +inf (from 1e6) with its segment and column.
    """
    return rows_of(check_matrix(scores, columns))


def check_matrix(scores: ArrayLike, columns: str = "sentence") -> NDArray[np.float32]:
    """Return the scores as they are laid out, `(k, s)` float32; parameters as `check_scores`."""
    with np.errstate(over="ignore"):
        matrix = np.asarray(scores, np.float32, order="C")
    if matrix.ndim != 2:
        raise TsalignError(f"scores have shape (segments, {columns}s), not {np.shape(scores)}")
    if not matrix.max(initial=-np.inf) < LARGEST:
        column, segment = np.argwhere(~(matrix.T < LARGEST))[0]
        raise TsalignError(
            f"the score of segment {segment} and {columns} {column} is {matrix[segment, column]}; "
            "log-odds below 1e6 are needed, -inf for never"
        )
    return matrix


def rows_of(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return checked scores as contiguous rows `(s, k)`, -inf for what means never."""
    rows = np.empty(matrix.shape[::-1], np.float32)
    turned(matrix, rows)
    return rows


def check_durations(
    durations: ArrayLike | None, count: int, k: int, sentences: int | None = None
) -> NDArray | None:
    """Return the log priors of run lengths 1..D, D cut to the number of segments.

    Parameters
    ----------
    durations : (count, D) array_like or None
        Log priors; -inf forbids a length; None allows every length equally.
    count : int
        Number of sentences or concepts.
    k : int
        Number of segments.
    sentences : int or None
        s, where each sentence may have its own priors, (s, count, D).

    Raises
    ------
    TsalignError
        For another shape, NaN or +inf (from 1e6).
    """
    if durations is None:
        return None
    prior = np.asarray(durations, np.float64)
    own = prior.ndim == 3 and prior.shape[0] == sentences
    if not (prior.ndim == 2 or own) or prior.shape[-2] != count or prior.shape[-1] == 0:
        raise TsalignError(f"durations have shape ({count}, D) with D >= 1, not {prior.shape}")
    if not (prior < LARGEST).all():
        row, length = np.argwhere(~(prior < LARGEST))[0][-2:]
        raise TsalignError(
            f"the log prior {row} of {length + 1} segments is {prior[..., row, length].max()}; "
            "a number below 1e6 is needed, -inf for never"
        )
    return np.ascontiguousarray(prior[..., : max(k, 1)])


def check_edges(edges: ArrayLike | None, s: int, k: int) -> NDArray[np.float64] | None:
    """Return the log priors of where runs start and end; None where there are none.

    Parameters
    ----------
    edges : (2, s, k + 1) array_like or None
        For starts and ends; -inf means never.
    s, k : int
        Numbers of sentences and segments.

    Raises
    ------
    TsalignError
        For another shape, NaN or +inf (from 1e6).
    """
    if edges is None:
        return None
    prior = np.array(edges, np.float64, order="C")
    if prior.shape != (2, s, k + 1):
        raise TsalignError(f"edges have shape (2, {s}, {k + 1}), not {prior.shape}")
    if not (prior < LARGEST).all():
        _, j, place = np.argwhere(~(prior < LARGEST))[0]
        raise TsalignError(
            f"the log prior of sentence {j} at place {place} is no number below 1e6, -inf for never"
        )
    return prior


def check_windows(windows: ArrayLike | None, s: int, k: int) -> NDArray[np.int64]:
    """Return `(s, 2)` windows cut to the segments there are; None leaves every segment open.

    Parameters
    ----------
    windows : (s, 2) array_like of int or None
        The sentence may only use segments in [lo, hi).
    s, k : int
        Numbers of sentences and segments.

    Raises
    ------
    TsalignError
        For another shape, fractions, or a window that ends before it starts.
    """
    if windows is None:
        return np.tile(np.array([0, k], np.int64), (s, 1))
    given = np.asarray(windows)
    if given.shape != (s, 2) or (given.size and given.dtype.kind not in "iu"):
        raise TsalignError(
            f"windows are whole numbers of shape ({s}, 2), not {given.dtype} {given.shape}"
        )
    backward = np.flatnonzero(given[:, 0] > given[:, 1])
    if backward.size:
        j = int(backward[0])
        raise TsalignError(f"the window of sentence {j} ends before it starts: {given[j].tolist()}")
    return np.clip(given.astype(np.int64), 0, k)


def check_costs(costs: ArrayLike | None, default: float, s: int) -> NDArray[np.float64]:
    """Return the cost of leaving out each sentence.

    Parameters
    ----------
    costs : (s,) array_like or None
        From 0 to 1e6; the latter forces a sentence into any place it may have.
    default : float
        Cost of every sentence where costs is None.
    s : int
        Number of sentences.

    Raises
    ------
    TsalignError
        For another shape or a cost outside [0, 1e6].
    """
    given = np.full(s, default) if costs is None else np.asarray(costs, np.float64)
    if given.shape != (s,):
        raise TsalignError(f"skip_costs have shape ({s},), not {given.shape}")
    wrong = np.flatnonzero(~((given >= 0) & (given <= LARGEST)))
    if wrong.size:
        j = int(wrong[0])
        raise TsalignError(f"the skip cost of sentence {j} is {given[j]}; it should be 0 to 1e6")
    return given.astype(np.float64)


def check_text(text: ArrayLike, c: int) -> NDArray[np.float64]:
    """Return the weighted log probabilities `(s, c)` of each concept given each sentence.

    Parameters
    ----------
    text : (s, c) array_like
        -inf means never.
    c : int
        Number of concepts.

    Raises
    ------
    TsalignError
        For another shape, NaN or +inf (from 1e6).
    """
    words = np.array(text, np.float64, order="C")
    if words.ndim != 2 or words.shape[1] != c:
        raise TsalignError(f"text has shape (sentences, {c} concepts), not {words.shape}")
    if not (words < LARGEST).all():
        j, at = np.argwhere(~(words < LARGEST))[0]
        raise TsalignError(
            f"the text score of sentence {j} and concept {at} is {words[j, at]}; "
            "a number below 1e6 is needed, -inf for never"
        )
    return words


def spans_alone(
    spans: NDArray[np.int64], score: float, k: int, concepts: NDArray[np.int32] | None = None
) -> Decoded:
    """Return spans over k segments without posteriors; zeros stand there, and take no memory."""
    zeros = np.zeros(len(spans), np.float32)
    nothing = np.broadcast_to(np.float32(0), (k, len(spans)))
    none = ((),) * len(spans)
    return Decoded(label(spans, k), spans, nothing, zeros, score, zeros, concepts, none)


def label(spans: NDArray[np.int64], k: int) -> NDArray[np.int32]:
    """Return the sentence of each of k segments from spans that do not overlap."""
    labels = np.full(k, -1, np.int32)
    for j, (start, end) in enumerate(spans):
        labels[max(start, 0) : max(end, 0)] = j
    return labels
