"""Change points by other libraries: CPU seconds and change points as one JSON line.

    python benchmarks/peer_segmentation.py PEER FILE.npy PENALTY REPEATS

PEER is fpop (skchange), fastcpd, meanvariance (fastcpd) or kernelcpd (ruptures, linear kernel); the
file holds the series (n, d). Runs in an environment of its own, on one core. Each is run once
before the clock starts.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version

THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
os.environ |= dict.fromkeys(THREADS, "1")  # before numpy starts any

import numpy as np  # noqa: E402


def fpop(x: np.ndarray, penalty: float) -> list[int]:
    """Return the starts of all segments but the first."""
    detector = import_module("skchange.detectors").FPOP(penalty=penalty)
    return detector.fit(x).predict(x).tolist()


def fastcpd(x: np.ndarray, penalty: float) -> list[int]:
    """Return the same; its cost is half of the squares, so the penalty is halved too."""
    detect = import_module("fastcpd.segmentation").detect_mean
    unit = np.eye(x.shape[1])
    options = {"cost_adjustment": "BIC", "variance_estimation": unit, "cp_only": True}
    return detect(x, beta=penalty / 2, **options).cp_set.astype(int).tolist()


def meanvariance(x: np.ndarray, penalty: float) -> list[int]:
    """Return the same for changes of mean and covariance; its cost is half of ours."""
    detect = import_module("fastcpd.segmentation").detect_meanvariance
    found = detect(x, beta=penalty / 2, cost_adjustment="BIC", cp_only=True)
    return found.cp_set.astype(int).tolist()


def kernelcpd(x: np.ndarray, penalty: float) -> list[int]:
    """Return the same."""
    search = import_module("ruptures").KernelCPD("linear", min_size=1)
    return [int(end) for end in search.fit_predict(x, pen=penalty)[:-1]]


PEERS: dict[str, tuple[Callable[[np.ndarray, float], list[int]], str]] = {
    "fpop": (fpop, "skchange"),
    "fastcpd": (fastcpd, "fastcpd"),
    "meanvariance": (meanvariance, "fastcpd"),
    "kernelcpd": (kernelcpd, "ruptures"),
}


def main() -> None:
    """Run the peer named on the command line."""
    name, path, penalty, repeats = sys.argv[1:]
    x = np.load(path)
    run, package = PEERS[name]
    run(x[: max(100, len(x) // 100)], float(penalty))
    seconds = []
    for _ in range(int(repeats)):
        start = time.process_time()
        changes = run(x, float(penalty))
        seconds.append(time.process_time() - start)
    answer = {"seconds": seconds, "changes": changes, "version": version(package)}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
