"""Time and samples: stretches, signals, and the segments that a signal is cut into."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tsalign.errors import TsalignError
from tsalign.show import Shown


@dataclass(frozen=True, order=True)
class Span:
    """A half-open stretch of time `[start, end)`.

    Parameters
    ----------
    start, end : float
        Seconds; `start <= end`.

    Examples
    --------
    >>> Span(1.0, 3.0) & Span(2.0, 5.0)
    Span(start=2.0, end=3.0)
    >>> Span(1.0, 2.0) & Span(2.0, 3.0) is None
    True
    >>> 3.0 in Span(1.0, 3.0)
    False
    """

    start: float
    end: float

    def __post_init__(self) -> None:
        """Refuse a span that ends before it starts."""
        if not self.start <= self.end:
            raise TsalignError(f"a span must not end before it starts: {self.start}, {self.end}")

    @property
    def duration(self) -> float:
        """Seconds from start to end."""
        return self.end - self.start

    def __contains__(self, time: float) -> bool:
        """Whether a time in seconds lies inside."""
        return self.start <= time < self.end

    def __and__(self, other: Span) -> Span | None:
        """Return the common part, or None where there is none."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Span(start, end) if start < end else None

    def iou(self, other: Span) -> float:
        """Return intersection over union; 1 for equal spans, even of no duration.

        Examples
        --------
        >>> Span(0.0, 2.0).iou(Span(1.0, 4.0))
        0.25
        """
        if self == other:
            return 1.0
        common = self & other
        if common is None:
            return 0.0
        return common.duration / (max(self.end, other.end) - min(self.start, other.start))


@dataclass(frozen=True, eq=False)
class Signal:
    """Regularly sampled channels.

    Parameters
    ----------
    values : (n_samples, n_channels) float32
        NaN marks what is missing.
    rate : float
        Samples per second.
    start : float
        Time of the first sample in seconds of the recording.
    channels, units : tuple of str
        One name and one unit a channel; an unknown unit is the empty string.

    Examples
    --------
    >>> walk = Signal(np.zeros((100, 1), np.float32), 50.0, 0.0, ("x",), ("g",))
    >>> walk.duration, walk.index(0.5), walk.time(25)
    (2.0, 25, 0.5)
    """

    values: NDArray[np.float32]
    rate: float
    start: float = 0.0
    channels: tuple[str, ...] = ()
    units: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check shapes, and fill in names where none are given."""
        if self.values.ndim != 2:
            raise TsalignError(f"a signal has shape (n, channels), not {self.values.shape}")
        if not (np.isfinite(self.rate) and self.rate > 0):
            raise TsalignError(f"the rate must be a positive number of Hz, not {self.rate}")
        count = self.values.shape[1]
        if not self.channels:
            object.__setattr__(self, "channels", tuple(f"ch{i}" for i in range(count)))
        if not self.units:
            object.__setattr__(self, "units", ("",) * count)
        if not len(self.channels) == len(self.units) == count:
            raise TsalignError(
                f"{count} columns, but {len(self.channels)} channels and {len(self.units)} units"
            )

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.values)

    @property
    def duration(self) -> float:
        """Seconds covered."""
        return len(self.values) / self.rate

    @property
    def span(self) -> Span:
        """The stretch of the recording that the samples cover."""
        return Span(self.start, self.start + self.duration)

    def index(self, time: float) -> int:
        """Return the sample nearest to a time in seconds, not clipped."""
        return round((time - self.start) * self.rate)

    def time(self, index: int) -> float:
        """Return the time in seconds at which a sample begins."""
        return self.start + index / self.rate


@dataclass(frozen=True, eq=False)
class Segments(Shown):
    """Stretches of a signal as columns of sample bounds.

    Parameters
    ----------
    bounds : (k, 2) int64
        Half-open sample indices, sorted by start: what a segmenter returns.
    rate : float
        Samples per second.
    start : float
        Time of sample 0 in seconds.
    states : (k,) int64 or None
        Equal numbers for segments that are alike, where a segmenter tells (`states_`).
    confidence : (k - 1,) float64 or None
        How sure the change between each two neighbours is, where a segmenter tells
        (`confidence_`).

    Examples
    --------
    >>> pair = Segments(np.array([[0, 50], [50, 100]]), rate=50.0)
    >>> [s.end for s in pair]
    [1.0, 2.0]
    """

    bounds: NDArray[np.int64]
    rate: float
    start: float = 0.0
    states: NDArray[np.int64] | None = None
    confidence: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        """Refuse columns that do not belong together."""
        if np.ndim(self.bounds) != 2 or np.shape(self.bounds)[1] != 2:
            raise TsalignError(f"bounds have shape (k, 2), not {np.shape(self.bounds)}")
        k = len(self.bounds)
        if self.states is not None and np.shape(self.states) != (k,):
            raise TsalignError(f"{k} segments, but states of shape {np.shape(self.states)}")
        if self.confidence is not None and np.shape(self.confidence) != (max(k - 1, 0),):
            raise TsalignError(
                f"{k} segments, but confidence of shape {np.shape(self.confidence)}: one a change"
            )

    def __len__(self) -> int:
        """Count the segments."""
        return len(self.bounds)

    @property
    def times(self) -> NDArray[np.float64]:
        """Bounds in seconds, `(k, 2)`."""
        return self.start + self.bounds / self.rate

    def __iter__(self) -> Iterator[Span]:
        """Yield one `Span` a segment."""
        return (Span(a, b) for a, b in self.times.tolist())

    def edges(self) -> NDArray[np.float64]:
        """Return `(k, 2)` seconds in which overlaps are shared at their middle.

        A run of segments `i..j` then stands for `[edges[i, 0], edges[j, 1])`.

        Examples
        --------
        >>> Segments(np.array([[0, 4], [2, 6]]), rate=1.0).edges().tolist()
        [[0.0, 3.0], [3.0, 6.0]]
        """
        times = self.times.copy()
        if len(times) > 1:
            overlap = times[1:, 0] < times[:-1, 1]
            middle = (times[1:, 0] + times[:-1, 1]) / 2
            times[1:, 0] = np.where(overlap, middle, times[1:, 0])
            times[:-1, 1] = np.where(overlap, middle, times[:-1, 1])
        return times

    def unbroken(self) -> Iterator[slice]:
        """Yield the stretches of segments between which signal is missing.

        Examples
        --------
        >>> list(Segments(np.array([[0, 2], [2, 4], [9, 11]]), rate=1.0).unbroken())
        [slice(0, 2, None), slice(2, 3, None)]
        """
        between = self.bounds[1:, 0] - self.bounds[:-1, 1]
        usual = max(float(np.median(between)), 0.0) if len(between) else 0.0
        edges = [0, *(np.flatnonzero(between > usual) + 1).tolist(), len(self)]
        yield from (slice(a, b) for a, b in pairwise(edges) if b > a)
