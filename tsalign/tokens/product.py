"""Product codes: each part of the features is clustered on its own."""

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


class ProductKMeans(ClusterMixin, BaseEstimator):
    """Product codes: one token is `parts` codes, each about its own run of neighbouring features.

    For features in blocks that vary on their own, as of several sensors, where residual codes would
    need a centre for every combination.

    Parameters
    ----------
    n_clusters : int
        Number of centres of each part.
    parts : int
        How many runs the features are cut into, as even as can be.
    init : {"k-means++", "random"}
        How the first centres are found.
    n_init : "auto" or int
        As in `KMeans`.
    max_iter : int
        Most iterations of a part.
    tol : float
        As in `KMeans`.
    random_state : int, optional
        Seed; `None` gives other centres on every call.
    n_jobs : int, optional
        Number of threads; `None` for numba's own number.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        float32; row `j` holds the centre `j` of every part side by side.
    labels_ : ndarray of shape (n_samples, parts)
        int32 codes of the rows fitted.
    inertia_ : float
        Sum of squared distances of those rows to what their codes stand for.
    size_ : int
        How many different tokens `predict` can give.

    References
    ----------
    Jegou, Douze and Schmid, "Product quantization for nearest neighbor search", 2011, section II B.

    Examples
    --------
    >>> rows = [[0.0, 5.0], [0.0, 7.0], [9.0, 5.0], [9.0, 7.0]]
    >>> units = ProductKMeans(2, parts=2, random_state=0).fit(rows)
    >>> units.reconstruct(units.encode(rows)).tolist() == rows
    True
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        n_clusters: Annotated[int, Ge(1)] = 8,
        parts: Annotated[int, Ge(1)] = 2,
        *,
        init: Literal["k-means++", "random"] = "k-means++",
        n_init: Literal["auto"] | Annotated[int, Ge(1)] = "auto",
        max_iter: Annotated[int, Ge(1)] = 300,
        tol: Annotated[float, Ge(0)] = 1e-4,
        random_state: int | None = None,
        n_jobs: Annotated[int, Ge(1)] | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.parts = parts
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Find the centres of one part after the other.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Finite numbers.
        y : object
            Ignored.

        Returns
        -------
        ProductKMeans
            Itself.

        Raises
        ------
        TsalignError
            As `KMeans.fit`; also for more parts than features.
        """
        check_params(self)
        rng, rows = check_random_state(self.random_state), as_table(X)
        if rows.shape[1] < self.parts:
            raise TsalignError(f"{rows.shape[1]} features cannot make parts={self.parts}")
        found = [
            KMeans(
                self.n_clusters,
                init=self.init,
                n_init=self.n_init,
                max_iter=self.max_iter,
                tol=self.tol,
                random_state=int(rng.randint(MOST)),
                n_jobs=self.n_jobs,
            ).fit(rows[:, part])
            for part in self._slices(rows.shape[1])
        ]
        self.cluster_centers_ = np.concatenate([part.cluster_centers_ for part in found], axis=1)
        self.labels_ = np.stack([part.labels_ for part in found], axis=1)
        self.inertia_ = float(sum(part.inertia_ for part in found))
        self.size_ = self.n_clusters**self.parts
        return self

    def encode(self, X: ArrayLike) -> NDArray[np.int32]:
        """Return the codes of each row.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Finite numbers.

        Returns
        -------
        ndarray of shape (n_samples, parts)
            int32; each the nearest centre of its part.

        Raises
        ------
        TsalignError
            For a value that is not finite or another number of features than fitted.
        """
        check_is_fitted(self)
        rows, features = as_table(X), self.cluster_centers_.shape[1]
        if rows.shape[1] != features:
            raise TsalignError(f"X has {rows.shape[1]} features; the centres have {features}")
        codes = [
            label(
                np.ascontiguousarray(rows[:, part]),
                np.ascontiguousarray(self.cluster_centers_[:, part]),
                self.n_jobs,
            )
            for part in self._slices(features)
        ]
        return np.stack(codes, axis=1)

    def reconstruct(self, codes: ArrayLike) -> NDArray[np.float32]:
        """Return the rows that codes stand for.

        Parameters
        ----------
        codes : array_like of shape (n_samples, parts)
            From `encode`.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            float32, centres side by side.

        Raises
        ------
        TsalignError
            For codes of another shape, or codes that no centre has.
        """
        check_is_fitted(self)
        table = check_codes(codes, self.parts, self.parts, self.n_clusters)
        features = self.cluster_centers_.shape[1]
        rows = np.empty((len(table), features), dtype=np.float32)
        for part, column in zip(self._slices(features), table.T, strict=True):
            rows[:, part] = self.cluster_centers_[column, part]
        return rows

    def predict(self, X: ArrayLike) -> NDArray[np.int32]:
        """Return one number for the codes of each row: digits to the base `n_clusters`.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Finite numbers.

        Returns
        -------
        ndarray of shape (n_samples,)
            int32 below `size_`; the first part is the last digit.

        Raises
        ------
        TsalignError
            As `encode`; also for more different tokens than int32 can name.
        """
        return as_numbers(self.encode(X), self.n_clusters)

    def _slices(self, features: int) -> list[slice]:
        edges = [len(part) for part in np.array_split(np.arange(features), self.parts)]
        ends = np.cumsum(edges).tolist()
        return [slice(end - size, end) for end, size in zip(ends, edges, strict=True)]
