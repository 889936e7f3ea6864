"""One level and one spread for all channels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from tsalign.params import check_params
from tsalign.prepare.channels import Channel, each_channel, each_signal
from tsalign.types import Recording


@dataclass(frozen=True)
class Standardize:
    """Bring each channel to level 0 and spread 1 over the recording.

    Parameters
    ----------
    by : "mean" or "median"
        Mean and standard deviation; or median and 1.4826 times the median absolute deviation,
        which outliers do not sway (where that is 0, the standard deviation). A channel that never
        varies becomes 0.

    Examples
    --------
    >>> from tsalign.types import Signal
    >>> x = np.array([[1.0], [3.0], [np.nan]], np.float32)
    >>> Standardize()(Recording("r", (Signal(x, 1.0),))).signal.values[:, 0].tolist()
    [-1.0, 1.0, nan]
    """

    by: Literal["mean", "median"] = "mean"

    version: ClassVar[int] = 1

    def __call__(self, recording: Recording) -> Recording:
        """Return the recording with standardised channels, whose unit is then unknown.

        Parameters
        ----------
        recording : Recording
            With any number of signals.

        Returns
        -------
        Recording
            Everything but samples and units unchanged.

        Raises
        ------
        TsalignError
            When a channel has no value at all.
        """
        check_params(self)
        return each_signal(
            recording, lambda signal: replace(each_channel(signal, self._scaled), units=())
        )

    def _scaled(self, x: Channel) -> Channel:
        # Away from the first value: a channel that never varies becomes exactly 0.
        x = x - x[np.isfinite(x)][0]
        away = x - (np.nanmean(x) if self.by == "mean" else np.nanmedian(x))
        spread = 0.0 if self.by == "mean" else 1.4826 * float(np.nanmedian(np.abs(away)))
        spread = spread or float(np.nanstd(x))
        return away / spread if spread > 0 else away
