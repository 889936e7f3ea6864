"""What stages report while they work, and who listens: a terminal or a file of JSON lines."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO


@dataclass(frozen=True)
class Event:
    """One piece of news.

    Parameters
    ----------
    slot : str
        The stage.
    name : str
        The recording, or `fit`.
    status : str
        `computed`, `reused`, `failed` or `warning`; `learning` after each round of a fit.
    seconds : float
        Wall time; 0 for what was reused.
    done, total : int
        How far the stage is.
    message : str
        For failures and warnings.
    figures : mapping of str to float
        Losses and the like of a round.
    """

    slot: str
    name: str
    status: str
    seconds: float = 0.0
    done: int = 0
    total: int = 0
    message: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)


Listener = Callable[[Event], None]


class JsonLines:
    """Write every event as one line of JSON.

    Parameters
    ----------
    *streams : text streams
        Each is flushed after every line.
    """

    def __init__(self, *streams: TextIO) -> None:
        self.streams = streams

    def __call__(self, event: Event) -> None:
        """Write one event."""
        line: dict[str, Any] = {"time": round(time.time(), 3), **dataclasses.asdict(event)}
        for stream in self.streams:
            stream.write(json.dumps({k: v for k, v in line.items() if v not in ("", {})}) + "\n")
            stream.flush()


class Bars:
    """Show one progress bar a stage on a terminal.

    Parameters
    ----------
    stream : text stream
        The terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeElapsedColumn as Elapsed

        columns = (
            TextColumn("{task.description:<9}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            Elapsed(),
            TextColumn("{task.fields[note]}"),
        )
        self.progress = Progress(*columns, console=Console(file=stream))
        self.tasks: dict[str, Any] = {}
        self.progress.start()

    def __call__(self, event: Event) -> None:
        """Move the bar of the event's stage."""
        if event.status in ("failed", "warning"):
            self.progress.console.print(f"{event.slot} {event.name}: {event.message}")
        if event.slot not in self.tasks:
            self.tasks[event.slot] = self.progress.add_task(event.slot, total=event.total, note="")
        self.progress.update(
            self.tasks[event.slot],
            completed=event.done,
            total=event.total,
            note=_note(event),
        )

    def close(self) -> None:
        """Leave the terminal as it was."""
        self.progress.stop()


class TensorBoard:
    """Write the figures of learning for TensorBoard, which has to be installed.

    Parameters
    ----------
    folder : path
        Made with the first figure.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder, self.writer = folder, None

    def __call__(self, event: Event) -> None:
        """Write the figures of one round, if it has any."""
        if not event.figures:
            return
        if self.writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self.writer = SummaryWriter(str(self.folder))
        for name, value in event.figures.items():
            self.writer.add_scalar(f"{event.slot}/{name}", value, event.done)

    def close(self) -> None:
        """Write what is not written yet."""
        if self.writer is not None:
            self.writer.close()


def _note(event: Event) -> str:
    if event.status == "learning":
        return ", ".join(f"{name} {value:.3f}" for name, value in event.figures.items())
    return "reused" if event.status == "reused" else event.name
