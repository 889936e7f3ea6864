from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from tsalign.errors import TsalignError
from tsalign.segment import AroundGaps, BinarySegmentation, Pelt, Windows

NAN = np.nan


def steps(n, seed):
    rng = np.random.default_rng(seed)
    return np.repeat(rng.normal(0, 3, (n // 8 + 1, 2)), 8, axis=0)[:n] + rng.normal(size=(n, 2))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([Pelt(penalty=6.0), BinarySegmentation(penalty=6.0)]),
    st.lists(st.booleans(), min_size=1, max_size=60),
    st.integers(0, 5),
    st.integers(0, 99),
)
def test_stretches_between_long_gaps_are_cut_on_their_own(inner, missing, longest, seed):
    x = steps(len(missing), seed)
    x[missing, slice(None) if inner.takes_missing else seed % 2] = NAN
    bounds = AroundGaps(inner, max_gap=longest).fit_predict(x)
    # The obvious twin: walk over the series, and give up a stretch at each long gap.
    long, at = np.zeros(len(x), bool), 0
    while at < len(x):
        end = at
        while end < len(x) and missing[end] == missing[at]:
            end += 1
        long[at:end] = missing[at] and end - at > longest
        at = end
    covered = np.zeros(len(x), int)
    for a, b in bounds:
        covered[a:b] += 1
    there = ~np.array(missing)
    assert covered.max(initial=0) <= 1
    assert not covered[long].any()
    assert covered[there].all()
    if not long.any() and there.any():
        expected = inner.fit_predict(x[there])
        inside = np.array([there[a:b].sum() for a, b in bounds])
        np.testing.assert_array_equal(np.cumsum(inside), expected[:, 1])


def test_without_gaps_nothing_changes():
    x = steps(100, 0)
    for inner in (Pelt(), Windows(7, 3)):
        around = AroundGaps(inner, max_gap=5)
        np.testing.assert_array_equal(around.fit_predict(x), inner.fit_predict(x))
        whole = x.astype(int)
        np.testing.assert_array_equal(around.fit_predict(whole), inner.fit_predict(whole))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 5), st.integers(0, 99))
def test_what_single_channels_miss_is_left_to_a_segmenter_that_takes_it(longest, seed):
    rng = np.random.default_rng(seed)
    x = steps(60, seed)
    x[rng.random(x.shape) < 0.4] = NAN
    long = int(rng.integers(6, 20))
    x[30 : 30 + long] = NAN
    x[[29, 30 + long]] = 0.0
    inner = Pelt(penalty=6.0)
    bounds = AroundGaps(inner, longest).fit_predict(x)
    assert not any(a < 30 + long and b > 30 for a, b in bounds)
    first = bounds[bounds[:, 1] <= 30]
    if longest >= 5:  # shorter gaps of both are in what the segmenter sees
        np.testing.assert_array_equal(first, inner.fit_predict(x[:30]))


def test_gaps_in_seconds_and_nothing_but_gaps():
    x = np.array([0.0, 0, NAN, NAN, 0, 0, NAN, NAN, NAN, 0, 0])
    around = AroundGaps(Pelt(penalty=1.0), max_gap=0.2, rate=10.0)
    assert around.fit_predict(x).tolist() == [[0, 6], [9, 11]]
    assert around.set_params(max_gap=0.0).fit_predict(x).tolist() == [[0, 2], [4, 6], [9, 11]]
    assert around.fit_predict(np.full(5, NAN)).shape == (0, 2)
    table = pd.DataFrame({"x": pd.array([0.0, None, 0.0], "Float64")})
    assert AroundGaps(Pelt(), max_gap=1).fit_predict(table.to_numpy(float, na_value=NAN)).tolist()


def test_what_is_wrong_is_still_refused():
    around = AroundGaps(Pelt(), max_gap=1)
    for bad, words in (([1.0, np.inf, NAN], "inf at sample 1"), (["a"], "real numbers")):
        with pytest.raises(TsalignError, match=words):
            around.fit_predict(bad)
    with pytest.raises(TsalignError, match="X has 1 channels, but fit saw 2"):
        around.fit(steps(9, 0)).predict([1.0, NAN])
    with pytest.raises(TsalignError, match="at least 0"):
        AroundGaps(Pelt(), max_gap=-1.0).fit(steps(9, 0))
    assert clone(around).get_params()["segmenter__penalty"] == "bic"
