"""Memory and time of a loss with its gradients, whole and in tiles, on a CPU.

    python benchmarks/loss_memory.py [--batch 65536] [--whole 8192] [--columns 256] [--tile 2048]

Each row is a process of its own: unit rows of random embeddings are made, then the loss and its
gradients are computed once. `mib` is the peak of resident memory less what was resident before,
gradients of the embeddings included (2 * batch * columns * 4 bytes); `process_mib` is that peak.
Both are the kernel's own figures (Linux).
The whole matrix is computed at `--whole` alone, where the gradients of both are compared as well.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from report import table, write_result
from torch.nn.functional import normalize

from tsalign.align import infonce, siglip, tiled_siglip, tiled_supcon

SCALE = 14.0
LIMIT_MIB = 1024


def resident_mib(field: str) -> float:
    """Return `VmRSS`, resident memory now, or `VmHWM`, its peak since the program began."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def embeddings(batch: int, columns: int) -> list[torch.Tensor]:
    """Return segments and texts that lie a little closer to their own than to others."""
    make = torch.Generator().manual_seed(0)
    signal = torch.randn(batch, columns, generator=make)
    text = signal + 2 * torch.randn(batch, columns, generator=make)
    return [normalize(x, dim=1).requires_grad_() for x in (signal, text)]


def loss(kind: str, signal: torch.Tensor, text: torch.Tensor, tile: int) -> torch.Tensor:
    """Return `infonce` or `siglip`, whole where `tile` is 0."""
    own = torch.arange(len(signal))
    if tile:
        tiled = tiled_supcon if kind == "infonce" else tiled_siglip
        return tiled(signal, text, own, own, SCALE, tile=tile)
    whole = infonce if kind == "infonce" else siglip
    return whole(signal, text, torch.eye(len(signal), dtype=torch.bool), SCALE)


def measure(kind: str, batch: int, columns: int, tile: int) -> dict:
    """Compute a loss and its gradients once in this process."""
    small = embeddings(64, columns)
    loss(kind, *small, min(tile, 32)).backward()  # what torch loads at first use is no loss memory
    signal, text = embeddings(batch, columns)
    before, cpu, wall = resident_mib("VmRSS"), time.process_time(), time.perf_counter()
    value = loss(kind, signal, text, tile)
    value.backward()
    return {
        "loss": kind,
        "batch": batch,
        "tile": tile or "whole",
        "mib": resident_mib("VmHWM") - before,
        "process_mib": resident_mib("VmHWM"),
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - wall,
        "value": value.item(),
    }


def apart(kind: str, batch: int, columns: int, tile: int) -> float:
    """Return the largest difference of gradients, relative to the largest gradient."""
    found = []
    for size in (0, tile):
        signal, text = embeddings(batch, columns)
        loss(kind, signal, text, size).backward()
        found.append(torch.stack([signal.grad, text.grad]))
    return ((found[0] - found[1]).abs().max() / found[0].abs().max()).item()


def in_a_process(*arguments: object) -> dict:
    """Return what `measure` tells in a fresh process."""
    command = [sys.executable, __file__, "--one", *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def main() -> None:
    """Print the table and write `results/loss_memory.json`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=65_536)
    parser.add_argument("--whole", type=int, default=8_192, help="batch of the whole matrix")
    parser.add_argument("--columns", type=int, default=256)
    parser.add_argument("--tile", type=int, default=2_048)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        kind, *sizes = asked.one
        print(json.dumps(measure(kind, *map(int, sizes))))
        return
    rows, differences = [], {}
    for kind in ("infonce", "siglip"):
        for batch, tile in [(asked.whole, 0), (asked.whole, asked.tile), (asked.batch, asked.tile)]:
            rows.append(in_a_process(kind, batch, asked.columns, tile))
        differences[kind] = apart(kind, min(asked.whole, 4_096), asked.columns, asked.tile // 4)
    print(table(rows))
    largest = np.max(
        [row["mib"] for row in rows if row["batch"] == asked.batch and row["tile"] != "whole"]
    )
    told = {"rows": rows, "gradient_difference": differences, "largest_mib": float(largest)}
    told |= {"limit_mib": LIMIT_MIB, "within": bool(largest <= LIMIT_MIB)}
    told |= {"columns": asked.columns, "threads": torch.get_num_threads()}
    print(json.dumps({k: v for k, v in told.items() if k != "rows"}))
    print(write_result("loss_memory", told))


if __name__ == "__main__":
    main()
