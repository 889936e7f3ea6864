"""The values that flow between the stages: frozen, small, in seconds and samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tsalign.errors import TsalignError
from tsalign.spans import Segments, Signal, Span

__all__ = [
    "Aligned",
    "AlignedSpan",
    "Alignment",
    "Assertion",
    "Contradiction",
    "Evidence",
    "Label",
    "Note",
    "Part",
    "Reads",
    "Recording",
    "Segments",
    "Sentence",
    "Signal",
    "Span",
    "Spoken",
    "Tokens",
    "Unmatched",
    "Wholes",
]

Assertion = Literal[
    "present", "absent", "possible", "hypothetical", "history", "plan", "other_person"
]
Reads = Literal["features", "tokens", "samples"]
Part = Literal["train", "valid", "test"]


@dataclass(frozen=True, eq=False)
class Tokens:
    """One discrete unit a segment.

    Parameters
    ----------
    ids : (k,) int32
        `0 <= id < size`.
    size : int
        How many different tokens there are.
    segments : Segments
        What the tokens stand for.
    """

    ids: NDArray[np.int32]
    size: int
    segments: Segments


@dataclass(frozen=True)
class Sentence:
    """One statement of a note.

    Parameters
    ----------
    text : str
        Exactly as written.
    id : str
        Unique within the notes of a recording.
    chars : (int, int)
        Half-open place in the note's text; (0, 0) where there is no running text.
    when : Span or None
        The window, in seconds of the recording, that its words state; it may lie outside.
    concept : str or None
        What several wordings have in common.
    assertion : str
        Whether it speaks of something present here and now.
    duration : float or None
        How long it lasted, in seconds, by its words.
    count : int or None
        How often it happened, by its words.
    stamp : Span or None
        Where it belongs, as the one who wrote the file says: what learning and evaluation go by,
        and what no matcher sees.
    parent : str or None
        The id of the sentence of which it is a clause.
    """

    text: str
    id: str
    chars: tuple[int, int] = (0, 0)
    when: Span | None = None
    concept: str | None = None
    assertion: Assertion = "present"
    duration: float | None = None
    count: int | None = None
    stamp: Span | None = None
    parent: str | None = None


@dataclass(frozen=True)
class Note:
    """A text about a recording.

    Parameters
    ----------
    id : str
        Unique within the recording.
    text : str
        The running text; empty when sentences were given singly.
    sentences : tuple of Sentence
        In the order of the text.
    covers : Span or None
        The stretch it speaks of.
    ordered : bool or None
        Whether sentences follow the order of events; None where nobody said.
    """

    id: str
    text: str = ""
    sentences: tuple[Sentence, ...] = ()
    covers: Span | None = None
    ordered: bool | None = None


@dataclass(frozen=True, eq=False)
class Recording:
    """Signals of one session and the notes about them.

    Parameters
    ----------
    id : str
        The file's stem.
    signals : tuple of Signal
        Each with its own rate and start; exactly one after `resample`.
    notes : tuple of Note
        May be empty.
    subject : str or None
        Who it is, so that a split never puts one person on both sides.
    meta : mapping
        What the file said besides.
    """

    id: str
    signals: tuple[Signal, ...]
    notes: tuple[Note, ...] = ()
    subject: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def signal(self) -> Signal:
        """The one signal that later stages work on."""
        if len(self.signals) != 1:
            raise TsalignError(
                f"{len(self.signals)} signals; bring them onto one grid with prepare: resample",
                recording=self.id,
            )
        return self.signals[0]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a learnt model says about the segments and sentences of one recording.

    Parameters
    ----------
    similarity : (k, s) float32
        Log-odds that the sentence speaks of the segment, against nothing.
    signal : (k, c) float32
        Log-probability of each known concept at each segment.
    null : (k,) float32
        Log-probability that nothing known is there.
    text : (s, c) float32
        Log-probability that the sentence means the concept; what is left is other.
    """

    similarity: NDArray[np.float32]
    signal: NDArray[np.float32]
    null: NDArray[np.float32]
    text: NDArray[np.float32]


@dataclass(frozen=True)
class AlignedSpan:
    """Where a sentence was found.

    Parameters
    ----------
    recording : str
        Recording id.
    span : Span
        Seconds of the recording.
    sentence, text, note : str
        The sentence's id and wording, and its note's id.
    score : float
        Log-odds against nothing, summed over the span.
    confidence : float
        Calibrated chance that the span has IoU >= 0.5 with the true one.
    tokens : tuple of int
        The tokens inside the span.
    assertion : str
        Copied from the sentence.
    alternatives : tuple of (float, float, float)
        Start, end (seconds) and score of other places it might be, the chosen one left out.
    matches : float or None
        Chance that the sentence speaks of anything in the recording, wherever; None where no
        validation has calibrated it.
    """

    recording: str
    span: Span
    sentence: str
    text: str
    note: str
    score: float
    confidence: float
    tokens: tuple[int, ...] = ()
    assertion: Assertion = "present"
    alternatives: tuple[tuple[float, float, float], ...] = ()
    matches: float | None = None


@dataclass(frozen=True)
class Contradiction:
    """A stretch in which what a sentence denies seems to happen.

    Parameters
    ----------
    start, end : float
        Seconds of the recording, half-open.
    confidence : float
        Calibrated chance that what is denied happens there.
    """

    start: float
    end: float
    confidence: float


@dataclass(frozen=True)
class Unmatched:
    """A sentence that was placed nowhere, and why.

    Parameters
    ----------
    recording : str
        Recording id.
    sentence, text, note : str
        The sentence's id and wording, and its note's id.
    reason : str
        `no_match`, `outside_recording`, or what it asserts: `negated`, `history`, and so on.
    confidence : float
        Chance that it is rightly unmatched.
    assertion : str
        Copied from the sentence.
    contradiction : Contradiction or None
        Where the signal speaks against a sentence that says that something is absent.
    matches : float or None
        As in `AlignedSpan`.
    """

    recording: str
    sentence: str
    text: str
    note: str
    reason: str
    confidence: float
    assertion: Assertion = "present"
    contradiction: Contradiction | None = None
    matches: float | None = None


@dataclass(frozen=True, eq=False)
class Alignment:
    """What the matcher decided for one recording.

    Parameters
    ----------
    spans : tuple of AlignedSpan
        The sentences that were placed.
    unmatched : tuple of Unmatched
        All the others: every sentence given is in one of the two.
    similarity : (k, s) float32
        Log-odds of segment times sentence against nothing.
    posterior : (k, s) float32
        Probability that the sentence speaks of the segment, given everything.
    global_score : float
        Value of the optimum.
    """

    spans: tuple[AlignedSpan, ...]
    unmatched: tuple[Unmatched, ...]
    similarity: NDArray[np.float32]
    posterior: NDArray[np.float32]
    global_score: float


@dataclass(frozen=True)
class Label:
    """One labelled stretch of the truth."""

    span: Span
    label: str
    text: str = ""


@dataclass(frozen=True, eq=False)
class Spoken:
    """True stretches of a recording and their sentences as places in a shared space.

    Parameters
    ----------
    spans : tuple of Span
        The m stretches.
    signal, text : (m, d) float32
        Where each and its sentence lie.
    """

    spans: tuple[Span, ...]
    signal: NDArray[np.float32]
    text: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Wholes:
    """Stretches of a recording and the notes about them as places in a shared space.

    Parameters
    ----------
    scale : str
        How long stretches are: `60s`, or `recording`.
    stretches, means : (t, d) float32
        Where each stretch lies, as pooling was learnt and as the plain mean of its segments.
    notes, note_means : (m, d) float32
        The same of each note and its sentences.
    owner : (m,) int64
        Of which stretch each note speaks.
    """

    scale: str
    stretches: NDArray[np.float32]
    means: NDArray[np.float32]
    notes: NDArray[np.float32]
    note_means: NDArray[np.float32]
    owner: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Aligned:
    """Everything known about one recording at the end, as evaluation and export take it.

    Parameters
    ----------
    recording : str
        Recording id.
    part : str
        `train`, `valid` or `test`.
    signal, segments, tokens, alignment
        What the stages made.
    labels : tuple of Label
        True labelled stretches; empty where no truth is known.
    truth : mapping of str to tuple of Span
        True stretches of each sentence id; an empty tuple says that it matches nothing;
        sentences without an entry are not evaluated.
    first : Tokens or None
        The tokens before masked prediction made better ones of them.
    spoken : Spoken or None
        Places in the shared space; None where nothing asks for them.
    wholes : tuple of Wholes
        Stretches and notes in it, of each scale; empty where nothing asks for them.
    """

    recording: str
    part: Part
    signal: Signal
    segments: Segments
    tokens: Tokens
    alignment: Alignment
    labels: tuple[Label, ...] = ()
    truth: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    first: Tokens | None = None
    spoken: Spoken | None = None
    wholes: tuple[Wholes, ...] = ()
