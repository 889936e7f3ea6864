"""How much two sets of embeddings know of each other: bounds from both sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tsalign.errors import TsalignError

Floats = NDArray[np.floating]
BATCH = 1024
"""Rows that are each other's rivals: the lower bound cannot exceed the logarithm of it."""


@dataclass(frozen=True)
class Bounds:
    """Mutual information between two bounds, in nats.

    Parameters
    ----------
    lower, upper : float
        InfoNCE and CLUB, on rows that their model has not seen.
    lower_error, upper_error : float
        Standard errors over rows.
    """

    lower: float
    upper: float
    lower_error: float
    upper_error: float


def infonce_bound(critic: Floats) -> NDArray[np.float64]:
    """Return each row's part of the InfoNCE bound; its mean is at most the information.

    Parameters
    ----------
    critic : (n, n) array
        Any score of a against b, pairs on the diagonal; log p(b | a) makes the bound tight.

    Returns
    -------
    (n,) float64
        In nats; their mean cannot exceed log n.

    References
    ----------
    van den Oord et al. (2018), arXiv 1807.03748, eq. 5; Poole et al. (2019), On Variational
    Bounds of Mutual Information, ICML, eq. 10.

    Examples
    --------
    >>> infonce_bound(np.zeros((3, 3)))
    array([0., 0., 0.])
    """
    from scipy.special import logsumexp

    critic = _square(critic)
    # Over columns: each b picks its a, for log p(b | a) is known but for a factor of b alone.
    return np.diag(critic) - logsumexp(critic, axis=0) + np.log(len(critic))


def club_bound(critic: Floats) -> NDArray[np.float64]:
    """Return each row's part of the CLUB bound; its mean is at least the information.

    Parameters
    ----------
    critic : (n, n) array
        log q(b | a), pairs on the diagonal. The bound holds where q is near the truth.

    Returns
    -------
    (n,) float64
        In nats.

    References
    ----------
    Cheng et al. (2020), CLUB: A Contrastive Log-ratio Upper Bound of Mutual Information, ICML,
    eq. 11.

    Examples
    --------
    >>> club_bound(np.array([[0.0, -2.0], [-2.0, 0.0]]))
    array([2., 2.])
    """
    critic = _square(critic)
    own = np.diag(critic)
    return own - (critic.sum(1) - own) / (len(critic) - 1)


def mutual_information(a: Floats, b: Floats, components: int = 16, random_state: int = 0) -> Bounds:
    """Return bounds of the information that rows of `a` and rows of `b` share.

    The critic is a linear Gaussian model of b given a, over the first principal components of
    both, learnt on the other folds. For Gaussians it is the truth and both bounds hold; elsewhere
    the lower one still does, and the upper one is that of what the model sees.

    Parameters
    ----------
    a : (n, d) array
        One row an example.
    b : (n, e) array
        Rows of the same examples.
    components : int
        At most so many principal components of each side.
    random_state : int
        Seed of the folds.

    Returns
    -------
    Bounds
        In nats.

    Raises
    ------
    TsalignError
        When the two are not pairs of finite rows, at least twenty.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> a = rng.normal(size=(2000, 1))
    >>> found = mutual_information(a, a + rng.normal(size=(2000, 1)))
    >>> bool(found.lower < 0.5 * np.log(2) < found.upper)
    True
    """
    a, b = _paired(a, b)
    rows = np.random.default_rng(random_state).permutation(len(a))
    lower, upper = [], []
    for fold in np.array_split(rows, max(5, -(-len(a) // BATCH))):
        rest = np.setdiff1d(rows, fold)
        (a_rest, a_fold), (b_rest, b_fold) = (
            _principal(x[rest], x[fold], components) for x in (a, b)
        )
        critic = _gaussian_critic(a_rest, b_rest, a_fold, b_fold)
        lower.append(infonce_bound(critic))
        upper.append(club_bound(critic))
    low, high = np.concatenate(lower), np.concatenate(upper)
    errors = [float(x.std() / np.sqrt(len(x))) for x in (low, high)]
    return Bounds(float(low.mean()), float(high.mean()), *errors)


def shared_and_unique(
    signal: Floats, text: Floats, target: Floats, components: int = 16, random_state: int = 0
) -> dict[str, Bounds]:
    """Return what signal and text share, and what each alone knows of a target.

    `signal` is I(signal; target | text): the text is taken out of both by linear regression
    before they are compared, and the other way round. For Gaussians that is exact; elsewhere
    what the text tells other than linearly stays in.

    Parameters
    ----------
    signal : (n, d) array
        Embedded segments.
    text : (n, e) array
        Their embedded texts.
    target : (n, t) array
        What is to be known: another view of the segment, or columns of 0 and 1 for concepts.
    components : int
        At most so many principal components of each.
    random_state : int
        Seed of the folds.

    Returns
    -------
    dict of str to Bounds
        `shared`, I(signal; text); `signal` and `text`, what that side alone knows of the target.

    References
    ----------
    Liang et al. (2023), Factorized Contrastive Learning, NeurIPS, section 2.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> text, more, noise = rng.normal(size=(3, 2000, 1))
    >>> found = shared_and_unique(text + more, text, text + more + noise)
    >>> found["text"].upper < 0.1 < 0.2 < found["signal"].lower
    True
    """
    signal, text = _paired(signal, text)
    signal, target = _paired(signal, target)
    return {
        "shared": mutual_information(signal, text, components, random_state),
        "signal": mutual_information(
            _without(text, signal), _without(text, target), components, random_state
        ),
        "text": mutual_information(
            _without(signal, text), _without(signal, target), components, random_state
        ),
    }


def _gaussian_critic(a: Floats, b: Floats, a_new: Floats, b_new: Floats) -> NDArray[np.float64]:
    """Return log q(b_new | a_new) of all pairs, but for a constant; q learnt from a and b."""
    weights = np.linalg.solve(a.T @ a + 1e-6 * len(a) * np.eye(a.shape[1]), a.T @ b)
    left = b - a @ weights
    covariance = left.T @ left / len(left) + 1e-6 * np.eye(b.shape[1])
    root = np.linalg.cholesky(np.linalg.inv(covariance))
    means, seen = a_new @ weights @ root, b_new @ root
    squares = (means**2).sum(1)[:, None] + (seen**2).sum(1) - 2 * means @ seen.T
    return -squares / 2


def _principal(rest: Floats, fold: Floats, components: int) -> tuple[Floats, Floats]:
    """Return both in the whitened principal components of the first."""
    center = rest.mean(0)
    _, sizes, axes = np.linalg.svd(rest - center, full_matrices=False)
    kept = min(components, int((sizes > 1e-6 * sizes[0]).sum()))
    scale = np.sqrt(len(rest)) / sizes[:kept]
    return tuple((x - center) @ axes[:kept].T * scale for x in (rest, fold))


def _without(known: Floats, rows: Floats) -> Floats:
    """Return what a linear regression on `known` leaves of `rows`."""
    wide = np.column_stack([known, np.ones(len(known))])
    left = rows - wide @ np.linalg.lstsq(wide, rows, rcond=None)[0]
    # What is told in full leaves rounding, which must not be taken for knowledge.
    return left * (left.std(0) > 1e-9 * rows.std(0))


def _square(critic: Floats) -> NDArray[np.float64]:
    critic = np.asarray(critic, float)
    if critic.ndim != 2 or critic.shape[0] != critic.shape[1] or len(critic) < 2:
        raise TsalignError(f"a critic has shape {critic.shape}, where (n, n) is due, n > 1")
    return critic


def _paired(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    a, b = np.asarray(a, float), np.asarray(b, float)
    if a.ndim != 2 or b.ndim != 2 or len(a) != len(b) or len(a) < 20:
        raise TsalignError(f"shapes {a.shape} and {b.shape} are no twenty pairs of rows")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise TsalignError("an embedding is not finite")
    return a, b
