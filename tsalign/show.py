"""How segments look: as a table, as a picture, and in a notebook."""

from __future__ import annotations

from colorsys import hls_to_rgb
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tsalign.errors import TsalignError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

ROWS = 10
"""Segments that a notebook lists."""

COLOURS = ("#4c72b0", "#dd8452", "#55a868", "#c44e52", "#8172b3", "#937860", "#da8bc3", "#8c8c8c")
"""Of up to eight states; of the segments in turn only the first two, which can be told apart
without seeing colour."""


class Shown:
    """The table, the picture and the notebook view of what has bounds, rate, start and times."""

    def to_pandas(self: Any) -> pd.DataFrame:
        """Return one row a segment, as a pandas data frame.

        Returns
        -------
        DataFrame
            `start_s` and `end_s` in seconds, `start_sample` and `end_sample`; half-open. Where they
            are known, `state`, and `confidence` of the change at the start (the first has none).

        Raises
        ------
        TsalignError
            Without pandas.

        Examples
        --------
        >>> from tsalign.types import Segments
        >>> Segments(np.array([[0, 50]]), rate=50.0).to_pandas().to_dict("records")
        [{'start_s': 0.0, 'end_s': 1.0, 'start_sample': 0, 'end_sample': 50}]
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise TsalignError("to_pandas needs pandas: pip install pandas") from error

        columns = {"start_s": self.times[:, 0], "end_s": self.times[:, 1]}
        columns |= {"start_sample": self.bounds[:, 0], "end_sample": self.bounds[:, 1]}
        if self.states is not None:
            columns["state"] = self.states
        if self.confidence is not None:
            columns["confidence"] = np.append(np.nan, self.confidence)[: len(self)]
        return pd.DataFrame(columns)

    def plot(self: Any, signal: Any = None, ax: Axes | None = None) -> Axes:
        """Draw the segments as bands, coloured by state or in turn, with the signal over them.

        Parameters
        ----------
        signal : Signal, (n, channels) or (n,) array-like, or None
            What was cut. An array begins with sample 0 and has the rate of the segments.
        ax : matplotlib Axes or None
            Where to draw; None makes a new figure.

        Returns
        -------
        matplotlib Axes
            With seconds along it.
        """
        if ax is None:
            import matplotlib.pyplot as plt

            ax = plt.subplots(figsize=(10, 2.5), layout="constrained")[1]
        for colour, (start, end) in zip(_colours(self), self.times.tolist(), strict=True):
            ax.axvspan(start, end, color=colour, alpha=0.25, linewidth=0)
        if signal is not None:
            values = np.asarray(getattr(signal, "values", signal))
            rate = getattr(signal, "rate", self.rate)
            zero = getattr(signal, "start", self.start)
            lines = ax.plot(zero + np.arange(len(values)) / rate, values, linewidth=0.8)
            if hasattr(signal, "channels"):
                ax.legend(lines, signal.channels, loc="upper right", fontsize="small")
        ax.set_xlabel("time (s)")
        ax.margins(x=0)
        return ax

    def _repr_html_(self: Any) -> str:
        """Return a band of the segments and the first rows as a table, for notebooks."""
        times = self.times
        if not len(times):
            return "<p>no segments</p>"
        total = f"{len(times)} segments, {times[0, 0]:g} to {times[:, 1].max():g} s"
        names, columns = ["start (s)", "end (s)", "duration (s)"], [*times[:ROWS].T]
        columns.append(columns[1] - columns[0])
        if self.states is not None:
            names.append("state")
            columns.append(self.states[:ROWS])
        if self.confidence is not None:
            names.append("confidence")
            columns.append(np.append(np.nan, self.confidence)[:ROWS].round(2))
        head = "".join(f"<th>{name}</th>" for name in names)
        rows = "".join(f"<tr>{_cells(row)}</tr>" for row in zip(*columns, strict=True))
        more = f"<p>… and {len(times) - ROWS} more</p>" if len(times) > ROWS else ""
        band = _band(times, _colours(self))
        return f"<p>{total}</p>{band}<table><tr>{head}</tr>{rows}</table>{more}"


def _cells(row: tuple[float, ...]) -> str:
    return "".join("<td></td>" if np.isnan(v) else f"<td>{v:g}</td>" for v in row)


def _colours(segments: Any) -> list[str]:
    """Return one colour a segment."""
    if segments.states is None:
        return [COLOURS[i % 2] for i in range(len(segments))]
    names, which = np.unique(segments.states, return_inverse=True)
    if len(names) <= len(COLOURS):
        return [COLOURS[i] for i in which.tolist()]
    hues = [hls_to_rgb(i / len(names), 0.55, 0.5) for i in range(len(names))]
    wheel = ["#" + "".join(f"{round(255 * part):02x}" for part in hue) for hue in hues]
    return [wheel[i] for i in which.tolist()]


def _band(times: NDArray[np.float64], colours: list[str]) -> str:
    """Return the segments as one SVG bar; at most 1000, so that the notebook stays small."""
    start, end = times[0, 0], times[:, 1].max()
    scale = 600 / max(end - start, 1e-300)
    bars = [
        f'<rect x="{(a - start) * scale:.2f}" width="{(b - a) * scale:.2f}" height="16"'
        f' fill="{colour}"/>'
        for (a, b), colour in zip(times[:1000], colours, strict=False)
    ]
    return f'<svg width="600" height="16" role="img" aria-label="segments">{"".join(bars)}</svg>'
