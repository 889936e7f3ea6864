"""Which sentence speaks of which stretch: exact decoders, their priors and their calibration."""

from tsalign.match.confidence import Confidence
from tsalign.match.decoded import Decoded
from tsalign.match.durations import flat, log_normal
from tsalign.match.independent import Independent
from tsalign.match.ordered import Ordered
from tsalign.match.placer import Case, Placer

__all__ = [
    "Case",
    "Confidence",
    "Decoded",
    "Independent",
    "Ordered",
    "Placer",
    "flat",
    "log_normal",
]
