"""Sums over all pairs of two sets of rows, one tile at a time. Imports torch: import late.

Nothing of the size of the matrix of pairs is ever there: a tile is computed into the same buffer
for every place, forgotten, and computed again for the gradients.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class LogSums(torch.autograd.Function):
    """Logarithms of summed exponentials along the rows and along the columns of all logits.

    `LogSums.apply(signal, text, scale, tile)` takes rows `(n, e)` and `(m, e)` and a scalar
    tensor, and gives `(n,)` and `(m,)`.
    """

    @staticmethod
    def forward(
        ctx: Any, signal: Tensor, text: Tensor, scale: Tensor, tile: int
    ) -> tuple[Tensor, Tensor]:
        """Return both, each as a running maximum and a sum relative to it."""
        tops = [x.new_full((len(x),), -torch.inf) for x in (signal, text)]
        sums = [x.new_zeros(len(x)) for x in (signal, text)]
        for i, j, logits, work in _tiles(signal, text, float(scale), tile):
            for side, where, along in ((0, i, 1), (1, j, 0)):
                old = tops[side][where]
                top = torch.maximum(old, logits.amax(along))
                torch.sub(logits, top.unsqueeze(along), out=work).exp_()
                sums[side][where] = sums[side][where] * (old - top).exp() + work.sum(along)
                tops[side][where] = top
        found = [top + total.log() for top, total in zip(tops, sums, strict=True)]
        ctx.save_for_backward(signal, text, scale, *found)
        ctx.tile = tile
        return found[0], found[1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of signal, text and scale."""
        signal, text, scale, rows, columns = ctx.saved_tensors
        back = _Gradients(signal, text)
        for i, j, logits, work in _tiles(signal, text, float(scale), ctx.tile):
            torch.sub(logits, rows[i, None], out=work).exp_().mul_(gradients[0][i, None])
            logits.sub_(columns[j]).exp_().mul_(gradients[1][j])
            back.add(i, j, work.add_(logits))
        return *back.finish(scale), None


class SoftplusSum(torch.autograd.Function):
    """The sum of log(1 + exp(logit + offset)) over all pairs.

    `SoftplusSum.apply(signal, text, scale, offset, tile)` takes rows `(n, e)` and `(m, e)` and
    two scalar tensors, and gives `()`.
    """

    @staticmethod
    def forward(
        ctx: Any, signal: Tensor, text: Tensor, scale: Tensor, offset: Tensor, tile: int
    ) -> Tensor:
        """Return the sum, added up in double precision."""
        total = torch.zeros((), dtype=torch.float64, device=signal.device)
        zero = signal.new_zeros(())
        for _, _, logits, work in _tiles(signal, text, float(scale), tile):
            total += torch.logaddexp(logits.add_(float(offset)), zero, out=work).sum()
        ctx.save_for_backward(signal, text, scale, offset)
        ctx.tile = tile
        return total.to(signal)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of signal, text, scale and offset."""
        signal, text, scale, offset = ctx.saved_tensors
        back = _Gradients(signal, text)
        chances = torch.zeros((), dtype=torch.float64, device=signal.device)
        for i, j, logits, _ in _tiles(signal, text, float(scale), ctx.tile):
            logits.add_(float(offset)).sigmoid_()
            chances += logits.sum()
            back.add(i, j, logits.mul_(gradients[0]))
        return *back.finish(scale), (chances * gradients[0]).to(offset), None


class _Gradients:
    """Gradients of two sets of rows from the gradients of their logits, tile by tile."""

    def __init__(self, signal: Tensor, text: Tensor) -> None:
        self.signal, self.text = signal, text
        self.of_signal, self.of_text = torch.zeros_like(signal), torch.zeros_like(text)

    def add(self, i: slice, j: slice, gradient: Tensor) -> None:
        self.of_signal[i].addmm_(gradient, self.text[j])
        self.of_text[j].addmm_(gradient.T, self.signal[i])

    def finish(self, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        of_scale = torch.vdot(self.signal.reshape(-1), self.of_signal.reshape(-1))
        return self.of_signal.mul_(scale), self.of_text.mul_(scale), of_scale.to(scale)


def _tiles(
    signal: Tensor, text: Tensor, scale: float, tile: int
) -> Iterator[tuple[slice, slice, Tensor, Tensor]]:
    """Yield rows, columns, their logits, and as much room again; both are overwritten."""
    n, m = min(tile, len(signal)), min(tile, len(text))
    logits, work = signal.new_empty(2, n * m)
    for start in range(0, len(signal), tile):
        i = slice(start, min(start + tile, len(signal)))
        for first in range(0, len(text), tile):
            j = slice(first, min(first + tile, len(text)))
            shape = (i.stop - i.start, j.stop - j.start)
            here, room = (x[: shape[0] * shape[1]].view(shape) for x in (logits, work))
            torch.mm(signal[i], text[j].T, out=here)
            yield i, j, here.mul_(scale), room
