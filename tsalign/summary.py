"""The short table that ends a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

Figures = Mapping[str, Any]


def summary(
    name: str,
    folder: Path,
    counts: Mapping[str, int],
    stages: Mapping[str, Mapping[str, float]],
    reused: Mapping[str, int],
    seconds: float,
    figures: Figures | None,
) -> str:
    """Return the table as text for a terminal.

    Parameters
    ----------
    name : str
        Of the pipeline.
    folder : Path
        The run folder.
    counts : mapping
        Recordings, segments, tokens and the like.
    stages : mapping
        Seconds and peak memory of what was computed.
    reused : mapping
        How many values of each slot came from the cache.
    seconds : float
        Wall time of the run.
    figures : mapping or None
        `metrics.json`.

    Returns
    -------
    str
        Lines.
    """
    what = ", ".join(f"{number:,} {thing}" for thing, number in counts.items())
    lines = [f"{name}: {what}", ""]
    lines += _figures(figures) if figures else []
    lines += [f"{'stage':<10}{'computed':>9}{'reused':>8}{'seconds':>9}{'peak MiB':>10}"]
    for slot in sorted({*stages, *reused}, key=list(_ORDER).index):
        stage = stages.get(slot, {})
        lines.append(
            f"{slot:<10}{stage.get('computed', 0):>9.0f}{reused.get(slot, 0):>8}"
            f"{stage.get('seconds', 0):>9.1f}{stage.get('peak_mib', 0):>10.0f}"
        )
    lines += ["", f"{seconds:.1f} s in all; everything is in {folder}/"]
    return "\n".join(lines) + "\n"


_ORDER = ("prepare", "segment", "describe", "tokens", "predict")
_ORDER += ("align", "match", "evaluate", "export")


def _figures(figures: Figures) -> list[str]:
    idle, even = figures["baselines"]["nothing"], figures["baselines"]["uniform"]
    width = max(map(len, ("figure", *figures["metrics"])))
    rows = [f"{'figure':<{width}}{'value':>8}  {'95 % interval':<16}{'nothing':>9}{'uniform':>9}"]
    for name, figure in figures["metrics"].items():
        low, high = _number(figure["low"]), _number(figure["high"])
        rows.append(
            f"{name:<{width}}{_number(figure['value']):>8}  {f'{low} to {high}':<16}"
            f"{_number(idle.get(name)):>9}{_number(even.get(name)):>9}"
        )
    told = figures["counts"]
    rows.append(
        f"over {told['recordings']} recordings, {told['events']} events and"
        f" {told['distractors']} sentences that match nothing"
    )
    return [*rows, ""]


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.0f}"
