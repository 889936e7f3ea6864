"""Figures with intervals over recordings, beside what doing nothing and guessing get."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsalign.errors import TsalignError
from tsalign.evaluate.facts import examine
from tsalign.evaluate.results import Metric, Results
from tsalign.types import Aligned, AlignedSpan, Alignment, Segments, Span, Tokens

_NONE = np.zeros((0, 0), np.float32)


def figures(metrics: Sequence[Metric], results: Results) -> dict[str, float]:
    """Return all figures of several metrics under their names.

    Parameters
    ----------
    metrics : sequence of Metric
        Called in order.
    results : Results
        What they measure.

    Returns
    -------
    dict of str to float

    Raises
    ------
    TsalignError
        When two metrics give a figure of the same name.
    """
    found: dict[str, float] = {}
    for metric in metrics:
        for name, value in metric(results).items():
            if name in found:
                raise TsalignError(f"two metrics give a figure called {name!r}")
            found[name] = value
    return found


def intervals(
    metrics: Sequence[Metric],
    results: Results,
    *,
    draws: int = 1000,
    level: float = 0.95,
    random_state: int = 0,
) -> dict[str, tuple[float, float]]:
    """Return percentile bootstrap intervals, drawing whole recordings with replacement.

    Parameters
    ----------
    metrics : sequence of Metric
        Each called once a draw.
    results : Results
        What they measure.
    draws : int
        How many sets of recordings are drawn.
    level : float
        Share of the draws inside the interval.
    random_state : int
        Seed of the draws.

    Returns
    -------
    dict of str to (float, float)
        Low and high; NaN where no draw gave a figure.

    References
    ----------
    Efron & Tibshirani (1993), An introduction to the bootstrap, section 13.3.
    """
    size = len(results.drawn)
    names = list(figures(metrics, results))
    chosen = np.random.default_rng(random_state).integers(max(size, 1), size=(draws, size))
    drawn = [list(figures(metrics, results.take(row)).values()) for row in chosen]
    columns = np.array(drawn, np.float64).reshape(draws, len(names)).T
    return {n: _percentiles(c, level) for n, c in zip(names, columns, strict=True)}


def _percentiles(values: NDArray[np.float64], level: float) -> tuple[float, float]:
    values = values[~np.isnan(values)]
    if not len(values):
        return math.nan, math.nan
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2]).tolist()
    return low, high


def baselines(items: Iterable[Aligned]) -> dict[str, Results]:
    """Return what doing nothing and spreading the sentences evenly would give.

    Parameters
    ----------
    items : iterable of Aligned
        Gone through once.

    Returns
    -------
    dict of str to Results
        `nothing`: no sentence placed, the recording one segment, all tokens equal.
        `uniform`: the evaluated sentences in order, each on an equal stretch.
    """
    pairs = [(examine(_nothing(item)), examine(_uniform(item))) for item in items]
    return {
        "nothing": Results.from_facts(a for a, _ in pairs),
        "uniform": Results.from_facts(b for _, b in pairs),
    }


def _nothing(item: Aligned) -> Aligned:
    """Return the recording as if nothing had been done."""

    def same(tokens: Tokens) -> Tokens:
        return Tokens(np.zeros_like(tokens.ids), 1, tokens.segments)

    return replace(
        item,
        segments=_stretches(item, 1),
        tokens=same(item.tokens),
        first=None if item.first is None else same(item.first),
        alignment=_alignment(item, ()),
        spoken=None,
        wholes=(),
    )


def _uniform(item: Aligned) -> Aligned:
    """Return the recording with its evaluated sentences spread evenly, in their order."""
    edges = np.linspace(item.signal.span.start, item.signal.span.end, len(item.truth) + 1)
    spans = tuple(
        AlignedSpan(item.recording, Span(a, b), name, "", "", 0.0, math.nan)
        for name, a, b in zip(item.truth, edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    )
    return replace(
        _nothing(item),
        segments=_stretches(item, max(len(item.truth), 1)),
        alignment=_alignment(item, spans),
    )


def _stretches(item: Aligned, count: int) -> Segments:
    cuts = np.linspace(0, len(item.signal), count + 1).round().astype(np.int64)
    return Segments(np.stack([cuts[:-1], cuts[1:]], axis=1), item.signal.rate, item.signal.start)


def _alignment(item: Aligned, spans: tuple[AlignedSpan, ...]) -> Alignment:
    return Alignment(spans, (), _NONE, _NONE, 0.0)


def report(
    metrics: Sequence[Metric],
    items: Iterable[Aligned],
    *,
    draws: int = 1000,
    random_state: int = 0,
) -> dict[str, Any]:
    """Measure recordings and both baselines, ready for `metrics.json`.

    Parameters
    ----------
    metrics : sequence of Metric
        What to measure.
    items : iterable of Aligned
        Gone through once.
    draws : int
        Bootstrap draws of recordings.
    random_state : int
        Seed of the draws.

    Returns
    -------
    dict
        `metrics` (name to `value`, `low`, `high`: 95 % over recordings), `baselines`
        (`nothing` and `uniform`, name to value) and `counts`; None where there is no figure.

    Examples
    --------
    >>> from tsalign.evaluate import SpanIou
    >>> report([SpanIou()], [])["metrics"]
    {'mean_iou': {'value': None, 'low': None, 'high': None}}
    """
    trios = [(examine(i), examine(_nothing(i)), examine(_uniform(i))) for i in items]
    own, idle, even = (Results.from_facts(t[place] for t in trios) for place in range(3))
    bounds = intervals(metrics, own, draws=draws, random_state=random_state)
    return {
        "metrics": {
            name: {
                "value": _json(value),
                "low": _json(bounds[name][0]),
                "high": _json(bounds[name][1]),
            }
            for name, value in figures(metrics, own).items()
        },
        "baselines": {
            name: {key: _json(value) for key, value in figures(metrics, results).items()}
            for name, results in (("nothing", idle), ("uniform", even))
        },
        "counts": counts(own),
    }


def counts(results: Results) -> dict[str, int]:
    """Return how much the figures rest on.

    Parameters
    ----------
    results : Results
        What was measured.

    Returns
    -------
    dict of str to int
    """
    event, placed = results.is_event, results.is_placed
    facts = [results.facts[i] for i in results.drawn.tolist()]
    return {
        "recordings": len(facts),
        "sentences": len(event),
        "events": int(event.sum()),
        "events_placed": int((event & placed).sum()),
        "distractors": int((~event).sum()),
        "distractors_placed": int((~event & placed).sum()),
        "labels": sum(len(f.labels) for f in facts),
        "labelled_segments": sum(len(f.units) for f in facts),
        "retrieval_queries": sum(len(f.segment_ranks) + len(f.sentence_ranks) for f in facts),
    }


def _json(value: float) -> float | None:
    return value if math.isfinite(value) else None
