"""A whole k-means fit against scikit-learn's Lloyd: same rows, same start, same iterations.

python benchmarks/kmeans.py [--n 1000000] [--k 100] [--d 39] [--iterations 10] [--repeats 5]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter

import numba
import numpy as np
import sklearn.cluster

from tsalign.kernels import lanes
from tsalign.tokens import KMeans

GOALS = {"ratio": 1.3, "inertia_difference": 1e-4}


def frames(n: int, d: int, seed: int = 0) -> np.ndarray:
    """Return rows like speech features: slow drifts between many overlapping sounds."""
    rng = np.random.default_rng(seed)
    sounds = rng.normal(size=(200, d), scale=2.0)
    rows = sounds[np.repeat(rng.integers(200, size=n // 10 + 1), 10)[:n]]
    return (rows + rng.normal(size=(n, d))).astype(np.float32)


def timed(model, X: np.ndarray) -> float:
    """Return the seconds that fitting takes."""
    begin = perf_counter()
    model.fit(X)
    return perf_counter() - begin


def measure(n: int, d: int, k: int, iterations: int, repeats: int) -> dict[str, object]:
    """Return medians of alternating fits, after one of each that warms up."""
    X = frames(n, d)
    start = X[np.random.default_rng(1).choice(n, size=k, replace=False)]
    same = {"n_clusters": k, "init": start, "n_init": 1, "max_iter": iterations, "tol": 0.0}
    ours = KMeans(**same)
    theirs = sklearn.cluster.KMeans(**same, algorithm="lloyd", copy_x=False)
    seconds: dict[str, list[float]] = {"tsalign": [], "scikit-learn": []}
    for _ in range(repeats + 1):
        seconds["tsalign"].append(timed(ours, X))
        # It centres the rows in place: a fresh copy, made outside the time, keeps runs alike.
        seconds["scikit-learn"].append(timed(theirs, X.copy()))
    medians = {name: median(values[1:]) for name, values in seconds.items()}
    return {
        "n": n,
        "d": d,
        "k": k,
        "iterations": [ours.n_iter_, int(theirs.n_iter_)],
        "seconds": medians,
        "all_seconds": seconds,
        "ratio": medians["scikit-learn"] / medians["tsalign"],
        "inertia_difference": abs(ours.inertia_ / float(theirs.inertia_) - 1.0),
        "vectors": bool(lanes.AVAILABLE),
    }


def main() -> None:
    """Measure, print and write `benchmarks/results/kmeans.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in {"n": 10**6, "d": 39, "k": 100, "iterations": 10, "repeats": 5}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    found = measure(**vars(parser.parse_args()))
    found["goals"] = GOALS
    packages = ("numpy", "scikit-learn", "numba", "llvmlite")
    found["versions"] = {name: version(name) for name in packages}
    found["machine"] = {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": numba.get_num_threads(),
    }
    for name, value in found["seconds"].items():
        print(f"{name:14} {value:8.3f} s")
    print(f"{'ratio':14} {found['ratio']:8.2f}   goal >= {GOALS['ratio']}")
    print(f"inertia off by {found['inertia_difference']:.1e}   goal <= 1e-4")
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    (folder / "kmeans.json").write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
