"""Which wrong texts count more than others: those the model falls for, and stated opposites."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tsalign.errors import TsalignError

if TYPE_CHECKING:
    from torch import Tensor


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
