"""Networks from a segment's features to the shared space, and the shared space itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Protocol, runtime_checkable

from annotated_types import Ge, Lt
from sklearn.base import BaseEstimator

from tsalign.params import check_params

if TYPE_CHECKING:
    from torch import nn


@runtime_checkable
class SignalEncoder(Protocol):
    """Anything that builds a network for segments."""

    def build(self, n_features: int, dimension: int) -> nn.Module:
        """Return a network from `(n, n_features)` to `(n, dimension)`."""
        ...


class Mlp(BaseEstimator):
    """A small feed-forward network: at hundreds to thousands of segments nothing larger pays.

    Parameters
    ----------
    width : int
        Units of a hidden layer.
    layers : int
        Hidden layers.
    dropout : float
        Share of hidden units silenced while learning.

    Examples
    --------
    >>> network = Mlp(width=8).build(n_features=5, dimension=3)
    >>> network[-1].out_features
    3
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        width: Annotated[int, Ge(1)] = 256,
        layers: Annotated[int, Ge(0)] = 2,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.2,
    ) -> None:
        self.width = width
        self.layers = layers
        self.dropout = dropout

    def build(self, n_features: int, dimension: int) -> nn.Module:
        """Return the network, with weights drawn from torch's current generator.

        Parameters
        ----------
        n_features, dimension : int
            Columns in and out.

        Returns
        -------
        torch.nn.Module
            Rows of `n_features` to rows of `dimension`, not normalised.
        """
        from torch import nn

        check_params(self)
        parts: list[nn.Module] = []
        for layer in range(self.layers):
            n_in = self.width if layer else n_features
            parts += [nn.Linear(n_in, self.width), nn.LayerNorm(self.width), nn.GELU()]
            parts += [nn.Dropout(self.dropout)]
        return nn.Sequential(*parts, nn.Linear(self.width if parts else n_features, dimension))
