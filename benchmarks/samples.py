"""Encoders of samples beside features, on the people of HAPT who train and validate.

    python benchmarks/samples.py

Learnt from the stamped notes of people 1 to 17, without anybody to stop by; judged on segments of
0.64 s of people 18 to 20 that have a label, by the most likely concept. Nobody of the test people
is read. One seed: differences of a few hundredths mean nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from report import write_result
from sklearn.metrics import accuracy_score, f1_score

from tsalign.align import Augment, Contrastive, Conv, Mlp, Noted, Patch, pairs_of
from tsalign.describe import MiniRocket, Raw, Statistics
from tsalign.notes import read_notes
from tsalign.read import read
from tsalign.read.truth import read_truth
from tsalign.types import Segments, Signal

NOTES = Path(__file__).parents[1] / "data" / "hapt" / "notes.jsonl"
LENGTH = 32  # samples of a segment
AUGMENT = Augment(jitter=0.05, scale=0.1, shift=4, rotate=0.3, channels=0.1, time=0.1)
"""All of them."""
USUAL = Augment(jitter=0.05, scale=0.1, shift=4)
"""Those that leave posture alone."""
DESCRIBERS = (Statistics(2.56), Statistics(0.64), MiniRocket(1000, 2.56, components=64))
ARMS: dict[str, tuple[Sequence[Any], Any]] = {
    "features, mlp": (DESCRIBERS, Mlp()),
    "samples, mlp": ((Raw(),), Mlp()),
    "samples, conv": ((Raw(),), Conv()),
    "samples, conv, jitter, scale, shift": ((Raw(),), Conv(augment=USUAL)),
    "samples, conv, all changes": ((Raw(),), Conv(augment=AUGMENT)),
    "samples, patch": ((Raw(),), Patch()),
    "samples, patch, jitter, scale, shift": ((Raw(),), Patch(augment=USUAL)),
    "samples, patch, all changes": ((Raw(),), Patch(augment=AUGMENT)),
}


def signals(data: Path, people: Sequence[int]) -> dict[str, Signal]:
    """Return the signal of each recording of some people."""
    paths = [p for i in people for p in sorted(data.glob(f"s{i:02d}_*.parquet"))]
    return {path.stem: read(path).signal for path in paths}


def cut(signal: Signal) -> Segments:
    """Return a recording in segments of one length."""
    start = np.arange(0, len(signal.values) - LENGTH + 1, LENGTH)
    return Segments(np.stack([start, start + LENGTH], 1), signal.rate, signal.start)


def labels(path: Path, segments: Segments) -> NDArray[np.str_]:
    """Return the label in the middle of each segment; '' where nothing is stated."""
    middle, out = segments.times.mean(1), np.full(len(segments.bounds), "", "U40")
    (told,) = read_truth(path).labels.values()
    for label in told:
        out[(middle >= label.span.start) & (middle < label.span.end)] = label.label
    return out


def measure(data: Path, arm: str, epochs: int, seed: int) -> dict[str, float]:
    """Let one encoder learn, and return how well people never seen are told."""
    describers, encoder = ARMS[arm]
    train, valid = signals(data, range(1, 18)), signals(data, (18, 19, 20))
    pieces = [(s.values, s.rate, cut(s).bounds) for s in train.values()]
    channels = next(iter(train.values())).channels
    fitted = [block.fit(pieces, channels) for block in describers]

    def rows(signal: Signal) -> NDArray[np.float32]:
        bounds = cut(signal).bounds
        return np.hstack([b.transform(signal.values, signal.rate, bounds) for b in fitted])

    if isinstance(encoder, (Conv, Patch)):
        encoder = encoder.reading(fitted[0].samples, fitted[0].groups_)
    notes = read_notes(NOTES)
    pairs = pairs_of([Noted(rows(s), cut(s), notes[name].notes) for name, s in train.items()])
    model = Contrastive(encoder, epochs=epochs, random_state=seed, device="cpu")
    began = perf_counter()
    model.fit(pairs)
    seconds = perf_counter() - began
    truth = [labels(data / f"{name}.spans.csv", cut(s)) for name, s in valid.items()]
    scores = np.concatenate([model.concept_scores(rows(s)) for s in valid.values()])
    right, said = np.concatenate(truth), np.array(model.concepts_)[scores.argmax(1)]
    right, said = right[right != ""], said[right != ""]
    f1 = f1_score(right, said, average="macro", labels=np.unique(right), zero_division=0)
    return {"accuracy": accuracy_score(right, said), "macro_f1": f1, "fit_seconds": seconds}


def main() -> None:
    """Print a row an encoder, and keep them."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("--data", type=Path, default=NOTES.parent, help="recordings and true spans")
    p.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    p.add_argument("--epochs", type=int, default=8)
    p.add_argument("--seed", type=int, default=0)
    given = p.parse_args()
    found = {}
    for arm in given.arms:
        found[arm] = measure(given.data, arm, given.epochs, given.seed)
        print(arm, {name: round(value, 3) for name, value in found[arm].items()}, flush=True)
        write_result("samples", {"epochs": given.epochs, "seed": given.seed, "arms": found})


if __name__ == "__main__":
    main()
