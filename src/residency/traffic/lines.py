"""Blocks of whole lines with their line numbers: what the exact readers work on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from residency.errors import shorten
from residency.limits import LIMITS
from residency.traffic.records import Rejected

_BLOCK = 4 << 20
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines; `first` is the 1-based number of the first. Only the file's last block may lack its last LF."""

    first: int
    data: bytes

    @property
    def is_simple(self) -> bool:
        """Has it no quote, CR, NUL, empty line or broken UTF-8, so that a plain splitter reads it right?"""
        data = self.data
        if b'"' in data or b"\r" in data or b"\0" in data or b"\n\n" in data or data[:1] == b"\n":
            return False
        return data.isascii() or is_utf8(data)

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield (number, line without its LF or CRLF), empty ones too."""
        rows = self.data.split(b"\n")
        if not rows[-1]:
            rows.pop()
        for number, row in enumerate(rows, self.first):
            yield number, row[:-1] if row.endswith(b"\r") else row


def is_utf8(data: bytes) -> bool:
    """Is it valid UTF-8?"""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def blocks(file: str, rejected: list[Rejected]) -> Iterator[Block]:
    """Cut a file into blocks at line ends; a line over the cap is rejected and left out.

    A leading byte order mark is dropped.
    """
    line, rest, first = 1, b"", True
    with open(file, "rb") as stream:
        while chunk := stream.read(_BLOCK):
            if first:
                chunk, first = chunk.removeprefix(BOM), False
            data = rest + chunk
            end = data.rfind(b"\n") + 1
            block, rest = data[:end], data[end:]
            if block:
                yield from _within_cap(Block(line, block), rejected)
                line += block.count(b"\n")
            if len(rest) > LIMITS.max_line_bytes:
                rejected.append(_too_long(line, rest))
                rest = _skip_line(stream)
                line += 1
        if rest:
            yield from _within_cap(Block(line, rest), rejected)


def _within_cap(block: Block, rejected: list[Rejected]) -> Iterator[Block]:
    cap = LIMITS.max_line_bytes
    if not _has_long_line(block.data, cap):
        yield block
        return
    for number, row in enumerate(_keep_ends(block.data), block.first):
        if len(row) > cap + 1:
            rejected.append(_too_long(number, row))
        else:
            yield Block(number, row)


def _has_long_line(data: bytes, cap: int) -> bool:
    """Is a line longer than `cap`? Jumps from line end to line end, a cap at a time."""
    start = 0
    while len(data) - start > cap:
        end = data.rfind(b"\n", start, start + cap + 1)
        if end < 0:
            return True
        start = end + 1
    return False


def _keep_ends(data: bytes) -> list[bytes]:
    rows = data.split(b"\n")
    ended = [row + b"\n" for row in rows[:-1]]
    return [*ended, rows[-1]] if rows[-1] else ended


def _too_long(line: int, data: bytes) -> Rejected:
    return Rejected(line, f"line longer than {LIMITS.max_line_bytes} bytes", shown(data))


def _skip_line(stream: BinaryIO) -> bytes:
    """Read on to the end of the line and return what follows it."""
    while chunk := stream.read(_BLOCK):
        _, found, tail = chunk.partition(b"\n")
        if found:
            return tail
    return b""


def shown(data: bytes) -> str:
    """Return raw bytes as one printable text, cut."""
    return shorten(data[: 4 * LIMITS.max_value_characters].decode("utf-8", "backslashreplace"))
