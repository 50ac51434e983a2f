"""Compiled loops over whole lines of delimited text."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from residency.traffic.quick.cells import ODD
from residency.traffic.quick.rows import Batch, Shape, empty, is_full, stopped, wait_row
from residency.traffic.quick.table import Table
from residency.traffic.quick.words import U, bits_set, byte_at, inlined, low_bits, trailing_zeros, within64

PIECE = 1 << 16
"""Bytes in which marks are looked for at once; no line that is longer is taken."""
_NEWLINE, _ALONE = U(0x0A), U(0)


@inlined
def _mark(data: NDArray[np.uint8], start: int, end: int, delimiter: np.uint64, marks: NDArray[np.int32]) -> int:
    """Write where the delimiters and ends of lines in `start`..`end` are and return how many there are."""
    found = 0
    for at in range(start, end, 64):
        bits = within64(data, at, delimiter, _ALONE) | within64(data, at, _NEWLINE, _ALONE)
        if end - at < 64:
            bits &= low_bits(end - at)
        after = found + bits_set(bits)
        # Eight at a time, whether there are as many or not: the rest is written over.
        while True:
            for i in range(8):
                marks[found + i] = at + trailing_zeros(bits)
                bits &= bits - U(1)
            found += 8
            if found >= after:
                break
        found = after
    return found


@inlined
def _cut(
    data: NDArray[np.uint8],
    start: int,
    marks: NDArray[np.int32],
    first: int,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> bool:
    """Find the cells of the line at `start` from its marks; false for more or fewer. No text ends before it starts."""
    begin: Any = start
    last, is_whole = len(starts) - 1, True
    for i in range(len(starts)):
        mark = np.int64(marks[first + i])
        starts[i] = begin
        ends[i] = mark - (mark == begin)
        is_whole &= (byte_at(data, mark) == 10) == (i == last)
        begin = mark + 1
    return is_whole


@njit(nogil=True, cache=True, _nrt=False)
def take_lines(
    data: NDArray[np.uint8],
    start: int,
    stop: int,
    limit: int,
    delimiter: np.uint64,
    shape: Shape,
    batch: Batch,
    groups: Table,
    clients: Table,
    marks: NDArray[np.int32],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> tuple[int, int]:
    """Take every line that starts in `start`..`stop`; return where it stopped and a status that is negative if early.

    Bytes up to `limit` are there, and `SPARE` more. All lines before the one where it stopped were taken.
    """
    at: Any = start
    width, found, used = len(starts), 0, 0
    while at < stop:
        if found - used < width:
            found, used = _mark(data, at, min(at + PIECE, limit), delimiter, marks), 0
        if found < width or not _cut(data, at, marks, used, starts, ends):
            return stopped(batch, groups, shape.kinds, at, ODD)
        status = wait_row(data, starts, ends, at, shape, batch, groups, clients)
        if status < 0:
            return stopped(batch, groups, shape.kinds, at, status)
        if is_full(batch):
            line, status = empty(batch, groups, shape.kinds)
            if status < 0:
                return line, status
        used += width
        at = np.int64(marks[used - 1]) + 1
    return stopped(batch, groups, shape.kinds, at, 0)
