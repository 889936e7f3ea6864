"""Notes that tell times in words: what reading them adds, on HAPT and on UCI batteryless.

    python benchmarks/notes_times.py                       # both, three seeds
    python benchmarks/notes_times.py --sets uci --seeds 0

Each seed draws notes of regime D (any order) for the test recordings and of E for validation, and
writes the times of 85 % of the events into the sentences: to the second, to the minute, roughly, as
a stretch, from the start of the recording, from the sentence before (`time_phrases.py`). The same
notes are aligned without times (`window` null) and with them, by the shipped meaning of words and
by a table for short recordings, `lab`, in which 14:03 means half a minute either way. Nothing else
differs. Differences have 95 % intervals over test recordings (2,000 bootstraps, paired).
UCI: Shinmoto Torres et al. 2013, 60 trials in one room; whose they are nobody says, so that parts
are runs of trials in their order. Writes results/notes_times.json.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from make_notes import COLLECTIONS, DATA, Collection, Stretch, make_collection, read_spans, write
from report import table, write_result

from tsalign.types import Span

ROOT = Path(__file__).parents[1]
UCI = ROOT.parent / "shared" / "data" / "uci_batteryless_elderly" / "S1_Dataset"
SHORTEST = 2.0  # seconds; shorter events are left unmentioned
WINDOWS = {"hapt": 5.0, "uci": 5.0}
LAB = """tolerance: {second: 0.05, minute: 0.5, around: 1, least: 0.1}
reach: {near: 1, far: 5, edge: 1}
"""
VARIANTS = ("not read", "read, shipped table", "read, lab table")
PIPELINE = """tsalign: 1
name: uci
seed: 0
data:
  recordings: FOLDER/*.csv
  notes: FOLDER/notes.jsonl
  truth: [FOLDER/truth/*.spans.csv, FOLDER/notes.truth.csv]
  split: {by: subject, train: TRAIN, valid: VALID, test: TEST}
prepare: [{kind: resample, rate: 10.0, max_gap: 200.0}]
segment: {kind: windows, length: 0.5}
describe:
  - {kind: statistics, context: 8.0}
  - {kind: statistics, context: 2.0}
tokens: {kind: kmeans, n_clusters: 50}
align: {kind: contrastive, signal: {kind: mlp, width: 128}, text: minilm, loss: supcon,
        supervision: stamped, epochs: 60}
match: {kind: unordered}
evaluate: [recall_at_iou]
export: [jsonl]
"""


def part_of_trial(recording: str) -> str:
    """Return the part of a trial: 1-34 learn, 35-40 validate, 41-60 test."""
    number = int(recording[3:5])
    return "train" if number <= 34 else "valid" if number <= 40 else "test"


def read_trial(file: Path) -> list[Stretch]:
    """Read the stretches of a trial; those too short to be mentioned have no label."""
    return [
        s if s.end - s.start >= SHORTEST else s._replace(label="")
        for s in read_spans(file)
        if s.end > s.start
    ]


COLLECTIONS_HERE = {
    "hapt": COLLECTIONS["hapt"],
    "uci": Collection(
        Path(__file__).with_name("uci_sentences.json"),
        part_of_trial,
        str,
        read=read_trial,
    ),
}


def uci_files(folder: Path) -> None:
    """Write each trial as a table with a header, and its spans."""
    (folder / "truth").mkdir()
    for spans in sorted(UCI.glob("*.spans.csv")):
        name = spans.name.removesuffix(".spans.csv")
        rows = [line.split(",")[:4] for line in (UCI / name).read_text().split()]
        text = "time,frontal,vertical,lateral\n" + "".join(",".join(row) + "\n" for row in rows)
        (folder / f"{name}.csv").write_text(text)
        (folder / "truth" / spans.name).write_text(spans.read_text())


def pipeline_of(name: str, folder: Path) -> str:
    """Return the path of the pipeline file; for UCI with data and pipeline in the folder."""
    if name == "hapt":
        return "pipelines/hapt.yaml"
    uci_files(folder)
    text = PIPELINE.replace("FOLDER", str(folder))
    names = sorted(p.name.removesuffix(".spans.csv") for p in UCI.glob("*.spans.csv"))
    for part in ("train", "valid", "test"):
        chosen = [n for n in names if part_of_trial(n) == part]
        text = text.replace(part.upper(), json.dumps(chosen))
    (folder / "uci.yaml").write_text(text)
    return str(folder / "uci.yaml")


def draw(name: str, folder: Path, seed: int) -> None:
    """Write the notes of one seed."""
    source = DATA / "hapt" if name == "hapt" else UCI
    collection = replace(COLLECTIONS_HERE[name], regimes=("A", "E", "D"))
    write(*make_collection(source, collection, seed, times=True), folder)


def changes(name: str, folder: Path, variant: str) -> Iterator[str]:
    """Yield what makes a run use these notes, and read or overlook their times."""
    window = "null" if variant == "not read" else WINDOWS[name]
    sets = [f"match={{kind: unordered, window: {window}}}", "export=[jsonl]"]
    sets += ["evaluate=[recall_at_iou]", f"data.notes={folder / 'notes.jsonl'}"]
    spans = "data/hapt/*.spans.csv" if name == "hapt" else f"{folder.parent}/truth/*.spans.csv"
    sets.append(f"data.truth=[{spans}, {folder / 'notes.truth.csv'}]")
    if variant.endswith("lab table"):
        (folder / "lab.yaml").write_text(LAB)
        sets.append(f"notes={{times: {folder / 'lab.yaml'}}}")
    for change in sets:
        yield from ("--set", change)


def hits(run: Path, truth: Path, part: Any) -> dict[str, list[bool]]:
    """Return, by test recording, whether each event's sentence has a span of IoU >= 0.5."""
    found = {}
    for line in (run / "spans.jsonl").read_text().splitlines():
        told = json.loads(line)
        if told["status"] == "aligned":
            best = found.get(told["sentence"])
            if best is None or told["confidence"] > best[1]:
                found[told["sentence"]] = Span(told["start"], told["end"]), told["confidence"]
    out: dict[str, list[bool]] = defaultdict(list)
    with truth.open(newline="") as rows:
        for row in csv.DictReader(rows):
            if part(row["recording"]) == "test" and row["start_s"]:
                true = Span(float(row["start_s"]), float(row["end_s"]))
                span = found.get(row["sentence"], (None, 0.0))[0]
                out[row["recording"]].append(span is not None and _iou(span, true) >= 0.5)
    return out


def _iou(a: Span, b: Span) -> float:
    common = a & b
    return common.duration / (a.duration + b.duration - common.duration) if common else 0.0


def interval(first: dict, second: dict, rng: np.random.Generator) -> tuple[float, float, float]:
    """Return the difference of recalls and its interval over recordings."""
    names = sorted(first)
    gains = np.array([[sum(second[n]) - sum(first[n]), len(first[n])] for n in names], float)
    drawn = gains[rng.integers(len(names), size=(2000, len(names)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    return float(gains[:, 0].sum() / gains[:, 1].sum()), float(low), float(high)


def measure(name: str, seeds: Sequence[int], work: Path, cache: Path) -> list[dict[str, Any]]:
    """Return recalls of all variants and seeds, and the gains over all seeds together."""
    base = work / name
    base.mkdir()
    file = pipeline_of(name, base)
    every: dict[str, dict[str, list[bool]]] = {v: defaultdict(list) for v in VARIANTS}
    rows = []
    for seed in seeds:
        folder = base / f"seed{seed}"
        draw(name, folder, seed)
        for variant in VARIANTS:
            command = [sys.executable, "-m", "tsalign.run", file, "--runs", str(folder / "runs")]
            command += ["--cache", str(cache), *changes(name, folder, variant)]
            subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
            part = COLLECTIONS_HERE[name].part
            found = hits(folder / "runs" / name, folder / "notes.truth.csv", part)
            for recording, right in found.items():
                every[variant][recording] += right
            recall = float(np.mean([r for right in found.values() for r in right]))
            rows.append({"set": name, "seed": seed, "times": variant, "R@1 IoU>=.5": recall})
            print(rows[-1], flush=True)
    return rows + _gains(name, every)


def _gains(name: str, every: dict[str, dict[str, list[bool]]]) -> list[dict[str, Any]]:
    rng, rows = np.random.default_rng(0), []
    for variant in VARIANTS[1:]:
        gain, low, high = interval(every[VARIANTS[0]], every[variant], rng)
        said = f"gain of {variant}: {gain:.3f} [{low:.3f}, {high:.3f}]"
        rows.append({"set": name, "seed": "all", "times": said, "R@1 IoU>=.5": gain})
    return rows


def main() -> None:
    """Print a table and write benchmarks/results/notes_times.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=["hapt", "uci"], choices=COLLECTIONS_HERE)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--cache", type=Path, help="folder that keeps what runs share")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        cache = options.cache or work / "cache"
        rows = [row for s in options.sets for row in measure(s, options.seeds, work, cache)]
    print(table(rows))
    write_result("notes_times", {"windows": WINDOWS, "lab": LAB, "runs": rows}, "scipy")


if __name__ == "__main__":
    main()
