from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import naive_segment as naive
import numba
import numpy as np
import pandas as pd
import pytest
import ruptures
from hypothesis import given, settings
from hypothesis import strategies as st
from instances import SEGMENTERS
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from tsalign.errors import TsalignError
from tsalign.kernels.search import change_points
from tsalign.registry import find
from tsalign.segment import Pelt, Ruptures, Windows, samples
from tsalign.segment.pelt import bic

MANY = 60 if numba.config.DISABLE_JIT else 1500
LONG = 200 if numba.config.DISABLE_JIT else 3000
KINDS = ("noise", "steps", "walk", "integers", "outliers")
quick = settings(max_examples=min(MANY, 60), deadline=None)
segmenters = pytest.mark.parametrize("segmenter", SEGMENTERS, ids=repr)
tiling = [s for s in SEGMENTERS if not isinstance(s, Windows)]


def series(kind, n, d, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    if kind == "steps":
        x += np.repeat(rng.normal(0, 3, (n // 10 + 1, d)), 10, axis=0)[:n]
    elif kind == "walk":
        x = np.cumsum(x, axis=0)
    elif kind == "integers":
        x = rng.integers(0, 3, (n, d)).astype(float)
    elif kind == "outliers":
        x = 1e3 * rng.standard_t(2, (n, d)) + 1e4
    return x


def steps(n=60, d=2, seed=0):
    return series("steps", n, d, seed)


# --- the contract, for every segmenter


@segmenters
def test_answers_sorted_half_open_bounds(segmenter):
    x = steps()
    bounds = clone(segmenter).fit_predict(x)
    assert bounds.dtype == np.int64
    assert bounds.ndim == 2
    assert bounds.shape[1] == 2
    assert len(bounds)
    assert (bounds[:, 0] < bounds[:, 1]).all()
    assert (np.diff(bounds[:, 0]) > 0).all()
    assert bounds.min() >= 0
    assert bounds.max() <= len(x)


@pytest.mark.parametrize("segmenter", tiling, ids=repr)
@pytest.mark.parametrize("n", [1, 2, 3, 5, 11, 60])
def test_change_points_tile_the_series(segmenter, n):
    bounds = clone(segmenter).fit_predict(steps(n))
    assert bounds[0, 0] == 0
    assert bounds[-1, 1] == n
    np.testing.assert_array_equal(bounds[1:, 0], bounds[:-1, 1])


@pytest.mark.parametrize("segmenter", tiling, ids=repr)
@pytest.mark.parametrize("value", [0.0, 0.1, -1e8, 1 / 3])
def test_constant_signal_is_one_segment(segmenter, value):
    assert clone(segmenter).fit_predict(np.full((50, 2), value)).tolist() == [[0, 50]]


@segmenters
def test_learns_only_plain_numbers_and_leaves_its_input_alone(segmenter):
    x = steps()
    before, learner = x.copy(), clone(segmenter)
    assert learner.fit(x, None) is learner
    learner.predict(x)
    np.testing.assert_array_equal(x, before)
    learned = {k: v for k, v in vars(learner).items() if k not in learner.get_params()}
    assert learned["n_features_in_"] == 2
    assert all(k.endswith("_") and isinstance(v, (int, np.ndarray)) for k, v in learned.items())
    assert isinstance(learner.version, int)


@segmenters
def test_parameters_can_be_read_set_and_cloned(segmenter):
    again = clone(segmenter)
    assert again.get_params() == segmenter.get_params()
    assert again.set_params(**segmenter.get_params()) is again
    x = steps()
    np.testing.assert_array_equal(again.fit_predict(x), clone(segmenter).fit(x).predict(x))


@segmenters
def test_any_container_and_real_type_gives_the_same(segmenter):
    x = np.round(steps(), 2)
    expected = clone(segmenter).fit_predict(x)
    import torch

    for same in (x.tolist(), pd.DataFrame(x), torch.tensor(x), np.asfortranarray(x)):
        np.testing.assert_array_equal(clone(segmenter).fit_predict(same), expected)
    half = x.astype(np.float16)
    np.testing.assert_array_equal(
        clone(segmenter).fit_predict(half), clone(segmenter).fit_predict(half.astype(np.float64))
    )
    whole = np.round(x).astype(np.int16)
    np.testing.assert_array_equal(
        clone(segmenter).fit_predict(whole), clone(segmenter).fit_predict(whole.astype(float))
    )
    flat = clone(segmenter).fit_predict(x[:, 0])
    np.testing.assert_array_equal(flat, clone(segmenter).fit_predict(x[:, :1]))


def spoilt(value, row=7, channel=1):
    x = steps()
    x[row, channel] = value
    return x


BAD = {
    "one NaN": (spoilt(np.nan), "NaN at sample 7, channel 1"),
    "all NaN": (np.full((9, 2), np.nan), "NaN at sample 0, channel 0"),
    "infinite": (spoilt(np.inf), "inf at sample 7, channel 1"),
    "minus infinite": (spoilt(-np.inf), "-inf at sample 7"),
    "masked": (np.ma.masked_less(steps(), -2.5), "NaN at sample"),
    "missing": (pd.DataFrame({"a": pd.array([1, None], "Int64")}), "cannot be read|NaN"),
    "strings": (np.array(["1.0", "2.0"]), "real numbers, not <U3"),
    "objects": (np.array([{}, []], dtype=object), "cannot be read"),
    "complex": (np.zeros(4, complex), "real numbers, not complex128"),
    "dates": (np.zeros(4, "M8[s]"), "real numbers, not datetime64"),
    "ragged": ([[1.0, 2.0], [3.0]], "cannot be read"),
    "three axes": (np.zeros((4, 2, 2)), r"shape \(n_samples, n_channels\), not \(4, 2, 2\)"),
    "scalar": (np.float64(3.0), r"not \(\)"),
    "empty": (np.zeros((0, 2)), "empty"),
    "no channel": (np.zeros((5, 0)), "empty"),
    "nothing": ([], "empty"),
}


@segmenters
@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_in_one_sentence(segmenter, case):
    x, words = BAD[case]
    if segmenter.takes_missing and case in ("one NaN", "masked", "missing"):
        bounds = clone(segmenter).fit_predict(x)
        assert (bounds[0, 0], bounds[-1, 1]) == (0, len(x))
        np.testing.assert_array_equal(clone(segmenter).fit(x).predict(x), bounds)
        return
    with pytest.raises(TsalignError, match=words) as caught:
        clone(segmenter).fit_predict(x)
    assert "\n" not in str(caught.value)
    with pytest.raises(TsalignError, match=words):
        clone(segmenter).fit(steps()).predict(x)


@segmenters
def test_other_channels_and_no_fit_are_refused(segmenter):
    with pytest.raises(TsalignError, match="X has 3 channels, but fit saw 2"):
        clone(segmenter).fit(steps()).predict(steps(d=3))
    with pytest.raises(NotFittedError):
        clone(segmenter).predict(steps())


def test_words_of_the_pipeline():
    assert [find("segment", w) for w in ("windows", "pelt", "ruptures")] == [
        Windows,
        Pelt,
        Ruptures,
    ]


# --- windows


@quick
@given(st.integers(1, 80), st.integers(1, 30), st.integers(1, 40))
def test_windows_equal_their_twin(n, length, hop):
    bounds = Windows(length, hop).fit_predict(np.zeros(n))
    np.testing.assert_array_equal(bounds, naive.windows(n, length, hop))
    assert bounds.shape[1] == 2
    assert bounds.dtype == np.int64


def test_windows_in_seconds_and_too_short_a_series():
    assert Windows(0.5, rate=10.0).fit_predict(np.zeros(12)).tolist() == [[0, 5], [5, 10]]
    assert Windows(100).fit_predict(np.zeros(99)).shape == (0, 2)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"length": 0.001, "rate": 50.0}, "length=0.001 at rate=50.0 is 0.05 samples"),
        ({"length": 4, "hop": 0.2}, "hop=0.2"),
        ({"length": -1}, "greater than 0"),
        ({"length": float("inf")}, "finite"),
        ({"length": float("nan")}, "NaN"),
        ({"length": "4"}, "number"),
        ({"length": 4, "rate": 0}, "greater than 0"),
    ],
)
def test_windows_refuse_wrong_parameters(wrong, words):
    with pytest.raises(TsalignError, match=words):
        Windows(**wrong).fit_predict(np.zeros(50))


# --- exactness


def test_search_reaches_the_optimum():
    rng = np.random.default_rng(1)
    for trial in range(MANY):
        n, d, min_size = int(rng.integers(1, 70)), 1 + trial % 3, 1 + trial % 5
        if trial % 20 == 0:
            n, min_size = int(rng.integers(70, 260)), int(rng.integers(1, 40))
        kind = KINDS[rng.integers(len(KINDS))]
        x = series(kind, n, d, trial)
        penalty = 10 ** rng.uniform(-2, 2) * (1e6 if kind == "outliers" else 1)
        ends = change_points(x, penalty, min_size)
        expected, value = naive.optimal_partition(x, penalty, min(min_size, n))
        where = f"trial {trial}: {kind}, n={n}, d={d}, min_size={min_size}, penalty={penalty}"
        np.testing.assert_allclose(
            naive.objective(x, ends, penalty), value, rtol=1e-9, atol=1e-9 * penalty, err_msg=where
        )
        assert np.diff([0, *ends]).min() >= min(min_size, n), where
        if kind != "integers":
            assert ends.tolist() == expected, where


def test_the_case_on_which_pruning_too_early_fails():
    x = np.array([0.0, 1.0, 0.0, 0.0, 1.0])
    assert Pelt(penalty=0.1, min_duration=2).fit_predict(x).tolist() == [[0, 5]]


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("n", [7, 150])
def test_same_change_points_as_ruptures(n, d):
    for seed in range(3):
        x = steps(n, d, seed)
        mine = Pelt(penalty=6.0).fit_predict(x)[:, 1].tolist()
        assert mine == ruptures.Pelt(model="l2", jump=1, min_size=1).fit_predict(x, pen=6.0)
        assert mine == ruptures.KernelCPD("linear", min_size=1).fit_predict(x, pen=6.0)


@pytest.mark.parametrize("kind", [*KINDS, "ramp", "sine", "quiet", "one step"])
@pytest.mark.parametrize("min_size", [1, 17])
def test_long_series_of_all_kinds_equal_their_twin(kind, min_size):
    n, x = LONG // 3, None
    time = np.arange(n)[:, None] / n
    noise = np.random.default_rng(5).normal(size=(n, 1))
    x = {
        "ramp": 50 * time + noise,
        "sine": 5 * np.sin(20 * time) + noise,
        "quiet": 1e-6 * noise,
        "one step": (time > 0.7) * 3 + noise,
    }.get(kind)
    x = series(kind, n, 2, 3) if x is None else x
    penalty = 2 * np.log(n) * (1e6 if kind == "outliers" else 1)
    ends = change_points(x, penalty, min_size)
    expected, value = naive.optimal_partition(x, penalty, min_size)
    np.testing.assert_allclose(naive.objective(x, ends, penalty), value, rtol=1e-9, atol=1e-12)
    assert kind == "integers" or ends.tolist() == expected


@pytest.mark.parametrize("min_size", [1, 5])
def test_long_series_equals_the_peer_where_the_twin_is_too_slow(min_size):
    x = np.repeat(np.random.default_rng(2).normal(0, 3, (LONG // 100, 3)), 100, axis=0)
    x += np.random.default_rng(3).normal(size=x.shape)
    mine = change_points(x, 30.0, min_size).tolist()
    assert mine == ruptures.KernelCPD("linear", min_size=min_size).fit_predict(x, pen=30.0)


# --- invariants


walks = st.builds(
    series, st.sampled_from(KINDS[:3]), st.integers(1, 90), st.integers(1, 3), st.integers(0, 999)
)


@quick
@given(walks, st.floats(0.1, 50), st.integers(1, 6), st.integers(0, 99))
def test_invariants_of_pelt(x, penalty, min_size, seed):
    def cut(values, penalty=penalty):
        return Pelt(penalty=penalty, min_duration=min_size).fit_predict(values).tolist()

    rng, d = np.random.default_rng(seed), x.shape[1]
    bounds = cut(x)
    assert bounds == cut(x + 1e3 * rng.normal(size=d))
    assert bounds == cut(-4.0 * x, 16.0 * penalty)
    assert bounds == cut(x[:, rng.permutation(d)])
    assert bounds == cut(np.column_stack([x, np.full(len(x), 7.0)]))
    assert len(bounds) == 1 or min(b - a for a, b in bounds) >= min_size
    assert bounds == cut(np.repeat(x, 1, axis=0))
    assert (
        Pelt(penalty=penalty, min_duration=min_size / 8, rate=8.0).fit_predict(x).tolist() == bounds
    )


@quick
@given(walks, st.integers(0, 99))
def test_bic_scales_with_the_signal(x, seed):
    bounds = Pelt().fit_predict(x).tolist()
    assert bounds == Pelt().fit_predict(8.0 * x).tolist()
    assert bounds == Pelt().fit_predict(np.column_stack([x, np.zeros(len(x))])).tolist()
    assert bic(x) >= 0


def test_a_large_offset_changes_nothing():
    x = steps(400, 3)
    expected = Pelt().fit_predict(x)
    assert 20 < len(expected) < 60
    np.testing.assert_array_equal(Pelt().fit_predict(x + 1e8), expected)


def test_more_penalty_gives_fewer_segments():
    x = steps(300, 1)
    counts = [len(Pelt(penalty=p).fit_predict(x)) for p in (0, 1, 5, 20, 100, 1e9, np.inf)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == 300
    assert counts[-1] == 1


def test_bic_finds_true_steps_and_nothing_in_noise():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(600, 2))
    assert len(Pelt().fit_predict(noise)) == 1
    jumps = noise + 6 * (np.arange(600) >= 200)[:, None]
    assert Pelt().fit_predict(jumps).tolist() == [[0, 200], [200, 600]]
    quantised = np.round((np.arange(600) >= 200) * 3.0)
    assert Pelt().fit_predict(quantised).tolist() == [[0, 200], [200, 600]]
    assert len(Pelt().fit_predict([0.0, 1.0])) == 1


def test_ties_are_settled_alike_every_time():
    x = series("integers", 200, 1, 0)
    first = Pelt(penalty=1.0).fit_predict(x)
    assert all((Pelt(penalty=1.0).fit_predict(x) == first).all() for _ in range(3))
    assert Pelt(penalty=0.5).fit_predict([0.0, 1.0]).tolist() == [[0, 2]]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"cost": "l3"}, "should be"),
        ({"penalty": -1.0}, "penalty=-1.0"),
        ({"penalty": "aic"}, "penalty"),
        ({"penalty": float("nan")}, "penalty=nan"),
        ({"min_duration": -1}, "at least 0"),
        ({"min_duration": float("inf")}, "finite"),
        ({"rate": 0.0}, "greater than 0"),
    ],
)
def test_pelt_refuses_wrong_parameters(wrong, words):
    with pytest.raises(TsalignError, match=words):
        Pelt(**wrong).fit_predict(np.zeros(5))


@pytest.mark.parametrize("size", [1e200, 1e308, 1e-200])
def test_values_beyond_the_squares_are_refused(size):
    with pytest.raises(TsalignError, match="rescale"):
        Pelt().fit_predict(size * np.array([1.0, -1.0, 1.0, 0.5]))
    assert Pelt().fit_predict(np.full(5, size)).tolist() == [[0, 5]]


def test_search_runs_uncompiled_alike():
    code = (
        "import sys, numpy as np; from tsalign.kernels.search import change_points;"
        "x = np.random.default_rng(0).normal(size=(150, 2)); x[60:] += 2; x[100:] -= 3;"
        "print([change_points(x, p, m).tolist() for p in (2., 9.) for m in (1, 4)])"
    )
    root = Path(__file__).parents[1]
    outputs = [
        subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            env={**os.environ, "NUMBA_DISABLE_JIT": flag, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for flag in "01"
    ]
    assert outputs[0] == outputs[1]
    assert "150" in outputs[0]


# --- ruptures under our contract


@pytest.mark.parametrize(
    ("mine", "theirs", "stop"),
    [
        (Ruptures(model="l2", penalty=6.0), ruptures.Pelt("l2", jump=1), {"pen": 6.0}),
        (Ruptures("Dynp", "l2", n_bkps=3), ruptures.Dynp("l2", jump=1), {"n_bkps": 3}),
        (Ruptures("KernelCPD", n_bkps=4), ruptures.KernelCPD("rbf"), {"n_bkps": 4}),
        (Ruptures("Binseg", "l1", n_bkps=3, jump=5), ruptures.Binseg("l1"), {"n_bkps": 3}),
        (
            Ruptures("BottomUp", "l2", epsilon=90.0),
            ruptures.BottomUp("l2", jump=1),
            {"epsilon": 90},
        ),
        (
            Ruptures("Window", "l2", width=20, n_bkps=3),
            ruptures.Window(20, "l2", jump=1),
            {"n_bkps": 3},
        ),
        (
            Ruptures(model="rbf", penalty=2.0, params={"gamma": 0.1}),
            ruptures.Pelt("rbf", jump=1, params={"gamma": 0.1}),
            {"pen": 2.0},
        ),
    ],
)
def test_ruptures_answers_as_ruptures_does(mine, theirs, stop):
    x = steps(80)
    assert mine.fit_predict(x)[:, 1].tolist() == theirs.fit(x).predict(**stop)


@pytest.mark.parametrize("algorithm", ["Pelt", "KernelCPD", "Binseg", "BottomUp", "Window"])
@pytest.mark.parametrize("n", range(1, 9))
@pytest.mark.parametrize("jump", [1, 5])
def test_ruptures_on_short_series_tiles_them(algorithm, n, jump):
    segmenter = Ruptures(algorithm, "linear" if algorithm == "KernelCPD" else "l2", jump=jump)
    bounds = segmenter.set_params(penalty=0.5, width=4).fit_predict(steps(n))
    assert bounds[0, 0] == 0
    assert bounds[-1, 1] == n
    assert (bounds[1:, 0] == bounds[:-1, 1]).all()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({}, "exactly one of penalty, n_bkps and epsilon, not 0"),
        ({"penalty": 1.0, "n_bkps": 2}, "not 2"),
        ({"algorithm": "Dynp", "penalty": 1.0}, "Dynp takes n_bkps, not penalty"),
        ({"algorithm": "Pelt", "n_bkps": 1}, "Pelt takes penalty, not n_bkps"),
        ({"algorithm": "KernelCPD", "epsilon": 1.0}, "penalty or n_bkps, not epsilon"),
        ({"algorithm": "Pelts", "penalty": 1.0}, "should be one of"),
        ({"model": "l3", "penalty": 1.0}, "l3"),
        ({"algorithm": "KernelCPD", "model": "l1", "penalty": 1.0}, "Kernel not found"),
        ({"penalty": 1.0, "params": {"gamme": 1.0}}, "gamme"),
        ({"algorithm": "Dynp", "model": "l2", "n_bkps": 40}, "cannot cut 60 samples"),
        ({"penalty": 1.0, "min_size": 0}, "at least 1"),
    ],
)
def test_ruptures_refuses_what_makes_no_sense(wrong, words):
    with pytest.raises(TsalignError, match=words):
        Ruptures(**wrong).fit_predict(steps())


def test_ruptures_without_changes_is_one_segment():
    assert Ruptures("Binseg", "l2", n_bkps=0).fit_predict(steps()).tolist() == [[0, 60]]


def test_samples_returns_columns():
    assert samples(np.arange(3, dtype=np.uint8)).tolist() == [[0.0], [1.0], [2.0]]
