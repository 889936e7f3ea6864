"""Losses where only some of a row's candidates need be true: bags, and rivals of the same text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tsalign.align.loss.losses import closeness, with_null

if TYPE_CHECKING:
    from torch import Tensor

    from tsalign.align.loss.losses import Similarity


def mil_nce(
    signal: Tensor,
    text: Tensor,
    positives: Tensor,
    scale: Tensor | float,
    null: Tensor | None = None,
    *,
    weights: Tensor | None = None,
    similarity: Similarity | None = None,
) -> Tensor:
    """Return the loss of bags: somewhere in a row's candidates is its true one.

    The logarithm of the summed probability of the bag. Kin: bags of one give `infonce`; `supcon`
    takes the mean of logarithms, so that every candidate must be close.

    Parameters
    ----------
    signal : (n, e) tensor
        Unit rows.
    text : (m, e) tensor
        Unit rows.
    positives : (n, m) bool tensor
        The bag of each row, and of each column.
    scale : tensor or float
        Inverse temperature.
    null, weights, similarity : tensor, tensor, callable or None
        As in `infonce`.

    Returns
    -------
    () tensor
        Mean of both directions over rows with a bag, in nats.

    References
    ----------
    Miech et al. (2020), End-to-End Learning of Visual Representations from Uncurated
    Instructional Videos, CVPR, eq. 1.
    """
    logits = closeness(signal, text, positives, scale, weights, similarity)  # (n, m)
    to_text = _bag(*with_null(logits, positives, null))
    return -(to_text + _bag(logits.T, positives.T)) / 2


def max_mil(
    signal: Tensor,
    text: Tensor,
    positives: Tensor,
    scale: Tensor | float,
    null: Tensor | None = None,
    *,
    weights: Tensor | None = None,
    similarity: Similarity | None = None,
) -> Tensor:
    """Return the loss of the best of each bag: the others neither attract nor repel.

    Kin: bags of one give `infonce`; `mil_nce` lets all candidates share.

    Parameters
    ----------
    signal : (n, e) tensor
        Unit rows.
    text : (m, e) tensor
        Unit rows.
    positives : (n, m) bool tensor
        The bag of each row, and of each column.
    scale : tensor or float
        Inverse temperature.
    null, weights, similarity : tensor, tensor, callable or None
        As in `infonce`.

    Returns
    -------
    () tensor
        Mean of both directions over rows with a bag, in nats.

    References
    ----------
    Andrews et al. (2002), Support Vector Machines for Multiple-Instance Learning, NIPS, section 4.
    """
    logits = closeness(signal, text, positives, scale, weights, similarity)  # (n, m)
    to_text = _best(*with_null(logits, positives, null))
    return -(to_text + _best(logits.T, positives.T)) / 2


def unique(
    view: Tensor,
    other: Tensor,
    same: Tensor,
    scale: Tensor | float,
    null: Tensor | None = None,
) -> Tensor:
    """Return what keeps the knowledge of one side alone: its rows told apart under one text.

    InfoNCE between two views of the same side, in which a row's rivals are only the rows of
    which the other side says the same. With K rivals a row, log(K + 1) minus this loss bounds
    from below the information I(view; other | what the other side says), the unimodal term that
    a loss between the sides would let go. A row without rivals is left out; without any the loss
    is 0.

    Parameters
    ----------
    view, other : (n, e) tensor
        Unit rows: the same segments (or the same sentences) seen twice, as by two augmentations.
    same : (n, n) bool tensor
        Whether the other side says the same of both rows.
    scale : tensor or float
        Inverse temperature.
    null : tensor or None
        Not used: every row has itself.

    Returns
    -------
    () tensor
        Mean of both directions, in nats.

    References
    ----------
    Liang et al. (2023), Factorized Contrastive Learning, NeurIPS, section 3.2; Gao et al. (2021),
    SimCSE, EMNLP, for views by dropout.
    """
    import torch

    own = torch.eye(len(view), dtype=torch.bool, device=view.device)
    logits = closeness(view, other, own, scale, None, None)  # (n, n)
    rivals = (same & ~own).any(1)
    if not bool(rivals.any()):
        return logits.sum() * 0.0
    logits = logits.masked_fill(~(same | own), -math.inf)
    there, back = logits.log_softmax(1).diagonal(), logits.log_softmax(0).diagonal()
    return -(there[rivals] + back[rivals]).mean() / 2


def _bag(logits: Tensor, positives: Tensor) -> Tensor:
    rows = positives.any(1)
    own = logits[rows].masked_fill(~positives[rows], -math.inf)
    return (own.logsumexp(1) - logits[rows].logsumexp(1)).mean()


def _best(logits: Tensor, positives: Tensor) -> Tensor:
    rows = positives.any(1)
    logits, positives = logits[rows], positives[rows]
    best = logits.detach().masked_fill(~positives, -math.inf).argmax(1, keepdim=True)
    left_out = positives.scatter(1, best, False)
    return logits.masked_fill(left_out, -math.inf).log_softmax(1).gather(1, best).mean()
