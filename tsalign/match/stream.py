"""Ordered decoding of scores as they arrive: what is told is final."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsalign.errors import TsalignError
from tsalign.kernels.stream import advance
from tsalign.match.decoded import LARGEST, check_costs, check_matrix

Run = tuple[int, int, int]


class OrderedStream:
    """Place sentences in order while their scores arrive, with bounded latency.

    The model: after each segment the best alignment, as `Ordered` finds it, of the sentences not
    yet told to the segments since the last run told. Its first run is told, and final, once it
    ended `latency` segments ago; sentences before it are then left out for good. Chunks may be
    cut anywhere: decisions follow from the segments alone.

    With a latency no shorter than the recording this is `Ordered` itself. A short one takes what
    the end would have put better: a segment that costs less than leaving a sentence out is as
    good a place as any so far. Kept are the segments since the earliest run that may still be
    told, and O(s) beside them.

    Parameters
    ----------
    skip_costs : (s,) array_like
        Cost of leaving out each sentence, in nats; from 0 to 1e6.
    latency : int
        Segments that a run must lie behind before it is told.

    References
    ----------
    Forney, The Viterbi algorithm, Proc. IEEE 1973 (decisions at a fixed delay).

    Examples
    --------
    >>> stream = OrderedStream([2.0, 2.0], latency=2)
    >>> scores = np.array([[3, -1], [-2, -1], [-1, 4], [-1, 5]], np.float32)
    >>> [stream.feed(scores[:2]), stream.feed(scores[2:]), stream.finish()]
    [[], [(0, 0, 1)], [(1, 2, 4)]]
    """

    def __init__(self, skip_costs: ArrayLike, latency: int) -> None:
        count = int(np.size(skip_costs))
        self._costs = check_costs(np.atleast_1d(skip_costs), 0.0, count)
        if latency < 0:
            raise TsalignError(f"latency {latency} should not be negative")
        self._latency, self._place, self._told = latency, 0, 0
        self._kept, self._kept_from = np.empty((0, count), np.float32), 0
        self._begin()

    def feed(self, scores: ArrayLike) -> list[Run]:
        """Take the next segments; return the runs that became final.

        Parameters
        ----------
        scores : (m, s) array_like
            Log-odds of each segment and sentence against nothing; -inf means never.

        Returns
        -------
        list of (int, int, int)
            Sentence, first segment and one past the last, in order.

        Raises
        ------
        TsalignError
            For another shape, NaN, and anything from +1e6 on.
        """
        matrix = check_matrix(scores)
        if matrix.shape[1] != len(self._costs):
            raise TsalignError(f"scores of {matrix.shape[1]} sentences, not {len(self._costs)}")
        matrix = np.where(matrix <= -LARGEST, np.float32(-np.inf), matrix)
        found: list[Run] = []
        self._kept = np.concatenate([self._kept, matrix])
        for t in range(len(matrix)):
            self._go_on(matrix[t : t + 1], self._place)
            self._place += 1
            found += self._final(self._place - self._latency)
        self._forget()
        return found

    def finish(self) -> list[Run]:
        """Return the runs of the rest, which no further segment can change."""
        return self._final(self._place)

    def _begin(self) -> None:
        """Begin with the sentences not yet told, at the place where the last run ended."""
        costs = self._costs[self._told :]
        self._value = -np.concatenate([[0.0], np.cumsum(costs)])
        self._run = np.full(len(costs), -np.inf)
        self._first = np.full((len(costs) + 1, 3), -1)
        self._opened = np.full((len(costs), 3), -1)

    def _go_on(self, scores: NDArray[np.float32], place: int) -> None:
        own = np.ascontiguousarray(scores[:, self._told :])
        state = self._value, self._run, self._first, self._opened
        advance(own, self._costs[self._told :], place, *state)

    def _final(self, until: int) -> list[Run]:
        found: list[Run] = []
        while self._first[-1, 0] >= 0 and self._first[-1, 2] <= until:
            sentence, start, end = self._first[-1].tolist()
            found.append((self._told + sentence, start, end))
            self._told += sentence + 1
            self._begin()
            self._go_on(self._kept[end - self._kept_from : self._place - self._kept_from], end)
        return found

    def _forget(self) -> None:
        """Drop the segments before every run that may still be told."""
        runs = np.concatenate([self._first, self._opened])
        first = int(runs[runs[:, 0] >= 0, 1].min(initial=self._place))
        self._kept, self._kept_from = self._kept[first - self._kept_from :], first
