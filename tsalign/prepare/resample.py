"""One rate and one grid for all signals of a recording."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.signal import firwin, resample_poly

from tsalign.errors import TsalignError, located
from tsalign.params import check_params
from tsalign.prepare.channels import SLIVER, Channel, each_channel, finite_runs
from tsalign.prepare.gaps import FillGaps
from tsalign.types import Recording, Signal

# Of a sample: what is nearer than this to a grid point counts as on it.
ON_GRID = 1e-2


@dataclass(frozen=True)
class Resample:
    """Bring all signals to one rate and join them into one signal, without aliasing.

    The result covers what all signals share, from the latest start to the earliest end, in whole
    samples. Each channel is filtered and resampled by a polyphase filter, finite run by finite
    run; a signal whose samples do not fall on the grid (an odd rate or start) is brought to four
    times the rate first and then read off by cubic splines. A single signal that already has the
    rate is kept bit for bit, but for bridged gaps.

    Parameters
    ----------
    rate : float
        Samples per second of the result.
    max_gap : float
        Seconds; gaps no longer than this are bridged by a straight line, longer ones stay missing.

    Examples
    --------
    >>> fast = Signal(np.ones((1000, 1), np.float32), 100.0, 0.0, ("x",))
    >>> slow = Signal(np.ones((10, 1), np.float32), 1.0, 2.0, ("heart rate",))
    >>> joined = Resample(rate=50.0)(Recording("r", (fast, slow))).signal
    >>> joined.values.shape, joined.start, joined.channels
    ((400, 2), 2.0, ('x', 'heart rate'))
    """

    rate: Annotated[float, Gt(0)]
    max_gap: Annotated[float, Ge(0)] = 1.0

    version: ClassVar[int] = 1

    def __call__(self, recording: Recording) -> Recording:
        """Return the recording with exactly one signal.

        Parameters
        ----------
        recording : Recording
            With one signal or more.

        Returns
        -------
        Recording
            Everything but the signals unchanged.

        Raises
        ------
        TsalignError
            When the signals share no stretch of time, or a channel has no value at all.
        """
        check_params(self)
        with located(recording=recording.id):
            signals = FillGaps(self.max_gap)(recording).signals
            start, count = _common_grid(signals, self.rate)
            values = [_onto_grid(signal, self.rate, start, count) for signal in signals]
            joined = Signal(
                np.concatenate(values, axis=1),
                float(self.rate),
                start,
                tuple(name for signal in signals for name in signal.channels),
                tuple(unit for signal in signals for unit in signal.units),
            )
            return replace(recording, signals=(joined,))


def _common_grid(signals: tuple[Signal, ...], rate: float) -> tuple[float, int]:
    if not signals:
        raise TsalignError("there is no signal to resample")
    start = max(signal.span.start for signal in signals)
    end = min(signal.span.end for signal in signals)
    count = int((end - start) * rate + SLIVER)
    if end <= start or count == 0:
        raise TsalignError(
            f"the signals share no sample at {rate:g} Hz: "
            f"the latest starts at {start:g} s, the earliest ends at {end:g} s"
        )
    return start, count


def _onto_grid(signal: Signal, rate: float, start: float, count: int) -> NDArray[np.float32]:
    ratio = Fraction(rate / signal.rate).limit_denominator(1000)
    shift = (start - signal.start) * rate
    drift = abs(float(ratio) * signal.rate / rate - 1) * (abs(shift) + count)
    if ratio > 0 and drift + abs(shift - round(shift)) < ON_GRID:
        first = round(shift)
        columns = each_channel(signal, lambda x: _polyphase(x, ratio, 1)[first : first + count])
    else:
        times = (start - signal.start) + np.arange(count) / rate
        columns = each_channel(signal, lambda x: _off_grid(x, signal.rate, rate, times))
    return columns.values


def _off_grid(x: Channel, old: float, new: float, times: Channel) -> Channel:
    # Rates below a thousandth of the old one need the full fraction.
    ratio = Fraction(new / old).limit_denominator(max(1000, round(1000 * old / new)))
    fine = _polyphase(x, ratio, 4)
    at = times * (old * float(4 * ratio))
    out = np.full(len(times), np.nan)
    for a, b in finite_runs(fine):
        inside = slice(*np.searchsorted(at, [a - SLIVER, b - SLIVER]))
        out[inside] = map_coordinates(fine[a:b], [at[inside] - a], order=3, mode="nearest")
    return out


def _polyphase(x: Channel, ratio: Fraction, fine: int) -> Channel:
    """Resample by `ratio * fine`, letting through what lies below half the rate `ratio` gives."""
    whole = ratio * fine
    if whole == 1:
        return x
    up, down = whole.as_integer_ratio()
    widest = down * fine if ratio < 1 else up
    taps = firwin(20 * widest + 1, 1.0 / widest, window=("kaiser", 5.0))
    out = np.full(-(-len(x) * up // down), np.nan)
    for a, b in finite_runs(x):
        # The run is continued beyond its ends, to a sample that falls on the new grid.
        margin = 10 * widest // up + 1
        left = margin + (a - margin) % down
        extended = np.pad(x[a:b], (left, margin), mode="reflect", reflect_type="odd")
        first = (a - left) // down * up
        wanted = slice(-(-a * up // down), -(-b * up // down))
        smooth = resample_poly(extended, up, down, window=taps)
        out[wanted] = smooth[wanted.start - first : wanted.stop - first]
    return out
