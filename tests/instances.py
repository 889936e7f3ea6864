"""One or more instances of every public part: the contract tests run on all of them."""

from __future__ import annotations

from tsalign.align import Attention, Augment, ContextEncoder, Conv, Mlp, Patch, TokenEncoder
from tsalign.describe import LogMel, Mfcc, MiniRocket, Raw, Statistics
from tsalign.export import Csv, Jsonl, Png, TextGrid
from tsalign.match import Blocks, Independent, OneToOne, Ordered, Unordered
from tsalign.notes import Reading
from tsalign.prepare import Bandpass, FillGaps, Resample, Standardize
from tsalign.segment import (
    BinarySegmentation,
    BottomUp,
    Classification,
    DynamicProgramming,
    External,
    Features,
    Kernel,
    Online,
    Pelt,
    Ruptures,
    SlidingWindow,
    Windows,
)

SEGMENTERS: list = [
    Windows(length=8),
    Windows(length=8, hop=3),
    Pelt(),
    Pelt(penalty=5.0, min_duration=4),
    Pelt(variance="difference"),
    Pelt(penalty="crops"),
    Pelt(penalty="calibrated", n_permutations=19),
    Kernel(),
    Kernel(penalty="calibrated", n_permutations=19),
    Kernel("cosine", penalty=3.0, min_duration=3),
    Kernel(exact_length=20, n_features=8),
    Pelt("l1", "mbic"),
    Pelt("normal", min_duration=3),
    Pelt("normal_full", min_duration=4),
    Pelt("rank", "mbic"),
    Pelt("linear", "slope"),
    Pelt("ar", order=2, min_duration=6),
    Classification(),
    Classification(window=4, n_neighbors=3, min_duration=5),
    Features(window=4, min_duration=5),
    Features(window=4, kernel="linear", validate=True),
    BinarySegmentation(n_segments=5),
    BinarySegmentation(penalty="bic", intervals="seeded", min_duration=3),
    BinarySegmentation(penalty=5.0, intervals="wild", n_intervals=20),
    BottomUp(n_segments=5),
    BottomUp(penalty=5.0, min_duration=3),
    SlidingWindow(width=10, penalty="bic"),
    DynamicProgramming(n_segments=4),
    Online(),
    Online(penalty=9.0, min_duration=3, resolution=4),
    Online("bocpd", expected_duration=20),
    Ruptures(penalty=3.0),
    Ruptures("KernelCPD", model="linear", penalty=5.0),
    Ruptures("Binseg", model="l2", epsilon=5.0),
    Ruptures("Window", model="l2", width=10, penalty=5.0),
    External("toys:Jumps", params={"least": 2.0}, predict_params={"scale": 0.5}),
]
DESCRIBERS: list = [
    Statistics(),
    Statistics(context=0.64),
    MiniRocket(kernels=84),
    MiniRocket(kernels=252, context=0.64, components=4),
    LogMel(bins=8),
    Mfcc(coefficients=4, bins=8),
    Raw(),
    Raw(context=0.64, samples=9, groups=((0, 1, 2),)),
]
ENCODERS: list = [
    Mlp(width=8),
    ContextEncoder(width=8, layers=2, window=8),
    ContextEncoder("transformer", width=8, layers=2, window=8),
    ContextEncoder(width=8, layers=1, window=8, start="masked"),
    TokenEncoder(n_tokens=50, reach=1, width=8, layers=1),
    Conv(samples=3, width=8, layers=2),
    Conv(1, 8, 1, 1, 0.0, Augment(0.1, 0.1, 0, 0.3, 0.1, 0.1), ((0, 1, 2),)),
    Patch(samples=3, length=2, stride=1, width=8, layers=1, augment=Augment(shift=1)),
]
POOLINGS: list = [
    Attention(),
    Attention(scales=(0.5, 20), weight=2.0, heads=1, members=4, batch_size=2),
]
MATCHERS: list = [
    Ordered(),
    Unordered(),
    Unordered(switch_cost=1.0, repeats=False),
    OneToOne(),
    Blocks(),
    Independent(),
    Independent(max_spans=3, max_overlap=0.0),
]
PREPARERS: list = [
    Resample(rate=20.0),
    Bandpass(low=0.5, high=None),
    Standardize(),
    Standardize(by="median"),
    FillGaps(),
]
READINGS: list = [Reading(), Reading(clauses=True), Reading(deidentify="shift")]
EXPORTERS: list = [Jsonl(), Csv(), TextGrid(), Png()]
