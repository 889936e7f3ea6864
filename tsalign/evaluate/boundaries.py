"""Whether the signal was cut where the truth changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from tsalign.evaluate.facts import Facts
from tsalign.evaluate.intervals import best_jaccard, matches
from tsalign.evaluate.results import Results, ratio
from tsalign.params import check_params


@dataclass(frozen=True)
class Segmentation:
    """Covering and boundary F1 of the segments and of the final spans, against the labels.

    Covering is the mean, weighted by seconds, over the true stretches, of the Jaccard index
    with the best segment. Boundaries are paired one to one within the margin; the two ends
    of a recording are none. Counts are summed over recordings that have labels. Stretches
    without a label are no truth. Boundary F1 is half precision: an empty answer scores 0, but
    leaving out one wrong span can raise it.

    Parameters
    ----------
    margin : float
        Largest distance in seconds of a boundary from the true one.

    References
    ----------
    van den Burg & Williams (2020), An evaluation of change point detection algorithms,
    sections 3.1 and 3.2. The best pairing takes each boundary at most once.

    Examples
    --------
    >>> sorted(Segmentation(margin=0.5)(Results.from_aligned([])))[:2]
    ['segment_boundary_f1_0.5s', 'segment_covering']
    """

    margin: Annotated[float, Ge(0)] = 0.5
    version: ClassVar[int] = 1

    def __call__(self, results: Results) -> dict[str, float]:
        """Return `{segment,span}_covering` and `{segment,span}_boundary_f1_Ms`."""
        check_params(self)
        totals = results.weights @ results.once(self._count)
        seconds, figures = totals[0], {}
        for name, part in (("segment", totals[1:4]), ("span", totals[4:7])):
            covered, found, proposed_and_true = part
            figures[f"{name}_covering"] = ratio(covered, seconds)
            figures[f"{name}_boundary_f1_{self.margin:g}s"] = ratio(2 * found, proposed_and_true)
        return figures

    def _count(self, facts: tuple[Facts, ...]) -> NDArray[np.float64]:
        return np.array([self._one(f) for f in facts], np.float64).reshape(-1, 7)

    def _one(self, facts: Facts) -> list[float]:
        """Count labelled seconds, then for segments and spans: covered, found, all cuts."""
        if not len(facts.labels):
            return [0.0] * 7
        length = facts.labels[:, 1] - facts.labels[:, 0]
        counts = [float(length.sum())]
        for proposed in (facts.segments, facts.spans):
            covered = float(length @ best_jaccard(facts.labels, proposed))
            true, cuts = _cuts(facts.labels, facts), _cuts(proposed, facts)
            counts += [covered, matches(cuts, true, self.margin), len(cuts) + len(true)]
        return counts


def _cuts(intervals: NDArray[np.float64], facts: Facts) -> NDArray[np.float64]:
    """Return the sorted starts and ends that lie inside the recording."""
    times = np.unique(intervals)
    return times[(times > facts.span.start) & (times < facts.span.end)]
