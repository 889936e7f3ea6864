"""The exact losses of batches whose matrix of pairs does not fit: tiles, computed twice."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

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
    """Return `supcon` in memory of one tile: each is forgotten and computed again for gradients.

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

    with_text, with_signal = _counts(signal, text, said, means)
    grid = _each_tile(_softmax_tile, (signal, said), (text, means), scale, tile)
    row_total = torch.cat([torch.stack([t[0] for t in row]).logsumexp(0) for row in grid])
    row_own = torch.cat([torch.stack([t[2] for t in row]).sum(0) for row in grid])
    strips = list(zip(*grid, strict=True))
    total = torch.cat([torch.stack([t[1] for t in strip]).logsumexp(0) for strip in strips])
    own = torch.cat([torch.stack([t[3] for t in strip]).sum(0) for strip in strips])
    if null is not None:  # joins each row's choice, and is the answer of rows without a text
        row_total = torch.logaddexp(row_total, null.to(row_total).expand_as(row_total))
        row_own = torch.where(with_text > 0, row_own, null.to(row_own))
        with_text = with_text.clamp(min=1)
    to_text = _mean_log_probability(row_own, row_total, with_text)
    return -(to_text + _mean_log_probability(own, total, with_signal)) / 2


def tiled_siglip(
    signal: Tensor,
    text: Tensor,
    said: Tensor,
    means: Tensor,
    scale: Tensor | float,
    null: Tensor | None = None,
    tile: int = TILE,
) -> Tensor:
    """Return `siglip` in memory of one tile.

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

    many = int(_counts(signal, text, said, means)[0].sum())
    odds = math.log(many / max(len(said) * len(means) - many, 1))
    threshold = signal.new_zeros(()) if null is None else null
    grid = _each_tile(_sigmoid_tile, (signal, said), (text, means), scale, tile, odds - threshold)
    return torch.stack([part for row in grid for part in row]).sum() / many


def _softmax_tile(
    signal: Tensor, text: Tensor, said: Tensor, means: Tensor, scale: Tensor | float
) -> tuple[Tensor, ...]:
    logits = scale * signal @ text.T  # (tile, tile)
    own = logits.masked_fill(said[:, None] != means, 0.0)
    return logits.logsumexp(1), logits.logsumexp(0), own.sum(1), own.sum(0)


def _sigmoid_tile(
    signal: Tensor,
    text: Tensor,
    said: Tensor,
    means: Tensor,
    scale: Tensor | float,
    offset: Tensor,
) -> Tensor:
    from torch.nn.functional import softplus

    sign = (said[:, None] != means) * 2 - 1
    return softplus(sign * (scale * signal @ text.T + offset)).sum()


def _each_tile(
    function: Callable[..., Any],
    rows: tuple[Tensor, Tensor],
    columns: tuple[Tensor, Tensor],
    scale: Tensor | float,
    tile: int,
    *more: Tensor,
) -> list[list[Any]]:
    """Return what a function gives of each tile: a list of rows of tiles."""
    from torch.utils.checkpoint import checkpoint

    if tile < 1:
        raise TsalignError(f"tile={tile}: should be at least 1")
    # `split` has one gradient for all parts, where slices would each fill a whole matrix.
    across = [part.split(tile) for part in columns]
    return [
        [
            checkpoint(
                function,
                *(signal, text, said, means, scale, *more),
                use_reentrant=False,
                preserve_rng_state=False,
            )
            for text, means in zip(*across, strict=True)
        ]
        for signal, said in zip(*(part.split(tile) for part in rows), strict=True)
    ]


def _counts(signal: Tensor, text: Tensor, said: Tensor, means: Tensor) -> tuple[Tensor, Tensor]:
    """Return how many texts each segment has, and how many segments each text."""
    import torch

    if len(said) != len(signal) or len(means) != len(text):
        raise TsalignError(
            f"{len(signal)} segments and {len(text)} texts were given, "
            f"but {len(said)} and {len(means)} concepts"
        )
    if bool((means < 0).any()):
        raise TsalignError("a text of the batch has no concept: leave it out")
    ids, inverse = torch.cat([said, means]).unique(return_inverse=True)
    here, there = inverse[: len(said)], inverse[len(said) :]
    with_text = there.bincount(minlength=len(ids))[here]
    with_signal = here.bincount(minlength=len(ids))[there]
    if not bool(with_text.any()):
        raise TsalignError("no segment of the batch has a text in it: there is nothing to attract")
    return with_text, with_signal


def _mean_log_probability(own: Tensor, total: Tensor, counts: Tensor) -> Tensor:
    chosen = counts > 0
    return (own[chosen] / counts[chosen] - total[chosen]).mean()
