"""One or more instances of every public part: the contract tests run on all of them."""

from __future__ import annotations

from tsalign.describe import LogMel, Mfcc, MiniRocket, Statistics
from tsalign.export import Csv, Jsonl, Png, TextGrid
from tsalign.match import Independent, Ordered
from tsalign.prepare import Bandpass, FillGaps, Resample, Standardize

SEGMENTERS: list = []
DESCRIBERS: list = [
    Statistics(),
    Statistics(context=0.64),
    MiniRocket(kernels=84),
    MiniRocket(kernels=252, context=0.64, components=4),
    LogMel(bins=8),
    Mfcc(coefficients=4, bins=8),
]
MATCHERS: list = [Ordered(), Independent(), Independent(max_spans=3, max_overlap=0.0)]
PREPARERS: list = [
    Resample(rate=20.0),
    Bandpass(low=0.5, high=None),
    Standardize(),
    Standardize(by="median"),
    FillGaps(),
]
EXPORTERS: list = [Jsonl(), Csv(), TextGrid(), Png()]
