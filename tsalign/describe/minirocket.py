"""MiniRocket: the proportion of positive values of many dilated convolutions.

Our own code, because aeon's is a heavy dependency and takes only series of equal length.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray
from scipy.linalg import eigh
from threadpoolctl import threadpool_limits

from tsalign.describe.context import Describer, Piece, level_and_power
from tsalign.errors import TsalignError
from tsalign.kernels.minirocket import TAPS, TRIPLES, convolve, fitting, proportions

MAX_DILATIONS = 32
SAMPLE = 20_000
BLOCK = 4096


class MiniRocket(Describer):
    """Convolve with 84 fixed kernels at several dilations and count what exceeds a bias.

    The kernels have nine weights, three of 2 and six of -1. Each pair of kernel and dilation sums
    a random choice of channels; its biases are quantiles of its output on a random training
    window. Channels are first brought to mean 0 and standard deviation 1 of the training
    recordings, so that units do not decide which channel counts. In a window too short for a
    dilation the dilation is lowered until the kernel fits.

    Parameters
    ----------
    kernels : int
        Number of features, rounded down to a multiple of 84.
    context : float or None
        Shortest stretch in seconds that is looked at around a segment.
    components : int or None
        Standardise the features and keep this many principal components, learned from at most
        20,000 training windows; None keeps all features.
    random_state : int
        Seed of the choice of channels and windows.

    Attributes
    ----------
    rate_ : float
        Samples per second.
    channels_ : int
        Channels of the signal.
    mean_, scale_ : (channels_,) float32
        Level and spread of the training recordings.
    dilations_ : (d,) int64
        Samples between taps.
    masks_ : (d * 84, channels_) bool
        Channels summed by each pair of dilation and kernel.
    ends_ : (d * 84 + 1,) int64
        The features of pair `j` are `ends_[j]` to `ends_[j + 1]`.
    biases_ : (f,) float32
        One a feature.
    centre_ : (f,) float32
        Mean of each feature; with `components` only.
    axes_ : (f, components) float32
        Projection, division by each feature's spread included; with `components` only.

    References
    ----------
    Dempster, Schmidt, Webb (2021), "MiniRocket: a very fast (almost) deterministic transform for
    time series classification", KDD, sections 3.1 and 3.2; channels as in the authors'
    multivariate extension.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
    >>> bounds = np.stack([np.arange(0, 400, 50), np.arange(50, 450, 50)], axis=1)
    >>> MiniRocket(kernels=500).fit_transform([(x, 50.0, bounds)])[0].shape
    (8, 420)
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        kernels: Annotated[int, Ge(84)] = 1000,
        context: Annotated[float, Ge(0)] | None = None,
        components: Annotated[int, Gt(0)] | None = None,
        random_state: Annotated[int, Ge(0)] = 0,
    ) -> None:
        self.kernels = kernels
        self.context = context
        self.components = components
        self.random_state = random_state

    def fit(self, pieces: Sequence[Piece], channels: Sequence[str] | None = None) -> MiniRocket:
        """Learn dilations from the median window, biases from random windows, and components.

        Parameters
        ----------
        pieces : sequence of (values (n, c), rate, bounds (k, 2))
            Training recordings, all with the same rate and channels.
        channels : sequence of str or None
            Not used; taken so that all describers are fitted alike.

        Returns
        -------
        MiniRocket
            Itself.

        Raises
        ------
        TsalignError
            When there are fewer features than components.
        """
        windows = self._learn(pieces)
        features = self.kernels // len(TRIPLES) * len(TRIPLES)
        if self.components is not None and self.components > features:
            raise TsalignError(f"{self.components} components of only {features} features")
        rng = np.random.default_rng(self.random_state)
        level, power = level_and_power(values for values, _, _ in pieces)
        self.mean_, self.scale_ = level.astype(np.float32), np.sqrt(power).astype(np.float32)
        lengths = np.concatenate([w[:, 1] - w[:, 0] for w in windows])
        self.dilations_, counts = spread(self.kernels // len(TRIPLES), float(np.median(lengths)))
        self.ends_ = np.concatenate([[0], np.cumsum(np.repeat(counts, len(TRIPLES)))])
        self.masks_ = _choose_channels(rng, len(self.ends_) - 1, self.channels_)
        self._learn_biases(pieces, windows, rng)
        if self.components is not None:
            self._learn_components(pieces, windows, rng)
        return self

    def _scaled(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.ascontiguousarray(((values - self.mean_) / self.scale_).T, dtype=np.float32)

    def _learn_biases(
        self, pieces: Sequence[Piece], windows: list[NDArray[np.int64]], rng: np.random.Generator
    ) -> None:
        numbers = rng.integers(sum(map(len, windows)), size=len(self.masks_))
        golden = (np.arange(1, self.ends_[-1] + 1) * ((np.sqrt(5) + 1) / 2)) % 1
        self.biases_ = np.empty(self.ends_[-1], dtype=np.float32)
        shares = zip(pieces, *_shared_out(numbers, windows), strict=True)
        for (values, _, _), spans, pairs in shares:
            for j, (a, b) in zip(pairs.tolist(), spans.tolist(), strict=True):
                d, k = divmod(j, len(TRIPLES))
                dilation = fitting(int(self.dilations_[d]), b - a)
                x = self._scaled(values[a:b])
                response = convolve(x, dilation, self.masks_[j], TRIPLES[k])
                features = slice(self.ends_[j], self.ends_[j + 1])
                self.biases_[features] = np.quantile(response, golden[features])

    def _learn_components(
        self, pieces: Sequence[Piece], windows: list[NDArray[np.int64]], rng: np.random.Generator
    ) -> None:
        total = sum(map(len, windows))
        chosen = rng.choice(total, size=min(total, SAMPLE), replace=False)
        spans, _ = _shared_out(np.sort(chosen), windows)
        rows = [
            self._proportions(self._scaled(values), some)
            for (values, _, _), some in zip(pieces, spans, strict=True)
        ]
        self.centre_, self.axes_ = principal_axes(np.concatenate(rows), int(self.components or 0))

    def _proportions(
        self, signal: NDArray[np.float32], windows: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        return proportions(
            signal, windows, TRIPLES, self.dilations_, self.masks_, self.ends_, self.biases_
        )

    def transform(
        self, values: NDArray[np.float32], rate: float, bounds: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Describe segments; with `components`, no more than 4096 full rows exist at once.

        Parameters
        ----------
        values : (n, c) float32
            Samples, finite within the segments.
        rate : float
            Samples per second, as in training.
        bounds : (k, 2) int64
            Half-open segments of any lengths.

        Returns
        -------
        (k, d) float32
            Proportions in [0, 1], or components.
        """
        windows = self._windows(values, rate, bounds)
        signal = self._scaled(values)
        if self.components is None:
            return self._proportions(signal, windows)
        out = np.empty((len(windows), self.axes_.shape[1]), dtype=np.float32)
        # One thread: how a product is shared out among threads would show in its last bits.
        with threadpool_limits(1, "blas"):
            for at in range(0, len(windows), BLOCK):
                rows = self._proportions(signal, windows[at : at + BLOCK])
                out[at : at + BLOCK] = (rows - self.centre_) @ self.axes_
        return out

    def fit_transform(
        self, pieces: Sequence[Piece], channels: Sequence[str] | None = None
    ) -> list[NDArray[np.float32]]:
        """Fit, and describe the segments of each piece.

        Parameters
        ----------
        pieces : sequence of (values (n, c), rate, bounds (k, 2))
            Training recordings.
        channels : sequence of str or None
            As for `fit`.

        Returns
        -------
        list of (k, d) float32
            One array a piece.
        """
        self.fit(pieces, channels)
        return [self.transform(*piece) for piece in pieces]

    def feature_names(self, channels: Sequence[str]) -> list[str]:
        """Name the columns.

        Parameters
        ----------
        channels : sequence of str
            Not used: most features mix channels.

        Returns
        -------
        list of str
            One a column.
        """
        count = len(self.biases_) if self.components is None else self.axes_.shape[1]
        kind = "minirocket" if self.components is None else "minirocket component"
        return self._named(f"{kind} {i}" for i in range(count))


def spread(per_kernel: int, length: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Spread the features of a kernel over dilations that grow by a constant factor.

    Parameters
    ----------
    per_kernel : int
        Features a kernel.
    length : float
        Typical samples of a window.

    Returns
    -------
    dilations : (d,) int64
        Rising from 1 to the largest that fits the window.
    counts : (d,) int64
        Features at each; their sum is `per_kernel`.

    Examples
    --------
    >>> [a.tolist() for a in spread(12, 65)]
    [[1, 2, 3, 4, 5, 6, 8], [4, 2, 2, 1, 1, 1, 1]]
    """
    exponent = np.log2(max(1.0, (length - 1) / (TAPS - 1)))
    steps = np.logspace(0, exponent, min(per_kernel, MAX_DILATIONS), base=2)
    # The sliver keeps powers of two whole that rounding left just below.
    dilations, shares = np.unique((steps + 1e-9).astype(np.int64), return_counts=True)
    counts = shares * (per_kernel // len(steps))
    left = per_kernel - counts.sum()
    counts += left // len(counts)
    counts[: left % len(counts)] += 1
    return dilations, counts


def _choose_channels(rng: np.random.Generator, pairs: int, channels: int) -> NDArray[np.bool_]:
    masks = np.zeros((pairs, channels), dtype=np.bool_)
    sizes = 2 ** rng.uniform(0, np.log2(min(channels, TAPS) + 1), size=pairs)
    for mask, size in zip(masks, sizes.astype(np.int64), strict=True):
        mask[rng.choice(channels, size=size, replace=False)] = True
    return masks


def _shared_out(
    numbers: NDArray[np.int64], windows: list[NDArray[np.int64]]
) -> tuple[list[NDArray[np.int64]], list[NDArray[np.int64]]]:
    """Return each piece's part of the chosen windows, and their places among the numbers."""
    lengths = np.array([len(w) for w in windows])
    ends = np.cumsum(lengths)
    piece = np.searchsorted(ends, numbers, side="right")
    places = [np.flatnonzero(piece == p) for p in range(len(windows))]
    starts = ends - lengths
    return [w[numbers[at] - s] for w, s, at in zip(windows, starts, places, strict=True)], places


def principal_axes(
    rows: NDArray[np.float32], components: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the mean and the leading principal axes of standardised features.

    Parameters
    ----------
    rows : (n, f) float32
        Features.
    components : int
        At most `f`.

    Returns
    -------
    centre : (f,) float32
        Mean.
    axes : (f, components) float32
        `(rows - centre) @ axes` are the components, largest variance first; the largest weight of
        each axis is positive.
    """
    centre = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    spread = rows.std(axis=0, dtype=np.float64).astype(np.float32)
    spread[spread == 0] = 1.0
    features = rows.shape[1]
    with threadpool_limits(1, "blas"):
        scaled = (rows - centre) / spread
        _, axes = eigh(
            (scaled.T @ scaled).astype(np.float64),
            subset_by_index=[features - components, features - 1],
        )
    axes = axes[:, ::-1]
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(components)]
    axes = axes * np.where(largest < 0, -1.0, 1.0) / spread[:, None]
    return centre, axes.astype(np.float32)
