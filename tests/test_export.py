from __future__ import annotations

import csv
import json
import math
import os
import subprocess
import sys
import time
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsalign.errors import TsalignError
from tsalign.export import (
    Csv,
    Jsonl,
    Png,
    TextGrid,
    read_csv,
    read_jsonl,
    read_textgrid,
    replacing,
    rows,
)
from tsalign.export.atomic import file_name
from tsalign.export.panels import envelope, one_line, sensor_groups
from tsalign.export.textgrid import layers
from tsalign.types import (
    Aligned,
    AlignedSpan,
    Alignment,
    Contradiction,
    Label,
    Segments,
    Signal,
    Span,
    Tokens,
    Unmatched,
)

quick = settings(max_examples=60, deadline=None)
NASTY = [
    'a "b" c',
    "line\nbreak",
    "cr\rlf\r\n",
    "a, b; c\t",
    "",
    " ",
    "—é漢𝄞",
    "\u2028\x85\x0c",
    "$x_{1",
    "=1",
]
texts = st.one_of(
    st.sampled_from(NASTY), st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
)
times = st.floats(-1e6, 1e6)
spans = st.tuples(times, times).map(lambda p: Span(min(p), max(p)))
numbers = st.floats(allow_nan=False, allow_infinity=False)
assertions = st.sampled_from(["present", "absent", "other_person"])
placed = st.builds(
    AlignedSpan,
    st.just("r"),
    spans,
    sentence=texts,
    text=texts,
    note=texts,
    score=numbers,
    confidence=numbers,
    tokens=st.lists(st.integers(0, 2**31 - 1), max_size=4).map(tuple),
    assertion=assertions,
    matches=st.none() | st.floats(0, 1),
)
against = st.none() | st.builds(Contradiction, times, times, numbers)
chances = st.none() | st.floats(0, 1)
left = st.builds(
    Unmatched, st.just("r"), texts, texts, texts, texts, numbers, assertions, against, chances
)


def aligned(spans=(), unmatched=(), labels=(), ids=(), recording="r", part="test", channels=1):
    bounds = np.stack([np.arange(len(ids)), np.arange(1, len(ids) + 1)], axis=1).reshape(-1, 2)
    segments = Segments(bounds, 1.0)
    values = np.random.default_rng(0).normal(size=(20, channels)).astype(np.float32)
    nothing = np.zeros((0, 0), np.float32)
    return Aligned(
        recording,
        part,
        Signal(values, 1.0),
        segments,
        Tokens(np.array(ids, np.int32), 9, segments),
        Alignment(tuple(spans), tuple(unmatched), nothing, nothing, 0.0),
        tuple(labels),
    )


recordings = st.builds(
    aligned,
    st.lists(placed, max_size=4),
    st.lists(left, max_size=3),
    st.lists(st.builds(Label, spans, texts), max_size=4),
    st.lists(st.integers(0, 8), max_size=4),
)


def walk(a=1.0, b=3.5, text="walks", recording="r") -> AlignedSpan:
    return AlignedSpan(recording, Span(a, b), "n.1", text, "n", 3.1, 0.93, (17, 4), "present")


FEVER = Unmatched("r", "n.2", "No fever.", "n", "negated", 0.02, "absent")


# JSON Lines and CSV


@quick
@given(items=st.lists(recordings, max_size=3))
@pytest.mark.parametrize(("block", "read"), [(Jsonl(), read_jsonl), (Csv(), read_csv)])
def test_rows_come_back_exactly(block, read, items, tmp_path_factory):
    (path,) = block(iter(items), tmp_path_factory.mktemp("spans"))
    assert read(path) == [row for item in items for row in rows(item)]


def test_the_line_of_a_placed_sentence(tmp_path):
    (path,) = Jsonl()([aligned([walk()], [FEVER])], tmp_path)
    first, second = path.read_text(encoding="utf-8").splitlines()
    assert first == (
        '{"recording": "r", "start": 1.0, "end": 3.5, "text": "walks", "sentence": "n.1", '
        '"note": "n", "score": 3.1, "confidence": 0.93, "status": "aligned", "tokens": [17, 4], '
        '"assertion": "present", "part": "test"}'
    )
    unmatched = json.loads(second)
    assert unmatched["start"] is unmatched["end"] is unmatched["score"] is None
    assert (unmatched["status"], unmatched["reason"]) == ("unmatched", "negated")


def test_the_table_reads_as_a_data_frame(tmp_path):
    import pandas

    (path,) = Csv()([aligned([walk(0.1 + 0.2, 1e9)], [FEVER])], tmp_path)
    frame = pandas.read_csv(path, float_precision="round_trip")
    assert frame.start.tolist()[0] == 0.1 + 0.2
    assert math.isnan(frame.start[1])
    assert frame.tokens[0] == "17 4"
    assert frame.reason[1] == "negated"


def test_numpy_numbers_keep_their_value(tmp_path):
    score = np.float32(0.1)
    span = replace(walk(), score=score, confidence=np.float64(0.2), tokens=(np.int32(3),))
    for block, read in ((Jsonl(), read_jsonl), (Csv(), read_csv)):
        (row,) = read(block([aligned([span])], tmp_path)[0])
        assert (row.score, row.confidence, row.tokens) == (float(score), 0.2, (3,))


def test_a_contradiction_stands_beside_the_reason(tmp_path):
    against = replace(FEVER, contradiction=Contradiction(1.5, 4.0, 0.75), matches=0.5)
    (path,) = Jsonl()([aligned([], [FEVER, against])], tmp_path)
    plain, told = map(json.loads, path.read_text().splitlines())
    assert not {"contradiction", "matches"} & set(plain)
    assert told["contradiction"] == {"start": 1.5, "end": 4.0, "confidence": 0.75}
    assert (told["reason"], told["matches"], told["start"]) == ("negated", 0.5, None)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_is_absent(tmp_path, wrong):
    for block, read in ((Jsonl(), read_jsonl), (Csv(), read_csv)):
        (row,) = read(block([aligned([replace(walk(), score=wrong)])], tmp_path)[0])
        assert row.score is None


def test_half_a_surrogate_pair(tmp_path):
    item = aligned([walk(text="\ud83d!")])
    assert read_jsonl(Jsonl()([item], tmp_path)[0])[0].text == "\ud83d!"
    for block in (Csv(), TextGrid()):
        with pytest.raises(TsalignError, match=r"recording r: .* surrogate"):
            block([item], tmp_path)


def test_a_span_of_a_day_keeps_its_tokens(tmp_path):
    span = replace(walk(), tokens=tuple(range(60_000)))
    limit = csv.field_size_limit()
    (row,) = read_csv(Csv()([aligned([span])], tmp_path)[0])
    assert row.tokens == span.tokens
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize(
    "damage",
    [
        lambda line: line[:-20],
        lambda line: line.replace('"start": 1.0', '"start": null'),
        lambda line: line.replace('"part": "test"', '"part": "exam"'),
        lambda line: line.replace(', "note": "n"', ""),
        lambda line: "[1]",
    ],
)
def test_damaged_lines_are_named(tmp_path, damage):
    (path,) = Jsonl()([aligned([walk(), walk()])], tmp_path)
    first, second = path.read_text().splitlines()
    path.write_text(f"{first}\n{damage(second)}\n")
    with pytest.raises(TsalignError, match=r"spans\.jsonl:2: not a line of spans"):
        read_jsonl(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [("recording", "rec"), ("1.0", "one"), ("17 4", "17 x"), (',"present"', ""), ('"n.1"', '"n.1')],
)
def test_damaged_tables_are_named(tmp_path, old, new):
    (path,) = Csv()([aligned([walk()])], tmp_path)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(TsalignError, match=r"spans\.csv:\d: not a table of spans"):
        read_csv(path)


def test_parts(tmp_path):
    items = [aligned([walk(recording=p)], recording=p, part=p) for p in ("train", "valid", "test")]
    for block, read in ((Jsonl, read_jsonl), (Csv, read_csv)):
        assert len(read(block()(items, tmp_path)[0])) == 3
        (row,) = read(block(part="valid")(iter(items), tmp_path)[0])
        assert row.recording == row.part == "valid"
    assert [p.stem for p in TextGrid(part="train")(items, tmp_path)] == ["train"]
    with pytest.raises(TsalignError, match="part"):
        Jsonl(part="exam")(items, tmp_path)


# Whole or not there


def failing():
    yield aligned([walk()])
    raise RuntimeError("pulled the plug")


@pytest.mark.parametrize("block", [Jsonl(), Csv()])
def test_an_interrupted_write_leaves_the_old_file(tmp_path, block):
    (path,) = block([aligned([walk(text="old")])], tmp_path)
    before = path.read_bytes()
    with pytest.raises(RuntimeError):
        block(failing(), tmp_path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


def test_an_interrupted_first_write_leaves_nothing(tmp_path):
    def stop():
        with replacing(tmp_path / "a" / "b.txt") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert os.listdir(tmp_path / "a") == []


def test_a_failed_replacement_leaves_the_old_file(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("no space left")

    (tmp_path / "a").write_text("old")
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="no space"), replacing(tmp_path / "a") as file:
        file.write(b"new")
    assert (tmp_path / "a").read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_killed_process_leaves_the_old_file(tmp_path):
    code = (
        "import os, signal, sys; from pathlib import Path; from tsalign.export.atomic import *\n"
        "with replacing(Path(sys.argv[1])) as f: f.write(b'half'); f.flush(); os._exit(9)"
    )
    (tmp_path / "a").write_text("old")
    assert subprocess.run([sys.executable, "-c", code, tmp_path / "a"], check=False).returncode == 9
    assert (tmp_path / "a").read_text() == "old"


@quick
@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=8), st.text(max_size=8))
def test_file_names_are_safe_and_different(a, b):
    name = file_name(a)
    assert name not in (".", "..")
    assert not set(name) & set("/\\\0\n:")
    assert (a == b) == (name == file_name(b))


# TextGrid


@quick
@given(recordings)
def test_textgrid_comes_back(tmp_path_factory, item):
    (path,) = TextGrid()([item], tmp_path_factory.mktemp("grid"))
    tiers = read_textgrid(path)
    for name, wanted in (
        ("spans", [(s.span, s.text) for s in item.alignment.spans]),
        ("labels", [(x.span, x.label) for x in item.labels]),
    ):
        own = [t for t in tiers if t.split()[0] == name and not t.endswith("points")]
        found = sorted((x.span, x.label) for t in own for x in tiers[t] if x.label)
        assert found == sorted(w for w in wanted if w[0].duration > 0 and w[1])
    whole = [tiers["spans"][0].span.start, tiers["spans"][-1].span.end]
    every = [s.span for s in item.alignment.spans] + [x.span for x in item.labels] + [Span(0, 20)]
    assert whole == [min(s.start for s in every), max(s.end for s in every)]
    for name, content in tiers.items():
        if not name.endswith("points"):  # no gap, no overlap
            assert [x.span.end for x in content[:-1]] == [x.span.start for x in content[1:]]
            assert [content[0].span.start, content[-1].span.end] == whole


@quick
@given(st.lists(spans.filter(lambda s: s.duration > 0), max_size=9))
def test_layers_are_as_few_as_the_deepest_overlap(stretches):
    found = layers(Label(s, str(i)) for i, s in enumerate(stretches))
    for layer in found:
        assert all(a.span.end <= b.span.start for a, b in pairwise(layer))
    assert sorted(int(x.label) for layer in found for x in layer) == list(range(len(stretches)))
    deepest = max((sum(s.start in other for other in stretches) for s in stretches), default=1)
    assert len(found) == deepest


def test_moments_go_to_a_point_tier(tmp_path):
    item = aligned([walk(2.0, 2.0, 'a "beep"'), walk(2.0, 2.0, "x"), walk(0, 20)])
    tiers = read_textgrid(TextGrid()([item], tmp_path)[0])
    assert tiers["spans points"] == (Label(Span(2.0, 2.0), 'a "beep"; x'),)
    assert tiers["spans"] == (Label(Span(0, 20), "walks"),)


def test_tokens_are_a_tier_unless_there_are_too_many(tmp_path):
    tiers = read_textgrid(TextGrid()([aligned(ids=[3, 1, 2])], tmp_path)[0])
    assert [x.label for x in tiers["tokens"]] == ["3", "1", "2", ""]
    many = aligned(ids=[1] * 20_000)
    assert list(read_textgrid(TextGrid()([many], tmp_path)[0])) == ["spans"]


def test_windows_within_windows_go_to_layers(tmp_path):
    item = aligned(ids=[3, 1, 2])
    nested = Segments(np.array([[0, 10], [1, 2], [3, 4]]), 1.0)
    item = replace(item, tokens=replace(item.tokens, segments=nested))
    tiers = read_textgrid(TextGrid()([item], tmp_path)[0])
    assert [x.label for x in tiers["tokens 2"] if x.label] == ["1", "2"]


def test_textgrid_as_praat_writes_it(tmp_path):
    text = TextGrid()([aligned([walk()])], tmp_path)[0].read_text()
    assert text.startswith('File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0.0\n')
    assert "        intervals [2]:\n            xmin = 1.0\n            xmax = 3.5\n" in text


@pytest.mark.parametrize(
    "content", ["", "hello", 'File type = "ooTextFile"\nObject class = "Pitch"\n']
)
def test_other_files_are_no_textgrids(tmp_path, content):
    path = tmp_path / "a.TextGrid"
    path.write_text(content)
    with pytest.raises(TsalignError, match=r"a\.TextGrid: not a whole TextGrid"):
        read_textgrid(path)


def test_a_cut_off_textgrid_is_named(tmp_path):
    (path,) = TextGrid()([aligned([walk()], labels=[Label(Span(0, 3), "a")])], tmp_path)
    whole = path.read_bytes()
    for length in range(0, len(whole) - 8, 37):
        path.write_bytes(whole[:length])
        with pytest.raises(TsalignError):
            read_textgrid(path)


def test_real_textgrids_are_read():
    folder = Path(__file__).parents[2] / "shared" / "data" / "mfa_speech"
    files = sorted(folder.rglob("*.TextGrid"))
    if not files:
        pytest.skip("no ../shared/data beside the checkout")
    for file in files:
        tiers = read_textgrid(file)
        assert any(x.label for tier in tiers.values() for x in tier)


# Pictures


def test_a_picture_for_any_text(tmp_path):
    spans = [walk(i, i + 2, text) for i, text in enumerate([*NASTY, "$\\frac", "a" * 500])]
    item = aligned(
        spans, [FEVER], [Label(Span(0, 9), "$walk"), Label(Span(9, 12), "")], [1, 2], channels=5
    )
    (path,) = Png()([item], tmp_path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path == tmp_path / "png" / "r.png"


def test_pictures_are_the_same_twice(tmp_path):
    item = aligned([walk()], ids=[1, 2, 3])
    first = Png()([item], tmp_path)[0].read_bytes()
    assert Png()([item], tmp_path)[0].read_bytes() == first


def test_pictures_of_next_to_nothing(tmp_path):
    bare = aligned()
    assert Png()([bare], tmp_path)
    none = replace(bare, signal=Signal(np.zeros((0, 2), np.float32), 1.0))
    assert Png()([none], tmp_path)
    gone = replace(bare, signal=Signal(np.full((9, 1), np.nan, np.float32), 1.0))
    assert Png()([gone], tmp_path)
    doubtful = aligned([replace(walk(), confidence=math.nan)])
    assert Png()([doubtful], tmp_path)


def test_pictures_leave_no_plotting_state():
    code = (
        "import sys, tsalign.export; assert 'matplotlib' not in sys.modules\n"
        "import tsalign.export.picture; assert 'matplotlib.pyplot' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_day_is_drawn_quickly(tmp_path):
    rng = np.random.default_rng(0)
    count = 40_000
    item = aligned([walk(i * 2000.0, i * 2000.0 + 900, f"finding {i}") for i in range(40)], ids=[1])
    starts = np.arange(count) * 54
    segments = Segments(np.stack([starts, starts + 54], axis=1), 25.0)
    item = replace(
        item,
        signal=Signal(rng.normal(size=(25 * 86_400, 3)).astype(np.float32), 25.0),
        segments=segments,
        tokens=Tokens(rng.integers(0, 9, count).astype(np.int32), 9, segments),
    )
    Png()([aligned()], tmp_path)
    began = time.process_time()
    Png()([item], tmp_path)
    assert time.process_time() - began < 2.0


def test_an_envelope_holds_the_extremes():
    values = np.random.default_rng(0).normal(size=(10_007, 1)).astype(np.float32)
    values[50:70] = np.nan
    times, low, high = envelope(Signal(values, 10.0, 3.0), 0)
    assert np.nanmin(low) == np.nanmin(values)
    assert np.nanmax(high) == np.nanmax(values)
    assert np.all(np.diff(times) > 0)
    assert 3.0 <= times[0] <= times[-1] <= 3.0 + 1000.7


def test_channels_of_one_sensor_share_a_panel():
    names = ["acc_x", "hr", "acc_y", "acc_z", "gyroX", "gyroY", "II"]
    assert sensor_groups(names) == [[0, 2, 3], [1], [4, 5], [6]]


@quick
@given(texts, st.integers(2, 20))
def test_shortened_text_fits(text, room):
    short = one_line(text, room)
    assert len(short) <= room
    assert "\n" not in short


def test_every_row_says_whose_it_is():
    (row,) = rows(aligned([walk()]))
    assert asdict(row)["part"] == "test"
