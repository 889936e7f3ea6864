from __future__ import annotations

import json
import math
import time
from dataclasses import replace
from itertools import groupby

import naive_evaluate as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_evaluate import aligned
from scipy.stats import entropy
from sklearn.metrics import brier_score_loss, mutual_info_score

from tsalign.errors import TsalignError
from tsalign.evaluate import (
    BoundaryError,
    Calibration,
    Distractors,
    RecallAtIou,
    Results,
    Retrieval,
    Segmentation,
    SpanIou,
    TokenAgreement,
    baselines,
    counts,
    figures,
    intervals,
    report,
)
from tsalign.evaluate.facts import first_rank
from tsalign.evaluate.intervals import best_jaccard, inside, majority, matches, overlapping
from tsalign.types import Alignment, Segments, Span, Tokens, Unmatched

METRICS = [
    SpanIou(),
    RecallAtIou(),
    Distractors(),
    BoundaryError(),
    Calibration(),
    Segmentation(),
    TokenAgreement(),
    Retrieval(),
]
# Figures that measure how much of the truth was found: leaving something out cannot help.
FOUND = ("mean_iou", "recall_at_", "_within_", "events_placed", "span_covering")
quick = settings(max_examples=60, deadline=None)

moments = st.integers(0, 2 * naive.SECONDS).map(lambda x: x / 2)
stretches = (
    st.tuples(moments, moments).filter(lambda p: p[0] != p[1]).map(lambda p: (min(p), max(p)))
)
many = st.lists(stretches, max_size=12)
chances = st.sampled_from([0.0, 0.2, 0.5, 0.5000001, 0.9, 1.0])


def as_array(pairs) -> np.ndarray:
    return np.array(pairs, np.float64).reshape(-1, 2)


@st.composite
def recordings(draw):
    names = [f"s{i}" for i in range(draw(st.integers(0, 5)))]
    placed = {n: (*draw(stretches), draw(chances)) for n in names if draw(st.booleans())}
    truth = {n: draw(st.lists(stretches, max_size=3)) for n in names}
    labels = [(*s, draw(st.sampled_from("AB"))) for s in draw(st.lists(stretches, max_size=4))]
    cuts = sorted(draw(st.sets(st.integers(1, naive.SECONDS - 1), max_size=4)))
    ids = [draw(st.integers(0, 3)) for _ in range(len(cuts) + 1)]
    values = st.integers(-3, 3).map(float)
    size = (len(cuts) + 1) * len(names)
    scores = draw(st.lists(values, min_size=size, max_size=size))
    similarity = np.array(scores, np.float32).reshape(len(cuts) + 1, len(names))
    return aligned(placed, truth, labels, cuts, ids, similarity)


def measure(*items) -> dict[str, float]:
    return figures(METRICS, Results.from_aligned(items))


def same(a: dict[str, float], b: dict[str, float]) -> None:
    assert a.keys() == b.keys()
    for name, value in a.items():
        assert value == pytest.approx(b[name], rel=1e-12, abs=1e-12, nan_ok=True), name


# Sweeps against their twins


@quick
@given(many, many)
def test_sweeps_equal_double_loops(a, b):
    A, B = as_array(a), as_array(b)
    assert best_jaccard(A, B) == pytest.approx(naive.best_jaccard(a, b))
    assert majority(A, B).tolist() == naive.majority(a, b)
    owner = np.arange(len(b)) % 3
    assert inside(A, B, owner, 3).tolist() == naive.inside(a, b, owner.tolist(), 3)


@quick
@given(many, many, st.integers(1, 5))
def test_blocks_of_any_size_hold_the_same_pairs(a, b, limit):
    A, B = as_array(a), as_array(b)
    found = [(i, j) for block in overlapping(A, B, limit) for i, j in zip(*block, strict=True)]
    wanted = [(i, j) for i, x in enumerate(a) for j, y in enumerate(b) if naive.shared(x, y) > 0]
    assert sorted(found) == wanted


@quick
@given(st.sets(moments, max_size=9), st.sets(moments, max_size=9), st.sampled_from([0, 0.5, 1, 3]))
def test_greedy_pairing_is_the_largest_matching(a, b, margin):
    left, right = sorted(a), sorted(b)
    assert matches(np.array(left), np.array(right), margin) == naive.matches(left, right, margin)


def test_ten_thousand_against_ten_thousand():
    rng = np.random.default_rng(0)
    sides = []
    for _ in range(2):
        edges = np.sort(rng.uniform(0, 86_400, 10_001))
        sides.append(np.stack([edges[:-1], edges[1:]], axis=1))
    seconds = []
    for _ in range(5):
        began = time.process_time()
        best_jaccard(*sides)
        matches(sides[0][:, 0], sides[1][:, 0], 0.5)
        seconds.append(time.process_time() - began)
    assert min(seconds) < 0.1


# Whole results


@quick
@given(st.lists(recordings(), max_size=4))
def test_figures_against_twins(items):
    found = measure(*items)
    assert found["mean_iou"] == pytest.approx(naive.mean_iou(items), nan_ok=True)
    results = Results.from_aligned(iter(items))
    known = results.is_placed
    stated, right = results.confidence[known], results.iou[known] >= 0.5
    if len(stated):
        width = [min(int(c * 15), 14) for c in stated]
        mass = [sum(stated < c) * 15 // len(stated) for c in stated]
        right = right.astype(float)
        assert found["ece_equal_width"] == pytest.approx(
            naive.calibration_error(stated, right, width)
        )
        assert found["ece_equal_mass"] == pytest.approx(
            naive.calibration_error(stated, right, mass)
        )
        assert found["brier"] == pytest.approx(brier_score_loss(right, stated, pos_label=1))
    units = [unit for f in results.facts for unit in f.units]
    ids = [token for item in items for token in item.tokens.ids.tolist()]
    if ids:
        runs = sum(1 for item in items for _ in groupby(item.tokens.ids.tolist()))
        surprise = np.exp(entropy(np.unique(ids, return_counts=True)[1]))
        assert found["token_run_length"] == pytest.approx(len(ids) / runs)
        assert found["token_perplexity"] == pytest.approx(surprise)
        assert found["token_use"] == len(set(ids)) / 50
    if len({label for label, _ in units}) > 1:
        labels, tokens = zip(*units, strict=True)
        unsure = mutual_info_score(labels, labels)
        assert found["token_pnmi"] == pytest.approx(mutual_info_score(labels, tokens) / unsure)


@quick
@given(st.lists(recordings(), min_size=1, max_size=4), st.data())
def test_taking_recordings_is_measuring_them_again(items, data):
    places = st.lists(st.integers(0, len(items) - 1), min_size=1, max_size=6)
    first, second = data.draw(places), data.draw(places)
    taken = Results.from_aligned(items).take(np.array(first))
    same(figures(METRICS, taken), measure(*(items[i] for i in first)))
    again = [i % len(first) for i in second]
    same(figures(METRICS, taken.take(np.array(again))), measure(*(items[first[i]] for i in again)))
    assert taken.durations.tolist() == [naive.SECONDS] * len(first)
    assert counts(taken)["sentences"] == sum(len(items[i].truth) for i in first)


@quick
@given(recordings(), st.data())
def test_abstaining_never_raises_a_figure(item, data):
    keep, drop = [], []
    for span in item.alignment.spans:
        (keep if data.draw(st.booleans()) else drop).append(span)
    left = tuple(Unmatched("r", s.sentence, s.text, s.note, "no_match", 0.0) for s in drop)
    told = replace(item.alignment, spans=tuple(keep), unmatched=item.alignment.unmatched + left)
    fewer = replace(item, alignment=told)
    before, after = measure(item), measure(fewer)
    for name in before:
        if any(word in name for word in FOUND) and not math.isnan(before[name]):
            assert after[name] <= before[name], name
    if not math.isnan(before["distractors_placed"]):
        assert after["distractors_placed"] <= before["distractors_placed"]


@quick
@given(recordings())
def test_the_order_of_sentences_does_not_matter(item):
    turned = replace(
        item,
        truth=dict(reversed(item.truth.items())),
        alignment=replace(
            item.alignment,
            spans=item.alignment.spans[::-1],
            similarity=item.alignment.similarity[:, ::-1],
        ),
    )
    same(measure(turned), measure(item))


def perfect():
    truth = {"a": [(0, 5)], "b": [(5, 10), (15, 20)], "c": [(10, 15)], "off": []}
    placed = {"a": (0, 5, 1.0), "b": (15, 20, 1.0), "c": (10, 15, 1.0)}
    labels = [(0, 5, "A"), (5, 10, "B"), (10, 15, "C"), (15, 20, "B")]
    right = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0]], np.float32)
    return aligned(placed, truth, labels, ids=[7, 3, 9, 3], similarity=right)


def test_a_perfect_answer():
    found = measure(perfect())
    zero = ("_error_", "distractors", "ece", "brier", "brier_base_rate")
    for name, value in found.items():
        if name.startswith("recall_at_5"):
            assert math.isnan(value), name
        elif name == "span_covering":  # one of the two true stretches of b was not claimed
            assert value == 0.75
        elif name in ("token_perplexity", "token_use"):  # of the tokens, right or wrong
            assert value == pytest.approx({"token_perplexity": 8**0.5, "token_use": 3 / 50}[name])
        else:
            assert value == (0.0 if any(z in name for z in zero) else 1.0), name


def test_errors_are_signed_and_held_against_the_best_true_span():
    item = aligned({"a": (4, 11, 0.5)}, {"a": [(0, 2), (5, 10)]})
    results = Results.from_aligned([item])
    assert (results.start_error.tolist(), results.end_error.tolist()) == ([-1.0], [1.0])
    assert results.iou[0] == pytest.approx(5 / 7)
    missed = Results.from_aligned([aligned({"a": (3, 4, 0.5)}, {"a": [(0, 2), (10, 12)]})])
    assert missed.start_error.tolist() == [3.0]  # nothing overlaps: the nearest
    assert missed.iou.tolist() == [0.0]


def test_boundary_shares_count_the_missed():
    item = aligned({"a": (0.4, 5, 0.9)}, {"a": [(0, 5)], "b": [(5, 9)]})
    found = measure(item)
    assert found["start_error_median"] == pytest.approx(0.4)
    assert found["start_within_0.5s"] == found["end_within_0.5s"] == found["events_placed"] == 0.5


def test_percentiles_are_numpys():
    ends = [5.5, 7.0, 9.25, 6.0]
    truth = {f"s{i}": [(0, 5)] for i in range(4)}
    placed = {f"s{i}": (0.0, end, 0.5) for i, end in enumerate(ends)}
    found = measure(aligned(placed, truth))
    errors = np.array(ends) - 5
    assert found["end_error_median"] == pytest.approx(np.quantile(errors, 0.5))
    assert found["end_error_p90"] == pytest.approx(np.quantile(errors, 0.9))


def test_alternatives_count_for_recall_at_five_only():
    item = aligned({"a": (0, 5, 0.9)}, {"a": [(10, 15)], "b": [(0, 2)]})
    others = ((12.0, 20.0, 0.1), (10.0, 15.0, 0.4))
    span = replace(item.alignment.spans[0], alternatives=others)
    found = measure(replace(item, alignment=replace(item.alignment, spans=(span,))))
    assert found["recall_at_1_iou_0.3"] == found["mean_iou"] == 0.0
    assert found["recall_at_5_iou_0.7"] == 0.5


def test_of_several_places_the_most_confident_counts():
    item = aligned({"a": (0, 5, 0.4)}, {"a": [(10, 15)]})
    better = replace(item.alignment.spans[0], span=Span(10, 15), confidence=0.8)
    both = replace(item.alignment, spans=(item.alignment.spans[0], better))
    found = measure(replace(item, alignment=both))
    assert found["mean_iou"] == 1.0
    assert found["brier"] == pytest.approx(0.04)


def test_sentences_without_an_entry_are_not_evaluated():
    item = aligned({"a": (0, 5, 0.9), "unknown": (3, 8, 0.9)}, {"a": [(0, 5)]})
    assert len(Results.from_aligned([item]).iou) == 1


def test_moments_without_duration():
    found = measure(aligned({"a": (5, 5, 1.0), "b": (6, 6, 1.0)}, {"a": [(5, 5)], "b": [(7, 7)]}))
    assert found["mean_iou"] == 0.5


# Segmentation, tokens, retrieval


def test_segmentation_by_hand():
    item = aligned(labels=[(0, 4, "A"), (4, 12, "B"), (12, 14, "")], cuts=[5, 10])
    found = figures([Segmentation(margin=1.0)], Results.from_aligned([item]))
    # A against [0, 5): 4/5; B against [5, 10): 5/8. True cuts 4, 12; cuts 5, 10; one pair.
    assert found["segment_covering"] == pytest.approx((4 * 0.8 + 8 * 0.625) / 12)
    assert found["segment_boundary_f1_1s"] == pytest.approx(0.5)
    assert found["span_covering"] == found["span_boundary_f1_1s"] == 0.0


def test_overlapping_windows_are_cut_at_their_middle():
    item = aligned(labels=[(0, 10, "A"), (10, 20, "B")])
    windows = Segments(np.array([[0, 12], [8, 20]]), 1.0)
    item = replace(item, segments=windows, tokens=Tokens(np.array([0, 1], np.int32), 2, windows))
    found = measure(item)
    assert found["segment_covering"] == found["segment_boundary_f1_0.5s"] == 1.0


def test_two_settings_may_stand_side_by_side():
    found = figures([Segmentation(0.5), Segmentation(2.0)][1:], Results.from_aligned([perfect()]))
    assert "segment_boundary_f1_2s" in found
    with pytest.raises(TsalignError, match="segment_covering"):
        figures([Segmentation(0.5), Segmentation(2.0)], Results.from_aligned([perfect()]))


def test_tokens_by_hand():
    labels = [(0, 10, "A"), (10, 20, "B")]
    found = measure(aligned(labels=labels, ids=[1, 1, 1, 2]))
    assert found["token_label_purity"] == found["token_cluster_purity"] == 0.75
    assert found["token_pnmi"] == pytest.approx(
        mutual_info_score([0, 0, 1, 1], [1, 1, 1, 2]) / math.log(2)
    )
    idle = measure(aligned(labels=labels, ids=[1, 1, 1, 1]))
    assert idle["token_pnmi"] == 0.0


def test_tokens_before_and_after_prediction_stand_side_by_side():
    labels = [(0, 10, "A"), (10, 20, "B")]
    second, first = (aligned(labels=labels, ids=ids) for ids in ([1, 1, 2, 2], [1, 1, 1, 2]))
    found = measure(replace(second, first=first.tokens))
    assert found["token_pnmi"] == 1.0
    alone = measure(first)
    for name in (name for name in alone if name.startswith("token_")):
        assert found[f"first_{name}"] == alone[name]
    assert not any(name.startswith("first_") for name in alone)


def test_one_label_leaves_nothing_to_explain():
    assert math.isnan(measure(aligned(labels=[(0, 20, "A")]))["token_pnmi"])


@quick
@given(st.integers(0, 5), st.integers(1, 6), st.randoms(use_true_random=False))
def test_ranks_equal_sorting(rows, columns, random):
    scores = [[random.choice([0.0, 1.0, 2.0]) for _ in range(columns)] for _ in range(rows)]
    right = [[random.random() < 0.4 for _ in range(columns)] for _ in range(rows)]
    found = first_rank(
        np.array(scores).reshape(rows, columns), np.array(right, bool).reshape(rows, columns)
    )
    assert found.tolist() == naive.first_ranks(scores, right)


def test_retrieval_knows_concepts():
    scores = np.array([[0, 1], [0, 1], [0, 0], [9, 9]], np.float32)
    truth = {"a": [(0, 5)], "b": [(5, 10)]}
    apart = measure(aligned(truth=truth, similarity=scores))
    assert apart["segment_to_sentence_recall_at_1"] == 0.5
    alike = measure(aligned(truth=truth, similarity=scores, texts={"a": "sits", "b": "sits"}))
    assert alike["segment_to_sentence_recall_at_1"] == 1.0
    labels = [(0, 5, "SIT"), (5, 10, "SIT")]
    assert (
        measure(aligned(truth=truth, similarity=scores, labels=labels))[
            "segment_to_sentence_recall_at_1"
        ]
        == 1.0
    )
    assert alike["sentence_to_segment_recall_at_1"] == 0.0
    assert alike["sentence_to_segment_recall_at_5"] == 1.0


def test_retrieval_leaves_out_columns_it_cannot_name():
    item = aligned({"a": (0, 5, 1.0), "b": (5, 10, 1.0)}, {"a": [(0, 5)]})
    scores = np.ones((4, 2), np.float32)
    found = measure(replace(item, alignment=replace(item.alignment, similarity=scores)))
    assert math.isnan(found["segment_to_sentence_mrr"])


def test_a_missing_similarity_ranks_last():
    scores = np.array([[np.nan, 0], [0, 1], [0, 0], [0, 0]], np.float32)
    found = measure(aligned(truth={"a": [(0, 5)], "b": [(5, 10)]}, similarity=scores))
    assert found["segment_to_sentence_mrr"] == 0.75


# Nothing, little and damaged


def test_nothing_at_all():
    told = report(METRICS, [])
    assert all(v == {"value": None, "low": None, "high": None} for v in told["metrics"].values())
    assert set(told["counts"].values()) == {0}
    json.dumps(told, allow_nan=False)


def test_a_recording_without_truth_or_tokens():
    item = aligned({"a": (0, 5, 0.5)}, ids=[0] * 4)
    bare = replace(item, truth={}, tokens=Tokens(np.zeros(0, np.int32), 0, item.segments))
    assert all(math.isnan(v) for v in measure(bare).values())
    same(measure(bare, perfect()), measure(perfect()))
    report(METRICS, [bare], draws=3)


def test_no_segment_at_all():
    item = perfect()
    none = Segments(np.zeros((0, 2), np.int64), 1.0)
    empty = Alignment((), (), np.zeros((0, 4), np.float32), np.zeros((0, 4), np.float32), 0.0)
    bare = replace(
        item, segments=none, tokens=Tokens(np.zeros(0, np.int32), 9, none), alignment=empty
    )
    found = measure(bare)
    assert found["segment_covering"] == found["mean_iou"] == 0.0


def test_shapes_that_do_not_fit_are_named():
    item = perfect()
    few = replace(item, tokens=Tokens(np.zeros(2, np.int32), 9, item.segments))
    with pytest.raises(TsalignError, match="recording r: 2 tokens for 4 segments"):
        measure(few)
    scores = np.zeros((3, 4), np.float32)
    with pytest.raises(TsalignError, match="3 rows for 4 segments"):
        measure(replace(item, alignment=replace(item.alignment, similarity=scores)))


@pytest.mark.parametrize(
    "metric", [Segmentation(margin=-1.0), Calibration(bins=0), Calibration(iou=1.5)]
)
def test_wrong_parameters(metric):
    with pytest.raises(TsalignError, match=type(metric).__name__):
        metric(Results.from_aligned([]))


# Baselines, intervals, report


def test_baselines():
    found = {name: figures(METRICS, r) for name, r in baselines(iter([perfect()])).items()}
    assert found["nothing"]["mean_iou"] == found["nothing"]["distractors_placed"] == 0.0
    assert found["nothing"]["token_pnmi"] == 0.0
    assert found["nothing"]["segment_covering"] == pytest.approx(0.25)
    assert found["uniform"]["mean_iou"] == 1.0  # equal stretches in order: here the truth
    assert found["uniform"]["distractors_placed"] == 1.0
    assert math.isnan(found["uniform"]["brier"])


def cohort(size: int, sentences: int = 20):
    rng = np.random.default_rng(3)
    for r in range(size):
        starts = np.sort(rng.uniform(0, 18, sentences)).tolist()
        truth = {f"s{i}": [(a, a + 1)] if i % 5 else [] for i, a in enumerate(starts)}
        moved = (np.array(starts) + rng.normal(0, 0.5, sentences)).tolist()
        placed = {f"s{i}": (a, a + 1, float(rng.uniform())) for i, a in enumerate(moved) if i % 7}
        labels = [(a, a + 1, f"L{i % 6}") for i, a in enumerate(starts) if i % 5]
        scores = rng.normal(size=(4, sentences)).astype(np.float32)
        yield aligned(placed, truth, labels, similarity=scores, recording=f"r{r}")


def test_intervals_are_the_percentiles_of_draws_of_whole_recordings():
    items = list(cohort(4))
    found = intervals([SpanIou()], Results.from_aligned(items), draws=200, random_state=5)
    chosen = np.random.default_rng(5).integers(4, size=(200, 4))
    values = [naive.mean_iou([items[i] for i in row]) for row in chosen]
    assert found["mean_iou"] == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])))
    again = intervals([SpanIou()], Results.from_aligned(items), draws=200, random_state=5)
    assert again == found


def test_report_is_ready_for_json_and_goes_through_once():
    told = report(METRICS, cohort(6), draws=50)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    figure = told["metrics"]["mean_iou"]
    assert figure["low"] <= figure["value"] <= figure["high"]
    assert told["baselines"]["nothing"]["mean_iou"] == 0.0
    assert told["baselines"]["uniform"].keys() == told["metrics"].keys()
    assert told["counts"]["recordings"] == 6
    assert told["counts"]["distractors"] == 24


def test_a_thousand_draws_of_sixty_recordings():
    results = Results.from_aligned(cohort(60))
    began = time.process_time()
    intervals(METRICS, results)
    assert time.process_time() - began < 2.0
