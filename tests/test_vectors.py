from __future__ import annotations

import numpy as np
import pytest
from numba import config, njit
from numba.core.errors import TypingError

from tsalign.kernels import vectors
from tsalign.kernels.vectors import WIDTH, bits, choose, highest, item, larger, load, lowest, ramp
from tsalign.kernels.vectors import store as put

COMPARISONS = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
rng = np.random.default_rng(0)
A, B = rng.integers(-3, 4, (2, 50)).astype(float) + 0.25


@pytest.mark.parametrize("sign", COMPARISONS)
def test_compiled_comparisons_do_what_numpy_does(sign):
    compare = njit(COMPARISONS[sign])

    @njit
    def run(a, b):
        return bits(compare(load(a, 3), load(b, 5)))

    assert run(A, B) == bits(COMPARISONS[sign](A[3 : 3 + WIDTH], B[5 : 5 + WIDTH]))


CASES = {
    "sum": lambda a, b: a + b,
    "difference": lambda a, b: a - b,
    "product": lambda a, b: a * b,
    "quotient": lambda a, b: a / b,
    "choose": lambda a, b: choose((a < b) & (b > 0.0), a, ramp()),
    "either": lambda a, b: choose((a < b) | (b > 0.0), 2, b),
    "larger": lambda a, b: larger(larger(a, b), 1),
    "numbers": lambda a, b: 3 * a - 1.5 / (b + 2),
    "reduced": lambda a, b: ramp() * highest(a) + lowest(b),
    "one lane": lambda a, b: a * item(b, 2) + item(a, WIDTH - 1),
}


@pytest.mark.parametrize("case", CASES)
def test_compiled_functions_do_what_their_bodies_do(case):
    function, out = njit(CASES[case]), np.zeros(WIDTH + 2)

    @njit
    def run(a, b, out):
        put(out, 1, function(load(a, 3), load(b, 5)))

    run(A, B, out)
    expected = CASES[case](A[3 : 3 + WIDTH], B[5 : 5 + WIDTH])
    np.testing.assert_array_equal(out, [0, *expected, 0])


def test_lanes_are_stored_as_whole_numbers_where_asked():
    @njit
    def write(out):
        put(out, 2, 3.0 * ramp())

    out = np.full(WIDTH + 4, -1)
    write(out)
    assert out.tolist() == [-1, -1, *range(0, 3 * WIDTH, 3), -1, -1]


def test_plain_numbers_are_left_to_numba():
    assert njit(lambda a, b: (a + b, a < b))(1, 2.5) == (3.5, True)
    assert vectors.bits(np.array([True, False, True] + [False] * (WIDTH - 3))) == 5


def test_compiled_code_refuses_arrays_of_other_numbers():
    first, row = njit(lambda row: item(load(row, 0), 0)), np.ones(WIDTH, np.float32)
    if config.DISABLE_JIT:
        assert first(row) == 1
    else:
        with pytest.raises(TypingError, match="load"):
            first(row)
