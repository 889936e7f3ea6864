"""Windows of equal length."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Gt
from numpy.typing import NDArray

from tsalign.segment.base import Segmenter, count


class Windows(Segmenter):
    """Cut a series into windows of equal length, wherever the signal changes.

    The last incomplete window is dropped; a series shorter than one window gives no segment, an
    array of shape (0, 2).

    Parameters
    ----------
    length : float
        Length of a window in seconds; rounded to whole samples.
    hop : float or None
        Seconds from one start to the next, rounded to whole samples; None stands for `length`.
        Less than `length` gives overlapping windows, more gives windows with gaps between them.
    rate : float
        Samples per second; with 1.0 a second is a sample.

    Attributes
    ----------
    n_features_in_ : int
        Channels seen in `fit`.

    Examples
    --------
    >>> Windows(length=4, hop=2).fit_predict(np.zeros(9)).tolist()
    [[0, 4], [2, 6], [4, 8]]
    >>> Windows(length=2.56, hop=1.28, rate=50.0).fit_predict(np.zeros((200, 3))).tolist()
    [[0, 128], [64, 192]]
    """

    def __init__(
        self,
        length: Annotated[float, Gt(0)],
        hop: Annotated[float, Gt(0)] | None = None,
        rate: Annotated[float, Gt(0)] = 1.0,
    ) -> None:
        self.length = length
        self.hop = hop
        self.rate = rate

    def _segment(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        length = count("length", self.length, self.rate, least=1)
        hop = length if self.hop is None else count("hop", self.hop, self.rate, least=1)
        starts = np.arange(0, len(x) - length + 1, hop, dtype=np.int64)
        return np.column_stack([starts, starts + length])
