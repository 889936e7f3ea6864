"""Products of bytes as numba intrinsics: four dimensions of a row in each lane of a vector.

What a float32 product costs multiplies four pairs of bytes here, where the processor can. A panel
is a (fours, ROWS) int32 array: each number holds four dimensions of one row as bytes, 128 added.
"""

from __future__ import annotations

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tsalign.kernels import simd
from tsalign.kernels.simd import AVAILABLE, CENTERS, ROWS, VECTORS, WIDTH

_CPU = binding.get_host_cpu_features()
SUPPORTED = AVAILABLE and bool(_CPU.get("avx512vnni") if WIDTH == 16 else _CPU.get("avxvnni"))
MOST = 60_000  # dimensions up to which sums of products of bytes fit into 32 bits

_FLOATS, _INTS = simd._FLOATS, simd._INTS
_MASK = ir.IntType(ROWS)


@intrinsic
def byte_sweep(typing, panel, centers, starts, halves, factors, lowest, values):
    """Write to `values` (blocks * CENTERS, ROWS) the value of every centre at every row.

    `centers` (blocks, fours, CENTERS) int32 holds four bytes each, `starts` (blocks, CENTERS) int32
    what a sum begins with, and a value is `halves` (blocks, CENTERS) float32 plus `factors` (ROWS,)
    float32 times the sum. `lowest` (ROWS,) float32 is lowered to the least value of each row.
    """

    def generate(context, builder, signature, arguments):
        arrays = [
            context.make_array(kind)(context, builder, argument)
            for kind, argument in zip(signature.args, arguments, strict=True)
        ]
        lines, table, first, half, factor, least, out = (array.data for array in arrays)
        blocks, fours, _ = cgutils.unpack_tuple(builder, arrays[1].shape)
        at = simd._at
        scales = [simd._load(builder, factor, at(v * WIDTH), _FLOATS) for v in range(VECTORS)]

        def block(number: ir.Value, best: list[ir.Value]) -> list[ir.Value]:
            begin = builder.mul(number, at(CENTERS))
            centers = builder.gep(table, [builder.mul(begin, fours)])
            sums = [
                simd._spread(builder, simd._scalar(builder, first, _plus(builder, begin, r)), _INTS)
                for r in range(CENTERS)
                for _ in range(VECTORS)
            ]
            sums = _products(builder, lines, centers, fours, sums)
            for i, total in enumerate(sums):
                place, v = _plus(builder, begin, i // VECTORS), i % VECTORS
                shift = simd._spread(builder, simd._scalar(builder, half, place), _FLOATS)
                value = simd._fused(builder, builder.sitofp(total, _FLOATS), scales[v], shift)
                line = builder.add(builder.mul(place, at(ROWS)), at(v * WIDTH))
                simd._store(builder, value, out, line)
                lower = builder.fcmp_ordered("<", value, best[v])
                best[v] = builder.select(lower, value, best[v])
            return best

        best = [simd._load(builder, least, at(v * WIDTH), _FLOATS) for v in range(VECTORS)]
        for v, value in enumerate(simd._repeat(builder, blocks, block, best)):
            simd._store(builder, value, least, at(v * WIDTH))
        return context.get_dummy_value()

    kinds = (panel, centers, starts, halves, factors, lowest, values)
    return types.void(*kinds), generate


@intrinsic
def sizes(typing, panel, words, highest):
    """Write to `highest` (ROWS,) the largest size of a number of each row of a float32 panel."""

    def generate(context, builder, signature, arguments):
        (lines, _, out), fours = _panel(context, builder, signature, arguments)

        def four(q: ir.Value, found: list[ir.Value]) -> list[ir.Value]:
            for number in range(4):
                rows = simd._rows(
                    builder, lines, _plus(builder, builder.mul(q, simd._at(4)), number)
                )
                rows = [simd._intrinsic(builder, "fabs", row) for row in rows]
                found = [
                    simd._intrinsic(builder, "maxnum", *z) for z in zip(rows, found, strict=True)
                ]
            return found

        for v, value in enumerate(simd._repeat(builder, fours, four, [_floats(0.0)] * VECTORS)):
            simd._store(builder, value, out, simd._at(v * WIDTH))
        return context.get_dummy_value()

    return types.void(panel, words, highest), generate


@intrinsic
def round_rows(typing, panel, words, shares, scales, squares, errors):
    """Round the rows of a float32 panel to bytes in `words` (fours, ROWS) int32.

    Rows times their `shares` (ROWS,), from -127 to 127, become whole, which stands for as many
    times their `scales` (ROWS,); `squares` (ROWS,) receives the squared norms of what they become
    and `errors` (ROWS,) the squared distances to it.
    """

    def generate(context, builder, signature, arguments):
        (lines, out, *told), fours = _panel(context, builder, signature, arguments)
        shares, scales = (
            [simd._load(builder, data, simd._at(v * WIDTH), _FLOATS) for v in range(VECTORS)]
            for data in told[:2]
        )

        def four(q: ir.Value, sums: list[ir.Value]) -> list[ir.Value]:
            sums = [*sums]
            for v in range(VECTORS):
                word = _ints(0)
                for number in range(4):
                    line = _plus(builder, builder.mul(q, simd._at(4)), number)
                    value = simd._rows(builder, lines, line)[v]
                    raised = simd._fused(builder, value, shares[v], _floats(128.5))
                    whole = builder.fptosi(raised, _INTS)
                    word = builder.or_(word, builder.shl(whole, _ints(8 * number)))
                    signed = builder.sitofp(builder.sub(whole, _ints(128)), _FLOATS)
                    rounded = builder.fmul(signed, scales[v])
                    gap = builder.fsub(value, rounded)
                    for at, number_ in ((v, rounded), (VECTORS + v, gap)):
                        sums[at] = simd._fused(builder, number_, number_, sums[at])
                line = builder.add(builder.mul(q, simd._at(ROWS)), simd._at(v * WIDTH))
                simd._store(builder, word, out, line)
            return sums

        sums = simd._repeat(builder, fours, four, [_floats(0.0)] * (2 * VECTORS))
        for i, value in enumerate(sums):
            simd._store(builder, value, told[2 + i // VECTORS], simd._at(i % VECTORS * WIDTH))
        return context.get_dummy_value()

    return types.void(panel, words, shares, scales, squares, errors), generate


@intrinsic
def not_above(typing, values, line, limits):
    """Return in which lanes `values[line]` (ROWS,) is not above `limits` (ROWS,): bit by bit."""

    def generate(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        bound = context.make_array(signature.args[2])(context, builder, arguments[2]).data
        start, found = builder.mul(arguments[1], simd._at(ROWS)), ir.Constant(_MASK, 0)
        for v in range(VECTORS):
            at = simd._at(v * WIDTH)
            value = simd._load(builder, data, builder.add(start, at), _FLOATS)
            limit = simd._load(builder, bound, at, _FLOATS)
            flags = builder.fcmp_unordered("<=", value, limit)
            word = builder.zext(builder.bitcast(flags, ir.IntType(WIDTH)), _MASK)
            found = builder.or_(found, builder.shl(word, ir.Constant(_MASK, v * WIDTH)))
        return builder.zext(found, ir.IntType(64))

    return types.int64(values, types.intp, limits), generate


@intrinsic
def tally(typing, values, lines, limits, counts, last, masks):
    """Find the `values` (lines, ROWS) that are not above the `limits` (ROWS,) of their rows.

    `counts` (ROWS,) int32 receives how many these are of each row, `last` (ROWS,) int32 the line of
    the last one, and `masks` (lines,) int64 the rows of each line, bit by bit.
    """

    def generate(context, builder, signature, arguments):
        data, bound, many, final, words = (
            context.make_array(signature.args[i])(context, builder, arguments[i]).data
            for i in (0, 2, 3, 4, 5)
        )
        limits = [simd._load(builder, bound, simd._at(v * WIDTH), _FLOATS) for v in range(VECTORS)]

        def line(number: ir.Value, kept: list[ir.Value]) -> list[ir.Value]:
            kept, start, found = [*kept], builder.mul(number, simd._at(ROWS)), ir.Constant(_MASK, 0)
            name = simd._spread(builder, builder.trunc(number, _INTS.element), _INTS)
            for v in range(VECTORS):
                value = simd._load(builder, data, _plus(builder, start, v * WIDTH), _FLOATS)
                flags = builder.fcmp_unordered("<=", value, limits[v])
                kept[v] = builder.add(kept[v], builder.zext(flags, _INTS))
                kept[VECTORS + v] = builder.select(flags, name, kept[VECTORS + v])
                word = builder.zext(builder.bitcast(flags, ir.IntType(WIDTH)), _MASK)
                found = builder.or_(found, builder.shl(word, ir.Constant(_MASK, v * WIDTH)))
            builder.store(builder.zext(found, ir.IntType(64)), builder.gep(words, [number]))
            return kept

        kept = simd._repeat(builder, arguments[1], line, [_ints(0)] * (2 * VECTORS))
        for i, value in enumerate(kept):
            simd._store(builder, value, (many, final)[i // VECTORS], simd._at(i % VECTORS * WIDTH))
        return context.get_dummy_value()

    return types.void(values, types.intp, limits, counts, last, masks), generate


@intrinsic
def first_bit(typing, mask):
    """Return the place of the lowest bit of a mask that is not zero."""

    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), generate


def _products(
    builder: ir.IRBuilder,
    lines: ir.Value,
    centers: ir.Value,
    fours: ir.Value,
    sums: list[ir.Value],
) -> list[ir.Value]:
    """Add to `sums` the products of the panel with a block of centres, over all dimensions."""
    packed = ir.VectorType(ir.IntType(8), 4 * WIDTH) if binding.llvm_version_info[0] > 21 else _INTS
    product = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(_INTS, [_INTS, packed, packed]),
        f"llvm.x86.avx512.vpdpbusd.{32 * WIDTH}",
    )

    def four(q: ir.Value, sums: list[ir.Value]) -> list[ir.Value]:
        line, column = builder.mul(q, simd._at(ROWS)), builder.mul(q, simd._at(CENTERS))
        rows = [
            builder.bitcast(
                simd._load(builder, lines, _plus(builder, line, v * WIDTH), _INTS), packed
            )
            for v in range(VECTORS)
        ]
        out = []
        for r in range(CENTERS):
            number = simd._scalar(builder, centers, _plus(builder, column, r))
            center = builder.bitcast(simd._spread(builder, number, _INTS), packed)
            for v in range(VECTORS):
                out.append(builder.call(product, [sums[r * VECTORS + v], rows[v], center]))
        return out

    return simd._repeat(builder, fours, four, sums)


def _panel(context, builder, signature, arguments) -> tuple[list[ir.Value], ir.Value]:
    """Return the data of all arrays, the first two a panel and its words, and how many fours."""
    arrays = [
        context.make_array(kind)(context, builder, argument)
        for kind, argument in zip(signature.args, arguments, strict=True)
    ]
    fours, _ = cgutils.unpack_tuple(builder, arrays[1].shape)
    return [array.data for array in arrays], fours


def _plus(builder: ir.IRBuilder, value: ir.Value, number: int) -> ir.Value:
    return builder.add(value, simd._at(number))


def _floats(number: float) -> ir.Constant:
    return ir.Constant(_FLOATS, [number] * WIDTH)


def _ints(number: int) -> ir.Constant:
    return ir.Constant(_INTS, [number] * WIDTH)
