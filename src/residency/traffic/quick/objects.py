"""Compiled loops over lines of JSON that all look alike: the same keys in the same order, with the same spaces.

Anything else in a line (an escape, a nested value, another key) is ODD: the exact readers know what it means.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from residency.traffic.quick.cells import ODD
from residency.traffic.quick.rows import MOST_LINE, Batch, Shape, empty, is_full, stopped, wait_row
from residency.traffic.quick.table import Table
from residency.traffic.quick.words import ALL, U, byte_at, inlined, load, trailing_zeros, within32

QUOTED, EITHER = range(2)
_QUOTE, _BACKSLASH, _ALONE, _LAST_CONTROL, _ZERO, _NINE = U(0x22), U(0x5C), U(0), U(0x1F), U(48), U(9)


class Template(NamedTuple):
    """What stands before each value, as words from `firsts[k]` on; `sizes` in bytes, and after the last value.

    `forms` say whether a value must be a string or may be a number too; null may always be.
    """

    words: NDArray[np.uint64]
    firsts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    forms: NDArray[np.int64]


@inlined
def _follows(data: NDArray[np.uint8], at: int, limit: int, template: Template, which: int) -> bool:
    size, word = template.sizes[which], template.firsts[which]
    if at + size > limit:
        return False
    while size > 0:
        mask = ALL if size >= 8 else ALL >> U(8 * (8 - size))
        if (load(data, at) & mask) != template.words[word]:
            return False
        at, word, size = at + 8, word + 1, size - 8
    return True


@inlined
def _end_of_string(data: NDArray[np.uint8], start: int, limit: int) -> int:
    """Return where the string that starts here ends, ODD for an escape or a control character in it."""
    at = start
    while at < limit:
        marks = within32(data, at, _QUOTE, _ALONE) | within32(data, at, _BACKSLASH, _ALONE)
        marks |= within32(data, at, _ALONE, _LAST_CONTROL)
        if marks != U(0):
            place = at + trailing_zeros(marks)
            return place if byte_at(data, place) == 0x22 else ODD
        at += 32
    return ODD


@inlined
def _end_of_number(data: NDArray[np.uint8], start: int) -> int:
    """Return where digits, perhaps with a point and more digits, end; ODD for any other form of number."""
    digits = within32(data, start, _ZERO, _NINE)
    whole = trailing_zeros(~digits)
    if whole == 0 or (byte_at(data, start) == 48 and whole > 1):
        return ODD
    if byte_at(data, start + whole) != 46:
        return start + whole if whole < 32 else ODD
    decimals = trailing_zeros(~(digits >> U(whole + 1)))
    return start + whole + 1 + decimals if decimals > 0 and whole + 1 + decimals < 32 else ODD


@inlined
def _is_null(data: NDArray[np.uint8], at: int) -> bool:
    return load(data, at) & U(0xFFFFFFFF) == U(0x6C6C756E)


@inlined
def _cut(
    data: NDArray[np.uint8],
    start: int,
    limit: int,
    template: Template,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> int:
    """Find the values of the line at `start` and return where the next line starts, else ODD."""
    at = start
    for i in range(len(starts)):
        if not _follows(data, at, limit, template, i):
            return ODD
        at += template.sizes[i]
        starts[i] = at
        if byte_at(data, at) == 0x22:
            end = _end_of_string(data, at + 1, limit)
            starts[i], ends[i] = at + 1, end
            at = end + 1
        elif _is_null(data, at):
            ends[i] = at - 1
            at += 4
            end = at
        else:
            end = _end_of_number(data, at) if template.forms[i] != QUOTED else ODD
            ends[i] = end
            at = end
        if end < 0:
            return ODD
    last = len(starts)
    after = at + template.sizes[last]
    return after if _follows(data, at, limit, template, last) else ODD


@njit(nogil=True, cache=True, _nrt=False)
def take_objects(
    data: NDArray[np.uint8],
    start: int,
    stop: int,
    limit: int,
    template: Template,
    shape: Shape,
    batch: Batch,
    groups: Table,
    clients: Table,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> tuple[int, int]:
    """Take every line that starts in `start`..`stop`; return where it stopped and a status that is negative if early.

    Bytes up to `limit` are there, and `SPARE` more. All lines before the one where it stopped were taken.
    """
    at = start
    while at < stop:
        after = _cut(data, at, limit, template, starts, ends)
        is_odd = after < 0 or after - at > MOST_LINE
        status = ODD if is_odd else wait_row(data, starts, ends, at, shape, batch, groups, clients)
        if status < 0:
            return stopped(batch, groups, shape.kinds, at, status)
        if is_full(batch):
            line, status = empty(batch, groups, shape.kinds)
            if status < 0:
                return line, status
        at = after
    return stopped(batch, groups, shape.kinds, at, 0)
