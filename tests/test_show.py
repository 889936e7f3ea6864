from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tsalign.types import Segments, Signal


def segments(k, rate=50.0, start=2.0):
    edges = np.arange(k + 1) * 25
    return Segments(np.column_stack([edges[:-1], edges[1:]]), rate, start)


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
