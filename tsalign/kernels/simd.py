"""Vector instructions as numba intrinsics: what LLVM does not find on its own in plain loops.

A panel is a (d, ROWS) float32 array: dimension by dimension the values of `ROWS` rows, which fill
`VECTORS` registers. One intrinsic fills a panel, the other sweeps it over centres.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


def layout(features: Mapping[str, bool], machine: str) -> tuple[int, int]:
    """Return how many float32 values a vector holds, and how many centres a block.

    Parameters
    ----------
    features : mapping of str to bool
        What LLVM says of the processor.
    machine : str
        Its name, as from `platform.machine`.

    Returns
    -------
    int
        0 without vectors that multiply and add at once: plain loops are left then.
    int
        As many as keep all running sums of two vectors of rows in registers.

    Examples
    --------
    >>> layout({"avx2": True, "fma": True}, "x86_64"), layout({}, "x86_64")
    ((8, 5), (0, 5))
    """
    if features.get("avx512f"):
        return 16, 10
    if features.get("avx2") and features.get("fma"):
        return 8, 5
    return (4, 10) if machine.lower() in {"aarch64", "arm64"} else (0, 5)


_WIDTH, CENTERS = layout(llvm.get_host_cpu_features(), platform.machine())
AVAILABLE = _WIDTH > 0
WIDTH = _WIDTH or 8  # float32 values in a vector
VECTORS = 2  # of rows in a panel: more would not stream from the second-level cache at large d
ROWS = VECTORS * WIDTH

_INDEX = ir.IntType(64)
_FLOATS = ir.VectorType(ir.FloatType(), WIDTH)
_INTS = ir.VectorType(ir.IntType(32), WIDTH)


@intrinsic
def transpose(typing, rows, wanted, panel, lane, origin):
    """Write rows `wanted[lane : lane + WIDTH]`, less `origin`, to the same lanes of a panel.

    Whole vectors are read: `len(origin)` values from the start of each row must exist, and as many
    lines of the panel. `wanted` (ROWS,) int64.
    """

    def generate(context, builder, signature, arguments):
        source, numbers, target, zero = (
            context.make_array(signature.args[i])(context, builder, arguments[i])
            for i in (0, 1, 2, 4)
        )
        _, columns = cgutils.unpack_tuple(builder, source.shape)
        (padded,) = cgutils.unpack_tuple(builder, zero.shape)
        starts = [
            builder.gep(source.data, [builder.mul(number, columns)])
            for number in (
                _scalar(builder, numbers.data, builder.add(arguments[3], _at(r)))
                for r in range(WIDTH)
            )
        ]

        def square(step: ir.Value, _: list[ir.Value]) -> list[ir.Value]:
            q = builder.mul(step, _at(WIDTH))
            shift = _load(builder, zero.data, q, _FLOATS)
            block = [builder.fsub(_load(builder, start, q, _FLOATS), shift) for start in starts]
            for j, column in enumerate(_transposed(builder, block)):
                line = builder.mul(builder.add(q, _at(j)), _at(ROWS))
                _store(builder, column, target.data, builder.add(line, arguments[3]))
            return []

        _repeat(builder, builder.udiv(padded, _at(WIDTH)), square, [])
        return context.get_dummy_value()

    return types.void(rows, wanted, panel, types.intp, origin), generate


@intrinsic
def sweep(typing, panel, negated, halves, begin, end, squares, best, second, index):
    """Lower `best`, `second` (ROWS,) float32 and `index` (ROWS,) int32 by the blocks given.

    Blocks `begin` to `end` (at least one) are taken. The value of centre c at row x is
    |c|^2 / 2 - x.c: `negated` (blocks, d, CENTERS) holds -c,
    `halves` (blocks, CENTERS) the half squared norms. `squares` (ROWS,) receives |x|^2.
    """

    def generate(context, builder, signature, arguments):
        begin, end = arguments[3:5]
        arrays = [
            context.make_array(signature.args[i])(context, builder, arguments[i])
            for i in (0, 1, 2, 5, 6, 7, 8)
        ]
        lines, minus, half, squares, *kept = (array.data for array in arrays)
        _, dims, _ = cgutils.unpack_tuple(builder, arrays[1].shape)
        _square(builder, lines, dims, squares)

        def block(number: ir.Value, _: list[ir.Value]) -> list[ir.Value]:
            first = builder.mul(builder.add(begin, number), _at(CENTERS))
            centers = builder.gep(minus, [builder.mul(first, dims)])
            sums = [
                _spread(builder, _scalar(builder, half, builder.add(first, _at(r))), _FLOATS)
                for r in range(CENTERS)
                for _ in range(VECTORS)
            ]
            sums = _products(builder, lines, centers, dims, sums)
            for v in range(VECTORS):
                _lower(builder, sums[v::VECTORS], first, v, *kept)
            return []

        _repeat(builder, builder.sub(end, begin), block, [])
        return context.get_dummy_value()

    blocks = (types.intp, types.intp)
    return types.void(panel, negated, halves, *blocks, squares, best, second, index), generate


def _square(builder: ir.IRBuilder, lines: ir.Value, dims: ir.Value, squares: ir.Value) -> None:
    """Write the squared norms of the panel's rows."""

    def dimension(q: ir.Value, sums: list[ir.Value]) -> list[ir.Value]:
        rows = _rows(builder, lines, q)
        return [
            builder.fadd(total, builder.fmul(row, row))
            for total, row in zip(sums, rows, strict=True)
        ]

    nothing = [ir.Constant(_FLOATS, [0.0] * WIDTH)] * VECTORS
    for v, total in enumerate(_repeat(builder, dims, dimension, nothing)):
        _store(builder, total, squares, _at(v * WIDTH))


def _products(
    builder: ir.IRBuilder,
    lines: ir.Value,
    centers: ir.Value,
    dims: ir.Value,
    sums: list[ir.Value],
) -> list[ir.Value]:
    """Add to `sums` the products of the panel with a block of centres, over all dimensions."""

    def dimension(q: ir.Value, sums: list[ir.Value]) -> list[ir.Value]:
        rows, column = _rows(builder, lines, q), builder.mul(q, _at(CENTERS))
        out = []
        for r in range(CENTERS):
            value = _scalar(builder, centers, builder.add(column, _at(r)))
            center = _spread(builder, value, _FLOATS)
            for v in range(VECTORS):
                out.append(_fused(builder, rows[v], center, sums[r * VECTORS + v]))
        return out

    return _repeat(builder, dims, dimension, sums)


def _fused(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
    """Return a * b + c, rounded once."""
    return _intrinsic(builder, "fma", a, b, c)


def _intrinsic(builder: ir.IRBuilder, name: str, *arguments: ir.Value) -> ir.Value:
    """Call a function that LLVM knows, on vectors of float32."""
    kind = ir.FunctionType(_FLOATS, [_FLOATS] * len(arguments))
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{WIDTH}f32")
    return builder.call(function, arguments)


def _rows(builder: ir.IRBuilder, lines: ir.Value, q: ir.Value) -> list[ir.Value]:
    """Load one line of the panel."""
    line = builder.mul(q, _at(ROWS))
    return [
        _load(builder, lines, builder.add(line, _at(v * WIDTH)), _FLOATS) for v in range(VECTORS)
    ]


def _lower(
    builder: ir.IRBuilder,
    values: Sequence[ir.Value],
    first: ir.Value,
    vector: int,
    *kept: ir.Value,
) -> None:
    """Take the values of a block, one a centre, into the kept best, second best and index."""
    at = _at(vector * WIDTH)
    best, second = (_load(builder, data, at, _FLOATS) for data in kept[:2])
    index = _load(builder, kept[2], at, _INTS)
    number = builder.trunc(first, _INTS.element)
    for r, value in enumerate(values):
        name = _spread(builder, builder.add(number, ir.Constant(_INTS.element, r)), _INTS)
        nearer = builder.fcmp_ordered("<", value, best)
        loser = builder.select(nearer, best, value)
        second = builder.select(builder.fcmp_ordered("<", loser, second), loser, second)
        best = builder.select(nearer, value, best)
        index = builder.select(nearer, name, index)
    for data, value in zip(kept, (best, second, index), strict=True):
        _store(builder, value, data, at)


def _transposed(builder: ir.IRBuilder, block: list[ir.Value]) -> list[ir.Value]:
    """Transpose `WIDTH` vectors: log2(WIDTH) perfect shuffles of all rows."""
    half = WIDTH // 2
    low = [j // 2 + WIDTH * (j % 2) for j in range(WIDTH)]
    masks = [ir.Constant(_INTS, low), ir.Constant(_INTS, [half + lane for lane in low])]
    for _ in range(WIDTH.bit_length() - 1):
        block = [
            builder.shuffle_vector(block[i], block[i + half], mask)
            for i in range(half)
            for mask in masks
        ]
    return block


def _repeat(
    builder: ir.IRBuilder,
    times: ir.Value,
    body: Callable[[ir.Value, list[ir.Value]], list[ir.Value]],
    carried: Sequence[ir.Value],
) -> list[ir.Value]:
    """Emit a loop of `times` >= 1 rounds; `body` turns the carried values into the next ones."""
    before = builder.block
    head, after = builder.append_basic_block("head"), builder.append_basic_block("after")
    builder.branch(head)
    builder.position_at_end(head)
    counter = builder.phi(_INDEX)
    counter.add_incoming(_at(0), before)
    entering = [builder.phi(_kind(value)) for value in carried]
    for phi, value in zip(entering, carried, strict=True):
        phi.add_incoming(value, before)
    leaving = body(counter, list(entering))
    following = builder.add(counter, _at(1))
    counter.add_incoming(following, builder.block)
    for phi, value in zip(entering, leaving, strict=True):
        phi.add_incoming(value, builder.block)
    builder.cbranch(builder.icmp_signed("<", following, times), head, after)
    builder.position_at_end(after)
    return leaving


def _kind(value: ir.Value) -> ir.Type:
    return value.type  # ty: ignore[missing-attribute]  # all values have one, the class says not


def _at(number: int) -> ir.Constant:
    return ir.Constant(_INDEX, number)


def _scalar(builder: ir.IRBuilder, data: ir.Value, at: ir.Value) -> ir.Value:
    return builder.load(builder.gep(data, [at]))


def _load(builder: ir.IRBuilder, data: ir.Value, at: ir.Value, kind: ir.VectorType) -> ir.Value:
    value = builder.load(builder.bitcast(builder.gep(data, [at]), kind.as_pointer()))
    value.align = 4
    return value


def _store(builder: ir.IRBuilder, value: ir.Value, data: ir.Value, at: ir.Value) -> None:
    place = builder.bitcast(builder.gep(data, [at]), _kind(value).as_pointer())
    builder.store(value, place).align = 4


def _spread(builder: ir.IRBuilder, scalar: ir.Value, kind: ir.VectorType) -> ir.Value:
    """Fill a vector with one value."""
    nothing, zero = ir.Constant(kind, ir.Undefined), ir.Constant(_INTS.element, 0)
    one = builder.insert_element(nothing, scalar, zero)
    return builder.shuffle_vector(one, nothing, ir.Constant(_INTS, [0] * WIDTH))
