"""What holds for every part, whoever wrote it: all of `instances.py` and of the registry."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
from pathlib import Path
from typing import Any, ClassVar, get_origin, get_type_hints

import instances
import numba
import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone

from tsalign import codec
from tsalign.align import Contrastive, Pairs
from tsalign.cache import content_key
from tsalign.engine import fingerprint
from tsalign.errors import TsalignError
from tsalign.evaluate import Results
from tsalign.notes import read_notes
from tsalign.params import hints
from tsalign.registry import REGISTRY, find, word
from tsalign.types import (
    Aligned,
    AlignedSpan,
    Alignment,
    Label,
    Recording,
    Segments,
    Signal,
    Span,
    Tokens,
    Unmatched,
)

LISTS = {
    "segment": instances.SEGMENTERS,
    "describe": instances.DESCRIBERS,
    "signal": instances.ENCODERS,
    "pooling": instances.POOLINGS,
    "match": instances.MATCHERS,
    "prepare": instances.PREPARERS,
    "export": instances.EXPORTERS,
    "notes": instances.READINGS,
}
WORDS = [(slot, word) for slot, words in REGISTRY.items() for word in words]
CLASSES = {(s, w): find(s, w) for s, w in WORDS if inspect.isclass(find(s, w))}


def default(kind: type) -> Any | None:
    """Return an instance with defaults, or None where a parameter is required."""
    empty = inspect.Parameter.empty
    needs = [p for p in inspect.signature(kind).parameters.values() if p.default is empty]
    return None if needs else kind()


PARTS = [part for parts in LISTS.values() for part in parts]
PARTS += [made for kind in CLASSES.values() if (made := default(kind)) is not None]
each = pytest.mark.parametrize("part", PARTS, ids=repr)
each_in = {slot: pytest.mark.parametrize("part", parts, ids=repr) for slot, parts in LISTS.items()}


def params(part: Any) -> dict[str, Any]:
    return {name: getattr(part, name) for name in hints(type(part))}


@pytest.fixture
def signal() -> Signal:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(400, 3)) + np.repeat([0, 4, -2, 1], 100)[:, None]
    return Signal(values.astype(np.float32), 40.0, 2.0, ("x", "y", "z"), ("g",) * 3)


@pytest.fixture
def aligned(signal: Signal) -> Aligned:
    cut = Segments(np.arange(0, 400, 40)[:, None] + [[0, 40]], signal.rate, signal.start)
    tokens = Tokens(np.arange(10, dtype=np.int32) % 3, 3, cut)
    span = AlignedSpan("r", Span(3.0, 5.0), "n.1", "He ran.", "n", 2.5, 0.8, (1, 2))
    missed = Unmatched("r", "n.2", "No fever.", "n", "no_match", 0.7)
    grid = np.zeros((10, 2), np.float32)
    found = Alignment((span,), (missed,), grid, grid, 2.5)
    labels = (Label(Span(3.0, 5.5), "RUN"), Label(Span(6.0, 8.0), "SIT"))
    truth = {"n.1": (Span(3.0, 5.5),), "n.2": ()}
    return Aligned("r", "test", signal, cut, tokens, found, labels, truth)


@pytest.mark.parametrize(("slot", "name"), WORDS, ids=lambda text: text)
def test_every_word_leads_somewhere_and_back(slot: str, name: str) -> None:
    kind = find(slot, name)
    assert callable(kind)
    assert word(slot, kind) == name
    assert kind.__module__.startswith("tsalign.")


@pytest.mark.parametrize("slot", LISTS)
def test_every_word_has_an_instance_under_test(slot: str) -> None:
    listed = {type(part) for part in LISTS[slot]}
    wanted = {kind for (s, _), kind in CLASSES.items() if s == slot}
    assert wanted <= listed, "add a line to tests/instances.py"


@pytest.mark.parametrize("kind", CLASSES.values(), ids=lambda kind: kind.__name__)
def test_a_version_says_when_results_change(kind: type) -> None:
    """The cache forgets nothing else: without it, an old result would pass for a new one."""
    assert type(kind.version) is int
    assert kind.version >= 1
    owner = next(base for base in kind.__mro__ if "version" in vars(base))
    assert get_origin(get_type_hints(owner, include_extras=True)["version"]) is ClassVar


@each
def test_a_constructor_only_stores(part: Any) -> None:
    given = params(part)
    made = type(part)(**given)
    for name, value in given.items():
        assert getattr(made, name) is value, name
    assert not [n for n in vars(made) if n.endswith("_")], "learned before anything was seen"
    strange = {name: object() for name in given}
    assert params(type(part)(**strange)) == strange, "a constructor judges nothing"


@each
def test_parts_travel_and_have_a_key(part: Any) -> None:
    again = pickle.loads(pickle.dumps(part))
    assert repr(params(again)) == repr(params(part))
    key = content_key(fingerprint(part))
    assert content_key(fingerprint(again)) == key
    assert content_key(fingerprint(copy.deepcopy(part))) == key


@each
def test_estimators_are_cloned_and_set_as_scikit_learn_does(part: Any) -> None:
    if not isinstance(part, BaseEstimator):
        assert part.__dataclass_params__.frozen, "either an estimator or a frozen dataclass"
        return
    assert part.get_params(deep=False).keys() == hints(type(part)).keys()
    twin = clone(part)
    assert type(twin) is type(part)
    assert repr(twin.get_params()) == repr(part.get_params())
    for name, value in part.get_params(deep=False).items():
        assert twin.set_params(**{name: value}) is twin
    with pytest.raises(ValueError, match="spam"):
        twin.set_params(spam=1)


def use(slot: str, part: Any, signal: Signal) -> Any:
    """Do what a part is for."""
    if slot == "prepare":
        return part(Recording("r", (signal,))).signal.values
    if slot == "match":
        return vars(part.decode(signal.values[:40]))
    if slot == "segment":
        return clone(part).fit_predict(signal.values)
    if slot == "signal":
        return shared_space(part).encode_signal(COUNTS)
    piece = (signal.values, signal.rate, CUT)
    return clone(part).fit([piece, piece]).transform(*piece)


def shared_space(encoder: Any) -> Contrastive:
    """Let an encoder learn from rows that are whole numbers: tokens, or just features."""
    text = (np.arange(400) // 7 % 3 - 1).astype(np.int32)
    pairs = Pairs(
        COUNTS, text, ("He sat.", "She ran."), ("SIT", "RUN"), np.arange(400, dtype=np.int32) // 200
    )
    return Contrastive(encoder, dimension=4, epochs=2, batch_size=64, device="cpu").fit(pairs)


COUNTS = np.random.default_rng(0).integers(0, 50, (400, 3)).astype(np.float32)
CUT = np.array([[0, 100], [100, 180], [180, 400]])
SLOTS = ("prepare", "match", "segment", "describe", "signal")
WORKING = [(s, part) for s in SLOTS for part in LISTS[s]]
working = pytest.mark.parametrize(("slot", "part"), WORKING, ids=repr)


@working
def test_the_input_stays_as_it_is_and_the_result_is_the_same_twice(
    slot: str, part: Any, signal: Signal
) -> None:
    before = signal.values.copy()
    signal.values.flags.writeable = False
    first = use(slot, part, signal)
    np.testing.assert_array_equal(signal.values, before)
    np.testing.assert_equal(use(slot, part, signal), first)


@working
def test_the_number_of_threads_changes_no_bit(slot: str, part: Any, signal: Signal) -> None:
    usual = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        alone = use(slot, part, signal)
    finally:
        numba.set_num_threads(usual)
    np.testing.assert_equal(use(slot, part, signal), alone)


@working
def test_a_wrong_parameter_is_named_when_it_is_used(slot: str, part: Any, signal: Signal) -> None:
    for name in [n for n, value in params(part).items() if type(value) in (int, float)]:
        wrong = type(part)(**params(part) | {name: "nonsense"})
        with pytest.raises(TsalignError, match=rf"{type(part).__name__}\({name}='nonsense'\)"):
            use(slot, wrong, signal)


@pytest.mark.parametrize("part", LISTS["segment"], ids=repr)
def test_a_segmenter_cuts_a_series_into_sorted_bounds(part: Any, signal: Signal) -> None:
    x = signal.values
    bounds = clone(part).fit(x).predict(x)
    assert (bounds.dtype, bounds.ndim, bounds.shape[1]) == (np.int64, 2, 2)
    assert ((bounds >= 0) & (bounds <= len(x))).all()
    assert (bounds[:, 0] < bounds[:, 1]).all()
    assert (np.diff(bounds[:, 0]) > 0).all()
    if type(part).__name__ != "Windows":
        assert (bounds[0, 0], bounds[-1, 1]) == (0, len(x))
        np.testing.assert_array_equal(bounds[1:, 0], bounds[:-1, 1])
    np.testing.assert_array_equal(clone(part).fit_predict(x.astype(np.float64)), bounds)
    one = clone(part).fit_predict(x[:, 0])
    np.testing.assert_array_equal(clone(part).fit_predict(x[:, :1].tolist()), one)


@pytest.mark.parametrize("part", LISTS["segment"], ids=repr)
def test_a_segmenter_refuses_what_is_no_finite_series(part: Any) -> None:
    for wrong in (np.full(50, np.nan), np.zeros((5, 2, 2)), np.zeros((0, 3)), ["a"] * 50):
        with pytest.raises(TsalignError):
            clone(part).fit_predict(wrong)


@pytest.mark.parametrize("part", LISTS["describe"], ids=repr)
def test_a_describer_gives_a_row_a_segment_and_survives_the_cache(
    part: Any, signal: Signal, tmp_path: Path
) -> None:
    piece = (signal.values, signal.rate, CUT)
    fitted = clone(part)
    assert fitted.fit([piece]) is fitted
    rows = fitted.transform(*piece)
    assert (rows.dtype, len(rows), rows.ndim) == (np.float32, 3, 2)
    assert np.isfinite(rows).all()
    codec.write(fitted, tmp_path)
    np.testing.assert_array_equal(codec.read(tmp_path).transform(*piece), rows)


@each_in["signal"]
def test_an_encoder_places_each_segment_and_comes_back_from_a_folder(
    part: Any, tmp_path: Path
) -> None:
    model = shared_space(part)
    places = model.encode_signal(COUNTS)
    assert (places.dtype, places.shape) == (np.float32, (400, 4))
    np.testing.assert_allclose(np.linalg.norm(places, axis=1), 1, rtol=1e-5)
    model.save(tmp_path)
    again = Contrastive.load(tmp_path)
    assert again.signal.get_params() == part.get_params()
    np.testing.assert_array_equal(again.encode_signal(COUNTS), places)
    assert model.encode_signal(COUNTS[:0]).shape == (0, 4)


@pytest.mark.parametrize("part", LISTS["prepare"], ids=repr)
def test_a_preparation_changes_the_signal_alone(part: Any, signal: Signal) -> None:
    given = Recording("r", (signal,), (), "s", {"device": "d"})
    made = part(given)
    assert (made.id, made.notes, made.subject, made.meta) == ("r", (), "s", {"device": "d"})
    assert made.signal.values.dtype == np.float32
    assert made.signal.channels == signal.channels


@pytest.mark.parametrize("part", LISTS["export"], ids=repr)
def test_an_export_writes_the_files_it_names_and_the_same_bytes_twice(
    part: Any, aligned: Aligned, tmp_path: Path
) -> None:
    assert type(part.per_recording) is bool
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        paths = part(iter([aligned]), tmp_path / name)
        written = [path for path in (tmp_path / name).rglob("*") if path.is_file()]
        assert sorted(paths) == sorted(written) != []
        made.append({path.name: path.read_bytes() for path in paths})
    assert made[0] == made[1]


@pytest.mark.parametrize("name", REGISTRY["evaluate"])
def test_a_metric_gives_named_numbers_and_the_same_twice(name: str, aligned: Aligned) -> None:
    results = Results.from_aligned([aligned])
    metric = find("evaluate", name)()
    figures = metric(results)
    assert figures
    assert all(type(key) is str and isinstance(value, float) for key, value in figures.items())
    np.testing.assert_equal(metric(Results.from_aligned([aligned])), figures)
    nothing = metric(Results.from_aligned([]))
    assert all(np.isnan(v) or v == 0 for v in nothing.values())


@pytest.mark.parametrize("part", LISTS["notes"], ids=repr)
def test_a_reading_keeps_every_word_in_its_place(part: Any, tmp_path: Path) -> None:
    text = "Mr. Lee fell at 14:30, no pain. Seen by Dr. Ray on 2024-03-05, felt well."
    given = [{"id": "g", "text": "No cough, no fever."}, {"text": "Sat, stood.", "concept": "up"}]
    lines = [{"recording": "r", "text": text}, {"recording": "r", "sentences": given}]
    path = tmp_path / "notes.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    notes = read_notes(path, part)["r"].notes
    said = [s for note in notes for s in note.sentences]
    assert len({s.id for s in said}) == len(said)
    for note in notes:
        for sentence in note.sentences:
            assert (sentence.parent is None) or sentence.id.startswith(f"{sentence.parent}.")
            if note.text:
                assert note.text[slice(*sentence.chars)] == sentence.text
    assert len(notes[0].text) == len(text)
    assert ("Lee" in notes[0].text) == (part.deidentify is None)
    assert [s.text for s in said if s.concept == "up"] == ["Sat, stood."]
