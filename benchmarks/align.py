"""Placing notes and naming activities by what was learnt from, on HAPT: the whole table in one run.

    python benchmarks/align.py                    # everything, three seeds
    python benchmarks/align.py --rows stamped F   # some rows; the others stay as they are
    python benchmarks/align.py --work /tmp/hapt   # keeps what was computed, and reuses it

R is R@1 at IoU >= .5 of the sentences of ten people never seen, in wordings never seen, regime E
of `make_notes.py` (F where the row says so), placed by `pipelines/hapt.yaml` with changed notes;
what the matcher weighs is set on three other people. F12 is the macro-F1 of their windows of
2.56 s among twelve activities told by unseen wordings alone (`Contrastive.classify`; a window's
chances are the mean of its frames' logarithms). Intervals: bootstrap over recordings, each drawn
with all its seeds. Baselines see the same notes, features and wordings.

Loose: stamps wrong by up to 30 s; ordered and unordered: no times, each training note tied to a
stretch of about five events. Of few stamped windows nothing is known of all other time; the
training wordings are known. In context: the network reads each segment with its neighbours, all
else as in stamped. No projection: sentences lie where their encoder puts them. A window counts as
of an activity that fills 80 % of it: so many there are in the reference.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import align_peers
import numpy as np
from align_runs import ACTIVITIES, Run, Task, confusion, few_windows, hits, wordings
from numpy.typing import NDArray
from report import RESULTS, table, write_result

Counts = Sequence[NDArray[np.int64]]  # one array a seed, its first axis recordings
RESULT, PEERS = RESULTS / "align.json", ("scipy", "ruptures", "tokenizers")
DRAWS = 1000
UNKNOWN = ("align.supervision=stamped", "align.unmentioned=unknown")
OPEN = {"two activities unseen": (*UNKNOWN, "align.open_set=3")}
OPEN["two unseen, no projection"] = (*OPEN["two activities unseen"], "align.projection=none")
# The pairs of the reference: one is coarse, one is told apart by direction, one is posture.
UNSEEN = (
    ("WALKING_UPSTAIRS", "LIE_TO_STAND"),
    ("WALKING_DOWNSTAIRS", "SIT_TO_LIE"),
    ("SITTING", "SIT_TO_STAND"),
)
LOOSE = ("align.supervision=loose", "align.tolerance=30.0")
UNORDERED = ("align.supervision=unordered",)

TASKS: dict[str, Callable[[int], Task]] = {
    "stamped": lambda seed: Task(seed),
    "stamped, in context": lambda seed: Task(seed, ("align.signal={kind: context}",)),
    "stamped, 1,000 windows": lambda seed: Task(seed, UNKNOWN, teach=few_windows(1000, seed)),
    "stamped, 200 windows": lambda seed: Task(seed, UNKNOWN, teach=few_windows(200, seed)),
    "loose": lambda seed: Task(seed, LOOSE, ("B", "E", "E")),
    "ordered": lambda seed: Task(seed, ("align.supervision=ordered",), ("C", "E", "E"), chunk=5),
    "unordered": lambda seed: Task(seed, UNORDERED, ("D", "E", "E"), chunk=5),
    "regime F": lambda seed: Task(seed, regimes=("A", "F", "F")),
}
# Least R and F12 of a row.
GOALS = {
    "stamped": (0.87, 0.90),
    "stamped, in context": (0.87, 0.90),
    "stamped, 1,000 windows": (0.75, 0.78),
    "stamped, 200 windows": (0.60, 0.66),
    "loose": (0.65, 0.70),
    "ordered": (0.70, 0.70),
    "unordered": (0.50, 0.60),
    "regime F": (0.78, None),
}


def recall(counts: NDArray[np.int64]) -> float:
    """Return the share of hits of `(r, 2)` hits and sentences; NaN without any sentence."""
    right, every = counts.sum(axis=0)
    return float(right / every) if every else float("nan")


def macro_f1(counts: NDArray[np.int64]) -> float:
    """Return the macro-F1 of `(r, c, c)` confusions; an activity that nobody does is left out."""
    whole = counts.sum(axis=0)
    both = whole.sum(axis=0) + whole.sum(axis=1)
    there = whole.sum(axis=1) > 0
    return float(np.mean(2 * np.diag(whole)[there] / both[there]))


def figure(statistic: Callable[[NDArray[Any]], float], seeds: Counts) -> dict[str, Any]:
    """Return the mean over seeds, each seed's value, and 95 % over recordings.

    A draw of recordings of which nothing is asked does not count.
    """
    rng = np.random.default_rng(0)
    size = len(seeds[0])
    draws = rng.integers(size, size=(DRAWS, size))
    spread = [np.mean([statistic(counts[draw]) for counts in seeds]) for draw in draws]
    each = [statistic(counts) for counts in seeds]
    low, high = np.nanquantile(spread, [0.025, 0.975]).tolist()
    return {"value": float(np.mean(each)), "low": low, "high": high, "seeds": each}


def row(name: str, work: Path, seeds: Sequence[int]) -> dict[str, Any]:
    """Return R of one kind of supervision, and F12 where learning differs from the other rows."""
    placed, named, began = [], [], perf_counter()
    goals = dict(zip(("R", "F12"), GOALS[name], strict=True))
    for seed in seeds:
        run = Run(TASKS[name](seed), work)
        placed.append(hits(run, run.alignment))
        if goals["F12"] is not None:
            told = partial(run.model.classify, classes=wordings("test"))
            named.append(confusion(run, told))
    found = {"R": figure(recall, placed)} | ({"F12": figure(macro_f1, named)} if named else {})
    return found | {"goals": goals, "seconds a seed": (perf_counter() - began) / len(seeds)}


def two_unseen(name: str, work: Path, seeds: Sequence[int]) -> dict[str, Any]:
    """Return accuracy on windows of two activities never seen, and on the ten others, among 12.

    Counts are joined over the pairs; the bias is tuned on other activities left out of training.
    """
    new, old, every = [], [], []
    for seed in seeds:
        parts = [_unseen(Run(Task(seed, OPEN[name], without=pair), work)) for pair in UNSEEN]
        new.append(np.concatenate([part[0] for part in parts], axis=1))
        old.append(np.concatenate([part[1] for part in parts], axis=1))
        every.append(np.concatenate([new[-1], old[-1]], axis=1))
    return {
        "unseen accuracy": figure(_mean_share, new),
        "seen accuracy": figure(_mean_share, old),
        "harmonic mean": figure(_harmonic, every),
        "goals": {"unseen accuracy": 0.40},
    }


def _unseen(run: Run) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return `(r, 1, 2)` right and all windows, of the activities left out and of the others."""
    model, told, hidden = run.model, wordings("test"), run.task.without
    counts = confusion(run, lambda X: model.classify(X, told, new=hidden))
    own = np.isin(ACTIVITIES, hidden)
    shares = np.stack([np.einsum("rcc->rc", counts), counts.sum(axis=2)], axis=2)  # (r, 12, 2)
    return shares[:, own].sum(1, keepdims=True), shares[:, ~own].sum(1, keepdims=True)


def _mean_share(counts: NDArray[np.int64]) -> float:
    """Return the mean over pairs of `(r, p, 2)` of the share that is right."""
    right, every = counts.sum(axis=0).T
    return float((right / np.maximum(every, 1)).mean())


def _harmonic(counts: NDArray[np.int64]) -> float:
    """Return the mean over pairs of the harmonic mean; first all unseen counts, then all seen."""
    right, every = counts.sum(axis=0).T
    new, old = np.split(right / np.maximum(every, 1), 2)
    return float((2 * new * old / np.maximum(new + old, 1e-12)).mean())


def text_alone(work: Path, seeds: Sequence[int]) -> dict[str, Any]:
    """Return how often an unseen wording is taken for its activity, and how true its chances are.

    Nothing in it is drawn, so there is one seed; the interval is over wordings.
    """
    texts = wordings("test")
    answers = np.repeat(np.arange(len(ACTIVITIES)), [len(some) for some in texts.values()])
    model = Run(TASKS["stamped"](seeds[0]), work).model
    chances = np.exp(model.concept_text([text for some in texts.values() for text in some]))
    right = chances.argmax(axis=1) == answers
    counts = np.stack([right, np.ones_like(right)], axis=1).astype(np.int64)
    return {
        "accuracy": figure(recall, [counts]),
        "ECE": calibration_error(chances.max(axis=1), right),
        "wordings": len(right),
        "goals": {"accuracy": 0.85, "ECE": 0.05},
    }


def calibration_error(stated: NDArray[Any], right: NDArray[np.bool_], bins: int = 10) -> float:
    """Return the expected calibration error over bins of equal mass."""
    order = np.argsort(stated, kind="stable")
    gaps = [(stated[i] - right[i]).sum() for i in np.array_split(order, bins)]
    return float(np.abs(gaps).sum() / len(stated))


def peer(name: str, work: Path, seeds: Sequence[int]) -> dict[str, Any]:
    """Return R of a baseline, and F12 where it names windows."""
    runs = [align_peers.PEERS[name](Task(seed), work) for seed in seeds]
    found: dict[str, Any] = {"R": figure(recall, [run.hits for run in runs])}
    if runs[0].any_hits is not None:
        found["R any occurrence"] = figure(recall, [run.any_hits for run in runs])
    if runs[0].confusion is not None:
        found["F12"] = figure(macro_f1, [run.confusion for run in runs])
    return found


def shown(name: str, found: dict[str, Any]) -> dict[str, Any]:
    """Return a row of the printed table."""
    keys = ("R", "R any occurrence", "F12", "accuracy", "unseen accuracy", "harmonic mean")
    told = {"row": name} | {key: _told(found.get(key)) for key in keys}
    told = {key: value for key, value in told.items() if value}
    return told | {"ECE": found.get("ECE", ""), "goals": _goals(found)}


def _told(value: dict[str, Any] | None) -> str:
    if value is None:
        return ""
    return f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"


def _goals(found: dict[str, Any]) -> str:
    return ", ".join(f"{key} {goal}" for key, goal in found.get("goals", {}).items() if goal)


def main() -> None:
    """Print the table and write, or renew rows of, `benchmarks/results/align.json`."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    every: dict[str, Callable[[str, Path, Sequence[int]], dict[str, Any]]]
    every = dict.fromkeys(TASKS, row)
    every |= dict.fromkeys(OPEN, two_unseen)
    every |= {"text alone": lambda _, work, seeds: text_alone(work, seeds)}
    every |= dict.fromkeys(align_peers.PEERS, peer)
    parser.add_argument("--rows", nargs="+", choices=list(every), default=list(every))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--work", type=Path, help="folder that keeps what was computed")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as aside:
        work = given.work or Path(aside)
        work.mkdir(parents=True, exist_ok=True)
        for name in given.rows:
            found = every[name](name, work, given.seeds)
            print(table([shown(name, found)]), flush=True)
            old = json.loads(RESULT.read_text())["rows"] if RESULT.exists() else {}
            rows = {key: (old | {name: found}).get(key) for key in every}
            kept = {key: value for key, value in rows.items() if value is not None}
            write_result("align", {"rows": kept}, *PEERS)


if __name__ == "__main__":
    main()
