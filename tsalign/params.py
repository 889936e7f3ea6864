"""Constraints are written once, in a constructor's types; here they are read and enforced."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import types
import typing
from collections.abc import Hashable
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types as at

from tsalign.errors import TsalignError
from tsalign.types import Reads


@functools.cache
def hints(kind: type) -> dict[str, Any]:
    """Return the type of each constructor parameter, `Annotated` kept.

    Parameters
    ----------
    kind : type
        A class whose constructor has typed parameters.

    Returns
    -------
    dict of str to type
        In the order of the signature, without `self`.
    """
    resolved = typing.get_type_hints(kind.__init__, include_extras=True)
    names = [n for n in inspect.signature(kind).parameters if n in resolved]
    return {name: resolved[name] for name in names}


def dataclass_in(hint: Any) -> Any:
    """Return the dataclass that a parameter may be, or None.

    Parameters
    ----------
    hint : type
        From `hints`.

    Examples
    --------
    >>> from tsalign.types import Span
    >>> dataclass_in(Span | None), dataclass_in(int)
    (<class 'tsalign.spans.Span'>, None)
    """
    options = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    return next((option for option in options if dataclasses.is_dataclass(option)), None)


def check_params(thing: Any) -> None:
    """Raise a `TsalignError` for the first parameter that breaks its declared type.

    Parameters
    ----------
    thing : object
        An instance that stores its constructor's parameters under their own names.

    Raises
    ------
    TsalignError
        Naming the class, the parameter, what is allowed and what was given.

    Examples
    --------
    >>> from typing import Annotated
    >>> class Cut:
    ...     def __init__(self, length: Annotated[float, at.Gt(0)] = 1.0) -> None:
    ...         self.length = length
    >>> check_params(Cut(length=-1.0))
    Traceback (most recent call last):
    tsalign.errors.TsalignError: Cut(length=-1.0): should be greater than 0
    """
    for name, hint in hints(type(thing)).items():
        value = getattr(thing, name)
        wrong = _wrong(value, hint)
        if wrong:
            raise TsalignError(f"{type(thing).__name__}({name}={value!r}): {wrong}")


def _wrong(value: Any, hint: Any) -> str:
    origin, args = get_origin(hint), get_args(hint)
    if origin is typing.Annotated:
        return _wrong(value, args[0]) or next(
            (w for bound in hint.__metadata__ if (w := _out_of_bounds(value, bound))), ""
        )
    if origin in (Union, types.UnionType):
        options = [option for option in args if option is not type(None) or value is None]
        complaints = dict.fromkeys(_wrong(value, option) for option in options)
        return "" if "" in complaints else " or ".join(complaints)
    if origin is Literal:
        # An array is none of the words, and could not be compared with them.
        fits = isinstance(value, Hashable) and value in args
        return "" if fits else f"should be one of {', '.join(map(repr, args))}"
    if origin is dict:
        if not isinstance(value, dict):
            return "should be a mapping"
        parts = [
            (part, kind) for entry in value.items() for part, kind in zip(entry, args, strict=True)
        ]
        return next((w for part, kind in parts if (w := _wrong(part, kind))), "")
    if origin is list:
        return "should be a list" if isinstance(value, str) else ""
    if hint is float:
        fits = isinstance(value, (int, float)) or type(value).__module__ == "numpy"
        return "" if fits and not isinstance(value, bool) else "should be a number"
    if hint is int:
        fits = hasattr(value, "__index__") and not isinstance(value, bool)
        return "" if fits else "should be a whole number"
    if hint in (str, bool, type(None)):
        return "" if isinstance(value, hint) else f"should be a {hint.__name__}"
    return _wrong_within(value, hint)


def _wrong_within(value: Any, kind: Any) -> str:
    if not dataclasses.is_dataclass(kind):
        return ""
    if not isinstance(value, kind):
        return f"should be of class {kind.__name__}"
    parts = ((name, _wrong(getattr(value, name), hint)) for name, hint in hints(kind).items())
    return next((f"{name} {wrong}" for name, wrong in parts if wrong), "")


def _out_of_bounds(value: Any, bound: Any) -> str:
    if value is None or isinstance(value, str):
        return ""
    if isinstance(value, float) and math.isnan(value):
        return "should not be NaN"
    tests = {
        at.Gt: ("gt", lambda v, b: v > b, "greater than"),
        at.Ge: ("ge", lambda v, b: v >= b, "at least"),
        at.Lt: ("lt", lambda v, b: v < b, "less than"),
        at.Le: ("le", lambda v, b: v <= b, "at most"),
    }
    if type(bound) not in tests:
        return ""
    field, holds, words = tests[type(bound)]
    limit = getattr(bound, field)
    return "" if holds(value, limit) else f"should be {words} {limit}"


def reads(encoder: Any) -> Reads:
    """Return what an encoder takes rows for, by its attribute `reads`.

    Parameters
    ----------
    encoder : object or None
        One without the attribute, as None, reads features. Those alone are standardised before:
        tokens are counted, not measured, and samples have their scale, in which 0 is missing.

    Examples
    --------
    >>> reads(None)
    'features'
    """
    return getattr(encoder, "reads", "features")
