"""Compiled costs as values: handed to compiled searches, and asked for many segments at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

CostKernel = Callable[..., None]
"""A function like those in `tsalign.kernels.segment_costs`: see `tsalign.segment.costs`."""

COST = types.void(
    types.float64[:, ::1],
    types.float64[::1],
    types.int64[::1],
    types.int64[::1],
    types.float64[::1],
)
"""The signature of a cost."""


def ready(kernel: Any, signature: Any = COST) -> Any:
    """Return a compiled function as a value that other compiled functions can be handed.

    One signature, compiled or read from the cache now: then the search is compiled once for all
    costs, those of third parties included, and not again for each.

    Parameters
    ----------
    kernel : function
        Decorated with `numba.njit`.
    signature : numba signature
        What it takes and returns; by default that of a cost.

    Returns
    -------
    function
        Itself.
    """
    if signature.args not in getattr(kernel, "signatures", [signature.args]):
        kernel.compile(signature)
        kernel.disable_compile()
    return kernel


def segment_costs(
    kernel: CostKernel,
    table: NDArray[np.float64],
    constants: NDArray[np.float64],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the costs of segments.

    Parameters
    ----------
    kernel : function
        The compiled cost.
    table : (rows, columns) float64
        Its table.
    constants : (k,) float64
        Its constants.
    starts, stops : (m,) int64
        Half-open bounds, `start < stop`.

    Returns
    -------
    (m,) float64
        One a segment.
    """
    out = np.empty(len(starts))
    ready(kernel)(table, constants, np.ascontiguousarray(starts), np.ascontiguousarray(stops), out)
    return out
