"""Change points in the mean for a known number of segments, or for a penalty."""

from __future__ import annotations

import bisect
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from tsalign.errors import TsalignError
from tsalign.kernels.costs import centred_sums
from tsalign.kernels.greedy import halves, merge, split, split_gain
from tsalign.kernels.levels import partitions
from tsalign.segment.base import Segmenter, bounds_of, count
from tsalign.segment.cost import Variance
from tsalign.segment.pelt import bic
from tsalign.segment.problem import check_scale

NOTHING = 1e-12
"""Gains below this share of the total sum of squares are rounding, not changes."""


class BinarySegmentation(Segmenter):
    """Cut a series where its mean changes, one best cut after the other.

    Fast and approximate: a cut is never taken back. Exactly one of `n_segments` and `penalty` says
    when to stop. Channels weigh by their scale.

    Parameters
    ----------
    n_segments : int or None
        Number of segments; fewer where nothing is left to gain.
    penalty : float, "bic" or None
        What a cut must save, in squared units of the signal; or `tsalign.segment.pelt.bic`.
    intervals : {"full", "seeded", "wild"}
        Where cuts are looked for: in the segments so far; also in a fixed multiscale set of
        intervals; or also in random ones. The latter two find short segments between equal
        neighbours, which look like nothing from afar.
    n_intervals : int
        How many random intervals `wild` draws.
    min_duration : float
        Shortest segment in seconds, rounded to whole samples and at least one.
    rate : float
        Samples per second; with 1.0 a second is a sample.
    random_state : int
        Seed of `wild`.
    variance : {"difference", "long_run"}
        How `bic` measures noise, as in `Pelt`.

    Attributes
    ----------
    n_features_in_ : int
        Channels seen in `fit`.

    References
    ----------
    Fryzlewicz, *Wild binary segmentation for multiple change-point detection*, Annals of
    Statistics 42, 2014. Kovács, Bühlmann, Li, Munk, *Seeded binary segmentation*, Biometrika 110,
    2023, definition 1 with decay 1/sqrt(2).

    Examples
    --------
    >>> steps = np.repeat([0.0, 5.0, 1.0], 4)
    >>> BinarySegmentation(n_segments=3).fit_predict(steps).tolist()
    [[0, 4], [4, 8], [8, 12]]
    """

    def __init__(
        self,
        n_segments: Annotated[int, Ge(1)] | None = None,
        penalty: Annotated[float, Ge(0)] | Literal["bic"] | None = None,
        intervals: Literal["full", "seeded", "wild"] = "full",
        n_intervals: Annotated[int, Ge(1)] = 1000,
        min_duration: Annotated[float, Ge(0)] = 1.0,
        rate: Annotated[float, Gt(0)] = 1.0,
        random_state: Annotated[int, Ge(0)] = 0,
        variance: Variance = "long_run",
    ) -> None:
        self.n_segments = n_segments
        self.penalty = penalty
        self.intervals = intervals
        self.n_intervals = n_intervals
        self.min_duration = min_duration
        self.rate = rate
        self.random_state = random_state
        self.variance = variance

    def _segment(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        min_size = _min_size(self.min_duration, self.rate)
        sums, most, limit = _problem(x, self.n_segments, self.penalty, self.variance)
        intervals = self._intervals(len(x), 2 * min_size)
        return bounds_of(split(sums, len(x), intervals, min_size, most, limit))

    def _intervals(self, n: int, shortest: int) -> NDArray[np.int64]:
        if self.intervals == "seeded":
            return seeded(n, shortest)
        if self.intervals == "wild":
            ends = np.random.default_rng(self.random_state).integers(0, n, (self.n_intervals, 2))
            return np.sort(ends, axis=1) + np.array([0, 1])
        return np.empty((0, 2), np.int64)


def seeded(n: int, shortest: int = 2) -> NDArray[np.int64]:
    """Return the seeded intervals of a series, each layer `sqrt(2)` shorter than the one before.

    Parameters
    ----------
    n : int
        Samples.
    shortest : int
        Layers of shorter intervals are left out.

    Returns
    -------
    (m, 2) int64
        Half-open bounds; fewer than `14 n / shortest` of them.

    Examples
    --------
    >>> seeded(8, shortest=4).tolist()
    [[0, 8], [0, 6], [1, 7], [2, 8], [0, 4], [2, 6], [4, 8]]
    """
    layers = [np.empty((0, 2), np.int64)]
    for depth in range(1 + max(0, int(2 * np.log2(n / shortest) + 1e-9))):
        length, pieces = n / 2 ** (depth / 2), 2 * int(np.ceil(2 ** (depth / 2) - 1e-9)) - 1
        starts = np.arange(pieces) * ((n - length) / max(pieces - 1, 1))
        stops = np.minimum(np.ceil(starts + length - 1e-9), n)
        layers.append(np.column_stack([np.floor(starts + 1e-9), stops]).astype(np.int64))
    return np.concatenate(layers)


class BottomUp(Segmenter):
    """Cut a series finely and merge neighbours with like means, cheapest merge first.

    Starts from halves of halves as short as allowed; a merge is never taken back. Exactly one of
    `n_segments` and `penalty` says when to stop. Channels weigh by their scale.

    Parameters
    ----------
    n_segments : int or None
        Number of segments; fewer where merging on costs nothing.
    penalty : float, "bic" or None
        Merge while that costs no more, in squared units of the signal; or
        `tsalign.segment.pelt.bic`.
    min_duration : float
        Shortest segment in seconds, rounded to whole samples and at least one.
    rate : float
        Samples per second; with 1.0 a second is a sample.
    variance : {"difference", "long_run"}
        How `bic` measures noise, as in `Pelt`.

    Attributes
    ----------
    n_features_in_ : int
        Channels seen in `fit`.

    References
    ----------
    Keogh, Chu, Hart, Pazzani, *An online algorithm for segmenting time series*, ICDM 2001,
    section 2.3.

    Examples
    --------
    >>> BottomUp(n_segments=3).fit_predict(np.repeat([0.0, 5.0, 1.0], 4)).tolist()
    [[0, 4], [4, 8], [8, 12]]
    """

    def __init__(
        self,
        n_segments: Annotated[int, Ge(1)] | None = None,
        penalty: Annotated[float, Ge(0)] | Literal["bic"] | None = None,
        min_duration: Annotated[float, Ge(0)] = 1.0,
        rate: Annotated[float, Gt(0)] = 1.0,
        variance: Variance = "long_run",
    ) -> None:
        self.n_segments = n_segments
        self.penalty = penalty
        self.min_duration = min_duration
        self.rate = rate
        self.variance = variance

    def _segment(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        min_size = _min_size(self.min_duration, self.rate)
        sums, most, limit = _problem(x, self.n_segments, self.penalty, self.variance)
        return bounds_of(merge(sums, halves(len(x), min_size), most, limit))


class SlidingWindow(Segmenter):
    """Cut a series where the means of two adjacent windows differ most.

    A cut is a place whose two half windows differ more than those of all places less than half a
    window away. The strongest are taken. Exactly one of `n_segments` and `penalty` says how many.

    Parameters
    ----------
    width : float
        Length of both half windows together in seconds.
    n_segments : int or None
        Number of segments; fewer where there are fewer peaks.
    penalty : float, "bic" or None
        What a cut must save given the stronger ones, in squared units of the signal; or
        `tsalign.segment.pelt.bic`.
    min_duration : float
        Shortest segment in seconds, rounded to whole samples and at least one.
    rate : float
        Samples per second; with 1.0 a second is a sample.
    variance : {"difference", "long_run"}
        How `bic` measures noise, as in `Pelt`.

    Attributes
    ----------
    n_features_in_ : int
        Channels seen in `fit`.

    References
    ----------
    Truong, Oudre, Vayatis, *Selective review of offline change point detection methods*, Signal
    Processing 167, 2020, section 5.2.1.

    Examples
    --------
    >>> steps = np.repeat([0.0, 5.0, 1.0], 8)
    >>> SlidingWindow(width=8, n_segments=3).fit_predict(steps).tolist()
    [[0, 8], [8, 16], [16, 24]]
    """

    def __init__(
        self,
        width: Annotated[float, Gt(0)],
        n_segments: Annotated[int, Ge(1)] | None = None,
        penalty: Annotated[float, Ge(0)] | Literal["bic"] | None = None,
        min_duration: Annotated[float, Ge(0)] = 1.0,
        rate: Annotated[float, Gt(0)] = 1.0,
        variance: Variance = "long_run",
    ) -> None:
        self.width = width
        self.n_segments = n_segments
        self.penalty = penalty
        self.min_duration = min_duration
        self.rate = rate
        self.variance = variance

    def _segment(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        half = count("width", self.width, self.rate, least=2) // 2
        reach = max(half, _min_size(self.min_duration, self.rate))
        sums, most, limit = _problem(x, self.n_segments, self.penalty, self.variance)
        edges = [0, len(x)]
        for place in self._peaks(sums[:, : len(x) + 1], half, reach):
            i = bisect.bisect(edges, place)
            if len(edges) > most or split_gain(sums, edges[i - 1], place, edges[i]) <= limit:
                break
            edges.insert(i, place)
        return bounds_of(edges[1:])

    @staticmethod
    def _peaks(sums: NDArray[np.float64], half: int, reach: int) -> list[int]:
        """Return the places of local maxima, strongest first."""
        n = sums.shape[1] - 1
        if n <= 2 * reach:
            return []
        bend = sums[:, 2 * half :] - 2 * sums[:, half:-half] + sums[:, : -2 * half]
        score = np.square(bend).sum(axis=0)[:-1]  # the last place has no sample behind its window
        best = np.flatnonzero((score == maximum_filter1d(score, 2 * reach + 1)) & (score > 0))
        places = best[np.diff(best, prepend=-n) > reach]  # of equals the first
        places = places[(places + half >= reach) & (places + half <= n - reach)]
        return (places[np.argsort(-score[places], kind="stable")] + half).tolist()


class DynamicProgramming(Segmenter):
    """Cut a series into a given number of segments with the least sum of squares.

    The exact optimum, found by comparing all partitions: `O(n^2 (channels + n_segments))` time and
    `O(n n_segments)` memory, so for some ten thousand samples at most; `Pelt` is exact and
    near-linear where a penalty will do. Channels weigh by their scale.

    Parameters
    ----------
    n_segments : int
        Number of segments; fewer where more save nothing or do not fit.
    min_duration : float
        Shortest segment in seconds, rounded to whole samples and at least one.
    rate : float
        Samples per second; with 1.0 a second is a sample.

    Attributes
    ----------
    n_features_in_ : int
        Channels seen in `fit`.

    References
    ----------
    Auger, Lawrence, *Algorithms for the optimal identification of segment neighborhoods*, Bulletin
    of Mathematical Biology 51, 1989.

    Examples
    --------
    >>> DynamicProgramming(n_segments=3).fit_predict(np.repeat([0.0, 5.0, 1.0], 4)).tolist()
    [[0, 4], [4, 8], [8, 12]]
    """

    def __init__(
        self,
        n_segments: Annotated[int, Ge(1)],
        min_duration: Annotated[float, Ge(0)] = 1.0,
        rate: Annotated[float, Gt(0)] = 1.0,
    ) -> None:
        self.n_segments = n_segments
        self.min_duration = min_duration
        self.rate = rate

    def _segment(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        n, min_size = len(x), _min_size(self.min_duration, self.rate)
        check_scale(x)
        if n < 2 * min_size:
            return bounds_of([n])
        sums, total = centred_sums(x)
        values, last = partitions(sums, n, min(self.n_segments, n // min_size), min_size)
        level = 1 + int((values[1:, n] <= values[1:, n].min() + NOTHING * total).argmax())
        ends = [n]
        for k in range(level, 1, -1):
            ends.append(int(last[k, ends[-1]]))
        return bounds_of(ends[::-1])


def _min_size(min_duration: float, rate: float) -> int:
    return max(1, count("min_duration", min_duration, rate, least=0))


def _problem(
    x: NDArray[np.float64],
    n_segments: int | None,
    penalty: float | str | None,
    variance: Variance,
) -> tuple[NDArray[np.float64], int, float]:
    """Return running sums, the most segments allowed, and the gain that is not yet a change."""
    if (n_segments is None) == (penalty is None):
        raise TsalignError("exactly one of n_segments and penalty should be given")
    check_scale(x)
    sums, total = centred_sums(x)
    limit = 0.0 if penalty is None else bic(x, variance) if penalty == "bic" else float(penalty)
    most = len(x) if n_segments is None else min(int(n_segments), len(x))
    return sums, most, max(limit, NOTHING * total)
