"""Estimators that choose how many changes there are by a rule, and say how sure each is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsalign.errors import TsalignError
from tsalign.params import check_params
from tsalign.segment.base import bounds_of, samples
from tsalign.segment.calibration import calibrated
from tsalign.segment.confidence import confidence
from tsalign.segment.judged import Confident, Judgement
from tsalign.segment.missing import present
from tsalign.segment.path import persistent, slope
from tsalign.segment.penalties import Penalty, bic_penalty, mbic_penalty
from tsalign.segment.problem import Problem
from tsalign.segment.supervision import learn_factor

Bounds = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Question:
    """What a rule may ask of a series.

    Parameters
    ----------
    problem : Problem
        The series, or features of it, under a cost.
    measure : callable
        `measure()` gives the noise of each channel in units of the cost, `(d,)`.
    solve : callable
        From a penalty to the ends of the best partition of the series itself.
    """

    problem: Problem
    measure: Callable[[], NDArray[np.float64]]
    solve: Callable[[Penalty], NDArray[np.int64]]

    @cached_property
    def noise(self) -> NDArray[np.float64]:
        """By how much a superfluous number lowers the cost of each channel."""
        return self.measure()

    @property
    def numbers(self) -> float:
        """How many numbers a change adds, each channel counting by its noise."""
        each, most = self.problem.numbers(self.noise), float(self.noise.max())
        return each * float(self.noise.sum()) / most if most > 0 else each

    @property
    def bic(self) -> float:
        """The penalty of the Bayesian information criterion."""
        numbers = self.problem.numbers(self.noise)
        return bic_penalty(self.noise, numbers, len(self.problem.x)).change


class Chosen(NamedTuple):
    """A penalty, what a superfluous number saves, how many a change adds, and a path if any."""

    penalty: Penalty
    unit: float
    numbers: float
    path: NDArray[np.float64] | None = None


class Ruled(Confident):
    """Base of estimators that choose by a rule; a subclass gives `_ask` and its constructor.

    It has the parameters `penalty`, `alpha`, `n_permutations` and `random_state`.

    Attributes
    ----------
    n_features_in_ : int
        Channels seen in `fit`.
    bounds_ : (k, 2) int64
        Segments of the series seen in `fit`.
    confidence_ : (k - 1,) float64
        Probability of each change, see `tsalign.segment.confidence`.
    path_ : (m, 3) float64
        Only with `"crops"`.
    factor_ : float
        Only with `"supervised"`.
    """

    penalty: Any
    alpha: float
    n_permutations: int
    random_state: int

    def fit(self, X: Any, y: Any = None) -> Self:
        """Cut a series; or, with `"supervised"`, learn from series whose changes are known.

        Parameters
        ----------
        X : (n_samples, n_channels) or (n_samples,) array-like, or a list of them
            Finite numbers; a list only with `"supervised"`.
        y : list of int, or a list of them
            Where the changes of the series are, for `"supervised"`; else ignored.

        Returns
        -------
        Ruled
            Itself.

        Raises
        ------
        TsalignError
            For a parameter out of its bounds, an `X` that is no finite series, or changes that are
            missing or outside of it.
        """
        if self.penalty != "supervised":
            vars(self).pop("path_", None)  # of an earlier rule
            return super().fit(X)
        check_params(self)
        series, changes = annotated(X, y, missing=self.takes_missing)
        rests = [present(x) for x in series]
        asked = [self._ask(rest.x) for rest in rests]
        known = [rest.changes(marks) for rest, marks in zip(rests, changes, strict=True)]
        examples = zip(asked, known, strict=True)
        self.factor_ = learn_factor([(ask.problem, ask.bic, marks) for ask, marks in examples])
        self.n_features_in_ = series[0].shape[1]
        return self

    def fit_predict(self, X: Any, y: Any = None) -> Bounds:
        """Fit to a series and return its segments.

        Parameters
        ----------
        X : (n_samples, n_channels) or (n_samples,) array-like
            Finite numbers.
        y : list of int
            Its changes, for `"supervised"`; else ignored.

        Returns
        -------
        (k, 2) int64
            Half-open bounds in samples, sorted.
        """
        if self.penalty != "supervised":
            return super().fit_predict(X)
        return self.fit(X, y).predict(X)

    @abstractmethod
    def _ask(self, x: NDArray[np.float64]) -> Question:
        """Prepare a checked series `(n, d)`, no sample of which is missing in all channels."""

    def _segment(self, x: NDArray[np.float64]) -> Bounds:
        rest = present(x)
        ask = self._ask(rest.x)
        return rest.bounds(bounds_of(ask.solve(self._choose(ask).penalty)))

    def _judge(self, x: NDArray[np.float64]) -> Judgement:
        rest = present(x)
        ask = self._ask(rest.x)
        chosen = self._choose(ask)
        ends = ask.solve(chosen.penalty)
        if chosen.path is not None:
            self.path_ = chosen.path
        sure = confidence(ask.problem, ends, chosen.unit, chosen.numbers)
        return Judgement(rest.bounds(bounds_of(ends)), sure)

    def _choose(self, ask: Question) -> Chosen:
        rule, problem = self.penalty, ask.problem
        if not isinstance(rule, str):
            return _taken_as_bic(Penalty(float(rule)), problem)
        if rule == "slope":
            return _taken_as_bic(slope(problem), problem)
        unit = float(ask.noise.max())
        if rule == "supervised":
            return Chosen(Penalty(self.factor_ * ask.bic), self.factor_ * unit, ask.numbers)
        if rule == "crops":
            penalty, path = persistent(problem, ask.bic)
            return Chosen(penalty, unit, ask.numbers, path)
        if rule == "calibrated":
            penalty = calibrated(problem, self.alpha, self.n_permutations, self.random_state)
            return Chosen(penalty, unit, ask.numbers)
        criterion = {"bic": bic_penalty, "mbic": mbic_penalty}[rule]
        penalty = criterion(ask.noise, problem.numbers(ask.noise), len(problem.x))
        return Chosen(penalty, unit, ask.numbers)


def _taken_as_bic(penalty: Penalty, problem: Problem) -> Chosen:
    """Return what a penalty says of the noise, if it is what `bic` would be."""
    numbers = float(problem.cost.numbers(problem.x.shape[1]).sum())
    unit = penalty.change / ((numbers + 1) * max(1.0, np.log(len(problem.x))))
    return Chosen(penalty, unit, numbers)


def annotated(
    X: Any, y: Any, *, missing: bool = False
) -> tuple[list[NDArray[np.float64]], list[NDArray[np.int64]]]:
    """Return series and their changes as lists, checked; one series may come without a list.

    Parameters
    ----------
    X : (n_samples, n_channels) or (n_samples,) array-like, or a list of them
        Finite numbers.
    y : list of int, or a list of them
        For each series, where it changes: the starts of all segments but the first.
    missing : bool
        Whether NaN may stand for a missing sample.

    Returns
    -------
    series : list of (n, d) float64
        All with as many channels.
    changes : list of (m,) int64
        Sorted.

    Raises
    ------
    TsalignError
        Naming the series where something is wrong.

    Examples
    --------
    >>> series, changes = annotated([[0.0, 0.0, 5.0, 5.0], [1.0, 1.0]], [[2], []])
    >>> [len(x) for x in series], [places.tolist() for places in changes]
    ([4, 2], [[2], []])
    """
    if y is None:
        raise TsalignError('penalty="supervised" learns from known changes: give them as y')
    if not isinstance(X, (list, tuple)) or all(np.ndim(row) == 0 for row in X):
        X, y = [X], [y]
    if len(X) != len(y) or len(X) == 0:
        raise TsalignError(f"X has {len(X)} series, but y the changes of {len(y)}")
    series = [samples(one, missing=missing) for one in X]
    if len({x.shape[1] for x in series}) > 1:
        raise TsalignError("X has series with different numbers of channels")
    return series, [_places(y[i], len(x), i) for i, x in enumerate(series)]


def _places(marks: Sequence[int] | ArrayLike, n: int, i: int) -> NDArray[np.int64]:
    places = np.unique(np.asarray(marks, dtype=np.float64).ravel())
    wrong = (places != np.round(places)) | (places < 1) | (places >= n)
    if wrong.any():
        raise TsalignError(
            f"series {i} cannot change at {places[wrong][0]:g}: it has {n} samples, and a change is"
            " the whole number of the sample that begins a segment"
        )
    return places.astype(np.int64)
