"""Metrics over aligned recordings: spans, boundaries, calibration, tokens and retrieval."""

from tsalign.evaluate.bootstrap import baselines, counts, figures, intervals, report
from tsalign.evaluate.boundaries import Segmentation
from tsalign.evaluate.calibration import Calibration
from tsalign.evaluate.information import Information
from tsalign.evaluate.results import Metric, Results
from tsalign.evaluate.retrieval import Retrieval
from tsalign.evaluate.spans import BoundaryError, Distractors, RecallAtIou, SpanIou
from tsalign.evaluate.tokens import TokenAgreement
from tsalign.evaluate.wholes import GlobalRetrieval

__all__ = [
    "BoundaryError",
    "Calibration",
    "Distractors",
    "GlobalRetrieval",
    "Information",
    "Metric",
    "RecallAtIou",
    "Results",
    "Retrieval",
    "Segmentation",
    "SpanIou",
    "TokenAgreement",
    "baselines",
    "counts",
    "figures",
    "intervals",
    "report",
]
