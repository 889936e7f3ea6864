"""A shared space in which stretches of recordings and whole notes have places too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from tsalign.align.pooling.pooling import Scale
from tsalign.align.space.open_space import OpenSpace
from tsalign.align.space.shared_space import Floats
from tsalign.device import one_thread
from tsalign.errors import TsalignError

if TYPE_CHECKING:
    from tsalign.align.pooling.attention import Pools


class PooledSpace(OpenSpace):
    """A shared space that pools members into one place; `Attention` says how."""

    def encode_stretches(
        self,
        features: NDArray[np.float32],
        bounds: NDArray[np.integer] | None = None,
        scale: Scale | None = None,
        recordings: NDArray[np.int32] | None = None,
    ) -> NDArray[np.float32]:
        """Return the place of each stretch of segments.

        Parameters
        ----------
        features : (k, d) float32
            As learnt from.
        bounds : (t, 2) int or None
            First segment of each stretch, and the one after its last; None is all as one.
        scale : float or "recording" or None
            Which of the scales learnt; None is the last of them.
        recordings : (k,) int32 or None
            As in `encode_signal`.

        Returns
        -------
        (t, dimension) float32
            Unit rows.

        Raises
        ------
        TsalignError
            When nothing was pooled while learning, the scale is another, or a stretch is empty.
        """
        return self.pool_segments(self.encode_signal(features, recordings), bounds, scale)

    def pool_segments(
        self,
        places: Floats,
        bounds: NDArray[np.integer] | None = None,
        scale: Scale | None = None,
    ) -> NDArray[np.float32]:
        """Return the place of each stretch of segments whose places are known.

        Parameters
        ----------
        places : (k, dimension) array
            From `encode_signal` or an `Index`.
        bounds, scale
            As in `encode_stretches`.

        Returns
        -------
        (t, dimension) float32
            Unit rows.
        """
        rows = [(0, len(places))] if bounds is None else np.asarray(bounds).tolist()
        for first, last in rows:
            if not 0 <= first < last <= len(places):
                raise TsalignError(
                    f"a stretch from segment {first} to {last} is none of {len(places)} segments"
                )
        return self._pooled("signal", (places[first:last] for first, last in rows), scale)

    def encode_notes(
        self, notes: Sequence[Sequence[str]], scale: Scale | None = None
    ) -> NDArray[np.float32]:
        """Return the place of each note.

        Parameters
        ----------
        notes : sequence of sequences of str
            The sentences of each, at least one; their order says nothing.
        scale : float or "recording" or None
            How long a stretch they speak of, as in `encode_stretches`.

        Returns
        -------
        (t, dimension) float32
            Unit rows: the larger the product with a stretch's row, the closer both are.

        Raises
        ------
        TsalignError
            When nothing was pooled while learning, the scale is another, or a note is empty.
        """
        if not notes or not all(len(note) for note in notes):
            raise TsalignError("each note needs at least one sentence")
        rows = self.encode_text([sentence for note in notes for sentence in note])
        parts = np.split(rows, np.cumsum([len(note) for note in notes])[:-1])
        return self._pooled("text", parts, scale)

    def _pooled(
        self, side: Literal["signal", "text"], sets: Iterable[Floats], scale: Scale | None
    ) -> NDArray[np.float32]:
        import torch

        pools, number = self._pools(scale)
        pool = getattr(pools, side)
        out = [np.empty((0, pools.columns), np.float32)]
        with torch.inference_mode(), one_thread():
            for rows in sets:
                members = torch.from_numpy(rows.astype(np.float32))[None].to(pool.queries.device)
                real = members.new_ones(members.shape[:2], dtype=torch.bool)
                out.append(pool(members, real, number).cpu().numpy())
        return np.concatenate(out)

    def _pools(self, scale: Scale | None) -> tuple[Pools, int]:
        """Return the network that pools, and the number of a scale."""
        pools = self._space().pools
        if self.pooling is None or pools is None:
            raise TsalignError("this model has learnt segments alone: learn it with pooling")
        scales = list(self.pooling.scales)
        if scale is not None and scale not in scales:
            raise TsalignError(f"pooling: {scale!r} is none of the scales learnt, {scales!r}")
        return pools, len(scales) - 1 if scale is None else scales.index(scale)
