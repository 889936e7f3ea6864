"""ClaSP (claspy) on series: one JSON line a series, with change points and CPU seconds.

    python benchmarks/peer_claspy.py FILE ...     # .txt: one channel; .npy: (n, channels)

Runs in an environment of its own, since claspy pins older libraries; needs numpy and claspy alone.
Compiled on noise beforehand, so the seconds hold no compilation.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from claspy.segmentation import BinaryClaSPSegmentation


def main() -> None:
    """Segment every file named on the command line with ClaSP's defaults, on one core."""
    warm = np.random.default_rng(0).normal(size=1200) + np.repeat([0.0, 9.0], 600)
    for first in (warm, np.column_stack([warm, warm])):
        BinaryClaSPSegmentation(n_jobs=1).fit_predict(first)
    for path in sys.argv[1:]:
        series = np.load(path) if path.endswith(".npy") else np.loadtxt(path).ravel()
        start = time.process_time()
        found = BinaryClaSPSegmentation(n_jobs=1).fit_predict(series)
        line = {
            "name": Path(path).stem,
            "changes": np.asarray(found, dtype=int).tolist(),
            "seconds": time.process_time() - start,
            "version": version("claspy"),
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
