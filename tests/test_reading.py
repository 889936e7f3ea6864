"""How notes are read: clauses, merged wordings, tables of times, privacy, documents of spaCy."""

from __future__ import annotations

import json
import re
import time
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from notes_probes import load as load_probes
from test_notes import SNIPPETS, assert_linear

from tsalign.config import load
from tsalign.errors import TsalignError
from tsalign.notes import Reading, parse, read_notes, split_clauses, split_sentences
from tsalign.notes.private import days_back, deidentified

WORDS = st.sampled_from(["no", "pain", ",", ", ", "; ", " and ", " but ", " 5 min ", "the", " AF "])


@settings(max_examples=200, deadline=None)
@given(st.lists(WORDS | SNIPPETS, max_size=20).map("".join))
def test_clauses_lie_in_their_sentences(text):
    whole = {s.id: s for s in parse(text).sentences}
    for clause in parse(text, clauses=True).sentences:
        parent = whole[clause.parent or clause.id]
        assert text[slice(*clause.chars)] == clause.text
        assert parent.chars[0] <= clause.chars[0] < clause.chars[1] <= parent.chars[1]
        if clause.parent is None:
            assert clause.assertion == parent.assertion


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "No cough, dyspnea or fever but palpitations.",
            [("No cough", "absent"), ("dyspnea or fever", "absent"), ("palpitations.", "present")],
        ),
        (
            "Denies chest pain and dizziness; reports fatigue.",
            [
                ("Denies chest pain", "absent"),
                ("dizziness", "absent"),
                ("reports fatigue.", "present"),
            ],
        ),
        ("Walked at 3, 20 min.", [("Walked at 3, 20 min.", "present")]),
    ],
)
def test_clauses_share_what_negates_them(text, expected):
    found = parse(text, clauses=True).sentences
    assert [(s.text, s.assertion) for s in found] == expected
    assert {s.parent for s in found} == ({"n0.0"} if len(found) > 1 else {None})


@pytest.mark.parametrize("unit", ["no pain, ", "pain and ", ", ", "and ", "5 min, "])
def test_clauses_take_linear_time(unit):
    assert_linear(split_clauses, unit)


def test_a_line_of_a_megabyte_is_cut_fast():
    notes = " ".join(note["text"] for note in load_probes("probes/sentences.jsonl"))
    line = (" ".join(notes.split()) + " ") * (1_000_000 // len(notes) + 1)
    spent = []
    for _ in range(3):
        begin = time.process_time()
        assert len(split_sentences(line)) > 10_000
        spent.append(time.process_time() - begin)
    assert len(line) / min(spent) > 5e6


NOTE = {"recording": "a", "text": "Mr. John Smith fell on 2024-03-04 at 14:30. Heart racing."}
NOTE |= {"recorded": ["2024-03-04T08:00", "2024-03-05T08:00"], "subject": "7"}


def noted(tmp_path, **options):
    path = tmp_path / "notes.jsonl"
    path.write_text(json.dumps(NOTE) + "\n", encoding="utf-8")
    return read_notes(path, Reading(**options))["a"].notes[0]


def test_names_are_masked_and_times_stay(tmp_path):
    open_, hidden = noted(tmp_path), noted(tmp_path, deidentify="shift")
    assert "John" in open_.text
    assert "Smith" not in hidden.text + "".join(s.text for s in hidden.sentences)
    assert "2024-03-04" not in hidden.text
    for before, after in zip(open_.sentences, hidden.sentences, strict=True):
        assert (before.chars, before.when) == (after.chars, after.when)
        assert hidden.text[slice(*after.chars)] == after.text


@settings(max_examples=100, deadline=None)
@given(st.text() | st.dates().map("On {:%Y-%m-%d} Dr. Lee came.".format), st.text())
def test_masks_keep_the_length(text, who):
    assert len(deidentified(text, days_back(who))) == len(text)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Seen by Dr. Maria Lopez.", "Lopez"),
        ("Mrs. Berg fell, BERG was helped, and Berg slept.", "B[Ee][Rr][Gg]"),
        ("Patient: Huber, Hans", "Huber|Hans"),
        ("MRN: 12345678, MRN A123456", r"\d"),
        ("Call 030 123456 on 2024-03-05.", "1234"),
        ("Tel: +49 30 1234567, (555) 123-4567, 555-1234", r"\d"),
        ("m.lee@ward.org wrote on 2024-03-05 of https://ward.org/x?id=5", "lee|ward|id=5"),
        ("SSN 123-45-6789", r"\d"),
        ("Lives at 12 Elm Grove Road, London SW1A 1AA", "12|Elm|SW1A"),
        ("Wohnt Lindenstraße 5, 10115 Berlin", "Linden|10115|Berlin"),
        ("A 94-year-old woman.", "94"),
        ("Seen 5 March 2024, March 6th, 3/4/24 and 7-Mar-24.", r"\d|March"),
    ],
)
def test_what_tells_who_is_masked(text, secret):
    hidden = deidentified(text, 7)
    assert len(hidden) == len(text)
    assert not re.search(secret, hidden.replace("2024-02-27", ""))


@pytest.mark.parametrize(
    "text",
    [
        "In bed 2200-0630, BP 120/80, HR 72.",
        "Fell at 14:30:15, 0830h, 14.30 Uhr, 14:30-15:00, around 0215.",
        "Obs 120 80 72 16 98, 10 mm/mV, 0.05-150 Hz, QTc 400-420.",
        "Patient reports pain. May walk. A 45-year-old man.",
    ],
)
def test_times_and_measurements_stay(text):
    assert deidentified(text, 7) == text


@pytest.mark.parametrize(
    "line",
    [
        '{"recording": "a", "text": ["Mr Secret fell"]}',
        '{"recording": "a", "sentences": ["Mr Secret fell"]}',
        '{"recording": "a", "sentences": [{"text": {"Mr": "Secret fell"}}]}',
        '{"recording": "a", "sentences": [{"text": "He fell", "start": "Secret fell"}]}',
        '{"recording": "a", "text": "Other.", "sentences": [{"text": "Mr Secret fell"}]}',
        '{"recording": "a", "text": "Mr Secret fell"',
    ],
)
def test_a_mistake_is_named_without_the_words_of_the_note(tmp_path, line):
    path = tmp_path / "notes.jsonl"
    path.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(TsalignError) as caught:
        read_notes(path)
    assert "Secret" not in str(caught.value)


def test_given_sentences_are_cut_too(tmp_path):
    path = tmp_path / "notes.jsonl"
    said = [{"id": "g", "text": "Fell, felt faint at 14:30."}]
    said += [
        {"text": "Sat, stood.", "concept": "up"},
        {"text": "Lay, slept.", "start": 1, "end": 2},
    ]
    note = {"recording": "a", "sentences": said, "recorded": NOTE["recorded"]}
    path.write_text(json.dumps(note) + "\n", encoding="utf-8")
    found = read_notes(path, Reading(clauses=True))["a"].notes[0].sentences
    assert [(s.id, s.parent, s.text) for s in found] == [
        ("g.0", "g", "Fell"),
        ("g.1", "g", "felt faint at 14:30."),
        ("n0.1", None, "Sat, stood."),
        ("n0.2", None, "Lay, slept."),
    ]
    assert found[0].when == found[1].when


def test_wordings_that_mean_the_same(tmp_path):
    table = tmp_path / "merges.yaml"
    table.write_text("palpitations: [heart  racing, palps]\n", encoding="utf-8")
    note = noted(tmp_path, concepts=str(table))
    assert [s.concept for s in note.sentences] == [None, "palpitations"]
    other = tmp_path / "twice.yaml"
    other.write_text("a: [palps]\nb: [Palps.]\n", encoding="utf-8")
    with pytest.raises(TsalignError, match="stands under 'a' too"):
        noted(tmp_path, concepts=str(other))


PIPELINE = """tsalign: 1
name: t
data: {recordings: a.csv}
notes: NOTES
segment: {kind: windows, length: 1.0}
describe: [statistics]
"""


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("{clausez: true}", "4:9: notes.clausez: unknown key; did you mean 'clauses'?"),
        ("{clauses: 3}", "4:18: notes.clauses: "),
        ("{times: none.yaml}", "4:16: notes.times: none.yaml: no such file"),
        ("{deidentify: delete}", "4:21: notes.deidentify: "),
        ("3", "4:8: notes: should be a mapping"),
    ],
)
def test_mistakes_in_a_pipeline_are_named(tmp_path, block, said):
    path = tmp_path / "p.yaml"
    path.write_text(PIPELINE.replace("NOTES", block), encoding="utf-8")
    with pytest.raises(ExceptionGroup) as caught:
        load(path)
    assert str(caught.value.exceptions[0]).startswith(f"{path}:{said}")


def test_a_pipeline_keeps_how_notes_are_read(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text(PIPELINE.replace("NOTES", "{clauses: true}"), encoding="utf-8")
    made = load(path)
    assert made.notes == Reading(clauses=True)
    path.write_text(made.to_yaml(), encoding="utf-8")
    assert load(path).notes == made.notes


def test_a_document_of_spacy():
    text = "Felt AF today.  Some flutter, pain."

    def ent(word, negated):
        return SimpleNamespace(start_char=text.index(word), _=SimpleNamespace(negex=negated))

    sents = [SimpleNamespace(start_char=a, end_char=b) for a, b in ((0, 16), (16, len(text)))]
    ents = [ent("AF", False), ent("flutter", True), ent("pain", True)]
    note = parse(SimpleNamespace(text=text, sents=sents, ents=ents))
    assert [(s.text, s.assertion) for s in note.sentences] == [
        ("Felt AF today.", "present"),
        ("Some flutter, pain.", "absent"),
    ]
    assert all(text[slice(*s.chars)] == s.text for s in note.sentences)
    cut = parse(SimpleNamespace(text=text, sents=sents, ents=ents[:2]), clauses=True).sentences
    assert [(s.text, s.parent, s.assertion) for s in cut] == [
        ("Felt AF today.", None, "present"),
        ("Some flutter", "n0.1", "absent"),
        ("pain.", "n0.1", "present"),
    ]
    assert all(text[slice(*s.chars)] == s.text for s in cut)
