"""Segmenters: from a series to the bounds of its segments."""

from tsalign.segment.adapter import External
from tsalign.segment.base import Segmenter, bounds_of, samples
from tsalign.segment.classification import Classification
from tsalign.segment.conventions import to_changepoints, to_ends, to_intervals, to_labels
from tsalign.segment.external import Ruptures
from tsalign.segment.features import Features
from tsalign.segment.gaps import AroundGaps
from tsalign.segment.kernel import Kernel
from tsalign.segment.known import BinarySegmentation, BottomUp, DynamicProgramming, SlidingWindow
from tsalign.segment.mixed import Mixed
from tsalign.segment.online import Online
from tsalign.segment.path import crops
from tsalign.segment.pelt import Pelt
from tsalign.segment.windows import Windows

__all__ = [
    "AroundGaps",
    "BinarySegmentation",
    "BottomUp",
    "Classification",
    "DynamicProgramming",
    "External",
    "Features",
    "Kernel",
    "Mixed",
    "Online",
    "Pelt",
    "Ruptures",
    "Segmenter",
    "SlidingWindow",
    "Windows",
    "bounds_of",
    "crops",
    "samples",
    "to_changepoints",
    "to_ends",
    "to_intervals",
    "to_labels",
]
