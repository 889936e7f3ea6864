"""Rows in bytes, a quarter of their size: most rows are ruled out of a round by them alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tsalign.kernels import rough
from tsalign.kernels import seeds as kernels
from tsalign.kernels.bytes import MOST, SUPPORTED
from tsalign.kernels.simd import ROWS, WIDTH
from tsalign.tokens.chunks import Rows, pieces, split, spread

MEMORY = 36_000_000  # bytes for all rows; what does not fit leaves out dimensions
SAMPLE = 16, 64  # places and rows at each, which tell the dimensions that vary most


class Sketch:
    """All rows rounded to bytes in the dimensions that vary most.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite rows.
    threads : int or None
        Threads used inside; the result does not depend on it.
    """

    def __init__(self, X: Rows, threads: int | None) -> None:
        n, d = X.shape
        fours = Sketch._fours(X.shape)
        starts = np.linspace(0, max(n - SAMPLE[1], 0), SAMPLE[0]).astype(int)
        sample = np.concatenate([X[i : i + SAMPLE[1]] for i in starts]).astype(np.float64)
        self.origin = np.zeros(-(-d // WIDTH) * WIDTH, dtype=np.float32)
        self.origin[:d] = np.median(sample, axis=0)
        spread_out = np.square(sample - self.origin[:d]).mean(axis=0)
        self.order = np.argsort(-spread_out, kind="stable")[: 4 * fours]
        panels = -(-n // ROWS)
        scales, errors = np.empty((2, panels), dtype=np.float32)
        self.table = kernels.Sketch(
            np.empty((panels, fours, ROWS), dtype=np.int32),
            np.empty((panels, ROWS), dtype=np.float32),
            scales,
            errors,
        )

        def work(_: int, chunk: slice) -> None:
            for block in pieces(X, chunk):
                kernels.draft(X[block], self.origin, self.order, self[block])

        spread(work, split(n, size=1), threads)

    @staticmethod
    def pays(shape: tuple[int, int]) -> bool:
        """Tell whether a sketch of rows is worth its memory.

        Parameters
        ----------
        shape : (int, int)
            Rows and features.

        Returns
        -------
        bool
            False where the processor has no products of bytes.
        """
        return SUPPORTED and shape[1] >= 16 and 4 * Sketch._fours(shape) >= min(shape[1] // 2, 64)

    @staticmethod
    def _fours(shape: tuple[int, int]) -> int:
        return min(-(-min(shape[1], MOST) // 4), MEMORY // (4 * shape[0]))

    def __getitem__(self, block: slice) -> kernels.Sketch:
        """Return the sketch of a block of rows that begins with a panel."""
        part = slice(block.start // ROWS, -(-block.stop // ROWS))
        words, squares, scales, errors = self.table
        return kernels.Sketch(words[part], squares[part], scales[part], errors[part])

    def round(self, candidates: NDArray[np.float32]) -> rough.Rounded:
        """Return candidates rounded in the same dimensions.

        Parameters
        ----------
        candidates : ndarray of shape (n_trials, n_features)
            float32.

        Returns
        -------
        Rounded
            Without what it takes to decide rows among all of them.
        """
        nothing = np.empty((candidates.shape[1], 0))
        return rough.round_centers(candidates, self.origin, self.order, nothing)
