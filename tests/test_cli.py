"""The command from outside: what it prints, writes, reuses and returns."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tsalign import __version__
from tsalign.config import load
from tsalign.registry import REGISTRY
from tsalign.run import main

PIPELINE = """tsalign: 1
name: toy
data: {recordings: d/*.csv}
segment: {kind: windows, length: 1.0}
describe: statistics
tokens: {kind: kmeans, n_clusters: 3}
"""
SLOTS = ("prepare", "segment", "describe", "tokens")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Four short recordings and a pipeline file in the working directory."""
    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.chdir(tmp_path)
    Path("d").mkdir()
    for number in range(4):
        noise = np.random.default_rng(number).normal(size=(200, 2))
        rows = np.column_stack([np.arange(200) / 25, noise])
        np.savetxt(f"d/r{number}.csv", rows, "%.3f", ",", header="time,x,y", comments="")
    Path("p.yaml").write_text(PIPELINE)
    yield
    signal.signal(signal.SIGTERM, handler)


def record(name: str = "toy") -> dict:
    return json.loads(Path("runs", name, "run.json").read_text())


def published(name: str = "toy") -> dict[str, bytes]:
    """Return the files of a run that do not hold times."""
    root = Path("runs", name)
    files = {str(p.relative_to(root)): p for p in root.rglob("*") if p.is_file()}
    return {n: p.read_bytes() for n, p in files.items() if n not in ("run.json", "events.jsonl")}


def computed() -> dict[str, int]:
    return {slot: int(s["computed"]) for slot, s in record()["stages"].items()}


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    for argument, words in (("--help", "Exit codes: 0 all done;"), ("--version", __version__)):
        with pytest.raises(SystemExit, match="0"):
            main(["run", argument])
        assert words in capsys.readouterr().out


@pytest.mark.parametrize("slot", REGISTRY)
def test_a_list_shows_every_word_with_its_parameters(
    slot: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--list", slot]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [w for w in lines if not w.startswith(" ")] == [f"{slot}: {w}" for w in REGISTRY[slot]]
    assert slot != "segment" or "    length required" in lines


@pytest.mark.parametrize(
    "arguments",
    [[], ["p.yaml", "--jobs", "0"], ["p.yaml", "--jobs", "two"], ["--list", "spam"], ["--spam"],
     ["p.yaml", "--from", "data"], ["p.yaml", "--on-error", "ignore"]],
)  # fmt: skip
def test_wrong_usage_is_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert capsys.readouterr().err.startswith("usage: tsalign run")


def test_every_mistake_is_one_line_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("p.yaml").write_text(PIPELINE.replace("length", "lenght").replace("kmeans", "kmean"))
    assert main(["p.yaml"]) == 2
    assert sorted(capsys.readouterr().err.splitlines()) == [
        "p.yaml:4:10: segment.length: missing",
        "p.yaml:4:26: segment.lenght: unknown key; did you mean 'length'?",
        "p.yaml:6:16: tokens.kind: no tokens is called 'kmean'; did you mean 'kmeans'?",
    ]
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("pair", "line"),
    [("data.recordings=x/*.csv", "data.recordings: no file matches 'x/*.csv'"),
     ("data.notes=n.jsonl", "data.notes: no file matches 'n.jsonl'"),
     ("data.split={train: [bob]}", "data.split.train: no subject is called 'bob'"),
     ("data.split={train: [r1], test: [r1]}", "data.split.test: 'r1' stands in two parts"),
     ("data.split={train: 0.0, valid: 0.0, test: 1.0}",
      "data.split.train: no recording is left to learn from")],
)  # fmt: skip
def test_data_that_do_not_fit_are_one_line(
    pair: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["p.yaml", "--set", pair]) == 2
    assert capsys.readouterr().err == f"{line}\n"
    assert not Path("runs/toy/run.json").exists()


def test_a_dry_run_shows_the_plan_and_computes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def plan(*arguments: str) -> list[list[str]]:
        assert main(["p.yaml", "--dry-run", *arguments]) == 0
        head, *lines = capsys.readouterr().out.splitlines()
        assert head == "toy: 4 recordings -> runs/toy"
        return [[part for part in line.split() if part.isdigit()] for line in lines]

    assert plan() == [["0", "5"], ["0", "4"], ["0", "6"], ["0", "5"]]
    assert not Path("runs").exists()
    main(["p.yaml"])
    capsys.readouterr()
    before = published()
    assert plan() == [["5", "0"], ["4", "0"], ["6", "0"], ["5", "0"]]
    assert plan("--from", "describe") == [["5", "0"], ["4", "0"], ["0", "6"], ["0", "5"]]
    assert plan("--set", "tokens.n_clusters=2")[2:] == [["6", "0"], ["0", "5"]]
    assert published() == before


def test_recordings_in_no_part_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["p.yaml", "--dry-run", "--set", "data.split={train: [r2], test: [r1]}"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("toy: 2 recordings")
    assert err == "data.split names no part for r0, r3: left out\n"


def test_a_run_leaves_what_it_promises(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["p.yaml", "--set", "seed=3"]) == 0
    out, err = capsys.readouterr()
    assert "toy: 4 recordings, 32 segments, 3 tokens" in out
    assert out.endswith("everything is in runs/toy/\n")
    events = [json.loads(line) for line in err.splitlines()]
    assert Path("runs/toy/events.jsonl").read_text() == err
    assert {event["slot"] for event in events} == set(SLOTS)
    told = record()
    assert (told["tsalign"], told["failures"]) == (__version__, {})
    assert all((Path("runs/toy") / name).is_file() for name in told["files"])
    assert load("runs/toy/run.yaml").filled() == load("p.yaml", ["seed=3"]).filled()
    assert {p.name for p in Path("runs").iterdir()} == {"toy", ".cache"}


def test_a_second_run_reuses_everything_and_a_changed_one_what_it_can() -> None:
    main(["p.yaml"])
    before = published()
    assert computed() == {"prepare": 5, "segment": 4, "describe": 6, "tokens": 5}
    main(["p.yaml"])
    assert computed() == {}
    assert record()["reused"] == {"prepare": 5, "segment": 4, "describe": 6, "tokens": 5}
    assert published() == before
    main(["p.yaml", "--set", "tokens.n_clusters=2"])
    assert computed() == {"tokens": 5}
    main(["p.yaml", "--from", "tokens"])
    assert computed() == {"tokens": 5}
    assert published() == before


def test_a_moved_file_is_the_same_and_an_edited_one_is_not() -> None:
    main(["p.yaml"])
    Path("e").mkdir()
    for path in sorted(Path("d").iterdir()):
        path.rename(Path("e") / path.name)
    main(["p.yaml", "--set", "data.recordings=e/*.csv"])
    assert computed() == {}
    with Path("e/r3.csv").open("a") as stream:
        stream.write("8.000,1,2\n")
    main(["p.yaml", "--set", "data.recordings=e/*.csv"])
    assert computed()["prepare"] == 1


def test_a_bad_recording_stops_the_run_or_is_skipped_and_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("d/r1.csv").write_text("time,x,y\n0,1,2\n0.04,1,oops\n")
    why = "d/r1.csv:3: recording r1: column 'y' holds 'oops', not a number"
    assert main(["p.yaml"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == why
    assert not Path("runs/toy/run.json").exists()
    assert main(["p.yaml", "--on-error", "skip"]) == 3
    out, err = capsys.readouterr()
    assert "toy: 3 recordings" in out
    assert err.splitlines()[-1] == f"skipped r1: {why}"
    assert record()["failures"] == {"r1": why}
    assert main(["p.yaml", "--on-error", "skip", "--set", "data.recordings=d/r1.csv"]) == 4


def test_a_run_can_be_interrupted_killed_and_resumed() -> None:
    slow = PIPELINE + 'prepare: [{kind: "toys:Slow", seconds: 0.25}]\n'
    Path("p.yaml").write_text(slow)
    command = [sys.executable, "-m", "tsalign.run", "p.yaml"]
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])
    for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)):
        with subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": paths}
        ) as process:
            while '"computed"' not in process.stderr.readline():
                assert process.poll() is None
            process.send_signal(number)
            rest = process.stderr.read()
        assert process.returncode == code
        assert (number == signal.SIGKILL) != rest.endswith("the same command to go on from here\n")
        assert not Path("runs/toy/run.json").exists()
    assert main(["p.yaml"]) == 0
    assert computed()["prepare"] < 4
    resumed = published()
    assert main(["p.yaml", "--cache", "fresh"]) == 0
    assert published() == resumed
