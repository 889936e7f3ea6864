"""What the documentation says is what the code takes."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

import pytest
from package import ROOMS, everything, module_names

EVERYTHING = everything()
each = pytest.mark.parametrize("thing", [t for _, t in EVERYTHING], ids=[n for n, _ in EVERYTHING])


def sections(thing: Any) -> dict[str, str]:
    """Split a numpy docstring at its underlined titles; what comes first has the title ''."""
    parts = re.split(r"^([A-Z][\w ]+)\n-{3,}\n", inspect.getdoc(thing) or "", flags=re.M)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def documented(thing: Any) -> list[str]:
    """Return the names in the section Parameters, without stars."""
    lines = re.findall(r"^(\*{0,2}[A-Za-z_].*)", sections(thing).get("Parameters", ""), re.M)
    return [n.strip(" *") for line in lines for n in line.split(" : ")[0].split(",")]


def real(thing: Any) -> list[str]:
    """Return the names of a signature, for a class those of its constructor."""
    return [name for name in inspect.signature(thing).parameters if name not in ("self", "cls")]


def members(kind: type) -> list[tuple[str, Any]]:
    """Return the methods and properties that a class itself defines and does not hide."""
    plain = {name: getattr(thing, "__func__", thing) for name, thing in vars(kind).items()}
    return [
        (name, thing.fget if isinstance(thing, property) else thing)
        for name, thing in plain.items()
        if not name.startswith("_") and (inspect.isfunction(thing) or isinstance(thing, property))
    ]


def documents_parameters(thing: Any) -> bool:
    return "Parameters" in sections(thing)


def in_one_sentence(thing: Any) -> bool:
    first, _, rest = (inspect.getdoc(thing) or "").partition("\n")
    return first.endswith(".") and not re.search(r"[a-z]\. [A-Z]", first) and rest[:1] in ("", "\n")


@pytest.mark.parametrize("name", ["tsalign", *module_names()])
def test_a_module_says_in_one_sentence_what_it_is(name: str) -> None:
    first = (importlib.import_module(name).__doc__ or "").split("\n\n")[0]
    assert first.strip().endswith(".")


@each
def test_everything_public_says_in_one_sentence_what_it_is(thing: Any) -> None:
    assert in_one_sentence(thing)
    for name, member in members(thing) if inspect.isclass(thing) else ():
        assert member.__doc__, f"{name} says nothing"
        assert in_one_sentence(member), f"{name}: {member.__doc__}"


@each
def test_documented_parameters_are_the_real_ones(thing: Any) -> None:
    if documents_parameters(thing):
        assert sorted(documented(thing)) == sorted(real(thing))
    for name, member in members(thing) if inspect.isclass(thing) else ():
        if documents_parameters(member):
            assert sorted(documented(member)) == sorted(real(member)), name


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "kernels"])
def test_what_a_room_shows_is_documented_in_full(room: str) -> None:
    module = importlib.import_module(f"tsalign.{room}")
    for name in module.__all__:
        thing = inspect.unwrap(getattr(module, name))
        if inspect.isclass(thing) and real(thing) and not getattr(thing, "_is_protocol", False):
            assert documents_parameters(thing), f"{name} does not document its parameters"
        elif inspect.isfunction(thing) and len(real(thing)) > 1:
            assert documents_parameters(thing), f"{name} does not document its parameters"
            returns = inspect.signature(thing).return_annotation
            assert returns in ("None", None) or {"Returns", "Yields"} & {*sections(thing)}, name
