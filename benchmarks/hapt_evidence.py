"""What the trained model of `hapt.yaml` says, for notes of any regime: shared by benchmarks.

The model depends on the training and validation notes alone, so all test notes of one seed are
judged by the same weights.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tsalign import config, data
from tsalign.cache import Store
from tsalign.engine import Engine
from tsalign.match import Case
from tsalign.pipeline import ORDER, build
from tsalign.stages import hidden

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, eq=False)
class Judged:
    """A part of the recordings with evidence and truth, and durations seen in training."""

    valid: dict[str, Case]
    test: dict[str, Case]
    seconds: list[list[float]]


def judged(cache: Path, work: Path, seed: int, *maker: str) -> Judged:
    """Train where the cache has nothing yet, and judge the notes that `make_notes` draws.

    Parameters
    ----------
    cache : Path
        Shared by all seeds and regimes.
    work : Path
        An empty folder for the notes.
    seed : int
        Of notes and weights.
    maker : str
        Further arguments of `make_notes.py`.
    """
    command = [sys.executable, "benchmarks/make_notes.py", "hapt", "--seed", str(seed)]
    subprocess.run([*command, *maker, "--out", str(work)], check=True, cwd=ROOT, stdout=-3)
    truth = f"[data/hapt/*.spans.csv, {work / 'notes.truth.csv'}]"
    given = [f"data.notes={work / 'notes.jsonl'}", f"data.truth={truth}", f"seed={seed}"]
    checked = config.load(ROOT / "pipelines/hapt.yaml", [*given, "tokens=null", "export=[]"])
    items = data.collect(checked)
    engine, graph = Engine(Store(cache), lambda event: None), build(checked, items)
    wanted = [graph.slots["align"][i.id] for i in items if i.part != "train"]
    engine.run(wanted, ORDER, False)
    parts: dict[str, dict[str, Case]] = {"valid": {}, "test": {}}
    for item in items:
        if item.part != "train":
            known = engine.value(graph.slots["align"][item.id])
            cut = engine.value(graph.slots["segment"][item.id])
            shown = hidden(item.notes, times=False)
            parts[item.part][item.id] = Case(known, cut, shown, item.truth, data.occurrences(item))
    placer = graph.slots["match"][items[0].id].inputs[0]
    model = engine.value(placer.inputs[0])
    return Judged(parts["valid"], parts["test"], durations(items, model.concepts_))


def durations(items: list[data.Item], concepts: tuple[str, ...]) -> list[list[float]]:
    """Return the seconds of the training stamps of each concept."""
    told = [s for i in items if i.part == "train" for n in i.notes for s in n.sentences]
    return [
        [s.stamp.duration for s in told if s.stamp is not None and s.concept == concept]
        for concept in concepts
    ]
