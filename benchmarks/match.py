"""Every decoder against enumeration, and their CPU time beside peers on the same scores.

    python benchmarks/match.py [--peer-python PATH] [--cases 2000]

scipy's assignment answers less: one segment a sentence, in any order, no posteriors. PATH is a
Python with tslearn and librosa, whose warping (`peer_match.py`, a process of its own) brings
every segment to a sentence. Single thread; writes results/match.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from report import table, write_result
from scipy.optimize import linear_sum_assignment

from tsalign.match import Blocks, Independent, OneToOne, Ordered, Unordered, log_normal
from tsalign.match.linear import total_linear

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))
from match_cases import CHECKS, LATTICE, PLAIN, Case  # noqa: E402

REPEATS = 5
SCIPY = "scipy linear_sum_assignment"
WEEK = 400_000  # segments of 1.5 s


def planted(k: int, s: int, seed: int = 0) -> np.ndarray:
    """Return log-odds of noise in which every sentence has a run of its own, in order."""
    rng = np.random.default_rng(seed)
    scores = rng.standard_normal((k, s), np.float32) - np.float32(1.0)
    step = k // s
    for j in range(s):
        scores[j * step + step // 5 : j * step + 3 * step // 5, j] += 3.0
    return scores


def equal_cases(cases: int) -> dict[str, int]:
    """Check random small problems of each decoder; any difference raises."""
    done = {}
    for concepts, kinds in ((False, PLAIN), (True, LATTICE)):
        for kind in kinds:
            for seed in range(cases):
                largest = seed % 20 == 0 and not concepts and kind != "unordered"
                CHECKS[kind](Case(seed, concepts, 8 if largest else 6 - concepts))
            done[f"{kind}, {'concepts' if concepts else 'sentences'}"] = cases
    return done


def seconds_of(run: Callable[[], Any]) -> float:
    """Return the median CPU seconds of a call, the first left out; other jobs count less so."""
    run()
    spent = []
    for _ in range(REPEATS):
        begin = time.process_time()
        run()
        spent.append(time.process_time() - begin)
    return float(np.median(spent))


def by_peer(python: str, name: str, scores: np.ndarray) -> float:
    """Return the median CPU seconds of a peer, in its own process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scores.npy"
        np.save(path, scores)
        command = [python, str(HERE / "peer_match.py"), name, str(path), str(REPEATS)]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(np.median(json.loads(told)["seconds"]))


def peak_of(run: Callable[[], Any]) -> float:
    """Return the most MiB that a call held beside its input."""
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def runs_of(scores: np.ndarray) -> dict[str, Callable[[], Any]]:
    """Return what is measured, by name."""
    (k, s), ordered, whole = scores.shape, Ordered(), scores.astype(np.float64)
    prior = np.tile(log_normal([40.0], 1.0, 256), (s, 1))
    middle = (np.arange(s) + 0.4) * k / s
    windows = np.stack([middle - 1000, middle + 1000], axis=1).astype(np.int64)
    rng = np.random.default_rng(1)
    signal = rng.normal(-0.3, 0.5, (1300, 12)).astype(np.float32)
    text = 2 * np.log(rng.dirichlet(np.ones(12), 15))
    long = np.tile(log_normal([10.0, 20.0], 0.32, 200), (12, 1))
    blocks, skips = np.repeat(np.arange(5), 3), np.full(s, 2.0)
    few = {"durations": long}
    alone = {"posteriors": False}
    return {
        SCIPY: lambda: linear_sum_assignment(scores, maximize=True),
        f"{SCIPY}, float64": lambda: linear_sum_assignment(whole, maximize=True),
        "Ordered, spans": lambda: ordered.decode(scores, **alone),
        "Ordered, D=256, spans": lambda: ordered.decode(scores, durations=prior, **alone),
        "Ordered, D=256, windows 10 %, spans": lambda: ordered.decode(
            scores, durations=prior, windows=windows, **alone
        ),
        "posteriors": lambda: total_linear(scores, skips, None),
        "Ordered": lambda: ordered.decode(scores),
        "Ordered, no alternatives": lambda: Ordered(alternatives=0).decode(scores),
        "Ordered, D=256, windows 10 %": lambda: ordered.decode(
            scores, durations=prior, windows=windows
        ),
        "Unordered, spans": lambda: Unordered().decode(scores, **alone),
        "Unordered": lambda: Unordered().decode(scores),
        "OneToOne, spans": lambda: OneToOne().decode(scores, **alone),
        "Independent": lambda: Independent(max_spans=5).decode(scores),
        "1300x15x12, D=200: Ordered": lambda: ordered.decode_concepts(signal, text, **few),
        "1300x15x12, D=200: Unordered": lambda: Unordered().decode_concepts(signal, text, **few),
        "1300x15x12, D=200: Blocks, 5 blocks": lambda: Blocks().decode_concepts(
            signal, text, blocks=blocks, **few
        ),
        "1300x15x12, D=200, steep: Ordered": lambda: ordered.decode_concepts(
            20 * signal, text, **few
        ),
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peer-python", help="Python with tslearn and librosa")
    parser.add_argument("--cases", type=int, default=2000, help="random problems a decoder")
    options = parser.parse_args()
    cases = equal_cases(options.cases)
    k, s = 20_000, 200
    scores = planted(k, s)
    spent = {name: seconds_of(run) for name, run in runs_of(scores).items()}
    if options.peer_python:
        for name in ("tslearn", "librosa"):
            spent[f"{name} dtw"] = by_peer(options.peer_python, name, scores)
    rows = [
        {"run": name, "cpu ms": 1000 * value, "ratio to scipy": value / spent[SCIPY]}
        for name, value in spent.items()
    ]
    print(table(rows))
    quick = lambda: Ordered().decode(scores, posteriors=False)  # noqa: E731
    peak = peak_of(quick)
    truth = np.arange(s)[:, None] * (k // s) + [k // s // 5, 3 * (k // s) // 5]
    error = float(np.abs(quick().spans - truth).mean())
    week = planted(WEEK, s)
    week_spent = seconds_of(lambda: Ordered().decode(week, posteriors=False))
    print(f"equal to enumeration: {cases}")
    print(f"spans: {peak:.1f} MiB beside the scores; error {error:.2f} segments")
    print(f"{WEEK:,} segments: {week_spent:.2f} s of CPU")
    result = {
        "segments": k,
        "sentences": s,
        "repeats": REPEATS,
        "cases equal to enumeration": cases,
        "mean boundary error in segments": error,
        "peak MiB beside the scores, spans": peak,
        "seconds, spans, 400,000 segments": week_spent,
        "rows": rows,
    }
    write_result("match", result, "scipy")


if __name__ == "__main__":
    main()
