"""From notes as people write them to sentences that can be aligned."""

from __future__ import annotations

from tsalign.notes.assertion import Scope, affirmed, assess, scopes
from tsalign.notes.clauses import split_clauses
from tsalign.notes.jsonl import RecordingNotes, read_notes
from tsalign.notes.meanings import Meanings
from tsalign.notes.parse import parse
from tsalign.notes.reading import Reading
from tsalign.notes.sentences import split_sentences
from tsalign.notes.stamps import durations, stamped
from tsalign.notes.times import Times
from tsalign.notes.vocabulary import Finding, read_vocabulary

__all__ = [
    "Finding",
    "Meanings",
    "Reading",
    "RecordingNotes",
    "Scope",
    "Times",
    "affirmed",
    "assess",
    "durations",
    "parse",
    "read_notes",
    "read_vocabulary",
    "scopes",
    "split_clauses",
    "split_sentences",
    "stamped",
]
