"""Reads single cells of text in compiled loops: times, counts, IPv4 addresses.

Each reader takes a strict subset of what the exact readers take, with the same result; ODD says that the closer look
is theirs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

ODD = -3
_MOST_DIGITS = 15  # of a count: 9,000 rows of the greatest still add up within 63 bits
EXACT_SECONDS = 1 << 32  # below it a double holds a microsecond, so that reading and rounding one gives it back
_DAY_S = 86_400
_TO_EPOCH = 719_468  # days from 1 March of the year 0 to 1970


@njit(nogil=True, _nrt=False)
def _digit(data: NDArray[np.uint8], at: int) -> Any:
    return np.int64(data[at]) - 48


@njit(nogil=True, _nrt=False)
def _two(data: NDArray[np.uint8], at: int) -> Any:
    """Return two digits as a number; beyond 99 where one is no digit."""
    high, low = np.int64(data[at]) - 48, np.int64(data[at + 1]) - 48
    if high < 0 or high > 9 or low < 0 or low > 9:
        return 1_000_000
    return 10 * high + low


@njit(nogil=True, _nrt=False)
def _fraction(data: NDArray[np.uint8], start: int, end: int) -> int:
    """Return one to six digits after a point as microseconds, else ODD."""
    if end - start < 1 or end - start > 6:
        return ODD
    found = 0
    for at in range(start, end):
        digit = _digit(data, at)
        if digit < 0 or digit > 9:
            return ODD
        found = 10 * found + digit
    for _ in range(6 - (end - start)):
        found *= 10
    return found


@njit(nogil=True, _nrt=False)
def read_zulu(data: NDArray[np.uint8], start: int, end: int) -> int:
    """Return the microseconds of `2026-06-01T00:00:00Z` with or without up to six decimals, else ODD."""
    if end - start < 20 or end - start > 27 or data[end - 1] != 90:
        return ODD
    marks = data[start + 4] == 45 and data[start + 7] == 45 and data[start + 10] == 84
    if not (marks and data[start + 13] == 58 and data[start + 16] == 58):
        return ODD
    year = 100 * _two(data, start) + _two(data, start + 2)
    month, day = _two(data, start + 5), _two(data, start + 8)
    hour, minute, second = _two(data, start + 11), _two(data, start + 14), _two(data, start + 17)
    if year < 1970 or year > 2199 or month < 1 or month > 12 or hour > 23 or minute > 59 or second > 59:
        return ODD
    # One to 28 is a day of every month.
    if day < 1 or (day > 28 and day > _days_in(year, month)):
        return ODD
    micro = 0
    if end - start > 20:
        micro = _fraction(data, start + 20, end - 1) if data[start + 19] == 46 else ODD
        if micro < 0:
            return ODD
    seconds = _days(year, month, day) * _DAY_S + hour * 3_600 + minute * 60 + second
    return seconds * 1_000_000 + micro


@njit(nogil=True, _nrt=False)
def _days_in(year: int, month: int) -> int:
    if month == 2:
        return 29 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 28
    return 30 if month in (4, 6, 9, 11) else 31


@njit(nogil=True, _nrt=False)
def _days(year: int, month: int, day: int) -> Any:
    """Return the days since 1970, counting years from March so that leap days come last."""
    y = np.uint64(year - 1 if month <= 2 else year)
    m = np.uint64(month + 9 if month <= 2 else month - 3)
    century = y // np.uint64(100)
    leaps = (y >> np.uint64(2)) - century + (century >> np.uint64(2))
    days = np.uint64(365) * y + leaps + (np.uint64(153) * m + np.uint64(2)) // np.uint64(5)
    return np.int64(days) + day - 1 - _TO_EPOCH


@njit(nogil=True, _nrt=False)
def read_epoch(data: NDArray[np.uint8], start: int, end: int) -> int:
    """Return the microseconds of a number of seconds with up to six decimals, else ODD."""
    seconds, at = 0, start
    while at < end and at - start < 11:
        digit = _digit(data, at)
        if digit < 0 or digit > 9:
            break
        seconds = 10 * seconds + digit
        at += 1
    if at == start or seconds >= EXACT_SECONDS:
        return ODD
    if at == end:
        return seconds * 1_000_000
    micro = _fraction(data, at + 1, end) if data[at] == 46 else ODD
    return ODD if micro < 0 else seconds * 1_000_000 + micro


@njit(nogil=True, _nrt=False)
def read_count(data: NDArray[np.uint8], start: int, end: int) -> int:
    """Return up to 15 digits as a number, else ODD."""
    if end - start < 1 or end - start > _MOST_DIGITS:
        return ODD
    found = 0
    for at in range(start, end):
        digit = _digit(data, at)
        if digit < 0 or digit > 9:
            return ODD
        found = 10 * found + digit
    return found


@njit(nogil=True, _nrt=False)
def is_quad(data: NDArray[np.uint8], start: int, end: int) -> bool:
    """Is it four numbers up to 255 without leading zeros, with points between?"""
    if end - start < 7 or end - start > 15:
        return False
    digits, points = 0, 0
    value: Any = 0
    for at in range(start, end):
        byte = np.int64(data[at])
        if byte == 46:
            if digits == 0:
                return False
            points += 1
            value, digits = 0, 0
            continue
        digit = byte - 48
        if digit < 0 or digit > 9 or (digits > 0 and value == 0):
            return False
        value = 10 * value + digit
        digits += 1
        if value > 255:
            return False
    return digits > 0 and points == 3


@njit(nogil=True, _nrt=False)
def period_of(ts_us: int, cuts: NDArray[np.int64]) -> int:
    """Return how many of the sorted `cuts` are at or before a time."""
    low, high = 0, len(cuts)
    while low < high:
        middle = (low + high) >> 1
        if ts_us >= cuts[middle]:
            low = middle + 1
        else:
            high = middle
    return low
