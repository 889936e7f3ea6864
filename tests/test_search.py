"""Retrieval both ways, and the command that does it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import Tiny

from tsalign import search
from tsalign.align import Contrastive, Index, Mlp, Pairs, Queries, find, sentences_for, terms
from tsalign.errors import TsalignError
from tsalign.kernels.maximal import maximal_runs
from tsalign.run import main
from tsalign.types import Span

SAID = ("She sits.", "She walks.", "She lies down.")


@pytest.fixture(scope="module")
def model() -> Contrastive:
    rng = np.random.default_rng(0)
    said = np.repeat(np.arange(3, dtype=np.int32), 60)
    pairs = Pairs(features(said, rng), said, SAID, ("SIT", "WALK", "LIE"))
    return Contrastive(Mlp(width=16), dimension=8, epochs=15, device="cpu").fit(pairs)


def features(what: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return (6 * np.eye(4)[what] + 0.3 * rng.normal(size=(len(what), 4))).astype(np.float32)


def stretches(*lengths: tuple[int, int]) -> np.ndarray:
    return np.concatenate([np.full(n, what) for what, n in lengths])


@pytest.fixture(scope="module")
def index(model: Contrastive) -> Index:
    """Three recordings of seconds: a has a hole after 20 s, c is of the test part."""
    rng = np.random.default_rng(1)
    what = [stretches((0, 10), (1, 20), (0, 10)), stretches((2, 15), (1, 5)), stretches((1, 12))]
    edges = [np.stack([np.arange(len(w)), np.arange(len(w)) + 1.0], axis=1) for w in what]
    edges[0][20:] += 100
    names = (("a", "train"), ("b", "valid"), ("c", "test"))
    pieces = [
        (*who, e, model.encode_signal(features(w, rng)))
        for who, e, w in zip(names, edges, what, strict=True)
    ]
    return Index.build(model, pieces, SAID)


@st.composite
def scored(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers, so that sums are exact and ties happen, in pieces."""
    scores = draw(st.lists(st.integers(-5, 5), max_size=25))
    cuts = sorted(draw(st.sets(st.integers(0, len(scores)), max_size=4)))
    edges = [0, *cuts, len(scores)]
    pieces = np.array([edges[:-1], edges[1:]], np.int64).T
    return np.array(scores, float), pieces


def naive_runs(scores: np.ndarray, first: int, last: int) -> list[list[int]]:
    """Return the best run, and those to its left and right again."""
    runs = [(scores[a:b].sum(), -(b - a), -a) for a in range(first, last)
            for b in range(a + 1, last + 1)]  # fmt: skip
    total, length, start = max(runs, default=(0.0, 0, 0))
    if total <= 0:
        return []
    a, b = -start, -start - length
    return [*naive_runs(scores, first, a), [a, b], *naive_runs(scores, b, last)]


@given(scored())
def test_maximal_runs_are_the_best_one_and_so_on_on_both_sides(given: tuple) -> None:
    scores, pieces = given
    naive = [run for a, b in pieces.tolist() for run in naive_runs(scores, a, b)]
    assert maximal_runs(scores, pieces).tolist() == naive


def test_a_sentence_finds_its_stretches_whole_and_in_order(
    model: Contrastive, index: Index
) -> None:
    hits = find(model, index, model.queries(["She walks."]), top=9)
    long = [h for h in hits if h.span.duration > 2]
    assert long == hits[: len(long)]
    assert [h.recording for h in long] == ["c", "a", "a", "b"]
    assert [h.part for h in long] == ["test", "train", "train", "valid"]
    spans = [bound for h in long for bound in (h.span.start, h.span.end)]
    # A hole parts a stretch in two; one outlier a stretch may be left out.
    assert spans == pytest.approx([0, 12, 10, 20, 120, 130, 15, 20], abs=1)
    assert all(h.chance > 0.5 for h in long)
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
    assert find(model, index, model.queries(["She walks."]), top=2) == hits[:2]
    valid = [h for h in hits if h.part == "valid"]
    assert find(model, index, model.queries(["She walks."]), part="valid") == valid
    assert find(model, index, model.queries(["She lies down."]), part="test") != []


def test_what_fits_nowhere_still_gets_the_nearest(model: Contrastive, index: Index) -> None:
    far = Queries(-model.queries(["She walks."]).places, np.full((1, 3), -30.0, np.float32))
    hits = find(model, index, far)
    assert hits
    assert all(h.chance < 0.5 for h in hits)


def test_a_stretch_finds_its_sentence(model: Contrastive, index: Index) -> None:
    for recording, span, text in (
        ("a", Span(0, 10), "She sits."),
        ("a", Span(120, 130), "She walks."),
        ("b", Span(0, 15), "She lies down."),
    ):
        found = sentences_for(model, index, recording, span)
        assert found[0][0] == text
        assert [c for _, c in found] == sorted((c for _, c in found), reverse=True)
    for recording, span, why in (
        ("z", Span(0, 1), "no recording of this run is called 'z'"),
        ("a", Span(50, 60), "recording a: no segment between 50 and 60 s"),
    ):
        with pytest.raises(TsalignError, match=why):
            sentences_for(model, index, recording, span)


def test_an_index_comes_back_as_it_was(model: Contrastive, index: Index, tmp_path: Path) -> None:
    index.save(tmp_path)
    back = Index.load(tmp_path)
    query = model.queries(["She sits."])
    assert find(model, back, query) == find(model, index, query)
    asked = ("b", Span(0, 9))
    assert sentences_for(model, back, *asked) == sentences_for(model, index, *asked)
    assert back.places.dtype == np.float16
    model.save(tmp_path / "model")
    with pytest.raises(TsalignError, match="no index"):
        Index.load(tmp_path / "model")


def test_sums_of_sentences(model: Contrastive, index: Index) -> None:
    hits = find(model, index, model.composed(terms("She sits. - She sits. + She walks.")))
    assert hits[0].recording == "c"
    assert hits[0].span.duration >= 11
    one = model.composed(terms("She walks."))
    assert np.array_equal(one.places, model.queries(["She walks."]).places)
    with pytest.raises(TsalignError, match="cancel each other"):
        model.composed(terms("She sits. - She sits."))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no text"),
        ("  ", "no text"),
        ("- a", "begins with a sign"),
        ("a -", "no term stands after '-'"),
        ("a + - b", "no term stands after"),
    ],
)
def test_a_sum_with_a_term_missing(text: str, why: str) -> None:
    with pytest.raises(TsalignError, match=why):
        terms(text)


@given(st.lists(st.sampled_from(["sit-to-stand", "a b", "3-4", "x+y"]), min_size=1), st.data())
def test_terms_are_what_stands_between_the_signs(words: list[str], data: st.DataObject) -> None:
    signs = [data.draw(st.sampled_from("+-")) for _ in words[1:]]
    text = words[0] + "".join(f" {s} {w}" for s, w in zip(signs, words[1:], strict=True))
    values = [1, *(1 if s == "+" else -1 for s in signs)]
    assert terms(text) == list(zip(values, words, strict=True))


def test_wordings_are_averaged(model: Contrastive) -> None:
    queries = model.queries(["She walks.", "She sits.", "She walks."])
    mean = queries.averaged(np.array([0, 1, 0]))
    assert len(mean) == 2
    assert np.allclose(mean.places, queries.places[:2], atol=1e-6)
    assert np.allclose(mean.meanings, queries.meanings[:2], atol=1e-5)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ended = Tiny(tmp_path_factory.mktemp("runs")).run()
    assert ended.code == 0
    return ended.folder


def test_the_command_prints_stretches(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert search.main([str(run), "She walks.", "--top", "3", "--part", "test", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert 1 <= len(rows) <= 3
    for row in rows:
        assert row["part"] == "test"
        assert row["start"] < row["end"]
        assert 0 < row["chance"] < 1
        assert (row["sentence"] is None) == (row["text"] is None)
    assert main(["search", str(run), "She walks.", "--top", "3", "--part", "test"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [row["recording"] for row in rows]


def test_the_command_prints_sentences(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert search.main([str(run), "--at", "s21_0", "0", "9", "--top", "2", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 2
    assert rows[0]["chance"] >= rows[1]["chance"]


def test_a_mistake_is_one_sentence_and_two(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = Path(shutil.copytree(run, tmp_path / "damaged"))
    next((damaged / "model").glob("align.*/saved0/*.safetensors")).write_bytes(b"x")
    bare = Path(shutil.copytree(run, tmp_path / "bare"))
    shutil.rmtree(bare / "model")
    for arguments, why in (
        (["nowhere", "She sits."], "nowhere: there is no run folder"),
        ([str(tmp_path), "She sits."], "no run that has learnt to align"),
        ([str(bare), "She sits."], "the run folder has lost its model"),
        ([str(damaged), "She sits."], "the weights are not those that were saved"),
        ([str(run), "She sits. - She sits."], "cancel each other"),
        ([str(run), "--at", "s21_0", "9", "1"], "--at wants a recording, a start and an end"),
        ([str(run), "--at", "s21_0", "one", "2"], "--at wants a recording, a start and an end"),
        ([str(run), "--at", "s99", "1", "2"], "no recording of this run is called 's99'"),
    ):
        assert search.main(arguments) == 2
        said = capsys.readouterr()
        assert why in said.err
        assert len(said.err.splitlines()) == 1
        assert not said.out
    both = [str(run), "a", "--at", "s", "0", "1"]
    for usage in ([], [str(run)], both, [str(run), "a", "--top", "0"]):
        with pytest.raises(SystemExit, match="2"):
            search.main(usage)
        assert capsys.readouterr().err.startswith("usage: tsalign search")
