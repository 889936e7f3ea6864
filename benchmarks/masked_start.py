"""Does it help to name hidden segments first, where 200 windows are stamped? On HAPT.

python benchmarks/masked_start.py [--work FOLDER] [--windows 200] [--seeds 0]

`pipelines/hapt.yaml` with a context network, learnt from so many stamped windows of 2.56 s of
people 1-17 (their other segments are without text) and judged by people 18-20, by whom the learning
is stopped and calibrated; the test people are not looked at. F12: macro-F1 of their windows among
twelve activities told by the validation wordings (`Contrastive.classify`).
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from align import UNKNOWN, macro_f1
from align_runs import Run, Task, confusion, few_windows, wordings
from report import table, write_result

NETWORKS = ("tcn", "transformer")


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--windows", type=int, default=200)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    asked = parser.parse_args()
    work = asked.work or Path(tempfile.mkdtemp())
    rows: list[dict[str, Any]] = []
    for seed in asked.seeds:
        for network in asked.networks:
            for start in ("drawn", "masked"):
                signal = f"align.signal={{kind: context, network: {network}, start: {start}}}"
                began = perf_counter()
                teach = few_windows(asked.windows, seed)
                run = Run(Task(seed, (*UNKNOWN, signal, "align.device=cpu"), teach=teach), work)
                told = partial(run.model.classify, classes=wordings("valid"))
                f12 = macro_f1(confusion(run, told, part="valid"))
                row = {"seed": seed, "network": network, "start": start, "F12": f12}
                rows.append(row | {"seconds": perf_counter() - began})
                print(rows[-1], flush=True)
    print(table(rows))
    write_result("masked_start", {"windows": asked.windows, "rows": rows}, "tokenizers")


if __name__ == "__main__":
    main()
