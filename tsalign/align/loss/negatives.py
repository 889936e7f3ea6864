"""Which wrong texts count more than others: those the model falls for, and stated opposites."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tsalign.align.text.encoder import TextEncoder
from tsalign.errors import TsalignError, TsalignWarning

if TYPE_CHECKING:
    from torch import Tensor


CLOSE = 0.85
"""Cosine from which two concepts are hardly told apart: upstairs and downstairs have 0.9."""


def close_concepts(
    texts: Sequence[str],
    concepts: Sequence[str | None],
    encoder: TextEncoder,
    limit: float = CLOSE,
) -> list[tuple[str, str, float]]:
    """Return pairs of concepts that a text encoder hardly tells apart.

    They may be opposites, so they are never merged; learn with `opposites` or `hard_negatives`.

    Parameters
    ----------
    texts : sequence of str
        Wordings.
    concepts : sequence of str or None
        The concept of each.
    encoder : TextEncoder
        As learnt with.
    limit : float
        Cosine between the mean wordings of two concepts.

    Returns
    -------
    list of (str, str, float)
        Two concepts and their cosine, the closest first.

    Examples
    --------
    >>> from tsalign.align import MiniLM
    >>> texts = ["She walks upstairs.", "She walks downstairs.", "Lunch."]
    >>> [(a, b) for a, b, _ in close_concepts(texts, ["UP", "DOWN", "EAT"], MiniLM(), 0.7)]
    [('DOWN', 'UP')]
    """
    known = sorted({concept for concept in concepts if concept is not None})
    if len(known) < 2:
        return []
    rows = encoder.encode(texts)
    means = np.stack([rows[[c == name for c in concepts]].mean(0) for name in known])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    near = means @ means.T
    close = [(a, b) for a, b in combinations(range(len(known)), 2) if near[a, b] > limit]
    found = [(known[a], known[b], float(near[a, b])) for a, b in close]
    return sorted(found, key=lambda pair: -pair[2])


def warn_of_close(texts: Sequence[str], concepts: Sequence[str | None], enc: TextEncoder) -> None:
    """Warn once, naming the closest pairs, where concepts are hardly told apart."""
    pairs = close_concepts(texts, concepts, enc)
    if pairs:
        named = "; ".join(f"{a!r} and {b!r} ({cosine:.2f})" for a, b, cosine in pairs[:3])
        more = f", and {len(pairs) - 3} other pairs" if len(pairs) > 3 else ""
        help_ = "hard_negatives or opposites may help"
        message = f"the text encoder hardly tells apart: {named}{more}; {help_}"
        warnings.warn(message, TsalignWarning, stacklevel=3)


def hard_negatives(logits: Tensor, positives: Tensor, strength: float = 1.0) -> Tensor:
    """Return weights by which a row's negatives count as much as the model mistakes them.

    Parameters
    ----------
    logits : (n, m) tensor
        What the model thinks now; no gradient flows back.
    positives : (n, m) bool tensor
        True pairs; they weigh 1.
    strength : float
        0 weighs all negatives alike; 1 in proportion to their softmax.

    Returns
    -------
    (n, m) tensor
        Of mean 1 over the negatives of each row: the `weights` of a loss.

    References
    ----------
    Robinson et al. (2021), Contrastive Learning with Hard Negative Samples, ICLR, eq. 4.

    Examples
    --------
    >>> import torch
    >>> logits = torch.tensor([[2.0, 1.0, 1.0 + math.log(3.0)]])
    >>> hard_negatives(logits, torch.tensor([[True, False, False]]))
    tensor([[1.0000, 0.5000, 1.5000]])
    """
    if not strength >= 0:
        raise TsalignError(f"strength={strength!r}: should be at least 0")
    rivals = (strength * logits.detach()).masked_fill(positives, -math.inf)
    shares = rivals.softmax(1) * (~positives).sum(1, keepdim=True)
    return shares.masked_fill(positives, 1.0)


def opposites(
    said: Sequence[str | None],
    means: Sequence[str | None],
    pairs: Collection[tuple[str, str]],
    factor: float = 4.0,
) -> Tensor:
    """Return weights by which stated opposites count more than other negatives.

    Parameters
    ----------
    said : sequence of str or None
        Concept of each of n segments.
    means : sequence of str or None
        Concept of each of m texts.
    pairs : collection of (str, str)
        Concepts that exclude each other; the order does not matter.
    factor : float
        How often an opposite counts.

    Returns
    -------
    (n, m) float32 tensor
        `factor` or 1: the `weights` of a loss.

    Examples
    --------
    >>> opposites(["UP"], ["UP", "DOWN", None], [("DOWN", "UP")])
    tensor([[1., 4., 1.]])
    """
    import torch

    if not factor > 0:
        raise TsalignError(f"factor={factor!r}: should be greater than 0")
    apart = {frozenset(pair) for pair in pairs}
    weights = [[factor if frozenset((a, b)) in apart else 1.0 for b in means] for a in said]
    return torch.from_numpy(np.array(weights, np.float32).reshape(len(said), len(means)))


@dataclass(frozen=True)
class Opposites:
    """Concepts that exclude each other, by their numbers.

    Parameters
    ----------
    concepts : tuple of str
        Those learnt, in the order of their numbers.
    pairs : tuple of (str, str)
        Which of them exclude each other.
    factor : float
        As of `opposites`.
    """

    concepts: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    factor: float

    def weights(self, concept: Tensor, means: Tensor) -> Tensor:
        """Return the weights `(n, m)` of texts beside segments, both given by concept.

        One that is not among those learnt, such as -1, has no opposite.
        """
        rows, columns = (c.where(c < len(self.concepts), -1) for c in (concept, means))
        return self._table.to(rows.device)[rows[:, None], columns]

    @cached_property
    def _table(self) -> Tensor:
        names = (*self.concepts, None)
        return opposites(names, names, self.pairs, self.factor)


def stated(
    given: Literal["none", "close"] | Sequence[Sequence[str]],
    texts: Sequence[str],
    concepts: Sequence[str | None],
    encoder: TextEncoder,
) -> tuple[tuple[str, str], ...]:
    """Return the pairs of opposites that a model is to learn with.

    Parameters
    ----------
    given : {"none", "close"} or sequence of (str, str)
        The second takes what `close_concepts` finds.
    texts : sequence of str
        Wordings.
    concepts : sequence of str or None
        The concept of each.
    encoder : TextEncoder
        As learnt with.

    Returns
    -------
    tuple of (str, str)
        Pairs of concepts.

    Raises
    ------
    TsalignError
        When an entry is no pair of two concepts that some text has.

    Examples
    --------
    >>> from tsalign.align import MiniLM
    >>> texts = ["She walks upstairs.", "She walks downstairs."]
    >>> stated([["UP", "DOWN"]], texts, ["UP", "DOWN"], MiniLM())
    (('UP', 'DOWN'),)
    """
    if given == "none":
        return ()
    if given == "close":
        return tuple((a, b) for a, b, _ in close_concepts(texts, concepts, encoder))
    return tuple(_pair(entry, set(concepts)) for entry in given)


def _pair(entry: Any, known: Collection[str | None]) -> tuple[str, str]:
    two = not isinstance(entry, str) and isinstance(entry, Sequence) and len(entry) == 2
    if not two or entry[0] == entry[1]:
        raise TsalignError(f"{entry!r}: should be two different concepts", key="opposites")
    for name in entry:
        if not isinstance(name, str) or name not in known:
            raise TsalignError(f"no text means the concept {name!r}", key="opposites")
    return entry[0], entry[1]
