"""What the shared space learns from, how batches of it are drawn. Imports torch: import late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from tsalign.align.pairs import stretches
from tsalign.align.pooling.stretches import Group, Whole

AROUND = 4  # segments that are read for each that is asked, where they are read in context
Floats = NDArray[np.floating]
Draw = tuple[NDArray[np.int64], NDArray[np.int64] | None, NDArray[np.int64] | None]


@dataclass(frozen=True, eq=False)
class Batch:
    """Segments that are asked, a wording for each that has one, and what they are read with.

    Parameters
    ----------
    rows : (n,) int64
        Segments.
    wording : (m,) int64
        A text for each of them that is not silent.
    windows : (b, t) int64 or None
        Segments that are read together, -1 beyond the ends; None reads each by itself.
    places : (n,) int64 or None
        Where `rows` stand in the windows laid end to end.
    """

    rows: NDArray[np.int64]
    wording: NDArray[np.int64]
    windows: NDArray[np.int64] | None = None
    places: NDArray[np.int64] | None = None

    def part(self, own: int, world: int, concept: NDArray[np.int64]) -> Batch:
        """Return the part of process `own` of so many; windows stay whole.

        `concept` of all segments tells who is silent.
        """
        if world == 1:
            return self
        if self.windows is None or self.places is None:
            cut = [len(self.rows) * i // world for i in (own, own + 1)]
            mine, windows, places = np.arange(*cut), None, None
        else:
            cut = [len(self.windows) * i // world for i in (own, own + 1)]
            first, last = (self.windows.shape[1] * i for i in cut)
            mine = np.flatnonzero((self.places >= first) & (self.places < last))
            windows, places = self.windows[slice(*cut)], self.places[mine] - first
        said = concept[self.rows] >= 0
        texts = (np.cumsum(said) - 1)[mine][said[mine]]
        return Batch(self.rows[mine], self.wording[texts], windows, places)


@dataclass(frozen=True, eq=False)
class Examples:
    """Standardised segments and the wordings that may stand for them, as tensors.

    Parameters
    ----------
    features : (n, d) tensor
        One row a segment.
    concept : (n,) int64 array
        Concept of each segment; -1 is nothing.
    counts : (n,) float array
        How far each answer counts; 0 is context for the others alone.
    texts : (m, t) tensor
        Frozen rows of the wordings.
    text_concept : (m,) int64 array
        Concept of each wording, sorted; each concept of a segment has at least one.
    recordings : (n,) int32 array
        Of which each segment is.
    window : int or None
        Segments of a recording that are read together; None reads each by itself.
    bag : (n,) int64 array or None
        Row of `bags` of each segment; -1, the last, is empty: `concept` it is.
    bags : (b + 1, c) bool array or None
        Concepts of which one is a segment's.
    whole : Whole or None
        Where segments lie, for pooling over stretches.
    """

    features: Tensor
    concept: NDArray[np.int64]
    counts: NDArray[np.floating]
    texts: Tensor
    text_concept: NDArray[np.int64]
    recordings: NDArray[np.int32]
    window: int | None = None
    bag: NDArray[np.int64] | None = None
    bags: NDArray[np.bool_] | None = None
    whole: Whole | None = None

    def parts(self) -> list[Any]:
        """Return all that decides what is drawn and shown, as arrays and numbers."""
        own = {name: value for name, value in vars(self).items() if name != "whole"}
        wide = [] if self.whole is None else [*vars(self.whole).values()]
        return [t.cpu().numpy() if hasattr(t, "cpu") else t for t in [*own.values(), *wide]]

    def wide(self, rng: np.random.Generator) -> Iterator[Group]:
        """Yield groups of stretches for ever; none where nothing is pooled."""
        given = self.concept, self.text_concept, rng
        return iter(()) if self.whole is None else self.whole.forever(*given)

    def wide_once(self, rng: np.random.Generator) -> list[Group]:
        """Return each stretch once, in groups."""
        given = self.concept, self.text_concept, rng
        return [] if self.whole is None else self.whole.once(*given)

    def draw(self, size: int, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield one epoch of batches.

        A concept's share is the square root of its frequency, so that rare ones are heard and
        frequent ones not forgotten.
        """
        _, inverse = np.unique(self.concept, return_inverse=True)
        heard = np.maximum(np.bincount(inverse, self.counts), 1e-12)
        weight = self.counts / np.sqrt(heard[inverse])
        draws = self._in_context if self.window else self._alone
        for rows, windows, places in draws(weight / weight.sum(), size, rng):
            said = self._said(rows, rng)
            first = np.searchsorted(self.text_concept, said)
            last = np.searchsorted(self.text_concept, said, side="right")
            wording = first + np.floor(rng.random(len(rows)) * (last - first)).astype(int)
            if (said >= 0).any():
                yield Batch(rows, wording[said >= 0], windows, places)

    def may(self, rows: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        """Tell which concepts some segments may be of, `(rows, c)`, where bags are given."""
        return None if self.bags is None or self.bag is None else self.bags[self.bag[rows]]

    def _said(self, rows: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """Return the concept of each segment, drawn where only a bag is known."""
        may = self.may(rows)
        if may is None:
            return self.concept[rows]
        lots = rng.random(may.shape) * may
        return np.where(lots.any(1), lots.argmax(1), self.concept[rows])

    def _alone(self, chance: Floats, size: int, rng: np.random.Generator) -> Iterator[Draw]:
        rows = rng.choice(len(chance), size=int((chance > 0).sum()), p=chance)
        for start in range(0, len(rows), size):
            yield rows[start : start + size], None, None

    def _in_context(self, chance: Floats, size: int, rng: np.random.Generator) -> Iterator[Draw]:
        """Read every segment once, in windows whose borders and order are drawn."""
        windows = self.windows(rng)
        many = max(AROUND * size // windows.shape[1], 1)
        for start in range(0, len(windows), many):
            some = windows[start : start + many]
            heard = np.where(some >= 0, chance[some], 0.0).ravel()
            able = int((heard > 0).sum())
            if able:
                asked = rng.choice(
                    len(heard), min(size, able), replace=False, p=heard / heard.sum()
                )
                yield some.ravel()[asked], some, asked

    def windows(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return all segments in windows `(b, t)` of drawn borders and order, -1 beyond ends."""
        length, parts = self.window or 1, []
        before = rng.integers(length)
        for first, last in stretches(self.recordings):
            rows = np.arange(first - before, last, length)[:, None] + np.arange(length)
            parts.append(np.where((rows >= first) & (rows < last), rows, -1))
        return rng.permutation(np.concatenate(parts))
