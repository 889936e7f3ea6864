"""Whole k-means fits against scikit-learn and faiss: same rows, same start, same iterations.

python benchmarks/kmeans.py [--shape 1000000x39x100] [--rounds 5] [--long-rounds 2]

`--shape` (may be repeated) measures single rows of the table, n x d x k; `--part` other parts.
The ratio is that of the faster peer's time to ours; the share is that of the machine's sgemm, were
all products computed in float32. Only a run of everything writes `results/kmeans.json`.

Out of core, rows lie in four `.npy` files and are read in the same batches, in order, by both
libraries' `partial_fit` of mini-batches, scikit-learn's with `reassignment_ratio=0`: one rule.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import tracemalloc
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numba
import numpy as np
import sklearn.cluster
from report import RESULTS, write_result
from threadpoolctl import threadpool_info, threadpool_limits

from tsalign.kernels import lanes
from tsalign.tokens import KMeans, MiniBatchKMeans
from tsalign.tokens.seeding import plus_plus

faiss: Any = None  # without it there is a peer less, and the table shows that
if find_spec("faiss"):
    faiss = import_module("faiss")

# (n, d, k): least ratio to the faster peer in 10 iterations, to scikit-learn in 50
GOALS = {
    (10**6, 39, 100): (2.0, 3.0),
    (10**6, 39, 500): (3.3, 7.5),
    (2 * 10**5, 128, 500): (2.8, 5.5),
    (10**5, 768, 500): (1.8, 3.0),
    (5 * 10**6, 6, 50): (4.4, 4.0),
}
FORCED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # would give the peers another kernel than best
START, BATCHES, PREDICT = 3.0, 3.0, 2.0  # least ratios of the other parts
MEMORY = 50.0  # most megabytes beyond the data
INERTIA = 1e-4
RESULT, PEERS = RESULTS / "kmeans.json", ("faiss-cpu", "llvmlite")
Timed = Callable[[], Any]
Shape = tuple[int, ...]


def frames(n: int, d: int, seed: int = 0) -> np.ndarray:
    """Return shuffled rows like features of signals: sounds, or moves, and the ways between them.

    From 64 features on a random layer of 24 hidden ones makes them, as a network would.
    """
    rng = np.random.default_rng(seed)
    hidden = d if d < 64 else 24
    sounds = rng.normal(size=(200, hidden), scale=2.0).astype(np.float32)
    share = rng.beta(0.3, 0.3, size=(n, 1)).astype(np.float32)  # most rows are near one sound
    rows = share * sounds[rng.integers(200, size=n)]
    rows += (1 - share) * sounds[rng.integers(200, size=n)]
    rows += rng.standard_normal(size=rows.shape, dtype=np.float32)
    if hidden == d:
        return rows
    layer = rng.standard_normal(size=(hidden, d), dtype=np.float32) / np.float32(hidden**0.5)
    rows = np.tanh(rows @ layer)
    return rows + np.float32(0.3) * rng.standard_normal(size=rows.shape, dtype=np.float32)


def alternate(works: dict[str, Timed], rounds: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Return median seconds of each work over alternating rounds, and what each returned last.

    One round more comes first and warms up: its time does not count.
    """
    seconds: dict[str, list[float]] = {name: [] for name in works}
    results: dict[str, Any] = {}
    for turn in range(rounds + 1):
        for name, work in works.items():
            begin = perf_counter()
            results[name] = work()
            if turn > 0:
                seconds[name].append(perf_counter() - begin)
    return {name: median(values) for name, values in seconds.items()}, results


def compared(seconds: dict[str, float], goal: float) -> dict[str, Any]:
    """Return seconds with the ratio of the faster peer to ours."""
    peers = [value for name, value in seconds.items() if name != "tsalign"]
    return {"seconds": seconds, "ratio": min(peers) / seconds["tsalign"], "goal": goal}


def fits(X: np.ndarray, start: np.ndarray, iterations: int, peers: set[str]) -> dict[str, Timed]:
    """Return one whole fit of each library; a result is (inertia, iterations)."""
    same: dict[str, Any] = {"n_clusters": len(start), "init": start, "n_init": 1, "tol": 0.0}

    def ours() -> tuple[float, int]:
        model = KMeans(**same, max_iter=iterations).fit(X)
        return model.inertia_, model.n_iter_

    def scikit() -> tuple[float, int]:
        model = sklearn.cluster.KMeans(**same, max_iter=iterations, algorithm="lloyd").fit(X)
        return float(model.inertia_), int(model.n_iter_)

    def facebook() -> tuple[float, int]:
        every = {"max_points_per_centroid": 10**9, "min_points_per_centroid": 1}
        model = faiss.Kmeans(X.shape[1], len(start), niter=iterations, **every)
        model.train(X, init_centroids=start)
        return float(model.obj[-1]), iterations

    works: dict[str, Timed] = {"tsalign": ours, "scikit-learn": scikit, "faiss": facebook}
    return {name: work for name, work in works.items() if name == "tsalign" or name in peers}


def products(n: int, d: int, k: int) -> float:
    """Return the rate of float32 matrix products of this shape, in operations a second."""
    rng = np.random.default_rng(0)
    a = rng.standard_normal(size=(min(n, 20_000), d), dtype=np.float32)
    b = rng.standard_normal(size=(d, k), dtype=np.float32)
    seconds, _ = alternate({"sgemm": lambda: a @ b}, rounds=20)
    return 2.0 * len(a) * d * k / seconds["sgemm"]


def measure(shape: Shape, rounds: int, long_rounds: int) -> dict[str, Any]:
    """Return one row of the table."""
    n, d, k = shape
    goal, long_goal = GOALS.get(shape, (1.0, 1.0))
    X = frames(n, d)
    start = X[np.random.default_rng(1).choice(n, size=k, replace=False)]
    peers = {"scikit-learn"} | ({"faiss"} if faiss else set())
    seconds, found = alternate(fits(X, start, 10, peers), rounds)
    row = {"n": n, "d": d, "k": k, **compared(seconds, goal)}
    row["iterations"] = {name: steps for name, (_, steps) in found.items()}
    row["ratio_scikit_learn"] = seconds["scikit-learn"] / seconds["tsalign"]
    inertia = {name: value for name, (value, _) in found.items()}
    row["inertia_difference"] = abs(inertia["tsalign"] / inertia["scikit-learn"] - 1.0)
    passes = 2.0 * n * d * k * (found["tsalign"][1] + 1)
    row["share_of_sgemm"] = passes / seconds["tsalign"] / products(n, d, k)
    if long_rounds > 0:
        seconds, found = alternate(fits(X, start, 50, {"scikit-learn"}), long_rounds)
        row["long"] = compared(seconds, long_goal)
        row["long"]["iterations"] = {name: steps for name, (_, steps) in found.items()}
    row["predict"] = predictions(X, start, rounds)
    return row


def predictions(X: np.ndarray, start: np.ndarray, rounds: int) -> dict[str, Any]:
    """Return the time to label all rows with centres fitted to some of them."""
    few: dict[str, Any] = {"n_clusters": len(start), "max_iter": 10, "n_init": 1}
    centers = KMeans(**few, init=start).fit(X[: 40 * len(start)]).cluster_centers_
    ours = KMeans(**few, init=centers).fit(centers)  # each centre is its own mean: nothing moves
    theirs = sklearn.cluster.KMeans(**few, init=centers).fit(centers)
    works: dict[str, Timed] = {
        "tsalign": lambda: ours.predict(X),
        "scikit-learn": lambda: theirs.predict(X),
    }
    if faiss:
        index = faiss.IndexFlatL2(X.shape[1])
        index.add(ours.cluster_centers_)
        works["faiss"] = lambda: index.search(X, 1)
    found = compared(alternate(works, rounds)[0], PREDICT)
    return found | {"rows_a_second": len(X) / found["seconds"]["tsalign"]}


def careful_start(n: int, d: int, k: int, rounds: int) -> dict[str, Any]:
    """Return the time of greedy k-means++ alone."""
    X = frames(n, d)
    works: dict[str, Timed] = {
        "tsalign": lambda: plus_plus(X, k, np.random.RandomState(0), None),
        "scikit-learn": lambda: sklearn.cluster.kmeans_plusplus(X, k, random_state=0),
    }
    return {"n": n, "d": d, "k": k, **compared(alternate(works, rounds)[0], START)}


def batches(n: int, d: int, k: int, rounds: int) -> dict[str, Any]:
    """Return the time of a mini-batch fit through the same batches."""
    X = frames(n, d)
    start = X[np.random.default_rng(1).choice(n, size=k, replace=False)]
    common: dict[str, Any] = {"n_clusters": k, "init": start, "batch_size": 10_000, "max_iter": 2}
    common |= {"random_state": 0, "max_no_improvement": None, "reassignment_ratio": 0.0}
    works: dict[str, Timed] = {
        "tsalign": lambda: MiniBatchKMeans(**common).fit(X),
        "scikit-learn": lambda: sklearn.cluster.MiniBatchKMeans(**common, n_init=1).fit(X),
    }
    seconds, found = alternate(works, rounds)
    row = {"n": n, "d": d, "k": k, **compared(seconds, BATCHES)}
    difference = abs(found["tsalign"].inertia_ / float(found["scikit-learn"].inertia_) - 1.0)
    return row | {"inertia_difference": difference}


def out_of_core(n: int, d: int, k: int, rounds: int) -> dict[str, Any]:
    """Return the time of one pass over files, in the same batches; and of an exact fit of ours."""
    X, batch = frames(n, d), 10_000
    start = X[np.random.default_rng(1).choice(n, size=k, replace=False)]
    common: dict[str, Any] = {"n_clusters": k, "init": start, "n_init": 1}
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{number}.npy" for number in range(4)]
        for file, part in zip(files, np.array_split(X, len(files)), strict=True):
            np.save(file, part)

        def once(model: Any) -> Any:
            for file in files:
                rows = np.load(file, mmap_mode="r")
                for begin in range(0, len(rows), batch):
                    model.partial_fit(rows[begin : begin + batch])
            return model

        theirs = {"reassignment_ratio": 0.0, "batch_size": batch}
        works: dict[str, Timed] = {
            "tsalign": lambda: once(KMeans(**common)),
            "scikit-learn": lambda: once(sklearn.cluster.MiniBatchKMeans(**common, **theirs)),
        }
        seconds, found = alternate(works, rounds)
        exact = {"exact": lambda: KMeans(**common, max_iter=10, tol=0.0).fit(files)}
        ten = alternate(exact, rounds)[0]["exact"]
    ours, peer = found["tsalign"], found["scikit-learn"]
    apart = np.abs(ours.cluster_centers_ - peer.cluster_centers_).max() / X.std()
    row = {"n": n, "d": d, "k": k, **compared(seconds, BATCHES)}
    return row | {"centers_apart_in_sd": float(apart), "seconds_exact_10_iterations": ten}


def memory(n: int, d: int, k: int) -> dict[str, Any]:
    """Return how many megabytes a start and a long fit take beyond the rows."""
    X = frames(n, d)
    KMeans(k, random_state=0, max_iter=20, tol=0.0).fit(X[: n // 50])  # compiled before it counts
    tracemalloc.start()
    KMeans(k, random_state=0, max_iter=20, tol=0.0).fit(X)
    beyond = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return {"n": n, "d": d, "k": k, "megabytes": beyond, "goal": MEMORY}


PARTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "start": lambda rounds: careful_start(10**6, 39, 500, rounds=min(rounds, 3)),
    "batches": lambda rounds: batches(10**6, 39, 100, rounds),
    "batches_500": lambda rounds: batches(10**6, 39, 500, rounds),
    "out_of_core": lambda rounds: out_of_core(10**6, 39, 500, rounds),
    "memory": lambda _: memory(10**6, 39, 500),
}


def told(name: str, row: dict[str, Any]) -> dict[str, Any]:
    """Print another part; return it."""
    name = f"{name} {row['n']} x {row['d']}, k={row['k']}"
    if "ratio" in row:
        print(line(name, row), flush=True)
    else:
        missed = "" if row["megabytes"] < row["goal"] else "   MISSED"
        print(f"{name:30} {row['megabytes']:.1f} MB  goal {row['goal']}{missed}", flush=True)
    return row


def line(name: str, row: dict[str, Any]) -> str:
    """Return one printed line."""
    seconds = "  ".join(f"{peer} {value:.3f} s" for peer, value in row["seconds"].items())
    verdict = "" if row["ratio"] >= row["goal"] else "   MISSED"
    return f"{name:30} {row['ratio']:5.2f}  goal {row['goal']}   {seconds}{verdict}"


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """Print a row of the table; return it."""
    name = f"{row['n']} x {row['d']}, k={row['k']}"
    print(line(name, row), flush=True)
    print(f"{'':30} inertia off by {row['inertia_difference']:.1e} (goal {INERTIA:.0e}),", end=" ")
    print(f"{row['share_of_sgemm']:.0%} of sgemm, {row['ratio_scikit_learn']:.2f} of scikit-learn")
    if "long" in row:
        print(line("   50 iterations", row["long"]))
    print(line("   predict", row["predict"]), flush=True)
    return row


def machine() -> dict[str, Any]:
    """Return what the figures depend on, beside versions."""
    keys = ("internal_api", "version", "architecture")
    libraries = [one for one in threadpool_info() if one["user_api"] == "blas"]
    return {
        "processor": platform.processor() or platform.machine(),
        "threads": numba.get_num_threads(),
        "blas": [{key: one.get(key) for key in keys} for one in libraries],
        "vectors": bool(lanes.AVAILABLE),
    }


def main() -> None:
    """Measure and print; a whole table goes to `results/kmeans.json`, a part renews its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", action="append", help="n x d x k of one row, as 200000x128x500")
    parser.add_argument("--part", action="append", choices=list(PARTS), help="another part alone")
    parser.add_argument("--rounds", type=int, default=5, help="of 10 iterations")
    parser.add_argument("--long-rounds", type=int, default=1, help="of 50 iterations")
    given = parser.parse_args()
    if any(name in os.environ for name in FORCED):
        parser.error(f"unset {' and '.join(FORCED)}: the peers would be slower than they are")
    chosen: list[Shape] = [tuple(map(int, text.split("x"))) for text in given.shape or []]
    threads = numba.get_num_threads()
    if faiss:
        faiss.omp_set_num_threads(threads)
    with threadpool_limits(threads):
        renewed = {name: told(name, PARTS[name](given.rounds)) for name in given.part or []}
        everything = not (chosen or given.part)
        shapes = list(GOALS) if everything else chosen
        rows = [shown(measure(shape, given.rounds, given.long_rounds)) for shape in shapes]
        if not everything:
            if renewed and RESULT.exists():
                write_result("kmeans", json.loads(RESULT.read_text()) | renewed, *PEERS)
            return
        result: dict[str, Any] = {**rows[0], "rows": rows, "machine": machine()}
        result |= {name: told(name, part(given.rounds)) for name, part in PARTS.items()}
        write_result("kmeans", result, *PEERS)


if __name__ == "__main__":
    main()
