"""Steps of learning on whatever device there is: time, segments a second, share of peak, memory.

    python benchmarks/gpu.py [--device auto] [--batch 4096] [--width 512] [--steps 20]

One step reads a batch, encodes both sides, takes the loss and its gradients, and moves the
weights, in float32 and in bfloat16, whole and in tiles, with the examples on the device and, on a
GPU, from the memory of the host. `whole` is what open_clip does in one process: one matrix of
logits and a cross-entropy in either direction. `achieved` counts the multiplications of the
networks and of the matrix of pairs, three for each of a forward pass; `of peak` is their share of
what a square product in bfloat16 reaches on the same device in the same run. `memory MiB` is what
a step adds at its peak, as the allocator of a GPU counts it; for a CPU see `loss_memory.py`.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from report import table, write_result

from tsalign.align import ContextEncoder, Mlp, infonce
from tsalign.align.loss import objective as asked
from tsalign.align.loss.objective import Objective, Term
from tsalign.align.training.examples import Examples
from tsalign.align.training.feed import fed
from tsalign.align.training.train import Means, Question, Space
from tsalign.course import half
from tsalign.device import choose

FEATURES, WORDS, DIMENSION, WINDOW = 256, 384, 256, 128


def settle(device: str) -> None:
    """Wait until the device has done what it was asked."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def seconds(step: Callable[[], Any], steps: int, device: str) -> float:
    """Return the median wall time of a step after two that do not count."""
    took = []
    for _ in range(steps + 2):
        settle(device)
        begun = time.perf_counter()
        step()
        settle(device)
        took.append(time.perf_counter() - begun)
    return float(np.median(took[2:]))


def peak(device: str) -> float:
    """Return the multiplications and additions a second of a square product in bfloat16."""
    size = 8192 if device.startswith("cuda") else 1024
    a, b = (torch.randn(size, size, device=device) for _ in range(2))

    def multiply() -> None:
        with half(device, True):
            a @ b

    return 2 * size**3 / seconds(multiply, 5, device)


def examples(batch: int, device: str, window: int | None) -> Examples:
    """Return four batches of random segments, each with a text of its own."""
    make = torch.Generator().manual_seed(0)
    n = 4 * batch
    features, texts = (torch.randn(n, d, generator=make) for d in (FEATURES, WORDS))
    given = (np.arange(n), np.zeros(n, np.int32), window)
    own = np.arange(n)
    return Examples(features.to(device), own, np.ones(n), texts.to(device), *given)


def looks(some: Examples, batch: int, device: str) -> Iterator[Any]:
    """Yield batches without end."""
    rng = np.random.default_rng(0)
    while True:
        yield from fed(some, some.draw(batch, rng), device)


def memory(step: Callable[[], Any], device: str) -> float | None:
    """Return the peak of a step on a GPU in MiB, less what was there before."""
    if not device.startswith("cuda"):
        return None
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    step()
    return (torch.cuda.max_memory_allocated() - before) / 2**20


def measure(given: argparse.Namespace, device: str, best: float) -> list[dict[str, Any]]:
    """Return one row a network, precision, way of the loss and place of the examples."""
    homes = [device, "cpu"] if device.startswith("cuda") else [device]
    rows = []
    for name, encoder in (
        ("mlp", Mlp(width=given.width)),
        ("context", ContextEncoder(width=given.width, window=WINDOW)),
    ):
        for bfloat16 in (False, True):
            for tiles in (False, True):
                for home in homes:
                    asked.MANY = 0 if tiles else 2**62
                    row = one(encoder, bfloat16, home, given, device)
                    how = {"network": name, "precision": "bfloat16" if bfloat16 else "float32"}
                    how |= {"loss": "tiled" if tiles else "whole", "examples on": home}
                    row["of peak"] = row["achieved"] / best
                    rows.append(how | row)
                    print(rows[-1], flush=True)
    return rows


def one(
    encoder: Any, bfloat16: bool, home: str, given: argparse.Namespace, device: str
) -> dict[str, Any]:
    """Return the figures of one way to learn."""
    torch.manual_seed(0)
    space = Space(encoder, FEATURES, WORDS, DIMENSION).to(device)
    objective = Objective((Term(infonce, 1.0, "own"),), null=False)
    question = Question(space, objective, Means(device, bfloat16))
    optimiser = torch.optim.AdamW(space.parameters())
    some = examples(given.batch, home, getattr(encoder, "window", None))
    batches = looks(some, given.batch, device)
    sizes = []

    def step() -> None:
        look = next(batches)
        sizes.append((look.features.shape[:-1].numel(), len(look.concept)))
        optimiser.zero_grad()
        question(look, False).backward()
        optimiser.step()

    took = seconds(step, given.steps, device)
    read, pairs = np.median(sizes, axis=0).tolist()
    products = sum(p.numel() for p in space.signal.parameters() if p.ndim == 2)
    work = 6 * (read * products + pairs * (WORDS * DIMENSION + pairs * DIMENSION))
    figures = {"step ms": 1e3 * took, "segments/s": read / took, "achieved": work / took}
    return figures | {"memory MiB": memory(step, device)}


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--steps", type=int, default=20)
    given = parser.parse_args()
    device = choose(given.device)
    gpu = device.startswith("cuda")
    what = torch.cuda.get_device_name(device) if gpu else f"no GPU: {platform.processor()} CPU"
    print(f"device: {what}, {torch.get_num_threads()} threads")
    best = peak(device)
    rows = measure(given, device, best)
    print(table(rows))
    told = {"device": what, "threads": torch.get_num_threads(), "batch": given.batch}
    told |= {"width": given.width, "bfloat16 peak": best, "rows": rows}
    write_result("gpu", told)


if __name__ == "__main__":
    main()
