"""Read the data section of a MaxMind DB file strictly: every stored value once, every pointer to a value read before.

Format: https://maxmind.github.io/MaxMind-DB/ (version 2.0). A general reader decodes from any offset that it is told;
a flipped bit then reads as other data. Here the section is read from its start to its end, so each value has one known
start and a pointer anywhere else is damage. Equal values share one number (`Identity`): a bomb of nested pointers costs
no more than its bytes, and two records that say the same are seen at once.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import cast

from residency.errors import SourceError
from residency.limits import LIMITS

Value = str | bytes | int | float | bool | Sequence["Value"] | Mapping[str, "Value"]
Identity = int

_POINTER, _TEXT, _DOUBLE, _BYTES, _MAP, _INT32, _ARRAY, _BOOLEAN, _FLOAT = 1, 2, 3, 4, 7, 8, 11, 14, 15
_MAX_UNSIGNED_BYTES = {5: 2, 6: 4, 9: 8, 10: 16}  # uint16, uint32, uint64, uint128
_POINTER_ADDS = (0, 2_048, 526_336, 0)  # by number of bytes - 1
_LONG_SIZES = {29: (1, 29), 30: (2, 285), 31: (3, 65_821)}
_MapContent = tuple[tuple[str, Identity], ...]
_Content = str | bytes | int | float | tuple[Identity, ...] | _MapContent


def damaged(what: str, offset: int) -> SourceError:
    """Return the error for a damaged database, at an offset in bytes from the start of the file."""
    return SourceError(f"damaged database: {what}; get the file anew", offset=offset)


class DataSection:
    """The values between two offsets of a file; read them with `read_all`, then look at them with `value`."""

    def __init__(self, content: bytes, start: int, end: int) -> None:
        self._content, self._start, self._end = content, start, end
        self._at: dict[int, Identity] = {}  # offset of every value that was read -> which value it is
        self._known: dict[_Content | tuple[int, _Content], Identity] = {}
        self._contents: list[_Content] = []  # by identity, as are the kinds
        self._kinds = bytearray()
        self._built: dict[Identity, Value] = {}

    def read_all(self) -> dict[int, Identity]:
        """Return offset -> identity of the values that stand by themselves; raises SourceError with the offset."""
        found: dict[int, Identity] = {}
        at = self._start
        while at < self._end:
            if self._content[at] >> 5 == _POINTER:
                raise damaged("a pointer stands where a value should", at)
            found[at], at = self._read(at, 0)
        return found

    def read_one(self) -> Value:
        """Return the value at the start and ignore what follows it (metadata)."""
        identity, _ = self._read(self._start, 0)
        return self.value(identity)

    def value(self, identity: Identity) -> Value:
        """Return a value as Python objects; equal parts are shared, so treat it as unchangeable."""
        built = self._built.get(identity)
        if built is None:
            kind, content = self._kinds[identity], self._contents[identity]
            if kind == _MAP:
                built = {key: self.value(part) for key, part in cast(_MapContent, content)}
            elif kind == _ARRAY:
                built = [self.value(part) for part in cast(tuple[Identity, ...], content)]
            else:
                built = bool(content) if kind == _BOOLEAN else cast(str | bytes | int | float, content)
            self._built[identity] = built
        return built

    def _read(self, begin: int, depth: int) -> tuple[Identity, int]:
        kind, size, at = self._control(begin)
        if kind == _TEXT:  # most values are texts, or pointers to them
            text, at = self._text(begin, size, at), at + size
            identity = self._at[begin] = self._identify(kind, text, begin)
            return identity, at
        if kind == _POINTER:
            return self._follow(begin, size, at)
        content: _Content
        if kind == _MAP:
            content, at = self._map(begin, size, at, depth + 1)
        elif kind == _ARRAY:
            content, at = self._array(begin, size, at, depth + 1)
        elif kind == _BOOLEAN:
            if size > 1:
                raise damaged("a boolean that is neither true nor false", begin)
            content = size
        else:
            content, at = self._number_or_bytes(kind, begin, size, at), at + size
        identity = self._at[begin] = self._identify(kind, content, begin)
        return identity, at

    def _control(self, begin: int) -> tuple[int, int, int]:
        """Return type, size (raw for a pointer) and the offset after them."""
        if begin >= self._end:
            raise damaged("a value starts after the end of its section", begin)
        control, at = self._content[begin], begin + 1
        kind, size = control >> 5, control & 31
        if kind == 0:
            self._need(begin, at, 1)
            kind, at = self._content[at] + 7, at + 1
            if not 8 <= kind <= 15 or kind in (12, 13):
                raise damaged(f"unknown type {kind}", begin)
        if size >= 29 and kind != _POINTER:
            length, least = _LONG_SIZES[size]
            self._need(begin, at, length)
            size, at = least + int.from_bytes(self._content[at : at + length], "big"), at + length
        return kind, size, at

    def _follow(self, begin: int, size: int, at: int) -> tuple[Identity, int]:
        length = (size >> 3) + 1
        self._need(begin, at, length)
        high = 0 if length == 4 else size & 7
        target = (high << 8 * length) + int.from_bytes(self._content[at : at + length], "big")
        identity = self._at.get(self._start + target + _POINTER_ADDS[length - 1])
        if identity is None:
            raise damaged("a pointer does not point at a value that was read before", begin)
        return identity, at + length

    def _map(self, begin: int, size: int, at: int, depth: int) -> tuple[_MapContent, int]:
        self._need(begin, at, 2 * size)  # each part has a byte at least
        self._check_depth(begin, depth)
        parts: dict[str, Identity] = {}
        for _ in range(size):
            key_at = at
            key, at = self._read(at, depth)
            name = self._contents[key]
            if type(name) is not str:
                raise damaged("a key of a map is not a text", key_at)
            if name in parts:
                raise damaged(f"a map has two keys {name[:40]!r}", key_at)
            parts[name], at = self._read(at, depth)
        return tuple(parts.items()), at

    def _array(self, begin: int, size: int, at: int, depth: int) -> tuple[tuple[Identity, ...], int]:
        self._need(begin, at, size)
        self._check_depth(begin, depth)
        parts = []
        for _ in range(size):
            part, at = self._read(at, depth)
            parts.append(part)
        return tuple(parts), at

    def _check_depth(self, begin: int, depth: int) -> None:
        if depth > LIMITS.max_mmdb_depth:
            raise damaged(f"values are nested deeper than {LIMITS.max_mmdb_depth}", begin)

    def _text(self, begin: int, size: int, at: int) -> str:
        self._need(begin, at, size)
        try:
            return self._content[at : at + size].decode("utf-8")
        except UnicodeDecodeError as error:
            raise damaged("a text is not UTF-8", begin) from error

    def _number_or_bytes(self, kind: int, begin: int, size: int, at: int) -> bytes | int | float:
        self._need(begin, at, size)
        raw = self._content[at : at + size]
        if kind == _BYTES:
            return raw
        if kind in (_DOUBLE, _FLOAT):
            if size != (8 if kind == _DOUBLE else 4):
                raise damaged(f"a floating-point number of {size} bytes", begin)
            number: float = struct.unpack(">d" if kind == _DOUBLE else ">f", raw)[0]
            return number
        if size > (4 if kind == _INT32 else _MAX_UNSIGNED_BYTES[kind]):
            raise damaged(f"an integer of {size} bytes", begin)
        return int.from_bytes(raw, "big", signed=kind == _INT32 and size == 4)

    def _identify(self, kind: int, content: _Content, begin: int) -> Identity:
        key = content if kind == _TEXT else (kind, content)  # a text is never equal to a pair
        identity = self._known.get(key)
        if identity is None:
            identity = self._known[key] = len(self._contents)
            if identity >= LIMITS.max_mmdb_values:
                raise damaged(f"more than {LIMITS.max_mmdb_values:,} different values", begin)
            self._contents.append(content)
            self._kinds.append(kind)
        return identity

    def _need(self, begin: int, at: int, length: int) -> None:
        if at + length > self._end:
            raise damaged("a value runs over the end of its section", begin)
