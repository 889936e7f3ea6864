"""The pieces between the graph and the rooms, each by itself."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from tsalign import stages
from tsalign.engine import Source
from tsalign.errors import TsalignError
from tsalign.match import Ordered
from tsalign.prepare import Resample
from tsalign.segment import Windows
from tsalign.stages import FAR, Scale, Told, finite_runs, fit_scale, hidden
from tsalign.tokens import KMeans
from tsalign.types import Note, Segments, Sentence, Signal, Span


def loads(*values: Any) -> list[Callable[[], Any]]:
    return [lambda value=value: value for value in values]


def said(text: str, start: float = 0.0, end: float = 0.0, **more: Any) -> Sentence:
    stamp = Span(start, end) if end else None
    return Sentence(text, f"n.{text}", stamp=stamp, **more)


def note(*sentences: Sentence) -> Note:
    return Note("n", "", sentences)


def unit() -> Scale:
    return Scale(np.zeros(1), np.ones(1))


def rows_of(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)[:, None]


SECONDS = Segments(np.array([[0, 1], [1, 2], [2, 3], [3, 4]]), rate=1.0)
tables = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 30), st.just(3)),
    elements=st.floats(-1e3, 1e3, width=32),
)


@given(tables, st.lists(st.integers(0, 30), max_size=4))
def test_the_scale_is_that_of_all_rows_however_they_are_cut(
    rows: NDArray[np.float32], cuts: list[int]
) -> None:
    scale = fit_scale(loads(*np.split(rows, sorted(cuts))))
    exact = rows.astype(np.float64)
    np.testing.assert_allclose(scale.mean, exact.mean(axis=0), rtol=1e-9, atol=1e-9)
    spread = exact.std(axis=0)
    # Rounding of the mean is all there is to a column that never changes.
    varies = spread > 1e-9
    np.testing.assert_allclose(scale.spread[varies], spread[varies], rtol=1e-6)


def test_the_spread_of_large_values_that_differ_little_is_not_lost() -> None:
    rows = 1e6 + np.random.default_rng(0).integers(0, 2, (1000, 1)).astype(np.float32)
    scale = fit_scale(loads(*np.split(rows, 10)))
    np.testing.assert_allclose(scale.spread, rows.astype(np.float64).std(axis=0), rtol=1e-9)


def test_scaled_rows_have_mean_0_and_spread_1_and_none_goes_far() -> None:
    rows = np.random.default_rng(1).normal(5, 3, (500, 4)).astype(np.float32)
    rows[:, 3] = 7.0
    scale = fit_scale(loads(rows))
    scaled = scale(rows)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=0), [1, 1, 1, 0], atol=1e-5)
    far = scale(rows + np.float32(1e6))
    assert (far == FAR).all()


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)))
def test_finite_runs_hold_every_whole_sample_and_no_other(missing: NDArray[np.bool_]) -> None:
    runs = list(finite_runs(np.where(missing, np.nan, 1.0)))
    inside = np.zeros(len(missing), int)
    for a, b in runs:
        assert a < b
        inside[a:b] += 1
    np.testing.assert_array_equal(inside, ~missing.any(axis=1))
    assert all(before[1] < after[0] for before, after in pairwise(runs))


def test_infinite_samples_are_missing_too() -> None:
    assert list(finite_runs(np.array([[1.0, 2.0], [np.inf, 1.0], [1.0, 1.0]]))) == [(0, 1), (2, 3)]


def test_segments_know_the_rate_and_leave_gaps_out() -> None:
    values = np.zeros((100, 1), np.float32)
    values[42:50] = np.nan
    block = Windows(length=2.0)
    cut = stages.segmented(block, lambda: Signal(values, 10.0, 3.0))
    assert cut.bounds.tolist() == [[0, 20], [20, 40], [50, 70], [70, 90]]
    assert (cut.rate, cut.start) == (10.0, 3.0)
    assert block.rate == 1.0  # the block of the pipeline file stays as it is


def test_a_signal_without_a_segment_is_refused() -> None:
    with pytest.raises(TsalignError, match="no segment: the signal is too short"):
        stages.segmented(Windows(5.0), lambda: Signal(np.zeros((40, 1), np.float32), 10.0))
    with pytest.raises(TsalignError, match="or all of it is missing"):
        stages.segmented(Windows(5.0), lambda: Signal(np.full((99, 1), np.nan, np.float32), 10.0))


def test_a_recording_is_read_and_prepared_and_mistakes_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time,x\n" + "".join(f"{i / 10},{i}\n" for i in range(40)))
    signal = stages.prepared(None, [Resample(rate=5.0)], Source(path, ""))
    assert (signal.rate, len(signal), signal.channels) == (5.0, 20, ("x",))
    path.write_text("time,x\n0,one\n")
    with pytest.raises(TsalignError) as error:
        stages.prepared(None, [], Source(path, ""))
    assert str(error.value).startswith(str(path))


def test_tokens_are_those_of_the_scaled_rows() -> None:
    rows = rows_of(0, 1, 100, 101)
    scale = fit_scale(loads(rows))
    fitted = stages.fit_tokens(KMeans(2, random_state=0), lambda: scale, loads(rows[:2], rows[2:]))
    tokens = stages.tokenised(lambda: fitted, lambda: scale, lambda: rows, lambda: SECONDS)
    assert tokens.ids.dtype == np.int32
    assert tokens.size == 2
    assert tokens.ids[0] == tokens.ids[1] != tokens.ids[2] == tokens.ids[3]


def pairs_of(*told: Told) -> Any:
    rows = loads(*(rows_of(*range(4)) for _ in told))
    return stages._pairs(told, unit, rows, loads(*(SECONDS for _ in told)))


def test_a_segment_belongs_to_the_sentence_that_holds_its_middle() -> None:
    told = Told((note(said("He sat.", 0.4, 1.5, concept="SIT"), said("He rose.", 1.5, 2.6)),))
    pairs = pairs_of(told)
    assert pairs.texts == ("He sat.", "He rose.")
    assert pairs.concepts == ("SIT", None)
    assert pairs.text.tolist() == [0, 1, 1, -1]
    assert pairs.features.ravel().tolist() == [0, 1, 2, 3]


def test_one_wording_is_one_text_over_all_recordings() -> None:
    told = Told((note(said("He sat.", 0, 2)),))
    pairs = pairs_of(told, told)
    assert pairs.texts == ("He sat.",)
    assert pairs.text.tolist() == [0, 0, -1, -1] * 2
    assert pairs.recordings.tolist() == [0] * 4 + [1] * 4


def test_each_note_tells_its_own_story_of_the_same_segments() -> None:
    pairs = pairs_of(Told((note(said("He sat.", 0, 2)), note(said("Seated.", 2, 4)))))
    assert pairs.text.tolist() == [0, 0, -1, -1, -1, -1, 1, 1]
    assert pairs.recordings.tolist() == [0] * 4 + [1] * 4, "the last is no neighbour of the first"


def test_notes_without_times_teach_nothing_and_their_silence_is_no_nothing() -> None:
    told = Told((note(said("He sat.", 0, 2)), note(said("She was thirsty."))))
    assert pairs_of(told).texts == ("He sat.",)
    assert len(pairs_of(told).features) == 4


def test_a_sentence_without_a_time_but_with_a_concept_teaches_its_words() -> None:
    known, unknown = said("Sits down.", concept="SIT"), said("Drank tea.")
    pairs = pairs_of(Told((note(said("He sat.", 0, 2, concept="SIT"), known, unknown),)))
    assert pairs.texts == ("He sat.", "Sits down.")
    assert pairs.names == ("SIT", "SIT")
    assert pairs.text.tolist() == [0, 0, -1, -1]


class Knows:
    """A model of which the matcher only asks for its concepts."""

    concepts_ = ("SIT", "WALK")


@pytest.mark.parametrize(
    ("train", "lengths"),
    [
        ([(0, 3, "SIT"), (3, 4, "WALK")], [[3.0], [1.0]]),
        ([(0, 2, "SIT"), (1, 3, "SIT"), (2, 4, "WALK")], [[4.0], []]),
        ([], [[4.0], []]),
    ],
)
def test_durations_are_those_of_events_not_of_windows(
    train: list[tuple[float, float, str]], lengths: list[list[float]]
) -> None:
    told = Told((note(*(said(str(i), *s[:2], concept=s[2]) for i, s in enumerate(train))),))
    held_out = Told((note(said("Sits.", 0, 4, concept="SIT")),))
    placer = stages.fit_match(Ordered(), [told], [held_out], [], Knows, [], [])
    assert [seconds.tolist() for seconds in placer.seconds_] == lengths


def test_what_did_not_happen_is_said_of_no_segment() -> None:
    plans = [said(f"It {a}.", 0, 2, assertion=a) for a in ("absent", "history", "plan")]
    here = [said("Perhaps.", 1, 2, assertion="possible"), said("Yes.", 3, 4)]
    pairs = pairs_of(Told((note(*plans, *here),)))
    assert pairs.texts == ("Perhaps.", "Yes.")
    assert pairs.text.tolist() == [-1, 0, -1, 1]


def test_sentences_known_to_match_nothing_stand_among_the_texts() -> None:
    pairs = pairs_of(Told((note(said("He sat.", 0, 2)),), ("Blood was drawn.", "He sat.")))
    assert pairs.texts == ("He sat.", "Blood was drawn.")
    assert pairs.text.max() == 0


class Recorded:
    """An aligner that remembers what it was taught."""

    def fit(self, pairs: Any, held: Any) -> Recorded:
        self.pairs, self.held = pairs, held
        return self

    def __sklearn_clone__(self) -> Recorded:
        return Recorded()


def taught(train: list[Told], valid: list[Told]) -> Recorded:
    def of(told: list[Told], value: Any) -> list[Callable[[], Any]]:
        return loads(*(value for _ in told))

    rows = rows_of(*range(4))
    return stages.fit_align(
        Path("unused"), print, Recorded(), train, valid, unit,
        of(train, rows), of(train, SECONDS), of(valid, rows), of(valid, SECONDS),
    )  # fmt: skip


def test_learning_wants_times_and_validation_does_without() -> None:
    timed, untimed = Told((note(said("He sat.", 0, 2)),)), Told((note(said("He sat.")),))
    assert taught([timed], [timed]).held.texts == ("He sat.",)
    assert taught([timed], [untimed]).held is None
    assert taught([timed], []).held is None
    with pytest.raises(TsalignError, match="align: no training sentence has a time"):
        taught([untimed], [timed])


def test_across_a_gap_nobody_is_a_neighbour_when_learning() -> None:
    gap = cut(0, 1, 4, 5, 6)
    given = [Told((note(said("He sat.", 0, 2)),))] * 2
    pairs = stages._pairs(given, unit, loads(*[rows_of(*range(5))] * 2), loads(gap, gap))
    assert pairs.recordings.tolist() == [0, 0, 1, 1, 1, 2, 2, 3, 3, 3]


def cut(*starts: int) -> Segments:
    return Segments(np.array([(a, a + 1) for a in starts], np.int64).reshape(-1, 2), 1.0)


def test_a_matcher_sees_no_concept_and_no_stamp_and_stated_times_only_when_it_asks() -> None:
    sentence = said("He sat.", 3, 4, when=Span(1, 2), concept="SIT", assertion="possible")
    given = (note(sentence), note())
    blind, timed = hidden(given, times=False), hidden(given, times=True)
    assert [s.when for n in blind for s in n.sentences] == [None]
    assert [s.when for n in timed for s in n.sentences] == [Span(1, 2)]
    for notes in (blind, timed):
        shown = notes[0].sentences[0]
        assert (shown.text, shown.id, shown.assertion) == ("He sat.", "n.He sat.", "possible")
        assert (shown.concept, shown.stamp) == (None, None)
        assert len(notes) == 2
    assert given[0].sentences[0].concept == "SIT"


def test_a_matcher_with_a_window_sees_a_stamp_where_the_words_state_no_time() -> None:
    given = (note(said("He sat.", 3, 4)),)
    assert [s.when for n in hidden(given, times=True) for s in n.sentences] == [Span(3, 4)]
    assert [s.when for n in hidden(given, times=False) for s in n.sentences] == [None]
