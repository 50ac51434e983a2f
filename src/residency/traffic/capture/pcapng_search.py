"""Where the next block of a damaged pcapng file begins: one of a known type that states one length at both ends."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from residency.traffic.capture.window import Window

SECTION = 0x0A0D0D0A
_BYTE_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_KNOWN = (1, 2, 3, 4, 5, 6, 10, SECTION)
_LEAST_BYTES, _MOST_BYTES = 12, 1 << 20
_PIECE_BYTES = 1 << 20


def byte_order_of(head: bytes | bytearray, at: int = 0) -> str | None:
    """Return the byte order of the section whose header block begins here, None where none does."""
    if bytes(head[at : at + 4]) != b"\x0a\x0d\x0d\x0a":
        return None
    return _BYTE_ORDERS.get(bytes(head[at + 8 : at + 12]))


def first_block(window: Window, start: int, stop: int, order: str) -> int | None:
    """Return the first of the places `start`, `start` + 4, … before `stop` where a whole block begins.

    Blocks are of the byte order `order`, section headers of either.
    """
    for begin in range(start, stop, _PIECE_BYTES):
        for at in _possible(window, begin, min(begin + _PIECE_BYTES, stop), order):
            if _is_block(window, at, order):
                return at
    return None


def _possible(window: Window, start: int, stop: int, order: str) -> list[int]:
    """Return the places with a known type and a possible length behind it."""
    count = (min(stop, window.size - _LEAST_BYTES + 1) - start + 3) // 4
    if count <= 0:
        return []
    kinds, totals = _words(window, start, count, order), _words(window, start + 4, count, order)
    is_section = kinds == SECTION
    has_length = (totals >= _LEAST_BYTES) & (totals <= _MOST_BYTES) & (totals % 4 == 0)
    found = np.flatnonzero(is_section | (np.isin(kinds, _KNOWN) & has_length)) * 4 + start
    return [int(at) for at in found]


def _words(window: Window, start: int, count: int, order: str) -> NDArray[np.uint32]:
    return np.ndarray((count,), dtype=order + "u4", buffer=window.buffer, offset=start, strides=(4,))


def _is_block(window: Window, at: int, order: str) -> bool:
    (kind,) = struct.unpack_from(order + "I", window.data, at)
    if kind == SECTION:
        found = byte_order_of(window.data, at)
        if found is None:
            return False
        order = found
    (total,) = struct.unpack_from(order + "I", window.data, at + 4)
    if not _LEAST_BYTES <= total <= _MOST_BYTES or total % 4 or at + total > window.size:
        return False
    (again,) = struct.unpack_from(order + "I", window.data, at + total - 4)
    return bool(again == total)
