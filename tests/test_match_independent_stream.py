"""Independent decoding of scores as they arrive, against the same on every prefix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsalign.errors import TsalignError
from tsalign.match import Independent, IndependentStream

few = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def every_run(row, threshold=0.0):
    """All runs of one sentence in order, as the decoder of whole recordings finds them."""
    decoder = Independent(threshold, max_spans=len(row) + 1, max_overlap=0.0)
    found = decoder.decode(row[:, None])
    spans = [tuple(found.spans[0].tolist()), *(a[:2] for a in found.alternatives[0])]
    return sorted(span for span in spans if span[0] >= 0)


def naive(row, latency):
    """The stated model, word for word, of one sentence."""
    place, found = 0, []
    for now in range(1, len(row) + 1):
        while runs := every_run(row[place:now]):
            start, end = runs[0]
            if place + end > now - latency:
                break
            found.append((place + start, place + end))
            place += end
    return found + [(place + a, place + b) for a, b in every_run(row[place:])]


def scores_of(seed, k, s):
    rng = np.random.default_rng(seed)
    scores = rng.normal(-0.3, 2, (k, s)).astype(np.float32)
    if rng.random() < 0.3:
        scores[rng.random(scores.shape) < 0.2] = -np.inf
    return scores


def replayed(scores, latency, cuts=(), threshold=0.0):
    """The runs, and after how many segments each was told."""
    stream, found, fed = IndependentStream(scores.shape[1], latency, threshold), [], 0
    for chunk in np.split(scores, sorted(cuts)):
        fed += len(chunk)
        found += [(run, fed) for run in stream.feed(chunk)]
    return found + [(run, len(scores)) for run in stream.finish()]


def of_sentence(found, j):
    return [run[1:] for run, _ in found if run[0] == j]


@few
@given(seeds, st.integers(0, 12), st.lists(st.integers(0, 24), max_size=4))
def test_any_chunks_tell_what_the_stated_model_tells(seed, latency, cuts):
    scores = scores_of(seed, 24, 3)
    found = replayed(scores, latency, cuts)
    for j in range(3):
        assert of_sentence(found, j) == naive(scores[:, j], latency)


@few
@given(seeds, st.floats(-1, 1))
def test_a_latency_as_long_as_the_recording_is_independent(seed, threshold):
    scores = scores_of(seed, 60, 2)
    found = replayed(scores, 60, range(7, 60, 7), threshold)
    for j in range(2):
        assert of_sentence(found, j) == every_run(scores[:, j], threshold)


@few
@given(seeds, st.integers(0, 9))
def test_a_run_is_told_in_time(seed, latency):
    scores = scores_of(seed, 80, 2)
    for (_, _, end), told in replayed(scores, latency, range(1, 80)):
        assert told <= max(end, min(end + latency, len(scores)))


def test_a_run_that_nothing_can_lengthen_is_told_at_once():
    stream = IndependentStream(2, latency=1000)
    assert stream.feed([[3, 1], [-4, 1]]) == [(0, 0, 1)]
    assert stream.feed(np.zeros((0, 2))) == []
    assert stream.feed([[-1, -np.inf]]) == [(1, 0, 2)]
    assert stream.finish() == []


def test_zeros_before_a_run_belong_to_it_and_zeros_after_it_do_not():
    row = np.array([0, 0, 2, 0, 0, -5, 0, 1, 0], np.float32)
    assert of_sentence(replayed(row[:, None], 99), 0) == every_run(row) == [(0, 3), (6, 8)]


def test_long_recordings_keep_their_digits_and_little_memory():
    scores = np.tile(np.array([[1.1], [-0.3], [0.7], [-3.0]], np.float32), (50_000, 1))
    stream = IndependentStream(1, latency=50)
    found = stream.feed(scores)
    assert len(found) == 50_000
    assert found[-1] == (0, 199_996, 199_999)
    assert stream._spans.shape[1] < 1000


def test_what_does_not_fit_is_refused():
    with pytest.raises(TsalignError, match="latency -1"):
        IndependentStream(1, latency=-1)
    with pytest.raises(TsalignError, match="scores of 3 sentences, not 2"):
        IndependentStream(2, latency=1).feed(np.zeros((4, 3)))
    with pytest.raises(TsalignError, match="segment 1 and sentence 0 is nan"):
        IndependentStream(1, latency=1).feed([[0.0], [np.nan]])
