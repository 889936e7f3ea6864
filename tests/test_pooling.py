"""Elements and wholes in one model: pooling, stretches, learning, retrieval and figures."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import naive_align
import naive_networks as naive
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from tiny import Tiny
from two_processes import Words

from tsalign.align import (
    Attention,
    ContextEncoder,
    Contrastive,
    Index,
    Mlp,
    Noted,
    notes_for,
    pairs_of,
    recordings_for,
)
from tsalign.align.pooling.attention import Pools
from tsalign.align.pooling.stretches import Whole, cut
from tsalign.align.pooling.whole import wholes_of
from tsalign.errors import TsalignError
from tsalign.evaluate import GlobalRetrieval, Results
from tsalign.types import Note, Segments, Sentence, Span, Wholes

SCALES = (4.0, "recording")


def built(seed: int = 0, heads: int = 2) -> Pools:
    """Return a network that has learnt something: no weight is at its start."""
    torch.manual_seed(seed)
    pools = Attention(scales=SCALES, heads=heads).build(8).double()
    for weights in pools.parameters():
        torch.nn.init.normal_(weights.view(-1))
    return pools


def rows(seed: int, *shape: int) -> torch.Tensor:
    make = torch.Generator().manual_seed(seed)
    drawn = torch.randn(*shape, 8, generator=make, dtype=torch.float64)
    return torch.nn.functional.normalize(drawn, dim=-1)


# --- pooling ------------------------------------------------------------------------------------


@given(st.integers(0, 99), st.integers(1, 7), st.integers(0, 1), st.sampled_from([1, 2, 4]))
def test_pooling_is_what_its_twin_says(seed: int, members: int, scale: int, heads: int) -> None:
    pools, x = built(seed, heads), rows(seed, 3, members)
    weights = {name: t.detach().numpy() for name, t in pools.state_dict().items()}
    got = pools.signal(x, torch.ones(3, members, dtype=torch.bool), scale).detach().numpy()
    want = [naive.pooled(list(some), weights, "signal", scale, heads) for some in x.numpy()]
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)


@given(st.integers(0, 99), st.permutations(range(6)))
def test_neither_order_nor_what_is_masked_matters(seed: int, order: list[int]) -> None:
    pools, x = built(seed), rows(seed, 2, 6)
    real = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
    once = pools.signal(x, real, 0)
    torch.testing.assert_close(pools.signal(x[:, order], real[:, order], 0), once)
    torch.testing.assert_close(pools.signal(x[1:, :4], real[1:, :4], 0), once[1:])
    noise = torch.where(real[..., None], x, 1e6 * rows(seed + 1, 2, 6))
    torch.testing.assert_close(pools.signal(noise, real, 0), once)
    holes = torch.where(real[..., None], x, torch.nan)
    torch.testing.assert_close(pools.signal(holes, real, 0), once)


@given(st.integers(0, 99), st.integers(1, 5))
def test_one_member_is_itself_however_often_it_is_said(seed: int, times: int) -> None:
    x = rows(seed, 3, 1)
    real = torch.ones(3, times, dtype=torch.bool)
    torch.testing.assert_close(built(seed).text(x.expand(3, times, 8), real, 1), x[:, 0])


def test_learning_begins_at_the_mean() -> None:
    pools, x = Attention().build(8).double(), rows(0, 3, 5)
    mean = torch.nn.functional.normalize(x.mean(1), dim=1)
    real = torch.ones(3, 5, dtype=torch.bool)
    torch.testing.assert_close(pools.signal(x, real, 0), mean)
    pools.signal(x, real, 0).square().mul(torch.arange(8)).sum().backward()
    queries = pools.signal.queries.grad
    assert queries is not None
    assert (queries[0] != 0).all(), "a query at its start still learns"
    assert (queries[1] == 0).all(), "the other scale was not asked"


def test_gradients_reach_all_and_are_those_of_finite_differences() -> None:
    pools, real = built(), torch.tensor([[True, True, True], [True, False, False]])
    for side in (pools.signal, pools.text):
        torch.autograd.gradcheck(lambda x, s=side: s(x, real, 1), rows(0, 2, 3).requires_grad_())
    kin = torch.arange(2)[:, None].expand(2, 2)
    x, y = rows(1, 2, 3), rows(2, 2, 3)
    pools.loss(pools.signal(x, real, 1), pools.text(y, real, 1), kin).backward()
    for name, weights in pools.named_parameters():
        assert weights.grad is not None, name
        assert weights.grad.isfinite().all(), name
        assert weights.grad.any(), name


@given(st.integers(0, 99), st.lists(st.tuples(*[st.integers(0, 2)] * 2), min_size=2, max_size=6))
def test_the_loss_is_what_its_twin_says(seed: int, alike: list[tuple[int, int]]) -> None:
    pools, n = built(seed), len(alike)
    pools.log_scale.data.fill_(math.log(5))
    a, b = rows(seed, n), rows(seed + 1, n)
    kin = np.array([[x == u or y == v for u, v in alike] for x, y in alike])
    want = naive_align.supcon(a.numpy(), b.numpy(), kin, 5.0)
    assert pools.loss(a, b, torch.tensor(alike)).item() == pytest.approx(want, rel=1e-9)


# --- stretches ----------------------------------------------------------------------------------


def seconds(count: int, length: float = 1.0) -> np.ndarray:
    start = np.arange(count) * length
    return np.stack([start, start + length], axis=1)


@given(
    st.lists(st.tuples(st.integers(-1, 2), st.booleans()), min_size=1, max_size=30),
    st.floats(0.5, 9.0),
    st.floats(0.0, 0.99),
)
def test_stretches_are_what_a_loop_finds(
    told: list[tuple[int, bool]], length: float, phase: float
) -> None:
    said = np.array([s for s, _ in told])
    wholes = np.cumsum([new for _, new in told])
    time = np.concatenate([seconds(int(n)) for n in np.bincount(wholes - wholes[0])])
    groups: dict[tuple[int, int], list[int]] = {}
    for row, whole in enumerate(wholes):
        number = math.floor(time[row].mean() / length + phase)
        groups.setdefault((whole, number), []).append(row)
    want = []
    for some in groups.values():
        runs = [said[r] for i, r in enumerate(some) if i == 0 or said[r] != said[some[i - 1]]]
        if any(s >= 0 for s in runs):
            want.append(([some[0], some[-1] + 1], [s for s in runs if s >= 0]))
    found = cut(length, said, wholes, time, phase)
    notes = [note.tolist() for note in found.notes()]
    assert list(zip(found.bounds.tolist(), notes, strict=True)) == want


def test_all_of_a_recording_needs_no_times_and_two_notes_speak_of_the_same() -> None:
    said, wholes = np.array([0, -1, 1, 0]), np.array([3, 3, 3, 5])
    found = cut("recording", said, wholes, None)
    assert found.bounds.tolist() == [[0, 3], [3, 4]]
    with pytest.raises(TsalignError, match="pooling over 2 s needs the times"):
        cut(2.0, said, wholes, None)
    twice = np.concatenate([seconds(3), seconds(3)])
    found = cut(2.0, np.array([0, 0, 0, 1, 1, 1]), np.zeros(6, int), twice)
    assert found.bounds.tolist() == [[0, 2], [2, 3], [3, 5], [5, 6]]
    assert found.same.tolist() == [0, 1, 0, 1]


@given(st.integers(0, 99), st.integers(1, 9))
def test_groups_hold_each_stretch_once_and_its_own_segments(seed: int, members: int) -> None:
    rng = np.random.default_rng(seed)
    said = rng.integers(-1, 3, 60)
    pooling = Attention(scales=SCALES, members=members, batch_size=4)
    whole = Whole(pooling, np.repeat([0, 1, 2], 20), np.tile(seconds(20), (3, 1)))
    text_concept = np.array([0, 0, 1, 2, 2])
    groups = whole.once(said, text_concept, rng)
    for number, scale in enumerate(SCALES):
        some = cut(scale, said, whole.wholes, whole.seconds)
        own = [g for g in groups if g.scale == number]
        assert sum(len(g.rows) for g in own) == len(some)
        for group in own:
            for row, words, (_, where) in zip(group.rows, group.wording, group.kin, strict=True):
                i = some.same.tolist().index(where)
                first, last = some.bounds[i]
                kept = row[row >= 0]
                assert len(kept) == min(members, last - first)
                assert ((kept >= first) & (kept < last)).all()
                assert text_concept[words[words >= 0]].tolist() == some.notes()[i].tolist()


def test_processes_share_a_group() -> None:
    said = np.arange(12) % 3
    whole = Whole(Attention(scales=(2.0,), batch_size=8), np.zeros(12, int), seconds(12))
    (group,) = whole.once(said, np.arange(3), np.random.default_rng(0))
    parts = [group.part(own, 4) for own in range(4)]
    assert sorted(n for p in parts for n in p.kin[:, 1]) == sorted(group.kin[:, 1])


# --- learning -----------------------------------------------------------------------------------


def told(seed: int, recordings: int = 12, gap: bool = False) -> list[Noted]:
    """Recordings of two kinds of events in many orders and shares, each event said by its time."""
    rng = np.random.default_rng(seed)
    texts = ("one", "two", "three")
    out = []
    for _ in range(recordings):
        events = rng.integers(0, 3, 6)
        kind = np.repeat(events, rng.integers(1, 4, 6))
        features = 4 * np.eye(3, 5)[kind] + 0.3 * rng.normal(size=(len(kind), 5))
        bounds = np.arange(len(kind))[:, None] + [0, 1]
        bounds[len(kind) // 2 :] += 10 * gap
        cuts = np.flatnonzero(np.diff(kind, append=-1)) + 1
        said = [
            Sentence(texts[kind[a]], f"n.{a}", concept=texts[kind[a]].upper(),
                     stamp=Span(float(bounds[a, 0]), float(bounds[b - 1, 1])))
            for a, b in zip([0, *cuts[:-1]], cuts, strict=True)
        ]  # fmt: skip
        cut_up = Segments(bounds.astype(np.int64), 1.0)
        out.append(Noted(features.astype(np.float32), cut_up, (Note("n", sentences=tuple(said)),)))
    return out


class Numbers(Words):
    """A text encoder under which the three words are far apart."""

    def encode(self, texts: list[str]) -> np.ndarray:
        rows = [[t.count("n"), t.count("w"), t.count("h"), 0.1] for t in texts]
        return np.array(rows, np.float32)


def small(**params: object) -> Contrastive:
    given = {"signal": Mlp(width=16), "dimension": 8, "epochs": 8, "batch_size": 64}
    pooling = Attention(scales=SCALES, heads=2, members=4, batch_size=8)
    return Contrastive(
        **{"text": Numbers(), "device": "cpu", "pooling": pooling, **given, **params}
    )


@pytest.fixture(scope="module")
def model() -> Contrastive:
    return small(epochs=40).fit(pairs_of(told(0, 40)), pairs_of(told(1)))


def test_without_pooling_no_bit_changes() -> None:
    """Times in the pairs and blocks of the network for nothing draw nothing."""
    timed, valid = pairs_of(told(0)), pairs_of(told(1))
    bare = [replace(p, seconds=None, wholes=None) for p in (timed, valid)]
    assert timed.key() == bare[0].key()
    one, two = small(pooling=None).fit(timed, valid), small(pooling=None).fit(*bare)
    assert one.weights_.keys() == two.weights_.keys()
    assert not [name for name in one.weights_ if name.startswith("pools")]
    for name, array in one.weights_.items():
        assert np.array_equal(array, two.weights_[name]), name
    assert np.array_equal(one.history_, two.history_)
    with pytest.raises(TsalignError, match="has learnt segments alone: learn it with pooling"):
        one.encode_notes([["one"]])


def test_same_seed_same_bits_and_the_queries_move(model: Contrastive) -> None:
    twins = [small(epochs=3).fit(pairs_of(told(0)), pairs_of(told(1))) for _ in range(2)]
    for name, array in twins[0].weights_.items():
        assert np.array_equal(array, twins[1].weights_[name]), name
    for side in ("signal", "text"):
        assert model.weights_[f"pools.{side}.queries"].any(axis=1).all()
    other = small(epochs=3, random_state=1).fit(pairs_of(told(0)), pairs_of(told(1)))
    assert not np.array_equal(other.history_, twins[0].history_)


def test_wholes_are_learnt_and_elements_too(model: Contrastive) -> None:
    fresh, (hits, chance) = told(2, 20), (0.0, 0.0)
    found = [
        wholes_of(model, model.encode_signal(n.features), n.segments, n.notes, scale)
        for scale in SCALES
        for n in fresh
    ]
    for some in (found[:20], found[20:]):
        close = np.concatenate([w.notes for w in some]) @ np.concatenate(
            [w.stretches for w in some]
        ).T  # fmt: skip
        hits += (close.argmax(1) == np.arange(len(close))).mean() / 2
        chance += 1 / len(close) / 2
    assert hits > 4 * chance
    one = pairs_of(fresh)
    named = model.concept_scores(one.features).argmax(1)
    assert (np.array(model.concepts_)[named] == np.array(one.concepts)[one.text]).mean() > 0.9


@pytest.mark.parametrize("signal", [Mlp(width=8), ContextEncoder(width=8, layers=2, window=8)])
@pytest.mark.parametrize("gap", [False, True])
def test_any_network_learns_and_a_killed_fit_goes_on(signal, gap: bool, tmp_path: Path) -> None:
    pairs = pairs_of(told(0, 6, gap))

    def die(event) -> None:
        if event.done == 2:
            raise KeyboardInterrupt

    fit = partial(small(signal=signal, epochs=4).fit, pairs, pairs)
    with pytest.raises(KeyboardInterrupt):
        fit(checkpoint=tmp_path, listener=die)
    heard: list[int] = []
    on = fit(checkpoint=tmp_path, listener=lambda e: heard.append(e.done)).weights_
    assert heard == [3, 4]
    whole = small(signal=signal, epochs=4).fit(pairs, pairs).weights_
    assert all(np.array_equal(array, on[name]) for name, array in whole.items())


def test_notes_without_times_teach_wholes_as_decoded() -> None:
    loose = [
        replace(n, notes=tuple(
            replace(x, ordered=True, sentences=tuple(replace(s, stamp=None) for s in x.sentences))
            for x in n.notes
        )) for n in told(0, 6)
    ]  # fmt: skip
    model = small(epochs=2, rounds=1).fit(loose)
    assert model.encode_notes([["one", "two"]]).shape == (1, 8)


def test_what_is_saved_comes_back(model: Contrastive, tmp_path: Path) -> None:
    model.save(tmp_path)
    again = Contrastive.load(tmp_path, text=Numbers())
    assert repr(again.pooling) == repr(model.pooling)
    X, notes = told(3)[0].features, [["one"], ["two", "one"]]
    for scale in (*SCALES, None):
        np.testing.assert_array_equal(
            model.encode_stretches(X, scale=scale), again.encode_stretches(X, scale=scale)
        )
        a, b = (m.encode_notes(notes, scale) for m in (model, again))
        np.testing.assert_array_equal(a, b)


def test_a_model_of_before_pooling_still_loads(tmp_path: Path) -> None:
    model = small(epochs=1, pooling=None).fit(pairs_of(told(0, 4)))
    model.save(tmp_path)
    about = json.loads((tmp_path / "model.json").read_text())
    del about["parameters"]["pooling"]
    (tmp_path / "model.json").write_text(json.dumps(about))
    again = Contrastive.load(tmp_path, text=Numbers())
    np.testing.assert_array_equal(again.encode_text(["one"]), model.encode_text(["one"]))


class Own(BaseEstimator):
    """A pooling of one's own."""

    scales, weight, members, batch_size = (2.0,), 1.0, 4, 4

    def build(self, dimension: int) -> Pools:
        return Attention(heads=1).build(dimension)


def test_a_pooling_of_ones_own_is_given_again(tmp_path: Path) -> None:
    model = small(epochs=1, pooling=Own()).fit(pairs_of(told(0)))
    model.save(tmp_path)
    with pytest.raises(TsalignError, match=r"load it with pooling=\.\.\."):
        Contrastive.load(tmp_path, text=Numbers())
    again = Contrastive.load(tmp_path, text=Numbers(), pooling=Own())
    np.testing.assert_array_equal(again.encode_notes([["one"]]), model.encode_notes([["one"]]))


# --- asking -------------------------------------------------------------------------------------


def test_one_segment_and_one_sentence_lie_where_they_lie(model: Contrastive) -> None:
    X = told(3)[0].features
    bounds = np.arange(len(X))[:, None] + [0, 1]
    for scale in SCALES:
        alone = model.encode_stretches(X, bounds, scale)
        np.testing.assert_allclose(alone, model.encode_signal(X), atol=1e-6)
        one = model.encode_notes([["one"], ["two", "two"]], scale)
        np.testing.assert_allclose(one, model.encode_text(["one", "two"]), atol=1e-6)
    turned = model.encode_notes([["one", "two", "three"], ["three", "one", "two"]])
    np.testing.assert_allclose(turned[0], turned[1], atol=1e-6)


def test_wholes_are_found_by_notes_and_notes_by_wholes(model: Contrastive) -> None:
    some = told(4, 6)
    pieces = [
        (f"r{i}", "test" if i % 2 else "train", n.segments.edges(), model.encode_signal(n.features))
        for i, n in enumerate(some)
    ]
    pieces.append(("empty", "test", np.empty((0, 2)), np.empty((0, 8), np.float32)))
    index = Index.build(model, pieces, ["one"])
    texts = {f"r{i}": [s.text for s in n.notes[0].sentences] for i, n in enumerate(some)}
    found = recordings_for(model, index, texts["r0"])
    assert sorted(name for name, _ in found) == sorted(texts)
    assert [s for _, s in found] == sorted((s for _, s in found), reverse=True)
    tested = recordings_for(model, index, texts["r0"], top=2, part="test")
    assert [name for name, _ in tested] == [n for n, _ in found if n in ("r1", "r3", "r5")][:2]
    back = dict(notes_for(model, index, "r0", texts))
    assert back["r0"] == pytest.approx(dict(found)["r0"], abs=1e-5)
    assert recordings_for(model, index, ["one"], part="valid") == []
    with pytest.raises(TsalignError, match="no recording of this run is called 'x'"):
        notes_for(model, index, "x", texts)
    with pytest.raises(TsalignError, match="a stretch from segment"):
        notes_for(model, index, "empty", texts)


def test_of_nothing_said_nothing_is_judged(model: Contrastive) -> None:
    (one,) = told(3, 1)
    places, cut_up = model.encode_signal(one.features), one.segments
    far = Note("n", sentences=(Sentence("one", "n.0", stamp=Span(1e3, 1e3 + 1)),))
    unstamped = Note("n", sentences=(Sentence("one", "n.0"), Sentence("two", "n.1")))
    denied = Note("n", sentences=(Sentence("one", "n.0", assertion="absent"),))
    for notes, scale in [((), 4.0), ((far,), 4.0), ((unstamped,), 4.0), ((denied,), "recording")]:
        assert wholes_of(model, places, cut_up, notes, scale) is None
    whole = wholes_of(model, places, cut_up, (unstamped, denied, far))
    assert whole is not None
    assert (len(whole.stretches), len(whole.notes), whole.owner.tolist()) == (1, 2, [0, 0])
    np.testing.assert_array_equal(whole.notes, model.encode_notes([["one", "two"], ["one"]]))
    bare = small(pooling=None, epochs=1).fit(pairs_of(told(0)))
    plain = wholes_of(bare, places, cut_up, (unstamped,))
    assert plain is not None
    assert plain.stretches is plain.means


@pytest.mark.parametrize("pooling", [None, Attention(scales=SCALES, heads=2)])
@pytest.mark.parametrize("scale", SCALES)
def test_a_recording_without_a_segment_is_not_judged(pooling, scale) -> None:
    model = small(epochs=1, pooling=pooling).fit(pairs_of(told(0)))
    none = Segments(np.empty((0, 2), np.int64), 1.0)
    note = Note("n", sentences=(Sentence("one", "n.0", stamp=Span(0.0, 1.0)),))
    assert wholes_of(model, np.empty((0, 8), np.float32), none, (note,), scale) is None


@pytest.mark.parametrize(
    ("bounds", "scale", "words"),
    [
        ([[2, 2]], None, "a stretch from segment 2 to 2 is none of 5 segments"),
        ([[0, 6]], None, "a stretch from segment 0 to 6"),
        ([[-1, 2]], None, "a stretch from segment -1 to 2"),
        ([[0, 2]], 5.0, "5.0 is none of the scales learnt"),
        ([[0, 2]], "minute", "'minute' is none of the scales learnt"),
    ],
)
def test_stretches_that_are_none_are_named(model, bounds, scale, words: str) -> None:
    with pytest.raises(TsalignError, match=words):
        model.encode_stretches(np.zeros((5, 5), np.float32), np.array(bounds), scale)


def test_a_note_without_a_sentence_is_refused(model: Contrastive) -> None:
    for notes in ([], [["one"], []]):
        with pytest.raises(TsalignError, match="each note needs at least one sentence"):
            model.encode_notes(notes)


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"scales": (0.0,)}, "the scale 0.0 should be seconds above 0 or 'recording'"),
        ({"scales": (-2.0, "recording")}, "the scale -2.0 should be"),
        ({"scales": (math.nan,)}, "the scale nan should be"),
        ({"scales": (math.inf,)}, "the scale inf should be"),
        ({"scales": ("minute",)}, "the scale 'minute' should be"),
        ({"scales": (True,)}, "the scale True should be"),
        ({"scales": ()}, "should be a list of different scales"),
        ({"scales": (4.0, 4.0)}, "should be a list of different scales"),
        ({"scales": "recording"}, "should be a list of different scales"),
        ({"heads": 3}, "should share the 8 columns evenly"),
        ({"weight": 0.0}, r"Attention\(weight=0.0\)"),
        ({"batch_size": 1}, r"Attention\(batch_size=1\)"),
    ],
)
def test_wrong_pooling_is_named(given: dict, words: str) -> None:
    pooling = Attention(**{"scales": SCALES, "heads": 2, **given})
    with pytest.raises(TsalignError, match=words):
        small(pooling=pooling).fit(pairs_of(told(0, 4)))


def test_too_little_to_compare_is_named() -> None:
    pairs = pairs_of(told(0, 1))
    with pytest.raises(TsalignError, match="of scale recording one stretch has a sentence"):
        small().fit(pairs)
    whole = Whole(Attention(scales=(5.0,)), np.zeros(3, int), seconds(3))
    with pytest.raises(TsalignError, match="of scale 5s no stretch has a sentence"):
        whole.check(np.full(3, -1))
    with pytest.raises(TsalignError, match="pooling over 4 s needs the times"):
        small().fit(replace(pairs, seconds=None))
    for name, wrong in (("seconds", np.zeros((2, 2))), ("wholes", np.zeros(2, np.int32))):
        with pytest.raises(TsalignError, match=f"{name} has shape"):
            replace(pairs, **{name: wrong})


# --- figures ------------------------------------------------------------------------------------


def facts(seed: int, counts: tuple[int, ...]) -> list[Wholes]:
    rng = np.random.default_rng(seed)
    out = []
    for count in counts:
        owner = np.repeat(np.arange(count), rng.integers(1, 3, count))
        sides = [rng.normal(size=(n, 4)).astype(np.float32) for n in [count] * 2 + [len(owner)] * 2]
        out.append(Wholes("60s", *sides, owner))
    return out


@given(st.integers(0, 99), st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_figures_are_what_a_loop_finds(seed: int, counts: list[int]) -> None:
    from naive_evaluate import aligned

    some = facts(seed, tuple(counts))
    results = Results.from_aligned(replace(aligned(), wholes=(w,)) for w in some)
    found = GlobalRetrieval()(results)
    every = [(r, j) for r, w in enumerate(some) for j in range(len(w.stretches))]
    kinds = (("", "stretches", "notes"), ("mean_pooling_", "means", "note_means"))
    for prefix, signal, text in kinds:
        ranks = []
        for r, w in enumerate(some):
            for row, owner in zip(getattr(w, text), w.owner, strict=True):
                close = {(q, j): row.astype(float) @ getattr(some[q], signal)[j] for q, j in every}
                ranks.append(sum(value >= close[r, owner] for value in close.values()))
        way = f"{prefix}note_to_60s"
        assert found[f"{way}_recall_at_1"] == pytest.approx(np.mean(np.array(ranks) == 1))
        assert found[f"{way}_mrr"] == pytest.approx(np.mean(1 / np.array(ranks)))
    assert found["note_to_60s_chance_at_1"] == pytest.approx(1 / len(every))
    assert 0 <= found["60s_to_note_recall_at_1"] <= found["60s_to_note_mrr"] <= 1


def test_right_places_are_all_found_and_equal_ones_are_not() -> None:
    from naive_evaluate import aligned

    eye = np.eye(3, dtype=np.float32)
    flat = np.ones_like(eye)
    item = replace(aligned(), wholes=(Wholes("recording", eye, flat, eye, flat, np.arange(3)),))
    found = GlobalRetrieval()(Results.from_aligned([item]))
    for way in ("note_to_recording", "recording_to_note"):
        assert found[f"{way}_recall_at_1"] == found[f"{way}_mrr"] == 1.0
        assert found[f"mean_pooling_{way}_recall_at_1"] == 0.0
        assert found[f"{way}_chance_at_1"] == pytest.approx(1 / 3)


def test_a_pipeline_pools_and_tells(tmp_path: Path) -> None:
    pooling = "align.pooling={kind: attention, scales: [20.0, recording], heads: 2}"
    ended = Tiny(tmp_path).run("--set", pooling, "--set", "evaluate=[global_retrieval]")
    assert ended.code == 0, ended.err
    figures = json.loads((ended.folder / "metrics.json").read_text())["metrics"]
    for scale in ("20s", "recording"):
        value = figures[f"note_to_{scale}_recall_at_1"]["value"]
        assert 0 <= value <= figures[f"note_to_{scale}_mrr"]["value"] <= 1
    assert figures["recording_to_note_chance_at_1"]["value"] == 0.5
