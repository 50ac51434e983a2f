"""A response body that is counted as it is decompressed, and given up at its cap.

What fits in a little memory stays there; more lies in a temporary file, so that a body that turns out too large
never costs more than that.
"""

from __future__ import annotations

import hashlib
import tempfile
import zlib
from typing import IO, Protocol

from residency.limits import LIMITS
from residency.sources.fetched import FetchError, Outcome

_STEP_BYTES = 1 << 16
_GZIP = 16 + zlib.MAX_WBITS


class _Inflater(Protocol):
    @property
    def unconsumed_tail(self) -> bytes: ...

    @property
    def unused_data(self) -> bytes: ...

    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...

    def flush(self, length: int = ..., /) -> bytes: ...


class Body:
    """Collects one body: `feed` every chunk, then `finish`; leaves a FetchError at the cap or at bad compression."""

    def __init__(self, encoding: str, max_bytes: int) -> None:
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise FetchError(Outcome.MALFORMED, "content-encoding", "a compression that was not asked for")
        self._max_bytes = max_bytes
        self._inflater: _Inflater | None = zlib.decompressobj(_GZIP) if "gzip" in encoding else None
        self._size, self._fed = 0, 0
        self._hash = hashlib.sha256()
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=LIMITS.max_body_bytes_in_memory)  # noqa: SIM115 - closed by close()

    def feed(self, chunk: bytes) -> None:
        """Take the next chunk as it came over the wire."""
        self._fed += len(chunk)
        if self._inflater is None:
            self._keep(chunk)
            return
        try:
            self._inflate(chunk)
        except zlib.error as error:
            raise FetchError(Outcome.MALFORMED, "content-encoding", "the gzip stream is damaged") from error

    def _inflate(self, chunk: bytes) -> None:
        while chunk and self._inflater is not None:
            if self._inflater.eof:  # a further gzip member follows
                self._inflater = zlib.decompressobj(_GZIP)
            self._keep(self._inflater.decompress(chunk, _STEP_BYTES))
            chunk = self._inflater.unconsumed_tail or self._inflater.unused_data

    def _keep(self, content: bytes) -> None:
        self._size += len(content)
        if self._size > self._max_bytes:
            raise FetchError(Outcome.TOO_LARGE, "body", f"the answer holds over {self._max_bytes:,} bytes")
        self._hash.update(content)
        self._file.write(content)

    def beginning(self) -> bytes:
        """Return the first bytes, for an excerpt."""
        self._file.seek(0)
        return self._file.read(4 * LIMITS.max_excerpt_characters)

    def finish(self) -> tuple[bytes, str]:
        """Return the whole body and its SHA-256."""
        if self._inflater is not None and self._fed:
            if not self._inflater.eof:
                self._keep(self._inflater.flush())  # at most the rest of one match
            if not self._inflater.eof:
                raise FetchError(Outcome.MALFORMED, "content-encoding", "the gzip stream ends too early")
        self._file.seek(0)
        return self._file.read(), self._hash.hexdigest()

    def close(self) -> None:
        """Give the temporary file back."""
        self._file.close()
