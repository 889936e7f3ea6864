"""Whole runs: what comes out, what is reused, what survives damage and interruption."""

from __future__ import annotations

import csv
import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny import DATA, NOTES, ROOT, TRUTH, Ended, Tiny

from tsalign.config import load
from tsalign.export.jsonl import read_jsonl

SLOTS = ("prepare", "segment", "describe", "tokens", "align", "match", "evaluate", "export")
TESTED = ("s21_0", "s22_0")
BY_RECORDING = (
    "data.split={by: recording, train: [s01_0, s02_0], valid: [s18_0, s19_0], test: [s21_0, s22_0]}"
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def finished(place: Path) -> Ended:
    """One finished run; its cache is shared by the tests that compute little."""
    return Tiny(place / "first", place / "cache").run()


@pytest.fixture
def again(finished: Ended, place: Path, tmp_path: Path) -> Tiny:
    """The same run into another folder, on the finished cache."""
    assert finished.code == 0
    return Tiny(tmp_path / "runs", place / "cache")


def test_nothing_that_notes_say_is_logged(finished: Ended) -> None:
    said = [s["text"] for note in notes_of(DATA) for s in note.get("sentences", [])]
    log = (finished.folder / "events.jsonl").read_text() + finished.err + finished.out
    assert said
    assert not [text for text in said if len(text) > 8 and text in log]


def notes_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / NOTES).read_text().splitlines()]


def rewrite(folder: Path, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
    """Change or leave out notes of a copy of the data."""
    changed = [change(note) for note in notes_of(folder)]
    lines = [json.dumps(note) + "\n" for note in changed if note is not None]
    (folder / NOTES).write_text("".join(lines))


def files(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def slot_counts(plan: str) -> dict[str, tuple[int, int]]:
    """Return cached and to compute of each slot from what `--dry-run` prints."""
    rows = [line.split() for line in plan.splitlines()[1:]]
    return {row[0]: (int(row[1]), int(row[3])) for row in rows}


def test_every_sentence_given_stands_once_and_as_it_was_written(finished: Ended) -> None:
    given = [
        (note["recording"], note["note"], sentence["id"], sentence["text"])
        for note in notes_of(DATA)
        for sentence in note["sentences"]
    ]
    found = [(r["recording"], r["note"], r["sentence"], r["text"]) for r in finished.rows]
    assert sorted(found) == sorted(given)
    assert len(read_jsonl(finished.folder / "spans.jsonl")) == len(given)


def test_spans_lie_inside_the_recording_and_say_how_sure_they_are(finished: Ended) -> None:
    placed = [row for row in finished.rows if row["status"] == "aligned"]
    assert len(placed) > 20
    for row in placed:
        assert 0 <= row["start"] < row["end"] <= 156.2
        assert 0 <= row["confidence"] <= 1
        assert row["tokens"]
        assert set(row["tokens"]) <= set(range(20))


def test_a_run_folder_tells_everything_about_the_run(finished: Ended) -> None:
    record = finished.record
    on_disk = {str(Path(p).relative_to(finished.folder)) for p in files(finished.folder)}
    assert set(record["files"]) == on_disk - {"run.json", "events.jsonl"}
    assert {"spans.jsonl", "metrics.json", "run.yaml"} <= set(record["files"])
    assert record["failures"] == {}
    assert [len(record["keys"][slot]) for slot in ("prepare", "match")] == [7, 7]
    assert set(record["stages"]) == set(SLOTS)
    for stage in record["stages"].values():
        assert stage["seconds"] >= 0
        assert stage["peak_mib"] > 10
    assert load(finished.folder / "run.yaml").align.epochs == 3
    figures = json.loads((finished.folder / "metrics.json").read_text())
    assert [figures["counts"][name] for name in ("recordings", "events", "distractors")] == [
        2,
        13,
        2,
    ]
    assert {"nothing", "uniform"} == set(figures["baselines"])


def test_no_words_of_a_note_stand_in_logs(finished: Ended) -> None:
    logs = [(finished.folder / name).read_text() for name in ("run.json", "events.jsonl")]
    logs += [finished.out, finished.err]
    texts = [s["text"].rstrip(".") for note in notes_of(DATA) for s in note["sentences"]]
    assert len(texts) > 20
    assert not [text for text in texts if any(text in log for log in logs)]


def test_the_short_table_names_figures_stages_and_the_folder(finished: Ended) -> None:
    assert finished.out.startswith("tiny: 6 recordings, 1,404 segments, 20 tokens\n")
    words = {line.split()[0] for line in finished.out.splitlines() if line}
    assert {"mean_iou", "distractors_placed", *SLOTS} <= words
    assert f"everything is in {finished.folder}/" in finished.out


def test_a_second_run_computes_nothing_and_says_so(again: Tiny, finished: Ended) -> None:
    begun = time.process_time()
    second = again.run()
    assert time.process_time() - begun < 5
    assert (second.code, second.spans) == (0, finished.spans)
    assert second.record["stages"] == {}
    assert second.record["reused"]["describe"] == 8
    events = [json.loads(line) for line in second.err.splitlines()]
    assert [(e["slot"], e["status"]) for e in events] == [(slot, "reused") for slot in SLOTS]
    assert all(e["done"] == e["total"] for e in events)
    table = next(line for line in second.out.splitlines() if line.startswith("describe"))
    assert table.split()[:3] == ["describe", "0", "8"]


def test_a_second_run_leaves_what_it_published_alone(again: Tiny) -> None:
    path = again.run().folder / "spans.jsonl"
    before = path.stat()
    again.run()
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_from_a_slot_on_everything_is_made_anew(again: Tiny, finished: Ended) -> None:
    assert slot_counts(again.run("--from", "match", "--dry-run").out)["match"] == (0, 7)
    third = again.run("--from", "match")
    assert set(third.record["stages"]) == {"match", "evaluate", "export"}
    assert third.record["stages"]["match"]["computed"] == 7
    assert third.spans == finished.spans


def test_a_dry_run_computes_nothing(again: Tiny, tmp_path: Path) -> None:
    fresh = Tiny(tmp_path / "fresh").run("--dry-run")
    assert fresh.code == 0
    assert not (tmp_path / "fresh").exists()
    assert {cached for cached, _ in slot_counts(fresh.out).values()} == {0}
    assert list(slot_counts(fresh.out)) == list(SLOTS)
    known = again.run("--dry-run")
    assert {todo for _, todo in slot_counts(known.out).values()} == {0}
    assert not again.runs.exists()


def test_what_a_setting_changes_is_computed_and_nothing_else(again: Tiny) -> None:
    plan = slot_counts(again.run("--dry-run", "--set", "match.skip_cost=3").out)
    assert [slot for slot, (_, todo) in plan.items() if todo] == ["match", "evaluate", "export"]
    plan = slot_counts(again.run("--dry-run", "--set", "tokens.n_clusters=21").out)
    assert plan["align"] == (8, 0)
    assert plan["tokens"] == (0, 7)


def test_two_processes_give_the_same_bytes(finished: Ended, tmp_path: Path) -> None:
    tiny = Tiny(tmp_path)
    with tiny.started("--jobs", "2") as process:
        out, err = process.communicate(timeout=500)
    ended = Ended(process.returncode, out, err, tmp_path / "tiny")
    assert (ended.code, ended.said) == (0, [])
    assert ended.spans == finished.spans
    assert ended.record["keys"] == finished.record["keys"]
    assert ended.record["jobs"] == 2


def test_an_interrupted_run_goes_on_where_it_was(finished: Ended, tmp_path: Path) -> None:
    """Ctrl-C, then a polite end, then a sudden one, each later than the one before."""
    tiny = Tiny(tmp_path)
    stopped = tiny.interrupted("prepare", signal.SIGINT)
    assert (stopped.code, stopped.said) == (
        130,
        ["interrupted; run the same command to go on from here"],
    )
    assert not (stopped.folder / "spans.jsonl").exists()
    ended = tiny.interrupted("segment", signal.SIGTERM)
    assert (ended.code, ended.said) == (
        143,
        ["terminated; run the same command to go on from here"],
    )
    assert tiny.interrupted("describe", signal.SIGKILL).code == -signal.SIGKILL
    assert {p.name for p in stopped.folder.iterdir()} == {"events.jsonl"}
    rest = tiny.run()
    assert (rest.code, rest.spans) == (0, finished.spans)
    assert rest.record["reused"]["prepare"] == 7
    assert rest.record["reused"]["describe"] >= 1
    assert "prepare" not in rest.record["stages"]


def test_a_damaged_recording_is_skipped_and_named(
    again: Tiny, finished: Ended, tmp_path: Path
) -> None:
    tiny = again.copied(tmp_path / "data")
    file = tiny.data / "s22_0.parquet"
    file.write_bytes(file.read_bytes()[:1000])
    ended = tiny.run("--on-error", "skip")
    assert ended.code == 3
    assert list(ended.record["failures"]) == ["s22_0"]
    assert str(file) in ended.record["failures"]["s22_0"]
    assert ended.said == [f"skipped s22_0: {ended.record['failures']['s22_0']}"]
    others = [line for line in finished.spans.splitlines(True) if b'"s22_0"' not in line]
    assert ended.spans.splitlines(True) == others


def test_a_damaged_recording_stops_the_run_with_one_line(again: Tiny, tmp_path: Path) -> None:
    tiny = again.copied(tmp_path / "data")
    before = files(tiny.run().folder)
    for name in ("s02_0", "s22_0"):
        (tiny.data / f"{name}.parquet").write_bytes(b"PAR1 no more")
    for flags in ([], ["--on-error", "stop"]):
        ended = tiny.run(*flags)
        assert ended.code == 2
        assert len(ended.said) == 1
        assert ended.said[0].startswith(f"{tiny.data / 's02_0.parquet'}: recording s02_0: ")
    log = str(ended.folder / "events.jsonl")
    after = files(ended.folder)
    assert {k: v for k, v in after.items() if k != log} == {
        k: v for k, v in before.items() if k != log
    }


def test_where_nothing_is_left_nothing_is_written(tmp_path: Path) -> None:
    tiny = Tiny(tmp_path / "runs").copied(tmp_path / "data")
    for file in tiny.data.glob("*.parquet"):
        file.write_bytes(file.name.encode())
    ended = tiny.run("--on-error", "skip")
    assert ended.code == 4
    assert ended.said[0] == "no recording is left: all failed"
    assert [line.split(":")[0] for line in ended.said[1:]] == [
        f"skipped {file.stem}" for file in sorted(tiny.data.glob("*.parquet"))
    ]
    assert {p.name for p in ended.folder.iterdir()} == {"events.jsonl"}


def lies(rows: list[list[str]]) -> Iterator[list[str]]:
    """Yield the truth with every test sentence at a place where it does not belong."""
    for recording, sentence, start, end, label in rows:
        wrong = recording in TESTED
        yield [recording, sentence, *(("1.0", "2.0", "LIES") if wrong else (start, end, label))]


def test_what_is_known_of_the_test_part_changes_no_span(finished: Ended, tmp_path: Path) -> None:
    """Everything is computed anew beside stamps, concepts and truth that are all wrong."""
    tiny = Tiny(tmp_path / "runs").copied(tmp_path / "data")

    def lie(note: dict[str, Any]) -> dict[str, Any]:
        if note["recording"] in TESTED:
            for number, sentence in enumerate(note["sentences"]):
                sentence |= {"concept": "WALKING", "start": 3.0 * number, "end": 3.0 * number + 2}
        return note

    rewrite(tiny.data, lie)
    with (tiny.data / TRUTH).open(newline="") as file:
        head, *rows = csv.reader(file)
    with (tiny.data / TRUTH).open("w", newline="") as file:
        csv.writer(file).writerows([head, *lies(rows)])
    for name in TESTED:
        (tiny.data / f"{name}.spans.csv").write_text("start_s,end_s,label\n0.0,150.0,LIES\n")
    ended = tiny.run()
    assert ended.spans == finished.spans
    learnt = [slot for slot in SLOTS if slot not in ("evaluate", "export")]
    keys = ended.record["keys"], finished.record["keys"]
    assert [keys[0][slot] for slot in learnt] == [keys[1][slot] for slot in learnt]
    figures = [json.loads((e.folder / "metrics.json").read_text()) for e in (ended, finished)]
    assert figures[0]["metrics"] != figures[1]["metrics"]


def test_what_is_known_of_the_others_does_count(again: Tiny, tmp_path: Path) -> None:
    """The counterpart of the test above: it would not notice if nothing ever counted."""
    for part, slots in (("s01_0", ("align", "match")), ("s18_0", ("align", "match"))):
        tiny = again.copied(tmp_path / part)

        def forget(note: dict[str, Any], part: str = part) -> dict[str, Any]:
            if note["recording"] == part:
                note["sentences"] = [s | {"concept": "OTHER"} for s in note["sentences"]]
            return note

        rewrite(tiny.data, forget)
        plan = slot_counts(tiny.run("--dry-run").out)
        assert all(plan[slot][0] == 0 for slot in slots)
        assert plan["describe"] == (8, 0)


def test_without_any_truth_the_sentences_are_placed_all_the_same(again: Tiny) -> None:
    ended = again.run("--set", "data.truth=")
    assert ended.code == 0
    assert len(ended.rows) == 107
    figures = json.loads((ended.folder / "metrics.json").read_text())
    assert figures["counts"]["events"] == 0


def test_recordings_without_notes_are_cut_and_described_only(again: Tiny, tmp_path: Path) -> None:
    tiny = again.copied(tmp_path / "data")
    silent = ("s02_0", "s22_0")
    rewrite(tiny.data, lambda note: None if note["recording"] in silent else note)
    lines = (tiny.data / TRUTH).read_text().splitlines(keepends=True)
    (tiny.data / TRUTH).write_text("".join(r for r in lines if not r.startswith(silent)))
    ended = tiny.run("--set", BY_RECORDING, "--set", "export=[jsonl, csv, textgrid, png]")
    assert ended.code == 0
    assert {row["recording"] for row in ended.rows} == {"s01_0", "s18_0", "s19_0", "s21_0"}
    assert len(ended.record["keys"]["tokens"]) == 7
    assert (ended.folder / "png" / "s22_0.png").read_bytes()[:4] == b"\x89PNG"
    assert (ended.folder / "textgrid" / "s22_0.TextGrid").is_file()


def test_unsplit_recordings_all_learn_and_are_all_aligned(again: Tiny) -> None:
    ended = again.run("--set", "data.split=")
    assert ended.code == 0
    assert "confidence is not calibrated" in (ended.folder / "events.jsonl").read_text()
    assert {row["part"] for row in ended.rows} == {"train"}
    assert len(ended.rows) == 107
    figures = json.loads((ended.folder / "metrics.json").read_text())
    assert figures["counts"]["recordings"] == 6


@pytest.mark.parametrize("file", sorted((ROOT / "pipelines").glob("*.yaml")), ids=lambda f: f.stem)
def test_every_pipeline_that_ships_has_a_plan(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tsalign.run import main

    monkeypatch.chdir(ROOT)
    assert main([str(file), "--dry-run", "--runs", str(tmp_path)]) == 0
    assert list(slot_counts(capsys.readouterr().out))[:3] == ["prepare", "segment", "describe"]


@pytest.mark.parametrize("kind", ["unordered", "one_to_one", "blocks"])
def test_other_matchers_place_or_name_every_sentence(again: Tiny, kind: str) -> None:
    ended = again.run("--set", f"match.kind={kind}")
    assert ended.code == 0
    told = [row["sentence"] for row in ended.rows]
    assert sorted(told) == sorted(s["id"] for n in notes_of(DATA) for s in n["sentences"])
    assert {"aligned", "unmatched"} == {row["status"] for row in ended.rows}


def test_names_are_masked_where_the_pipeline_file_says_so(again: Tiny, finished: Ended) -> None:
    ended = again.run("--set", "notes.deidentify=shift")
    assert ended.code == 0
    assert b"Mrs Fox" in finished.spans
    assert not any(b"Mrs Fox" in content for content in files(ended.folder).values())
    assert {row["sentence"] for row in ended.rows} == {row["sentence"] for row in finished.rows}
    assert load(ended.folder / "run.yaml").notes.deidentify == "shift"
