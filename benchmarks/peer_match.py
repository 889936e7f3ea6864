"""Warping by other libraries on the same scores: CPU seconds as one JSON line.

    python benchmarks/peer_match.py PEER FILE.npy REPEATS

PEER is tslearn or librosa; the file holds the scores (segments, sentences). Warping knows no
"nothing": it brings every segment to a sentence. Runs in an environment of its own, on one core,
once before the clock starts.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from typing import Any

THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
os.environ |= dict.fromkeys(THREADS, "1")  # before numpy starts any

import numpy as np  # noqa: E402


def tslearn(cost: np.ndarray) -> Any:
    """Return the warping path."""
    return import_module("tslearn.metrics").dtw_path_from_metric(cost, metric="precomputed")


def librosa(cost: np.ndarray) -> Any:
    """Return the same."""
    return import_module("librosa").sequence.dtw(C=cost)


PEERS: dict[str, Callable[[np.ndarray], Any]] = {"tslearn": tslearn, "librosa": librosa}


def main() -> None:
    """Run the peer named on the command line."""
    name, path, repeats = sys.argv[1:]
    scores = np.load(path)
    cost = np.ascontiguousarray((scores.max() - scores).astype(np.float64))
    run = PEERS[name]
    run(cost)
    seconds = []
    for _ in range(int(repeats)):
        start = time.process_time()
        run(cost)
        seconds.append(time.process_time() - start)
    print(json.dumps({"seconds": seconds, "version": version(name)}))


if __name__ == "__main__":
    main()
