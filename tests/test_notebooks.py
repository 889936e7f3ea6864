"""Every notebook runs from top to bottom, and shows what came out when it was last run."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

import matplotlib
import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
LARGEST = 350_000  # bytes, pictures and all


def cells(path: Path) -> list[dict[str, Any]]:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


@each
def test_a_notebook_runs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    matplotlib.use("Agg")
    names: dict[str, Any] = {"__name__": "__main__"}
    try:
        for i, cell in enumerate(cells(path)):
            tree = ast.parse("".join(cell["source"]))
            shown = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, f"{path.name}, code cell {i}", "exec"), names)
            if shown is not None:
                value = eval(compile(ast.Expression(shown.value), path.name, "eval"), names)
                assert as_shown(value)
    finally:
        sys.modules["matplotlib.pyplot"].close("all")


def as_shown(value: Any) -> str:
    """Return what a notebook would show."""
    told = value._repr_html_() if hasattr(value, "_repr_html_") else None  # figures have none
    return told or repr(value)


@each
def test_a_notebook_was_run_and_stays_small(path: Path) -> None:
    counts = [cell["execution_count"] for cell in cells(path)]
    assert counts == list(range(1, len(counts) + 1)), "run it from top to bottom, then save it"
    outputs = [output for cell in cells(path) for output in cell["outputs"]]
    assert outputs
    assert {output["output_type"] for output in outputs} <= {"execute_result", "display_data"}
    assert path.stat().st_size < LARGEST


def test_there_is_one() -> None:
    assert NOTEBOOKS
