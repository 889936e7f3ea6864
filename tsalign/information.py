"""How much two sets of embeddings know of each other: bounds from both sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tsalign.errors import TsalignError

Floats = NDArray[np.floating]
BATCH = 1024
"""Rows that are each other's rivals: the lower bound cannot exceed the logarithm of it."""

FAR = 6.0  # standard deviations


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
    return _bounds(information_rows(a, b, components, random_state))


def information_rows(
    a: Floats,
    b: Floats,
    components: int = 16,
    random_state: int = 0,
    groups: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """Return what each row adds to both bounds of `mutual_information`.

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
    groups : (n,) int64 or None
        Rows of one group, such as a recording, are never judged by what was learnt from others
        of it; None lets every row stand for itself.

    Returns
    -------
    (n, 2) float64
        Parts of the lower and of the upper bound in nats; their means are the bounds.

    Raises
    ------
    TsalignError
        When the two are not pairs of finite rows, at least twenty, of at least two groups.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(40, 1))
    >>> bool(information_rows(rows, rows).mean(axis=0)[0] > 1.0)
    True
    """
    a, b = _paired(a, b)
    out = np.empty((len(a), 2))
    for fold in _folds(len(a), random_state, groups):
        rest = np.setdiff1d(np.arange(len(a)), fold)
        (a_rest, a_fold), (b_rest, b_fold) = (
            _principal(x[rest], x[fold], components) for x in (a, b)
        )
        critic = _gaussian_critic(a_rest, b_rest, a_fold, b_fold)
        out[fold, 0], out[fold, 1] = infonce_bound(critic), club_bound(critic)
    return out


def _folds(n: int, random_state: int, groups: NDArray[np.int64] | None) -> list[NDArray[np.int64]]:
    """Draw rows, or groups of rows, into sets of two rows or more."""
    own = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    count = int(own.max()) + 1
    if count < 2:
        raise TsalignError("information is learnt on some recordings and judged on others: one is"
                           " too few")  # fmt: skip
    drawn = np.random.default_rng(random_state).permutation(count)
    parts = np.array_split(drawn, min(max(5, -(-n // BATCH)), count))
    folds: list[NDArray[np.int64]] = []
    for part in parts:
        fold = np.flatnonzero(np.isin(own, part))
        if folds and min(len(fold), len(folds[-1])) < 2:  # a row alone has no rivals
            folds[-1] = np.concatenate([folds[-1], fold])
        else:
            folds.append(fold)
    if len(folds) < 2:
        raise TsalignError("all rows but one are of one group")
    return folds


def _bounds(rows: NDArray[np.float64]) -> Bounds:
    errors = rows.std(axis=0) / np.sqrt(len(rows))
    return Bounds(*rows.mean(axis=0).tolist(), *errors.tolist())


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
    rows = shared_and_unique_rows(signal, text, target, components, random_state)
    return {name: _bounds(part) for name, part in rows.items()}


def shared_and_unique_rows(
    signal: Floats,
    text: Floats,
    target: Floats,
    components: int = 16,
    random_state: int = 0,
    groups: NDArray[np.int64] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Return what each row adds to the bounds of `shared_and_unique`.

    Parameters
    ----------
    signal, text, target : (n, d), (n, e), (n, t) array
        As there.
    components : int
        At most so many principal components of each.
    random_state : int
        Seed of the folds.
    groups : (n,) int64 or None
        As in `information_rows`.

    Returns
    -------
    dict of str to (n, 2) float64
        `shared`, `signal` and `text`.
    """
    signal, text = _paired(signal, text)
    signal, target = _paired(signal, target)
    asked = {
        "shared": (signal, text),
        "signal": (_without(text, signal), _without(text, target)),
        "text": (_without(signal, text), _without(signal, target)),
    }
    given = (components, random_state, groups)
    return {name: information_rows(a, b, *given) for name, (a, b) in asked.items()}


def _gaussian_critic(a: Floats, b: Floats, a_new: Floats, b_new: Floats) -> NDArray[np.float64]:
    """Return log q(b_new | a_new) of all pairs, but for a constant; q learnt from a and b."""
    n, d, e = *a.shape, b.shape[1]
    # With few rows a column counts as less certain: nothing where there are many.
    weights = np.linalg.solve(a.T @ a + max(1e-6 * n, d) * np.eye(d), a.T @ b)
    left = b - a @ weights
    covariance = left.T @ left / n
    share = min(e / n, 1.0)
    level = np.trace(covariance) / max(e, 1)
    covariance = (1 - share) * covariance + (share * level + 1e-6) * np.eye(e)
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
    # Held back, for what rows never showed before has no scale.
    return tuple(np.clip((x - center) @ axes[:kept].T * scale, -FAR, FAR) for x in (rest, fold))


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
