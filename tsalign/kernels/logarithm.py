"""Natural logarithms of many numbers at once, in vector registers."""

from __future__ import annotations

import numpy as np
from numba import njit

LOG_2 = 0.6931471805599453
HALF_ROOT = 0x3FE6A09E667F3BCD
"""The bits of the square root of 1/2: mantissas are taken between it and its double."""


@njit(cache=True, error_model="numpy", fastmath={"contract"})
def logarithms(x):
    """Replace numbers by their natural logarithms, to one or two units in the last place.

    With `x = 2^k m` and `s = (m - 1) / (m + 1)`, at most 0.172, `log m` is twice the inverse
    hyperbolic tangent of `s`, whose series ends here where its terms do not count any more. There
    is no branch and no call: that is what the compiler can do for eight numbers at a time.

    Parameters
    ----------
    x : (m,) float64
        Normal numbers above 0.
    """
    for i in range(len(x)):
        bits = np.float64(x[i]).view(np.int64)
        k = (bits - HALF_ROOT) >> 52
        m = np.int64(bits - (k << 52)).view(np.float64)
        s = (m - 1.0) / (m + 1.0)
        z = s * s
        series = z / 21 + 1 / 19
        series = series * z + 1 / 17
        series = series * z + 1 / 15
        series = series * z + 1 / 13
        series = series * z + 1 / 11
        series = series * z + 1 / 9
        series = series * z + 1 / 7
        series = series * z + 1 / 5
        series = series * z + 1 / 3
        x[i] = k * LOG_2 + (2.0 * s + 2.0 * s * (series * z))
