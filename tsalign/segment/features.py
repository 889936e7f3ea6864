"""Change points of windowed statistics, moved to the sample where the statistics turn."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray

from tsalign.describe import Statistics
from tsalign.kernels.period import suss
from tsalign.kernels.profile import neighbours
from tsalign.kernels.search import change_points
from tsalign.segment.base import bounds_of, count
from tsalign.segment.classification import (
    LEAST,
    LIKENESS,
    confidence,
    score_near,
)
from tsalign.segment.judged import Cut, Judged, standardised

SHORTEST = 4  # windows that a segment holds
HOPS = 4  # windows begin this often within one
REACH = 4.0  # robust standard scores are clipped here
WAVES = 64  # random features of the kernel, each a cosine and a sine
NEIGHBOURS, AMPLITUDE = 7, 0.1  # of the classifier that validates


class Features(Judged):
    """Cut a series where the statistics of its windows change.

    Windows a quarter of their length apart are described by `tsalign.describe.Statistics`; the rows
    are scaled robustly, and cut by the exact search for changes of their mean, or of their
    distribution by way of a kernel. Each boundary then moves to the sample where the windows around
    it turn from the mean of one segment to that of the other. Time and memory grow about linearly
    with the number of samples, but for `validate`.

    Parameters
    ----------
    window : float or "suss"
        Seconds that a window lasts. "suss" takes the shortest whose mean, spread and range resemble
        those of the series, averaged over the channels that vary.
    kernel : {"rbf", "linear"}
        What a change is one of: the distribution of the rows (Gaussian kernel of median width, by
        random features), or their mean.
    penalty : float
        What a change must explain, in units of what a random split of unchanging rows explains: a
        row shares samples with the next three, so that is four times their noise.
    validate : bool
        Whether a classifier has to tell both sides of each change, as in `Classification`; changes
        that fail are dropped, the weakest first. Its time grows with the square of the length of
        the segments.
    threshold : float
        Standard score that a validated change has to reach.
    min_duration : float or None
        Shortest segment in seconds; None takes four windows. A segment is never shorter than one
        window.
    rate : float
        Samples per second; with 1.0 a second is a sample.
    random_state : int
        Seed of the random features.

    Attributes
    ----------
    n_features_in_ : int
        Channels seen in `fit`.
    bounds_ : (k, 2) int64
        Segments of the series seen in `fit`.
    states_ : (k,) int64
        Equal numbers for segments that a change between them would not be worth the penalty, in
        order of appearance; neighbours in time always differ.
    confidence_ : (k - 1,) float64
        Confidence of each change: that of `Classification` where validated, else the share of what
        it explains in that and the penalty.

    References
    ----------
    Rahimi, Recht, *Random features for large-scale kernel machines*, NeurIPS 2007.
    Arlot, Celisse, Harchaoui, *A kernel multiple change-point algorithm via model selection*,
    JMLR 20, 2019.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=600)
    >>> bounds = Features(window=20).fit_predict(noise * np.repeat([1.0, 5.0], 300))
    >>> len(bounds), bool(abs(bounds[0, 1] - 300) < 20)
    (2, True)
    """

    def __init__(
        self,
        window: Annotated[float, Gt(0)] | Literal["suss"] = "suss",
        kernel: Literal["rbf", "linear"] = "rbf",
        penalty: Annotated[float, Ge(0)] = 3.0,
        validate: bool = False,
        threshold: Annotated[float, Ge(0)] = 2.0,
        min_duration: Annotated[float, Ge(0)] | None = None,
        rate: Annotated[float, Gt(0)] = 1.0,
        random_state: Annotated[int, Ge(0)] = 0,
    ) -> None:
        self.window = window
        self.kernel = kernel
        self.penalty = penalty
        self.validate = validate
        self.threshold = threshold
        self.min_duration = min_duration
        self.rate = rate
        self.random_state = random_state

    def _cut(self, x: NDArray[np.float64]) -> Cut:
        z = standardised(x)
        w = self._width(z)
        least = SHORTEST * w
        if self.min_duration is not None:
            least = max(w, count("min_duration", self.min_duration, self.rate, least=0))
        hop = max(1, w // HOPS)
        size = -(-least // hop) + 1
        n_rows = (len(x) - w) // hop + 1
        if n_rows < 2 * size or not z.any():
            return Cut(bounds_of([len(x)]), np.zeros(1, np.int64), np.zeros(0))
        starts = np.arange(n_rows) * hop
        rows = _Rows(z, w, starts)
        points = self._embed(rows.known)
        # Rows that share no samples and lie close: their differences hold few changes.
        noise = np.square(points[HOPS:] - points[:-HOPS]).sum(axis=1).mean() / 2
        price = self.penalty * HOPS * float(noise)
        ends = change_points(points, price, size)
        places = [int(j) * hop + (w - hop) // 2 for j in ends[:-1]]
        places = _refined(rows, places, ends, w, least, len(x))
        scores = None
        if self.validate:
            places, scores = _validated(z, places, w, self.threshold)
        return _judged(points, starts + w // 2, places, scores, price, len(x))

    def _width(self, z: NDArray[np.float64]) -> int:
        if self.window != "suss":
            return count("window", self.window, self.rate, least=2)
        widths = [suss(row, LEAST, LIKENESS) for row in z if row.any()]
        return round(float(np.mean(widths or [LEAST])))

    def _embed(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points (m, q) whose inner products are the kernel."""
        if self.kernel == "linear":
            return rows
        rng = np.random.default_rng(self.random_state)
        pairs = rng.integers(0, len(rows), (2, 1000))
        squares = np.square(rows[pairs[0]] - rows[pairs[1]]).sum(axis=1)
        width = np.median(squares[squares > 0]) if (squares > 0).any() else 1.0
        phase = rows @ rng.normal(size=(rows.shape[1], WAVES)) / np.sqrt(width / 2)
        return np.hstack([np.cos(phase), np.sin(phase)]) / np.sqrt(WAVES)


class _Rows:
    """Statistics of windows anywhere in a series, on the robust scale of those at `starts`."""

    def __init__(self, z: NDArray[np.float64], w: int, starts: NDArray[np.int64]) -> None:
        self.values = np.ascontiguousarray(z.T, dtype=np.float32)
        self.w = w
        self.statistics = Statistics().fit([(self.values, 1.0, self._bounds(starts))])
        rows = self._raw(starts)
        self.centre = np.median(rows, axis=0)
        low, high = np.quantile(rows, [0.25, 0.75], axis=0)
        spread = np.where(high > low, (high - low) / 1.349, rows.std(axis=0))
        self.spread = np.where(spread > 0, spread, 1.0)
        self.known = self._scaled(rows)

    def _bounds(self, starts: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.column_stack([starts, starts + self.w])

    def _raw(self, starts: NDArray[np.int64]) -> NDArray[np.float64]:
        return self.statistics.transform(self.values, 1.0, self._bounds(starts)).astype(np.float64)

    def _scaled(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.clip((rows - self.centre) / self.spread, -REACH, REACH)

    def at(self, starts: NDArray[np.int64]) -> NDArray[np.float64]:
        return self._scaled(self._raw(starts))


def _refined(
    rows: _Rows, places: list[int], ends: NDArray[np.int64], w: int, least: int, n: int
) -> list[int]:
    """Move each boundary to the sample that best splits the windows centred around it."""
    edges, moved = [0, *ends.tolist()], [0]
    means = [rows.known[a:b].mean(axis=0) for a, b in pairwise(edges)]
    for i, (place, after) in enumerate(zip(places, [*places, n][1:], strict=True)):
        first = max(place - w, moved[-1] + least, w // 2)
        last = min(place + w, after - least, n - w + w // 2)
        if last - first < 2:
            moved.append(place)
            continue
        near = rows.at(np.arange(first, last + 1) - w // 2) @ (means[i + 1] - means[i])
        moved.append(first + _best_step(near))
    return moved[1:]


def _best_step(values: NDArray[np.float64]) -> int:
    """Return where two constants fit best: the first index of the second, at least 1."""
    sums = np.cumsum(values - values.mean())[:-1]
    left = np.arange(1, len(values))
    return 1 + int(np.argmax(sums**2 / (left * (len(values) - left))))


def _validated(
    z: NDArray[np.float64], places: list[int], w: int, threshold: float
) -> tuple[list[int], NDArray[np.float64]]:
    """Drop the changes whose sides no classifier can tell, the weakest first."""
    n, known = z.shape[1], {}
    while True:
        edges = [0, *places, n]
        for around in zip(edges, edges[1:], edges[2:], strict=False):
            if around not in known:
                known[around] = _score(z, *around, w)
        scores = np.array([known[a] for a in zip(edges, edges[1:], edges[2:], strict=False)])
        if len(scores) == 0 or scores.min() >= threshold:
            return places, scores
        del places[int(scores.argmin())]


def _score(z: NDArray[np.float64], start: int, place: int, end: int, w: int) -> float:
    stretch = np.ascontiguousarray(z[:, start:end])
    return score_near(neighbours(stretch, w, NEIGHBOURS, AMPLITUDE), w, place - start)


def _judged(
    points: NDArray[np.float64],
    centres: NDArray[np.int64],
    places: list[int],
    scores: NDArray[np.float64] | None,
    price: float,
    n: int,
) -> Cut:
    """Put together bounds, states and confidences."""
    owner = np.searchsorted(places, centres, side="right")
    sizes = np.bincount(owner, minlength=len(places) + 1).astype(np.float64)
    means = np.array([points[owner == i].mean(axis=0) for i in range(len(sizes))])
    if scores is None:
        gains = np.array([_gain(sizes, means, i, i + 1) for i in range(len(places))])
        sure = gains / np.maximum(gains + price, np.finfo(np.float64).tiny)
    else:
        sure = confidence(scores)
    return Cut(bounds_of([*places, n]), _merged(sizes, means, price), sure)


def _gain(sizes: NDArray[np.float64], means: NDArray[np.float64], a: int, b: int) -> float:
    """Return what telling two groups apart saves in squared distance."""
    apart = float(np.square(means[a] - means[b]).sum())
    return sizes[a] * sizes[b] / (sizes[a] + sizes[b]) * apart


def _merged(
    sizes: NDArray[np.float64], means: NDArray[np.float64], price: float
) -> NDArray[np.int64]:
    """Give equal numbers to segments, never neighbours in time, that cost less as one state."""
    names, sizes, means = np.arange(len(sizes)), sizes.copy(), means.copy()
    while True:
        touching = {frozenset(pair) for pair in pairwise(names.tolist())}
        alive = np.unique(names).tolist()
        pairs = [(a, b) for a in alive for b in alive if a < b and {a, b} not in touching]
        gains = [_gain(sizes, means, a, b) for a, b in pairs]
        if not gains or min(gains) >= price:
            return np.unique(names, return_inverse=True)[1].astype(np.int64)
        a, b = pairs[int(np.argmin(gains))]
        means[a] = (sizes[a] * means[a] + sizes[b] * means[b]) / (sizes[a] + sizes[b])
        sizes[a] += sizes[b]
        names[names == b] = a
