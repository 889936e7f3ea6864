"""Online against offline change points on HAPT: samples a second, and how well they agree.

    python benchmarks/streaming.py [--chunk 50]

All recordings of HAPT (50 Hz, three axes of acceleration in g and three of angular rate in rad/s)
are replayed in chunks. `Online` and `Pelt` share cost, penalty and shortest segment (2.56 s); the
penalty is the one of eight with which `Pelt` covers the labels of subjects 1-20 best, figures are
those of subjects 21-30. The default delay of `Online`, half the shortest segment, was picked among
six on subjects 1-10. `Features` has its defaults, or windows of 0.64 s, against itself on whole
series; as a stream it learns its scale from the first 20 s, picked among four on subjects 1-10.
Covering: for every true segment the Jaccard index with the best found one, weighted by length;
against the labels over labelled stretches only.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from report import table, write_result

from tsalign.evaluate.intervals import best_jaccard
from tsalign.read import read, read_truth
from tsalign.segment import Features, Online, Pelt, Windows

FOLDER = Path(__file__).parents[1] / "data" / "hapt"
RATE, SHORTEST = 50.0, 2.56
PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
Replay = Callable[[np.ndarray], np.ndarray]


def recordings(subjects: range) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return samples `(n, 6)` and labelled stretches `(k, 2)` in samples of each recording."""
    found = []
    for path in sorted(FOLDER.glob("*.parquet")):
        if int(path.stem[1:3]) in subjects:
            (labels,) = read_truth(path.with_suffix(".spans.csv")).labels.values()
            stretches = [(lab.span.start, lab.span.end) for lab in labels if lab.label]
            found.append((read(path).signal.values, RATE * np.array(stretches)))
    return found


def covering(truth: np.ndarray, bounds: np.ndarray) -> tuple[float, float]:
    """Return covered samples and samples."""
    lengths = truth[:, 1] - truth[:, 0]
    jaccard = best_jaccard(truth.astype(float), bounds.astype(float))
    return float(lengths @ jaccard), float(lengths.sum())


def mean_covering(pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Return the covering of all recordings together."""
    covered, all_of_it = np.sum([covering(*pair) for pair in pairs], axis=0)
    return float(covered / all_of_it)


def in_chunks(segmenter: Online | Features, chunk: int) -> Replay:
    """Return a replay of a series through `partial_fit`."""

    def replay(x: np.ndarray) -> np.ndarray:
        parts = [segmenter.partial_fit(x[at : at + chunk]) for at in range(0, len(x), chunk)]
        return np.concatenate([*parts, segmenter.finish()])

    return replay


def best_penalty() -> float:
    """Return the penalty with which `Pelt` covers the labels of subjects 1-20 best."""
    known = recordings(range(1, 21))

    def score(penalty: float) -> float:
        pelt = Pelt(penalty=penalty, min_duration=SHORTEST, rate=RATE)
        return mean_covering([(labels, pelt.fit_predict(x)) for x, labels in known])

    return max(PENALTIES, key=score)


def measure(name: str, replay: Replay, data: list, offline: list[np.ndarray]) -> dict:
    """Replay all recordings; return speed and covering."""
    replay(data[0][0][:5000])  # compile
    wall, cpu = time.perf_counter(), time.process_time()
    bounds = [replay(x) for x, _ in data]
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    n = sum(len(x) for x, _ in data)
    return {
        "segmenter": name,
        "samples_per_second": n / wall,
        "samples_per_cpu_second": n / cpu,
        "segments": sum(map(len, bounds)),
        "covering_of_offline": mean_covering(list(zip(offline, bounds, strict=True))),
        "covering_of_labels": mean_covering(
            [(labels, b) for (_, labels), b in zip(data, bounds, strict=True)]
        ),
    }


def main() -> None:
    """Print the table and write `results/streaming.json`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chunk", type=int, default=50, help="samples a call")
    chunk = parser.parse_args().chunk
    penalty, data = best_penalty(), recordings(range(21, 31))
    shared = {"penalty": penalty, "min_duration": SHORTEST, "rate": RATE}
    pelt = Pelt(**shared)
    bayes = Online("bocpd", min_duration=SHORTEST, rate=RATE, warmup=20, expected_duration=20)
    offline = [pelt.fit_predict(x) for x, _ in data]
    rows = [
        measure("Pelt, offline", pelt.fit_predict, data, offline),
        measure("Online, whole series", Online(**shared).fit_predict, data, offline),
        measure(f"Online, chunks of {chunk}", in_chunks(Online(**shared), chunk), data, offline),
        measure(f"Online bocpd, chunks of {chunk}", in_chunks(bayes, chunk), data, offline),
        measure("windows of 16 s", Windows(16, rate=RATE).fit_predict, data, offline),
        measure("nothing", lambda x: np.array([[0, len(x)]]), data, offline),
    ]
    for setting in ({}, {"window": 0.64}):
        features = Features(**setting, rate=RATE, warmup=20.0)
        whole = [features.fit_predict(x) for x, _ in data]
        name = "Features" + (f", windows of {setting['window']} s" if setting else "")
        rows += [
            measure(f"{name}, offline", features.fit_predict, data, whole),
            measure(f"{name}, chunks of {chunk}", in_chunks(features, chunk), data, whole),
        ]
    print(table(rows))
    samples = sum(len(x) for x, _ in data)
    told = {"penalty": penalty, "penalties_tried": PENALTIES, "samples": samples, "rows": rows}
    print(json.dumps(told["penalty"]), write_result("streaming", told))


if __name__ == "__main__":
    main()
