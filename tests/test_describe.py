"""Describers: right numbers, finite rows for any segment, the same bits every time."""

from __future__ import annotations

from pathlib import Path

import naive_describe as naive
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from tsalign.describe import LogMel, Mfcc, MiniRocket, Statistics, widen
from tsalign.describe.mel import hz_to_mel, mel_to_hz
from tsalign.describe.minirocket import spread
from tsalign.errors import TsalignError
from tsalign.kernels.minirocket import TRIPLES, proportions

HAPT = Path(__file__).parents[2] / "shared" / "data" / "hapt"
ALL = [
    Statistics(),
    Statistics(context=0.5, bands=(0.5, 3.0, 10.0), groups=((0, 1, 2),)),
    MiniRocket(kernels=252),
    MiniRocket(kernels=252, context=0.5, components=5),
    LogMel(bins=10),
    LogMel(bins=6, low=1.0, high=20.0, context=1.0),
    Mfcc(coefficients=5, bins=10),
    Mfcc(coefficients=5, bins=10, deltas=False),
]
relaxed = settings(max_examples=25, deadline=None)


def signal(n=600, c=3, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, c)).cumsum(0) * 0.1 + rng.normal(size=(n, c))).astype(np.float32)


def tiles(n, length, hop=None):
    start = np.arange(0, n - length + 1, hop or length)
    return np.stack([start, start + length], axis=1)


def hapt(name="s01_0"):
    if not HAPT.exists():
        pytest.skip("HAPT is not beside the checkout")
    import pyarrow.parquet as pq

    table = pq.read_table(HAPT / f"{name}.parquet")
    return np.stack([c.to_numpy() for c in table.columns], axis=1), table.column_names


def named(describer, values, rate, bounds, channels):
    rows = describer.transform(values, rate, bounds)
    return dict(zip(describer.feature_names(channels), rows.T, strict=True))


# -- every describer ------------------------------------------------------------------------


@pytest.mark.parametrize("describer", ALL, ids=repr)
@given(cuts=st.lists(st.integers(1, 299), min_size=1, max_size=8, unique=True))
@relaxed
def test_rows_are_finite_for_segments_of_any_length(describer, cuts):
    x = signal(300)
    edges = np.array(sorted({0, *cuts, 300}))
    bounds = np.stack([edges[:-1], edges[1:]], axis=1)
    fitted = clone(describer).fit([(x, 50.0, tiles(300, 30))])
    rows = fitted.transform(x, 50.0, bounds)
    assert rows.shape == (len(bounds), len(fitted.feature_names(["a_x", "a_y", "a_z"])))
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()


@pytest.mark.parametrize("describer", ALL, ids=repr)
@pytest.mark.parametrize("kind", ["one sample", "constant", "huge", "tiny", "spike"])
def test_rows_are_finite_for_odd_signals(describer, kind):
    x = signal(300)
    if kind == "constant":
        x[:, 1] = 0.1
    elif kind == "huge":
        x *= 1e15
    elif kind == "tiny":
        x *= 1e-15
    elif kind == "spike":
        x[:] = 0
        x[100, 0] = 1
    bounds = tiles(300, 1) if kind == "one sample" else tiles(300, 20)
    rows = clone(describer).set_params(context=None).fit([(x, 50.0, bounds)])
    rows = rows.transform(x, 50.0, bounds)
    assert np.isfinite(rows).all()


@pytest.mark.parametrize("describer", ALL, ids=repr)
def test_missing_values_elsewhere_change_nothing(describer):
    x = signal(600)
    fitted = clone(describer).fit([(x, 50.0, tiles(600, 30))])
    bounds = np.array([[30, 60], [60, 90]])
    holed = x.copy()
    holed[[0, 300]] = np.nan
    assert np.array_equal(fitted.transform(x, 50.0, bounds), fitted.transform(holed, 50.0, bounds))
    assert clone(describer).fit([(holed, 50.0, bounds)]).transform(holed, 50.0, bounds).any()


@pytest.mark.parametrize("describer", ALL, ids=repr)
def test_same_bits_for_any_number_of_threads_and_every_time(describer):
    x, bounds = signal(3000), tiles(3000, 40, 20)
    rows = []
    for threads in (1, 2):
        before = numba.get_num_threads()
        numba.set_num_threads(min(threads, before))
        fitted = clone(describer).fit([(x, 50.0, bounds)])
        rows.append(fitted.transform(x, 50.0, bounds))
        numba.set_num_threads(before)
    assert np.array_equal(*rows)


@pytest.mark.parametrize("describer", ALL, ids=repr)
def test_state_is_arrays_and_numbers_and_the_input_is_untouched(describer):
    x, bounds = signal(300), tiles(300, 30)
    kept = x.copy(), bounds.copy()
    fitted = clone(describer).fit([(x, 50.0, bounds)])
    fitted.transform(x, 50.0, bounds)
    state = {k: v for k, v in vars(fitted).items() if k.endswith("_")}
    assert state
    assert all(isinstance(v, (int, float, np.ndarray)) for v in state.values())
    twin = clone(describer)
    vars(twin).update(state)
    assert np.array_equal(twin.transform(x, 50.0, bounds), fitted.transform(x, 50.0, bounds))
    assert np.array_equal(x, kept[0])
    assert np.array_equal(bounds, kept[1])


@pytest.mark.parametrize("describer", ALL, ids=repr)
def test_pieces_are_gone_through_a_few_times_only(describer):
    class Loaded(list):
        loads = 0

        def __iter__(self):
            for piece in super().__iter__():
                self.loads += 1
                yield piece

        def __getitem__(self, index):
            self.loads += 1
            return super().__getitem__(index)

    made = [(signal(300, seed=i), 50.0, tiles(300, 30)[: 3 * i]) for i in range(6)]
    pieces = Loaded(made)
    lazy = clone(describer).fit(pieces)
    assert pieces.loads <= 4 * len(pieces)
    whole = clone(describer).fit(made)
    assert np.array_equal(lazy.transform(*made[5]), whole.transform(*made[5]))


@pytest.mark.parametrize("describer", ALL, ids=repr)
def test_no_segment_gives_no_row(describer):
    x = signal(300)
    fitted = clone(describer).fit([(x, 50.0, tiles(300, 30))])
    none = np.empty((0, 2), np.int64)
    assert fitted.transform(x, 50.0, none).shape == (0, len(fitted.feature_names(list("abc"))))


@pytest.mark.parametrize("describer", ALL, ids=repr)
def test_mistakes_are_named(describer):
    x, bounds = signal(300), tiles(300, 30)
    with pytest.raises(NotFittedError):
        clone(describer).transform(x, 50.0, bounds)
    with pytest.raises(TsalignError, match="at least one segment"):
        clone(describer).fit([(x, 50.0, bounds[:0])])
    with pytest.raises(TsalignError, match="learned at 50 Hz, but got 40 Hz"):
        clone(describer).fit([(x, 50.0, bounds), (x, 40.0, bounds)])
    fitted = clone(describer).fit([(x, 50.0, bounds)])
    with pytest.raises(TsalignError, match="3 channels, but got an array of shape"):
        fitted.transform(x[:, :2], 50.0, bounds)
    holed = x.copy()
    holed[35, 1] = np.nan
    with pytest.raises(TsalignError, match=r"segment 1 \(30 to 60\) holds a missing value"):
        fitted.transform(holed, 50.0, bounds)
    with pytest.raises(TsalignError, match="context"):
        clone(describer).set_params(context=-1.0).fit([(x, 50.0, bounds)])


# -- context --------------------------------------------------------------------------------


@given(
    st.integers(1, 60),
    st.lists(st.integers(0, 59), max_size=5),
    st.floats(0, 30),
    st.data(),
)
@relaxed
def test_a_window_holds_its_segment_and_stays_in_its_run(n, missing, context, data):
    x = np.zeros((n, 2), np.float32)
    x[[m for m in missing if m < n], 0] = np.nan
    finite = np.isfinite(x).all(1)
    start = data.draw(st.integers(0, n - 1))
    end = data.draw(st.integers(start + 1, n))
    bounds = np.array([[start, end]])
    if not finite[start:end].all():
        with pytest.raises(TsalignError, match="missing"):
            widen(x, 1.0, bounds, context)
        return
    (a, b), wanted = widen(x, 1.0, bounds, context)[0], max(end - start, round(context))
    assert 0 <= a <= start < end <= b <= n
    assert finite[a:b].all()
    assert b - a <= wanted
    if b - a < wanted:
        assert a == 0 or b == n or not finite[a - 1] or not finite[b]
    elif b - a == wanted:
        assert abs((start - a) - (b - end)) <= 1


@pytest.mark.parametrize("bad", [[5, 5], [-1, 3], [8, 11], [6, 4]])
def test_a_segment_outside_is_refused(bad):
    with pytest.raises(TsalignError, match="empty or outside the 10 samples"):
        widen(np.zeros((10, 1), np.float32), 1.0, np.array([bad]), None)


# -- statistics -----------------------------------------------------------------------------


@given(st.integers(1, 40), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_statistics_agree_with_their_naive_twin(n, seed):
    x = signal(n, 2, seed)
    bounds = np.array([[0, n]])
    fitted = Statistics(bands=(0.0, 10.0, 25.0)).fit([(x, 50.0, bounds)])
    row = fitted.transform(x, 50.0, bounds)[0].reshape(-1)
    size = 2
    while size < 2 * n:
        size *= 2
    for c in range(2):
        mine, y = row[17 * c : 17 * (c + 1)], x[:, c].astype(np.float64)
        np.testing.assert_allclose(mine[:10], naive.moments(y), rtol=1e-4, atol=1e-5)
        power = naive.spectrum(y, size)[1:]
        if power.sum() > 1e-12:
            f = np.arange(1, size // 2 + 1) * 50 / size
            np.testing.assert_allclose(mine[10], (f * power).sum() / power.sum(), rtol=1e-4)
            assert power[np.abs(f - mine[11]).argmin()] == pytest.approx(power.max())
            np.testing.assert_allclose(
                np.exp(mine[13:15].astype(float)).sum(), power.sum(), rtol=1e-3, atol=1e-6
            )
        np.testing.assert_allclose(mine[15], naive.autocorrelation_peak(y)[0], atol=1e-5)
        np.testing.assert_allclose(mine[16], naive.autocorrelation_peak(y)[1] / 50, atol=1e-6)
    if n > 2:
        np.testing.assert_allclose(row[-1], np.corrcoef(x.T.astype(float))[0, 1], atol=1e-4)


@given(st.floats(-50, 50), st.integers(0, 1000))
@relaxed
def test_a_constant_moves_the_level_and_nothing_else(offset, seed):
    x, bounds = np.round(signal(200, 1, seed) * 64) / 64, tiles(200, 40)
    moved = x + np.float32(np.round(offset * 64) / 64)
    fitted = Statistics().fit([(x, 50.0, bounds)])
    before = named(fitted, x, 50.0, bounds, ["a"])
    after = named(fitted, moved, 50.0, bounds, ["a"])
    level = {"mean", "min", "max", "median", "lower quartile", "upper quartile"}
    for name, column in before.items():
        shift = moved[0, 0] - x[0, 0] if name.removeprefix("a ") in level else 0.0
        np.testing.assert_allclose(after[name], column + shift, atol=2e-4, err_msg=name)


def test_a_tone_gives_its_frequency_period_and_band():
    rate, hz = 50.0, 2.0
    x = np.sin(2 * np.pi * hz * np.arange(1000) / rate)[:, None].astype(np.float32)
    bounds = tiles(1000, 200)
    fitted = Statistics().fit([(x, rate, bounds)])
    row = {k: v[0] for k, v in named(fitted, x, rate, bounds, ["x"]).items()}
    assert row["x peak frequency"] == pytest.approx(hz, abs=rate / 512)
    assert row["x spectral centroid"] == pytest.approx(hz, abs=0.1)
    assert row["x autocorrelation lag"] == pytest.approx(1 / hz)
    assert row["x autocorrelation peak"] == pytest.approx(1 - 25 / 200, abs=0.02)
    assert row["x spectral entropy"] < 0.4
    bands = {k: v for k, v in row.items() if "log power" in k}
    assert max(bands, key=bands.get) == "x log power 1.562-3.125 Hz"
    assert np.exp(bands["x log power 1.562-3.125 Hz"]) == pytest.approx(0.5, rel=0.05)


def test_noise_has_a_flat_spectrum_at_any_length():
    x = np.random.default_rng(0).normal(size=(20_000, 1)).astype(np.float32)
    for length in (100, 128, 200, 1000):
        bounds = tiles(20_000, length)
        fitted = Statistics().fit([(x, 1.0, bounds)])
        assert 0.85 < named(fitted, x, 1.0, bounds, ["x"])["x spectral entropy"].mean() <= 1


def test_a_unit_shifts_log_powers_and_leaves_shapes():
    x, bounds = signal(400, 1), tiles(400, 80)
    one = Statistics().fit([(x, 50.0, bounds)])
    two = Statistics().fit([(x * 1024, 50.0, bounds)])
    a, b = one.transform(x, 50.0, bounds), two.transform(x * 1024, 50.0, bounds)
    power = [i for i, n in enumerate(one.feature_names(["x"])) if "log power" in n]
    shape = [
        i
        for i, n in enumerate(one.feature_names(["x"]))
        if any(w in n for w in ("spectral", "frequency", "autocorrelation"))
    ]
    np.testing.assert_allclose(b[:, power] - a[:, power], 2 * np.log(1024), rtol=1e-4)
    np.testing.assert_allclose(b[:, shape], a[:, shape], rtol=1e-5)


def test_magnitudes_do_not_change_when_the_sensor_turns():
    x, bounds = signal(400, 3), tiles(400, 80)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    names = ["acc_x", "acc_y", "acc_z"]
    fitted = Statistics().fit([(x, 50.0, bounds)], names)
    assert fitted.groups_.tolist() == [[0, 1, 2]]
    before = named(fitted, x, 50.0, bounds, names)
    after = named(fitted, (x @ turn).astype(np.float32), 50.0, bounds, names)
    for name in before:
        if name.startswith("acc magnitude") and "frequency" not in name and "lag" not in name:
            np.testing.assert_allclose(after[name], before[name], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(
        before["acc magnitude mean"][0], np.linalg.norm(x[:80], axis=1).mean(), rtol=1e-5
    )


def test_columns_do_not_depend_on_the_other_segments():
    x = signal(2000, 2)
    mixed = np.concatenate([tiles(2000, 50), tiles(2000, 130), tiles(2000, 7)])
    fitted = Statistics().fit([(x, 50.0, mixed)])
    rows = fitted.transform(x, 50.0, mixed)
    for i in range(0, len(mixed), 17):
        alone = fitted.transform(x, 50.0, mixed[i : i + 1])[0]
        np.testing.assert_allclose(rows[i], alone, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("bands", [(1.0,), (3.0, 1.0), (-1.0, 2.0), (1.0, 30.0)])
def test_bands_that_do_not_fit_are_refused(bands):
    with pytest.raises(TsalignError, match="at most half the rate, 25 Hz"):
        Statistics(bands=bands).fit([(signal(100), 50.0, tiles(100, 20))])


def test_a_group_of_channels_that_are_not_there_is_refused():
    with pytest.raises(TsalignError, match="beyond the 3 given"):
        Statistics(groups=((0, 1, 3),)).fit([(signal(100), 50.0, tiles(100, 20))])


# -- minirocket -----------------------------------------------------------------------------


@given(st.integers(1, 40), st.integers(1, 4), st.integers(0, 10_000))
@relaxed
def test_minirocket_agrees_with_its_naive_twin(n, channels, seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(-8, 9, size=(channels, n)).astype(np.float32)
    dilations = np.array([1, 3])
    masks = rng.random((168, channels)) < 0.6
    masks[:, 0] |= ~masks.any(axis=1)
    ends = np.concatenate([[0], np.cumsum(rng.integers(0, 3, size=168))])
    biases = rng.integers(-6, 7, size=ends[-1]).astype(np.float32)
    mine = proportions(x, np.array([[0, n]]), TRIPLES, dilations, masks, ends, biases)
    twin = naive.minirocket(x.astype(float), dilations, masks, ends, biases)
    np.testing.assert_allclose(mine[0], twin, atol=1e-6)


def test_minirocket_features_are_proportions_around_their_quantiles():
    x, bounds = signal(5000), tiles(5000, 100)
    fitted = MiniRocket(kernels=1000).fit([(x, 50.0, bounds)])
    rows = fitted.transform(x, 50.0, bounds)
    assert rows.shape == (50, 924)
    assert 0 <= rows.min() <= rows.max() <= 1
    assert 0.35 < rows.mean() < 0.65
    assert (rows.std(axis=0) > 0).mean() > 0.95


def test_minirocket_does_not_care_about_units_nor_level():
    x, bounds = signal(1000), tiles(1000, 100)
    other = (x * np.array([1024, 1, 0.25]) + np.array([0, 16, 0])).astype(np.float32)
    a, b = (MiniRocket(kernels=252).fit([(y, 50.0, bounds)]) for y in (x, other))
    assert np.abs(a.transform(x, 50.0, bounds) - b.transform(other, 50.0, bounds)).mean() < 1e-3


@given(st.integers(1, 200), st.floats(1, 5000))
@relaxed
def test_dilations_share_out_all_features_and_fit_the_window(per_kernel, length):
    dilations, counts = spread(per_kernel, length)
    assert counts.sum() == per_kernel
    assert counts.min() >= 1
    assert dilations[0] == 1
    assert (np.diff(dilations) > 0).all()
    assert 8 * dilations[-1] <= max(8, length - 1 + 1e-6)


def test_components_are_those_of_sklearn():
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    x, bounds = signal(8000), tiles(8000, 80, 40)
    full = MiniRocket(kernels=252).fit([(x, 50.0, bounds)]).transform(x, 50.0, bounds)
    few = MiniRocket(kernels=252, components=6).fit([(x, 50.0, bounds)]).transform(x, 50.0, bounds)
    peer = PCA(6, svd_solver="full").fit_transform(StandardScaler().fit_transform(full))
    np.testing.assert_allclose(np.abs(few), np.abs(peer), atol=0.02)


def test_seeds_choose_and_too_many_components_are_refused():
    pieces = [(signal(600), 50.0, tiles(600, 50))]
    a, b = (MiniRocket(kernels=84, random_state=s).fit_transform(pieces)[0] for s in (0, 1))
    assert not np.array_equal(a, b)
    with pytest.raises(TsalignError, match="100 components of only 84 features"):
        MiniRocket(kernels=84, components=100).fit(pieces)


# -- mel ------------------------------------------------------------------------------------


@given(st.integers(1, 60), st.integers(0, 1000))
@relaxed
def test_mel_and_cepstra_agree_with_their_naive_twins(n, seed):
    x, bounds = signal(n, 1, seed), np.array([[0, n]])
    mel = LogMel(bins=8, n_fft=64).fit([(x, 100.0, bounds)])
    twin = naive.log_mel(x[:, 0].astype(float), 100.0, 64, 8, mel.floor_[0])
    np.testing.assert_allclose(mel.transform(x, 100.0, bounds)[0], twin, rtol=1e-4, atol=1e-3)
    mfcc = Mfcc(coefficients=5, bins=8, n_fft=64, deltas=False).fit([(x, 100.0, bounds)])
    mine = mfcc.transform(x, 100.0, bounds)[0]
    np.testing.assert_allclose(mine, naive.dct(twin, 5), rtol=1e-3, atol=1e-2)


@given(st.floats(60, 7500))
@relaxed
def test_a_pure_tone_peaks_in_its_mel_band(hz):
    rate = 16_000.0
    x = np.sin(2 * np.pi * hz * np.arange(1600) / rate)[:, None].astype(np.float32)
    bounds = tiles(1600, 400, 320)
    mel = LogMel(bins=26).fit([(x, rate, bounds)])
    for loudest in mel.transform(x, rate, bounds).argmax(axis=1):
        assert mel.edges_[loudest] < hz < mel.edges_[loudest + 2]


def test_the_mel_scale_is_htk():
    assert float(hz_to_mel(1000.0)) == pytest.approx(1000.0, abs=0.1)
    assert float(hz_to_mel(0.0)) == 0
    f = np.array([0.0, 50.0, 440.0, 8000.0])
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(f)), f, atol=1e-9)


def test_loudness_moves_coefficient_zero_alone():
    x, bounds = signal(1600, 1), tiles(1600, 400, 320)
    mfcc = Mfcc(deltas=False).fit([(x, 16_000.0, bounds)])
    before = mfcc.transform(x, 16_000.0, bounds)
    after = mfcc.transform(x * 2, 16_000.0, bounds)
    np.testing.assert_allclose(after[:, 1:], before[:, 1:], atol=1e-4)
    np.testing.assert_allclose(after[:, 0] - before[:, 0], np.sqrt(40) * np.log(4), rtol=1e-4)


def test_slopes_do_not_look_across_a_hole():
    x = signal(2000, 1)
    bounds = tiles(2000, 40, 20)
    mfcc = Mfcc(coefficients=3, bins=8).fit([(x, 100.0, bounds)])
    whole = mfcc.transform(x, 100.0, np.concatenate([bounds[:10], bounds[30:40]]))
    parts = [mfcc.transform(x, 100.0, b) for b in (bounds[:10], bounds[30:40])]
    assert np.array_equal(whole, np.concatenate(parts))
    assert not np.array_equal(whole[:10], mfcc.transform(x, 100.0, bounds)[:10])


def test_mel_settings_that_do_not_fit_are_refused():
    pieces = [(signal(1000, 1), 1000.0, tiles(1000, 25))]
    with pytest.raises(TsalignError, match="half the rate, 500 Hz"):
        LogMel(high=600.0).fit(pieces)
    with pytest.raises(TsalignError, match="has no spectral bin at n_fft=32"):
        LogMel(n_fft=32).fit(pieces)
    with pytest.raises(TsalignError, match="13 coefficients of only 8"):
        Mfcc(bins=8).fit(pieces)


# -- real data ------------------------------------------------------------------------------


def test_hapt_walking_is_told_from_standing_and_lying():
    values, names = hapt()
    rate = 50.0
    spans = np.genfromtxt(HAPT / "s01_0.spans.csv", delimiter=",", dtype=str, skip_header=1)
    fitted = Statistics().fit([(values, rate, tiles(len(values), 128))], names)
    means = {}
    for start, end, label in spans[:, :3]:
        a, b = round(float(start) * rate), round(float(end) * rate)
        if b - a >= 128 and b <= len(values):
            rows = named(fitted, values, rate, tiles(b - a, 128) + a, names)
            means.setdefault(label.upper(), []).append(
                (rows["acc magnitude std"].mean(), rows["acc_x mean"].mean())
            )
    means = {k: np.mean(v, axis=0) for k, v in means.items()}
    walk, stand, lie = (
        next(v for k, v in means.items() if k.startswith(word) and "TO" not in k)
        for word in ("WALKING", "STAND", "L")
    )
    assert walk[0] > 5 * stand[0]
    assert stand[1] > 0.8
    assert lie[1] < 0.6


@pytest.mark.parametrize("describer", ALL, ids=repr)
def test_hapt_rows_are_finite_and_vary(describer):
    values, _ = hapt()
    bounds = tiles(len(values), 32, 16)
    fitted = clone(describer).fit([(values, 50.0, bounds)])
    rows = fitted.transform(values, 50.0, bounds)
    assert np.isfinite(rows).all()
    assert (rows.std(axis=0) > 0).mean() > 0.9


def test_hapt_components_keep_most_of_what_differs():
    values, _ = hapt()
    bounds = tiles(len(values), 128, 32)
    pieces = [(values, 50.0, bounds)]
    full = MiniRocket(kernels=500).fit_transform(pieces)[0]
    few = MiniRocket(kernels=500, components=64).fit_transform(pieces)[0]
    spread = full.std(axis=0)
    assert few.var(axis=0).sum() > 0.6 * (spread > 0).sum()
