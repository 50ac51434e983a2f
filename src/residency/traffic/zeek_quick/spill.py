"""Rows of partitions on disk: threads append what they hold, and later one partition is read at a time."""

from __future__ import annotations

import os
from contextlib import suppress
from threading import Lock

import numpy as np
from numpy.typing import NDArray


class Spill:
    """The rows of one thread and one kind of log, in a file that has no name any more."""

    def __init__(self, folder: str, name: str, partitions: int, words: int) -> None:
        path = os.path.join(folder, name)
        self._file = open(path, "w+b", buffering=0)  # noqa: SIM115 - closed by `close`
        with suppress(OSError):  # where an open file cannot be removed it goes with its folder
            os.unlink(path)
        self.words, self._size, self._lock = words, 0, Lock()
        self._chunks: list[list[tuple[int, int]]] = [[] for _ in range(partitions)]

    def append(self, partition: int, rows: NDArray[np.uint64]) -> None:
        """Write rows of a partition."""
        left = rows.data.cast("B")
        self._chunks[partition].append((self._size, len(rows)))
        self._size += len(left)
        while left:
            left = left[self._file.write(left) :]

    def count(self, partition: int) -> int:
        """Return how many rows a partition has."""
        return sum(rows for _, rows in self._chunks[partition])

    def read(self, partition: int, into: NDArray[np.uint64]) -> None:
        """Read all rows of a partition into an array of so many."""
        at = 0
        for start, rows in self._chunks[partition]:
            view = into[at : at + rows].data.cast("B")
            with self._lock:  # several threads read one file
                self._file.seek(start)
                while view and (got := self._file.readinto(view)):
                    view = view[got:]
            if view:
                raise OSError("a file of rows is shorter than what was written to it")
            at += rows

    def close(self) -> None:
        """Let the file go."""
        self._file.close()
