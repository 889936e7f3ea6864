"""What each of two processes does in the tests of gathered embeddings and shared learning."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor, distributed, nn
from torch.nn.functional import normalize
from torch.nn.parallel import DistributedDataParallel

from tsalign.align import Attention, ContextEncoder, Contrastive, Mlp, Pairs
from tsalign.align.loss.gather import gather
from tsalign.align.loss.losses import supcon

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


def course(signal: Any) -> Any:
    """Learn a small space of sentences that stand for nothing; in one process or in several."""
    rng = np.random.default_rng(0)
    said = rng.integers(-1, 3, 90).astype(np.int32)
    look = np.eye(4, 6)[said + 1] + 0.3 * rng.normal(size=(90, 6))
    texts, names = ("one", "two", "three"), ("A", "B", "C")
    places = (np.arange(90) // 45).astype(np.int32)
    time = np.arange(90.0)[:, None] % 45 + [0, 1]
    pairs = Pairs(look.astype(np.float32), said, texts, names, places, seconds=time)
    pooling = Attention(scales=(9.0, "recording"), heads=1, members=5, batch_size=3)
    given = {"dimension": 4, "epochs": 2, "batch_size": 31, "device": "cpu", "pooling": pooling}
    return Contrastive(signal, Words(), **given).fit(pairs, pairs)


SIGNALS = {
    "mlp": Mlp(width=8, dropout=0.0),
    "context": ContextEncoder(width=8, layers=2, dropout=0.0, blank=0.0, window=8),
}


class Words(BaseEstimator):
    """A text encoder that needs no weights."""

    def encode(self, texts: Any) -> Any:
        return np.array([[len(t), t.count("e"), t.count("o"), 1.0] for t in texts], np.float32)


def learn(rank: int, folder: str) -> None:
    """Learn as process `rank` of two that `torchrun` started."""
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1"}
    for name, signal in SIGNALS.items():
        os.environ["MASTER_PORT"] = port(folder, name)  # at an old one the slower might still be
        model = course(signal)
        np.savez(Path(folder) / f"{name}{rank}.npz", history=model.history_, **model.weights_)


def port(folder: str, name: str) -> str:
    """Return the port that was written down for a learning."""
    return (Path(folder) / f"{name}.port").read_text()
