"""Finds the cells of a line, 64 bytes at a time: where delimiters and line ends are, as bits of one number."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from residency.traffic.quick.words import U, trailing_zeros

STEP = 64
"""So many bytes are looked at: memory must be there as far beyond the last one."""
LINE_END = 10


@intrinsic
def _marks(typing: Any, data: Any, at: Any, delimiter: Any) -> Any:  # noqa: ARG001 - the compiler calls it by these names
    """Return a bit for each of the 64 bytes from `at` on that is the delimiter or a line end."""
    del typing

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        from numba.core import cgutils

        array = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0])
        bytes_of = ir.VectorType(ir.IntType(8), STEP)
        place = builder.bitcast(builder.gep(array.data, [arguments[1]]), bytes_of.as_pointer())
        found = builder.load(place)
        found.align = 1
        none = ir.Constant(bytes_of, ir.Undefined)
        one = builder.insert_element(none, arguments[2], ir.Constant(ir.IntType(32), 0))
        firsts = ir.Constant(ir.VectorType(ir.IntType(32), STEP), [0] * STEP)
        delimiters = builder.shuffle_vector(one, none, firsts)
        ends = ir.Constant(bytes_of, [LINE_END] * STEP)
        is_marked = builder.or_(
            builder.icmp_unsigned("==", found, delimiters), builder.icmp_unsigned("==", found, ends)
        )
        return builder.bitcast(is_marked, ir.IntType(STEP))

    return types.uint64(data, types.int64, types.uint8), build


@njit(nogil=True, _nrt=False)
def cut(data: NDArray[np.uint8], start: int, limit: int, delimiter: np.uint8, ends: NDArray[np.int64]) -> Any:
    """Write where each cell of the line at `start` ends and return where the next line starts.

    0 for a line of more or fewer cells than `ends` has, -1 for one that does not end before `limit`.
    """
    found, width = 0, len(ends)
    at = start
    while at < limit:
        marks = _marks(data, at, delimiter)
        while marks != U(0):
            place = at + trailing_zeros(marks)
            if place >= limit:
                return -1
            if found == width:
                return 0
            ends[found] = place
            found += 1
            if data[place] == LINE_END:
                return place + 1 if found == width else 0
            marks &= marks - U(1)
        at += STEP
    return -1


@njit(nogil=True, _nrt=False)
def end_of_line(data: NDArray[np.uint8], start: int, limit: int) -> Any:
    """Return where the line after the one at `start` starts, -1 where it does not end before `limit`."""
    at = start
    while at < limit:
        marks = _marks(data, at, np.uint8(LINE_END))
        if marks != U(0):
            place = at + trailing_zeros(marks)
            return place + 1 if place < limit else -1
        at += STEP
    return -1
