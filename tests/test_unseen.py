"""Concepts that training never showed, among those that it did."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_align import CONCEPTS, TRAIN, VALID, make_pairs, small, truth

from tsalign.align import Contrastive, Pairs, seen_bias
from tsalign.align.unseen import _best_bias, without
from tsalign.errors import TsalignError


@given(st.sets(st.sampled_from(CONCEPTS)), st.integers(0, 5))
def test_what_is_hidden_is_nowhere_mentioned_and_the_rest_is_as_it_was(
    hidden: set[str], seed: int
) -> None:
    pairs = make_pairs(seed, TRAIN, 40)
    left = without(pairs, hidden)
    assert not hidden & set(left.concepts)
    assert [t for t, c in zip(pairs.texts, pairs.concepts, strict=True) if c not in hidden] == [
        *left.texts
    ]
    assert left.weights is not None
    for before, after, weight in zip(pairs.text, left.text, left.weights, strict=True):
        if before >= 0 and pairs.concepts[before] in hidden:
            assert (after, weight) == (-1, 0)
        elif before >= 0:
            assert (left.texts[after], weight) == (pairs.texts[before], 1)
        else:
            assert (after, weight) == (-1, 1)


@given(st.integers(0, 10_000))
def test_the_bias_is_the_best_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lead, hidden, right = rng.normal(size=30), np.arange(30) < 10, rng.random(30) < 0.8

    def worth(bias: float) -> float:
        correct = right & ((lead < bias) == hidden)
        new, old = correct[hidden].mean(), correct[~hidden].mean()
        return 2 * new * old / max(new + old, 1e-12)

    every = np.concatenate([np.sort(lead), [np.inf]])
    assert worth(_best_bias([(lead, hidden, right)])) >= max(map(worth, every)) - 0.1


@pytest.fixture(scope="module")
def blind() -> Contrastive:
    """A model that was never shown a fall."""
    pairs, held_out = make_pairs(0, TRAIN), make_pairs(1, VALID, 200)
    return small(unmentioned="unknown").fit(without(pairs, {"FALL"}), without(held_out, {"FALL"}))


def test_a_handicap_moves_answers_to_the_unseen_and_no_others(blind: Contrastive) -> None:
    assert "FALL" not in blind.concepts_
    features = make_pairs(2, VALID, 200, nothing=False).features
    before = blind.classify(features, VALID, unseen={"FALL"}).argmax(1)
    after = blind.classify(features, VALID, unseen={"FALL"}, bias=3.0).argmax(1)
    assert (after == 0).sum() > (before == 0).sum()
    assert ((after == before) | (after == 0)).all()
    np.testing.assert_array_equal(blind.closeness(features, VALID).argmax(1), before)


def test_the_bias_finds_what_was_never_shown(blind: Contrastive) -> None:
    pairs, held_out = make_pairs(0, TRAIN, nothing=False), make_pairs(1, VALID, 200, nothing=False)
    given = [without(p, {"FALL"}) for p in (pairs, held_out)]
    bias = seen_bias(small(), *given, left_out=1, draws=2)
    unseen = make_pairs(2, VALID, 200, nothing=False)
    chosen = blind.classify(unseen.features, VALID, unseen={"FALL"}, bias=bias).argmax(1)
    falls = truth(unseen) == 0
    assert (chosen == 0)[falls].mean() > (chosen == 0)[~falls].mean() + 0.3
    assert bias == seen_bias(small(), *given, left_out=1, draws=2)


def test_too_few_concepts_are_refused() -> None:
    pairs: Pairs = make_pairs(0, TRAIN)
    with pytest.raises(TsalignError, match="4 concepts are too few to hide 3"):
        seen_bias(small(), pairs, pairs, left_out=3)
