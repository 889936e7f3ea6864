"""Ordered decoding with posteriors, beside scipy's assignment on the same matrix in the same run.

The peer answers less: one segment a sentence, in any order, no posteriors, no "nothing".
Run with `python benchmarks/decoders.py`; single thread; writes results/decoders.json.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from report import table, write_result
from scipy.optimize import linear_sum_assignment

from tsalign.match import Independent, Ordered, log_normal
from tsalign.match.decoded import check_scores
from tsalign.match.lattice import BEST, TOTAL, Lattice

REPEATS = 5


def planted(k: int, s: int, seed: int = 0) -> np.ndarray:
    """Return log-odds of noise in which every sentence has a run of its own, in order."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(-1.0, 1.0, (k, s)).astype(np.float32)
    step = k // s
    for j in range(s):
        scores[j * step + step // 5 : j * step + 3 * step // 5, j] += 3.0
    return scores


def seconds_of(run: Callable[[], Any]) -> float:
    """Return the median CPU seconds of a call, the first left out; other jobs count less so."""
    run()
    spent = []
    for _ in range(REPEATS):
        begin = time.process_time()
        run()
        spent.append(time.process_time() - begin)
    return float(np.median(spent))


def lattice_of(scores: np.ndarray) -> Lattice:
    """Return the bare lattice, for the cost of one pass."""
    rows = check_scores(scores)
    s, k = rows.shape
    return Lattice(rows, np.zeros((s, 1)), None, np.tile([0, k], (s, 1)), np.full(s, 2.0))


def main() -> None:
    """Measure, print and write."""
    k, s, longest = 20_000, 200, 64
    scores, ordered = planted(k, s), Ordered()
    lattice = lattice_of(scores)
    prior = np.tile(log_normal([40.0], 1.0, longest), (s, 1))
    middle = (np.arange(s) + 0.4) * k / s
    windows = np.stack([middle - 1000, middle + 1000], axis=1).astype(np.int64)
    rng = np.random.default_rng(1)
    signal = rng.normal(-0.3, 0.5, (1300, 12)).astype(np.float32)
    text = 2 * np.log(rng.dirichlet(np.ones(12), 15))
    long = np.tile(log_normal([10.0, 20.0], 0.32, 200), (12, 1))
    runs: dict[str, Callable[[], Any]] = {
        "scipy linear_sum_assignment": lambda: linear_sum_assignment(scores, maximize=True),
        "one pass, best": lambda: lattice.suffixes(BEST),
        "one pass, sums": lambda: lattice.suffixes(TOTAL),
        "Ordered": lambda: ordered.decode(scores),
        "Ordered, D=64": lambda: ordered.decode(scores, durations=prior),
        "Ordered, D=64, windows": lambda: ordered.decode(scores, durations=prior, windows=windows),
        "Independent": lambda: Independent(max_spans=5).decode(scores),
        "concepts 1300x15x12, D=200": lambda: ordered.decode_concepts(signal, text, durations=long),
        "concepts, steep scores": lambda: ordered.decode_concepts(
            20 * signal, text, durations=long
        ),
    }
    spent = {name: seconds_of(run) for name, run in runs.items()}
    peer = spent["scipy linear_sum_assignment"]
    rows = [
        {"run": name, "cpu ms": 1000 * value, "ratio to scipy": value / peer}
        for name, value in spent.items()
    ]
    print(table(rows))
    truth = np.arange(s)[:, None] * (k // s) + [k // s // 5, 3 * (k // s) // 5]
    error = np.abs(ordered.decode(scores).spans - truth).mean()
    result = {
        "segments": k,
        "sentences": s,
        "repeats": REPEATS,
        "mean boundary error in segments": float(error),
        "rows": rows,
    }
    write_result("decoders", result, "scipy")


if __name__ == "__main__":
    main()
