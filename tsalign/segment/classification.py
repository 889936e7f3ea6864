"""Change points where a classifier tells the windows before from the windows after."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray

from tsalign.kernels.period import suss
from tsalign.kernels.profile import neighbours
from tsalign.kernels.splits import Splits, flows, splits
from tsalign.segment.base import bounds_of, count
from tsalign.segment.judged import Cut, Judged, standardised

LEAST, LIKENESS = 10, 0.89  # SuSS: shortest window, and how like the series it has to be
WIDER = 1.25  # windows of the classifier against those of SuSS
TWICE, FINE = 2.0, 0.4  # second window, for coarser patterns; third, for the exact place
SHORTEST = 3.5  # windows that a segment holds
AGAIN = 1.5  # what a second look at a split has to show more
AROUND = 32  # windows on either side of a split that place it
TABLES = 64  # looked at lately and kept: a confirmed split was often proposed from the same stretch
SURE, STEEP = 2.1, 2.1  # logistic regression of change or not on the log score, 169 splits


Score = Callable[[Splits], NDArray[np.float64]]


class Split(NamedTuple):
    """The best place to split a stretch, and how sure that is."""

    place: int
    score: float


class Classification(Judged):
    """Cut a series where what comes before can be told from what comes after: self-supervised.

    Every window looks up the windows most like it. For each split of the series they vote on which
    side the window lies; the split with the best balanced accuracy is proposed if it passes the
    test, in the whole stretch or, with 1.5 times the score, in equally long stretches around it (a
    state that comes back hides the change), or else with windows twice as long. Both sides are
    split again. Then every split is judged once more between its neighbours, the weakest dropped
    until all hold, and each is moved, by at most one window, to where windows of 0.4 times the
    length tell its sides apart best.

    Windows are compared by shape and, weakly, by amplitude, not by level: a mere shift of the mean
    is seen only in the windows that hold it, see `Pelt`. Any number of channels; none of them has
    to be scaled. Time grows with the square of the number of samples (one to two seconds for 25,000
    samples and one channel), memory linearly.

    Parameters
    ----------
    window : float or "suss"
        Seconds that a window lasts, about one to two periods of what repeats in the signal. "suss"
        takes 1.25 times the shortest window whose mean, spread and range resemble those of the
        series, averaged over the channels that vary.
    evidence : {"confirmed", "ranks", "both"}
        What is tested: the rank sum of the votes ("ranks"); its geometric mean with the score of
        the links that cross the split ("both", see `tsalign.kernels.splits`); or the first to
        propose and the second to confirm ("confirmed"). Links see through slow drift (seizures,
        blood pressure over hours), but need about twice as long a segment to be as sure.
    threshold : float
        Standard score a change has to reach, counting one window in `window` as an observation.
    n_neighbors : int
        How many windows vote.
    scale : float
        Weight of amplitude: what a difference of one in the log standard deviation takes from the
        correlation.
    min_duration : float or None
        Shortest segment in seconds; None takes 3.5 windows. A segment is never shorter than one
        window.
    rate : float
        Samples per second; with 1.0 a second is a sample.

    Attributes
    ----------
    n_features_in_ : int
        Channels seen in `fit`.
    bounds_ : (k, 2) int64
        Segments of the series seen in `fit`.
    states_ : (k,) int64
        Equal numbers for segments that the classifier confuses, in order of appearance; neighbours
        in time always differ.
    confidence_ : (k - 1,) float64
        Chance that a change lies there, as learnt from annotated series with the evidence "both"; a
        guide, since those were few.

    References
    ----------
    Ermshaus, Schäfer, Leser, *ClaSP: parameter-free time series segmentation*, DMKD 37, 2023:
    the classifier, its score and the recursion. The tests, the second and third window and the
    number of neighbours are other ones here. Ermshaus et al., *CLaP: state detection from time
    series*, 2025: states.

    Examples
    --------
    >>> time = np.arange(600)
    >>> wave = np.where(time < 300, np.sin(time / 3), np.abs(np.sin(time / 5)))
    >>> segmenter = Classification()
    >>> bounds = segmenter.fit_predict(wave)
    >>> len(bounds), bool(abs(bounds[0, 1] - 300) < 10), segmenter.states_.tolist()
    (2, True, [0, 1])
    """

    def __init__(
        self,
        window: Annotated[float, Gt(0)] | Literal["suss"] = "suss",
        evidence: Literal["confirmed", "ranks", "both"] = "confirmed",
        threshold: Annotated[float, Ge(0)] = 2.0,
        n_neighbors: Annotated[int, Ge(1)] = 5,
        scale: Annotated[float, Ge(0)] = 0.1,
        min_duration: Annotated[float, Ge(0)] | None = None,
        rate: Annotated[float, Gt(0)] = 1.0,
    ) -> None:
        self.window = window
        self.evidence = evidence
        self.threshold = threshold
        self.n_neighbors = n_neighbors
        self.scale = scale
        self.min_duration = min_duration
        self.rate = rate

    def _cut(self, x: NDArray[np.float64]) -> Cut:
        z = standardised(x)
        w = self._width(z)
        least = round(SHORTEST * w)
        if self.min_duration is not None:
            least = max(w, count("min_duration", self.min_duration, self.rate, least=0))
        look = _Look(z, self.n_neighbors, self.scale)
        places = self._proposed(look, w, least)
        places, scores = self._confirmed(look, w, places)
        bounds = bounds_of([*_refined(look, w, least, places), len(x)])
        states = _states(look.links, bounds, w, self.threshold)
        return Cut(bounds, states, confidence(scores))

    def _proposed(self, look: _Look, w: int, least: int) -> list[int]:
        """Split again and again, as long as a window tells both sides apart."""
        score = _ranks if self.evidence != "both" else _both
        found: list[int] = []
        open_stretches = [(0, look.z.shape[1])]
        while open_stretches:
            start, end = open_stretches.pop()
            if end - start < max(2 * least, w * (self.n_neighbors + 2)):
                continue
            best = _best(look, start, end, w, least, score)
            if best.score < self.threshold:
                best = self._nearby(look, start, end, w, least, best)
            if best.score < self.threshold:
                best = _best(look, start, end, round(TWICE * w), least, score)
            if best.score >= self.threshold:
                found.append(best.place)
                open_stretches += [(start, best.place), (best.place, end)]
        return sorted(found)

    def _nearby(self, look: _Look, start: int, end: int, w: int, least: int, best: Split) -> Split:
        """Judge a split by equal stretches around it: a state that comes back may hide it."""
        score = _ranks if self.evidence != "both" else _both
        reach = min(best.place - start, end - best.place)
        if 8 * reach > 3 * (end - start) or 2 * reach < w * (self.n_neighbors + 2):
            return best
        found = _best(look, best.place - reach, best.place + reach, w, least, score)
        return Split(found.place, found.score / AGAIN)

    def _confirmed(
        self, look: _Look, w: int, places: list[int]
    ) -> tuple[list[int], NDArray[np.float64]]:
        """Drop the weakest split until all hold between their neighbours; return their scores."""
        score = _ranks if self.evidence == "ranks" else _both
        while True:
            edges = [0, *places, look.z.shape[1]]
            scores = [
                _between(look, w, edges[i], place, edges[i + 2], score, self.threshold)
                for i, place in enumerate(places)
            ]
            if not scores or min(scores) >= self.threshold:
                return places, np.array(scores, dtype=np.float64)
            places = [p for i, p in enumerate(places) if i != int(np.argmin(scores))]

    def _width(self, z: NDArray[np.float64]) -> int:
        if self.window != "suss":
            return count("window", self.window, self.rate, least=2)
        widths = [suss(row, LEAST, LIKENESS) for row in z if row.any()]
        return round(WIDER * float(np.mean(widths or [LEAST])))


def confidence(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how often splits with such scores were changes in annotated series.

    Parameters
    ----------
    scores : (k,) float64
        Scores as compared with `threshold`.

    Returns
    -------
    (k,) float64
        Between 0 and 1, rising.

    Examples
    --------
    >>> confidence(np.array([0.0, 2.1, 6.3])).round(2).tolist()
    [0.0, 0.5, 0.91]
    """
    ratio = (np.maximum(scores, 0.0) / SURE) ** STEEP
    return ratio / (1.0 + ratio)


def score_near(places: NDArray[np.int64], w: int, place: int) -> float:
    """Return the best score of the splits at most half a window from a place.

    Parameters
    ----------
    places : (m, k) int64
        Neighbours of each window.
    w : int
        Samples of a window.
    place : int
        A split, in samples.

    Returns
    -------
    float
        As compared with `threshold`.
    """
    return _near(_both(splits(places, w)), w, place)


def _ranks(table: Splits) -> NDArray[np.float64]:
    return table.ranks


def _both(table: Splits) -> NDArray[np.float64]:
    return np.sqrt(np.maximum(table.ranks, 0.0) * np.maximum(table.links, 0.0))


class _Look:
    """Splits of any stretch of a series, by windows of any length; the latest are kept."""

    def __init__(self, z: NDArray[np.float64], n_neighbors: int, scale: float) -> None:
        self.z, self.n_neighbors, self.scale = z, n_neighbors, scale
        self.links: NDArray[np.int64] | None = None  # of the first look, at the whole series
        self.kept: dict[tuple[int, int, int], Splits] = {}

    def table(self, start: int, end: int, w: int) -> Splits:
        """Judge every split of a stretch."""
        key = (start, end, w)
        if key not in self.kept:
            stretch = np.ascontiguousarray(self.z[:, start:end])
            places = neighbours(stretch, w, self.n_neighbors, self.scale)
            self.links = places if self.links is None else self.links
            if len(self.kept) == TABLES:
                del self.kept[next(iter(self.kept))]
            self.kept[key] = splits(places, w)
        return self.kept[key]


def _best(look: _Look, start: int, end: int, w: int, least: int, score: Score) -> Split:
    """Find the split with the best accuracy among those that leave `least` samples on each side."""
    table = look.table(start, end, w)
    first = min(least, len(table.accuracy) - 1)
    place = first + int(np.argmax(table.accuracy[first : end - start - least + 1]))
    return Split(start + place, float(score(table)[place]))


def _between(
    look: _Look, w: int, start: int, place: int, end: int, score: Score, enough: float
) -> float:
    """Return the score of a split in a stretch; longer windows are asked if it is not enough."""
    best = 0.0
    for width in (w, round(TWICE * w)):
        if best < enough and end - start > 2 * width:
            best = max(best, _near(score(look.table(start, end, width)), width, place - start))
    return best


def _near(scores: NDArray[np.float64], w: int, place: int) -> float:
    near = slice(max(0, place - w // 2), place + w // 2 + 1)
    return float(scores[near].max(initial=0.0))


def _refined(look: _Look, w: int, least: int, places: list[int]) -> list[int]:
    """Move each split to the best place for short windows, leaving `least` samples between two."""
    fine = max(2, round(FINE * w))
    edges = [0, *places, look.z.shape[1]]
    moved = [0]
    for before, place, after in zip(edges, places, edges[2:], strict=False):
        start, end = max(before, place - AROUND * w), min(after, place + AROUND * w)
        first = max(place - w, moved[-1] + least)
        last = min(place + w, after - least)
        scores = _both(look.table(start, end, fine))[first - start : last - start + 1]
        moved.append(first + int(np.argmax(scores)) if scores.max(initial=0.0) > 0 else place)
    return moved[1:]


def _states(
    places: NDArray[np.int64] | None, bounds: NDArray[np.int64], w: int, threshold: float
) -> NDArray[np.int64]:
    """Give equal numbers to segments whose windows find each other as often as themselves."""
    names = np.arange(len(bounds))
    if places is None or len(bounds) < 3:
        return names
    owner = np.full(len(places), -1)
    for name, (start, end) in enumerate(bounds):
        owner[start : end - w + 1] = name  # windows that straddle a change belong to nobody
    table = flows(places, owner, len(bounds)).astype(np.float64)
    sizes = np.bincount(owner[owner >= 0], minlength=len(bounds)).astype(np.float64)
    apart = {frozenset(pair) for pair in pairwise(names.tolist())}
    while (pair := _most_alike(table, sizes, apart, w * places.shape[1], threshold)) is not None:
        kept, gone = pair
        names[names == gone] = kept
        table[kept] += table[gone]
        table[:, kept] += table[:, gone]
        sizes[kept] += sizes[gone]
        sizes[gone] = 0
        apart |= {frozenset({kept, *(p - {gone})}) for p in apart if gone in p}
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _most_alike(
    table: NDArray[np.float64],
    sizes: NDArray[np.float64],
    apart: set[frozenset[int]],
    overlap: int,
    threshold: float,
) -> tuple[int, int] | None:
    """Find the two states with the lowest score below `threshold`, of those not known apart."""
    best, lowest = None, threshold
    alive = np.flatnonzero(sizes).tolist()
    for i, a in enumerate(alive):
        for b in alive[i + 1 :]:
            if {a, b} in apart:
                continue
            out = np.array([table[a, a] + table[a, b], table[b, a] + table[b, b]])
            chance = sizes[[b, a]] / (sizes[a] + sizes[b])
            spread = np.sqrt((out * chance * (1 - chance)).sum() * overlap)
            missing = (out * chance).sum() - table[a, b] - table[b, a]
            if out.all() and missing / spread < lowest:
                best, lowest = (a, b), missing / spread
    return best
