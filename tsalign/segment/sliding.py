"""The search of `Features` on a stream: over the windows that came last, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from tsalign.describe import Statistics
from tsalign.kernels.search import change_points
from tsalign.segment.embedding import HOPS, Embedding, noise
from tsalign.segment.turns import turn

BLOCK = 16
"""Windows that are described at once; the search runs after each block."""

KEPT = 1024
"""Windows that the search looks at, at most, unless it waits for more."""

SAMPLE = 2048
"""Windows that the scale is learnt from, at most."""

GROWTH = 1.2
"""The scale is learnt anew when there are so many times as many windows."""

FAR = 1e6
"""Standard scores of samples are clipped here, so that their squares stay in float32."""


class Plan(NamedTuple):
    """What is looked for: all in samples, but for windows in `size` and `delay`.

    `w` and `hop` are the length of windows and from one start to the next; segments have at least
    `least` samples and `size` windows; a change is final when `delay` windows have come after it.
    """

    w: int
    hop: int
    least: int
    size: int
    delay: int
    penalty: float
    kernel: Literal["rbf", "linear"]
    random_state: int


@dataclass(eq=False)
class Sliding:
    """A stream, as far as it matters to what is still to be said.

    Everything happens when a block of windows is complete, so the answer does not depend on how
    the samples come in. The exact search runs over the windows since the last final change,
    `KEPT` at most; a change that `delay` windows have not moved is final. Scale and kernel are
    learnt from the windows so far, ever more seldom; of a long stream, from every 2nd, 4th, ...
    block.

    Parameters
    ----------
    plan : Plan
        What is looked for.
    origin, unit : (d,) float64
        What is subtracted from samples, and what they are then divided by.
    statistics : Statistics
        What describes a window.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=(900, 1))
    >>> plan = Plan(20, 5, 80, 16, 32, 3.0, "rbf", 0)
    >>> stream = Sliding.begin(noise[:200], plan)
    >>> [stream.feed(noise[200:600]), len(stream.feed(9 * noise[600:]))]
    [[], 1]
    """

    plan: Plan
    origin: NDArray[np.float64]
    unit: NDArray[np.float64]
    statistics: Statistics
    z: NDArray[np.float32] = field(init=False)  # standardised samples from `first` on
    fresh: list[NDArray[np.float32]] = field(init=False, default_factory=list)  # what follows them
    first: int = field(init=False, default=0)
    n_samples: int = field(init=False, default=0)
    rows: NDArray[np.float64] = field(init=False)  # windows from `kept` on, as described
    points: NDArray[np.float64] = field(init=False)  # and as points
    kept: int = field(init=False, default=0)
    sample: NDArray[np.float64] = field(init=False)  # of all windows so far
    places: NDArray[np.int64] = field(init=False)
    thin: int = field(init=False, default=1)  # one block in so many stays in the sample
    embedding: Embedding = field(init=False)
    price: float = field(init=False, default=0.0)
    due: int = field(init=False, default=0)  # windows at which the scale is learnt anew
    bound: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Begin with nothing."""
        self.z = np.empty((0, len(self.unit)), np.float32)
        self.rows = self.points = self.sample = np.empty((0, 0))
        self.places = np.empty(0, np.int64)

    @classmethod
    def begin(cls, x: NDArray[np.float64], plan: Plan) -> Self:
        """Return a stream that has learnt from its first samples `(n, d)`, and taken them in."""
        origin, unit = x.mean(axis=0), x.std(axis=0)
        unit = np.where(unit > 0, unit, 1.0)
        z = np.clip((x - origin) / unit, -FAR, FAR).astype(np.float32)
        statistics = Statistics().fit([(z, 1.0, np.array([[0, plan.w]]))])
        stream = cls(plan, origin, unit, statistics)
        stream.z, stream.n_samples = z, len(x)
        stream._describe((len(x) - plan.w) // plan.hop + 1)
        return stream

    def feed(self, x: NDArray[np.float64]) -> list[int]:
        """Take samples `(n, d)` in; return the changes that are final now, as samples."""
        changes: list[int] = []
        stride = BLOCK * self.plan.hop
        for at in range(0, len(x), stride):
            piece = (x[at : at + stride] - self.origin) / self.unit
            self.fresh.append(np.clip(piece, -FAR, FAR).astype(np.float32))
            self.n_samples += len(piece)
            if self.n_samples >= self._samples_of(self._count() + BLOCK):
                self._describe(BLOCK)
                changes += self._settle(self._samples_of(self._count()), self.plan.delay)
        return changes

    def finish(self) -> list[int]:
        """Return the changes that were still waited with."""
        missing = (self.n_samples - self.plan.w) // self.plan.hop + 1 - self._count()
        if missing > 0:
            self._describe(missing)
        return self._settle(self.n_samples, 0)

    def _count(self) -> int:
        return self.kept + len(self.rows)

    def _samples_of(self, windows: int) -> int:
        """Return how many samples so many windows reach over."""
        return (windows - 1) * self.plan.hop + self.plan.w

    def _describe(self, windows: int) -> None:
        """Take the next windows in."""
        self.z, self.fresh = np.concatenate([self.z, *self.fresh]), []
        numbers = self._count() + np.arange(windows)
        rows = self._at(numbers * self.plan.hop)
        self.rows = _joined(self.rows, rows)
        self._remember(rows, numbers)
        if self._count() < self.due:
            self.points = _joined(self.points, self.embedding.points(rows))
        else:
            self._learn()

    def _at(self, starts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Describe windows by their first samples, ascending."""
        w = self.plan.w
        near = self.z[starts[0] - self.first : starts[-1] + w - self.first]
        bounds = np.column_stack([starts, starts + w]) - starts[0]
        return self.statistics.transform(near, 1.0, bounds).astype(np.float64)

    def _remember(self, rows: NDArray[np.float64], numbers: NDArray[np.int64]) -> None:
        """Keep a sample of all windows so far, by whole blocks."""
        stay = numbers // BLOCK % self.thin == 0
        if stay.any():
            self.sample = _joined(self.sample, rows[stay])
            self.places = np.concatenate([self.places, numbers[stay]])
        while len(self.places) > SAMPLE:
            self.thin *= 2
            stay = self.places // BLOCK % self.thin == 0
            self.sample, self.places = self.sample[stay], self.places[stay]

    def _learn(self) -> None:
        plan = self.plan
        self.embedding = Embedding.learn(self.sample, plan.kernel, plan.random_state)
        apart = noise(self.embedding.points(self.sample), self.places)
        self.price = plan.penalty * HOPS * apart
        self.points = self.embedding.points(self.rows)
        self.due = int(GROWTH * self._count()) + 1

    def _settle(self, n: int, delay: int) -> list[int]:
        """Return the changes among the first `n` samples that are `delay` windows old."""
        size, changes = self.plan.size, list[int]()
        if self.price > 0 and len(self.rows) >= 2 * size:
            ends = change_points(self.points, self.price, size).tolist()
            edges = [0, *ends]
            for i, end in enumerate(ends[:-1]):
                if end > len(self.rows) - delay:
                    break
                changes += self._placed(edges[i], end, edges[i + 2], n)
            final = [end for end in ends[:-1] if end <= len(self.rows) - delay]
            self._forget(final[-1] if final else 0)
        self._forget(len(self.rows) - max(KEPT, 4 * (size + self.plan.delay)))
        return changes

    def _placed(self, start: int, end: int, after: int, n: int) -> list[int]:
        """Return the sample of a change between the kept windows `start .. end .. after`."""
        plan, scored = self.plan, self.embedding.scaled
        place = self._sample_of(end)
        stop = n if after == len(self.rows) else self._sample_of(after)
        first, last = self.bound + plan.least, stop - plan.least
        if first > last:  # the one before took the room
            return []
        apart = scored(self.rows[end:after]).mean(axis=0) - scored(self.rows[start:end]).mean(
            axis=0
        )
        place = min(max(place, first), last)
        first = max(first, place - plan.w, plan.w // 2)
        last = min(last, place + plan.w, n - plan.w + plan.w // 2)
        self.bound = turn(
            lambda starts: scored(self._at(starts)), apart, place, first, last, plan.w
        )
        return [self.bound]

    def _sample_of(self, window: int) -> int:
        """Return the sample that a change between kept windows stands for."""
        return (self.kept + window) * self.plan.hop + (self.plan.w - self.plan.hop) // 2

    def _forget(self, windows: int) -> None:
        """Let go of the oldest kept windows, and of samples that nothing will ask for."""
        if windows > 0:
            self.rows, self.points = self.rows[windows:], self.points[windows:]
            self.kept += windows
            spare = max(0, self.kept * self.plan.hop - 2 * self.plan.w)
            self.z, self.first = self.z[spare - self.first :].copy(), spare


def _joined(rows: NDArray[np.float64], more: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([rows, more]) if len(rows) else more
