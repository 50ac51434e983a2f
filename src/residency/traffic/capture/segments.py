"""Joins the start of one direction of a TCP connection from its segments, in any order, within caps."""

from __future__ import annotations

from residency.limits import LIMITS

_HALF, _WHOLE = 1 << 31, 1 << 32


class Segments:
    """The bytes from sequence number `base` on as far as they touch; what lies ahead waits in pieces.

    Of bytes sent twice the first ones count. `is_reordered` once a segment had to wait for one before it.
    """

    __slots__ = ("_max_bytes", "_pieces", "base", "data", "is_reordered")

    def __init__(self, base: int, max_bytes: int) -> None:
        self.base = base
        self.data = bytearray()
        self.is_reordered = False
        self._pieces: dict[int, bytes] = {}
        self._max_bytes = max_bytes

    def add(self, seq: int, payload: bytes) -> bool:
        """Add a segment; False where it lies out of reach or too much waits, and nothing can follow then."""
        offset = (seq - self.base + _HALF) % _WHOLE - _HALF
        if offset + len(payload) <= len(self.data):
            return True
        if offset + len(payload) > self._max_bytes:
            payload = payload[: max(0, self._max_bytes - offset)]
        if not payload or len(self._pieces) >= LIMITS.max_stream_pieces:
            return False
        if offset > len(self.data):
            self.is_reordered = True
            self._pieces.setdefault(offset, payload)
            return True
        self.data += payload[len(self.data) - offset :]
        self._take_waiting()
        return True

    def drop(self, count: int) -> None:
        """Forget the first bytes: they were read."""
        del self.data[:count]
        self.base = (self.base + count) % _WHOLE
        self._pieces = {offset - count: piece for offset, piece in self._pieces.items()}

    @property
    def is_full(self) -> bool:
        """Whether the cap is reached."""
        return len(self.data) >= self._max_bytes

    def _take_waiting(self) -> None:
        while True:
            ready = [offset for offset in self._pieces if offset <= len(self.data)]
            if not ready:
                return
            for offset in sorted(ready):
                piece = self._pieces.pop(offset)
                self.data += piece[max(0, len(self.data) - offset) :] if offset <= len(self.data) else b""
