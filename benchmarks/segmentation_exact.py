"""Pelt against brute force on thousands of random series: every cost, shortest lengths 1 to 7.

    python benchmarks/segmentation_exact.py [--series 5400]

Each segment is fitted on its own by the slow twins of the tests, every last change of every end is
tried, and the value that `Pelt` reaches is compared with the least one. One to four channels, seven
kinds of series, random weights, penalties from far too small to far too large, with and without a
price on the length of segments.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from report import table, write_result

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import naive_costs as naive
import test_costs as suite

from tsalign.segment.costs import COSTS
from tsalign.segment.penalties import Penalty
from tsalign.segment.problem import prepare

TOLERANCE = 1e-9


def excess(cost: str, trial: int) -> tuple[float, int]:
    """Return by what share `Pelt` misses the optimum of one random series, and its segments."""
    rng = np.random.default_rng([trial, 7])
    n, d = int(rng.integers(1, 22)), 1 + trial % 4
    min_size, order = 1 + trial % 7, 1 + trial % 3
    x = suite.fit(cost, suite.series(suite.KINDS[trial % len(suite.KINDS)], n, d, trial))
    weights = suite.weigh(cost, rng.choice([0.5, 1.0, 3.0], d))
    problem = prepare(x, suite.made(cost, d), min_size, order, weights.tolist())
    costs = naive.table(cost, x, weights, order)
    scale = np.abs(costs[np.isfinite(costs)]).max() + np.square(x).max() + 1e-9
    penalty = 10 ** rng.uniform(-2, 1.5) * (1 if cost in suite.NUMBERED else x.var() + 1)
    length = float(rng.choice([0.0, penalty / 4]))
    ends = problem.best(Penalty(penalty, length))
    _, best = naive.optimum(costs, penalty, length, problem.min_size)
    return float(naive.value(costs, ends, penalty, length) - best) / scale, len(ends)


def measure(series: int) -> Iterator[dict[str, Any]]:
    """Yield one row a cost."""
    words = [*COSTS, "mixed"]
    for cost in words:
        found = [excess(cost, trial) for trial in range(series // len(words))]
        yield {
            "cost": cost,
            "series": len(found),
            "optimal": sum(bool(off <= TOLERANCE) for off, _ in found),
            "largest_excess": max(off for off, _ in found),
            "with_changes": sum(segments > 1 for _, segments in found),
        }


def main() -> None:
    """Print one row a cost and the count; a complete run is written to `results/`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=5400)
    options = parser.parse_args()
    rows = list(measure(options.series))
    total, optimal = (sum(row[name] for row in rows) for name in ("series", "optimal"))
    print(table(rows), f"{optimal} of {total} series: the optimum", sep="\n")
    if options.series >= parser.get_default("series"):
        write_result("segmentation_exact", {"series": total, "optimal": optimal, "costs": rows})


if __name__ == "__main__":
    main()
