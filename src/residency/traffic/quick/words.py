"""Eight bytes at a time: the few machine words that compiled loops over text are made of.

All arithmetic is on unsigned 64-bit numbers; little-endian machines only (`is_usable` of the package asks).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

U = np.uint64
LOW7, HIGH = U(0x7F7F7F7F7F7F7F7F), U(0x8080808080808080)
ONES = U(0x0101010101010101)
ALL = U(0xFFFFFFFFFFFFFFFF)
_MIX = U(0x9E3779B97F4A7C15)


@intrinsic
def load(typing: Any, data: Any, at: Any) -> Any:  # noqa: ARG001 - the compiler calls it by these names
    """Return the eight bytes of `data` from `at` on as one number; they need not be aligned, and must be there."""
    del typing

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0])
        place = builder.gep(array.data, [arguments[1]])
        found = builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()))
        found.align = 1
        return found

    return types.uint64(data, types.int64), build


@intrinsic
def trailing_zeros(typing: Any, word: Any) -> Any:
    """Return how many of the lowest bits of a number that is not 0 are 0."""
    del typing, word

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del context, signature
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), build


@intrinsic
def prefetch(typing: Any, data: Any, at: Any) -> Any:  # noqa: ARG001 - the compiler calls it by these names
    """Ask for element `at` of `data` to be near when it is needed; nothing else."""
    del typing

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0])
        place = builder.bitcast(builder.gep(array.data, [arguments[1]]), ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [place.type, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [place, number(1), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(data, types.int64), build


@njit(_nrt=False)
def same(word: np.uint64, repeated: np.uint64) -> np.uint64:
    """Return the high bit of every byte in which the two are equal; exact in each byte."""
    apart = word ^ repeated
    return ~(((apart & LOW7) + LOW7) | apart | LOW7)


@njit(_nrt=False)
def below_space(word: np.uint64) -> np.uint64:
    """Return the high bit of every byte under 0x20; exact in each byte."""
    return ~(((word & LOW7) + U(0x6060606060606060)) | word) & HIGH


@njit(_nrt=False)
def mixed(seed: np.uint64, word: np.uint64) -> np.uint64:
    """Return a hash of a hash and one more word."""
    h = (seed ^ word) * _MIX
    return h ^ (h >> U(29))


def repeated(byte: int) -> np.uint64:
    """Return a word of eight times the same byte."""
    return U(byte * 0x0101010101010101)
