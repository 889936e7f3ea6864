"""Lanes: `WIDTH` numbers treated side by side, which compiled code keeps in vector registers.

Loops over neighbours are left by LLVM as they stand for many a small reason; code that works on
lanes is not. Kernels write it once, with operators and the functions below. Uncompiled, lanes are
numpy arrays of `WIDTH` float64, masks such of bool, and the bodies below are what runs; for
compiled code the same names emit vector instructions, which LLVM fits to any processor. Numbers
among lanes are spread over them. `load` and `store` do not test the bounds of an array.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typeconv import Conversion
from numba.core.typing import signature
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import lower_builtin, lower_cast, models, register_model
from numpy.typing import NDArray

WIDTH = 8
"""Numbers in lanes: 512 bits, one or more registers."""

Lanes = NDArray[np.float64]
Mask = NDArray[np.bool_]


def ramp() -> Lanes:
    """Return 0, 1, 2, ..."""
    return np.arange(WIDTH, dtype=np.float64)


def load(row: NDArray[np.float64], start: int) -> Lanes:
    """Return `row[start : start + WIDTH]`."""
    return row[start : start + WIDTH]


def store(row: NDArray[Any], start: int, lanes: Lanes) -> None:
    """Write `row[start : start + WIDTH]`, as whole numbers where `row` holds such."""
    row[start : start + WIDTH] = lanes


def choose(mask: Mask, yes: Lanes, no: Lanes) -> Lanes:
    """Return `yes` where the mask is set, else `no`."""
    return np.where(mask, yes, no)


def larger(a: Lanes, b: Lanes | float) -> Lanes:
    """Return the larger of two in each lane."""
    return np.maximum(a, b)


def highest(lanes: Lanes) -> float:
    """Return the largest of the lanes."""
    return float(lanes.max())


def lowest(lanes: Lanes) -> float:
    """Return the smallest of the lanes."""
    return float(lanes.min())


def item(lanes: Lanes, i: int) -> float:
    """Return one lane."""
    return float(lanes[i])


def bits(mask: Mask) -> int:
    """Return the mask as a number: bit `i` for lane `i`, so that 0 is nowhere."""
    return sum(1 << i for i in range(WIDTH) if mask[i])


class _LanesType(types.Type):
    """Numba's type of lanes; numbers turn into it by themselves."""

    def can_convert_from(self, typingctx: object, other: types.Type) -> Conversion | None:
        return Conversion.safe if isinstance(other, types.Number) else None


class _MaskType(types.Type):
    """Numba's type of a mask."""


_LANES, _MASK = _LanesType("Lanes"), _MaskType("Mask")
_NUMBERS = ir.VectorType(ir.DoubleType(), WIDTH)
_WORDS = ir.VectorType(ir.IntType(64), WIDTH)
_FLAGS = ir.VectorType(ir.IntType(1), WIDTH)
_PLACES = ir.VectorType(ir.IntType(32), WIDTH)


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: object, kind: types.Type) -> None:
        super().__init__(manager, kind, _NUMBERS)


@register_model(_MaskType)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, manager: object, kind: types.Type) -> None:
        super().__init__(manager, kind, _FLAGS)


@lower_cast(types.Number, _LANES)
def _spread(context, builder, given, wanted, number):
    number = context.cast(builder, number, given, types.float64)
    empty = ir.Constant(_NUMBERS, ir.Undefined)
    first = builder.insert_element(empty, number, ir.Constant(_PLACES.element, 0))
    return builder.shuffle_vector(first, empty, ir.Constant(_PLACES, [0] * WIDTH))


def _fits(given: types.Type, wanted: Any) -> bool:
    spread = isinstance(wanted, types.Number | _LanesType) and isinstance(given, types.Number)
    return given == wanted or spread


def _define(function: Callable, wanted: tuple, result: types.Type, emit: Callable) -> None:
    """Let compiled code call `function` with arguments of the types `wanted`."""
    # Operators between two plain numbers are none of ours.
    ours = {_LANES, _MASK} if {_LANES, _MASK} & {*wanted[:1]} else None

    class Template(AbstractTemplate):
        def generic(self, args: tuple, kws: dict) -> object:
            if len(args) != len(wanted) or not all(map(_fits, args, wanted)):
                return None
            if ours and not ours & {*args}:
                return None
            return signature(result, *wanted)

    infer_global(function)(Template)
    lower_builtin(function, *wanted)(emit)


def _instruction(name: str, *before: str) -> Callable:
    """Return what emits one instruction, such as `fcmp_ordered` with "<" before the arguments."""

    def emit(context, builder, signature, arguments):
        return getattr(builder, name)(*before, *arguments)

    return emit


def _comparison(sign: str) -> Callable:
    """Return what emits the choice of the one of two that compares so with the other."""

    def emit(context, builder, signature, arguments):
        return builder.select(builder.fcmp_ordered(sign, *arguments), *arguments)

    return emit


def _reduction(name: str) -> Callable:
    """Return what emits a reduction of all lanes to one number."""

    def emit(context, builder, signature, arguments):
        kind = ir.FunctionType(_NUMBERS.element, [_NUMBERS])
        name_in_full = f"llvm.vector.reduce.{name}.v{WIDTH}f64"
        reduce = cgutils.get_or_insert_function(builder.module, kind, name_in_full)
        return builder.call(reduce, arguments, fastmath=("nnan", "nsz"))

    return emit


def _place(context, builder, kind, array, start, vector):
    """Return the address of a vector in an array."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [start]), vector.as_pointer())


def _load(context, builder, signature, arguments):
    place = _place(context, builder, signature.args[0], *arguments, _NUMBERS)
    return builder.load(place, align=8)


def _store(context, builder, signature, arguments):
    array, start, lanes = arguments
    if isinstance(signature.args[0].dtype, types.Integer):
        lanes = builder.fptosi(lanes, _WORDS)
    place = _place(context, builder, signature.args[0], array, start, lanes.type)
    builder.store(lanes, place, align=8)
    return context.get_dummy_value()


def _bits(context, builder, signature, arguments):
    number = builder.bitcast(arguments[0], ir.IntType(WIDTH))
    return builder.zext(number, ir.IntType(64))


def _ramp(context, builder, signature, arguments):
    return ir.Constant(_NUMBERS, [float(i) for i in range(WIDTH)])


for _operator, _name in {"add": "fadd", "sub": "fsub", "mul": "fmul", "truediv": "fdiv"}.items():
    for _form in (_operator, f"i{_operator}"):
        _define(getattr(operator, _form), (_LANES, _LANES), _LANES, _instruction(_name))
for _operator, _sign in {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}.items():
    _emit = _instruction("fcmp_ordered", _sign)
    _define(getattr(operator, _operator), (_LANES, _LANES), _MASK, _emit)
for _operator in (operator.and_, operator.or_):
    _define(_operator, (_MASK, _MASK), _MASK, _instruction(_operator.__name__))
_define(ramp, (), _LANES, _ramp)
_define(load, (types.float64[::1], types.intp), _LANES, _load)
for _numbers in (types.float64, types.int64):
    _define(store, (_numbers[::1], types.intp, _LANES), types.void, _store)
_define(choose, (_MASK, _LANES, _LANES), _LANES, _instruction("select"))
_define(larger, (_LANES, _LANES), _LANES, _comparison(">"))
_define(highest, (_LANES,), types.float64, _reduction("fmax"))
_define(lowest, (_LANES,), types.float64, _reduction("fmin"))
_define(item, (_LANES, types.intp), types.float64, _instruction("extract_element"))
_define(bits, (_MASK,), types.int64, _bits)
