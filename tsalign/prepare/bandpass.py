"""Keep what happens at some frequencies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Gt
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from tsalign.errors import TsalignError
from tsalign.params import check_params
from tsalign.prepare.channels import Channel, each_channel, each_signal, finite_runs
from tsalign.types import Recording, Signal


@dataclass(frozen=True)
class Bandpass:
    """Keep the frequencies between two edges, without delay (Butterworth, forth and back).

    A run shorter than the filter would like for its ends is filtered with what it has, so nothing
    is lost; it then shows the filter settling.

    Parameters
    ----------
    low : float or None
        Lower edge in Hz; None lets everything below `high` through.
    high : float or None
        Upper edge in Hz; None lets everything above `low` through.
    order : int
        Order of the filter that runs twice.

    Examples
    --------
    >>> t = np.arange(1000) / 100
    >>> x = (5 + np.sin(2 * np.pi * t))[:, None].astype(np.float32)
    >>> kept = Bandpass(low=0.3, high=20.0)(Recording("r", (Signal(x, 100.0),))).signal.values
    >>> round(abs(float(kept.mean())), 1), round(float(kept[200:800].max()), 1)
    (0.0, 1.0)
    """

    low: Annotated[float, Gt(0)] | None
    high: Annotated[float, Gt(0)] | None
    order: Annotated[int, Gt(0)] = 4

    version: ClassVar[int] = 1

    def __call__(self, recording: Recording) -> Recording:
        """Return the recording with filtered signals.

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
            When the edges do not rise, or are not below half the rate of a signal.
        """
        check_params(self)
        return each_signal(recording, self._filtered)

    def _filtered(self, signal: Signal) -> Signal:
        sections = self._sections(signal.rate)

        def apply(x: Channel) -> Channel:
            out = np.full_like(x, np.nan)
            usual = 3 * (2 * len(sections) + 1)
            for a, b in finite_runs(x):
                out[a:b] = sosfiltfilt(sections, x[a:b], padlen=min(usual, b - a - 1))
            return out

        return each_channel(signal, apply)

    def _sections(self, rate: float) -> NDArray[np.float64]:
        if self.low is None and self.high is None:
            raise TsalignError("bandpass needs low, high or both")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise TsalignError(f"bandpass low={self.low:g} should be below high={self.high:g}")
        edges = [edge for edge in (self.low, self.high) if edge is not None]
        if edges[-1] >= rate / 2:
            raise TsalignError(
                f"bandpass edge {edges[-1]:g} Hz should be below half the rate of the signal, "
                f"{rate / 2:g} Hz (sampled at {rate:g} Hz)"
            )
        kind = "bandpass" if len(edges) == 2 else "highpass" if self.high is None else "lowpass"
        wanted = edges if len(edges) == 2 else edges[0]
        return butter(self.order, wanted, btype=kind, fs=rate, output="sos")
