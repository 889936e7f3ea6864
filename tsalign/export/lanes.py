"""The lower half of the picture: one lane for each wording, placed above true."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import to_rgba

from tsalign.export.panels import INK, SOFT, one_line
from tsalign.types import Aligned, AlignedSpan, Span, Unmatched

COLORS = (
    *("#4e79a7", "#e08214", "#4d9a4a", "#d6494b", "#3d9a97", "#9467ab"),
    *("#b8931a", "#8c6450", "#c85a85", "#3f7f93", "#6a5fae", "#6b8e23"),
)
_STRIPE = "#f5f6f8"
_LETTERS = 58
_ROOM = 0.3  # inches of a confidence


@dataclass
class Lane:
    """All that is said of one wording.

    Parameters
    ----------
    text : str
        The wording.
    placed, left : list
        Where it was placed, and where it was left out.
    truth : list of Span
        Where it belongs.
    """

    text: str
    placed: list[AlignedSpan] = field(default_factory=list)
    left: list[Unmatched] = field(default_factory=list)
    truth: list[Span] = field(default_factory=list)

    @property
    def order(self) -> float:
        """When it is first heard of; what has no time comes last."""
        spans = [found.span for found in self.placed] or self.truth
        return min((span.start for span in spans), default=math.inf)


def collect(item: Aligned) -> list[Lane]:
    """Gather what is said of each wording.

    Parameters
    ----------
    item : Aligned
        One recording.

    Returns
    -------
    list of Lane
        In the order of time.
    """
    lanes: dict[str, Lane] = {}
    for sentence in (*item.alignment.spans, *item.alignment.unmatched):
        lane = lanes.setdefault(sentence.text, Lane(sentence.text))
        if isinstance(sentence, AlignedSpan):
            lane.placed.append(sentence)
        else:
            lane.left.append(sentence)
        known = item.truth.get(sentence.sentence, ())
        lane.truth += [span for span in known if span not in lane.truth]
    return sorted(lanes.values(), key=lambda lane: lane.order)


def draw_lanes(axes: Axes, lanes: Sequence[Lane], inches: float, span: Span) -> None:
    """Draw the lanes into one panel.

    Parameters
    ----------
    axes : Axes
        As many lanes high as there are.
    lanes : sequence of Lane
        From top to bottom.
    inches : float
        Width of the panel.
    span : Span
        What the width stands for.
    """
    axes.set_ylim(max(len(lanes), 1), 0)
    for row, lane in enumerate(lanes):
        if row % 2 == 0:
            axes.axhspan(row, row + 1, color=_STRIPE, lw=0, zorder=0)
        color = COLORS[row % len(COLORS)]
        for found in lane.placed:
            # Whatever reaches beyond the end, even when it began before, leaves no room there.
            others = [o.span.start for o in lane.placed if o.span.end > found.span.end]
            free = inches * (min([*others, span.end]) - found.span.end) / span.duration
            _bar(axes, row, found, color, number=free > _ROOM)
        for true in lane.truth:
            axes.broken_barh(
                [(true.start, true.duration)],
                (row + 0.74, 0.1),
                facecolor=INK,
                lw=0.4,
                edgecolor=INK,
            )
        _words(axes, row, lane)


def _bar(axes: Axes, row: int, found: AlignedSpan, color: str, number: bool) -> None:
    chance = found.confidence if math.isfinite(found.confidence) else 0.5
    opacity = 0.15 + 0.85 * min(max(chance, 0.0), 1.0)
    axes.broken_barh(
        [(found.span.start, found.span.duration)],
        (row + 0.18, 0.48),
        facecolor=to_rgba(color, opacity),
        edgecolor=color,
        lw=0.7,
    )
    if number and math.isfinite(found.confidence):
        axes.annotate(
            f"{found.confidence:.2f}",
            (found.span.end, row + 0.44),
            (2.5, 0),
            textcoords="offset points",
            fontsize=6,
            color=SOFT,
            va="center",
        )


def _words(axes: Axes, row: int, lane: Lane) -> None:
    """Write the sentence on the left, and on the right why it was left out."""
    beside: dict[str, Any] = {
        "transform": axes.get_yaxis_transform(),
        "va": "center",
        "parse_math": False,
    }
    color, style = (INK, "normal") if lane.placed else (SOFT, "italic")
    text = one_line(lane.text, _LETTERS)
    axes.text(-0.01, row + 0.48, text, fontsize=7.6, color=color, style=style, ha="right", **beside)
    reasons = ", ".join(dict.fromkeys(left.reason.replace("_", " ") for left in lane.left))
    if reasons:
        axes.text(
            1.008,
            row + 0.48,
            one_line(reasons, 20),
            fontsize=6.8,
            color=SOFT,
            style="italic",
            **beside,
        )
