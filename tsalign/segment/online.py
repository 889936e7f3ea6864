"""Change points of a stream, told as soon as they are certain."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any, Literal, Self

import numpy as np
from annotated_types import Ge, Gt, Lt
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from tsalign.errors import TsalignError
from tsalign.params import check_params
from tsalign.segment.base import Segmenter, count, samples
from tsalign.segment.cost import Variance
from tsalign.segment.pelt import bic
from tsalign.segment.problem import check_scale
from tsalign.segment.streams import GainTest, RunLengths


class Online(Segmenter):
    """Cut a stream where its mean changes, sample by sample and in bounded memory.

    Feed it with `partial_fit`, which returns the segments that have ended, and `finish`, which
    returns the last one; `predict` replays a whole series. The size of the chunks does not matter
    to the answer. After a change the test begins anew behind it, with the samples already seen.

    `focus` and `poisson` raise the alarm at the first sample at which one split of the present
    segment saves more than `penalty`, the unknown means before and after both estimated: the
    exact test of all splits, over all channels together. The best split `delay` later is the cut.
    `bocpd` follows the probability of every start of the present segment; mean and variance are
    unknown in every channel.

    Parameters
    ----------
    method : {"focus", "poisson", "bocpd"}
        Least squares, counts (deviance), or Bayesian online change point detection.
    penalty : float or "bic"
        What a change must save: in squared units of the signal, as in `Pelt`, and for `poisson`
        in twice the log likelihood. With `bic` it is that of `tsalign.segment.pelt.bic` for the
        stream so far and `warmup` more, with the noise of the first `warmup` seconds. Not used by
        `bocpd`.
    min_duration : float
        Shortest segment in seconds, rounded to whole samples and at least one. No change is told
        sooner after it.
    delay : float or None
        Seconds from the alarm to the decision where the change was: the samples that come in
        between sharpen the place. None stands for half of `min_duration`. Not used by `bocpd`.
    rate : float
        Samples per second; with 1.0 a second is a sample.
    warmup : float
        Seconds that are waited for to learn the noise from, by `bic` of `focus` and by `bocpd`;
        at least two samples.
    resolution : int
        How finely the place of an old change is known: all the last `resolution` samples are
        tried, and one every 1/`resolution` of their age before that. With one channel all older
        ones that could still win are kept as well, as long as they are less than `resolution`.
        At most `220 * resolution` places are ever kept (and `4 * min_duration * rate`).
    expected_duration : float
        For `bocpd`: seconds that a segment lasts on average.
    confidence : float
        For `bocpd`: a bound is made when a change is at least so probable. Of the starts that
        remain possible, the 100 most probable are kept.
    variance : {"difference", "long_run"}
        How `bic` of `focus` measures noise, as in `Pelt`.

    Attributes
    ----------
    n_features_in_ : int
        Channels seen in `fit` or in the first chunk.

    References
    ----------
    Romano, Eckley, Fearnhead, Rigaill, *Fast online changepoint detection via functional pruning
    CUSUM statistics*, JMLR 24, 2023, sections 2 and 3 (unknown mean before the change). Adams,
    MacKay, *Bayesian online changepoint detection*, 2007, algorithm 1.

    Examples
    --------
    >>> stream = Online(penalty=9.0)
    >>> stream.partial_fit([0.0, 0.2, 0.1, 5.0]).tolist()
    [[0, 3]]
    >>> stream.partial_fit([5.1, 5.0]).tolist()
    []
    >>> stream.finish().tolist()
    [[3, 6]]
    """

    def __init__(
        self,
        method: Literal["focus", "poisson", "bocpd"] = "focus",
        penalty: Annotated[float, Gt(0)] | Literal["bic"] = "bic",
        min_duration: Annotated[float, Ge(0)] = 1.0,
        delay: Annotated[float, Ge(0)] | None = None,
        rate: Annotated[float, Gt(0)] = 1.0,
        warmup: Annotated[float, Ge(0)] = 1000.0,
        resolution: Annotated[int, Ge(1)] = 1000,
        expected_duration: Annotated[float, Gt(0)] = 1000.0,
        confidence: Annotated[float, Gt(0), Lt(1)] = 0.99,
        variance: Variance = "long_run",
    ) -> None:
        self.method = method
        self.penalty = penalty
        self.min_duration = min_duration
        self.delay = delay
        self.rate = rate
        self.warmup = warmup
        self.resolution = resolution
        self.expected_duration = expected_duration
        self.confidence = confidence
        self.variance = variance

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Check the parameters, remember the number of channels, and forget any stream.

        Parameters
        ----------
        X : (n_samples, n_channels) or (n_samples,) array-like
            Finite numbers.
        y : None
            Ignored.

        Returns
        -------
        Online
            Itself.
        """
        self._forget()
        return super().fit(X, y)

    def partial_fit(self, X: ArrayLike, y: Any = None) -> NDArray[np.int64]:
        """Take the next samples of a stream in.

        Parameters
        ----------
        X : (n_samples, n_channels) or (n_samples,) array-like
            Finite numbers; any number of samples but none.
        y : None
            Ignored.

        Returns
        -------
        (m, 2) int64
            The segments that have ended since the last call, in samples since the first call.
            They are final.

        Raises
        ------
        TsalignError
            For a parameter out of its bounds, a chunk that is no series of finite numbers, or
            first samples that are all the same where `bic` needs their noise.
        """
        check_params(self)
        x = samples(X)
        if not hasattr(self, "n_features_in_"):
            self.n_features_in_ = x.shape[1]
        if x.shape[1] != self.n_features_in_:
            raise TsalignError(f"X has {x.shape[1]} channels, but fit saw {self.n_features_in_}")
        if np.abs(x).max() > 1e60:
            raise TsalignError(f"X reaches {np.abs(x).max():g}; rescale it to below 1e60")
        return self._take(x, self._patience())

    def finish(self) -> NDArray[np.int64]:
        """End the stream; the next chunk begins another one.

        Returns
        -------
        (m, 2) int64
            The segments not returned before, up to the last sample; none if nothing came.
        """
        ended = np.empty((0, 2), np.int64)
        if hasattr(self, "waiting_"):
            ended = self._take(self.waiting_[:0], 1)
        detector = self._running()
        if detector is not None:
            edges = np.array([self.bound_, *detector.finish(), self.n_samples_], np.int64)
            ended = np.concatenate([ended, np.column_stack([edges[:-1], edges[1:]])])
        self._forget()
        return ended

    def _segment(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        replay = clone(self)
        return np.concatenate([replay.partial_fit(x), replay.finish()])

    def _take(self, x: NDArray[np.float64], patience: int) -> NDArray[np.int64]:
        """Take samples in, or lay them aside while fewer than `patience` have come."""
        samples_so_far = getattr(self, "n_samples_", 0) + len(x)
        detector = self._running()
        if detector is None:
            x = np.concatenate([getattr(self, "waiting_", x[:0]), x])
            if len(x) < patience:
                self.waiting_, self.n_samples_ = x, samples_so_far
                return np.empty((0, 2), np.int64)
            detector = self._begin(x[: self._patience()])
        edges = np.array([getattr(self, "bound_", 0), *detector.feed(x)], np.int64)
        self._forget()
        self.bound_, self.n_samples_ = int(edges[-1]), samples_so_far
        for name, value in vars(detector).items():
            setattr(self, f"{name}_", value)
        return np.column_stack([edges[:-1], edges[1:]])

    def _patience(self) -> int:
        """Return how many samples are waited for before the first is looked at."""
        if self.method == "bocpd" or (self.method, self.penalty) == ("focus", "bic"):
            return self._lead()
        return 1

    def _lead(self) -> int:
        return count("warmup", self.warmup, self.rate, least=2)

    def _begin(self, x: NDArray[np.float64]) -> GainTest | RunLengths:
        """Return a detector that has learnt what it needs from the first samples."""
        min_size = max(1, count("min_duration", self.min_duration, self.rate, least=0))
        if self.method != "poisson":
            check_scale(x)
        if self.method != "bocpd":
            poisson, lead = self.method == "poisson", self._lead()
            wait = self.min_duration / 2 if self.delay is None else self.delay
            delay = count("delay", wait, self.rate, least=0)
            sizes = (lead, min_size, delay, self.resolution)
            return GainTest.begin(x, poisson, *self._prices(x), *sizes)
        hazard = 1 / count("expected_duration", self.expected_duration, self.rate, least=2)
        return RunLengths.begin(x, hazard, 1 - self.confidence, min_size)

    def _prices(self, x: NDArray[np.float64]) -> tuple[float, float]:
        """Return what a change must save, and what more per logarithm of the samples so far."""
        if not isinstance(self.penalty, str):
            return float(self.penalty), 0.0
        if self.method == "poisson":
            return 0.0, x.shape[1] + 1.0
        return 0.0, bic(x, self.variance) / float(np.log(max(len(x), 2)))

    def _running(self) -> GainTest | RunLengths | None:
        """Return the detector as it was left."""
        kind = RunLengths if self.method == "bocpd" else GainTest
        names = [field.name for field in fields(kind)]
        if not hasattr(self, "bound_"):
            return None
        return kind(**{name: getattr(self, f"{name}_") for name in names})

    def _forget(self) -> None:
        for name in [n for n in vars(self) if n.endswith("_") and n != "n_features_in_"]:
            delattr(self, name)
