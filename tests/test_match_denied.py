"""What a note denies is looked for all the same; what is found speaks against the note."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tsalign.match import Case, Independent, Ordered, Placer, Unordered
from tsalign.match.odds import without
from tsalign.types import Evidence, Note, Segments, Sentence, Span

CONCEPTS, RUN = 4, 12


def recording(seed: int, happens: list[int], said: list[tuple[int, str]]) -> Case:
    """Concepts that happen one after the other, and sentences: concept (or -1) and assertion."""
    rng = np.random.default_rng(seed)
    k = RUN * 2 * len(happens)
    signal = np.log(rng.dirichlet(np.ones(CONCEPTS + 1), k).astype(np.float32))
    spans = {}
    for place, concept in enumerate(happens):
        start = RUN * (2 * place) + int(rng.integers(RUN // 2))
        signal[start : start + RUN, concept] = np.log(rng.uniform(1.0, 3.0, RUN))
        spans[concept] = Span(float(start), float(start + RUN))
    text = np.full((len(said), CONCEPTS), 0.02, np.float32)
    for j, (concept, _) in enumerate(said):
        if concept >= 0:
            text[j, concept] = 0.9
    text = np.log(text)
    sentences = tuple(
        Sentence(f"{concept} is {how}", f"n.{j}", assertion=how)
        for j, (concept, how) in enumerate(said)
    )
    truth = {
        s.id: (spans[c],) if c in spans else () for s, (c, _) in zip(sentences, said, strict=True)
    }
    bounds = np.stack([np.arange(k), np.arange(1, k + 1)], axis=1)
    similarity = signal[:, :1] + np.zeros((1, len(said)), np.float32)
    evidence = Evidence(similarity, signal[:, :-1], signal[:, -1], text)
    return Case(evidence, Segments(bounds, 1.0), (Note("n", "", sentences, ordered=True),), truth)


def learnt(matcher) -> Placer:
    cases = []
    for seed in range(12):
        order = np.random.default_rng(seed).permutation(CONCEPTS)[:3].tolist()
        cases.append(recording(seed, order, [(c, "present") for c in (*order[:2], -1, order[2])]))
    return Placer(matcher).fit(cases, [[10.0, 12.0, 14.0]] * CONCEPTS)


@pytest.mark.parametrize("matcher", [Ordered(), Independent(), Unordered(repeats=False)])
def test_a_denied_event_that_happens_is_reported_and_an_absent_one_is_not(matcher):
    placer = learnt(matcher)
    for seed in range(100, 106):
        said = [(0, "present"), (1, "absent"), (2, "absent"), (3, "history")]
        case = recording(seed, [0, 1, 3], said)
        found = placer.place("r", case.evidence, case.segments, case.notes)
        told = {left.sentence: left for left in found.unmatched}
        assert [told[f"n.{j}"].reason for j in (1, 2, 3)] == ["negated", "negated", "history"]
        against, (true,) = told["n.1"].contradiction, case.truth["n.1"]
        assert against is not None
        assert against.confidence >= 0.5
        common = Span(against.start, against.end) & true
        assert common is not None
        assert common.duration > 0.5 * true.duration
        assert told["n.2"].contradiction is None
        assert told["n.3"].contradiction is None  # it may well have happened now


def test_a_denial_changes_no_span_and_without_validation_nothing_speaks_against_it():
    case = recording(7, [0, 1], [(0, "present"), (1, "absent")])
    (note,) = case.notes
    evidence = case.evidence
    alone = replace(evidence, similarity=evidence.similarity[:, :1], text=evidence.text[:1])
    given = "r", alone, case.segments, [replace(note, sentences=note.sentences[:1])]
    placer = learnt(Ordered())
    both = placer.place("r", evidence, case.segments, case.notes)
    assert both.spans == placer.place(*given).spans
    bare = Placer(Ordered()).fit([]).place("r", evidence, case.segments, case.notes)
    assert [left.contradiction for left in bare.unmatched] == [None]
    assert [left.matches for left in bare.unmatched] == [None]


def test_the_chance_to_match_at_all_tells_events_from_other_topics():
    placer = learnt(Ordered())
    events, others = [], []
    for seed in range(200, 206):
        case = recording(seed, [2, 0], [(2, "present"), (-1, "present"), (0, "present")])
        found = placer.place("r", case.evidence, case.segments, case.notes)
        for said in (*found.spans, *found.unmatched):
            (events if case.truth[said.sentence] else others).append(said.matches)
    assert 1 > min(events) > max(others) > 0


def test_what_is_taken_out_of_a_recording_is_found_nowhere():
    case = recording(3, [0, 1, 3], [(1, "present")])
    gone = without(case.evidence, case.segments, case.truth["n.0"])
    placer = learnt(Ordered())
    for evidence, expected in ((case.evidence, True), (gone, False)):
        found = placer.place("r", evidence, case.segments, case.notes)
        spans = [span.span & case.truth["n.0"][0] for span in found.spans]
        assert any(common is not None and common.duration > 6 for common in spans) == expected
