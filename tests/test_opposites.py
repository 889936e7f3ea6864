"""Concepts that exclude each other: their texts count more among the wrong ones."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import naive_align as naive
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_losses import TEXTS, batch, clouds, mask, number, seeds, small

from tsalign.align import Contrastive, Pairs, hard_negatives, supcon
from tsalign.align.loss.negatives import Opposites
from tsalign.align.loss.objective import Objective, Term
from tsalign.align.training.feed import Look
from tsalign.config import load
from tsalign.errors import TsalignError, TsalignWarning


@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(2, 8), st.booleans(), st.sampled_from([0.0, 0.7]))
def test_opposites_in_an_objective_equal_their_twin(
    seed: int, n: int, null: bool, hardness: float
) -> None:
    signal, text, said, means = batch(seed, n, null)
    names = tuple("ABCDEFGHIJ"[: 1 + int(max(said.max(), means.max()))])
    pairs = tuple(combinations(names, 2))[::2]
    given = Objective((Term(supcon),), null, hardness, opposites=Opposites(names, pairs, 3.0))
    look = Look(signal, text, said, means)
    found = given(lambda: (signal, text), number(5.0), number(0.3), look)
    stated = {*pairs, *(pair[::-1] for pair in pairs)}
    name = [*names, None]  # -1 is the last
    times = [[3.0 if (name[c], name[m]) in stated else 1.0 for m in means] for c in said]
    if hardness:
        near = 5.0 * signal @ text.T
        hard = hard_negatives(near, mask(said, means), hardness).tolist()
        times = [
            [a * b for a, b in zip(*rows, strict=True)] for rows in zip(times, hard, strict=True)
        ]
    nothing = 0.3 if null else None
    rows = signal.numpy(), text.numpy(), mask(said, means).numpy()
    want = naive.supcon(*rows, 5.0, nothing, times)
    assert found.item() == pytest.approx(want, rel=1e-6)  # weights are float32


def test_a_concept_never_learnt_has_no_opposite() -> None:
    concept, means = torch.tensor([0, 1, -1, 2, 5]), torch.tensor([0, 1, 4])
    got = Opposites(("A", "B"), (("A", "B"),), 4.0).weights(concept, means)
    assert got.tolist() == [[1, 4, 1], [4, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1]]


@pytest.mark.parametrize("positives", ["concept", "own"])
def test_a_segment_is_pushed_from_its_opposite_the_harder_it_counts(positives) -> None:
    signal, text, said, means = batch(3, 6, False)
    names = tuple(map(str, range(1 + int(said.max()))))
    first = int(said[0])
    other = next(int(m) for m in means if m != first)
    pushes = []
    for factor in (1.0, 2.0, 8.0):
        apart = Opposites(names, ((names[first], names[other]),), factor)
        asked = Objective((Term(supcon, positives=positives),), False, opposites=apart)
        row = signal.clone().requires_grad_()
        asked(
            lambda row=row: (row, text), number(3.0), number(0.0), Look(row, text, said, means)
        ).backward()
        toward = text[means == other].sum(0)
        pushes.append(float(row.grad[0] @ toward))  # positive: a step leads away
    assert pushes[0] < pushes[1] < pushes[2]


def test_opposites_may_count_more() -> None:
    pairs = clouds(0)
    none, empty, alike, apart = (
        small(epochs=3, **more).fit(pairs)
        for more in (
            {},
            {"opposites": []},
            {"opposites": [["FALL", "SIT"]], "opposite_weight": 1.0},
            {"opposites": [("FALL", "SIT")]},
        )
    )
    for other in (empty, alike):
        assert np.array_equal(none.encode_text(TEXTS), other.encode_text(TEXTS))
    assert (apart.history_[1:, 0] > none.history_[1:, 0]).all()
    assert not np.array_equal(none.encode_text(TEXTS), apart.encode_text(TEXTS))


def test_close_concepts_are_found_opposites(tmp_path: Path) -> None:
    texts = ("She walks upstairs.", "She walks downstairs.", "Lunch.")
    said = clouds(0).text // 2
    pairs = Pairs(clouds(0).features, said.astype(np.int32), texts, ("UP", "DOWN", "EAT"))
    with pytest.warns(TsalignWarning, match="hardly tells apart: 'DOWN' and 'UP'"):
        found = small(epochs=2, opposites="close").fit(pairs)
    with pytest.warns(TsalignWarning):
        stated = small(epochs=2, opposites=[("UP", "DOWN")], open_set=2).fit(pairs, pairs)
    with pytest.warns(TsalignWarning):
        plain = small(epochs=2).fit(pairs)
    assert not np.array_equal(found.encode_text(texts), plain.encode_text(texts))
    stated.save(tmp_path)
    again = Contrastive.load(tmp_path)
    assert [*map(tuple, again.opposites)] == [("UP", "DOWN")]
    assert np.array_equal(again.encode_text(texts), stated.encode_text(texts))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([("FALL", "FLY")], "no text means the concept 'FLY'"),
        ([("FALL", "FALL")], "should be two different concepts"),
        ([("FALL",)], "should be two different concepts"),
        (["FALL"], "should be two different concepts"),
        ([("FALL", None)], "no text means the concept None"),
        ("far", "opposites='far'"),
    ],
)
def test_strange_opposites_are_refused(given, words: str) -> None:
    with pytest.raises(TsalignError, match=words):
        small(opposites=given).fit(clouds(0))


def test_a_pipeline_file_states_opposites() -> None:
    stated = "[[WALKING_UPSTAIRS, WALKING_DOWNSTAIRS]]"
    config = load("pipelines/tiny.yaml", [f"align.opposites={stated}", "align.opposite_weight=2"])
    assert [*map(list, config.align.opposites)] == [["WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS"]]
    assert load("pipelines/tiny.yaml", ["align.opposites=close"]).align.opposites == "close"
