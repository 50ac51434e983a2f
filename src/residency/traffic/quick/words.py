"""Words and vectors of bytes: the few machine operations that compiled loops over text are made of.

All arithmetic is on unsigned 64-bit numbers; little-endian machines only (`is_usable` of the package asks). A look at
64 bytes is one step on some machines and four on others: that is the compiler's affair.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

U = np.uint64
ALL = U(0xFFFFFFFFFFFFFFFF)
SPARE = 128
"""Bytes that must be there after the last one in use: every look takes up to 64 at once."""

inlined = njit(nogil=True, forceinline=True, _nrt=False)
"""For what is done for each row: to hand dozens of arrays to a call costs more than most calls are worth."""

_START = U(0x243F6A8885A308D3)
_STEP = U(0x9E3779B97F4A7C15)
_END = U(0xD6E8FEB86659FD93)


def _address(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    array = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0])
    return builder.gep(array.data, [arguments[1]])


def _loaded(context: Any, builder: Any, signature: Any, arguments: Any, kind: Any) -> Any:
    place = _address(context, builder, signature, arguments)
    found = builder.load(builder.bitcast(place, kind.as_pointer()))
    found.align = 1
    return found


@intrinsic
def load(typing: Any, data: Any, at: Any) -> Any:  # noqa: ARG001 - the compiler calls it by these names
    """Return the eight bytes of `data` from `at` on as one number; they need not be aligned, and must be there."""
    del typing

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _loaded(context, builder, signature, arguments, ir.IntType(64))

    return types.uint64(data, types.int64), build


@intrinsic
def byte_at(typing: Any, data: Any, at: Any) -> Any:  # noqa: ARG001 - as above
    """Return the byte at `at` as a number."""
    del typing

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.zext(_loaded(context, builder, signature, arguments, ir.IntType(8)), ir.IntType(64))

    return types.int64(data, types.int64), build


def _within(width: int) -> Any:
    """Return an intrinsic: bit i says whether byte i of the `width` from `at` on is `low`, or at most `span` above."""
    vector = ir.VectorType(ir.IntType(8), width)

    def spread(builder: Any, number: Any) -> Any:
        nothing = ir.Constant(vector, ir.Undefined)
        one = builder.insert_element(nothing, builder.trunc(number, ir.IntType(8)), ir.IntType(32)(0))
        return builder.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width))

    def within(typing: Any, data: Any, at: Any, low: Any, span: Any) -> Any:  # noqa: ARG001 - as above
        del typing

        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            found = _loaded(context, builder, signature, arguments, vector)
            above = builder.sub(found, spread(builder, arguments[2]))
            bits = builder.icmp_unsigned("<=", above, spread(builder, arguments[3]))
            return (
                builder.zext(builder.bitcast(bits, ir.IntType(width)), ir.IntType(64))
                if width < 64
                else (builder.bitcast(bits, ir.IntType(64)))
            )

        return types.uint64(data, types.int64, types.uint64, types.uint64), build

    return intrinsic(within)


within64, within32, within16 = _within(64), _within(32), _within(16)


@intrinsic
def trailing_zeros(typing: Any, word: Any) -> Any:
    """Return how many of the lowest bits of a number are 0; 64 for 0."""
    del typing, word

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del context, signature
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), build


@intrinsic
def bits_set(typing: Any, word: Any) -> Any:
    """Return how many bits of a number are 1."""
    del typing, word

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del context, signature
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), build


@intrinsic
def swapped(typing: Any, word: Any) -> Any:
    """Return a number with its bytes in the other order."""
    del typing, word

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del context, signature
        return builder.bswap(arguments[0])

    return types.uint64(types.uint64), build


@intrinsic
def folded(typing: Any, one: Any, other: Any) -> Any:
    """Return both halves of the product of two numbers, one laid over the other."""
    del typing, one, other

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del context, signature
        word, double = ir.IntType(64), ir.IntType(128)
        product = builder.mul(*(builder.zext(one, double) for one in arguments))
        return builder.xor(builder.trunc(product, word), builder.trunc(builder.lshr(product, double(64)), word))

    return types.uint64(types.uint64, types.uint64), build


@intrinsic
def prefetch(typing: Any, data: Any, at: Any) -> Any:  # noqa: ARG001 - as above
    """Ask for element `at` of `data` to be near when it is needed; nothing else."""
    del typing

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.bitcast(_address(context, builder, signature, arguments), ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [place.type, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [place, number(1), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(data, types.int64), build


@inlined
def low_bits(count: int) -> np.uint64:
    """Return a number whose `count` lowest bits are set, 0 to 63."""
    return (U(1) << U(count)) - U(1)


@inlined
def hashed(words: Any, start: int, length: int) -> np.uint64:
    """Return the hash of the `length` words at `start`; each is multiplied alone, so that none waits for another."""
    h = _START ^ U(length)
    salt = _START
    for i in range(start, start + length):
        salt += _STEP
        h += folded(words[i] ^ salt, words[i] + _END)
    return folded(h ^ _START, _END)
