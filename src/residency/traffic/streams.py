"""One pass over a file's bytes: decompress, hash, and note what its lines look like.

The notes decide whether a file may go the fast way (DuckDB's own readers) or needs the exact one.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from residency.errors import InputError, LimitError
from residency.limits import LIMITS
from residency.traffic import quick

if TYPE_CHECKING:
    from pathlib import Path

    from residency.traffic.hashing import Hasher

_CHUNK = 1 << 20
_BESIDE_FROM = 1 << 18  # a smaller chunk is hashed sooner than it is handed to a thread
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_ZSTD_SLICE = 512
_BINARY = frozenset({"parquet", "pcap", "pcapng"})  # formats without lines: only their size is noted
_LINES = frozenset({"csv", "ndjson", "zeek"})  # formats that compiled loops may read
_RATIO_FROM = 64 << 20  # below this a high ratio harms nobody


@dataclass(slots=True)
class Scan:
    """What the bytes of one (decompressed) file look like."""

    file: str
    sha256: str = ""
    size: int = 0
    newlines: int = 0
    ends_with_newline: bool = True
    has_nul: bool = False
    cr: int = 0
    crlf: int = 0
    has_quotes: bool = False
    has_odd_quotes: bool = False
    is_utf8: bool = True
    damage: str | None = None
    marks: list[tuple[int, int]] = field(default_factory=list)  # line ends: (offset after it, newlines up to there)

    @property
    def lines(self) -> int:
        """Number of lines, the unterminated last one included."""
        return self.newlines + (0 if self.ends_with_newline or not self.size else 1)

    @property
    def is_clean(self) -> bool:
        """May DuckDB's own reader be trusted with it?"""
        one_ending = self.cr == self.crlf and self.crlf in (0, self.newlines)
        odd = self.has_nul or self.has_odd_quotes or not self.is_utf8
        return one_ending and not odd and self.damage is None


class _Notes:
    """Accumulates a `Scan` chunk by chunk."""

    def __init__(self, scan: Scan, form: str) -> None:
        self.scan, self._form = scan, form
        self._decode: codecs.IncrementalDecoder | None = None
        self._last, self._parity = b"\n", 0
        self._next_mark = LIMITS.small_span_bytes

    def add(self, chunk: bytes) -> None:
        scan = self.scan
        if self._form in _BINARY:
            scan.size += len(chunk)
            return
        if scan.size + len(chunk) >= self._next_mark:
            self._mark(chunk)
        scan.size += len(chunk)
        scan.newlines += _count_newlines(chunk)
        scan.has_nul = scan.has_nul or b"\0" in chunk
        if scan.is_utf8 and (self._decode is not None or not chunk.isascii()):
            self._check_utf8(chunk)
        if b"\r" in chunk or self._last == b"\r":
            scan.cr += chunk.count(b"\r")
            scan.crlf += chunk.count(b"\r\n") + (self._last == b"\r" and chunk[:1] == b"\n")
        if self._form == "csv" and (b'"' in chunk or self._parity):
            scan.has_quotes = True
            self._check_quotes(chunk)
        self._last = chunk[-1:]

    def _mark(self, chunk: bytes) -> None:
        """Note the last line end of a chunk: here the file may be cut."""
        end = chunk.rfind(b"\n") + 1
        if end:
            scan = self.scan
            scan.marks.append((scan.size + end, scan.newlines + _count_newlines(chunk)))
            self._next_mark = scan.size + end + LIMITS.small_span_bytes

    def _check_utf8(self, chunk: bytes) -> None:
        if self._decode is None:
            self._decode = codecs.getincrementaldecoder("utf-8")()
        try:
            self._decode.decode(chunk)
        except UnicodeDecodeError:
            self.scan.is_utf8 = False

    def _check_quotes(self, chunk: bytes) -> None:
        """A record is one line, so quotes must balance on each."""
        import numpy as np

        data = np.frombuffer(chunk, dtype=np.uint8)
        quotes, ends = np.flatnonzero(data == 34), np.flatnonzero(data == 10)
        before = np.searchsorted(quotes, ends) + self._parity
        self.scan.has_odd_quotes = self.scan.has_odd_quotes or bool(np.any(before % 2))
        self._parity = (len(quotes) + self._parity) % 2

    def close(self) -> Scan:
        scan = self.scan
        if self._form in _BINARY:
            return scan
        scan.ends_with_newline = self._last == b"\n"
        scan.has_odd_quotes = scan.has_odd_quotes or bool(self._parity)
        if self._decode is not None and scan.is_utf8:
            try:
                self._decode.decode(b"", True)
            except UnicodeDecodeError:
                scan.is_utf8 = False
        return scan


class _HashedNotes(_Notes):
    """Notes with the hash of all bytes, which is made beside the looks, since it needs no interpreter lock."""

    def __init__(self, scan: Scan, form: str) -> None:
        super().__init__(scan, form)
        self._hash = hashlib.sha256()
        self._hasher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="residency-hash")

    def add(self, chunk: bytes) -> None:
        if len(chunk) < _BESIDE_FROM:
            self._hash.update(chunk)
            super().add(chunk)
            return
        hashed = self._hasher.submit(self._hash.update, chunk)
        super().add(chunk)
        hashed.result()

    def close(self) -> Scan:
        self._hasher.shutdown()
        self.scan.sha256 = self._hash.hexdigest()
        return super().close()


def look_at(chunks: Iterator[bytes], file: str, form: str) -> Scan:
    """Note what chunks that are written to `file` look like; they are not hashed."""
    notes = _Notes(Scan(file), form)
    for chunk in chunks:
        notes.add(chunk)
    return notes.close()


def compression_of(head: bytes) -> str | None:
    """Return `gzip`, `zstd` or None by the magic bytes."""
    if head.startswith(_GZIP):
        return "gzip"
    return "zstd" if head.startswith(_ZSTD) else None


def read_head(path: Path, length: int = 1 << 16) -> bytes:
    """Return the first (decompressed) bytes of a file."""
    try:
        with path.open("rb") as stream:
            kind = compression_of(stream.read(4))
            stream.seek(0)
            source: Iterator[bytes] = _plain(stream) if kind is None else _inflate(stream, kind, Scan(""), str(path))
            head = b""
            for chunk in source:
                head += chunk
                if len(head) >= length:
                    break
            return head[:length]
    except OSError as error:
        raise InputError(f"cannot be opened: {error.strerror or error}", path=path) from error


def scan_file(
    path: Path,
    target: str,
    *,
    form: str,
    seen: Callable[[int], None],
    hasher: Hasher | None = None,
    threads: int = 1,
) -> Scan:
    """Hash and note a file of format `form` in one pass; a compressed one is written out to `target` on the way.

    A large file that is not compressed is left to the `hasher`, if there is one, for the time after: `sha256` is then
    empty. `seen` is told how many compressed bytes were read so far. A stream that breaks after good data is read up to
    there and says so in `damage`; one that holds nothing readable raises InputError.
    """
    try:
        with path.open("rb") as stream:
            kind = compression_of(stream.read(4))
            stream.seek(0)
            size = os.fstat(stream.fileno()).st_size
            scan = Scan(str(path) if kind is None else target)
            if kind is None and hasher is not None and size > _CHUNK:
                hasher.begin(scan.file, size)
                if form in _BINARY:
                    scan.size = size
                    return scan
                if form in _LINES and size >= quick.LEAST_BYTES and _note_plain(scan, size, form, threads, seen):
                    return scan
                notes = _Notes(scan, form)
            else:
                notes = _HashedNotes(scan, form)
            if kind is None:
                for chunk in _plain(stream):
                    notes.add(chunk)
                    seen(stream.tell())
            else:
                _write_out(stream, kind, target, notes, str(path), seen)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", path=path) from error
    return notes.close()


def _note_plain(scan: Scan, size: int, form: str, threads: int, seen: Callable[[int], None]) -> bool:
    """Note a plain text by compiled looks, as `_Notes` would; False where it is not plain or they are missing."""
    if not quick.is_usable():
        return False
    from residency.traffic.quick.looks import look_at_chunks

    chunks = look_at_chunks(scan.file, size, _CHUNK, is_quote_odd=form == "csv", threads=threads, seen=seen)
    if chunks is None:
        return False
    next_mark = LIMITS.small_span_bytes
    for number, (newlines, end) in enumerate(chunks):
        scan.newlines += newlines
        if end and min((number + 1) * _CHUNK, size) >= next_mark:
            scan.marks.append((end, scan.newlines))
            next_mark = end + LIMITS.small_span_bytes
    scan.size, scan.ends_with_newline = size, chunks[-1][1] == size
    return True


def _write_out(stream: BinaryIO, kind: str, target: str, notes: _Notes, path: str, seen: Callable[[int], None]) -> None:
    with open(target, "wb") as out:
        for chunk in _inflate(stream, kind, notes.scan, path):
            out.write(chunk)
            notes.add(chunk)
            seen(stream.tell())
    if notes.scan.damage and not notes.scan.size:
        raise InputError(f"{kind} {notes.scan.damage}; nothing in it can be read", path=path)


def _count_newlines(chunk: bytes) -> int:
    import numpy as np

    return int(np.count_nonzero(np.frombuffer(chunk, np.uint8) == ord("\n")))  # 4 times as quick as bytes.count


def _plain(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def _inflate(stream: BinaryIO, kind: str, scan: Scan, path: str) -> Iterator[bytes]:
    """Yield decompressed chunks of all members, within the caps; note damage instead of raising."""
    total = 0
    source = _gzip_chunks(stream, scan) if kind == "gzip" else _zstd_chunks(stream, scan)
    for chunk in source:
        total += len(chunk)
        packed = max(stream.tell(), 1)
        if total > LIMITS.max_decompressed_bytes:
            raise LimitError(f"decompresses to more than {LIMITS.max_decompressed_bytes} bytes", path=path)
        if total > _RATIO_FROM and total > packed * LIMITS.max_compression_ratio:
            raise LimitError(f"decompresses to more than {LIMITS.max_compression_ratio} times its size", path=path)
        if chunk:
            yield chunk


def _gzip_chunks(stream: BinaryIO, scan: Scan) -> Iterator[bytes]:
    decoder, pending, has_begun = zlib.decompressobj(31), b"", False
    try:
        while True:
            data = pending or stream.read(_CHUNK)
            if not data:
                break
            if decoder.eof:
                data = data.lstrip(b"\0")  # padding after a member, as gzip itself allows
                if not data:
                    pending = b""
                    continue
                decoder, has_begun = zlib.decompressobj(31), False
            has_begun = True
            yield decoder.decompress(data, _CHUNK)
            pending = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
        if has_begun and not decoder.eof:
            scan.damage = "stream ends before its end mark (truncated)"
    except zlib.error as error:
        scan.damage = f"stream is corrupt ({str(error)[:60]})"


def _zstd_chunks(stream: BinaryIO, scan: Scan) -> Iterator[bytes]:
    """Feed small slices: one block of a few bytes can stand for 128 KiB."""
    import zstandard

    context = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    decoder, is_open, data = context.decompressobj(), False, b""
    try:
        while data := data or stream.read(_ZSTD_SLICE):
            if decoder.eof:
                decoder = context.decompressobj()
            is_open = True
            yield decoder.decompress(data)
            data = decoder.unused_data if decoder.eof else b""
    except zstandard.ZstdError as error:
        scan.damage = f"stream is corrupt ({str(error)[:60]})"
        return
    if is_open and not decoder.eof:
        scan.damage = "stream ends before its end mark (truncated)"
