"""A network that reads each segment together with those around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Lt
from sklearn.base import BaseEstimator

from tsalign.errors import TsalignError
from tsalign.params import check_params

if TYPE_CHECKING:
    from torch import nn


class ContextEncoder(BaseEstimator):
    """A network over the sequence of segments: each is read with its neighbours.

    A change that lasts three seconds is told by what stood before and after it. It learns from
    windows of a recording, in which segments without an answer are context, and then reads whole
    recordings: no segment's place depends on how they were cut into pieces.

    Parameters
    ----------
    network : {"tcn", "transformer"}
        Convolutions with holes, 1, 2, 4 ... segments apart, or attention to `2 ** layers`
        segments on either side.
    width : int
        Columns inside.
    layers : int
        Of the network; a `tcn` sees `2 ** layers - 1` segments on either side.
    heads : int
        Attentions side by side in a transformer.
    dropout : float
        Share of activations silenced while learning.
    blank : float
        Share of features silenced while learning, the same ones in a whole window.
    clip : float
        Standard deviations beyond which a feature says no more.
    window : int
        Segments read together while learning.
    start : {"drawn", "masked"}
        Weights that learning starts from: drawn, or learnt by naming hidden segments of all
        recordings to learn from, whether anything is said of them or not. With 200 stamped windows
        of HAPT (validation people, three seeds) no effect is shown: macro-F1 .71 after .69, by seed
        -.04, -.01 and +.09.

    References
    ----------
    Bai, Kolter and Koltun (2018), An Empirical Evaluation of Generic Convolutional and Recurrent
    Networks for Sequence Modeling, arXiv 1803.01271; attention to neighbours: Beltagy et al.
    (2020), Longformer, arXiv 2004.05150, section 3.1.

    Examples
    --------
    >>> ContextEncoder(width=8, layers=3).build(n_features=5, dimension=3).reach
    7
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        network: Literal["tcn", "transformer"] = "tcn",
        width: Annotated[int, Ge(1)] = 64,
        layers: Annotated[int, Ge(1)] = 5,
        heads: Annotated[int, Ge(1)] = 4,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.4,
        blank: Annotated[float, Ge(0), Lt(1)] = 0.2,
        clip: Annotated[float, Gt(0)] = 5.0,
        window: Annotated[int, Ge(1)] = 128,
        start: Literal["drawn", "masked"] = "drawn",
    ) -> None:
        self.network = network
        self.width = width
        self.layers = layers
        self.heads = heads
        self.dropout = dropout
        self.blank = blank
        self.clip = clip
        self.window = window
        self.start = start

    def build(self, n_features: int, dimension: int) -> nn.Module:
        """Return the network, with weights drawn from torch's current generator.

        Parameters
        ----------
        n_features, dimension : int
            Columns in and out.

        Returns
        -------
        torch.nn.Module
            Windows `(b, t, n_features)`, and which of their rows are real `(b, t)`, to
            `(b, t, dimension)`, not normalised; `reach` is how many rows on either side count.
        """
        from tsalign.align.signal.sequence import Dilated, InContext, NearBlock

        check_params(self)
        if self.network == "transformer" and self.width % self.heads:
            raise TsalignError(f"width={self.width} is no multiple of heads={self.heads}")
        if self.network == "tcn":
            blocks = [Dilated(self.width, 2**i, self.dropout) for i in range(self.layers)]
        else:
            blocks = [
                NearBlock(self.width, self.heads, 2**self.layers, self.dropout)
                for _ in range(self.layers)
            ]
        given = (n_features, dimension, self.width, blocks, self.blank, self.clip)
        return InContext(*given, self.start == "masked")
