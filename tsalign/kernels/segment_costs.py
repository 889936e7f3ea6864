"""What segments cost, many at a time: least squares, normal laws, Poisson, linear trend.

All kernels have one form, `kernel(table, constants, starts, stops, out)`: they put the cost of the
samples `starts[i]..stops[i] - 1` into `out[i]`, in any order of segments, `start < stop`. What
`table` and `constants` hold is the affair of each cost, and written in `tsalign.segment.costs`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tsalign.kernels.logarithm import logarithms


@njit(cache=True, error_model="numpy")
def difference(row, starts, stops, out):
    """Write what running sums add up to in each segment.

    Parameters
    ----------
    row : (n + 1,) float64
        Running sums.
    starts, stops : (m,) int64
        Bounds.
    out : (m,) float64
        Sums.
    """
    for i in range(len(starts)):
        out[i] = row[stops[i]] - row[starts[i]]


@njit(cache=True, error_model="numpy")
def least_squares(table, constants, starts, stops, out):
    """Squared distance to the mean.

    Parameters
    ----------
    table : (d + 1, n + 1) float64
        Running sums of the channels, then of the squares of all channels together.
    constants : (0,) float64
        Not used.
    starts, stops : (m,) int64
        Bounds.
    out : (m,) float64
        Costs.
    """
    d = len(table) - 1
    for i in range(len(starts)):
        s, t = starts[i], stops[i]
        square = 0.0
        for q in range(d):
            off = table[q, t] - table[q, s]
            square += off * off
        out[i] = max(0.0, table[d, t] - table[d, s] - square / (t - s))


@njit(cache=True, error_model="numpy")
def normal(table, constants, starts, stops, out):
    """Twice the negative log-likelihood of a normal law with its own mean and variance >= 1.

    With `v` the variance or 1, whichever is more, `L log v + S / v - L`, `S` the squared distance
    to the mean and `L` the length: the constant `L (1 + log 2 pi)` is left out. Channels of one
    weight share a logarithm, eight at most: a variance stays far below the eighth root of the
    largest number.

    Parameters
    ----------
    table : (2 d, n + 1) float64
        Running sums of the channels, scaled so that the floor of the variance is 1; then of their
        squares.
    constants : (d,) float64
        Weights.
    starts, stops : (m,) int64
        Bounds.
    out : (m,) float64
        Costs.
    """
    d, m = len(constants), len(starts)
    scratch = np.empty((5, m))  # one for all: most calls are about few segments
    inverse, sums, squares = scratch[0], scratch[1], scratch[2]
    product, rest = scratch[3], scratch[4]
    for i in range(m):
        inverse[i] = 1.0 / (stops[i] - starts[i])
        product[i], rest[i], out[i] = 1.0, 0.0, 0.0
    for q in range(d):
        for i in range(m):
            s, t = starts[i], stops[i]
            sums[i] = table[q, t] - table[q, s]
            squares[i] = table[d + q, t] - table[d + q, s]
        for i in range(m):
            variance = (squares[i] - sums[i] * sums[i] * inverse[i]) * inverse[i]
            product[i] *= max(variance, 1.0)
            rest[i] += min(max(variance, 0.0), 1.0) - 1.0
        if q == d - 1 or q % 8 == 7 or constants[q + 1] != constants[q]:
            logarithms(product)
            for i in range(m):
                out[i] += constants[q] * (product[i] + rest[i])
                product[i], rest[i] = 1.0, 0.0
    for i in range(m):
        out[i] /= inverse[i]


@njit(cache=True, error_model="numpy")
def normal_full(table, constants, starts, stops, out):
    """Length times the logarithm of the determinant of `S + 1`, `S` the covariance.

    The matrices of all segments are eliminated side by side.

    Parameters
    ----------
    table : (d (d + 3) / 2, n + 1) float64
        Running sums of the channels, scaled so that the floor of the variance is 1; then of the
        products of two channels, row by row of the upper triangle.
    constants : (2,) float64
        Number of channels `d`; weight.
    starts, stops : (m,) int64
        Bounds.
    out : (m,) float64
        Costs, at least 0.
    """
    d, m = np.int64(constants[0]), len(starts)
    rows = np.empty((len(table) + 2, m))
    inverse, product = rows[-2], rows[-1]
    for i in range(m):
        inverse[i] = 1.0 / (stops[i] - starts[i])
        product[i], out[i] = 1.0, 0.0
    _covariances(table, starts, stops, inverse, d, rows)
    pivot = d
    for p in range(d):
        _eliminate(rows, pivot, d - p)
        for i in range(m):
            product[i] *= max(1.0, rows[pivot, i])
        if p == d - 1 or p % 8 == 7:
            logarithms(product)
            for i in range(m):
                out[i] += product[i]
                product[i] = 1.0
        pivot += d - p
    for i in range(m):
        out[i] *= constants[1] / inverse[i]


@njit(cache=True, error_model="numpy")
def _covariances(table, starts, stops, inverse, d, rows):
    """Write to `rows` the means, then the upper triangles of covariances plus 1."""
    for p in range(len(table)):
        for i in range(len(starts)):
            rows[p, i] = (table[p, stops[i]] - table[p, starts[i]]) * inverse[i]
    entry = d
    for p in range(d):
        for q in range(p, d):
            for i in range(len(starts)):
                rows[entry, i] += (p == q) - rows[p, i] * rows[q, i]
            entry += 1


@njit(cache=True, error_model="numpy")
def _eliminate(rows, pivot, size):
    """Take the first of `size` variables out of triangles that begin at row `pivot`."""
    entry = pivot + size
    for q in range(1, size):
        for r in range(q, size):
            for i in range(rows.shape[1]):
                share = rows[pivot + q, i] / rows[pivot, i]
                rows[entry, i] -= share * rows[pivot + r, i]
            entry += 1


@njit(cache=True, error_model="numpy")
def poisson(table, constants, starts, stops, out):
    """Twice the negative log-likelihood of Poisson counts, less that under the overall rate.

    Parameters
    ----------
    table : (d, n + 1) float64
        Running sums of the weighted counts.
    constants : (d,) float64
        Weighted overall rates.
    starts, stops : (m,) int64
        Bounds.
    out : (m,) float64
        Costs, at most 0.
    """
    m = len(starts)
    totals, ratio = np.empty(m), np.empty(m)
    out[:m] = 0.0
    for q in range(len(constants)):
        difference(table[q], starts, stops, totals)
        for i in range(m):
            expected = constants[q] * (stops[i] - starts[i])
            out[i] += totals[i] - expected
            ratio[i] = totals[i] / expected if totals[i] > 0.0 else 1.0
        logarithms(ratio)
        for i in range(m):
            out[i] -= totals[i] * ratio[i]
    for i in range(m):
        out[i] *= 2.0


@njit(cache=True, error_model="numpy")
def linear_trend(table, constants, starts, stops, out):
    """Squared distance to the least-squares line over time.

    Parameters
    ----------
    table : (2 d + 1, n + 1) float64
        Running sums of the channels, of the channels times `index - constants[0]`, and of the
        squares of all channels together.
    constants : (1,) float64
        The index that counts as time 0.
    starts, stops : (m,) int64
        Bounds.
    out : (m,) float64
        Costs.
    """
    d = len(table) // 2
    for i in range(len(starts)):
        s, t = starts[i], stops[i]
        length = np.float64(t - s)
        middle = 0.5 * (s + t - 1) - constants[0]
        spread = length * (length * length - 1.0) / 12.0
        saved = 0.0
        for q in range(d):
            total = table[q, t] - table[q, s]
            saved += total * total / length
            if spread > 0.0:
                moment = table[d + q, t] - table[d + q, s] - middle * total
                saved += moment * moment / spread
        out[i] = max(0.0, table[2 * d, t] - table[2 * d, s] - saved)
