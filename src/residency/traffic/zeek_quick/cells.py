"""Reads single cells of Zeek's logs in compiled loops: ids, times, counts, ports, addresses.

Each takes a strict subset of what the exact readers take, with the same result; `ODD` says that the line is theirs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from residency.traffic.quick.cells import EXACT_SECONDS, ODD, is_quad, read_epoch
from residency.traffic.quick.words import ALL, U, load

NOT_TOLD = (1 << 32) - 1
"""Stands for a null count; what is as large or larger is left to the exact readers."""
MOST_ID = 18  # characters of a uid: Zeek's 96 bits in base 62, after a letter
MOST_PORT = 65_535
HIGH, _ONES = U(0x8080808080808080), U(0x0101010101010101)
_ZEROS, _TENS = U(0x3030303030303030), U(0xF0F0F0F0F0F0F0F0)
_SIX = U(0x0606060606060606)
_POINT, _COLON, _PAREN = 46, 58, 40


@njit(nogil=True, _nrt=False)
def has_byte(word: np.uint64, byte: int) -> Any:
    """Is one of the eight bytes of a word this one?"""
    apart = word ^ (_ONES * U(byte))
    return (apart - _ONES) & ~apart & HIGH != U(0)


@njit(nogil=True, _nrt=False)
def first_bytes(data: NDArray[np.uint8], at: int, size: int) -> Any:
    """Return the `size` (1 to 8) bytes from `at` on as one number, with zeros above; eight must be there."""
    return load(data, at) & (ALL >> U(8 * (8 - size)))


@njit(nogil=True, _nrt=False)
def _digits(word: np.uint64) -> Any:
    """Return eight digits, the first in the lowest byte, as a number; -1 where one is none."""
    if (word & _TENS) != _ZEROS or ((word + _SIX) & _TENS) != _ZEROS:
        return np.int64(-1)
    pairs = ((word & U(0x0F0F0F0F0F0F0F0F)) * U(2561)) >> U(8)
    fours = ((pairs & U(0x00FF00FF00FF00FF)) * U(6553601)) >> U(16)
    return np.int64(((fours & U(0x0000FFFF0000FFFF)) * U(42949672960001)) >> U(32))


@njit(nogil=True, _nrt=False)
def _last_digits(data: NDArray[np.uint8], at: int, size: int) -> Any:
    """Return `size` (1 to 8) digits from `at` on as a number; -1 where one is none."""
    if size == 8:
        return _digits(load(data, at))
    return _digits((load(data, at) << U(8 * (8 - size))) | (_ZEROS >> U(8 * size)))


@njit(nogil=True, _nrt=False)
def read_seconds(data: NDArray[np.uint8], start: int, end: int) -> Any:
    """Return the microseconds of a time in seconds, else ODD; ten digits and six decimals are read quickest."""
    if end - start != 17 or data[start + 10] != _POINT:
        return read_epoch(data, start, end)
    high, low, micro = _digits(load(data, start)), _last_digits(data, start + 8, 2), _last_digits(data, start + 11, 6)
    if high < 0 or low < 0 or micro < 0:
        return ODD
    seconds = 100 * high + low
    return ODD if seconds >= EXACT_SECONDS else seconds * 1_000_000 + micro


@njit(nogil=True, _nrt=False)
def read_number(data: NDArray[np.uint8], start: int, end: int) -> Any:
    """Return up to ten digits as a number, else ODD."""
    size = end - start
    if size < 1 or size > 10:
        return ODD
    if size <= 8:
        found = _last_digits(data, start, size)
        return ODD if found < 0 else found
    high, low = _digits(load(data, start)), _last_digits(data, start + 8, size - 8)
    if high < 0 or low < 0:
        return ODD
    return high * (10 if size == 9 else 100) + low


@njit(nogil=True, _nrt=False)
def read_count(data: NDArray[np.uint8], start: int, end: int, unset: np.uint8) -> Any:
    """Return a count, NOT_TOLD for one that is not set, ODD for what is no count or too large."""
    if is_unset(data, start, end, unset):
        return NOT_TOLD
    found = read_number(data, start, end)
    return ODD if found >= NOT_TOLD else found


@njit(nogil=True, _nrt=False)
def read_port(data: NDArray[np.uint8], start: int, end: int) -> Any:
    """Return a port, else ODD."""
    found = read_number(data, start, end)
    return ODD if found > MOST_PORT else found


@njit(nogil=True, _nrt=False)
def is_unset(data: NDArray[np.uint8], start: int, end: int, unset: np.uint8) -> bool:
    """Is it the mark of a value that is not there?"""
    return end - start == 1 and data[start] == unset


@njit(nogil=True, _nrt=False)
def _packed(word: np.uint64) -> Any:
    """Return eight ASCII characters in 56 bits."""
    word = (word & U(0x007F007F007F007F)) | ((word & U(0x7F007F007F007F00)) >> U(1))
    word = (word & U(0x00003FFF00003FFF)) | ((word & U(0x3FFF00003FFF0000)) >> U(2))
    return (word & U(0x000000000FFFFFFF)) | ((word & U(0x0FFFFFFF00000000)) >> U(4))


@njit(nogil=True, _nrt=False)
def read_id(data: NDArray[np.uint8], start: int, end: int, words: NDArray[np.uint64], to: int) -> bool:
    """Write an id of up to 18 ASCII characters to two words, each id to others; False for another one.

    Seven bits a character; nothing comes after the last one but zeros, and no character is one.
    """
    size = end - start
    if size < 1 or size > MOST_ID or data[start] == _PAREN:
        return False
    one = first_bytes(data, start, min(size, 8))
    two = first_bytes(data, start + 8, min(size - 8, 8)) if size > 8 else U(0)
    rest = first_bytes(data, start + 16, size - 16) if size > 16 else U(0)
    if ((one | two | rest) & HIGH) != U(0):
        return False
    rest = _packed(rest)
    words[to] = _packed(one) | ((rest & U(0x7F)) << U(56))
    words[to + 1] = _packed(two) | ((rest >> U(7)) << U(56))
    return True


@njit(nogil=True, _nrt=False)
def is_address(data: NDArray[np.uint8], start: int, end: int) -> bool:
    """Is it a dotted quad, or the groups of RFC 4291, without a zone or a quad at the end?"""
    if is_quad(data, start, end):
        return True
    size = end - start
    if size < 2 or size > 39 or (data[start] == _COLON and data[start + 1] != _COLON):
        return False
    groups, digits, has_gap = 0, 0, False
    at = start
    while at < end:
        byte = data[at]
        if byte == _COLON:
            if at + 1 < end and data[at + 1] == _COLON:
                if has_gap:
                    return False
                has_gap = True
                at += 1
            elif at + 1 == end or digits == 0:
                return False
            digits = 0
        else:
            lower = byte | 32
            if not (48 <= byte <= 57 or 97 <= lower <= 102):
                return False
            groups += 1 if digits == 0 else 0
            digits += 1
            if digits > 4:
                return False
        at += 1
    return groups <= 7 if has_gap else groups == 8
