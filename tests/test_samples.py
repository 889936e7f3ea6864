"""Samples from the signal to the shared space: how they are cut out, and what networks learn."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_align import ENCODER

from tsalign.align import Augment, Contrastive, Conv, Pairs, Patch
from tsalign.align.signal.sample_nets import patched
from tsalign.describe import Raw
from tsalign.describe.raw import FAINT, FAR
from tsalign.errors import TsalignError

quick = settings(max_examples=25, deadline=None)
KINDS = {
    "conv": Conv(width=16, layers=2, augment=Augment(jitter=0.05, shift=3)),
    "patch": Patch(width=16, layers=1, augment=Augment(jitter=0.05, shift=3)),
}
each = pytest.mark.parametrize("kind", KINDS)

# --- how samples are cut out --------------------------------------------------------------------


def signal(seed: int = 0, n: int = 300) -> np.ndarray:
    x = np.random.default_rng(seed).normal(size=(n, 4)) * [1, 5, 2, 10] + [3, 0, -4, 100]
    return x.astype(np.float32)


def tiles(n: int, length: int) -> np.ndarray:
    start = np.arange(0, n - length + 1, length)
    return np.stack([start, start + length], 1)


def naive(raw: Raw, x: np.ndarray, bound: np.ndarray) -> np.ndarray:
    """One point at a time; each sample lies in a cell by the part of its second that it covers."""
    length = max(1, round(raw.context * raw.rate_))
    first = (int(bound[0]) + int(bound[1]) - length) // 2
    out = []
    for channel in range(x.shape[1]):
        for point in range(raw.samples):
            low, high = length * point / raw.samples, length * (point + 1) / raw.samples
            total = weight = 0.0
            for i in range(length):
                part = min(i + 1, high) - max(i, low)
                if part > 0 and 0 <= first + i < len(x) and np.isfinite(x[first + i, channel]):
                    total += part * float(x[first + i, channel])
                    weight += part
            if weight == 0:
                out.append(0.0)
                continue
            scaled = (total / weight - raw.center_[channel]) / raw.spread_[channel]
            scaled = min(max(scaled, -FAR), FAR)
            out.append(scaled if abs(scaled) >= FAINT else FAINT)
    return np.array(out)


@quick
@given(st.integers(0, 99), st.integers(1, 40), st.floats(0.02, 3.0))
def test_points_equal_their_twin(seed: int, samples: int, context: float) -> None:
    x = signal(seed, 90)
    x[np.random.default_rng(seed).random(x.shape) < 0.3] = np.nan
    bounds = np.array([[0, 5], [30, 31], [10, 80], [85, 90]])
    raw = Raw(context, samples, ((0, 1, 2),)).fit([(x, 20.0, bounds)])
    want = [naive(raw, x, bound) for bound in bounds]
    np.testing.assert_allclose(raw.transform(x, 20.0, bounds), want, rtol=1e-5, atol=1e-6)


def test_real_values_are_standardised_and_a_sensor_has_one_scale() -> None:
    x, bounds = signal(), tiles(300, 1)
    raw = Raw(0.02, 1, ((0, 1, 2),)).fit([(x[:100], 50.0, bounds[:100]), (x[100:], 50.0, [[0, 1]])])
    rows = raw.transform(x, 50.0, bounds)
    np.testing.assert_allclose(rows[:, :3] * raw.spread_[0], x[:, :3], rtol=1e-4)
    assert (raw.spread_[:3] == raw.spread_[0]).all()
    assert (rows[:, :3] ** 2).mean() == pytest.approx(1, rel=1e-4)
    assert (rows[:, 3].mean(), rows[:, 3].std()) == pytest.approx((0, 1), abs=1e-4)


def test_names_tell_the_sensors() -> None:
    raw = Raw().fit([(signal(), 50.0, tiles(300, 30))], ["a_x", "a_y", "a_z", "heart"])
    assert raw.groups_.tolist() == [[0, 1, 2]]
    names = raw.feature_names(["a_x", "a_y", "a_z", "heart"])
    assert (len(names), names[0], names[-1]) == (256, "a_x -1.260 s", "heart +1.260 s")


@quick
@given(st.integers(0, 99))
def test_exactly_0_is_missing_and_nothing_else(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(-1, 2, (80, 4)).astype(np.float32)  # of which many scale to 0
    x[:, 2] = 0.0
    x[rng.random(x.shape) < 0.3] = np.nan
    bounds = tiles(80, 1)
    raw = Raw(0.02, 1, ((0, 1, 2),)).fit([(x, 50.0, bounds)])
    np.testing.assert_array_equal(raw.transform(x, 50.0, bounds) == 0, np.isnan(x))


def test_a_missing_channel_is_0_and_changes_no_other() -> None:
    x, bounds = signal(), tiles(300, 30)
    raw = Raw().fit([(x, 50.0, bounds)])
    holed = x.copy()
    holed[:, 1] = np.nan
    rows, less = (raw.transform(y, 50.0, bounds).reshape(-1, 4, 64) for y in (x, holed))
    assert not less[:, 1].any()
    np.testing.assert_array_equal(np.delete(less, 1, 1), np.delete(rows, 1, 1))
    again = Raw().fit([(holed, 50.0, bounds)]).transform(holed, 50.0, bounds)
    np.testing.assert_array_equal(again.reshape(-1, 4, 64), less)


@quick
@given(st.integers(0, 200), st.floats(-1e6, 1e6))
def test_a_row_depends_on_its_window_alone(at: int, value: float) -> None:
    x, bounds = signal(), np.array([[140, 160]])
    raw = Raw(1.0).fit([(x, 50.0, tiles(300, 30))])
    changed = x.copy()
    changed[at if at < 125 else at + 100 - 25] = value  # the window is 125 to 175
    assert np.array_equal(raw.transform(x, 50.0, bounds), raw.transform(changed, 50.0, bounds))


def test_few_segments_at_a_time_are_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    x, bounds = signal(), tiles(300, 7)
    raw = Raw().fit([(x, 50.0, bounds)])
    whole = raw.transform(x, 50.0, bounds)
    monkeypatch.setattr("tsalign.describe.raw.BLOCK", 1)
    np.testing.assert_array_equal(raw.transform(x, 50.0, bounds), whole)
    assert raw.transform(x, 50.0, bounds[:0]).shape == (0, 256)


@pytest.mark.parametrize("scale", [0.0, 1e-15, 1e15])
def test_odd_signals_give_finite_rows(scale: float) -> None:
    x, bounds = signal() * np.float32(scale), tiles(300, 30)
    x[:, 0] = 0.1
    raw = Raw(groups=((1, 2, 3),)).fit([(x, 50.0, bounds)])
    assert np.isfinite(raw.transform(x, 50.0, bounds)).all()


def test_what_does_not_fit_is_one_sentence() -> None:
    x, bounds = signal(), tiles(300, 30)
    raw = Raw().fit([(x, 50.0, bounds)])
    with pytest.raises(TsalignError, match="Raw learned from 4 channels"):
        raw.transform(x[:, :2], 50.0, bounds)
    with pytest.raises(TsalignError, match="learned at 50 Hz, but got 25 Hz"):
        raw.transform(x, 25.0, bounds)
    with pytest.raises(TsalignError, match=r"segment 0 \(290 to 301\) is empty or outside"):
        raw.transform(x, 50.0, np.array([[290, 301]]))
    with pytest.raises(TsalignError, match="name a channel beyond the 4"):
        Raw(groups=((2, 3, 4),)).fit([(x, 50.0, bounds)])
    with pytest.raises(TsalignError, match="Raw\\(samples=0\\)"):
        Raw(samples=0).fit([(x, 50.0, bounds)])


# --- the networks -------------------------------------------------------------------------------


@quick
@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 9))
def test_patches_equal_their_twin(n: int, length: int, stride: int) -> None:
    length, stride = min(length, n), min(stride, length, n)
    x = torch.arange(2.0 * 3 * n).view(2, 3, n) + 1
    got = patched(x, length, stride)
    starts = [0]
    while starts[-1] + length < n:
        starts.append(starts[-1] + stride)
    for b in range(2):
        for c in range(3):
            row = [*x[b, c].tolist(), *[0.0] * length]
            assert got[b, c].tolist() == [row[s : s + length] for s in starts]


def built(kind: str, channels: int = 3):
    torch.manual_seed(0)
    return KINDS[kind].build(channels * 64, 5).eval()


@each
@quick
@given(seed=st.integers(0, 99), wild=st.floats(allow_nan=True, allow_infinity=True, width=32))
def test_what_is_missing_has_no_say(kind: str, seed: int, wild: float) -> None:
    torch.manual_seed(seed)
    network, x = built(kind), torch.randn(4, 3, 64)
    real = torch.rand(4, 3, 64) > 0.3
    real[:2, 1] = False
    with torch.inference_mode():
        want = network.encode(x, real)
        assert torch.equal(network.encode(x.where(real, torch.tensor(wild)), real), want)
        assert torch.equal(network((x * real).flatten(1)), want)
        assert not torch.equal(network.encode(x, torch.ones_like(real)), want)


@each
def test_nothing_at_all_is_a_place_too(kind: str) -> None:
    places = built(kind)(torch.zeros(2, 3 * 64))
    assert torch.isfinite(places).all()
    assert torch.equal(*places)


@each
def test_many_segments_are_read_as_few(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network, rows = built(kind), torch.randn(10, 3 * 64)
    with torch.inference_mode():
        whole = network(rows)
        monkeypatch.setattr("tsalign.align.signal.sample_nets.PIECE", 3)
        torch.testing.assert_close(network(rows), whole)


def test_a_missing_channel_is_left_out_of_the_mean() -> None:
    """Of a channel beside missing ones the patches tell as much as of one that stands alone."""
    network = built("patch")
    x = torch.randn(4, 3, 64)
    x[:, 1:] = 0
    with torch.inference_mode():
        want = network(x.flatten(1))
        network.channels, network.own = 1, torch.nn.Parameter(network.own[:1].detach())
        torch.testing.assert_close(network(x[:, 0]), want)


# --- what is learnt -----------------------------------------------------------------------------

SAID, NAMES = ("It rises slowly.", "It falls slowly."), ("RISE", "FALL")


def waves(seed: int, n: int = 240) -> Pairs:
    """Sawteeth of any phase, and the same backwards: the same values in another order."""
    rng = np.random.default_rng(seed)
    said = (np.arange(n) % 2).astype(np.int32)
    phase = np.repeat(rng.random((n // 2, 2, 1)), 2, axis=0)
    rise = 2 * ((np.arange(64) / 16 + phase) % 1) - 1  # (n, 2 channels, 64)
    x = np.where(said[:, None, None] == 0, rise, rise[..., ::-1]).astype(np.float32)
    return Pairs(x.reshape(n, -1), said, SAID, NAMES)


def learnt(signal, pairs: Pairs, **more) -> Contrastive:
    given = {"dimension": 8, "epochs": 15, "batch_size": 32, "device": "cpu", "learning_rate": 3e-3}
    return Contrastive(signal, ENCODER, **(given | more)).fit(pairs)


def test_statistics_tell_the_waves_not_apart() -> None:
    x = np.sort(waves(0).features.reshape(-1, 2, 64), axis=2)
    np.testing.assert_array_equal(x[::2], x[1::2])


@each
def test_networks_learn_from_the_shape_of_waves(kind: str) -> None:
    model, unseen = learnt(KINDS[kind], waves(0), epochs=30), waves(1)
    best = model.concept_scores(unseen.features).argmax(1)
    assert (np.array(model.concepts_)[best] == np.array(NAMES)[unseen.text]).mean() > 0.95
    half = unseen.features.copy()
    half[:, 64:] = 0  # the other channel is missing
    assert np.isfinite(model.concept_scores(half)).all()


@each
def test_samples_are_not_scaled_again(kind: str) -> None:
    model = learnt(KINDS[kind], waves(0), epochs=1)
    assert not model.center_.any()
    assert (model.spread_ == 1).all()


@each
def test_same_seed_same_bits_and_so_after_loading(kind: str, tmp_path) -> None:
    pairs, augment = waves(0, 80), Augment(0.1, 0.1, 3, 0.1, 0.1, 0.1)
    encoder = KINDS[kind].reading(64, ()).set_params(augment=augment)
    one, two = (learnt(encoder, pairs, epochs=2) for _ in range(2))
    two.save(tmp_path)
    again = Contrastive.load(tmp_path)
    assert again.signal.get_params() == encoder.get_params()
    assert again.signal.augment == augment
    for model in (two, again):
        want, got = (m.encode_signal(pairs.features) for m in (one, model))
        np.testing.assert_array_equal(got, want)
    other = learnt(KINDS[kind].reading(64, ()).set_params(augment=None), pairs, epochs=2)
    assert (other.encode_signal(pairs.features) != want).any()


@each
def test_a_killed_learning_ends_with_the_same_bits(kind: str, tmp_path) -> None:
    pairs = waves(0, 80)

    def make() -> Contrastive:
        return Contrastive(KINDS[kind], ENCODER, dimension=8, epochs=3, batch_size=32, device="cpu")

    def stop(event) -> None:
        raise KeyboardInterrupt

    want = make().fit(pairs)
    with pytest.raises(KeyboardInterrupt):
        make().fit(pairs, checkpoint=tmp_path, listener=stop)
    assert list(tmp_path.iterdir())
    got = make().fit(pairs, checkpoint=tmp_path)
    np.testing.assert_array_equal(
        got.encode_signal(pairs.features), want.encode_signal(pairs.features)
    )


# --- what does not fit --------------------------------------------------------------------------


@each
def test_a_wrong_row_is_one_sentence(kind: str) -> None:
    model = learnt(KINDS[kind], waves(0, 40), epochs=1)
    rows = waves(0, 40).features.copy()
    with pytest.raises(TsalignError, match="64 features a segment, but 128 were learnt from"):
        model.encode_signal(rows[:, :64])
    rows[3, 7] = np.nan
    with pytest.raises(TsalignError, match="feature 7 is not finite"):
        model.encode_signal(rows)


@pytest.mark.parametrize(
    ("encoder", "said"),
    [
        (Conv(samples=50), "rows of 128 are no whole channels of 50 samples"),
        (Patch(samples=8, length=9), "length=9 is at least stride=8, and at most the 8"),
        (Patch(length=4, stride=5), "length=4 is at least stride=5"),
        (Patch(width=10), "width=10 is no multiple of heads=4"),
        (Conv(kernel=4), "kernel=4 has no middle"),
        (Conv(groups=((0, 1, 2),)), "group (0, 1, 2) is not three of the 2 channels"),
        (Conv(augment=Augment(shift=64)), "shift=64 leaves nothing of 64 samples"),
        (Conv(width=0), "Conv(width=0): should be at least 1"),
    ],
)
def test_a_parameter_that_does_not_fit_is_one_sentence(encoder, said: str) -> None:
    with pytest.raises(TsalignError, match=re.escape(said)):
        encoder.build(128, 4)


def test_an_encoder_takes_over_what_a_describer_says() -> None:
    told = Conv(width=8).reading(32, np.array([[0, 1, 2]]))
    assert (told.samples, told.width, told.groups) == (32, 8, ((0, 1, 2),))
    assert Conv(groups=()).reading(32, [(0, 1, 2)]).groups == ()
    assert Patch(samples=32).reading(32, ()).samples == 32
    with pytest.raises(TsalignError, match="samples=64, but rows have 32 points a channel"):
        Conv(samples=64).reading(32, ())
