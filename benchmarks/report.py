"""What all benchmarks share: versions, a table for the terminal, a result file."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def versions(*packages: str) -> dict[str, str]:
    """Return versions of Python, the machine and the packages."""
    found = {"python": platform.python_version(), "cpus": str(os.cpu_count())}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows with the same keys as an aligned table."""
    cells = [[*rows[0]], *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    pairs = ([c.ljust(w) for c, w in zip(row, widths, strict=True)] for row in cells)
    return "".join("  ".join(row).rstrip() + "\n" for row in pairs)


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def write_result(name: str, result: Mapping[str, Any], *packages: str) -> Path:
    """Write `results/<name>.json` with the versions it was measured with."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    told = {"versions": versions("numpy", "numba", "torch", "scikit-learn", *packages)}
    path.write_text(json.dumps(_valid(told | dict(result)), indent=1, allow_nan=False) + "\n")
    return path


def _valid(value: Any) -> Any:
    """Return a value with null for what was not measured: JSON has no NaN."""
    if isinstance(value, Mapping):
        return {key: _valid(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_valid(inner) for inner in value]
    return None if isinstance(value, float) and math.isnan(value) else value
