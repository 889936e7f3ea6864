"""How samples are changed at random while learning."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Annotated

from annotated_types import Ge, Le, Lt

Group = tuple[int, int, int]
"""The channels of a 3-axis sensor."""


@dataclass(frozen=True)
class Augment:
    """How samples are changed at random while learning; 0 changes nothing.

    Parameters
    ----------
    jitter : float
        Standard deviation of added noise, in that of a channel.
    scale : float
        Standard deviation of the logarithm of each channel's factor.
    shift : int
        Samples, at most, by which a segment is moved in time.
    rotate : float
        Standard deviation of the angle in radians by which 3-axis sensors turn.
    channels : float
        Chance that a channel is hidden.
    time : float
        Share of the time, at most, that is hidden in one stretch.

    Examples
    --------
    >>> Augment(jitter=0.05, rotate=0.3).shift
    0
    """

    jitter: Annotated[float, Ge(0)] = 0.0
    scale: Annotated[float, Ge(0)] = 0.0
    shift: Annotated[int, Ge(0)] = 0
    rotate: Annotated[float, Ge(0), Le(pi)] = 0.0
    channels: Annotated[float, Ge(0), Lt(1)] = 0.0
    time: Annotated[float, Ge(0), Lt(1)] = 0.0
