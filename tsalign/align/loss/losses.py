"""Contrastive losses: functions of embeddings that know nothing of networks or data.

All take what `infonce` takes and may be added. A value that is not finite gives a loss that is
not finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from tsalign.errors import TsalignError

if TYPE_CHECKING:
    from torch import Tensor

    Similarity = Callable[[Tensor, Tensor], Tensor]


def infonce(
    signal: Tensor,
    text: Tensor,
    positives: Tensor,
    scale: Tensor | float,
    null: Tensor | None = None,
    *,
    weights: Tensor | None = None,
    similarity: Similarity | None = None,
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
    weights : (n, m) tensor or None
        How often each negative counts, as from `hard_negatives` or `opposites`; None is once.
    similarity : callable or None
        Both rows to `(n, m)`; None is the dot product, which for unit rows is the cosine.

    Returns
    -------
    () tensor
        Mean of both directions, in nats.

    Raises
    ------
    TsalignError
        When the positives do not fit, or there are none.

    References
    ----------
    van den Oord et al. (2018), arXiv 1807.03748, eq. 4; Radford et al. (2021), CLIP, figure 3.
    """
    from torch.nn.functional import cross_entropy

    logits = closeness(signal, text, positives, scale, weights, similarity)  # (n, m)
    to_signal = cross_entropy(logits.T, positives.T.int().argmax(1))
    wide, answers = with_null(logits, positives, null)
    chosen = answers.any(1)
    to_text = cross_entropy(wide[chosen], answers[chosen].int().argmax(1))
    return (to_text + to_signal) / 2


def supcon(
    signal: Tensor,
    text: Tensor,
    positives: Tensor,
    scale: Tensor | float,
    null: Tensor | None = None,
    *,
    weights: Tensor | None = None,
    similarity: Similarity | None = None,
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
    null, weights, similarity : tensor, tensor, callable or None
        As in `infonce`.

    Returns
    -------
    () tensor
        Mean of both directions, in nats.

    References
    ----------
    Khosla et al. (2020), Supervised Contrastive Learning, NeurIPS, eq. 2 (L_out).
    """
    logits = closeness(signal, text, positives, scale, weights, similarity)  # (n, m)
    to_text = _mean_log_probability(*with_null(logits, positives, null))
    return -(to_text + _mean_log_probability(logits.T, positives.T)) / 2


def siglip(
    signal: Tensor,
    text: Tensor,
    positives: Tensor,
    scale: Tensor | float,
    null: Tensor | None = None,
    *,
    weights: Tensor | None = None,
    similarity: Similarity | None = None,
) -> Tensor:
    """Return the sigmoid loss: each pair of a segment and a text is judged alone, yes or no.

    The log-odds of a pair are `scale * similarity - null`, plus the log-odds with which any pair
    of the batch belongs together: the bias of the paper, whose start of -10 says the same.

    Parameters
    ----------
    signal : (n, e) tensor
        Unit rows.
    text : (m, e) tensor
        Unit rows.
    positives : (n, m) bool tensor
        Whether text and segment belong together; any number a row.
    scale : tensor or float
        Inverse temperature.
    null : tensor or None
        Logit of "nothing is said", the threshold; None is 0.
    weights, similarity : tensor, callable or None
        As in `infonce`.

    Returns
    -------
    () tensor
        Sum over pairs divided by the number of positives, in nats.

    References
    ----------
    Zhai et al. (2023), Sigmoid Loss for Language Image Pre-Training, ICCV, algorithm 1.
    """
    from torch.nn.functional import softplus

    logits = closeness(signal, text, positives, scale, None, similarity)  # (n, m)
    many = int(positives.sum())
    odds = math.log(many / max(positives.numel() - many, 1))
    logits = logits + odds - (0.0 if null is None else null)
    wrong = softplus((~positives * 2 - 1) * logits)
    if weights is not None:
        wrong = wrong * weights.masked_fill(positives, 1.0)
    return wrong.sum() / many


def dcl(
    signal: Tensor,
    text: Tensor,
    positives: Tensor,
    scale: Tensor | float,
    null: Tensor | None = None,
    *,
    weights: Tensor | None = None,
    similarity: Similarity | None = None,
) -> Tensor:
    """Return the decoupled loss: `infonce` without the positives among what they are held against.

    What is already close keeps its gradient, which helps small batches. A row whose every text
    is a positive has nothing to be held against: it is left out, and a batch of such rows gives 0.

    Parameters
    ----------
    signal : (n, e) tensor
        Unit rows.
    text : (m, e) tensor
        Unit rows.
    positives : (n, m) bool tensor
        As in `supcon`.
    scale : tensor or float
        Inverse temperature.
    null, weights, similarity : tensor, tensor, callable or None
        As in `infonce`.

    Returns
    -------
    () tensor
        Mean of both directions, in nats; it may be negative.

    References
    ----------
    Yeh et al. (2022), Decoupled Contrastive Learning, ECCV, eq. 6.
    """
    logits = closeness(signal, text, positives, scale, weights, similarity)  # (n, m)
    to_text = _decoupled(*with_null(logits, positives, null))
    return (to_text + _decoupled(logits.T, positives.T)) / 2


def closeness(
    signal: Tensor,
    text: Tensor,
    positives: Tensor,
    scale: Tensor | float,
    weights: Tensor | None,
    similarity: Similarity | None,
) -> Tensor:
    """Return the logits of a loss, negatives raised by the logarithm of their weight.

    Parameters
    ----------
    signal, text, positives, scale, weights, similarity : tensors, callable or None
        As in `infonce`.

    Returns
    -------
    (n, m) tensor
        Logits.

    Raises
    ------
    TsalignError
        When the positives do not fit, or there are none.
    """
    if positives.shape != (len(signal), len(text)):
        n, m, shape = len(signal), len(text), tuple(positives.shape)
        raise TsalignError(f"positives have shape {shape}; {n} segments and {m} texts were given")
    if not bool(positives.any()):
        raise TsalignError("no segment of the batch has a text in it: there is nothing to attract")
    compared = None if similarity is None else similarity(signal, text)
    logits = scale * signal @ text.T if compared is None else scale * compared  # (n, m)
    return logits if weights is None else logits + weights.log().masked_fill(positives, 0.0)


def with_null(logits: Tensor, positives: Tensor, null: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return logits and positives with a column for "nothing", the answer of rows without.

    Parameters
    ----------
    logits, positives : (n, m) tensor
        Of segments to texts.
    null : tensor or None
        Logit of "nothing"; None adds no column.

    Returns
    -------
    logits, positives : (n, m + 1) tensor
        As given, where `null` is None.
    """
    import torch

    if null is None:
        return logits, positives
    wide = torch.cat([logits, null.expand(len(logits), 1)], 1)  # (n, m + 1)
    return wide, torch.cat([positives, ~positives.any(1, keepdim=True)], 1)


def _decoupled(logits: Tensor, positives: Tensor) -> Tensor:
    rows = positives.any(1) & ~positives.all(1)
    if not bool(rows.any()):
        return logits.sum() * 0.0
    own, logits = positives[rows], logits[rows]
    attract = logits.masked_fill(~own, 0.0).sum(1) / own.sum(1)
    return (logits.masked_fill(own, -math.inf).logsumexp(1) - attract).mean()


def _mean_log_probability(logits: Tensor, positives: Tensor) -> Tensor:
    own = logits.log_softmax(1).masked_fill(~positives, 0.0).sum(1)
    counts = positives.sum(1)
    return (own / counts.clamp(min=1)).sum() / (counts > 0).sum()
