"""What all segmenters share: the checks of their input and the shape of their answer."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from tsalign.errors import TsalignError
from tsalign.params import check_params


class Segmenter(BaseEstimator):
    """Base of all segmenters; a subclass gives `_segment` and its constructor.

    Examples
    --------
    >>> class Halves(Segmenter):
    ...     def _segment(self, x):
    ...         return bounds_of([len(x) // 2, len(x)])
    >>> Halves().fit_predict([1.0, 2.0, 3.0, 4.0]).tolist()
    [[0, 2], [2, 4]]
    """

    version: ClassVar[int] = 1

    @property
    def takes_missing(self) -> bool:
        """Whether NaN may stand for a missing sample in single channels."""
        return False

    def __sklearn_tags__(self) -> Tags:
        """Return what scikit-learn asks of an estimator."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.takes_missing
        return tags

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Check the parameters and remember the number of channels.

        Parameters
        ----------
        X : (n_samples, n_channels) or (n_samples,) array-like
            Finite numbers; with `takes_missing`, NaN for what is missing.
        y : None
            Ignored.

        Returns
        -------
        Segmenter
            Itself.

        Raises
        ------
        TsalignError
            For a parameter out of its bounds, or an `X` that is no finite series.
        """
        check_params(self)
        self.n_features_in_ = samples(X, missing=self.takes_missing).shape[1]
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Cut a series into segments.

        Parameters
        ----------
        X : (n_samples, n_channels) or (n_samples,) array-like
            As in `fit`, with as many channels.

        Returns
        -------
        (k, 2) int64
            Half-open bounds in samples, sorted.

        Raises
        ------
        TsalignError
            For a parameter out of its bounds, or an `X` that cannot be segmented.
        """
        check_is_fitted(self)
        check_params(self)
        x = samples(X, missing=self.takes_missing)
        if x.shape[1] != self.n_features_in_:
            raise TsalignError(f"X has {x.shape[1]} channels, but fit saw {self.n_features_in_}")
        return self._segment(x)

    def fit_predict(self, X: ArrayLike, y: Any = None) -> NDArray[np.int64]:
        """Fit to a series and cut it.

        Parameters
        ----------
        X : (n_samples, n_channels) or (n_samples,) array-like
            Finite numbers; with `takes_missing`, NaN for what is missing.
        y : None
            Ignored.

        Returns
        -------
        (k, 2) int64
            Half-open bounds in samples, sorted.
        """
        return self.fit(X).predict(X)

    @abstractmethod
    def _segment(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        """Cut a checked series `(n, d)`."""


def samples(X: ArrayLike, *, missing: bool = False) -> NDArray[np.float64]:
    """Return a series as a checked float64 array.

    Parameters
    ----------
    X : (n_samples, n_channels) or (n_samples,) array-like
        Numbers of any real type; a data frame, a tensor or nested lists will do.
    missing : bool
        Whether NaN may stand for a missing sample, as long as there is any other.

    Returns
    -------
    (n_samples, n_channels) float64
        At least one sample and one channel, all finite or missing; never a view that is written to.

    Raises
    ------
    TsalignError
        Saying what is wrong: shape, type, or the place of the first value that is not finite.

    Examples
    --------
    >>> samples([1, 2, 3]).shape
    (3, 1)
    >>> samples([1.0, float("nan")])
    Traceback (most recent call last):
    tsalign.errors.TsalignError: X has NaN at sample 1, channel 0; fill it or cut the series there
    """
    x = _numbers(X)
    if x.ndim not in (1, 2):
        raise TsalignError(f"X should have shape (n_samples, n_channels), not {x.shape}")
    if x.size == 0:
        raise TsalignError(f"X is empty: shape {x.shape}")
    x = np.ascontiguousarray(x.reshape(len(x), -1), dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        suspect = not np.isfinite(x.sum())  # one pass; only what it stumbles over is looked for
    if suspect:
        _refuse_infinite(x, missing)
    return x


def _refuse_infinite(x: NDArray[np.float64], missing: bool) -> None:
    """Refuse what is not finite, and not missing if that may be."""
    wrong = np.argwhere(np.isinf(x) if missing else ~np.isfinite(x))
    if len(wrong):
        row, channel = wrong[0].tolist()
        what = "NaN" if np.isnan(x[row, channel]) else f"{x[row, channel]}"
        raise TsalignError(
            f"X has {what} at sample {row}, channel {channel}; fill it or cut the series there"
        )
    if missing and np.isnan(x).all():
        raise TsalignError("X has NaN at sample 0, channel 0, and everywhere else")


def _numbers(X: ArrayLike) -> NDArray[Any]:
    """Return X as an array of real numbers; what is masked becomes NaN."""
    try:
        x = np.asarray(X)
        if np.ma.isMaskedArray(X):
            x = np.ma.filled(np.ma.asarray(X).astype(np.float64), np.nan)
        if x.dtype.kind == "O":
            x = x.astype(np.float64)
    except (ValueError, TypeError, RuntimeError) as error:
        raise TsalignError(f"X cannot be read as an array of numbers: {error}") from error
    if x.dtype.kind not in "biuf" or _holds_times(X):
        what = "times" if _holds_times(X) else x.dtype
        raise TsalignError(f"X should hold real numbers, not {what}")
    return x


def _holds_times(X: Any) -> bool:
    """Whether a data frame has a column of times, which some turn into numbers unasked."""
    if not hasattr(X, "columns"):
        return False
    kinds = (str(kind).lower() for kind in getattr(X, "dtypes", ()))
    return any(kind.startswith(("date", "time", "duration")) for kind in kinds)


def bounds_of(ends: ArrayLike) -> NDArray[np.int64]:
    """Return the bounds of the segments that tile a series.

    Parameters
    ----------
    ends : (k,) array-like of int
        Where the segments end, ascending; the last one is the length of the series.

    Returns
    -------
    (k, 2) int64
        Half-open bounds.

    Examples
    --------
    >>> bounds_of([3, 5]).tolist()
    [[0, 3], [3, 5]]
    """
    stops = np.asarray(ends, dtype=np.int64)
    return np.column_stack([np.concatenate([[0], stops[:-1]]), stops])


def count(name: str, seconds: float, rate: float, *, least: int) -> int:
    """Return a duration as a number of samples.

    Parameters
    ----------
    name : str
        Name of the parameter, for the message.
    seconds, rate : float
        The duration, and samples per second.
    least : int
        Fewest samples allowed.

    Returns
    -------
    int
        `round(seconds * rate)`.

    Raises
    ------
    TsalignError
        When that is below `least` or not finite.

    Examples
    --------
    >>> count("length", 2.56, 50.0, least=1)
    128
    """
    size = seconds * rate
    if not np.isfinite(size) or round(size) < least:
        raise TsalignError(
            f"{name}={seconds} at rate={rate} is {size:g} samples; it should be at least {least}"
            " and finite"
        )
    return round(size)
