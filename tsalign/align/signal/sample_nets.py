"""Networks over samples. Imports torch: import late.

Letters in shapes: B segments, C channels, N samples, P patches, W width, E columns of the space.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, max_pool1d, pad

from tsalign.align.signal.augment import augmented
from tsalign.align.signal.augmentation import Augment, Group
from tsalign.transformer import Block, Shape

PIECE = 1024  # segments that are read together when nothing is learnt


@dataclass(frozen=True)
class Changes:
    """Random changes while learning.

    Parameters
    ----------
    augment : Augment or None
        None changes nothing.
    groups : tuple of (int, int, int)
        Channels of each 3-axis sensor.
    """

    augment: Augment | None = None
    groups: tuple[Group, ...] = ()

    def __call__(self, x: Tensor) -> Tensor:
        """Return samples `(B, C, N)`, changed."""
        return x if self.augment is None else augmented(x, self.augment, self.groups)


class OfSamples(nn.Module):
    """Rows of samples to rows of the space; exactly 0 is missing.

    Parameters
    ----------
    channels : int
        In a row, one after the other.
    changes : Changes
        While learning.
    """

    def __init__(self, channels: int, changes: Changes) -> None:
        super().__init__()
        self.channels, self.changes = channels, changes

    def extra_repr(self) -> str:
        """Say what decides the learning besides the layers."""
        return f"channels={self.channels}, changes={self.changes}"

    def forward(self, rows: Tensor) -> Tensor:
        """Return `(B, E)` for rows `(B, C * N)`."""
        x = rows.unflatten(1, (self.channels, rows.shape[1] // self.channels))
        if self.training:
            with torch.autocast(x.device.type, enabled=False):  # a turn must keep lengths
                x = self.changes(x)
            return self.encode(x, x != 0)
        return torch.cat([self.encode(some, some != 0) for some in x.split(PIECE)])

    @abstractmethod
    def encode(self, x: Tensor, real: Tensor) -> Tensor:
        """Return `(B, E)` for samples `(B, C, N)`; what is not `real` (B, C, N) counts as none."""


class Residual(nn.Module):
    """Two convolutions, added to what was there; the first halves the time.

    Parameters
    ----------
    inputs, width : int
        Columns in and out.
    kernel : int
        Odd.
    share : float
        Of activations silenced while learning.
    """

    def __init__(self, inputs: int, width: int, kernel: int, share: float) -> None:
        super().__init__()
        around = kernel // 2
        self.first = nn.Conv1d(inputs, width, kernel, 2, around)
        self.second = nn.Conv1d(width, width, kernel, 1, around)
        self.short = nn.Conv1d(inputs, width, 1, 2)
        self.between, self.after = nn.GroupNorm(1, width), nn.GroupNorm(1, width)
        self.dropout = nn.Dropout(share)

    def forward(self, x: Tensor) -> Tensor:
        """Return `(B, W, ceil(N / 2))`."""
        changed = self.dropout(gelu(self.between(self.first(x))))
        return gelu(self.short(x) + self.after(self.second(changed)))


class ResNet(OfSamples):
    """Residual blocks over time, their mean where a channel is there, and a row of the space.

    Parameters
    ----------
    channels, outputs : int
        Channels, and columns of the space.
    width, layers, kernel : int
        Columns inside, blocks, and samples a convolution sees.
    share : float
        Of activations silenced while learning.
    changes : Changes
        While learning.
    """

    def __init__(
        self,
        channels: int,
        outputs: int,
        width: int,
        layers: int,
        kernel: int,
        share: float,
        changes: Changes,
    ) -> None:
        super().__init__(channels, changes)
        inputs = [2 * channels, *(width for _ in range(layers - 1))]
        self.blocks = nn.ModuleList(Residual(n, width, kernel, share) for n in inputs)
        self.out = nn.Linear(width, outputs)

    def encode(self, x: Tensor, real: Tensor) -> Tensor:
        """Return `(B, E)` for samples `(B, C, N)`; what is not `real` (B, C, N) counts as none."""
        x = torch.cat([torch.where(real, x, 0.0), real.to(x.dtype)], 1)
        there = real.any(1, keepdim=True).to(x.dtype)
        for block in self.blocks:
            x, there = block(x), max_pool1d(there, 2, ceil_mode=True)
        return self.out(averaged(x, there, 2))


class PatchNet(OfSamples):
    """Patches of each channel through one transformer, then a mean over channels.

    Parameters
    ----------
    channels, samples : int
        Channels, and samples of each.
    length, stride : int
        Samples of a patch, and from one to the next.
    shape : Shape
        Of the transformer; `inputs` are twice the length, `outputs` columns of the space.
    changes : Changes
        While learning.
    """

    def __init__(
        self,
        channels: int,
        samples: int,
        length: int,
        stride: int,
        shape: Shape,
        changes: Changes,
    ) -> None:
        super().__init__(channels, changes)
        self.length, self.stride = length, stride
        width, n_patches = shape.width, -(-(samples - length) // stride) + 1
        self.rows = nn.Linear(shape.inputs, width)
        self.place = nn.Parameter(0.02 * torch.randn(n_patches, width))
        self.dropout = nn.Dropout(shape.dropout)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.last = nn.LayerNorm(width)
        self.own = nn.Parameter(torch.randn(channels, width, width) / width**0.5)
        self.out = nn.Linear(width, shape.outputs)

    def encode(self, x: Tensor, real: Tensor) -> Tensor:
        """Return `(B, E)` for samples `(B, C, N)`; what is not `real` (B, C, N) counts as none."""
        B, C, _ = x.shape
        shown = real.to(x.dtype)
        both = [patched(part, self.length, self.stride) for part in (x.where(real, 0.0), shown)]
        there = both[1].any(3)  # (B, C, P)
        z = self.dropout(self.rows(torch.cat(both, 3)) + self.place).flatten(0, 1)  # (BC, P, W)
        # A channel that is missing looks at itself, or attention would be no number.
        seen = (there | ~there.any(2, keepdim=True)).flatten(0, 1)
        for block in self.blocks:
            z = block(z, seen)
        z = averaged(self.last(z).unflatten(0, (B, C)), there[..., None].to(z.dtype), 2)
        each = torch.einsum("bcw,cwv->bcv", z, self.own)
        return self.out(gelu(averaged(each, there.any(2)[..., None].to(z.dtype), 1)))


def patched(x: Tensor, length: int, stride: int) -> Tensor:
    """Return the patches `(B, C, P, length)` of samples `(B, C, N)`, zeros after the end.

    Examples
    --------
    >>> patched(torch.arange(1.0, 6.0).view(1, 1, 5), 2, 2).tolist()
    [[[[1.0, 2.0], [3.0, 4.0], [5.0, 0.0]]]]
    """
    return pad(x, (0, (length - x.shape[2]) % stride)).unfold(2, length, stride)


def averaged(x: Tensor, there: Tensor, dim: int) -> Tensor:
    """Return the mean along a dimension of what is there (1, else 0); 0 where nothing is."""
    return (x * there).sum(dim) / there.sum(dim).clamp(min=1.0)
