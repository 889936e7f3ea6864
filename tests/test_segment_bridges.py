from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
import ruptures
from hypothesis import given
from hypothesis import strategies as st
from toys import Jumps

from tsalign.errors import TsalignError
from tsalign.segment import (
    AroundGaps,
    External,
    Pelt,
    to_changepoints,
    to_ends,
    to_intervals,
    to_labels,
)
from tsalign.segment.base import bounds_of
from tsalign.segment.conventions import from_answer

X = np.repeat([0.0, 9.0, 4.0], 20)


class Answers:
    """A detector that says what it is told."""

    def __init__(self, answer):
        self.answer = answer

    def fit_predict(self, X):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Remembers(Jumps):
    """A detector whose `predict` takes no series, as claspy's: it tells of the one it fitted."""

    def fit(self, X):
        super().fit(X)
        self.found = super().predict(X)
        return self

    def predict(self, sparse=True):
        return self.found if sparse is True else [X, self.found]

    def fit_predict(self, X, sparse=True):
        return self.fit(X).predict(sparse)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8))
def test_each_convention_says_the_same(lengths):
    ends = np.cumsum(lengths)
    bounds, n = bounds_of(ends), int(ends[-1])
    for answer in (to_changepoints(bounds), to_ends(bounds), to_labels(bounds, n)):
        assert from_answer(answer, n).tolist() == bounds.tolist()
    frame = to_intervals(bounds)
    assert from_answer(frame, n).tolist() == bounds.tolist()
    assert frame["labels"].tolist() == [*range(len(bounds))]
    assert [(i.left, i.right) for i in frame["ilocs"]] == [*map(tuple, bounds.tolist())]


def test_what_lies_between_segments_has_no_label():
    nan = float("nan")
    found = AroundGaps(Pelt(penalty=1.0), max_gap=1).fit_predict([0.0, 0, nan, nan, 0, 0])
    assert to_labels(found, 6).tolist() == [0, 0, -1, -1, 1, 1]


@pytest.mark.parametrize("bounds", [[1, 2], [[0.0, 3.0]], [[1, 2, 3]], []])
def test_what_are_no_bounds_is_refused(bounds):
    for convert in (to_changepoints, to_ends, to_intervals):
        with pytest.raises(TsalignError, match=r"bounds should be \(k, 2\) whole numbers"):
            convert(bounds)
    with pytest.raises(TsalignError, match="a segment ends at 9, beyond n=5"):
        to_labels([[0, 9]], 5)


def test_a_detector_as_it_is():
    detector = Jumps()
    found = External(detector).fit_predict(X)
    assert found.tolist() == [[0, 20], [20, 40], [40, 60]]
    assert not hasattr(detector, "channels"), "it is copied, not fitted"
    assert External("toys:Jumps", {"least": 6.0}).fit_predict(X).tolist() == [[0, 20], [20, 60]]
    scaled = External(Jumps(), predict_params={"scale": 2.0})
    assert scaled.fit_predict(X).tolist() == [[0, 20], [20, 60]]
    assert to_ends(found) == ruptures.Pelt("l2", min_size=1, jump=1).fit_predict(X, pen=5.0)


def test_a_detector_that_predicts_what_it_fitted():
    assert External(Remembers()).fit_predict(X).tolist() == [[0, 20], [20, 40], [40, 60]]


@pytest.mark.parametrize(
    "answer",
    [
        [20, 40],
        (20, 40, 60),
        np.array([20.0, 40.0]),
        [0, 20, 40],
        np.repeat([3, 1, 2], 20),
        pd.DataFrame({"ilocs": [20, 40]}),
        pd.Series([20, 40]),
    ],
)
def test_answers_of_many_kinds_are_understood(answer):
    assert External(Answers(answer)).fit_predict(X).tolist() == [[0, 20], [20, 40], [40, 60]]


def test_no_change_is_an_answer():
    assert External(Answers([])).fit_predict(X).tolist() == [[0, 60]]
    assert External(Answers(np.zeros(60))).fit_predict(X).tolist() == [[0, 60]]


@pytest.mark.parametrize(
    ("segmenter", "words"),
    [
        (External(Answers([40, 20])), "Answers answered neither change points within 60 samples"),
        (External(Answers([70])), "Answers answered neither"),
        (External(Answers([1.5])), "Answers answered neither"),
        (External(Answers([[1, 2]])), "Answers answered neither"),
        (External(Answers(None)), "Answers answered not a list of change points: None"),
        (External(Answers(ValueError("too short"))), r"cannot cut X of shape \(60, 1\): too short"),
        (External(Jumps), "needs a detector with fit and predict"),
        (External(3), "needs a detector with fit and predict, not 3"),
        (External("toys:Jumps", {"most": 1}), "Jumps refuses {'most': 1}"),
        (External("toys:Hops"), "cannot load 'toys:Hops'"),
        (External("toys"), "cannot load 'toys'"),
        (External("nowhere.to_be:Found"), "No module named 'nowhere'; is nowhere installed"),
        (External(Jumps(), {"least": 2.0}), "params are for an estimator that is given by its"),
    ],
)
def test_what_cannot_be_used_is_refused(segmenter, words):
    with pytest.raises(TsalignError, match=words):
        segmenter.fit_predict(X)


def test_without_pandas_intervals_are_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(TsalignError, match="to_intervals needs pandas"):
        to_intervals([[0, 3]])
