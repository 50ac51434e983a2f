"""A window that moves over a file: constant memory for a file of any size.

A capture is not mapped into memory: the pages of a mapped file count as resident, and a file cut short while it is
read would kill the process.
"""

from __future__ import annotations

import io
import os

import numpy as np

from residency.errors import InputError
from residency.limits import LIMITS

_LEAST_BYTES = 4 << 20
_SPARE_BYTES = 64
"""Room behind the window, so that a fixed header may be fetched before it is known to be there."""


class Window:
    """The bytes `data[:size]` of a file, beginning at `offset` in it; `is_last` once the file's end is inside."""

    def __init__(self, stream: io.FileIO, shown: str) -> None:
        self._stream, self._shown = stream, shown
        self.file_bytes = os.fstat(stream.fileno()).st_size
        # A small file needs no large window; one that grows meanwhile is read through a small one.
        self._capacity = min(LIMITS.capture_window_bytes, max(self.file_bytes + 1, _LEAST_BYTES))
        self.data = bytearray(self._capacity + _SPARE_BYTES)
        self.buffer = np.frombuffer(self.data, dtype=np.uint8)
        self.size, self.offset, self.is_last = 0, 0, False
        self._fill()

    def advance(self, used: int) -> None:
        """Drop the first `used` bytes and fill up; more than are here are skipped in the file."""
        kept = max(self.size - used, 0)
        self.data[:kept] = self.data[self.size - kept : self.size]
        if used > self.size:
            self._stream.seek(self.offset + used)
        self.offset, self.size = self.offset + used, kept
        self._fill()

    def peek(self, at: int, length: int) -> bytes:
        """Return bytes of the file that lie behind the window, `at` counted from its beginning."""
        try:
            self._stream.seek(self.offset + at)
            found = self._stream.read(length) or b""
            self._stream.seek(self.offset + self.size)
        except OSError as error:
            raise self._unreadable(error) from error
        return found

    def _fill(self) -> None:
        with memoryview(self.data) as room:
            while self.size < self._capacity and not self.is_last:
                count = self._read(room[self.size : self._capacity])
                self.size += count
                self.is_last = count == 0

    def _read(self, room: memoryview) -> int:
        try:
            return self._stream.readinto(room) or 0
        except OSError as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: OSError) -> InputError:
        return InputError(f"cannot be read: {error.strerror or error}", path=self._shown)
