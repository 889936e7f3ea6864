"""Codes in parts, words of units, n-grams; empty clusters told; a second process starts at once."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from collections import Counter

import naive_tokens as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from tsalign.errors import TsalignError
from tsalign.kernels import lanes
from tsalign.registry import find
from tsalign.tokens import KMeans, PairEncoding, ProductKMeans, ngrams

quick = settings(max_examples=40, deadline=None)
rows_of_units = st.lists(st.lists(st.integers(0, 4), max_size=30), min_size=1, max_size=5)


def sensors(n=400, seed=0):
    rng = np.random.default_rng(seed)
    parts = [rng.normal(size=(5, 3), scale=5.0)[rng.integers(5, size=n)] for _ in range(2)]
    return (np.concatenate(parts, axis=1) + rng.normal(size=(n, 6))).astype(np.float32)


# ---- product codes -------------------------------------------------------------------------------


@given(st.integers(1, 7), st.integers(1, 6), st.integers(0, 5))
@quick
def test_product_codes_reconstruct_what_inertia_says(k, parts, seed):
    X = sensors(n=60, seed=seed)[:, : max(parts, 5)]
    found = ProductKMeans(k, parts, random_state=seed, max_iter=9).fit(X)
    codes = found.encode(X)
    np.testing.assert_array_equal(codes, found.labels_)
    assert codes.shape == (len(X), parts)
    left = X.astype(np.float64) - found.reconstruct(codes)
    assert np.square(left).sum() == pytest.approx(found.inertia_, rel=1e-6, abs=1e-9)
    ids = found.predict(X)
    assert ids.max() < found.size_
    np.testing.assert_array_equal(ids % k, codes[:, 0])


def test_each_part_is_clustered_on_its_own():
    X = sensors()
    found = ProductKMeans(5, 2, random_state=0).fit(X)
    for part, column in ((slice(0, 3), 0), (slice(3, 6), 1)):
        nearest = naive.nearest(X[:, part], found.cluster_centers_[:, part])
        np.testing.assert_array_equal(nearest, found.labels_[:, column])
    assert found.size_ == 25
    assert found.inertia_ < KMeans(10, random_state=0).fit(X).inertia_  # as many centres
    assert find("tokens", "product") is ProductKMeans
    np.testing.assert_array_equal(clone(found).fit(X).labels_, found.labels_)


def test_wrong_product_codes_are_named():
    found = ProductKMeans(3, 2, random_state=0).fit(sensors(n=40))
    for codes, words in [
        ([[0, 1], [0, 3]], "row 1: code 3; there are 3 a level"),
        ([[0]], r"\(1, 1\); they need whole numbers \(n, 2\)"),
        ([[0.5, 1]], "float64"),
    ]:
        with pytest.raises(TsalignError, match=words):
            found.reconstruct(codes)
    with pytest.raises(TsalignError, match="X has 2 features; the centres have 6"):
        found.encode(np.zeros((4, 2)))
    with pytest.raises(TsalignError, match="6 features cannot make parts=7"):
        ProductKMeans(3, 7).fit(sensors(n=40))


# ---- words of units ------------------------------------------------------------------------------


def merged(row, merges, units):
    """Return a row with the merges applied one after the other."""
    row = list(row)
    for number, pair in enumerate(merges):
        out = []
        for token in row:
            if out and (out[-1], token) == tuple(pair) and out[-1] is not None:
                out[-1] = units + number
            else:
                out.append(token)
        row = out
    return row


@given(rows_of_units, st.integers(5, 20))
@quick
def test_words_give_the_units_back_and_are_those_of_the_merges(rows, n_tokens):
    words = PairEncoding(n_tokens).fit(rows, n_units=5)
    assert words.size_ == 5 + len(words.merges_) <= n_tokens
    assert words.lengths_.sum() == 5 + sum(words.lengths_[5:])
    for row in rows:
        ids = words.encode(row)
        assert words.decode(ids).tolist() == row
        assert words.lengths_[ids].sum() == len(row)
        assert len(ids) <= len(row)
        assert ids.tolist() == merged(row, words.merges_.tolist(), 5)


def test_the_first_merge_is_the_most_frequent_pair(tmp_path):
    rng = np.random.default_rng(0)
    rows = [rng.integers(6, size=200) for _ in range(4)] + [np.tile([1, 2, 3], 60)]
    words = PairEncoding(30).fit(rows)
    grams, counts = ngrams(rows, 2)
    assert counts[0] == max(counts)
    assert words.merges_[0].tolist() == grams[0].tolist()
    assert words.encode(np.tile([1, 2, 3], 60)).size < 60
    words.save(tmp_path / "words.json")
    again = PairEncoding.load(tmp_path / "words.json")
    np.testing.assert_array_equal(again.merges_, words.merges_)
    np.testing.assert_array_equal(again.encode(rows[0]), words.encode(rows[0]))
    assert (again.n_units_, again.size_) == (words.n_units_, words.size_)
    np.testing.assert_array_equal(clone(words).fit(rows).merges_, words.merges_)


@given(rows_of_units, st.integers(1, 4))
@quick
def test_ngrams_are_counted_as_one_would(rows, n):
    grams, counts = ngrams(rows, n)
    wanted = Counter(tuple(row[i : i + n]) for row in rows for i in range(len(row) - n + 1))
    assert dict(zip(map(tuple, grams.tolist()), counts.tolist(), strict=True)) == wanted
    assert (np.diff(counts) <= 0).all()


def test_what_is_no_unit_is_named(tmp_path):
    words = PairEncoding(9).fit([[0, 1, 0, 1]])
    (tmp_path / "broken.json").write_text("{}")
    for call, text in [
        (lambda: words.encode([0, 2]), "ids has 2; units are from 0 to 1"),
        (lambda: words.decode([7]), "ids has 7"),
        (lambda: words.encode([[0]]), r"int64 \(1, 1\); units are one row"),
        (lambda: words.encode([0.5]), "float64"),
        (lambda: PairEncoding(3).fit([[0, 5]]), "n_tokens=3 and n_units=6"),
        (lambda: PairEncoding(9).fit([[0, 5]], n_units=4), "n_units=4 do not fit units up to 5"),
        (lambda: PairEncoding(9).fit([[0], [-1]]), "sequence 1 has -1"),
        (lambda: ngrams([[1]], 0), "n=0"),
        (lambda: PairEncoding.load(tmp_path / "broken.json"), "broken.json: cannot be read"),
        (lambda: PairEncoding.load(tmp_path / "no.json"), "no.json: cannot be read"),
    ]:
        with pytest.raises(TsalignError, match=text):
            call()


# ---- what a fit tells, takes and waits for -------------------------------------------------------


def test_empty_clusters_are_told():
    X = sensors(n=300)
    start = np.concatenate([X[:6], np.full((3, 6), 1e4, dtype=np.float32)])
    assert KMeans(9, init=start, max_iter=10).fit(X).relocated_ == 3
    assert KMeans(6, init=X[:6], max_iter=10).fit(X).relocated_ == 0
    assert KMeans(4, random_state=0).fit(np.ones((20, 2))).relocated_ == 0  # nothing to give them


@pytest.mark.parametrize("k", [1, 5])
def test_constant_rows_and_one_row(k):
    found = KMeans(k, random_state=0).fit(np.full((20, 3), 7.0))
    assert found.inertia_ == 0.0
    assert (found.cluster_centers_ == 7.0).all()
    one = KMeans(1, random_state=0).fit([[1, 2, 3]])
    assert one.cluster_centers_.tolist() == [[1.0, 2.0, 3.0]]


def test_read_only_rows_are_taken_as_they_are():
    X = sensors(n=200)
    X.setflags(write=False)
    found = KMeans(5, random_state=0).fit(X)
    np.testing.assert_array_equal(found.labels_, found.predict(X))


@pytest.mark.compiled
def test_a_fit_takes_little_memory_beyond_the_data(monkeypatch):
    """What grows with the rows, be it of the start or of bounds, stays below 60 bytes a row."""
    monkeypatch.setattr(lanes, "SMALL", 0)
    X = np.random.default_rng(0).normal(size=(40_000, 39)).astype(np.float32)
    KMeans(200, random_state=0, max_iter=25, tol=0.0).fit(X[:4000])
    tracemalloc.start()
    KMeans(200, random_state=0, max_iter=25, tol=0.0, n_jobs=2).fit(X)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    per_row = 60 * len(X)
    fixed = 16 * 10 * 200 * 39 + 4_000_000  # sums of every chunk, and work space
    assert peak < per_row + fixed


@pytest.mark.compiled
def test_a_second_process_starts_fitting_at_once(tmp_path):
    code = """
import time
import numpy as np
from tsalign.kernels import lanes
from tsalign.tokens import KMeans
lanes.SMALL = 0
X = np.random.default_rng(0).normal(size=(500, 33)).astype("f4")
begin = time.process_time()
KMeans(70, random_state=0, max_iter=3, n_jobs=1).fit(X)
print(time.process_time() - begin)
"""
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    seconds = []
    for _ in range(2):
        run = [sys.executable, "-c", code]
        done = subprocess.run(run, env=env, capture_output=True, text=True, check=True)
        seconds.append(float(done.stdout))
    assert seconds[1] < 1.0 < seconds[0]
