"""How a learning goes: its pace, what is told of it, and that TensorBoard hears the same."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tsalign.course import Course, Plan, digest, half
from tsalign.progress import Event, TensorBoard


def plan(**more: Any) -> Plan:
    given: dict[str, Any] = {"epochs": 4, "patience": 9, "learning_rate": 0.1, "weight_decay": 0.0}
    return Plan(**(given | {"random_state": 0} | more))


@given(st.floats(0, 1), st.floats(0.01, 0.9), st.sampled_from(["line", "cosine"]))
def test_the_pace_rises_then_falls_to_nothing(done: float, warm: float, fall: Any) -> None:
    p = plan(warm=warm, fall=fall)
    assert 0 <= p.pace(done) <= 0.1 + 1e-12
    assert p.pace(warm) == pytest.approx(0.1)
    assert p.pace(1.0) == pytest.approx(0, abs=1e-12)
    assert p.pace(0.0) > 0
    later = min(done + 0.01, 1.0)
    assert p.pace(later) >= p.pace(done) - 1e-12 if later <= warm else True
    assert p.pace(later) <= p.pace(done) + 1e-12 if done >= warm else True


def course(**more: Any) -> Course:
    torch.manual_seed(0)
    return Course(nn.Linear(3, 1), plan(**more))


def far(line: nn.Linear, done: int) -> Any:
    """Yield losses whose gradients are very long."""
    for i in range(5):
        x = torch.randn(8, 3)
        yield i / 5, 1e6 * (line(x) - x.sum(1, keepdim=True)).square().mean()


def test_a_long_gradient_moves_the_first_step_no_further() -> None:
    """Of AdamW's step nothing is left of the gradient's length: what counts is its memory."""
    one = course()
    one.run(lambda done: far(one.network, done))
    moments = [state["exp_avg"] for state in one.optimiser.state_dict()["state"].values()]
    assert sum(float(m.square().sum()) for m in moments) <= 1.0 + 1e-6


def test_what_is_drawn_in_a_round_follows_from_its_number() -> None:
    drawn: list[list[float]] = []
    for noise in (0, 3):
        one = course()
        torch.rand(noise)
        drawn.append([])

        def lessons(done: int, one: Course = one) -> Any:
            drawn[-1].append(torch.rand(1).item())
            return far(one.network, done)

        one.run(lessons)
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) == 4


def test_the_judge_stops_it_and_the_best_is_kept() -> None:
    one = course(epochs=9, patience=2)
    figures = iter([3.0, 2.0, 5.0, 4.0, 1.0])
    history = one.run(lambda done: far(one.network, done), lambda: {"held_out": next(figures)})
    assert history[:, 1].tolist() == [3, 2, 5, 4]
    assert not np.array_equal(one.best["weight"], one.weights()["weight"])


def test_tensorboard_hears_every_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is not needed here: what it is told is."""
    told: list[Any] = []

    class SummaryWriter:
        def __init__(self, folder: str) -> None:
            told.append(folder)

        def add_scalar(self, *given: Any) -> None:
            told.append(given)

        def close(self) -> None:
            told.append("closed")

    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = SummaryWriter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    board = TensorBoard("place")
    board(Event("align", "r1", "computed"))
    board.close()
    assert told == []
    board(Event("align", "fit", "learning", done=2, total=9, figures={"loss": 0.5}))
    board.close()
    assert told == ["place", ("align/loss", 0.5, 2), "closed"]


def test_a_digest_tells_shape_kind_and_order() -> None:
    x = np.arange(6, dtype=np.float32)
    same = digest(x, "a")
    assert same == digest(x.copy(), "a")
    others = [(x.reshape(2, 3), "a"), (x.view(np.int32), "a"), ("a", x), (x, "b"), (x + 1, "a")]
    assert len({same, *(digest(*parts) for parts in others)}) == 6


def test_half_computes_in_bfloat16_only_where_wanted() -> None:
    line, x = nn.Linear(2, 2), torch.ones(1, 2)
    for wanted, kind in ((None, torch.float32), (False, torch.float32), (True, torch.bfloat16)):
        with half("cpu", wanted):
            assert line(x).dtype == kind
