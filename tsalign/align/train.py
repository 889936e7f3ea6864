"""The shared space of segments and sentences, and how it is learnt. Imports torch: import late."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import normalize

from tsalign.align.examples import Batch, Examples
from tsalign.align.negatives import hard_negatives
from tsalign.align.sequence import InContext, encode_recordings
from tsalign.align.signal_encoder import SignalEncoder
from tsalign.align.similarities import Closeness
from tsalign.course import Course, Plan, digest
from tsalign.errors import TsalignError
from tsalign.progress import Listener

MAX_SCALE = 100.0
Loss = Callable[..., Tensor]


class Space(nn.Module):
    """Two ways into one space: a network for segments, a projection for frozen sentence rows.

    Parameters
    ----------
    signal : SignalEncoder
        Builds the network.
    n_features, n_text : int
        Columns of features and of sentence rows.
    dimension : int or None
        Columns of the space; None is the space of the sentence rows as it is.
    """

    def __init__(
        self, signal: SignalEncoder, n_features: int, n_text: int, dimension: int | None
    ) -> None:
        super().__init__()
        self.signal = signal.build(n_features, n_text if dimension is None else dimension)
        self.text = nn.Identity() if dimension is None else nn.Linear(n_text, dimension, bias=False)
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
    closeness : Closeness or None
        How close two places are; None is the cosine. One that needs pairs never sees the silent.
    """

    terms: tuple[Term, ...]
    null: bool
    hardness: float = 0.0
    closeness: Closeness | None = None

    def __call__(self, space: Space, examples: Examples, batch: Batch) -> Tensor:
        """Return the loss of a batch of `examples`."""
        signal, text = places(space, examples, batch)
        rows, concept = batch.rows, examples.concept[batch.rows]
        null = space.null if self.null else None
        if self.closeness is not None and self.closeness.paired:
            signal, null = signal[torch.from_numpy(concept >= 0)], None
            rows, concept = rows[concept >= 0], concept[concept >= 0]
        losses = []
        for term in self.terms:
            other = text
            if term.positives == "own":
                positives = np.eye(len(concept), dtype=bool)[:, concept >= 0]
            elif term.positives == "views":
                positives = concept[:, None] == concept
                other = places(space, examples, batch)[0]  # dropout shows them otherwise
            else:
                positives = examples.true(rows, batch.wording)
            mask = torch.from_numpy(positives).to(signal.device)
            more = {} if other is not text else self._compared(space, signal, text, mask)
            losses.append(term.weight * term.loss(signal, other, mask, space.scale, null, **more))
        return sum(losses[1:], losses[0])

    def _compared(self, space: Space, signal: Tensor, text: Tensor, mask: Tensor) -> dict[str, Any]:
        more: dict[str, Any] = {} if self.closeness is None else {"similarity": self.closeness}
        if self.hardness:
            near = signal @ text.T if self.closeness is None else self.closeness(signal, text)
            more["weights"] = hard_negatives(space.scale * near, mask, self.hardness)
        return more

    def askable(self, batches: Iterable[Batch]) -> list[Batch]:
        """Return the batches that hold enough texts to be compared."""
        least = 1 if self.closeness is None else self.closeness.least
        found = [batch for batch in batches if len(batch.wording) >= least]
        if not found:
            raise TsalignError(f"no batch has the {least} texts that {self.closeness!r} compares")
        return found


def places(space: Space, examples: Examples, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return where the segments that a batch asks lie, read with what is around, and the texts."""
    at = partial(torch.as_tensor, device=examples.features.device)
    text = space.encode_text(examples.texts[at(batch.wording)])
    if batch.windows is None:
        return space.encode_signal(examples.features[at(batch.rows)]), text
    real = at(batch.windows >= 0)
    features = examples.features[at(np.maximum(batch.windows, 0))] * real[..., None]
    return space.encode_signal(features, real)[at(batch.places)], text


def train(
    space: Space,
    examples: Examples,
    held_out: Examples | None,
    objective: Objective,
    plan: Plan,
    batch_size: int,
    *,
    folder: Path | None = None,
    listener: Listener | None = None,
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
    plan : Plan
        How long and how fast.
    batch_size : int
        Examples a step.
    folder : Path or None
        Where the state after each epoch is kept, to go on from.
    listener : callable or None
        Gets an `Event` after each epoch.

    Returns
    -------
    (epochs run, 2) float64
        Mean training loss, and held-out loss (NaN without).
    """

    def lessons(epoch: int) -> Iterator[tuple[float, Tensor]]:
        rng = np.random.default_rng((plan.random_state, epoch))
        batches = objective.askable(examples.draw(batch_size, rng))
        for i, batch in enumerate(batches):
            yield i / len(batches), objective(space, examples, batch)

    judged = None
    if held_out is not None:
        # Drawn once: every epoch faces the same batches.
        rng = np.random.default_rng(plan.random_state)
        fixed = objective.askable(held_out.draw(batch_size, rng))
        judged = partial(_judged, space, held_out, fixed, objective)
    given = [part for some in (examples, held_out) if some is not None for part in some.parts()]
    about = {"objective": repr(objective), "batch_size": str(batch_size), "data": digest(*given)}
    course = Course(space, plan, folder, listener)
    history = course.run(lessons, judged, about | {"network": repr(space)})
    space.load_state_dict({name: torch.from_numpy(array) for name, array in course.best.items()})
    return history


@torch.no_grad()
def _judged(
    space: Space, examples: Examples, batches: list[Batch], objective: Objective
) -> dict[str, float]:
    """Return the loss of what was held out, and how often the nearest is one of the right ones."""
    space.eval()
    rows = []
    for batch in batches:
        signal, text = (part.cpu() for part in places(space, examples, batch))
        same = examples.concept[batch.rows][:, None] == examples.text_concept[batch.wording]
        if objective.closeness is not None:
            paired = torch.from_numpy(examples.concept[batch.rows] >= 0)
            compare = objective.closeness.beside(signal[paired], text)
            near = compare(signal, text).numpy()
        else:
            near = (signal @ text.T).numpy()
        said = same.any(1)
        found = np.take_along_axis(same, near.argmax(1)[:, None], 1)[said]
        spoken = np.take_along_axis(same, near.argmax(0)[None], 0)
        rows.append((objective(space, examples, batch).item(), found.mean(), spoken.mean()))
    names = ("held_out", "segment_to_text", "text_to_segment")
    return dict(zip(names, np.mean(rows, axis=0).tolist(), strict=True))
