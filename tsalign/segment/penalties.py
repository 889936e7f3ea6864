"""What a change must save: penalties, and the noise they are measured in."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tsalign.segment.noise import Search, by_pieces, noise_of, steps

NORMAL_QUARTILE = 0.6744897501960817
"""Half of a standard normal law lies within it."""


class Penalty(NamedTuple):
    """What a partition pays besides the cost of its segments.

    Parameters
    ----------
    change : float
        For each change.
    length : float
        For each segment, per natural logarithm of its length in samples.
    """

    change: float
    length: float = 0.0


def bic_penalty(noise: NDArray[np.float64], parameters: float, n: int) -> Penalty:
    """Return the penalty of the Bayesian information criterion.

    Each change adds `parameters` numbers a channel and one place, and each is worth `log n`, in
    units of the noise: `(parameters sum(noise) + max(noise)) log n`.

    Parameters
    ----------
    noise : (d,) float64
        By how much one superfluous number lowers the cost in each channel: the noise variance for
        squared distances, 1 for twice a log-likelihood.
    parameters : float
        Numbers that describe a channel within a segment, on average.
    n : int
        Samples.

    Returns
    -------
    Penalty
        Of changes alone.

    References
    ----------
    Yao, *Estimating the number of change-points via Schwarz' criterion*, 1988.

    Examples
    --------
    >>> round(bic_penalty(np.ones(2), 1, 1000).change / float(np.log(1000)), 3)
    3.0
    """
    return Penalty(float((parameters * noise.sum() + noise.max()) * np.log(n)))


def mbic_penalty(noise: NDArray[np.float64], parameters: float, n: int) -> Penalty:
    """Return the penalty of the modified Bayesian information criterion.

    For one mean in noise of variance 1, `m` changes pay `2 m log n` and each segment the logarithm
    of its length: a place has `n` values to choose from and a mean is known the better, the longer
    its segment. Short segments are cheap to describe and dear to place, so even lengths win. With
    more numbers a segment pays for each of them.

    Parameters
    ----------
    noise : (d,) float64
        As for `bic_penalty`.
    parameters : float
        As for `bic_penalty`.
    n : int
        Samples.

    Returns
    -------
    Penalty
        Of changes and of lengths.

    References
    ----------
    Zhang, Siegmund, *A modified Bayes information criterion with applications to the analysis of
    comparative genomic hybridization data*, Biometrics 63, 2007: twice its criterion is
    `3 m log n + sum(log(length / n))`, here without the constant `-log n`.

    Examples
    --------
    >>> penalty = mbic_penalty(np.ones(1), 1, 1000)
    >>> round(penalty.change / float(np.log(1000)), 3), penalty.length
    (2.0, 1.0)
    """
    return Penalty(float(2 * noise.max() * np.log(n)), float(parameters * noise.sum()))


def difference_variance(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the noise variance of each channel, by the differences of neighbours.

    From their median absolute deviation, so that changes of the mean hardly disturb it; where more
    than half of the differences are equal (a coarsely quantised signal), from their mean square.
    It takes the noise as independent from sample to sample: where neighbours resemble each other,
    as in most raw sensor signals, it is far too small; see `long_run_variance`.

    Parameters
    ----------
    x : (n, d) float64
        Finite values.

    Returns
    -------
    (d,) float64
        Zero for a constant channel.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=(10_000, 1))
    >>> difference_variance(noise).round(1).tolist()
    [1.0]
    """
    return _spread(np.diff(x, axis=0)) / 2


def long_run_variance(
    x: NDArray[np.float64], search: Search = steps, *, lines: bool = False
) -> NDArray[np.float64]:
    """Return the variance that sums of the noise have per sample, whatever their length, at most.

    That is what makes means of autocorrelated noise wander, and so what a change of the mean has to
    stand out from. Noise is what the likeliest partition and autoregression leave: see
    `tsalign.segment.noise.noise_of`. For independent samples it is their variance. Of a random walk
    it is nearly without bound: there, nothing is a change. Of more than 2,048 samples, eight
    stretches are looked at.

    Parameters
    ----------
    x : (n, d) float64
        Finite values.
    search : callable
        `search(channel, penalty)` gives the ends of a partition; by default into levels.
    lines : bool
        Whether its segments are lines.

    Returns
    -------
    (d,) float64
        In squared units of the signal; below five samples, `difference_variance`.

    Examples
    --------
    The truth is 9:

    >>> noise = np.random.default_rng(0).normal(size=(20_002, 1))
    >>> smooth = noise[2:] + noise[1:-1] + noise[:-2]
    >>> long_run_variance(smooth).round().tolist(), difference_variance(smooth).round().tolist()
    ([10.0], [1.0])
    """

    def measure(channel: NDArray[np.float64]) -> float:
        found = noise_of(channel, search, lines=lines)
        if found is None:
            return float(difference_variance(channel[:, None])[0])
        return found.variance * found.inflation

    return by_pieces(x, measure)


def _spread(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the variance of each column, by its median absolute deviation where there is one."""
    if len(steps) == 0:
        return np.zeros(steps.shape[1])
    deviation = np.median(np.abs(steps - np.median(steps, axis=0)), axis=0) / NORMAL_QUARTILE
    return np.where(deviation > 0, deviation**2, np.square(steps).mean(axis=0))
