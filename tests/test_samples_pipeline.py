"""Encoders of samples in whole runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_open_set import Applied
from tiny import DATA, LESS, NOTES, ROOT, Tiny

from tsalign import codec
from tsalign.align import Augment, Contrastive, Conv, Patch
from tsalign.config import load

FEW = (*LESS, "align.epochs=1", "describe={kind: raw, context: 2.56, samples: 32}")
AUGMENT = "{jitter: 0.05, scale: 0.1, shift: 4, rotate: 0.3, channels: 0.1, time: 0.1}"
SIGNALS = {
    Conv: f"align.signal={{kind: conv, width: 8, layers: 2, augment: {AUGMENT}}}",
    Patch: f"align.signal={{kind: patch, width: 8, layers: 1, augment: {AUGMENT}}}",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared")


@pytest.mark.parametrize("kind", SIGNALS)
def test_alignment_may_learn_from_samples(kind: type, place: Path) -> None:
    tiny = Tiny(place / kind.__name__, place / "cache", less=(*FEW, SIGNALS[kind]))
    ended = tiny.run()
    assert ended.code == 0, ended.err
    assert ended.rows
    learnt = ended.folder / "model"
    model = Contrastive.load(learnt / "align.fit_align_samples" / "saved0")
    assert isinstance(model.signal, kind)
    assert (model.signal.samples, model.signal.groups) == (32, ((0, 1, 2), (3, 4, 5)))
    assert model.signal.augment == Augment(0.05, 0.1, 4, 0.3, 0.1, 0.1)
    assert (model.spread_ == 1).all()
    (raw,) = codec.read(learnt / "describe.fit_describers")
    assert model.encode_signal(np.zeros((2, raw.channels_ * raw.samples), np.float32)).shape[0] == 2
    assert tiny.run("--from", "align").spans == ended.spans


def test_a_finished_run_is_applied_again(place: Path) -> None:
    first = Tiny(place / "again", place / "cache", less=(*FEW, SIGNALS[Conv])).run()
    assert first.code == 0, first.err
    recordings = f"{DATA}/*.parquet"
    applied = Applied(place / "again", recordings).run("--set", f"data.notes={DATA / NOTES}")
    assert applied.code == 0, applied.err
    assert "fit_align" not in str(applied.record["stages"])
    assert [row | {"part": 0} for row in applied.rows] == [row | {"part": 0} for row in first.rows]


def test_mistakes_are_named_with_their_place(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    text = (ROOT / "pipelines" / "tiny.yaml").read_text()
    signal = "{kind: conv, augment: {jiter: 0.1, channels: 2.0}}"
    path.write_text(text.replace("kind: contrastive,", f"kind: contrastive, signal: {signal},"))
    with pytest.raises(ExceptionGroup) as caught:
        load(path)
    said = [str(error).removeprefix(f"{path}:") for error in caught.value.exceptions]
    assert [line.split(": ", 1)[1] for line in said] == [
        "align.signal.augment.jiter: unknown key; did you mean 'jitter'?",
        "align.signal.augment.channels: input should be less than 1, got 2.0",
    ]


@pytest.mark.parametrize("describe", ["statistics", "[raw, statistics]", "[raw, raw]"])
def test_an_encoder_of_samples_needs_samples(tmp_path: Path, describe: str) -> None:
    given = ROOT / "pipelines" / "tiny.yaml"
    with pytest.raises(ExceptionGroup) as caught:
        load(given, [f"describe={describe}", "align.signal=conv"])
    (mistake,) = caught.value.exceptions
    assert "an encoder of samples needs describe: {kind: raw}" in str(mistake)


def test_a_filled_pipeline_comes_back(tmp_path: Path) -> None:
    config = load(ROOT / "pipelines" / "tiny.yaml", [*FEW[-1:], SIGNALS[Patch]])
    path = tmp_path / "filled.yaml"
    path.write_text(config.to_yaml())
    again = load(path)
    assert again.filled() == config.filled()
    assert again.align.signal.augment == config.align.signal.augment
