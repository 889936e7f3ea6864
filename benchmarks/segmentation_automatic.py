"""Classification against ClaSP on TSSB and UTSA: covering, F1 and CPU time.

    python benchmarks/segmentation_automatic.py --peer-python PATH [--peer-results FILE]
        [--sets tssb utsa] [--evidence both]

`--peer-python` names the Python of an environment with claspy, which runs right after in a process
of its own (`peer_claspy.py`); `--peer-results` takes the lines that script printed at another time.
One default for both sets; `--evidence both` is the stricter test for signals that drift, `ranks`
the looser one. Settings were tried on the 21 series that the repository of CLaP calls training, and
on about 440 series of known junctions made from other data (HAPT, daphnet, ECG, repeated random
shapes, autoregressive noise). What these said: moving each change by a short window helps most (F1)
and on all of them; a second window should be wider, a narrower one finds changes that are none;
judging splits again between their neighbours removes those, links better than ranks. Of no use:
derivative, local energy or windowed statistics as further channels, tests learnt from stretch
length and balance, a choice of the split by anything but accuracy, merging neighbours by the
confusion over the whole series, dropping splits that the short window does not see.

Five rules were read on the others: `both` (window 1.25 times SuSS, 7 neighbours), `ranks` there
with threshold 2.5, and, after these had fallen short on TSSB, `ranks` with window 1.5 times SuSS,
and `both` with the same; then, frozen before it was read, the default. Methods use one
core, CPU seconds are of the process and hold no compilation. F1 allows 1 % of the length; the start
of the series counts as a change, as is usual.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import subprocess
import time
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tsalign.segment import Classification

DATA = Path(__file__).parents[2] / "shared" / "data"
RESULTS = Path(__file__).parent / "results" / "segmentation_automatic.json"
TRAIN = {
    *("DodgerLoopDay", "EEGRat", "EEGRat2", "FaceFour", "GrandMalSeizures2", "GreatBarbet1"),
    *("Herring", "InlineSkate", "InsectEPG1", "MelbournePedestrian", "NogunGun"),
    *("NonInvasiveFetalECGThorax1", "ShapesAll", "TiltECG", "ToeSegmentation1"),
    *("ToeSegmentation2", "Trace", "UWaveGestureLibraryY", "UWaveGestureLibraryZ"),
    *("WordSynonyms", "Yoga"),
}


def truth(name: str) -> dict[str, list[int]]:
    """Return the change points of each series of a set."""
    with (DATA / name / "desc.txt").open(newline="") as lines:
        rows = [row for row in csv.reader(lines) if row]
    return {row[0]: sorted(int(float(v)) for v in row[2:] if v.strip()) for row in rows}


def covering(true: list[int], found: list[int], n: int) -> float:
    """Return the overlap of each true segment with its best match, weighted by length."""
    edges = [[0, *true, n], [0, *found, n]]
    ours, theirs = (list(pairwise(e)) for e in edges)
    best = [
        max(max(0, min(b, d) - max(a, c)) / (max(b, d) - min(a, c)) for c, d in theirs)
        for a, b in ours
    ]
    return sum((b - a) * score for (a, b), score in zip(ours, best, strict=True)) / n


def f1(true: list[int], found: list[int], margin: int) -> float:
    """Return the F1 of changes within a margin, each found one used once."""
    left, hits = {0, *found}, 0
    for place in [0, *true]:
        near = [p for p in left if abs(p - place) <= margin]
        if near:
            left.remove(min(near, key=lambda p: abs(p - place)))
            hits += 1
    precision, recall = hits / (len({0, *found})), hits / (len(true) + 1)
    return 2 * precision * recall / (precision + recall) if hits else 0.0


def ours(paths: list[Path], **setting: Any) -> dict[str, dict]:
    """Cut every series with one setting."""
    Classification(**setting).fit(np.random.default_rng(0).normal(size=900))  # compile
    lines = {}
    for path in paths:
        series = np.loadtxt(path).ravel()
        start = time.process_time()
        bounds = Classification(**setting).fit_predict(series)
        seconds = time.process_time() - start
        lines[path.stem] = {"changes": bounds[1:, 0].tolist(), "seconds": seconds, "n": len(series)}
    return lines


def peers(python: str | None, paths: list[Path], known: str | None) -> dict[str, dict]:
    """Cut them with ClaSP, or read what it found."""
    lines = Path(known).read_text().splitlines() if known else []
    have = {line["name"]: line for line in map(json.loads, lines)}
    missing = [str(path) for path in paths if path.stem not in have]
    if python and missing:
        script = Path(__file__).with_name("peer_claspy.py")
        run = subprocess.run([python, script, *missing], capture_output=True, text=True, check=True)
        have |= {line["name"]: line for line in map(json.loads, run.stdout.splitlines())}
    return have


def interval(differences: np.ndarray) -> list[float]:
    """Return the 95 % bootstrap interval of a mean over series."""
    rng = np.random.default_rng(0)
    picks = rng.integers(0, len(differences), (10_000, len(differences)))
    return np.quantile(differences[picks].mean(axis=1), [0.025, 0.975]).round(3).tolist()


def summary(rows: dict[str, dict[str, list[float]]], names: list[str]) -> dict[str, object]:
    """Average over series, and compare in pairs."""
    result: dict[str, object] = {"series": len(names)}
    for method, values in rows.items():
        if all(name in values for name in names):
            table = np.array([values[name] for name in names])
            result[method] = table[:, :2].mean(axis=0).round(3).tolist()
            result[f"{method}_seconds"] = round(float(table[:, 2].sum()), 2)
    if "claspy" in result:
        pairs = np.array([[rows[m][name] for m in ("tsalign", "claspy")] for name in names])
        for i, measure in enumerate(("covering", "f1")):
            change = pairs[:, 0, i] - pairs[:, 1, i]
            result[f"{measure}_difference"] = [round(float(change.mean()), 3), *interval(change)]
        result["times_less_cpu"] = round(float(pairs[:, 1, 2].sum() / pairs[:, 0, 2].sum()), 1)
    return result


def measure(name: str, options: argparse.Namespace) -> dict[str, object]:
    """Run a set and return its tables."""
    true = truth(name)
    paths = [DATA / name / f"{series}.txt" for series in true]
    mine = ours(paths, evidence=options.evidence)
    lines = {"tsalign": mine, "claspy": peers(options.peer_python, paths, options.peer_results)}
    lines["nothing"] = {series: {"changes": [], "seconds": 0.0} for series in true}
    rows = {
        method: {
            series: [
                covering(true[series], line["changes"], mine[series]["n"]),
                f1(true[series], line["changes"], int(0.01 * mine[series]["n"])),
                line["seconds"],
            ]
            for series, line in found.items()
            if series in true
        }
        for method, found in lines.items()
    }
    parts = {
        "all": list(true),
        "train": [s for s in true if s in TRAIN],
        "held out": [s for s in true if s not in TRAIN],
    }
    return {part: summary(rows, names) for part, names in parts.items()} | {"rows": rows}


def main() -> None:
    """Print the tables, covering then F1, and write them with one row a series."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", help="Python of an environment with claspy")
    parser.add_argument("--peer-results", help="lines printed by peer_claspy.py")
    parser.add_argument("--evidence", default="confirmed", choices=["confirmed", "ranks", "both"])
    parser.add_argument("--sets", nargs="+", default=["tssb", "utsa"])
    options = parser.parse_args()
    result: dict[str, object] = {"settings_tried_on_train": 374, "rules_read_on_held_out": 5}
    for name in options.sets:
        tables = measure(name, options)
        for part in ("all", "train", "held out"):
            print(name, part, json.dumps(tables[part]), flush=True)
        result[name] = tables
    result["versions"] = {p: version(p) for p in ("numpy", "numba")} | {
        "python": platform.python_version()
    }
    if set(options.sets) == {"tssb", "utsa"} and options.evidence == "confirmed":
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
