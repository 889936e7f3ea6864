"""The public face: what a user may import, pinned, so that nothing comes or goes by accident."""

from __future__ import annotations

import importlib
import subprocess
import sys
import textwrap

import pytest
from package import ROOMS

import tsalign

FACE = {
    "align": """
        Attention Augment Bounds close_concepts ConceptText ContextEncoder Contrastive Conv
        Correlation Cosine dcl find from_hub hard_negatives Hit Index infonce Joined Kernel max_mil
        mil_nce MiniLM Mlp mutual_information Noted notes_for opposites Pairs pairs_of Patch
        Prompts push_to_hub Queries Reader recordings_for Relational sentences_for
        SentenceTransformerText shared_and_unique siglip SignalEncoder supcon terms
        text_identity TextEncoder tiled_siglip tiled_supcon TokenEncoder unique
    """,
    "describe": "Describer LogMel Mfcc MiniRocket Raw Statistics widen",
    "evaluate": """
        baselines BoundaryError Calibration counts Distractors figures GlobalRetrieval
        Information intervals Metric RecallAtIou report Results Retrieval Segmentation
        SpanIou TokenAgreement
    """,
    "export": "Csv Jsonl Png read_csv read_jsonl read_textgrid replacing Row rows TextGrid",
    "match": """
        against_nothing Blocks Case Confidence Decoded flat Independent IndependentStream
        log_normal OneToOne Ordered OrderedStream Placer refine Unordered
    """,
    "notes": """
        affirmed assess durations Finding Meanings parse read_notes read_vocabulary Reading
        RecordingNotes Scope scopes split_clauses split_sentences stamped Times
    """,
    "prepare": "Bandpass FillGaps grid Resample Standardize",
    "read": "Audio Csv Parquet read read_truth read_truths READERS recording_id Truth Wfdb",
    "segment": """
        AroundGaps BinarySegmentation BottomUp bounds_of Classification crops DynamicProgramming
        External Features Kernel Mixed Online Pelt Ruptures samples Segmenter SlidingWindow
        to_changepoints to_ends to_intervals to_labels Windows
    """,
    "tokens": """
        check_rate deduplicate KMeans MaskedPredictor MiniBatchKMeans ngrams PairEncoding
        ProductKMeans ResidualKMeans runs token_rate
    """,
}


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "kernels"])
def test_a_room_shows_what_is_pinned(room: str) -> None:
    shown = importlib.import_module(f"tsalign.{room}").__all__
    assert len(shown) == len(set(shown))
    assert set(shown) == set(FACE.get(room, "").split()), f"FACE should say:\n{line(room)}"


def line(room: str) -> str:
    """Return the entry of FACE that describes a room as it is."""
    names = " ".join(sorted(importlib.import_module(f"tsalign.{room}").__all__, key=str.lower))
    if len(names) < 80:
        return f'    "{room}": "{names}",'
    return f'    "{room}": """\n{textwrap.indent(textwrap.fill(names, 90), " " * 8)}\n    """,'


@pytest.mark.parametrize("room", FACE)
def test_everything_shown_is_there(room: str) -> None:
    module = importlib.import_module(f"tsalign.{room}")
    for name in FACE[room].split():
        assert hasattr(module, name), name


VALUES = "AlignedSpan Alignment Note Recording Segments Sentence Signal Span Tokens TsalignError"
STAGES = "align describe evaluate export match notes prepare read segment tokens"


def test_the_package_shows_its_values_and_its_stages() -> None:
    assert tsalign.__all__ == [*VALUES.split(), "__version__", *STAGES.split()]
    assert dir(tsalign) == tsalign.__all__
    for name in VALUES.split():
        assert getattr(tsalign, name).__name__ == name
    for name in STAGES.split():
        assert getattr(tsalign, name).__name__ == f"tsalign.{name}"
    with pytest.raises(AttributeError, match="no attribute 'Spam'"):
        _ = tsalign.Spam


def test_one_import_is_enough_in_a_notebook() -> None:
    """In a fresh process, so that no other test has loaded the folders already."""
    code = (
        "import numpy as np, tsalign as ts\n"
        "from tsalign import Span, segment\n"
        "cut = ts.segment.Windows(length=2).fit_predict(np.zeros(5))\n"
        "print(list(ts.Segments(cut, rate=1.0)) == [Span(0, 2), Span(2, 4)], ts.segment is segment)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True True\n"


def test_star_import_brings_what_is_shown() -> None:
    space: dict[str, object] = {}
    exec("from tsalign import *", space)
    assert set(tsalign.__all__) <= set(space)
