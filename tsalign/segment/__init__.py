"""Segmenters: from a series to the bounds of its segments."""

from tsalign.segment.base import Segmenter, bounds_of, samples
from tsalign.segment.external import Ruptures
from tsalign.segment.pelt import Pelt
from tsalign.segment.windows import Windows

__all__ = ["Pelt", "Ruptures", "Segmenter", "Windows", "bounds_of", "samples"]
