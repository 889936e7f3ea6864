from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import naive_costs as naive
import numba
import numpy as np
import pytest
import ruptures
from hypothesis import given, settings
from hypothesis import strategies as st

from tsalign.errors import TsalignError
from tsalign.kernels.handed import segment_costs
from tsalign.segment import Pelt
from tsalign.segment.cost import Cost, running_sums
from tsalign.segment.costs import AR, COSTS, Normal
from tsalign.segment.mixed import Mixed
from tsalign.segment.penalties import Penalty
from tsalign.segment.problem import prepare

UNCOMPILED = bool(numba.config.DISABLE_JIT)
MANY = 10 if UNCOMPILED else 130
LONG = 80 if UNCOMPILED else 400
KINDS = ("noise", "steps", "variance", "integers", "outliers", "walk", "ramps")
quick = settings(max_examples=5 if UNCOMPILED else 40, deadline=None)
NUMBERED = ("normal", "normal_full", "poisson", "rank")  # in units of a log-likelihood
each = pytest.mark.parametrize("cost", COSTS)
and_mixed = pytest.mark.parametrize("cost", [*COSTS, "mixed"])


def series(kind, n, d, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    blocks = rng.normal(0, 3, (n // 10 + 1, d)).repeat(10, axis=0)[:n]
    if kind == "steps":
        x += blocks
    elif kind == "variance":
        x *= np.exp(blocks / 2)
    elif kind == "integers":
        x = rng.integers(0, 4, (n, d)).astype(float)
    elif kind == "outliers":
        x = rng.standard_t(1.5, (n, d)) + 1e3
    elif kind == "walk":
        x = x.cumsum(axis=0)
    elif kind == "ramps":
        x += blocks.cumsum(axis=0)
    return x


def fit(cost, x):
    """Make a series that the cost can price."""
    return np.abs(np.round(x)) if cost == "poisson" else x


def made(cost, d):
    """Return a cost as Pelt takes it; `mixed` as its twin has it."""
    if cost != "mixed":
        return cost
    parts = {"l2": [0], "l1": [*range(1, d - 1)], "normal": [d - 1] if d > 1 else []}
    return Mixed({word: own for word, own in parts.items() if own})


def weigh(cost, weights):
    """Make weights that the cost can have."""
    return np.full_like(weights, weights[0]) if cost == "normal_full" else weights


def table(problem):
    """Costs of all segments by the kernel."""
    n = len(problem.x)
    starts, stops = np.triu_indices(n + 1, 1)
    out = np.full((n + 1, n + 1), np.inf)
    kernel = problem.cost.kernel
    out[starts, stops] = segment_costs(kernel, *problem.statistics, starts, stops)
    return out


# --- exactness


@and_mixed
@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_the_optimum_equals_brute_force(cost, d):
    """Everything by the twin: each segment fitted on its own, every last change tried."""
    few = MANY // (4 if cost in ("linear", "ar", "rank", "mixed") else 1)
    for trial in range(few):
        rng = np.random.default_rng([trial, d])
        n, min_size, order = int(rng.integers(1, 26)), 1 + trial % 7, 1 + trial % 3
        x = fit(cost, series(KINDS[trial % len(KINDS)], n, d, trial))
        weights = weigh(cost, rng.choice([0.5, 1.0, 3.0], d))
        problem = prepare(x, made(cost, d), min_size, order, weights.tolist())
        costs = naive.table(cost, x, weights, order)
        scale = np.abs(costs[np.isfinite(costs)]).max() + np.square(x).max()
        penalty = 10 ** rng.uniform(-2, 1.5) * (1 if cost in NUMBERED else x.var() + 1)
        length = rng.choice([0.0, penalty / 4])
        ends = problem.best(Penalty(penalty, length))
        _, best = naive.optimum(costs, penalty, length, problem.min_size)
        where = f"trial {trial}: n={n}, min_size={problem.min_size}, {penalty=}, {length=}"
        reached = naive.value(costs, ends, penalty, length)
        np.testing.assert_allclose(reached, best, rtol=1e-9, atol=1e-9 * scale, err_msg=where)
        assert np.diff([0, *ends]).min() >= min(problem.min_size, n), where


@and_mixed
def test_kernels_equal_their_twins(cost):
    for trial in range(max(5, MANY // 10)):
        rng = np.random.default_rng(trial)
        n, d, order = int(rng.integers(2, 120)), 1 + trial % 4, 1 + trial % 3
        x = fit(cost, series(KINDS[trial % len(KINDS)], n, d, trial))
        weights = weigh(cost, rng.uniform(0.5, 2, d))
        problem = prepare(x, made(cost, d), 1, order, weights.tolist())
        bounds = np.sort(rng.integers(0, n, (30, 2)), axis=1) + np.array([0, 1])
        args = problem.cost.kernel, *problem.statistics
        got = segment_costs(*args, bounds[:, 0], bounds[:, 1])
        expected = [naive.price(cost, x, a, b, weights, order) for a, b in bounds]
        scale = abs(naive.price(cost, x, 0, n, weights, order)) + n
        np.testing.assert_allclose(got, expected, rtol=1e-7, atol=1e-9 * scale, err_msg=f"{trial}")


@and_mixed
@pytest.mark.parametrize("min_size", [1, 2, 5, 17])
def test_longer_series_reach_the_optimum_over_all_segments(cost, min_size):
    """Several nested chunks, against every last change, on the kernel's own costs."""
    for trial in range(max(3, MANY // 5)):
        rng = np.random.default_rng(trial)
        n, d = int(rng.integers(20, LONG)), 1 + trial % 3
        x = fit(cost, series(KINDS[trial % len(KINDS)], n, d, trial))
        problem = prepare(x, made(cost, d), min_size, 1 + trial % 2)
        costs = table(problem)
        penalty = 10 ** rng.uniform(-1, 2) * (1 if cost in NUMBERED else x.var() / 9)
        length = rng.choice([0.0, penalty / 5])
        ends = problem.best(Penalty(penalty, length)).tolist()
        expected, best = naive.optimum(costs, penalty, length, problem.min_size)
        reached = naive.value(costs, ends, penalty, length)
        where = f"trial {trial}: n={n}, d={d}, {penalty=}, {length=}"
        atol = 1e-9 * np.abs(costs[0, 1:]).max()
        np.testing.assert_allclose(reached, best, rtol=1e-9, atol=atol, err_msg=where)
        if KINDS[trial % len(KINDS)] != "integers" and cost not in (
            "poisson",
            "l1",
            "rank",
            "mixed",
        ):
            assert ends == expected, where


@and_mixed
@pytest.mark.parametrize("kind", KINDS)
def test_two_halves_cost_no_more_than_the_whole(cost, kind):
    problem = prepare(fit(cost, series(kind, 40, 3, 0)), made(cost, 3), 1)
    costs = table(problem)
    scale = np.abs(costs[0, 1:]).max()
    for u in range(1, 40):
        gain = costs[:u, u + 1 :] - costs[:u, u][:, None] - costs[u, u + 1 :][None, :]
        assert gain.min() >= -1e-9 * scale


# --- peers


def test_the_normal_cost_is_that_of_ruptures():
    """`CostNormal` adds 1e-6 to each variance, unless told not to; one channel at a time."""
    x = series("variance", 90, 1, 3)
    peer = ruptures.costs.CostNormal(add_small_diag=False).fit(x)
    problem = prepare(x, "normal", 2)
    bounds = np.array([[0, 90], [3, 40], [50, 53], [10, 12]])
    args = problem.cost.kernel, *problem.statistics
    mine = segment_costs(*args, bounds[:, 0], bounds[:, 1])
    theirs = [peer.error(a, b) - (b - a) * np.log(Normal().floor(x)[0]) for a, b in bounds]
    np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-8)
    for seed in range(5):
        x = series("variance", 90, 1, seed)
        search = ruptures.Pelt(custom_cost=peer, jump=1, min_size=2)
        found = Pelt("normal", penalty=12.0).fit_predict(x)[:, 1].tolist()
        theirs = search.fit_predict(x, pen=12.0)
        costs = table(prepare(x, "normal", 2))
        mine, other = (naive.value(costs, ends, 12.0, 0.0) for ends in (found, theirs))
        assert mine <= other + 1e-9, "ruptures prunes too early for segments of 2"
        assert found == theirs or mine < other - 1e-9


@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("min_size", [1, 4])
def test_medians_as_ruptures_has_them(d, min_size):
    for seed in range(3):
        x = series("steps", 70, d, seed)
        mine = Pelt("l1", penalty=8.0, min_duration=min_size).fit_predict(x)[:, 1].tolist()
        peer = ruptures.Dynp("l1", jump=1, min_size=min_size).fit(x)
        assert mine == (peer.predict(len(mine) - 1) if len(mine) > 1 else [70])


@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("min_size", [2, 4])
def test_ranks_as_ruptures_has_them(d, min_size):
    """Its cost lacks the squares of all ranks, which no partition changes."""
    for seed in range(3):
        x = series("steps", 70, d, seed)
        mine = Pelt("rank", penalty=8.0, min_duration=min_size).fit_predict(x)[:, 1].tolist()
        peer = ruptures.Dynp("rank", jump=1, min_size=min_size).fit(x)
        assert mine == (peer.predict(len(mine) - 1) if len(mine) > 1 else [70])


def test_autoregression_and_trends_as_ruptures_has_them():
    x = series("walk", 80, 1, 1)
    problem = prepare(x, "ar", 3, 2)
    peer = ruptures.costs.CostAR(2).fit(x)
    args = problem.cost.kernel, *problem.statistics
    mine = segment_costs(*args, np.array([10, 20]), np.array([40, 80]))
    # Its rows begin one sample early; the twin above is the measure, this only the same order.
    np.testing.assert_allclose(mine, [peer.error(10, 40), peer.error(20, 80)], rtol=0.5)
    time = np.column_stack([x, np.arange(80.0), np.ones(80)])
    trend = ruptures.costs.CostLinear().fit(time)
    problem = prepare(x, "linear", 3)
    args = problem.cost.kernel, *problem.statistics
    mine = segment_costs(*args, np.array([10, 20]), np.array([40, 80]))
    np.testing.assert_allclose(mine, [trend.error(10, 40), trend.error(20, 80)])


# --- invariants


@quick
@given(
    st.sampled_from([*COSTS]),
    st.sampled_from(KINDS[:3]),
    st.integers(1, 70),
    st.integers(1, 3),
    st.integers(1, 5),
    st.integers(0, 99),
)
def test_invariants(cost, kind, n, d, min_size, seed):
    rng = np.random.default_rng(seed)
    x = fit(cost, series(kind, n, d, seed))

    def cut(values, **more):
        return Pelt(cost, min_duration=min_size, **more).fit_predict(values).tolist()

    bounds = cut(x)
    assert len(bounds) == 1 or min(b - a for a, b in bounds) >= min_size
    assert bounds == cut(x[:, rng.permutation(d)])
    if cost != "normal_full":  # there, another channel asks for longer segments
        assert bounds == cut(np.column_stack([x, np.full(n, 7.0)]))
    assert bounds == cut(x, weights=[1.0] * d)
    if cost != "poisson":
        assert bounds == cut(64.0 * x)
        assert bounds == cut(-x + 0.0)
        assert bounds == cut(x + 32.0)


@each
def test_a_large_offset_changes_nothing(cost):
    x = np.round(series("steps", 200, 2, 1) * 64) / 64  # exact under the offset
    if cost != "poisson":
        expected = Pelt(cost).fit_predict(x).tolist()
        assert Pelt(cost).fit_predict(x + 2.0**27).tolist() == expected


@each
@pytest.mark.parametrize("value", [0.0, 1 / 3, 1e8])
@pytest.mark.parametrize("penalty", ["bic", "mbic", "slope", 0.0, np.inf])
def test_a_constant_is_one_segment(cost, value, penalty):
    assert Pelt(cost, penalty).fit_predict(np.full((40, 2), value)).tolist() == [[0, 40]]


@each
@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
def test_short_series_are_answered(cost, n):
    x = fit(cost, series("steps", n, 2, 0))
    for penalty in ("bic", "mbic", "slope", 0.0):
        bounds = Pelt(cost, penalty).fit_predict(x)
        assert bounds[-1, 1] == n


def test_weights_repeat_channels():
    x = series("steps", 100, 2, 5)
    for cost in ("l2", "l1", "normal", "linear"):
        twice = Pelt(cost, penalty=20.0).fit_predict(x[:, [0, 1, 1]])
        weighted = Pelt(cost, penalty=20.0, weights=[1.0, 2.0]).fit_predict(x)
        assert twice.tolist() == weighted.tolist()


# --- what each is for


def test_each_finds_its_own_changes():
    rng = np.random.default_rng(0)
    noise, half = rng.normal(size=400), np.arange(400) >= 200
    assert Pelt("normal").fit_predict(noise * (1 + 3 * half))[:, 1].tolist()[0] in range(195, 206)
    assert len(Pelt("l2").fit_predict(np.where(half, -1.0, 1.0) ** 2 + noise)) == 1
    counts = rng.poisson(np.where(half, 9.0, 3.0))
    assert Pelt("poisson").fit_predict(counts)[:, 1].tolist() == pytest.approx([200, 400], abs=3)
    heavy = rng.standard_t(1.5, 400) + 8 * half
    assert Pelt("l1", min_duration=20).fit_predict(heavy)[:, 1].tolist() == pytest.approx(
        [200, 400], abs=3
    )
    roof = noise / 4 + np.where(half, 400 - np.arange(400), np.arange(400)) / 10
    assert Pelt("linear").fit_predict(roof)[:, 1].tolist() == pytest.approx([200, 400], abs=6)
    swing = np.zeros(400)
    for t in range(1, 400):
        swing[t] = (-0.8 if half[t] else 0.8) * swing[t - 1] + noise[t]
    assert Pelt("ar").fit_predict(swing)[:, 1].tolist() == pytest.approx([200, 400], abs=6)


def test_correlation_and_ranks_and_mixtures_find_theirs():
    rng = np.random.default_rng(0)
    half = np.arange(400) >= 200
    x = rng.normal(size=(400, 2))
    x[half, 1] = 0.9 * x[half, 0] + np.sqrt(1 - 0.81) * x[half, 1]  # variances stay
    assert Pelt("normal_full").fit_predict(x)[:, 1].tolist() == pytest.approx([200, 400], abs=9)
    assert len(Pelt("normal").fit_predict(x)) == 1
    heavy = rng.standard_cauchy(400) + 4 * half
    found = Pelt("rank").fit_predict(heavy)
    assert found[:, 1].tolist() == pytest.approx([200, 400], abs=6)
    assert Pelt("rank").fit_predict(np.arctan(heavy)).tolist() == found.tolist()
    counts = rng.poisson(np.where(half, 3.4, 3.0))
    x = np.column_stack([rng.normal(size=400) + 0.6 * half, counts])
    both = Mixed({"l2": [0], "poisson": [1]})
    assert Pelt(both, "mbic").fit_predict(x)[:, 1].tolist() == pytest.approx([200, 400], abs=12)


@pytest.mark.parametrize(
    ("channels", "words"),
    [
        ({}, "there should be a cost"),
        ({"l2": [0], "l1": []}, "each cost should have a channel"),
        ({"l2": [0, 2]}, "channel 2 should be one of 0 to 1"),
        ({"l2": [0], "l1": [0]}, "channel 0 should be one of 0 to 1, and named once"),
        ({"l3": [0]}, "'l3' should be one of 'l2', 'l1'"),
    ],
)
def test_a_mixture_that_makes_no_sense_is_refused(channels, words):
    with pytest.raises(TsalignError, match=words):
        Pelt(Mixed(channels), penalty=1.0).fit_predict([[1.0, 2.0], [2.0, 3.0]])


def test_a_mixture_takes_a_cost_itself_but_no_foreign_kernel():
    x = series("steps", 60, 2, 0)
    cost = Mixed({AR(2): [1], "l2": [0]})
    assert cost.shortest(2) == 4
    assert cost.numbers(2).tolist() == [1.0, 3.0]
    assert len({cost, Mixed({AR(2): [1], "l2": [0]})}) == 1
    Pelt(cost).fit_predict(x)
    with pytest.raises(TsalignError, match="has a kernel of its own, which cannot be mixed"):
        Pelt(Mixed({Exponential(): [0]}), penalty=1.0).fit_predict(x)


# --- refusals and third parties


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"cost": "l3"}, r"\(cost='l3'\): should be one of 'l2', 'l1', 'normal'"),
        ({"cost": "ar", "order": 0}, "order=0"),
        ({"weights": [1.0]}, "weights should be 2 numbers"),
        ({"weights": [1.0, 0.0]}, "above 0"),
        ({"weights": [1.0, np.nan]}, "finite and above 0"),
        ({"cost": "poisson"}, "X has -2 at sample 1, channel 0; Poisson counts are not negative"),
        ({"variance": "hac"}, "variance"),
        ({"cost": "normal_full", "weights": [1.0, 2.0]}, "weights should be alike"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong, words):
    with pytest.raises(TsalignError, match=words):
        Pelt(**wrong).fit_predict([[1.0, 2.0], [-2.0, 3.0], [1.0, 0.0]])


@numba.njit
def exponential(table, constants, starts, stops, out):
    for i in range(len(starts)):
        length, total = stops[i] - starts[i], table[0, stops[i]] - table[0, starts[i]]
        out[i] = 2.0 * length * np.log(total / length)


@dataclass(frozen=True)
class Exponential(Cost):
    """Durations: twice the negative log-likelihood of an exponential law."""

    kernel = staticmethod(exponential)

    def statistics(self, x, weights):
        return running_sums(weights * x), np.empty(0)


def test_a_cost_of_ones_own():
    x = np.random.default_rng(0).exponential(np.repeat([1.0, 9.0], 60))
    found = Pelt(Exponential(), penalty=12.0).fit_predict(x)[:, 1].tolist()
    assert found == pytest.approx([60, 120], abs=4)
    with pytest.raises(TsalignError, match="Exponential knows no noise; give the penalty"):
        Pelt(Exponential()).fit_predict(x)


def test_runs_uncompiled_alike():
    code = (
        "import numpy as np; from tsalign.segment import Pelt;"
        "x = np.random.default_rng(0).normal(size=(50, 2)); x[20:] *= 4; x[35:] -= 3;"
        "print([Pelt(c, penalty=9.0, min_duration=m).fit_predict(x).tolist()"
        " for c in ('l1', 'normal', 'linear', 'ar') for m in (3,)])"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            env={
                **os.environ,
                "NUMBA_DISABLE_JIT": flag,
                "PYTHONPATH": str(Path(__file__).parents[1]),
            },
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for flag in "01"
    ]
    assert outputs[0] == outputs[1]
