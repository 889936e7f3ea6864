"""Pooling of what a stretch holds, and of what its note says, into one place each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Protocol, runtime_checkable

from annotated_types import Ge, Gt
from sklearn.base import BaseEstimator

from tsalign.errors import TsalignError
from tsalign.params import check_params

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tsalign.align.pooling.attention import Pools

RECORDING: Literal["recording"] = "recording"
Scale = float | Literal["recording"]
"""How long a stretch is: seconds, or all of a recording."""


@runtime_checkable
class Pooling(Protocol):
    """Anything that builds a network which pools segments, and sentences, of several scales."""

    scales: Sequence[Scale]
    weight: float
    members: int
    batch_size: int

    def build(self, dimension: int) -> Pools:
        """Return the network for places of so many columns."""
        ...


class Attention(BaseEstimator):
    """Attention pooling: a learnt query weighs the segments of a stretch, one the sentences.

    The place of a stretch is the weighted mean of the places of its segments, so that a stretch
    of one segment lies where the segment lies; the same holds for notes and sentences. What is
    like the rest may count less: the query sees the mean of all members. Learning begins at the
    plain mean.

    Parameters
    ----------
    scales : sequence of float or "recording"
        How long stretches are, in seconds, or whole recordings; each scale has its own queries.
    weight : float
        What the loss of stretches counts beside that of segments.
    heads : int
        Blocks of columns with a query each; they share the columns evenly.
    members : int
        At most so many segments of a stretch, drawn anew each time, are looked at in a step;
        networks that read segments with their neighbours look at all.
    batch_size : int
        Stretches a step; each is the others' negative.

    References
    ----------
    Ilse et al. (2018), Attention-based Deep Multiple Instance Learning, ICML, eq. 8; Lee et al.
    (2019), Set Transformer, ICML, section 3.2 (pooling by multihead attention).

    Examples
    --------
    >>> import torch
    >>> pools = Attention(scales=(60.0, "recording")).build(dimension=8)
    >>> members = torch.nn.functional.normalize(torch.ones(1, 2, 8), dim=2)
    >>> pools.signal(members, torch.tensor([[True, False]]), scale=1).allclose(members[:, 0])
    True
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        scales: tuple[Annotated[float, Gt(0)] | Literal["recording"], ...] = (60.0, RECORDING),
        weight: Annotated[float, Gt(0)] = 1.0,
        heads: Annotated[int, Ge(1)] = 4,
        members: Annotated[int, Ge(1)] = 32,
        batch_size: Annotated[int, Ge(2)] = 32,
    ) -> None:
        self.scales = scales
        self.weight = weight
        self.heads = heads
        self.members = members
        self.batch_size = batch_size

    def build(self, dimension: int) -> Pools:
        """Return the network, with weights drawn from torch's current generator.

        Parameters
        ----------
        dimension : int
            Columns of a place; a multiple of `heads`.

        Returns
        -------
        Pools
            Pools segments, and sentences.

        Raises
        ------
        TsalignError
            When the heads cannot share the columns, or a scale is none.
        """
        from tsalign.align.pooling.attention import Pools

        check_params(self)
        check_scales(self.scales)
        if dimension % self.heads:
            raise TsalignError(
                f"Attention(heads={self.heads}): should share the {dimension} columns evenly"
            )
        return Pools(dimension, len(self.scales), self.heads)


def check_scales(scales: Sequence[Scale]) -> None:
    """Raise a `TsalignError` unless there are scales, each of them once.

    Parameters
    ----------
    scales : sequence of float or "recording"
        Positive seconds, or the word.

    Examples
    --------
    >>> check_scales([60.0, -1.0])
    Traceback (most recent call last):
    tsalign.errors.TsalignError: pooling: the scale -1.0 should be seconds above 0 or 'recording'
    """
    if isinstance(scales, str) or not len(scales) or len(set(scales)) < len(scales):
        raise TsalignError(f"pooling: scales={scales!r} should be a list of different scales")
    for scale in scales:
        number = isinstance(scale, (int, float)) and not isinstance(scale, bool)
        if scale != RECORDING and not (number and 0 < scale < float("inf")):
            raise TsalignError(
                f"pooling: the scale {scale!r} should be seconds above 0 or {RECORDING!r}"
            )


def scale_name(scale: Scale) -> str:
    """Return how a scale is called in figures.

    Parameters
    ----------
    scale : float or "recording"
        Of `Attention`.

    Examples
    --------
    >>> scale_name(60.0), scale_name("recording")
    ('60s', 'recording')
    """
    return scale if isinstance(scale, str) else f"{scale:g}s"
