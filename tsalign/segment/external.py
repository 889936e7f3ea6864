"""Any detector of the ruptures library under the contract of this package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray

from tsalign.errors import TsalignError
from tsalign.segment.base import Segmenter, bounds_of

STOPS: dict[str, tuple[str, ...]] = {
    "Pelt": ("penalty",),
    "KernelCPD": ("penalty", "n_bkps"),
    "Dynp": ("n_bkps",),
    "Binseg": ("penalty", "n_bkps", "epsilon"),
    "BottomUp": ("penalty", "n_bkps", "epsilon"),
    "Window": ("penalty", "n_bkps", "epsilon"),
}
"""Which of `penalty`, `n_bkps` and `epsilon` each detector understands."""


class Ruptures(Segmenter):
    """Cut a series with a detector of ruptures.

    Exactly one of `penalty`, `n_bkps` and `epsilon` says when to stop. With `min_size` above 1,
    ruptures' own `Pelt` is not always optimal; `tsalign.segment.Pelt` is.

    Parameters
    ----------
    algorithm : {"Pelt", "KernelCPD", "Dynp", "Binseg", "BottomUp", "Window"}
        Name of the detector.
    model : str
        Cost of a segment by ruptures' name (`l1`, `l2`, `rbf`, `normal`, `rank`, `ar`, ...); for
        `KernelCPD` the kernel: `linear`, `rbf` or `cosine`.
    min_size : int
        Shortest segment in samples; some models raise it. Without `n_bkps`, a series too short
        for a change is one segment, and so is a constant one.
    jump : int
        Only multiples of it are tried as change points; `KernelCPD` tries all.
    penalty : float or None
        What a change must save; all detectors but `Dynp`.
    n_bkps : int or None
        Number of changes; all detectors but `Pelt`.
    epsilon : float or None
        Cost that may remain; `Binseg`, `BottomUp` and `Window`.
    width : int
        Samples in the sliding window of `Window`.
    params : mapping or None
        Further parameters of the cost, such as `{"gamma": 0.1}` or `{"order": 4}`.

    Attributes
    ----------
    n_features_in_ : int
        Channels seen in `fit`.

    References
    ----------
    Truong, Oudre, Vayatis, *Selective review of offline change point detection methods*, Signal
    Processing 167, 2020.

    Examples
    --------
    >>> steps = np.repeat([0.0, 5.0], 10)
    >>> Ruptures("Binseg", model="l2", n_bkps=1).fit_predict(steps).tolist()
    [[0, 10], [10, 20]]
    """

    def __init__(
        self,
        algorithm: Literal["Pelt", "KernelCPD", "Dynp", "Binseg", "BottomUp", "Window"] = "Pelt",
        model: str = "rbf",
        min_size: Annotated[int, Ge(1)] = 2,
        jump: Annotated[int, Ge(1)] = 1,
        penalty: Annotated[float, Gt(0)] | None = None,
        n_bkps: Annotated[int, Ge(0)] | None = None,
        epsilon: Annotated[float, Gt(0)] | None = None,
        width: Annotated[int, Ge(2)] = 100,
        params: Mapping[str, Any] | None = None,
    ) -> None:
        self.algorithm = algorithm
        self.model = model
        self.min_size = min_size
        self.jump = jump
        self.penalty = penalty
        self.n_bkps = n_bkps
        self.epsilon = epsilon
        self.width = width
        self.params = params

    def _segment(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        from ruptures.exceptions import BadSegmentationParameters, NotEnoughPoints

        stop = self._stop()
        detector = self._detector()
        least = self.width + 1 if self.algorithm == "Window" else 2 * detector.min_size
        indivisible = len(x) < max(least, self.jump + 1) or not (x != x[0]).any()
        if stop.get("n_bkps") == 0 or ("n_bkps" not in stop and indivisible):
            return bounds_of([len(x)])
        try:
            with np.errstate(all="ignore"):  # some costs of constant stretches are infinite
                ends = detector.fit(x).predict(**stop)
        except (BadSegmentationParameters, NotEnoughPoints, AssertionError, ValueError) as error:
            why = f": {error}" if str(error) else ""
            raise TsalignError(
                f"ruptures cannot cut {len(x)} samples with {self._given()}, {stop}{why}"
            ) from error
        return bounds_of(ends)

    def _stop(self) -> dict[str, float | int]:
        """Return the one stopping rule under ruptures' name."""
        rules = {"penalty": self.penalty, "n_bkps": self.n_bkps, "epsilon": self.epsilon}
        given = {name: value for name, value in rules.items() if value is not None}
        if len(given) != 1:
            raise TsalignError(
                f"Ruptures needs exactly one of penalty, n_bkps and epsilon, not {len(given)}"
            )
        (name, value) = given.popitem()
        if name not in STOPS[self.algorithm]:
            raise TsalignError(
                f"{self.algorithm} takes {' or '.join(STOPS[self.algorithm])}, not {name}"
            )
        return {"pen" if name == "penalty" else name: value}

    def _detector(self) -> Any:
        """Build the detector; a wrong model or parameter of it is the user's mistake."""
        import ruptures

        kind = "kernel" if self.algorithm == "KernelCPD" else "model"
        extra = {"width": self.width} if self.algorithm == "Window" else {}
        try:
            return getattr(ruptures, self.algorithm)(
                **{kind: self.model},
                min_size=self.min_size,
                jump=self.jump,
                params=None if self.params is None else dict(self.params),
                **extra,
            )
        except (AssertionError, ValueError, TypeError) as error:
            raise TsalignError(f"ruptures refuses {self._given()}: {error}") from error

    def _given(self) -> str:
        return f"algorithm={self.algorithm!r}, model={self.model!r}, min_size={self.min_size}"
