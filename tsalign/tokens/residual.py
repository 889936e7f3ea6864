"""Finer tokens: what one set of centres leaves over is clustered again, level by level."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from annotated_types import Ge
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from tsalign.errors import TsalignError
from tsalign.params import check_params
from tsalign.tokens.chunks import as_table
from tsalign.tokens.codes import MOST, as_numbers, check_codes
from tsalign.tokens.kmeans import KMeans
from tsalign.tokens.lloyd import label


class ResidualKMeans(ClusterMixin, BaseEstimator):
    """Residual codes: one token is `levels` codes, each about what those before it left over.

    With levels of 100 centres, two tell 10 000 tokens apart at the cost of 200 centres.

    Parameters
    ----------
    n_clusters : int
        Number of centres of each level.
    levels : int
        How many.
    init : {"k-means++", "random"}
        How the first centres are found.
    n_init : "auto" or int
        As in `KMeans`.
    max_iter : int
        Most iterations of a level.
    tol : float
        As in `KMeans`.
    random_state : int, optional
        Seed; `None` gives other centres on every call.
    n_jobs : int, optional
        Number of threads; `None` for numba's own number.

    Attributes
    ----------
    codebooks_ : ndarray of shape (levels, n_clusters, n_features)
        float32, the centres.
    labels_ : ndarray of shape (n_samples, levels)
        int32 codes of the rows fitted.
    inertia_ : ndarray of shape (levels,)
        Sum of squared distances that is left after each level.
    size_ : int
        How many different tokens `predict` can give.

    References
    ----------
    Barnes, Rizvi and Nasrabadi, "Advances in residual vector quantization: a review", 1996,
    section II (the greedy, sequential design).

    Examples
    --------
    >>> rows = [[0.0], [1.0], [10.0], [11.0]]
    >>> units = ResidualKMeans(2, levels=2, random_state=0).fit(rows)
    >>> units.reconstruct(units.encode(rows)).tolist()
    [[0.0], [1.0], [10.0], [11.0]]
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        n_clusters: Annotated[int, Ge(1)] = 8,
        levels: Annotated[int, Ge(1)] = 2,
        *,
        init: Literal["k-means++", "random"] = "k-means++",
        n_init: Literal["auto"] | Annotated[int, Ge(1)] = "auto",
        max_iter: Annotated[int, Ge(1)] = 300,
        tol: Annotated[float, Ge(0)] = 1e-4,
        random_state: int | None = None,
        n_jobs: Annotated[int, Ge(1)] | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.levels = levels
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Find the centres of one level after the other.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Finite numbers; what is left over takes as much memory again.
        y : object
            Ignored.

        Returns
        -------
        ResidualKMeans
            Itself.

        Raises
        ------
        TsalignError
            As `KMeans.fit`.
        """
        check_params(self)
        rng, left = check_random_state(self.random_state), as_table(X).copy()
        levels = []
        for _ in range(self.levels):
            level = KMeans(
                self.n_clusters,
                init=self.init,
                n_init=self.n_init,
                max_iter=self.max_iter,
                tol=self.tol,
                random_state=int(rng.randint(MOST)),
                n_jobs=self.n_jobs,
            ).fit(left)
            left -= level.cluster_centers_[level.labels_]
            levels.append(level)
        self.codebooks_ = np.stack([level.cluster_centers_ for level in levels])
        self.labels_ = np.stack([level.labels_ for level in levels], axis=1)
        self.inertia_ = np.array([level.inertia_ for level in levels])
        self.size_ = self.n_clusters**self.levels
        return self

    def encode(self, X: ArrayLike) -> NDArray[np.int32]:
        """Return the codes of each row.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Finite numbers.

        Returns
        -------
        ndarray of shape (n_samples, levels)
            int32; each the nearest centre of its level to what is left over.

        Raises
        ------
        TsalignError
            For a value that is not finite or another number of features than fitted.
        """
        check_is_fitted(self)
        left, features = as_table(X).copy(), self.codebooks_.shape[2]
        if left.shape[1] != features:
            raise TsalignError(f"X has {left.shape[1]} features; the centres have {features}")
        codes = np.empty((len(left), len(self.codebooks_)), dtype=np.int32)
        for level, centers in enumerate(self.codebooks_):
            codes[:, level] = label(left, centers, self.n_jobs)
            left -= centers[codes[:, level]]
        return codes

    def reconstruct(self, codes: ArrayLike) -> NDArray[np.float32]:
        """Return the rows that codes stand for.

        Parameters
        ----------
        codes : array_like of shape (n_samples, n_codes)
            From `encode`; the first levels alone give a coarser answer.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            float32 sums of centres.

        Raises
        ------
        TsalignError
            For codes of another shape, or codes that no centre has.
        """
        check_is_fitted(self)
        levels, size, features = self.codebooks_.shape
        table = check_codes(codes, 1, levels, size)
        rows = np.zeros((len(table), features), dtype=np.float64)
        for level, column in enumerate(table.T):
            rows += self.codebooks_[level][column]
        return rows.astype(np.float32)

    def predict(self, X: ArrayLike) -> NDArray[np.int32]:
        """Return one number for the codes of each row: digits to the base `n_clusters`.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Finite numbers.

        Returns
        -------
        ndarray of shape (n_samples,)
            int32 below `size_`; the first level is the last digit.

        Raises
        ------
        TsalignError
            As `encode`; also for more different tokens than int32 can name.
        """
        check_is_fitted(self)
        return as_numbers(self.encode(X), self.codebooks_.shape[1])
