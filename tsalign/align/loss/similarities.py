"""How close two sets of embeddings are, and what each measure does not see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Protocol, runtime_checkable

from annotated_types import Ge
from sklearn.base import BaseEstimator

from tsalign.errors import TsalignError
from tsalign.params import check_params

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    Compare = Callable[[Tensor, Tensor], Tensor]


@runtime_checkable
class Closeness(Protocol):
    """Anything that says how close the rows of two sides are, in a batch and after learning."""

    least: int
    """Pairs below which a batch says nothing."""
    paired: bool
    """Whether row i of one side must belong to row i of the other."""

    def __call__(self, signal: Tensor, text: Tensor) -> Tensor:
        """Return `(n, m)`: how close the rows of a batch are."""
        ...

    def beside(self, signal: Tensor, text: Tensor) -> Compare:
        """Return the same for any rows, with all that a batch would tell taken from these pairs."""
        ...


class Cosine(BaseEstimator):
    """The angle between two rows: blind to the length of each, and to a rotation of both sides.

    Examples
    --------
    >>> import torch
    >>> Cosine()(torch.tensor([[2.0, 0.0]]), torch.tensor([[3.0, 0.0], [0.0, 1.0]]))
    tensor([[1., 0.]])
    """

    version: ClassVar[int] = 1
    least: ClassVar[int] = 1
    paired: ClassVar[bool] = False

    def __call__(self, signal: Tensor, text: Tensor) -> Tensor:
        """Return cosines `(n, m)`."""
        from torch.nn.functional import normalize

        return normalize(signal, dim=1) @ normalize(text, dim=1).T

    def beside(self, signal: Tensor, text: Tensor) -> Compare:
        """Return itself: two rows are all it looks at."""
        return self


class Kernel(BaseEstimator):
    """A mixture of Gaussian kernels: sees distance, blind to a common rotation and shift.

    Parameters
    ----------
    widths : tuple of float
        Standard deviations, in the units of the embeddings; the kernels are averaged.

    References
    ----------
    Gretton et al. (2012), A Kernel Two-Sample Test, JMLR 13, section 8 on mixtures of widths.

    Examples
    --------
    >>> import torch
    >>> Kernel(widths=(1.0,))(torch.zeros(1, 2), torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
    tensor([[1.0000, 0.3679]])
    """

    version: ClassVar[int] = 1
    least: ClassVar[int] = 1
    paired: ClassVar[bool] = False

    def __init__(self, widths: tuple[float, ...] = (0.25, 0.5, 1.0)) -> None:
        self.widths = widths

    def __call__(self, signal: Tensor, text: Tensor) -> Tensor:
        """Return kernel values `(n, m)` in (0, 1]."""
        import torch

        if not self.widths or not all(width > 0 for width in self.widths):
            raise TsalignError(f"Kernel(widths={self.widths!r}): should be numbers above 0")
        apart = _squared_distances(signal, text)
        return torch.stack([(-apart / (2 * w * w)).exp() for w in self.widths]).mean(0)

    def beside(self, signal: Tensor, text: Tensor) -> Compare:
        """Return itself: two rows are all it looks at."""
        return self


class Correlation(BaseEstimator):
    """Correlation over the batch: blind to the origin and the unit of what it compares.

    Parameters
    ----------
    by : {"dimension", "canonical"}
        `dimension` standardises every column, as Barlow Twins do: blind to an affine map with
        positive slope of each column of either side. `canonical` weighs what is common to paired
        rows, as canonical correlation does, A Saa^-1 Sab Sbb^-1 B': blind to every invertible
        affine map of either side. It needs paired rows, many more than columns, for it fits them.
    ridge : float
        Added to the variances, relative to their mean: keeps a silent column from dividing by 0.

    References
    ----------
    Zbontar et al. (2021), Barlow Twins, ICML, eq. 2; Hotelling (1936), Relations between two sets
    of variates, Biometrika 28.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[-1.0], [1.0]])
    >>> Correlation(ridge=0.0)(x, 5 * x + 3)
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """

    version: ClassVar[int] = 1
    least: ClassVar[int] = 2

    def __init__(
        self,
        by: Literal["dimension", "canonical"] = "dimension",
        ridge: Annotated[float, Ge(0)] = 1e-6,
    ) -> None:
        self.by = by
        self.ridge = ridge

    def __call__(self, signal: Tensor, text: Tensor) -> Tensor:
        """Return products of standardised rows, divided by their columns: `(n, m)`."""
        return self.beside(signal, text)(signal, text)

    @property
    def paired(self) -> bool:
        """Whether row i of one side must belong to row i of the other."""
        return self.by == "canonical"

    def beside(self, signal: Tensor, text: Tensor) -> Compare:
        """Return the same for any rows: origins, units and what is common are those of these."""
        check_params(self)
        if min(len(signal), len(text)) < 2:
            raise TsalignError("a correlation needs at least two rows of each side")
        origins = signal.mean(0), text.mean(0)
        a, b = signal - origins[0], text - origins[1]
        if self.by == "dimension":
            units = self._units(a), self._units(b)
            return lambda x, y: (
                ((x - origins[0]) / units[0]) @ ((y - origins[1]) / units[1]).T / x.shape[1]
            )
        _check_pairs(signal, text)
        common = self._inverse(a) @ (a.T @ b / len(b)) @ self._inverse(b)
        columns = min(a.shape[1], b.shape[1])
        return lambda x, y: (x - origins[0]) @ common @ (y - origins[1]).T / columns

    def _units(self, rows: Tensor) -> Tensor:
        variance = rows.square().mean(0)
        floor = self.ridge * variance.mean()
        return (variance + floor).clamp(min=TINY).sqrt()

    def _inverse(self, rows: Tensor) -> Tensor:
        import torch

        covariance = rows.T @ rows / len(rows)
        floor = (self.ridge * covariance.diagonal().mean()).clamp(min=TINY)
        eye = torch.eye(len(covariance), dtype=rows.dtype, device=rows.device)
        return torch.linalg.inv(covariance + floor * eye)


class Relational(BaseEstimator):
    """Whether two rows keep the same distances to the rest: close on one side, close on the other.

    The batch is paired, row i of one side with row i of the other. Row i and row j are as alike as
    their distances to the pairs are correlated, both themselves left out. Blind to any rotation,
    shift and scale of either side alone.

    References
    ----------
    Moschella et al. (2023), Relative representations enable zero-shot latent space communication,
    ICLR; Park et al. (2019), Relational Knowledge Distillation, CVPR.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[0.0], [1.0], [3.0], [7.0]])
    >>> torch.allclose(Relational()(x, 5 - 2 * x).diagonal(), torch.ones(4))
    True
    """

    version: ClassVar[int] = 1
    least: ClassVar[int] = 4
    paired: ClassVar[bool] = True

    def __call__(self, signal: Tensor, text: Tensor) -> Tensor:
        """Return correlations of distances `(n, n)`."""
        import torch

        _check_pairs(signal, text)
        if len(signal) < 4:
            raise TsalignError("distances to the rest need at least four pairs")
        a, b = _distances(signal), _distances(text)
        others = len(a) - 2 + torch.eye(len(a), dtype=a.dtype, device=a.device)
        # A row lies at distance 0 from itself: products with it are left out by themselves.
        sum_a, sum_b = a.sum(1, keepdim=True) - a, b.sum(1) - b
        squares_a = a.square().sum(1, keepdim=True) - a.square() - sum_a.square() / others
        squares_b = b.square().sum(1) - b.square() - sum_b.square() / others
        together = a @ b.T - sum_a * sum_b / others
        return together / (squares_a.clamp(min=TINY) * squares_b.clamp(min=TINY)).sqrt()

    def beside(self, signal: Tensor, text: Tensor) -> Compare:
        """Return the same for any rows, by their distances to these pairs."""
        _check_pairs(signal, text)

        def compare(x: Tensor, y: Tensor) -> Tensor:
            a, b = _profile(x, signal), _profile(y, text)
            return a @ b.T

        return compare


TINY = 1e-12


def _check_pairs(signal: Tensor, text: Tensor) -> None:
    if len(signal) != len(text):
        raise TsalignError(f"{len(signal)} segments and {len(text)} texts are not pairs")


def _squared_distances(a: Tensor, b: Tensor) -> Tensor:
    squares = a.square().sum(1, keepdim=True) + b.square().sum(1) - 2 * a @ b.T
    return squares.clamp(min=0.0)


def _profile(rows: Tensor, anchors: Tensor) -> Tensor:
    """Return distances to the anchors, of mean 0 and length 1 a row."""
    from torch.nn.functional import normalize

    far = _squared_distances(rows, anchors).sqrt()
    return normalize(far - far.mean(1, keepdim=True), dim=1)


def _distances(rows: Tensor) -> Tensor:
    import torch

    eye = torch.eye(len(rows), dtype=torch.bool, device=rows.device)
    # The root of 0 has no gradient: the diagonal is set, not computed.
    squares = _squared_distances(rows, rows).clamp(min=TINY)
    return squares.masked_fill(eye, 1.0).sqrt().masked_fill(eye, 0.0)
