from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
import torch

from tsalign.errors import TsalignError
from tsalign.segment import Pelt, samples
from tsalign.show import COLOURS
from tsalign.types import Segments, Signal


def segments(k, rate=50.0, start=2.0, **more):
    edges = np.arange(k + 1) * 25
    return Segments(np.column_stack([edges[:-1], edges[1:]]), rate, start, **more)


def judged():
    return segments(3, states=np.array([1, 0, 1]), confidence=np.array([0.9, 0.256]))


def test_a_table_has_seconds_and_samples():
    table = segments(3).to_pandas()
    expected = {
        "start_s": [2.0, 2.5, 3.0],
        "end_s": [2.5, 3.0, 3.5],
        "start_sample": [0, 25, 50],
        "end_sample": [25, 50, 75],
    }
    pd.testing.assert_frame_equal(table, pd.DataFrame(expected))
    assert len(Segments(np.empty((0, 2), np.int64), 1.0).to_pandas()) == 0


def test_states_and_confidence_are_shown_where_known(pyplot):
    table = judged().to_pandas()
    assert table["state"].tolist() == [1, 0, 1]
    np.testing.assert_array_equal(table["confidence"], [np.nan, 0.9, 0.256])
    text = judged()._repr_html_()
    assert "<th>state</th><th>confidence</th>" in text
    assert "<tr><td>2</td><td>2.5</td><td>0.5</td><td>1</td><td></td></tr>" in text
    assert "<td>0.26</td>" in text
    assert text.count(f'fill="{COLOURS[1]}"') == 2
    colours = [patch.get_facecolor() for patch in judged().plot().patches]
    assert colours[0] == colours[2] != colours[1]
    many = segments(30, states=np.arange(30) % 15).plot().patches
    assert len({patch.get_facecolor() for patch in many}) == 15
    none = Segments(np.empty((0, 2), np.int64), 1.0, 0.0, np.empty(0, int), np.empty(0))
    assert list(none.to_pandas().columns)[-2:] == ["state", "confidence"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"bounds": np.arange(4)}, r"bounds have shape \(k, 2\), not \(4,\)"),
        ({"states": np.zeros(3, int)}, r"2 segments, but states of shape \(3,\)"),
        ({"confidence": np.zeros(2)}, r"2 segments, but confidence of shape \(2,\)"),
    ],
)
def test_columns_that_do_not_belong_together_are_refused(wrong, words):
    with pytest.raises(TsalignError, match=words):
        Segments(**{"bounds": np.array([[0, 1], [1, 2]]), "rate": 1.0} | wrong)


def test_without_pandas_a_table_says_what_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(TsalignError, match="to_pandas needs pandas: pip install pandas"):
        segments(2).to_pandas()


class Frame:
    """A data frame of a package that is not here: all it offers is to become an array."""

    def __init__(self, values, dtypes=("Float64", "Float64")):
        self.values, self.dtypes, self.columns = values, dtypes, ("a", "b")

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)


@pytest.mark.parametrize(
    "made",
    [
        lambda x: x,
        lambda x: x.tolist(),
        lambda x: x.astype(np.float16),
        lambda x: np.asfortranarray(x),
        pd.DataFrame,
        lambda x: pd.DataFrame(x).astype("Float64"),
        Frame,
        lambda x: torch.tensor(x),
    ],
    ids=["array", "lists", "float16", "fortran", "pandas", "pandas Float64", "other", "torch"],
)
def test_any_table_of_numbers_can_be_cut(made):
    x = np.repeat([[0.0, 1.0], [5.0, 2.0]], 6, axis=0)
    np.testing.assert_array_equal(samples(made(x)), x)
    assert Pelt(penalty=1.0).fit_predict(made(x)).tolist() == [[0, 6], [6, 12]]


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: pd.DataFrame({"x": [1.0, None]}), "NaN at sample 1, channel 0"),
        (lambda: pd.DataFrame({"x": [1.0, pd.NA]}), "cannot be read as an array of numbers"),
        (lambda: pd.DataFrame({"x": ["a", "b"]}), "cannot be read as an array of numbers"),
        (lambda: pd.DataFrame({"t": pd.to_datetime(["2020-01-01"])}), "should hold real numbers"),
        (lambda: Frame([["a"]]), "should hold real numbers"),
        (lambda: Frame([[1.0, 2.0]], ("Datetime", "Float64")), "real numbers, not times"),
        (
            lambda: pd.DataFrame({"t": pd.to_timedelta(["1s"]), "x": [1.0]}),
            "real numbers, not times|cannot be read",
        ),
        (lambda: torch.ones(3, requires_grad=True), "cannot be read as an array"),
    ],
)
def test_a_table_that_is_no_series_is_refused_in_one_sentence(made, words):
    with pytest.raises(TsalignError, match=words):
        samples(made())


@pytest.fixture
def pyplot():
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def test_a_picture_shows_bands_and_the_signal_in_seconds(pyplot):
    walk = Signal(np.zeros((75, 2), np.float32), 50.0, 2.0, ("x", "y"), ("g", "g"))
    ax = segments(3).plot(walk)
    assert len(ax.patches) == 3
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["x", "y"]
    np.testing.assert_allclose(ax.lines[0].get_xdata()[[0, -1]], [2.0, 2.0 + 74 / 50])
    own = pyplot.subplots()[1]
    assert segments(3).plot(np.zeros(75), ax=own) is own
    np.testing.assert_allclose(own.lines[0].get_xdata()[0], 2.0)
    assert len(segments(2).plot().lines) == 0


def test_a_notebook_sees_a_band_and_the_first_rows():
    text = segments(12)._repr_html_()
    assert text.count("<rect") == 12
    assert text.count("<td>") == 30
    assert "12 segments, 2 to 8 s" in text
    assert "… and 2 more" in text
    assert "more" not in segments(10)._repr_html_()
    assert Segments(np.empty((0, 2), np.int64), 1.0)._repr_html_() == "<p>no segments</p>"
    assert len(segments(100_000)._repr_html_()) < 100_000
