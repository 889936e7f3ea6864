"""Independent decoding of scores as they arrive: what is told is final."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsalign.errors import TsalignError
from tsalign.kernels.stream import extend
from tsalign.match.decoded import LARGEST, check_matrix

Run = tuple[int, int, int]
CHUNK = 256  # segments taken at once, so that what they may tell has room


class IndependentStream:
    """Find all runs of each sentence while their scores arrive, with bounded latency.

    The model: after each segment the runs, as `Independent(max_overlap=0)` finds them without
    durations and with `max_spans` for all, of the segments since the last run told of the
    sentence. The first of them is told, and final, once nothing can lengthen it any more, or at
    the latest `latency` segments after its end. Chunks may be cut anywhere: decisions follow from
    the segments alone. With a latency no shorter than the recording this is `Independent` itself.

    Parameters
    ----------
    count : int
        Number of sentences.
    latency : int
        Segments that a run lies behind when it is told at the latest.
    threshold : float
        Log-odds a segment must exceed to speak for a sentence.

    References
    ----------
    Ruzzo and Tompa, A linear time algorithm for finding all maximal scoring subsequences, ISMB
    1999.

    Examples
    --------
    >>> stream = IndependentStream(1, latency=10)
    >>> [stream.feed([[2], [-1], [2]]), stream.feed([[-9], [1]]), stream.finish()]
    [[], [(0, 0, 3)], [(0, 4, 5)]]
    """

    def __init__(self, count: int, latency: int, threshold: float = 0.0) -> None:
        if count < 0 or latency < 0 or not abs(threshold) < LARGEST:
            raise TsalignError(
                f"count {count} and latency {latency} should not be negative, and threshold "
                f"{threshold} should be a number below 1e6"
            )
        self._latency, self._threshold, self._place = latency, np.float32(threshold), 0
        self._level, self._flat = np.zeros(count), np.full(count, -1)
        self._count = np.zeros(count, np.int64)
        self._values = np.empty((count, 0, 2))
        self._spans = np.empty((count, 0, 2), np.int64)

    def feed(self, scores: ArrayLike) -> list[Run]:
        """Take the next segments; return the runs that became final.

        Parameters
        ----------
        scores : (m, s) array_like
            Log-odds of each segment and sentence against nothing; -inf means never.

        Returns
        -------
        list of (int, int, int)
            Sentence, first segment and one past the last, as they became final.

        Raises
        ------
        TsalignError
            For another shape, NaN, and anything from +1e6 on.
        """
        matrix = check_matrix(scores)
        matrix = np.where(matrix <= -LARGEST, np.float32(-np.inf), matrix) - self._threshold
        if matrix.shape[1] != len(self._level):
            raise TsalignError(f"scores of {matrix.shape[1]} sentences, not {len(self._level)}")
        chunks = range(0, len(matrix), CHUNK)
        return [run for a in chunks for run in self._take(matrix[a : a + CHUNK])]

    def finish(self) -> list[Run]:
        """Return the runs that a further segment might have lengthened."""
        counts = enumerate(self._count.tolist())
        rest = [(j, *self._spans[j, q].tolist()) for j, n in counts for q in range(n)]
        self._count[:] = 0
        return rest

    def _take(self, scores: NDArray[np.float32]) -> list[Run]:
        most = int(self._count.max(initial=0)) + len(scores)
        if most > self._spans.shape[1]:
            more = ((0, 0), (0, 2 * most - self._spans.shape[1]), (0, 0))
            self._values, self._spans = np.pad(self._values, more), np.pad(self._spans, more)
        told = np.empty((scores.size + int(self._count.sum()), 3), np.int64)
        state = self._level, self._flat, self._count, self._values, self._spans
        found = extend(scores, self._place, self._latency, *state, told)
        self._place += len(scores)
        return [(j, start, end) for j, start, end in told[:found].tolist()]
