"""Notes without times onto HAPT: R@1, distractors and calibration over seeds and note regimes.

Each seed draws its own notes (`make_notes.py`), weights and k-means start; subjects 21-30 test.
Beside the pipeline as it ships stand its parts exchanged: sentences placed one by one, and the
text side reduced to plain similarity.

    python benchmarks/hapt_alignment.py                    # regime E, three seeds
    python benchmarks/hapt_alignment.py --regimes C D E F  # more regimes
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from report import table, write_result

ROOT = Path(__file__).parents[1]
SHOWN = ("recall_at_1_iou_0.5", "mean_iou", "distractors_placed", "ece")
VARIANTS = {
    "ordered lattice (as shipped)": [],
    "ordered, similarity only": ["--set", "match.lattice=false"],
    "independent spans": ["--set", "match={kind: independent}"],
}


def run(notes: Path, runs: Path, seed: int, extra: list[str]) -> dict:
    """Run the HAPT pipeline on a folder of notes and return its figures."""
    command = [sys.executable, "-m", "tsalign.run", "pipelines/hapt.yaml", "--runs", str(runs)]
    command += ["--set", f"seed={seed}", "--set", f"data.notes={notes / 'notes.jsonl'}"]
    truth = f"[data/hapt/*.spans.csv, {notes / 'notes.truth.csv'}]"
    command += ["--set", f"data.truth={truth}", "--set", "export=[jsonl]", *extra]
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=None)
    return json.loads((runs / "hapt" / "metrics.json").read_text())


def make_notes(folder: Path, seed: int, regime: str) -> None:
    """Draw the notes of one seed with the given test regime."""
    maker = [sys.executable, "benchmarks/make_notes.py", "hapt", "--seed", str(seed)]
    subprocess.run([*maker, "--test", regime, "--out", str(folder)], check=True, cwd=ROOT)


def main() -> None:
    """Print a table and write benchmarks/results/hapt_alignment.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--regimes", nargs="+", default=["E"], choices=list("CDEF"))
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as work:
        for regime in options.regimes:
            for seed in options.seeds:
                notes = Path(work) / f"{regime}{seed}"
                make_notes(notes, seed, regime)
                for name in options.variants:
                    figures = run(notes, Path(work) / "runs", seed, VARIANTS[name])
                    shown = {key: figures["metrics"][key]["value"] for key in SHOWN}
                    idle = figures["baselines"]["uniform"]["recall_at_1_iou_0.5"]
                    rows.append({"regime": regime, "seed": seed, "what": name} | shown)
                    rows[-1]["uniform"] = idle
                    sys.stdout.write(f"{rows[-1]}\n")
    means = []
    for regime in options.regimes:
        for name in options.variants:
            chosen = [r for r in rows if (r["regime"], r["what"]) == (regime, name)]
            mean = {k: sum(r[k] for r in chosen) / len(chosen) for k in (*SHOWN, "uniform")}
            means.append({"regime": regime, "what": name, "seeds": len(chosen)} | mean)
    sys.stdout.write(table(means))
    write_result("hapt_alignment", {"means": means, "runs": rows})


if __name__ == "__main__":
    main()
