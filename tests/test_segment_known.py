from __future__ import annotations

import itertools

import naive_known as naive
import numba
import numpy as np
import pytest
import ruptures
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from tsalign.errors import TsalignError
from tsalign.registry import find
from tsalign.segment import BinarySegmentation, BottomUp, DynamicProgramming, Pelt, SlidingWindow
from tsalign.segment.known import seeded

quick = settings(max_examples=15 if numba.config.DISABLE_JIT else 60, deadline=None)


def steps(n, d, seed):
    rng = np.random.default_rng(seed)
    levels = rng.normal(0, 3, (n // 8 + 1, d))
    return np.repeat(levels, 8, axis=0)[:n] + rng.normal(size=(n, d))


series = st.builds(steps, st.integers(1, 70), st.integers(1, 3), st.integers(0, 999))
stops = st.one_of(
    st.builds(lambda k: {"n_segments": k}, st.integers(1, 9)),
    st.builds(lambda p: {"penalty": p}, st.floats(0.1, 60)),
)
sizes = st.integers(1, 6)


def rule(stop, n):
    """What the twins take: the most segments and the gain that is no change."""
    return stop.get("n_segments", n), stop.get("penalty", 1e-12)


# --- twins


@quick
@given(series, stops, sizes, st.sampled_from(["full", "seeded", "wild"]))
def test_binary_segmentation_equals_its_twin(x, stop, size, intervals):
    mine = BinarySegmentation(**stop, intervals=intervals, n_intervals=20, min_duration=size)
    inside = mine._intervals(len(x), 2 * size).tolist()
    expected = naive.binary_segmentation(x, *rule(stop, len(x)), size, inside)
    assert mine.fit_predict(x)[:, 1].tolist() == expected


@quick
@given(series, stops, sizes)
def test_bottom_up_equals_its_twin(x, stop, size):
    ends = BottomUp(**stop, min_duration=size).fit_predict(x)[:, 1].tolist()
    assert ends == naive.bottom_up(x, *rule(stop, len(x)), size)


@quick
@given(series, stops, sizes, st.integers(2, 20))
def test_sliding_window_equals_its_twin(x, stop, size, width):
    ends = SlidingWindow(width, **stop, min_duration=size).fit_predict(x)[:, 1].tolist()
    assert ends == naive.sliding_window(x, width // 2, *rule(stop, len(x)), size)


@quick
@given(st.integers(6, 14), st.integers(1, 3), st.integers(1, 4), sizes, st.integers(0, 99))
def test_dynamic_programming_reaches_the_optimum(n, d, k, size, seed):
    x = steps(n, d, seed)
    fits = max(1, min(k, n // size))
    ends = DynamicProgramming(k, min_duration=size).fit_predict(x)[:, 1].tolist()
    assert ends == naive.best_partition(x, fits, min(size, n))


# --- peers


@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("seed", range(4))
def test_same_change_points_as_ruptures(d, size, seed):
    x = steps(150, d, seed)
    options = {"model": "l2", "jump": 1, "min_size": size}
    for mine, peer in ((BinarySegmentation, ruptures.Binseg), (BottomUp, ruptures.BottomUp)):
        theirs = peer(**options).fit(x)
        for k in (1, 2, 9, 20):
            ends = mine(n_segments=k, min_duration=size).fit_predict(x)[:, 1].tolist()
            assert ends == theirs.predict(n_bkps=k - 1)
        for penalty in (4.0, 30.0):
            ends = mine(penalty=penalty, min_duration=size).fit_predict(x)[:, 1].tolist()
            assert ends == theirs.predict(pen=penalty)
    exact = ruptures.Dynp(**options).fit(x[:50])
    for k in (1, 2, 5):
        ends = DynamicProgramming(k, min_duration=size).fit_predict(x[:50])[:, 1].tolist()
        assert ends == exact.predict(n_bkps=k - 1)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("width", [10, 21])
def test_sliding_window_as_ruptures_does_where_its_ends_do_not_touch(seed, width):
    """Ruptures lets the first samples compete with the last: a quiet rim keeps them apart."""
    rng = np.random.default_rng(seed)
    x = steps(150, 2, seed)
    x[:30], x[-30:] = (0.01 * rng.normal(size=(30, 2)) for _ in range(2))
    peer = ruptures.Window(width, model="l2", jump=1, min_size=1).fit(x)
    for stop, theirs in (({"n_segments": 5}, {"n_bkps": 4}), ({"penalty": 30.0}, {"pen": 30.0})):
        ends = SlidingWindow(width, **stop).fit_predict(x)[:, 1].tolist()
        assert ends == peer.predict(**theirs)


@quick
@given(series, st.floats(0.5, 60), sizes)
def test_as_many_segments_as_the_penalised_optimum_gives_the_same(x, penalty, size):
    best = Pelt(penalty=penalty, min_duration=size).fit_predict(x)
    assert DynamicProgramming(len(best), min_duration=size).fit_predict(x).tolist() == best.tolist()


# --- invariants


def segmenters(size, **stop):
    return [
        BinarySegmentation(**stop, min_duration=size),
        BinarySegmentation(**stop, intervals="seeded", min_duration=size),
        BinarySegmentation(**stop, intervals="wild", n_intervals=30, min_duration=size),
        BottomUp(**stop, min_duration=size),
        SlidingWindow(8, **stop, min_duration=size),
        DynamicProgramming(stop.get("n_segments", 3), min_duration=size),
    ]


@quick
@given(series, stops, sizes, st.integers(0, 99))
def test_invariants(x, stop, size, seed):
    rng, d = np.random.default_rng(seed), x.shape[1]
    scaled = {k: 16 * v if k == "penalty" else v for k, v in stop.items()}
    pairs = zip(segmenters(size, **stop), segmenters(size, **scaled), strict=True)
    for segmenter, stronger in pairs:
        bounds = segmenter.fit_predict(x)
        assert bounds[0, 0] == 0
        assert bounds[-1, 1] == len(x)
        assert (bounds[1:, 0] == bounds[:-1, 1]).all()
        assert len(bounds) == 1 or np.diff(bounds).min() >= size
        assert len(bounds) <= stop.get("n_segments", len(x))
        for same in (
            x + 1e3 * rng.normal(size=d),
            x[:, rng.permutation(d)],
            np.column_stack([x, np.full(len(x), 7.0)]),
        ):
            np.testing.assert_array_equal(segmenter.fit_predict(same), bounds)
        np.testing.assert_array_equal(stronger.fit_predict(-4 * x), bounds)


@pytest.mark.parametrize("segmenter", segmenters(1, n_segments=6), ids=repr)
def test_a_large_offset_changes_nothing(segmenter):
    x = steps(200, 2, 0)
    expected = segmenter.fit_predict(x)
    np.testing.assert_array_equal(segmenter.fit_predict(x + 1e8), expected)


@pytest.mark.parametrize("segmenter", segmenters(1, n_segments=4), ids=repr)
def test_no_more_segments_than_there_are(segmenter):
    clean = np.repeat([0.1, 5.3, 0.7], 8)
    assert segmenter.fit_predict(clean).tolist() == [[0, 8], [8, 16], [16, 24]]
    assert segmenter.fit_predict(np.full(24, 0.1)).tolist() == [[0, 24]]


def test_bic_is_that_of_pelt():
    noise = np.random.default_rng(0).normal(size=(400, 2))
    x = noise + np.repeat(np.array([[0, 9], [9, 0], [-9, 9], [0, 0]]), 100, axis=0)
    expected = Pelt().fit_predict(x).tolist()
    assert len(expected) == 4
    assert BinarySegmentation(penalty="bic", intervals="seeded").fit_predict(x).tolist() == expected
    assert BottomUp(penalty="bic").fit_predict(x).tolist() == expected
    for segmenter in segmenters(1, penalty="bic")[:-1]:
        assert segmenter.fit_predict(noise).tolist() == [[0, 400]]


def test_dependent_noise_is_no_change_unless_taken_as_independent():
    walk = np.random.default_rng(0).normal(size=(3000, 1))
    for t in range(1, len(walk)):
        walk[t] += 0.7 * walk[t - 1]
    step = walk + 12.0 * (np.arange(3000) >= 1500)[:, None]
    for segmenter in segmenters(1, penalty="bic")[:-1]:
        assert len(segmenter.fit_predict(walk)) <= 3
        assert np.abs(segmenter.fit_predict(step)[:, 1] - 1500).min() <= 3
        many = clone(segmenter).set_params(variance="difference").fit_predict(walk)
        if not isinstance(segmenter, SlidingWindow):  # its strongest peak is no change of the whole
            assert len(many) > 20


def test_intervals_find_what_looks_like_nothing_from_afar():
    x = np.random.default_rng(0).normal(size=2000)
    x[1000:1020] += 3.5
    x[1020:1040] -= 3.5
    expected = [1000, 1020, 1040, 2000]
    for intervals in ("seeded", "wild"):
        found = BinarySegmentation(penalty=60.0, intervals=intervals, n_intervals=5000)
        assert found.fit_predict(x)[:, 1].tolist() == expected
    assert len(BinarySegmentation(penalty=60.0).fit_predict(x)) == 1


def test_wild_intervals_follow_the_seed():
    draws = [BinarySegmentation(2, intervals="wild", random_state=s) for s in (0, 0, 1)]
    first, again, other = (d._intervals(500, 2) for d in draws)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert (first[:, 0] < first[:, 1]).all()
    assert first.max() <= 500


@given(st.integers(1, 300), st.integers(2, 20))
@quick
def test_seeded_intervals_are_the_layers_of_their_definition(n, shortest):
    expected = []
    for k in itertools.count():
        length, many = n / np.sqrt(2.0) ** k, 2 * int(np.ceil(np.sqrt(2.0) ** k - 1e-9)) - 1
        if k and length < shortest - 1e-9:
            break
        shift = (n - length) / (many - 1) if many > 1 else 0
        for i in range(many):
            a, b = int(i * shift + 1e-9), int(np.ceil(i * shift + length - 1e-9))
            expected.append([a, min(b, n)])
    assert seeded(n, shortest).tolist() == expected


# --- what is refused


@pytest.mark.parametrize("kind", [BinarySegmentation, BottomUp])
def test_one_rule_to_stop_is_needed(kind):
    for stop in ({}, {"n_segments": 2, "penalty": 1.0}):
        with pytest.raises(TsalignError, match="exactly one of n_segments and penalty"):
            kind(**stop).fit_predict(steps(30, 1, 0))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (BinarySegmentation(n_segments=0), "at least 1"),
        (BinarySegmentation(penalty=-1.0), "at least 0"),
        (BinarySegmentation(penalty="aic"), "penalty"),
        (BinarySegmentation(2, intervals="some"), "should be one of"),
        (BottomUp(2.5), "whole number"),
        (BottomUp(2, rate=0.0), "greater than 0"),
        (SlidingWindow(1.0, 2), "width=1.0 at rate=1.0 is 1 samples"),
        (DynamicProgramming(0), "at least 1"),
        (DynamicProgramming(2, min_duration=np.inf), "finite"),
    ],
)
def test_wrong_parameters_are_refused(wrong, words):
    with pytest.raises(TsalignError, match=words):
        wrong.fit_predict(steps(30, 1, 0))


@pytest.mark.parametrize("segmenter", segmenters(1, n_segments=2), ids=repr)
def test_values_beyond_the_squares_are_refused(segmenter):
    with pytest.raises(TsalignError, match="rescale"):
        segmenter.fit_predict(1e200 * np.array([1.0, -1.0, 1.0, 0.5]))


def test_words_of_the_pipeline():
    words = ("binary_segmentation", "bottom_up", "sliding_window", "dynamic_programming")
    kinds = [BinarySegmentation, BottomUp, SlidingWindow, DynamicProgramming]
    assert [find("segment", w) for w in words] == kinds
