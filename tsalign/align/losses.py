"""Contrastive losses: functions of embeddings that know nothing of networks or data."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def infonce(
    signal: Tensor,
    text: Tensor,
    positives: Tensor,
    scale: Tensor | float,
    null: Tensor | None = None,
) -> Tensor:
    """Return the symmetric InfoNCE loss: each segment picks its own text, each text its segment.

    Every other text is a negative, even one that says the same. Kin: `supcon` with exactly one
    positive a row; CLIP is this loss without `null`.

    Parameters
    ----------
    signal : (n, e) tensor
        Unit rows.
    text : (m, e) tensor
        Unit rows.
    positives : (n, m) bool tensor
        One true place a column, at most one a row: the segment's own text.
    scale : tensor or float
        Inverse temperature.
    null : tensor or None
        Logit of "nothing is said", which joins the choice of each segment and is the answer of
        rows without a positive. Without it such rows choose nothing.

    Returns
    -------
    () tensor
        Mean of both directions, in nats.

    References
    ----------
    van den Oord et al. (2018), arXiv 1807.03748, eq. 4; Radford et al. (2021), CLIP, figure 3.
    """
    from torch.nn.functional import cross_entropy

    logits = scale * signal @ text.T  # (n, m)
    to_signal = cross_entropy(logits.T, positives.T.int().argmax(1))
    wide, answers = _with_null(logits, positives, null)
    chosen = answers.any(1)
    to_text = cross_entropy(wide[chosen], answers[chosen].int().argmax(1))
    return (to_text + to_signal) / 2


def supcon(
    signal: Tensor,
    text: Tensor,
    positives: Tensor,
    scale: Tensor | float,
    null: Tensor | None = None,
) -> Tensor:
    """Return the symmetric loss with many positives: all wordings of one concept attract.

    The mean of the positives' log-probabilities, taken a row, then over rows. Kin: equals
    `infonce` where the positives of a row are one and the same string; MIL-NCE takes the
    logarithm of the sum instead.

    Parameters
    ----------
    signal : (n, e) tensor
        Unit rows.
    text : (m, e) tensor
        Unit rows.
    positives : (n, m) bool tensor
        Whether text and segment share their concept.
    scale : tensor or float
        Inverse temperature.
    null : tensor or None
        As in `infonce`.

    Returns
    -------
    () tensor
        Mean of both directions, in nats.

    References
    ----------
    Khosla et al. (2020), Supervised Contrastive Learning, NeurIPS, eq. 2 (L_out).
    """
    logits = scale * signal @ text.T  # (n, m)
    to_text = _mean_log_probability(*_with_null(logits, positives, null))
    return -(to_text + _mean_log_probability(logits.T, positives.T)) / 2


def _with_null(logits: Tensor, positives: Tensor, null: Tensor | None) -> tuple[Tensor, Tensor]:
    import torch

    if null is None:
        return logits, positives
    wide = torch.cat([logits, null.expand(len(logits), 1)], 1)  # (n, m + 1)
    return wide, torch.cat([positives, ~positives.any(1, keepdim=True)], 1)


def _mean_log_probability(logits: Tensor, positives: Tensor) -> Tensor:
    own = logits.log_softmax(1).masked_fill(~positives, 0.0).sum(1)
    counts = positives.sum(1)
    return (own / counts.clamp(min=1)).sum() / (counts > 0).sum()
