"""The exact losses of batches whose matrix of pairs does not fit: tiles, computed twice."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tsalign.errors import TsalignError

if TYPE_CHECKING:
    from torch import Tensor

TILE = 2048


def tiled_supcon(
    signal: Tensor,
    text: Tensor,
    said: Tensor,
    means: Tensor,
    scale: Tensor | float,
    null: Tensor | None = None,
    tile: int = TILE,
) -> Tensor:
    """Return `supcon` without its matrix of pairs: tiles of it, computed again for gradients.

    With ids of their own for all texts, `means = arange(m)`, it is `infonce`.

    Parameters
    ----------
    signal : (n, e) tensor
        Unit rows.
    text : (m, e) tensor
        Unit rows.
    said : (n,) int64 tensor
        Concept of each segment; -1 is nothing.
    means : (m,) int64 tensor
        Concept of each text.
    scale : tensor or float
        Inverse temperature.
    null : tensor or None
        As in `infonce`.
    tile : int
        Rows and columns that are in memory at a time.

    Returns
    -------
    () tensor
        Mean of both directions, in nats.

    References
    ----------
    Chen et al. (2016), Training Deep Nets with Sublinear Memory Cost, arXiv 1604.06174; Cheng et
    al. (2024), Breaking the Memory Barrier: Near Infinite Batch Size Scaling for Contrastive
    Loss, arXiv 2410.17243, for tiles.

    Examples
    --------
    >>> import torch
    >>> own = torch.arange(2)
    >>> round(tiled_supcon(torch.eye(2), torch.eye(2), own, own, 1.0, tile=1).item(), 4)
    0.3133
    """
    import torch

    from tsalign.align.loss.tiles import LogSums

    close, segments, texts = _pairs(signal, text, said, means, tile)
    scale = torch.as_tensor(scale).to(signal)
    rows, columns = LogSums.apply(signal, text, scale, tile)
    answered, asked = texts[0] > 0, segments[1] > 0
    n_rows, silent = answered.sum(), 0.0
    if null is not None:  # joins each row's choice, and is the answer of rows without a text
        rows = torch.logaddexp(rows, null.to(rows).expand_as(rows))
        n_rows, silent = len(rows), null * (~answered).sum()
        answered = torch.ones_like(answered)
    # A row's mean over its texts, summed over the rows of a concept, needs only the concept's sums.
    per_row, per_column = (close / many.clamp(min=1) for many in (texts[2], segments[2]))
    to_text = (scale * per_row.sum() + silent - rows[answered].sum()) / n_rows
    to_signal = (scale * per_column.sum() - columns[asked].sum()) / asked.sum()
    return -(to_text + to_signal) / 2


def tiled_siglip(
    signal: Tensor,
    text: Tensor,
    said: Tensor,
    means: Tensor,
    scale: Tensor | float,
    null: Tensor | None = None,
    tile: int = TILE,
) -> Tensor:
    """Return `siglip` without its matrix of pairs, in tiles.

    Parameters
    ----------
    signal, text, said, means, scale, tile : tensors, tensor or float, int
        As in `tiled_supcon`.
    null : tensor or None
        As in `siglip`.

    Returns
    -------
    () tensor
        Sum over pairs divided by the number of positives, in nats.

    Examples
    --------
    >>> import torch
    >>> own = torch.arange(2)
    >>> round(tiled_siglip(torch.eye(2), torch.eye(2), own, own, 1.0, tile=1).item(), 4)
    1.0064
    """
    import torch

    from tsalign.align.loss.tiles import SoftplusSum

    close, _, texts = _pairs(signal, text, said, means, tile)
    many = int(texts[0].sum())
    odds = math.log(many / max(len(said) * len(means) - many, 1))
    offset = odds - (signal.new_zeros(()) if null is None else null)
    scale = torch.as_tensor(scale).to(signal)
    # softplus(-z) = softplus(z) - z: what is true differs from what is not by its logits alone.
    true = scale * close.sum() + many * offset
    return (SoftplusSum.apply(signal, text, scale, offset.to(signal), tile) - true) / many


def _pairs(
    signal: Tensor, text: Tensor, said: Tensor, means: Tensor, tile: int
) -> tuple[Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Return each concept's sum of dot products, and how many segments and texts it has.

    Both counts are given for each segment, for each text and for each concept.
    """
    import torch

    if tile < 1:
        raise TsalignError(f"tile={tile}: should be at least 1")
    if len(said) != len(signal) or len(means) != len(text):
        raise TsalignError(
            f"{len(signal)} segments and {len(text)} texts were given, "
            f"but {len(said)} and {len(means)} concepts"
        )
    if bool((means < 0).any()):
        raise TsalignError("a text of the batch has no concept: leave it out")
    ids, inverse = torch.cat([said, means]).unique(return_inverse=True)
    here, there = inverse[: len(said)], inverse[len(said) :]
    segments, texts = (x.bincount(minlength=len(ids)) for x in (here, there))
    if not bool((segments * texts).any()):
        raise TsalignError("no segment of the batch has a text in it: there is nothing to attract")
    sums = [
        rows.new_zeros(len(ids), rows.shape[1]).index_add(0, where, rows)
        for rows, where in ((signal, here), (text, there))
    ]
    close = torch.einsum("ke,ke->k", *sums)
    both = [(many[here], many[there], many) for many in (segments, texts)]
    return close, both[0], both[1]
