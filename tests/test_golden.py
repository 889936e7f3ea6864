"""The tiny pipeline gives the spans that it gave before.

The golden file is renewed, where a change is meant, by

    python tests/test_golden.py

and the difference is read before it is committed.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from tiny import Ended, Tiny

GOLDEN = Path(__file__).parent / "golden" / "tiny.spans.jsonl"
CLOSE = 0.01  # another processor rounds differently, and learning carries that on
NUMBERS = ("score", "confidence")
# Compiling numba's kernels for the first time counts, waiting for a busy machine does not.
MOST_CPU_SECONDS = 120


def rounded(ended: Ended) -> list[dict[str, Any]]:
    """Return the spans with scores of four digits; tokens are tested by themselves."""
    rows = []
    for row in ended.rows:
        del row["tokens"]
        rows.append(row | {name: row[name] and round(row[name], 4) for name in NUMBERS})
    return rows


def without(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in NUMBERS}


def test_the_tiny_pipeline_gives_the_golden_spans(tmp_path: Path) -> None:
    begun = time.process_time()
    ended = Tiny(tmp_path, less=()).run()
    assert ended.code == 0
    assert time.process_time() - begun < MOST_CPU_SECONDS
    found = rounded(ended)
    golden = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
    assert [without(row) for row in found] == [without(row) for row in golden]
    for name in NUMBERS:
        wanted = [pytest.approx(row[name], abs=CLOSE) for row in golden]
        assert [row[name] for row in found] == wanted


def renew() -> None:
    """Write the golden file from a fresh run."""
    with tempfile.TemporaryDirectory() as folder:
        rows = rounded(Tiny(Path(folder), less=()).run())
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text("".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    renew()
