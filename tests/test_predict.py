"""Masked prediction: what is hidden, what counts, and that it can be stopped and kept."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import normalized_mutual_info_score

from tsalign import folders
from tsalign.course import Course
from tsalign.errors import TsalignError
from tsalign.tokens import KMeans, MaskedPredictor
from tsalign.tokens.masked import Batch, Recipe, Stream, batches, hide, loss
from tsalign.transformer import Shape, Transformer
from tsalign.types import Segments, Tokens

TINY: dict[str, Any] = {
    "width": 8,
    "layers": 2,
    "heads": 2,
    "span": 2,
    "context": 12,
    "epochs": 3,
    "batch_size": 4,
    "device": "cpu",
}


def small(**more: Any) -> MaskedPredictor:
    return MaskedPredictor(**(TINY | more))


def recipe(**more: Any) -> Recipe:
    given = {"span": 2, "context": 12, "share": 0.5, "epochs": 3, "batch_size": 4, "patience": 2}
    rest = {"learning_rate": 1e-2, "weight_decay": 0.0, "random_state": 0}
    return Recipe(Shape(3, 5, 8, 2, 2), **(given | rest | more))


def noise(*lengths: int, size: int = 5, seed: int = 0) -> tuple[list[Any], list[Any]]:
    """Rows that say nothing, and tokens drawn at random."""
    rng = np.random.default_rng(seed)
    rows = [rng.normal(size=(n, 3)).astype(np.float32) for n in lengths]
    return rows, [rng.integers(0, size, n) for n in lengths]


def timed(ids: Any, step: int, size: int = 5) -> Tokens:
    starts = step * np.arange(len(ids))
    cut = Segments(np.stack([starts, starts + step], axis=1), rate=100.0)
    return Tokens(np.asarray(ids, np.int32), size, cut)


@pytest.fixture(scope="module")
def network() -> Transformer:
    torch.manual_seed(0)
    return Transformer(Shape(3, 5, 8, 2, 2)).eval()


@pytest.fixture(scope="module")
def fitted() -> MaskedPredictor:
    return small().fit(*noise(40, 25, 7), noise(30, seed=1))


# What is hidden


@given(
    st.integers(1, 200),
    st.integers(1, 60),
    st.floats(0.01, 1.0),
    st.integers(0, 2**32 - 1),
)
def test_hidden_rows_are_whole_spans_and_the_stated_share(
    n: int, span: int, share: float, seed: int
) -> None:
    hidden = hide(n, span, share, np.random.default_rng(seed))
    length = min(span, max(n // 2, 1))
    runs = [len(list(group)) for value, group in groupby(hidden.tolist()) if value]
    assert len(hidden) == n
    assert runs
    assert all(run % length == 0 for run in runs)
    wanted = min(max(share * n, length), n)
    assert abs(hidden.sum() - wanted) <= max(length / 2, n % length)


def test_every_placing_of_the_spans_is_equally_likely() -> None:
    rng = np.random.default_rng(0)
    drawn = [tuple(np.flatnonzero(hide(6, 2, 0.7, rng)).tolist()) for _ in range(3000)]
    # Two spans of two among six rows: choose their order among two visible rows.
    places = Counter(drawn)
    assert set(places) == {
        (0, 1, 2, 3),
        (0, 1, 3, 4),
        (0, 1, 4, 5),
        (1, 2, 3, 4),
        (1, 2, 4, 5),
        (2, 3, 4, 5),
    }
    assert min(places.values()) > 400


@given(st.lists(st.integers(1, 60), min_size=1, max_size=5), st.integers(0, 9))
def test_a_round_shows_every_row_once(lengths: list[int], seed: int) -> None:
    rows, tokens = noise(*lengths)
    first = np.cumsum([0, *lengths])
    for at, some in zip(first, rows, strict=False):
        some[:, 0] = at + np.arange(len(some))  # rows carry their number
    streams = [Stream(x, z) for x, z in zip(rows, tokens, strict=True)]
    seen = []
    for batch in batches(streams, recipe(), (seed,)):
        assert batch.rows.shape[0] <= 4
        assert batch.rows.shape[1] <= 12
        assert not (batch.masked & ~batch.real).any()
        assert batch.masked.any(dim=1).all()
        assert not batch.rows[~batch.real].any()
        seen += batch.rows[batch.real][:, 0].tolist()
        whole = np.concatenate(tokens)[batch.rows[batch.real][:, 0].numpy().astype(int)]
        assert np.array_equal(batch.tokens[batch.real].numpy(), whole)
    assert sorted(seen) == list(range(sum(lengths)))


def a_batch() -> Batch:
    streams = [Stream(x, z) for x, z in zip(*noise(12, 9, 5), strict=True)]
    return next(batches(streams, recipe(), (0,)))


def test_only_hidden_rows_count(network: Transformer) -> None:
    batch = a_batch()
    before = loss(network, batch)
    other = torch.where(batch.masked, batch.tokens, 4 - batch.tokens)
    assert not torch.equal(other, batch.tokens)
    assert loss(network, Batch(batch.rows, other, batch.real, batch.masked)) == before
    other = torch.where(batch.masked, 4 - batch.tokens, batch.tokens)
    assert loss(network, Batch(batch.rows, other, batch.real, batch.masked)) != before


def test_what_is_hidden_cannot_be_seen(network: Transformer) -> None:
    batch = a_batch()
    rows = torch.where(batch.masked[..., None], torch.tensor(1e6), batch.rows)
    with torch.no_grad():
        before = network(batch.rows, batch.real, batch.masked)
        assert torch.equal(network(rows, batch.real, batch.masked), before)


def test_padding_changes_nothing(network: Transformer) -> None:
    batch = a_batch()
    rows = torch.where(batch.real[..., None], batch.rows, torch.tensor(1e6))
    with torch.no_grad():
        together = network(rows, batch.real, batch.masked)
        for i, length in enumerate(batch.real.sum(dim=1).tolist()):
            one = slice(i, i + 1), slice(0, length)
            alone = network(batch.rows[one], batch.real[one], batch.masked[one])
            torch.testing.assert_close(together[one], alone, rtol=1e-4, atol=1e-5)


# What is learnt


def test_what_only_the_surroundings_tell_is_learnt() -> None:
    rng = np.random.default_rng(0)
    tokens = [(np.arange(48) + rng.integers(4)) % 4 for _ in range(24)]
    rows = [np.eye(4)[t] for t in tokens]
    model = small(width=16, dropout=0.0, epochs=15, learning_rate=1e-2, context=24)
    model.fit(rows[4:], tokens[4:], (rows[:4], tokens[:4]))
    assert model.history_[0].min() > 0.5  # of log 4 = 1.39 nats, without knowing anything
    assert model.history_[-1].max() < 0.1
    assert np.array_equal(model.predict(rows[0]), tokens[0])


def test_second_tokens_say_more_of_a_slow_state() -> None:
    """Each row shows one of three things; the state, lasting long, says only which are likely."""
    rng = np.random.default_rng(0)
    states = [np.repeat(rng.permutation(4), 25) for _ in range(16)]
    chances = np.array([[8, 1, 1], [1, 8, 1], [1, 1, 8], [1, 1, 1]], float)
    chances /= chances.sum(axis=1, keepdims=True)
    shown = [np.array([rng.choice(3, p=chances[s]) for s in some]) for some in states]
    rows = [np.eye(3)[z] + 0.05 * rng.normal(size=(len(z), 3)) for z in shown]
    model = small(width=16, epochs=10, learning_rate=1e-2, context=50, span=4, batch_size=8)
    model.fit(rows, shown)
    middle = np.concatenate([model.transform(x) for x in rows])
    second = KMeans(n_clusters=3, random_state=0).fit_predict(middle)
    truth = np.concatenate(states)
    first = normalized_mutual_info_score(truth, np.concatenate(shown))
    assert normalized_mutual_info_score(truth, second) > 1.2 * first


def test_the_best_round_is_kept_and_a_tired_course_stops() -> None:
    train, valid = noise(40, 25), noise(30, seed=1)
    model = small(epochs=40, learning_rate=0.03, dropout=0.0, patience=2).fit(*train, valid)
    best = int(model.history_[:, 1].argmin())
    assert len(model.history_) == best + 3 < 40
    network = model._network()
    streams = [Stream(model._standard(valid[0][0]), valid[1][0])]
    again = [
        (loss(network, b).item(), int(b.masked.sum()))
        for b in batches(streams, model._recipe(), (0,))
    ]
    mean = sum(a * n for a, n in again) / sum(n for _, n in again)
    assert mean == pytest.approx(model.history_[best, 1], rel=1e-5)


def same(a: MaskedPredictor, b: MaskedPredictor) -> None:
    assert np.array_equal(a.history_, b.history_, equal_nan=True)
    assert set(a.weights_) == set(b.weights_)
    for name, array in a.weights_.items():
        assert np.array_equal(array, b.weights_[name]), name


def test_the_same_seed_gives_the_same_bits_for_any_threads(fitted: MaskedPredictor) -> None:
    before, state = torch.get_num_threads(), torch.random.get_rng_state()
    try:
        torch.set_num_threads(3 - min(before, 2))
        torch.rand(7)
        same(small().fit(*noise(40, 25, 7), noise(30, seed=1)), fitted)
        other = small(random_state=1).fit(*noise(40, 25, 7), noise(30, seed=1))
    finally:
        torch.set_num_threads(before)
        torch.random.set_rng_state(state)
    assert not np.array_equal(other.weights_["hidden"], fitted.weights_["hidden"])


def test_learning_leaves_the_global_draws_alone() -> None:
    torch.manual_seed(5)
    first = torch.rand(3)
    torch.manual_seed(5)
    small(epochs=1).fit(*noise(10)).transform(noise(10)[0][0])
    assert torch.equal(torch.rand(3), first)


# Stopped, kept, refused


def killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, rounds: int) -> None:
    """Fit until the round of this number, which never ends."""
    through = Course._round

    def die(course: Any, lessons: Any) -> float:
        if len(course.curves) == rounds:
            raise KeyboardInterrupt
        return through(course, lessons)

    with monkeypatch.context() as patch:
        patch.setattr(Course, "_round", die)
        with pytest.raises(KeyboardInterrupt):
            small().fit(*noise(40, 25, 7), noise(30, seed=1), checkpoint=tmp_path)


@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_a_killed_fit_goes_on_and_ends_the_same(
    rounds: int, fitted: MaskedPredictor, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    killed(monkeypatch, tmp_path, rounds)
    counted: list[int] = []
    through = Course._round

    def count(course: Any, lessons: Any) -> float:
        counted.append(len(course.curves))
        return through(course, lessons)

    monkeypatch.setattr(Course, "_round", count)
    same(small().fit(*noise(40, 25, 7), noise(30, seed=1), checkpoint=tmp_path), fitted)
    assert counted == list(range(rounds, 3))


def test_what_another_fit_left_is_not_taken_up(
    fitted: MaskedPredictor, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    killed(monkeypatch, tmp_path, 2)
    more = small(learning_rate=0.1)
    same(
        clone(more).fit(*noise(40), checkpoint=tmp_path),
        clone(more).fit(*noise(40)),
    )
    killed(monkeypatch, tmp_path, 2)
    data = noise(40, 25, 7, seed=3)
    same(small().fit(*data, checkpoint=tmp_path), small().fit(*data))
    killed(monkeypatch, tmp_path, 2)
    (tmp_path / folders.MODEL).write_text("{")
    same(small().fit(*noise(40, 25, 7), noise(30, seed=1), checkpoint=tmp_path), fitted)


def test_a_saved_model_gives_the_same_numbers(fitted: MaskedPredictor, tmp_path: Any) -> None:
    fitted.save(tmp_path)
    again = MaskedPredictor.load(tmp_path)
    rows = noise(33, seed=9)[0][0]
    assert again.get_params() == fitted.get_params()
    assert (again.n_tokens_, again.rate_) == (5, 1.0)
    assert np.array_equal(again.transform(rows), fitted.transform(rows))
    assert np.array_equal(again.logits(rows), fitted.logits(rows))
    same(again, fitted)
    with pytest.raises(NotFittedError):
        small().save(tmp_path / "other")
    folders.save(tmp_path, {"class": "contrastive"}, {})
    with pytest.raises(TsalignError, match="no masked predictor"):
        MaskedPredictor.load(tmp_path)


def test_long_streams_are_seen_through_the_context(fitted: MaskedPredictor) -> None:
    rows = noise(100, seed=4)[0][0]
    other = rows.copy()
    other[50:] = 0
    a, b = fitted.transform(rows), fitted.transform(other)
    assert np.array_equal(a[:36], b[:36])
    assert not np.allclose(a[48:50], b[48:50])


@pytest.mark.parametrize("n", [0, 1, 2, 13])
def test_streams_of_any_length(fitted: MaskedPredictor, n: int) -> None:
    rows, tokens = noise(n, 1, 5)
    model = small(epochs=1).fit(rows, tokens, (rows, tokens))
    assert np.isfinite(model.history_).all()
    assert fitted.transform(rows[0]).shape == (n, 8)
    assert fitted.logits(rows[0]).shape == (n, 5)
    assert fitted.predict(rows[0]).dtype == np.int32


def test_tokens_bring_their_rate_and_it_is_checked() -> None:
    rows, ids = noise(20, 30)
    model = small(span=0.2, context=1.2).fit(rows, [timed(z, step=10) for z in ids])
    assert model.rate_ == 10.0
    assert (model._recipe().span, model._recipe().context) == (2, 12)
    assert model.transform(rows[0], rate=10.1).shape == (20, 8)
    with pytest.raises(TsalignError, match="tokens come at 20 Hz; 10 Hz are needed"):
        model.transform(rows[0], rate=20.0)
    mixed = [timed(ids[0], step=10), timed(ids[1], step=5)]
    with pytest.raises(TsalignError, match="stream 1: tokens come at 20 Hz; 10 Hz are needed"):
        small().fit(rows, mixed)
    with pytest.raises(TsalignError, match="stream 0: tokens come at 10 Hz; 50 Hz are needed"):
        small(rate=50.0).fit(rows, mixed)
    with pytest.raises(TsalignError, match="validation stream 0: tokens come at 20 Hz"):
        small().fit(rows[:1], mixed[:1], (rows[1:], mixed[1:]))


def damaged(rows: list[Any]) -> list[Any]:
    rows[1][3, 2] = np.nan
    return rows


X, Z = noise(20, 10)
REFUSED = {
    "stream 1: row 3 is not finite": (damaged(noise(20, 10)[0]), Z),
    "2 streams of rows, but 1 of tokens": (X, Z[:1]),
    "stream 0: 20 rows, but 19 tokens": (X, [Z[0][1:], Z[1]]),
    "no row: there is nothing to learn from": ([X[0][:0]], [Z[0][:0]]),
    "no row": ([], []),
    "stream 1: token -1 is out of range": (X, [Z[0], Z[1] - 1 - Z[1].min()]),
    "stream 0: token 7 is out of range; there are 0 to 4": (X[:1], [timed([7] * 20, 10)]),
    "stream 0: tokens are whole numbers": (X, [Z[0] + 0.5, Z[1]]),
    r"stream 0: rows have shape \(20,\)": ([X[0][:, 0], X[1]], Z),
    "stream 1: rows have 2 columns; 3 were learnt from": ([X[0], X[1][:, :2]], Z),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_learnt_from_is_named(message: str) -> None:
    with pytest.raises(TsalignError, match=message):
        small().fit(*REFUSED[message])


def test_validation_is_named_where_it_is_wrong() -> None:
    with pytest.raises(TsalignError, match="validation stream 1: token 9 is out of range"):
        small().fit(X, Z, (X, [Z[0], np.full(10, 9)]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"share": 1.5}, "share=1.5"),
        ({"width": 9}, "width=9 is no multiple of heads=2"),
        ({"layer": 3}, "layer=3: there are 2 layers"),
        ({"device": "abacus"}, "abacus"),
    ],
)
def test_wrong_parameters_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(TsalignError, match=message):
        small(**change).fit(X, Z)


def test_nothing_is_asked_of_what_has_not_learnt() -> None:
    with pytest.raises(NotFittedError, match="call fit first"):
        small().transform(X[0])
