"""Decoders for any order, with the ordered one, against enumeration and their laws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from match_cases import CHECKS, LATTICE, PLAIN, Case
from numpy.testing import assert_allclose, assert_array_equal

from tsalign.errors import TsalignError
from tsalign.match import Blocks, Independent, OneToOne, Ordered, Unordered
from tsalign.match.blocks import blocks_of
from tsalign.match.decoded import rows_of
from tsalign.match.lattice import Lattice, total
from tsalign.match.linear import total_linear
from tsalign.match.odds import against_nothing
from tsalign.match.one_to_one import bethe, exact
from tsalign.types import Evidence, Note, Sentence

few = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 2**32 - 1)
EVERY = [Ordered(), Unordered(), OneToOne(), Blocks(), Independent()]


@pytest.mark.parametrize("kind", PLAIN)
@few
@given(seeds)
def test_sentences_equal_enumeration(kind, seed):
    CHECKS[kind](Case(seed, False, 5))


@pytest.mark.parametrize("kind", LATTICE)
@few
@given(seeds)
def test_concepts_equal_enumeration(kind, seed):
    CHECKS[kind](Case(seed, True, 4))


def decoded(matcher, scores, **given):
    """Decode, each sentence a block of its own where there are blocks."""
    if isinstance(matcher, Blocks):
        given["blocks"] = np.arange(np.shape(scores)[1]) % 3
    return matcher.decode(scores, **given)


@pytest.mark.parametrize("matcher", EVERY)
@few
@given(seeds, st.booleans())
def test_laws_of_every_decoder(matcher, seed, bounded):
    rng = np.random.default_rng(seed)
    k, s = 30, 6
    scores = rng.normal(-0.5, 2, (k, s)).astype(np.float32)
    windows = np.sort(rng.integers(0, k + 1, (s, 2)), axis=1)
    durations = rng.normal(-1, 1, (s, 7)) if bounded else None
    found = decoded(matcher, scores, durations=durations, windows=windows)
    assert len(found.spans) == len(found.placed) == len(found.margin) == s
    assert np.all((found.spans[:, 0] < 0) == (found.spans[:, 1] < 0))
    for j, (start, end) in enumerate(found.spans):
        lo, hi = windows[j]
        assert start < 0 or lo <= start < end <= hi
        outside = np.r_[found.posterior[:lo, j], found.posterior[hi:, j]]
        assert np.all(outside < 1e-5)
        assert not np.any(np.r_[found.labels[:lo], found.labels[hi:]] == j)
    assert np.all((found.margin > 0) == (found.spans[:, 0] >= 0))
    assert np.all((found.posterior >= 0) & (found.posterior <= 1))
    assert np.all(found.posterior.max(0) <= found.placed + 1e-5)
    if not isinstance(matcher, Independent):
        assert np.all(found.posterior.sum(1) <= 1 + 1e-5)


@pytest.mark.parametrize("matcher", EVERY)
@few
@given(seeds)
def test_a_constant_on_a_segment_and_on_nothing_changes_nothing(matcher, seed):
    rng = np.random.default_rng(seed)
    logs = (rng.integers(-64, 64, (20, 5)) / 16).astype(np.float32)  # sums of these are exact
    shift = rng.integers(-8, 8, (20, 1)).astype(np.float32)
    one, two = (
        decoded(matcher, against_nothing(Evidence(e[:, :4], e[:, :4], e[:, 4], e[:4, :4])))
        for e in (logs, logs + shift)
    )
    assert_array_equal(one.spans, two.spans)
    assert_array_equal(one.posterior, two.posterior)


@pytest.mark.parametrize("matcher", EVERY)
def test_scores_all_below_nothing_align_nothing(matcher):
    scores = -9 - np.random.default_rng(0).random((40, 5))
    found = decoded(matcher, scores)
    assert np.all(found.spans == -1)
    assert np.all(found.labels == -1)
    assert np.all(found.placed < 0.05)


@pytest.mark.parametrize("matcher", EVERY)
def test_a_transposed_question_is_refused_by_shape(matcher):
    scores = np.zeros((7, 3))
    for given_ in ({"windows": np.tile([0, 7], (3, 1))}, {"durations": np.zeros((3, 4))}):
        decoded(matcher, scores, **given_)
        with pytest.raises(TsalignError, match="shape"):
            decoded(matcher, scores.T, **given_)


@pytest.mark.parametrize("matcher", EVERY)
def test_no_number_is_refused(matcher):
    scores = np.zeros((3, 2))
    scores[2, 1] = np.nan
    with pytest.raises(TsalignError, match="segment 2 and sentence 1 is nan"):
        decoded(matcher, scores)


@pytest.mark.parametrize("matcher", EVERY)
@pytest.mark.parametrize("shape", [(0, 2), (3, 0), (0, 0)])
def test_nothing_to_place(matcher, shape):
    for durations in (None, np.zeros((shape[1], 2))):
        found = decoded(matcher, np.zeros(shape), durations=durations)
        assert found.labels.tolist() == [-1] * shape[0]
        assert found.spans.tolist() == [[-1, -1]] * shape[1]
        assert found.posterior.shape == shape


@few
@given(seeds, st.booleans())
def test_one_block_is_ordered_and_more_are_worth_no_less(seed, bounded):
    rng = np.random.default_rng(seed)
    scores = rng.normal(-0.5, 2, (25, 5))
    durations = rng.normal(-1, 1, (5, 6)) if bounded else None
    ordered = Ordered().decode(scores, durations=durations)
    one = Blocks().decode(scores, durations=durations)
    for name in ("spans", "labels", "score", "margin"):
        assert_array_equal(getattr(one, name), getattr(ordered, name))
    assert_allclose(one.posterior, ordered.posterior, atol=1e-6)
    assert_allclose(one.placed, ordered.placed, atol=1e-6)
    assert one.alternatives == ordered.alternatives
    own = np.arange(5)
    exactly = Blocks().decode(scores, durations=durations, blocks=own)
    sought = Blocks(exact_blocks=2).decode(scores, durations=durations, blocks=own)
    assert ordered.score - 1e-9 <= sought.score <= exactly.score + 1e-9
    shifted = Blocks().decode(scores, durations=durations, blocks=[7, 7, 7, 7, 7])
    assert_array_equal(shifted.spans, ordered.spans)


@pytest.mark.parametrize("bounded", [False, True])
def test_an_order_sought_by_prices_is_mostly_the_best(bounded):
    best = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        signal, text = rng.normal(-0.7, 1.5, (40, 4)), rng.normal(-1, 1.5, (7, 4))
        durations = rng.normal(-1, 1, (4, 9)) if bounded else None
        given = {"durations": durations, "blocks": np.arange(7)}
        exactly, sought = (
            Blocks(exact_blocks=most).decode_concepts(signal, text, posteriors=False, **given)
            for most in (7, 2)
        )
        assert sought.score <= exactly.score + 1e-9
        best += sought.score >= exactly.score - 1e-9
    assert best >= 30


def test_an_order_is_sought_with_windows_edges_and_own_durations():
    rng = np.random.default_rng(0)
    signal, text = rng.normal(-0.7, 1.5, (30, 3)), rng.normal(-1, 1.5, (6, 3))
    windows = np.sort(rng.integers(0, 31, (6, 2)), axis=1)
    given = {"durations": rng.normal(-1, 1, (6, 3, 8)), "edges": rng.normal(-1, 1, (2, 6, 31))}
    told = given | {"windows": windows, "blocks": np.arange(6), "posteriors": False}
    exactly, sought = (
        Blocks(exact_blocks=most).decode_concepts(signal, text, **told) for most in (6, 2)
    )
    assert exactly.score >= sought.score >= exactly.score - 1.0
    assert sought.score > Ordered().decode_concepts(signal, text, windows=windows, **given).score


def test_blocks_beyond_the_exact_ones_are_put_in_order():
    scores = np.full((80, 8), -2.0, np.float32)
    for place, j in enumerate([5, 2, 7, 0, 3, 6, 1, 4]):
        scores[place * 10 : place * 10 + 6, j] = 2.0
    exactly, sought = (
        Blocks(exact_blocks=most).decode(scores, blocks=np.arange(8)) for most in (8, 3)
    )
    assert_array_equal(sought.spans, exactly.spans)
    assert np.all(exactly.spans[:, 1] - exactly.spans[:, 0] == 6)
    assert Ordered().decode(scores).score < sought.score == exactly.score


@few
@given(seeds, st.booleans())
def test_alternatives_of_blocks_are_worth_what_they_say(seed, bounded):
    rng = np.random.default_rng(seed)
    scores = rng.normal(-0.3, 1.5, (20, 3)).astype(np.float32)
    durations = rng.normal(-1, 1, (3, 6)) if bounded else None
    given_ = {"durations": durations, "blocks": [0, 1, 1]}
    found = Blocks(alternatives=3, max_overlap=0.2).decode(scores, **given_)
    for j, others in enumerate(found.alternatives):
        never = scores.copy()
        never[:, j] = -np.inf
        out = Blocks().decode(never, **given_).score
        for a, b, value in others:
            forced = scores.copy()
            forced[:a, j] = forced[b:, j] = -np.inf
            forced[a:b, np.arange(3) != j] = -np.inf
            costs = np.where(np.arange(3) == j, 1e3, 2.0)
            worth = Blocks().decode(forced, **given_, skip_costs=costs)
            assert worth.spans[j, 0] >= 0
            assert worth.score - out >= value - 1e-3
        assert [v for *_, v in others] == sorted((v for *_, v in others), reverse=True)


def test_a_note_tells_its_blocks():
    text = "Sat up. Walked.\n \nSlept before.\nSnored.\n\n\nRose."
    words = ["Sat up.", "Walked.", "Slept before.", "Snored.", "Rose."]
    places = [(text.index(w), text.index(w) + len(w)) for w in words]
    sentences = tuple(Sentence(w, w, chars) for w, chars in zip(words, places, strict=True))
    note = Note("n0", text, sentences)
    paragraphs = blocks_of(note, sentences)
    assert np.diff(paragraphs).astype(bool).tolist() == [False, True, False, True]
    assert blocks_of(replace(note, ordered=True), sentences).tolist() == [0] * 5
    assert blocks_of(replace(note, ordered=False), sentences).tolist() == [0, 1, 2, 3, 4]
    assert blocks_of(Note("n1", "", sentences), sentences[:2]).tolist() == [0, 0]


@few
@given(seeds, st.booleans())
def test_unordered_spans_alone_are_those_of_the_full_decoding(seed, bounded):
    rng = np.random.default_rng(seed)
    signal, text = rng.normal(-0.5, 2, (30, 3)), rng.normal(-1, 1, (4, 3))
    durations = rng.normal(-1, 1, (3, 6)) if bounded else None
    for matcher in (Unordered(), Unordered(repeats=False), Blocks()):
        extra = {"blocks": [0, 0, 1, 2]} if isinstance(matcher, Blocks) else {}
        full, quick = (
            matcher.decode_concepts(signal, text, durations=durations, posteriors=p, **extra)
            for p in (True, False)
        )
        for name in ("spans", "labels", "concepts", "score"):
            assert_array_equal(getattr(full, name), getattr(quick, name))


@few
@given(seeds)
def test_unordered_free_runs_are_bounded_runs_of_any_length(seed):
    rng = np.random.default_rng(seed)
    scores = rng.normal(-0.5, 2, (25, 4)).astype(np.float32)
    free = Unordered().decode(scores)
    bounded = Unordered().decode(scores, durations=np.zeros((4, 30)))
    assert_array_equal(free.labels, bounded.labels)
    assert_allclose(free.posterior, bounded.posterior, atol=1e-5)
    assert_allclose(free.placed, bounded.placed, atol=1e-5)
    assert_allclose(free.margin, bounded.margin, atol=1e-4)


def test_unordered_repeats_and_says_where_else():
    scores = np.full((40, 2), -2.0, np.float32)
    scores[3:8, 0] = scores[20:30, 0] = scores[10:15, 1] = 2.0
    found = Unordered().decode(scores)
    assert found.spans.tolist() == [[20, 30], [10, 15]]
    assert np.flatnonzero(np.diff(found.labels)).tolist() == [2, 7, 9, 14, 19, 29]
    assert found.alternatives[0][0][:2] == (3, 8)
    once = Unordered(repeats=False).decode(scores)
    assert once.spans.tolist() == found.spans.tolist()
    assert once.labels[3:8].tolist() == [-1] * 5


def test_unordered_ties_take_the_earliest_start_then_the_shortest_run_then_the_first():
    for durations in (None, np.zeros((2, 4))):
        free = Unordered(switch_cost=0.0)
        twins = np.array([[1, 1], [0, 0], [-1, -1], [0, 0], [1, 1]], np.float32)
        found = free.decode(twins, durations=durations)
        assert found.labels.tolist() == [0, -1, -1, 0, 0]
        assert found.spans.tolist() == [[0, 1], [-1, -1]]
        assert free.decode(np.zeros((3, 2)), durations=durations).labels.tolist() == [-1] * 3


def test_more_sentences_than_subsets_allow_are_refused_without_repeats():
    with pytest.raises(TsalignError, match="11 sentences, each at most once"):
        Unordered(repeats=False).decode(np.zeros((3, 11)))
    with pytest.raises(TsalignError, match=r"blocks are whole numbers of shape \(2,\)"):
        Blocks().decode(np.zeros((3, 2)), blocks=[0.5, 1.0])


@few
@given(seeds, st.integers(1, 8), st.integers(1, 6))
def test_belief_propagation_is_near_the_exact_sum(seed, k, s):
    gains = np.random.default_rng(seed).normal(0, 2, (k, s))
    near = bethe(gains)
    assert np.abs(near - exact(gains)).max() < 0.12
    assert np.all(near.sum(0) <= 1 + 1e-9)
    apart = np.where(np.eye(k, s, dtype=bool), gains, -np.inf)
    assert_allclose(bethe(apart), exact(apart), atol=1e-9)


def test_one_to_one_of_many_sentences_is_the_assignment():
    scores = np.random.default_rng(5).normal(0, 2, (60, 20))
    found = OneToOne().decode(scores)
    truth = OneToOne(skip_cost=2.0)
    for j in (0, 7, 19):
        out = truth.decode(np.delete(scores, j, axis=1)).score - 2.0
        assert_allclose(found.margin[j], found.score - out, atol=1e-5)
    assert np.all(found.spans[:, 1] - found.spans[:, 0] == 1)
    assert len(set(found.spans[:, 0].tolist())) == 20
    flat = OneToOne().decode(np.ones((30, 3)))
    assert flat.spans[:, 0].max() < 3


@settings(max_examples=40, deadline=None)
@given(
    seeds, st.sampled_from([0.3, 2.0, 8.0, 40.0]), st.booleans(), st.sampled_from([0.0, 2.0, 45.0])
)
def test_products_give_the_posteriors_of_logarithms(seed, scale, windowed, cost):
    """Over many tiles, strong runs and gaps; None is an answer, a wrong sum is not."""
    rng = np.random.default_rng(seed)
    k, s = 300, 4
    scores = rng.normal(-0.5 * scale, scale, (k, s)).astype(np.float32)
    for j in range(s):
        begin = int(rng.integers(0, k - 60))
        scores[begin : begin + 60, j] += 2 * scale
    scores[rng.random(scores.shape) < 0.01] = rng.choice([-np.inf, -50.0, -400.0])
    windows = np.sort(rng.integers(0, k + 1, (s, 2)), axis=1)
    windows = windows if windowed else np.tile([0, k], (s, 1))
    skips = np.full(s, cost)
    found = total_linear(scores, skips, windows if windowed else None)
    assert found is not None or scale >= 8
    if found is not None:
        lattice = Lattice(rows_of(scores), np.zeros((s, 1)), None, windows, skips)
        for ours, truth in zip(found, total(lattice), strict=True):
            assert_allclose(ours, truth, atol=2e-6)
