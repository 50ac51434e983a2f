"""Reads single cells of text in compiled loops: times, counts, IPv4 addresses.

Each reader takes a strict subset of what the exact readers take, with the same result; ODD says that the closer look
is theirs. They look at many bytes at once and branch seldom: what a branch will do is hard to foresee in such text.
`words.SPARE` bytes must be there after every cell.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from residency.traffic.quick.words import (
    U,
    bits_set,
    byte_at,
    inlined,
    load,
    low_bits,
    swapped,
    trailing_zeros,
    within16,
    within32,
)

ODD = -3
_MOST_DIGITS = 15  # of a count: 9,000 rows of the greatest still add up within 63 bits
EXACT_SECONDS = 1 << 32  # below it a double holds a microsecond, so that reading and rounding one gives it back
_DAY_S = 86_400
_TO_EPOCH = 719_468  # days from 1 March of the year 0 to 1970
_ZERO, _NINE, _POINT, _ALONE = U(0x30), U(9), U(0x2E), U(0)
_NIBBLES = U(0x0F0F0F0F0F0F0F0F)
# `2026-06-` `23T14:06` `:09.9473`: which bytes of a time are digits, and its marks as words.
_DIGITS_OF_TIME = U(0x6DB6F)
_MARKS_1, _WHERE_1, _NUMBERS_1 = U(0x2D00002D00000000), U(0xFF0000FF00000000), U(0x000F0F000F0F0F0F)
_MARKS_2, _WHERE_2, _NUMBERS_2 = U(0x00003A0000540000), U(0x0000FF0000FF0000), U(0x0F0F000F0F000F0F)


@inlined
def _pairs(digits: np.uint64) -> np.uint64:
    """Return ten times each byte plus the byte after it, of digits from 0 to 9."""
    return digits * U(10) + (digits >> U(8))


@inlined
def _part(word: np.uint64, byte: int) -> Any:
    return np.int64((word >> U(8 * byte)) & U(0xFF))


@inlined
def _micro(data: NDArray[np.uint8], at: int, decimals: int) -> Any:
    """Return up to six decimals, known to be digits, as microseconds: those not there are 0."""
    pairs = _pairs(load(data, at) & _NIBBLES & low_bits(8 * decimals))
    return 10_000 * _part(pairs, 0) + 100 * _part(pairs, 2) + _part(pairs, 4)


@inlined
def read_zulu(data: NDArray[np.uint8], start: int, end: int) -> int:
    """Return the microseconds of `2026-06-01T00:00:00Z` with or without up to six decimals, else ODD."""
    size = end - start
    if size < 20 or size > 27 or size == 21 or byte_at(data, end - 1) != 90:
        return ODD
    decimals = max(size - 21, 0)
    if within32(data, start, _ZERO, _NINE) & low_bits(size) != _DIGITS_OF_TIME | (low_bits(decimals) << U(20)):
        return ODD
    first, second = load(data, start), load(data, start + 8)
    if first & _WHERE_1 != _MARKS_1 or second & _WHERE_2 != _MARKS_2 or byte_at(data, start + 16) != 58:
        return ODD
    if decimals and byte_at(data, start + 19) != 46:
        return ODD
    first, second = _pairs(first & _NUMBERS_1), _pairs(second & _NUMBERS_2)
    year, month = 100 * _part(first, 0) + _part(first, 2), _part(first, 5)
    day, hour, minute = _part(second, 0), _part(second, 3), _part(second, 6)
    sec = _part(_pairs(load(data, start + 17) & _NIBBLES), 0)
    if year < 1970 or year > 2199 or month < 1 or month > 12 or hour > 23 or minute > 59 or sec > 59:
        return ODD
    # One to 28 is a day of every month.
    if day < 1 or (day > 28 and day > _days_in(year, month)):
        return ODD
    seconds = _days(year, month, day) * _DAY_S + hour * 3_600 + minute * 60 + sec
    return seconds * 1_000_000 + _micro(data, start + 20, decimals)


@inlined
def _days_in(year: int, month: int) -> int:
    if month == 2:
        return 29 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 28
    return 30 if month in (4, 6, 9, 11) else 31


@inlined
def _days(year: int, month: int, day: int) -> Any:
    """Return the days since 1970, counting years from March so that leap days come last."""
    y = np.uint64(year - 1 if month <= 2 else year)
    m = np.uint64(month + 9 if month <= 2 else month - 3)
    century = y // np.uint64(100)
    leaps = (y >> np.uint64(2)) - century + (century >> np.uint64(2))
    days = np.uint64(365) * y + leaps + (np.uint64(153) * m + np.uint64(2)) // np.uint64(5)
    return np.int64(days) + day - 1 - _TO_EPOCH


@inlined
def read_epoch(data: NDArray[np.uint8], start: int, end: int) -> int:
    """Return the microseconds of a number of seconds with up to six decimals, else ODD."""
    size = end - start
    if size < 1 or size > 17:
        return ODD
    digits = within32(data, start, _ZERO, _NINE) & low_bits(size)
    whole = trailing_zeros(~digits)
    seconds = read_count(data, start, start + whole)
    if seconds < 0 or seconds >= EXACT_SECONDS:
        return ODD
    if whole == size:
        return seconds * 1_000_000
    decimals = size - whole - 1
    is_plain = digits == low_bits(whole) | (low_bits(decimals) << U(whole + 1)) and byte_at(data, start + whole) == 46
    if not is_plain or decimals < 1 or decimals > 6:
        return ODD
    return seconds * 1_000_000 + _micro(data, start + whole + 1, decimals)


@inlined
def _digits(word: np.uint64, size: int) -> np.uint64:
    """Return the first `size` (1 to 8) bytes as digits from 0 to 9 at the end of a word, zeros before them."""
    return (word ^ U(0x3030303030303030)) << U(64 - 8 * size)


@inlined
def _value(digits: np.uint64) -> Any:
    """Return eight digits, the first in the lowest byte, as one number."""
    pairs = _pairs(digits) & U(0x00FF00FF00FF00FF)
    fours = (pairs * U(100) + (pairs >> U(16))) & U(0x0000FFFF0000FFFF)
    return np.int64((fours * U(10_000) + (fours >> U(32))) & U(0xFFFFFFFF))


@inlined
def read_count(data: NDArray[np.uint8], start: int, end: int) -> int:
    """Return up to 15 digits as a number, else ODD."""
    size = end - start
    if size < 1 or size > _MOST_DIGITS:
        return ODD
    last = _digits(load(data, max(end - 8, start)), min(size, 8))
    first = _digits(load(data, start), size - 8) if size > 8 else U(0)
    beyond = ((last + U(0x7676767676767676)) | last) | ((first + U(0x7676767676767676)) | first)
    if beyond & U(0x8080808080808080) != U(0):
        return ODD
    found = _value(last)
    return found + 100_000_000 * _value(first) if size > 8 else found


@inlined
def is_quad(data: NDArray[np.uint8], start: int, end: int) -> bool:
    """Is it four numbers up to 255 without leading zeros, with points between?"""
    size = end - start
    if size < 7 or size > 15:
        return False
    used = low_bits(size)
    points = within16(data, start, _POINT, _ALONE) & used
    if points | (within16(data, start, _ZERO, _NINE) & used) != used or bits_set(points) != 3:
        return False
    first = trailing_zeros(points)
    points &= points - U(1)
    second, third = trailing_zeros(points), trailing_zeros(points & (points - U(1)))
    one = _is_octet(data, start, first)
    two = _is_octet(data, start + first + 1, second - first - 1)
    three = _is_octet(data, start + second + 1, third - second - 1)
    return one & two & three & _is_octet(data, start + third + 1, size - third - 1)


@inlined
def _is_octet(data: NDArray[np.uint8], at: int, size: int) -> bool:
    """Are `size` digits a number up to 255 without leading zeros? Three of them compare as their text does."""
    text = swapped(load(data, at)) >> U(40)
    is_short = (size == 1) | ((size == 2) & (text >= U(0x310000)))
    return is_short | ((size == 3) & (text >= U(0x310000)) & (text <= U(0x323535)))


@inlined
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
