"""Different costs for different channels."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tsalign.errors import TsalignError
from tsalign.kernels.mixture import KERNELS, mixture
from tsalign.segment.cost import Cost, Statistics, Variance
from tsalign.segment.costs import COSTS, CostName


@dataclass(frozen=True)
class Mixed(Cost):
    """The sum of several costs, each of its own channels.

    Segments are cut where all channels together change most, heart rate by its mean and counts by
    their rate, say. Costs come in different units: squared distances in those of the channel, twice
    a log-likelihood in none. Where `l2` meets `normal` or `poisson`, standardize the channel or
    give it the weight 1 / noise variance. The sum is as exact as its parts. It takes NaN for what
    is missing if all its parts do.

    Parameters
    ----------
    channels : mapping of str or Cost to list of int
        Channels by the word of their cost, or by a cost of this package itself, such as `AR(2)`;
        each channel once. A channel that is not named does not count.

    Examples
    --------
    >>> from tsalign.segment import Pelt
    >>> pulse, steps = [60.0, 61.0, 60.0, 90.0, 91.0, 90.0], [0, 1, 0, 9, 7, 8]
    >>> cost = Mixed({"l2": [0], "poisson": [1]})
    >>> Pelt(cost, penalty=5.0).fit_predict(np.column_stack([pulse, steps])).tolist()
    [[0, 3], [3, 6]]
    """

    channels: Mapping[CostName | Cost, Sequence[int]]

    kernel = staticmethod(mixture)

    def __hash__(self) -> int:
        """Return a hash of the parts, which a mapping has not."""
        return hash(tuple((cost, tuple(own)) for cost, own in self.channels.items()))

    def parts(self) -> Iterator[tuple[Cost, list[int]]]:
        """Yield each cost and its channels.

        Raises
        ------
        TsalignError
            For what is no cost, or has a kernel that this package does not know.
        """
        for cost, own in self.channels.items():
            if not isinstance(cost, Cost) and (not isinstance(cost, Hashable) or cost not in COSTS):
                words = ", ".join(map(repr, COSTS))
                raise TsalignError(f"Mixed: {cost!r} should be one of {words}, or a Cost")
            made = cost if isinstance(cost, Cost) else COSTS[cost]()
            if made.kernel not in KERNELS:
                raise TsalignError(
                    f"Mixed: {cost!r} has a kernel of its own, which cannot be mixed"
                )
            yield made, [int(q) for q in own]

    def shortest(self, channels: int) -> int:
        """Return the most that a part needs."""
        self._check(channels)
        return max(cost.shortest(len(own)) for cost, own in self.parts())

    def numbers(self, channels: int) -> NDArray[np.float64]:
        """Return what each part has; 0 for a channel that is not named."""
        out = np.zeros(channels)
        for cost, own in self.parts():
            out[own] = cost.numbers(len(own))
        return out

    def statistics(self, x: NDArray[np.float64], weights: NDArray[np.float64]) -> Statistics:
        """Return all tables in one row; the constants, each part's after its kind and shape."""
        tables, numbers = [], []
        for cost, own in self.parts():
            table, constants = cost.statistics(np.ascontiguousarray(x[:, own]), weights[own])
            tables.append(np.ravel(table))
            kernel = KERNELS.index(cost.kernel)
            numbers += [kernel, *table.shape, len(constants), *constants]
        return np.concatenate(tables)[None], np.array(numbers, dtype=np.float64)

    def noise(self, x: NDArray[np.float64], variance: Variance) -> NDArray[np.float64]:
        """Return what each part says; 0 for a channel that is not named."""
        out = np.zeros(x.shape[1])
        for cost, own in self.parts():
            out[own] = cost.noise(np.ascontiguousarray(x[:, own]), variance)
        return out

    def steady(self, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], int, float]:
        """Return what each part leaves, and the longest memory of all."""
        left, memory, lost = x.copy(), 1, 1.0
        for cost, own in self.parts():
            left[:, own], lasts, grows = cost.steady(np.ascontiguousarray(x[:, own]))
            memory, lost = max(memory, lasts), max(lost, grows)
        return left, memory, lost

    def masked(self) -> Cost | None:
        """Return a mixture whose parts take NaN, if all of them can."""
        parts: dict[CostName | Cost, list[int]] = {}
        for cost, own in self.parts():
            masked = cost.masked()
            if masked is None:
                return None
            parts[masked] = parts.get(masked, []) + own
        return Mixed(parts)

    def narrowed(self, kept: NDArray[np.bool_]) -> Cost:
        """Return the mixture of what is left of each part."""
        self._check(len(kept))
        number = np.cumsum(kept) - 1
        parts: dict[CostName | Cost, list[int]] = {}
        for cost, own in self.parts():
            left = [int(number[q]) for q in own if kept[q]]
            if left:
                parts[cost] = parts.get(cost, []) + left
        if not parts:
            raise TsalignError("Mixed: no channel that is named has a sample")
        return Mixed(parts)

    def _check(self, channels: int) -> None:
        """Refuse what is no division of the channels."""
        named = [q for _, own in self.parts() for q in own]
        if not named or not all(own for _, own in self.parts()):
            raise TsalignError("Mixed: each cost should have a channel, and there should be a cost")
        wrong = [q for q in named if not 0 <= q < channels or named.count(q) > 1]
        if wrong:
            raise TsalignError(
                f"Mixed: channel {wrong[0]} should be one of 0 to {channels - 1}, and named once"
            )
