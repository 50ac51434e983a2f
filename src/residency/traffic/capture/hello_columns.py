"""Reads the plain ClientHellos of a batch all at once: those that stand whole in one record of one packet.

Only what is beyond doubt is read here, by the same rules as `client_hello` and `tls`; every other payload is left to
them, one by one. A test holds the two against each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_RECORD_BYTES, _MESSAGE_BYTES = 5, 4
_FIXED_BYTES = 34  # version and random
_MAX_RECORD_BYTES = 1 << 14
_MAX_EXTENSIONS = 64
_SERVER_NAME, _ECH = 0, 0xFE0D
_MAX_NAME_BYTES = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Hellos:
    """What each payload held; only where `is_read` the rest means anything. No name: `name_len` 0."""

    is_read: NDArray[np.bool_]
    length: NDArray[np.int64]  # bytes of the stream that the hello took
    name_at: NDArray[np.int64]
    name_len: NDArray[np.int64]
    is_outer: NDArray[np.bool_]


def read_hellos(buffer: NDArray[np.uint8], at: NDArray[np.int64], length: NDArray[np.int64]) -> Hellos:
    """Read the payloads of `length` bytes at `at` that may each be a whole ClientHello; all inside `buffer`."""
    cursor = _Cursor(buffer, at, at + length)
    cursor.require(cursor.byte() == 22)
    cursor.require(cursor.byte() == 3)
    cursor.byte()
    record = cursor.number()
    cursor.require((record > 0) & (record <= _MAX_RECORD_BYTES))
    cursor.require(cursor.byte() == 1)
    cursor.require(cursor.byte() == 0)
    message = cursor.number()
    cursor.require(message + _MESSAGE_BYTES <= record)
    cursor.shorten(cursor.at + message)
    cursor.skip(np.int64(_FIXED_BYTES))
    cursor.skip(cursor.byte())
    cursor.skip(cursor.number())
    cursor.skip(cursor.byte())
    extensions = cursor.number()
    cursor.require(cursor.at + extensions == cursor.end)
    found = _Extensions(cursor)
    return Hellos(
        is_read=cursor.is_good,
        length=message + _RECORD_BYTES + _MESSAGE_BYTES,
        name_at=found.name_at,
        name_len=found.name_len,
        is_outer=found.is_outer,
    )


class _Cursor:
    """A place in each payload; one that leaves its payload, or breaks a rule, is no longer good."""

    __slots__ = ("at", "buffer", "end", "is_good")

    def __init__(self, buffer: NDArray[np.uint8], at: NDArray[np.int64], end: NDArray[np.int64]) -> None:
        self.buffer, self.at, self.end = buffer, at.copy(), end
        self.is_good = np.ones(len(at), np.bool_)

    def require(self, holds: NDArray[np.bool_]) -> None:
        self.is_good &= holds

    def skip(self, count: NDArray[np.int64] | np.int64) -> None:
        self.at += count
        self.is_good &= self.at <= self.end

    def shorten(self, end: NDArray[np.int64]) -> None:
        self.is_good &= end <= self.end
        self.end = np.minimum(self.end, end)

    def byte(self) -> NDArray[np.int64]:
        """Return the next byte of each; 0 where there is none."""
        self.is_good &= self.at < self.end
        found = self.buffer[np.where(self.is_good, self.at, 0)].astype(np.int64)
        self.at += 1
        return found

    def number(self) -> NDArray[np.int64]:
        """Return the next two bytes of each as a number."""
        return self.byte() << 8 | self.byte()


class _Extensions:
    """What the extensions hold, read one extension of every hello at a time."""

    __slots__ = ("cursor", "is_outer", "name_at", "name_len", "names")

    def __init__(self, cursor: _Cursor) -> None:
        count = len(cursor.at)
        self.cursor = cursor
        self.names = np.zeros(count, np.int64)
        self.name_at, self.name_len = np.zeros(count, np.int64), np.zeros(count, np.int64)
        self.is_outer = np.zeros(count, np.bool_)
        which = np.flatnonzero(cursor.is_good)
        for _ in range(_MAX_EXTENSIONS):
            which = which[cursor.at[which] < cursor.end[which]]
            if not len(which):
                break
            which = self._read_one(which)
        cursor.is_good[which] = False  # more extensions than any client sends
        cursor.require(self.names <= 1)

    def _read_one(self, which: NDArray[np.int64]) -> NDArray[np.int64]:
        """Read the next extension of these hellos; returns those that are still good."""
        cursor = self.cursor
        one = _Cursor(cursor.buffer, cursor.at[which], cursor.end[which])
        kind, size = one.number(), one.number()
        start = one.at.copy()
        one.skip(size)
        self._read_name(which, start, size, one.is_good & (kind == _SERVER_NAME))
        ech = np.flatnonzero(one.is_good & (kind == _ECH) & (size > 0))
        self.is_outer[which[ech]] |= cursor.buffer[start[ech]] == 0
        cursor.at[which] = one.at
        cursor.is_good[which] &= one.is_good
        return which[one.is_good]

    def _read_name(
        self, which: NDArray[np.int64], start: NDArray[np.int64], size: NDArray[np.int64], is_name: NDArray[np.bool_]
    ) -> None:
        """Read a server_name extension whose first name is a host name (RFC 6066 section 3)."""
        at = np.flatnonzero(is_name)
        if not len(at):
            return
        mine, cursor = which[at], _Cursor(self.cursor.buffer, start[at], start[at] + size[at])
        cursor.require(cursor.number() == size[at] - 2)
        cursor.require(cursor.byte() == 0)
        length = cursor.number()
        cursor.require((length > 0) & (length <= _MAX_NAME_BYTES))
        self.names[mine] += 1
        self.name_at[mine], self.name_len[mine] = cursor.at, length
        cursor.skip(length)
        self.cursor.is_good[mine] &= cursor.is_good
