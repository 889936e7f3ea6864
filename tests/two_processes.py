"""What each of two processes does in the test of gathered embeddings."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, distributed, nn
from torch.nn.functional import normalize
from torch.nn.parallel import DistributedDataParallel

from tsalign.align.gather import gather
from tsalign.align.losses import supcon

CONCEPT = torch.tensor([0, 1, 2, 0, -1, 1, 3])
SAID = CONCEPT >= 0


class Two(nn.Module):
    """A linear map for segments, one for texts."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.signal, self.text = nn.Linear(5, 4).double(), nn.Linear(3, 4).double()

    def forward(self, features: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
        return normalize(self.signal(features), dim=1), normalize(self.text(words), dim=1)


def batch() -> tuple[Tensor, Tensor]:
    """Return seven segments and a text for each."""
    make = torch.Generator().manual_seed(1)
    return tuple(torch.randn(7, n, generator=make, dtype=torch.float64) for n in (5, 3))


def step(model: nn.Module, part: slice) -> tuple[Tensor, list[Tensor]]:
    """Return the loss and the gradients of a part of the batch, gathered where it is one."""
    features, words = batch()
    said = SAID[part]
    signal, text = model(features[part], words[part][said])
    signal, text = gather(signal), gather(text)
    concept, means = gather(CONCEPT[part]), gather(CONCEPT[part][said])
    loss = supcon(signal, text, concept[:, None] == means, 7.0)
    loss.backward()
    return loss.detach(), [p.grad for p in model.parameters() if p.grad is not None]


def work(rank: int, folder: str) -> None:
    """Compute a step as process `rank` of two, on four segments or on three."""
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2
    )
    part = slice(0, 4) if rank == 0 else slice(4, 7)
    found = step(DistributedDataParallel(Two()), part)
    torch.save(found, Path(folder) / f"{rank}.pt")
    distributed.barrier()
    distributed.destroy_process_group()
