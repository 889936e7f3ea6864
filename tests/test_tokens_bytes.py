"""Kernels that rule centres out: by bytes, by bounds, at any width; their margins are proved."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction

import naive_tokens as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from tsalign.kernels import bytes as products
from tsalign.kernels import kmeans as kernels
from tsalign.kernels import labels as choice
from tsalign.kernels import lanes, rough, simd
from tsalign.tokens import KMeans, bounds, lloyd, seeding, sketch

pytestmark = pytest.mark.compiled
quick = settings(max_examples=40, deadline=None)
UNIT = Fraction(1, 2**24)
scales = st.sampled_from([1e-25, 1e-18, 1e-9, 1.0, 1e4, 1e12, 1e17, 1e25, 1e37])


def table(n, d, k, seed, scale=1.0, offset=0.0):
    """Return rows near some of k centres, ties among them, and the centres."""
    rng = np.random.default_rng(seed)
    centers = (rng.normal(size=(k, d)) * 3.0 + offset) * scale
    rows = centers[rng.integers(k, size=n)] + rng.normal(size=(n, d)) * scale
    middle = (centers[rng.integers(k, size=n)] + centers[rng.integers(k, size=n)]) / 2
    rows[::3] = middle[::3]
    return rows.astype(np.float32), centers.astype(np.float32)


def plain(X, centers):
    labels = np.empty(len(X), dtype=np.int32)
    kernels.nearest(X, np.ascontiguousarray(centers.T, dtype=np.float64), labels)
    return labels


@given(st.integers(1, 99), st.integers(1, 45), st.integers(1, 80), st.integers(0, 99), scales)
@quick
def test_bytes_give_the_labels_of_the_plain_kernel(n, d, k, seed, scale):
    X, centers = table(n, d, k, seed, scale, offset=seed % 3)
    centers[k // 2] = centers[0]  # equal centres go to the first
    labels = np.full(n, -1, dtype=np.int32)
    if products.SUPPORTED:
        rough.nearest(X, rough.pack(centers), labels)
        np.testing.assert_array_equal(labels, plain(X, centers))
    lanes.nearest(X, lanes.pack(centers), labels)
    np.testing.assert_array_equal(labels, plain(X, centers))


def test_bytes_leave_few_centres_and_crowds_go_to_float32(monkeypatch):
    monkeypatch.setattr(lanes, "SMALL", 0)
    X, centers = table(3000, 40, 100, seed=0)
    centers[50:] = centers[:50] + np.float32(1e-4)
    found = np.empty(len(X), dtype=np.int32)
    for middle in (centers[:50], centers, centers * np.float32(1e-3) + np.float32(50.0)):
        nearest = choice.labeller(middle, len(X))
        for _ in range(2):  # the second time in the light of the first
            nearest(X, found)
            np.testing.assert_array_equal(found, plain(X, middle))
    if products.SUPPORTED:
        assert rough.nearest(X, rough.pack(centers[:50]), found) < 2 * len(X)


@pytest.fixture
def bytewise(monkeypatch):
    """Make fits use bytes wherever there are products of bytes."""
    monkeypatch.setattr(lanes, "SMALL", 0)
    for module in (choice, bounds):
        monkeypatch.setattr(module, "pays", lambda _: products.SUPPORTED)


@pytest.mark.parametrize(("n", "d", "k"), [(3000, 19, 200), (2000, 130, 90), (2500, 3, 37)])
@pytest.mark.parametrize("first", [2, 2**31])
def test_bytes_change_no_bit_of_a_fit(bytewise, monkeypatch, n, d, k, first):
    X, _ = table(n, d, k, seed=1)
    make = KMeans(k, init="random", n_init=1, random_state=0, max_iter=12, tol=0.0)
    monkeypatch.setattr(lloyd, "first_bounded", lambda *_: first)
    fast = clone(make).fit(X)
    monkeypatch.setattr(lanes, "SMALL", 2**62)
    monkeypatch.setattr(lloyd, "first_bounded", lambda *_: 2**31)
    slow = clone(make).fit(X)
    for name in ("cluster_centers_", "labels_", "counts_", "inertia_", "n_iter_", "relocated_"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(slow, name))


@given(st.integers(0, 2**31), scales)
@quick
def test_bounds_from_bytes_hold(seed, scale):
    rng = np.random.default_rng(seed)
    n, d, k = rng.integers(1, 150), rng.integers(1, 40), rng.integers(1, 80)
    X, centers = table(n, d, k, seed, scale)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounds, "pays", lambda _: products.SUPPORTED)
        held, labels = bounds.Bounds(n, centers), np.full(n, -1, dtype=np.int32)
    for step in (0.0, 0.3, 0.01):
        centers = (centers + rng.normal(size=(k, d)) * step * scale).astype(np.float32)
        held.nearest(X, slice(0, n), held.follow(centers), labels)
        true = np.sqrt(naive.squared(X, centers))
        np.testing.assert_array_equal(labels, true.argmin(axis=1))
        assert (held.upper + held.moved[labels].astype(np.float64) >= true.min(axis=1)).all()
        true[range(n), labels] = np.inf
        lower = held.lower.reshape(len(held.drift), n).astype(np.float64)
        for t, line in enumerate(lower):
            assert (line - held.drift[t] <= true[:, held.group == t].min(axis=1)).all()


@pytest.mark.parametrize("memory", [10**9, 40_000])
def test_a_sketch_changes_no_start(monkeypatch, memory):
    """Half of the dimensions are as good as all."""
    monkeypatch.setattr(lanes, "SMALL", 0)
    monkeypatch.setattr(sketch, "MEMORY", memory)
    X, _ = table(2000, 32, 40, seed=2)
    assert sketch.Sketch.pays(X.shape) == products.SUPPORTED
    weights = np.random.default_rng(0).exponential(size=len(X))
    for mass in (np.empty(0), weights):
        starts = []
        for small in (0, 2**62):
            monkeypatch.setattr(lanes, "SMALL", small)
            rng = np.random.RandomState(5)
            starts.append(seeding.plus_plus(X, 60, rng, 2, mass))
        np.testing.assert_array_equal(*starts)


# ---- margins -------------------------------------------------------------------------------------


def whole(array):
    return [[Fraction(float(value)) for value in row] for row in np.atleast_2d(array)]


@given(st.integers(1, 24), st.integers(0, 999), st.sampled_from([0.0, 30.0, 1e4]))
@settings(max_examples=25, deadline=None)
def test_values_are_as_near_as_was_proved(d, seed, offset):
    """The margin used is above the one proved, and the one proved above what rounding does."""
    X, centers = table(4, d, 6, seed, offset=offset)
    packed = lanes.pack(centers)
    panel = np.empty((len(packed.origin), simd.ROWS), dtype=np.float32)
    wanted = np.minimum(np.arange(simd.ROWS), len(X) - 1)
    lanes.fill(X, wanted, packed.origin, panel)
    origin = whole(packed.origin[:d])[0]
    unit = lanes.rounding(d)
    first_order = (d + 8) * UNIT
    assert Fraction(float(unit)) >= first_order
    for row, x in enumerate(whole(X)):
        x = [a - o for a, o in zip(x, origin, strict=True)]
        square = sum(a * a for a in x)
        values = []
        for number, c in enumerate(whole(centers)):
            c = [a - o for a, o in zip(c, origin, strict=True)]
            half = sum(a * a for a in c) / 2
            exact = half - sum(a * b for a, b in zip(x, c, strict=True))
            block = packed.negated[number // simd.CENTERS, :, number % simd.CENTERS]
            swept = packed.halves[number // simd.CENTERS, number % simd.CENTERS]
            for q in range(d):  # as the sweep does, with two roundings for its one
                swept = np.float32(swept + np.float32(block[q] * panel[q, row]))
            norms = float(square) ** 0.5 * float(2 * half) ** 0.5
            proved = 2 * (d + 4) * UNIT * (half + Fraction(norms)) + Fraction(1, 10**36)
            assert abs(Fraction(float(swept)) - exact) <= proved
            values.append((exact, half))
        best, second = sorted(values)[:2]
        reach = square + 2 * second[0]
        proved = (d + 4) * UNIT * (5 * square + 3 * reach)
        used = lanes.margin(np.float32(second[0]), np.float32(square), unit)
        assert proved <= Fraction(float(used)) <= 20 * proved + Fraction(1, 10**30)
        assert lanes.doubtful(np.float32(best[0]), np.float32(best[0]), np.float32(square), unit)


@given(st.integers(1, 40), st.integers(1, 30), st.integers(0, 999), st.sampled_from([0.0, 30.0]))
@settings(max_examples=25, deadline=None)
def test_rounded_points_lie_within_the_error_told(d, k, seed, offset):
    """Distances to the rounded centres are within `error` of the true ones, and no farther off."""
    _, centers = table(1, d, k, seed, offset=offset)
    packed = rough.pack(centers)
    blocks, fours, width = packed.bytes.shape
    signed = packed.bytes.view(np.int8).reshape(blocks, fours, width, 4)
    signed = signed.transpose(0, 2, 1, 3).reshape(blocks * width, -1)[:k, :d]
    exact = centers.astype(np.float64) - packed.origin[:d]
    rounded = signed * np.float64(packed.scale)
    gaps = np.sqrt(np.square(exact - rounded).sum(axis=1))
    assert gaps.max() <= packed.error <= gaps.max() * (1 + 1e-6) + 1e-40
    assert np.sqrt(np.square(rounded).sum(axis=1)).max() <= packed.norm
    assert packed.error <= 0.51 * packed.scale * d**0.5 + 1e-40  # half a step each
    unpadded = packed.starts.reshape(-1)[:k]
    np.testing.assert_array_equal(unpadded, -128 * signed.sum(axis=1, dtype=np.int64))


# ---- any processor -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("features", "machine", "layout"),
    [
        ({"avx512f": True, "avx2": True, "fma": True}, "x86_64", (16, 10)),
        ({"avx2": True, "fma": True}, "AMD64", (8, 5)),
        ({"avx2": True}, "x86_64", (0, 5)),
        ({}, "arm64", (4, 10)),
        ({}, "riscv64", (0, 5)),
    ],
)
def test_the_width_is_that_of_the_processor(features, machine, layout):
    assert simd.layout(features, machine) == layout


@pytest.mark.parametrize(
    ("features", "machine", "width"),
    [("{'avx2': 1, 'fma': 1}", "x86_64", 8), ("{}", "aarch64", 4), ("{}", "riscv64", 0)],
)
def test_any_width_gives_the_same_labels(tmp_path, features, machine, width):
    code = f"""
import platform
import llvmlite.binding
import numpy as np
true = platform.machine, llvmlite.binding.get_host_cpu_features
class Features(dict):
    flatten = true[1]().flatten
platform.machine = lambda: {machine!r}
llvmlite.binding.get_host_cpu_features = lambda: Features({features})
from tsalign.kernels import bytes, labels, lanes, simd
platform.machine, llvmlite.binding.get_host_cpu_features = true
assert (simd.WIDTH if simd.AVAILABLE else 0, bytes.SUPPORTED) == ({width}, False)
lanes.SMALL = 0
X = np.random.default_rng(0).normal(size=(203, 21)).astype("f4")
found = np.empty(203, dtype="i4")
labels.labeller(X[:70], 203)(X, found)
gaps = np.square(X[:, None].astype("f8") - X[:70]).sum(axis=2)
assert (found == gaps.argmin(axis=1)).all()
"""
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
