"""Pelt against ruptures.Pelt(model="l2", jump=1, min_size=1): time and change points.

    python benchmarks/pelt.py [--n 10000] [--channels 3]

Unit noise, one jump N(0, 9) per channel every 200 samples on average, penalty (d + 1) ln n; both
run in this process on the same array, ruptures once, tsalign five times after a warm-up. KernelCPD
with the linear kernel, ruptures' own C code for the same problem, is timed beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import ruptures

from tsalign.segment import Pelt

RESULTS = Path(__file__).parent / "results" / "pelt.json"


def jumps(n: int, d: int, seed: int = 0) -> np.ndarray:
    """Return a piecewise constant series with unit noise, `(n, d)`."""
    rng = np.random.default_rng(seed)
    places = np.sort(rng.choice(np.arange(1, n), max(1, n // 200), replace=False))
    levels = rng.normal(0, 3, size=(len(places) + 1, d))
    return levels[np.searchsorted(places, np.arange(n), side="right")] + rng.normal(size=(n, d))


def timed(run: Callable[[], list[int]], repeats: int) -> tuple[list[int], float]:
    """Return the answer and the median wall time in seconds."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        answer = run()
        seconds.append(time.perf_counter() - start)
    return answer, statistics.median(seconds)


def compare(n: int, d: int) -> dict[str, object]:
    """Time all three on one series."""
    x, penalty = jumps(n, d), (d + 1) * np.log(n)
    pelt = Pelt(penalty=penalty)
    pelt.fit_predict(x[: n // 2])  # compile
    ours, seconds = timed(lambda: pelt.fit_predict(x)[:, 1].tolist(), 5)
    kernel = ruptures.KernelCPD("linear", min_size=1)
    kernel_ends, kernel_seconds = timed(lambda: kernel.fit_predict(x, pen=penalty), 5)
    peer = ruptures.Pelt(model="l2", jump=1, min_size=1)
    peer_ends, peer_seconds = timed(lambda: peer.fit_predict(x, pen=penalty), 1)
    return {
        "n": n,
        "channels": d,
        "penalty": penalty,
        "segments": len(ours),
        "tsalign_seconds": seconds,
        "ruptures_pelt_seconds": peer_seconds,
        "ruptures_kernelcpd_seconds": kernel_seconds,
        "ratio_to_ruptures_pelt": peer_seconds / seconds,
        "ratio_to_ruptures_kernelcpd": kernel_seconds / seconds,
        "same_change_points": ours == peer_ends == kernel_ends,
        "versions": {p: version(p) for p in ("numpy", "numba", "ruptures")}
        | {"python": platform.python_version()},
        "cpus": os.cpu_count(),
    }


def main() -> None:
    """Print the comparison and write it to `results/pelt.json`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=10_000, help="samples")
    parser.add_argument("--channels", type=int, default=3)
    options = parser.parse_args()
    result = compare(options.n, options.channels)
    for name, value in result.items():
        print(f"{name:28} {value:.6g}" if isinstance(value, float) else f"{name:28} {value}")
    if options.n == parser.get_default("n"):  # a quick run leaves the record alone
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
