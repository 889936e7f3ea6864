"""Which sentence speaks of which stretch: exact decoders, their priors and their calibration."""

from tsalign.match.blocks import Blocks
from tsalign.match.confidence import Confidence
from tsalign.match.decoded import Decoded
from tsalign.match.durations import flat, log_normal
from tsalign.match.edges import refine
from tsalign.match.independent import Independent
from tsalign.match.independent_stream import IndependentStream
from tsalign.match.odds import against_nothing
from tsalign.match.one_to_one import OneToOne
from tsalign.match.ordered import Ordered
from tsalign.match.outcome import Case
from tsalign.match.placer import Placer
from tsalign.match.stream import OrderedStream
from tsalign.match.unordered import Unordered

__all__ = [
    "Blocks",
    "Case",
    "Confidence",
    "Decoded",
    "Independent",
    "IndependentStream",
    "OneToOne",
    "Ordered",
    "OrderedStream",
    "Placer",
    "Unordered",
    "against_nothing",
    "flat",
    "log_normal",
    "refine",
]
