"""One learning, from the first weights to the best, that may stop at any round and go on.

Imports torch: import late.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tsalign import folders
from tsalign.errors import TsalignError
from tsalign.progress import Event, Listener

Lessons = Callable[[int], Iterable[tuple[float, Tensor]]]
Weights = dict[str, NDArray[Any]]
LEAST = 1e-3  # of the way up, so that the first step is one
LONGEST = 1.0  # gradient


@dataclass(frozen=True)
class Plan:
    """How a course goes.

    Parameters
    ----------
    epochs, patience : int
        At most so many rounds, and rounds without gain before stopping.
    learning_rate, weight_decay : float
        Of AdamW.
    random_state : int
        Seed of what is drawn in a round: it follows from this and the round's number alone.
    warm : float
        Share of the way in which the learning rate rises; then it falls to nothing.
    fall : {"line", "cosine"}
        How it falls.
    betas : (float, float)
        Of AdamW.
    """

    epochs: int
    patience: int
    learning_rate: float
    weight_decay: float
    random_state: int
    warm: float = 0.08
    fall: Literal["line", "cosine"] = "cosine"
    betas: tuple[float, float] = (0.9, 0.999)

    def pace(self, done: float) -> float:
        """Return the learning rate after a share of all rounds.

        Examples
        --------
        >>> plan = Plan(10, 3, 1.0, 0.0, 0, warm=0.5)
        >>> [round(plan.pace(done), 3) for done in (0.25, 0.5, 0.75, 1.0)]
        [0.5, 1.0, 0.5, 0.0]
        """
        up, left = max(done, LEAST) / self.warm, (1 - done) / (1 - self.warm)
        if self.fall == "cosine":
            left = (1 - math.cos(math.pi * min(left, 1.0))) / 2
        return self.learning_rate * min(up, left)


class Course:
    """One learning of a network by AdamW; weights after each round, and the best, may be kept.

    Parameters
    ----------
    network : module
        Changed in place.
    plan : Plan
        How long and how fast.
    folder : Path or None
        Where the state after each round is kept; one that lies there is taken up.
    listener : callable or None
        Gets an `Event` of status `learning` after each round.
    slot : str
        Of the events.
    leads : bool
        Whether it is this process that keeps and tells, of several that learn the same.

    References
    ----------
    Loshchilov and Hutter (2019), Decoupled Weight Decay Regularization, ICLR; (2017), SGDR, ICLR,
    eq. 5 for the cosine; Pascanu et al. (2013), ICML, algorithm 1 for bounded gradients.
    """

    def __init__(
        self,
        network: nn.Module,
        plan: Plan,
        folder: Path | None = None,
        listener: Listener | None = None,
        slot: str = "align",
        leads: bool = True,
    ) -> None:
        self.network, self.plan, self.folder = network, plan, folder
        self.listener, self.slot, self.leads = listener, slot, leads
        self.optimiser = torch.optim.AdamW(
            network.parameters(),
            lr=plan.learning_rate,
            betas=plan.betas,
            weight_decay=plan.weight_decay,
        )
        self.curves: list[dict[str, float]] = []
        self.best: Weights = {}

    def run(
        self,
        lessons: Lessons,
        judged: Callable[[], dict[str, float]] | None = None,
        about: Mapping[str, str] | None = None,
    ) -> NDArray[np.float64]:
        """Learn, and leave the best weights in `best`; without a judge those are the last.

        Parameters
        ----------
        lessons : callable
            From the number of a round to its losses, each with the share of the round before it.
        judged : callable or None
            Figures of what was not learnt from, `held_out` first: less is better.
        about : mapping or None
            What else decides the result: a state that was left with another is not taken up.

        Returns
        -------
        (rounds, 2) float64
            Mean loss of the lessons, and of what was held out (NaN without).
        """
        told = {"plan": repr(self.plan), **(about or {})}
        self._take_up(told)
        while len(self.curves) < self.plan.epochs and not self._tired():
            begun = time.perf_counter()
            figures = {"loss": self._round(lessons)} | (judged() if judged else {})
            self.curves.append(figures)
            if judged is None or len(self.curves) - 1 == self._peak():
                self.best = self.weights()
            self._keep(told)
            self._tell(time.perf_counter() - begun, figures)
        return np.array(self.history).reshape(-1, 2)

    @property
    def history(self) -> list[tuple[float, float]]:
        """Loss of each round, and of what was held out."""
        return [(row["loss"], row.get("held_out", math.nan)) for row in self.curves]

    def weights(self) -> Weights:
        """Return copies of the present weights as arrays."""
        state = self.network.state_dict().items()
        return {name: t.detach().cpu().numpy().copy() for name, t in state}

    def _peak(self) -> int:
        return int(np.argmin([row["held_out"] for row in self.curves]))

    def _tired(self) -> bool:
        judged = self.curves and "held_out" in self.curves[-1]
        return bool(judged) and len(self.curves) - 1 - self._peak() >= self.plan.patience

    def _round(self, lessons: Lessons) -> float:
        done, losses = len(self.curves), []
        # What a round draws follows from its number alone, so that a later start draws the same.
        torch.manual_seed(self.plan.random_state + 1 + done)
        self.network.train()
        for before, loss in lessons(done):
            for group in self.optimiser.param_groups:
                group["lr"] = self.plan.pace((done + before) / self.plan.epochs)
            self.optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), LONGEST)
            self.optimiser.step()
            losses.append(loss.item())
        return float(np.mean(losses))

    def _tell(self, seconds: float, figures: dict[str, float]) -> None:
        if self.listener and self.leads:
            done = len(self.curves), self.plan.epochs
            self.listener(Event(self.slot, "fit", "learning", seconds, *done, "", figures))

    def _keep(self, about: dict[str, str]) -> None:
        if self.folder is None or not self.leads:
            return
        arrays = {f"now.{name}": array for name, array in self.weights().items()}
        arrays |= {f"best.{name}": array for name, array in self.best.items()}
        for i, state in self.optimiser.state_dict()["state"].items():
            arrays |= {f"{i}.{name}": t.cpu().numpy() for name, t in state.items()}
        folders.save(self.folder, about | {"curves": self.curves}, arrays)

    def _take_up(self, about: dict[str, str]) -> None:
        """Go on from the state in the folder, where a whole one of the same learning lies."""
        if self.folder is None:
            return
        try:
            told, arrays = folders.load(self.folder)
        except TsalignError:
            return
        if any(told.get(name) != value for name, value in about.items()):
            return
        self.curves = told["curves"]
        parts: dict[str, dict[str, Tensor]] = {}
        for name, array in arrays.items():
            head, _, rest = name.partition(".")
            parts.setdefault(head, {})[rest] = torch.from_numpy(np.array(array))
        self.network.load_state_dict(parts.pop("now"))
        self.best = {name: t.numpy() for name, t in parts.pop("best").items()}
        whole = self.optimiser.state_dict()
        whole["state"] = {int(i): state for i, state in parts.items()}
        self.optimiser.load_state_dict(whole)


def half(device: str, wanted: bool | None = None) -> AbstractContextManager[Any]:
    """Compute in bfloat16, by itself where that is fast: its range needs no scaling of the loss."""
    kind = device.partition(":")[0]
    return torch.autocast(
        kind, torch.bfloat16, enabled=kind == "cuda" if wanted is None else wanted
    )


def digest(*parts: Any) -> str:
    """Return what tells data apart: a hash of arrays and of the `repr` of all else.

    Examples
    --------
    >>> digest(np.zeros(3)) == digest(np.zeros(3)) != digest(np.zeros((3, 1)))
    True
    """
    hashed = blake2b(digest_size=16)
    for part in parts:
        array = isinstance(part, np.ndarray)
        hashed.update((f"{part.dtype}{part.shape}" if array else repr(part)).encode())
        hashed.update(part.tobytes() if array else b"")
    return hashed.hexdigest()
