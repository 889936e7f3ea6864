"""Small stages for the tests of the engine, in a module that a worker imports fast."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tsalign.errors import TsalignError


@dataclass(frozen=True)
class Add:
    """A setting with a version."""

    amount: int
    version: ClassVar[int] = 1


def counted(folder: Path, name: str) -> None:
    """Leave a mark, so that a test can count the calls, also those of other processes."""
    (folder / f"{name}-{time.time_ns()}-{os.getpid()}").touch()


def calls(folder: Path, name: str = "*") -> int:
    return len(list(folder.glob(f"{name}-*")))


def base(marks: Path, number: float) -> Any:
    counted(Path(marks), "base")
    if number < 0:
        raise TsalignError("a negative number")
    return np.full(5, number, float)


def added(marks: Path, block: Add, load: Any) -> Any:
    counted(Path(marks), "added")
    return load() + block.amount


def fitted(marks: Path, loads: list[Any]) -> Any:
    counted(Path(marks), "fit")
    return sum(load() for load in loads)


def shifted(marks: Path, model: Any, load: Any) -> Any:
    counted(Path(marks), "shifted")
    return load() - model()


def files(folder: Path, loads: list[Any]) -> None:
    (folder / "out.txt").write_text(str([load().tolist() for load in loads]))


def pair(one: Any, two: Any) -> Any:
    return one(), two()


def deadly(number: int) -> int:
    time.sleep(0.3)  # long enough that others lie on the same worker
    if number == 2:
        os._exit(1)
    return number


def buggy(number: int) -> int:
    return 1 // number


@dataclass(frozen=True)
class Slow:
    """A preparation of somebody else's that takes its time."""

    seconds: float
    version: ClassVar[int] = 1

    def __call__(self, recording: Any) -> Any:
        time.sleep(self.seconds)
        return recording


class Jumps:
    """A detector as other libraries have them: no base class, change points as an answer."""

    def __init__(self, least: float = 3.0) -> None:
        self.least = least

    def fit(self, X: Any) -> None:
        self.channels = X.shape[1]

    def predict(self, X: Any, scale: float = 1.0) -> Any:
        return 1 + np.flatnonzero(np.abs(np.diff(X, axis=0)).max(axis=1) > self.least * scale)
