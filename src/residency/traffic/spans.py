"""Spans of one large input, cut where records end, so that each can be read as an input of its own.

Text is cut at line ends that were noted while it was hashed (`streams.Scan.marks`); the engine reads no byte range, so
a span is copied out. Rows of Parquet are cut by their numbers (`typed_format`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from residency.traffic.source import OpenFile, Span
from residency.traffic.streams import look_at

_CHUNK = 1 << 20


def cut(marks: Sequence[tuple[int, int]], whole: Span, size: int) -> list[Span]:
    """Cut a span at the first mark after each `size`; `marks` are (position, lines before it), sorted."""
    found: list[Span] = []
    start, before = whole.start, whole.lines_before
    for position, lines in marks:
        if start + size <= position < whole.end:
            found.append(Span(start, position, before, False))
            start, before = position, lines
    return [*found, Span(start, whole.end, before, whole.is_last)]


def copy_span(file: OpenFile, span: Span, header: bytes, target: str, form: str) -> OpenFile:
    """Copy a span of a text to `target`, with the `header` before it unless it begins the file; look at it anew."""
    scan = look_at(_copied(file.scan.file, span, header, target), target, form)
    scan.damage = file.scan.damage if span.is_last else None
    return replace(file, link=target, scan=scan)


def _copied(source: str, span: Span, header: bytes, target: str) -> Iterator[bytes]:
    with open(source, "rb") as stream, open(target, "wb") as out:
        if span.start and header:
            out.write(header)
            yield header
        stream.seek(span.start)
        left = span.end - span.start
        while left and (chunk := stream.read(min(_CHUNK, left))):
            out.write(chunk)
            yield chunk
            left -= len(chunk)
