"""Encoders made of others, concepts that lie close, and how a run tells of them."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from sklearn.base import clone

from tsalign.align import (
    ConceptText,
    Contrastive,
    Joined,
    MiniLM,
    Mlp,
    Pairs,
    Prompts,
    close_concepts,
)
from tsalign.align.space.persist import from_block, to_block
from tsalign.config import load
from tsalign.engine import _heard
from tsalign.errors import TsalignError, TsalignWarning

TEXTS = ["He sat down.", "She walks upstairs.", ""]
MINILM = MiniLM()


class Short:
    """Somebody's encoder, without views."""

    def encode(self, texts):
        return np.array([[len(t) + 1.0, 1.0] for t in texts], np.float32) / 99


def test_joined_cosine_is_the_mean_of_the_cosines() -> None:
    other = Prompts(["The patient: {}"], MINILM)
    rows = Joined([MINILM, other]).encode(TEXTS)
    parts = [encoder.encode(TEXTS) for encoder in (MINILM, other)]
    assert np.allclose(rows @ rows.T, np.mean([p @ p.T for p in parts], axis=0), atol=1e-5)
    assert Joined([MINILM, other]).views(TEXTS).shape == (3, 3, 768)
    assert Joined([MINILM, Short()]).views(TEXTS).shape == (3, 1, 386)


def test_one_bare_template_changes_nothing() -> None:
    assert np.allclose(Prompts(["{}"], MINILM).views(TEXTS), MINILM.views(TEXTS), atol=1e-6)


def test_templates_are_averaged() -> None:
    templates = ["Note: {}", "{} Observed."]
    asked = [MINILM.encode([t.replace("{}", TEXTS[0])])[0] for t in templates]
    mean = np.mean(asked, axis=0)
    found = Prompts(templates, MINILM).encode(TEXTS[:1])[0]
    assert np.allclose(found, mean / np.linalg.norm(mean), atol=1e-5)


@pytest.mark.parametrize("wrong", [Prompts(["no place"]), Prompts([]), Joined([])])
def test_parts_that_cannot_work_are_refused(wrong) -> None:
    with pytest.raises(TsalignError):
        wrong.encode(TEXTS)


@pytest.mark.parametrize("block", [Joined([MiniLM(), Prompts(["A {}"], MiniLM(3))]), MiniLM(5)])
def test_parts_go_into_a_block_and_back(block) -> None:
    plain = json.loads(json.dumps(to_block("text", block)))
    again = from_block("text", plain)
    assert json.loads(json.dumps(to_block("text", again))) == plain
    assert np.array_equal(again.encode(TEXTS), clone(block).encode(TEXTS))


def test_a_pipeline_file_joins_encoders() -> None:
    given = "{kind: joined, text: [minilm, {kind: prompts, templates: ['Pt: {}'], text: minilm}]}"
    config = load("pipelines/tiny.yaml", [f"align.text={given}"])
    assert config.align.text.text[1].templates == ["Pt: {}"]
    assert config.filled()["align"]["text"]["text"][1]["kind"] == "prompts"


def test_concepts_are_learnt_from_an_encoder_without_views() -> None:
    model = ConceptText(Short()).fit(["Sits.", "Walks far away."], ["SIT", "WALK"])
    assert np.isfinite(model.log_proba(TEXTS)).all()


UP_DOWN = (["She walks upstairs.", "She walks downstairs.", "Lunch."], ["UP", "DOWN", "EAT"])


def test_close_concepts_are_named_and_others_are_not() -> None:
    pairs = close_concepts(*UP_DOWN, MINILM, limit=0.7)
    (first, second, cosine) = pairs[0]
    rows = MINILM.encode(UP_DOWN[0])
    assert (first, second) == ("DOWN", "UP")
    assert cosine == pytest.approx(float(rows[0] @ rows[1]), abs=1e-6)
    assert not close_concepts(["One."], ["A"], MINILM)
    assert not close_concepts(["Same.", "Same."], ["A", "A"], MINILM)
    assert not close_concepts(["Same.", "Same."], [None, "A"], MINILM)


def test_learning_warns_of_close_concepts_and_keeps_them_apart() -> None:
    rng = np.random.default_rng(0)
    said = rng.integers(2, size=40).astype(np.int32)
    texts = ("He went up the stairs.", "He went up the stairs, again.")
    features = (rng.normal(size=(40, 3)) + said[:, None]).astype(np.float32)
    pairs = Pairs(features, said, texts, ("UP", "UP AGAIN"))
    model = Contrastive(Mlp(width=8), MINILM, epochs=1, device="cpu")
    with pytest.warns(TsalignWarning, match="'UP' and 'UP AGAIN'"):
        model.fit(pairs)
    assert model.concepts_ == ("UP", "UP AGAIN")


def two_warnings(told: list[str]) -> None:
    with _heard(told.append):
        warnings.simplefilter("always")
        warnings.warn("two concepts lie close", TsalignWarning, stacklevel=1)
        warnings.warn("somebody else's", UserWarning, stacklevel=1)


def test_a_run_tells_our_warnings_as_events_and_shows_others() -> None:
    told: list[str] = []
    with pytest.warns(UserWarning, match="somebody else's") as shown:
        two_warnings(told)
    assert told == ["two concepts lie close"]
    assert len(shown) == 1
