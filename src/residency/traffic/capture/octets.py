"""A cursor over bytes that nobody vouches for: every read is checked against what is left."""

from __future__ import annotations


class CutShortError(ValueError):
    """A length that says more than there is; each reader turns it into an outcome of its own."""


class Octets:
    """Reads numbers and vectors in network order from `data`, from `at` up to `end`."""

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self.data = data
        self.at = at
        self.end = len(data) if end is None else end

    @property
    def left(self) -> int:
        """How many bytes were not read yet."""
        return self.end - self.at

    def starts_with(self, what: bytes) -> bool:
        """Is `what` next?"""
        return self.data.startswith(what, self.at, self.end)

    def skip(self, count: int) -> int:
        """Move over `count` bytes and return where they began."""
        start = self.at
        if count > self.end - start:
            raise CutShortError
        self.at = start + count
        return start

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        start = self.skip(count)
        return self.data[start : self.at]

    def number(self, size: int) -> int:
        """Return an unsigned number of `size` bytes."""
        start = self.skip(size)
        return int.from_bytes(self.data[start : self.at], "big")

    def vector(self, size: int) -> Octets:
        """Return a cursor over a vector whose length stands before it in `size` bytes (RFC 8446 section 3.4)."""
        start = self.skip(self.number(size))
        return Octets(self.data, start, self.at)

    def varint(self) -> int:
        """Return a number of variable length (RFC 9000 section 16)."""
        if self.at >= self.end:
            raise CutShortError
        size = 1 << (self.data[self.at] >> 6)
        return self.number(size) & ((1 << (8 * size - 2)) - 1)

    def rest(self) -> bytes:
        """Return all that is left."""
        return self.take(self.left)
