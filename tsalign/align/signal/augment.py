"""Random changes of samples that leave their meaning alone. Imports torch: import late.

All take and return tensors `(b, c, n)`, segments by channels by samples, in which exactly 0 is
missing and stays so; they draw from torch's current generator, and strength 0 changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.linalg import vector_norm

from tsalign.align.signal.augmentation import Augment, Group


def augmented(x: Tensor, how: Augment, groups: Sequence[Group] = ()) -> Tensor:
    """Return samples changed in every way asked for; hiding comes last.

    Parameters
    ----------
    x : (b, c, n) tensor
        Samples.
    how : Augment
        How strongly.
    groups : sequence of (int, int, int)
        Channels of each 3-axis sensor.
    """
    x = shifted(rotated(x, how.rotate, groups), how.shift)
    x = jitter(scaled(x, how.scale), how.jitter)
    return without_time(without_channels(x, how.channels), how.time)


def jitter(x: Tensor, strength: float) -> Tensor:
    """Add white noise of standard deviation `strength`.

    References
    ----------
    Um et al. (2017), Data Augmentation of Wearable Sensor Data for Parkinson's Disease Monitoring
    using Convolutional Neural Networks, ICMI, section 3; so are `scaled` and `rotated`.
    """
    return x + strength * torch.randn_like(x) * (x != 0)


def scaled(x: Tensor, strength: float) -> Tensor:
    """Multiply each channel by a factor whose logarithm has standard deviation `strength`."""
    return x * (strength * torch.randn_like(x[..., :1])).exp()


def shifted(x: Tensor, most: int) -> Tensor:
    """Move segments in time by up to `most` samples either way; what comes in is missing."""
    b, _, n = x.shape
    step = torch.randint(-most, most + 1, (b, 1), device=x.device)
    source = torch.arange(n, device=x.device) - step  # (b, n)
    there = (source >= 0) & (source < n)
    moved = x.gather(2, source.clamp(0, n - 1)[:, None].expand_as(x))
    return torch.where(there[:, None], moved, 0.0)


def rotated(x: Tensor, strength: float, groups: Sequence[Group]) -> Tensor:
    """Turn the 3-axis sensors of a segment together, as when the device sits otherwise.

    The axis is drawn evenly, the angle with standard deviation `strength` in radians. Samples of
    which an axis is missing are left as they are.

    Parameters
    ----------
    x : (b, c, n) tensor
        Samples; the channels of a group have one scale.
    strength : float
        Radians.
    groups : sequence of (int, int, int)
        Channels of each sensor.
    """
    if not (strength and groups):
        return x
    turn = turns(strength * torch.randn(len(x), device=x.device)).to(x.dtype)
    out = x.clone()
    for group in map(list, groups):
        axes = x[:, group]  # (b, 3, n)
        out[:, group] = torch.where((axes != 0).all(1, keepdim=True), turn @ axes, axes)
    return out


def turns(angles: Tensor) -> Tensor:
    """Return rotations `(b, 3, 3)` by angles (b,) in radians about axes drawn evenly."""
    axis = torch.randn(len(angles), 3, device=angles.device)
    axis = axis / vector_norm(axis, dim=1, keepdim=True)
    one = torch.eye(3, device=angles.device)
    cross = torch.linalg.cross(axis[:, None].expand(-1, 3, 3), one.expand(len(angles), 3, 3))
    cross = cross.transpose(1, 2)  # `cross @ v` is the cross product of axis and v: Rodrigues
    sin, cos = angles.sin()[:, None, None], angles.cos()[:, None, None]
    return one + sin * cross + (1 - cos) * cross @ cross


def without_channels(x: Tensor, share: float) -> Tensor:
    """Hide each channel with chance `share`, but never the last of a segment."""
    lot = torch.rand(x.shape[:2], device=x.device)
    there = (x != 0).any(2)
    kept = (lot >= share) | (lot == lot.where(there, -1.0).amax(1, keepdim=True))
    return torch.where(kept[..., None], x, 0.0)


def without_time(x: Tensor, share: float) -> Tensor:
    """Hide a stretch of all channels, up to `share` of the samples long.

    References
    ----------
    DeVries and Taylor (2017), Improved Regularization of Convolutional Neural Networks with
    Cutout, arXiv 1708.04552, here over time.
    """
    b, _, n = x.shape
    length = (share * n * torch.rand(b, 1, device=x.device)).round()
    start = (torch.rand(b, 1, device=x.device) * (n - length + 1)).floor()
    at = torch.arange(n, device=x.device)
    hidden = (at >= start) & (at < start + length)
    return torch.where(hidden[:, None], 0.0, x)
