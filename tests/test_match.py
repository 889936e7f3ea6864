"""Decoders against enumeration, their laws, their errors; duration priors; calibration."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_match import (
    best_disjoint,
    enumerate_all,
    of_concepts,
    of_sentences,
    rescore,
    row_of_sums,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tsalign.errors import TsalignError
from tsalign.kernels import decoders, posteriors
from tsalign.match import Confidence, Independent, Ordered, flat, log_normal
from tsalign.match.lattice import TOTAL, Lattice

few = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 2**32 - 1)
scales = st.sampled_from([0.3, 2.0, 300.0])  # the last leaves the range of linear float64


def windows_of(rng, s, k):
    return np.sort(rng.integers(0, k + 1, (s, 2)), axis=1)


def options_of(rng, s, k, c, scale):
    """Durations, windows and costs, each present in half of the cases."""
    longest = int(rng.integers(1, k + 3))
    durations = rng.normal(-1, scale, (c, longest)) if rng.random() < 0.5 else None
    if durations is not None and rng.random() < 0.3:
        durations[rng.random(durations.shape) < 0.3] = -np.inf
    windows = windows_of(rng, s, k) if rng.random() < 0.5 else None
    return durations, windows, rng.uniform(0, 3, s) if rng.random() < 0.5 else None


def scores_of(rng, k, columns, scale):
    scores = rng.normal(0, scale, (k, columns)).astype(np.float32)
    if rng.random() < 0.3:
        scores[rng.random(scores.shape) < 0.2] = -np.inf
    return scores


def assert_equal_to_enumeration(found, problem):
    truth = enumerate_all(problem)
    close = {"rtol": 1e-6, "atol": 1e-4}
    assert_allclose(found.score, truth.score, rtol=1e-9, atol=1e-9)
    assert_allclose(rescore(problem, found), truth.score, rtol=1e-6, atol=1e-6)
    assert_allclose(found.posterior, truth.posterior, **close)
    assert_allclose(found.placed, truth.placed, **close)
    assert_allclose(found.margin, truth.margin, **close)


@few
@given(seeds, st.integers(1, 7), st.integers(1, 3), scales)
def test_sentences_equal_enumeration(seed, k, s, scale):
    rng = np.random.default_rng(seed)
    scores = scores_of(rng, k, s, scale)
    durations, windows, skips = options_of(rng, s, k, s, scale)
    found = Ordered().decode(scores, durations=durations, windows=windows, skip_costs=skips)
    assert_equal_to_enumeration(found, of_sentences(scores, durations, windows, skips))


@few
@given(seeds, st.integers(1, 6), st.integers(1, 3), st.integers(1, 2), scales)
def test_concepts_equal_enumeration(seed, k, s, c, scale):
    rng = np.random.default_rng(seed)
    signal, text = scores_of(rng, k, c, scale), rng.normal(-1, scale, (s, c))
    durations, windows, skips = options_of(rng, s, k, c, scale)
    found = Ordered().decode_concepts(
        signal, text, durations=durations, windows=windows, skip_costs=skips
    )
    assert_equal_to_enumeration(found, of_concepts(signal, text, durations, windows, skips))


@few
@given(seeds, scales)
def test_sum_over_alignments_equals_enumeration(seed, scale):
    rng = np.random.default_rng(seed)
    k, s = 6, 3
    scores, durations = scores_of(rng, k, s, scale), rng.normal(0, scale, (s, 4))
    for prior in (None, durations):
        whole = np.tile([0, k], (s, 1))
        rows = np.ascontiguousarray(scores.T)
        lattice = Lattice(rows, np.zeros((s, 1)), prior, whole, np.full(s, 2.0))
        truth = enumerate_all(of_sentences(scores, prior)).log_sum
        assert_allclose(lattice.suffixes(TOTAL)[0][0, 0], truth, rtol=1e-9, atol=1e-9)


def test_only_later_evidence_makes_a_path_likely():
    """The best path is exp(-5000) of the others half way: one scale a column would lose it."""
    scores = np.full((200, 2), -50.0)
    scores[:100, 1], scores[100:, 0] = 50.0, 200.0
    found = Ordered().decode(scores)
    assert found.spans.tolist() == [[100, 200], [-1, -1]]
    assert_allclose(found.placed, [1, 0], atol=1e-6)


@pytest.mark.parametrize("longest", [5, 300, 900])
@pytest.mark.parametrize("scale", [0.2, 20.0])
def test_tiles_join_without_seams(longest, scale):
    rng = np.random.default_rng(longest)
    k = 700
    before, row = np.cumsum(rng.random(k + 1)), rng.normal(0, scale, k).astype(np.float32)
    prior = rng.normal(0, 3, longest)
    for step, join in ((decoders.best_bounded, max), (posteriors.total_bounded, logsumexp)):
        out = np.full(k + 1, -np.inf)
        step(before, row[None], np.zeros(1), prior[None], 0, k, out)
        assert_allclose(out, row_of_sums(before, row, prior, join), rtol=1e-10, atol=1e-8)


@few
@given(seeds, scales)
def test_free_runs_are_bounded_runs_of_any_length(seed, scale):
    rng = np.random.default_rng(seed)
    k, s, c = 40, 5, 3
    signal, text = scores_of(rng, k, c, scale), rng.normal(0, 1, (s, c))
    free = Ordered().decode_concepts(signal, text)
    bounded = Ordered().decode_concepts(signal, text, durations=np.zeros((c, k + 7)))
    assert_array_equal(free.spans, bounded.spans)
    assert_array_equal(free.concepts, bounded.concepts)
    assert_allclose(free.posterior, bounded.posterior, atol=1e-5)
    assert_allclose(free.margin, bounded.margin, rtol=1e-5, atol=1e-4)
    assert [[a[:2] for a in found] for found in free.alternatives] == [
        [a[:2] for a in found] for found in bounded.alternatives
    ]


@few
@given(seeds, st.booleans())
def test_laws_of_the_result(seed, bounded):
    rng = np.random.default_rng(seed)
    k, s = 60, 8
    scores = scores_of(rng, k, s, 1.5)
    windows = windows_of(rng, s, k)
    durations = np.tile(log_normal([6.0], 1.0, 12), (s, 1)) if bounded else None
    found = Ordered().decode(scores, durations=durations, windows=windows)
    placed = found.spans[found.spans[:, 0] >= 0]
    assert np.all(placed[:, 0] < placed[:, 1])
    assert np.all(placed[:-1, 1] <= placed[1:, 0])
    for j, (start, end) in enumerate(found.spans):
        assert_array_equal(np.flatnonzero(found.labels == j), np.arange(max(start, 0), max(end, 0)))
        assert start < 0 or (windows[j, 0] <= start and end <= windows[j, 1])
        assert np.all(found.posterior[: windows[j, 0], j] < 1e-6)
    assert np.all(found.posterior.sum(1) <= 1 + 1e-5)
    assert np.all(found.posterior <= found.placed + 1e-5)
    assert np.all((found.margin > 0) == (found.spans[:, 0] >= 0))


@few
@given(seeds, st.booleans())
def test_a_sentence_that_fits_nowhere_changes_nothing_else(seed, infinite):
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 2, (30, 4)).astype(np.float32)
    at = int(rng.integers(0, 5))
    never = np.full(30, -np.inf if infinite else -1e5, np.float32)
    one, two = Ordered().decode(scores), Ordered().decode(np.insert(scores, at, never, axis=1))
    assert two.spans[at].tolist() == [-1, -1]
    assert two.placed[at] == 0
    assert_array_equal(np.delete(two.spans, at, axis=0), one.spans)
    assert_allclose(np.delete(two.posterior, at, axis=1), one.posterior, atol=1e-5)
    assert_allclose(two.score, one.score - 2.0)


@few
@given(seeds, st.booleans())
def test_reversed_time_gives_the_same_value(seed, bounded):
    rng = np.random.default_rng(seed)
    scores = scores_of(rng, 25, 4, 2.0)
    durations = rng.normal(0, 1, (4, 6)) if bounded else None
    skips = rng.uniform(0, 3, 4)
    there = Ordered().decode(scores, durations=durations, skip_costs=skips)
    back = Ordered().decode(
        scores[::-1, ::-1],
        durations=None if durations is None else durations[::-1],
        skip_costs=skips[::-1],
    )
    assert_allclose(back.score, there.score, rtol=1e-9)
    assert_allclose(back.posterior[::-1, ::-1], there.posterior, atol=1e-5)
    assert_allclose(back.margin[::-1], there.margin, rtol=1e-4, atol=1e-4)


@few
@given(seeds)
def test_order_of_concepts_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    signal, text = rng.normal(-0.5, 2, (40, 4)), rng.normal(-1, 1, (5, 4))
    durations, order = rng.normal(0, 1, (4, 9)), rng.permutation(4)
    one = Ordered().decode_concepts(signal, text, durations=durations)
    two = Ordered().decode_concepts(signal[:, order], text[:, order], durations=durations[order])
    assert_array_equal(two.spans, one.spans)
    assert one.concepts is not None
    assert two.concepts is not None
    assert_array_equal(np.where(two.concepts < 0, -1, order[two.concepts]), one.concepts)
    assert_allclose(two.posterior, one.posterior, atol=1e-6)


@few
@given(seeds)
def test_a_window_equals_scores_of_never_outside(seed):
    rng = np.random.default_rng(seed)
    scores, windows = scores_of(rng, 30, 4, 2.0), windows_of(rng, 4, 30)
    masked = np.full_like(scores, -np.inf)
    for j, (lo, hi) in enumerate(windows):
        masked[lo:hi, j] = scores[lo:hi, j]
    one, two = Ordered().decode(scores, windows=windows), Ordered().decode(masked)
    assert_array_equal(one.spans, two.spans)
    assert_allclose(one.posterior, two.posterior, atol=1e-6)


@few
@given(seeds)
def test_alternatives_are_worth_what_they_say(seed):
    rng = np.random.default_rng(seed)
    scores = rng.normal(-0.3, 1.5, (30, 3)).astype(np.float32)
    found = Ordered(alternatives=3, max_overlap=0.2).decode(scores)
    for j, others in enumerate(found.alternatives):
        spans = [(a, b) for a, b, _ in others]
        spans += [tuple(found.spans[j])] if found.spans[j, 0] >= 0 else []
        for i, (a, b) in enumerate(spans):
            for c, d in spans[:i]:
                common = max(0, min(b, d) - max(a, c))
                assert common <= 0.2 * (b - a + d - c - common) + 1e-9
        assert [v for *_, v in others] == sorted((v for *_, v in others), reverse=True)
        assert all(v <= found.margin[j] + 1e-4 for *_, v in others)
    for j in range(3):
        out = Ordered().decode(np.delete(scores, j, axis=1)).score - 2.0
        for a, b, value in found.alternatives[j]:
            assert_allclose(value, _with_span(scores, j, a, b) - out, atol=1e-3)


def _with_span(scores, j, a, b):
    before = Ordered().decode(scores[:a, :j]).score
    after = Ordered().decode(scores[b:, j + 1 :]).score
    return before + scores[a:b, j].sum() + after


def test_ties_take_the_earliest_start_then_the_shortest_run():
    scores = np.array([[1], [0], [-1], [1], [0]], np.float32)
    assert Ordered().decode(scores).spans.tolist() == [[0, 1]]
    assert Ordered().decode(scores, durations=np.zeros((1, 3))).spans.tolist() == [[0, 1]]
    assert Ordered(skip_cost=0.0).decode(np.zeros((3, 2))).spans.tolist() == [[-1, -1]] * 2
    twins = Ordered().decode_concepts(np.ones((2, 3)), np.zeros((1, 3)))
    assert twins.concepts is not None
    assert twins.concepts.tolist() == [0]


@pytest.mark.parametrize("k", [0, 3])
@pytest.mark.parametrize("s", [0, 2])
@pytest.mark.parametrize("matcher", [Ordered(), Independent()])
def test_nothing_to_match(k, s, matcher):
    if k and s:
        k = 1
    found = matcher.decode(np.full((k, s), -9.0), durations=np.zeros((s, 2)))
    assert found.labels.tolist() == [-1] * k
    assert found.spans.tolist() == [[-1, -1]] * s
    assert found.posterior.shape == (k, s)
    assert len(found.alternatives) == len(found.placed) == s
    assert np.all(found.placed < 0.01)


def test_concepts_without_segments_sentences():
    ordered = Ordered()
    assert ordered.decode_concepts(np.zeros((0, 3)), np.zeros((2, 3))).score == -4.0
    found = ordered.decode_concepts(np.zeros((4, 3)), np.zeros((0, 3)), durations=np.zeros((3, 2)))
    assert found.score == 0.0
    assert found.posterior.shape == (4, 0)


def test_types_and_float64_input():
    scores = np.random.default_rng(0).normal(0, 2, (20, 3))
    for matcher in (Ordered(), Independent()):
        one, two = matcher.decode(scores), matcher.decode(scores.astype(np.float32))
        assert_array_equal(one.spans, two.spans)
        assert_array_equal(one.posterior, two.posterior)
        kinds = [one.labels, one.spans, one.posterior, one.placed, one.margin]
        assert [a.dtype.name for a in kinds] == ["int32", "int64", *["float32"] * 3]
        assert isinstance(one.score, float)
        assert clone(matcher).get_params() == matcher.get_params()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": [[0, 1], [0, np.nan]]}, "segment 1 and sentence 1 is nan"),
        ({"scores": [[0, 1], [np.inf, 0]]}, "segment 1 and sentence 0 is inf"),
        ({"scores": [[0, 1e300], [1, 0]]}, "segment 0 and sentence 1"),
        ({"scores": [0, 1]}, "shape"),
        ({"windows": [[0, 1]]}, "windows"),
        ({"windows": [[0, 1], [2, 1]]}, "sentence 1 ends before it starts"),
        ({"windows": [[0.0, 1.5], [0, 1]]}, "whole numbers"),
        ({"durations": np.zeros((2, 0))}, "D >= 1"),
        ({"durations": np.zeros((3, 2))}, r"shape \(2, D\)"),
        ({"durations": [[0, np.nan], [0, 0]]}, "prior 0 of 2 segments is nan"),
        ({"skip_costs": [1.0]}, r"shape \(2,\)"),
        ({"skip_costs": [1.0, np.inf]}, "sentence 1 is inf"),
        ({"skip_costs": [-1.0, 0]}, "sentence 0 is -1.0"),
    ],
)
def test_damaged_input_is_named(change, message):
    with pytest.raises(TsalignError, match=message):
        Ordered().decode(**{"scores": np.zeros((2, 2)), **change})


def test_damaged_concepts_and_parameters_are_named():
    with pytest.raises(TsalignError, match="segment 0 and concept 1 is nan"):
        Ordered().decode_concepts([[0, np.nan]], [[0, 0]])
    with pytest.raises(TsalignError, match="sentence 0 and concept 1 is nan"):
        Ordered().decode_concepts([[0, 0]], [[0, np.nan]])
    with pytest.raises(TsalignError, match="2 concepts"):
        Ordered().decode_concepts([[0, 0]], [[0, 0, 0]])
    with pytest.raises(TsalignError, match="skip_cost"):
        Ordered(skip_cost=-1.0).decode([[0.0]])
    with pytest.raises(TsalignError, match="threshold"):
        Independent(threshold=np.nan).decode([[0.0]])


def test_a_forced_sentence_takes_the_least_bad_place():
    scores = np.array([[-30.0, 5], [-20, 5], [-40, 5]])
    found = Ordered().decode(scores, skip_costs=[1e6, 2.0])
    assert found.spans.tolist() == [[1, 2], [2, 3]] or found.score == -15.0
    assert found.spans[0, 0] >= 0


def test_scores_far_below_count_as_never():
    scores = np.array([[3.0], [-1e30], [3.0]])
    found = Ordered().decode(scores, durations=np.zeros((1, 3)))
    assert found.spans.tolist() == [[0, 1]]
    assert_allclose(found.posterior[1], 0, atol=1e-9)


PROGRAM = """
import numpy as np
from tsalign.match import Independent, Ordered
rng = np.random.default_rng(3)
scores = rng.normal(0, 2, (12, 3)).astype(np.float32)
scores[5, 1] = -np.inf
prior = rng.normal(0, 1, (3, 4))
every = [
    Ordered().decode(scores),
    Ordered().decode(scores, durations=prior),
    Ordered().decode(scores * 300, durations=prior),
    Ordered().decode_concepts(scores, prior[:, :3]),
    Independent(max_spans=2).decode(scores),
]
told = [(d.spans.tolist(), d.alternatives, np.round(d.posterior, 5).tolist()) for d in every]
"""


def test_without_compilation_the_same():
    compiled: dict = {}
    exec(PROGRAM, compiled)
    plain = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", PROGRAM + "print(told)"],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert plain.stdout.strip() == str(compiled["told"])


@few
@given(seeds, st.integers(1, 12))
def test_independent_takes_the_best_disjoint_runs(seed, k):
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 2, (k, 2)).astype(np.float32)
    found = Independent(max_spans=3, max_overlap=0.0).decode(scores)
    for j in range(2):
        expected = best_disjoint(scores[:, j].astype(float), 3)
        first = [(*found.spans[j].tolist(), found.margin[j])] if found.spans[j, 0] >= 0 else []
        actual = [*first, *found.alternatives[j]]
        assert [a[:2] for a in actual] == [e[:2] for e in expected]
        assert_allclose([a[2] for a in actual], [e[2] for e in expected], rtol=1e-5)


@few
@given(seeds, st.booleans())
def test_independent_equals_ordered_of_one_sentence(seed, bounded):
    rng = np.random.default_rng(seed)
    scores, windows = scores_of(rng, 20, 4, 2.0), windows_of(rng, 4, 20)
    durations = rng.normal(0, 1, (4, 5)) if bounded else None
    found = Independent(threshold=0.5).decode(scores, durations=durations, windows=windows)
    for j in range(4):
        one = Ordered(skip_cost=0.0).decode(
            scores[:, [j]] - np.float32(0.5),
            durations=None if durations is None else durations[[j]],
            windows=windows[[j]],
        )
        assert_array_equal(found.spans[j], one.spans[0])
        assert_allclose(found.posterior[:, j], one.posterior[:, 0], atol=1e-6)
        assert_allclose(found.placed[j], one.placed[0], atol=1e-6)
        assert_allclose(found.margin[j], one.margin[0], rtol=1e-6)


def test_independent_overlaps_and_labels():
    scores = np.array([[1, 5], [2, 5], [9, 5], [-3, -1]], np.float32)
    found = Independent().decode(scores)
    assert found.spans.tolist() == [[0, 3], [0, 3]]
    assert found.labels.tolist() == [1, 1, 0, -1]
    assert found.score == 27.0


def test_independent_suppresses_overlaps_and_finds_the_second_event():
    scores = np.full((40, 1), -1.0, np.float32)
    scores[5:10], scores[25:33] = 1.5, 2.0
    found = Independent(max_spans=4, max_overlap=0.3).decode(scores)
    assert found.spans.tolist() == [[25, 33]]
    assert [a[:2] for a in found.alternatives[0]] == [(5, 33), (5, 10)]
    assert Independent(max_spans=4, max_overlap=0.2).decode(scores).alternatives == (
        ((5, 10, 7.5),),
    )


@given(st.lists(st.floats(0.1, 1e4), min_size=0, max_size=20), st.integers(1, 200))
@few
def test_log_normal_is_a_finite_distribution(seconds, longest):
    prior = log_normal(seconds, 0.5, longest)
    assert prior.shape == (longest,)
    assert np.isfinite(prior).all()
    assert_allclose(np.exp(prior).sum(), 1)


def test_log_normal_of_one_example_is_broad_and_narrows_with_more():
    one, many = log_normal([10.0], 1.0, 60), log_normal([10.0] * 50, 1.0, 60)
    spread = [
        np.exp(p) @ (np.arange(1, 61) - np.exp(p) @ np.arange(1, 61)) ** 2 for p in (one, many)
    ]
    assert spread[0] > 4 * spread[1]
    assert abs(int(many.argmax()) + 1 - 10) <= 1
    drawn = np.exp(np.random.default_rng(0).normal(2, 0.3, 5000))
    learnt = log_normal(drawn, 0.1, 600)
    lengths = np.log(0.1 * np.arange(1, 601))
    mean = np.exp(learnt) @ lengths
    assert_allclose(mean, 2, atol=0.02)
    assert_allclose(np.sqrt(np.exp(learnt) @ (lengths - mean) ** 2), 0.3, atol=0.02)
    assert_array_equal(log_normal([], 1.0, 7), flat(7))


@pytest.mark.parametrize(
    "arguments", [([0.0], 1.0, 5), ([np.nan], 1.0, 5), ([1.0], 0.0, 5), ([1.0], 1.0, 0)]
)
def test_log_normal_refuses_nonsense(arguments):
    with pytest.raises(TsalignError):
        log_normal(*arguments)


def hits_of(n, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.normal(3, 2, (n, 3)) * [1, 100, 0]
    return features, rng.random(n) < 1 / (1 + np.exp(-(features[:, 0] - 3)))


def test_confidence_equals_logistic_regression_of_standardised_features():
    features, hit = hits_of(300)
    peer = make_pipeline(StandardScaler(), LogisticRegression()).fit(features, hit)
    ours = Confidence().fit(features, hit).predict_proba(features)
    assert_allclose(ours, peer.predict_proba(features)[:, 1], rtol=1e-6)


@pytest.mark.parametrize("n", [200, 3000])
def test_confidence_is_calibrated_on_new_spans(n):
    features, hit = hits_of(n)
    fresh, truth = hits_of(20000, seed=1)
    chance = Confidence().fit(features, hit).predict_proba(fresh)
    for low in np.arange(0, 1, 0.25):
        inside = (chance >= low) & (chance < low + 0.25)
        assert abs(chance[inside].mean() - truth[inside].mean()) < 0.1


def test_confidence_curve_mends_what_is_not_logistic():
    rng = np.random.default_rng(0)
    x = rng.uniform(-4, 4, (8000, 1))
    hit = rng.random(8000) < np.where(x[:, 0] < 0, 0.4, 0.6)
    straight = Confidence(isotonic_from=None).fit(x, hit)
    curved = Confidence().fit(x, hit)
    grid = np.array([[-3.5], [-0.5], [0.5], [3.5]])
    assert np.abs(straight.predict_proba(grid) - [0.4, 0.4, 0.6, 0.6]).max() > 0.06
    assert np.abs(curved.predict_proba(grid) - [0.4, 0.4, 0.6, 0.6]).max() < 0.06
    assert np.all(np.diff(curved.predict_proba(np.linspace(-9, 9, 99)[:, None])) >= 0)


@pytest.mark.parametrize(
    ("hit", "rate"), [([True] * 3, 0.8), ([False] * 3, 0.2), ([], 0.5), ([True], 2 / 3)]
)
def test_confidence_without_both_outcomes_is_the_laplace_rate(hit, rate):
    features = np.arange(2.0 * len(hit)).reshape(len(hit), 2)
    chance = Confidence().fit(features, hit).predict_proba([[1e6, -1e6], [0, 0]])
    assert_allclose(chance, rate)


def test_confidence_state_restores_and_parameters_clone():
    features, hit = hits_of(2000)
    model = Confidence(strength=0.5).fit(features, hit)
    state = {name: value for name, value in vars(model).items() if name.endswith("_")}
    assert all(isinstance(v, (np.ndarray, float)) for v in state.values())
    other = clone(model)
    vars(other).update(state)
    assert_array_equal(other.predict_proba(features), model.predict_proba(features))


def test_confidence_names_what_is_wrong():
    with pytest.raises(TsalignError, match="feature 1 of span 0 is nan"):
        Confidence().fit([[0.0, np.nan]], [True])
    with pytest.raises(TsalignError, match="1 rows"):
        Confidence().fit([[0.0]], [True, False])
    with pytest.raises(TsalignError, match="2 features"):
        Confidence().fit([[0.0], [1.0]], [True, False]).predict_proba([[0.0, 1.0]])
    with pytest.raises(TsalignError, match="strength"):
        Confidence(strength=0.0).fit([[0.0]], [True])


@given(st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=40, deadline=None)
def test_spans_alone_are_those_of_the_full_decoding(seed, bounded):
    rng = np.random.default_rng(seed)
    k, s, c = rng.integers(1, 12), rng.integers(1, 5), rng.integers(1, 4)
    signal, text = rng.normal(0, 2, (k, c)), rng.normal(-1, 1, (s, c))
    durations = rng.normal(-1, 1, (c, 6)) if bounded else None
    full = Ordered().decode_concepts(signal, text, durations=durations)
    quick = Ordered().decode_concepts(signal, text, durations=durations, posteriors=False)
    np.testing.assert_array_equal(quick.spans, full.spans)
    np.testing.assert_array_equal(quick.concepts, full.concepts)
    assert quick.score == full.score
