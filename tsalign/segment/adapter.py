"""Any detector with `fit` and `predict`, of whatever library, as a segmenter."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsalign.errors import TsalignError
from tsalign.segment.base import Segmenter, bounds_of
from tsalign.segment.conventions import from_answer


class External(Segmenter):
    """Cut a series with a detector of another library, as it is.

    Anything with `fit_predict(X)`, or with `fit(X)` and `predict(X)`, that gives change points, a
    label a sample or intervals will do: the detectors of skchange, `BinaryClaSPSegmentation` of
    claspy, the segmenters of aeon and sktime. The detector gets `X (n, d)` and is copied before it
    is fitted. For ruptures, `Ruptures` knows more.

    Parameters
    ----------
    estimator : object or str
        The detector, or where its class is found, such as `"skchange.detectors:FPOP"` or
        `"claspy.segmentation:BinaryClaSPSegmentation"`.
    params : mapping or None
        What the class is called with where `estimator` says where it is found.
    predict_params : mapping or None
        What `fit_predict` or `predict` is called with besides.

    Attributes
    ----------
    n_features_in_ : int
        Channels seen in `fit`.

    Examples
    --------
    >>> class Jumps:
    ...     def fit(self, X):
    ...         return self
    ...
    ...     def predict(self, X):
    ...         return 1 + np.flatnonzero(abs(np.diff(X[:, 0])) > 3)
    >>> External(Jumps()).fit_predict([0.0, 0.1, 5.0, 5.1]).tolist()
    [[0, 2], [2, 4]]
    """

    def __init__(
        self,
        estimator: Any,
        params: Mapping[str, Any] | None = None,
        predict_params: Mapping[str, Any] | None = None,
    ) -> None:
        self.estimator = estimator
        self.params = params
        self.predict_params = predict_params

    def _segment(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        detector, more = self._detector(), dict(self.predict_params or {})
        if len(x) == 1 or not (x != x[0]).any():
            return bounds_of([len(x)])
        try:
            if hasattr(detector, "fit_predict"):  # claspy's `predict` takes no series
                answer = detector.fit_predict(x, **more)
            else:
                fitted = detector.fit(x)
                answer = (detector if fitted is None else fitted).predict(x, **more)
        except (ValueError, TypeError, AssertionError, RuntimeError, IndexError) as error:
            why = f": {error}" if str(error) else ""
            raise TsalignError(
                f"{type(detector).__name__} cannot cut X of shape {x.shape}{why}"
            ) from error
        try:
            return from_answer(answer, len(x))
        except TsalignError as error:
            raise TsalignError(f"{type(detector).__name__} answered {error.message}") from error

    def _detector(self) -> Any:
        """Return a detector of one's own."""
        if not isinstance(self.estimator, str):
            if self.params:
                raise TsalignError("params are for an estimator that is given by its place")
            detector = copy.deepcopy(self.estimator)
        else:
            detector = self._class()(**(self.params or {}))
        if isinstance(detector, type) or not (
            hasattr(detector, "fit_predict")
            or (hasattr(detector, "fit") and hasattr(detector, "predict"))
        ):
            raise TsalignError(f"External needs a detector with fit and predict, not {detector!r}")
        return detector

    def _class(self) -> Any:
        """Return what `estimator` names; what is missing or refused is the user's affair."""
        module, _, name = self.estimator.partition(":")
        try:
            kind = getattr(importlib.import_module(module), name)
        except ImportError as error:
            raise TsalignError(
                f"cannot load {self.estimator!r}: {error}; is {module.partition('.')[0]} installed?"
            ) from error
        except (AttributeError, ValueError) as error:
            raise TsalignError(f"cannot load {self.estimator!r}: {error}") from error

        def build(**params: Any) -> Any:
            try:
                return kind(**params)
            except (TypeError, ValueError, AssertionError) as error:
                raise TsalignError(f"{name} refuses {params}: {error}") from error

        return build
