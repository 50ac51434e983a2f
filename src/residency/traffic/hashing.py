"""The sha256 of large files, made in a thread beside whatever reads them: hashing needs no interpreter lock."""

from __future__ import annotations

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from types import TracebackType

from residency.errors import InputError

_CHUNK = 1 << 20


class Hasher:
    """Hashes files one after the other, in the order in which they were begun.

    A context manager: leaving it ends the thread within a chunk, whatever is left to hash. It starts with the first
    file.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="residency-hash")
        self._is_over = Event()
        self._under_way: dict[tuple[str, int], Future[str]] = {}

    def __enter__(self) -> Hasher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._pool.shutdown(cancel_futures=True)

    def begin(self, path: str, size: int) -> None:
        """Hash the first `size` bytes of a file in a while."""
        if (path, size) not in self._under_way:
            self._under_way[path, size] = self._pool.submit(self._hash, path, size)

    def digest(self, path: str, size: int) -> str:
        """Wait for the sha256 of the first `size` bytes, or of all there are; raises InputError if they are gone.

        A file that grew since it was begun is begun anew.
        """
        self.begin(path, size)
        try:
            return self._under_way[path, size].result()
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror or error}", path=path) from error

    def _hash(self, path: str, size: int) -> str:
        made, chunk, left = hashlib.sha256(), memoryview(bytearray(_CHUNK)), size
        with open(path, "rb", buffering=0) as stream:
            while not self._is_over.is_set() and (count := stream.readinto(chunk[: min(left, _CHUNK)])):
                made.update(chunk[:count])
                left -= count
        return made.hexdigest()
