"""Learning to name hidden stretches of a stream. Imports torch: import late.

Spans of rows are hidden, a transformer names the tokens of the hidden rows, and only these count.
Letters in shapes: B crops of at most T rows, D columns, W width, V tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from tsalign.course import Course, Plan, Weights, digest, half
from tsalign.progress import Listener
from tsalign.transformer import Shape, Transformer

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Recipe:
    """All that decides what is learnt, beside the streams.

    Parameters
    ----------
    shape : Shape
        Of the network.
    span, context : int
        Rows hidden together, and rows seen together.
    share : float
        Of the rows that is hidden.
    epochs, batch_size, patience : int
        At most so many rounds, crops a step, rounds without gain before stopping.
    learning_rate, weight_decay : float
        Of AdamW.
    random_state : int
        Seed of weights, crops and masks.
    """

    shape: Shape
    span: int
    context: int
    share: float
    epochs: int
    batch_size: int
    patience: int
    learning_rate: float
    weight_decay: float
    random_state: int


@dataclass(frozen=True, eq=False)
class Stream:
    """Standardised rows `(n, D)` and the token `(n,)` of each."""

    rows: Rows
    tokens: NDArray[np.int64]


Crop = tuple[Stream, int, int]  # first row, and the row after the last


@dataclass(frozen=True, eq=False)
class Batch:
    """Crops side by side; `rows` (B, T, D), the others (B, T), and where not `real`, nothing."""

    rows: Tensor
    tokens: Tensor
    real: Tensor
    masked: Tensor


def hide(n: int, span: int, share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Choose spans that do not overlap, every placing of them being equally likely.

    Parameters
    ----------
    n : int
        Rows.
    span : int
        Rows of a span; at most half of the rows.
    share : float
        Of the rows, to the nearest whole number of spans, and at least one.
    rng : Generator
        Draws.

    Returns
    -------
    (n,) bool
        True where hidden.
    """
    span = min(span, max(n // 2, 1))
    spans = min(max(round(share * n / span), 1), n // span)
    # Spans shrunk to one row each: choosing their places is choosing the gaps between them.
    places = np.sort(rng.choice(n - spans * (span - 1), spans, replace=False))
    starts = places + np.arange(spans) * (span - 1)
    hidden = np.zeros(n, bool)
    hidden[(starts[:, None] + np.arange(span)).ravel()] = True
    return hidden


def batches(streams: Sequence[Stream], recipe: Recipe, seed: Sequence[int]) -> Iterator[Batch]:
    """Yield every row of every stream once, in crops whose borders, order and masks are drawn."""
    rng = np.random.default_rng(seed)
    crops: list[Crop] = []
    for stream in streams:
        n = len(stream.rows)
        first = rng.integers(1, recipe.context + 1) if n > recipe.context else n
        edges = [0, *range(int(first), n, recipe.context), n]
        crops += [(stream, a, b) for a, b in pairwise(edges)]
    order = rng.permutation(len(crops))
    for start in range(0, len(order), recipe.batch_size):
        chosen = [crops[i] for i in order[start : start + recipe.batch_size]]
        yield _padded(chosen, [hide(b - a, recipe.span, recipe.share, rng) for _, a, b in chosen])


def _padded(crops: Sequence[Crop], hidden: Sequence[NDArray[np.bool_]]) -> Batch:
    shape = len(crops), max(b - a for _, a, b in crops)  # (B, T)
    rows = np.zeros((*shape, crops[0][0].rows.shape[1]), np.float32)  # (B, T, D)
    tokens, real, masked = np.zeros(shape, np.int64), np.zeros(shape, bool), np.zeros(shape, bool)
    for i, ((stream, a, b), mask) in enumerate(zip(crops, hidden, strict=True)):
        rows[i, : b - a], tokens[i, : b - a] = stream.rows[a:b], stream.tokens[a:b]
        real[i, : b - a], masked[i, : b - a] = True, mask
    return Batch(*map(torch.from_numpy, (rows, tokens, real, masked)))


def loss(network: Any, batch: Batch) -> Tensor:
    """Return the mean surprise in nats at the tokens of the hidden rows; no other row counts."""
    logits = network(batch.rows, batch.real, batch.masked)  # (B, T, V)
    return cross_entropy(logits[batch.masked].float(), batch.tokens[batch.masked])


def _moved(batch: Batch, device: str) -> Batch:
    parts = (batch.rows, batch.tokens, batch.real, batch.masked)
    return Batch(*(part.to(device, non_blocking=True) for part in parts))


class Masked:
    """One learning to name hidden tokens.

    Parameters
    ----------
    recipe : Recipe
        What is learnt.
    device : str
        Of torch's; on a GPU the network is compiled and computes in bfloat16.
    """

    def __init__(self, recipe: Recipe, device: str) -> None:
        self.recipe, self.device = recipe, device
        torch.manual_seed(recipe.random_state)
        self.network = Transformer(recipe.shape).to(device)
        # Of the network's own parameters: compiled or not, the state is the same.
        self.called: Any = self.network
        if device.startswith("cuda") and find_spec("triton"):
            self.called = torch.compile(self.network, dynamic=True)

    def run(
        self,
        train: Sequence[Stream],
        valid: Sequence[Stream],
        folder: Path | None = None,
        listener: Listener | None = None,
    ) -> tuple[Weights, NDArray[np.float64]]:
        """Learn; return the best weights, and (rounds, 2): the loss of training and validation."""
        recipe = self.recipe
        plan = Plan(
            recipe.epochs,
            recipe.patience,
            recipe.learning_rate,
            recipe.weight_decay,
            recipe.random_state,
            fall="line",
            betas=(0.9, 0.98),
        )
        course = Course(self.network, plan, folder, listener, "predict")
        arrays = [array for s in (*train, *valid) for array in (s.rows, s.tokens)]
        about = {"recipe": repr(recipe), "streams": digest(*arrays)}
        judged = partial(self._judged, valid) if valid else None
        history = course.run(partial(self._lessons, train), judged, about)
        return course.best, history

    def _lessons(self, train: Sequence[Stream], done: int) -> Iterator[tuple[float, Tensor]]:
        seen, whole = 0, sum(len(stream.rows) for stream in train)
        for batch in batches(train, self.recipe, (self.recipe.random_state, done)):
            with half(self.device):
                surprise = loss(self.called, _moved(batch, self.device))
            yield seen / whole, surprise
            seen += int(batch.real.sum())

    @torch.no_grad()
    def _judged(self, valid: Sequence[Stream]) -> dict[str, float]:
        """Return the loss per hidden row; every round faces the same masks."""
        self.network.eval()
        total, count = 0.0, 0
        for batch in batches(valid, self.recipe, (self.recipe.random_state,)):
            with half(self.device):
                surprise = loss(self.called, _moved(batch, self.device)).item()
            hidden = int(batch.masked.sum())
            total, count = total + surprise * hidden, count + hidden
        return {"held_out": total / count}


@torch.no_grad()
def around(network: Transformer, rows: Rows, context: int, layers: int | None) -> Rows:
    """Return what the network makes of each row `(n, D)`, nothing being hidden.

    Parameters
    ----------
    network : Transformer
        In evaluation mode.
    rows : (n, D) float32
        Standardised.
    context : int
        Rows seen together: each row has at least a quarter of it on either side, or the end of
        the stream.
    layers : int or None
        Blocks to go through `(n, W)`; None goes on to the logits `(n, V)`.
    """
    device = network.hidden.device
    step = max(context // 2, 1)
    parts = []
    for start in range(0, len(rows), step):
        low, high = max(start - context // 4, 0), start + step + context // 4
        x = torch.from_numpy(rows[low:high])[None].to(device)  # (1, T, D)
        real = torch.ones(x.shape[:2], dtype=torch.bool, device=device)
        with half(str(device)):
            if layers is None:
                out = network(x, real, ~real)
            else:
                out = network.middle(x, real, ~real, layers)
        parts.append(out[0, start - low : start - low + step].float().cpu().numpy())
    return np.concatenate(parts)
