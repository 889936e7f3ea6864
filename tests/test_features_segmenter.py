from __future__ import annotations

import naive_classification as naive
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsalign.errors import TsalignError
from tsalign.kernels.profile import neighbours
from tsalign.segment import Classification, Features
from tsalign.segment.classification import score_near
from tsalign.segment.features import _merged
from tsalign.segment.judged import standardised
from tsalign.segment.turns import best_step

SLOW = numba.config.DISABLE_JIT
some = settings(max_examples=5 if SLOW else 25, deadline=None)


def loudness(levels, each=300, d=1, seed=0):
    noise = np.random.default_rng(seed).normal(size=(each * len(levels), d))
    return noise * np.repeat(levels, each)[:, None]


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
@pytest.mark.parametrize("validate", [False, True])
def test_finds_changes_of_loudness(kernel, validate):
    x = loudness([1.0, 6.0, 1.0])
    segmenter = Features(window=20, kernel=kernel, validate=validate, threshold=0.5)
    ends = segmenter.fit_predict(x)[:-1, 1]
    np.testing.assert_allclose(ends, [300, 600], atol=10)
    assert segmenter.states_.tolist() == [0, 1, 0]


def test_boundaries_are_finer_than_the_windows_are_apart():
    off, rests, grid = [], set(), 20 // 4
    for at in range(600, 610):
        x = np.random.default_rng(at).normal(size=1200)
        x[at:] *= 6.0
        ends = Features(window=20).fit_predict(x)[:, 1]
        nearest = int(ends[np.abs(ends - at).argmin()])
        off.append(abs(nearest - at))
        rests.add(nearest % grid)
    assert np.mean(off) < grid
    assert len(rests) > 2


def test_noise_has_no_change():
    for seed in range(5):
        assert len(Features(window=20).fit_predict(loudness([1.0, 1.0], seed=seed))) == 1


def test_validation_only_takes_changes_away():
    x = loudness([1.0, 1.2, 1.0, 5.0], each=200)
    free = Features(window=15, penalty=1.5).fit(x)
    held = Features(window=15, penalty=1.5, validate=True).fit(x)
    assert set(held.bounds_[1:, 0]) <= set(free.bounds_[1:, 0])
    none = Features(window=15, penalty=1.5, validate=True, threshold=1e6).fit(x)
    assert len(none.bounds_) == 1


def test_a_validated_change_scores_as_in_classification():
    time = np.arange(600)
    wave = np.where(time < 300, np.sin(time / 3), np.sign(np.sin(time / 4)))
    x = standardised((wave + 0.05 * np.random.default_rng(0).normal(size=600))[:, None])
    places = neighbours(x, 20, 7, 0.1)
    scores = []
    for s in range(290, 311):
        _, ranks, links = naive.split(places, s, 20)
        scores.append(np.sqrt(max(ranks, 0) * max(links, 0)))
    assert score_near(places, 20, 300) == pytest.approx(max(scores), abs=1e-6)


@some
@given(st.integers(0, 99), st.integers(3, 60))
def test_best_step_is_the_best_of_all(seed, n):
    values = np.random.default_rng(seed).normal(size=n)
    costs = [values[:s].var() * s + values[s:].var() * (n - s) for s in range(1, n)]
    assert costs[best_step(values) - 1] == pytest.approx(min(costs))


def test_states_merge_where_telling_them_apart_is_not_worth_it():
    means = np.array([[0.0], [5.0], [0.1], [5.1], [9.0]])
    assert _merged(np.full(5, 10.0), means, 1.0).tolist() == [0, 1, 0, 1, 2]
    assert _merged(np.full(5, 10.0), means, 0.0).tolist() == [0, 1, 2, 3, 4]
    assert _merged(np.full(3, 10.0), np.zeros((3, 1)), 1.0).tolist() == [0, 1, 0]


@some
@given(st.integers(1, 260), st.integers(2, 12), st.integers(0, 40), st.sampled_from([0.0, 3.0]))
def test_segments_tile_and_are_long_enough(n, window, least, penalty):
    x = np.random.default_rng(n).normal(size=(n, 2))
    segmenter = Features(window, penalty=penalty, min_duration=least).fit(x)
    bounds = segmenter.bounds_
    assert bounds[0, 0] == 0
    assert bounds[-1, 1] == n
    np.testing.assert_array_equal(bounds[1:, 0], bounds[:-1, 1])
    assert len(bounds) == 1 or np.diff(bounds).min() >= max(least, window)
    assert segmenter.states_.shape == (len(bounds),)
    assert (np.diff(segmenter.states_) != 0).all()
    assert segmenter.confidence_.shape == (len(bounds) - 1,)
    assert ((segmenter.confidence_ >= 0) & (segmenter.confidence_ <= 1)).all()


def test_same_seed_same_answer_and_scale_does_not_matter():
    x = loudness([1.0, 4.0, 2.0], d=3)
    bounds = Features(window=20).fit_predict(x)
    np.testing.assert_array_equal(Features(window=20).fit_predict(x), bounds)
    np.testing.assert_array_equal(Features(window=20).fit_predict(x * 1e6 + 1e8), bounds)


def test_durations_are_seconds():
    x = loudness([1.0, 5.0])
    np.testing.assert_array_equal(
        Features(window=0.4, min_duration=1.0, rate=50.0).fit_predict(x),
        Features(window=20, min_duration=50).fit_predict(x),
    )


def test_a_mere_level_shift_is_seen_here_and_not_by_classification():
    x = np.random.default_rng(0).normal(size=900)
    x[450:] += 3.0
    assert len(Features(window=20).fit_predict(x)) == 2
    assert len(Classification(window=20).fit_predict(x)) == 1


@pytest.mark.parametrize("wrong", [{"kernel": "cosine"}, {"penalty": -1.0}, {"validate": "yes"}])
def test_wrong_parameters_are_named(wrong):
    with pytest.raises(TsalignError, match=next(iter(wrong))):
        Features(**wrong).fit(np.zeros(100))
