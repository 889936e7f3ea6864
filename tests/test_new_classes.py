"""Classes never trained: told by sentences, set off against the trained ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsalign.align import Contrastive, MiniLM, Mlp, Pairs
from tsalign.align.open_set import _harmonic, without
from tsalign.errors import TsalignError

TEXT = MiniLM()
WORDINGS = {
    "SIT": ("She sits in a chair.", "Sitting still on a stool."),
    "LIE": ("She lies in bed.", "Lying flat on the mattress."),
    "WALK": ("She walks along the corridor.", "Walking on level ground."),
    "RUN": ("She runs along the corridor.", "Running on level ground."),
    "UP": ("She climbs the stairs.", "Going upstairs step by step."),
    "EAT": ("She eats her lunch.", "Eating soup with a spoon."),
    "SLEEP": ("She sleeps in bed.", "Sleeping soundly, flat."),
    "TALK": ("She talks on the phone.", "Speaking with a visitor."),
}
NEW = ("RUN", "SLEEP")


def people(seed: int, concepts: list[str], wording: int, size: int = 240) -> Pairs:
    """Return segments that resemble what is said about them, and noise."""
    rng, names = np.random.default_rng(seed), list(WORDINGS)
    map_ = np.random.default_rng(0).normal(size=(384, 24)) / 5
    means = np.stack([TEXT.encode(list(WORDINGS[name])).mean(0) for name in names]) @ map_
    said = rng.integers(len(concepts), size=size).astype(np.int32)
    rows = means[[names.index(concepts[i]) for i in said]]
    features = (rows + 0.03 * rng.normal(size=rows.shape)).astype(np.float32)
    return Pairs(features, said, tuple(WORDINGS[c][wording] for c in concepts), tuple(concepts))


OLD = [name for name in WORDINGS if name not in NEW]


@pytest.fixture(scope="module")
def model() -> Contrastive:
    return learnt(open_set=4)


def learnt(**more) -> Contrastive:
    model = Contrastive(
        Mlp(width=32), TEXT, projection="none", epochs=40, batch_size=64, device="cpu", **more
    )
    return model.fit(people(1, OLD, 0), people(2, OLD, 1))


def recall(model: Contrastive, new: tuple[str, ...]) -> tuple[float, float]:
    """Return how often new and known classes are found among all."""
    judged = people(3, list(WORDINGS), 1)
    classes = {name: [WORDINGS[name][1]] for name in WORDINGS}
    found = model.classify(judged.features, classes, new=new).argmax(1) == judged.text
    fresh = np.isin(np.array(list(WORDINGS))[judged.text], NEW)
    return float(found[fresh].mean()), float(found[~fresh].mean())


def test_withheld_concepts_tell_what_new_classes_lack(model: Contrastive) -> None:
    blind, (new, old) = recall(model, ()), recall(model, NEW)
    assert blind[0] < 0.3  # swallowed by their neighbours
    assert new > blind[0] + 0.2
    assert old > 0.6
    assert model.bias_ > 0


def test_without_rounds_nothing_is_withheld() -> None:
    assert learnt().bias_ == 0


def test_bias_moves_chances_from_known_to_new_classes(model: Contrastive) -> None:
    features = people(3, list(WORDINGS), 1).features
    classes = {name: list(texts) for name, texts in WORDINGS.items()}
    fresh = np.isin(list(classes), NEW)
    learnt, shares = model.bias_, []
    for bias in (-50.0, 0.0, 50.0):
        model.bias_ = np.array(bias)
        log_p = model.classify(features, classes, new=NEW)
        assert np.allclose(np.exp(log_p).sum(1), 1, atol=1e-5)
        shares.append(float(np.exp(log_p)[:, fresh].sum(1).mean()))
    model.bias_ = learnt
    assert shares[0] < 1e-6
    assert shares == sorted(shares)
    assert shares[2] > 1 - 1e-6


def test_margins_are_differences_of_logits(model: Contrastive) -> None:
    places = model.encode_signal(people(3, OLD, 1, 5).features)
    row = model.encode_text([WORDINGS["RUN"][0]])[0]
    for place, margin in zip(places, model.margins(places, [WORDINGS["RUN"][:1]]), strict=True):
        best = max(place @ prototype for prototype in model.prototypes_)
        assert margin[0] == pytest.approx(model._scale * (place @ row - best), abs=1e-3)


def test_a_new_class_must_be_among_the_classes(model: Contrastive) -> None:
    with pytest.raises(TsalignError, match="'RUN' is not among the classes"):
        model.classify(people(3, OLD, 1, 5).features, {"SIT": ["Sits."]}, new=["RUN"])


def test_a_space_without_projection_is_that_of_the_sentences(model: Contrastive, tmp_path) -> None:
    texts = ["She sits.", "She runs."]
    assert np.allclose(model.encode_text(texts), TEXT.encode(texts), atol=1e-6)
    model.save(tmp_path)
    again, features = Contrastive.load(tmp_path), people(3, OLD, 1, 5).features
    assert np.array_equal(again.encode_signal(features), model.encode_signal(features))
    assert again.bias_ == model.bias_


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([-1, 0, 1, 2, 3]), min_size=1), st.sets(st.sampled_from("ABC")))
def test_without_leaves_no_trace(text: list[int], gone: set[str]) -> None:
    texts, concepts = ("a", "b", "b again", "off"), ("A", "B", "B", None)
    features = np.arange(len(text), dtype=np.float32)[:, None]
    rest = without(Pairs(features, np.array(text, np.int32), texts, concepts), gone)
    kept = [i for i, t in enumerate(text) if t < 0 or concepts[t] not in gone]
    assert rest.features[:, 0].tolist() == kept
    said = [None if t < 0 else rest.texts[t] for t in rest.text]
    assert said == [None if text[i] < 0 else texts[text[i]] for i in kept]
    assert not gone & set(rest.concepts)


def test_harmonic_mean_equals_its_naive_twin() -> None:
    rng = np.random.default_rng(0)
    margin, concept = rng.normal(size=60), rng.integers(5, size=60)
    right = rng.random((2, 60)) < 0.7
    for offset in (-9.0, 0.0, 0.3, 9.0):
        recalls = []
        for c in range(5):
            rows = [i for i in range(60) if concept[i] == c]
            hits = [right[0, i] if margin[i] + offset > 0 else right[1, i] for i in rows]
            recalls.append(sum(hits) / len(hits))
        new, old = sum(recalls[:2]) / 2, sum(recalls[2:]) / 3
        expected = 2 * new * old / (new + old) if new + old else 0.0
        assert _harmonic(offset, margin, right, concept, 2) == pytest.approx(expected)
