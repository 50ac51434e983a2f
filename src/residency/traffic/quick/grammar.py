"""Says of a text, when it is met first, whether it cannot be what its column asks for.

A line with such a text is left to the exact readers. Only what is certain is said here: what is doubtful is taken, and
held against the grammar once, with all the others, at the end.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

ADDRESS, NAME, PORT, PROTOCOL, ANYTHING = range(5)
KIND_OF = {"server_ip": ADDRESS, "host": NAME, "server_port": PORT, "proto": PROTOCOL}
_MOST_LABEL, _MOST_NAME, _MOST_PROTOCOL, _MOST_DIGITS = 63, 254, 32, 9
_HEX, _IN_NAME, _IN_PORT, _IN_PROTOCOL, _AROUND_ADDRESS, _UNTOLD = 1, 2, 4, 8, 16, 32
_POINT, _COLON = 0x2E, 0x3A


def _classes() -> NDArray[np.uint8]:
    """Return which classes each byte is in. Spaces, controls and what is not ASCII are for the exact readers."""
    found = np.zeros(256, np.uint8)
    letters = "abcdefghijklmnopqrstuvwxyz"
    for bit, characters in (
        (_HEX, b"0123456789abcdefABCDEF"),
        (_IN_NAME, f"0123456789_*-.{letters}{letters.upper()}".encode()),
        (_IN_PORT, b"0123456789."),
        (_IN_PROTOCOL, f"0123456789_.+/-{letters}{letters.upper()}".encode()),
        (_AROUND_ADDRESS, b":[]%"),
        (_UNTOLD, bytes([*range(0x21), *range(0x7F, 0x100)])),
    ):
        found[list(characters)] |= bit
    return found


_CLASSES = _classes()


@njit(nogil=True, _nrt=False)
def is_no(kind: int, texts: NDArray[np.uint8], start: int, size: int) -> bool:
    """Is it certain that a text is none of its kind? Of an address it is known that it is no plain IPv4 address."""
    if kind == ADDRESS:
        return is_no_address(texts, start, size)
    if kind == NAME:
        return _is_no_name(texts, start, size)
    if kind == PORT:
        return _has_other(texts, start, size, _IN_PORT, 1 << 10) or _is_above(texts, start, size, 65_535)
    return kind == PROTOCOL and _has_other(texts, start, size, _IN_PROTOCOL, _MOST_PROTOCOL)


@njit(nogil=True, _nrt=False)
def is_no_address(texts: NDArray[np.uint8], start: int, size: int) -> bool:
    """Is it certain that a text, known to be no plain IPv4 address, is no address at all?"""
    colons, digits, most = 0, 0, 0
    is_hex = True
    for at in range(start, start + size):
        byte = texts[at]
        if _CLASSES[byte] & _UNTOLD or byte == 0x25:  # a zone
            return False
        if byte == _COLON:
            colons, digits = colons + 1, 0
        elif byte == _POINT:
            digits = 0
        else:
            digits += 1
            most = max(most, digits)
            is_hex &= _CLASSES[byte] & _HEX > 0
    return not is_hex or most > 4 or colons < 2 or colons > 8


@njit(nogil=True, _nrt=False)
def _is_no_name(texts: NDArray[np.uint8], start: int, size: int) -> bool:
    label, is_odd = 0, size > _MOST_NAME
    for at in range(start, start + size):
        kind = _CLASSES[texts[at]]
        if kind & (_UNTOLD | _AROUND_ADDRESS):
            return False
        is_empty = texts[at] == _POINT and label == 0
        label = 0 if texts[at] == _POINT else label + 1
        is_odd |= is_empty or label > _MOST_LABEL or kind & _IN_NAME == 0
    return is_odd


@njit(nogil=True, _nrt=False)
def _has_other(texts: NDArray[np.uint8], start: int, size: int, kinds: int, most: int) -> bool:
    """Is there a byte of another class, or are there more than so many, and none that cannot be told?"""
    is_odd = size > most
    for at in range(start, start + size):
        kind = _CLASSES[texts[at]]
        if kind & _UNTOLD:
            return False
        is_odd |= kind & kinds == 0
    return is_odd


@njit(nogil=True, _nrt=False)
def _is_above(texts: NDArray[np.uint8], start: int, size: int, most: int) -> bool:
    """Is it a number of up to nine digits and greater than `most`?"""
    value: Any = 0
    for at in range(start, start + size):
        digit = np.int64(texts[at]) - 48
        if digit < 0 or digit > 9:
            return False
        value = 10 * value + digit
    return 0 < size <= _MOST_DIGITS and value > most
