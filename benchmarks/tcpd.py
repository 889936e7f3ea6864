"""Pelt and Kernel with default settings on series of the Turing Change Point Dataset.

    python benchmarks/tcpd.py [--data ../shared/data/tcpd_dev]

Covering (mean over annotators) and F1 (margin 5 samples, every true change found once, index 0
counts as one; recall is the mean over annotators) as in van den Burg and Williams, *An evaluation
of change point detection algorithms*, 2020. Every series is standardized. Beside ours: doing
nothing, and ruptures.Pelt with its defaults (l2, jump 5, min_size 2) and with rbf, at penalty
2 log n since it has no default penalty. Nothing was chosen by these figures. In rows with
`supervised` each series is cut by a factor learnt from the first annotators of all others: these
use labels, the rest do not.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import ruptures
from report import table, write_result

from tsalign.segment import Kernel, Pelt

MARGIN = 5
Detector = Callable[[np.ndarray], Sequence[int]]


def ours(segmenter: Pelt | Kernel) -> Detector:
    """Return a detector that answers the starts of all segments but the first."""
    return lambda x: segmenter.fit_predict(x)[1:, 0].tolist()


def theirs(model: str) -> Detector:
    """Return ruptures.Pelt with its defaults but for the model, at penalty 2 log n."""
    return lambda x: ruptures.Pelt(model).fit_predict(x, pen=2 * np.log(len(x)))[:-1]


DETECTORS: dict[str, Detector] = {
    "nothing": lambda x: [],
    "ruptures.Pelt() 2 log n": theirs("l2"),
    "ruptures.Pelt('rbf') 2 log n": theirs("rbf"),
    "Pelt()": ours(Pelt()),
    "Pelt(variance=difference)": ours(Pelt(variance="difference")),
    "Pelt(penalty=mbic)": ours(Pelt(penalty="mbic")),
    "Pelt(penalty=slope)": ours(Pelt(penalty="slope")),
    "Pelt(penalty=crops)": ours(Pelt(penalty="crops")),
    "Pelt(penalty=calibrated)": ours(Pelt(penalty="calibrated")),
    "Pelt(normal)": ours(Pelt("normal")),
    "Pelt(l1)": ours(Pelt("l1")),
    "Pelt(linear)": ours(Pelt("linear")),
    "Pelt(linear, crops)": ours(Pelt("linear", "crops")),
    "Pelt(linear, calibrated)": ours(Pelt("linear", "calibrated")),
    "Pelt(ar)": ours(Pelt("ar")),
    "Kernel()": ours(Kernel()),
    "Kernel(variance=difference)": ours(Kernel(variance="difference")),
    "Kernel(penalty=crops)": ours(Kernel(penalty="crops")),
    "Kernel(penalty=calibrated)": ours(Kernel(penalty="calibrated")),
}


LEARNT = {
    "Pelt(penalty=supervised)": Pelt(penalty="supervised"),
    "Pelt(linear, supervised)": Pelt("linear", "supervised"),
}


def from_the_others(
    segmenter: Pelt, series: dict[str, tuple[np.ndarray, list[list[int]]]]
) -> dict[str, list[int]]:
    """Return the changes in each series, by what is learnt from all others."""
    found = {}
    for key, (x, _) in series.items():
        others = [value for name, value in series.items() if name != key]
        marks = [[place for place in told[0] if place > 0] for _, told in others]
        learnt = segmenter.fit([other for other, _ in others], marks)
        found[key] = learnt.predict(x)[1:, 0].tolist()
    return found


def covering(annotations: Sequence[Sequence[int]], found: Sequence[int], n: int) -> float:
    """Return the share of each true segment in the segment most like it, over annotators."""
    pieces = segments(found, n)
    shares = []
    for places in annotations:
        best = [len(a) * max(overlap(a, b) for b in pieces) for a in segments(places, n)]
        shares.append(sum(best) / n)
    return float(np.mean(shares))


def segments(places: Sequence[int], n: int) -> list[range]:
    """Return the stretches between changes."""
    edges = sorted({0, *places, n})
    return [range(a, b) for a, b in itertools.pairwise(edges)]


def overlap(a: range, b: range) -> float:
    """Return intersection over union."""
    shared = max(0, min(a.stop, b.stop) - max(a.start, b.start))
    return shared / (len(a) + len(b) - shared)


def f1(annotations: Sequence[Sequence[int]], found: Sequence[int]) -> float:
    """Return the harmonic mean of precision over all annotators and mean recall."""
    mine = {0, *found}
    each = [{0, *places} for places in annotations]
    precision = hits(set().union(*each), mine) / len(mine)
    recall = np.mean([hits(places, mine) / len(places) for places in each])
    return float(2 * precision * recall / (precision + recall))


def hits(places: set[int], found: set[int]) -> int:
    """Count the true changes that have a found one near, each found one used once."""
    left, count = set(found), 0
    for place in sorted(places):
        near = [(abs(place - other), other) for other in left if abs(place - other) <= MARGIN]
        if near:
            left.remove(min(near)[1])
            count += 1
    return count


def load(folder: Path) -> dict[str, tuple[np.ndarray, list[list[int]]]]:
    """Return standardized series, missing values interpolated, and the annotators' changes."""
    marks = json.loads((folder / "annotations.json").read_text())
    out = {}
    for name in sorted(marks):
        told = json.loads((folder / f"{name}.json").read_text())
        columns = []
        for channel in told["series"]:
            raw = np.array([np.nan if v is None else v for v in channel["raw"]], dtype=float)
            known = np.isfinite(raw)
            filled = np.interp(np.arange(len(raw)), np.flatnonzero(known), raw[known])
            columns.append((filled - filled.mean()) / filled.std())
        out[name] = np.column_stack(columns), list(marks[name].values())
    return out


def main() -> None:
    """Print the table and write it to `results/tcpd.json`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/tcpd_dev"))
    series = load(parser.parse_args().data)
    rows = []
    for name in [*DETECTORS, *LEARNT]:
        if name in LEARNT:
            found = from_the_others(LEARNT[name], series)
        else:
            found = {key: DETECTORS[name](x) for key, (x, _) in series.items()}
        covers = [covering(marks, found[key], len(x)) for key, (x, marks) in series.items()]
        scores = [f1(marks, found[key]) for key, (_, marks) in series.items()]
        rows.append(
            {
                "method": name,
                "covering": float(np.mean(covers)),
                "f1": float(np.mean(scores)),
                "changes": float(np.mean([len(f) for f in found.values()])),
            }
        )
    print(table(rows))
    write_result("tcpd", {"series": len(series), "margin": MARGIN, "rows": rows}, "ruptures")


if __name__ == "__main__":
    main()
