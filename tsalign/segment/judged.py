"""Segmenters that say more than where: states of segments, confidence of changes."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsalign.segment.base import Segmenter, samples


class Cut(NamedTuple):
    """Segments `(k, 2)`, the state of each `(k,)`, the confidence of each change `(k - 1,)`."""

    bounds: NDArray[np.int64]
    states: NDArray[np.int64]
    confidence: NDArray[np.float64]


class Judgement(NamedTuple):
    """Segments `(k, 2)` and the confidence of each change `(k - 1,)`."""

    bounds: NDArray[np.int64]
    confidence: NDArray[np.float64]


class Confident(Segmenter):
    """Base of segmenters that say how sure they are; a subclass gives `_judge` and `_segment`.

    `fit` cuts the series and keeps what it found; `predict` cuts any series afresh.

    Attributes
    ----------
    n_features_in_ : int
        Channels seen in `fit`.
    bounds_ : (k, 2) int64
        Segments of the series seen in `fit`.
    confidence_ : (k - 1,) float64
        Confidence of each change, between 0 and 1.
    """

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Cut a series and keep segments and confidences.

        Parameters
        ----------
        X : (n_samples, n_channels) or (n_samples,) array-like
            Finite numbers.
        y : None
            Ignored.

        Returns
        -------
        Confident
            Itself.

        Raises
        ------
        TsalignError
            For a parameter out of its bounds, or an `X` that is no finite series.
        """
        super().fit(X)
        judged = self._judge(samples(X, missing=self.takes_missing))
        self.bounds_, self.confidence_ = judged.bounds, judged.confidence
        return self

    def fit_predict(self, X: ArrayLike, y: Any = None) -> NDArray[np.int64]:
        """Fit to a series and return its segments.

        Parameters
        ----------
        X : (n_samples, n_channels) or (n_samples,) array-like
            Finite numbers.
        y : None
            Ignored.

        Returns
        -------
        (k, 2) int64
            Half-open bounds in samples, sorted.
        """
        return self.fit(X).bounds_

    @abstractmethod
    def _judge(self, x: NDArray[np.float64]) -> Judgement:
        """Cut a checked series `(n, d)` and judge its changes."""


class Judged(Confident):
    """Base of segmenters that tell states too; a subclass gives `_cut` and its constructor.

    Attributes
    ----------
    n_features_in_ : int
        Channels seen in `fit`.
    bounds_ : (k, 2) int64
        Segments of the series seen in `fit`.
    states_ : (k,) int64
        Equal numbers for segments that look alike, in order of appearance.
    confidence_ : (k - 1,) float64
        Confidence of each change, between 0 and 1.
    """

    def _judge(self, x: NDArray[np.float64]) -> Judgement:
        bounds, self.states_, confidence = self._cut(x)
        return Judgement(bounds, confidence)

    def _segment(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        return self._cut(x).bounds

    @abstractmethod
    def _cut(self, x: NDArray[np.float64]) -> Cut:
        """Cut a checked series `(n, d)`."""


def standardised(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return channels `(d, n)` with mean 0 and standard deviation 1; constant ones are 0.

    Parameters
    ----------
    x : (n, d) float64
        Finite values.

    Returns
    -------
    (d, n) float64
        Contiguous by channel.

    Examples
    --------
    >>> standardised(np.array([[1e8, 7.0], [1e8 + 2, 7.0]])).tolist()
    [[-1.0, 1.0], [0.0, 0.0]]
    """
    low, high = x.min(axis=0), x.max(axis=0)
    reach = high / 2 - low / 2  # halved, so that nothing overflows
    varies = reach > 0
    # The range first: squares of very large or small values leave the range of float64.
    z = np.divide(x / 2 - low / 2, reach, out=np.zeros_like(x), where=varies)
    z -= z.mean(axis=0)
    z = np.divide(z, z.std(axis=0), out=np.zeros_like(x), where=varies)
    return np.ascontiguousarray(z.T)
