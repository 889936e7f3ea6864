"""What each stage does to its inputs: small functions between the graph and the rooms.

Every function takes the blocks of the pipeline file first and then its inputs as calls that load
them, so that nothing is read before it is needed and nothing stays in memory.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from tsalign.engine import Source
from tsalign.errors import TsalignError, TsalignWarning, located
from tsalign.progress import Listener
from tsalign.types import (
    Aligned,
    Alignment,
    Evidence,
    Note,
    Part,
    Segments,
    Sentence,
    Signal,
    Tokens,
)

Load = Callable[[], Any]
Rows = NDArray[np.float32]
MOST_ROWS = 500_000  # that a fit sees, evenly spaced: enough for k-means and scales
SAME = 1e-6  # seconds by which stamps of one length may differ
FAR = 10.0  # standard deviations beyond which a description says no more


def prepared(reader: Any, steps: Sequence[Any], source: Source) -> Signal:
    """Read a recording and bring its signals onto one grid."""
    from tsalign.read import read

    with located(file=source.path):
        recording = read(source.path, reader=reader)
        for step in steps:
            recording = step(recording)
        return recording.signal


def segmented(segmenter: Any, signal: Load) -> Segments:
    """Cut every finite run of a signal; what is missing becomes no segment."""
    stream: Signal = signal()
    tool = clone(segmenter)
    if "rate" in tool.get_params():
        tool.set_params(rate=stream.rate)
    bounds = [tool.fit_predict(stream.values[a:b]) + a for a, b in finite_runs(stream.values)]
    joined = np.concatenate([np.empty((0, 2), np.int64), *bounds])
    if not len(joined):
        raise TsalignError("no segment: the signal is too short, or all of it is missing")
    return Segments(joined, stream.rate, stream.start)


def finite_runs(values: NDArray[Any]) -> Iterator[tuple[int, int]]:
    """Yield the half-open stretches in which every channel is finite.

    Examples
    --------
    >>> list(finite_runs(np.array([[1.0], [np.nan], [2.0], [3.0]])))
    [(0, 1), (2, 4)]
    """
    whole = np.concatenate([[False], np.isfinite(values).all(axis=1), [False]])
    steps = np.flatnonzero(whole[1:] != whole[:-1])
    yield from zip(steps[::2].tolist(), steps[1::2].tolist(), strict=True)


def fit_describers(blocks: Sequence[Any], signals: list[Load], segments: list[Load]) -> list[Any]:
    """Let each description learn what it learns from the training recordings."""
    pieces = _Pieces(signals, segments)
    channels = signals[0]().channels
    return [clone(block).fit(pieces, channels) for block in blocks]


class _Pieces(Sequence):
    """(values, rate, bounds) of each recording, loaded when asked for."""

    def __init__(self, signals: list[Load], segments: list[Load]) -> None:
        self.signals, self.segments = signals, segments

    def __len__(self) -> int:
        return len(self.signals)

    def __getitem__(self, index: Any) -> Any:
        signal: Signal = self.signals[index]()
        return signal.values, signal.rate, self.segments[index]().bounds


def described(blocks: Load, signal: Load, segments: Load) -> Rows:
    """Describe each segment by one row, `(k, d)`."""
    stream: Signal = signal()
    bounds = segments().bounds
    rows = [block.transform(stream.values, stream.rate, bounds) for block in blocks()]
    return np.concatenate(rows, axis=1, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Scale:
    """Mean and spread of each column of the training descriptions."""

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    far: float = FAR

    def __call__(self, rows: Rows) -> Rows:
        """Return rows of mean 0 and spread 1, far values held back."""
        scaled = (rows - self.mean) / self.spread
        return np.clip(scaled, -self.far, self.far).astype(np.float32)


def fit_scale(rows: list[Load]) -> Scale:
    """Learn the scale in one pass over the training recordings."""
    count, mean, squares = 0, 0.0, 0.0
    for load in rows:
        batch = load().astype(np.float64)
        if not len(batch):
            continue
        # Chan, Golub & LeVeque (1983): joining means and sums of squares without cancellation.
        delta = batch.mean(axis=0) - mean
        total = count + len(batch)
        squares += batch.var(axis=0) * len(batch) + delta**2 * count * len(batch) / total
        mean, count = mean + delta * len(batch) / total, total
    spread = np.sqrt(squares / count)
    return Scale(np.asarray(mean), np.where(spread > 1e-12, spread, 1.0))


def _stack(scale: Load, rows: Sequence[Load]) -> Rows:
    apply: Scale = scale()
    return np.concatenate([apply(load()) for load in rows])


def fit_tokens(block: Any, scale: Load, rows: list[Load]) -> Any:
    """Learn the tokens from the training recordings."""
    X = _stack(scale, rows)
    return clone(block).fit(X[:: max(1, len(X) // MOST_ROWS)])


def tokenised(block: Load, scale: Load, rows: Load, segments: Load) -> Tokens:
    """Give each segment its token."""
    fitted = block()
    ids = fitted.predict(scale()(rows())).astype(np.int32)
    return Tokens(ids, int(getattr(fitted, "size_", fitted.n_clusters)), segments())


@dataclass(frozen=True)
class Told:
    """What the notes of one recording say, with the times that learning may know.

    Parameters
    ----------
    notes : tuple of Note
        In them `stamp` is the one given (training) or the true one (validation).
    elsewhere : tuple of str
        Sentences known to match nothing.
    """

    notes: tuple[Note, ...]
    elsewhere: tuple[str, ...] = ()


def fit_align(
    folder: Path,
    listener: Listener,
    block: Any,
    train: Sequence[Told],
    valid: Sequence[Told],
    scale: Load,
    rows: list[Load],
    segments: list[Load],
    valid_rows: list[Load],
    valid_segments: list[Load],
) -> Any:
    """Learn the shared space from what the notes tell."""
    given = (scale, rows, segments, valid_rows, valid_segments)
    return fit_pairs(folder, listener, clone(block), train, valid, *given)


def fit_pairs(
    folder: Path,
    listener: Listener,
    block: Any,
    train: Sequence[Told],
    valid: Sequence[Told],
    scale: Load,
    rows: list[Load],
    segments: list[Load],
    valid_rows: list[Load],
    valid_segments: list[Load],
) -> Any:
    """Let a model learn: from recordings with notes where it says so, else from stamps alone.

    The folder outlives a killed run.
    """
    stamped = getattr(block, "supervision", "stamped") == "stamped"
    if stamped and not _timed(train):
        raise TsalignError(
            "no training sentence has a time: supervision 'stamped' learns from sentences with"
            " start and end",
            key="align",
        )
    held = _pairs(valid, scale, valid_rows, valid_segments) if _timed(valid) else None
    able = signature(block.fit).parameters
    aids = {"checkpoint": folder, "listener": listener}
    with located(key="align"):
        learn = (_pairs if stamped else _noted)(train, scale, rows, segments)
        return block.fit(learn, held, **{name: aid for name, aid in aids.items() if name in able})


def _timed(told: Iterable[Told]) -> bool:
    return any(s.stamp is not None for who in told for note in who.notes for s in note.sentences)


def _noted(
    told: Sequence[Told], scale: Load, rows: Sequence[Load], segments: Sequence[Load]
) -> list[Any]:
    from tsalign.align import Noted

    apply: Scale = scale()
    return [
        Noted(apply(load()), cut(), who.notes)
        for who, load, cut in zip(told, rows, segments, strict=True)
    ]


def _pairs(told: Sequence[Told], scale: Load, rows: list[Load], segments: list[Load]) -> Any:
    from tsalign.align import pairs_of

    elsewhere = [text for who in told for text in who.elsewhere]
    return pairs_of(_noted(told, scale, rows, segments), elsewhere)


def evidence(
    texts: Sequence[str], model: Load, scale: Load, rows: Load, segments: Load
) -> Evidence:
    """Let the model judge every segment and sentence of one recording."""
    return model().evidence(scale()(rows()), segments(), texts)


def fit_match(
    matcher: Any,
    train: Sequence[Told],
    held_out: Sequence[Told],
    valid: Sequence[Any],
    model: Load,
    segments: list[Load],
    judged: list[Load],
) -> Any:
    """Learn durations from training, weights and confidence from validation.

    Training stamps that are all of one length are windows: they do not say how long what they
    show went on, and neither do notes without any. Then what was decoded while learning does, or
    else the true times of validation.
    """
    from tsalign.match import Case, Placer
    from tsalign.notes import durations

    learnt = model()
    cases = [
        Case(load(), cut(), *told) for told, load, cut in zip(valid, judged, segments, strict=True)
    ]
    if not any(case.truth for case in cases):
        message = "no validation recording has sentences with true times: the matcher keeps the"
        message += " weights it begins with, and confidence is not calibrated"
        warnings.warn(message, TsalignWarning, stacklevel=2)
    seconds = durations(note for told in train for note in told.notes)
    every = [value for some in seconds.values() for value in some]
    if not every or np.ptp(every) < SAME:
        seconds = _decoded(learnt) or durations(n for told in held_out for n in told.notes)
    return Placer(matcher).fit(cases, [seconds.get(name, []) for name in learnt.concepts_])


def _decoded(model: Any) -> dict[str, list[float]]:
    """Return the seconds of the runs that learning without times has found, by concept."""
    seconds: dict[str, list[float]] = {}
    for number, duration in getattr(model, "runs_", ()):
        seconds.setdefault(model.concepts_[int(number)], []).append(float(duration))
    return seconds


def matched(
    name: str,
    notes: Sequence[Note],
    placer: Load,
    judged: Load,
    segments: Load,
    tokens: Load | None = None,
) -> Alignment:
    """Decide which sentence speaks of which stretch of one recording."""
    units = tokens().ids if tokens is not None else None
    return placer().place(name, judged(), segments(), notes, units)


@dataclass(frozen=True)
class Known:
    """What is known of a recording besides the values of the stages."""

    recording: str
    part: Part
    labels: tuple[Any, ...]
    truth: Mapping[str, Any]


def joined(
    known: Known,
    signal: Load,
    segments: Load,
    found: Load,
    tokens: Load | None = None,
    first: Load | None = None,
) -> Aligned:
    """Put together what evaluation and export take; `first` are the tokens before prediction."""
    cut = segments()
    units = tokens() if tokens else Tokens(np.empty(0, np.int32), 0, cut)
    who, earlier = (known.recording, known.part), first() if first else None
    return Aligned(*who, signal(), cut, units, found(), known.labels, known.truth, earlier)


def unplaced() -> Alignment:
    """Return the alignment of a pipeline that only makes tokens."""
    none = np.empty((0, 0), np.float32)
    return Alignment((), (), none, none, 0.0)


def evaluated(metrics: Sequence[Any], seed: int, parts: Sequence[Load]) -> dict[str, Any]:
    """Compute every metric with its interval, and the baselines."""
    from tsalign.evaluate import report

    return report(metrics, (load() for load in parts), random_state=seed)


def exported(folder: Path, block: Any, parts: Sequence[Load]) -> None:
    """Write one export into a folder of the store."""
    block((load() for load in parts), folder)


def hidden(notes: Sequence[Note], times: bool) -> tuple[Note, ...]:
    """Return the notes as a matcher may see them: no concepts, and times only when asked."""

    def bare(sentence: Sentence) -> Sentence:
        when = (sentence.when or sentence.stamp) if times else None
        return replace(sentence, concept=None, stamp=None, when=when)

    return tuple(replace(n, sentences=tuple(map(bare, n.sentences))) for n in notes)
