"""How much of what goes on a token tells: iteration 1, iteration 2, and fairseq's k-means.

python benchmarks/units.py [--seeds 3]         # HAPT and speech, into results/units.json
python benchmarks/units.py --tune              # on people 1-17, judged on 18-20: what was tried
python benchmarks/units.py --recipe [--n 1000000 --clusters 500 --epochs 3]     # its wall time

HAPT: windows of 0.32 s by their own statistics, 12 activities, learnt without labels from people
1-20, judged on 21-30. Speech: MFCC of 25 ms every 10 ms against phones, learnt from two
recordings, judged on a third of the same speaker: a demonstration. Beside the two iterations stand
two simpler ways to look further: rows averaged over time, and rows described over 2.56 s (speech
0.2 s), and iteration 2 of the latter. The recipe's frames are the recordings of `data/speech`
played at speeds from 0.8 to 1.25, with gain and noise, until there are enough.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from time import perf_counter, process_time
from typing import Any

import numpy as np
import sklearn.cluster
from numpy.typing import NDArray
from report import RESULTS, table, write_result
from scipy.ndimage import uniform_filter1d
from sklearn.metrics.cluster import contingency_matrix, mutual_info_score

from tsalign.describe import Mfcc, Statistics
from tsalign.read import read, read_truth
from tsalign.segment import Windows
from tsalign.tokens import KMeans, MaskedPredictor

DATA = Path(__file__).parent.parent / "data"
PEOPLE = {"tune": (range(1, 18), range(18, 21)), "test": (range(1, 21), range(21, 31))}
FAIRSEQ: dict[str, Any] = {
    "init": "k-means++",
    "max_iter": 100,
    "batch_size": 10_000,
    "tol": 0.0,
    "max_no_improvement": 100,
    "n_init": 20,
    "reassignment_ratio": 0.0,
}
HAPT: dict[str, Any] = {"device": "cpu"}  # what is not said is as the class has it
# Of layers 1-3 and 5, 15 and 40 epochs the best where one of the two recordings learnt from is
# judged and the other learnt from: more overfits half a minute of speech.
SPEECH: dict[str, Any] = {"span": 0.1, "context": 5.0, "device": "cpu"}
SPEECH |= {"share": 0.5, "layer": 1, "epochs": 15, "batch_size": 2}
SHORT = (0.025, 0.010)  # seconds of a frame, and between frames
SOUND = (".wav", ".flac")
SMOOTH = 9  # windows: the best of 9, 33 and 65 on people 18-20
GOAL = 0.20
TRIED: list[dict[str, Any]] = [
    {},
    {"share": 0.6},
    {"span": 6.4},
    {"context": 20.0},
    {"context": 80.0, "batch_size": 4},
    {"layers": 2},
    {"width": 64},
]
Rows = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Known:
    """One recording: rows by themselves and over 2.56 s, and the label of each ('' is none)."""

    who: str
    rows: Rows
    wide: Rows
    labels: NDArray[np.str_]


def labels_of(spans: Path, times: NDArray[np.float64]) -> NDArray[np.str_]:
    """Return the label at the middle of each segment."""
    middle = times.mean(axis=1)
    found = np.zeros(len(times), "U32")
    truth = read_truth(spans)
    for label in (label for given in truth.labels.values() for label in given):
        found[(middle >= label.span.start) & (middle < label.span.end)] = label.label
    return found


def pieces(paths: list[Path], length: float, hop: float) -> list[tuple[Any, float, Any]]:
    """Return values, rate and windows of recordings."""
    found = []
    for path in paths:
        signal = read(path).signal
        cutter = Windows(length=length, hop=hop, rate=signal.rate)
        found.append((signal.values, signal.rate, cutter.fit_predict(signal.values)))
    return found


def described(
    paths: list[Path], spans: Callable[[Path], Path], cut: tuple[float, float], makers: list[Any]
) -> list[Known]:
    """Describe recordings in each way, without anything learnt from the people judged."""
    given = pieces(paths, *cut)
    kinds = [maker.fit(given[: len(given) // 2]) for maker in makers]
    found = []
    for path, (values, rate, bounds) in zip(paths, given, strict=True):
        rows = [kind.transform(values, rate, bounds) for kind in kinds]
        found.append(Known(path.stem, rows[0], rows[-1], labels_of(spans(path), bounds / rate)))
    return found


def hapt() -> list[Known]:
    """Return all recordings; the first half, by which power is floored, are people 1-15."""
    paths = sorted((DATA / "hapt").glob("*.parquet"))
    makers = [Statistics(), Statistics(context=2.56)]
    return described(paths, lambda p: p.with_suffix(".spans.csv"), (0.32, 0.32), makers)


def person(known: Known) -> int:
    """Return the number of the person of a HAPT recording."""
    return int(known.who[1:3])


def speech() -> list[Known]:
    """Return the recordings whose phones are known."""
    names = ("acoustic_corpus", "cold_corpus", "cold_corpus3")
    paths = [DATA / "speech" / f"{name}.wav" for name in names]
    makers = [Mfcc(), Mfcc(context=0.2)]
    spans = lambda p: DATA / "speech" / "phones" / f"{p.stem}.spans.csv"  # noqa: E731
    return described(paths, spans, SHORT, makers)


def scaled(train: list[Rows], *others: list[Rows]) -> list[list[Rows]]:
    """Return all rows by mean and spread of the first ones, far values held back."""
    whole = np.concatenate(train).astype(np.float64)
    center, spread = whole.mean(0), np.maximum(whole.std(0), 1e-12)
    shape = lambda x: np.clip((x - center) / spread, -10, 10).astype(np.float32)  # noqa: E731
    return [[shape(x) for x in some] for some in (train, *others)]


def agreement(labels: list[NDArray[np.str_]], ids: list[NDArray[np.int32]]) -> dict[str, float]:
    """Return PNMI, both purities and the mean run of equal tokens, over what has a label."""
    y, z = np.concatenate(labels), np.concatenate(ids)
    y, z = y[y != ""], z[y != ""]
    joint = contingency_matrix(y, z)
    return {
        "pnmi": float(mutual_info_score(y, z) / mutual_info_score(y, y)),
        "label purity": float(joint.max(axis=0).sum() / len(y)),
        "cluster purity": float(joint.max(axis=1).sum() / len(y)),
        "run": sum(map(len, ids)) / sum(1 + np.count_nonzero(np.diff(i)) for i in ids),
    }


def clustered(
    train: list[Rows], test: list[Rows], labels: list[NDArray[np.str_]], model: Any
) -> dict[str, float]:
    """Return how well clusters of the training rows fit the labels of others."""
    model.fit(np.concatenate(train))
    return agreement(labels, [model.predict(x) for x in test])


def ways(
    train: list[Known],
    test: list[Known],
    rate: float,
    given: dict[str, Any],
    k: int,
    seed: int,
    layers: tuple[int, ...] = (),
) -> list[dict[str, Any]]:
    """Return one row a way of making k tokens, all learnt from `train` alone.

    With `layers`, iteration 2 is made of each of them, and nothing stands beside.
    """
    labels = [known.labels for known in test]
    X, T = scaled([known.rows for known in train], [known.rows for known in test])
    ours = lambda: KMeans(n_clusters=k, random_state=seed)  # noqa: E731
    theirs = lambda: sklearn.cluster.MiniBatchKMeans(k, random_state=seed, **FAIRSEQ)  # noqa: E731
    first = ours()
    rows = [{"what": "iteration 1"} | clustered(X, T, labels, first)]
    model, spent = learnt(X, first, MaskedPredictor(rate=rate, random_state=seed, **given))
    for layer in layers or (model.middle,):
        model.set_params(layer=layer)
        A, B = ([model.transform(x) for x in part] for part in (X, T))
        what = f"iteration 2, layer {layer}" if layers else "iteration 2"
        rows.append({"what": what} | clustered(A, B, labels, ours()) | spent)
    if not layers:
        rows.append({"what": "iteration 1, fairseq's"} | clustered(X, T, labels, theirs()))
        rows.append({"what": "iteration 2, fairseq's"} | clustered(A, B, labels, theirs()))
        even = [[uniform_filter1d(x, SMOOTH, axis=0) for x in part] for part in (X, T)]
        rows.append({"what": f"rows averaged over {SMOOTH}"} | clustered(*even, labels, ours()))
        X, T = scaled([known.wide for known in train], [known.wide for known in test])
        first = ours()
        rows.append({"what": "rows over more time"} | clustered(X, T, labels, first))
        model, spent = learnt(X, first, model)
        A, B = ([model.transform(x) for x in part] for part in (X, T))
        rows.append({"what": "iteration 2 of those"} | clustered(A, B, labels, ours()) | spent)
    return [{"seed": seed} | row for row in rows]


def learnt(
    train: list[Rows], units: Any, model: MaskedPredictor
) -> tuple[MaskedPredictor, dict[str, float]]:
    """Return a predictor of the rows' tokens, and what learning it took."""
    begun, wall = process_time(), perf_counter()
    model.fit(train, [units.predict(x) for x in train])
    spent = {"cpu s": process_time() - begun, "wall s": perf_counter() - wall}
    return model, spent | {"loss": float(model.history_[-1, 0])}


def hapt_rows(part: str, given: dict[str, Any], seeds: range, **more: Any) -> list[dict[str, Any]]:
    """Measure HAPT: learnt from some people, judged on others."""
    learnt, judged = PEOPLE[part]
    known = hapt()
    train, test = ([one for one in known if person(one) in some] for some in (learnt, judged))
    return [row for seed in seeds for row in ways(train, test, 1 / 0.32, given, 100, seed, **more)]


def speech_rows(seeds: range) -> list[dict[str, Any]]:
    """Measure speech: two recordings to learn from, one to judge."""
    *train, test = speech()
    return [row for s in seeds for row in ways(train, [test], 100.0, SPEECH, 100, s)]


def means(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows averaged over seeds, with the gain over iteration 1."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["what"], []).append(row)
    keys = ("pnmi", "label purity", "cluster purity", "run")
    found: list[dict[str, Any]] = [
        {"what": what} | {key: mean(row[key] for row in group) for key in keys}
        for what, group in groups.items()
    ]
    return [row | {"gain": row["pnmi"] / found[0]["pnmi"] - 1} for row in found]


def frames(n: int) -> list[Rows]:
    """Return streams of MFCC of speech, n rows in all, as the top of this file says."""
    rng = np.random.default_rng(0)
    given = pieces([p for p in sorted((DATA / "speech").iterdir()) if p.suffix in SOUND], *SHORT)
    maker = Mfcc().fit(given)
    streams: list[Rows] = []
    while (missing := n - sum(map(len, streams))) > 0:
        values, rate, _ = given[rng.integers(len(given))]
        samples = values[:, 0].astype(np.float64)
        at = np.arange(0, len(samples) - 1, rng.uniform(0.8, 1.25))
        played = np.interp(at, np.arange(len(samples)), samples) * 10 ** rng.uniform(-0.5, 0.5)
        played += rng.normal(size=len(played)) * samples.std() * 10 ** rng.uniform(-3, -1)
        sound = played.astype(np.float32)[:, None]
        bounds = Windows(length=SHORT[0], hop=SHORT[1], rate=rate).fit_predict(sound)
        streams.append(maker.transform(sound, rate, bounds)[:missing])
    return streams


def recipe(n: int, clusters: int, epochs: int, device: str) -> dict[str, Any]:
    """Return wall seconds of each step from MFCC to the second tokens."""
    spent: dict[str, float] = {}

    def timed(what: str, work: Callable[[], Any]) -> Any:
        begun = perf_counter()
        result = work()
        spent[what] = perf_counter() - begun
        print(f"{what:24} {spent[what]:8.1f} s", flush=True)
        return result

    streams = timed("MFCC", lambda: frames(n))
    (X,) = scaled(streams)
    whole = np.concatenate(X)
    units = KMeans(n_clusters=clusters, random_state=0)
    timed("first k-means", lambda: units.fit(whole))
    ids = timed("first tokens", lambda: [units.predict(x) for x in X])
    given: dict[str, Any] = {**SPEECH, "epochs": epochs, "batch_size": 16, "device": device}
    model = MaskedPredictor(rate=100.0, **given)
    timed("predictor", lambda: model.fit(X, ids))
    around = np.concatenate(timed("features", lambda: [model.transform(x) for x in X]))
    second = KMeans(n_clusters=clusters, random_state=0)
    timed("second k-means", lambda: second.fit(around))
    timed("second tokens", lambda: second.predict(around))
    told = {"frames": n, "clusters": clusters, "epochs": epochs, "device": device}
    loss = model.history_[:, 0].tolist()
    return told | {"seconds": spent, "whole": sum(spent.values()), "loss": loss}


def result() -> dict[str, Any]:
    """Return what was measured before: the parts are measured by themselves."""
    path = RESULTS / "units.json"
    return json.loads(path.read_text()) if path.exists() else {}


def main() -> None:
    """Measure what is asked for, print it, and put it into results/units.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tune", action="store_true", help="on people 1-17, judged on 18-20")
    parser.add_argument("--recipe", action="store_true", help="time the whole recipe")
    parser.add_argument("--n", type=int, default=1_000_000, help="frames of the recipe")
    parser.add_argument("--clusters", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=3, help="of the recipe's predictor")
    parser.add_argument("--device", default="auto", help="of the recipe's predictor")
    options = parser.parse_args()
    found = result()
    if options.recipe:
        found["recipe"] = recipe(options.n, options.clusters, options.epochs, options.device)
        print(f"in all {found['recipe']['whole']:.0f} s")
    elif options.tune:
        found["tried on people 18-20"] = tried(range(options.seeds))
    else:
        seeds = range(options.seeds)
        parts = {
            "hapt": lambda: hapt_rows("test", HAPT, seeds),
            "speech": lambda: speech_rows(seeds),
        }
        for name, measure in parts.items():
            rows = measure()
            print(name, table(means(rows)), sep="\n", flush=True)
            found[name] = {"means": means(rows), "runs": rows}
        gain = found["hapt"]["means"][1]["gain"]
        found |= {"goal": GOAL, "gain": gain, "settings": {"hapt": HAPT, "speech": SPEECH}}
        verdict = "" if gain >= GOAL else "   MISSED"
        print(f"iteration 2 over iteration 1 on HAPT: {gain:+.0%}, goal {GOAL:+.0%}{verdict}")
    write_result("units", found, "scipy")


def tried(seeds: range) -> list[dict[str, Any]]:
    """Return how settings and layers compare on people who are not the test's."""
    found = []
    for change in TRIED:
        layers = tuple(range(1, change.get("layers", 4)))
        rows = hapt_rows("tune", HAPT | change, seeds, layers=layers)
        seconds = mean(row["cpu s"] for row in rows if "cpu s" in row)
        for row in means(rows)[1:]:
            found.append({"setting": str(change)} | row | {"cpu s": seconds})
            print(found[-1], flush=True)
    return found


if __name__ == "__main__":
    main()
