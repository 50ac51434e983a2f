"""Reads single cells of Zeek's logs in compiled loops: ids, counts, ports, addresses.

Each takes a strict subset of what the exact readers take, with the same result; `ODD` says that the line is theirs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from residency.traffic.quick.cells import ODD, is_quad
from residency.traffic.quick.cells import read_count as read_digits
from residency.traffic.quick.words import ALL, U, load

NOT_TOLD = (1 << 32) - 1
"""Stands for a null count; what is as large or larger is left to the exact readers."""
MOST_ID = 18  # characters of a uid: Zeek's 96 bits in base 62, after a letter
MOST_PORT = 65_535
HIGH, _ONES = U(0x8080808080808080), U(0x0101010101010101)
_COLON, _PAREN, _MOST_DIGITS = 58, 40, 10


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
def read_number(data: NDArray[np.uint8], start: int, end: int) -> Any:
    """Return up to ten digits as a number, else ODD."""
    return ODD if end - start > _MOST_DIGITS else read_digits(data, start, end)


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
