"""The shipped recordings, sentences and notes, and the script that makes the notes."""

from __future__ import annotations

import csv
import importlib.util
import json
import re
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data"
PARTS = {"train": 12, "valid": 4, "test": 6}
TINY_STARTS = {
    "s01_0": 90.78,
    "s02_0": 102.80,
    "s18_0": 132.98,
    "s19_0": 151.20,
    "s21_0": 143.74,
    "s22_0": 109.88,
}


def _script() -> ModuleType:
    """Load the script, which is no part of the package."""
    name, file = "make_notes", ROOT / "benchmarks" / "make_notes.py"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    sys.path.append(str(file.parent))  # it imports its neighbours, as when it is run
    spec.loader.exec_module(module)
    return module


script = _script()


def notes_of(collection: str) -> list[dict[str, Any]]:
    text = (DATA / collection / "notes.jsonl").read_bytes().decode("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def truth_of(collection: str) -> dict[str, dict[str, str]]:
    text = (DATA / collection / "notes.truth.csv").read_bytes().decode("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert len({row["sentence"] for row in rows}) == len(rows)
    return {row["sentence"]: row for row in rows}


def part_of(collection: str, recording: str) -> str:
    if recording == "61-70968-0000":
        return "test"
    return script.COLLECTIONS[collection].part(recording)


def seconds(collection: str, recording: str) -> float:
    path = DATA / collection / recording
    if collection in ("hapt", "tiny"):
        return pq.ParquetFile(f"{path}.parquet").metadata.num_rows / 50
    if collection == "ecg":
        _, _, rate, samples = Path(f"{path}.hea").read_text(encoding="utf-8").split()[:4]
        return int(samples) / float(rate)
    return soundfile.info(f"{path}.wav").duration


# --- sentences ---------------------------------------------------------------------------------


@pytest.mark.parametrize("collection", ["hapt", "ecg"])
def test_no_wording_stands_twice(collection: str) -> None:
    every = json.loads((DATA / collection / "sentences.json").read_text(encoding="utf-8"))
    groups = [*every["concepts"].values(), every["distractors"]]
    texts = [text for group in groups for part in PARTS for text in group[part]]
    bare = Counter(" ".join(re.findall(r"\w+", text.lower())) for text in texts)
    assert max(bare.values()) == 1
    assert all(text == text.strip() for text in texts)


def test_hapt_has_the_promised_numbers_of_wordings_and_no_times() -> None:
    every = json.loads((DATA / "hapt/sentences.json").read_text(encoding="utf-8"))
    labels = {
        s.label
        for f in (DATA / "hapt").glob("*.spans.csv")
        for s in script.read_spans(f)
        if s.label
    }
    assert set(every["concepts"]) == labels
    for group in every["concepts"].values():
        assert {part: len(texts) for part, texts in group.items()} == PARTS
        for text in (text for texts in group.values() for text in texts):
            assert not re.search(r"\d|\b(minutes?|seconds|hours?|morning|o'clock)\b", text), text
    assert [len(every["distractors"][p]) for p in (*PARTS, "letter")] == [20, 20, 24, 26]


# --- recordings --------------------------------------------------------------------------------


def test_hapt_is_whole() -> None:
    files = sorted((DATA / "hapt").glob("*.parquet"))
    assert len(files) == 61
    subjects = {pq.read_schema(f).metadata[b"subject"].decode() for f in files}
    assert subjects == {str(i) for i in range(1, 31)}
    for file in files:
        assert pq.read_schema(file).metadata[b"subject"].decode() == script.subject_of_hapt(
            file.stem
        )


@pytest.mark.parametrize("collection", ["hapt", "tiny", "ecg", "speech"])
def test_spans_are_sorted_and_lie_inside_their_recording(collection: str) -> None:
    files = sorted((DATA / collection).glob("*.spans.csv"))
    assert files
    for file in files:
        spans = script.COLLECTIONS[collection].read(file)
        length = seconds(collection, file.name.removesuffix(".spans.csv"))
        times = [t for span in spans for t in span[:2]]
        assert times == sorted(times)
        assert times[0] >= 0
        assert times[-1] <= length + 0.01


def test_tiny_is_cut_from_hapt() -> None:
    for recording, start in TINY_STARTS.items():
        small, large = (pq.read_table(DATA / c / f"{recording}.parquet") for c in ("tiny", "hapt"))
        assert small.equals(large.slice(round(start * 50), small.num_rows))
        assert 140 <= small.num_rows / 50 <= 160
        cut = script.read_spans(DATA / f"tiny/{recording}.spans.csv")
        whole = script.read_spans(DATA / f"hapt/{recording}.spans.csv")
        inside = {(round(s.start - start, 2), round(s.end - start, 2), s.label) for s in whole}
        assert {s for s in cut if s.label} <= inside


# --- shipped notes -----------------------------------------------------------------------------


@pytest.mark.parametrize("collection", ["hapt", "tiny", "ecg", "speech"])
def test_shipped_notes_are_what_the_script_makes(collection: str, tmp_path: Path) -> None:
    script.main([collection, "--seed", "0", "--out", str(tmp_path)])
    for name in ("notes.jsonl", "notes.truth.csv"):
        assert (tmp_path / name).read_bytes() == (DATA / collection / name).read_bytes()


@pytest.mark.parametrize("collection", ["hapt", "tiny", "ecg", "speech"])
def test_nothing_leaks_into_test_notes(collection: str) -> None:
    tested = 0
    for note in notes_of(collection):
        part = part_of(collection, note["recording"])
        allowed = {
            "train": {"id", "text", "start", "end", "concept"},
            "valid": {"id", "text", "concept"},
            "test": {"id", "text"},
        }
        assert set(note) == {"recording", "note", "subject", "ordered", "sentences"}
        for sentence in note["sentences"]:
            assert set(sentence) <= allowed[part]
            tested += part == "test"
    assert tested


@pytest.mark.parametrize("collection", ["hapt", "tiny", "ecg"])
def test_notes_use_the_wordings_of_their_part(collection: str) -> None:
    file = script.COLLECTIONS[collection].sentences
    wordings = {part: script.wordings_of(file, part) for part in PARTS}
    truth = truth_of(collection)
    for note in notes_of(collection):
        own = wordings[part_of(collection, note["recording"])]
        for sentence in note["sentences"]:
            label = truth[sentence["id"]]["label"]
            texts = own["concepts"][label] if label else own["distractors"]
            assert sentence["text"] in texts


@pytest.mark.parametrize("collection", ["hapt", "tiny", "ecg", "speech"])
def test_truth_names_true_stretches_of_every_sentence(collection: str) -> None:
    truth, seen = truth_of(collection), set()
    read = script.COLLECTIONS[collection].read
    for note in notes_of(collection):
        if note["recording"] == "61-70968-0000":
            continue
        true = set(read(DATA / collection / f"{note['recording']}.spans.csv"))
        for sentence in note["sentences"]:
            row = truth[sentence["id"]]
            seen.add(sentence["id"])
            assert row["recording"] == note["recording"]
            if row["label"]:
                stretch = (float(row["start_s"]), float(row["end_s"]), row["label"])
                assert stretch in true
                assert sentence.get("concept", row["label"]) == row["label"]
                if "start" in sentence:
                    assert (sentence["start"], sentence["end"]) == stretch[:2]
            else:
                assert (row["start_s"], row["end_s"]) == ("", "")
                assert "concept" not in sentence
    assert seen == set(truth)


@pytest.mark.parametrize(("collection", "counts"), [("hapt", (35, 30, 20)), ("tiny", (2, 10, 2))])
def test_people_are_on_one_side(collection: str, counts: tuple[int, int, int]) -> None:
    parts = {"train": range(1, 18), "valid": range(18, 21), "test": range(21, 31)}
    notes = notes_of(collection)
    for (part, people), count in zip(parts.items(), counts, strict=True):
        mine = [n for n in notes if int(n["subject"]) in people]
        assert len(mine) == count
        assert {part_of(collection, n["recording"]) for n in mine} == {part}
    recordings = {f.stem for f in (DATA / collection).glob("*.parquet")}
    assert {n["recording"] for n in notes} == recordings


def test_every_ecg_and_speech_recording_has_a_note() -> None:
    for collection, suffixes in (("ecg", (".hea",)), ("speech", (".wav", ".flac"))):
        stems = {f.stem for f in (DATA / collection).iterdir() if f.suffix in suffixes}
        assert {n["recording"] for n in notes_of(collection)} == stems
    assert not [i for i in truth_of("speech") if i.startswith("61-70968-0000")]


def test_hapt_test_notes_have_the_promised_noise() -> None:
    truth = truth_of("hapt").values()
    rows = [row for row in truth if part_of("hapt", row["recording"]) == "test"]
    files = {DATA / f"hapt/{row['recording']}.spans.csv" for row in rows}
    events = sum(bool(s.label) for f in files for s in script.read_spans(f))
    kept = sum(bool(row["label"]) for row in rows)
    assert 1 - kept / events == pytest.approx(0.1, abs=0.02)
    assert (len(rows) - kept) / kept == pytest.approx(0.2, abs=0.03)


# --- the generator -----------------------------------------------------------------------------

WORDINGS = {
    "concepts": {c: [f"{c}{i}" for i in range(4)] for c in "abc"},
    "distractors": ["x", "y"],
}


@st.composite
def recordings(draw: st.DrawFn) -> list[Any]:
    labels = draw(st.lists(st.sampled_from(["a", "b", "c", ""]), min_size=1, max_size=60))
    bounds = np.cumsum([0, *draw(st.lists(st.integers(1, 40), min_size=60, max_size=60))]).tolist()
    return [script.Stretch(float(bounds[i]), float(bounds[i + 1]), c) for i, c in enumerate(labels)]


def make(spans: list[Any], regime: str, seed: int, **more: Any) -> tuple[list[dict], list[Any]]:
    rng = np.random.default_rng(seed)
    return script.make_notes(spans, WORDINGS, regime, rng, recording="r", subject="1", **more)


def pairs(made: tuple[list[dict], list[Any]]) -> list[tuple[str, Any]]:
    """Return text and event of every sentence, and check that notes and truth agree in order."""
    sentences = [s for note in made[0] for s in note["sentences"]]
    assert [s["id"] for s in sentences] == [t.sentence for t in made[1]]
    return [(s["text"], t[2:]) for s, t in zip(sentences, made[1], strict=True)]


@settings(max_examples=60, deadline=None)
@given(recordings(), st.sampled_from("ABCDEF"), st.integers(0, 99))
def test_same_seed_same_notes(spans: list[Any], regime: str, seed: int) -> None:
    assert make(spans, regime, seed, count=2) == make(spans, regime, seed, count=2)


@settings(max_examples=60, deadline=None)
@given(recordings(), st.sampled_from("ABCD"), st.integers(0, 99), st.integers(1, 6))
def test_chunks_share_out_the_events_and_cover_them(
    spans: list[Any], regime: str, seed: int, chunk: int
) -> None:
    notes, truth = make(spans, regime, seed, chunk=chunk)
    assert sorted(t[2:] for t in truth) == [tuple(span) for span in spans if span.label]
    events = iter(truth)
    for note in notes:
        for sentence, event in zip(note["sentences"], events, strict=False):
            assert sentence["id"] == event.sentence
            first, last = note.get("covers", (0.0, float("inf")))
            assert first <= event.start < event.end <= last
        assert len(note["sentences"]) <= chunk + 2 or "covers" not in note
    edges = [note["covers"] for note in notes if "covers" in note]
    assert all(a[1] == b[0] for a, b in pairwise(edges))


@settings(max_examples=60, deadline=None)
@given(recordings(), st.integers(0, 99))
def test_a_states_every_event(spans: list[Any], seed: int) -> None:
    notes, truth = make(spans, "A", seed, concepts=True)
    events = [tuple(span) for span in spans if span.label]
    stated = [(s["start"], s["end"], s["concept"]) for s in notes[0]["sentences"]]
    assert stated == events == [t[2:] for t in truth]
    assert notes[0]["ordered"]


@settings(max_examples=60, deadline=None)
@given(recordings(), st.integers(0, 99), st.sampled_from([10.0, 30.0, 60.0]))
def test_b_shifts_stamps_within_the_jitter(spans: list[Any], seed: int, jitter: float) -> None:
    notes, truth = make(spans, "B", seed, noise=script.Noise(jitter=jitter))
    starts = [s["start"] for s in notes[0]["sentences"]]
    assert starts == sorted(starts)
    assert not notes[0]["ordered"]
    for sentence, row in zip(notes[0]["sentences"], truth, strict=True):
        assert abs(sentence["start"] - row.start) <= jitter + 0.01
        assert sentence["end"] - sentence["start"] == pytest.approx(row.end - row.start, abs=0.011)
        assert sentence["start"] >= 0
        assert sentence["end"] <= spans[-1].end


def test_b_errs_in_both_directions_up_to_the_jitter() -> None:
    spans = [script.Stretch(100.0 + 5 * i, 105.0 + 5 * i, "a") for i in range(400)]
    spans.append(script.Stretch(2100.0, 2300.0, ""))
    notes, truth = make(spans, "B", 0, noise=script.Noise(jitter=60.0))
    error = [s["start"] - t.start for s, t in zip(notes[0]["sentences"], truth, strict=True)]
    assert min(error) < -50
    assert max(error) > 50
    assert abs(np.mean(error)) < 6


@settings(max_examples=60, deadline=None)
@given(recordings(), st.integers(0, 99))
def test_c_and_d_hold_the_same_sentences_without_times(spans: list[Any], seed: int) -> None:
    ordered, shuffled = make(spans, "C", seed), make(spans, "D", seed)
    assert ordered[0][0]["ordered"]
    assert not shuffled[0][0]["ordered"]
    assert sorted(pairs(ordered)) == sorted(pairs(shuffled))
    assert [p[1] for p in pairs(ordered)] == [tuple(s) for s in spans if s.label]
    assert all(set(s) == {"id", "text"} for n in ordered[0] + shuffled[0] for s in n["sentences"])


@settings(max_examples=60, deadline=None)
@given(recordings(), st.integers(0, 99))
def test_e_is_c_with_omissions_and_distractors(spans: list[Any], seed: int) -> None:
    every, made = pairs(make(spans, "C", seed)), pairs(make(spans, "E", seed))
    kept = [p for p in made if p[1][2]]
    off = [p for p in made if not p[1][2]]
    assert len(every) - len(kept) == round(0.1 * len(every))
    assert len(off) == round(0.2 * len(kept))
    assert all(p[0] in WORDINGS["distractors"] and p[1] == (None, None, "") for p in off)
    rest = iter(every)
    assert all(p in rest for p in kept)


@settings(max_examples=60, deadline=None)
@given(recordings(), st.integers(0, 99))
def test_f_is_e_with_neighbours_exchanged(spans: list[Any], seed: int) -> None:
    plain, swapped = pairs(make(spans, "E", seed)), pairs(make(spans, "F", seed))
    i, swaps = 0, 0
    while i < len(plain):
        if plain[i] != swapped[i]:
            assert plain[i : i + 2] == swapped[i : i + 2][::-1]
            i, swaps = i + 1, swaps + 1
        i += 1
    assert swaps <= round(0.1 * len(plain))
    if len(set(plain)) == len(plain):
        assert swaps == round(0.1 * len(plain))


def test_notes_of_a_recording_are_drawn_independently() -> None:
    spans = [script.Stretch(float(i), i + 1.0, "abc"[i % 3]) for i in range(40)]
    notes, _ = make(spans, "E", 0, count=5)
    assert [n["note"] for n in notes] == ["n0", "n1", "n2", "n3", "n4"]
    assert len({tuple(s["text"] for s in n["sentences"]) for n in notes}) == 5


def test_wordings_are_dealt_evenly() -> None:
    spans = [script.Stretch(float(i), i + 1.0, "a") for i in range(8)]
    texts = Counter(s["text"] for s in make(spans, "C", 3)[0][0]["sentences"])
    assert texts == {f"a{i}": 2 for i in range(4)}


def test_regime_of_one_part_leaves_the_others_alone(tmp_path: Path) -> None:
    script.main(["tiny", "--train", "D", "--valid", "F", "--out", str(tmp_path)])
    lines = (tmp_path / "notes.jsonl").read_text(encoding="utf-8").splitlines()
    made = [json.loads(line) for line in lines]
    for recording in ("s21_0", "s22_0"):
        mine, shipped = (
            [n for n in notes if n["recording"] == recording] for notes in (made, notes_of("tiny"))
        )
        assert mine == shipped
    assert not any("start" in s for n in made for s in n["sentences"])


def test_other_seed_other_notes(tmp_path: Path) -> None:
    script.main(["tiny", "--seed", "1", "--out", str(tmp_path)])
    assert (tmp_path / "notes.jsonl").read_bytes() != (DATA / "tiny/notes.jsonl").read_bytes()
