"""Networks over sequences of segments, and how long ones are read. Imports torch: import late.

Letters in shapes: B windows, T segments of each, D columns, W width, E columns of the space.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import dropout, gelu, pad, scaled_dot_product_attention

from tsalign.align.pairs import stretches

PIECE = 1024  # segments that are read together when nothing is learnt


class Dilated(nn.Module):
    """Each row with the two that stand `step` before and after it, added to what was there.

    Parameters
    ----------
    width : int
        Columns.
    step : int
        Rows to the neighbours that count.
    share : float
        Of activations silenced while learning.
    """

    def __init__(self, width: int, step: int, share: float) -> None:
        super().__init__()
        self.reach = step
        self.norm = nn.LayerNorm(width)
        self.mix = nn.Linear(3 * width, width)
        self.join = nn.Linear(width, width)
        self.dropout = nn.Dropout(share)

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        """Return `(B, T, W)`; rows that are not `real` (B, T) count as nothing."""
        T, step = x.shape[1], self.reach
        wide = pad(self.norm(x) * real[..., None], (0, 0, step, step))  # (B, T + 2 step, W)
        three = [wide[:, at : at + T] for at in (0, step, 2 * step)]
        return x + self.join(self.dropout(gelu(self.mix(torch.cat(three, 2)))))


class NearBlock(nn.Module):
    """Rows look at the `reach` rows on either side, then each is thought over.

    Parameters
    ----------
    width, heads : int
        Columns, and attentions side by side.
    reach : int
        Rows on either side.
    share : float
        Of activations silenced while learning.
    """

    def __init__(self, width: int, heads: int, reach: int, share: float) -> None:
        super().__init__()
        self.heads, self.reach = heads, reach
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.think = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        # How much rows look at one that stands so far before or after them: heads begin apart.
        self.far = nn.Parameter(torch.randn(heads, 2 * reach + 1))
        self.dropout = nn.Dropout(share)

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        """Return `(B, T, W)`; rows that are not `real` (B, T) are looked at by none."""
        B, T, W = x.shape
        qkv = self.qkv(self.before(x)).view(B, T, 3, self.heads, W // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (B, H, T, W / H)
        place = torch.arange(T, device=x.device)
        apart = place - place[:, None]  # (T, T)
        near = self.far[:, apart.clamp(-self.reach, self.reach) + self.reach]  # (H, T, T)
        # A row may always look at itself: one that saw nothing would be no number.
        seen = (apart.abs() <= self.reach) & (real[:, None] | (apart == 0))  # (B, T, T)
        mask = near.masked_fill(~seen[:, None], -torch.inf)
        looked = scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.dropout(self.join(looked.transpose(1, 2).reshape(B, T, W)))
        return x + self.dropout(self.think(self.between(x)))


class InContext(nn.Module):
    """Rows, the blocks in which they see each other, and rows of the space.

    Parameters
    ----------
    inputs, outputs, width : int
        Columns of a row, of the space, and inside.
    blocks : sequence of Dilated or NearBlock
        Each says its `reach`.
    blank : float
        Share of columns silenced in a whole window while learning.
    clip : float
        Bound of every column.
    masked : bool
        Whether it is to begin by naming hidden rows, before anything is said of them.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        width: int,
        blocks: Sequence[Dilated | NearBlock],
        blank: float,
        clip: float,
        masked: bool = False,
    ) -> None:
        super().__init__()
        self.blank, self.clip, self.masked = blank, clip, masked
        self.reach = sum(block.reach for block in blocks)
        self.rows = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(blocks)
        self.last = nn.LayerNorm(width)
        self.out = nn.Linear(width, outputs)

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        """Return `(B, T, E)` for rows `(B, T, D)`; those not `real` (B, T) are padding."""
        return self.out(self.inside(x, real))

    def inside(self, x: Tensor, real: Tensor) -> Tensor:
        """Return the rows as they are before the space, `(B, T, W)`."""
        x = x.clamp(-self.clip, self.clip)
        x = x * dropout(x.new_ones(len(x), 1, x.shape[2]), self.blank, self.training)
        x = gelu(self.rows(x))  # (B, T, W)
        for block in self.blocks:
            x = block(x, real)
        return self.last(x)


def encode_recordings(
    network: InContext, rows: Tensor, recordings: NDArray[np.int32], piece: int = PIECE
) -> Tensor:
    """Return the place of every row, each recording read in pieces that overlap by the reach.

    Parameters
    ----------
    network : InContext
        In evaluation mode.
    rows : (n, D) tensor
        Recordings one after the other.
    recordings : (n,) int32
        Of which each row is.
    piece : int
        Rows at a time.

    Returns
    -------
    (n, E) tensor
        The same, but for rounding, for any `piece`.
    """
    parts = [rows.new_empty(0, network.out.out_features)]
    for first, last in stretches(recordings):
        for start in range(first, last, piece):
            stop = min(start + piece, last)
            low, high = max(start - network.reach, first), min(stop + network.reach, last)
            x = rows[None, low:high]
            real = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
            parts.append(network(x, real)[0, start - low : stop - low])
    return torch.cat(parts)
