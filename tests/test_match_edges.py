"""Edges refined at a finer resolution."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tsalign.errors import TsalignError
from tsalign.match import Ordered, refine

few = settings(max_examples=25, deadline=None)


def naive(row, start, end, firsts, lasts):
    """The best pair of edges by trying all; nearest to those given among equals."""
    every = [(row[a:b].sum(), -abs(a - start) - abs(b - end), -a) for a in firsts for b in lasts]
    pairs = [(a, b) for a in firsts for b in lasts]
    return pairs[max(range(len(every)), key=every.__getitem__)]


@few
@given(st.integers(0, 2**32 - 1), st.integers(0, 9))
def test_edges_are_the_best_within_reach(seed, reach):
    rng = np.random.default_rng(seed)
    n = 40
    row = rng.integers(-8, 8, n) / 4.0  # sums of these are exact
    start, end = np.sort(rng.choice(n + 1, 2, replace=False)).tolist()
    edges, spread = refine([[start, end]], row[:, None], reach)
    middle = (start + end) // 2
    firsts = range(max(start - reach, 0), min(start + reach, middle) + 1)
    lasts = range(max(end - reach, middle + 1), min(end + reach, n) + 1)
    assert edges[0].tolist() == list(naive(row, start, end, firsts, lasts))
    assert np.all((spread >= 0) & (spread <= reach + 1e-9))


@few
@given(st.integers(0, 2**32 - 1), st.integers(0, 30))
def test_spans_that_did_not_overlap_still_do_not(seed, reach):
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 2, (60, 5)).astype(np.float32)
    spans = Ordered().decode(scores).spans
    edges, _ = refine(spans, scores, reach)
    assert_array_equal(edges[:, 0] < 0, spans[:, 0] < 0)
    placed = edges[edges[:, 0] >= 0]
    assert np.all(placed[:, 0] < placed[:, 1])
    assert np.all(placed[:-1, 1] <= placed[1:, 0])
    assert_array_equal(refine(spans, scores, 0)[0], spans)


def test_coarse_spans_come_back_to_the_events():
    fine = np.full((1000, 2), -1.0, np.float32)
    fine[133:377, 0] = fine[611:888, 1] = 1.0
    coarse = fine.reshape(20, 50, 2).sum(axis=1)
    spans = Ordered().decode(coarse).spans * 50
    assert spans.tolist() == [[150, 400], [600, 900]]
    edges, spread = refine(spans, fine, reach=50)
    assert edges.tolist() == [[133, 377], [611, 888]]
    assert np.all(spread < 2)
    assert np.all(refine(spans, fine / 50, reach=50)[1] > spread)


def test_where_nothing_was_placed_nothing_is_refined():
    edges, spread = refine([[-1, -1]], np.zeros((5, 1)), 2)
    assert edges.tolist() == [[-1, -1]]
    assert_allclose(spread, 0)


@pytest.mark.parametrize(
    ("spans", "reach", "message"),
    [
        ([[0, 9]], 1, r"span 0 is \[0, 9\) of 5"),
        ([[3, 3]], 1, "span 0"),
        ([[0, 1], [1, 2]], 1, r"shape \(1, 2\)"),
        ([[0.0, 1.5]], 1, "whole numbers"),
        ([[0, 1]], -1, "reach -1"),
    ],
)
def test_damaged_spans_are_named(spans, reach, message):
    with pytest.raises(TsalignError, match=message):
        refine(spans, np.zeros((5, 1)), reach)
