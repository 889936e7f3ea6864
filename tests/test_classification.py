from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import naive_classification as naive
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsalign.errors import TsalignError
from tsalign.kernels.period import suss
from tsalign.kernels.profile import LANES, RESTART, neighbours
from tsalign.kernels.splits import flows, splits
from tsalign.segment import Classification, classification
from tsalign.segment.classification import _Look, _refined, confidence
from tsalign.segment.judged import standardised

SLOW = numba.config.DISABLE_JIT
some = settings(max_examples=5 if SLOW else 40, deadline=None)
TSSB = Path(__file__).parents[2] / "shared" / "data" / "tssb"


def noisy(n, d, seed):
    return standardised(np.random.default_rng(seed).normal(size=(n, d)))


def two_waves(n=600, at=300, seed=0, noise=0.05):
    time = np.arange(n)
    wave = np.where(time < at, np.sin(time / 3), np.sign(np.sin(time / 4)))
    return wave + noise * np.random.default_rng(seed).normal(size=n)


# --- kernels against their twins


@some
@given(
    st.integers(20, 130),
    st.integers(1, 3),
    st.integers(2, 12),
    st.integers(1, 6),
    st.integers(0, 9),
)
def test_neighbours_are_the_most_alike_windows(n, d, w, k, seed):
    x = noisy(n, d, seed)
    m = n - w + 1
    places, alike = neighbours(x, w, k, 0.1), naive.likeness(x, w, 0.1)
    best = naive.nearest(x, w, k, 0.1)
    own = np.arange(m)[:, None]
    np.testing.assert_array_equal(places == own, best == own)
    np.testing.assert_allclose(  # places may differ where two windows are equally alike
        np.take_along_axis(alike, places, 1), np.take_along_axis(alike, best, 1), atol=1e-4
    )


def test_no_neighbour_is_named_twice_or_shares_half_a_window():
    places = neighbours(noisy(300, 2, 3), 11, 6, 0.1)
    assert all(len(set(row)) == 6 for row in places.tolist())
    assert (np.abs(places - np.arange(len(places))[:, None]) > 5).all()


def test_rounding_does_not_add_up_along_a_diagonal():
    n = 3 * LANES if SLOW else 3 * RESTART
    x = standardised(two_waves(n, n // 2)[:, None])
    places, alike = neighbours(x, 10, 3, 0.1), naive.likeness(x, 10, 0.1)
    best = naive.nearest(x, 10, 3, 0.1)
    lost = np.take_along_axis(alike, best, 1) - np.take_along_axis(alike, places, 1)
    assert np.abs(lost).max() < 2e-3
    assert (np.abs(lost) < 1e-6).mean() > 0.995


def test_flat_windows_find_each_other():
    x = np.concatenate([np.zeros(60), np.random.default_rng(0).normal(size=60)])
    places = neighbours(standardised(x[:, None]), 8, 3, 0.1)
    assert (places[:40] < 53).all()


@some
@given(st.integers(12, 60), st.integers(1, 5), st.integers(1, 9), st.integers(0, 99))
def test_all_splits_at_once_equal_each_by_itself(m, k, w, seed):
    rng = np.random.default_rng(seed)
    near = np.clip(np.arange(m)[:, None] + rng.integers(-9, 10, (m, k)), 0, m - 1)
    places = np.where(rng.random((m, k)) < 0.5, near, rng.integers(0, m, (m, k)))
    table = splits(places, w)
    for s in range(1, m):
        accuracy, ranks, links = naive.split(places, s, w)
        assert table.accuracy[s] == pytest.approx(accuracy, abs=1e-9)
        assert table.ranks[s] == pytest.approx(ranks, abs=1e-9)
        assert table.links[s] == pytest.approx(links, abs=1e-6)


def test_links_see_through_drift_and_ranks_do_not():
    m = 600
    places = np.clip(np.arange(m)[:, None] + np.array([-40, -20, 20, 40, 60]), 0, m - 1)
    table = splits(places, 10)
    assert table.ranks[m // 2] > 5
    assert table.links[m // 2] < 1


def test_flows_count_links_between_states():
    table = flows(np.array([[1, 2], [0, 2], [0, 1]]), np.array([0, 1, -1]), 2)
    assert table.tolist() == [[0, 1], [1, 0]]


@some
@given(st.integers(60, 160), st.integers(3, 20), st.integers(0, 50))
def test_window_is_the_shortest_that_looks_like_the_series(n, period, seed):
    x = np.sin(np.arange(n) / period) + 0.3 * np.random.default_rng(seed).normal(size=n)
    found, expected = suss(x, 5, 0.89), naive.window(x, 5, 0.89)
    scaled = (x - x.min()) / np.ptp(x)
    bottom, top = (naive.unlikeness(scaled, w) for w in (n - 1, 1))
    score = 1 - (naive.unlikeness(scaled, found) - bottom) / (top - bottom)
    # Bisection finds a crossing of the level: the first one where there is only one.
    assert found >= expected
    assert score >= 0.89 - 1e-9 or found == n - 2


@pytest.mark.parametrize("x", [np.ones(100), np.arange(30.0)])
def test_window_of_constant_or_short_series_is_the_least(x):
    assert suss(x, 10, 0.89) == 10


# --- the segmenter


def test_finds_a_change_of_shape_within_half_a_window():
    segmenter = Classification(window=20)
    bounds = segmenter.fit_predict(two_waves())
    assert len(bounds) == 2
    assert abs(bounds[0, 1] - 300) <= 10
    assert segmenter.confidence_[0] > 0.5


def test_windows_twice_as_long_see_a_change_of_order(monkeypatch):
    hump, dip = (np.pad(sign * np.hanning(10)[1:-1], (0, 4)) for sign in (1, -1))
    x = np.concatenate([np.tile([hump, dip], (60, 1)), np.tile([hump, hump, dip, dip], (30, 1))])
    x = x.ravel() + 0.05 * np.random.default_rng(0).normal(size=x.size)
    assert len(Classification(10).fit_predict(x)) == 2
    monkeypatch.setattr(classification, "TWICE", 1.0)
    assert len(Classification(10).fit_predict(x)) == 1


def test_splits_hold_between_their_neighbours_or_go():
    x = standardised(two_waves(150, 80)[:, None])
    segmenter = Classification(10, n_neighbors=3, threshold=1.0)
    places, scores = segmenter._confirmed(_Look(x, 3, 0.1), 10, [40, 82, 120])
    expected, theirs = naive.confirmed(x, [40, 82, 120], 10, 3, 0.1, 1.0)
    assert places == expected == [82]
    np.testing.assert_allclose(scores, theirs, atol=1e-6)


@pytest.mark.parametrize("off", [-8, 0, 7])
def test_a_short_window_finds_the_place(off):
    x = standardised(two_waves(150, 80)[:, None])
    found = _refined(_Look(x, 3, 0.1), 10, 20, [80 + off])
    assert found == naive.refined(x, [80 + off], 10, 3, 0.1, 20)
    assert abs(found[0] - 80) <= 4


def test_no_place_moves_into_another_segment():
    x = standardised(two_waves(200, 80)[:, None])
    places = _refined(_Look(x, 3, 0.1), 10, 12, [74, 86, 98])
    assert (np.diff([0, *places, 200]) >= 12).all()
    assert (np.abs(np.subtract(places, [74, 86, 98])) <= 10).all()


def test_noise_has_no_change():
    found = [len(Classification().fit_predict(noisy(800, 1, seed)[0])) for seed in range(10)]
    assert found == [1] * 10


def test_drift_alone_is_no_change_to_links():
    time = np.arange(2000)
    chirp = np.sin(2 * np.pi * (time / 40 + time**2 / 4e5))
    noise = 0.3 * np.random.default_rng(0).normal(size=2000)
    assert len(Classification(40).fit_predict(chirp + noise)) == 1
    assert len(Classification(40, "both").fit_predict(chirp + noise)) == 1
    assert len(Classification(40, "ranks").fit_predict(chirp + noise)) > 1


def test_a_state_that_comes_back_has_its_number_again():
    time = np.arange(1200)
    wave = np.where(time // 400 == 1, np.sign(np.sin(time / 4)), np.sin(time / 3))
    wave += 0.05 * np.random.default_rng(0).normal(size=1200)
    segmenter = Classification(window=20).fit(wave)
    assert segmenter.states_.tolist() == [0, 1, 0]
    assert segmenter.confidence_.shape == (2,)


def test_a_change_in_one_of_three_channels_is_enough():
    x = np.random.default_rng(0).normal(size=(1200, 3))
    x[:, 1] = two_waves(1200, 600)
    bounds = Classification(window=20).fit_predict(x)
    assert len(bounds) == 2
    assert abs(bounds[0, 1] - 600) <= 20


@pytest.mark.parametrize("scale", [1e-200, 1e-6, 1e6, 1e200])
def test_scale_and_offset_do_not_matter(scale):
    x = two_waves()
    np.testing.assert_array_equal(
        Classification().fit_predict(x * scale), Classification().fit_predict(x)
    )
    np.testing.assert_array_equal(
        Classification().fit_predict(x + 1e8), Classification().fit_predict(x)
    )


def test_order_of_channels_and_constant_ones_do_not_matter():
    x = np.column_stack([two_waves(), two_waves(at=450, seed=1)])
    bounds = Classification().fit_predict(x)
    np.testing.assert_array_equal(Classification().fit_predict(x[:, ::-1]), bounds)
    np.testing.assert_array_equal(
        Classification().fit_predict(np.column_stack([x, np.full(600, 1e8)])), bounds
    )


def test_durations_are_seconds():
    x = two_waves()
    np.testing.assert_array_equal(
        Classification(window=0.4, min_duration=1.0, rate=50.0).fit_predict(x),
        Classification(window=20, min_duration=50).fit_predict(x),
    )


@some
@given(
    st.integers(1, 300),
    st.integers(2, 12),
    st.integers(0, 40),
    st.floats(0, 2),
    st.sampled_from(["confirmed", "ranks", "both"]),
)
def test_segments_tile_and_are_long_enough(n, window, least, threshold, evidence):
    segmenter = Classification(
        window, evidence, threshold=threshold, n_neighbors=3, min_duration=least
    )
    bounds = segmenter.fit_predict(np.random.default_rng(n).normal(size=n))
    lengths = np.diff(bounds)[:, 0]
    assert bounds[0, 0] == 0
    assert bounds[-1, 1] == n
    np.testing.assert_array_equal(bounds[1:, 0], bounds[:-1, 1])
    assert len(bounds) == 1 or lengths.min() >= max(least, window)
    states = segmenter.states_
    assert states.shape == (len(bounds),)
    assert (states[1:] != states[:-1]).all()
    assert sorted(set(states.tolist()), key=states.tolist().index) == list(range(states.max() + 1))
    assert ((segmenter.confidence_ >= 0) & (segmenter.confidence_ <= 1)).all()


def test_the_threshold_is_what_a_change_has_to_reach():
    x = two_waves()
    assert len(Classification(20, threshold=3.0).fit_predict(x)) == 2
    assert len(Classification(20, threshold=100.0).fit_predict(x)) == 1


def test_predict_leaves_the_fitted_answer_alone():
    segmenter = Classification(window=20).fit(two_waves())
    before = segmenter.bounds_.copy()
    assert len(segmenter.predict(np.zeros(50))) == 1
    np.testing.assert_array_equal(segmenter.bounds_, before)


def test_confidence_rises_with_the_score():
    values = confidence(np.array([-1.0, 0.0, 1.0, 2.1, 50.0]))
    assert (np.diff(values) >= 0).all()
    assert values[0] == 0
    assert values[-1] < 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": 0.0},
        {"window": "fft"},
        {"n_neighbors": 0},
        {"evidence": "links"},
        {"threshold": -1.0},
    ],
)
def test_wrong_parameters_are_named(wrong):
    with pytest.raises(TsalignError, match=next(iter(wrong))):
        Classification(**wrong).fit(np.zeros(100))


def test_a_window_of_no_length_is_refused():
    with pytest.raises(TsalignError, match="window"):
        Classification(window=0.01, rate=10.0).fit(np.arange(100.0))


def test_interpreted_kernels_agree():
    code = "; ".join(
        [
            "import sys; sys.path.insert(0, 'tests')",
            "from test_classification import two_waves",
            "from tsalign.segment import Classification",
            "print(Classification(12).fit_predict(two_waves(160, 80)).tolist())",
        ]
    )
    env = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    root = Path(__file__).parents[1]
    out = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=root, capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == str(Classification(12).fit_predict(two_waves(160, 80)).tolist())


def test_real_series_are_cut_where_annotators_did():
    if not TSSB.exists():
        pytest.skip("no ../shared/data")
    bounds = Classification().fit_predict(np.loadtxt(TSSB / "ToeSegmentation1.txt"))
    assert len(bounds) == 2
    assert abs(bounds[0, 1] - 1385) < 28
