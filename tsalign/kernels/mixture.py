"""The sum of several costs, each of its own part of the table."""

from __future__ import annotations

import numpy as np
from numba import njit

from tsalign.kernels.autoregression import prediction_error
from tsalign.kernels.masked_costs import least_squares_masked, normal_masked
from tsalign.kernels.median_cost import absolute_deviation
from tsalign.kernels.segment_costs import (
    least_squares,
    linear_trend,
    normal,
    normal_full,
    poisson,
)

KERNELS = (
    least_squares,
    normal,
    normal_full,
    poisson,
    linear_trend,
    absolute_deviation,
    prediction_error,
    least_squares_masked,
    normal_masked,
)
"""What may be summed, by its number: one compiled kernel serves all mixtures."""


@njit(cache=True, error_model="numpy")
def _one(number, table, constants, starts, stops, out):
    """Put what one of `KERNELS` says into `out`."""
    if number == 0:
        least_squares(table, constants, starts, stops, out)
    elif number == 1:
        normal(table, constants, starts, stops, out)
    elif number == 2:
        normal_full(table, constants, starts, stops, out)
    elif number == 3:
        poisson(table, constants, starts, stops, out)
    elif number == 4:
        linear_trend(table, constants, starts, stops, out)
    elif number == 5:
        absolute_deviation(table, constants, starts, stops, out)
    elif number == 6:
        prediction_error(table, constants, starts, stops, out)
    elif number == 7:
        least_squares_masked(table, constants, starts, stops, out)
    else:
        normal_masked(table, constants, starts, stops, out)


@njit(cache=True, error_model="numpy")
def mixture(table, constants, starts, stops, out):
    """Sum of costs.

    Parameters
    ----------
    table : (1, k) float64
        The tables of all parts, one after the other.
    constants : (k,) float64
        For each part its number in `KERNELS`, the rows and columns of its table, how many constants
        it has, and these.
    starts, stops : (m,) int64
        Bounds.
    out : (m,) float64
        Costs.
    """
    part, top, first = np.empty(len(out)), 0, 0
    out[:] = 0.0
    while first < len(constants):
        rows, columns = np.int64(constants[first + 1]), np.int64(constants[first + 2])
        end, last = top + rows * columns, first + 4 + np.int64(constants[first + 3])
        own = table[0, top:end].reshape((rows, columns))
        _one(constants[first], own, constants[first + 4 : last], starts, stops, part)
        for i in range(len(out)):
            out[i] += part[i]
        top, first = end, last
