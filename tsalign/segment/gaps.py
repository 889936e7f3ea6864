"""Any segmenter on a series with missing samples."""

from __future__ import annotations

from typing import Annotated, Any, Self

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from tsalign.params import check_params
from tsalign.segment.base import Segmenter, _numbers, count, samples
from tsalign.segment.missing import spread


class AroundGaps(Segmenter):
    """Cut a series that has missing samples, and where it misses too many.

    A sample is missing when any of its channels is NaN; or all of them, if the segmenter takes NaN
    in single channels, as `Pelt` does with `l2` and `normal`. Where no more than `max_gap` is
    missing, the segmenter sees the samples before and after as neighbours: for costs that do not
    look at the order inside a segment (`Pelt` with l2, binary segmentation, ...) that is exactly
    the cost of the samples that are there. A longer gap ends a segment and belongs to none.
    Durations of the segmenter count the samples that are there.

    Parameters
    ----------
    segmenter : Segmenter
        What cuts each stretch between long gaps; it is left as it is.
    max_gap : float
        Longest gap in seconds that a segment may contain, rounded to whole samples.
    rate : float
        Samples per second; with 1.0 a second is a sample.

    Attributes
    ----------
    n_features_in_ : int
        Channels seen in `fit`.

    Examples
    --------
    >>> from tsalign.segment import Pelt
    >>> nan = float("nan")
    >>> x = [0.0, nan, 0.0, 9.0, 9.0, nan, nan, nan, 9.0, 9.0]
    >>> AroundGaps(Pelt(penalty=1.0), max_gap=2).fit_predict(x).tolist()
    [[0, 3], [3, 5], [8, 10]]
    >>> y = [[0.0, 1.0], [0.0, nan], [9.0, nan], [9.0, 1.0]]
    >>> AroundGaps(Pelt(penalty=1.0), max_gap=0).fit_predict(y).tolist()
    [[0, 2], [2, 4]]
    """

    def __init__(
        self,
        segmenter: Segmenter,
        max_gap: Annotated[float, Ge(0)],
        rate: Annotated[float, Gt(0)] = 1.0,
    ) -> None:
        self.segmenter = segmenter
        self.max_gap = max_gap
        self.rate = rate

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Check the parameters and remember the number of channels.

        Parameters
        ----------
        X : (n_samples, n_channels) or (n_samples,) array-like
            Numbers; NaN marks what is missing.
        y : None
            Ignored.

        Returns
        -------
        AroundGaps
            Itself.
        """
        check_params(self)
        x, _ = self._filled(X)
        return super().fit(np.where(np.isnan(x), 0.0, x))

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Cut a series into segments.

        Parameters
        ----------
        X : (n_samples, n_channels) or (n_samples,) array-like
            Numbers; NaN marks what is missing.

        Returns
        -------
        (k, 2) int64
            Half-open bounds in samples, sorted; long gaps lie between them.
        """
        x, missing = self._filled(X)
        super().predict(np.where(np.isnan(x), 0.0, x))  # checks
        longest = count("max_gap", self.max_gap, self.rate, least=0)
        stretches = [self._cut(x, missing, a, b) for a, b in _stretches(missing, longest)]
        return np.concatenate([np.empty((0, 2), np.int64), *stretches])

    @property
    def takes_missing(self) -> bool:
        """Whether NaN may stand for a missing sample, as it always may here."""
        return True

    def _filled(self, X: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return a checked series, and which of its samples are missing."""
        x = _numbers(X)
        gaps = np.isnan(x) if x.dtype.kind == "f" else np.zeros(x.shape, bool)
        filled = samples(np.where(gaps, 0, x))
        gaps = gaps.reshape(filled.shape)
        whole = np.all if getattr(self.segmenter, "takes_missing", False) else np.any
        return np.where(gaps, np.nan, filled), np.asarray(whole(gaps, axis=1))

    def _segment(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        return np.array([[0, len(x)]])

    def _cut(
        self, x: NDArray[np.float64], missing: NDArray[np.bool_], start: int, end: int
    ) -> NDArray[np.int64]:
        """Cut a stretch without long gaps."""
        there = start + np.flatnonzero(~missing[start:end])
        return spread(clone(self.segmenter).fit_predict(x[there]), there, start, end)


def _stretches(missing: NDArray[np.bool_], longest: int) -> list[tuple[int, int]]:
    """Return the bounds of what lies between long gaps and has a sample that is there."""
    edges = np.flatnonzero(np.diff(missing.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    long = edges[edges[:, 1] - edges[:, 0] > longest]
    starts, ends = [0, *long[:, 1].tolist()], [*long[:, 0].tolist(), len(missing)]
    return [(a, b) for a, b in zip(starts, ends, strict=True) if not missing[a:b].all()]
