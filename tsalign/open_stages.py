"""Stages beyond notes: a finished run applied again, lists of findings, segments to search in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tsalign import codec
from tsalign.engine import Source
from tsalign.errors import TsalignError, located
from tsalign.stages import Load, Scale, prepared
from tsalign.types import Aligned, Alignment, Evidence, Note, Part, Signal, Span, Spoken


@dataclass(frozen=True)
class Grid:
    """What every recording looked like that a model was learnt from.

    Parameters
    ----------
    channels : tuple of str
        In their order.
    rate : float
        Samples per second.
    """

    channels: tuple[str, ...]
    rate: float


def fit_grid(signals: list[Load]) -> Grid:
    """Note the channels and the rate of a training recording: learning compares all to them."""
    signal: Signal = signals[0]()
    return Grid(tuple(signal.channels), float(signal.rate))


def stored(source: Source) -> Any:
    """Return a part of a finished run's model."""
    with located(file=source.path):
        try:
            return codec.read(source.path)
        except (OSError, KeyError) as error:
            raise TsalignError("there is no whole part of a model here") from error


def prepared_alike(reader: Any, steps: Sequence[Any], source: Source, grid: Load) -> Signal:
    """Read a recording as a model needs it: its channels in its order, at its rate."""
    signal, wanted = prepared(reader, steps, source), grid()
    lacking = [name for name in wanted.channels if name not in signal.channels]
    if lacking:
        raise TsalignError(
            f"the model needs channel {lacking[0]!r}; there are {', '.join(signal.channels)}"
        )
    if abs(signal.rate - wanted.rate) > 1e-6 * wanted.rate:
        raise TsalignError(
            f"the model was learnt at {wanted.rate:g} Hz, this is {signal.rate:g} Hz:"
            f" prepare it with {{kind: resample, rate: {wanted.rate:g}}}"
        )
    order = [signal.channels.index(name) for name in wanted.channels]
    values = np.ascontiguousarray(signal.values[:, order])
    units = tuple(signal.units[i] for i in order)
    return replace(signal, values=values, channels=wanted.channels, units=units)


def sought(
    findings: Sequence[Any], model: Load, scale: Load, rows: Load, segments: Load
) -> Evidence:
    """Let the model judge every segment by each finding, its wordings averaged."""
    fitted = model()
    wordings = [text for finding in findings for text in finding.wordings]
    owner = np.repeat(np.arange(len(findings)), [len(f.wordings) for f in findings])
    queries = fitted.queries(wordings).averaged(owner)
    return fitted.evidence(scale()(rows()), segments(), queries)


def spotted(
    name: str,
    findings: Sequence[Any],
    matcher: Any,
    judged: Load,
    segments: Load,
    tokens: Load | None = None,
) -> Alignment:
    """Place every finding in one recording."""
    from tsalign.match.spotting import spot
    from tsalign.notes.vocabulary import as_note

    units = tokens().ids if tokens is not None else None
    return spot(name, as_note(tuple(findings)), judged(), segments(), units, matcher)


def indexed(
    folder: Path,
    who: Sequence[tuple[str, Part]],
    texts: Sequence[str],
    model: Load,
    scale: Load,
    rows: list[Load],
    segments: list[Load],
) -> None:
    """Write the place of every segment and sentence in the shared space into a folder."""
    from tsalign.align.retrieval.index import Index

    apply: Scale = scale()
    fitted = model()
    pieces = (
        (name, part, cut().edges(), fitted.encode_segments(apply(load()), cut()))
        for (name, part), load, cut in zip(who, rows, segments, strict=True)
    )
    Index.build(fitted, pieces, texts).save(folder)


def placed_beside(
    told: Sequence[tuple[str, Span]], whole: Load, model: Load, scale: Load, rows: Load
) -> Aligned:
    """Add where the true stretches and their sentences lie in the shared space."""
    item, fitted = whole(), model()
    middle = item.segments.edges().mean(axis=1)
    places = fitted.encode_segments(scale()(rows()), item.segments)
    inside = [(middle >= span.start) & (middle < span.end) for _, span in told]
    kept = [i for i, some in enumerate(inside) if some.any()]
    if not kept:
        return item
    signal = np.stack([places[inside[i]].mean(axis=0) for i in kept])
    text = fitted.encode_text([told[i][0] for i in kept])
    return replace(item, spoken=Spoken(tuple(told[i][1] for i in kept), signal, text))


def pooled_beside(
    notes: Sequence[Note], whole: Load, model: Load, scale: Load, rows: Load
) -> Aligned:
    """Add where stretches of the recording and its notes lie in the shared space as wholes."""
    from tsalign.align.pooling.pooling import RECORDING
    from tsalign.align.pooling.whole import wholes_of

    item, fitted = whole(), model()
    places = fitted.encode_segments(scale()(rows()), item.segments)
    scales = (RECORDING,) if fitted.pooling is None else fitted.pooling.scales
    found = (wholes_of(fitted, places, item.segments, notes, one) for one in scales)
    return replace(item, wholes=tuple(some for some in found if some is not None))
