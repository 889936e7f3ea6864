"""Columns over all evaluated sentences, and drawing of recordings for intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tsalign.evaluate.facts import COLUMNS, RANKS, Facts, examine
from tsalign.types import Aligned


class Metric(Protocol):
    """Anything that turns results into named figures."""

    def __call__(self, results: Results) -> dict[str, float]:
        """Return the figures; NaN where there is nothing to measure."""
        ...


@dataclass(frozen=True, eq=False)
class Results:
    """All evaluated sentences as columns: those whose truth is known.

    Parameters
    ----------
    facts : tuple of Facts
        One a recording as given.
    drawn : (m,) int64
        Which recordings count, with repeats when drawn for the bootstrap.
    recording : (n,) int64
        Place in `drawn` of each sentence's recording, sorted.
    table : (n, 6 + 5) float64
        The sentences' rows; read them through the properties.
    shared : dict
        What `once` has computed; all draws of the same recordings share it.

    Examples
    --------
    >>> Results.from_aligned([]).iou.tolist()
    []
    """

    facts: tuple[Facts, ...]
    drawn: NDArray[np.int64]
    recording: NDArray[np.int64]
    table: NDArray[np.float64]
    shared: dict[Any, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def from_aligned(cls, items: Iterable[Aligned]) -> Results:
        """Examine recordings, going through them once.

        Parameters
        ----------
        items : iterable of Aligned
            May be lazy; only small arrays are kept of each.

        Returns
        -------
        Results
        """
        return cls.from_facts(examine(item) for item in items)

    @classmethod
    def from_facts(cls, facts: Iterable[Facts]) -> Results:
        """Join the facts of recordings into columns.

        Parameters
        ----------
        facts : iterable of Facts
            One a recording.

        Returns
        -------
        Results
        """
        kept = tuple(facts)
        every = np.arange(len(kept))
        empty = np.zeros((0, len(COLUMNS) + RANKS))
        return cls(
            facts=kept,
            drawn=every,
            recording=np.repeat(every, [len(f.sentences) for f in kept]),
            table=np.concatenate([empty, *(f.sentences for f in kept)]),
        )

    def take(self, recordings: NDArray[np.int64]) -> Results:
        """Return the results of some recordings, each as often as it is named.

        Parameters
        ----------
        recordings : (m,) int64
            Places in `drawn`.

        Returns
        -------
        Results
        """
        size = np.bincount(self.recording, minlength=len(self.drawn))
        first = np.cumsum(size) - size
        here = size[recordings]
        shift = np.repeat(first[recordings] - (np.cumsum(here) - here), here)
        rows = shift + np.arange(len(shift))
        place = np.repeat(np.arange(len(recordings)), here)
        return Results(self.facts, self.drawn[recordings], place, self.table[rows], self.shared)

    def once(self, reduce: Callable[[tuple[Facts, ...]], Any]) -> Any:
        """Reduce all recordings as given by a function, the first time only.

        Parameters
        ----------
        reduce : callable
            Takes `facts`; equal callables share one result.

        Returns
        -------
        object
            What the function returned; weight its rows with `weights`.
        """
        if reduce not in self.shared:
            self.shared[reduce] = reduce(self.facts)
        return self.shared[reduce]

    @property
    def weights(self) -> NDArray[np.float64]:
        """How often each recording of `facts` was drawn."""
        return np.bincount(self.drawn, minlength=len(self.facts)).astype(np.float64)

    @property
    def durations(self) -> NDArray[np.float64]:
        """Seconds of each recording drawn."""
        return np.array([self.facts[i].span.duration for i in self.drawn.tolist()])

    @property
    def is_event(self) -> NDArray[np.bool_]:
        """Whether a sentence has true spans; the others are distractors."""
        return self.table[:, 0] > 0

    @property
    def start(self) -> NDArray[np.float64]:
        """Predicted start in seconds, NaN where a sentence was not placed."""
        return self.table[:, 1]

    @property
    def end(self) -> NDArray[np.float64]:
        """Predicted end in seconds, NaN where a sentence was not placed."""
        return self.table[:, 2]

    @property
    def is_placed(self) -> NDArray[np.bool_]:
        """Whether a sentence was placed anywhere."""
        return ~np.isnan(self.table[:, 1])

    @property
    def confidence(self) -> NDArray[np.float64]:
        """Stated chance of IoU >= 0.5, NaN where a sentence was not placed."""
        return self.table[:, 3]

    @property
    def start_error(self) -> NDArray[np.float64]:
        """Predicted minus true start in seconds; NaN unless an event was placed."""
        return self.table[:, 4]

    @property
    def end_error(self) -> NDArray[np.float64]:
        """Predicted minus true end in seconds; NaN unless an event was placed."""
        return self.table[:, 5]

    @property
    def ious(self) -> NDArray[np.float64]:
        """Best IoU among the first 1, 2, .. 5 places of a sentence, `(n, 5)`."""
        return self.table[:, len(COLUMNS) :]

    @property
    def iou(self) -> NDArray[np.float64]:
        """IoU of the chosen place with the best true span; 0 where missed or abstained."""
        return self.table[:, len(COLUMNS)]


def mean(values: NDArray[Any]) -> float:
    """Return the mean, NaN of nothing.

    Parameters
    ----------
    values : (n,) float or bool
        May be empty.

    Returns
    -------
    float
    """
    return float(values.sum() / len(values)) if len(values) else float("nan")


def ratio(part: float, whole: float) -> float:
    """Return `part / whole`, NaN where the whole is zero.

    Parameters
    ----------
    part, whole : float
        Counts or seconds.

    Returns
    -------
    float
    """
    return float(part / whole) if whole else float("nan")
