"""From segments to rows of features: `(signal, bounds) -> (k, d)`."""

from __future__ import annotations

from tsalign.describe.context import Describer, widen
from tsalign.describe.mel import LogMel, Mfcc
from tsalign.describe.minirocket import MiniRocket
from tsalign.describe.raw import Raw
from tsalign.describe.statistics import Statistics

__all__ = ["Describer", "LogMel", "Mfcc", "MiniRocket", "Raw", "Statistics", "widen"]
