"""Bring the signals of a recording onto one grid, filter, standardise, and bridge short gaps.

Every step is a function from recording to recording; missing values are never spread: each finite
run of a channel is worked on by itself, and what was missing stays missing. Infinite values count
as missing.
"""

from __future__ import annotations

from tsalign.prepare.bandpass import Bandpass
from tsalign.prepare.gaps import FillGaps, grid
from tsalign.prepare.resample import Resample
from tsalign.prepare.standardize import Standardize

__all__ = ["Bandpass", "FillGaps", "Resample", "Standardize", "grid"]
