"""Change points of windowed statistics, moved to the sample where the statistics turn."""

from __future__ import annotations

from itertools import chain, pairwise
from typing import Annotated, Any, Literal, Self

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.metaestimators import available_if

from tsalign.describe import Statistics
from tsalign.errors import TsalignError
from tsalign.kernels.period import suss
from tsalign.kernels.profile import neighbours
from tsalign.kernels.search import change_points
from tsalign.params import check_params
from tsalign.segment.base import bounds_of, count, samples
from tsalign.segment.classification import (
    LEAST,
    LIKENESS,
    confidence,
    score_near,
)
from tsalign.segment.embedding import HOPS, Embedding, noise
from tsalign.segment.judged import Cut, Judged, standardised
from tsalign.segment.sliding import Plan, Sliding
from tsalign.segment.turns import Describe, turn

SHORTEST = 4  # windows that a segment holds
NEIGHBOURS, AMPLITUDE = 7, 0.1  # of the classifier that validates


def _streams(segmenter: Features) -> bool:
    if segmenter.validate:
        raise AttributeError("validate=True judges a whole series; a stream cannot be validated")
    return True


class Features(Judged):
    """Cut a series where the statistics of its windows change.

    Windows a quarter of their length apart are described by `tsalign.describe.Statistics`; the rows
    are scaled robustly, and cut by the exact search for changes of their mean, or of their
    distribution by way of a kernel. Each boundary then moves to the sample where the windows around
    it turn from the mean of one segment to that of the other. Time and memory grow about linearly
    with the number of samples, but for `validate`.

    A stream is fed with `partial_fit`, which returns the segments that have ended, and `finish`,
    which returns the rest; see `tsalign.segment.sliding`. Its memory is bounded, and the size of
    the chunks does not matter to the answer.

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
    warmup : float
        Of a stream: seconds that are waited for to learn window and scale from, at least two
        windows. A stream not longer than that is cut as a whole series is.
    delay : float or None
        Of a stream: seconds that a change has to outlast the search over what comes after it to be
        final, at least the shortest segment; None takes twice that.

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
    >>> stream = Features(window=20, warmup=100)
    >>> [len(stream.partial_fit(chunk)) for chunk in np.split(noise, 3)], len(stream.finish())
    ([0, 0, 0], 1)
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
        warmup: Annotated[float, Ge(0)] = 1000.0,
        delay: Annotated[float, Ge(0)] | None = None,
    ) -> None:
        self.window = window
        self.kernel = kernel
        self.penalty = penalty
        self.validate = validate
        self.threshold = threshold
        self.min_duration = min_duration
        self.rate = rate
        self.random_state = random_state
        self.warmup = warmup
        self.delay = delay

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Cut a series and keep segments, states and confidences; forget any stream.

        Parameters
        ----------
        X : (n_samples, n_channels) or (n_samples,) array-like
            Finite numbers.
        y : None
            Ignored.

        Returns
        -------
        Features
            Itself.
        """
        self._forget()
        return super().fit(X, y)

    @available_if(_streams)
    def partial_fit(self, X: ArrayLike, y: Any = None) -> NDArray[np.int64]:
        """Take the next samples of a stream in.

        Parameters
        ----------
        X : (n_samples, n_channels) or (n_samples,) array-like
            Finite numbers; any number of samples but none.
        y : None
            Ignored.

        Returns
        -------
        (m, 2) int64
            The segments that have ended since the last call, in samples since the first call.
            They are final.

        Raises
        ------
        TsalignError
            For a parameter out of its bounds, or a chunk that is no series of finite numbers.
        AttributeError
            With `validate`, which judges a whole series.
        """
        check_params(self)
        x = samples(X)
        if not hasattr(self, "n_features_in_"):
            self.n_features_in_ = x.shape[1]
        if x.shape[1] != self.n_features_in_:
            raise TsalignError(f"X has {x.shape[1]} channels, but fit saw {self.n_features_in_}")
        if np.abs(x).max() > 1e60:
            raise TsalignError(f"X reaches {np.abs(x).max():g}; rescale it to below 1e60")
        return self._feed(x)

    def finish(self) -> NDArray[np.int64]:
        """End the stream; the next chunk begins another one.

        Returns
        -------
        (m, 2) int64
            The segments not returned before, up to the last sample; none if nothing came. A
            stream that ends within `warmup` is cut as a whole series is.
        """
        if hasattr(self, "stream_"):
            ended = self._told(self.stream_.finish(), [self.stream_.n_samples])
        elif hasattr(self, "waiting_"):
            ended = self._cut(np.concatenate(self.waiting_)).bounds
        else:
            ended = np.empty((0, 2), np.int64)
        self._forget()
        return ended

    def _feed(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        """Take samples in, or lay them aside while fewer than `warmup` have come."""
        if not hasattr(self, "stream_"):
            # A copy, since the caller may use the memory again.
            self.waiting_ = getattr(self, "waiting_", [])
            self.waiting_.append(x.copy())
            self.n_waiting_ = getattr(self, "n_waiting_", 0) + len(x)
            patience = self._patience()
            if self.n_waiting_ < patience:
                return np.empty((0, 2), np.int64)
            x = np.concatenate(self.waiting_)
            self.waiting_ = []
            self.stream_ = Sliding.begin(x[:patience], self._plan(standardised(x[:patience])))
            x = x[patience:]
        return self._told(self.stream_.feed(x))

    def _patience(self) -> int:
        """Return how many samples are waited for before the first is looked at."""
        patience = count("warmup", self.warmup, self.rate, least=2)
        if self.window == "suss":
            return max(patience, 4 * LEAST)
        return max(patience, 2 * count("window", self.window, self.rate, least=2))

    def _told(self, *changes: list[int]) -> NDArray[np.int64]:
        """Return the segments that end at changes."""
        edges = np.array([getattr(self, "bound_", 0), *chain(*changes)], np.int64)
        self.bound_ = int(edges[-1])
        return np.column_stack([edges[:-1], edges[1:]])

    def _forget(self) -> None:
        for name in {"stream_", "waiting_", "n_waiting_", "bound_"} & vars(self).keys():
            delattr(self, name)

    def _cut(self, x: NDArray[np.float64]) -> Cut:
        z = standardised(x)
        plan = self._plan(z)
        w, hop, size = plan.w, plan.hop, plan.size
        n_rows = (len(x) - w) // hop + 1
        if n_rows < 2 * size or not z.any():
            return Cut(bounds_of([len(x)]), np.zeros(1, np.int64), np.zeros(0))
        starts = np.arange(n_rows) * hop
        values = np.ascontiguousarray(z.T, dtype=np.float32)
        statistics = Statistics().fit([(values, 1.0, np.column_stack([starts, starts + w]))])

        def described(starts: NDArray[np.int64]) -> NDArray[np.float64]:
            bounds = np.column_stack([starts, starts + w])
            return statistics.transform(values, 1.0, bounds).astype(np.float64)

        rows = described(starts)
        embedding = Embedding.learn(rows, self.kernel, self.random_state)
        points = embedding.points(rows)
        price = self.penalty * HOPS * noise(points, np.arange(n_rows))
        ends = change_points(points, price, size)
        places = [int(j) * hop + (w - hop) // 2 for j in ends[:-1]]
        places = _refined(
            lambda starts: embedding.scaled(described(starts)),
            embedding.scaled(rows),
            places,
            ends,
            plan,
            len(x),
        )
        scores = None
        if self.validate:
            places, scores = _validated(z, places, w, self.threshold)
        return _judged(points, starts + w // 2, places, scores, price, len(x))

    def _plan(self, z: NDArray[np.float64]) -> Plan:
        """Return what is looked for in standardised channels `(d, n)`."""
        w = self._width(z)
        least = SHORTEST * w
        if self.min_duration is not None:
            least = max(w, count("min_duration", self.min_duration, self.rate, least=0))
        hop = max(1, w // HOPS)
        size = -(-least // hop) + 1
        delay = 2 * size
        if self.delay is not None:
            delay = max(size, -(-count("delay", self.delay, self.rate, least=0) // hop))
        return Plan(w, hop, least, size, delay, self.penalty, self.kernel, self.random_state)

    def _width(self, z: NDArray[np.float64]) -> int:
        if self.window != "suss":
            return count("window", self.window, self.rate, least=2)
        widths = [suss(row, LEAST, LIKENESS) for row in z if row.any()]
        return round(float(np.mean(widths or [LEAST])))


def _refined(
    describe: Describe,
    scores: NDArray[np.float64],
    places: list[int],
    ends: NDArray[np.int64],
    plan: Plan,
    n: int,
) -> list[int]:
    """Move each boundary to the sample where the windows around it turn."""
    edges, moved, w = [0, *ends.tolist()], [0], plan.w
    means = [scores[a:b].mean(axis=0) for a, b in pairwise(edges)]
    for i, (place, after) in enumerate(zip(places, [*places, n][1:], strict=True)):
        first = max(place - w, moved[-1] + plan.least, w // 2)
        last = min(place + w, after - plan.least, n - w + w // 2)
        moved.append(turn(describe, means[i + 1] - means[i], place, first, last, w))
    return moved[1:]


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
