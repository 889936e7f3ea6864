"""The slot `predict:` in whole runs: second tokens, and an encoder that reads tokens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import LESS, ROOT, Ended, Tiny

from tsalign import token_stages
from tsalign.align import Contrastive
from tsalign.align.signal.tokens import TokenEncoder
from tsalign.cache import Store
from tsalign.config import load
from tsalign.course import Course
from tsalign.engine import Engine, Node
from tsalign.errors import TsalignError
from tsalign.run import main
from tsalign.tokens import MaskedPredictor
from tsalign.types import Segments, Tokens

MASKED = "predict={kind: masked, width: 8, layers: 2, heads: 2, epochs: 2}"
FEW = (*LESS, "align.epochs=1")
ALONE = ("align=", "match=", "export=[]", "evaluate=[]")
TOKENS = "align.signal={kind: tokens, reach: 2, width: 8, heads: 2, layers: 1}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def finished(place: Path) -> Ended:
    ended = Tiny(place / "first", place / "cache", less=(*FEW, MASKED)).run()
    assert ended.code == 0, ended.err
    return ended


def counts(plan: str) -> dict[str, tuple[int, int]]:
    rows = [line.split() for line in plan.splitlines()[1:]]
    return {row[0]: (int(row[1]), int(row[3])) for row in rows}


def metrics(ended: Ended) -> dict[str, Any]:
    return json.loads((ended.folder / "metrics.json").read_text())["metrics"]


def test_a_run_reports_both_kinds_of_tokens(finished: Ended) -> None:
    found = metrics(finished)
    for name in ("pnmi", "label_purity", "cluster_purity", "run_length", "perplexity", "use"):
        assert found[f"token_{name}"]["value"] is not None
        assert found[f"first_token_{name}"]["value"] is not None
    assert found["token_pnmi"] != found["first_token_pnmi"]
    model = MaskedPredictor.load(finished.folder / "model" / "predict.fit_predict" / "saved0")
    assert model.n_features_in_ > 50
    assert model.rate_ == pytest.approx(1 / 0.64)
    assert (model.n_tokens_, len(model.history_)) == (20, 2)


def test_the_tokens_in_the_spans_are_the_second_ones(finished: Ended, place: Path) -> None:
    first = Tiny(place / "without", place / "cache", less=FEW).run()
    a, b = ([row["tokens"] for row in ended.rows if row["tokens"]] for ended in (first, finished))
    assert a != b
    assert "first_token_pnmi" not in metrics(first)
    assert "token_pnmi" in metrics(first), "labels are known: tokens are judged, asked or not"


def test_a_plan_and_a_new_start(finished: Ended, place: Path) -> None:
    again = Tiny(place / "again", place / "cache", less=(*FEW, MASKED))
    assert counts(again.run("--dry-run").out)["predict"] == (15, 0)
    plan = counts(again.run("--dry-run", "--from", "predict").out)
    assert (plan["tokens"], plan["predict"], plan["align"]) == ((7, 0), (0, 15), (0, 8))
    plan = counts(again.run("--dry-run", "--set", "predict.span=1.0").out)
    assert (plan["tokens"], plan["predict"], plan["align"]) == ((7, 0), (0, 15), (0, 8))
    assert again.run("--from", "predict").spans == finished.spans


def test_a_killed_run_goes_on_within_the_learning(
    finished: Ended, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = Tiny(place / "killed", place / "cache", less=(MASKED, "predict.share=0.5", *ALONE))
    work = place / "cache" / ".work"
    through = Course._round

    def first(course: Any, lessons: Any) -> float:
        if course.curves:
            raise KeyboardInterrupt
        return through(course, lessons)

    monkeypatch.setattr(Course, "_round", first)
    assert tiny.run().code == 130
    assert [p.name for p in work.rglob("*.json")] == ["model.json"]
    rounds: list[int] = []

    def count(course: Any, lessons: Any) -> float:
        rounds.append(len(course.curves))
        return through(course, lessons)

    monkeypatch.setattr(Course, "_round", count)
    ended = tiny.run()
    assert (ended.code, rounds) == (0, [1])
    assert not list(work.iterdir())
    rounds.clear()
    assert metrics(tiny.run("--from", "predict")) == metrics(ended)
    assert rounds == [0, 1]


@pytest.mark.parametrize("predict", [True, False])
def test_alignment_may_learn_from_tokens(finished: Ended, place: Path, predict: bool) -> None:
    less = (*FEW, TOKENS, *([MASKED] if predict else []))
    tiny = Tiny(place / f"tokens{predict}", place / "cache", less=less)
    ended = tiny.run()
    assert ended.code == 0, ended.err
    name = "align.fit_align_tokens"
    model = Contrastive.load(ended.folder / "model" / name / "saved0")
    assert isinstance(model.signal, TokenEncoder)
    assert (model.signal.n_tokens, model.signal.width, model.signal.layers) == (20, 8, 1)
    assert model.encode_signal(np.full((2, 5), 20.0 - np.eye(2, 5, 2)[:, :5], np.float32)).shape
    assert len(ended.rows) == len(finished.rows)


def test_tokens_without_sentences_are_made_and_judged(place: Path) -> None:
    ended = Tiny(place / "units", place / "cache", less=(MASKED, *ALONE)).run()
    assert ended.code == 0, ended.err
    assert set(metrics(ended)) == {
        f"{kind}token_{name}"
        for kind in ("", "first_")
        for name in ("pnmi", "label_purity", "cluster_purity", "run_length", "perplexity", "use")
    }


def test_mistakes_are_named_with_their_place(tmp_path: Path) -> None:
    text = (ROOT / "pipelines" / "tiny.yaml").read_text()
    path = tmp_path / "p.yaml"
    path.write_text(
        text.replace(
            "tokens: {kind: kmeans, n_clusters: 20}\n", "predict: {share: 2, kind: masked}\n"
        ).replace("kind: contrastive,", "kind: contrastive, signal: tokens,")
    )
    with pytest.raises(ExceptionGroup) as caught:
        load(path)
    said = {str(error).removeprefix(f"{path}:") for error in caught.value.exceptions}
    assert said == {
        "13:18: predict.share: input should be less than or equal to 1, got 2",
        "13:10: predict: predicting masked tokens needs tokens",
        "14:36: align.signal: an encoder of tokens needs tokens",
    }


def test_a_slot_tells_what_it_can_hold(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "predict"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("predict: masked\n")
    assert "    context = 40.0\n" in said


# The pieces


def cut(*starts: int, length: int = 2) -> Segments:
    return Segments(np.array([(a, a + length) for a in starts], np.int64).reshape(-1, 2), 1.0)


def test_streams_end_where_signal_is_missing() -> None:
    pieces = lambda *starts: [(s.start, s.stop) for s in cut(*starts).unbroken()]  # noqa: E731
    assert pieces(0, 2, 4, 9, 11) == [(0, 3), (3, 5)]
    assert pieces(0, 1, 2) == [(0, 3)]  # windows that overlap
    assert pieces(0, 5, 10, 15) == [(0, 4)]  # windows with a hop longer than they are
    assert pieces(3) == [(0, 1)]
    assert pieces() == []


def test_segments_of_any_length_are_counted_not_timed() -> None:
    rng = np.random.default_rng(0)
    loads: dict[str, list[Any]] = {"rows": [], "tokens": []}
    for seed in range(3):
        edges = np.cumsum(rng.integers(1, 9, 31 + seed))
        bounds = np.stack([edges[:-1], edges[1:]], axis=1)
        tokens = Tokens(rng.integers(0, 4, len(bounds)).astype(np.int32), 4, Segments(bounds, 1.0))
        loads["tokens"].append(lambda tokens=tokens: tokens)
        rows = rng.normal(size=(len(bounds), 3)).astype(np.float32)
        loads["rows"].append(lambda rows=rows: rows)
    block = MaskedPredictor(width=8, layers=1, heads=2, epochs=1, span=9.0, device="cpu")
    given = (lambda: token_stages.unscaled(), loads["rows"], loads["tokens"], [], [])
    model = token_stages.fit_predict(None, None, block, *given)  # type: ignore[arg-type]
    assert 0.15 < model.rate_ < 0.3
    one = lambda: model  # noqa: E731
    found = token_stages.contextual(one, given[0], loads["rows"][1], loads["tokens"][1])
    assert found.shape == (31, 8)


def test_an_encoder_starts_from_what_the_predictor_learnt() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3)).astype(np.float32)
    ids = rng.integers(0, 4, 40).astype(np.int32)  # of 5: the last never occurs
    units = Tokens(ids, 5, cut(*range(0, 80, 2)))
    small = {"width": 8, "layers": 2, "heads": 2, "epochs": 1, "context": 10.0, "device": "cpu"}
    model = MaskedPredictor(**small).fit([X], [ids])  # type: ignore[arg-type]
    start = token_stages.start_of(model, ([X], [units]))
    network = model._network()
    import torch

    for token in range(5):
        mean = X[ids == token].mean(axis=0) if token < 4 else X.mean(axis=0)
        rows = torch.from_numpy(model._standard(mean[None]))
        with torch.no_grad():
            assert np.allclose(start["embedding"][token], network.rows(rows)[0], atol=1e-5)
    encoder = TokenEncoder(reach=1).started(5, start)
    assert (encoder.width, encoder.heads, encoder.layers) == (8, 2, 1)
    built = encoder.build(3, 6)
    assert torch.equal(built.around.blocks[0].qkv.weight, network.around.blocks[0].qkv.weight)
    assert torch.equal(built.around.place.weight, network.around.place.weight)
    assert np.array_equal(built.embedding.weight.detach()[:5], start["embedding"])
    before = built.eval()(torch.tensor([[5.0, 2.0, 1.0]]))
    with torch.no_grad():
        built.embedding.weight[5] = 100.0  # stands beyond the end: seen by none
    assert torch.equal(built(torch.tensor([[5.0, 2.0, 1.0]])), before)
    assert not torch.equal(built(torch.tensor([[0.0, 2.0, 1.0]])), before)


@pytest.mark.parametrize(
    ("encoder", "columns", "message"),
    [
        (TokenEncoder(), 17, "how many tokens"),
        (TokenEncoder(n_tokens=3, width=9), 17, "width=9 is no multiple of heads=4"),
        (TokenEncoder(n_tokens=3), 5, "reach=8 needs 17 tokens a row"),
    ],
)
def test_encoders_that_cannot_be(encoder: TokenEncoder, columns: int, message: str) -> None:
    with pytest.raises(TsalignError, match=message):
        encoder.build(columns, 4)


def half(folder: Path, listener: Any) -> int:
    """Write a mark and die the first time; then tell what lies there."""
    mark = folder / "mark"
    if not mark.exists():
        folder.mkdir(parents=True)
        mark.write_text("7")
        raise KeyboardInterrupt
    return int(mark.read_text())


def test_what_is_begun_outlives_a_kill_but_not_the_end(tmp_path: Path) -> None:
    node = Node("predict", "fit", half, resumes=True)
    store = Store(tmp_path)
    engine = Engine(store, lambda event: None)
    with pytest.raises(KeyboardInterrupt):
        engine.value(node)
    store.sweep()
    assert Engine(store, lambda event: None).value(node) == 7
    assert not store.work("predict", node.key).exists()
    assert engine.value(node) == 7
