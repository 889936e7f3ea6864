"""Networks that read the samples around a segment instead of features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from annotated_types import Ge, Lt
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from tsalign.align.signal.augmentation import Augment, Group
from tsalign.errors import TsalignError
from tsalign.params import check_params
from tsalign.types import Reads

if TYPE_CHECKING:
    from torch import nn

SAMPLES = 64
"""Points a channel where nobody says it, as in `Raw`."""


class SamplesEncoder(BaseEstimator):
    """What networks over samples have in common: the shape of a row."""

    reads: ClassVar[Reads] = "samples"
    samples: int | None
    groups: tuple[Group, ...] | None
    augment: Augment | None

    def reading(self, samples: int, groups: NDArray | Sequence[Group]) -> Self:
        """Return an encoder for rows that are known; what it says itself must fit.

        Parameters
        ----------
        samples : int
            Points a channel.
        groups : (g, 3) int64
            Channels of each 3-axis sensor; where the encoder names some, its own count.

        Returns
        -------
        Self
            Another one.

        Raises
        ------
        TsalignError
            When it is made for another number of points.
        """
        if self.samples not in (None, samples):
            raise TsalignError(f"samples={self.samples}, but rows have {samples} points a channel")
        found = tuple(tuple(int(channel) for channel in group) for group in groups)
        own = {"samples": samples, "groups": found if self.groups is None else self.groups}
        return type(self)(**self.get_params() | own)

    def _channels(self, n_features: int) -> int:
        """Check the parameters against the width of a row; return how many channels it has."""
        check_params(self)
        samples = self.samples or SAMPLES
        if n_features % samples:
            raise TsalignError(f"rows of {n_features} are no whole channels of {samples} samples")
        channels = n_features // samples
        for group in self.groups or ():
            if len(group) != 3 or not 0 <= min(group) <= max(group) < channels:
                raise TsalignError(f"group {group} is not three of the {channels} channels")
        if self.augment is not None and self.augment.shift >= samples:
            raise TsalignError(f"shift={self.augment.shift} leaves nothing of {samples} samples")
        return channels


class Conv(SamplesEncoder):
    """A residual network of convolutions over time.

    Rows are samples as `Raw` scales them, channel by channel, in which exactly 0 is missing;
    nothing scales them again. Which samples are there is shown to the network beside them, and
    time in which no channel is there counts for nothing.

    Parameters
    ----------
    samples : int or None
        Points a channel; None is what the describer says, or 64.
    width : int
        Columns inside.
    layers : int
        Blocks of two convolutions, each of which halves the time.
    kernel : int
        Points that a convolution sees, odd.
    dropout : float
        Share of activations silenced while learning.
    augment : Augment or None
        Random changes while learning.
    groups : tuple of (int, int, int) or None
        Channels of each 3-axis sensor, that may turn; None is what the describer says, or none.

    References
    ----------
    He et al. (2016), Deep Residual Learning for Image Recognition, CVPR, section 3.3; over time:
    Wang, Yan and Oates (2017), Time Series Classification from Scratch with Deep Neural Networks,
    IJCNN, section II.C. Layers are normalised by segment (Wu and He, 2018, Group Normalization).

    Examples
    --------
    >>> Conv(samples=8, width=4).build(n_features=16, dimension=3).channels
    2
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        samples: Annotated[int, Ge(1)] | None = None,
        width: Annotated[int, Ge(1)] = 64,
        layers: Annotated[int, Ge(1)] = 3,
        kernel: Annotated[int, Ge(1)] = 5,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.2,
        augment: Augment | None = None,
        groups: tuple[Group, ...] | None = None,
    ) -> None:
        self.samples = samples
        self.width = width
        self.layers = layers
        self.kernel = kernel
        self.dropout = dropout
        self.augment = augment
        self.groups = groups

    def build(self, n_features: int, dimension: int) -> nn.Module:
        """Return the network, with weights drawn from torch's current generator.

        Parameters
        ----------
        n_features, dimension : int
            Columns in, channels times samples, and out.

        Returns
        -------
        torch.nn.Module
            Rows of samples to rows of `dimension`, not normalised.

        Raises
        ------
        TsalignError
            When rows do not hold whole channels, or a parameter does not fit them.
        """
        from tsalign.align.signal.sample_nets import Changes, ResNet

        channels = self._channels(n_features)
        if self.kernel % 2 == 0:
            raise TsalignError(f"kernel={self.kernel} has no middle: take an odd one")
        changes = Changes(self.augment, self.groups or ())
        shape = (self.width, self.layers, self.kernel, self.dropout)
        return ResNet(channels, dimension, *shape, changes)


class Patch(SamplesEncoder):
    """A transformer over patches of each channel by itself.

    Rows are as for `Conv`. All channels pass through one network, in which patches that are
    missing are looked at by none; what is there is averaged over time, and over channels after a
    map of their own.

    Parameters
    ----------
    samples : int or None
        Points a channel; None is what the describer says, or 64.
    length, stride : int
        Points of a patch, and from one to the next.
    width, layers, heads : int
        Columns inside, blocks, and attentions side by side.
    dropout : float
        Share of activations silenced while learning.
    augment : Augment or None
        Random changes while learning.
    groups : tuple of (int, int, int) or None
        Channels of each 3-axis sensor, that may turn; None is what the describer says, or none.

    References
    ----------
    Nie et al. (2023), A Time Series is Worth 64 Words, ICLR, arXiv 2211.14730, section 3.1;
    without its instance normalisation, for levels tell postures apart.

    Examples
    --------
    >>> Patch(samples=8, length=4, stride=2, width=4).build(n_features=16, dimension=3).channels
    2
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        samples: Annotated[int, Ge(1)] | None = None,
        length: Annotated[int, Ge(1)] = 16,
        stride: Annotated[int, Ge(1)] = 8,
        width: Annotated[int, Ge(1)] = 64,
        layers: Annotated[int, Ge(0)] = 2,
        heads: Annotated[int, Ge(1)] = 4,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.2,
        augment: Augment | None = None,
        groups: tuple[Group, ...] | None = None,
    ) -> None:
        self.samples = samples
        self.length = length
        self.stride = stride
        self.width = width
        self.layers = layers
        self.heads = heads
        self.dropout = dropout
        self.augment = augment
        self.groups = groups

    def build(self, n_features: int, dimension: int) -> nn.Module:
        """Return the network, with weights drawn from torch's current generator.

        Parameters
        ----------
        n_features, dimension : int
            Columns in, channels times samples, and out.

        Returns
        -------
        torch.nn.Module
            Rows of samples to rows of `dimension`, not normalised.

        Raises
        ------
        TsalignError
            When rows do not hold whole channels, or a parameter does not fit them.
        """
        from tsalign.align.signal.sample_nets import Changes, PatchNet
        from tsalign.transformer import Shape

        channels = self._channels(n_features)
        samples = n_features // channels
        if self.width % self.heads:
            raise TsalignError(f"width={self.width} is no multiple of heads={self.heads}")
        if not self.stride <= self.length <= samples:
            raise TsalignError(
                f"length={self.length} is at least stride={self.stride}, and at most the {samples}"
                " samples of a channel"
            )
        # A row of the transformer is a patch, and beside it which of its samples are there.
        inside = (self.width, self.layers, self.heads, self.dropout)
        shape = Shape(2 * self.length, dimension, *inside)
        changes = Changes(self.augment, self.groups or ())
        return PatchNet(channels, samples, self.length, self.stride, shape, changes)
