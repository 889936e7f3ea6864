"""What sentences say of time reaches the decoders: soft windows, durations, other times."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsalign.errors import TsalignError
from tsalign.match import Blocks, Independent, OneToOne, Ordered, Placer, Unordered
from tsalign.match.told import edges_of
from tsalign.types import Evidence, Note, Segments, Sentence, Span

K = 60
CUT = Segments(np.stack([np.arange(K), np.arange(1, K + 1)], axis=1), rate=1.0, start=0.0)
RUNS = (10, 20), (40, 50)  # the same thing happens twice


def evidence(count):
    """Evidence in which every sentence speaks of what happens in both runs alike."""
    signal, null = np.full((K, 1), -6.0, np.float32), np.zeros(K, np.float32)
    for a, b in RUNS:
        signal[a:b], null[a:b] = 0.0, -6.0
    similarity = np.repeat(signal - null[:, None], count, axis=1)
    return Evidence(similarity, signal, null, np.zeros((count, 1), np.float32))


def placed(matcher, *sentences):
    """Return the alignment of sentences about a thing that usually takes 10 s."""
    placer = Placer(matcher).fit([], [[10.0, 10.0]])
    note = Note("n", "", sentences, ordered=False)
    return placer.place("r", evidence(len(sentences)), CUT, [note])


@pytest.mark.parametrize("kind", [Ordered, Unordered, Blocks])
@pytest.mark.parametrize("run", RUNS)
def test_the_stated_time_decides(kind, run):
    when = Span(run[0] - 5.0, run[0] - 1.0)  # five seconds off: the window is soft
    told = Sentence("Stood.", "n.0", when=when)
    (found,) = placed(kind(window=3.0), told).spans
    assert abs(found.span.start - run[0]) <= 1
    without = placed(kind(), told).spans[0]
    assert without == placed(kind(), Sentence("Stood.", "n.0")).spans[0]


def test_a_stated_duration_decides():
    usual, short = Sentence("Stood.", "n.0"), Sentence("Stood for 3 s.", "n.0", duration=3.0)
    (long,) = placed(Ordered(window=3.0), usual).spans
    (brief,) = placed(Ordered(window=3.0), short).spans
    assert brief.span.duration < long.span.duration
    assert placed(Ordered(), short).spans[0].span == long.span


def test_another_time_is_named():
    later = Sentence("Stood.", "n.0", when=Span(500.0, 600.0))
    found = placed(Unordered(window=5.0), later)
    assert [u.reason for u in found.unmatched] == ["outside_recording"]
    assert not found.spans


@settings(max_examples=50, deadline=None)
@given(st.integers(0, K), st.integers(0, K), st.floats(0.5, 20.0))
def test_edges_count_how_far_a_run_misses_the_window(a, b, slack):
    when = Span(float(min(a, b)), float(max(a, b)))
    opens, closes = edges_of(CUT, [Sentence("x", "n", when=when)], slack)[:, 0]
    for start, end in ((0, 5), (20, 30), (55, 60)):
        late, gone = max(start - when.end, 0.0), max(when.start - end, 0.0)
        early = min(max(when.start - start, 0.0) ** 2 / (2 * slack**2), 2.0)
        cost = (late**2 + gone**2) / (2 * slack**2) + early
        assert opens[start] + closes[end] == pytest.approx(-cost)
    hard = edges_of(CUT, [Sentence("x", "n", when=when)], 0.0)[:, 0]
    for start, end in ((0, 5), (20, 30), (55, 60)):
        touches = start <= when.end and end >= when.start
        assert (hard[0, start] + hard[1, end] > -np.inf) == touches


@pytest.mark.parametrize("matcher", [Ordered(), Unordered(), Blocks(), Independent(), OneToOne()])
def test_edges_of_another_shape_are_refused(matcher):
    scores = np.zeros((4, 2), np.float32)
    with pytest.raises(TsalignError, match=r"edges have shape \(2, 2, 5\)"):
        matcher.decode(scores, edges=np.zeros((2, 2, 4)))
    with pytest.raises(TsalignError, match="no number below 1e6"):
        matcher.decode(scores, edges=np.full((2, 2, 5), np.nan))
