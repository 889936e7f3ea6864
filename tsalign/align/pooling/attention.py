"""Pooling by attention, and the loss of pooled stretches and notes. Imports torch: import late.

Letters in shapes: B stretches, M members of each, E columns of the space, H heads.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from tsalign.align.loss.losses import supcon

MAX_SCALE = 100.0


class AttentionPool(nn.Module):
    """The weighted mean of the members of a set, by a learnt query of each scale.

    Parameters
    ----------
    dimension, scales, heads : int
        Columns, scales with a query each, and blocks of columns with weights of their own.
    """

    def __init__(self, dimension: int, scales: int, heads: int) -> None:
        super().__init__()
        self.heads, self.size = heads, dimension // heads
        self.queries = nn.Parameter(torch.zeros(scales, dimension))
        self.keys = nn.Linear(dimension, dimension, bias=False)
        self.aside = nn.Linear(dimension, dimension, bias=False)
        nn.init.zeros_(self.aside.weight)  # the mean of all, to begin with

    def forward(self, members: Tensor, real: Tensor, scale: int) -> Tensor:
        """Return unit rows `(B, E)` of sets of members.

        Parameters
        ----------
        members : (B, M, E) tensor
            Unit rows.
        real : (B, M) bool tensor
            Which of them are there; at least one of each set.
        scale : int
            Which query.
        """
        members = members.masked_fill(~real[..., None], 0.0)
        shares = self._shares(members, real, scale)[..., None]  # (B, M, H, 1)
        return normalize((shares * self._blocks(members)).sum(1).flatten(1), dim=1)

    def _shares(self, members: Tensor, real: Tensor, scale: int) -> Tensor:
        """Return what each member counts `(B, M, H)`, adding up to 1 over the members."""
        whole = members.sum(1) / real.sum(1, keepdim=True)  # (B, E)
        asked = self._blocks(self.queries[scale] + self.aside(whole))  # (B, H, E / H)
        logits = (self._blocks(self.keys(members)) * asked[:, None]).sum(3)
        logits = logits * math.sqrt(self.size)  # unit rows: a block's columns are small
        return logits.masked_fill(~real[..., None], -torch.inf).softmax(1)

    def _blocks(self, rows: Tensor) -> Tensor:
        return rows.unflatten(-1, (self.heads, self.size))


class Pools(nn.Module):
    """Pooling of segments and of sentences, and the temperature of what is pooled.

    Parameters
    ----------
    dimension, scales, heads : int
        As in `AttentionPool`.
    """

    def __init__(self, dimension: int, scales: int, heads: int) -> None:
        super().__init__()
        self.columns = dimension
        self.signal = AttentionPool(dimension, scales, heads)
        self.text = AttentionPool(dimension, scales, heads)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def loss(
        self,
        stretches: Tensor,
        notes: Tensor,
        kin: Tensor,
        gather: Callable[[Tensor], Tensor] = lambda rows: rows,
    ) -> Tensor:
        """Return the symmetric InfoNCE loss of stretches and notes.

        Parameters
        ----------
        stretches, notes : (B, E) tensor
            Unit rows; row i of one belongs to row i of the other.
        kin : (B, 2) int64 tensor
            What a note says, and of which stretch: no note is held against a stretch of which
            it, or one that says the same, speaks.
        gather : callable
            Joins the rows of several processes.
        """
        signal, text, kin = gather(stretches), gather(notes), gather(kin)
        scale = self.log_scale.clamp(max=math.log(MAX_SCALE)).exp()
        return supcon(signal, text, (kin[:, None] == kin).any(2), scale)
