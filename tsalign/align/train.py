"""The shared space of segments and sentences, and how it is learnt. Imports torch: import late."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import normalize

from tsalign.align.examples import Batch, Examples
from tsalign.align.negatives import hard_negatives
from tsalign.align.sequence import InContext, encode_recordings
from tsalign.align.signal_encoder import SignalEncoder

MAX_SCALE = 100.0
Loss = Callable[..., Tensor]


class Space(nn.Module):
    """Two ways into one space: a network for segments, a projection for frozen sentence rows.

    Parameters
    ----------
    signal : SignalEncoder
        Builds the network.
    n_features, n_text, dimension : int
        Columns of features, of sentence rows, and of the space.
    """

    def __init__(self, signal: SignalEncoder, n_features: int, n_text: int, dimension: int) -> None:
        super().__init__()
        self.signal = signal.build(n_features, dimension)
        self.text = nn.Linear(n_text, dimension, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        self.null = nn.Parameter(torch.tensor(0.0))

    @property
    def scale(self) -> Tensor:
        """Inverse temperature, bounded as in CLIP."""
        return self.log_scale.clamp(max=math.log(MAX_SCALE)).exp()

    def encode_signal(self, features: Tensor, real: Tensor | None = None) -> Tensor:
        """Return unit rows `(n, dimension)`; of windows, which are `real` in part, all rows."""
        if real is None:
            return normalize(self.signal(features), dim=1)
        return normalize(self.signal(features, real).flatten(0, 1), dim=1)

    def encode_recordings(self, features: Tensor, recordings: NDArray[np.int32]) -> Tensor:
        """Return unit rows `(n, dimension)` of whole recordings, one after the other."""
        if isinstance(self.signal, InContext):
            return normalize(encode_recordings(self.signal, features, recordings), dim=1)
        return self.encode_signal(features)

    def encode_text(self, rows: Tensor) -> Tensor:
        """Return unit rows `(m, dimension)`."""
        return normalize(self.text(rows), dim=1)


@dataclass(frozen=True)
class Term:
    """One loss of an objective.

    Parameters
    ----------
    loss : callable
        As `supcon`.
    weight : float
        What it counts.
    positives : {"concept", "own", "views"}
        Every wording of a segment's concept, or its own text alone; or the loss compares two
        looks at the segments, with those of the same concept as rivals.
    """

    loss: Loss
    weight: float = 1.0
    positives: Literal["concept", "own", "views"] = "concept"


@dataclass(frozen=True)
class Objective:
    """What a batch is asked.

    Parameters
    ----------
    terms : tuple of Term
        Losses to be added, at least one.
    null : bool
        Whether "nothing" may be chosen.
    hardness : float
        Strength of `hard_negatives`; 0 weighs no text.
    """

    terms: tuple[Term, ...]
    null: bool
    hardness: float = 0.0

    def __call__(self, space: Space, examples: Examples, batch: Batch) -> Tensor:
        """Return the loss of a batch of `examples`."""
        rows, wording = batch.rows, batch.wording
        concept = examples.concept[rows]
        device = examples.features.device
        look = partial(_look, space, examples, batch)
        signal = look()
        text = space.encode_text(examples.texts[torch.from_numpy(wording).to(device)])
        null = space.null if self.null else None
        losses = []
        for term in self.terms:
            other = text
            if term.positives == "own":
                positives = np.eye(len(rows), dtype=bool)[:, concept >= 0]
            elif term.positives == "views":
                positives = concept[:, None] == concept
                other = look()  # dropout shows them otherwise
            else:
                positives = examples.true(rows, wording)
            mask = torch.from_numpy(positives).to(device)
            more = {}
            if self.hardness and other is text:
                logits = space.scale * signal @ text.T
                more["weights"] = hard_negatives(logits, mask, self.hardness)
            losses.append(term.weight * term.loss(signal, other, mask, space.scale, null, **more))
        return sum(losses[1:], losses[0])


def _look(space: Space, examples: Examples, batch: Batch) -> Tensor:
    """Return the places of the segments that a batch asks, read with what is around them."""
    at = partial(torch.as_tensor, device=examples.features.device)
    if batch.windows is None:
        return space.encode_signal(examples.features[at(batch.rows)])
    real = at(batch.windows >= 0)
    features = examples.features[at(np.maximum(batch.windows, 0))] * real[..., None]
    return space.encode_signal(features, real)[at(batch.places)]


def train(
    space: Space,
    examples: Examples,
    held_out: Examples | None,
    objective: Objective,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float,
    patience: int,
    random_state: int,
) -> NDArray[np.float64]:
    """Learn in place; stop when held-out people no longer gain, and go back to the best epoch.

    Parameters
    ----------
    space : Space
        Changed in place.
    examples, held_out : Examples
        To learn from, and to stop by; without the second every epoch is run.
    objective : Objective
        The question.
    epochs, batch_size, patience : int
        At most so many rounds, examples a step, rounds without gain before stopping.
    learning_rate, weight_decay : float
        Of AdamW.
    random_state : int
        Seed of the draws.

    Returns
    -------
    (epochs run, 2) float64
        Mean training loss, and held-out loss (NaN without).

    References
    ----------
    Loshchilov and Hutter (2019), Decoupled Weight Decay Regularization, ICLR.
    """
    rng = np.random.default_rng(random_state)
    # The held-out draw is made once: every epoch faces the same batches.
    fixed = [] if held_out is None else list(held_out.draw(batch_size, rng))
    optimiser = torch.optim.AdamW(space.parameters(), lr=learning_rate, weight_decay=weight_decay)
    history: list[tuple[float, float]] = []
    best, kept = math.inf, None
    for epoch in range(epochs):
        space.train()
        losses = [
            _step(optimiser, objective(space, examples, batch))
            for batch in examples.draw(batch_size, rng)
        ]
        now = math.nan if held_out is None else _mean_loss(space, held_out, fixed, objective)
        history.append((float(np.mean(losses)), now))
        if now < best:
            best, since = now, epoch
            kept = {name: value.clone() for name, value in space.state_dict().items()}
        if kept is not None and epoch - since >= patience:
            break
    if kept is not None:
        space.load_state_dict(kept)
    return np.array(history)


def _step(optimiser: torch.optim.Optimizer, loss: Tensor) -> float:
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


@torch.no_grad()
def _mean_loss(
    space: Space, examples: Examples, batches: list[Batch], objective: Objective
) -> float:
    space.eval()
    return float(np.mean([objective(space, examples, batch).item() for batch in batches]))
