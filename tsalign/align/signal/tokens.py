"""A network from the tokens around a segment to the shared space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Lt
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from tsalign.errors import TsalignError
from tsalign.params import check_params
from tsalign.types import Reads

if TYPE_CHECKING:
    from torch import nn

Start = Mapping[str, NDArray[Any]]


class TokenEncoder(BaseEstimator):
    """A small transformer over embedded tokens: the one of a segment and those around it.

    Its features are not descriptions but tokens: the segment's own in the middle of `reach` on
    either side, with `n_tokens` beyond the ends. After masked prediction the network starts from
    the predictor's weights, each token from what the predictor sees on average where it stands.

    Parameters
    ----------
    n_tokens : int or None
        How many there are; in a pipeline the slot `tokens` says it.
    reach : int
        Tokens on either side.
    width, layers, heads : int
        Columns inside, blocks, and attentions side by side; a predictor to start from has its own.
    dropout : float
        Share of activations silenced while learning.

    Examples
    --------
    >>> TokenEncoder(n_tokens=9, reach=2, width=8).build(n_features=5, dimension=3).out.out_features
    3
    """

    version: ClassVar[int] = 1
    reads: ClassVar[Reads] = "tokens"
    start_: Start | None = None

    def __init__(
        self,
        n_tokens: Annotated[int, Ge(1)] | None = None,
        reach: Annotated[int, Ge(0)] = 8,
        width: Annotated[int, Ge(1)] = 64,
        layers: Annotated[int, Ge(0)] = 2,
        heads: Annotated[int, Ge(1)] = 4,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.1,
    ) -> None:
        self.n_tokens = n_tokens
        self.reach = reach
        self.width = width
        self.layers = layers
        self.heads = heads
        self.dropout = dropout

    def started(self, n_tokens: int, start: Start | None = None) -> TokenEncoder:
        """Return an encoder for so many tokens, which may start from learnt weights.

        Parameters
        ----------
        n_tokens : int
            How many there are.
        start : mapping of str to array or None
            `embedding` (n_tokens, width), `heads`, and the weights `around.*` of a masked
            predictor up to its middle layer.

        Returns
        -------
        TokenEncoder
            Another one.
        """
        given = self.get_params() | {"n_tokens": n_tokens}
        if start is not None:
            blocks = {name.split(".")[2] for name in start if name.startswith("around.blocks.")}
            given |= {"width": start["embedding"].shape[1], "layers": len(blocks)}
            given |= {"heads": int(start["heads"])}
        made = TokenEncoder(**given)
        made.start_ = start
        return made

    def build(self, n_features: int, dimension: int) -> nn.Module:
        """Return the network, with weights learnt before or drawn from torch's generator.

        Parameters
        ----------
        n_features, dimension : int
            Columns in, `2 * reach + 1`, and out.

        Returns
        -------
        torch.nn.Module
            Rows of tokens to rows of `dimension`, not normalised.

        Raises
        ------
        TsalignError
            When the number of tokens is not known, or rows are not as wide as `reach` says.
        """
        from tsalign.transformer import Shape, TokenContext

        check_params(self)
        if self.n_tokens is None:
            raise TsalignError("TokenEncoder(n_tokens=None): say how many tokens there are")
        if self.width % self.heads:
            raise TsalignError(f"width={self.width} is no multiple of heads={self.heads}")
        if n_features != 2 * self.reach + 1:
            raise TsalignError(f"reach={self.reach} needs {2 * self.reach + 1} tokens a row")
        shape = Shape(self.n_tokens, dimension, self.width, self.layers, self.heads, self.dropout)
        network = TokenContext(shape)
        if self.start_ is not None:
            begin = {name: array for name, array in self.start_.items() if name != "heads"}
            network.begin(begin)
        return network
