"""How sure a placed span is: from what the decoder knows to a calibrated chance of a hit."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit
from sklearn.base import BaseEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.utils.validation import check_is_fitted

from tsalign.errors import TsalignError
from tsalign.params import check_params

FOLDS = 5


class Confidence(BaseEstimator):
    """Calibrate the chance that a span has IoU >= 0.5 with the true one.

    Logistic regression on standardised features. From `isotonic_from` examples on, a monotone
    curve is fitted to held-out predictions and put after it. Where all examples are hits, or
    none is, the chance is (hits + 1) / (examples + 2) for every span.

    Parameters
    ----------
    strength : float
        Inverse weight of the L2 penalty.
    isotonic_from : int or None
        Examples from which the monotone curve is fitted; None for never.

    References
    ----------
    Platt, Probabilistic outputs for support vector machines, 1999.
    Zadrozny and Elkan, Transforming classifier scores into accurate probabilities, KDD 2002.

    Examples
    --------
    >>> margin = np.array([[-2.0], [-1.0], [1.0], [3.0]])
    >>> chance = Confidence().fit(margin, [False, False, True, True]).predict_proba(margin)
    >>> bool(chance[0] < 0.5 < chance[3])
    True
    """

    version: ClassVar[int] = 1

    mean_: NDArray[np.float64]
    scale_: NDArray[np.float64]
    coef_: NDArray[np.float64]
    intercept_: float
    curve_x_: NDArray[np.float64]
    curve_y_: NDArray[np.float64]

    def __init__(
        self,
        strength: Annotated[float, Gt(0)] = 1.0,
        isotonic_from: Annotated[int, Ge(10)] | None = 1000,
    ) -> None:
        self.strength = strength
        self.isotonic_from = isotonic_from

    def fit(self, features: ArrayLike, hit: ArrayLike) -> Self:
        """Learn from spans whose truth is known.

        Parameters
        ----------
        features : (n, f) array_like
            What is known of each span, such as its margin, placed probability and length.
        hit : (n,) array_like of bool
            Whether the span has IoU >= 0.5 with the true one.

        Returns
        -------
        Confidence
            Itself.

        Raises
        ------
        TsalignError
            For shapes that do not fit, and features that are not finite.
        """
        check_params(self)
        x, y = _check(features), np.asarray(hit, bool)
        if y.shape != (len(x),):
            raise TsalignError(f"{len(x)} rows of features, but hit has shape {y.shape}")
        self.mean_ = x.mean(0) if len(x) else np.zeros(x.shape[1])
        spread = x.std(0) if len(x) else np.zeros(x.shape[1])
        self.scale_ = np.where(spread > 1e-9 * (1 + abs(self.mean_)), spread, 1.0)
        self.curve_x_ = self.curve_y_ = np.zeros(0)
        if y.all() or not y.any():
            self.coef_ = np.zeros(x.shape[1])
            self.intercept_ = float(logit((y.sum() + 1) / (len(y) + 2)))
            return self
        self._fit_logistic((x - self.mean_) / self.scale_, y)
        return self

    def predict_proba(self, features: ArrayLike) -> NDArray[np.float64]:
        """Return the chance that each span is a hit.

        Parameters
        ----------
        features : (n, f) array_like
            As in `fit`.

        Returns
        -------
        (n,) float64
            Between 0 and 1, exclusive.

        Raises
        ------
        TsalignError
            When the number of features differs from that in `fit`, or one is not finite.
        """
        check_is_fitted(self, "coef_")
        x = _check(features)
        if x.shape[1] != len(self.coef_):
            raise TsalignError(f"{x.shape[1]} features, but {len(self.coef_)} were learnt from")
        evidence = (x - self.mean_) / self.scale_ @ self.coef_ + self.intercept_
        if len(self.curve_x_):
            return np.interp(evidence, self.curve_x_, self.curve_y_)
        return np.clip(expit(evidence), np.finfo(float).tiny, 1 - np.finfo(float).epsneg)

    def _fit_logistic(self, z: NDArray[np.float64], y: NDArray[np.bool_]) -> None:
        model = LogisticRegression(C=self.strength).fit(z, y)
        self.coef_, self.intercept_ = model.coef_[0], float(model.intercept_[0])
        rarer = min(y.sum(), (~y).sum())
        if self.isotonic_from is None or len(y) < self.isotonic_from or rarer < FOLDS:
            return
        folds = StratifiedKFold(FOLDS)
        held_out = cross_val_predict(model, z, y, cv=folds, method="decision_function")
        curve = IsotonicRegression().fit(held_out, y)
        edge = 1 / (len(y) + 2)
        self.curve_x_ = curve.X_thresholds_
        self.curve_y_ = np.clip(curve.y_thresholds_, edge, 1 - edge)


def _check(features: ArrayLike) -> NDArray[np.float64]:
    x = np.asarray(features, np.float64)
    if x.ndim != 2:
        raise TsalignError(f"features have shape (spans, features), not {x.shape}")
    if not np.isfinite(x).all():
        row, column = np.argwhere(~np.isfinite(x))[0]
        raise TsalignError(f"feature {column} of span {row} is {x[row, column]}")
    return x
