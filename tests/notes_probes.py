"""Probes of note reading: phrases with what they mean, and how to ask the rules about them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from tsalign.notes import Times, assess

HERE = Path(__file__).parent


def load(path: str) -> list[Any]:
    """Return the probes of a file beside this one."""
    return [json.loads(line) for line in (HERE / path).read_text(encoding="utf-8").splitlines()]


def time_is_right(probe: Mapping[str, Any]) -> bool:
    """Whether window, duration and count of a phrase are exactly those wanted."""
    zone = ZoneInfo(probe["zone"]) if "zone" in probe else None

    def moment(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=zone)

    start, end = probe.get("recorded", (None, None))
    recorded = (moment(start), moment(end)) if start else None
    written = moment(probe["written"]) if "written" in probe else None
    times = Times(written=written, recorded=recorded)
    times.read(probe.get("before", ""))
    when, duration, count = times.read(probe["text"])
    wanted = probe["when"]
    if wanted and isinstance(wanted[0], str):
        wanted = [moment(t).timestamp() - moment(start).timestamp() for t in wanted]
    if (when is None) != (wanted is None) or (duration, count) != (
        probe["duration"],
        probe["count"],
    ):
        return False
    return when is None or bool(np.allclose([when.start, when.end], wanted, rtol=0, atol=1e-6))


def assertion_is_right(probe: Mapping[str, Any]) -> bool:
    """Whether a sentence asserts what is wanted."""
    return assess(probe["text"]) == probe["kind"]
