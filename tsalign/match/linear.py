"""Posteriors of ordered decoding by products in place of logarithms, where these suffice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tsalign.kernels import sums

TILES = 64, 16, 4  # segments between new scales; the first that holds all sums is taken
CHUNK = 1024  # segments whose exponentials are held at once; a multiple of each tile
STEEPEST = 600.0  # nats that a sum may grow by in a tile without leaving float64
DEAREST = 50.0  # cost of leaving out up to which an underflowing run is beyond the last digit

Found = tuple[NDArray[np.float32], NDArray[np.float32]]


def total_linear(
    matrix: NDArray[np.float32], skips: NDArray[np.float64], windows: NDArray[np.int64] | None
) -> Found | None:
    """Sum over all alignments of whole sentences without durations, as `lattice.total`.

    Parameters
    ----------
    matrix : (k, s) float32
        Checked scores.
    skips : (s,) float64
        Costs of leaving sentences out.
    windows : (s, 2) int64 or None
        Segments each sentence may use.

    Returns
    -------
    (posterior, placed) or None
        None where scores are too steep, or a sentence too dear to leave out: logarithms are to
        be taken then.
    """
    highest = float(matrix.max(initial=0.0))
    if skips.max(initial=0.0) > DEAREST or not matrix.size:
        return None
    for tile in TILES:
        if highest * tile < STEEPEST:
            found = _attempt(matrix, skips, windows, tile)
            if found is not None:
                return found
    return None


def _attempt(
    matrix: NDArray[np.float32],
    skips: NDArray[np.float64],
    windows: NDArray[np.int64] | None,
    tile: int,
) -> Found | None:
    k, s = matrix.shape
    posterior, placed = np.empty((k, s), np.float32), np.zeros(s)
    kept = np.empty((-(-k // tile), 4, s + 1))
    left_out = np.concatenate([[0.0], np.cumsum(skips)])
    forth, back = _begin(-left_out, 0), _begin(left_out - left_out[-1], 1)
    chunks = range(0, k, CHUNK)
    for a in chunks:
        growth = _growth(matrix, windows, a)
        if not sums.forward(growth, a // tile, tile, skips, *forth, kept):
            return None
    whole = float(forth[3][-1])
    for a in reversed(chunks):
        given = _growth(matrix, windows, a), a // tile, tile, skips, *back, kept, whole, placed
        if not sums.backward(*given, posterior[a : a + CHUNK]):
            return None
    return posterior, np.minimum(placed, 1.0).astype(np.float32)


def _begin(base: NDArray[np.float64], shift: int) -> tuple[NDArray[np.float64], ...]:
    """Return edges, runs, closed runs and their scales before the first segment on a way."""
    s = len(base) - 1
    return np.ones(s + 1), np.zeros(s), np.zeros(s), base, base[shift : s + shift].copy()


def _growth(
    matrix: NDArray[np.float32], windows: NDArray[np.int64] | None, first: int
) -> NDArray[np.float64]:
    growth = np.exp(matrix[first : first + CHUNK], dtype=np.float64)
    if windows is not None:
        places = first + np.arange(len(growth))[:, None]
        growth[(places < windows[:, 0]) | (places >= windows[:, 1])] = 0.0
    return growth
