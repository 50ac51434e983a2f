"""Compiled loops over whole lines of delimited text."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from residency.traffic.quick.cells import ODD
from residency.traffic.quick.rows import MOST_LINE, Batch, Shape, empty, is_full, stopped, wait_row
from residency.traffic.quick.table import Table
from residency.traffic.quick.words import U, load, same, trailing_zeros

_NEWLINES = U(0x0A0A0A0A0A0A0A0A)


@njit(nogil=True, _nrt=False)
def _cut(
    data: NDArray[np.uint8],
    start: int,
    limit: int,
    width: int,
    delimiters: np.uint64,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> int:
    """Find the `width` cells of the line at `start` and return where the next line starts; ODD for more or fewer."""
    found = 0
    starts[0] = start
    at = start
    while at < limit:
        word = load(data, at)
        marks = same(word, delimiters) | same(word, _NEWLINES)
        while marks != U(0):
            place = at + (trailing_zeros(marks) >> 3)
            ends[found] = place
            found += 1
            if data[place] == 10:
                return place + 1 if found == width and place < limit else ODD
            if found == width:
                return ODD
            starts[found] = place + 1
            marks &= marks - U(1)
        at += 8
    return ODD


@njit(nogil=True, cache=True, _nrt=False)
def take_lines(
    data: NDArray[np.uint8],
    start: int,
    stop: int,
    limit: int,
    delimiters: np.uint64,
    shape: Shape,
    batch: Batch,
    groups: Table,
    clients: Table,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> tuple[int, int]:
    """Take every line that starts in `start`..`stop`; return where it stopped and a status that is negative if early.

    Bytes up to `limit` are there, and eight more. All lines before the one where it stopped were taken.
    """
    at, width = start, len(starts)
    while at < stop:
        after = _cut(data, at, limit, width, delimiters, starts, ends)
        if after < 0 or after - at > MOST_LINE:
            return stopped(batch, groups, at, ODD)
        for i in range(width):
            if ends[i] == starts[i]:
                ends[i] = starts[i] - 1
        status = wait_row(data, starts, ends, at, shape, batch, groups, clients)
        if status < 0:
            return stopped(batch, groups, at, status)
        if is_full(batch):
            line, status = empty(batch, groups)
            if status < 0:
                return line, status
        at = after
    return stopped(batch, groups, at, 0)
