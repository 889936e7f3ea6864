"""Whole notes and stretches of HAPT in one space with segments: attention against plain means.

    python benchmarks/pooling.py                  # two seeds
    python benchmarks/pooling.py --seeds 1 --work /tmp/hapt

Judged on the validation people 18-20 of `pipelines/hapt.yaml`, never on the test people; the same
people stop the learning. Five notes speak of each recording, in wordings never learnt from. A note
looks for its stretch among all of one length, and a stretch for one of its notes.

Rows: `segments alone` is learnt without pooling, its places averaged; `mean` learns the pooled
loss with plain means; `attention` is `{kind: attention}`. `truth` is no model: the true activities
of a stretch, by the share of its time, beside those that the note tells of, by how often. It says
how alike the stretches are, and is no bound: attention may weigh them better. F is the share of
told segments whose activity is the likeliest concept: what pooling costs the elements.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from align_runs import Run, Task
from numpy.typing import NDArray
from report import table, write_result
from sklearn.base import clone

from tsalign import stages
from tsalign.align import Attention, Noted, pairs_of
from tsalign.align.pooling.attention import Pools
from tsalign.align.pooling.pooling import scale_name
from tsalign.align.pooling.whole import wholes_of
from tsalign.evaluate import GlobalRetrieval, Results
from tsalign.types import Aligned, Tokens

SCALES = (60.0, 120.0, "recording")
WAYS = ("note_to_{}", "{}_to_note")


class Mean(Attention):
    """Plain means under the same loss: attention that never leaves its start."""

    def build(self, dimension: int) -> Pools:
        """Return the network; only its temperature learns."""
        pools = super().build(dimension)
        for side in (pools.signal, pools.text):
            side.requires_grad_(False)
        return pools


class Truth:
    """Stands for a model: a place is an activity."""

    pooling = None

    def __init__(self, noted: Sequence[Noted]) -> None:
        said = [s for n in noted for note in n.notes for s in note.sentences]
        self.names = sorted({s.concept for s in said if s.concept is not None})
        self.known = {s.text: s.concept for s in said}

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one column an activity."""
        return self._rows([self.known[text] for text in texts])

    def encode_signal(self, one: Noted) -> NDArray[np.float32]:
        """Return the same of what is told of each segment."""
        pairs = pairs_of([one])
        told = pairs.text.reshape(-1, len(one.features)).max(axis=0).tolist()  # by any note
        return self._rows([pairs.concepts[i] if i >= 0 else None for i in told])

    def _rows(self, names: Sequence[str | None]) -> NDArray[np.float32]:
        out = np.zeros((len(names), len(self.names)), np.float32)
        for row, name in zip(out, names, strict=True):
            if name is not None:
                row[self.names.index(name)] = 1.0
        return out


def figures(run: Run, model: Any, places: Sequence[NDArray[np.float32]]) -> dict[str, float]:
    """Return `global_retrieval` of the validation recordings, every scale."""
    items = []
    for item, noted, rows in zip(run.of("valid"), run.noted("valid"), places, strict=True):
        found = [wholes_of(model, rows, noted.segments, noted.notes, s) for s in SCALES]
        signal = run.engine.value(run.graph.slots["prepare"][item.id])
        none = Tokens(np.empty(0, np.int32), 0, noted.segments)
        parts = (signal, noted.segments, none, stages.unplaced())
        items.append(Aligned(item.id, "valid", *parts, wholes=tuple(f for f in found if f)))
    return GlobalRetrieval()(Results.from_aligned(items))


def learnt(run: Run, pooling: Attention | None) -> tuple[dict[str, float], float]:
    """Learn as `hapt.yaml` does, but for the pooling; return figures and F."""
    model = clone(run.config.align).set_params(pooling=pooling).fit(*run.pairs)
    places = [model.encode_signal(n.features) for n in run.noted("valid")]
    valid = run.pairs[1]
    names = np.array([model.concepts_.index(name) for name in valid.names if name is not None])
    said = valid.text >= 0
    scores = model.concept_scores(valid.features, valid.recordings)[said]
    return figures(run, model, places), float((scores.argmax(1) == names[valid.text[said]]).mean())


def rows(seed: int, work: Path) -> dict[str, dict[str, float]]:
    """Return the figures of each row for one seed."""
    run, out = Run(Task(seed), work), {}
    truth = Truth(run.noted("valid"))
    known = figures(run, truth, [truth.encode_signal(n) for n in run.noted("valid")])
    out["truth"] = known | {"F": 1.0}
    kinds = {"segments alone": None, "mean": Mean(SCALES), "attention": Attention(SCALES)}
    for name, pooling in kinds.items():
        found, share = learnt(run, pooling)
        out[name] = found | {"F": share}
        print(seed, name, {k: round(v, 3) for k, v in out[name].items() if "mean_p" not in k})
    return out


def main() -> None:
    """Print the table and write `results/pooling.json`."""
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--seeds", type=int, default=2)
    asked.add_argument("--work", type=Path)
    given = asked.parse_args()
    work = given.work or Path(tempfile.mkdtemp())
    work.mkdir(parents=True, exist_ok=True)
    seeds = [rows(seed, work) for seed in range(given.seeds)]
    mean = {
        name: {key: float(np.mean([seed[name][key] for seed in seeds])) for key in figure}
        for name, figure in seeds[0].items()
    }
    write_result("pooling", {"mean": mean, "seeds": seeds}, "scipy")
    for scale in map(scale_name, SCALES):
        for way in (w.format(scale) for w in WAYS):
            chance = {
                "row": "chance",
                "R@1": mean["truth"][f"{way}_chance_at_1"],
                "MRR": "",
                "F": "",
            }
            told = [
                {"row": name, "R@1": f[f"{way}_recall_at_1"], "MRR": f[f"{way}_mrr"], "F": f["F"]}
                for name, f in mean.items()
            ]
            print(f"\n{way}\n{table([chance, *told])}", end="")


if __name__ == "__main__":
    main()
