"""Detectors that take samples in as they come, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tsalign.errors import TsalignError
from tsalign.kernels import runs as bayes
from tsalign.kernels.online import GROUP, POISSON, SQUARES, Run, Test, advance, again, corners

RUNS = 100
"""Hypotheses about the present run that are kept."""


@dataclass
class GainTest:
    """The exact test of `tsalign.kernels.online` on a stream; its fields are all of its state.

    Parameters
    ----------
    kind, min_size, delay, resolution : int
        The cost, the shortest segment, the delay, and what bounds the memory; see `Online`.
    fixed, slope, lead : float, float, int
        The penalty at sample `t` is `fixed + slope * log(lead + t)`.
    start : int
        Where the present run began.
    origin : (d,) float64
        What is subtracted from all samples.
    places, sums, peaks, seen, then, count
        As in `tsalign.kernels.online.Run`.
    """

    kind: int
    min_size: int
    delay: int
    resolution: int
    fixed: float
    slope: float
    lead: int
    start: int
    origin: NDArray[np.float64]
    places: NDArray[np.int64]
    sums: NDArray[np.float64]
    peaks: NDArray[np.float64]
    seen: NDArray[np.int64]
    then: NDArray[np.float64]
    count: NDArray[np.int64]

    @classmethod
    def begin(
        cls,
        x: NDArray[np.float64],
        poisson: bool,
        penalty: float,
        slope: float,
        lead: int,
        min_size: int,
        delay: int,
        resolution: int,
    ) -> Self:
        """Return the test at its beginning; `x` are the first samples, not yet taken in."""
        d, rows = x.shape[1], 4 * max(resolution, min_size, GROUP)
        return cls(
            POISSON if poisson else SQUARES,
            min_size,
            delay,
            resolution,
            penalty,
            slope,
            lead,
            0,
            np.zeros(d) if poisson else x[0].copy(),
            np.zeros(rows, np.int64),
            np.zeros((rows, d)),
            np.zeros(rows // GROUP),
            np.zeros(rows // GROUP, np.int64),
            np.zeros((rows // GROUP, d)),
            np.zeros(3, np.int64),
        )

    def feed(self, x: NDArray[np.float64]) -> list[int]:
        """Take samples `(n, d)` in; return the changes found, as samples of the stream."""
        x = x - self.origin
        if self.kind == POISSON and (x < 0).any():
            row, channel = np.argwhere(x < 0)[0].tolist()
            raise TsalignError(
                f"X has {x[row, channel]} at sample {row}, channel {channel}; counts are not below"
                " zero"
            )
        test, changes = self._test(self.delay), []
        while len(x):
            used, row = advance(self._run(), test, x, self.start)
            x = x[used:]
            changes += self._restarts(row, test)
            if self.count[0] == len(self.places):
                self._make_room()
                again(self._run(), test, self.start)
        return changes

    def finish(self) -> list[int]:
        """Return the changes of an alarm that the end of the stream cuts short."""
        if self.count[2] == 0:
            return []
        self.count[2] = 0
        test = self._test(delay=0)
        return self._restarts(again(self._run(), test, self.start), test)

    def _test(self, delay: int) -> Test:
        return Test(self.kind, self.min_size, delay, self.fixed, self.slope, self.lead)

    def _run(self) -> Run:
        return Run(self.places, self.sums, self.peaks, self.seen, self.then, self.count)

    def _restarts(self, row: int, test: Test) -> list[int]:
        """Return all changes by now, of which the first is at a row, if that is one."""
        changes: list[int] = []
        while row >= 0:
            changes.append(self._restart(row))
            row = again(self._run(), test, self.start)
        return changes

    def _restart(self, row: int) -> int:
        """Begin a new run with the samples behind a row."""
        if self.fixed == self.slope == 0:
            raise TsalignError(
                "the first samples are constant and tell nothing of the noise: give penalty a"
                " number, or a longer warmup"
            )
        stop = self.count[0]
        self.start += int(self.places[row])
        self.places[: stop - row - 1] = self.places[row + 1 : stop] - self.places[row]
        self.sums[: stop - row - 1] = self.sums[row + 1 : stop] - self.sums[row]
        self.count[:] = stop - row - 1, 0, 0
        return self.start

    def _make_room(self) -> None:
        """Drop rows that cannot win any more, or that hardly differ from their neighbours."""
        rows = len(self.places)
        age = self.places[-1] - self.places
        keep = np.ones(rows, bool)
        if self.sums.shape[1] == 1:
            keep = age < max(self.resolution, self.min_size)
            old = np.flatnonzero(~keep & (self.places >= self.min_size))
            keep[old] = corners(self.places[old], self.sums[old, 0])
        if 2 * keep.sum() > rows:
            step = 1 << np.log2(np.maximum(age // self.resolution, 1)).astype(np.int64)
            keep &= (self.start + self.places) % step == 0
        kept = int(keep.sum())
        room = rows * (2 if 2 * kept > rows else 1)
        self.places = _moved(self.places[keep], room)
        self.sums = _moved(self.sums[keep], room)
        if room > rows:
            self.peaks = _moved(self.peaks, room // GROUP)
            self.seen = _moved(self.seen, room // GROUP)
            self.then = _moved(self.then, room // GROUP)
        self.count[:2] = kept, 0


def _moved(rows: NDArray[Any], room: int) -> NDArray[Any]:
    wider = np.zeros((room, *rows.shape[1:]), rows.dtype)
    wider[: len(rows)] = rows
    return wider


@dataclass
class RunLengths:
    """The posterior of `tsalign.kernels.runs` on a stream; its fields are all of its state.

    Parameters
    ----------
    min_size : int
        Shortest segment.
    hazard, doubt : float
        Chance of a change before a sample; a bound is made when that of no change is below doubt.
    origin, unit : (d,) float64
        What is subtracted from all samples, and what they are then divided by.
    starts, weights, mean, scale, prior, count
        As in `tsalign.kernels.runs.Runs`.
    """

    min_size: int
    hazard: float
    doubt: float
    origin: NDArray[np.float64]
    unit: NDArray[np.float64]
    starts: NDArray[np.int64]
    weights: NDArray[np.float64]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    prior: NDArray[np.float64]
    count: NDArray[np.int64]

    @classmethod
    def begin(cls, x: NDArray[np.float64], hazard: float, doubt: float, min_size: int) -> Self:
        """Return the posterior at its beginning; `x` are the first samples, not yet taken in."""
        d, centred = x.shape[1], x - x[0]
        noise = np.square(np.diff(x, axis=0)).mean(axis=0) / 2 if len(x) > 1 else np.zeros(d)
        unit = np.where(noise > 0, np.sqrt(noise), 1.0)
        prior = 1 / np.maximum(1.0, (centred / unit).var(axis=0))
        return cls(
            min_size,
            hazard,
            doubt,
            x[0] + centred.mean(axis=0),
            unit,
            np.zeros(RUNS, np.int64),
            np.zeros(RUNS),
            np.zeros((RUNS, d)),
            np.zeros((RUNS, d)),
            prior,
            np.zeros(2, np.int64),
        )

    def feed(self, x: NDArray[np.float64]) -> list[int]:
        """Take samples `(n, d)` in; return the changes found, as samples of the stream."""
        z = (x - self.origin) / self.unit
        runs = bayes.Runs(self.starts, self.weights, self.mean, self.scale, self.prior, self.count)
        floor = np.log(self.hazard) - 10 - 5 * z.shape[1]
        changes: list[int] = []
        while len(z):
            used, found = bayes.track(runs, z, self.hazard, self.doubt, floor, self.min_size)
            z = z[used:]
            while found > 0:
                bayes.settle(runs, found, self.min_size)
                changes.append(int(self.starts[0]))
                found = bayes.verdict(runs, self.doubt, self.min_size)
        return changes

    def finish(self) -> list[int]:
        """Return no changes: nothing is held back."""
        return []
