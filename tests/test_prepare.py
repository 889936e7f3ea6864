"""Preparing: what lies below half the rate stays, gaps stay where they were, inputs untouched."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

from tsalign.errors import TsalignError
from tsalign.prepare import Bandpass, FillGaps, Resample, Standardize, grid
from tsalign.prepare.channels import finite_runs
from tsalign.types import Note, Recording, Signal

HAPT = Path(__file__).parents[2] / "shared" / "data" / "hapt"
STEPS = [
    Resample(rate=30.0),
    Bandpass(low=0.5, high=10.0),
    Standardize(),
    Standardize(by="median"),
    FillGaps(max_gap=0.1),
]
relaxed = settings(max_examples=30, deadline=None)


def recording(*signals):
    return Recording("r1", signals, (Note("n", "text"),), "s1", {"device": "d"})


def tone(hz, rate, seconds, start=0.0):
    t = start + np.arange(round(seconds * rate)) / rate
    return Signal(np.sin(2 * np.pi * hz * t)[:, None].astype(np.float32), rate, start, ("x",))


def noise(n=1000, c=2, seed=0, rate=100.0):
    values = np.random.default_rng(seed).normal(size=(n, c)).astype(np.float32)
    return Signal(values, rate)


# -- every step -----------------------------------------------------------------------------


@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_steps_edit_nothing_and_keep_the_rest(step):
    signal = noise()
    signal.values[100:300, 1] = np.nan
    kept = signal.values.copy()
    given_ = recording(signal)
    out = step(given_)
    assert np.array_equal(signal.values, kept, equal_nan=True)
    assert (out.id, out.notes, out.subject, out.meta) == ("r1", given_.notes, "s1", given_.meta)
    assert out.signal.values.dtype == np.float32
    assert out.signal.channels == signal.channels
    assert np.array_equal(step(given_).signal.values, out.signal.values, equal_nan=True)


@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_a_channel_without_any_value_is_named(step):
    signal = noise()
    signal.values[:, 1] = np.nan
    with pytest.raises(TsalignError, match="recording r1: channel 'ch1' has no value at all"):
        step(recording(signal))


@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_a_missing_channel_does_not_touch_its_neighbour(step):
    whole, holed = noise(), noise()
    holed.values[100:400, 1] = np.nan
    a, b = step(recording(whole)).signal.values, step(recording(holed)).signal.values
    assert np.array_equal(a[:, 0], b[:, 0])
    assert np.isnan(b[:, 1]).any()


@pytest.mark.parametrize("step", [STEPS[0], STEPS[1], STEPS[4]], ids=repr)
def test_what_is_before_a_gap_does_not_depend_on_what_is_after(step):
    one, two = noise(c=1), noise(c=1)
    two.values[500:] *= 3
    for signal in (one, two):
        signal.values[300:500] = np.nan
    a, b = (step(recording(s)).signal.values for s in (one, two))
    before = round(3.0 * step(recording(one)).signal.rate)
    assert np.array_equal(a[:before], b[:before])


# -- resample -------------------------------------------------------------------------------


@given(
    st.sampled_from([1.0, 12.5, 25.0, 30.0, 50.0, 62.5, 99.97, 100.0, 128.0, 500.0]),
    st.integers(1, 3000),
    st.sampled_from([20.0, 49.9955, 100.0, 360.0]),
)
@relaxed
def test_the_length_is_duration_times_rate(rate, n, old):
    signal = noise(n, 1, rate=old)
    expected = int(n / old * rate + 1e-6)
    if expected == 0:
        with pytest.raises(TsalignError, match="share no sample"):
            Resample(rate)(recording(signal))
        return
    out = Resample(rate)(recording(signal)).signal
    assert (len(out), out.rate, out.start) == (expected, rate, 0.0)
    assert np.isfinite(out.values).all()


@pytest.mark.parametrize("old", [100.0, 99.97, 64.0, 360.0, 20.0])
@pytest.mark.parametrize("start", [0.0, 0.0037, -3.21])
def test_a_tone_keeps_frequency_phase_and_size(old, start):
    shorter = Signal(np.zeros((1000, 1), np.float32), 100.0, start + 5.0)
    out = Resample(50.0)(recording(tone(3.0, old, 30, start), shorter)).signal
    t = out.start + np.arange(len(out)) / 50.0
    away = out.values[:, 0] - np.sin(2 * np.pi * 3.0 * t)
    assert out.start == start + 5.0
    assert len(out) == 500
    assert np.abs(away).max() < 0.01


def test_an_odd_rate_does_not_drift_within_a_day():
    old, rate = 1.00009, 1.0
    n = 86_400
    x = Signal(np.sin(2 * np.pi * 0.05 * np.arange(n) / old)[:, None].astype(np.float32), old)
    out = Resample(rate)(recording(x)).signal
    wanted = np.sin(2 * np.pi * 0.05 * np.arange(len(out)) / rate)
    assert np.abs(out.values[50:-50, 0] - wanted[50:-50]).max() < 0.02


@pytest.mark.parametrize("old", [200.0, 199.97])
def test_what_lies_above_half_the_new_rate_is_gone(old):
    loud = Resample(50.0)(recording(tone(40.0, old, 20))).signal.values[50:-50]
    kept = Resample(50.0)(recording(tone(15.0, old, 20))).signal.values[50:-50]
    assert np.square(loud).mean() < 1e-4
    assert np.square(kept).mean() == pytest.approx(0.5, rel=0.02)


def test_the_inside_agrees_with_scipy():
    signal = noise(2000, 1)
    mine = Resample(30.0)(recording(signal)).signal.values[:, 0]
    ratio = Fraction(3, 10)
    peer = resample_poly(signal.values[:, 0].astype(np.float64), ratio.numerator, ratio.denominator)
    np.testing.assert_allclose(mine[30:-30], peer[30:-30], atol=1e-5)


@given(st.integers(0, 900), st.integers(1, 300), st.sampled_from([25.0, 50.0, 100.0, 200.0]))
@relaxed
def test_gaps_stay_exactly_where_they_were(at, length, rate):
    signal = noise(1000, 1)
    signal.values[at : at + length] = np.nan
    missing = np.isnan(signal.values[:, 0])
    out = np.isnan(Resample(rate, max_gap=0.0)(recording(signal)).signal.values[:, 0])
    # A sample of the result is missing where the old sample holding its time is, or where it
    # falls between the last value of a run and the gap's first missing one.
    holder = np.minimum((np.arange(len(out)) * 100.0 / rate + 1e-9).astype(int), 999)
    assert np.array_equal(out, missing[holder])


def test_a_level_is_kept_up_to_the_ends_of_every_run():
    signal = Signal(np.full((1000, 1), 9.81, np.float32), 100.0)
    signal.values[[300, 301, 500, 502]] = np.nan
    for rate in (30.0, 48.1234, 100.0, 250.0):
        out = Resample(rate, max_gap=0.0)(recording(signal)).signal.values
        np.testing.assert_allclose(out[np.isfinite(out)], 9.81, rtol=2e-3)


def test_a_signal_on_the_grid_is_kept_bit_for_bit():
    signal = noise(1000, 2)
    assert np.array_equal(Resample(100.0)(recording(signal)).signal.values, signal.values)
    late = noise(500, 1, rate=100.0)
    late = Signal(late.values, 100.0, 2.0, ("late",))
    joined = Resample(100.0)(recording(signal, late)).signal
    assert np.array_equal(joined.values[:, :2], signal.values[200:700])
    assert joined.channels == ("ch0", "ch1", "late")


def test_short_gaps_are_bridged_and_long_ones_stay():
    signal = tone(0.5, 100.0, 20)
    signal.values[200:250] = np.nan
    signal.values[1000:1200] = np.nan
    out = Resample(50.0, max_gap=0.5)(recording(signal)).signal.values[:, 0]
    assert finite_runs(out).tolist() == [[0, 500], [600, 1000]]


def test_signals_that_do_not_meet_are_refused():
    early, late = noise(100), Signal(noise(100).values, 100.0, 7.0)
    with pytest.raises(TsalignError, match=r"latest starts at 7 s, the earliest ends at 1 s"):
        Resample(50.0)(recording(early, late))
    with pytest.raises(TsalignError, match="no signal"):
        Resample(50.0)(recording())
    with pytest.raises(TsalignError, match="rate"):
        Resample(0.0)(recording(early))


def test_hapt_keeps_its_energy_below_half_the_rate():
    if not HAPT.exists():
        pytest.skip("HAPT is not beside the checkout")
    import pyarrow.parquet as pq

    table = pq.read_table(HAPT / "s01_0.parquet")
    values = np.stack([c.to_numpy() for c in table.columns], axis=1)
    signal = Signal(values, 50.0, 0.0, tuple(table.column_names))
    slow = Resample(20.0)(recording(signal)).signal.values.astype(np.float64)
    below = np.abs(np.fft.rfft(values - values.mean(0), axis=0)) ** 2
    below = below[np.fft.rfftfreq(len(values), 1 / 50) < 9.0].sum(0) * 2 / len(values) ** 2
    after = np.abs(np.fft.rfft(slow - slow.mean(0), axis=0)) ** 2
    after = after[np.fft.rfftfreq(len(slow), 1 / 20) < 9.0].sum(0) * 2 / len(slow) ** 2
    np.testing.assert_allclose(after, below, rtol=0.02)
    np.testing.assert_allclose(slow.mean(0), values.mean(0), atol=2e-3)


# -- bandpass -------------------------------------------------------------------------------


@pytest.mark.parametrize(("hz", "left"), [(0.05, 0.0), (3.0, 1.0), (40.0, 0.0)])
def test_bandpass_removes_what_lies_outside(hz, left):
    out = Bandpass(low=0.5, high=15.0)(recording(tone(hz, 100.0, 60))).signal.values[1000:-1000]
    assert np.sqrt(2 * np.square(out).mean()) == pytest.approx(left, abs=0.01)


def test_one_edge_makes_a_high_or_low_pass():
    level = Signal(tone(3.0, 100.0, 40).values + 5, 100.0)
    high = Bandpass(low=0.5, high=None)(recording(level)).signal.values[500:-500]
    low = Bandpass(low=None, high=0.5)(recording(level)).signal.values[500:-500]
    assert abs(high.mean()) < 0.01
    assert low.min() == pytest.approx(5, abs=0.01)
    np.testing.assert_allclose(high + low, level.values[500:-500], atol=0.02)


@given(st.lists(st.integers(0, 199), max_size=30))
@relaxed
def test_bandpass_and_standardize_keep_every_gap_and_every_value(missing):
    signal = noise(200, 1)
    signal.values[missing] = np.nan
    if np.isnan(signal.values).all():
        return
    for step in (Bandpass(0.5, 20.0), Standardize(), FillGaps(0.0)):
        out = step(recording(signal)).signal.values
        assert np.array_equal(np.isnan(out), np.isnan(signal.values))


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (None, None, "needs low, high or both"),
        (5.0, 2.0, "low=5 should be below high=2"),
        (1.0, 50.0, r"edge 50 Hz should be below half the rate of the signal, 50 Hz"),
        (-1.0, 5.0, "greater than 0"),
    ],
)
def test_bandpass_edges_that_do_not_fit_are_refused(low, high, words):
    with pytest.raises(TsalignError, match=words):
        Bandpass(low, high)(recording(noise()))


# -- standardize and gaps -------------------------------------------------------------------


@given(st.floats(0.01, 100), st.floats(-100, 100), st.sampled_from(["mean", "median"]))
@relaxed
def test_standardize_takes_away_units_and_level(scale, level, by):
    signal = noise(300, 1)
    signal.values[10:20] = np.nan
    moved = Signal((signal.values * scale + level).astype(np.float32), 100.0)
    a, b = (Standardize(by)(recording(s)).signal.values for s in (signal, moved))
    np.testing.assert_allclose(a, b, atol=2e-3)
    if by == "mean":
        assert np.nanmean(a) == pytest.approx(0, abs=1e-5)
        assert np.nanstd(a) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("by", ["mean", "median"])
def test_a_constant_channel_becomes_zero_and_outliers_are_met(by):
    values = np.full((100, 2), 0.1, np.float32)
    values[3, 1] = 7.0
    values[5] = np.nan
    out = Standardize(by)(recording(Signal(values, 1.0, 0.0, (), ("g", "g")))).signal
    assert out.units == ("", "")
    assert (np.delete(out.values[:, 0], 5) == 0).all()
    assert np.isfinite(np.delete(out.values, 5, axis=0)).all()
    assert out.values[3, 1] > 5


@given(st.lists(st.booleans(), min_size=2, max_size=60), st.integers(0, 6))
@relaxed
def test_gaps_are_filled_by_length_alone(present, longest):
    known = np.array(present)
    if not known.any():
        return
    x = np.where(known, np.arange(len(known)), np.nan)[:, None].astype(np.float32)
    out = FillGaps(max_gap=longest / 10)(recording(Signal(x, 10.0))).signal.values[:, 0]
    runs = finite_runs(x[:, 0])
    expected = known.copy()
    for (_, a), (b, _) in pairwise(runs):
        expected[a:b] |= b - a <= longest
    assert np.array_equal(np.isfinite(out), expected)
    np.testing.assert_allclose(out[expected], np.flatnonzero(expected), rtol=1e-5)


# -- irregular stamps -----------------------------------------------------------------------


@given(st.lists(st.floats(0.01, 3.0), min_size=1, max_size=40), st.sampled_from([1.0, 7.0, 32.0]))
@relaxed
def test_grid_lies_on_the_lines_and_keeps_long_gaps(steps, rate):
    times = 100 + np.concatenate([[0.0], np.cumsum(steps)])
    out = grid(times, np.stack([2 * times, -times], axis=1), rate, max_gap=1.0)
    at = times[0] + np.arange(len(out)) / rate
    assert at[-1] <= times[-1] + 1e-6 < at[-1] + 1 / rate + 1e-5
    known = np.isfinite(out[:, 0])
    np.testing.assert_allclose(out[known], np.stack([2 * at, -at], 1)[known], rtol=1e-5)
    for i, t in enumerate(at):
        near = np.abs(times - t).min() < 1e-6
        after = np.searchsorted(times, t)
        gap = times[min(after, len(times) - 1)] - times[max(after - 1, 0)]
        if abs(gap - 1.0) > 1e-5:
            assert known[i] == (near or gap <= 1.0)


def test_grid_takes_a_missing_value_as_a_missing_stamp():
    times = np.array([0.0, 1.0, 2.0, 3.0])
    values = np.array([[0, 0], [np.nan, 1], [2, np.nan], [3, 3]], np.float32)
    assert grid(times, values, 1.0, 2.0).tolist() == [[0, 0], [1, 1], [2, 2], [3, 3]]
    strict = grid(times, values, 1.0, 1.0)
    assert np.array_equal(np.isnan(strict), np.isnan(values))


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ([0.0, 2.0, 1.0], "number 2 is 1.0"),
        ([0.0, 1.0, 1.0], "number 2 is 1.0"),
        ([0.0, np.nan, 1.0], "number 1 is nan"),
        ([0.0, 1.0], "do not fit"),
    ],
)
def test_stamps_that_do_not_rise_are_refused(times, words):
    with pytest.raises(TsalignError, match=words):
        grid(np.array(times), np.zeros((3, 1)), 1.0, 1.0)
