"""What a batch is asked. Imports torch: import late."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from tsalign.align.loss import losses, tiled
from tsalign.align.loss.gather import gather
from tsalign.align.loss.negatives import Opposites, hard_negatives
from tsalign.align.loss.similarities import Closeness
from tsalign.align.training.examples import Batch
from tsalign.align.training.feed import Look
from tsalign.errors import TsalignError

Loss = Callable[..., Tensor]
MANY = 2**24  # pairs of a batch beyond which their matrix is never there as a whole
TILED: dict[Loss, Loss] = {
    losses.supcon: tiled.tiled_supcon,
    losses.infonce: tiled.tiled_supcon,
    losses.siglip: tiled.tiled_siglip,
}


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
    opposites : Opposites or None
        Concepts whose texts count more beside each other; None weighs no text.
    pooled : float
        What the loss of stretches and notes counts, where those are pooled.
    """

    terms: tuple[Term, ...]
    null: bool
    hardness: float = 0.0
    closeness: Closeness | None = None
    opposites: Opposites | None = None
    pooled: float = 0.0

    def __call__(
        self,
        places: Callable[[], tuple[Tensor, Tensor]],
        scale: Tensor,
        null: Tensor,
        look: Look,
        shared: bool = False,
    ) -> Tensor:
        """Return the loss of a batch.

        Parameters
        ----------
        places : callable
            Gives the places of segments and texts, each time with other dropout.
        scale, null : tensor
            Inverse temperature, and the logit of "nothing".
        look : Look
            What the segments and the texts mean.
        shared : bool
            Whether the batch is spread over processes.
        """
        whole = gather if shared else lambda rows: rows
        signal, text = map(whole, places())
        concept, means = whole(look.concept), whole(look.means)
        may = None if look.may is None else whole(look.may)
        paired = self.closeness is not None and self.closeness.paired
        asked = concept >= 0 if paired else torch.ones_like(concept, dtype=torch.bool)
        nothing = null if self.null and not paired else None
        signal, concept = signal[asked], concept[asked]
        may = None if may is None else may[asked]
        found = []
        for term in self.terms:
            if term.positives == "views":  # dropout shows them otherwise
                other = whole(places()[0])[asked]
                loss = term.loss(signal, other, concept[:, None] == concept, scale, nothing)
            else:
                loss = self._term(term, signal, text, concept, means, may, scale, nothing)
            found.append(term.weight * loss)
        return sum(found[1:], found[0])

    def _term(
        self,
        term: Term,
        signal: Tensor,
        text: Tensor,
        concept: Tensor,
        means: Tensor,
        may: Tensor | None,
        scale: Tensor,
        null: Tensor | None,
    ) -> Tensor:
        # Before texts get names of their own, by which nothing is an opposite.
        apart = None if self.opposites is None else self.opposites.weights(concept, means)
        if term.positives == "own":  # a name of its own for each text, in the order of segments
            said = concept >= 0
            means = torch.arange(len(means), device=means.device)
            concept = torch.where(said, said.cumsum(0) - 1, -1)
        plain = not self.hardness and self.closeness is None and may is None and apart is None
        if plain and term.loss in TILED and len(signal) * len(text) > MANY:
            return TILED[term.loss](signal, text, concept, means, scale, null)
        mask = concept[:, None] == means
        if may is not None and term.positives == "concept":
            mask = mask | may[:, means]
        more: dict[str, Any] = {} if self.closeness is None else {"similarity": self.closeness}
        if self.hardness:
            near = signal @ text.T if self.closeness is None else self.closeness(signal, text)
            hard = hard_negatives(scale * near, mask, self.hardness)
            more["weights"] = hard if apart is None else hard * apart
        elif apart is not None:
            more["weights"] = apart
        return term.loss(signal, text, mask, scale, null, **more)

    @property
    def name(self) -> str:
        """What it asks, the same in every process."""
        terms = [(getattr(t.loss, "__name__", ""), t.weight, t.positives) for t in self.terms]
        more = self.closeness, self.opposites, self.pooled
        return repr((terms, self.null, self.hardness, *more))

    def near(self, signal: Tensor, text: Tensor, concept: Tensor) -> Tensor:
        """Return how close all places are, as those who learn see them."""
        if self.closeness is None:
            return signal @ text.T
        return self.closeness.beside(signal[concept >= 0], text)(signal, text)

    def askable(self, batches: Iterable[Batch]) -> list[Batch]:
        """Return the batches that hold enough texts to be compared."""
        least = 1 if self.closeness is None else self.closeness.least
        found = [batch for batch in batches if len(batch.wording) >= least]
        if not found:
            raise TsalignError(f"no batch has the {least} texts that {self.closeness!r} compares")
        return found
