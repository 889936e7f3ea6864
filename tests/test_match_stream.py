"""Ordered decoding of scores as they arrive, against the same on every prefix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsalign.errors import TsalignError
from tsalign.match import Ordered, OrderedStream

few = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def naive(scores, costs, latency):
    """The stated model, word for word: `Ordered` on what is not yet told, after each segment."""
    told, place, found = 0, 0, []
    for now in range(1, len(scores) + 1):
        until = now - latency
        while True:
            rest = Ordered().decode(
                scores[place:now, told:], skip_costs=costs[told:], posteriors=False
            )
            runs = [(j, *span) for j, span in enumerate(rest.spans.tolist()) if span[0] >= 0]
            if not runs or place + runs[0][2] > until:
                break
            j, start, end = runs[0]
            found.append((told + j, place + start, place + end))
            told, place = told + j + 1, place + end
    rest = Ordered().decode(scores[place:, told:], skip_costs=costs[told:], posteriors=False)
    rest_runs = [(told + j, place + a, place + b) for j, (a, b) in enumerate(rest.spans) if a >= 0]
    return found + rest_runs


def replayed(scores, costs, latency, cuts):
    stream = OrderedStream(costs, latency)
    found = []
    for chunk in np.split(scores, sorted(cuts)):
        found += stream.feed(chunk)
    return found + stream.finish()


@few
@given(seeds, st.integers(0, 12), st.lists(st.integers(0, 20), max_size=4))
def test_any_chunks_tell_what_the_stated_model_tells(seed, latency, cuts):
    rng = np.random.default_rng(seed)
    scores = rng.normal(-0.5, 2, (20, 4)).astype(np.float32)
    if rng.random() < 0.3:
        scores[rng.random(scores.shape) < 0.2] = -np.inf
    costs = rng.uniform(0, 3, 4)
    assert replayed(scores, costs, latency, cuts) == naive(scores, costs, latency)


def naive_told(signal, costs, latency, text, durations, windows):
    """The stated model with concepts, durations and windows, word for word."""

    def rest(place, now, told):
        own = signal if text is not None else signal[:, told:]
        lengths = durations if text is not None or durations is None else durations[told:]
        shown = windows[told:] - place
        common = {"skip_costs": costs[told:], "durations": lengths, "posteriors": False}
        common["windows"] = np.maximum(shown, 0)
        if text is None:
            found = Ordered().decode(own[place:now], **common)
        else:
            found = Ordered().decode_concepts(own[place:now], text[told:], **common)
        spans = enumerate(found.spans.tolist())
        return [(told + j, place + a, place + b) for j, (a, b) in spans if a >= 0]

    told, place, found = 0, 0, []
    for now in range(1, len(signal) + 1):
        while (runs := rest(place, now, told)) and runs[0][2] <= now - latency:
            found.append(runs[0])
            told, place = runs[0][0] + 1, runs[0][2]
    return found + rest(place, len(signal), told)


@few
@given(seeds, st.integers(0, 8), st.lists(st.integers(0, 16), max_size=3), st.booleans())
@pytest.mark.parametrize("bounded", [False, True])
def test_streams_with_concepts_durations_and_windows(bounded, seed, latency, cuts, concepts):
    rng = np.random.default_rng(seed)
    s, c, k = 4, 3, 16
    signal = rng.normal(-0.5, 2, (k, c if concepts else s)).astype(np.float32)
    signal[rng.random(signal.shape) < 0.1] = -np.inf
    text = rng.normal(-1, 1, (s, c)) if concepts else None
    durations = rng.normal(-1, 1, (c if concepts else s, 5)) if bounded else None
    windows = np.sort(rng.integers(0, k + 1, (s, 2)), axis=1)
    windows[rng.random(s) < 0.5] = 0, k
    told, costs = {"text": text, "durations": durations, "windows": windows}, rng.uniform(0, 3, s)
    stream, found = OrderedStream(costs, latency, **told), []
    for chunk in np.split(signal, sorted(cuts)):
        found += stream.feed(chunk)
    assert found + stream.finish() == naive_told(signal, costs, latency, **told)


@few
@given(seeds)
def test_a_latency_as_long_as_the_recording_is_ordered(seed):
    scores = np.random.default_rng(seed).normal(-0.5, 2, (30, 5)).astype(np.float32)
    spans = Ordered().decode(scores, posteriors=False).spans.tolist()
    told = [(j, a, b) for j, (a, b) in enumerate(spans) if a >= 0]
    assert replayed(scores, np.full(5, 2.0), 30, [7, 13]) == told


def test_runs_are_told_on_time_and_little_is_kept():
    scores = np.full((3000, 3), -3.0, np.float32)
    for j in range(3):
        scores[1000 * j + 100 : 1000 * j + 150, j] = 2.0
    stream, told = OrderedStream(np.full(3, 2.0), latency=40), {}
    most = 0
    for t in range(3000):
        for j, start, end in stream.feed(scores[t : t + 1]):
            told[j] = (start, end, t + 1)
        most = max(most, len(stream._kept))
    assert told == {j: (1000 * j + 100, 1000 * j + 150, 1000 * j + 190) for j in range(3)}
    assert stream.finish() == []
    assert most < 200


def test_damaged_chunks_are_named():
    stream = OrderedStream([2.0, 2.0], latency=1)
    with pytest.raises(TsalignError, match="3 sentences, not 2"):
        stream.feed(np.zeros((2, 3)))
    with pytest.raises(TsalignError, match="segment 0 and sentence 1 is nan"):
        stream.feed([[0.0, np.nan]])
    with pytest.raises(TsalignError, match="latency -1"):
        OrderedStream([2.0], latency=-1)
    assert OrderedStream([], latency=1).feed(np.zeros((3, 0))) == []
