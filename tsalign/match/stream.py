"""Ordered decoding of scores as they arrive: what is told is final."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsalign.errors import TsalignError
from tsalign.kernels.stream import advance
from tsalign.match.decoded import (
    LARGEST,
    check_costs,
    check_durations,
    check_matrix,
    check_text,
    check_windows,
)

Run = tuple[int, int, int]
FOREVER = 2**62  # segments that a stream may have


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
    text : (s, c) array_like or None
        Weighted log probability of each concept given the sentence, as for
        `Ordered.decode_concepts`: scores are then those of concepts.
    durations : (s, D) or (c, D) array_like or None
        Log prior of runs of 1..D segments. None: no prior. Each segment then takes O(s c D).
    windows : (s, 2) array_like of int or None
        Each sentence may only use segments in [lo, hi).

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

    def __init__(
        self,
        skip_costs: ArrayLike,
        latency: int,
        *,
        text: ArrayLike | None = None,
        durations: ArrayLike | None = None,
        windows: ArrayLike | None = None,
    ) -> None:
        count = int(np.size(skip_costs))
        self._costs = check_costs(np.atleast_1d(skip_costs), 0.0, count)
        if latency < 0:
            raise TsalignError(f"latency {latency} should not be negative")
        given = np.zeros((count, 1)) if text is None else np.asarray(text)
        self._text = check_text(given, given.shape[-1])
        if len(self._text) != count:
            raise TsalignError(f"text of {len(self._text)} sentences, but {count} skip costs")
        self._concepts = text is not None
        width = self._text.shape[1] if self._concepts else count
        prior = check_durations(durations, width, FOREVER)
        self._prior = np.zeros((width, 0)) if prior is None else prior
        self._windows = check_windows(windows, count, FOREVER)
        self._latency, self._place, self._told = latency, 0, 0
        self._kept, self._kept_from = np.empty((0, width), np.float32), 0
        self._begin()

    def feed(self, scores: ArrayLike) -> list[Run]:
        """Take the next segments; return the runs that became final.

        Parameters
        ----------
        scores : (m, s) or (m, c) array_like
            Log-odds of each segment and sentence, or concept, against nothing; -inf means never.

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
        if matrix.shape[1] != self._kept.shape[1]:
            what = "concepts" if self._concepts else "sentences"
            raise TsalignError(f"scores of {matrix.shape[1]} {what}, not {self._kept.shape[1]}")
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
        costs, self._since = self._costs[self._told :], self._place
        (s, c), (r, longest) = self._text[self._told :].shape, self._prior.shape
        r -= 0 if self._concepts else self._told
        self._first = np.full((s + 1, 3), -1)
        self._opened, self._recent = np.full((s, c, 3), -1), np.full((s, longest, 3), -1)
        value, run = -np.concatenate([[0.0], np.cumsum(costs)]), np.full((s, c), -np.inf)
        past, sums, clear = np.zeros((s, longest)), np.zeros((r, longest + 1)), np.zeros(r, int)
        self._state = value, self._first, run, self._opened, past, self._recent, sums, clear

    def _go_on(self, scores: NDArray[np.float32], place: int) -> None:
        own = slice(None) if self._concepts else slice(self._told, None)
        rest = slice(self._told, None)
        given = self._text[rest], self._prior[own], self._windows[rest], self._costs[rest]
        rows = np.ascontiguousarray(scores[:, own])
        advance(rows, *given, place, self._since, *self._state)

    def _final(self, until: int) -> list[Run]:
        found: list[Run] = []
        while self._first[-1, 0] >= 0 and self._first[-1, 2] <= until:
            sentence, start, end = self._first[-1].tolist()
            found.append((self._told + sentence, start, end))
            self._told += sentence + 1
            self._begin()
            self._since = end
            self._go_on(self._kept[end - self._kept_from : self._place - self._kept_from], end)
        return found

    def _forget(self) -> None:
        """Drop the segments before every run that may still be told."""
        every = (self._first, self._opened, self._recent)
        runs = np.concatenate([known.reshape(-1, 3) for known in every])
        open_ = max(
            self._since, self._place - self._prior.shape[1]
        )  # runs with a length begin here
        first = int(runs[runs[:, 0] >= 0, 1].min(initial=open_))
        self._kept, self._kept_from = self._kept[first - self._kept_from :], first
