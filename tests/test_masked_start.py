"""A context network may begin by naming hidden segments, of which nothing is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_context import SAID, learnt, turns
from torch.nn.functional import cross_entropy

from tsalign.align import ContextEncoder
from tsalign.align.signal.masked_start import Naming, hidden, name_hidden
from tsalign.align.training.examples import Examples
from tsalign.config import load
from tsalign.errors import TsalignError

MASKED = ContextEncoder(width=16, layers=2, window=16, start="masked")


def network(seed: int = 0, n_features: int = 4, **more):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        given = MASKED.get_params() | more
        return ContextEncoder(**given).build(n_features, 3)


def cycle(n: int = 600) -> Examples:
    """Rows that are told by their neighbours: four states, each of four rows, in turn."""
    state = np.arange(n) // 4 % 4
    noise = 0.1 * np.random.default_rng(0).normal(size=(n, 4))
    rows = torch.from_numpy((2 * np.eye(4)[state] - 0.5 + noise).astype(np.float32))
    where = np.repeat(np.arange(6), n // 6).astype(np.int32)
    nothing = np.full(n, -1)
    return Examples(rows, nothing, np.zeros(n), torch.zeros(1, 2), np.zeros(1, int), where, 16)


def test_what_is_around_tells_what_is_hidden(monkeypatch) -> None:
    monkeypatch.setattr("tsalign.align.signal.masked_start.UNITS", 4)
    monkeypatch.setattr("tsalign.align.signal.masked_start.AT_ONCE", 64)
    monkeypatch.setattr("tsalign.align.signal.masked_start.STARTS", 0.1)
    monkeypatch.setattr("tsalign.align.signal.masked_start.SPAN", 2)
    surprise = name_hidden(network(dropout=0.0, blank=0.0), cycle(), 0, "cpu")
    assert surprise[0] > 1.2
    assert surprise[-1] < 0.9 < np.log(4)


def test_only_what_lies_before_the_space_learns_and_the_same_twice() -> None:
    begun, one, two = network(), network(), network()
    for some in (one, two):
        name_hidden(some, cycle(), 3, "cpu")
    states = [some.state_dict() for some in (begun, one, two)]
    for name, drawn in states[0].items():
        assert torch.equal(drawn, states[1][name]) == name.startswith("out.")
        assert torch.equal(states[1][name], states[2][name])


@given(st.integers(1, 5), st.integers(1, 40), st.integers(0, 99))
def test_spans_are_hidden_in_every_window(count: int, length: int, seed: int) -> None:
    mask = hidden((count, length), np.random.default_rng(seed))
    assert mask.shape == (count, length)
    assert mask.any(1).all()
    for row in mask:
        edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(int), [0]])))
        for first, last in edges.reshape(-1, 2):
            assert last - first >= 10 or last == length


def test_hidden_rows_are_not_seen_and_no_others_are_asked() -> None:
    naming = Naming(network().eval(), 5)
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(2, 12, 4)).astype(np.float32))
    real = torch.ones(2, 12, dtype=torch.bool)
    real[1, 9:] = False
    mask = torch.from_numpy(rng.random((2, 12)) < 0.5)
    units = torch.from_numpy(rng.integers(0, 5, (2, 12)))
    found = naming(x, real, mask, units)
    other = torch.where(mask[..., None], x + 1, x), torch.where(mask & real, units, (units + 1) % 5)
    assert naming(other[0], real, mask, other[1]).item() == found.item()
    names = naming.name(naming.network.inside(x * ~mask[..., None], real))
    each = [cross_entropy(names[i, j], units[i, j]).item() for i, j in (mask & real).nonzero()]
    assert found.item() == pytest.approx(np.mean(each), rel=1e-5)


def test_a_drawn_start_is_the_default_and_a_masked_one_another(tmp_path: Path) -> None:
    pairs = turns(0, 3)
    plain = ContextEncoder(width=16, layers=2, window=16)
    drawn, masked, again = (
        learnt(signal, pairs, epochs=2)
        for signal in (plain, MASKED, ContextEncoder(**MASKED.get_params()))
    )
    places = [m.encode_signal(pairs.features, pairs.recordings) for m in (drawn, masked, again)]
    assert plain.start == "drawn"
    assert not np.allclose(places[0], places[1])
    np.testing.assert_array_equal(places[1], places[2])
    masked.save(tmp_path)
    loaded = type(masked).load(tmp_path)
    np.testing.assert_array_equal(loaded.encode_signal(pairs.features, pairs.recordings), places[1])
    np.testing.assert_array_equal(loaded.encode_text(SAID), masked.encode_text(SAID))


def test_what_is_said_and_by_whom_it_is_judged_does_not_change_the_start(monkeypatch) -> None:
    seen = []
    monkeypatch.setattr(
        "tsalign.align.training.train.name_hidden",
        lambda network, examples, *rest: seen.append(
            (examples.features.numpy().copy(), name_hidden(network, examples, *rest))
        ),
    )
    learnt(MASKED, turns(0, 3), epochs=1)
    first = seen[-1]
    silent = replace(turns(0, 3), text=np.where(turns(0, 3).text > 1, -1, turns(0, 3).text))
    learnt(MASKED, silent, epochs=1, unmentioned="unknown")
    for a, b in zip(first, seen[-1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_killed_start_goes_on_with_the_same_bits(tmp_path: Path, monkeypatch) -> None:
    whole = learnt(MASKED, turns(0, 3), epochs=1)

    def halt(*given):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("tsalign.align.training.train.fed", halt)
        with pytest.raises(KeyboardInterrupt):
            type(whole)(**whole.get_params(deep=False)).fit(turns(0, 3), checkpoint=tmp_path)
    assert (tmp_path / "start").is_dir()
    again = type(whole)(**whole.get_params(deep=False)).fit(turns(0, 3), checkpoint=tmp_path)
    assert np.array_equal(whole.encode_text(SAID), again.encode_text(SAID))


def test_a_pipeline_file_starts_by_naming() -> None:
    config = load("pipelines/tiny.yaml", ["align.signal={kind: context, start: masked}"])
    assert config.align.signal.start == "masked"
    with pytest.raises(TsalignError, match="start"):
        ContextEncoder(start="hidden").build(3, 2)
