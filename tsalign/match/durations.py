"""Log priors of how many segments a run has."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from tsalign.errors import TsalignError

USUAL_SPREAD = 0.5  # standard deviation of log seconds: two thirds within a factor of 1.65
USUAL_WEIGHT = 4.0  # examples that the usual spread counts for
STATED_SPREAD = 0.3  # of the log of a duration that somebody stated: "about five minutes"


def log_normal(seconds: ArrayLike, hop: float, longest: int) -> NDArray[np.float64]:
    """Return the log prior of runs of 1..D segments from durations seen before.

    The log seconds are taken as normal around their mean. Their variance is shrunk toward a usual
    one, 0.5 squared, that counts as 4 further examples, and widened by 1 + 1/n because the mean is
    known from n examples only; one example therefore gives a broad prior around itself. The prior
    is normalised: the probabilities of 1..D segments sum to 1. No example gives `flat`.

    Parameters
    ----------
    seconds : (n,) array_like
        Durations of n examples.
    hop : float
        Seconds by which one more segment lengthens a run.
    longest : int
        D, the longest run in segments.

    Returns
    -------
    (D,) float64
        Finite log probabilities.

    Raises
    ------
    TsalignError
        When a duration or the hop is not positive and finite, or longest is less than 1.

    References
    ----------
    Gelman et al., Bayesian Data Analysis, 3rd edition, section 3.3 (conjugate normal).

    Examples
    --------
    >>> prior = log_normal([2.0, 2.5], hop=0.5, longest=10)
    >>> int(prior.argmax()) + 1, round(float(np.exp(prior).sum()), 6)
    (3, 1.0)
    """
    if not longest >= 1 or not 0 < hop < np.inf:
        raise TsalignError(f"hop {hop} should be positive and longest {longest} at least 1")
    given = np.asarray(seconds, np.float64)
    if given.ndim != 1:
        raise TsalignError(f"durations have shape (n,), not {given.shape}")
    if not len(given):
        return flat(longest)
    wrong = np.flatnonzero(~((given > 0) & np.isfinite(given)))
    if wrong.size:
        raise TsalignError(f"duration {wrong[0]} is {given[wrong[0]]} s; it should be positive")
    logs = np.log(given)
    shrunk = USUAL_WEIGHT * USUAL_SPREAD**2 + np.sum((logs - logs.mean()) ** 2)
    variance = shrunk / (USUAL_WEIGHT + len(logs) - 1) * (1 + 1 / len(logs))
    lengths = np.log(hop * np.arange(1, longest + 1))
    density = -((lengths - logs.mean()) ** 2) / (2 * variance) - lengths
    return density - logsumexp(density)


def stated(seconds: float | None, hop: float, longest: int) -> NDArray[np.float64]:
    """Return how well runs of 1..D segments agree with a duration that was stated.

    The log of what is stated is taken as normal around that of the true duration, with a standard
    deviation of 0.3: a quarter less or a third more is common. The best length counts 0.

    Parameters
    ----------
    seconds : float or None
        The duration; None where nothing was stated.
    hop : float
        Seconds by which one more segment lengthens a run.
    longest : int
        D, the longest run in segments.

    Returns
    -------
    (D,) float64
        Log-likelihoods; zeros where nothing was stated.

    Examples
    --------
    >>> stated(2.0, hop=1.0, longest=4).round(1).tolist()
    [-2.7, 0.0, -0.9, -2.7]
    """
    if not seconds:
        return np.zeros(longest)
    away = np.log(hop * np.arange(1, longest + 1) / seconds) / STATED_SPREAD
    return 0.0 - away**2 / 2


def flat(longest: int) -> NDArray[np.float64]:
    """Return the log prior in which runs of 1..D segments are equally probable.

    Parameters
    ----------
    longest : int
        D, the longest run in segments.

    Returns
    -------
    (D,) float64
        -log(D) throughout.

    Examples
    --------
    >>> flat(4).round(3).tolist()
    [-1.386, -1.386, -1.386, -1.386]
    """
    return np.full(longest, -np.log(longest))
