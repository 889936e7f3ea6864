"""Pipeline files: good ones are filled in, bad ones name every mistake with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tsalign.config import Config, load
from tsalign.errors import TsalignError
from tsalign.yamlmap import dump, parse

HERE = Path(__file__).parent
BAD = sorted(HERE.glob("bad/*.yaml"))
GOOD = """tsalign: 1
name: good
seed: 7
data: {recordings: "data/*.csv", notes: notes.jsonl, split: {train: [1, 2], test: ["3"]}}
prepare: [{kind: resample, rate: 50}]
segment: {kind: windows, length: 2.56, hop: 1.28}
describe: [statistics]
tokens: {kind: kmeans, n_clusters: 10}
align: {kind: contrastive, signal: {kind: mlp, width: 64}, text: minilm, learning_rate: 3e-4}
match: ordered
"""


def mistakes(path: Path | str, *overrides: str) -> list[str]:
    """Return what `load` complains about; anything but a `TsalignError` goes through."""
    try:
        load(path, overrides)
    except ExceptionGroup as group:
        if strange := group.split(TsalignError)[1]:
            raise strange from None
        return [str(error) for error in group.exceptions]
    except TsalignError as error:
        return [str(error)]
    return []


def write(folder: Path, text: str = GOOD) -> Path:
    path = folder / "p.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return path


def loaded(folder: Path, *overrides: str, text: str = GOOD, **options: Any) -> Config:
    return load(write(folder, text), overrides, **options)


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_file_names_every_mistake(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comments at the top of each file are the messages, to the letter."""
    monkeypatch.chdir(HERE)
    wanted = [line[2:] for line in path.read_text().splitlines() if line.startswith("# ")]
    said = mistakes(path.relative_to(HERE))
    for line in said:
        match = [w for w in wanted if line == w or (w[-3:] == "..." and line.startswith(w[:-3]))]
        assert match, f"not expected: {line}"
        wanted.remove(match[0])
    assert not wanted


@pytest.mark.parametrize("loss", ["siglip", {"supcon": 1.0, "unique": 0.1}])
def test_a_loss_is_a_word_or_a_mapping_of_words_to_weights(loss: Any, tmp_path: Path) -> None:
    words = loss if isinstance(loss, str) else "{supcon: 1.0, unique: 0.1}"
    made = loaded(tmp_path, f"align.loss={words}")
    assert made.align.loss == loss
    assert loaded(tmp_path, text=made.to_yaml()).align.loss == loss


def test_a_loss_that_is_none_is_named(tmp_path: Path) -> None:
    path = write(tmp_path)
    for loss, why in [
        ("{supcn: 1.0}", "input should be 'supcon', 'infonce', "),
        ("{supcon: 0}", "input should be greater than 0"),
        ("unique", "input should be 'supcon', 'infonce', "),
    ]:
        (said,) = mistakes(path, f"align.loss={loss}")
        assert said.startswith(f"--set: align.loss: {why}")


def test_there_are_bad_files() -> None:
    assert len(BAD) >= 15


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    gone, binary = tmp_path / "gone.yaml", tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    why = "cannot read the pipeline file"
    assert mistakes(gone) == [f"{gone}: {why}: No such file or directory"]
    assert mistakes(tmp_path) == [f"{tmp_path}: {why}: Is a directory"]
    assert mistakes(binary) == [f"{binary}: {why}: not a UTF-8 text file"]


OVERRIDES = {
    "segment.length": "--set wants key=value, got 'segment.length'",
    "segment.length=-1": "--set: segment.length: input should be greater than 0, got -1",
    "segment.lenght=1": "--set: segment.lenght: unknown key; did you mean 'length'?",
    "segment.length.x=1": "--set segment.length.x: 'length' holds a plain value",
    "describe.1=x": "--set describe.1: the list has places 0 to 0, not '1'",
    "describe.first=x": "--set describe.first: the list has places 0 to 0, not 'first'",
    "data.split.train.0.x=1": "--set data.split.train.0.x: '0' holds a plain value",
    "align.signal.width=wide": "--set: align.signal.width: input should be a valid integer,"
    " got 'wide'",
    "name={": "--set name:1:2: expected the node content, but found '<stream end>'",
    "match=orderd": "--set: match.kind: no match is called 'orderd'; did you mean 'ordered'?",
}


@pytest.mark.parametrize("pair", OVERRIDES)
def test_a_wrong_override_blames_the_command_and_not_the_file(pair: str, tmp_path: Path) -> None:
    assert mistakes(write(tmp_path), pair) == [OVERRIDES[pair]]


def test_overrides_replace_what_the_file_says(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        "segment.length=5",
        "align.epochs=3",
        "align.text.batch_size=8",
        "data.split.train.1=4",
        "prepare.0.rate=25.0",
        "name=other",
        "tokens=",
        "evaluate=[span_iou]",
    )
    assert config.segment.length == 5.0
    assert (config.align.epochs, config.align.text.batch_size) == (3, 8)
    assert config.data.split.train == (1, 4)
    assert config.prepare[0].rate == 25.0
    assert (config.name, config.tokens, len(config.evaluate)) == ("other", None, 1)


def test_blocks_are_built_and_defaults_filled_in(tmp_path: Path) -> None:
    config = loaded(tmp_path)
    filled = config.filled()
    assert config.segment.get_params() == {"length": 2.56, "hop": 1.28, "rate": 1.0}
    assert filled["match"]["skip_cost"] == 2.0
    assert filled["align"]["signal"] == {"kind": "mlp", **vars(config.align.signal)}
    assert filled["data"]["split"]["by"] == "subject"
    assert filled["evaluate"] == []


def test_a_filled_file_says_the_same_again(tmp_path: Path) -> None:
    config = loaded(tmp_path)
    again = loaded(tmp_path, text=config.to_yaml())
    assert again.filled() == config.filled()
    assert again.to_yaml() == config.to_yaml()


@pytest.mark.parametrize("path", sorted((HERE.parent / "pipelines").glob("*.yaml")), ids=str)
def test_the_pipelines_we_ship_are_right_and_survive_being_filled(
    path: Path, tmp_path: Path
) -> None:
    config = load(path)
    assert config.name == path.stem
    assert loaded(tmp_path, text=config.to_yaml()).filled() == config.filled()


def test_the_seed_and_the_device_reach_the_blocks(tmp_path: Path) -> None:
    config = loaded(tmp_path, device="cpu")
    assert (config.tokens.random_state, config.align.random_state) == (7, 7)
    assert config.align.device == "cpu"
    told = loaded(tmp_path, "tokens.random_state=1", "seed=2", "align.device=auto", device="cpu")
    assert (told.tokens.random_state, told.align.random_state) == (1, 2)
    assert told.align.device == "auto"


def test_yaml_is_that_of_2009(tmp_path: Path) -> None:
    """YAML 1.2: `3e-4` is a number and `no` is a word."""
    config = loaded(tmp_path, "name=no", "data.notes=on")
    assert (config.name, config.data.notes) == ("no", "on")
    assert config.align.learning_rate == 3e-4
    assert parse("a: [012, yes, 0o14, ~]", "f")[0] == {"a": [12, "yes", 12, None]}


def test_a_whole_number_may_stand_for_a_number_but_not_the_reverse(tmp_path: Path) -> None:
    assert loaded(tmp_path, "segment.length=2").segment.length == 2.0
    assert mistakes(write(tmp_path), "tokens.n_clusters=10.0")
    assert mistakes(write(tmp_path), "tokens.n_clusters=true")
    assert mistakes(write(tmp_path), "segment.length='2'")
    assert mistakes(write(tmp_path), "segment.length=.nan")


def test_a_dotted_path_names_a_class_of_anyones(tmp_path: Path) -> None:
    config = loaded(tmp_path, 'segment.kind="tsalign.segment:Windows"')
    assert config.filled()["segment"]["kind"] == "windows"


@given(st.data())
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_damage_to_a_file_ends_in_a_traceback(tmp_path: Path, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(GOOD)))
    end = data.draw(st.integers(start, min(len(GOOD), start + 12)))
    junk = data.draw(st.text(st.sampled_from('{}[]:,-#&*!|>"%@\n\t ?~01.eax\x00é'), max_size=6))
    for line in mistakes(write(tmp_path, GOOD[:start] + junk + GOOD[end:])):
        assert line.startswith(f"{tmp_path}/p.yaml:")
        assert "\n" not in line


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda part: st.lists(part) | st.dictionaries(st.text(), part),
    max_leaves=8,
)


@given(PLAIN)
@settings(max_examples=150, deadline=None)
def test_yaml_written_is_yaml_read(value: Any) -> None:
    again = parse(dump({"it": value}), "f")[0]["it"]
    assert again == value
    assert repr(again) == repr(value)  # 1, 1.0 and true are different


def test_a_cost_is_a_word_or_a_block(tmp_path):
    file = tmp_path / "p.yaml"

    def cost(text):
        file.write_text(
            "tsalign: 1\nname: costs\ndata: {recordings: x.parquet}\ndescribe: [statistics]\n"
            f"segment: {{kind: pelt, cost: {text}}}\n"
        )
        return load(file).filled()["segment"]["cost"]

    mixed = {"kind": "mixed", "channels": {"l2": [0, 1], "poisson": [2]}}
    assert cost("rank") == "rank"
    assert cost("{kind: ar, order: 2}") == {"kind": "ar", "order": 2}
    assert cost("{kind: mixed, channels: {l2: [0, 1], poisson: [2]}}") == mixed
    with pytest.raises(ExceptionGroup) as caught:
        cost("l3")
    assert "should be 'l2', 'l1', 'normal'" in str(caught.value.exceptions[0])
