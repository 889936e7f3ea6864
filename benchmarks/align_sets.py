"""Placing notes and naming concepts on other recordings than HAPT, so that nothing is tuned to it.

    python benchmarks/align_sets.py                               # all sets, seed 0
    python benchmarks/align_sets.py --sets uci --rows stamped plain_DTW --work /tmp/sets

The table of `align.py`, shorter; what each set is and changes stands in `align_sources.py`. Between
two rows that are compared one thing changes:

    stamped                  `hapt.yaml` with all stamps: the other rows start from it
    ordered                  the notes: their order within about five events, no times
    best run                 the matcher: `independent`, each sentence by itself
    plain DTW                the matcher: all in order, no segment left out
    supervised               the model: a classifier of frames by their labels, our text
    InfoNCE                  the loss (which knows no nothing: what is unmentioned is unknown)
    InfoNCE, windows         from InfoNCE, the segments: fixed windows
    nearest window           from InfoNCE, windows, the matcher: the best window, grown
    evenly spread, grid oracle       floor and ceiling

R is R@1 at IoU >= .5, "any" the same when each stretch of the same concept is right; strays are
sentences about something else that were placed; F1 is the macro-F1 of windows that unseen wordings
name. Intervals: bootstrap over recordings; of the two or three of Daphnet and speech they say
little. Where one recording is left out at a time, the folds stand together and nobody validates:
what the matcher weighs keeps its starting values, and strays cannot be told by it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import align_peers
import numpy as np
from align import figure, macro_f1, recall
from align_peers import INFONCE, Judged, changed, judged
from align_runs import Task, confusion, hits
from align_sources import SOURCES, Source
from report import RESULTS, write_result

RESULT = RESULTS / "align_sets.json"
COLUMNS = {"hits": "R", "any_hits": "any", "misplaced": "strays", "confusion": "F1"}


def piped(task: Task, work: Path, *changes: str) -> Judged:
    """Return what the pipeline reaches, with some changes."""
    run = changed(task, work, *changes)
    told = partial(run.model.classify, classes=task.source.wordings("test"))
    anywhere = hits(run, run.alignment, anywhere=True)
    return judged(run, run.alignment, any_hits=anywhere, confusion=confusion(run, told))


def ordered(task: Task, work: Path) -> Judged:
    """Return what the pipeline reaches when training notes tell nothing but order."""
    regimes = ("C", *task.regimes[1:])
    return piped(replace(task, regimes=regimes, chunk=5), work, "align.supervision=ordered")


def windows(task: Task, work: Path) -> Judged:
    """Return what the pipeline reaches by InfoNCE on fixed windows; they are named elsewhere."""
    run = changed(task, work, *INFONCE, *task.source.windows)
    return judged(run, run.alignment)


ROWS: Mapping[str, Callable[[Task, Path], Judged]] = {
    "stamped": piped,
    "ordered": ordered,
    "best run": lambda task, work: piped(task, work, "match={kind: independent}"),
    "plain DTW": align_peers.dtw,
    "supervised": align_peers.supervised,
    "InfoNCE": lambda task, work: piped(task, work, *INFONCE),
    "InfoNCE, windows": windows,
    "nearest window": align_peers.best_window,
    "evenly spread": align_peers.uniform,
    "grid oracle": align_peers.grid_oracle,
}


def row(name: str, folds: Sequence[Source], work: Path, seeds: Sequence[int]) -> dict[str, Any]:
    """Return the figures of one row of one set."""
    each = []
    for seed in seeds:
        tasks = [task_of(fold, seed) for fold in folds]
        each.append([ROWS[name](task, work) for task in tasks])
    found = {}
    for key, column in COLUMNS.items():
        counts = [[getattr(fold, key) for fold in some] for some in each]
        if counts[0][0] is not None:
            joined = [np.concatenate(some) for some in counts]
            statistic = macro_f1 if key == "confusion" else recall
            if all(some.sum() for some in joined):
                found[column] = figure(statistic, joined) | {
                    "of": int(joined[0].sum() if key == "confusion" else joined[0][:, 1].sum())
                }
    return found


def task_of(source: Source, seed: int) -> Task:
    """Return the task from which all rows of a set start."""
    return Task(seed, regimes=source.collection.regimes, source=source)


def markdown(name: str, rows: Mapping[str, dict[str, Any]]) -> str:
    """Return the table of a set."""
    columns = ["row", *COLUMNS.values()]
    lines = [columns, ["---"] * len(columns)]
    lines += [
        [f"{name}: {key}", *(_cell(found.get(c)) for c in columns[1:])]
        for key, found in rows.items()
    ]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _cell(value: dict[str, Any] | None) -> str:
    return f"{value['value']:.2f} [{value['low']:.2f}, {value['high']:.2f}]" if value else ""


def main() -> None:
    """Print the tables and write, or renew rows of, `benchmarks/results/align_sets.json`."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", nargs="+", choices=SOURCES, default=list(SOURCES))
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--work", type=Path, help="folder that keeps what was computed")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as aside:
        work = given.work or Path(aside)
        work.mkdir(parents=True, exist_ok=True)
        for name in given.sets:
            folder = Path(tempfile.mkdtemp(prefix="source-", dir=aside))
            folds = SOURCES[name](folder)
            new = {}
            for key in given.rows:
                new[key] = row(key, folds, work, given.seeds)
                _renew(name, new)
            print(markdown(name, new), flush=True)


def _renew(name: str, new: Mapping[str, dict[str, Any]]) -> None:
    sets = json.loads(RESULT.read_text())["sets"] if RESULT.exists() else {}
    rows = sets.get(name, {}) | new
    sets[name] = {key: rows[key] for key in ROWS if key in rows}
    write_result("align_sets", {"sets": sets}, "scipy", "tokenizers")


if __name__ == "__main__":
    main()
