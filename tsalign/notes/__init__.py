"""From notes as people write them to sentences that can be aligned."""

from __future__ import annotations

from tsalign.notes.assertion import Scope, assess, scopes
from tsalign.notes.jsonl import RecordingNotes, read_notes
from tsalign.notes.parse import parse
from tsalign.notes.sentences import split_sentences

__all__ = ["RecordingNotes", "Scope", "assess", "parse", "read_notes", "scopes", "split_sentences"]
