"""Finds the cells of a line, 64 bytes at a time: where delimiters and line ends are, as bits of one number."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from residency.traffic.quick.words import U, trailing_zeros, within64

_STEP = 64
LINE_END = 10
_NEWLINE, _ALONE = U(LINE_END), U(0)


@njit(nogil=True, _nrt=False)
def cut(data: NDArray[np.uint8], start: int, limit: int, delimiter: np.uint8, ends: NDArray[np.int64]) -> Any:
    """Write where each cell of the line at `start` ends and return where the next line starts.

    0 for a line of more or fewer cells than `ends` has, -1 for one that does not end before `limit`.
    """
    found, width = 0, len(ends)
    at = start
    while at < limit:
        marks = within64(data, at, U(delimiter), _ALONE) | within64(data, at, _NEWLINE, _ALONE)
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
        at += _STEP
    return -1


@njit(nogil=True, _nrt=False)
def end_of_line(data: NDArray[np.uint8], start: int, limit: int) -> Any:
    """Return where the line after the one at `start` starts, -1 where it does not end before `limit`."""
    at = start
    while at < limit:
        marks = within64(data, at, _NEWLINE, _ALONE)
        if marks != U(0):
            place = at + trailing_zeros(marks)
            return place + 1 if place < limit else -1
        at += _STEP
    return -1
