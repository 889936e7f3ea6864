"""The information metric against Gaussians of known information, and recordings kept apart."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny import Tiny

from tsalign.errors import TsalignError
from tsalign.evaluate import Information, Results, report
from tsalign.information import information_rows, mutual_information
from tsalign.types import Aligned, Alignment, Label, Segments, Signal, Span, Spoken, Tokens

EACH = 100  # stretches a recording


def recording(name: str, signal: np.ndarray, text: np.ndarray, labels: list[str]) -> Aligned:
    """A recording of which each second is a stretch with a place, a sentence and a label."""
    n = len(signal)
    cut = Segments(np.array([[0, n]]), rate=1.0)
    none = np.zeros((0, 0), np.float32)
    seconds = [Span(i, i + 1) for i in range(n)]
    return Aligned(
        name,
        "test",
        Signal(np.zeros((n, 1), np.float32), 1.0),
        cut,
        Tokens(np.zeros(1, np.int32), 1, cut),
        Alignment((), (), none, none, 0.0),
        tuple(Label(s, label) for s, label in zip(seconds, labels, strict=True) if label),
        spoken=Spoken(tuple(seconds), signal.astype(np.float32), text.astype(np.float32)),
    )


def cohort(labels: bool = True, recordings: int = 12) -> list[Aligned]:
    """Signal knows a sign that the text does not tell, and shares a Gaussian with it."""
    rng = np.random.default_rng(0)
    made = []
    for i in range(recordings):
        common, blur, own = rng.normal(size=(3, EACH, 1))
        said = ["up" if x > 0 else "down" for x in own.ravel()] if labels else [""] * EACH
        signal = np.hstack([common, own])
        made.append(recording(f"r{i}", signal, common + blur, said))
    return made


def test_the_figures_are_those_of_gaussians_with_intervals_that_hold_them() -> None:
    told = report([Information()], cohort(), draws=200)["metrics"]
    shared = 0.5 * np.log(2)
    lower, upper = (told[f"shared_information_{b}"] for b in ("lower", "upper"))
    assert lower["low"] <= lower["value"] <= lower["high"]
    assert shared - 0.08 < lower["value"] < shared + 0.05
    assert upper["value"] > shared
    assert lower["low"] < shared < upper["high"]
    # The sign of a Gaussian is known from it, of which a linear model sees but a part.
    assert 0.3 < told["signal_information_lower"]["value"] <= np.log(2)
    assert told["text_information_lower"]["value"] < 0.03
    assert told["text_information_upper"]["value"] < 0.1


def test_without_labels_only_what_is_shared_is_told() -> None:
    told = report([Information()], cohort(labels=False), draws=5)
    assert told["metrics"]["shared_information_lower"]["value"] > 0.2
    assert told["metrics"]["signal_information_lower"]["value"] is None
    for baseline in told["baselines"].values():
        assert set(baseline.values()) == {None}


@pytest.mark.parametrize("items", [[], cohort(recordings=1)])
def test_one_recording_or_none_tells_nothing(items: list[Aligned]) -> None:
    items = [*items, *(replace(i, recording="x", spoken=None) for i in items)]
    assert all(np.isnan(v) for v in Information()(Results.from_aligned(items)).values())


def test_a_recording_is_never_judged_by_itself() -> None:
    """Noise of the recording, in both: known by heart it is information, and learnt it is none."""
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(20), 15)
    a, b = rng.normal(size=(2, 20, 12))
    a, b = (x[groups] + 0.01 * rng.normal(size=(300, 12)) for x in (a, b))
    by_heart = information_rows(a, b, groups=None)[:, 0].mean()
    learnt = information_rows(a, b, groups=groups)[:, 0].mean()
    assert by_heart > 1.0
    assert learnt < 0.1


def test_rows_add_up_to_the_bounds_and_single_rows_have_no_fold_of_their_own() -> None:
    rng = np.random.default_rng(2)
    a = rng.normal(size=(60, 2))
    b = a + rng.normal(size=(60, 2))
    rows = information_rows(a, b)
    found = mutual_information(a, b)
    assert rows.mean(axis=0).tolist() == [found.lower, found.upper]
    uneven = np.array([0] * 30 + [1] * 28 + [2, 3])
    assert np.isfinite(information_rows(a, b, groups=uneven)).all()
    for groups, why in ((np.zeros(60), "one is too few"), (uneven > 2, "all rows but one")):
        with pytest.raises(TsalignError, match=why):
            information_rows(a, b, groups=groups)


def test_a_pipeline_tells_it_when_asked(tmp_path: Path) -> None:
    parts = "{by: recording, train: [s01_0, s02_0], valid: [s18_0],"
    parts += " test: [s19_0, s21_0, s22_0]}"
    asked = "[{kind: information, components: 3}]"
    ended = Tiny(tmp_path).run("--set", f"evaluate={asked}", "--set", f"data.split={parts}")
    assert ended.code == 0, ended.err
    told = json.loads((ended.folder / "metrics.json").read_text())["metrics"]
    bounds = [told[f"shared_information_{b}"] for b in ("lower", "upper")]
    assert all(b["low"] <= b["value"] <= b["high"] for b in bounds)
    assert -1 < bounds[0]["value"] < bounds[1]["value"]
