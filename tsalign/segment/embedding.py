"""Descriptions of windows, scaled robustly and as points whose inner products are a kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

HOPS = 4
"""Windows begin this often within one."""

REACH = 4.0
"""Robust standard scores are clipped here."""

WAVES = 64
"""Random features of the kernel, each a cosine and a sine."""


@dataclass(frozen=True, eq=False)
class Embedding:
    """A robust scale and a kernel, learnt from the descriptions of windows.

    Parameters
    ----------
    centre, spread : (q,) float64
        Median, and what a quarter to three quarters of the windows span in standard deviations.
    waves : (q, WAVES) float64 or None
        Directions of the random features; None for the linear kernel.
    width : float
        Squared width of the Gaussian kernel.

    References
    ----------
    Rahimi, Recht, *Random features for large-scale kernel machines*, NeurIPS 2007.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(50, 3))
    >>> Embedding.learn(rows, "rbf", 0).points(rows).shape
    (50, 128)
    """

    centre: NDArray[np.float64]
    spread: NDArray[np.float64]
    waves: NDArray[np.float64] | None
    width: float

    @classmethod
    def learn(
        cls, rows: NDArray[np.float64], kernel: Literal["rbf", "linear"], random_state: int
    ) -> Self:
        """Learn scale and width from rows `(m, q)`; the seed draws waves and pairs of rows."""
        centre = np.median(rows, axis=0)
        low, high = np.quantile(rows, [0.25, 0.75], axis=0)
        spread = np.where(high > low, (high - low) / 1.349, rows.std(axis=0))
        plain = cls(centre, np.where(spread > 0, spread, 1.0), None, 1.0)
        if kernel == "linear":
            return plain
        known = plain.points(rows)
        rng = np.random.default_rng(random_state)
        pairs = rng.integers(0, len(known), (2, 1000))
        squares = np.square(known[pairs[0]] - known[pairs[1]]).sum(axis=1)
        width = float(np.median(squares[squares > 0])) if (squares > 0).any() else 1.0
        waves = rng.normal(size=(known.shape[1], WAVES))
        return cls(plain.centre, plain.spread, waves, width)

    def scaled(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return robust standard scores `(m, q)`, clipped."""
        return np.clip((rows - self.centre) / self.spread, -REACH, REACH)

    def points(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points `(m, p)` whose inner products are the kernel."""
        scores = self.scaled(rows)
        if self.waves is None:
            return scores
        phase = scores @ self.waves / np.sqrt(self.width / 2)
        return np.hstack([np.cos(phase), np.sin(phase)]) / np.sqrt(WAVES)


def noise(points: NDArray[np.float64], places: NDArray[np.int64]) -> float:
    """Return how far two windows that share no samples and lie close are apart: half the square.

    Their differences hold few changes.

    Parameters
    ----------
    points : (m, p) float64
        Windows as points.
    places : (m,) int64
        Their numbers, ascending; a window shares samples with the `HOPS - 1` next.

    Returns
    -------
    float
        The mean over pairs `HOPS` apart; 0 without such a pair.

    Examples
    --------
    >>> noise(np.arange(6.0)[:, None], np.arange(6))
    8.0
    """
    pairs = np.flatnonzero(places[HOPS:] - places[:-HOPS] == HOPS)
    apart = points[pairs + HOPS] - points[pairs]
    return float(np.square(apart).sum(axis=1).mean() / 2) if len(pairs) else 0.0
