"""Where and how learning computes: none of it changes what is learnt."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import two_processes
from test_align import TRAIN, VALID, make_pairs, small
from torch import nn

from tsalign.align import infonce, siglip, supcon
from tsalign.align.loss import objective as asked
from tsalign.align.loss.objective import Objective, Term
from tsalign.align.training.examples import Examples
from tsalign.align.training.feed import fed

# --- several processes --------------------------------------------------------------------------


def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    free = {name: socket.socket() for name in two_processes.SIGNALS}
    for name, one in free.items():
        one.bind(("127.0.0.1", 0))
        (tmp_path / f"{name}.port").write_text(str(one.getsockname()[1]))
    for one in free.values():
        one.close()
    torch.multiprocessing.spawn(two_processes.learn, (str(tmp_path),), nprocs=2)
    for name, signal in two_processes.SIGNALS.items():
        alone = two_processes.course(signal)
        for rank in range(2):
            with np.load(tmp_path / f"{name}{rank}.npz") as found:
                np.testing.assert_allclose(found["history"], alone.history_, atol=1e-5)
                for key, array in alone.weights_.items():
                    np.testing.assert_allclose(found[key], array, atol=1e-5, err_msg=key)


@pytest.mark.parametrize("window", [None, 4])
@pytest.mark.parametrize("world", [1, 2, 3])
def test_parts_hold_what_the_whole_asks(window: int | None, world: int) -> None:
    concept = np.arange(40) % 3 - 1
    some = Examples(
        torch.arange(40.0)[:, None],
        concept,
        np.ones(40),
        torch.eye(2),
        np.arange(2),
        np.zeros(40, np.int32),
        window,
    )
    for batch in some.draw(9, np.random.default_rng(0)):
        parts = [batch.part(i, world, concept) for i in range(world)]
        rows = np.concatenate([part.rows for part in parts])
        order = range(len(rows)) if window is None else np.argsort(batch.places)
        np.testing.assert_array_equal(np.sort(rows), np.sort(batch.rows))
        for part in parts:
            means = some.text_concept[part.wording]
            np.testing.assert_array_equal(means, concept[part.rows][concept[part.rows] >= 0])
            if part.windows is not None:
                np.testing.assert_array_equal(part.windows.ravel()[part.places], part.rows)
        assert len(order) == len(batch.rows)


# --- large batches ------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [supcon, infonce, siglip])
@pytest.mark.parametrize("null", [True, False])
def test_many_pairs_are_tiled_with_the_same_gradient(
    loss: Any, null: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    concept = rng.integers(-1, 4, 50)
    said = concept[concept >= 0]
    rows = [nn.functional.normalize(torch.tensor(rng.normal(size=(n, 5)))) for n in (50, len(said))]
    positives: Any = "own" if loss is infonce else "concept"
    question = Objective((Term(loss, 1.0, positives),), null)
    found = []
    for many in (10**9, 10):
        monkeypatch.setattr(asked, "MANY", many)
        used: list[int] = []
        one = asked.TILED[loss]

        def count(*given: Any, one: Any = one, used: list[int] = used) -> Any:
            used.append(1)
            return one(*given)

        monkeypatch.setitem(asked.TILED, loss, count)
        signal, text = (x.clone().requires_grad_() for x in rows)
        scale = torch.tensor(7.0, dtype=torch.float64, requires_grad=True)
        nothing = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
        look: Any = type(
            "Look", (), {"concept": torch.tensor(concept), "means": torch.tensor(said), "may": None}
        )
        value = question(lambda s=signal, t=text: (s, t), scale, nothing, look)
        value.backward()
        assert bool(used) == (many == 10)
        found.append([value.detach(), *(x.grad for x in (signal, text, scale))])
        monkeypatch.setitem(asked.TILED, loss, one)
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-8)


def test_a_large_batch_learns_the_same_by_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = make_pairs(0, TRAIN, 100)
    whole = small(epochs=2).fit(pairs)
    monkeypatch.setattr(asked, "MANY", 50)
    tiled = small(epochs=2).fit(pairs)
    np.testing.assert_allclose(tiled.history_[:, 0], whole.history_[:, 0], rtol=1e-5)


# --- precision, compiling, feeding --------------------------------------------------------------


def test_half_precision_learns_much_the_same() -> None:
    pairs, valid = make_pairs(0, TRAIN), make_pairs(1, VALID, 200)
    exact, half = (small(epochs=8, precision=p).fit(pairs, valid) for p in ("float32", "bfloat16"))
    assert not np.array_equal(half.history_, exact.history_)
    np.testing.assert_allclose(half.history_, exact.history_, atol=0.1)
    assert all(array.dtype == np.float32 for array in half.weights_.values())
    same = small(epochs=8, precision="auto").fit(pairs, valid)
    assert np.array_equal(same.history_, exact.history_), "on the CPU unasked in float32"


def test_a_compiled_network_learns_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = make_pairs(0, TRAIN, 100)
    plain = small(epochs=2).fit(pairs)
    through, called = nn.Module.compile, []

    def compile_(module: nn.Module) -> None:
        called.append(module)
        through(module, backend="eager")

    monkeypatch.setattr(nn.Module, "compile", compile_)
    compiled = small(epochs=2, compiled=True).fit(pairs)
    assert len(called) == 1
    assert compiled.weights_.keys() == plain.weights_.keys()
    np.testing.assert_allclose(compiled.history_[:, 0], plain.history_[:, 0], rtol=1e-5)
    assert small(compiled=True).set_params(epochs=2).fit(pairs).encode_signal(pairs.features).any()


@pytest.mark.parametrize("window", [None, 4])
def test_what_waits_on_the_host_arrives_whole_and_in_order(window: int | None) -> None:
    """A device of another kind, where nothing is computed, stands for a GPU."""
    concept, n = np.arange(20) % 2, 20
    given = (concept, np.ones(n), torch.eye(2), np.arange(2), np.zeros(n, np.int32), window)
    some = Examples(torch.arange(float(n))[:, None], *given)
    batches = list(some.draw(2, np.random.default_rng(1)))
    away = list(fed(some, iter(batches), "meta"))
    here = list(fed(some, iter(batches), "cpu"))
    assert len(away) == len(here) == len(batches) > 1
    for far, near, batch in zip(away, here, batches, strict=True):
        assert (far.features.device.type, far.features.shape) == ("meta", near.features.shape)
        assert near.concept.tolist() == concept[batch.rows].tolist()
        rows = near.features.flatten() if window is None else near.features.flatten()[near.places]
        assert rows.tolist() == batch.rows.tolist()


def test_no_batches_are_no_looks() -> None:
    some = Examples(
        torch.zeros(1, 1), *(np.zeros(1, int), np.ones(1)), torch.eye(2), np.arange(2), np.zeros(1)
    )
    assert list(fed(some, [], "meta")) == list(fed(some, [], "cpu")) == []
