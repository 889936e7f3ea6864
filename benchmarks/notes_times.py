"""Notes that tell times in words: what reading them adds, on HAPT and on UCI batteryless.

    python benchmarks/notes_times.py                       # both, three seeds
    python benchmarks/notes_times.py --sets uci --seeds 0

Each seed draws notes of regime D (any order) and writes the times of 85 % of the events into the
sentences: to the second, to the minute, roughly, as a stretch, from the start of the recording,
from the sentence before (`time_phrases.py`); for some of the longer ones how long they took. One
model judges the same sentences; `Blocks` places them without times (`window` null) and with
them, by the shipped meaning of words and by a table for short recordings, `LAB`, in which 14:03
means half a minute either way. Nothing else differs; the weights are tuned on validation people,
without times.
Differences have 95 % intervals over test recordings (2,000 bootstraps, paired, seeds together).

UCI: Shinmoto Torres et al. 2013, 60 trials in one room; whose they are nobody says, so that parts
are runs of trials in their order. Writes results/notes_times.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from hapt_evidence import durations
from make_notes import COLLECTIONS, DATA, Collection, Stretch, make_collection, read_spans, write
from report import table, write_result

from tsalign import config, data
from tsalign.cache import Store
from tsalign.engine import Engine
from tsalign.match import Blocks, Case, Placer
from tsalign.match.outcome import best_iou, seconds_of
from tsalign.notes import Reading, read_notes
from tsalign.pipeline import ORDER, build
from tsalign.stages import hidden
from tsalign.types import Note

ROOT = Path(__file__).parents[1]
UCI = ROOT.parent / "shared" / "data" / "uci_batteryless_elderly" / "S1_Dataset"
SHORTEST = 2.0  # seconds; shorter events are left unmentioned
WINDOW = 5.0  # seconds that cost half a nat
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
align: {kind: contrastive, signal: {kind: mlp, width: 128}, text: minilm, loss: supcon, supervision: stamped, epochs: 60}
match: {kind: unordered}
"""  # noqa: E501


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


MADE: Mapping[str, Collection] = {
    "hapt": replace(COLLECTIONS["hapt"], regimes=("A", "E", "D"), counts=(1, 2, 1)),
    "uci": Collection(
        Path(__file__).with_name("uci_sentences.json"),
        part_of_trial,
        str,
        regimes=("A", "E", "D"),
        counts=(1, 2, 1),
        read=read_trial,
    ),
}


def write_trials(folder: Path) -> None:
    """Write each trial as a table with a header, and its spans into `truth`."""
    (folder / "truth").mkdir(parents=True)
    for spans in sorted(UCI.glob("*.spans.csv")):
        name = spans.name.removesuffix(".spans.csv")
        rows = [line.split(",")[:4] for line in (UCI / name).read_text().split()]
        text = "time,frontal,vertical,lateral\n" + "".join(",".join(row) + "\n" for row in rows)
        (folder / f"{name}.csv").write_text(text)
        (folder / "truth" / spans.name).write_text(spans.read_text())


def uci_pipeline(folder: Path) -> Path:
    """Write the trials and the pipeline."""
    write_trials(folder)
    text = PIPELINE.replace("FOLDER", str(folder))
    names = sorted(p.name.removesuffix(".spans.csv") for p in UCI.glob("*.spans.csv"))
    for part in ("train", "valid", "test"):
        text = text.replace(
            part.upper(), json.dumps([n for n in names if part_of_trial(n) == part])
        )
    (folder / "uci.yaml").write_text(text)
    return folder / "uci.yaml"


@dataclass(frozen=True, eq=False)
class Judged:
    """What the model says of validation and test, and durations seen in training."""

    valid: list[Case]
    test: dict[str, Case]
    seconds: list[list[float]]


def judged(name: str, cache: Path, work: Path, seed: int) -> Judged:
    """Draw notes, train where the cache has nothing yet, and judge them."""
    given = []
    if name == "hapt":
        file, truth = (
            ROOT / "pipelines/hapt.yaml",
            f"[data/hapt/*.spans.csv, {work}/notes.truth.csv]",
        )
        given = [f"data.notes={work / 'notes.jsonl'}", f"data.truth={truth}", "tokens=null"]
        given.append("export=[]")
    else:
        file = uci_pipeline(work)
    source = DATA / "hapt" if name == "hapt" else UCI
    notes, truth = make_collection(source, MADE[name], seed, times=True)
    write([note for note in notes if note["sentences"]], truth, work)
    checked = config.load(file, given)
    items = data.collect(checked)
    engine, graph = Engine(Store(cache), lambda event: None), build(checked, items)
    asked = [item for item in items if item.part != "train" and item.notes]
    engine.run([graph.slots["align"][item.id] for item in asked], ORDER, False)
    cases = {}
    for item in asked:
        known, cut = (engine.value(graph.slots[s][item.id]) for s in ("align", "segment"))
        cases[item.id] = Case(known, cut, hidden(item.notes, times=False), item.truth)
    model = engine.value(graph.slots["match"][asked[0].id].inputs[0].inputs[0])
    return Judged(
        [cases[item.id] for item in asked if item.part == "valid"],
        {item.id: cases[item.id] for item in asked if item.part == "test"},
        durations(items, model.concepts_),
    )


def hits(placer: Placer, case: Case, notes: Sequence[Note]) -> list[bool]:
    """Return whether each event's sentence has a span of IoU >= 0.5."""
    edges, found = case.segments.edges(), []
    for note in placer._decoded(case.evidence, case.segments, notes, False):
        for span, sentence in zip(note.decoded.spans, note.sentences, strict=True):
            truth = case.truth[sentence.id]
            if truth:
                right = span[0] >= 0 and best_iou(seconds_of(edges, span), truth) >= 0.5
                found.append(bool(right))
    return found


def placers(known: Judged) -> dict[str, Placer]:
    """Return the placers without and with times; their weights are the same."""
    bare = Placer(Blocks()).fit([], known.seconds)
    bare._tune(known.valid)
    timed = Placer(Blocks(window=WINDOW)).fit([], known.seconds)
    timed.weights_ = bare.weights_
    return dict(zip(VARIANTS, (bare, timed, timed), strict=True))


def interval(first: dict, second: dict, rng: np.random.Generator) -> tuple[float, float, float]:
    """Return the difference of recalls and its interval over recordings."""
    names = sorted(first)
    gains = np.array([[sum(second[n]) - sum(first[n]), len(first[n])] for n in names], float)
    drawn = gains[rng.integers(len(names), size=(2000, len(names)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    return float(gains[:, 0].sum() / gains[:, 1].sum()), float(low), float(high)


def measure(name: str, seeds: Sequence[int], work: Path, cache: Path) -> list[dict[str, Any]]:
    """Return recalls of all variants and seeds, and the gains over all seeds together."""
    every: dict[str, dict[str, list[bool]]] = {v: defaultdict(list) for v in VARIANTS}
    rows = []
    (work / "lab.yaml").write_text(LAB)
    for seed in seeds:
        folder = work / f"{name}{seed}"
        folder.mkdir()
        known = judged(name, cache, folder, seed)
        readings = Reading(), Reading(), Reading(times=str(work / "lab.yaml"))
        for (variant, placer), reading in zip(placers(known).items(), readings, strict=True):
            told = read_notes(folder / "notes.jsonl", reading)
            right = []
            for recording, case in known.test.items():
                found = hits(placer, case, hidden(told[recording].notes, times=True))
                every[variant][recording] += found
                right += found
            rows.append({"set": name, "seed": seed, "times": variant, "R@1": float(np.mean(right))})
            print(rows[-1], flush=True)
    return rows + _gains(name, every)


def _gains(name: str, every: dict[str, dict[str, list[bool]]]) -> list[dict[str, Any]]:
    rng, rows = np.random.default_rng(0), []
    for variant in VARIANTS[1:]:
        gain, low, high = interval(every[VARIANTS[0]], every[variant], rng)
        said = f"gain, {variant}: [{low:.3f}, {high:.3f}]"
        rows.append({"set": name, "seed": "all", "times": said, "R@1": gain})
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Print a table and write benchmarks/results/notes_times.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=["hapt", "uci"], choices=MADE)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--cache", type=Path, help="folder that keeps what runs share")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        cache = options.cache or work / "cache"
        rows = [row for s in options.sets for row in measure(s, options.seeds, work, cache)]
    print(table(rows))
    write_result("notes_times", {"window": WINDOW, "lab": LAB, "runs": rows}, "scipy")


if __name__ == "__main__":
    main()
