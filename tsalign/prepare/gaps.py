"""Straight lines over short gaps, and between irregular stamps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from tsalign.errors import TsalignError
from tsalign.params import check_params
from tsalign.prepare.channels import SLIVER, Channel, each_channel, each_signal, finite_runs
from tsalign.types import Recording, Signal


@dataclass(frozen=True)
class FillGaps:
    """Bridge short gaps by a straight line.

    Parameters
    ----------
    max_gap : float
        Seconds; a gap of more missing samples than this stays, as do gaps at either end.

    Examples
    --------
    >>> x = np.array([[1], [np.nan], [3], [np.nan], [np.nan], [6], [np.nan]], np.float32)
    >>> FillGaps(1.0)(Recording("r", (Signal(x, 1.0),))).signal.values[:, 0].tolist()
    [1.0, 2.0, 3.0, nan, nan, 6.0, nan]
    """

    max_gap: Annotated[float, Ge(0)] = 0.5

    version: ClassVar[int] = 1

    def __call__(self, recording: Recording) -> Recording:
        """Return the recording with short gaps filled.

        Parameters
        ----------
        recording : Recording
            With any number of signals.

        Returns
        -------
        Recording
            Everything but the samples unchanged.

        Raises
        ------
        TsalignError
            When a channel has no value at all.
        """
        check_params(self)
        return each_signal(recording, self._filled)

    def _filled(self, signal: Signal) -> Signal:
        longest = int(self.max_gap * signal.rate + SLIVER)

        def apply(x: Channel) -> Channel:
            runs = finite_runs(x)
            x = x.copy()
            for a, b in zip(runs[:-1, 1], runs[1:, 0], strict=True):
                if b - a <= longest:
                    x[a:b] = np.interp(np.arange(a, b), [a - 1, b], [x[a - 1], x[b]])
            return x

        return each_channel(signal, apply)


def grid(
    times: NDArray[np.float64], values: NDArray[np.float32], rate: float, max_gap: float
) -> NDArray[np.float32]:
    """Put irregularly stamped samples on a regular grid by straight lines.

    Lines do not filter: take a rate no lower than that of the stamps, and `Resample` afterwards.

    Parameters
    ----------
    times : (m,) float64
        Rising stamps in seconds; the grid begins at the first.
    values : (m, c) float32
        Samples; a missing one is as if its stamp were absent from its channel.
    rate : float
        Samples per second of the grid.
    max_gap : float
        Seconds; between stamps further apart than this, the grid is missing.

    Returns
    -------
    (n, c) float32
        The samples at `times[0] + i / rate`, up to the last stamp.

    Raises
    ------
    TsalignError
        When there is no stamp, a stamp is not finite or does not rise, or shapes do not fit.

    Examples
    --------
    >>> grid(np.array([0.0, 0.5, 4.0]), np.array([[0.0], [1.0], [8.0]]), 2.0, 1.0)[:, 0].tolist()
    [0.0, 1.0, nan, nan, nan, nan, nan, nan, 8.0]
    """
    times, values = np.asarray(times, dtype=np.float64), np.asarray(values)
    if times.ndim != 1 or len(times) == 0 or values.ndim != 2 or len(values) != len(times):
        raise TsalignError(
            f"stamps of shape {times.shape} do not fit values of shape {values.shape}"
        )
    falls = np.flatnonzero(~(np.diff(times) > 0))
    if len(falls) or not np.isfinite(times[0]):
        at = int(falls[0]) + 1 if len(falls) else 0
        raise TsalignError(f"stamps should rise: number {at} is {times[at]}", row=str(at))
    count = int((times[-1] - times[0]) * rate + SLIVER) + 1
    at = times[0] + np.arange(count) / rate
    columns = [_on_lines(times, column, at, max_gap, SLIVER / rate) for column in values.T]
    return np.stack(columns, axis=1).astype(np.float32)


def _on_lines(times: Channel, x: Channel, at: Channel, max_gap: float, sliver: float) -> Channel:
    known = np.isfinite(x)
    times, x = times[known], x[known]
    if len(times) == 0:
        return np.full(len(at), np.nan)
    after = np.searchsorted(times, at - sliver)
    before = np.searchsorted(times, at + sliver, side="right") - 1
    inside = (before >= 0) & (after < len(times))
    gap = times[np.minimum(after, len(times) - 1)] - times[np.maximum(before, 0)]
    return np.where(inside & (gap <= max_gap + sliver), np.interp(at, times, x), np.nan)
