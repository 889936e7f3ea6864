"""The shared space of segments and sentences, and how it is learnt. Imports torch: import late."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.parallel import DistributedDataParallel

from tsalign.align.loss.gather import gather, processes, rank
from tsalign.align.loss.objective import Objective
from tsalign.align.pooling.pooling import Pooling
from tsalign.align.pooling.stretches import Group
from tsalign.align.signal.masked_start import name_hidden
from tsalign.align.signal.mlp import SignalEncoder
from tsalign.align.signal.sequence import InContext, encode_recordings
from tsalign.align.text.tuned import Tuned
from tsalign.align.training.examples import Batch, Examples
from tsalign.align.training.feed import Look, WideLook, fed, wide_look
from tsalign.course import Course, Plan, digest, half
from tsalign.errors import TsalignError
from tsalign.progress import Listener

MAX_SCALE = 100.0


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
    reader : Tuned or None
        Makes sentence rows of tokens, where layers of the sentence encoder learn.
    pooling : Pooling or None
        Builds what pools stretches and notes.
    """

    def __init__(
        self,
        signal: SignalEncoder,
        n_features: int,
        n_text: int,
        dimension: int | None,
        reader: Tuned | None = None,
        pooling: Pooling | None = None,
    ) -> None:
        super().__init__()
        self.reader = reader
        columns = n_text if dimension is None else dimension
        self.signal = signal.build(n_features, columns)
        self.text = nn.Identity() if dimension is None else nn.Linear(n_text, dimension, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        self.null = nn.Parameter(torch.tensor(0.0))
        self.pools = None if pooling is None else pooling.build(columns)

    @property
    def scale(self) -> Tensor:
        """Inverse temperature, bounded as in CLIP."""
        return self.log_scale.clamp(max=math.log(MAX_SCALE)).exp()

    def encode_signal(self, features: Tensor, real: Tensor | None = None) -> Tensor:
        """Return unit rows `(n, dimension)`; of windows, which are `real` in part, all rows."""
        if real is None:
            return self._unit(self.signal(features))
        return self._unit(self.signal(features, real).flatten(0, 1))

    def encode_recordings(self, features: Tensor, recordings: NDArray[np.int32]) -> Tensor:
        """Return unit rows `(n, dimension)` of whole recordings, one after the other."""
        if isinstance(self.signal, InContext):
            return self._unit(encode_recordings(self.signal, features, recordings))
        return self.encode_signal(features)

    def encode_text(self, rows: Tensor) -> Tensor:
        """Return unit rows `(m, dimension)` of sentence rows, or of their tokens."""
        return self._unit(self.text(rows if self.reader is None else self.reader(rows)))

    def places(self, look: Look) -> tuple[Tensor, Tensor]:
        """Return where the segments that are asked lie, and the texts."""
        signal = self.encode_signal(look.features, look.real)
        return signal if look.places is None else signal[look.places], self.encode_text(look.texts)

    def pooled(self, look: WideLook) -> tuple[Tensor, Tensor]:
        """Return where stretches lie, and their notes: `(b, dimension)` each."""
        if self.pools is None:
            raise TsalignError("this space was built without pooling")
        flat = self.encode_recordings(look.features, look.pieces)
        members = flat.new_zeros(*look.real.shape, flat.shape[1])
        members[look.real] = flat
        texts = self.encode_text(look.texts.flatten(0, 1)).unflatten(0, look.told.shape)
        signal = self.pools.signal(members, look.real, look.scale)
        return signal, self.pools.text(texts, look.told, look.scale)

    def _unit(self, rows: Tensor) -> Tensor:
        # Not in half precision: a loss compares angles.
        return normalize(rows.to(self.log_scale.dtype), dim=1)


@dataclass(frozen=True)
class Means:
    """How it is computed, which changes no question: where, how precisely, and how prepared.

    Parameters
    ----------
    device : str
        Of torch's.
    bfloat16 : bool or None
        Whether networks compute in it; None where it is fast. The loss never does.
    compiled : bool
        Whether the network for segments is compiled first.
    """

    device: str = "cpu"
    bfloat16: bool | None = None
    compiled: bool = False


class Question(nn.Module):
    """The loss of a batch as a module, so that several processes may share it.

    Parameters
    ----------
    space : Space
        What learns.
    objective : Objective
        What it is asked.
    means : Means
        How it is computed.
    """

    def __init__(self, space: Space, objective: Objective, means: Means) -> None:
        super().__init__()
        self.space, self.objective, self.means = space, objective, means

    def forward(self, look: Look, shared: bool, wide: WideLook | None = None) -> Tensor:
        """Return the loss of what is looked at; `shared` with the other processes."""
        learnt = self.space.scale, self.space.null
        loss = self.objective(partial(self._places, look), *learnt, look, shared)
        return loss if wide is None else loss + self.wide(wide, shared)

    def wide(self, look: WideLook, shared: bool) -> Tensor:
        """Return the loss of stretches and their notes, weighted."""
        pools = self.space.pools
        if pools is None:
            raise TsalignError("this space was built without pooling")
        with half(self.means.device, self.means.bfloat16):
            both = self.space.pooled(look)
        whole = gather if shared else lambda rows: rows
        return self.objective.pooled * pools.loss(*both, look.kin, whole)

    def _places(self, look: Look) -> tuple[Tensor, Tensor]:
        with half(self.means.device, self.means.bfloat16):
            return self.space.places(look)


def train(
    space: Space,
    examples: Examples,
    held_out: Examples | None,
    objective: Objective,
    plan: Plan,
    batch_size: int,
    *,
    means: Means | None = None,
    folder: Path | None = None,
    listener: Listener | None = None,
) -> NDArray[np.float64]:
    """Learn in place; stop when held-out people no longer gain, and go back to the best epoch.

    Under `torchrun` each process reads its part of every batch, and all learn the same.

    Parameters
    ----------
    space : Space
        On its device; changed in place.
    examples, held_out : Examples
        To learn from, and to stop by; without the second every epoch is run.
    objective : Objective
        The question.
    plan : Plan
        How long and how fast.
    batch_size : int
        Examples a step, of all processes together.
    means : Means or None
        How it is computed; None is on the CPU.
    folder : Path or None
        Where the state after each epoch is kept, to go on from.
    listener : callable or None
        Gets an `Event` after each epoch.

    Returns
    -------
    (epochs run, 2) float64
        Mean training loss, and held-out loss (NaN without).
    """
    means = means or Means()
    own, world = rank(), processes()
    if isinstance(space.signal, InContext) and space.signal.masked:
        place = means.device, means.bfloat16, folder
        name_hidden(space.signal, examples, plan.random_state, *place)
    if means.compiled:
        space.signal.compile()
    question = Question(space, objective, means)
    shared: nn.Module = question
    if world > 1:
        shared = DistributedDataParallel(question, find_unused_parameters=True)

    def lessons(epoch: int) -> Iterator[tuple[float, Tensor]]:
        rng = np.random.default_rng((plan.random_state, epoch))
        batches = objective.askable(examples.draw(batch_size, rng))
        parts = (batch.part(own, world, examples.concept) for batch in batches)
        # Drawn by lots of their own: what is drawn for segments stays as it is without them.
        groups = examples.wide(np.random.default_rng((plan.random_state, epoch, 1)))
        for i, look in enumerate(fed(examples, parts, means.device)):
            group = next(groups, None)
            wide = group and wide_look(examples, group.part(own, world), means.device)
            yield i / len(batches), shared(look, True, wide)

    judged = None
    if held_out is not None:
        # Drawn once: every epoch faces the same batches.
        rng = np.random.default_rng(plan.random_state)
        fixed = objective.askable(held_out.draw(batch_size, rng))
        groups = held_out.wide_once(rng)
        judged = partial(_judged, question, held_out, fixed, groups)
    given = [part for some in (examples, held_out) if some is not None for part in some.parts()]
    course = Course(space, plan, folder, listener, leads=own == 0)
    begin = [part for item in course.weights().items() for part in item]
    about = {"objective": objective.name, "batch_size": str(batch_size), "means": repr(means)}
    about |= {"data": digest(*given), "network": repr(space), "begin": digest(*begin)}
    history = course.run(lessons, judged, about)
    space.load_state_dict({name: torch.from_numpy(array) for name, array in course.best.items()})
    return history


@torch.no_grad()
def _judged(
    question: Question, examples: Examples, batches: list[Batch], groups: list[Group]
) -> dict[str, float]:
    """Return the loss of what was held out, and how often the nearest is one of the right ones."""
    question.eval()
    rows = []
    for look in fed(examples, batches, question.means.device):
        near = question.objective.near(*question._places(look), look.concept).cpu().numpy()
        same = (look.concept[:, None] == look.means).cpu().numpy()
        said = same.any(1)
        found = np.take_along_axis(same, near.argmax(1)[:, None], 1)[said]
        spoken = np.take_along_axis(same, near.argmax(0)[None], 0)
        rows.append((question(look, False).item(), found.mean(), spoken.mean()))
    names = ("held_out", "segment_to_text", "text_to_segment")
    figures = dict(zip(names, np.mean(rows, axis=0).tolist(), strict=True))
    looks = [wide_look(examples, group, question.means.device) for group in groups]
    if looks:
        wide = float(np.mean([question.wide(look, False).item() for look in looks]))
        figures |= {"held_out": figures["held_out"] + wide, "stretches_and_notes": wide}
    return figures
