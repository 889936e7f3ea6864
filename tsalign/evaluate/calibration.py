"""Whether a confidence of 0.8 is right eight times out of ten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt, Le
from numpy.typing import NDArray

from tsalign.evaluate.results import Results, mean
from tsalign.params import check_params


@dataclass(frozen=True)
class Calibration:
    """Calibration error and Brier score of the confidences of the placed sentences.

    What is predicted is "this span has IoU >= `iou` with a true one"; a placed distractor is
    wrong. Smaller is better; `brier_base_rate` is what always stating the share of right
    spans would get.

    Parameters
    ----------
    bins : int
        Number of bins of the expected calibration error (ECE).
    iou : float
        Least IoU of a right span.

    References
    ----------
    Guo et al. (2017), On calibration of modern neural networks, eq. 3 (equal width);
    Nixon et al. (2019), Measuring calibration in deep learning, section 3 (equal mass).

    Examples
    --------
    >>> sorted(Calibration()(Results.from_aligned([])))
    ['brier', 'brier_base_rate', 'ece_equal_mass', 'ece_equal_width']
    """

    bins: Annotated[int, Ge(1)] = 15
    iou: Annotated[float, Gt(0), Le(1)] = 0.5
    version: ClassVar[int] = 1

    def __call__(self, results: Results) -> dict[str, float]:
        """Return `ece_equal_mass`, `ece_equal_width`, `brier` and `brier_base_rate`."""
        check_params(self)
        stated = results.confidence
        known = ~np.isnan(stated)
        stated, right = stated[known], (results.iou[known] >= self.iou).astype(np.float64)
        rate = mean(right)
        return {
            "ece_equal_mass": self._error(stated, right, self._by_mass(stated)),
            "ece_equal_width": self._error(stated, right, self._by_width(stated)),
            "brier": mean((stated - right) ** 2),
            "brier_base_rate": rate * (1 - rate),
        }

    def _by_mass(self, stated: NDArray[np.float64]) -> NDArray[np.int64]:
        """Bin by rank; equal confidences share a bin, so the order of sentences never matters."""
        rank = np.searchsorted(np.sort(stated), stated, side="left")
        return rank * self.bins // max(len(stated), 1)

    def _by_width(self, stated: NDArray[np.float64]) -> NDArray[np.int64]:
        return np.clip((stated * self.bins).astype(np.int64), 0, self.bins - 1)

    def _error(self, stated: NDArray, right: NDArray, bin_of: NDArray[np.int64]) -> float:
        gap = np.bincount(bin_of, stated - right, minlength=self.bins)
        return float(np.abs(gap).sum() / len(stated)) if len(stated) else float("nan")
