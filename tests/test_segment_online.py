from __future__ import annotations

import itertools
import pickle
from dataclasses import fields

import naive_online as naive
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from tsalign.errors import TsalignError
from tsalign.kernels.online import corners
from tsalign.registry import find
from tsalign.segment import Online, Pelt
from tsalign.segment.pelt import bic
from tsalign.segment.streams import GainTest, RunLengths

SLOW = numba.config.DISABLE_JIT
quick = settings(max_examples=10 if SLOW else 60, deadline=None)


def steps(n, d, seed, every=20):
    rng = np.random.default_rng(seed)
    levels = rng.normal(0, 2, (n // every + 1, d))
    return np.repeat(levels, every, axis=0)[:n] + rng.normal(size=(n, d))


def counts(n, d, seed, every=20):
    rng = np.random.default_rng(seed)
    rates = rng.choice([0.0, 0.3, 2.0, 20.0], (n // every + 1, d))
    return rng.poisson(np.repeat(rates, every, axis=0)[:n]).astype(float)


def changes(segmenter, x):
    return segmenter.fit_predict(x)[:-1, 1].tolist()


def in_chunks(segmenter, x, sizes):
    stream, parts, at = clone(segmenter), [], 0
    while at < len(x):
        size = sizes[len(parts) % len(sizes)]
        parts.append(stream.partial_fit(x[at : at + size]))
        at += size
    return np.concatenate([*parts, stream.finish()])


# --- twins


@quick
@given(
    st.integers(1, 150),
    st.integers(1, 3),
    st.floats(0.5, 40),
    st.integers(1, 7),
    st.sampled_from([0, 0, 1, 5, 12]),
    st.integers(0, 999),
)
def test_squares_equal_their_twin(n, d, penalty, size, delay, seed):
    x = steps(n, d, seed)
    expected = naive.gain_test(x, naive.squares, lambda t: penalty, size, delay)
    assert changes(Online(penalty=penalty, min_duration=size, delay=delay), x) == expected


@quick
@given(
    st.integers(1, 120),
    st.integers(1, 3),
    st.floats(0.5, 40),
    st.integers(1, 7),
    st.sampled_from([0, 0, 1, 5, 12]),
    st.integers(0, 999),
)
def test_poisson_equals_its_twin(n, d, penalty, size, delay, seed):
    x = counts(n, d, seed)
    expected = naive.gain_test(x, naive.deviance, lambda t: penalty, size, delay)
    assert (
        changes(Online("poisson", penalty=penalty, min_duration=size, delay=delay), x) == expected
    )


@pytest.mark.parametrize("variance", ["difference", "long_run"])
@pytest.mark.parametrize("seed", range(4))
def test_bic_is_that_of_the_stream_so_far(seed, variance):
    x = steps(200, 2, seed)
    noise = bic(x[:60], variance) / np.log(60)
    expected = naive.gain_test(x, naive.squares, lambda t: noise * np.log(60 + t), 2, 1)
    assert expected
    assert changes(Online(warmup=60, min_duration=2, variance=variance), x) == expected
    events = counts(200, 2, seed)
    expected = naive.gain_test(events, naive.deviance, lambda t: 3 * np.log(60 + t), 1)
    assert changes(Online("poisson", warmup=60), events) == expected


@settings(max_examples=5 if SLOW else 25, deadline=None)
@given(
    st.integers(3, 50),
    st.integers(1, 2),
    st.sampled_from([0.5, 0.9, 0.99]),
    st.integers(1, 5),
    st.integers(0, 99),
)
def test_bayes_equals_its_twin(n, d, confidence, size, seed):
    x = steps(n, d, seed)
    options = {"confidence": confidence, "min_duration": size, "expected_duration": 50}
    noise = np.square(np.diff(x, axis=0)).mean(axis=0) / 2
    prior = 1 / np.maximum(1, x.var(axis=0) / noise)
    z = (x - x.mean(axis=0)) / np.sqrt(noise)
    expected = naive.bayes(z, prior, 1 / 50, 1 - confidence, size)
    assert changes(Online("bocpd", **options), x) == expected


@pytest.mark.parametrize(("n", "d"), [(6000, 1), (3000, 1), (3000, 3)])
def test_long_runs_equal_their_twin_although_most_places_are_forgotten(n, d):
    """The twin is too slow here: all places are compared from running sums."""
    n = n // 10 if SLOW else n
    rng = np.random.default_rng(n + d)
    jump = 2.0 if SLOW else 0.6
    x = rng.normal(size=(n, d)) + jump * (np.arange(n) > 0.9 * n)[:, None]
    penalty, resolution = 24.0 + 4 * d, 200 if d == 1 else n
    stream = Online(penalty=penalty, resolution=resolution)
    sums = np.cumsum(x - x[0], axis=0)
    expected = None
    for t in range(2, n + 1):
        s = np.arange(1, t)[:, None]
        off = sums[: t - 1] - s / t * sums[t - 1]
        gains = np.square(off).sum(axis=1) * t / (s * (t - s))[:, 0]
        if gains.max() > penalty:
            expected = [[0, 1 + int(gains.argmax())], t]
            break
    assert expected is not None
    assert stream.partial_fit(x[: expected[1] - 1]).tolist() == []
    assert stream.partial_fit(x[expected[1] - 1 : expected[1]]).tolist() == [expected[0]]


# --- streaming


METHODS = [
    Online(penalty=12.0),
    Online(penalty=12.0, resolution=5),
    Online(penalty=25.0, min_duration=9, resolution=5),
    Online(warmup=30),
    Online(penalty=12.0, delay=7, resolution=5),
    Online("poisson", penalty=9.0, resolution=5),
    Online("poisson"),
    Online("bocpd", warmup=40, expected_duration=20),
    Online("bocpd", warmup=40, min_duration=6, confidence=0.6),
]
methods = pytest.mark.parametrize("segmenter", METHODS, ids=repr)


def signal(segmenter, n, d, seed):
    return (counts if segmenter.method == "poisson" else steps)(n, d, seed)


@methods
@given(
    st.integers(1, 400),
    st.integers(1, 3),
    st.lists(st.integers(1, 60), min_size=1, max_size=5),
    st.integers(0, 999),
)
@settings(max_examples=4 if SLOW else 25, deadline=None)
def test_chunks_of_any_size_give_the_same_bounds(segmenter, n, d, sizes, seed):
    x = signal(segmenter, n, d, seed)
    bounds = clone(segmenter).fit_predict(x)
    np.testing.assert_array_equal(in_chunks(segmenter, x, sizes), bounds)
    assert bounds[0, 0] == 0
    assert bounds[-1, 1] == n
    assert (bounds[1:, 0] == bounds[:-1, 1]).all()
    assert len(bounds) == 1 or np.diff(bounds).min() >= segmenter.min_duration


@methods
def test_a_stream_can_be_stored_between_chunks_and_told_apart(segmenter):
    x = signal(segmenter, 300, 2, 1)
    bounds = clone(segmenter).fit_predict(x)
    assert len(bounds) > 3
    stream = clone(segmenter)
    parts = [stream.partial_fit(x[:170])]
    state = {name: v for name, v in vars(stream).items() if name not in stream.get_params()}
    assert all(name.endswith("_") for name in state)
    assert all(isinstance(v, (np.ndarray, int, float)) for v in state.values())
    again = pickle.loads(pickle.dumps(stream))
    for each in (stream, again):
        rest = np.concatenate([*parts, each.partial_fit(x[170:]), each.finish()])
        np.testing.assert_array_equal(rest, bounds)
        assert each.finish().shape == (0, 2)
        np.testing.assert_array_equal(each.partial_fit(x), clone(segmenter).partial_fit(x))
    stream.fit(x)
    assert vars(stream).keys() - stream.get_params().keys() == {"n_features_in_"}


def test_what_was_told_stays_when_more_comes():
    x = steps(400, 2, 3)
    told = [Online(penalty=15.0).partial_fit(x[:n]).tolist() for n in range(1, 400, 7)]
    for shorter, longer in itertools.pairwise(told):
        assert longer[: len(shorter)] == shorter
    assert len(told[-1]) > 5


@pytest.mark.parametrize(("d", "most"), [(1, 0.1), (6, 4.0)])
def test_memory_stays_bounded(d, most):
    """A million samples without a change, and a slow ramp that keeps every place possible."""
    n = 2000 if SLOW else 1_000_000
    rng = np.random.default_rng(0)
    for noise, slope, length in ((1.0, 0.0, n), (0.0, 1e-9, n // 10)):
        stream = Online(penalty=300.0)
        for at in range(0, length, length // 4):
            t = np.arange(at, at + length // 4)[:, None]
            stream.partial_fit(noise * rng.normal(size=(len(t), d)) + slope * t)
        assert stream.start_ == 0
        size = sum(getattr(v, "nbytes", 8) for v in vars(stream).values())
        assert size < (most if noise else 4.0) * 2**20
    assert len(stream.places_) <= 220 * stream.resolution


def test_bayes_keeps_a_hundred_starts():
    stream = Online("bocpd", warmup=100)
    stream.partial_fit(np.random.default_rng(0).normal(size=(5000, 2)))
    assert stream.starts_.shape == (100,)
    assert stream.mean_.shape == (100, 2)


# --- what it finds


def test_finds_true_changes_soon_and_nothing_in_noise():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(3000, 3))
    x = noise + 4 * (np.arange(3000) >= 2000)[:, None]
    for stream in (Online(), Online("bocpd")):
        assert clone(stream).fit_predict(noise).tolist() == [[0, 3000]]
        assert stream.partial_fit(x[:2000]).tolist() == []
        assert stream.partial_fit(x[2000:2010]).tolist() == [[0, 2000]]
        assert stream.finish().tolist() == [[2000, 2010]]
    rates = np.where(np.arange(1000) < 600, 1.0, 4.0)
    found = Online("poisson").fit_predict(rng.poisson(rates))
    assert len(found) == 2
    assert abs(found[0, 1] - 600) < 10


@quick
@given(st.integers(1, 200), st.integers(1, 3), st.floats(5, 40), st.integers(0, 99))
def test_invariants(n, d, penalty, seed):
    x, rng = steps(n, d, seed), np.random.default_rng(seed)
    bounds = Online(penalty=penalty).fit_predict(x).tolist()
    assert bounds == Online(penalty=penalty).fit_predict(x + 1e3 * rng.normal(size=d)).tolist()
    assert bounds == Online(penalty=16 * penalty).fit_predict(-4 * x).tolist()
    assert bounds == Online(penalty=penalty).fit_predict(x[:, rng.permutation(d)]).tolist()
    wider = np.column_stack([x, np.full(n, 7.0)])
    assert bounds == Online(penalty=penalty).fit_predict(wider).tolist()


def test_a_large_offset_changes_nothing():
    x = steps(1500, 2, 3)
    for segmenter in (Online(), Online("bocpd")):
        expected = segmenter.fit_predict(x)
        assert len(expected) > 30
        np.testing.assert_array_equal(segmenter.fit_predict(x + 1e8), expected)


def test_a_single_change_is_where_offline_search_puts_it():
    for seed in range(5):
        x = np.random.default_rng(seed).normal(size=(400, 2))
        x[300:] += 5
        online = Online(penalty=60.0).fit_predict(x)
        np.testing.assert_array_equal(online, Pelt(penalty=60.0).fit_predict(x))


@quick
@given(st.lists(st.integers(-9, 9), min_size=2, max_size=60))
def test_corners_hold_every_maximum_of_a_convex_function(heights):
    places = np.arange(1, len(heights) + 1)
    heights = np.cumsum(heights).astype(float)
    keep = corners(places, heights)
    t, total = len(heights) + 3, heights[-1] + 5.0
    gains = (heights - places / t * total) ** 2 * t / (places * (t - places))
    assert np.isclose(gains[keep].max(), gains.max())
    assert keep[0]
    assert keep[-1]


# --- what is refused


def test_constant_first_samples_tell_nothing_of_the_noise():
    flat = np.zeros((50, 2))
    assert Online(warmup=20).fit_predict(flat).tolist() == [[0, 50]]
    with pytest.raises(TsalignError, match="tell nothing of the noise"):
        Online(warmup=20).fit_predict(np.concatenate([flat, flat + 1]))


def test_bad_chunks_are_refused_and_leave_the_stream_as_it_was():
    x = counts(200, 2, 0)
    for segmenter in (Online(penalty=12.0), Online("poisson", penalty=12.0), Online("bocpd")):
        expected, stream = segmenter.fit_predict(x), clone(segmenter)
        parts = [stream.partial_fit(x[:100])]
        for bad, words in (
            ([[0.0, np.nan]], "NaN at sample 0, channel 1"),
            (np.zeros((3, 1)), "X has 1 channels, but fit saw 2"),
            (np.full((3, 2), 1e80), "rescale"),
            (np.zeros((0, 2)), "empty"),
        ):
            with pytest.raises(TsalignError, match=words):
                stream.partial_fit(bad)
        parts += [stream.partial_fit(x[100:]), stream.finish()]
        np.testing.assert_array_equal(np.concatenate(parts), expected)
    with pytest.raises(TsalignError, match=r"X has -1.0 at sample 1, channel 0; counts"):
        Online("poisson").fit_predict([3.0, -1.0])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"method": "cusum"}, "should be one of"),
        ({"penalty": 0.0}, "penalty"),
        ({"warmup": 1.0}, "warmup=1.0 at rate=1.0 is 1 samples"),
        ({"confidence": 1.0}, "less than 1"),
        ({"delay": -1.0}, "at least 0"),
        ({"resolution": 0}, "at least 1"),
        ({"min_duration": np.inf}, "finite"),
        ({"method": "bocpd", "expected_duration": 1.0}, "at least 2"),
    ],
)
def test_wrong_parameters_are_refused(wrong, words):
    with pytest.raises(TsalignError, match=words):
        Online(**wrong).fit_predict(steps(30, 1, 0))


def test_the_word_of_the_pipeline_and_names_that_do_not_clash():
    assert find("segment", "online") is Online
    for kind in (GainTest, RunLengths):
        names = {field.name for field in fields(kind)}
        assert not names & {"bound", "n_samples", "waiting", "n_features_in"}
