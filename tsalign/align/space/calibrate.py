"""From scores to chances: curves of two or three numbers, fitted on people not learnt from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit, log_softmax, logit, logsumexp

Floats = NDArray[np.floating]
MOST_SURE = 12.0


def logistic(
    features: Sequence[Floats], target: Floats, weight: Floats | float = 1.0
) -> NDArray[np.float64]:
    """Return slopes and, last, intercept of the logistic curve that fits best.

    Parameters
    ----------
    features : sequence of arrays
        Scores, all of one shape.
    target : array
        Chances in [0, 1] that broadcast to that shape.
    weight : array or float
        How much each place counts; broadcasts as well.

    Returns
    -------
    (number of features + 1,) float64
        No slope is negative: a score never argues against itself.

    References
    ----------
    Platt (1999), Probabilistic outputs for support vector machines, section 2.1.

    Examples
    --------
    >>> slope, intercept = logistic([np.array([-1.0, 1.0] * 4)], np.array([0.25, 0.75] * 4))
    >>> bool(np.allclose([slope, intercept], [np.log(3), 0.0], atol=1e-3))
    True
    """
    shape = np.shape(features[0])
    x = np.stack([np.ravel(f).astype(float) for f in features])  # (f, n)
    y = np.broadcast_to(target, shape).ravel()
    share = np.broadcast_to(weight, shape).ravel() / np.broadcast_to(weight, shape).sum()
    centre = x @ share
    spread = np.sqrt((x - centre[:, None]) ** 2 @ share)
    spread[spread == 0] = 1.0
    z = (x - centre[:, None]) / spread[:, None]

    def loss(line: Floats) -> tuple[float, Floats]:
        height = line[:-1] @ z + line[-1]
        value = -(share @ (y * log_expit(height) + (1 - y) * log_expit(-height)))
        slant = share * (expit(height) - y)
        return float(value), np.array([*(z @ slant), slant.sum()])

    level = logit(np.clip(share @ y, 1e-6, 1 - 1e-6))
    start = np.array([*np.full(len(x), 1 / len(x)), level])
    bounds = [(0.0, None)] * len(x) + [(None, None)]
    line = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    slopes = line[:-1] / spread
    return np.array([*slopes, line[-1] - slopes @ centre])


def means_same(concepts: Floats, sentences: Floats) -> NDArray[np.float64]:
    """Return the log-odds that segment and sentence mean the same concept.

    Parameters
    ----------
    concepts : (k, c) array
        log p(concept | segment).
    sentences : (s, c) array
        log p(concept | sentence).

    Returns
    -------
    (k, s) float64
        Between -12 and 12.

    Examples
    --------
    >>> even = np.log([[0.5, 0.5]])
    >>> bool(abs(means_same(even, even)[0, 0]) < 1e-9)
    True
    """
    chance = np.exp(concepts, dtype=float) @ np.exp(sentences, dtype=float).T
    return np.clip(logit(np.clip(chance, 0.0, 1.0)), -MOST_SURE, MOST_SURE)


def choice(logits: Floats, log_prior: Floats, answers: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return sharpness, weight of the prior and logit of "nothing" that make chances true.

    Parameters
    ----------
    logits : (n, c) array
        Segment against concept.
    log_prior : (c,) array
        Logarithm of each concept's share.
    answers : (n,) int64
        Index of the true concept; -1 is nothing. If -1 never occurs, "nothing" begins where the
        concepts fit so badly as for one in a hundred described segments.

    Returns
    -------
    (3,) float64
        For `choose_log_proba`.

    References
    ----------
    Guo et al. (2017), On Calibration of Modern Neural Networks, ICML, section 4.2.
    """
    nothing = bool((answers < 0).any())
    rows = np.arange(len(answers))

    def loss(p: Floats) -> float:
        log_p = choose_log_proba(logits, log_prior, p)
        log_p = log_p if nothing else log_softmax(log_p[:, :-1], axis=1)
        return float(-log_p[rows, answers].mean() + 1e-3 * ((p[:2] - 1) ** 2).sum())

    start = np.array([1.0, 1.0, 0.0])
    bounds = [(0.01, 10.0), (0.0, 1.5), (None, None)]
    found = minimize(loss, start, method="L-BFGS-B", bounds=bounds).x
    if not nothing:
        fit = logsumexp(found[0] * logits + found[1] * log_prior, axis=1)
        found[2] = np.quantile(fit, 0.01)
    return found


def choose_log_proba(logits: Floats, log_prior: Floats, parameters: Floats) -> NDArray[np.float64]:
    """Return log-probabilities of each concept and, last, of nothing.

    Parameters
    ----------
    logits : (n, c) array
        Segment against concept.
    log_prior : (c,) array
        Logarithm of each concept's share.
    parameters : (3,) array
        From `choice`.

    Returns
    -------
    (n, c + 1) float64
        Rows whose chances sum to 1.
    """
    sharpness, trust, null = parameters
    wide = np.full((len(logits), logits.shape[1] + 1), null)
    wide[:, :-1] = sharpness * logits + trust * log_prior
    return log_softmax(wide, axis=1)
