from __future__ import annotations

import itertools

import naive_costs as naive
import numba
import numpy as np
import pytest
import ruptures
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import rbf_kernel

from tsalign.errors import TsalignError
from tsalign.kernels.kernel_change import kernel_change_points
from tsalign.registry import find
from tsalign.segment import Kernel, Pelt
from tsalign.segment.kernel import directions, median_gamma, nystroem

UNCOMPILED = bool(numba.config.DISABLE_JIT)
MANY = 15 if UNCOMPILED else 500
quick = settings(max_examples=5 if UNCOMPILED else 40, deadline=None)


def series(n, d, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    kind = seed % 4
    if kind == 1:
        x += rng.normal(0, 3, (n // 8 + 1, d)).repeat(8, axis=0)[:n]
    elif kind == 2:
        x *= np.exp(rng.normal(0, 1, (n // 8 + 1, 1))).repeat(8, axis=0)[:n]
    elif kind == 3:
        x = rng.integers(0, 3, (n, d)).astype(float)
    return x


def gram_costs(gram):
    """Costs of all segments from the whole Gram matrix."""
    n = len(gram)
    out = np.full((n + 1, n + 1), np.inf)
    for a, b in itertools.combinations(range(n + 1), 2):
        out[a, b] = np.trace(gram[a:b, a:b]) - gram[a:b, a:b].sum() / (b - a)
    return out


def test_the_optimum_equals_brute_force_over_the_gram_matrix():
    for trial in range(MANY):
        rng = np.random.default_rng(trial)
        n, d, min_size = int(rng.integers(1, 40)), 1 + trial % 4, 1 + trial % 7
        x, gamma, penalty = series(n, d, trial), 10 ** rng.uniform(-2, 1), rng.uniform(0.05, 4)
        costs = gram_costs(rbf_kernel(x, gamma=gamma))
        ends = kernel_change_points(x, gamma, penalty, min_size)
        expected, best = naive.optimum(costs, penalty, 0.0, min_size)
        reached = naive.value(costs, ends, penalty, 0.0)
        np.testing.assert_allclose(reached, best, rtol=1e-9, atol=1e-9, err_msg=f"trial {trial}")
        assert np.diff([0, *ends]).min() >= min(min_size, n)
        assert trial % 4 == 3 or ends.tolist() == expected


@pytest.mark.parametrize("d", [1, 3])
def test_rbf_as_ruptures_has_it(d):
    """Its kernel is clipped to exp(-0.01) between near samples, so ties may fall otherwise."""
    for seed in (1, 2, 5, 6):
        x = series(150, d, seed)
        gamma = median_gamma(x)
        mine = Kernel(penalty=3.0).fit_predict(x)[:, 1].tolist()
        peer = ruptures.KernelCPD("rbf", min_size=1, params={"gamma": gamma})
        theirs = peer.fit_predict(x, pen=3.0)
        costs = gram_costs(rbf_kernel(x, gamma=gamma))
        a, b = (naive.value(costs, ends, 3.0, 0.0) for ends in (mine, theirs))
        assert a <= b + 1e-9
        assert b - a < 0.1
        assert abs(len(mine) - len(theirs)) <= 1


@pytest.mark.parametrize("kernel", ["linear", "cosine"])
def test_linear_and_cosine_as_ruptures_has_them(kernel):
    for seed in range(1, 6):
        x = series(120, 3, seed) + 0.5
        penalty = 8.0 if kernel == "linear" else 1.0
        mine = Kernel(kernel, penalty=penalty, min_duration=2).fit_predict(x)[:, 1].tolist()
        theirs = ruptures.KernelCPD(kernel, min_size=2).fit_predict(x, pen=penalty)
        y = directions(x) if kernel == "cosine" else x
        costs = gram_costs(y @ y.T)
        a, b = (naive.value(costs, ends, penalty, 0.0) for ends in (mine, theirs))
        assert a <= b + 1e-9
        assert mine == theirs or a < b - 1e-9 or seed % 4 == 3


def test_linear_is_pelt():
    x = series(200, 2, 1)
    expected = Pelt().fit_predict(x)
    np.testing.assert_array_equal(Kernel("linear").fit_predict(x), expected)


# --- features


@quick
@given(st.integers(1, 150), st.integers(1, 3), st.integers(1, 40), st.integers(0, 99))
def test_what_features_miss_bounds_the_loss(n, d, n_features, seed):
    x = series(n, d, seed)
    gamma = median_gamma(x)
    features, missing = nystroem(x, gamma, n_features, seed)
    gram = rbf_kernel(x, gamma=gamma)
    rest = gram - features @ features.T
    assert np.linalg.eigvalsh(rest).min() > -1e-6
    assert missing == pytest.approx(np.trace(rest), abs=1e-6)
    short = Kernel(penalty=2.0, exact_length=0, n_features=n_features, random_state=seed)
    found = short.fit_predict(x)[:, 1]
    costs = gram_costs(gram)
    best = naive.optimum(costs, 2.0, 0.0, 1)[1]
    assert naive.value(costs, found, 2.0, 0.0) <= best + missing + 1e-6


def test_features_find_what_the_exact_search_finds():
    for seed in range(1 if UNCOMPILED else 4):
        rng = np.random.default_rng(seed)
        scale = np.repeat([1.0, 3.0, 1.0, 0.3], 100)[:, None]
        x = rng.normal(size=(400, 2)) * scale
        exact = Kernel(min_duration=20).fit_predict(x)[:, 1].tolist()
        assert exact == pytest.approx([100, 200, 300, 400], abs=8)
        near = Kernel(min_duration=20, exact_length=100).fit_predict(x)[:, 1].tolist()
        assert near == pytest.approx(exact, abs=2)


def test_long_series_take_little_memory():
    import tracemalloc

    x = series(300 if UNCOMPILED else 6000, 2, 1)
    Kernel(penalty=5.0).fit_predict(x[:50])
    tracemalloc.start()
    Kernel(penalty=5.0).fit_predict(x)
    assert tracemalloc.get_traced_memory()[1] < 30e6  # the Gram matrix would take 288 MB
    tracemalloc.stop()


# --- invariants


@quick
@given(
    st.sampled_from(["rbf", "linear", "cosine"]),
    st.integers(1, 80),
    st.integers(1, 3),
    st.integers(1, 5),
    st.integers(0, 99),
)
def test_invariants(kernel, n, d, min_size, seed):
    x = series(n, d, seed)

    def cut(values, **more):
        return Kernel(kernel, min_duration=min_size, **more).fit_predict(values).tolist()

    bounds = cut(x)
    assert len(bounds) == 1 or min(b - a for a, b in bounds) >= min_size
    assert bounds == cut(8.0 * x)
    if kernel != "cosine":
        exact = np.round(x * 64) / 64
        assert cut(exact) == cut(exact + 64)
    else:
        lengths = 2.0 ** np.random.default_rng(seed).integers(-3, 4, (n, 1))
        assert bounds == cut(lengths * x)


@pytest.mark.parametrize("kernel", ["rbf", "linear", "cosine"])
@pytest.mark.parametrize("value", [0.0, 1 / 3, -1e8])
@pytest.mark.parametrize("exact_length", [0, 1000])
@pytest.mark.parametrize("penalty", ["bic", 0.0])
def test_a_constant_is_one_segment(kernel, value, exact_length, penalty):
    segmenter = Kernel(kernel, penalty=penalty, exact_length=exact_length)
    assert segmenter.fit_predict(np.full((40, 2), value)).tolist() == [[0, 40]]


def test_bandwidth_and_directions():
    x = series(90, 2, 0)
    assert median_gamma(x) == pytest.approx(ruptures.costs.CostRbf().fit(x).gamma, rel=1e-9)
    assert median_gamma(np.zeros((5, 1))) == 1.0
    assert median_gamma(np.array([[0.0]] * 9 + [[2.0]])) == pytest.approx(1 / (4 * 9 / 45))
    np.testing.assert_allclose(np.linalg.norm(directions(x), axis=1), 1)
    assert find("segment", "kernel") is Kernel


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"kernel": "poly"}, "kernel"),
        ({"gamma": 0.0}, "greater than 0"),
        ({"gamma": "auto"}, "gamma"),
        ({"n_features": 0}, "n_features=0"),
        ({"penalty": -1.0}, "penalty=-1.0"),
        ({"exact_length": -1}, "exact_length=-1"),
    ],
)
def test_wrong_parameters_are_refused(wrong, words):
    with pytest.raises(TsalignError, match=words):
        Kernel(**wrong).fit_predict(series(20, 2, 0))
