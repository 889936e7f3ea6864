"""K-means: exact, the same as scikit-learn from the same start, the same bits for any threads."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys

import naive_tokens as naive
import numba
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import cluster
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from tsalign.errors import TsalignError
from tsalign.kernels import kmeans as kernels
from tsalign.kernels import lanes, simd
from tsalign.registry import find
from tsalign.tokens import (
    KMeans,
    MiniBatchKMeans,
    ResidualKMeans,
    bounds,
    check_rate,
    chunks,
    deduplicate,
    lloyd,
    runs,
    seeding,
    token_rate,
)
from tsalign.tokens.bounds import Bounds, first_bounded, gather
from tsalign.tokens.shards import Shards
from tsalign.types import Segments, Tokens

needs_vectors = pytest.mark.parametrize(
    "small",
    [pytest.param(0, id="lanes", marks=pytest.mark.compiled), pytest.param(2**62, id="plain")],
)
tables = arrays(
    np.float32,
    st.tuples(st.integers(1, 60), st.integers(1, 20)),
    elements=st.floats(-100, 100, width=32),
)
quick = settings(max_examples=40, deadline=None)


def blobs(n=3000, d=12, k=30, seed=0, offset=0.0):
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(k, d), scale=3.0)
    return (centers[rng.integers(k, size=n)] + rng.normal(size=(n, d)) + offset).astype(np.float32)


def same(a, b):
    for name in ("cluster_centers_", "labels_", "counts_", "inertia_", "n_iter_"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


# ---- properties ----------------------------------------------------------------------------------


@pytest.mark.compiled
@given(tables, st.integers(1, 40), st.integers(0, 9))
@quick
def test_both_kernels_give_the_nearest_centre(X, k, seed):
    rng = np.random.default_rng(seed)
    centers = X[rng.integers(len(X), size=k)] + rng.integers(2, size=(k, 1)).astype(np.float32)
    fast, plain = np.empty((2, len(X)), dtype=np.int32)
    kernels.nearest(X, np.ascontiguousarray(centers.T, dtype=np.float64), plain)
    lanes.nearest(X, lanes.pack(centers), fast)
    np.testing.assert_array_equal(fast, plain)
    gaps = ((X[:, None].astype(np.float64) - centers[None]) ** 2).sum(axis=2)
    np.testing.assert_allclose(gaps[range(len(X)), fast], gaps.min(axis=1), rtol=1e-12)


@given(tables, st.integers(1, 8), st.randoms(use_true_random=False))
@quick
def test_permuting_rows_permutes_labels(X, k, random):
    order = random.sample(range(len(X)), len(X))
    start = X[: min(k, len(X))]
    one = KMeans(len(start), init=start, max_iter=1).fit(X)
    np.testing.assert_array_equal(one.predict(X[order]), one.predict(X)[order])


@given(tables, st.integers(1, 8), st.integers(0, 5))
@quick
def test_equal_rows_share_labels_and_labels_belong_to_the_centres(X, k, seed):
    rows = np.concatenate([X, X])
    found = KMeans(min(k, len(rows)), random_state=seed, max_iter=3).fit(rows)
    np.testing.assert_array_equal(found.labels_[: len(X)], found.labels_[len(X) :])
    np.testing.assert_array_equal(found.labels_, found.predict(rows))
    assert (
        found.counts_.tolist() == np.bincount(found.labels_, minlength=len(found.counts_)).tolist()
    )
    expected = naive.inertia(rows, found.cluster_centers_, found.labels_)
    assert found.inertia_ == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(tables, st.integers(1, 8), st.integers(0, 5))
@quick
def test_inertia_never_rises(X, k, seed):
    k = min(k, len(X))
    values = [
        KMeans(k, random_state=seed, max_iter=i, tol=0.0).fit(X).inertia_ for i in range(1, 6)
    ]
    scale = float(np.square(X, dtype=np.float64).sum())  # centres are rounded to float32
    assert all(b <= a + 1e-6 * scale for a, b in itertools.pairwise(values))


@given(tables, st.sampled_from(["random", "k-means++"]))
@quick
def test_as_many_centres_as_rows_leave_nothing(X, init):
    assert KMeans(len(X), init=init, n_init=1, random_state=0).fit(X).inertia_ == 0.0


# ---- peers ---------------------------------------------------------------------------------------


@needs_vectors
@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_agrees_with_scikit_learn_from_the_same_start(monkeypatch, small, offset):
    monkeypatch.setattr(lanes, "SMALL", small)
    X = blobs(offset=offset)
    start = X[:30].copy()
    ours = KMeans(30, init=start, max_iter=10, tol=0.0).fit(X)
    theirs = cluster.KMeans(30, init=start, n_init=1, max_iter=10, tol=0.0).fit(X)
    assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=1e-4)
    assert ours.n_iter_ == theirs.n_iter_
    assert np.mean(ours.labels_ == theirs.labels_) > 0.999
    np.testing.assert_array_equal(ours.labels_, naive.nearest(X, ours.cluster_centers_))
    np.testing.assert_allclose(ours.transform(X), theirs.transform(X), rtol=1e-2, atol=1e-2)


@needs_vectors
def test_follows_the_naive_path_to_the_last_label(monkeypatch, small):
    monkeypatch.setattr(lanes, "SMALL", small)
    X = blobs(n=1500, d=7, k=9)
    centers, labels = naive.lloyd(X, X[:20], n_iter=6)
    found = KMeans(20, init=X[:20], max_iter=6, tol=0.0).fit(X)
    np.testing.assert_allclose(found.cluster_centers_, centers, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(found.labels_, labels)


def test_stops_where_scikit_learn_stops():
    X = blobs(n=2000)
    start = X[:8].copy()
    for tol in (1e-4, 1e-2, 1.0):
        ours = KMeans(init=start, tol=tol).fit(X)
        assert ours.n_iter_ == cluster.KMeans(init=start, n_init=1, tol=tol).fit(X).n_iter_


def test_random_start_is_scikit_learns():
    X = blobs(n=500)
    ours = KMeans(5, init="random", random_state=3).fit(X)
    theirs = cluster.KMeans(5, init="random", random_state=3).fit(X)
    np.testing.assert_array_equal(ours.labels_, theirs.labels_)


@pytest.mark.compiled
def test_careful_start_is_as_good_as_scikit_learns():
    X = blobs(n=3000, k=40)
    ours = [KMeans(40, random_state=s, max_iter=1).fit(X).inertia_ for s in range(8)]
    theirs = [
        cluster.KMeans(40, random_state=s, n_init=1, max_iter=1).fit(X).inertia_ for s in range(8)
    ]
    assert np.median(ours) == pytest.approx(np.median(theirs), rel=0.1)


@given(
    tables, st.integers(1, 40), st.integers(0, 9), st.sampled_from([1e-24, 1.0, 1e4, 1e18, 1e30])
)
@quick
def test_careful_start_is_the_same_with_vectors(X, k, seed, scale):
    X = (X * scale).astype(np.float32)
    X = np.concatenate([X, X + np.float32(scale)])
    with pytest.MonkeyPatch.context() as patch:
        starts = []
        for small in (0, 2**62):
            patch.setattr(lanes, "SMALL", small)
            rng = np.random.RandomState(seed)
            starts.append(seeding.plus_plus(X, min(k, len(X)), rng, 1))
    np.testing.assert_array_equal(*starts)


@pytest.mark.compiled
def test_gains_are_exact():
    X, rng = blobs(n=300), np.random.RandomState(0)
    near, chosen = seeding.Nearby(X, 4, vectors=True, threads=1), X[:1]
    near.approach(chosen, 0)
    for _ in range(5):
        candidates = X[near.draw(rng.uniform(size=4))]
        before = naive.squared(X, chosen).min(axis=1)
        np.testing.assert_allclose(near.closest, before, rtol=1e-12)
        gaps = naive.squared(X, candidates)
        lost = np.maximum(before[:, None] - gaps, 0).sum(axis=0)
        found = near.gains(candidates)
        np.testing.assert_allclose(found, lost, rtol=1e-9)
        near.approach(candidates, int(found.argmax()))
        chosen = np.concatenate([chosen, candidates[[found.argmax()]]])


def test_an_empty_cluster_takes_the_farthest_row_as_in_scikit_learn():
    X = blobs(n=400, d=3, k=4)
    start = np.concatenate([X[:6], np.full((3, 3), 1e4, dtype=np.float32)])
    ours = KMeans(9, init=start, max_iter=10, tol=0.0).fit(X)
    theirs = cluster.KMeans(9, init=start, n_init=1, max_iter=10, tol=0.0).fit(X)
    assert set(ours.labels_) == set(range(9))
    np.testing.assert_array_equal(ours.labels_, theirs.labels_)


# ---- same bits -----------------------------------------------------------------------------------


@pytest.mark.compiled
@needs_vectors
@pytest.mark.parametrize("init", ["random", "k-means++"])
@pytest.mark.parametrize("bounded", [1, 2**31])
def test_threads_do_not_change_a_bit(monkeypatch, small, init, bounded):
    monkeypatch.setattr(lanes, "SMALL", small)
    if small == 0:
        monkeypatch.setattr(lloyd, "first_bounded", lambda *_: bounded)
    monkeypatch.setattr(chunks, "BLOCK", 64)
    X = blobs(n=5000, offset=7.0)
    make = KMeans(12, init=init, n_init=2, max_iter=7, random_state=1)
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    one = clone(make).fit(X)
    numba.set_num_threads(before)
    for n_jobs in (1, 2, 5):
        many = clone(make).set_params(n_jobs=n_jobs).fit(X)
        same(one, many)
        np.testing.assert_array_equal(one.transform(X), many.transform(X))
    assert numba.get_num_threads() == before


@pytest.mark.compiled
def test_both_kernels_give_the_same_bits_of_a_whole_fit(monkeypatch):
    X = blobs(n=5000, d=19)
    make = KMeans(50, random_state=0, max_iter=20)
    monkeypatch.setattr(lanes, "SMALL", 0)
    fast = clone(make).fit(X)
    monkeypatch.setattr(lanes, "SMALL", 2**62)
    same(fast, clone(make).fit(X))


def test_uncompiled_gives_the_same_labels():
    code = (
        "import numpy as np; from tsalign.tokens import KMeans;"
        "X = np.random.default_rng(0).normal(size=(60, 3)).astype('f4');"
        "print(KMeans(4, init=X[:4], max_iter=5).fit(X).labels_.tolist())"
    )
    out = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "NUMBA_DISABLE_JIT": flag},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for flag in ("0", "1")
    ]
    assert out[0] == out[1]


# ---- weights and shards --------------------------------------------------------------------------


@given(tables, st.integers(1, 8), st.integers(0, 5), st.sampled_from(["random", "k-means++"]))
@quick
def test_equal_weights_change_nothing(X, k, seed, init):
    make = KMeans(min(k, len(X)), init=init, n_init=1, random_state=seed, max_iter=5)
    plain = clone(make).fit(X)
    ones = clone(make).fit(X, sample_weight=np.ones(len(X)))
    np.testing.assert_allclose(ones.cluster_centers_, plain.cluster_centers_, rtol=1e-5, atol=1e-5)
    assert ones.inertia_ == pytest.approx(plain.inertia_, rel=1e-6, abs=1e-6)


def test_a_weight_is_a_number_of_copies():
    X, times = blobs(n=400), np.random.default_rng(0).integers(0, 4, size=400)
    start = X[times > 0][:9]
    many = KMeans(9, init=start, tol=0.0, max_iter=9).fit(np.repeat(X, times, axis=0))
    few = KMeans(9, init=start, tol=0.0, max_iter=9).fit(X, sample_weight=times)
    np.testing.assert_allclose(few.cluster_centers_, many.cluster_centers_, rtol=1e-6)
    np.testing.assert_array_equal(
        few.labels_[times > 0], many.labels_[np.cumsum(times)[times > 0] - 1]
    )
    assert few.inertia_ == pytest.approx(many.inertia_)
    assert few.counts_.sum() == times.sum()
    batch = KMeans(9, init=start).partial_fit(X, sample_weight=times)
    other = KMeans(9, init=start).partial_fit(np.repeat(X, times, axis=0))
    np.testing.assert_allclose(batch.cluster_centers_, other.cluster_centers_, rtol=1e-6)


def test_weights_mean_what_they_mean_in_scikit_learn():
    X = blobs(n=600)
    weights = np.random.default_rng(1).exponential(size=600)
    weights[::7] = 0.0
    start = np.concatenate([X[:8], np.full((2, 12), 1e3, dtype=np.float32)])
    ours = KMeans(10, init=start, tol=0.0, max_iter=8).fit(X, sample_weight=weights)
    theirs = cluster.KMeans(10, init=start, n_init=1, tol=0.0, max_iter=8)
    theirs.fit(X, sample_weight=weights)
    np.testing.assert_array_equal(ours.labels_, theirs.labels_)
    assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=1e-5)
    chosen = KMeans(40, random_state=0, max_iter=1).fit(X, sample_weight=weights)
    assert (chosen.counts_ >= 0).all()


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (np.ones(3), r"shape \(3,\); X has 30 rows"),
        (np.full(30, -1.0), "row 0: sample_weight is -1.0"),
        (np.full(30, np.nan), "row 0: sample_weight is nan"),
        (np.zeros(30), "zero for every row"),
    ],
)
def test_wrong_weights_are_named(weights, words):
    with pytest.raises(TsalignError, match=words):
        KMeans(2).fit(blobs(n=30), sample_weight=weights)


@pytest.fixture
def parts(tmp_path):
    """Return one table, and the same rows in an array, a map, a file and a Parquet file."""
    X = blobs(n=9000, d=6)
    a, b, c, d = np.split(X, [10, 4500, 8000])
    np.save(tmp_path / "b.npy", b)
    np.save(tmp_path / "c.npy", np.asfortranarray(c.astype(np.float64)))
    columns = {f"x{i}": d[:, i] for i in range(6)}
    pq.write_table(pa.table(columns), tmp_path / "d.parquet", row_group_size=300)
    mapped = np.load(tmp_path / "b.npy", mmap_mode="r")
    return X, [a, mapped, tmp_path / "c.npy", str(tmp_path / "d.parquet")]


@pytest.mark.parametrize("init", ["random", "k-means++"])
@needs_vectors
def test_shards_give_the_bits_of_one_table(monkeypatch, parts, init, small):
    monkeypatch.setattr(lanes, "SMALL", small)
    X, shards = parts
    make = KMeans(20, init=init, n_init=1, random_state=0, max_iter=9)
    one, many = clone(make).fit(X), clone(make).fit(shards)
    same(one, many)
    np.testing.assert_array_equal(one.predict(shards), one.predict(X))
    np.testing.assert_array_equal(one.transform(shards), one.transform(X))
    same(one.partial_fit(X), many.partial_fit(shards))


def test_shards_are_read_once_an_iteration(monkeypatch, parts):
    X, shards = parts
    table, read = Shards(shards), []
    monkeypatch.setattr(
        Shards, "__getitem__", lambda self, key: (read.append(key), X[key])[1], raising=True
    )
    counts = []
    for max_iter in (1, 2, 3):
        read.clear()
        KMeans(5, init=X[:5], tol=0.0, max_iter=max_iter).fit(table)
        counts.append(sum(key.stop - key.start for key in read))
    assert counts[2] - counts[1] == counts[1] - counts[0] == len(X)


def test_a_memory_map_is_used_without_a_copy(tmp_path):
    np.save(tmp_path / "x.npy", blobs(n=100))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert np.shares_memory(chunks.as_rows(mapped), mapped)


def test_damaged_shards_are_named(tmp_path, parts):
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    (tmp_path / "broken.npy").write_bytes(b"nothing")
    np.save(tmp_path / "flat.npy", np.zeros(5))
    pq.write_table(pa.table({"a": ["x"]}), tmp_path / "words.parquet")
    bad = np.zeros((4, 6))
    bad[2, 3] = np.nan
    for shards, words in [
        ([tmp_path / "no.npy"], "no.npy: cannot be read as a table"),
        ([tmp_path / "broken.parquet"], "broken.parquet: cannot be read as a table"),
        ([tmp_path / "broken.npy"], "broken.npy: cannot be read as a table"),
        ([tmp_path / "flat.npy"], r"flat.npy: has shape \(5,\)"),
        ([tmp_path / "words.parquet"], "words.parquet: column 'a' holds string"),
        ([np.zeros((3, 6)), np.zeros((3, 5))], "shard 1 has 5 features; the first one has 6"),
        ([np.zeros((3, 6)), bad], "row 5: column 3 of X is nan"),
    ]:
        with pytest.raises(TsalignError, match=words):
            KMeans(2).fit(shards)


# ---- mini-batches --------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"tol": 1e-3}, {"reassignment_ratio": 0.0}])
@pytest.mark.parametrize("k", [5, 60])
def test_mini_batches_follow_scikit_learn(options, k):
    X = blobs(n=4000, k=40)
    common = {"batch_size": 256, "max_iter": 4, "init": X[:k].copy(), "random_state": 3, **options}
    ours = MiniBatchKMeans(k, **common).fit(X)
    theirs = cluster.MiniBatchKMeans(k, n_init=1, **common).fit(X)
    assert ours.n_steps_ == theirs.n_steps_
    assert ours.n_iter_ == theirs.n_iter_
    np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, atol=1e-3)
    np.testing.assert_allclose(ours.counts_, theirs._counts)
    assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=1e-4)
    assert np.mean(ours.labels_ == theirs.labels_) > 0.999


def test_mini_batches_take_weights_shards_and_any_threads(parts):
    X, shards = parts
    weights = np.random.default_rng(0).exponential(size=len(X))
    make = MiniBatchKMeans(7, batch_size=100, max_iter=1, random_state=0)
    one = clone(make).fit(X, sample_weight=weights)
    for n_jobs, rows in ((1, X), (2, X), (5, shards)):
        same(one, clone(make).set_params(n_jobs=n_jobs).fit(rows, sample_weight=weights))
    np.testing.assert_array_equal(one.labels_, one.predict(X))
    exact = KMeans(7, random_state=0).fit(X, sample_weight=weights)
    assert one.inertia_ < 1.5 * exact.inertia_
    with pytest.raises(TsalignError, match="init_size=3 is less than n_clusters=7"):
        clone(make).set_params(init_size=3).fit(X)


# ---- bounds --------------------------------------------------------------------------------------


@pytest.fixture
def bounded(monkeypatch):
    """Make every fit keep bounds from its second iteration on."""
    monkeypatch.setattr(lanes, "SMALL", 0)
    monkeypatch.setattr(lloyd, "first_bounded", lambda *_: 1)


def unbounded(make, X):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lloyd, "first_bounded", lambda *_: 2**31)
        return clone(make).fit(X)


@pytest.mark.compiled
@given(
    tables, st.integers(1, 60), st.integers(0, 9), st.sampled_from([0.0, 50.0, 1e4, 1e19]),
    st.booleans(),
)  # fmt: skip
@settings(quick, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bounds_change_no_bit(bounded, X, k, seed, offset, coarse):
    X = np.concatenate([X, X[: len(X) // 2]]) + np.float32(offset)
    X = np.round(X / 50) * 50 if coarse else X  # many rows as near to one centre as to another
    rng = np.random.default_rng(seed)
    start = X[rng.integers(len(X), size=min(k, len(X)))] + rng.integers(2, size=(1, X.shape[1]))
    make = KMeans(len(start), init=start, max_iter=8, tol=0.0)
    same(clone(make).fit(X), unbounded(make, X))


@pytest.mark.compiled
@pytest.mark.parametrize(("n", "d", "k"), [(6000, 19, 200), (4000, 130, 90), (5000, 3, 37)])
def test_bounds_change_no_bit_of_larger_fits(bounded, n, d, k):
    X = blobs(n=n, d=d, k=k // 2)
    make = KMeans(k, init="random", n_init=1, random_state=0, max_iter=25, tol=0.0)
    same(clone(make).fit(X), unbounded(make, X))


@pytest.mark.compiled
@given(st.integers(0, 2**31), st.sampled_from([1e-25, 1e-18, 1.0, 1e4, 1e17, 1e25, 1e37]))
@quick
def test_bounds_hold(seed, scale):
    rng = np.random.default_rng(seed)
    n, d, k = rng.integers(1, 150), rng.integers(1, 40), rng.integers(1, 80)
    X = (rng.normal(size=(n, d)) * scale).astype(np.float32)
    centers = X[rng.integers(n, size=k)]
    held, labels = Bounds(n, centers), np.zeros(n, dtype=np.int32)
    for step in (1.0, 0.3, 0.0, 0.01, 3.0, 0.001):
        shift = rng.normal(size=(k, d)) * (rng.random((k, 1)) < 0.5)
        centers = (centers + shift * step * scale).astype(np.float32)
        held.nearest(X, slice(0, n), held.follow(centers), labels)
        gaps = X[:, None].astype(np.float64) - centers[None]
        true = np.sqrt(np.square(gaps).sum(axis=2))
        np.testing.assert_array_equal(labels, naive.nearest(X, centers))
        assert (held.upper + held.moved[labels].astype(np.float64) >= true.min(axis=1)).all()
        true[range(n), labels] = np.inf
        lower = held.lower.reshape(len(held.drift), n).astype(np.float64)
        for t, line in enumerate(lower):
            assert (line - held.drift[t] <= true[:, held.group == t].min(axis=1)).all()


@pytest.mark.compiled
def test_bounds_save_most_products():
    X = blobs(n=5000, d=20, k=100)
    centers = X[:200].copy()
    held, labels = Bounds(len(X), centers), np.zeros(len(X), dtype=np.int32)
    pairs = [held.nearest(X, slice(0, len(X)), held.follow(centers), labels) for _ in range(2)]
    assert pairs[0] == len(held.drift) * len(X)
    assert pairs[1] < 10  # only rows as near to one centre as to another


@given(st.integers(1, 300), st.integers(1, 20))
@quick
def test_groups_part_the_centres(k, parts):
    points = np.random.default_rng(k).normal(size=(k, 3)).astype(np.float32)
    found = gather(points, parts)
    assert sorted(np.concatenate(found).tolist()) == list(range(k))
    assert all(len(part) % simd.CENTERS == 0 for part in found[:-1])


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("shape", "max_iter", "bytewise", "first"),
    [
        ((100, 39), 10, False, 2**31),
        ((100, 39), 50, False, 2),
        ((500, 39), 10, False, 1),
        ((50, 6), 99, False, 2**31),
        ((100, 39), 10, True, 2**31),
        ((100, 39), 50, True, 4),
        ((500, 39), 10, True, 3),
        ((500, 39), 3, True, 2**31),
        ((50, 6), 99, True, 2**31),
    ],
)
def test_bounds_are_kept_where_they_pay(monkeypatch, shape, max_iter, bytewise, first):
    monkeypatch.setattr(bounds, "pays", lambda _: bytewise)
    assert first_bounded(10**6, shape, max_iter) == first
    assert first_bounded(100, shape, max_iter) == 2**31


# ---- residual codes and runs ---------------------------------------------------------------------


@given(tables, st.integers(1, 4), st.integers(1, 3), st.integers(0, 3))
@quick
def test_residual_codes_reconstruct_what_inertia_says(X, k, levels, seed):
    k = min(k, len(X))
    found = ResidualKMeans(k, levels, random_state=seed, max_iter=20).fit(X)
    codes = found.encode(X)
    np.testing.assert_array_equal(codes, found.labels_)
    assert codes.shape == (len(X), levels)
    scale = float(np.square(X, dtype=np.float64).sum())
    for level in range(1, levels + 1):
        left = X.astype(np.float64) - found.reconstruct(codes[:, :level])
        expected = pytest.approx(found.inertia_[level - 1], rel=1e-4, abs=1e-6 * scale + 1e-12)
        assert np.square(left).sum() == expected
    assert (np.diff(found.inertia_) <= 1e-6 * scale).all()
    ids = found.predict(X)
    assert ((ids >= 0) & (ids < found.size_)).all()
    np.testing.assert_array_equal(ids % k, codes[:, 0])


def test_the_first_level_is_k_means_and_more_levels_help():
    X = blobs(n=2000, k=60)
    found = ResidualKMeans(20, 3, random_state=0).fit(X)
    np.testing.assert_array_equal(found.labels_[:, 0], naive.nearest(X, found.codebooks_[0]))
    assert found.inertia_[2] < found.inertia_[1] < found.inertia_[0]
    assert find("tokens", "residual") is ResidualKMeans
    assert find("tokens", "minibatch") is MiniBatchKMeans
    other = vars(clone(found)) | {n: v for n, v in vars(found).items() if n.endswith("_")}
    again = clone(found)
    vars(again).update(other)
    np.testing.assert_array_equal(again.predict(X), found.predict(X))


def test_wrong_codes_are_named():
    found = ResidualKMeans(3, 2, random_state=0).fit(blobs(n=40))
    for codes, words in [
        ([[0, 1], [0, 3]], "row 1: code 3; there are 3 a level"),
        ([[0, -1]], "row 0: code -1"),
        ([[0, 1, 2]], r"\(1, 3\)"),
        ([[0.5, 1]], "float64"),
    ]:
        with pytest.raises(TsalignError, match=words):
            found.reconstruct(codes)
    with pytest.raises(TsalignError, match="X has 2 features; the centres have 12"):
        found.encode(np.zeros((4, 2)))
    many = ResidualKMeans(40, 6, random_state=0, max_iter=1).fit(blobs(n=40))
    with pytest.raises(TsalignError, match=r"40 \*\* 6 tokens are too many"):
        many.predict(blobs(n=40))


@given(st.lists(st.integers(0, 3), max_size=60))
def test_runs_are_shortest_and_give_the_tokens_back(ids):
    found, lengths = runs(ids)
    assert np.repeat(found, lengths).tolist() == ids
    assert (found[1:] != found[:-1]).all()
    assert found.tolist() == [key for key, _ in itertools.groupby(ids)]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9), st.booleans()), max_size=40))
def test_merged_segments_cover_the_same_time(items):
    bounds, at = [], 0
    for _, length, gap in items:
        at += 5 * gap
        bounds.append((at, at + length))
        at += length
    cut = Segments(np.array(bounds, dtype=np.int64).reshape(-1, 2), rate=10.0, start=3.0)
    tokens = Tokens(np.array([item[0] for item in items], dtype=np.int32), 3, cut)
    merged = deduplicate(tokens)
    timeline = np.full((2, at + 1), -1)
    for line, one in zip(timeline, (tokens, merged), strict=True):
        for token, (start, end) in zip(one.ids, one.segments.bounds, strict=True):
            line[start:end] = token
    np.testing.assert_array_equal(*timeline)
    assert len(merged.ids) == len(merged.segments)
    assert (merged.segments.rate, merged.segments.start, merged.size) == (10.0, 3.0, 3)
    touching = merged.segments.bounds[1:, 0] == merged.segments.bounds[:-1, 1]
    assert (merged.ids[1:] != merged.ids[:-1])[touching].all()


def test_tokens_of_another_rate_are_refused():
    bounds = np.stack([np.arange(0, 3200, 320), np.arange(0, 3200, 320) + 400], axis=1)
    tokens = Tokens(np.zeros(10, dtype=np.int32), 5, Segments(bounds, rate=16000.0))
    assert token_rate(tokens) == 50.0
    check_rate(tokens, 50.5)
    with pytest.raises(TsalignError, match="tokens come at 50 Hz; 100 Hz are needed"):
        check_rate(tokens, 100.0)
    with pytest.raises(TsalignError, match=r"shape \(2, 2\)"):
        runs([[1, 2], [3, 4]])


# ---- hard numbers --------------------------------------------------------------------------------


@pytest.mark.compiled
@pytest.mark.parametrize("scale", [1e-25, 1e-22, 1e-20, 1e-12, 1e12, 1e25, 1e37])
def test_labels_are_exact_where_float32_products_vanish_or_overflow(scale):
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(300, 5)) * scale).astype(np.float32)
    labels = np.empty(300, dtype=np.int32)
    lanes.nearest(X, lanes.pack(X[:20]), labels)
    np.testing.assert_array_equal(labels, naive.nearest(X, X[:20]))


@pytest.mark.compiled
def test_nothing_past_the_last_row_is_read():
    code = """
import ctypes, mmap
import numpy as np
from tsalign.kernels import lanes, simd

page = mmap.PAGESIZE
for n in (1, 15, 16, 31, 32, 33, 64, 96, 500):
    for d in (1, 3, 15, 16, 17, 33):
        used = -(-n * d * 4 // page) * page
        memory = mmap.mmap(-1, used + page)
        start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        ctypes.CDLL(None).mprotect(ctypes.c_void_p(start + used), page, 0)  # reading it is fatal
        X = np.frombuffer(memory, dtype=np.float32, count=used // 4)[-n * d :].reshape(n, d)
        X[:] = np.random.default_rng(0).normal(size=(n, d))
        labels = np.empty(n, dtype=np.int32)
        lanes.nearest(X, lanes.pack(X[:1].copy()), labels)
        assert not labels.any()
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_one_far_outlier_does_not_blur_the_others():
    X = blobs(n=600, d=4, k=5)
    X[77] = 1e9
    found = KMeans(6, random_state=0, tol=0.0).fit(X)
    rest = np.delete(np.arange(600), 77)
    for j in np.unique(found.labels_[rest]):
        mean = X[rest][found.labels_[rest] == j].mean(axis=0, dtype=np.float64)
        np.testing.assert_allclose(found.cluster_centers_[j], mean, rtol=1e-4, atol=1e-4)


def test_equal_centres_go_to_the_first():
    X = np.zeros((100, 3), dtype=np.float32)
    found = KMeans(4, random_state=0).fit(X)
    assert found.inertia_ == 0.0
    assert found.labels_.tolist() == [0] * 100


# ---- input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda X: X.astype(np.float64),
        lambda X: np.asfortranarray(X),
        lambda X: np.repeat(X, 2, axis=1)[:, ::2],
        lambda X: X.tolist(),
        lambda X: np.concatenate([X[::-1], X])[: len(X)][::-1],
    ],
)
def test_layout_and_type_do_not_matter(change):
    X = blobs(n=300, d=5)
    make = KMeans(6, random_state=0)
    same(clone(make).fit(X), clone(make).fit(change(X)))


def test_half_precision_and_integers_are_read_as_they_are():
    X = np.round(blobs(n=300, d=5))
    make = KMeans(6, random_state=0)
    same(clone(make).fit(X), clone(make).fit(X.astype(np.float16)))
    same(clone(make).fit(X), clone(make).fit(X.astype(np.int64)))


def test_the_input_stays_as_it_was():
    X = blobs(n=300)
    copy = X.copy()
    start = X[:8].copy()
    found = KMeans(init=start).fit(X).partial_fit(X)
    np.testing.assert_array_equal(X, copy)
    np.testing.assert_array_equal(start, copy[:8])
    assert found.cluster_centers_.dtype == np.float32


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (np.zeros(5), r"shape \(5,\)"),
        (np.zeros((0, 3)), r"shape \(0, 3\)"),
        (np.zeros((9, 2), dtype=complex), "complex128"),
        (np.array([["a", "b"]] * 9), "needs numbers"),
        (np.zeros((3, 2)), "3 rows cannot make n_clusters=8"),
        (np.array([[0.0, 1.0]] * 9 + [[0.0, np.nan]]), "row 9: column 1 of X is nan"),
        (np.array([[np.inf]] * 9), "row 0: column 0 of X is inf"),
        (np.array([[0.0]] * 9 + [[1e300]]), r"row 9: column 0 of X is 1e\+300"),
    ],
)
def test_damaged_input_is_refused_in_one_sentence(X, words):
    with pytest.raises(TsalignError, match=words):
        KMeans().fit(X)
    with pytest.raises(TsalignError, match=words):
        KMeans().partial_fit(X)


def test_a_bad_row_far_down_is_named():
    X = blobs(n=10_000, d=2)
    X[9001, 1] = np.nan
    with pytest.raises(TsalignError, match="row 9001: column 1"):
        KMeans().fit(X)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"n_clusters": 0}, "n_clusters"),
        ({"init": "lucky"}, "init='lucky'"),
        ({"n_init": 0}, "n_init"),
        ({"max_iter": 0}, "max_iter"),
        ({"tol": -1.0}, "tol"),
        ({"n_jobs": 0}, "n_jobs"),
        ({"init": np.zeros((3, 2))}, r"init has shape \(3, 2\); the data ask for \(8, 2\)"),
        ({"init": np.zeros((8, 3))}, r"init has shape \(8, 3\)"),
        ({"init": np.full((8, 2), np.nan)}, "row 0: column 0 of init is nan"),
    ],
)
def test_wrong_parameters_are_named(parameters, words):
    with pytest.raises(TsalignError, match=words):
        KMeans(**parameters).fit(np.zeros((9, 2)))


def test_predicting_needs_a_fit_and_the_same_features():
    with pytest.raises(NotFittedError):
        KMeans().predict(np.zeros((2, 2)))
    found = KMeans(2, random_state=0).fit(blobs(n=30, d=3))
    with pytest.raises(TsalignError, match="X has 4 features; the centres have 3"):
        found.predict(np.zeros((2, 4)))
    with pytest.raises(TsalignError, match="row 1"):
        found.transform(np.array([[0.0, 0.0, 0.0], [0.0, np.nan, 0.0]]))


# ---- batches and the estimator's manners ---------------------------------------------------------


def test_batches_give_running_means():
    X = blobs(n=900, d=4)
    found = KMeans(5, init=X[:5])
    centers, counts = X[:5].astype(np.float64), np.zeros(5)
    for batch in np.array_split(X, 9):
        found.partial_fit(batch)
        labels = naive.nearest(batch, centers.astype(np.float32))
        for j in range(5):
            new = batch[labels == j].astype(np.float64)
            if len(new):
                centers[j] = (centers[j] * counts[j] + new.sum(axis=0)) / (counts[j] + len(new))
                counts[j] += len(new)
    np.testing.assert_allclose(found.cluster_centers_, centers, rtol=1e-4, atol=1e-4)
    assert found.counts_.tolist() == counts.tolist()
    assert found.counts_.sum() == len(X)
    assert found.n_iter_ == 9


@given(st.lists(tables.map(lambda t: t[:, :1]), min_size=1, max_size=5), st.integers(0, 3))
@quick
def test_batches_keep_centres_within_the_data(batches, seed):
    found = KMeans(1, random_state=seed)
    for batch in batches:
        found.partial_fit(batch)
    rows = np.concatenate(batches)
    slack = 1e-5 * np.abs(rows).max()
    assert rows.min() - slack <= found.cluster_centers_.min()
    assert found.cluster_centers_.max() <= rows.max() + slack
    assert found.labels_.shape == (len(batches[-1]),)


def test_batches_go_on_from_a_fit():
    X = blobs(n=600)
    found = KMeans(6, random_state=0).fit(X)
    before = found.cluster_centers_.copy()
    found.partial_fit(X)
    np.testing.assert_allclose(found.cluster_centers_, before, atol=0.05)
    assert found.counts_.sum() == 1200


def test_it_behaves_as_an_estimator():
    make = KMeans(3, init="random", random_state=4, n_jobs=1)
    assert clone(make).get_params() == make.get_params()
    X = blobs(n=100)
    labels = make.fit_predict(X)
    np.testing.assert_array_equal(labels, make.labels_)
    np.testing.assert_array_equal(labels, make.transform(X).argmin(axis=1))
    state = {name: value for name, value in vars(make).items() if name.endswith("_")}
    assert all(isinstance(value, (np.ndarray, float, int)) for value in state.values())
    other = clone(make)
    vars(other).update(state)
    np.testing.assert_array_equal(other.predict(X), labels)
    assert find("tokens", "kmeans") is KMeans


def test_the_same_seed_gives_the_same_result_and_another_seed_another():
    X = blobs()
    same(KMeans(20, random_state=5).fit(X), KMeans(20, random_state=5).fit(X))
    other = KMeans(20, random_state=6).fit(X)
    assert not np.array_equal(other.labels_, KMeans(20, random_state=5).fit(X).labels_)
