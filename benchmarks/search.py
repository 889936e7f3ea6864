"""Retrieval in a finished run of pipelines/hapt.yaml by sentences that were never learnt from.

python benchmarks/search.py RUN [--part test]

A sentence of the notes of the part's people, in wordings of their own, looks for its stretches in
all recordings of the part. A stretch is right with IoU >= 0.5 against a labelled stretch of what
the sentence speaks of. Precision at 1; recall at 10 of at most ten true stretches. Beside them
the ten best single segments, as retrieval without joining gives them, and ten of the labelled
stretches themselves, drawn by chance. The best score of stretches was chosen on people 18-20.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from report import table, write_result

from tsalign import codec
from tsalign.align import Index, Queries, find
from tsalign.types import Span

DATA = Path(__file__).parent.parent / "data" / "hapt"
Truth = dict[str, list[tuple[Span, str]]]


def labels(names: list[str]) -> Truth:
    """Return the labelled stretches of each recording."""
    found: Truth = {}
    for name in names:
        with (DATA / f"{name}.spans.csv").open() as file:
            rows = [row for row in csv.DictReader(file) if row["label"]]
        spans = [Span(float(row["start_s"]), float(row["end_s"])) for row in rows]
        found[name] = [(s, row["label"]) for s, row in zip(spans, rows, strict=True)]
    return found


def wordings(recordings: set[str]) -> dict[str, str]:
    """Return the sentences of the notes of some recordings, and what they speak of."""
    with (DATA / "notes.truth.csv").open() as file:
        told = {(r["recording"], r["sentence"]): r["label"] for r in csv.DictReader(file)}
    found = {}
    for line in (DATA / "notes.jsonl").read_text().splitlines():
        note = json.loads(line)
        for sentence in note["sentences"] if note["recording"] in recordings else ():
            label = told.get((note["recording"], sentence["id"])) or sentence.get("concept")
            if label:
                found[sentence["text"]] = label
    return found


def iou(a: Span, b: Span) -> float:
    """Return intersection over union."""
    shared = max(min(a.end, b.end) - max(a.start, b.start), 0.0)
    return shared / (a.duration + b.duration - shared)


def judged(hits: list[tuple[str, Span]], label: str, truth: Truth) -> tuple[float, float]:
    """Return precision at 1 and recall at 10 of one sentence."""
    right = [any(n == label and iou(s, span) >= 0.5 for span, n in truth[r]) for r, s in hits]
    true = sum(n == label for spans in truth.values() for _, n in spans)
    return float(bool(right) and right[0]), sum(right) / min(10, true)


def measure(run: Path, part: Any) -> dict[str, Any]:
    """Return all figures."""
    begun = perf_counter()
    index = Index.load(run / "index")
    model = codec.read(run / "model" / "align.fit_align")
    loaded = perf_counter() - begun
    inside = [n for n, p in zip(index.recordings, index.parts, strict=True) if p == part]
    truth, said = labels(inside), wordings(set(inside))
    said = {text: label for text, label in said.items() if any(
        n == label for spans in truth.values() for _, n in spans)}  # fmt: skip
    model.queries(list(said))  # sentences encoded once: what follows is the search alone
    scores, single, seconds = [], [], []
    rows = np.concatenate([np.arange(a, b) for a, b in index.pieces(part)])
    for text, label in said.items():
        query: Queries = model.queries([text])
        begun = perf_counter()
        hits = find(model, index, query, 10, part)
        seconds.append(perf_counter() - begun)
        scores.append(judged([(h.recording, h.span) for h in hits], label, truth))
        odds = model.judge(index.places[rows].astype(np.float32), query)[:, 0]
        best = rows[np.argsort(-odds, kind="stable")[:10]]
        owners = index.owner(best)
        spans = [Span(*index.edges[row]) for row in best]
        alone = [(index.recordings[o], s) for o, s in zip(owners, spans, strict=True)]
        single.append(judged(alone, label, truth))
    drawn = np.random.default_rng(0)
    every = [(r, s) for r, spans in truth.items() for s, _ in spans]
    guess = [judged([every[i] for i in drawn.choice(len(every), 10, replace=False)], label, truth)
             for label in said.values()]  # fmt: skip
    named = {"stretches": scores, "single segments": single, "labelled ones at random": guess}
    table_rows = [
        {"answer": name, "precision at 1": float(np.mean([p for p, _ in of])),
         "recall at 10": float(np.mean([r for _, r in of]))}
        for name, of in named.items()
    ]  # fmt: skip
    size = sum(f.stat().st_size for f in (run / "index").iterdir()) / 2**20
    return {
        "part": part,
        "segments": len(index),
        "sentences": len(said),
        "index_mib": size,
        "load_seconds": loaded,
        "query_milliseconds": 1000 * median(seconds),
        "rows": table_rows,
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path, help="a finished run of pipelines/hapt.yaml")
    parser.add_argument("--part", choices=("valid", "test"), default="test")
    options = parser.parse_args()
    found = measure(options.run, options.part)
    print(table(found["rows"]))
    print({name: value for name, value in found.items() if name != "rows"})
    if options.part == "test":
        print(write_result("search", found))


if __name__ == "__main__":
    main()
