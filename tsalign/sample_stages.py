"""What lies between the stages where alignment learns from samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn.base import clone

from tsalign.progress import Listener
from tsalign.stages import Load, Told, fit_pairs


def fit_align_samples(
    folder: Path,
    listener: Listener,
    block: Any,
    train: Sequence[Told],
    valid: Sequence[Told],
    scale: Load,
    rows: list[Load],
    segments: list[Load],
    valid_rows: list[Load],
    valid_segments: list[Load],
    describers: Load,
) -> Any:
    """Learn the shared space from samples as the one describer, `Raw`, cuts them out."""
    (raw,) = describers()
    fresh = clone(block)
    fresh.signal = fresh.signal.reading(raw.samples, raw.groups_)
    given = (scale, rows, segments, valid_rows, valid_segments)
    return fit_pairs(folder, listener, fresh, train, valid, *given)
