"""What must not reach learning does not, and where there is nothing to learn nothing is learnt."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_align import CONCEPTS, TRAIN, VALID, make_pairs, small, truth
from tiny import NOTES, Tiny

from tsalign.align import Pairs
from tsalign.errors import TsalignError

CANARY = "The zanzibar canary whistled in ward nineteen."
TESTED = ("s21_0", "s22_0")


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_of_shuffled_sentences_nothing_is_learnt(seed: int) -> None:
    """Each segment has the text of another: unseen people are told by chance."""
    pairs = make_pairs(seed, TRAIN, nothing=False)
    order = np.random.default_rng(seed).permutation(len(pairs.text))
    shuffled, unseen = replace(pairs, text=pairs.text[order]), make_pairs(9, VALID, 400, False)
    told = {c: VALID[c] for c in CONCEPTS}

    def share(learnt: Pairs) -> float:
        model = small(epochs=8, random_state=seed).fit(learnt)
        return float((model.classify(unseen.features, told).argmax(1) == truth(unseen)).mean())

    assert share(shuffled) < 0.5 < 0.9 < share(pairs)


def test_a_canary_in_the_test_notes_reaches_nothing_learnt(tmp_path: Path) -> None:
    """Other words in test notes change no byte of what is learnt, and are not in it."""
    runs = []
    for name in ("plain", "canary"):
        tiny = Tiny(tmp_path / name).copied(tmp_path / f"{name} data")
        if name == "canary":
            notes = [json.loads(line) for line in (tiny.data / NOTES).read_text().splitlines()]
            for note in notes:
                if note["recording"] in TESTED:
                    note["sentences"] = [s | {"text": CANARY} for s in note["sentences"]]
            (tiny.data / NOTES).write_text("".join(json.dumps(note) + "\n" for note in notes))
        runs.append(tiny.run())
    plain, canary = (
        {str(p.relative_to(run.folder)): p.read_bytes() for p in learnt(run.folder)} for run in runs
    )
    assert {row["text"] for row in runs[1].rows if row["recording"] in TESTED} == {CANARY}
    assert len(plain) > 5
    assert plain == canary
    assert not [name for name, content in canary.items() if b"canary" in content]


def learnt(folder: Path) -> list[Path]:
    """Return the files of the model, but for those that tell of the run and its data."""
    files = (p for p in (folder / "model").rglob("*") if p.is_file())
    return sorted(p for p in files if p.name not in ("README.md", "pipeline.yaml"))


# --- little and odd to learn from ---------------------------------------------------------------


def test_a_concept_with_one_sentence_is_learnt_like_any_other() -> None:
    few = {c: TRAIN[c][:1] for c in CONCEPTS}
    model = small(epochs=8).fit(make_pairs(0, few))
    unseen = make_pairs(5, few, 200, nothing=False)
    assert (model.concept_scores(unseen.features).argmax(1) == truth(unseen)).mean() > 0.9


def test_one_concept_alone_has_nothing_to_be_told_from() -> None:
    x = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    alone = Pairs(x, np.zeros(50, np.int32), ("She sits.",), ("SIT",))
    with pytest.raises(TsalignError, match="all that is said is 'SIT', and nothing else"):
        small().fit(alone)
    some = replace(alone, text=np.where(x[:, 0] > 0, 0, -1).astype(np.int32))
    with pytest.raises(TsalignError, match="all that is said is 'SIT', and nothing else"):
        small(unmentioned="unknown").fit(some)
    told = small(unmentioned="validate", epochs=2).fit(some, some)
    assert told.concepts_ == ("SIT",)


@pytest.mark.parametrize("words", ["She sits. " * 1000, "x" * 10_000, "", " \n"])
def test_very_long_and_empty_texts_have_a_place(words: str) -> None:
    model = small(epochs=1).fit(make_pairs(0, TRAIN, 60))
    place = model.encode_text([words, "She sits."])
    assert np.isfinite(place).all()
    assert np.isfinite(model.concept_text([words])).all()


def test_segments_that_are_all_alike_teach_what_was_said_most() -> None:
    pairs = make_pairs(0, TRAIN, 100)
    same = replace(pairs, features=np.ones_like(pairs.features))
    model = small(epochs=2).fit(same)
    scores = model.concept_scores(same.features)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scores, np.broadcast_to(scores[:1], scores.shape), atol=1e-5)
