"""Missing samples in single channels: l2, normal and mixtures of them take NaN, exactly."""

from __future__ import annotations

import itertools

import naive_costs as naive
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsalign.errors import TsalignError
from tsalign.kernels.pelt import segment_costs
from tsalign.segment import AroundGaps, Kernel, Mixed, Pelt, crops
from tsalign.segment.costs import COSTS, L2, NormalFull
from tsalign.segment.missing import by_channel, filled, present
from tsalign.segment.penalties import Penalty, long_run_variance
from tsalign.segment.problem import masks, prepare

NAN = np.nan
UNCOMPILED = bool(numba.config.DISABLE_JIT)
MANY = 6 if UNCOMPILED else 100
quick = settings(max_examples=40, deadline=None)
slow = pytest.mark.compiled  # rules uncompiled take minutes
masking = pytest.mark.parametrize("cost", ["l2", "normal", "mixed"])


def made(cost, d):
    """A cost that takes NaN; `mixed` as its twin has it."""
    if cost != "mixed":
        return cost
    return Mixed({"l2": [0], "normal": [*range(1, d)]} if d > 1 else {"l2": [0]})


def holed(n, d, seed, share=0.35):
    """Steps of mean and variance; each channel, and each sample, has a value."""
    rng = np.random.default_rng(seed)
    blocks = rng.normal(0, 3, (n // 8 + 1, d)).repeat(8, axis=0)[:n]
    x = blocks + rng.normal(size=(n, d)) * np.exp(blocks / 3)
    gaps = rng.random((n, d)) < share
    gaps[np.arange(n), rng.integers(0, d, n)] = False
    gaps[rng.integers(0, n, d), np.arange(d)] = False
    x[gaps] = NAN
    return x


# --- exactness


@masking
@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_the_optimum_equals_brute_force(cost, d):
    for trial in range(MANY // 2):
        rng = np.random.default_rng([trial, d])
        n, min_size = int(rng.integers(1, 26)), 1 + trial % 7
        x = holed(n, d, trial, share=rng.choice([0.1, 0.5, 0.9]))
        weights = rng.choice([0.5, 1.0, 3.0], d)
        problem = prepare(x, made(cost, d), min_size, 1, weights.tolist())
        costs = naive.table(f"masked {cost}", x, weights)
        penalty = float(10 ** rng.uniform(-2, 1.5))
        length = float(rng.choice([0.0, penalty / 4]))
        ends = problem.best(Penalty(penalty, length))
        _, best = naive.optimum(costs, penalty, length, problem.min_size)
        where = f"trial {trial}: n={n}, min_size={problem.min_size}, {penalty=}, {length=}"
        reached = naive.value(costs, ends, penalty, length)
        scale = np.abs(costs[np.isfinite(costs)]).max()
        np.testing.assert_allclose(reached, best, rtol=1e-9, atol=1e-9 * scale, err_msg=where)
        assert np.diff([0, *ends]).min() >= min(problem.min_size, n), where


@masking
@pytest.mark.parametrize("min_size", [1, 5])
def test_longer_series_reach_the_optimum_over_all_segments(cost, min_size):
    for trial in range(max(2, MANY // 10)):
        rng = np.random.default_rng(trial)
        n, d = int(rng.integers(20, 60 if UNCOMPILED else 300)), 2 + trial % 2
        problem = prepare(holed(n, d, trial), made(cost, d), min_size)
        starts, stops = np.triu_indices(n + 1, 1)
        costs = np.full((n + 1, n + 1), np.inf)
        args = problem.cost.kernel, *problem.statistics
        costs[starts, stops] = segment_costs(*args, starts, stops)
        for u in range(1, n, 7):  # what the search asks of a cost
            gain = costs[:u, u + 1 :] - costs[:u, u][:, None] - costs[u, u + 1 :][None, :]
            assert gain.min() >= -1e-9 * np.abs(costs[0, 1:]).max()
        penalty = float(10 ** rng.uniform(-1, 2))
        ends = problem.best(Penalty(penalty)).tolist()
        assert ends == naive.optimum(costs, penalty, 0.0, problem.min_size)[0], f"trial {trial}"


@masking
def test_kernels_equal_their_twins_and_those_of_whole_series(cost):
    for trial in range(max(3, MANY // 10)):
        rng = np.random.default_rng(trial)
        n, d = int(rng.integers(2, 120)), 2 + trial % 3
        x, weights = holed(n, d, trial), rng.uniform(0.5, 2, d)
        bounds = np.sort(rng.integers(0, n, (30, 2)), axis=1) + np.array([0, 1])
        problem = prepare(x, made(cost, d), 1, 1, weights.tolist())
        got = segment_costs(problem.cost.kernel, *problem.statistics, *bounds.T)
        expected = [naive.price(f"masked {cost}", x, a, b, weights) for a, b in bounds]
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9 * (1 + np.abs(got).max()))
        whole, masked = made(cost, d), made(cost, d)
        x = np.where(np.isnan(x), 1.0, x)
        costs = []
        for chosen in (prepare(x, whole, 1).cost, prepare(x, masked, 1).cost.masked()):
            table, constants = chosen.statistics(x, weights)
            costs.append(segment_costs(chosen.kernel, table, constants, *bounds.T))
        np.testing.assert_allclose(*costs, rtol=1e-9, atol=1e-9 * (1 + np.abs(got).max()))


# --- invariants


@slow
@quick
@given(
    st.sampled_from(["l2", "normal"]),
    st.sampled_from(["bic", "mbic", "slope", "crops", 9.0]),
    st.integers(1, 60),
    st.integers(1, 4),
    st.integers(0, 99),
)
def test_for_one_channel_masking_is_dropping(cost, rule, n, min_size, seed):
    """A change beside a gap is at the first sample after it; at the rim there is none."""
    rng = np.random.default_rng(seed)
    x, there = holed(n, 1, seed)[:, 0], rng.random(n) < 0.6
    there[rng.integers(n)] = True
    masked = Pelt(cost, rule, min_duration=min_size).fit(np.where(there, x, NAN))
    dropped = Pelt(cost, rule, min_duration=min_size).fit(x[there])
    places = np.flatnonzero(there)
    starts = [0, *places[dropped.bounds_[1:, 0]]]
    assert masked.bounds_.tolist() == [[a, b] for a, b in itertools.pairwise([*starts, n])]
    np.testing.assert_array_equal(masked.confidence_, dropped.confidence_)


@slow
@quick
@given(
    st.sampled_from(["l2", "normal", "mixed"]),
    st.sampled_from(["bic", "mbic", "slope", "crops", 9.0]),
    st.integers(2, 60),
    st.integers(2, 3),
    st.integers(0, 99),
)
def test_invariants(cost, rule, n, d, seed):
    rng = np.random.default_rng(seed)
    x = np.round(64 * holed(n, d, seed)) / 64

    def cut(values, chosen=cost):
        return Pelt(made(chosen, d), rule, min_duration=3).fit(values)

    found = cut(x)
    assert (found.bounds_[0, 0], found.bounds_[-1, 1]) == (0, n)
    assert ((found.confidence_ >= 0) & (found.confidence_ <= 1)).all()
    empty = cut(np.column_stack([x, np.full(n, NAN)]))
    assert empty.bounds_.tolist() == found.bounds_.tolist()
    np.testing.assert_array_equal(empty.confidence_, found.confidence_)
    order = rng.permutation(d) if cost != "mixed" else np.arange(d)
    assert cut(x[:, order]).bounds_.tolist() == found.bounds_.tolist()
    assert cut(x + 2.0**27).bounds_.tolist() == found.bounds_.tolist()
    if cost == "normal" or (cost == "l2" and rule != 9.0):
        assert cut(-64.0 * x).bounds_.tolist() == found.bounds_.tolist()
    late = np.concatenate([np.full((4, d), NAN), x, np.full((3, d), NAN)])
    moved = found.bounds_ + 4
    moved[0, 0], moved[-1, 1] = 0, n + 7
    assert cut(late).bounds_.tolist() == moved.tolist()


@slow
@pytest.mark.parametrize("cost", ["l2", "normal"])
@pytest.mark.parametrize("rule", ["bic", "calibrated", 9.0])
def test_an_empty_channel_is_no_channel_to_the_last_bit(cost, rule):
    x = np.where(np.isnan(holed(90, 2, 0)), 0.5, holed(90, 2, 0))
    wide = np.insert(x, 1, NAN, axis=1)
    narrow = Pelt(cost, rule, n_permutations=19, weights=[1.0, 2.0]).fit(x)
    found = Pelt(cost, rule, n_permutations=19, weights=[1.0, 5.0, 2.0]).fit(wide)
    np.testing.assert_array_equal(found.bounds_, narrow.bounds_)
    np.testing.assert_array_equal(found.confidence_, narrow.confidence_)
    assert found.n_features_in_ == 3
    mixture = Pelt(Mixed({"l2": [0], "normal": [1], "poisson": [2]}), rule, n_permutations=19)
    with pytest.raises(TsalignError, match="X has NaN at sample 0, channel 1"):
        mixture.fit(wide)


def test_a_change_in_a_gap_of_its_own_channel():
    """The other channels decide the place; if they do not, it is the first sample of the gap."""
    x = np.column_stack([np.repeat([0.0, 9.0], 20), np.tile([0.5, -0.5], 20)])
    x[15:25, 0] = NAN
    assert Pelt(penalty=5.0).fit_predict(x).tolist() == [[0, 15], [15, 40]]
    x[22:, 1] += 4.0
    assert Pelt(penalty=5.0).fit_predict(x).tolist() == [[0, 22], [22, 40]]
    x[:, 1] = NAN
    assert Pelt(penalty=5.0).fit_predict(x).tolist() == [[0, 25], [25, 40]]


@slow
@pytest.mark.parametrize("cost", ["l2", "normal"])
def test_changes_are_found_in_what_is_there(cost):
    rng = np.random.default_rng(3)
    half = np.arange(600) >= 300
    x = rng.normal(size=(600, 3)) + 2.0 * half[:, None]
    x[rng.random(x.shape) < 0.5] = NAN
    x[:200, 1] = NAN
    for rule in ("bic", "slope", "crops", "calibrated"):
        found = Pelt(cost, rule, n_permutations=39).fit(x)
        changes = found.bounds_[1:, 0]
        assert np.abs(changes - 300).min() <= 4
        assert found.confidence_[np.abs(changes - 300).argmin()] > 0.99
        if rule in ("bic", "crops"):
            assert len(changes) == 1
    assert len(crops(x, 20.0, 200.0, cost)[0][1]) >= 2


@slow
def test_a_rule_learnt_from_series_with_gaps():
    rng = np.random.default_rng(0)
    steps = [np.repeat([0.0, 9.0, 8.5], 30) + rng.normal(0, 0.3, 90) for _ in range(3)]
    whole = Pelt(penalty="supervised").fit(steps, [[30]] * 3)
    spaced = [np.insert(one, [0, 30, 30, 90], NAN) for one in steps]
    gaps = Pelt(penalty="supervised").fit(spaced, [[33]] * 3)
    assert gaps.factor_ == whole.factor_
    assert gaps.predict(spaced[0]).tolist() == [[0, 33], [33, 94]]


@slow
def test_noise_is_that_of_the_samples_that_are_there():
    x = holed(400, 3, 1)
    problem = prepare(x, "l2", 1)
    for q, noise in enumerate(problem.cost.noise(x, "long_run")):
        there = x[~np.isnan(x[:, q]), q]
        assert noise == long_run_variance(there[:, None])[0]
    left, memory, lost = problem.cost.steady(x)
    np.testing.assert_array_equal(np.isnan(left), np.isnan(x))
    assert memory >= 1
    assert lost >= 1.0


# --- small parts


def test_what_is_there_and_where_it_was():
    x = np.array([[NAN, 1.0], [NAN, NAN], [3.0, NAN], [NAN, NAN]])
    rest = present(x)
    np.testing.assert_array_equal(rest.x, x[[0, 2]])
    assert rest.bounds(np.array([[0, 1], [1, 2]])).tolist() == [[0, 2], [2, 4]]
    assert rest.changes(np.array([1, 2, 3])).tolist() == [1]
    whole = np.arange(6.0).reshape(3, 2)
    assert present(whole).x is whole
    assert present(x[[0, 2]]).places is None
    np.testing.assert_array_equal(filled(x), np.zeros((4, 2)))
    assert by_channel(x[:3], len).tolist() == [1.0, 1.0]


def test_which_costs_and_segmenters_take_what_is_missing():
    assert {word for word in COSTS if masks(word)} == {"l2", "normal"}
    assert not masks(NormalFull())
    assert masks(Mixed({"l2": [0], L2(): [1]}))
    assert not masks(Mixed({"l2": [0], "poisson": [1]}))
    assert [s.takes_missing for s in (Pelt(), Pelt("l1"), Kernel(), AroundGaps(Kernel(), 1))] == [
        True,
        False,
        False,
        True,
    ]
    for segmenter in (Pelt("normal"), Pelt("rank"), AroundGaps(Kernel(), 1)):
        assert segmenter.__sklearn_tags__().input_tags.allow_nan == segmenter.takes_missing


@pytest.mark.parametrize(
    ("segmenter", "values", "words"),
    [
        (Pelt(), [[NAN, NAN], [NAN, NAN]], "X has NaN at sample 0, channel 0, and everywhere else"),
        (Pelt("normal"), [NAN], "and everywhere else"),
        (Pelt(), [[NAN, 1.0], [np.inf, 2.0]], "inf at sample 1, channel 0"),
        (Pelt(), [NAN, -np.inf], "-inf at sample 1, channel 0"),
        (Pelt("l1"), [1.0, NAN], "NaN at sample 1, channel 0; fill it or cut"),
        (Pelt(NormalFull()), [[1.0, 2.0], [NAN, 2.0]], "NaN at sample 1, channel 0; fill it"),
        (Pelt(Mixed({"l2": [1]})), [[1.0, NAN], [2.0, NAN]], "no channel that is named"),
        (Pelt(Mixed({"l2": [7]})), [[1.0, NAN], [2.0, 3.0]], "channel 7 should be one of 0 to 1"),
        (Pelt(weights=[1.0]), [[1.0, NAN], [2.0, NAN]], "weights should be 2 numbers"),
        (Pelt(), [[1e70, NAN], [-1e70, 1.0]], "X varies by 2e.70"),
    ],
)
def test_what_cannot_be_cut_is_refused_in_one_sentence(segmenter, values, words):
    with pytest.raises(TsalignError, match=words) as caught:
        segmenter.fit_predict(values)
    assert "\n" not in str(caught.value)
    with pytest.raises(TsalignError, match="NaN at sample 1, channel 0; L1"):
        prepare(np.array([[1.0], [NAN]]), "l1", 1)


@slow
def test_short_series_and_constants_are_answered():
    for cost in ("l2", "normal"):
        for penalty in ("bic", "mbic", "slope", "crops", 0.0, np.inf):
            for n in (1, 2, 3, 5, 7):
                x = np.where(np.arange(2 * n).reshape(n, 2) % 3 == 1, NAN, 1 / 3)
                assert Pelt(cost, penalty).fit_predict(x).tolist() == [[0, n]]
                assert Pelt(cost, penalty).fit_predict(holed(n, 2, n))[-1, 1] == n
