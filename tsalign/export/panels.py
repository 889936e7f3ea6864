"""The upper half of the picture: channels, tokens and true labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import hsv_to_rgb
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from tsalign.export.rows import token_times
from tsalign.types import Aligned, Label, Signal, Span

INK, SOFT, FAINT = "#22262b", "#6d7681", "#d3d8de"
CHANNELS = ("#2f6690", "#d1603d", "#4f8f63")
COLUMNS = 1200  # of envelope and ribbon: about as many as there are pixels
MOST_BOUNDS = 160
_LETTER = 0.064  # inches of a capital at the size of the labels


def sensor_groups(channels: Sequence[str]) -> list[list[int]]:
    """Return channels that belong together: equal names but for an axis letter at the end.

    Parameters
    ----------
    channels : sequence of str
        Names in the order of the columns.

    Returns
    -------
    list of list of int
        Columns of each panel, at most three.

    Examples
    --------
    >>> sensor_groups(["acc_x", "acc_y", "acc_z", "hr"])
    [[0, 1, 2], [3]]
    """
    groups: dict[str, list[int]] = {}
    for column, name in enumerate(channels):
        key = name[:-1] if name[-1:].lower() in ("x", "y", "z") else f"{name}\0{column}"
        groups.setdefault(key, []).append(column)
    return [g[i : i + 3] for g in groups.values() for i in range(0, len(g), 3)]


def envelope(signal: Signal, column: int) -> tuple[NDArray, NDArray, NDArray]:
    """Return times, minima and maxima of a channel, at most as many as there are pixels.

    Parameters
    ----------
    signal : Signal
        Not empty.
    column : int
        Which channel.

    Returns
    -------
    (times, low, high)
        Three arrays of equal length; NaN where a whole column of pixels is missing.

    Examples
    --------
    >>> times, low, high = envelope(Signal(np.arange(4, dtype=np.float32)[:, None], 2.0), 0)
    >>> times.tolist(), high.tolist()
    ([0.0, 0.5, 1.0, 1.5], [0.0, 1.0, 2.0, 3.0])
    """
    values = signal.values[:, column]
    starts = np.unique(np.linspace(0, len(values), COLUMNS, endpoint=False).astype(np.int64))
    middle = (starts + np.append(starts[1:], len(values)) - 1) / 2
    low, high = np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)
    return signal.start + middle / signal.rate, low, high


def one_line(text: str, most: int) -> str:
    r"""Return a text without line breaks, shortened at a word.

    Parameters
    ----------
    text : str
        Anything.
    most : int
        Letters that have room.

    Returns
    -------
    str

    Examples
    --------
    >>> one_line("The patient stands up\n from lying.", 24)
    'The patient stands up…'
    """
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(flat) <= most:
        return flat
    cut = flat[:most]
    word = cut.rfind(" ")
    return (cut[:word] if word > most // 2 else cut[:-1]).rstrip(" ,;:.") + "…"


def beside(axes: Axes, y: float, text: str, color: str = INK, size: float = 8.0) -> None:
    """Write to the left of a panel.

    Parameters
    ----------
    axes : Axes
        The panel.
    y : float
        Height from 0 to 1.
    text, color : str
        What, and in which colour.
    size : float
        Points.
    """
    axes.text(
        -0.01,
        y,
        text,
        transform=axes.transAxes,
        fontsize=size,
        color=color,
        ha="right",
        va="center",
        parse_math=False,
    )


def channels(axes: Axes, item: Aligned, group: Sequence[int]) -> None:
    """Draw the channels of one sensor, with segment bounds where they are not too many.

    Parameters
    ----------
    axes : Axes
        The panel.
    item : Aligned
        One recording.
    group : sequence of int
        Columns of its signal, at most three.
    """
    signal = item.signal
    drawn = [envelope(signal, column) for column in group] if len(signal) else []
    for color, (times, low, high) in zip(CHANNELS, drawn, strict=False):
        axes.fill_between(times, low, high, color=color, linewidth=0.7, alpha=0.8)
    _fit(axes, [values for _, low, high in drawn for values in (low, high)])
    bounds = np.unique(item.segments.edges())
    if 0 < len(bounds) <= MOST_BOUNDS:
        axes.vlines(
            bounds, 0, 1, transform=axes.get_xaxis_transform(), color=FAINT, lw=0.6, zorder=0
        )
    _name(axes, signal, group)


def _fit(axes: Axes, values: list[NDArray]) -> None:
    """Show nearly all of the signal: one spike must not flatten the rest."""
    seen = np.concatenate([*values, np.empty(0)])
    seen = seen[np.isfinite(seen)]
    if len(seen):
        low, high = np.quantile(seen, [0.002, 0.998]).tolist()
        room = 0.06 * (high - low) or 1.0
        axes.set_ylim(low - room, high + room)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3))
    axes.yaxis.tick_right()
    axes.tick_params(axis="y", labelsize=7, colors=SOFT, length=2)


def _name(axes: Axes, signal: Signal, group: Sequence[int]) -> None:
    names = [signal.channels[column] for column in group]
    stem = names[0][:-1].rstrip("_- .") if len(names) > 1 else names[0]
    unit = ", ".join(
        dict.fromkeys(signal.units[column] for column in group if signal.units[column])
    )
    title = f"{one_line(stem, 30)} ({one_line(unit, 14)})" if unit else one_line(stem, 46)
    beside(axes, 0.62 if len(names) > 1 else 0.5, title.strip(), size=9)
    for place, (name, color) in enumerate(
        zip(names[::-1], CHANNELS[len(names) - 1 :: -1], strict=True)
    ):
        if len(names) > 1:
            axes.annotate(
                name[-1],
                (-0.01, 0.34),
                (-13 * place, 0),
                xycoords="axes fraction",
                textcoords="offset points",
                color=color,
                fontsize=9,
                weight="bold",
                ha="right",
                va="center",
                parse_math=False,
            )


def tokens(axes: Axes, item: Aligned, span: Span) -> None:
    """Paint the token at each pixel: cheap for any number of segments.

    Parameters
    ----------
    axes : Axes
        The panel.
    item : Aligned
        A recording with tokens.
    span : Span
        What the width stands for.
    """
    times = token_times(item)
    x = span.start + (np.arange(COLUMNS) + 0.5) / COLUMNS * span.duration
    here = np.clip(np.searchsorted(times[:, 0], x, side="right") - 1, 0, None)
    ids = item.tokens.ids[here]
    colors = _tints(ids, 0.42, 0.85)
    colors *= 1 - 0.12 * (ids % 3)[:, None]
    colors[(x < times[here, 0]) | (x >= times[here, 1])] = 1.0
    box = (span.start, span.end, 0.0, 1.0)
    axes.imshow(colors[None], aspect="auto", extent=box, interpolation="nearest")
    axes.set_yticks([])
    beside(axes, 0.5, f"tokens ({len(np.unique(item.tokens.ids))} of {item.tokens.size} seen)")


def labels(axes: Axes, truth: Sequence[Label], inches: float, span: Span) -> None:
    """Draw true labelled stretches, one colour a label, named where the name has room.

    Parameters
    ----------
    axes : Axes
        The panel.
    truth : sequence of Label
        May overlap; those without a name are left out.
    inches : float
        Width of the panel.
    span : Span
        What the width stands for.
    """
    axes.set_ylim(0, 1)
    kinds = {name: i for i, name in enumerate(sorted({x.label for x in truth if x.label}))}
    tints = _tints(np.arange(len(kinds)), 0.18, 0.95)
    for label in (x for x in truth if x.label):
        start, length = label.span.start, label.span.duration
        tint = tints[kinds[label.label]]
        axes.broken_barh([(start, length)], (0, 1), facecolor=tint, edgecolor="white", lw=1.0)
        room = int(inches * length / span.duration / _LETTER)
        name = one_line(label.label.replace("_", " "), room)
        if len(name) >= 6 or name == label.label:
            axes.text(
                start + length / 2,
                0.46,
                name,
                fontsize=6,
                color=INK,
                ha="center",
                va="center",
                parse_math=False,
                clip_on=True,
            )
    beside(axes, 0.5, "true labels")


def _tints(ids: NDArray, saturation: float, value: float) -> NDArray:
    """Return a colour a number; golden-ratio steps keep the hues of neighbours far apart."""
    hue = (ids * 0.6180339887 + 0.55) % 1
    return hsv_to_rgb(np.stack([hue, np.full(len(ids), saturation), np.full(len(ids), value)], 1))
