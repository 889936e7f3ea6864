"""`data:` of a pipeline file: recordings, notes and truth, and who learns and who is tested."""

from __future__ import annotations

import glob
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from tsalign.cache import file_hash
from tsalign.config import Config, Split
from tsalign.engine import Source
from tsalign.errors import TsalignError, TsalignWarning, located
from tsalign.notes import Finding, read_vocabulary
from tsalign.types import Label, Note, Part, Span


@dataclass(frozen=True, eq=False)
class Item:
    """One recording before anything is computed.

    Parameters
    ----------
    id, source, subject, part, notes, labels
        Which, whence, who, on which side, what was said and what is labelled.
    truth : mapping of str to tuple of Span
        True stretches of each sentence, in the order of the notes.
    stamped : frozenset of str
        The sentences whose truth is nothing but their own stamp.
    findings : tuple of Finding
        What to look for where there are no notes.
    """

    id: str
    source: Source
    subject: str
    part: Part
    notes: tuple[Note, ...] = ()
    labels: tuple[Label, ...] = ()
    truth: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    stamped: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()


def collect(config: Config) -> list[Item]:
    """Find the recordings, their notes and truth, and who learns, validates and tests.

    Parameters
    ----------
    config : Config
        A checked pipeline.

    Returns
    -------
    list of Item
        Sorted by id.

    Raises
    ------
    TsalignError
        For patterns that match nothing, notes about nobody, two files with one id.
    """
    from tsalign.notes import read_notes
    from tsalign.read import read_truths, recording_id

    paths = _files(config.data.recordings, "data.recordings")
    ids = [recording_id(path) for path in paths]
    for name in {i for i in ids if ids.count(i) > 1}:
        raise TsalignError("two files have this id", recording=name)
    told: dict[str, Any] = {}
    for path in _files(config.data.notes, "data.notes"):
        for name, notes in read_notes(path, config.notes).items():
            if name in told:
                raise TsalignError("notes stand in two files", file=str(path), recording=name)
            told[name] = notes
    unknown = sorted(set(told) - set(ids))
    if unknown:
        raise TsalignError("notes speak of a recording that is not there", recording=unknown[0])
    truths = read_truths(_files(config.data.truth, "data.truth"))
    subjects = {i: (told[i].subject or i) if i in told else i for i in ids}
    parts = split(subjects, config.data.split, config.seed)
    if config.model is not None and config.data.split is None:
        parts = cast(dict[str, Part], dict.fromkeys(ids, "test"))  # nothing is learnt from them
    _warn_of_unused(sorted(set(ids) - set(parts)))
    findings = read_vocabulary(config.vocabulary) if config.vocabulary else ()
    items = []
    for name, path in sorted(zip(ids, paths, strict=True)):
        if name in parts:
            notes = told[name].notes if name in told else ()
            labels, spans = truths.get(name, ((), {}))
            source = Source(path, file_hash(path))
            with located(recording=name):
                truth = _truth(notes, spans)
            who = (name, source, subjects[name], parts[name], notes, labels)
            stamped = frozenset(truth) - frozenset(spans)
            items.append(Item(*who, truth, stamped, () if notes else findings))
    return items


def occurrences(item: Item) -> dict[str, tuple[Span, ...]]:
    """Return by sentence all stretches of what it speaks of, whichever of them was meant.

    Parameters
    ----------
    item : Item
        With truth, and concepts where several wordings mean the same.

    Returns
    -------
    dict of str to tuple of Span
        Nothing for a sentence that matches nothing.
    """
    said = [s for n in item.notes for s in n.sentences if s.id in item.truth]
    found: dict[str, dict[Span, None]] = {}
    for label in item.labels:
        found.setdefault(label.label, {})[label.span] = None
    for s in said:
        own = found.setdefault(s.concept or s.text, {})
        own |= dict.fromkeys(item.truth[s.id])
    return {s.id: tuple(found[s.concept or s.text]) if item.truth[s.id] else () for s in said}


def _warn_of_unused(names: Sequence[str]) -> None:
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        message = f"data.split names no part for {', '.join(names[:3])}{more}: left out"
        warnings.warn(message, TsalignWarning, stacklevel=3)


def _truth(
    notes: Sequence[Note], told: Mapping[str, tuple[Span, ...]]
) -> dict[str, tuple[Span, ...]]:
    """Return true spans in the order of the notes: a sentence's own stamp where no table speaks."""
    said = [sentence for note in notes for sentence in note.sentences]
    own = {s.id: (s.stamp,) for s in said if s.stamp is not None}
    both = own | dict(told)
    unknown = sorted(set(told) - {s.id for s in said})
    if unknown:
        raise TsalignError(f"the truth speaks of {unknown[0]!r}, a sentence that no note holds")
    return {s.id: both[s.id] for s in said if s.id in both}


def _files(patterns: str | Sequence[str] | None, key: str) -> list[Path]:
    found: list[Path] = []
    for pattern in (patterns,) if isinstance(patterns, str) else (patterns or ()):
        matches = sorted(glob.glob(pattern, recursive=True))
        if not matches:
            raise TsalignError(f"no file matches {pattern!r}", key=key)
        found += [Path(match) for match in matches]
    return found


def split(subjects: Mapping[str, str], how: Split | None, seed: int) -> dict[str, Part]:
    """Assign every recording to train, valid or test; recordings of nobody named are left out.

    Parameters
    ----------
    subjects : mapping
        From recording to subject.
    how : Split or None
        None: everything is `train`.
    seed : int
        Draws the people when fractions are given.

    Examples
    --------
    >>> split({"a": "1", "b": "1", "c": "2"}, Split(train=("1",), valid=(), test=("2",)), 0)
    {'a': 'train', 'b': 'train', 'c': 'test'}
    """
    if how is None:
        return dict.fromkeys(subjects, "train")
    unit = subjects if how.by == "subject" else {name: name for name in subjects}
    people = sorted(set(unit.values()))
    drawn = list(np.random.default_rng(seed).permutation(people))
    where: dict[str, Part] = {}
    parts: tuple[Part, ...] = ("train", "valid", "test")
    for part in parts:
        wanted = getattr(how, part)
        if isinstance(wanted, float | int):
            chosen, drawn = _share(drawn, wanted, len(people), last=part == "test")
        else:
            chosen = [str(name) for name in wanted]
        for name in chosen:
            if name not in people:
                raise TsalignError(f"no {how.by} is called {name!r}", key=f"data.split.{part}")
            if where.setdefault(name, part) != part:
                raise TsalignError(f"{name!r} stands in two parts", key=f"data.split.{part}")
    return {name: where[person] for name, person in unit.items() if person in where}


def _share(drawn: list[str], share: float, people: int, *, last: bool) -> tuple[list, list]:
    count = len(drawn) if last and share > 0 else round(share * people)
    return [str(d) for d in drawn[:count]], drawn[count:]
