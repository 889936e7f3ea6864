"""Lists of findings where there are no notes, and finished runs applied to new recordings."""

from __future__ import annotations

import io
import json
import shutil
import signal
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from tiny import DATA, Ended, Tiny

from tsalign.errors import TsalignError
from tsalign.match.spotting import spot
from tsalign.notes import Finding, read_vocabulary
from tsalign.notes.vocabulary import as_note
from tsalign.run import main
from tsalign.types import Evidence, Segments, Span

FINDINGS = "WALK: [She walks., Walking on the flat.]\nSIT: He sits in a chair.\n"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the finished run `tiny`."""
    folder = tmp_path_factory.mktemp("runs")
    assert Tiny(folder).run().code == 0
    return folder


@dataclass(frozen=True)
class Applied:
    """A pipeline file that applies a finished run."""

    runs: Path
    recordings: str = f"{DATA}/s2*.parquet"
    more: str = "export: [jsonl]\n"
    model: str = ""

    def run(self, *arguments: str) -> Ended:
        path = self.runs / "apply.yaml"
        path.write_text(
            f"tsalign: 1\nname: applied\ndata: {{recordings: '{self.recordings}'}}\n"
            f"model: {self.model or self.runs / 'tiny'}\n{self.more}"
        )
        out, err = io.StringIO(), io.StringIO()
        before = signal.getsignal(signal.SIGTERM)
        try:
            with redirect_stdout(out), redirect_stderr(err):
                code = main([str(path), "--runs", str(self.runs), *arguments])
        finally:
            signal.signal(signal.SIGTERM, before)
        return Ended(code, out.getvalue(), err.getvalue(), self.runs / "applied")


def test_a_run_applied_to_its_own_recordings_says_the_same(runs: Path) -> None:
    more = "export: [jsonl]\nevaluate: [span_iou]\n"
    notes = ("--set", f"data.notes={DATA}/notes.jsonl")
    applied = Applied(runs, recordings=f"{DATA}/*.parquet", more=more).run(*notes)
    assert applied.code == 0, applied.err
    before = lines(runs / "tiny" / "spans.jsonl")
    # Nothing is learnt from these recordings: to the model they are all new.
    assert {row["part"] for row in applied.rows} == {"test"}
    assert [row | {"part": 0} for row in applied.rows] == [row | {"part": 0} for row in before]
    assert "fit_align" not in str(applied.record["stages"])
    assert (applied.folder / "metrics.json").is_file()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_an_applied_run_can_be_applied_again_and_searched(runs: Path) -> None:
    assert Applied(runs).run().code == 0
    names = {p.relative_to(runs / "tiny") for p in (runs / "tiny" / "model").rglob("*.json")}
    again = runs / "applied"
    assert {p.relative_to(again) for p in (again / "model").rglob("*.json")} == names
    shutil.copytree(again / "model", runs / "alone", dirs_exist_ok=True)
    ended = Applied(runs, model=str(runs / "alone")).run()
    assert ended.code == 0, ended.err
    out = io.StringIO()
    with redirect_stdout(out):
        assert main(["search", str(again), "She walks.", "--json"]) == 0
    rows = [json.loads(line) for line in out.getvalue().splitlines()]
    assert {row["recording"] for row in rows} <= {"s21_0", "s22_0"}
    assert {row["text"] for row in rows} == {None}


def test_findings_are_placed_as_often_as_they_are_or_named_as_unmatched(runs: Path) -> None:
    (runs / "findings.yaml").write_text(FINDINGS)
    ended = Applied(runs, more=f"vocabulary: {runs}/findings.yaml\nexport: [jsonl, csv]\n").run()
    assert ended.code == 0, ended.err
    pairs = {(row["recording"], row["sentence"]) for row in ended.rows}
    assert pairs == {(r, f"vocabulary.{f}") for r in ("s21_0", "s22_0") for f in ("WALK", "SIT")}
    for row in ended.rows:
        if row["status"] == "aligned":
            assert row["start"] < row["end"]
            assert 0 < row["confidence"] < 1
            assert row["tokens"]
        else:
            assert row["reason"] == "no_match"
    assert {row["text"] for row in ended.rows} == {"She walks.", "He sits in a chair."}


def test_findings_stand_in_only_where_there_are_no_notes(runs: Path) -> None:
    (runs / "findings.yaml").write_text(FINDINGS)
    some = [line for line in (DATA / "notes.jsonl").read_text().splitlines() if "s22_0" not in line]
    (runs / "some.jsonl").write_text("\n".join(some))
    split = "{by: recording, train: [s01_0, s02_0], valid: [s18_0, s19_0], test: [s21_0, s22_0]}"
    told = {"data.notes": f"{runs}/some.jsonl", "data.truth": "", "data.split": split}
    told |= {"vocabulary": f"{runs}/findings.yaml", "name": "part"}
    sets = [part for key, value in told.items() for part in ("--set", f"{key}={value}")]
    tiny = Tiny(runs, runs / ".cache").run(*sets)
    assert tiny.code == 0, tiny.err
    rows = lines(runs / "part" / "spans.jsonl")
    listed = {r["recording"] for r in rows if r["note"] == "vocabulary"}
    assert listed == {"s22_0"}
    assert {r["recording"] for r in rows if r["note"] != "vocabulary"} == {
        "s01_0", "s02_0", "s18_0", "s19_0", "s21_0"
    }  # fmt: skip


def changed(source: Path, folder: Path, how: str) -> Path:
    """Write a recording that the model cannot take."""
    table = pq.read_table(source)
    names = [name for name in table.column_names if name != "time"]
    if how == "lacking":
        table = table.drop_columns([names[0]])
    elif how == "turned":
        table = table.select([*(n for n in table.column_names if n == "time"), *reversed(names)])
    folder.mkdir(exist_ok=True)
    pq.write_table(table, folder / source.name)
    return folder / source.name


def test_recordings_are_held_against_what_the_model_was_learnt_from(
    runs: Path, tmp_path: Path
) -> None:
    source = DATA / "s21_0.parquet"
    lacking = changed(source, tmp_path / "lacking", "lacking")
    ended = Applied(runs, recordings=str(lacking)).run()
    assert ended.code == 2
    assert "recording s21_0: the model needs channel" in ended.said[-1]
    slow = "prepare: [{kind: resample, rate: 25.0}]\nexport: [jsonl]\n"
    ended = Applied(runs, recordings=str(source), more=slow).run()
    assert ended.code == 2
    assert "learnt at 50 Hz, this is 25 Hz" in ended.said[-1]
    turned = changed(source, tmp_path / "turned", "turned")
    found = []
    for path in (source, turned):
        assert Applied(runs, recordings=str(path)).run().code == 0
        found.append((runs / "applied" / "index" / "model.json").read_bytes())
    assert found[0] == found[1]  # of the same weights, by their hash


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("segment: {kind: windows, length: 1.0}\n", "segment: comes with the model: leave it out"),
        ("match: ordered\n", "match: comes with the model: leave it out"),
        ("vocabulary: 3\n", "vocabulary: input should be a valid string, got 3"),
    ],
)
def test_what_comes_with_the_model_is_not_said_twice(runs: Path, more: str, why: str) -> None:
    ended = Applied(runs, more=more).run()
    assert ended.code == 2
    assert [line for line in ended.said if why in line]


def test_a_model_that_is_not_whole(runs: Path, tmp_path: Path) -> None:
    ended = Applied(runs, model=str(tmp_path)).run()
    assert (ended.code, len(ended.said)) == (2, 1)
    assert f"model: no finished run with a model is in '{tmp_path}'" in ended.said[0]
    part = Path(shutil.copytree(runs / "tiny" / "model", tmp_path / "part"))
    shutil.rmtree(part / "tokens.fit_tokens")
    ended = Applied(runs, model=str(part)).run()
    assert (ended.code, len(ended.said)) == (2, 1)
    assert "the model lacks this part" in ended.said[0]
    foreign = Path(shutil.copytree(runs / "tiny" / "model", tmp_path / "foreign"))
    (foreign / "pipeline.yaml").write_text("segment: {kind: 'os:system'}\ndescribe: statistics\n")
    ended = Applied(runs, model=str(foreign)).run()
    assert ended.code == 2
    assert "segment.kind: a model folder must not choose code" in ended.said[0]


def test_a_vocabulary_needs_something_learnt(tmp_path: Path) -> None:
    ended = Tiny(tmp_path).run("--set", "align=", "--set", "match=", "--set", "vocabulary=x.yaml")
    assert ended.code == 2
    assert "vocabulary: findings are found by what align has learnt" in ended.said[0]


def test_a_vocabulary_is_a_list_or_a_mapping(tmp_path: Path) -> None:
    path = tmp_path / "v.yaml"
    path.write_text("- She falls.\n- [He walks., Walking.]\n")
    assert read_vocabulary(path) == (
        Finding("0", ("She falls.",)),
        Finding("1", ("He walks.", "Walking.")),
    )
    path.write_text(FINDINGS)
    assert [f.id for f in read_vocabulary(path)] == ["WALK", "SIT"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "v.yaml: a vocabulary is a list of sentences"),
        ("She falls.", "v.yaml: a vocabulary is a list of sentences"),
        ("- a\n- 3\n", "v.yaml:2: 1: 3 is no sentence"),
        ("A: x\nB: []\n", "v.yaml:2: B: None is no sentence"),
        ("A: x\nB: [y, x]\n", "v.yaml:2: B: 'x' stands twice"),
        ("A: ' '\n", "v.yaml:1: A: ' ' is no sentence"),
        ("A: [x\n", "v.yaml:2"),
    ],
)
def test_a_vocabulary_that_is_none(text: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "v.yaml"
    path.write_text(text)
    with pytest.raises(TsalignError) as caught:
        read_vocabulary(path)
    assert why in str(caught.value)


def test_spotting_gives_every_stretch_in_time_and_its_mean_chance() -> None:
    odds = np.array([[-3, 2, 2, -3, -3, 1, -3], [-1] * 7], np.float32).T
    nothing = np.zeros((7, 0), np.float32)
    evidence = Evidence(odds, nothing, np.zeros(7, np.float32), np.zeros((2, 0), np.float32))
    segments = Segments(np.stack([np.arange(7), np.arange(1, 8)], axis=1), rate=2.0)
    note = as_note((Finding("A", ("a",)), Finding("B", ("b",))))
    found = spot("r", note, evidence, segments, np.arange(7, dtype=np.int32))
    assert [s.span for s in found.spans] == [Span(0.5, 1.5), Span(2.5, 3.0)]
    assert [s.score for s in found.spans] == [4.0, 1.0]
    assert [s.tokens for s in found.spans] == [(1, 2), (5,)]
    assert found.spans[0].confidence == pytest.approx(1 / (1 + np.exp(-2)))
    assert [(u.sentence, u.reason) for u in found.unmatched] == [("vocabulary.B", "no_match")]
