"""What a pipeline's `data:` collects: recordings, notes, truth, and who learns."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsalign.config import Config, Data, Split
from tsalign.data import Item, collect, split
from tsalign.errors import TsalignError
from tsalign.types import Span

PEOPLE = {f"r{i:02d}": f"p{i % 10}" for i in range(30)}


class Folder:
    """Recordings, notes and truth in a folder; `data` does not look into recordings."""

    def __init__(self, path: Path) -> None:
        self.path = path
        for name, subject in (("a", "1"), ("b", "1"), ("c", "2")):
            (path / f"{name}.parquet").write_bytes(name.encode())
            self.note(name, subject=subject, sentences=[{"text": "He sat.", "start": 1, "end": 2}])

    def note(self, recording: str, file: str = "notes.jsonl", **fields: Any) -> None:
        with (self.path / file).open("a") as out:
            out.write(json.dumps({"recording": recording, **fields}) + "\n")

    def truth(self, *rows: str) -> None:
        lines = ["recording,sentence,start_s,end_s", *rows]
        (self.path / "truth.csv").write_text("\n".join(lines) + "\n")

    def items(self, how: Split | None = None, **data: Any) -> list[Item]:
        given = {"recordings": "*.parquet", "notes": "notes.jsonl", "split": how} | data
        paths = ("recordings", "notes", "truth")
        for key in paths:
            told = given.get(key)
            if told is not None:
                many = (told,) if isinstance(told, str) else told
                given[key] = tuple(str(self.path / pattern) for pattern in many)
        return collect(Config("x", Data(**given), segment=None, describe=()))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def parts_of(assigned: dict[str, Any], subjects: dict[str, str]) -> dict[str, set[str]]:
    found = defaultdict(set)
    for name, part in assigned.items():
        found[subjects[name]].add(part)
    return found


@given(
    st.dictionaries(st.text("abc", min_size=1), st.text("xyz", min_size=1), min_size=1),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
    st.integers(0, 5),
)
def test_fractions_keep_people_together_and_always_draw_the_same(
    subjects: dict[str, str], shares: tuple[float, float], seed: int
) -> None:
    train, valid = min(shares), abs(shares[1] - shares[0])
    how = Split("subject", train, valid, 1 - train - valid)
    assigned = split(subjects, how, seed)
    assert split(dict(reversed(subjects.items())), how, seed) == assigned
    assert all(len(parts) == 1 for parts in parts_of(assigned, subjects).values())


def test_fractions_are_of_people_and_the_last_part_takes_the_rest() -> None:
    assigned = split(PEOPLE, Split("subject", 0.6, 0.1, 0.3), 0)
    people = parts_of(assigned, PEOPLE)
    counts = [sum(p == {part} for p in people.values()) for part in ("train", "valid", "test")]
    assert counts == [6, 1, 3]
    assert set(assigned) == set(PEOPLE)
    drawn = [split(PEOPLE, Split(), seed) for seed in range(5)]
    assert any(one != drawn[0] for one in drawn)


def test_a_part_of_nothing_stays_empty() -> None:
    assert set(split(PEOPLE, Split("subject", 0.5, 0, 0), 0).values()) == {"train"}


def test_recordings_are_split_singly_where_that_is_asked() -> None:
    names = {"a": "1", "b": "1"}
    assert split(names, Split("recording", ("a",), (), ("b",)), 0) == {"a": "train", "b": "test"}


def test_who_is_not_named_is_left_out_and_numbers_name_people_too() -> None:
    names = {"a": "1", "b": "2", "c": "3"}
    assert split(names, Split("subject", (1,), (), ("3",)), 0) == {"a": "train", "c": "test"}


def test_without_a_split_everything_learns() -> None:
    assert set(split(PEOPLE, None, 0).values()) == {"train"}


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (Split("subject", ("p1", "p77"), (), ()), "data.split.train: no subject is called 'p77'"),
        (Split("recording", (), ("p1",), ()), "data.split.valid: no recording is called 'p1'"),
        (Split("subject", ("p1",), (), ("p1",)), "data.split.test: 'p1' stands in two parts"),
    ],
)
def test_a_name_that_nobody_or_everybody_has_is_refused(how: Split, message: str) -> None:
    with pytest.raises(TsalignError) as error:
        split(PEOPLE, how, 0)
    assert str(error.value) == message


def test_everything_is_collected_in_the_order_of_ids(folder: Folder) -> None:
    (folder.path / "c.spans.csv").write_text("start_s,end_s,label\n0,1,SIT\n")
    folder.truth("c,n0.0,0.5,0.75", "c,n0.0,3,4")
    items = folder.items(
        Split("subject", ("1",), (), ("2",)),
        recordings=["c.parquet", "[ab].parquet"],
        truth=["*.spans.csv", "truth.csv"],
    )
    assert [(i.id, i.subject, i.part) for i in items] == [
        ("a", "1", "train"), ("b", "1", "train"), ("c", "2", "test"),
    ]  # fmt: skip
    assert items[0].truth == {"n0.0": (Span(1, 2),)}  # its own stamp
    assert items[2].truth == {"n0.0": (Span(0.5, 0.75), Span(3, 4))}  # the table wins
    assert [label.label for label in items[2].labels] == ["SIT"]
    assert len({item.source.digest for item in items}) == 3


def test_a_recording_without_a_note_is_its_own_subject(folder: Folder) -> None:
    (folder.path / "d.parquet").write_bytes(b"d")
    last = folder.items()[-1]
    assert (last.id, last.subject, last.notes, last.truth) == ("d", "d", (), {})


def test_a_sentence_that_matches_nothing_is_known_to(folder: Folder) -> None:
    folder.note("a", note="n9", text="No fever.")
    folder.truth("a,n9.0,,")
    assert folder.items(truth="truth.csv")[0].truth == {"n0.0": (Span(1, 2),), "n9.0": ()}


def refused(folder: Folder, **data: Any) -> str:
    with pytest.raises(TsalignError) as error:
        folder.items(**data)
    return str(error.value).replace(f"{folder.path}/", "")


def test_two_files_with_one_id(folder: Folder) -> None:
    (folder.path / "a.csv").write_text("time,x\n0,1\n")
    said = refused(folder, recordings=["*.parquet", "*.csv"])
    assert said == "recording a: two files have this id"


def test_notes_about_nobody(folder: Folder) -> None:
    folder.note("zz", text="Who is this?")
    assert refused(folder) == "recording zz: notes speak of a recording that is not there"


def test_notes_about_one_recording_in_two_files(folder: Folder) -> None:
    folder.note("a", "more.jsonl", note="n1", text="Again.")
    said = refused(folder, notes=["notes.jsonl", "more.jsonl"])
    assert said == "more.jsonl: recording a: notes stand in two files"


def test_truth_about_a_sentence_that_no_note_holds(folder: Folder) -> None:
    folder.truth("a,n0.7,0,1")
    said = refused(folder, truth="truth.csv")
    assert said == "recording a: the truth speaks of 'n0.7', a sentence that no note holds"


@pytest.mark.parametrize("key", ["recordings", "notes", "truth"])
def test_a_pattern_that_matches_nothing(folder: Folder, key: str) -> None:
    assert refused(folder, **{key: "no*.x"}) == f"data.{key}: no file matches 'no*.x'"
