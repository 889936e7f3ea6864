"""Exact change points against every exact peer: CPU time, and the same change points.

    python benchmarks/segmentation_speed.py --peer-python PATH [--row NAME ...] [--repeats 5]

PATH is a Python with skchange, fastcpd and ruptures, where each peer runs in a process of its own
(`peer_segmentation.py`); without it only our own times are told. `--row` measures single rows,
`--list` names them. Unit noise, jumps N(0, 9) at random places, penalty (d + 1) ln n; CPU seconds,
medians, after a first run that compiles. The estimator checks its input and more: it is timed too.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from report import table, write_result

from tsalign.kernels.search import change_points
from tsalign.segment import Pelt

PEER = Path(__file__).parent / "peer_segmentation.py"
HOSTILE = 30_000


class Row(NamedTuple):
    """A series to cut, the peers, and how many times faster than the best of them to be."""

    n: int
    d: int
    changes: int
    peers: tuple[str, ...]
    goal: float


ROWS = {
    "d1-1e6-dense": Row(10**6, 1, 5000, ("fpop",), 2.0),
    "d1-1e6-sparse": Row(10**6, 1, 10, ("fpop",), 2.5),
    "d3-1e5-dense": Row(10**5, 3, 500, ("fastcpd", "kernelcpd"), 12.0),
    "d6-1e5-dense": Row(10**5, 6, 500, ("fastcpd", "kernelcpd"), 12.0),
    "d3-1e6-dense": Row(10**6, 3, 5000, ("fastcpd", "kernelcpd"), 12.0),
    "d6-1e6-dense": Row(10**6, 6, 5000, ("fastcpd", "kernelcpd"), 12.0),
    "d3-1e5-sparse": Row(10**5, 3, 10, ("fastcpd",), 500.0),
}
NORMAL = {"normal-d1-1e5": ("normal", 1), "normal-d3-1e5": ("normal_full", 3)}
NORMAL_GOAL = 5.0
LONG = {"d3-1e7-dense": 50_000, "d3-1e7-sparse": 10}  # changes; below 2 s and 1 GiB in all
SECONDS, MEBIBYTES, WORST = 2.0, 1024.0, 3.0


def jumps(n: int, d: int, changes: int, seed: int = 0) -> np.ndarray:
    """Return a piecewise constant series with unit noise, `(n, d)`, in little more memory."""
    rng = np.random.default_rng(seed)
    places = np.unique(rng.integers(1, n, changes))
    x = rng.standard_normal((n, d))
    for start, stop in zip([0, *places], [*places, n], strict=True):
        x[start:stop] += rng.normal(0, 3, d)
    return x


def spreads(n: int, d: int, changes: int, seed: int = 0) -> np.ndarray:
    """Return a normal series whose means and variances change, `(n, d)`."""
    rng = np.random.default_rng(seed)
    places = np.unique(rng.integers(1, n, changes))
    x = rng.standard_normal((n, d))
    for start, stop in zip([0, *places], [*places, n], strict=True):
        x[start:stop] = x[start:stop] * np.exp(rng.normal(0, 0.7, d)) + rng.normal(0, 3, d)
    return x


def normal(cost: str, d: int, python: str | None, repeats: int) -> dict[str, Any]:
    """Measure changes of mean and covariance; fastcpd has no shortest segment and hardly a floor.

    So it makes segments of `d` samples or fewer, without a variance (`fastcpd_tiny`), worth as much
    as its floor says. Compared are its changes between two segments longer than that (`long`).
    """
    x, penalty = spreads(10**5, d, 500), float((d * (d + 3) / 2 + 1) * np.log(10**5))
    segmenter = Pelt(cost, penalty=penalty)
    seconds, bounds = timed(lambda: segmenter.fit_predict(x), repeats)
    mine, found = bounds[1:, 0].tolist(), len(bounds) - 1
    out: dict[str, Any] = {"cost": cost, "found": found, "pelt_ms": 1e3 * seconds}
    if not python:
        return out
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.npy"
        np.save(path, x)
        answer = by_peer(python, "meanvariance", path, penalty, repeats)
    theirs, ratio = answer["changes"], median(answer["seconds"]) / seconds
    edges = np.diff([0, *theirs, len(x)])
    long = [c for c, a, b in zip(theirs, edges, edges[1:], strict=False) if min(a, b) > d + 1]
    out |= {"fastcpd_ms": 1e3 * ratio * seconds, "fastcpd_version": answer["version"]}
    out |= {"fastcpd_found": len(theirs), "fastcpd_tiny": int((edges <= d).sum())}
    out |= {"long": len(long), "long_same": len({*long} & {*mine})}
    return out | {"ratio": ratio, "goal": NORMAL_GOAL, "reached": ratio >= NORMAL_GOAL}


def hostile() -> dict[str, tuple[np.ndarray, float]]:
    """Return series on which certificates might fail, and their penalties."""
    rng, time_ = np.random.default_rng(0), np.linspace(0, 1, HOSTILE)[:, None]
    noise, usual = rng.normal(size=(HOSTILE, 3)), np.log(HOSTILE)
    slow = rng.normal(size=(HOSTILE, 1))
    for i in range(1, HOSTILE):
        slow[i] += 0.9 * slow[i - 1]
    return {
        "Student t3": (rng.standard_t(3, (HOSTILE, 1)), 2 * usual),
        "Student t3, d=3": (rng.standard_t(3, (HOSTILE, 3)), 4 * usual),
        "autoregressive 0.9": (slow, 2 * usual),
        "random walk": (np.cumsum(noise[:, :1], axis=0), 2 * usual),
        "random walk, d=3": (np.cumsum(noise, axis=0), 4 * usual),
        "sine, d=3": (5 * np.sin(60 * time_ + np.arange(3)) + noise, 4 * usual),
        "ramp": (300 * time_ + noise[:, :1], 2 * usual),
        "two values": (np.sign(noise[:, :1]), 2 * usual),
        "constant but one": (np.where(time_ == 1, 1e3, 0.0), 2 * usual),
        "quiet": (1e-2 * noise[:, :1], 2 * usual),
        "loud": (1e2 * noise[:, :1], 2 * usual),
        "penalty 1": (noise[:, :1], 1.0),
        "penalty 1, d=3": (noise, 1.0),
    }


@njit(cache=True)
def _plain(sums, penalty):
    """Recursion of PELT with nothing else; `sums` is (n + 1, d)."""
    n, d = sums.shape[0] - 1, sums.shape[1]
    value, last = np.zeros(n + 1), np.zeros(n + 1, np.int64)
    value[0] = -penalty
    alive, costs, count = np.zeros(n + 1, np.int64), np.empty(n + 1), 1
    for t in range(1, n + 1):
        best = np.inf
        for i in range(count):
            s, square = alive[i], 0.0
            for q in range(d):
                square += (sums[t, q] - sums[s, q]) ** 2
            costs[i] = value[s] - square / (t - s)
            if costs[i] < best:
                best, last[t] = costs[i], s
        value[t], kept = best + penalty, 0
        for i in range(count):
            if costs[i] <= value[t]:
                alive[kept] = alive[i]
                kept += 1
        alive[kept] = t
        count = kept + 1
    return last


def plain_pelt(x: np.ndarray, penalty: float) -> list[int]:
    """Return the ends of the best segments by plain PELT."""
    sums = np.zeros((len(x) + 1, x.shape[1]))
    np.cumsum(x - x.mean(axis=0), axis=0, out=sums[1:])
    last, ends = _plain(sums, penalty), [len(x)]
    while last[ends[-1]] > 0:
        ends.append(int(last[ends[-1]]))
    return ends[::-1]


def timed(run: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Return median CPU seconds, and the answer."""
    run()
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        answer = run()
        seconds.append(time.process_time() - start)
    return median(seconds), answer


def by_peer(python: str, name: str, path: Path, penalty: float, repeats: int) -> dict[str, Any]:
    """Run a peer in its own process."""
    command = [python, str(PEER), name, str(path), repr(penalty), str(repeats)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def compare(row: Row, python: str | None, repeats: int) -> dict[str, Any]:
    """Measure one row; peers that take seconds are run no more often than ourselves."""
    x, penalty = jumps(row.n, row.d, row.changes), float((row.d + 1) * np.log(row.n))
    search, ends = timed(lambda: change_points(x, penalty, 1), repeats)
    whole, bounds = timed(lambda: Pelt(penalty=penalty).fit_predict(x), repeats)
    out = {"found": len(ends) - 1, "search_ms": 1e3 * search, "pelt_ms": 1e3 * whole}
    same = [bounds[:, 1].tolist() == ends.tolist()]
    times: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.npy"
        np.save(path, x)
        for name in row.peers if python else ():
            answer = by_peer(python, name, path, penalty, repeats)
            times.append(median(answer["seconds"]))
            same.append(answer["changes"] == ends[:-1].tolist())
            out |= {f"{name}_ms": 1e3 * times[-1], f"{name}_version": answer["version"]}
    ratio = min(times) / search if times else float("nan")
    told = {"ratio": ratio, "goal": row.goal, "pelt_ratio": ratio * search / whole}
    return out | told | {"same": all(same), "reached": ratio >= row.goal}


def _alone(changes: int, pipe: Any) -> None:
    """Cut ten million samples in a fresh process and send seconds and peak memory."""
    change_points(jumps(1000, 3, 5), 9.0, 1)
    x = jumps(10**7, 3, changes)
    start = time.process_time()
    found = len(change_points(x, float(4 * np.log(len(x))), 1)) - 1
    seconds = time.process_time() - start
    pipe.send((found, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def long(changes: int) -> dict[str, Any]:
    """Measure one long series; the memory is that of the process, series and all."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_alone, args=(changes, theirs))
    process.start()
    found, seconds, memory = ours.recv()
    process.join()
    reached = seconds < SECONDS and memory < MEBIBYTES
    return {"found": found, "seconds": seconds, "peak_mib": memory, "reached": reached}


def worst(repeats: int) -> list[dict[str, Any]]:
    """Measure the hostile series against plain PELT."""
    rows = []
    for name, (x, penalty) in hostile().items():
        seconds, ends = timed(lambda x=x, p=penalty: change_points(x, float(p), 1), repeats)
        plain, theirs = timed(lambda x=x, p=penalty: plain_pelt(x, float(p)), 1)
        told = {"segments": len(ends), "search_ms": 1e3 * seconds, "plain_ms": 1e3 * plain}
        loss = {"loss": seconds / plain, "reached": seconds <= WORST * plain}
        rows.append({"series": name} | told | loss | {"same": theirs == ends.tolist()})
    return rows


def main() -> None:
    """Print the tables; a complete run with peers is written to `results/`."""
    names = [*ROWS, *NORMAL, *LONG, "hostile"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", help="Python with skchange, fastcpd and ruptures")
    parser.add_argument("--row", action="append", choices=names, help="measure this alone")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--list", action="store_true", help="name the rows")
    options = parser.parse_args()
    if options.list:
        print(*names, sep="\n")
        return
    wanted, result = options.row or names, {}
    for name in wanted:
        if name in ROWS:
            result[name] = compare(ROWS[name], options.peer_python, options.repeats)
        elif name in NORMAL:
            result[name] = normal(*NORMAL[name], options.peer_python, options.repeats)
        elif name in LONG:
            result[name] = long(LONG[name])
        else:
            result[name] = worst(options.repeats)
        rows = result[name] if name == "hostile" else [result[name]]
        print(name, table(rows), sep="\n", flush=True)
    if options.peer_python and not options.row:
        write_result("segmentation_speed", result)


if __name__ == "__main__":
    main()
