"""Noise between changes that are not known yet, and how long it remembers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from tsalign.kernels.memory import reflections, residuals, sum_variances
from tsalign.kernels.search import change_points

STEP = 0.6
"""Ratio of the penalties whose partitions are tried."""

LONGEST = 2**11
"""Longer series are looked at in pieces of at most so many samples: what lasts longer is a change,
not memory, and where some stretches are noisier than others their median counts. In pieces of
32,768 samples the slow turns of a worn sensor pass for memory, and hardly a posture is found."""

PIECES = 8
"""At most so many pieces are looked at."""

EXACT = 1e-13
"""Noise below this share of the variance of the whole is rounding."""

NEARLY = 0.9
"""A block holds the memory of noise if its sum varies by that share of what longer ones do."""

Search = Callable[[NDArray[np.float64], float], NDArray[np.int64]]
"""From a channel `(n, 1)` and a penalty to the ends of the best partition."""


@dataclass(frozen=True, eq=False)
class Noise:
    """What a channel is besides its changes, as the likeliest partition and memory have it.

    Parameters
    ----------
    ends : (k,) int64
        Where the segments of that partition end.
    residuals : (n,) float64
        The channel less the level, or line, of each segment.
    variance : float
        Of a sample.
    sums : (m,) float64
        By how much more than independent samples sums of 1, 2, ..., `m` samples vary; from 1 on.
    """

    ends: NDArray[np.int64]
    residuals: NDArray[np.float64]
    variance: float
    sums: NDArray[np.float64]

    @property
    def inflation(self) -> float:
        """How much more than that of independent samples a sum may vary, whatever its length."""
        return float(self.sums.max())

    def with_outliers(self, channel: NDArray[np.float64], *, lines: bool) -> NDArray[np.float64]:
        """Return what is left of the channel by the segments of at least three samples.

        Parameters
        ----------
        channel : (n,) float64
            The channel itself.
        lines : bool
            Whether segments are lines.

        Returns
        -------
        (n,) float64
            A shorter segment is counted to the one before, the first to the one after.
        """
        starts = np.concatenate([[0], self.ends[:-1]])
        lasting = starts[self.ends - starts > 2]
        ends = np.append(lasting[1:], len(channel)).astype(np.int64)
        return residuals(channel - channel[0], ends, lines)


def steps(x: NDArray[np.float64], penalty: float) -> NDArray[np.int64]:
    """Return the ends of the best partition into levels.

    Parameters
    ----------
    x : (n, 1) float64
        Finite values.
    penalty : float
        For each change.

    Returns
    -------
    (k,) int64
        Ascending; the last one is `n`.
    """
    return change_points(x, penalty, 1)


def noise_of(
    channel: NDArray[np.float64], search: Search = steps, *, lines: bool = False
) -> Noise | None:
    """Return what is noise in a channel, and what of it a partition explains.

    A slow wave is either many changes in noise without memory, or one level in noise that remembers
    long. Both are tried: partitions of the channel for falling penalties, and for each of them what
    it leaves is predicted from its own past by autoregressions of all orders. The likeliest pair of
    partition and order is taken, by the Schwarz criterion as corrected for short series, in which a
    change counts a place and a level. So noise is measured around the changes without their number
    being known, and a long memory is believed only where steps explain the data no better.

    Then for sums of any number of samples the variance follows from the autoregression. It grows
    with the length where noise remembers, and does not where noise alternates.

    Parameters
    ----------
    channel : (n,) float64
        Finite values.
    search : callable
        `search(x, penalty)` gives the ends of a partition.
    lines : bool
        Whether segments are lines, or levels.

    Returns
    -------
    Noise or None
        None for a constant channel, and below five samples: too few to tell.

    References
    ----------
    Shi, Gallagher, Lund, Killick, *A comparison of single and multiple changepoint techniques for
    time series data*, Computational Statistics and Data Analysis 170, 2022: changes and memory
    have to be found together. McQuarrie, *A small-sample correction for the Schwarz SIC model
    selection criterion*, Statistics and Probability Letters 44, 1999.

    Examples
    --------
    >>> smooth = np.convolve(np.random.default_rng(0).normal(size=2002), np.ones(3), "valid")
    >>> found = noise_of(smooth + 20 * (np.arange(2000) > 700))
    >>> found.ends.tolist(), round(found.variance, 1), round(found.inflation, 1)
    ([701, 2000], 3.0, 3.3)
    """
    n, x = len(channel), channel - channel[0]
    if n < 5 or not x.any():
        return None
    whole = float(x.std())
    x = (x - x.mean()) / whole
    order = min(n // 5, int(np.ceil(2 * n ** (1 / 3))))
    best, least = None, np.inf
    for ends in _partitions(x, search):
        left = residuals(x, ends, lines)
        reflected = reflections(left, order)
        shares = np.cumprod(np.concatenate([[1.0], 1.0 - np.square(reflected)]))
        errors = np.maximum(EXACT, float(np.square(left).mean()) * shares)
        numbers = (2 + lines) * len(ends) + np.arange(order + 1)
        spare = n - numbers - 2
        price = np.log(errors) + numbers * np.log(n) / np.maximum(spare, 1)
        p = int(np.argmin(np.where(spare > 0, price, np.inf)))
        if spare[p] > 0 and price[p] < least:
            best, least = (ends, left, reflected[:p].copy(), numbers[p]), float(price[p])
    if best is None:
        return None
    ends, left, reflected, numbers = best
    variance = whole**2 * float(np.square(left).sum() / (n - numbers))
    return Noise(ends, whole * left, variance, sum_variances(reflected, max(1, n // 2)))


def _partitions(x: NDArray[np.float64], search: Search):
    """Yield partitions of a standardized channel, from one segment to many, each but once.

    No more than `n ** (2 / 3)` segments: then what is left lasts long enough to have a memory.
    """
    n = len(x)
    penalty, most, before = float(n), max(1.0, n ** (2 / 3)), 0
    while penalty > n * EXACT:
        ends = search(x[:, None], penalty)
        if len(ends) > most:
            return
        if len(ends) != before:
            yield ends
        before = len(ends)
        penalty *= STEP


def by_pieces(
    x: NDArray[np.float64], measure: Callable[[NDArray[np.float64]], float]
) -> NDArray[np.float64]:
    """Return what is measured in each channel, the median over `pieces`.

    Parameters
    ----------
    x : (n, d) float64
        Finite values.
    measure : callable
        From a stretch of one channel to a number.

    Returns
    -------
    (d,) float64
        One number a channel.

    Examples
    --------
    >>> by_pieces(np.array([[1.0, 2.0], [3.0, 5.0]]), np.ptp).tolist()
    [2.0, 3.0]
    """
    parts = pieces(len(x))
    columns = [[measure(np.ascontiguousarray(column[part])) for part in parts] for column in x.T]
    return np.median(np.array(columns, dtype=np.float64), axis=1)


def inflation(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by how much more than independent samples the noise of each channel adds up.

    Parameters
    ----------
    x : (n, d) float64
        Finite values.

    Returns
    -------
    (d,) float64
        At least 1; see `Noise.inflation`.
    """

    def measure(channel: NDArray[np.float64]) -> float:
        found = noise_of(channel)
        return found.inflation if found else 1.0

    return by_pieces(x, measure)


def steady(
    x: NDArray[np.float64], search: Search = steps, *, lines: bool = False
) -> tuple[NDArray[np.float64], int, float]:
    """Return a series less its changes, and how long its noise remembers.

    Parameters
    ----------
    x : (n, d) float64
        Finite values.
    search : callable
        `search(channel, penalty)` gives the ends of a partition.
    lines : bool
        Whether its segments are lines.

    Returns
    -------
    noise : (n, d) float64
        What the likeliest partition of each channel leaves; what lasts fewer than three samples in
        it is an outlier, and stays.
    memory : int
        Samples whose sum varies, per sample, within a tenth of as much as any longer sum does; at
        least `n ** (1/3)`, and at most an eighth of the series.
    lost : float
        How many times more the longer sums do, at least 1.

    Examples
    --------
    >>> rough = np.random.default_rng(0).normal(size=2000)
    >>> smooth = np.convolve(rough, np.ones(30), "valid")[:, None]
    >>> noise, memory, lost = steady(smooth)
    >>> memory > 100, lost < 1.2
    (True, True)
    """
    found = [noise_of(np.ascontiguousarray(column), search, lines=lines) for column in x.T]
    left = [
        c - c.mean() if f is None else f.with_outliers(np.ascontiguousarray(c), lines=lines)
        for c, f in zip(x.T, found, strict=True)
    ]
    least, most = int(np.ceil(len(x) ** (1 / 3))), max(1, len(x) // 8)
    lengths = [int(np.argmax(f.sums >= NEARLY * f.inflation)) + 1 for f in found if f]
    memory = min(most, max([least, *lengths]))
    lost = max([1.0, *(f.inflation / f.sums[:memory].max() for f in found if f)])
    return np.column_stack(left), memory, float(lost)


def median_scale(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the scale of the noise of each channel around medians, as Laplace noise has it.

    The partition and the memory are those of ranks, which outliers do not move; the scale is the
    median distance to the median of a segment, over `log 2`, times the inflation.

    Parameters
    ----------
    x : (n, d) float64
        Finite values.

    Returns
    -------
    (d,) float64
        In units of the signal.
    """

    def measure(channel: NDArray[np.float64]) -> float:
        found = noise_of(rankdata(channel))
        ends = found.ends if found else np.array([len(channel)])
        parts = np.split(channel, ends[:-1])
        off = np.abs(np.concatenate([part - np.median(part) for part in parts]))
        middle = float(np.median(off))
        scale = middle / np.log(2) if middle > 0 else float(off.mean())
        return scale * (found.inflation if found else 1.0)

    return by_pieces(x, measure)


def pieces(n: int) -> list[slice]:
    """Return the pieces of a series that noise is measured in: the whole, unless it is very long.

    Parameters
    ----------
    n : int
        Samples.

    Returns
    -------
    list of slice
        At most `PIECES`, of equal lengths up to `LONGEST`, evenly spread.

    Examples
    --------
    >>> pieces(10), len(pieces(10**7))
    ([slice(0, 10, None)], 8)
    """
    parts = -(-n // LONGEST)
    edges = np.linspace(0, n, parts + 1).astype(np.int64)
    chosen = np.unique(np.linspace(0, parts - 1, min(parts, PIECES)).round().astype(np.int64))
    return [slice(int(edges[i]), int(edges[i + 1])) for i in chosen]
