"""How much faster than real time recordings are cut, described and brought into the space.

    python benchmarks/encoding.py

The steps of `pipelines/hapt.yaml` on the HAPT recordings of people 21 to 30, 50 Hz and six
channels, by one thread: windows of 0.32 s, its describers, and each network; for `conv` samples
instead of features. Seconds are of the CPU, the best of five rounds; what a network has learnt
costs nothing, so each learns for one epoch from one person. Writes results/encoding.json.
"""

from __future__ import annotations

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from report import table, write_result

from tsalign.align import ContextEncoder, Contrastive, Conv, Mlp, Noted, pairs_of
from tsalign.describe import MiniRocket, Raw, Statistics
from tsalign.notes import read_notes
from tsalign.read import read
from tsalign.segment import Windows
from tsalign.types import Segments, Signal

DATA = Path(__file__).parents[1] / "data" / "hapt"
FEATURES = (Statistics(2.56), Statistics(0.64), MiniRocket(1000, 2.56, components=64))
WAYS: dict[str, tuple[tuple[Any, ...], Any]] = {
    "features, mlp": (FEATURES, Mlp(width=256)),
    "features, context": (FEATURES, ContextEncoder()),
    "samples, conv": ((Raw(),), Conv()),
}
ROUNDS = 5


def cut(signal: Signal) -> Segments:
    """Return a recording in windows."""
    return Segments(Windows(0.32, rate=signal.rate).fit_predict(signal.values), signal.rate)


def spent(work: Callable[[], Any]) -> float:
    """Return the least CPU seconds of a few rounds."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        rounds.append(time.process_time() - began)
    return min(rounds)


def measure(way: str, signals: list[Signal]) -> dict[str, Any]:
    """Return how many times real time each step takes, and all of them."""
    kinds, encoder = WAYS[way]
    own = read(DATA / "s01_0.parquet").signal
    piece = [(own.values, own.rate, cut(own).bounds)]
    fitted = [kind.fit(piece, own.channels) for kind in kinds]

    def rows(signal: Signal) -> np.ndarray:
        bounds = cut(signal).bounds
        return np.hstack([k.transform(signal.values, signal.rate, bounds) for k in fitted])

    if isinstance(encoder, Conv):
        encoder = encoder.reading(fitted[0].samples, fitted[0].groups_)
    notes = read_notes(DATA / "notes.jsonl")["s01_0"].notes
    model = Contrastive(encoder, epochs=1, device="cpu")
    model.fit(pairs_of([Noted(rows(own), cut(own), notes)]))
    told = [(rows(signal), cut(signal)) for signal in signals]
    steps = {
        "cut": spent(lambda: [cut(signal) for signal in signals]),
        "cut and describe": spent(lambda: [rows(signal) for signal in signals]),
        "encode": spent(lambda: [model.encode_segments(*some) for some in told]),
    }
    seconds = sum(len(signal) / signal.rate for signal in signals)
    whole = seconds / (steps["cut and describe"] + steps["encode"])
    return {"way": way} | {k: seconds / v for k, v in steps.items()} | {"all": whole}


def main() -> None:
    """Print times of real time, and keep them."""
    paths = [p for i in range(21, 31) for p in sorted(DATA.glob(f"s{i:02d}_*.parquet"))]
    signals = [read(path).signal for path in paths]
    found = [measure(way, signals) for way in WAYS]
    print(table(found))
    hours = sum(len(signal) / signal.rate for signal in signals) / 3600
    write_result("encoding", {"hours": hours, "times real time": found})


if __name__ == "__main__":
    main()
