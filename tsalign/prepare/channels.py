"""A change to every channel, one at a time, and its runs of finite values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tsalign.errors import TsalignError, located
from tsalign.types import Recording, Signal

Channel = NDArray[np.float64]
# Of a sample: rounding of seconds to samples.
SLIVER = 1e-6


def finite_runs(x: NDArray) -> NDArray[np.int64]:
    """Return the stretches of one channel without a missing value.

    Parameters
    ----------
    x : (n,) array
        Samples.

    Returns
    -------
    (r, 2) int64
        Half-open, in order.

    Examples
    --------
    >>> finite_runs(np.array([np.nan, 1.0, 2.0, np.nan, 3.0])).tolist()
    [[1, 3], [4, 5]]
    """
    known = np.concatenate([[False], np.isfinite(x), [False]])
    return np.flatnonzero(known[1:] != known[:-1]).reshape(-1, 2)


def each_signal(recording: Recording, change: Callable[[Signal], Signal]) -> Recording:
    """Return the recording with every signal changed; an error says which recording it was."""
    with located(recording=recording.id):
        return replace(recording, signals=tuple(change(signal) for signal in recording.signals))


def each_channel(signal: Signal, change: Callable[[Channel], Channel]) -> Signal:
    """Return the signal with every channel changed, worked on in double precision.

    Parameters
    ----------
    signal : Signal
        Its infinite values count as missing.
    change : function from (n,) float64 to (m,) float64
        Missing values are NaN in both.

    Returns
    -------
    Signal
        With the same rate, start, channels and units.

    Raises
    ------
    TsalignError
        When a channel has no value at all.
    """
    columns = []
    for name, column in zip(signal.channels, signal.values.T, strict=True):
        x = np.where(np.isfinite(column), column.astype(np.float64), np.nan)
        if np.isnan(x).all():
            raise TsalignError(f"channel {name!r} has no value at all")
        columns.append(change(x).astype(np.float32))
    return replace(signal, values=np.stack(columns, axis=1))
