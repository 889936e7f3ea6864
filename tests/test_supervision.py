"""Learning from notes without exact times: what is decided, what never, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsalign.align import Contrastive, Mlp, Noted, Pairs, pairs_of
from tsalign.align.supervision.decoding import decode
from tsalign.align.supervision.noted import Claim, Guess, claims_of
from tsalign.align.supervision.taught import agreed, first_guess, taught
from tsalign.errors import TsalignError
from tsalign.types import Note, Segments, Sentence, Span

WORDS = {
    "SIT": "She sits down.",
    "WALK": "He walks away.",
    "LIE": "They lie in bed.",
    "STAND": "The patient stands still.",
    "CLIMB": "Climbs the stairs.",
}
NAMES = tuple(WORDS)


def say(number: int, name: str, start: float | None = None, length: float = 0.0) -> Sentence:
    stamp = None if start is None else Span(start, start + length)
    return Sentence(WORDS[name], f"n.{number}", concept=name, stamp=stamp)


def seconds(count: int) -> Segments:
    return Segments(np.stack([np.arange(count), np.arange(count) + 1], 1), rate=1.0)


def cut(events: list[tuple[str, int]], seed: int, **more: Any) -> Noted:
    """One recording: events of so many seconds each, 2 s of nothing between them, one note."""
    rng = np.random.default_rng(seed)
    truth = [-1, -1]
    sentences = []
    for number, (name, length) in enumerate(events):
        stamped = more.get("stamped", False)
        sentences.append(say(number, name, len(truth) if stamped else None, length))
        truth += [NAMES.index(name)] * length + [-1, -1]
    X = rng.normal(size=(len(truth), 6)) + 5 * np.eye(6)[np.array(truth)]
    note = Note("n", "", tuple(sentences), more.get("covers"), more.get("ordered"))
    return Noted(X.astype(np.float32), seconds(len(truth)), (note,))


def spoken(recordings: int = 24, **more: Any) -> list[Noted]:
    rng = np.random.default_rng(5)
    draw = lambda: [(str(rng.choice(NAMES)), int(rng.integers(4, 12))) for _ in range(3)]  # noqa: E731
    return [cut(draw(), seed, **more) for seed in range(recordings)]


def small(**more: Any) -> Contrastive:
    return Contrastive(Mlp(width=16), epochs=40, device="cpu", dimension=16, **more)


def same(one: Pairs, other: Pairs) -> bool:
    def equal(a: Any, b: Any) -> bool:
        return a is b is None or np.array_equal(a, b)

    return all(
        equal(getattr(one, name), getattr(other, name))
        for name in ("features", "text", "texts", "concepts", "recordings", "weights")
    )


def refuse(pairs: Pairs, number: int) -> Any:
    raise AssertionError("stamps need no rounds")


# What a note tells


def test_stamps_are_taken_at_their_word_without_any_round() -> None:
    stamped = spoken(stamped=True)
    known = pairs_of(stamped)
    assert same(taught(refuse, stamped)[0], known)
    assert same(taught(refuse, stamped, "stamped", tolerance=9.0)[0], known)
    assert known.weights is None


def test_a_window_of_width_zero_is_a_stamp() -> None:
    stamped = spoken(stamped=True)
    assert same(taught(refuse, stamped, "loose", tolerance=0.0)[0], pairs_of(stamped))


@pytest.mark.parametrize(("ordered", "kind"), [(True, "ordered"), (False, "unordered")])
def test_notes_of_one_kind_give_what_that_kind_gives(ordered: bool, kind: Any) -> None:
    told = spoken(ordered=ordered)
    alone, mixed = claims_of(told, kind)[0], claims_of(told)[0]
    assert [c.kind for c in alone] == [c.kind for c in mixed] == [kind] * len(told)
    for one, other in zip(alone, mixed, strict=True):
        assert np.array_equal(one.windows, other.windows)
        assert np.array_equal(one.said, other.said)


def test_each_note_is_of_its_own_kind() -> None:
    walk = [("WALK", 3), ("SIT", 3)]
    told = [cut(walk, 0, stamped=True), cut(walk, 1, ordered=True), cut(walk, 2)]
    assert [c.kind for c in claims_of(told)[0]] == ["stamped", "ordered", "unordered"]
    assert [c.kind for c in claims_of(told, tolerance=1.0)[0]] == ["loose", "ordered", "unordered"]
    assert len(claims_of(told, "stamped")[0]) == 1


def test_time_outside_the_stretch_of_a_note_teaches_nothing() -> None:
    told = [cut([("WALK", 6), ("SIT", 6)], 0, stamped=True, covers=Span(2.0, 10.0))]
    weights = pairs_of(told).weights
    assert weights is not None
    assert np.flatnonzero(weights).tolist() == [*range(2, 10)]


def test_notes_about_different_stretches_share_the_rows_of_a_recording() -> None:
    one = cut([("WALK", 6)], 0)
    halves = [
        Note("a", "", (say(0, "SIT"),), Span(0, 4)),
        Note("b", "", (say(1, "LIE"),), Span(4, 8)),
    ]
    whole = Note("c", "", (say(2, "WALK"),))
    told = [Noted(one.features, one.segments, (*halves, whole))]
    pairs = taught(refuse, told, rounds=0)[0]
    assert len(pairs.features) == 2 * len(one.features)


# What decoding may do


def ask(windows: Any, k: int, kind: Any) -> Claim:
    s = len(windows)
    return Claim(0, 0, k, np.arange(s), windows, windows, np.full(s, np.nan), kind)


claim = st.builds(
    lambda s, k, kind, seed: (s, k, kind, seed),
    st.integers(1, 12),
    st.integers(1, 25),
    st.sampled_from(["ordered", "unordered", "loose"]),
    st.integers(0, 999),
)


@given(claim)
@settings(max_examples=30, deadline=None)
def test_every_sentence_lands_once_inside_its_window(drawn: tuple[int, int, Any, int]) -> None:
    s, k, kind, seed = drawn
    rng = np.random.default_rng(seed)
    windows = np.sort(rng.integers(0, k + 1, (s, 2)), axis=1)
    asked = ask(windows, k, kind)
    scores = rng.normal(size=(k, s)).astype(np.float32)
    found = decode(asked, scores, [()] * s, 1.0)
    assert found.labels.shape == found.sure.shape == (k,)
    assert ((found.sure >= 0) & (found.sure <= 1)).all()
    starts = []
    for j in range(s):
        rows = np.flatnonzero(found.labels == j)
        if len(rows):
            assert (kind != "ordered" and s > 10) or len(rows) == rows[-1] - rows[0] + 1
            assert windows[j, 0] <= rows[0]
            assert rows[-1] < windows[j, 1]
            starts.append(rows[0])
    if kind == "ordered":
        assert starts == sorted(starts)


@given(st.integers(1, 9), st.integers(1, 30))
def test_the_first_guess_of_ordered_sentences_is_an_even_spread(s: int, k: int) -> None:
    windows = np.tile([0, k], (s, 1))
    guess = first_guess(
        Claim(0, 0, k, np.arange(s), windows, windows, np.full(s, np.nan), "ordered")
    )
    assert (np.diff(guess.labels) >= 0).all()
    sizes = np.bincount(guess.labels, minlength=s)
    assert sizes.max() - sizes.min() <= 1
    assert guess.sure.all()


def test_the_first_guess_of_unordered_sentences_is_a_bag() -> None:
    windows = np.array([[0, 3], [2, 4]])
    guess = first_guess(
        Claim(0, 0, 5, np.arange(2), windows, windows, np.full(2, np.nan), "unordered")
    )
    assert guess.may is not None
    assert guess.may.sum(1).tolist() == [1, 1, 2, 1, 0]
    assert guess.labels.tolist() == [0, 0, 0, 1, -1]


def test_two_heads_agree_where_labels_do_and_runs_overlap_by_half() -> None:
    sure = np.full(8, 0.5, np.float32)
    one = Guess(np.array([0, 0, 0, 0, -1, 1, 1, -1]), sure)
    other = Guess(np.array([0, 0, 0, -1, -1, -1, 1, 1]), np.full(8, 0.75, np.float32))
    both = agreed(one, other)
    assert both.sure.tolist() == [0.5, 0.5, 0.5, 0, 0.5, 0, 0, 0]
    assert np.array_equal(agreed(one, one).sure, sure)


# What is learnt


@pytest.mark.parametrize(
    ("told", "more", "right"),
    [({"ordered": True}, {}, 0.9), ({}, {}, 0.8), ({"stamped": True}, {"tolerance": 4.0}, 0.8)],
)
def test_notes_without_exact_times_teach_what_stamps_teach(
    told: dict[str, Any], more: dict[str, Any], right: float
) -> None:
    model = small(rounds=2, **more).fit(spoken(**told))
    unseen = pairs_of([cut([(n, 30) for n in NAMES], 99, stamped=True)])
    kept = unseen.text >= 0
    best = np.array(model.concepts_)[model.concept_scores(unseen.features[kept]).argmax(1)]
    answer = np.array(unseen.concepts)[unseen.text[kept]]
    assert (best == answer).mean() >= right


def test_the_same_seed_gives_the_same_bits() -> None:
    told = spoken(3, ordered=True)
    one, two = (small(rounds=1, random_state=3).fit(told) for _ in range(2))
    assert all(np.array_equal(one.weights_[name], two.weights_[name]) for name in one.weights_)


def test_unmentioned_time_that_is_unknown_never_teaches_nothing() -> None:
    model = small(unmentioned="unknown", rounds=1)
    known = pairs_of(spoken(6, stamped=True))
    model.concepts_ = tuple(sorted(NAMES))
    assert (known.text < 0).any()
    assert (known.text[model._counts(known) > 0] >= 0).all()


@pytest.mark.parametrize("better", ["nothing", "unknown"])
def test_validation_tells_what_silence_means(better: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = spoken(8, stamped=True)
    held = pairs_of([cut([(n, 8) for n in NAMES], 90 + i, stamped=True) for i in range(3)])
    if better == "unknown":
        monkeypatch.setattr(Contrastive, "_told", lambda self, _: self.unmentioned == better)
    chosen = small(unmentioned="validate").fit(told, held)
    alone = small(unmentioned=better).fit(told, held)
    assert all(np.array_equal(chosen.weights_[n], alone.weights_[n]) for n in alone.weights_)
    assert chosen.unmentioned == "validate"


def test_validating_silence_needs_validation() -> None:
    with pytest.raises(TsalignError, match="'validate' needs validation people"):
        small(unmentioned="validate").fit(spoken(2, stamped=True))


# What is refused


def test_notes_that_tell_nothing_are_refused() -> None:
    silent = Noted(np.zeros((3, 2), np.float32), seconds(3), ())
    with pytest.raises(TsalignError, match="no note tells anything to learn from"):
        small().fit([silent])
    with pytest.raises(TsalignError, match="supervision='loose'"):
        small(supervision="loose", tolerance=1.0).fit(spoken(2))


def test_a_stretch_outside_the_recording_tells_nothing() -> None:
    away = cut([("SIT", 4)], 0, covers=Span(500.0, 600.0))
    with pytest.raises(TsalignError, match="no note tells anything"):
        claims_of([away])
    assert len(claims_of([away, cut([("SIT", 4)], 1)])[0]) == 1


def test_rows_and_segments_go_together() -> None:
    with pytest.raises(TsalignError, match="3 rows, but 2 segments"):
        Noted(np.zeros((3, 2), np.float32), seconds(2), ())
