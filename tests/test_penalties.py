from __future__ import annotations

import itertools

import naive_costs as naive
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsalign.errors import TsalignError
from tsalign.segment import Pelt, crops
from tsalign.segment.costs import COSTS
from tsalign.segment.path import slope, solutions
from tsalign.segment.penalties import (
    bic_penalty,
    difference_variance,
    long_run_variance,
    mbic_penalty,
)
from tsalign.segment.problem import prepare

UNCOMPILED = bool(numba.config.DISABLE_JIT)
quick = settings(max_examples=5 if UNCOMPILED else 40, deadline=None)


def steps(n=300, d=1, every=50, seed=0):
    rng = np.random.default_rng(seed)
    levels = rng.normal(0, 4, (n // every + 1, d)).repeat(every, axis=0)[:n]
    return levels + rng.normal(size=(n, d))


def autocorrelated(n, rho, seed=0):
    rng = np.random.default_rng(seed)
    x, shocks = np.zeros(n), rng.normal(size=n)
    for t in range(1, n):
        x[t] = rho * x[t - 1] + shocks[t]
    return x


# --- criteria


def test_criteria_are_those_of_the_papers():
    noise = np.array([2.0, 3.0])
    assert bic_penalty(noise, 2, 50).change == pytest.approx((2 * 5 + 3) * np.log(50))
    assert bic_penalty(noise, 2, 50).length == 0
    n, ends = 50, [10, 30, 50]  # Zhang and Siegmund: 3 m log n + sum log(n_i / n), doubled
    penalty = mbic_penalty(np.ones(1), 1, n)
    lengths = np.diff([0, *ends])
    mine = penalty.change * 2 + penalty.length * np.log(lengths).sum()
    assert mine == pytest.approx(3 * 2 * np.log(n) + np.log(lengths / n).sum() + np.log(n))


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("rule", ["bic", "mbic"])
def test_rules_are_minimised_exactly(cost, rule):
    for seed in range(3):
        x = np.abs(np.round(steps(24, 2, 8, seed)))
        problem = prepare(x, cost, 1)
        noise = problem.cost.noise(x, "long_run")
        penalty = {"bic": bic_penalty, "mbic": mbic_penalty}[rule](
            noise, problem.numbers(noise), 24
        )
        costs = naive.table(cost, x, np.ones(2))
        ends = Pelt(cost, rule).fit_predict(x)[:, 1]
        _, best = naive.optimum(costs, *penalty, problem.min_size)
        assert naive.value(costs, ends, *penalty) == pytest.approx(best, rel=1e-8)


@pytest.mark.parametrize("cost", ["l2", "normal", "l1", "linear"])
def test_bic_finds_nothing_in_noise_and_steps_where_they_are(cost):
    assert len(Pelt(cost).fit_predict(np.random.default_rng(3).normal(size=(500, 2)))) == 1
    found = Pelt(cost, min_duration=5).fit_predict(steps(300, 2))[:, 1]
    assert found.tolist() == pytest.approx([50, 100, 150, 200, 250, 300], abs=3)


# --- noise


def test_noise_of_independent_samples():
    for seed in range(5):
        x = np.random.default_rng(seed).normal(size=(3000, 2)) * [1.0, 5.0]
        for estimate in (difference_variance, long_run_variance):
            np.testing.assert_allclose(estimate(x), [1, 25], rtol=0.3)
            np.testing.assert_allclose(estimate(8 * x + 100), 64 * estimate(x))
            jumps = x + 7 * (np.arange(3000) > 1000)[:, None]
            np.testing.assert_allclose(estimate(jumps), estimate(x), rtol=0.15)


def test_long_run_variance_sees_dependence():
    """The sum of AR(1) noise varies by `1 / (1 - rho)^2` a sample."""
    found = [long_run_variance(autocorrelated(20_000, 0.6, s)[:, None])[0] for s in range(5)]
    np.testing.assert_allclose(found, 1 / 0.4**2, rtol=0.25)
    found = difference_variance(autocorrelated(20_000, 0.6)[:, None])
    assert found[0] < 0.7


def test_long_run_bic_finds_no_changes_in_autocorrelated_noise():
    """The difference estimate finds dozens: why the other exists."""
    for seed in range(3):
        x = autocorrelated(3000, 0.7, seed)
        assert len(Pelt(variance="difference").fit_predict(x)) > 30
        assert len(Pelt(variance="long_run").fit_predict(x)) <= 3
        steady = steps(3000, 1, 600, seed)
        a = Pelt(variance="long_run").fit_predict(steady)[:, 1]
        assert a.tolist() == pytest.approx([600, 1200, 1800, 2400, 3000], abs=8)


@pytest.mark.parametrize("n", range(1, 12))
def test_noise_of_short_and_constant_series(n):
    for estimate in (difference_variance, long_run_variance):
        assert estimate(np.full((n, 2), 0.1)).tolist() == [0, 0]
        assert np.isfinite(estimate(np.random.default_rng(0).normal(size=(n, 3)))).all()


# --- crops


@quick
@given(
    st.sampled_from([*COSTS]),
    st.integers(1, 60),
    st.integers(1, 2),
    st.integers(1, 4),
    st.integers(0, 99),
)
def test_crops_gives_the_optimum_for_every_penalty(cost, n, d, min_size, seed):
    x = np.abs(np.round(steps(n, d, 9, seed)))
    low, high = 0.5, 60.0
    found = crops(x, low, high, cost, min_duration=min_size)
    assert found[0][0][0] == low
    assert found[-1][0][1] == high
    assert all(a[0][1] == b[0][0] for a, b in itertools.pairwise(found))
    counts = [len(bounds) for _, bounds in found]
    assert counts == sorted(set(counts), reverse=True)
    problem = prepare(x, cost, min_size)
    for (a, b), bounds in found:
        for penalty in (a + 0.01 * (b - a), (a + b) / 2):
            best = Pelt(cost, penalty, min_size).fit_predict(x)[:, 1]
            mine = problem.price(bounds[:, 1]) + penalty * len(bounds)
            expected = problem.price(best) + penalty * len(best)
            np.testing.assert_allclose(mine, expected, rtol=1e-9, atol=1e-7)


def test_crops_misses_no_solution():
    x = steps(200, 2, 20)
    found = {len(bounds) for _, bounds in crops(x, 1.0, 1e4)}
    dense = {len(Pelt(penalty=p).fit_predict(x)) for p in np.geomspace(1.0, 1e4, 300)}
    assert dense <= found
    problem = prepare(x, "l2", 1)
    assert [part.price for part in solutions(problem, 5.0, 5.0)] == [
        problem.price(Pelt(penalty=5.0).fit_predict(x)[:, 1])
    ]


@pytest.mark.parametrize(("low", "high"), [(2.0, 1.0), (-1.0, 1.0), (0.0, np.inf), (np.nan, 1.0)])
def test_crops_refuses_what_is_no_interval(low, high):
    with pytest.raises(TsalignError, match="interval of penalties"):
        crops(steps(), low, high)


# --- slope


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_slope_finds_steps_without_knowing_the_noise(scale):
    x = steps(600, 1, 100) * scale
    found = Pelt(penalty="slope").fit_predict(x)[:, 1]
    assert found.tolist() == pytest.approx([100, 200, 300, 400, 500, 600], abs=3)
    alone = scale * np.random.default_rng(1).normal(size=(600, 1))
    assert len(Pelt(penalty="slope").fit_predict(alone)) <= 2


def test_slope_of_white_noise_is_its_variance():
    """The penalty is `2 v` times what one more segment adds to the shape."""
    x = steps(2000, 1, 200, seed=4)
    change = slope(prepare(x, "l2", 1)).change
    assert 10 < change < 4 * 2 * np.log(2000)
