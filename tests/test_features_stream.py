from __future__ import annotations

import itertools
import pickle

import naive_online as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_segment import optimal_partition
from sklearn.base import clone

from tsalign.describe import Statistics
from tsalign.errors import TsalignError
from tsalign.segment import Features, sliding
from tsalign.segment.embedding import HOPS, Embedding, noise
from tsalign.segment.judged import standardised


def loudness(n, d, seed, every=150):
    rng = np.random.default_rng(seed)
    levels = rng.choice([0.3, 1.0, 4.0], (n // every + 1, d))
    return rng.normal(size=(n, d)) * np.repeat(levels, every, axis=0)[:n]


def replay(segmenter, x, sizes):
    stream, parts, at = clone(segmenter), [], 0
    for size in itertools.cycle(sizes):
        if at >= len(x):
            return np.concatenate([*parts, stream.finish()])
        parts.append(stream.partial_fit(x[at : at + size]))
        at += size
    raise AssertionError


SEGMENTERS = [
    Features(window=12, warmup=60),
    Features(window=12, warmup=200, kernel="linear"),
    Features(window=7, warmup=100, min_duration=9, delay=20, penalty=1.0),
    Features(warmup=150),
]
segmenters = pytest.mark.parametrize("segmenter", SEGMENTERS, ids=repr)


@segmenters
@given(
    st.integers(1, 1500),
    st.integers(1, 3),
    st.lists(st.integers(1, 400), min_size=1, max_size=4),
    st.integers(0, 99),
)
@settings(max_examples=8, deadline=None)
def test_chunks_of_any_size_give_the_same_bounds(segmenter, n, d, sizes, seed):
    x = loudness(n, d, seed)
    bounds = replay(segmenter, x, [n])
    np.testing.assert_array_equal(replay(segmenter, x, sizes), bounds)
    assert bounds[0, 0] == 0
    assert bounds[-1, 1] == n
    assert (bounds[1:, 0] == bounds[:-1, 1]).all()
    if segmenter.window != "suss":
        shortest = segmenter.min_duration or 4 * segmenter.window
        assert len(bounds) == 1 or np.diff(bounds).min() >= shortest


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
@pytest.mark.parametrize("seed", range(3))
def test_a_stream_equals_its_twin(kernel, seed, monkeypatch):
    """With memory so short that windows are forgotten and the sample is thinned."""
    monkeypatch.setattr(sliding, "KEPT", 150)
    monkeypatch.setattr(sliding, "SAMPLE", 100)
    x = loudness(1400, 2, seed, every=200 + 300 * (seed == 1))
    segmenter = Features(window=12, warmup=150, min_duration=20, kernel=kernel, delay=30)
    plan = segmenter._plan(standardised(x[:150]))
    z = ((x - x[:150].mean(axis=0)) / x[:150].std(axis=0)).astype(np.float32)
    statistics = Statistics().fit([(z[:150], 1.0, np.array([[0, 12]]))])
    rows = {}

    def describe(start):
        if start not in rows:
            bounds = np.array([[start, start + 12]])
            rows[start] = statistics.transform(z, 1.0, bounds)[0].astype(float)
        return rows[start]

    def learn(known, numbers):
        embedding = Embedding.learn(known, kernel, 0)
        price = 3.0 * HOPS * noise(embedding.points(known), numbers)
        return embedding.points, embedding.scaled, price

    expected = naive.sliding(
        describe,
        len(x),
        150,
        plan,
        learn,
        lambda points, price, size: optimal_partition(points, price, size)[0],
        sliding.BLOCK,
        150,
        100,
        sliding.GROWTH,
    )
    assert len(expected) >= 2
    assert replay(segmenter, x, [33])[1:, 0].tolist() == expected


def test_a_stream_within_the_warmup_is_cut_as_a_whole():
    x = loudness(950, 2, 1)
    segmenter = Features(window=12)
    bounds = segmenter.fit_predict(x)
    assert len(bounds) > 3
    np.testing.assert_array_equal(replay(segmenter, x, [100]), bounds)


def test_finds_changes_soon_and_nothing_in_noise():
    rng = np.random.default_rng(0)
    quiet = rng.normal(size=(3000, 3))
    segmenter = Features(window=20, warmup=300)
    assert replay(segmenter, quiet, [500]).tolist() == [[0, 3000]]
    loud = quiet * np.where(np.arange(3000) < 2000, 1.0, 5.0)[:, None]
    assert segmenter.partial_fit(loud[:2000]).tolist() == []
    (told,) = segmenter.partial_fit(loud[2000:2400]).tolist()
    assert told[0] == 0
    assert abs(told[1] - 2000) < 10
    assert segmenter.partial_fit(loud[2400:]).tolist() == []
    assert segmenter.finish().tolist() == [[told[1], 3000]]


def test_what_was_told_stays_when_more_comes():
    x = loudness(2500, 2, 3)
    told = [
        Features(window=12, warmup=100).partial_fit(x[:n]).tolist() for n in range(1, 2500, 198)
    ]
    for shorter, longer in itertools.pairwise(told):
        assert longer[: len(shorter)] == shorter
    assert len(told[-1]) > 8


def test_a_stream_can_be_stored_between_chunks_and_begun_again():
    x = loudness(1500, 2, 1)
    for cut in (40, 700):  # within the warm-up, and after it
        stream = Features(window=12, warmup=100)
        parts = [stream.partial_fit(x[:cut])]
        again = pickle.loads(pickle.dumps(stream))
        expected = replay(stream, x, [1500])
        assert len(expected) > 4
        for each in (stream, again):
            rest = np.concatenate([*parts, each.partial_fit(x[cut:]), each.finish()])
            np.testing.assert_array_equal(rest, expected)
            assert each.finish().shape == (0, 2)
            np.testing.assert_array_equal(
                np.concatenate([each.partial_fit(x), each.finish()]), expected
            )
    stream.partial_fit(x)
    stream.fit(x)
    left = {"n_features_in_", "bounds_", "states_", "confidence_"}
    assert vars(stream).keys() - stream.get_params().keys() == left


def test_memory_stays_bounded():
    stream = Features(window=12, warmup=300)
    sizes = []
    for seed in range(8):
        stream.partial_fit(np.random.default_rng(seed).normal(size=(2500, 2)))
        sizes.append(len(pickle.dumps(stream)))
    assert stream.bound_ == 0
    assert max(sizes) < 6 * 2**20
    assert sizes[-1] < 1.1 * sizes[3]


def test_the_memory_of_a_chunk_may_be_used_again():
    x = loudness(1200, 2, 5)
    expected = replay(Features(window=12, warmup=300), x, [50])
    stream, chunk, parts = Features(window=12, warmup=300), np.empty((50, 2)), []
    for at in range(0, 1200, 50):
        chunk[:] = x[at : at + 50]
        parts.append(stream.partial_fit(chunk))
    np.testing.assert_array_equal(np.concatenate([*parts, stream.finish()]), expected)


def test_offsets_scales_and_flat_channels_do_not_matter():
    x = loudness(1500, 2, 2)
    segmenter = Features(window=12, warmup=200)
    bounds = replay(segmenter, x, [100])
    assert len(bounds) > 4
    np.testing.assert_array_equal(replay(segmenter, 1e3 * x + 1e8, [100]), bounds)
    flat = np.zeros((800, 2))
    assert replay(segmenter, flat, [100]).tolist() == [[0, 800]]
    late = np.concatenate([flat, x])
    ends = replay(segmenter, late, [100])[:-1, 1]
    assert np.abs(ends - 800).min() < 12


def test_bad_chunks_are_refused_and_leave_the_stream_as_it_was():
    x = loudness(1000, 2, 0)
    for cut in (50, 500):
        stream = Features(window=12, warmup=100)
        parts = [stream.partial_fit(x[:cut])]
        for bad, words in (
            ([[0.0, np.nan]], "NaN at sample 0, channel 1"),
            (np.zeros((3, 1)), "X has 1 channels, but fit saw 2"),
            (np.full((3, 2), 1e80), "rescale"),
            (np.zeros((0, 2)), "empty"),
        ):
            with pytest.raises(TsalignError, match=words):
                stream.partial_fit(bad)
        parts += [stream.partial_fit(x[cut:]), stream.finish()]
        np.testing.assert_array_equal(
            np.concatenate(parts), replay(Features(window=12, warmup=100), x, [1000])
        )


def test_a_stream_cannot_be_validated():
    assert hasattr(Features(), "partial_fit")
    assert not hasattr(Features(validate=True), "partial_fit")
    with pytest.raises(AttributeError) as told:
        Features(validate=True).partial_fit(np.zeros(9))
    assert "a stream cannot be validated" in str(told.value.__cause__)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"warmup": 1.0}, "warmup=1.0 at rate=1.0 is 1 samples"),
        ({"warmup": -1.0}, "at least 0"),
        ({"delay": -1.0}, "at least 0"),
        ({"delay": np.inf}, "finite"),
    ],
)
def test_wrong_parameters_are_refused(wrong, words):
    with pytest.raises(TsalignError, match=words):
        Features(**{"window": 4, "warmup": 20, **wrong}).partial_fit(np.zeros(100))
