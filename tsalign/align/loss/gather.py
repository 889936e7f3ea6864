"""Embeddings of all processes as one batch, with gradients. Imports torch: import late."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, distributed
from torch.autograd.function import once_differentiable

from tsalign.errors import TsalignError


def processes() -> int:
    """Return how many processes learn together.

    Examples
    --------
    >>> processes()
    1
    """
    together = distributed.is_available() and distributed.is_initialized()
    return distributed.get_world_size() if together else 1


def rank() -> int:
    """Return which of them this is.

    Examples
    --------
    >>> rank()
    0
    """
    return distributed.get_rank() if processes() > 1 else 0


@contextmanager
def joined(device: str) -> Generator[str]:
    """Join the processes that `torchrun` started, if it did, and give this one's device.

    Parameters
    ----------
    device : str
        Of torch's; each process takes a GPU of its own.
    """
    asked = int(os.environ.get("WORLD_SIZE", "1")) > 1
    if not asked or distributed.is_initialized():
        yield device
        return
    gpu = device == "cuda"
    distributed.init_process_group("nccl" if gpu else "gloo")
    try:
        yield f"cuda:{os.environ['LOCAL_RANK']}" if gpu else device
    finally:
        distributed.destroy_process_group()


def gather(rows: Tensor) -> Tensor:
    """Return the rows of all processes, in the order of their ranks.

    Every process then computes the loss of the whole batch. Its gradient comes back summed over
    the processes, so that the mean over them, which `DistributedDataParallel` takes for weights,
    is the gradient of one process with the whole batch.

    Parameters
    ----------
    rows : (n, ...) tensor
        Of this process; the others may have more or fewer, and the same columns.

    Returns
    -------
    (sum of n, ...) tensor
        The same on all processes; `rows` itself where there is one process.

    References
    ----------
    Radford et al. (2021), CLIP, arXiv 2103.00020, section 2.5.

    Examples
    --------
    >>> gather(torch.tensor([[1.0, 2.0]]))
    tensor([[1., 2.]])
    """
    if not rows.ndim:
        raise TsalignError("a single number has no rows to gather")
    return rows if processes() == 1 else _Gather.apply(rows)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        mine = torch.tensor(len(rows), device=rows.device)
        sizes = [torch.zeros_like(mine) for _ in range(distributed.get_world_size())]
        distributed.all_gather(sizes, mine)
        counts = [int(size) for size in sizes]
        # The collective wants equal shapes: shorter parts are filled up, and cut again.
        padded = rows.new_zeros((max(counts), *rows.shape[1:]))
        padded[: len(rows)] = rows
        parts = [torch.empty_like(padded) for _ in counts]
        distributed.all_gather(parts, padded)
        start = sum(counts[: distributed.get_rank()])
        ctx.mine = slice(start, start + len(rows))
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        whole = gradients[0].contiguous().clone()
        distributed.all_reduce(whole)
        return whole[ctx.mine]
