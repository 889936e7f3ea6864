"""Notes without times onto HAPT: R@1, distractors and calibration over seeds and note regimes.

Each seed draws its own notes (`make_notes.py`), weights and k-means start; subjects 21-30 test.
Beside the pipeline as it ships stand its parts exchanged: the text reduced to plain similarity, and
sentences placed one by one. The first run is `hapt.yaml` itself on an empty cache, for its cost.

    python benchmarks/hapt_alignment.py                    # regime E, three seeds
    python benchmarks/hapt_alignment.py --regimes C D E F  # more regimes
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

from report import table, write_result

ROOT = Path(__file__).parents[1]
HIT, MISPLACED = "recall_at_1_iou_0.5", "distractors_placed"
SHOWN = (HIT, "mean_iou", MISPLACED, "start_error_median", "ece_equal_mass")
GOALS = {HIT: 0.65, MISPLACED: 0.30, "seconds": 240, "peak MiB": 2048}
VARIANTS: dict[str, list[str]] = {
    "ordered (as shipped)": [],
    "ordered, similarity alone": ["--set", "match.concepts=false"],
    "independent": ["--set", "match={kind: independent}"],
}


def run(runs: Path, *more: str) -> Path:
    """Run the HAPT pipeline and return its run folder."""
    command = [sys.executable, "-m", "tsalign.run", "pipelines/hapt.yaml", "--runs", str(runs)]
    subprocess.run([*command, *more], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return runs / "hapt"


def cost(runs: Path) -> dict[str, float]:
    """Run the file as it stands on an empty cache; return seconds and peak memory."""
    record = json.loads((run(runs) / "run.json").read_text())
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {"seconds": record["seconds"], "peak MiB": peak}


def make_notes(folder: Path, seed: int, regime: str) -> list[str]:
    """Draw the notes of one seed with the given test regime; return what makes a run use them."""
    maker = [sys.executable, "benchmarks/make_notes.py", "hapt", "--seed", str(seed)]
    subprocess.run([*maker, "--test", regime, "--out", str(folder)], check=True, cwd=ROOT)
    truth = f"[data/hapt/*.spans.csv, {folder / 'notes.truth.csv'}]"
    return ["--set", f"data.notes={folder / 'notes.jsonl'}", "--set", f"data.truth={truth}"]


def measure(work: Path, regimes: list[str], seeds: list[int]) -> list[dict[str, Any]]:
    """Return one row a regime, seed and variant."""
    rows = []
    for regime in regimes:
        for seed in seeds:
            given = make_notes(work / f"{regime}{seed}", seed, regime)
            given += ["--set", f"seed={seed}", "--set", "export=[jsonl]"]
            for name, changes in VARIANTS.items():
                told = json.loads((run(work, *given, *changes) / "metrics.json").read_text())
                shown = {key: told["metrics"][key]["value"] for key in SHOWN}
                shown["evenly spread"] = told["baselines"]["uniform"][HIT]
                rows.append({"regime": regime, "seed": seed, "what": name} | shown)
                print(rows[-1], flush=True)
    return rows


def means(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows averaged over seeds."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["regime"], row["what"]), []).append(row)
    return [
        {"regime": regime, "what": what, "seeds": len(group)}
        | {key: mean(row[key] for row in group) for key in (*SHOWN, "evenly spread")}
        for (regime, what), group in groups.items()
    ]


def main() -> None:
    """Print a table and write benchmarks/results/hapt_alignment.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--regimes", nargs="+", default=["E"], choices=list("CDEF"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        spent = cost(Path(work))
        rows = measure(Path(work), options.regimes, options.seeds)
    print(table(means(rows)))
    print(f"hapt.yaml on an empty cache: {spent}; goals: {GOALS}")
    result = {"goals": GOALS, "cost": spent, "means": means(rows), "runs": rows}
    write_result("hapt_alignment", result, "scipy", "ruptures")


if __name__ == "__main__":
    main()
