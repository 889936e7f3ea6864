"""From Arrow columns and metadata to arrays, seconds and units."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsalign.errors import TsalignError

PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


def is_number(kind: Any) -> bool:
    """Whether an Arrow type holds numbers (or truth values)."""
    from pyarrow import types

    tests = (types.is_floating, types.is_integer, types.is_boolean, types.is_decimal)
    return any(test(kind) for test in tests)


def as_float(column: Any, kind: str) -> NDArray[Any]:
    """Return an Arrow column of numbers as an array, NaN where a value is missing.

    Parameters
    ----------
    column : pyarrow.Array
        Numbers.
    kind : str
        `float32` or `float64`.

    Returns
    -------
    (n,) float32 or float64
        The values.
    """
    return column.cast(kind, safe=False).to_numpy(zero_copy_only=False).astype(kind, copy=False)


def seconds(
    stamps: Sequence[Any], unit: str, name: str
) -> tuple[NDArray[np.float64], dict[str, str]]:
    """Return stamps in seconds, and what is known of the first one.

    Parameters
    ----------
    stamps : sequence of pyarrow.Array
        Consecutive pieces of the time column.
    unit : str
        Unit of stamps that are numbers: `s`, `ms`, `us` or `ns`.
    name : str
        The column, for the message.

    Returns
    -------
    times : (n,) float64
        Seconds; from the first stamp where the column holds timestamps; NaN where one is missing.
    meta : dict
        `started`, the first timestamp in ISO 8601, where the column holds timestamps.

    Raises
    ------
    TsalignError
        When the column holds neither numbers nor timestamps.
    """
    from pyarrow import types

    kind = stamps[0].type
    if types.is_timestamp(kind):
        return _since_first(np.concatenate([_nanoseconds(s) for s in stamps]), kind.tz)
    if not is_number(kind):
        raise TsalignError(f"time column {name!r} holds {kind}, neither numbers nor timestamps")
    return np.concatenate([as_float(s, "float64") for s in stamps]) / PER_SECOND[unit], {}


def _nanoseconds(stamps: Any) -> NDArray[np.datetime64]:
    import pyarrow as pa

    return stamps.cast(pa.timestamp("ns")).to_numpy(zero_copy_only=False)


def _since_first(
    stamps: NDArray[np.datetime64], zone: str | None
) -> tuple[NDArray[np.float64], dict[str, str]]:
    if not len(stamps):
        return np.empty(0), {}
    times = (stamps - stamps[0]) / np.timedelta64(1, "s")  # NaT becomes NaN
    return times, {"started": f"{stamps[0]}{'Z' if zone else ''}"}


def metadata(schema: Any) -> dict[str, str]:
    """Return the key-value metadata of an Arrow schema as text."""
    pairs = (schema.metadata or {}).items()
    return {k.decode("utf-8", "replace"): v.decode("utf-8", "replace") for k, v in pairs}


def stated_number(said: Mapping[str, str], key: str) -> float | None:
    """Return a number that metadata state, None where they say nothing.

    Examples
    --------
    >>> stated_number({"rate_hz": "50"}, "rate_hz")
    50.0
    """
    if key not in said:
        return None
    try:
        return float(said[key])
    except ValueError:
        raise TsalignError(f"metadata {key!r} is not a number: {said[key]!r}") from None


def units_of(stated: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return one unit a channel from what metadata say.

    Parameters
    ----------
    stated : str
        A JSON object of channel to unit, `"acc: g, gyro: rad/s"` for all channels whose name
        begins so, or one unit for all.
    names : sequence of str
        The channels.

    Returns
    -------
    tuple of str
        Empty strings where nothing is stated.

    Examples
    --------
    >>> units_of("acc: g, gyro: rad/s", ["acc_x", "gyro_x", "hr"])
    ('g', 'rad/s', '')
    """
    if stated.startswith("{"):
        try:
            table = {str(k): str(v) for k, v in json.loads(stated).items()}
        except ValueError:
            raise TsalignError(f"metadata 'units' is not a JSON object: {stated!r}") from None
        return tuple(table.get(name, "") for name in names)
    if ":" not in stated:
        return (stated,) * len(names)
    pairs = [piece.partition(":")[::2] for piece in stated.split(",")]
    table = {prefix.strip(): unit.strip() for prefix, unit in pairs}
    begins = [max((p for p in table if name.startswith(p)), key=len, default="") for name in names]
    return tuple(table.get(prefix, "") for prefix in begins)
