"""Spans of one large input, cut where records end, so that each can be read as an input of its own.

Text is cut at line ends that were noted while it was hashed (`streams.Scan.marks`); the engine reads no byte range, so
a span is copied out. Rows of Parquet are cut by their numbers (`typed_format`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import itemgetter

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


def copy_spans(file: OpenFile, spans: Sequence[Span], header: bytes, target: str, form: str) -> OpenFile:
    """Copy spans of a text to `target`, with the `header` before them unless they begin the file; look at it anew."""
    scan = look_at(_copied(file.scan.file, spans, header, target), target, form)
    scan.damage = file.scan.damage if spans[-1].is_last else None
    return replace(file, link=target, scan=scan)


def _copied(source: str, spans: Sequence[Span], header: bytes, target: str) -> Iterator[bytes]:
    with open(source, "rb") as stream, open(target, "wb") as out:
        if spans[0].start and header:
            out.write(header)
            yield header
        for span in spans:
            stream.seek(span.start)
            left = span.end - span.start
            while left and (chunk := stream.read(min(_CHUNK, left))):
                out.write(chunk)
                yield chunk
                left -= len(chunk)


def as_spans(file: OpenFile, lines: Sequence[tuple[int, int]]) -> list[Span]:
    """Return lines, sorted and given by their bytes, as spans with the number of lines before each."""
    marks = [(0, 0), *((at, before) for at, before in file.scan.marks)]
    found: list[Span] = []
    at, before = 0, 0
    with open(file.scan.file, "rb") as stream:
        for start, end in lines:
            at, before = max((at, before), marks[bisect_right(marks, start, key=itemgetter(0)) - 1])
            stream.seek(at)
            while at < start and (chunk := stream.read(min(_CHUNK, start - at))):
                before += chunk.count(b"\n")
                at += len(chunk)
            found.append(Span(start, end, before, end == file.scan.size))
    return found
