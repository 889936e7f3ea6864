"""Whatever the README shows is true: commands, files, the notebook cell, the table, the links."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from tsalign.config import load
from tsalign.export.jsonl import read_jsonl
from tsalign.notes import read_notes
from tsalign.read import read_truth
from tsalign.run import DONE, NOTHING, SOME_FAILED, USAGE, parser

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
MAIN = (
    "pip install -c constraints.txt -e . && python -m tsalign.run pipelines/hapt.yaml",
    'pip install -c constraints.txt -e ".[test]" && pytest',
)


def blocks(language: str) -> list[str]:
    return [text for kind, text in BLOCKS if kind == language]


def script(name: str) -> ModuleType:
    """Load a script of `benchmarks/`, which is no part of the package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("command", MAIN)
def test_the_two_commands_stand_in_blocks_of_their_own(command: str) -> None:
    assert blocks("").count(f"{command}\n") == 1
    assert README.count(command) == 1


def test_every_command_shown_is_one_that_the_parser_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    lines = [line for text in blocks("") for line in text.splitlines() if "tsalign.run" in line]
    assert len(lines) >= 5
    for line in lines:
        options = parser().parse_args(shlex.split(line.partition("tsalign.run")[2]))
        if options.pipeline is not None:
            assert load(options.pipeline, options.overrides).name == options.pipeline.stem


def test_flags_exit_codes_and_extras_are_those_that_exist() -> None:
    known = {name for a in parser()._actions for name in a.option_strings if name[:2] == "--"}
    table = README.partition("| flag | what |")[2].partition("\n\n")[0]
    assert set(re.findall(r"--[a-z][a-z-]+", table)) == known
    codes = README.partition("Exit codes: ")[2].partition("A second run")[0]
    numbers = [DONE, USAGE, SOME_FAILED, NOTHING, 130, 143]
    assert [int(n) for n in re.findall(r"\d+", codes)] == numbers
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    assert {f"`.[{name}]`" for name in extras} - {"`.[test]`"} == set(
        re.findall(r"`\.\[\w+\]`", README)
    )


def test_the_pipeline_shown_is_the_one_that_ships(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    (shown,) = blocks("yaml")
    (tmp_path / "hapt.yaml").write_text(shown)
    assert load(tmp_path / "hapt.yaml").filled() == load("pipelines/hapt.yaml").filled()


def test_the_notebook_cell_prints_what_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    (cell,), (shown,) = blocks("python"), blocks("text")
    exec(cell, {"__name__": "cell"})
    assert capsys.readouterr().out == shown


def test_the_files_shown_are_read(tmp_path: Path) -> None:
    spans, notes = (tmp_path / name for name in ("spans.jsonl", "notes.jsonl"))
    for path, text in zip((spans, notes), blocks("json"), strict=True):
        path.write_text(text)
    assert [row.status for row in read_jsonl(spans)] == ["aligned", "unmatched"]
    told = read_notes(notes)
    assert [len(told[name].notes[0].sentences) for name in ("s01_0", "s02_0")] == [3, 1]
    labels, places = (tmp_path / name for name in ("s01_0.spans.csv", "truth.csv"))
    for path, text in zip((labels, places), blocks("csv"), strict=True):
        path.write_text(text)
    assert len(read_truth(labels).labels["s01_0"]) == 1
    sentences = read_truth(places).sentences["s01_0"]
    assert sentences["n1.2"] == ()
    assert set(sentences) <= {s.id for s in told["s01_0"].notes[0].sentences}


def test_links_lead_somewhere_and_the_picture_is_small() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert "benchmarks/results/aligned.png" in links
    assert [link for link in links if not (ROOT / link).is_file()] == []
    assert (ROOT / "benchmarks/results/aligned.png").stat().st_size < 300_000
    paths = re.findall(r"`((?:pipelines|benchmarks|data)/[\w./]+)`", README)
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_table_is_that_of_the_results() -> None:
    assert script("readme_table").main(["--check"]) == 0


def test_another_result_makes_another_table(tmp_path: Path) -> None:
    module = script("readme_table")
    assert module.table(tmp_path).count("\n") == 1
    (tmp_path / "hapt_alignment.json").write_text(json.dumps(RESULT))
    changed = module.renewed(README, tmp_path)
    assert changed != README
    assert (
        "notes E, mean of 3 seeds: R@1 at IoU ≥ 0.5 | 0.71 | plain 0.50; evenly spread 0.20 |"
        in (changed)
    )
    assert "| `pipelines/hapt.yaml` from nothing, 2 CPUs | 200 s, 900 MiB |" in changed
    assert module.renewed(changed, ROOT / "benchmarks" / "results") == README


FIGURES = {"mean_iou": 0.6, "distractors_placed": 0.1, "ece_equal_mass": 0.05}
RESULT = {
    "versions": {"cpus": "2"},
    "cost": {"seconds": 200.4, "peak MiB": 900.2},
    "means": [
        {"regime": "E", "what": what, "seeds": 3, "recall_at_1_iou_0.5": hit, "evenly spread": 0.2}
        | FIGURES
        for what, hit in (("shipped", 0.71), ("plain", 0.5))
    ],
}
