"""Change points of the whole distribution: least squares in the feature space of a kernel."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Gt, Lt
from numpy.typing import NDArray
from scipy.spatial.distance import cdist, pdist

from tsalign.kernels.kernel_change import kernel_change_points
from tsalign.segment.base import count
from tsalign.segment.costs import L2, Variance
from tsalign.segment.penalties import Penalty
from tsalign.segment.problem import NOTHING, check_scale, prepare
from tsalign.segment.rules import Question, Ruled

KernelRule = Literal["bic", "crops", "calibrated", "supervised"]
"""The rules that choose a penalty."""

LEADING = 0.95
"""Features are measured until they make up this share of all variance."""

BLOCK = 4096
"""Samples mapped at a time."""


class Kernel(Ruled):
    """Cut a series where its distribution changes, as a kernel sees it.

    Minimises the squared distances of the samples to the mean of their segment in the kernel's
    feature space, plus `penalty` for each change. `rbf` notices any change of distribution,
    `linear` one of the mean, `cosine` one of direction. The exact optimum, except for `rbf` beyond
    `exact_length` samples: there, samples are mapped to `n_features` numbers and that problem is
    solved exactly, in near-linear time; how far it can be from the optimum: `nystroem`.

    Parameters
    ----------
    kernel : {"rbf", "linear", "cosine"}
        `exp(-gamma |a - b|^2)`, the inner product, or that over both lengths (0 for zeros).
    gamma : float or "median"
        Of `rbf`; by default one over the median squared distance of two samples.
    penalty : float, "bic", "crops", "calibrated" or "supervised"
        What a change must save to be made; for `rbf` and `cosine` below 1 per sample. Or a rule
        applied to the features, as for `Pelt`.
    min_duration : float
        Shortest segment in seconds, rounded to whole samples and at least one.
    rate : float
        Samples per second; with 1.0 a second is a sample.
    variance : {"difference", "long_run"}
        How rules measure noise, as for `Pelt`.
    exact_length : int
        Longest series for which `rbf` is exact: quadratic time where changes are rare (10,000
        samples: a fraction of a second), but linear memory.
    n_features : int
        Numbers a sample is mapped to beyond that, and for rules and confidences.
    random_state : int
        Seed of the samples that span the features, and of `calibrated`.
    alpha : float
        For `calibrated`, as for `Pelt`.
    n_permutations : int
        For `calibrated`, as for `Pelt`.

    Attributes
    ----------
    n_features_in_ : int
        Channels seen in `fit`.
    bounds_ : (k, 2) int64
        Segments of the series seen in `fit`; not with `supervised`.
    confidence_ : (k - 1,) float64
        How probable each change is, as for `Pelt`, by the features; not with `supervised`.
    path_ : (m, 3) float64
        With `crops`, as for `Pelt`, of the features.
    factor_ : float
        With `supervised`: what `bic` is multiplied by.

    References
    ----------
    Arlot, Celisse, Harchaoui, *A kernel multiple change-point algorithm via model selection*,
    Journal of Machine Learning Research 20, 2019.

    Examples
    --------
    >>> tremor = np.repeat([0.1, 3.0], 20) * np.tile([1.0, -1.0, 0.5, -0.5], 10)
    >>> Kernel(penalty=2.0).fit_predict(tremor).tolist()
    [[0, 20], [20, 40]]
    """

    version: ClassVar[int] = 2

    def __init__(
        self,
        kernel: Literal["rbf", "linear", "cosine"] = "rbf",
        gamma: Annotated[float, Gt(0)] | Literal["median"] = "median",
        penalty: Annotated[float, Ge(0)] | KernelRule = "bic",
        min_duration: Annotated[float, Ge(0)] = 1.0,
        rate: Annotated[float, Gt(0)] = 1.0,
        variance: Variance = "long_run",
        exact_length: Annotated[int, Ge(0)] = 10_000,
        n_features: Annotated[int, Ge(1)] = 64,
        random_state: Annotated[int, Ge(0)] = 0,
        alpha: Annotated[float, Gt(0), Lt(1)] = 0.05,
        n_permutations: Annotated[int, Ge(1)] = 199,
    ) -> None:
        self.kernel = kernel
        self.gamma = gamma
        self.penalty = penalty
        self.min_duration = min_duration
        self.rate = rate
        self.variance = variance
        self.exact_length = exact_length
        self.n_features = n_features
        self.random_state = random_state
        self.alpha = alpha
        self.n_permutations = n_permutations

    def _ask(self, x: NDArray[np.float64]) -> Question:
        min_size = max(1, count("min_duration", self.min_duration, self.rate, least=0))
        check_scale(x)
        if self.kernel != "rbf":
            features = x if self.kernel == "linear" else directions(x)
            problem = prepare(features, "l2", min_size)
            return Question(problem, lambda: L2().noise(features, self.variance), problem.best)
        gamma = median_gamma(x) if self.gamma == "median" else float(self.gamma)
        features, _ = nystroem(x, gamma, self.n_features, self.random_state)
        problem = prepare(features, "l2", min_size)

        def exactly(penalty: Penalty) -> NDArray[np.int64]:
            return kernel_change_points(x, gamma, max(penalty.change, NOTHING * len(x)), min_size)

        solve = exactly if len(x) <= self.exact_length else problem.best
        return Question(problem, lambda: feature_noise(features, self.variance), solve)


def feature_noise(features: NDArray[np.float64], variance: Variance) -> NDArray[np.float64]:
    """Return the noise variance of features that matter, and of all others together.

    Parameters
    ----------
    features : (n, m) float64
        As `nystroem` gives them.
    variance : {"difference", "long_run"}
        How it is measured.

    Returns
    -------
    (k,) float64
        One number for each of the features of largest variance that make up `LEADING` of all, and
        one for the rest, taken to be as noisy.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=(500, 3)) * [1.0, 0.1, 0.1]
    >>> feature_noise(noise, "long_run").round(2).tolist()
    [0.96, 0.02]
    """
    spread = features.var(axis=0)
    order = np.argsort(-spread, kind="stable")
    share = np.cumsum(spread[order]) / max(float(spread.sum()), np.finfo(np.float64).tiny)
    most = int(np.searchsorted(share, LEADING)) + 1
    leading = L2().noise(features[:, order[:most]], variance)
    within = share[min(most, len(share)) - 1]
    rest = leading.sum() * (1 - within) / within if within > 0 else 0.0
    return np.append(leading, max(0.0, rest))


def directions(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return samples of length 1; zeros stay zeros.

    Parameters
    ----------
    x : (n, d) float64
        Finite values.

    Returns
    -------
    (n, d) float64
        Their inner products are the cosines.

    Examples
    --------
    >>> directions(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(length > 0, length, 1.0)


def median_gamma(x: NDArray[np.float64]) -> float:
    """Return one over the median squared distance between two samples.

    Parameters
    ----------
    x : (n, d) float64
        Finite values; of long series a thousand samples are compared.

    Returns
    -------
    float
        Above 0. The mean distance where more than half are 0; 1 for a constant series.

    Examples
    --------
    >>> median_gamma(np.array([[0.0], [2.0], [4.0]]))
    0.25
    """
    few = x[:: -(-len(x) // 1000)]
    squares = pdist(few - few[0], "sqeuclidean")
    if not squares.any():
        return 1.0
    middle = float(np.median(squares))
    return 1.0 / (middle if middle > 0 else float(squares.mean()))


def nystroem(
    x: NDArray[np.float64], gamma: float, n_features: int, random_state: int = 0
) -> tuple[NDArray[np.float64], float]:
    """Return features whose inner products are nearly the Gaussian kernel, and what they miss.

    The samples' images are projected on the principal directions of some of them. Whatever is cut
    off is again a kernel, whose share in the cost of any partition lies between 0 and `missing`:
    so the best partition of the features costs at most `missing` more than the optimum.

    Parameters
    ----------
    x : (n, d) float64
        Finite values.
    gamma : float
        The kernel is `exp(-gamma |a - b|^2)`.
    n_features : int
        Numbers a sample, at most; spanned by four times as many samples.
    random_state : int
        Seed by which these are drawn.

    Returns
    -------
    features : (n, m) float64
        `m <= n_features`.
    missing : float
        Sum over samples of `1 - |feature|^2`.

    References
    ----------
    Williams, Seeger, *Using the Nyström method to speed up kernel machines*, NIPS 2000.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(500, 1))
    >>> features, missing = nystroem(x, 0.5, 16)
    >>> features.shape[1] <= 16, missing < 1.0
    (True, True)
    """
    y = (x - x[0]) * np.sqrt(gamma)
    chosen = np.random.default_rng(random_state).permutation(len(y))[: 4 * n_features]
    landmarks = np.unique(y[chosen], axis=0)
    values, vectors = np.linalg.eigh(np.exp(-cdist(landmarks, landmarks, "sqeuclidean")))
    keep = np.flatnonzero(values > 1e-10 * values[-1])[-n_features:]
    onto = vectors[:, keep] / np.sqrt(values[keep])
    features = np.empty((len(y), len(keep)))
    for first in range(0, len(y), BLOCK):
        block = np.exp(-cdist(y[first : first + BLOCK], landmarks, "sqeuclidean"))
        features[first : first + BLOCK] = block @ onto
    return features, max(0.0, float(len(y) - np.square(features).sum()))
