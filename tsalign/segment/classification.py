"""Change points where a classifier tells the windows before from the windows after."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, NamedTuple

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray

from tsalign.kernels.period import suss
from tsalign.kernels.profile import neighbours
from tsalign.kernels.splits import flows, splits
from tsalign.segment.base import bounds_of, count
from tsalign.segment.judged import Cut, Judged, standardised

LEAST, LIKENESS = 10, 0.89  # SuSS: shortest window, and how like the series it has to be
WIDER = 1.5  # windows of the classifier against those of SuSS
SHORTEST = 3.5  # windows that a segment holds
AGAIN = 1.5  # what a second look at a split has to show more
SURE, STEEP = 2.1, 2.1  # logistic regression of change or not on the log score, 169 splits


class Split(NamedTuple):
    """The best place to split a stretch, and how sure that is."""

    place: int
    score: float


class Classification(Judged):
    """Cut a series where what comes before can be told from what comes after: self-supervised.

    Every window looks up the windows most like it. For each split of the series they vote on which
    side the window lies; the split with the best balanced accuracy is a change if it passes the
    test, in the whole stretch or, with 1.5 times the score, in equally long stretches around it (a
    state that comes back hides the change). Both sides are split again. Windows are compared by
    shape and, weakly, by amplitude, not by level: a mere shift of the mean is seen only in the
    windows that hold it, see `Pelt`. Any number of channels; none of them has to be scaled. Time
    grows with the square of the number of samples (about one second for 25,000 samples and one
    channel), memory linearly.

    Parameters
    ----------
    window : float or "suss"
        Seconds that a window lasts, about one to two periods of what repeats in the signal. "suss"
        takes 1.5 times the shortest window whose mean, spread and range resemble those of the
        series, averaged over the channels that vary.
    evidence : {"ranks", "both"}
        What is tested: the rank sum of the votes, or its geometric mean with the score of the links
        that cross the split, see `tsalign.kernels.splits`. Links see through slow drift (seizures,
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
    the classifier, its score and the recursion. The tests and the number of neighbours are other
    ones here. Ermshaus et al., *CLaP: state detection from time series*, 2025: states.

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
        evidence: Literal["ranks", "both"] = "ranks",
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
        found: dict[int, float] = {}
        links = None
        open_stretches = [(0, len(x))]
        while open_stretches:
            start, end = open_stretches.pop()
            if end - start < max(2 * least, w * (self.n_neighbors + 2)):
                continue
            stretch = np.ascontiguousarray(z[:, start:end])
            places = neighbours(stretch, w, self.n_neighbors, self.scale)
            links = places if links is None else links
            best = _best(places, w, least, self.evidence)
            if best.score < self.threshold:
                best = self._nearby(stretch, w, least, best)
            if best.score >= self.threshold:
                found[start + best.place] = best.score
                open_stretches += [(start, start + best.place), (start + best.place, end)]
        bounds = bounds_of([*sorted(found), len(x)])
        scores = np.array([found[place] for place in sorted(found)], dtype=np.float64)
        return Cut(bounds, _states(links, bounds, w, self.threshold), confidence(scores))

    def _nearby(self, z: NDArray[np.float64], w: int, least: int, best: Split) -> Split:
        """Judge a split by equal stretches around it: a state that comes back may hide it."""
        reach = min(best.place, z.shape[1] - best.place)
        start, end = best.place - reach, best.place + reach
        if 8 * reach > 3 * z.shape[1] or 2 * reach < w * (self.n_neighbors + 2):
            return best
        near = np.ascontiguousarray(z[:, start:end])
        found = _best(neighbours(near, w, self.n_neighbors, self.scale), w, least, self.evidence)
        return Split(start + found.place, found.score / AGAIN)

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
    table = splits(places, w)
    near = slice(max(0, place - w // 2), place + w // 2 + 1)
    return float(_both(table.ranks[near], table.links[near]).max(initial=0.0))


def _both(ranks: NDArray[np.float64], links: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sqrt(np.maximum(ranks, 0.0) * np.maximum(links, 0.0))


def _best(places: NDArray[np.int64], w: int, least: int, evidence: str) -> Split:
    """Find the split with the best accuracy among those that leave `least` samples on each side."""
    table = splits(places, w)
    first, last = least, len(places) + w - 1 - least
    place = first + int(np.argmax(table.accuracy[first : last + 1]))
    ranks, links = table.ranks[place], table.links[place]
    return Split(place, float(ranks if evidence == "ranks" else _both(ranks, links)))


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
