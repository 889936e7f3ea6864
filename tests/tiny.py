"""Runs of pipelines/tiny.yaml for tests: in this process, or in one that a test may kill."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tsalign.run import main

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data" / "tiny"
NOTES, TRUTH = "notes.jsonl", "notes.truth.csv"
LESS = (
    "align.epochs=3",
    "export=[jsonl]",
    "evaluate=[span_iou, distractors]",
)


@dataclass(frozen=True)
class Ended:
    """What a run left behind."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def spans(self) -> bytes:
        return (self.folder / "spans.jsonl").read_bytes()

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.spans.splitlines()]

    @property
    def record(self) -> dict[str, Any]:
        return json.loads((self.folder / "run.json").read_text())

    @property
    def said(self) -> list[str]:
        """Lines for people on stderr: the events, which are JSON, left out."""
        return [line for line in self.err.splitlines() if not line.startswith("{")]


@dataclass(frozen=True)
class Tiny:
    """A run of the tiny pipeline that is not started yet.

    Parameters
    ----------
    runs : Path
        Where its run folder goes.
    cache : Path or None
        None keeps a cache of its own below `runs`.
    data : Path
        A folder as `data/tiny`.
    less : tuple of str
        What `--set` makes smaller.
    """

    runs: Path
    cache: Path | None = None
    data: Path = DATA
    less: tuple[str, ...] = LESS

    def arguments(self, *more: str) -> list[str]:
        sets = [
            f"data.recordings={self.data}/*.parquet",
            f"data.notes={self.data / NOTES}",
            f"data.truth=[{self.data}/*.spans.csv, {self.data / TRUTH}]",
            *self.less,
        ]
        given = [str(ROOT / "pipelines" / "tiny.yaml"), "--runs", str(self.runs)]
        given += ["--device", "cpu", *(part for s in sets for part in ("--set", s))]
        given += ["--cache", str(self.cache)] if self.cache else []
        return [*given, *more]

    def run(self, *more: str) -> Ended:
        """Run in this process."""
        out, err = io.StringIO(), io.StringIO()
        before = signal.getsignal(signal.SIGTERM)
        try:
            with redirect_stdout(out), redirect_stderr(err):
                code = main(self.arguments(*more))
        finally:
            signal.signal(signal.SIGTERM, before)
        return Ended(code, out.getvalue(), err.getvalue(), self.runs / "tiny")

    @contextmanager
    def started(self, *more: str) -> Iterator[subprocess.Popen[str]]:
        """Run in a process of its own, which does not outlive the block."""
        command = [sys.executable, "-m", "tsalign.run", *self.arguments(*more)]
        quiet: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, cwd=ROOT, env=os.environ, text=True, **quiet) as process:
            try:
                yield process
            finally:
                process.kill()

    def interrupted(self, slot: str, number: signal.Signals) -> Ended:
        """Start, send a signal as soon as something of a slot is computed, and wait."""
        log = self.runs / "tiny" / "events.jsonl"
        log.unlink(missing_ok=True)
        with self.started() as process:
            while not _computed(log, slot):
                assert process.poll() is None, process.communicate()
                time.sleep(0.02)
            process.send_signal(number)
            out, err = process.communicate(timeout=120)
        return Ended(process.returncode, out, err, self.runs / "tiny")

    def copied(self, folder: Path) -> Tiny:
        """Return the same run on a copy of the data that may be damaged."""
        return replace(self, data=Path(shutil.copytree(self.data, folder)))


def _computed(log: Path, slot: str) -> bool:
    lines = log.read_text().split("\n")[:-1] if log.exists() else []
    events = [json.loads(line) for line in lines]
    return any((e["slot"], e["status"]) == (slot, "computed") for e in events)
