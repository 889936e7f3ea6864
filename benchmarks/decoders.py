"""Decoders on the same scores of the same models: HAPT notes in order (E) and in none (D).

    python benchmarks/decoders.py --cache FOLDER --work FOLDER --peer-python PATH [--seeds 0 1 2]

Each seed trains one model and draws one set of notes; every decoder is given its log-odds. What a
decoder has to be told (weights, costs, thresholds) is tuned on people 18-20 with their own
wordings and off-topic sentences, by the same count of right spans less half of the misplaced.
Shown are people 21-30: E with two lists of off-topic sentences that nobody tuned on, and D without
any. Warping and Hungarian and entropic assignment take the log-odds of sentences, in which the
chances of what a sentence may mean are summed; a Hungarian segment is grown to the best run
through it, and the run of a sentence in a transport plan is the one that exceeds a threshold most.
Intervals draw recordings. PATH is a Python with POT and tslearn. What was measured of a seed stays
in the work folder.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from hapt_evidence import judged
from report import table, write_result
from scipy.optimize import linear_sum_assignment
from scipy.special import logsumexp
from sklearn.metrics import roc_auc_score

from tsalign.evaluate import Calibration
from tsalign.match import Blocks, Case, Independent, Ordered, Placer, Unordered
from tsalign.match.odds import against_nothing
from tsalign.match.outcome import best_iou, seconds_of
from tsalign.types import Span

HERE = Path(__file__).parent
SETS = {
    "E": ("--test", "E"),
    "E, letters": ("--test", "E", "--distractors", "letter"),
    "D": ("--test", "D"),
}
OURS = {"Ordered": Ordered, "Blocks": Blocks, "Independent": Independent, "Unordered": Unordered}
REGULARISED = (0.1, 0.3, 1.0)
CLIP, HALF, DRAWS = 6.0, 0.5, 2000
Rows = list[dict[str, Any]]
Spans = np.ndarray


def shuffled(case: Case, seed: int) -> Case:
    """Return a validation recording whose notes are in no order, and say so."""
    rng, notes, rows, first = np.random.default_rng(seed), [], [], 0
    for note in case.notes:
        order = rng.permutation(len(note.sentences))
        told = tuple(note.sentences[i] for i in order)
        notes.append(replace(note, sentences=told, ordered=False))
        rows += (first + order).tolist()
        first += len(order)
    said = case.evidence
    kept = replace(said, similarity=said.similarity[:, rows], text=said.text[rows])
    return replace(case, evidence=kept, notes=notes)


def by_ours(matcher: Any, valid: Sequence[Case], seconds: Any, tests: Any) -> Iterator[Rows]:
    """Yield the sentences of each test set as one of our decoders places them."""
    placer = Placer(matcher).fit(valid, seconds)
    for cases in tests:
        rows = []
        for name, case in cases.items():
            found = placer.place(name, case.evidence, case.segments, case.notes)
            placed = {s.sentence: (s.span, s.confidence, s.matches) for s in found.spans}
            left = {s.sentence: (None, None, s.matches) for s in found.unmatched}
            rows += rows_of(name, case, placed | left)
        yield rows


def rows_of(recording: str, case: Case, said: dict[str, tuple]) -> Rows:
    """Return one row a sentence: whether it was placed, the IoU of its span, how sure."""
    rows = []
    for sentence, truth in case.truth.items():
        span, sure, matches = said[sentence]
        rows.append(
            {
                "recording": recording,
                "event": bool(truth),
                "placed": span is not None,
                "iou": best_iou(span, truth) if span else 0.0,
                "confidence": sure,
                "matches": matches,
            }
        )
    return rows


def scores_of(case: Case) -> list[np.ndarray]:
    """Return the log-odds (k, s) of the sentences of each note."""
    odds = np.clip(against_nothing(case.evidence), -CLIP, CLIP)
    every = logsumexp(odds[:, None] + case.evidence.text[None], axis=2)
    ends = np.cumsum([len(note.sentences) for note in case.notes])
    return np.split(np.clip(every, -CLIP, CLIP).astype(np.float32), ends[:-1], axis=1)


def best_run(gain: np.ndarray, through: int | None = None) -> tuple[int, int, float]:
    """Return the run of highest sum, of those through a segment where one is given."""
    sums = np.concatenate([[0.0], np.cumsum(gain, dtype=np.float64)])
    if through is not None:
        a = int(np.argmin(sums[: through + 1]))
        b = through + 1 + int(np.argmax(sums[through + 1 :]))
        return a, b, float(sums[b] - sums[a])
    lowest = np.minimum.accumulate(sums)
    b = int(np.argmax(sums - lowest))
    return int(np.argmin(sums[: b + 1])), b, float(sums[b] - lowest[b])


def hungarian(scores: np.ndarray, plan: None, above: float, least: float) -> Spans:
    """Assign one segment to each sentence, or nothing, and grow it."""
    wide = np.hstack([scores, np.full((len(scores), scores.shape[1]), least)])
    segments, taken = linear_sum_assignment(wide, maximize=True)
    spans = np.full((scores.shape[1], 2), -1)
    for t, j in zip(segments, taken, strict=True):
        if j < len(spans) and scores[t, j] > least:
            spans[j] = best_run(scores[:, j] - above, int(t))[:2]
    return spans


def sinkhorn(scores: np.ndarray, plan: np.ndarray, above: float, least: float) -> Spans:
    """Take the run in which a sentence's share of the segments' mass exceeds a threshold most."""
    spans = np.full((plan.shape[1], 2), -1)
    for j, column in enumerate(plan.T):
        a, b, value = best_run(column - above)
        if value > 0 and column[a:b].mean() >= least:
            spans[j] = a, b
    return spans


def warping(scores: np.ndarray, plan: Spans, above: float, least: float) -> Spans:
    """Every segment goes to a sentence: nothing is to be tuned."""
    return plan


PEERS: dict[str, tuple[Callable[..., Spans], tuple[str, ...], tuple, tuple]] = {
    "Hungarian (scipy), grown": (hungarian, ("",), (0.0, 0.5, 1.0, 2.0), (-1.0, 0.0, 1.0, 2.0)),
    "Sinkhorn (POT)": (
        sinkhorn,
        tuple(f"sinkhorn/{r}" for r in REGULARISED),
        (0.05, 0.1, 0.2, 0.4),
        (0.0, 0.3, 0.5, 0.7),
    ),
    "DTW (tslearn)": (warping, ("dtw",), (0.0,), (0.0,)),
}


def by_peer(name: str, valid: Any, tests: Any, plans: Any) -> Iterator[Rows]:
    """Yield the sentences of each test set as a peer places them, tuned like ours."""
    decode, kinds, aboves, leasts = PEERS[name]

    def placed(which: str, cases: dict[str, Case], kind: str, *told: float) -> Rows:
        rows = []
        for recording, case in cases.items():
            said, edges = {}, case.segments.edges()
            for n, (note, scores) in enumerate(zip(case.notes, scores_of(case), strict=True)):
                plan = plans.get(f"{which}|{recording}|{n}/{kind}")
                for s, run in zip(note.sentences, decode(scores, plan, *told), strict=True):
                    span: Span | None = seconds_of(edges, run) if run[0] >= 0 else None
                    said[s.id] = span, None, None
            rows += rows_of(recording, case, said)
        return rows

    def use(told: tuple) -> float:
        rows = placed("valid", valid, *told)
        right = sum(r["iou"] >= HALF for r in rows if r["event"])
        return right - HALF * sum(r["placed"] for r in rows if not r["event"])

    best = max(itertools.product(kinds, aboves, leasts), key=use)
    for which, cases in tests.items():
        yield placed(which, cases, *best)


def plans_of(python: str, sets: dict[str, dict[str, Case]]) -> dict[str, np.ndarray]:
    """Let the peers decode every note, in a process of their own."""
    given = {
        f"{which}|{recording}|{n}": scores
        for which, cases in sets.items()
        for recording, case in cases.items()
        for n, scores in enumerate(scores_of(case))
    }
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "scores.npz", Path(folder) / "plans.npz"
        np.savez(source, **given)
        subprocess.run([python, HERE / "peer_spans.py", source, target], check=True)
        return dict(np.load(target))


def measure(options: argparse.Namespace, seed: int) -> dict[str, dict[str, Rows]]:
    """Return the rows of every test set and decoder for one seed."""
    tests = {}
    for which, maker in SETS.items():
        with tempfile.TemporaryDirectory() as work:
            known = judged(options.cache, Path(work), seed, *maker)
        tests[which] = known.test
    found: dict[str, dict[str, Rows]] = {which: {} for which in tests}

    def keep(name: str, shown: Sequence[str], run: Callable[[], Iterator[Rows]]) -> None:
        path = options.work / f"{seed} {name}.json"
        if not path.exists():
            path.write_text(json.dumps(dict(zip(shown, run(), strict=True))))
            print(f"seed {seed}: {name}", flush=True)
        for which, rows in json.loads(path.read_text()).items():
            found[which][name] = rows

    valid = known.valid
    plans = cache(lambda: plans_of(options.peer_python, {"valid": valid} | tests))
    for name in PEERS:
        keep(name, list(tests), lambda name=name: by_peer(name, valid, tests, plans()))
    for name, matcher in OURS.items():
        cases, shown = [*valid.values()], list(tests)
        if name == "Blocks":  # for a note in order this is `Ordered`
            cases, shown = [shuffled(case, seed) for case in cases], ["D"]
        given = matcher(), cases, known.seconds, [tests[which] for which in shown]
        keep(name, shown, lambda given=given: by_ours(*given))
    return found


def interval(draws: np.ndarray) -> list[float]:
    """Return the percentile interval of 95 %."""
    return np.quantile(draws, [0.025, 0.975]).tolist()


def summed(rows: Rows, recordings: list[str]) -> np.ndarray:
    """Return right events, events, misplaced and off-topic of each recording."""
    place = {name: i for i, name in enumerate(recordings)}
    out = np.zeros((len(recordings), 4))
    for r in rows:
        event, off = r["event"], not r["event"]
        right = event and r["iou"] >= HALF
        out[place[r["recording"]]] += right, event, off and r["placed"], off
    return out


def compared(found: dict[str, Rows], best: str) -> Rows:
    """Return a row a decoder, with the paired difference to the best of ours."""
    recordings = sorted({r["recording"] for r in found[best]})
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(recordings), size=(DRAWS, len(recordings)))
    share = lambda s: s[..., 0] / s[..., 1]  # noqa: E731
    base, out = summed(found[best], recordings), []
    for name, rows in found.items():
        own = summed(rows, recordings)
        whole, draws = own.sum(0), own[drawn].sum(1)
        gap = share(base[drawn].sum(1)) - share(draws)
        told = {
            "decoder": name,
            "R@1 IoU 0.5": float(share(whole)),
            "interval": interval(share(draws)),
        }
        told["off-topic placed"] = float(whole[2] / whole[3]) if whole[3] else float("nan")
        told["behind the best"] = float(share(base.sum(0)) - share(whole))
        out.append(told | {"difference": interval(gap)} | sureness(rows))
    return out


def sureness(rows: Rows) -> dict[str, float]:
    """Return the calibration error of the confidence, and how well `matches` tells events."""
    sure = np.array([r["confidence"] for r in rows if r["confidence"] is not None], float)
    told = {"ECE": float("nan"), "ECE if perfect": float("nan"), "AUROC of matches": float("nan")}
    if len(sure):
        right = np.array([r["iou"] >= HALF for r in rows if r["confidence"] is not None])
        told["ECE"] = ece(sure, right)
        drawn = np.random.default_rng(0).random((200, len(sure))) < sure
        told["ECE if perfect"] = float(np.mean([ece(sure, hit) for hit in drawn]))
        events = [r["event"] for r in rows]
        if not all(events):
            told["AUROC of matches"] = float(roc_auc_score(events, [r["matches"] for r in rows]))
    return told


def ece(sure: np.ndarray, right: np.ndarray) -> float:
    """Return the calibration error over bins of equal mass, as `evaluate: calibration`."""
    order = np.argsort(sure, kind="stable")
    gaps = [abs((sure[b] - right[b]).sum()) for b in np.array_split(order, Calibration().bins)]
    return float(sum(gaps) / len(sure))


def main() -> None:
    """Print tables and write benchmarks/results/decoders.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--peer-python", required=True, help="Python with POT and tslearn")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    every: dict[str, dict[str, Rows]] = {which: {} for which in SETS}
    for seed in options.seeds:
        for which, found in measure(options, seed).items():
            for name, rows in found.items():
                every[which].setdefault(name, []).extend(rows)
    result = {}
    for which, found in every.items():
        result[which] = compared(found, "Blocks" if which == "D" else "Ordered")
        print(f"{which}\n{table(result[which])}")
    write_result("decoders", {"seeds": options.seeds, "sets": result}, "scipy")


if __name__ == "__main__":
    main()
