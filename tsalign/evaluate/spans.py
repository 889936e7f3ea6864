"""Whether the sentences were placed where they belong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt, Le

from tsalign.evaluate.facts import RANKS
from tsalign.evaluate.results import Results, mean
from tsalign.params import check_params


@dataclass(frozen=True)
class SpanIou:
    """Mean intersection over union in time, over all sentences that have a true span.

    A sentence that was missed counts 0, and one with several true spans is held against the
    best of them.

    Examples
    --------
    >>> SpanIou()(Results.from_aligned([]))
    {'mean_iou': nan}
    """

    version: ClassVar[int] = 1

    def __call__(self, results: Results) -> dict[str, float]:
        """Return `mean_iou`."""
        return {"mean_iou": mean(results.iou[results.is_event])}


@dataclass(frozen=True)
class RecallAtIou:
    """Share of event sentences with a good span among their first K places.

    K = 5 is NaN unless the alignment carries alternatives. A sentence that was not placed
    has no places.

    Parameters
    ----------
    thresholds : tuple of float
        Least IoU of a good span.

    References
    ----------
    Gao et al. (2017), TALL: temporal activity localization via language query, section 4.2.

    Examples
    --------
    >>> sorted(RecallAtIou(thresholds=(0.5,))(Results.from_aligned([])))
    ['recall_at_1_iou_0.5', 'recall_at_5_iou_0.5']
    """

    thresholds: tuple[Annotated[float, Gt(0), Le(1)], ...] = (0.3, 0.5, 0.7)
    version: ClassVar[int] = 1

    def __call__(self, results: Results) -> dict[str, float]:
        """Return `recall_at_K_iou_M` for K in 1, 5."""
        check_params(self)
        ious = results.ious[results.is_event]
        several = any(f.has_alternatives for f in results.facts)
        figures = {}
        for k in (1, RANKS):
            known = k == 1 or several
            for least in self.thresholds:
                share = mean(ious[:, k - 1] >= least) if known else float("nan")
                figures[f"recall_at_{k}_iou_{least:g}"] = share
        return figures


@dataclass(frozen=True)
class Distractors:
    """Share of the sentences that match nothing and were placed all the same.

    Smaller is better, and an empty answer gets 0: read it beside recall.

    Examples
    --------
    >>> Distractors()(Results.from_aligned([]))
    {'distractors_placed': nan}
    """

    version: ClassVar[int] = 1

    def __call__(self, results: Results) -> dict[str, float]:
        """Return `distractors_placed`."""
        return {"distractors_placed": mean(results.is_placed[~results.is_event])}


@dataclass(frozen=True)
class BoundaryError:
    """Distance in seconds from the predicted to the true starts and ends.

    Medians and 90th percentiles are over the event sentences that were placed, so they may
    shrink by leaving hard ones out: `events_placed` says how many those are. The shares
    within a distance are over *all* event sentences.

    Parameters
    ----------
    within : tuple of float
        Distances in seconds.

    Examples
    --------
    >>> sorted(BoundaryError(within=())(Results.from_aligned([])))[:2]
    ['end_error_median', 'end_error_p90']
    """

    within: tuple[Annotated[float, Ge(0)], ...] = (0.5, 1.0, 2.0)
    version: ClassVar[int] = 1

    def __call__(self, results: Results) -> dict[str, float]:
        """Return `{start,end}_error_{median,p90}`, `{start,end}_within_Ds`, `events_placed`."""
        check_params(self)
        event = results.is_event
        figures = {"events_placed": mean(results.is_placed[event])}
        for side, signed in (("start", results.start_error), ("end", results.end_error)):
            error = np.abs(signed[event])
            placed = np.sort(error[~np.isnan(error)])
            figures[f"{side}_error_median"] = _quantile(placed, 0.5)
            figures[f"{side}_error_p90"] = _quantile(placed, 0.9)
            for limit in self.within:
                figures[f"{side}_within_{limit:g}s"] = mean(error <= limit)
        return figures


def _quantile(ordered: np.ndarray, share: float) -> float:
    """Interpolate as `numpy.quantile` does, without sorting again."""
    if not len(ordered):
        return float("nan")
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (place - low) * (ordered[high] - ordered[low]))
