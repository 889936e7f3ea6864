"""Boundaries of activities on HAPT without labels: covering, F1 and CPU time beside peers.

    python benchmarks/segmentation_hapt.py --peer-python PATH

Recordings of subjects 21-30: 50 Hz, three axes of acceleration in g and three of angular rate in
rad/s, as they are. Unlabelled time is not judged: covering is that of the labelled stretches, a cut
in unlabelled time counts only if it lies within a second of a labelled stretch. F1 pairs cuts and
ends of labelled stretches one to one within a second. A row "of N" has the setting with the best
covering of subjects 1-20, of N tried; the others have their defaults. At rates below 50 Hz samples
are means of as many as it takes: ClaSP and the kernel of ruptures grow with the square of the
number of samples. `--peer-python` names the Python of an environment with claspy; `--clasp-rates`
at which rates in Hz it runs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from itertools import product
from pathlib import Path

import numpy as np
import ruptures
from report import table, write_result
from streaming import PENALTIES, RATE, SHORTEST, mean_covering, recordings

from tsalign.evaluate.intervals import matches
from tsalign.segment import Classification, Features, Pelt, Segmenter, Windows

MARGIN = 1.0
Data = list[tuple[np.ndarray, np.ndarray]]
Cutter = Callable[[np.ndarray], np.ndarray]


def slower(x: np.ndarray, rate: float) -> np.ndarray:
    """Return means of neighbouring samples."""
    step = round(RATE / rate)
    return x[: len(x) // step * step].astype(float).reshape(-1, step, x.shape[1]).mean(axis=1)


def tiled(changes: Iterable[float], n: int) -> np.ndarray:
    """Return bounds between changes."""
    edges = np.array([0, *changes, n], dtype=float)
    return np.column_stack([edges[:-1], edges[1:]])


def rbf(penalty: float, rate: float = 10.0) -> Cutter:
    """Return the Gaussian kernel search of ruptures, at a lower rate."""

    def cut(x: np.ndarray) -> np.ndarray:
        search = ruptures.KernelCPD("rbf", min_size=round(SHORTEST * rate)).fit(slower(x, rate))
        return tiled(np.array(search.predict(pen=penalty)[:-1]) * RATE / rate, len(x))

    return cut


def at(segmenter: Segmenter, rate: float) -> Cutter:
    """Return a segmenter that sees a lower rate."""

    def cut(x: np.ndarray) -> np.ndarray:
        changes = segmenter.fit_predict(slower(x, rate))[1:, 0]
        return tiled(changes * RATE / rate, len(x))

    return cut


def f1(data: Data, found: list[np.ndarray]) -> float:
    """Return the F1 of boundaries, counts summed over recordings."""
    hits, both = 0, 0
    for (x, labels), bounds in zip(data, found, strict=True):
        true = np.unique(labels) / RATE
        true = true[(true > 0) & (true < len(x) / RATE)]
        cuts = np.unique(bounds[1:, 0]) / RATE
        inside = (labels[:, 0] / RATE <= cuts[:, None]) & (cuts[:, None] < labels[:, 1] / RATE)
        near = np.abs(cuts[:, None] - true).min(axis=1) <= MARGIN
        cuts = cuts[inside.any(axis=1) | near]
        hits += matches(cuts, true, MARGIN)
        both += len(cuts) + len(true)
    return 2 * hits / both


def row(name: str, data: Data, found: list[np.ndarray], seconds: float) -> dict:
    """Return the figures of a method."""
    pairs = [(labels, bounds) for (_, labels), bounds in zip(data, found, strict=True)]
    return {
        "method": name,
        "covering": mean_covering(pairs),
        "f1": f1(data, found),
        "segments": sum(map(len, found)),
        "cpu_seconds": seconds,
    }


def measure(name: str, cut: Cutter, data: Data) -> dict:
    """Cut all recordings."""
    cut(data[0][0][:4000])  # compile
    start = time.process_time()
    found = [cut(x) for x, _ in data]
    told = row(name, data, found, time.process_time() - start)
    print(json.dumps(told), flush=True)
    return told


def best(cutters: dict[str, Cutter], known: Data) -> tuple[str, Cutter]:
    """Return the setting that covers the labels of subjects 1-20 best."""

    def score(name: str) -> float:
        return mean_covering([(labels, cutters[name](x)) for x, labels in known])

    name = max(cutters, key=score)
    return f"{name}, of {len(cutters)}", cutters[name]


def clasp(python: str, rate: float, data: Data) -> dict:
    """Cut all recordings with ClaSP, in a process of its own."""
    script = Path(__file__).with_name("peer_claspy.py")
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{i}.npy" for i in range(len(data))]
        for path, (x, _) in zip(paths, data, strict=True):
            np.save(path, slower(x, rate))
        run = subprocess.run([python, script, *paths], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    found = [
        tiled(np.array(line["changes"]) * RATE / rate, len(x))
        for line, (x, _) in zip(lines, data, strict=True)
    ]
    name = f"ClaSP {lines[0]['version']} (claspy), {rate:g} Hz"
    told = row(name, data, found, sum(line["seconds"] for line in lines))
    print(json.dumps(told), flush=True)
    return told


def settings() -> list[dict[str, Cutter]]:
    """Return what is chosen from, for each method that needs or gets a choice."""
    features = product((0.64, 1.28), ("rbf", "linear"), (1.5, 3.0))
    return [
        {
            f"Features(window={w!r}, kernel={k!r}, penalty={p})": Features(
                window=w, kernel=k, penalty=p, rate=RATE
            ).fit_predict
            for w, k, p in features
        },
        {
            f"Pelt(penalty={p}, min_duration={SHORTEST})": Pelt(
                penalty=p, min_duration=SHORTEST, rate=RATE
            ).fit_predict
            for p in PENALTIES
        },
        {f"ruptures KernelCPD rbf, 10 Hz, penalty={p}": rbf(p) for p in (1.0, 3.0, 10.0, 30.0)},
        {f"windows of {s} s": Windows(s, rate=RATE).fit_predict for s in (4, 8, 12, 16, 24)},
    ]


def main() -> None:
    """Print the table and write `results/segmentation_hapt.json`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", help="Python of an environment with claspy")
    parser.add_argument("--clasp-rates", type=float, nargs="+", default=[10.0])
    options = parser.parse_args()
    known, data = recordings(range(1, 21)), recordings(range(21, 31))
    cutters: dict[str, Cutter] = {
        "Features()": Features(rate=RATE).fit_predict,
        "Classification()": Classification(rate=RATE).fit_predict,
        "Classification(), 10 Hz": at(Classification(rate=10.0), 10.0),
        "Pelt(variance='long_run')": Pelt(variance="long_run", rate=RATE).fit_predict,
        **dict(best(choice, known) for choice in settings()),
        "nothing": lambda x: np.array([[0, len(x)]]),
    }
    rows = [measure(name, cut, data) for name, cut in cutters.items()]
    if options.peer_python:
        rows += [clasp(options.peer_python, rate, data) for rate in options.clasp_rates]
    print(table(rows))
    samples = sum(len(x) for x, _ in data)
    told = {"samples": samples, "margin_seconds": MARGIN, "rows": rows}
    print(write_result("segmentation_hapt", told, "ruptures"))


if __name__ == "__main__":
    main()
