"""The page behind `Png`: panels from top to bottom over one time axis."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tsalign.export.lanes import collect, draw_lanes
from tsalign.export.panels import INK, SOFT, channels, labels, one_line, sensor_groups, tokens
from tsalign.types import Aligned, Span

# Inches.
WIDTH, LEFT, RIGHT, TOP, BOTTOM = 14.0, 3.55, 1.0, 0.74, 0.46
PANEL, SIGNALS, RIBBON, LANE, GAP = 0.92, 4.6, 0.19, 0.235, 0.1
MOST_PANELS = 12


def draw(item: Aligned, most: int) -> Figure:
    """Draw one recording.

    Parameters
    ----------
    item : Aligned
        What to show.
    most : int
        Lanes shown at most.

    Returns
    -------
    Figure
        Bound to no window and no global state.
    """
    groups = sensor_groups(item.signal.channels)[:MOST_PANELS]
    lanes = collect(item)
    table = max(min(len(lanes), most), 1) * LANE
    panel = min(PANEL, max(SIGNALS / max(len(groups), 1), 0.36))
    heights = [panel] * len(groups)
    heights += [RIBBON] * (bool(len(item.tokens.ids)) + bool(item.labels)) + [table]
    page = _Page(TOP + sum(heights) + GAP * len(heights) + BOTTOM, item.signal.span)
    page.title(item)
    for group in groups:
        channels(page.axes(panel), item, group)
    if len(item.tokens.ids):
        tokens(page.axes(RIBBON), item, page.span)
    if item.labels:
        labels(page.axes(RIBBON), item.labels, page.inches, page.span)
    axes = page.axes(table)
    draw_lanes(axes, lanes[:most], page.inches, page.span)
    _time(axes)
    if len(lanes) > most:
        page.write(0.3, page.height - 0.16, f"{len(lanes) - most} more in spans.jsonl", 8, SOFT)
    return page.figure


class _Page:
    """Hands out panels from top to bottom."""

    inches = WIDTH - LEFT - RIGHT

    def __init__(self, height: float, span: Span) -> None:
        self.figure = Figure(figsize=(WIDTH, height), facecolor="white")
        FigureCanvasAgg(self.figure)
        self.height, self.used = height, TOP
        self.span = span if span.duration > 0 else Span(span.start, span.start + 1.0)

    def axes(self, height: float) -> Axes:
        """Return the next panel, `height` inches high and without any frame."""
        bottom = 1 - (self.used + height) / self.height
        box = (LEFT / WIDTH, bottom, self.inches / WIDTH, height / self.height)
        axes = self.figure.add_axes(box)
        axes.set_xlim(self.span.start, self.span.end)
        axes.autoscale(False, axis="x")
        axes.set_yticks([])
        axes.tick_params(axis="x", bottom=False, labelbottom=False)
        axes.spines[:].set_visible(False)
        self.used += height + GAP
        return axes

    def title(self, item: Aligned) -> None:
        """Write whose picture it is, and what the marks in the lanes mean."""
        placed = len({found.sentence for found in item.alignment.spans})
        given = placed + len({left.sentence for left in item.alignment.unmatched})
        length = f"{item.signal.duration:,.0f} s"
        facts = f"{item.part}  ·  {length}  ·  {placed} of {given} sentences placed"
        self.write(LEFT, 0.33, one_line(item.recording, 70), 15, INK, weight="bold")
        self.write(LEFT, 0.55, facts, 9, SOFT)
        key = "bar: placed, opacity = confidence"
        key += "   ·   line below: truth" if item.truth else ""
        self.write(WIDTH - RIGHT, 0.55, key, 9, SOFT, ha="right")

    def write(self, x: float, y: float, text: str, size: float, color: str, **style: Any) -> None:
        """Write at inches from the upper left."""
        place = (x / WIDTH, 1 - y / self.height)
        self.figure.text(*place, text, fontsize=size, color=color, parse_math=False, **style)


def _time(axes: Axes) -> None:
    axes.tick_params(axis="x", bottom=True, labelbottom=True, labelsize=8, colors=SOFT, length=3)
    axes.spines["bottom"].set(visible=True, color=SOFT, linewidth=0.6)
    axes.set_xlabel("time (s)", fontsize=8.5, color=SOFT)
