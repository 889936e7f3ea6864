"""A small bidirectional transformer over the rows of a stream. Imports torch: import late.

Letters in shapes: B streams, T rows of each, D columns, W width, H heads, V tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

REACH = 31  # rows that the convolution sees which tells neighbours apart


@dataclass(frozen=True)
class Shape:
    """What fixes the weights of a `Transformer`.

    Parameters
    ----------
    inputs : int
        Columns of a row (D).
    outputs : int
        Tokens to tell apart (V).
    width : int
        Columns inside (W), a multiple of `heads`.
    layers, heads : int
        Blocks, and attentions side by side in each.
    dropout : float
        Share of activations silenced while learning.
    """

    inputs: int
    outputs: int
    width: int = 128
    layers: int = 4
    heads: int = 4
    dropout: float = 0.1


class Block(nn.Module):
    """Rows look at each other, then each is thought over; both are added to what was there.

    Parameters
    ----------
    shape : Shape
        Width, heads and dropout.

    References
    ----------
    Vaswani et al. (2017); normalised first: Xiong et al. (2020), arXiv 2002.04745.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.heads = shape.heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.join = nn.Linear(width, width)
        self.think = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.dropout = nn.Dropout(shape.dropout)

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        """Return `(B, T, W)`; rows that are not `real` (B, T) are looked at by none."""
        B, T, W = x.shape
        qkv = self.qkv(self.before(x)).view(B, T, 3, self.heads, W // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (B, H, T, W / H)
        seen = scaled_dot_product_attention(q, k, v, attn_mask=real[:, None, None, :])
        seen = seen.transpose(1, 2).reshape(B, T, W)
        x = x + self.dropout(self.join(seen))
        return x + self.dropout(self.think(self.between(x)))


class Context(nn.Module):
    """Embedded rows to rows that know what stands around them.

    Parameters
    ----------
    shape : Shape
        Width, layers, heads and dropout.

    References
    ----------
    Places by a convolution: Baevski et al. (2020), wav2vec 2.0, arXiv 2006.11477, section 2.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.place = nn.Conv1d(width, width, REACH, padding=REACH // 2, groups=width)
        self.first = nn.LayerNorm(width)
        self.dropout = nn.Dropout(shape.dropout)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))

    def forward(self, x: Tensor, real: Tensor, layers: int) -> Tensor:
        """Return `(B, T, W)` after so many blocks; what is not `real` (B, T) is padding."""
        x = x * real[..., None]  # the convolution must not see padding
        x = x + gelu(self.place(x.transpose(1, 2)).transpose(1, 2))
        x = self.dropout(self.first(x))
        for block in list(self.blocks)[:layers]:
            x = block(x, real)
        return x


class Transformer(nn.Module):
    """Rows to logits of tokens, by what stands around them.

    Parameters
    ----------
    shape : Shape
        Everything that fixes the weights.

    References
    ----------
    Hsu et al. (2021), HuBERT, arXiv 2106.07447, section II.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.rows = nn.Linear(shape.inputs, shape.width)
        self.hidden = nn.Parameter(0.02 * torch.randn(shape.width))  # stands for a masked row
        self.around = Context(shape)
        self.last = nn.LayerNorm(shape.width)
        self.tokens = nn.Linear(shape.width, shape.outputs)

    def middle(self, rows: Tensor, real: Tensor, masked: Tensor, layers: int) -> Tensor:
        """Return rows `(B, T, D)`, those `masked` (B, T) hidden, as `(B, T, W)` after blocks."""
        x = torch.where(masked[..., None], self.hidden, self.rows(rows))  # (B, T, W)
        return self.around(x, real, layers)

    def forward(self, rows: Tensor, real: Tensor, masked: Tensor) -> Tensor:
        """Return logits `(B, T, V)` of the token of each row."""
        x = self.middle(rows, real, masked, len(self.around.blocks))
        return self.tokens(self.last(x))


class TokenContext(nn.Module):
    """The tokens around a segment to one row that stands for it.

    Parameters
    ----------
    shape : Shape
        `inputs` tokens are told apart; `outputs` is the width of the row that stands for all.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.size = shape.inputs
        self.embedding = nn.Embedding(shape.inputs + 1, shape.width)  # the last is no token
        self.around = Context(shape)
        self.last = nn.LayerNorm(shape.width)
        self.out = nn.Linear(shape.width, shape.outputs)

    def begin(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over an `embedding` of the tokens and the weights `around.*` of a `Transformer`."""
        own = self.state_dict()
        for name, array in arrays.items():
            place = own["embedding.weight"][: self.size] if name == "embedding" else own[name]
            place.copy_(torch.from_numpy(np.array(array)))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return `(B, outputs)` for tokens (B, T), those of the segments in the middle column."""
        ids = tokens.long()
        x = self.embedding(ids)  # (B, T, W)
        x = self.around(x, ids < self.size, len(self.around.blocks))
        return self.out(self.last(x[:, x.shape[1] // 2]))
