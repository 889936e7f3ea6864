"""A pipeline file becomes checked, built stages; every mistake is reported at once."""

from __future__ import annotations

import difflib
import functools
import inspect
import json
import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le

from tsalign.errors import TsalignError
from tsalign.modelfolder import PIPELINE, model_folder
from tsalign.overrides import override
from tsalign.params import dataclass_in, hints, reads
from tsalign.registry import REGISTRY, find, word
from tsalign.yamlmap import Path as KeyPath
from tsalign.yamlmap import Place, dump, parse

LISTS = ("prepare", "describe", "evaluate", "export")
SINGLES = ("segment", "tokens", "predict", "align", "match")
LEARNT = ("segment", "describe", "tokens", "predict", "align", "match")
"""What comes with a model: it was made of these, and means nothing without them."""
ORDER = ("data", "notes", "model", "vocabulary", "prepare", *LEARNT, "evaluate", "export")


@dataclass(frozen=True)
class Split:
    """Which people learn, validate and test.

    Parameters
    ----------
    by : str
        `subject` keeps a person on one side; `recording` splits single recordings.
    train, valid, test : float or list of str
        Fractions of the people (drawn by the seed), or their names.
    """

    by: Literal["subject", "recording"] = "subject"
    train: Annotated[float, Ge(0), Le(1)] | tuple[str | int, ...] = 0.6
    valid: Annotated[float, Ge(0), Le(1)] | tuple[str | int, ...] = 0.1
    test: Annotated[float, Ge(0), Le(1)] | tuple[str | int, ...] = 0.3


@dataclass(frozen=True)
class Data:
    """What goes in; paths and patterns are relative to the working directory.

    Parameters
    ----------
    recordings : str or list of str
        Files or glob patterns.
    notes : str, list of str or None
        JSON Lines of notes.
    truth : str, list of str or None
        CSV files of true spans: never shown to the matcher.
    split : Split or None
        None lets every recording learn and be aligned.
    reader : block or None
        None chooses by the file's suffix.
    """

    recordings: str | tuple[str, ...]
    notes: str | tuple[str, ...] | None = None
    truth: str | tuple[str, ...] | None = None
    split: Any = None
    reader: Any = None


@dataclass(frozen=True)
class Config:
    """A checked pipeline: the blocks are built, the defaults are filled in."""

    name: str
    data: Data
    segment: Any
    describe: tuple[Any, ...]
    prepare: tuple[Any, ...] = ()
    tokens: Any = None
    predict: Any = None
    align: Any = None
    match: Any = None
    evaluate: tuple[Any, ...] = ()
    export: tuple[Any, ...] = ()
    seed: int = 0
    notes: Any = None
    model: str | None = None
    vocabulary: str | None = None

    def filled(self) -> dict[str, Any]:
        """Return the whole configuration as plain values, defaults included."""
        out: dict[str, Any] = {"tsalign": 1, "name": self.name, "seed": self.seed}
        for slot in ORDER:
            if self.model is None or slot not in LEARNT:
                out[slot] = _plain(slot, getattr(self, slot))
        return out

    def to_yaml(self) -> str:
        """Return the filled configuration as a pipeline file."""
        return dump(self.filled())

    def parts(self) -> dict[str, Any]:
        """Return the slots that belong to what is learnt as plain values."""
        return {slot: _plain(slot, getattr(self, slot)) for slot in ("prepare", *LEARNT)}


def load(path: str | Path, overrides: Sequence[str] = (), device: str | None = None) -> Config:
    """Read, check and build a pipeline file.

    Parameters
    ----------
    path : str or Path
        The YAML file.
    overrides : sequence of str
        `key.path=value` pairs that replace what the file says; values are YAML.
    device : str or None
        For blocks with a `device` that the file does not set.

    Returns
    -------
    Config
        Ready to run.

    Raises
    ------
    ExceptionGroup
        Of one `TsalignError` a mistake, each with file, line, column and key.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not a UTF-8 text file"
        raise TsalignError(f"cannot read the pipeline file: {why}", file=str(path)) from error
    values, places = parse(text, str(path))
    if not isinstance(values, dict):
        raise TsalignError("a pipeline file is a mapping of slots", file=str(path))
    told = tuple(override(values, pair) for pair in overrides)
    seed = values.get("seed", 0)
    common: dict[str, Any] = {"device": device} if device else {}
    if type(seed) is int and seed >= 0:
        common["random_state"] = seed
    builder = _Builder(str(path), places, common, told)
    made = builder.config(values)
    if builder.mistakes:
        raise ExceptionGroup("mistakes in the pipeline file", builder.mistakes)
    assert made is not None
    return made


class _Builder:
    """Builds what it can and remembers every mistake with its place."""

    def __init__(
        self,
        file: str,
        places: Mapping[KeyPath, Place],
        common: Mapping[str, Any],
        told: Sequence[str] = (),
        foreign: bool = False,
    ) -> None:
        self.file, self.places, self.common, self.told = file, places, common, told
        self.foreign = foreign
        self.mistakes: list[TsalignError] = []

    def wrong(self, path: KeyPath, message: str, *, at_key: bool = False) -> None:
        dotted = ".".join(map(str, path))
        if any(f"{dotted}.".startswith(f"{key}.") for key in self.told):
            self.mistakes.append(TsalignError(message, file="--set", key=dotted))
            return
        known = next((path[:n] for n in range(len(path), 0, -1) if path[:n] in self.places), None)
        place: dict[str, str] = {}
        if known is not None:
            line, column = self.places[known].key if at_key else self.places[known].value
            place = {"line": str(line), "column": str(column)}
        self.mistakes.append(TsalignError(message, file=self.file, **place, key=dotted))

    def config(self, values: dict[str, Any]) -> Config | None:
        known = ["tsalign", "name", "seed", "data", "notes", "model", "vocabulary"]
        known += [*LISTS, *SINGLES]
        self.unknown_keys((), values, known)
        if values.get("tsalign") != 1:
            self.wrong(("tsalign",), "a pipeline file begins with 'tsalign: 1'")
        parts: dict[str, Any] = {
            "name": self.plain(("name",), str, values.get("name", ...)),
            "seed": self.plain(("seed",), Annotated[int, Ge(0)], values.get("seed", 0)),
        }
        if isinstance(parts["name"], str) and not re.fullmatch(r"\w[\w.-]*", parts["name"]):
            self.wrong(
                ("name",),
                "should be letters, digits, '_', '-' and '.', and not begin with '-' or '.':"
                " it names a folder",
            )
        parts["data"] = self.data(values.get("data", ...))
        parts["notes"] = self.notes(values.get("notes"))
        for name in ("model", "vocabulary"):
            parts[name] = self.plain((name,), str | None, values.get(name))
        parts |= self.slots(values)
        if parts["model"] is None:
            self.needs(values, parts)
        else:
            parts |= self.learnt(parts["model"], values)
        if parts["vocabulary"] and not self.mistakes and parts["align"] is None:
            self.wrong(("vocabulary",), "findings are found by what align has learnt: name it")
        return None if self.mistakes else Config(**parts)

    def slots(self, values: dict[str, Any]) -> dict[str, Any]:
        parts: dict[str, Any] = {s: self.blocks((s,), s, values.get(s)) for s in LISTS}
        for slot in SINGLES:
            given = values.get(slot)
            parts[slot] = None if given is None else self.block((slot,), slot, given)
        return parts

    def learnt(self, model: str, values: dict[str, Any]) -> dict[str, Any]:
        """Return the slots that come with a model, and its preparation where none is given."""
        for slot in LEARNT:
            if values.get(slot) is not None:
                self.wrong((slot,), "comes with the model: leave it out")
        try:
            path = model_folder(model) / PIPELINE
            given, places = parse(path.read_text(encoding="utf-8"), str(path))
        except TsalignError as error:
            self.wrong(("model",), error.message)
            return {}
        theirs = _Builder(str(path), places, {}, foreign=True)
        parts = theirs.slots(given if isinstance(given, dict) else {})
        self.mistakes += theirs.mistakes
        own = ("prepare",) if values.get("prepare") is None else ()
        return {slot: parts[slot] for slot in (*own, *LEARNT)}

    def needs(self, values: dict[str, Any], parts: dict[str, Any]) -> None:
        for slot in ("segment", "describe"):
            if values.get(slot) in (None, []):
                self.wrong((slot,), "missing")
        data = values.get("data")
        noted = isinstance(data, dict) and data.get("notes")
        if values.get("align") is not None and not noted:
            self.wrong(("align",), "learning needs data.notes")
        read = reads(getattr(parts["align"], "signal", None))
        if read == "tokens" and values.get("tokens") is None:
            self.wrong(("align", "signal"), "an encoder of tokens needs tokens")
        if read == "samples" and [word("describe", type(b)) for b in parts["describe"]] != ["raw"]:
            self.wrong(("align", "signal"), "an encoder of samples needs describe: {kind: raw}")
        if values.get("predict") is not None and values.get("tokens") is None:
            self.wrong(("predict",), "predicting masked tokens needs tokens")
        if values.get("match") is not None and values.get("align") is None:
            self.wrong(("match",), "matching needs align")

    def data(self, values: Any) -> Data | None:
        if not isinstance(values, dict):
            self.wrong(("data",), "should be a mapping with at least 'recordings'")
            return None
        plain = {k: v for k, v in values.items() if k not in ("split", "reader")}
        made = self.build(("data",), Data, plain, also=("split", "reader"))
        split = values.get("split")
        if split is not None:
            split = self.build(("data", "split"), Split, split)
        reader = values.get("reader")
        if reader is not None:
            reader = self.block(("data", "reader"), "reader", reader)
        return replace(made, split=split, reader=reader) if made is not None else None

    def notes(self, values: Any) -> Any:
        if values is None:
            return None
        from tsalign.notes import Reading

        made = self.build(("notes",), Reading, values)
        for key, mistake in made.problems() if made is not None else ():
            self.wrong(("notes", key), mistake)
        return made

    def blocks(self, path: KeyPath, slot: str, given: Any) -> tuple[Any, ...]:
        if given is None:
            return ()
        items = given if isinstance(given, list) else [given]
        return tuple(self.block((*path, i), slot, item) for i, item in enumerate(items))

    def block(self, path: KeyPath, slot: str, given: Any) -> Any:
        if isinstance(given, str):
            given = {"kind": given}
        if not isinstance(given, dict) or not isinstance(given.get("kind"), str):
            words = ", ".join(REGISTRY[slot])
            self.wrong(path, f"should be a word or a mapping with 'kind'; there are {words}")
            return None
        if self.foreign and (":" in given["kind"] or given["kind"] == "external"):
            self.wrong((*path, "kind"), "a model folder must not choose code that is not tsalign's")
            return None
        try:
            kind = find(slot, given["kind"])
        except TsalignError as error:
            self.wrong((*path, "kind"), error.message)
            return None
        common = {k: v for k, v in self.common.items() if k in hints(kind)}
        return self.build(path, kind, common | {k: v for k, v in given.items() if k != "kind"})

    def build(self, path: KeyPath, kind: Any, given: Any, also: Iterable[str] = ()) -> Any:
        if not isinstance(given, dict):
            self.wrong(path, "should be a mapping")
            return None
        before = len(self.mistakes)
        allowed = hints(kind)
        self.unknown_keys(path, given, [*allowed, *also])
        ready: dict[str, Any] = {}
        for name, parameter in inspect.signature(kind).parameters.items():
            if name in given and name in allowed:
                ready[name] = self.parameter((*path, name), name, allowed[name], given[name])
            elif parameter.default is inspect.Parameter.empty and name in allowed:
                self.wrong((*path, name), "missing")
        return None if len(self.mistakes) > before else kind(**ready)

    def parameter(self, path: KeyPath, name: str, hint: Any, given: Any) -> Any:
        nested = name in REGISTRY and typing.get_origin(hint) is not Literal
        words = [*map(typing.get_origin, typing.get_args(hint))]
        if nested and (
            (isinstance(given, dict) and dict not in words)
            or (isinstance(given, str) and Literal not in words)
        ):
            return self.block(path, name, given)
        if nested and isinstance(given, list) and _is_list(hint):
            return list(self.blocks(path, name, given))
        inner = dataclass_in(hint)
        if inner is not None and isinstance(given, dict):
            return self.build(path, inner, given)
        return self.plain(path, hint, given)

    def plain(self, path: KeyPath, hint: Any, given: Any) -> Any:
        from pydantic import ValidationError

        if given is ...:
            self.wrong(path, "missing")
            return None
        try:
            return _adapter(hint).validate_json(json.dumps(given, default=str), strict=True)
        except ValidationError as error:
            # Of the branches of a union, the one whose type fits says what is wrong.
            fits = [e["msg"] for e in error.errors() if not e["type"].endswith("_type")]
            message = min(fits or [e["msg"] for e in error.errors()], key=len)
            self.wrong(path, f"{message[0].lower()}{message[1:]}, got {given!r}")
            return None

    def unknown_keys(self, path: KeyPath, given: dict[str, Any], known: list[str]) -> None:
        for key in given:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
                self.wrong((*path, str(key)), f"unknown key; {hint}", at_key=True)


def _is_list(hint: Any) -> bool:
    plain = typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Annotated else hint
    return typing.get_origin(plain) is list


@functools.cache
def _adapter(hint: Any) -> Any:
    from pydantic import ConfigDict, TypeAdapter

    return TypeAdapter(_writable(hint), config=ConfigDict(arbitrary_types_allowed=True))


def _writable(hint: Any) -> Any:
    """Leave out of a union what a file cannot hold, such as arrays."""
    import types

    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return hint
    plain = [a for a in typing.get_args(hint) if "numpy" not in repr(a)]
    return functools.reduce(lambda a, b: a | b, plain)


def _plain(slot: str, value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(slot, part) for part in value]
    if isinstance(value, dict):
        return {key: _plain(slot, part) for key, part in value.items()}
    kind = {"kind": word(slot, type(value))} if slot in REGISTRY else {}
    return kind | {name: _plain(name, getattr(value, name)) for name in hints(type(value))}
