"""Noise between unknown changes, the rules that choose how many there are, and how sure each is."""

from __future__ import annotations

import naive_costs
import naive_noise as naive
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from tsalign.errors import TsalignError
from tsalign.kernels.gains import level_gains, segment_means
from tsalign.kernels.memory import reflections, residuals, sum_variances
from tsalign.segment import Kernel, Pelt, crops
from tsalign.segment.calibration import calibrated, critical, shuffled
from tsalign.segment.confidence import REACH, confidence
from tsalign.segment.costs import COSTS
from tsalign.segment.kernel import feature_noise
from tsalign.segment.noise import LONGEST, PIECES, inflation, noise_of, pieces, steady
from tsalign.segment.penalties import Penalty, difference_variance, long_run_variance
from tsalign.segment.problem import prepare
from tsalign.segment.supervision import count_errors, learn_factor

UNCOMPILED = bool(numba.config.DISABLE_JIT)
SEEDS = 3 if UNCOMPILED else 40
quick = settings(max_examples=5 if UNCOMPILED else 40, deadline=None)


def white(n, seed):
    return np.random.default_rng(seed).normal(size=n)


def red(n, rho, seed):
    """Noise that remembers: `rho` of each sample is carried on to the next."""
    return lfilter([1.0], [1.0, -rho], white(n + 500, seed))[500:]


def levels(n, every, seed=0):
    return np.tile([0.0, 6.0, -3.0, 5.0, 1.0, 8.0], n)[: n // every + 1].repeat(every)[:n]


# --- kernels


@quick
@given(st.integers(1, 60), st.booleans(), st.integers(0, 99))
def test_residuals_equal_their_twin(n, lines, seed):
    rng = np.random.default_rng(seed)
    ends = np.append(np.flatnonzero(rng.random(n - 1) < 0.2) + 1, n)
    x = rng.normal(size=n) + 100
    expected = naive.residuals(x, ends, lines)
    np.testing.assert_allclose(residuals(x, ends, lines), expected, atol=1e-9)


@quick
@given(st.integers(8, 80), st.integers(1, 6), st.integers(0, 99))
def test_memory_equals_its_twin(n, order, seed):
    x = red(n, 0.5, seed)
    reflected = reflections(x, order)
    np.testing.assert_allclose(reflected, naive.reflections(x, order), atol=1e-10)
    assert (np.abs(reflected) < 1).all()
    sums = sum_variances(reflected, 20)
    np.testing.assert_allclose(sums, naive.sum_variances(reflected, 20), rtol=1e-4, atol=1e-4)


def test_nothing_is_left_to_predict():
    assert reflections(np.zeros(9), 4).tolist() == [0, 0, 0, 0]
    assert sum_variances(np.zeros(0), 3).tolist() == [1, 1, 1]


@quick
@given(
    st.integers(2, 40), st.integers(1, 3), st.integers(1, 4), st.integers(1, 9), st.integers(0, 9)
)
def test_gains_equal_their_twin(n, d, min_size, reach, seed):
    rng = np.random.default_rng(seed)
    x, weights = rng.normal(size=(n, d)) + 1e3, rng.uniform(0.5, 2, d)
    ends = prepare(x, "l2", min_size, weights=weights).best(Penalty(0.5))
    costs = naive_costs.table("l2", x, weights)
    expected = naive.gains(costs, ends.tolist(), reach, min_size)
    edges = np.concatenate([[0], ends])
    gains = (x, weights, edges, segment_means(x, ends))
    found = level_gains(*gains, np.arange(1, len(ends)), reach, min_size)
    np.testing.assert_allclose(found, expected, atol=1e-7)


# --- noise


@pytest.mark.parametrize("n", [50, 100, 300, 1000])
def test_independent_noise_keeps_its_variance(n):
    found = [long_run_variance(white(n, seed)[:, None])[0] for seed in range(SEEDS)]
    assert np.median(found) == pytest.approx(1, abs=0.15)
    alternating = long_run_variance(red(3000, -0.5, 1)[:, None])[0]
    assert alternating == pytest.approx(1 / (1 - 0.5**2), rel=0.1)  # no less than one sample has


@pytest.mark.parametrize(("rho", "n"), [(0.5, 1000), (0.9, 3000)])
def test_memory_is_seen_between_changes(rho, n):
    """A change of 20 times the shocks' size is none of it."""
    truth = 1 / (1 - rho) ** 2
    found = [long_run_variance(red(n, rho, seed)[:, None])[0] for seed in range(SEEDS)]
    assert np.median(found) == pytest.approx(truth, rel=0.15)
    moved = [
        long_run_variance((red(n, rho, seed) + 20 * (np.arange(n) > n // 2))[:, None])[0]
        for seed in range(SEEDS)
    ]
    assert np.median(moved) == pytest.approx(truth, rel=0.3)


@pytest.mark.parametrize("every", [25, 50, 100])
def test_changes_are_no_noise(every):
    for seed in range(3):
        x = white(600, seed) + levels(600, every)
        assert long_run_variance(x[:, None])[0] == pytest.approx(1, rel=0.25)


def test_lines_are_no_noise_where_the_cost_knows_lines():
    x = (white(400, 0) + 0.2 * np.abs(np.arange(400) - 200))[:, None]
    assert COSTS["linear"]().noise(x, "long_run")[0] == pytest.approx(1, rel=0.25)
    assert COSTS["l2"]().noise(x, "long_run")[0] > 50


def test_the_other_costs_count_dependence_alike():
    for seed in range(3):
        x = red(3000, 0.7, seed)[:, None]
        sums = inflation(x)[0]
        assert sums == pytest.approx((1 + 0.7) / (1 - 0.7), rel=0.3)
        assert COSTS["normal"]().noise(x, "long_run")[0] == sums
        spread = np.median(np.abs(x)) / np.log(2)
        assert COSTS["l1"]().noise(x, "long_run")[0] == pytest.approx(sums * spread / 2, rel=0.2)
        assert COSTS["l1"]().noise(x, "difference")[0] < spread


def test_long_series_are_looked_at_in_pieces():
    assert pieces(LONGEST) == [slice(0, LONGEST)]
    for n in (LONGEST + 1, 3 * LONGEST, 10**8):
        parts = pieces(n)
        assert 1 < len(parts) <= PIECES
        assert all(0 < part.stop - part.start <= LONGEST for part in parts)
        assert (parts[0].start, parts[-1].stop) == (0, n)


@pytest.mark.parametrize("n", range(1, 12))
def test_the_fewest_samples_and_constants_have_noise_too(n):
    assert long_run_variance(np.full((n, 1), 0.1)).tolist() == [0]
    assert noise_of(np.full(n, 0.1)) is None
    x = white(n, 0)[:, None]
    assert np.isfinite(long_run_variance(x)).all()
    if n < 5:
        assert long_run_variance(x) == difference_variance(x)
    noise, memory, lost = steady(x)
    assert noise.shape == x.shape
    assert 1 <= memory <= max(1, n // 8)
    assert lost >= 1


def test_outliers_stay_in_what_is_shuffled():
    x = white(300, 0) + 6 * (np.arange(300) > 150)
    x[40] += 30
    noise, _, _ = steady(x[:, None])
    assert noise[40, 0] > 20
    assert abs(noise[:40].mean()) < 1.5
    assert abs(noise[152:].mean()) < 0.5


# --- the default


@pytest.mark.parametrize("n", [50, 100, 300])
@pytest.mark.parametrize("segmenter", [Pelt(), Pelt("linear"), Kernel(), Pelt("l1")], ids=repr)
def test_the_default_finds_nothing_in_independent_noise(n, segmenter):
    seeds = range(2 if UNCOMPILED else 25)
    cut = sum(len(segmenter.fit_predict(white(n, seed))) > 1 for seed in seeds)
    assert cut <= 4


@pytest.mark.parametrize(("rho", "n"), [(0.5, 100), (0.5, 1000), (0.9, 300), (0.9, 3000)])
def test_the_default_finds_nothing_in_noise_that_remembers(rho, n):
    cut = [len(Pelt().fit_predict(red(n, rho, seed))) > 1 for seed in range(SEEDS)]
    assert np.mean(cut) <= 0.15
    always = [
        len(Pelt(variance="difference").fit_predict(red(n, rho, seed))) > 1 for seed in range(3)
    ]
    assert all(always)


def test_the_default_finds_changes_a_few_samples_apart():
    for seed in range(3):
        x = white(200, seed)
        x[100:104] += 9
        found = Pelt().fit_predict(x)[1:, 0].tolist()
        assert {100, 104} <= set(found)
        assert len(found) <= 4
        dense = white(300, seed) + levels(300, 25)
        assert len(Pelt().fit_predict(dense)) == pytest.approx(12, abs=1)


# --- calibrated


@pytest.mark.parametrize("cost", ["l2", "l1", "linear", "normal"])
def test_the_critical_penalty_is_where_the_last_change_goes(cost):
    for seed in range(4):
        x = white(40, seed)[:, None] + levels(40, 10)[:, None] / 3
        for min_size in (1, 4):
            problem = prepare(x, cost, min_size)
            least = critical(problem)
            assert len(problem.best(Penalty(least * (1 + 1e-6)))) == 1
            assert len(problem.best(Penalty(least * (1 - 1e-6)))) > 1
    assert critical(prepare(x[:3], cost, 2)) == 0
    assert critical(prepare(np.ones((9, 1)), cost, 1)) == 0


def test_shuffling_keeps_all_samples_and_whole_blocks():
    x = np.arange(20.0)[:, None]
    found = shuffled(x, 6, np.random.default_rng(0)).ravel()
    assert sorted(found) == list(range(20))
    follow = (np.diff(found) % 20 == 1).sum()
    assert follow >= 16


def test_a_calibrated_penalty_has_the_risk_it_promises():
    """In each kind of noise, of 40 series about two are cut at a risk of 0.05."""
    for make in (lambda s: white(150, s), lambda s: red(400, 0.6, s)):
        cut = [
            len(Pelt(penalty="calibrated", n_permutations=39).fit_predict(make(s))) > 1
            for s in range(SEEDS)
        ]
        assert np.mean(cut) <= 0.15
    cut = [
        len(Pelt(penalty="calibrated", n_permutations=39, alpha=0.5).fit_predict(white(150, s))) > 1
        for s in range(SEEDS)
    ]
    assert np.mean(cut) > 0.2


@pytest.mark.parametrize("segmenter", [Pelt, Kernel])
def test_calibrated_finds_what_changes_and_depends_on_its_seed_alone(segmenter):
    x = white(200, 1) + levels(200, 50)
    rule = segmenter(penalty="calibrated", n_permutations=39)
    found = rule.fit_predict(x)
    assert found[:, 1].tolist() == pytest.approx([50, 100, 150, 200], abs=2)
    assert rule.fit_predict(x).tolist() == found.tolist()
    problem = prepare(x[:, None], "l2", 1)
    one, two, other = (calibrated(problem, 0.05, 39, seed) for seed in (1, 1, 2))
    assert one == two != other
    assert calibrated(problem, 0.01).change > calibrated(problem, 0.2).change
    assert calibrated(prepare(8 * x[:, None], "l2", 1), 0.05, 39, 1).change == 64 * one.change


@pytest.mark.parametrize("cost", COSTS)
def test_calibrated_works_with_every_cost(cost):
    counts = np.random.default_rng(0).poisson(np.repeat([3, 30], 60)).astype(float)
    found = Pelt(cost, "calibrated", min_duration=6, n_permutations=19).fit_predict(counts)
    assert len(found) >= 2
    assert np.abs(found[1:, 0] - 60).min() <= 3


# --- crops


@pytest.mark.parametrize("segmenter", [Pelt(penalty="crops"), Kernel("linear", penalty="crops")])
def test_crops_takes_the_partition_that_lasts_longest(segmenter):
    x = white(240, 2) + levels(240, 40)
    found = segmenter.fit(x)
    low, high = found.path_[0, 0], found.path_[-1, 1]
    assert high == pytest.approx(8 * low)
    path = crops(x, low, high)
    expected = [[a, b, len(bounds)] for (a, b), bounds in path]
    np.testing.assert_array_equal(found.path_, expected)
    ratios = [b / a for (a, b), _ in path]
    lasting = path[len(ratios) - 1 - int(np.argmax(ratios[::-1]))][1]
    np.testing.assert_array_equal(found.bounds_, lasting)
    assert found.bounds_[:, 1].tolist() == pytest.approx([40, 80, 120, 160, 200, 240], abs=2)
    assert len(segmenter.fit_predict(white(240, 3))) == 1  # nothing is an answer


def test_a_path_is_kept_by_crops_alone():
    found = Pelt(penalty="crops").fit(white(50, 0))
    assert not hasattr(found.set_params(penalty="bic").fit(white(50, 0)), "path_")


# --- supervised


def annotated(seeds, n=300, scale=1.0):
    """Steps of 6 that someone calls changes, and steps of 1.5 that nobody does."""
    series, changes = [], []
    for seed in seeds:
        time = np.arange(n)
        x = white(n, seed) + 6 * (time >= n // 3) + 1.5 * (time >= 2 * n // 3)
        series.append(scale * x)
        changes.append([n // 3])
    return series, changes


@pytest.mark.parametrize(
    "segmenter", [Pelt(penalty="supervised"), Kernel("linear", penalty="supervised")]
)
def test_supervised_learns_what_people_call_a_change(segmenter):
    series, changes = annotated(range(4))
    learnt = segmenter.fit(series, changes)
    assert learnt.factor_ > 1
    for n, scale in ((300, 1.0), (900, 1000.0), (150, 1e-3)):  # it transfers
        for x, places in zip(*annotated(range(10, 14), n, scale), strict=True):
            assert learnt.predict(x)[1:, 0].tolist() == pytest.approx(places, abs=2)
    whole = Pelt().fit_predict(series[0])
    assert len(whole) > 2


def test_supervised_goes_below_the_criterion_where_it_must():
    x = white(300, 0)
    x[100:200] += 0.45
    learnt = Pelt(penalty="supervised", min_duration=50).fit([x], [[100, 200]])
    assert learnt.factor_ < 1
    assert len(learnt.predict(x)) == 3


def test_supervised_chooses_the_fewest_errors():
    series, changes = annotated(range(5), 200)
    examples = []
    for x, places in zip(series, changes, strict=True):
        problem = prepare(x[:, None], "l2", 1)
        bic = 2 * long_run_variance(problem.x)[0] * np.log(len(x))
        examples.append((problem, bic, np.array(places)))

    def errors(factor):
        return sum(
            count_errors(p.best(Penalty(factor * bic))[:-1], places, len(p.x))
            for p, bic, places in examples
        )

    learnt = learn_factor(examples)
    assert errors(learnt) == min(errors(f) for f in np.geomspace(1 / 8, 100, 60))


def test_errors_are_counted_where_they_belong():
    assert count_errors(np.array([], int), np.array([], int), 10) == 0
    assert count_errors(np.array([3]), np.array([], int), 10) == 1
    assert count_errors(np.array([3, 7]), np.array([3, 7]), 10) == 0
    assert count_errors(np.array([3]), np.array([3, 7]), 10) == 1


def test_series_without_changes_are_answered_by_none():
    learnt = Pelt(penalty="supervised").fit([white(100, s) for s in range(3)], [[], [], []])
    assert len(learnt.predict(white(100, 9))) == 1
    flat = Pelt(penalty="supervised").fit([np.ones(20)], [[]])
    assert len(flat.predict(np.ones(9))) == 1


@pytest.mark.parametrize(
    ("X", "y", "words"),
    [
        ([np.zeros(9)], None, "give them as y"),
        ([np.zeros(9)], [[3], [4]], "X has 1 series, but y the changes of 2"),
        ([np.zeros(9), np.zeros((9, 2))], [[3], [4]], "different numbers of channels"),
        ([np.zeros(9), np.zeros(9)], [[3], [9]], "series 1 cannot change at 9: it has 9 samples"),
        ([np.zeros(9)], [[2.5]], "series 0 cannot change at 2.5"),
        ([np.full(9, np.nan)], [[3]], "X has NaN"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(X, y, words):
    with pytest.raises(TsalignError, match=words):
        Pelt(penalty="supervised").fit(X, y)


def test_one_annotated_series_needs_no_list():
    (x, *_), (places, *_) = annotated([0])
    learnt = Pelt(penalty="supervised")
    assert learnt.fit_predict(x, places)[1:, 0].tolist() == pytest.approx(places, abs=2)
    assert learnt.n_features_in_ == 1


# --- confidence


@pytest.mark.parametrize("rule", ["bic", "mbic", "slope", "crops", "calibrated", 9.0, 0.0])
@pytest.mark.parametrize("cost", COSTS)
def test_every_change_has_a_confidence(cost, rule):
    x = np.round(np.abs(white(80, 0) + levels(80, 20)))
    found = Pelt(cost, rule, n_permutations=9).fit(x)
    assert found.confidence_.shape == (len(found.bounds_) - 1,)
    assert ((found.confidence_ >= 0) & (found.confidence_ <= 1)).all()
    np.testing.assert_array_equal(found.bounds_, found.predict(x))


@pytest.mark.parametrize("make", [lambda: Pelt(penalty=8.0), lambda: Kernel("linear", penalty=8.0)])
def test_confidence_grows_with_the_change_and_with_its_length(make):
    def sure(size, n):
        x = np.tile([0.5, -0.5], n)
        x[n:] += size
        found = make().fit(x)
        assert found.bounds_[:, 1].tolist() == [n, 2 * n]
        return found.confidence_[0]

    sizes = [sure(size, 20) for size in (1.1, 1.5, 2.0, 3.0)]
    lengths = [sure(1.2, n) for n in (20, 40, 80, 160)]
    assert sizes == sorted(set(sizes))
    assert lengths == sorted(set(lengths))
    assert lengths[-1] > 0.99


def test_confidence_is_a_probability():
    """Of series that change once or never, the share that does is what it says."""
    rng = np.random.default_rng(0)
    said, true = [], []
    for _ in range(60 if UNCOMPILED else 3000):
        change = rng.random() < 0.5
        n, place = 80, int(rng.integers(1, 80))
        x = rng.normal(size=n) + change * rng.normal() * (np.arange(n) >= place)
        problem = prepare(x[:, None], "l2", 1)
        ends = problem.best(Penalty(critical(problem) * (1 - 1e-9)))[[0, -1]]
        said.append(confidence(problem, ends, 1.0, 1.0)[0])
        true.append(change and abs(place - ends[0]) <= REACH)
    said, true = np.array(said), np.array(true)
    for low, high in ((0.0, 0.3), (0.3, 0.7), (0.7, 0.95), (0.95, 1.01)):
        there = (said >= low) & (said < high)
        if UNCOMPILED:
            continue
        assert there.sum() > 50
        assert true[there].mean() == pytest.approx(said[there].mean(), abs=0.1)


def test_false_changes_are_less_sure_than_true_ones():
    """A penalty far too low finds both; noise measured by `bic` would tell them apart."""
    for seed in range(5):
        x = white(200, seed) + 3 * (np.arange(200) >= 100)
        problem = prepare(x[:, None], "l2", 5)
        ends = problem.best(Penalty(2.0))
        sure = confidence(problem, ends, 1.0, 1.0)
        assert len(ends) > 3
        nearest = int(np.argmin(np.abs(ends[:-1] - 100)))
        assert sure.argmax() == nearest
        assert sure[nearest] > 0.999
        assert np.median(np.delete(sure, nearest)) < 0.8


def test_confidence_knows_no_scale():
    x = white(200, 0) + levels(200, 40) / 3
    mine = Pelt().fit(x)
    np.testing.assert_array_equal(Pelt().fit(64 * x).confidence_, mine.confidence_)
    np.testing.assert_allclose(Pelt().fit(x + 1e3).confidence_, mine.confidence_, atol=1e-6)
    assert Pelt(penalty=0.0).fit([0.0, 0.1, 1.0]).confidence_.tolist() == [1.0, 1.0]


def test_features_that_matter_are_measured():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3)) * [0.01, 1.0, 0.1]
    noise = feature_noise(x, "long_run")
    assert noise[0] == pytest.approx(1, rel=0.2)
    assert noise.sum() == pytest.approx(1.01, rel=0.2)
    assert not feature_noise(np.zeros((9, 2)), "long_run").any()
