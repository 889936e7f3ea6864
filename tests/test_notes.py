"""Notes: sentences tile the text, cases of clinical prose, files of notes and their mistakes."""

from __future__ import annotations

import csv
import json
import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from notes_probes import assertion_is_right, load

from tsalign.errors import TsalignError
from tsalign.notes import assess, parse, read_notes, scopes, split_sentences
from tsalign.types import Span

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
real = pytest.mark.skipif(not DATA.is_dir(), reason="the real recordings are not beside it")


def pieces(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


def check_tiling(text: str) -> None:
    places = split_sentences(text)
    inside = "".join(text[a:b] for a, b in places)
    assert "".join(inside.split()) == "".join(text.split())
    assert all(a < b for a, b in places)
    assert all(b <= c for (_, b), (c, _) in pairwise(places))
    assert all(text[a:b] == text[a:b].strip() for a, b in places)


SNIPPETS = st.sampled_from(
    [*" \n\t.:!?,;-)(", '"', "\r\n", "\n\n", "...", "\u2026", "\u2022", "- ", "1.", "2.", "3)"]
) | st.sampled_from(["Pt.", "Dr.", "q.d.", "No", "no", "37.2", "J.", "He", "well.No", "Pain: No "])


@settings(max_examples=300, deadline=None)
@given(st.text() | st.lists(SNIPPETS | st.text(max_size=3), max_size=30).map("".join))
def test_sentences_tile_any_text(text):
    check_tiling(text)


PROSE = load("probes/prose.jsonl")


@pytest.mark.parametrize("expected", PROSE)
def test_prose(expected):
    assert pieces(" ".join(expected)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "ASSESSMENT\nStable gait\n\nPLAN:\nGo home",
            ["ASSESSMENT", "Stable gait", "PLAN:", "Go home"],
        ),
        (
            "- No pain\n- Palpitations\n\u2022 Slept",
            ["- No pain", "- Palpitations", "\u2022 Slept"],
        ),
        ("1. Walk\n2. Rest\n10. Sleep", ["1. Walk", "2. Rest", "10. Sleep"]),
        ("Plan: 1. Walk 2. Rest 3. Sleep", ["Plan: 1. Walk", "2. Rest", "3. Sleep"]),
        ("1) Walk 2) Rest", ["1) Walk", "2) Rest"]),
        ("Chest pain: No\r\nDyspnea: No\r\n", ["Chest pain: No", "Dyspnea: No"]),
        ("Chest pain: No Dyspnea: Yes", ["Chest pain: No", "Dyspnea: Yes"]),
        ("mild cough\nno fever\nslept well", ["mild cough", "no fever", "slept well"]),
        ("The patient slept\nuntil 6.", ["The patient slept\nuntil 6."]),
        (
            "The patient was monitored overnight and was seen by the\nnurse at 3. He slept.",
            ["The patient was monitored overnight and was seen by the\nnurse at 3.", "He slept."],
        ),
        ("Seen by Dr.\nSmith today.", ["Seen by Dr.\nSmith today."]),
        ("Slept well.No pain at all.", ["Slept well.", "No pain at all."]),
        ("", []),
        (" \n\t ", []),
    ],
)
def test_lines_and_lists(text, expected):
    assert pieces(text) == expected


PUNCTUATION = [". ", '."', "...x", "?! ", ": no ", "no: no ", "1. ", "12) ", "A. ", "\u2022 "]
SPACE_AND_WORDS = ["a\n ", " \n", "\r\n", "abc and\n", " ", "a", "a.", "a/", "Slept well. "]


@pytest.mark.parametrize("unit", PUNCTUATION + SPACE_AND_WORDS)
def test_time_is_linear(unit):
    assert_linear(split_sentences, unit)


@pytest.mark.parametrize("unit", ["no ", "pain ", "no pain but ", "if no ", ", no ", "? ", ";"])
def test_assertion_takes_linear_time(unit):
    assert_linear(assess, unit)


def assert_linear(call, unit, small=10_000):
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        times = []
        for _ in range(3):
            begin = time.process_time()
            call(text)
            times.append(time.process_time() - begin)
        return min(times)

    seconds(1000)
    assert seconds(16 * small) < 64 * seconds(small) + 0.01  # quadratic would be 256


@real
def test_real_notes():
    with (DATA / "clinical_text" / "acibench_valid.csv").open(encoding="utf-8") as file:
        notes = [row["note"] for row in csv.DictReader(file)]
    for note in notes:
        check_tiling(note)
    first = pieces(notes[0])
    assert first[:4] == [
        "CHIEF COMPLAINT",
        "Follow-up of chronic problems.",
        "HISTORY OF PRESENT ILLNESS",
        first[3],
    ]
    assert "\u2022 Neck: JVD 8 cm." in first
    assert pieces(notes[7])[3].startswith("Betty Hill is a 53 y.o. female who presents")


def test_parse_keeps_text_and_places():
    text = "Pt. stood. \n\n Then he did not sit down."
    note = parse(text, written=datetime(2024, 3, 5, 8))
    assert note.text == text
    assert [s.id for s in note.sentences] == ["n0.0", "n0.1"]
    assert all(text[slice(*s.chars)] == s.text for s in note.sentences)
    assert [s.assertion for s in note.sentences] == ["present", "absent"]


PROBES = [
    tuple(line.split("\t"))
    for line in (ROOT / "tests" / "probes_assertion.tsv").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize(("assertion", "text"), PROBES)
def test_assertion_of_a_sentence(assertion, text):
    assert assess(text) == assertion
    assert assess(text.upper()) == assertion


def test_assertion_probes():
    """Those probes that were written before the rules, by class."""
    by_class: dict[str, list[bool]] = {}
    for probe in load("probes/assertion.jsonl"):
        by_class.setdefault(probe["kind"], []).append(assertion_is_right(probe))
    assert len(by_class) == 7
    assert all(sum(hits) >= 0.95 * len(hits) for hits in by_class.values())


@pytest.mark.parametrize("note", load("probes/sentences.jsonl"), ids=lambda n: n["note"])
def test_marked_sentences(note):
    assert [list(s) for s in split_sentences(note["text"])] == note["sentences"]


@pytest.mark.parametrize(
    ("text", "target", "assertion"),
    [
        ("Denies chest pain but reports palpitations.", "chest pain", "absent"),
        ("Denies chest pain but reports palpitations.", "palpitations", "present"),
        ("Slept well without awakenings.", "awakenings", "absent"),
        ("Slept well without awakenings.", "Slept well", "present"),
        ("No cough, dyspnea or fever.", "fever", "absent"),
        ("Palpitations, never dizziness.", "Palpitations", "present"),
        ("Mother had AF, the patient has flutter.", "AF", "other_person"),
        ("Mother had AF, the patient has flutter.", "flutter", "present"),
    ],
)
def test_assertion_of_words(text, target, assertion):
    at = text.index(target)
    assert assess(text, (at, at + len(target))) == assertion


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["no", "if", "pain", "but", ",", "and", "may", "?", "AF", "had"])))
def test_scopes_lie_in_the_text_and_say_why(parts):
    text = " ".join(parts)
    for scope in scopes(text):
        assert 0 <= scope.trigger[0] < scope.trigger[1] <= len(text)
        assert 0 <= scope.chars[0] <= scope.chars[1] <= len(text)
        assert text[slice(*scope.trigger)].lower() in text.lower()
    assert bool(scopes(text)) or assess(text) == "present"


# ---- files ----


def written(path: Path, *lines: object) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def test_notes_of_the_manual(tmp_path):
    one = {"recording": "s21_0", "note": "n1", "subject": "21", "covers": [0, 78.4]}
    one |= {"ordered": True, "text": "Stood quietly. Around 14:30 he sat down. No dizziness."}
    lie = {"id": "up", "text": "The patient stands up from lying. ", "start": 105.2}
    lie |= {"end": 108.6, "concept": "LIE_TO_STAND", "assertion": "possible"}
    two = {"recording": "s21_0", "note": "n1b", "sentences": [lie, {"text": "He slept."}]}
    three = {"recording": "b", "text": "Sat. Stood.", "sentences": [{"text": "Stood."}]}
    found = read_notes(written(tmp_path / "a.jsonl", one, "", two, three))
    assert list(found) == ["s21_0", "b"]
    first, second = found["s21_0"].notes
    assert found["s21_0"].subject == "21"
    assert (first.covers, first.ordered, second.id) == (Span(0, 78.4), True, "n1b")
    assert [s.id for s in first.sentences] == ["n1.0", "n1.1", "n1.2"]
    assert first.text[slice(*first.sentences[1].chars)] == "Around 14:30 he sat down."
    up, slept = second.sentences
    assert (up.id, up.text) == ("up", "The patient stands up from lying. ")
    assert (up.stamp, up.concept, up.assertion) == (Span(105.2, 108.6), "LIE_TO_STAND", "possible")
    assert up.when is None
    assert (slept.id, slept.stamp, slept.chars) == ("n1b.1", None, (0, 0))
    assert found["b"].notes[0].sentences[0].chars == (5, 11)
    assert found["b"].subject is None


NOTE = {"recording": "a", "text": "He sat."}


def with_sentence(**fields: object) -> dict:
    return {"recording": "a", "sentences": [{"text": "He sat."} | fields]}


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ("{", "no JSON"),
        ("[1]", "a note is an object"),
        ('{"recording": "a", "recording": "b"}', "recording: this key stands twice"),
        ('{"recording": "a", "covers": [0, NaN]}', "NaN is not a number"),
        (NOTE | {"sentance": []}, "sentance: unknown key; did you mean 'sentences'?"),
        (NOTE | {"zzz": 1}, "zzz: unknown key; there are recording, note"),
        ({"text": "He sat."}, "recording: required, but not there"),
        ({"recording": "a"}, "a note needs 'text' or 'sentences'"),
        (NOTE | {"recording": 7}, "recording: should be a text, not 7"),
        (NOTE | {"text": "  "}, "text: is empty"),
        (NOTE | {"ordered": "yes"}, 'ordered: should be true or false, not "yes"'),
        (NOTE | {"covers": [1]}, "covers: should be [start, end] in seconds"),
        (NOTE | {"covers": [0, "1"]}, 'covers: should be a number of seconds, not "1"'),
        (NOTE | {"covers": [2, 1]}, "covers: a span must not end before it starts"),
        (NOTE | {"note": "n0"}, "note 'n0' stands twice about 'a'"),
        (with_sentence(id="n0.0"), "sentence 'n0.0' stands twice about 'a'"),
        (NOTE | {"subject": "2"}, "subject: subject '2', but an earlier note says '1'"),
        (with_sentence(start=1), "'start' and 'end' are given both or not at all"),
        (with_sentence(start=True, end=2), "should be a number of seconds, not true"),
        (with_sentence(start=3, end=2), "a span must not end before it starts"),
        (with_sentence(txt="x"), "txt: unknown key; did you mean 'text'?"),
        (with_sentence(text=None), "text: required, but not there"),
        (with_sentence(assertion="maybe"), "'maybe' is none of present, absent"),
        (with_sentence() | {"text": "She sat."}, "not in the note's text"),
        ({"recording": "a", "sentences": ["He sat."]}, "sentences[0]: should be an object"),
    ],
)
def test_mistakes_are_named(tmp_path, second, said):
    path = written(tmp_path / "a.jsonl", NOTE | {"subject": "1"}, second)
    with pytest.raises(TsalignError) as caught:
        read_notes(path)
    assert str(caught.value).startswith(f"{path}:2: ")
    assert said in str(caught.value)


def test_a_list_without_sentences_is_a_note_of_which_nothing_is_said(tmp_path):
    path = tmp_path / "notes.jsonl"
    path.write_text('{"recording": "a", "sentences": []}\n{"recording": "a", "text": "He sat."}')
    silent, told = read_notes(path)["a"].notes
    assert silent.sentences == ()
    assert [s.text for s in told.sentences] == ["He sat."]


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(TsalignError, match="no such file"):
        read_notes(tmp_path / "none.jsonl")
    (tmp_path / "a.jsonl").write_bytes(b'{"recording": "\xff"}')
    with pytest.raises(TsalignError, match="not UTF-8"):
        read_notes(tmp_path / "a.jsonl")
    (tmp_path / "b.jsonl").write_bytes(b"")
    assert read_notes(tmp_path / "b.jsonl") == {}


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=5))
def test_sentences_are_kept_exactly(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("notes") / "a.jsonl"
    note = {"recording": "a", "sentences": [{"text": t} for t in texts]}
    path.write_text(json.dumps(note, ensure_ascii=False), encoding="utf-8", errors="surrogatepass")
    (found,) = read_notes(path)["a"].notes
    assert [s.text for s in found.sentences] == texts


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("data/*/notes.jsonl")), ids=lambda p: p.parent.name
)
def test_shipped_notes(path):
    found = read_notes(path)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert sum(len(r.notes) for r in found.values()) == len(lines)
