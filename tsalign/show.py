"""How segments look: as a table, as a picture, and in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

ROWS = 10
"""Segments that a notebook lists."""

COLOURS = ("#4c72b0", "#dd8452")
"""Of the segments in turn; they can be told apart without seeing colour."""


class Shown:
    """The table, the picture and the notebook view of what has bounds, rate, start and times."""

    def to_pandas(self: Any) -> pd.DataFrame:
        """Return one row a segment, as a pandas data frame.

        Returns
        -------
        DataFrame
            `start_s` and `end_s` in seconds, `start_sample` and `end_sample`; half-open.

        Examples
        --------
        >>> from tsalign.types import Segments
        >>> Segments(np.array([[0, 50]]), rate=50.0).to_pandas().to_dict("records")
        [{'start_s': 0.0, 'end_s': 1.0, 'start_sample': 0, 'end_sample': 50}]
        """
        import pandas as pd

        columns = {"start_s": self.times[:, 0], "end_s": self.times[:, 1]}
        samples = {"start_sample": self.bounds[:, 0], "end_sample": self.bounds[:, 1]}
        return pd.DataFrame(columns | samples)

    def plot(self: Any, signal: Any = None, ax: Axes | None = None) -> Axes:
        """Draw the segments as bands of two colours in turn, with the signal over them.

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
        for i, (start, end) in enumerate(self.times.tolist()):
            ax.axvspan(start, end, color=COLOURS[i % 2], alpha=0.25, linewidth=0)
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
        cells = [
            f"<tr><td>{a:g}</td><td>{b:g}</td><td>{b - a:g}</td></tr>" for a, b in times[:ROWS]
        ]
        more = f"<p>… and {len(times) - ROWS} more</p>" if len(times) > ROWS else ""
        head = "<tr><th>start (s)</th><th>end (s)</th><th>duration (s)</th></tr>"
        return f"<p>{total}</p>{_band(times)}<table>{head}{''.join(cells)}</table>{more}"


def _band(times: NDArray[np.float64]) -> str:
    """Return the segments as one SVG bar; at most 1000, so that the notebook stays small."""
    start, end = times[0, 0], times[:, 1].max()
    scale = 600 / max(end - start, 1e-300)
    bars = [
        f'<rect x="{(a - start) * scale:.2f}" width="{(b - a) * scale:.2f}" height="16"'
        f' fill="{COLOURS[i % 2]}"/>'
        for i, (a, b) in enumerate(times[:1000])
    ]
    return f'<svg width="600" height="16" role="img" aria-label="segments">{"".join(bars)}</svg>'
