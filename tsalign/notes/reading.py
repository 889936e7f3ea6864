"""`notes:` of a pipeline file: how notes are read."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from tsalign.errors import TsalignError, located
from tsalign.notes.meanings import Meanings, built_in
from tsalign.notes.private import without_names
from tsalign.types import Note, Sentence
from tsalign.yamlmap import parse as parse_yaml


@dataclass(frozen=True)
class Reading:
    """How notes are read.

    Parameters
    ----------
    clauses : bool
        Whether clauses become sentences of their own, "no cough, dyspnea" two; given sentences
        with a concept or a time stay whole.
    times : str or None
        A YAML file of what words of time mean, of the form of `tsalign/notes/data/times.yaml`.
    concepts : str or None
        A YAML file of wordings that mean the same: from each concept to a list of sentences.
    deidentify : str or None
        `shift` masks names and sets dates back by whole weeks, the same for all of one person.

    Examples
    --------
    >>> Reading(deidentify="shift").finished(Note("n", "Mrs. Lee fell."), "s1").text
    'Mrs. XXX fell.'
    """

    clauses: bool = False
    times: str | None = None
    concepts: str | None = None
    deidentify: Literal["shift"] | None = None

    def meanings(self) -> Meanings:
        """Return what words of time mean."""
        return Meanings.read(self.times) if self.times else built_in()

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield the key and the mistake of each table that cannot be read."""
        try:
            self.meanings()
        except TsalignError as error:
            yield "times", str(error)
        try:
            _concepts(self.concepts) if self.concepts else None
        except TsalignError as error:
            yield "concepts", str(error)

    def finished(self, note: Note, who: str) -> Note:
        """Return a note with concepts named and, where that is wanted, without names.

        Parameters
        ----------
        note : Note
            As it was read.
        who : str
            The person, or the recording where nobody is named.
        """
        if self.concepts:
            known = _concepts(self.concepts)
            said = tuple(_named(sentence, known) for sentence in note.sentences)
            note = replace(note, sentences=said)
        return without_names(note, who) if self.deidentify else note


def _named(sentence: Sentence, known: Mapping[str, str]) -> Sentence:
    """Give a sentence the concept of its wording, unless the file names one."""
    if sentence.concept is not None:
        return sentence
    return replace(sentence, concept=known.get(_plain(sentence.text)))


def _plain(text: str) -> str:
    """Return the words of a wording, so that case, spaces and full stops make no difference."""
    return " ".join(re.findall(r"\w+", text.lower()))


@functools.lru_cache(maxsize=8)
def _concepts(path: str) -> Mapping[str, str]:
    """Return the concept of each wording."""
    with located(file=path):
        try:
            table = parse_yaml(Path(path).read_text(encoding="utf-8"), path)[0]
        except (OSError, UnicodeDecodeError) as error:
            raise TsalignError(f"cannot be read: {error}") from error
        if not isinstance(table, dict):
            raise TsalignError("a list of concepts is a mapping from concept to sentences")
        found: dict[str, str] = {}
        for concept, wordings in table.items():
            if not isinstance(wordings, list) or not all(isinstance(w, str) for w in wordings):
                raise TsalignError("should be a list of sentences", key=str(concept))
            for wording in map(_plain, wordings):
                if found.setdefault(wording, str(concept)) != str(concept):
                    message = f"{wording!r} stands under {found[wording]!r} too"
                    raise TsalignError(message, key=str(concept))
    return found
