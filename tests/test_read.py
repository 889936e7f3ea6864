"""Readers: what goes in comes out, real files are read, damaged ones are refused by name."""

from __future__ import annotations

import gzip
import shutil
import struct
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tsalign.errors import TsalignError
from tsalign.kernels.grid import interpolate, regular_rate, typical_rate
from tsalign.read import READERS, Audio, Csv, Parquet, Wfdb, read, read_truth, read_truths
from tsalign.registry import REGISTRY, find
from tsalign.types import Label, Span

DATA = Path(__file__).parents[2] / "shared" / "data"
real = pytest.mark.skipif(not DATA.is_dir(), reason="the real recordings are not beside it")
once = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def parquet(path: Path, columns: dict, **metadata: str) -> Path:
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata or None), path)
    return path


def text(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def complaint(call, *args, **kwargs) -> str:
    with pytest.raises(TsalignError) as caught:
        call(*args, **kwargs)
    message = str(caught.value)
    assert "\n" not in message
    return message


# ---- the grid ----


@once
@given(
    st.sampled_from([0.1, 1.0, 25.0, 50.0, 64.0, 100.0, 128.0, 256.0, 62.5]),
    st.integers(500, 5000),
    st.sampled_from([1e-9, 1e-6, 1e-3]),
    st.floats(0, 1e5),
)
def test_rounded_stamps_give_the_round_rate_back(rate, n, resolution, start):
    times = np.round((start + np.arange(n) / rate) / resolution) * resolution
    assert regular_rate(times) == pytest.approx(rate, abs=1e-9)


@once
@given(st.integers(2, 200), st.floats(0, 3), st.randoms(use_true_random=False))
def test_interpolation_is_exact_on_lines_and_honest_in_gaps(n, max_gap, random):
    times = np.cumsum([random.choice([0.1, 0.3, 0.5, 4.0]) for _ in range(n)])
    values = np.stack([2 * times + 1, -times], axis=1).astype(np.float32)
    out = interpolate(times, values, 5.0, max_gap)
    grid = times[0] + np.arange(len(out)) / 5.0
    assert grid[-1] <= times[-1] + 1e-6 < grid[-1] + 0.2 + 2e-6
    for at, moment in enumerate(grid):
        after = int(np.searchsorted(times, moment - 1e-7))
        on_stamp = abs(times[min(after, n - 1)] - moment) < 2e-7
        gap = 0.0 if on_stamp else times[after] - times[after - 1]
        assert np.isnan(out[at]).all() == (gap > max(max_gap, 0.4))
        if gap <= max(max_gap, 0.4):
            np.testing.assert_allclose(out[at], [2 * moment + 1, -moment], rtol=1e-4)


def test_gaps_do_not_move_the_rate_of_rounded_stamps():
    times = np.floor(np.arange(2000) / 64 * 1000) / 1000
    times[1000:] += 90
    assert regular_rate(times) is None
    assert typical_rate(times) == pytest.approx(64, rel=1e-3)


# ---- tables ----


@once
@given(
    values=hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 40), st.integers(1, 3)),
        elements=st.floats(-1e6, 1e6, width=32) | st.just(float("nan")),
    ).filter(lambda v: not np.isnan(v).all(axis=0).any()),
    kind=st.sampled_from(["parquet", "csv", "tsv", "csv.gz"]),
)
def test_tables_come_back_bit_for_bit(tmp_path, values, kind):
    names = [f"c {i}" for i in range(values.shape[1])]
    path = tmp_path / f"walk.a.{kind}"
    if kind == "parquet":
        parquet(path, dict(zip(names, values.T, strict=True)))
    else:
        gap = "\t" if kind == "tsv" else ","
        rows = [gap.join("" if np.isnan(v) else repr(float(v)) for v in row) for row in values]
        rows = [r or '""' for r in rows]
        body = "\n".join([gap.join(names), *rows]) + "\n"
        path.write_bytes(gzip.compress(body.encode()) if kind == "csv.gz" else body.encode())
    recording = read(path, rate=50.0)
    assert recording.id == "walk.a"
    assert recording.signal.channels == tuple(names)
    assert recording.signal.values.dtype == np.float32
    np.testing.assert_array_equal(recording.signal.values, values)


def test_channels_select_and_order(tmp_path):
    columns = {"x": [1.0, 2.0], "label": ["a", "b"], "z": [3, 4], "on": [True, False]}
    path = parquet(tmp_path / "a.parquet", columns)
    signal = read(path, rate=1.0, channels=("z", "on", "x")).signal
    assert signal.values.tolist() == [[3, 1, 1], [4, 0, 2]]
    assert "'x'" in complaint(read, path, rate=1.0, channels=("xx",))
    assert "'label' holds string" in complaint(read, path, rate=1.0)
    assert "'z' stands twice" in complaint(read, path, rate=1.0, channels=("z", "z"))
    plain = text(tmp_path / "a.csv", "x,label,z\n1,a,2\n3,b,4\n")
    assert read(plain, rate=1.0, channels=("z", "x")).signal.values.tolist() == [[2, 1], [4, 3]]
    assert "no channel 'Z'" in complaint(read, plain, rate=1.0, channels=("Z",))


def test_metadata_of_parquet(tmp_path):
    path = parquet(
        tmp_path / "a.parquet",
        {"acc_x": [1.0], "hr": [2.0]},
        rate_hz="50",
        start_s="3.5",
        units="acc: g, hr: 1/min",
        subject="7",
        site="left wrist",
    )
    recording = read(path)
    signal = recording.signal
    assert (signal.rate, signal.start, signal.units) == (50.0, 3.5, ("g", "1/min"))
    assert (recording.subject, recording.meta) == ("7", {"site": "left wrist"})
    assert read(path, rate=50.1).signal.rate == 50.1
    assert "60 Hz, but the file says 50 Hz" in complaint(read, path, rate=60.0)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_time_and_rate(tmp_path, kind):
    def made(times, values=None):
        values = list(range(len(times))) if values is None else values
        if kind == "parquet":
            return parquet(tmp_path / "a.parquet", {"time": times, "x": values})
        lines = [f"{t!r},{v}" for t, v in zip(times, values, strict=True)]
        return text(tmp_path / "a.csv", "\n".join(["time,x", *lines]))

    signal = read(made([2.0, 2.5, 3.0])).signal
    assert (signal.rate, signal.start, signal.channels) == (2.0, 2.0, ("x",))
    assert read(made([15, 31, 46, 62, 78]), time_unit="ms").signal.rate == pytest.approx(
        64, rel=0.02
    )
    assert "30 Hz, but the stamps say 2 Hz" in complaint(read, made([2.0, 2.5, 3.0]), rate=30.0)
    assert "row 3: time must increase" in complaint(read, made([2.0, 2.5, 2.5, 3.0]))
    assert "row 2: the time is missing" in complaint(read, made([1.0, float("nan"), 2.0]))
    assert "neither a time column nor a rate" in complaint(read, made([1.0, 2.0]), time="t")
    assert "one row tells no rate" in complaint(read, made([1.0]))
    assert read(made([1.0]), rate=5.0).signal.rate == 5.0
    gap = read(made([0.0, 1.0, 2.0, 3.0, 8.0, 9.0, 10.0]), max_gap=2.0).signal
    expected = [0, 1, 2, 3, *[np.nan] * 4, 4, 5, 6]
    np.testing.assert_array_equal(gap.values[:, 0], np.float32(expected))
    assert "row 4: time jumps from 2 to 1.7e+09 s" in complaint(read, made([0.0, 1.0, 2.0, 1.7e9]))


@pytest.mark.parametrize("zone", ["", "Z"])
def test_date_times(tmp_path, zone):
    lines = [f"2024-03-05T08:00:0{s}{zone},{s}" for s in ("0", "0.5", "1", "1.5")]
    recording = read(text(tmp_path / "a.csv", "\n".join(["time,x", *lines])))
    assert (recording.signal.rate, recording.signal.start) == (2.0, 0.0)
    assert recording.meta == {"started": f"2024-03-05T08:00:00.000000000{zone}"}
    stamps = pa.array([0, 250, 500], pa.timestamp("ms", "UTC" if zone else None))
    path = parquet(tmp_path / "a.parquet", {"time": stamps, "x": [1.0, 2.0, 3.0]})
    assert read(path).signal.rate == 4.0
    bad = text(tmp_path / "b.csv", f"time,x\n2024-03-05T08:00:00{zone},1\nsoon,2\n")
    assert "soon" in complaint(read, bad)
    words = parquet(tmp_path / "c.parquet", {"time": ["a", "b"], "x": [1.0, 2.0]})
    assert "'time' holds string" in complaint(read, words)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the file is empty"),
        ("time,x\n", "no samples"),
        ("\n1,2\n", "the first line is empty"),
        ("1.0,2.0\n3.0,4.0\n", "the first line holds numbers"),
        ("time,x,x\n0,1,2\n", ":1: column 'x' stands twice"),
        ("time;x\n0;1\n", "try delimiter=';'"),
        ("time,x,y\n0,1,2\n1,2\n", ":3: 2 cells under 3 names"),
        ("time,x\n0,1\n1,2,3\n", ":3: 3 cells under 2 names"),
        ("time,x\n0,1\n1,two\n2,3\n", ":3: column 'x' holds 'two', not a number"),
        ("time,x\n0,1\nnoon,2\n", ":3: column 'time' holds 'noon', not a number"),
        ("time,x,y\n0,,1\n1,NaN,2\n", "channel 'x' holds no number at all"),
        ("time,x\n0,1\n1,inf\n", "row 2: channel 'x' holds an infinite value"),
        ("time,x\n0,1\n1,1e60\n", "row 2: channel 'x' holds an infinite value"),
        ("time\n0\n1\n", "no channel to read"),
    ],
)
def test_damaged_text_is_named(tmp_path, content, said):
    path = text(tmp_path / "bad.csv", content)
    message = complaint(read, path)
    assert said in message
    assert str(path) in message


def test_text_in_other_clothes(tmp_path):
    german = text(tmp_path / "a.csv", "\ufefftime; x\n0;1,5\n1;2,5\n")
    signal = read(german, delimiter=";", decimal=",").signal
    assert (signal.channels, signal.values[:, 0].tolist()) == (("x",), [1.5, 2.5])
    (tmp_path / "b.csv").write_bytes("time,tempé\n0,1\n".encode("latin-1"))
    assert "not UTF-8" in complaint(read, tmp_path / "b.csv")
    late = "time,x\n" + "".join(f"{i},{i}\n" for i in range(300_000)) + "300000,oops\n"
    path = text(tmp_path / "c.csv", late)
    assert ":300002: column 'x' holds 'oops'" in complaint(read, path)
    packed = gzip.compress(late[:400_000].encode())
    (tmp_path / "d.csv.gz").write_bytes(packed[: len(packed) // 2])
    assert "not a whole text file" in complaint(read, tmp_path / "d.csv.gz")


def test_damaged_parquet(tmp_path):
    path = parquet(tmp_path / "a.parquet", {"x": np.random.default_rng(0).normal(size=5000)})
    whole = path.read_bytes()
    for share in (0.1, 0.5, 0.99):
        path.write_bytes(whole[: int(len(whole) * share)])
        assert "not a whole Parquet file" in complaint(read, path, rate=1.0)
    path.write_bytes(b"x,y\n1,2\n")
    assert "not a whole Parquet file" in complaint(read, path, rate=1.0)
    twice = pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0])], names=["x", "x"])
    pq.write_table(twice, path)
    assert "'x' stands twice" in complaint(read, path, rate=1.0)


def test_the_door(tmp_path):
    assert "no such file" in complaint(read, tmp_path / "none.csv")
    (tmp_path / "d.csv").mkdir()
    assert "a folder" in complaint(read, tmp_path / "d.csv")
    path = text(tmp_path / "a.txt", "x\n1\n2\n")
    assert "no reader for '.txt'" in complaint(read, path)
    assert read(path, reader="csv", rate=2.0).signal.duration == 1.0
    assert "reader csv" in complaint(read, path, reader="csv", speed=2.0)
    assert "no reader is called 'cvs'" in complaint(read, path, reader="cvs")
    assert "should be greater than 0" in complaint(read, path, reader="csv", rate=-1.0)
    assert read(path, reader=Csv(rate=4.0)).signal.rate == 4.0
    assert {word: find("reader", word) for word in READERS} == READERS
    assert set(REGISTRY["reader"]) >= set(READERS)


# ---- WFDB ----


def wfdb_record(folder: Path, n: int = 1000, fmt: str = "16") -> Path:
    signal = np.sin(np.arange(2 * n).reshape(n, 2) / 20)
    units = {"fs": 250, "units": ["mV", "mmHg"], "sig_name": ["II", "ABP"]}
    where = {"write_dir": str(folder), "comments": ["age: 69"]}
    with warnings.catch_warnings():  # its writer trips over news of pandas
        warnings.simplefilter("ignore", DeprecationWarning)
        import wfdb

        wfdb.wrsamp("rec", p_signal=signal, fmt=[fmt, fmt], **units, **where)
    return folder / "rec.hea"


@pytest.mark.parametrize("fmt", ["16", "212", "24", "32", "80"])
def test_wfdb_records_come_back_and_cut_ones_do_not(tmp_path, fmt):
    path = wfdb_record(tmp_path, fmt=fmt)
    recording = read(path)
    signal = recording.signal
    assert (recording.id, signal.rate, signal.channels) == ("rec", 250.0, ("II", "ABP"))
    assert (signal.units, recording.meta) == (("mV", "mmHg"), {"comments": ("age: 69",)})
    expected = np.sin(np.arange(2000).reshape(1000, 2) / 20)
    np.testing.assert_allclose(signal.values, expected, atol=0.01)
    assert read(path, channels=("ABP",)).signal.channels == ("ABP",)
    data = tmp_path / "rec.dat"
    whole = data.read_bytes()
    data.write_bytes(whole[:-1])
    assert f"{len(whole) - 1} bytes instead of {len(whole)}" in complaint(read, path)
    data.unlink()
    assert "needs rec.dat, which is not there" in complaint(read, path)
    assert "not a readable WFDB record" in complaint(read, text(tmp_path / "x.hea", "hello\n"))


@real
def test_real_wfdb(tmp_path):
    folder = DATA / "wfdb_samples"
    mit = read(folder / "100.hea", channels=("V5",)).signal
    assert (len(mit), mit.rate, mit.units) == (650_000, 360.0, ("mV",))
    mixed = read(folder / "03700181.hea")
    assert [(s.rate, s.channels) for s in mixed.signals] == [
        (500.0, ("MCL1",)),
        (125.0, ("ABP", "RESP")),
    ]
    assert {s.duration for s in mixed.signals} == {600.0}
    assert mixed.meta["started"] == "1994-08-15T17:27:45"
    assert len(read(folder / "100skew.hea").signal) == 650_000
    assert read(folder / "a103l.hea").meta["comments"] == ("Asystole", "False alarm")
    assert "needs 1003.dat" in complaint(read, folder / "1003.hea")
    for name in ("a103l.hea", "a103l.mat"):
        shutil.copyfile(folder / name, tmp_path / name)
    (tmp_path / "a103l.mat").write_bytes((folder / "a103l.mat").read_bytes()[:300_000])
    assert "300000 bytes instead of 495024" in complaint(read, tmp_path / "a103l.hea")


# ---- sound ----


@pytest.mark.parametrize(
    ("suffix", "subtype"), [("wav", "PCM_16"), ("wav", "FLOAT"), ("flac", None)]
)
def test_sound_comes_back(tmp_path, suffix, subtype):
    path = tmp_path / f"talk.{suffix}"
    wave = np.sin(np.arange(8000).reshape(4000, 2) / 9).astype(np.float32) / 2
    soundfile.write(path, wave, 16000, subtype=subtype)
    recording = read(path)
    signal = recording.signal
    assert (recording.id, signal.rate, signal.channels) == ("talk", 16000.0, ("ch0", "ch1"))
    np.testing.assert_allclose(signal.values, wave, atol=1 / 32768)
    swapped = read(path, channels=("ch1", "ch0")).signal.values
    np.testing.assert_array_equal(swapped, signal.values[:, ::-1])
    assert "no channel 'left'" in complaint(read, path, channels=("left",))


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "rf64"])
def test_cut_sound_is_refused(tmp_path, suffix):
    path = tmp_path / "talk.wav" if suffix == "rf64" else tmp_path / f"talk.{suffix}"
    noise = np.random.default_rng(0).normal(scale=0.1, size=40_000)
    soundfile.write(path, noise, 16000, format=suffix.upper())
    whole = path.read_bytes()
    assert len(read(path).signal) == 40_000
    for length in (len(whole) - 2, len(whole) * 3 // 4, len(whole) // 2, 50, 13):
        path.write_bytes(whole[:length])
        assert complaint(read, path).startswith(f"{path}: ")


def test_a_wave_of_unknown_length_is_read_to_its_end(tmp_path):
    path = tmp_path / "stream.wav"
    soundfile.write(path, np.zeros(100), 8000)
    whole = path.read_bytes()
    at = whole.index(b"data") + 4
    unknown = struct.pack("<I", 0xFFFFFFFF)
    path.write_bytes(whole[:4] + unknown + whole[8:at] + unknown + whole[at + 4 :])
    assert len(read(path).signal) == 100


@real
def test_real_sound():
    signal = read(DATA / "mfa_speech" / "61-70968-0000.flac").signal
    assert (signal.values.shape, signal.rate) == ((78480, 1), 16000.0)
    assert 0.01 < np.abs(signal.values).max() <= 1
    assert read(DATA / "praatio_words" / "mary.wav").signal.duration == pytest.approx(
        1.87, abs=0.01
    )


# ---- real tables ----


@real
def test_real_tables(tmp_path):
    recording = read(DATA / "hapt" / "s12_0.parquet")
    signal = recording.signal
    assert (recording.id, recording.subject, signal.rate) == ("s12_0", "12", 50.0)
    assert signal.values.shape == (16632, 6)
    assert signal.units == ("g",) * 3 + ("rad/s",) * 3
    freeze = read(DATA / "daphnet_fog" / "S01R02.txt", reader="csv", time_unit="ms").signal
    assert (freeze.rate, freeze.start, len(freeze.channels)) == (64.0, 0.015, 10)
    trial = DATA / "uci_batteryless_elderly" / "S1_Dataset" / "d1p22F"
    names = "time,front,up,side,antenna,rssi,phase,frequency,label\n"
    path = text(tmp_path / "d1p22F.csv", names + trial.read_text())
    gaps = read(path, channels=("front", "up", "side")).signal
    assert gaps.rate == 2.0
    assert 0.5 < np.isnan(gaps.values).mean() < 1


@real
def test_real_truth():
    paths = sorted(DATA.glob("**/*.spans.csv"))
    truths = {path: read_truth(path) for path in paths}
    assert len(truths) > 100
    labels = truths[DATA / "hapt" / "s21_0.spans.csv"].labels["s21_0"]
    assert labels[0] == Label(Span(7.7, 39.98), "STANDING")
    assert all(label.label for label in labels)


# ---- truth ----


def test_truth_of_both_kinds(tmp_path):
    spans = text(tmp_path / "a.spans.csv", "start_s,end_s,label,text\n2,3,B,\n0,1,A,one\n1,2,,\n")
    table = "recording,sentence,start_s,end_s,label\na,s1,5,6,A\na,s1,1,2,A\na,s2,,,\nb,s1,0,0,\n"
    truths = read_truths([spans, text(tmp_path / "sentences.csv", table)])
    labels, places = truths["a"]
    assert labels == (Label(Span(0, 1), "A", "one"), Label(Span(2, 3), "B"))
    assert places == {"s1": (Span(1, 2), Span(5, 6)), "s2": ()}
    assert truths["b"] == ((), {"s1": (Span(0, 0),)})
    again = text(tmp_path / "a.csv", "start_s,end_s,label\n0,1,A\n")
    assert "recording a: labels were given already" in complaint(read_truths, [spans, again])
    second = text(tmp_path / "t.csv", table)
    assert "'s1' was given" in complaint(read_truths, [tmp_path / "sentences.csv", second])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("start_s,end_s,label\n0,1,A\n3,2,B\n", ":3: the end 2 s lies before the start 3 s"),
        ("start_s,end_s,label\nzero,1,A\n", ":2: start_s is not a number: 'zero'"),
        ("start_s,end_s,label\n0,,A\n", ":2: end_s is not a number: ''"),
        ("start_s,end_s,label\n0,inf,A\n", ":2: end_s is not a finite number"),
        ("start_s,end_s,label\n0,1,A\n0,1,A\n", ":3: the same as line 2"),
        ("start_s,end_s,label\n,,A\n", ":2: start_s and end_s are empty"),
        ("start_s,end_s,labl\n0,1,A\n", ":1: unexpected column 'labl'; the columns are start_s"),
        ("start_s,end_s\n0,1\n", ":1: no column 'label'"),
        ("start_s,end_s,label\n0,1\n", ":2: 2 cells under 3 names"),
        ("recording,sentence,start_s,end_s\na,s,1,2\na,s,1,2\n", ":3: the same as line 2"),
        ("recording,sentence,start_s,end_s\na,s,1,2\na,s,,\n", ":3: a sentence cannot match"),
        ("recording,sentence,start_s,end_s\n,s,1,2\n", ":2: recording and sentence must"),
    ],
)
def test_wrong_truth_is_named(tmp_path, content, said):
    path = text(tmp_path / "a.csv", content)
    assert complaint(read_truth, path).startswith(f"{path}{said}")


def test_readers_are_values():
    for kind in (Parquet, Csv, Wfdb, Audio):
        assert kind() == kind()
        assert isinstance(kind.version, int)
        assert all(s.startswith(".") for s in kind.suffixes)
        assert not {"version", "suffixes"} & set(kind.__dataclass_fields__) - {
            "version",
            "suffixes",
        }
