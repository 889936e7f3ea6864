"""Constraints stand once, in the types of a constructor, and are enforced in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from annotated_types import Ge, Gt, Le, Lt
from hypothesis import given
from hypothesis import strategies as st
from package import everything

from tsalign.errors import TsalignError, located
from tsalign.params import check_params, hints
from tsalign.registry import REGISTRY, find


class Tool:
    """Every kind of constraint that stages use."""

    def __init__(
        self,
        share: Annotated[float, Ge(0), Le(1)] = 0.5,
        length: Annotated[float, Gt(0)] = 1.0,
        count: Annotated[int, Ge(1), Lt(10)] = 3,
        hop: Annotated[float, Gt(0)] | None = None,
        rule: Literal["bic", "aic"] | Annotated[float, Ge(0)] = "bic",
        start: Literal["random"] | np.ndarray = "random",
        on: bool = True,
        name: str = "x",
        more: Mapping[str, Any] | None = None,
    ) -> None:
        for key, value in list(locals().items()):
            if key != "self":
                setattr(self, key, value)


GOOD: dict[str, list[Any]] = {
    "share": [0, 1, 0.5, np.float32(0.25), np.int64(1)],
    "length": [1e-300, 3, float("inf")],
    "count": [1, 9, np.int32(4)],
    "hop": [None, 2.0],
    "rule": ["bic", 0, 2.5],
    "start": ["random", np.zeros((2, 2))],
    "on": [True, False],
    "more": [None, {"a": 1}],
}
BAD = {
    "share": [(-1, "at least 0"), (1.5, "at most 1"), ("half", "number"), (None, "number")],
    "length": [(0, "greater than 0"), (float("nan"), "NaN"), (True, "number"), ([1.0], "number")],
    "count": [(0, "at least 1"), (10, "less than 10"), (3.0, "whole number"), (True, "whole")],
    "hop": [(0.0, "greater than 0"), ("x", "number")],
    "rule": [("hbic", "one of 'bic'"), (-1.0, "at least 0"), (None, "or should be a number")],
    "on": [(1, "bool"), ("yes", "bool"), (None, "bool")],
    "name": [(3, "str"), (None, "str")],
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_allowed_passes(name: str) -> None:
    for value in GOOD[name]:
        check_params(Tool(**{name: value}))


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_allowed_is_named(name: str) -> None:
    for value, words in BAD[name]:
        with pytest.raises(TsalignError) as caught:
            check_params(Tool(**{name: value}))
        assert str(caught.value).startswith(f"Tool({name}={value!r}): should ")
        assert words in str(caught.value)


@given(st.floats())
def test_bounds_hold_exactly(value: float) -> None:
    try:
        check_params(Tool(share=value))
    except TsalignError:
        assert not 0 <= value <= 1
    else:
        assert 0 <= value <= 1


def test_hints_follow_the_signature() -> None:
    assert list(hints(Tool))[:3] == ["share", "length", "count"]
    assert hints(Tool)["length"] == Annotated[float, Gt(0)]
    assert list(hints(Tool))[-1] == "more"


CLASSES = [t for _, t in everything() if isinstance(t, type) and t.__module__ != "tsalign.types"]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda k: k.__qualname__)
def test_the_types_of_every_constructor_can_be_read_at_run_time(kind: type) -> None:
    assert all(name.isidentifier() for name in hints(kind))


WORDS = [(slot, word) for slot, words in REGISTRY.items() for word in words]


@pytest.mark.parametrize(("slot", "word"), WORDS, ids=lambda text: text)
def test_every_parameter_of_a_word_has_a_type(slot: str, word: str) -> None:
    import inspect

    kind = find(slot, word)
    if inspect.isclass(kind):
        assert list(hints(kind)) == list(inspect.signature(kind).parameters)


def test_an_error_gathers_its_place_from_the_inside_out() -> None:
    with (
        pytest.raises(TsalignError) as caught,
        located(file="b.csv", recording="r1"),
        located(file="a.csv", line=3, row=None),
    ):
        raise TsalignError("no column 'x'", column=7)
    assert str(caught.value) == "a.csv:3:7: recording r1: no column 'x'"


def test_an_error_keeps_its_place_between_processes() -> None:
    import pickle

    error = TsalignError("wrong", file="a.csv", line="2", key="k", recording="r", row="1")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert str(error) == "a.csv:2: k: recording r: row 1: wrong"


def test_other_errors_pass_untouched() -> None:
    with pytest.raises(KeyError, match="x"), located(file="a"):
        raise KeyError("x")
