"""Groups files of lines (CSV, NDJSON): blocks of whole lines, read and taken by several threads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from residency.traffic.quick.grammar import ANYTHING, KIND_OF
from residency.traffic.quick.lines import PIECE, take_lines
from residency.traffic.quick.objects import EITHER, QUOTED, Template, take_objects
from residency.traffic.quick.result import OddError
from residency.traffic.quick.rows import Shape
from residency.traffic.quick.words import SPARE
from residency.traffic.quick.workers import Found, Worker, share
from residency.traffic.streams import Scan

_BLOCK, _MORE = 2 << 20, 1 << 16
_KEYS = ("server_ip", "server_port", "proto", "host", "named_by", "vantage")
_TEXT_ONLY = ("client_ip", "server_ip", "host", "named_by")
_ZULU = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
_SECONDS = re.compile(r"\d{1,10}(\.\d{1,6})?")
Take = Callable[[Worker, NDArray[np.uint8], int, int, int], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Lines:
    """A file of lines that all have the same columns, from byte `first` on; `time` is the first row's."""

    file: str
    first: int
    size: int
    columns: Mapping[str, int]
    time: str
    cuts: Sequence[int]

    def shape(self) -> Shape:
        """Say which cell is what."""
        return Shape(
            ts=self.columns["ts"],
            is_epoch="T" not in self.time,
            client=self.columns.get("client_ip", -1),
            sent=self.columns.get("bytes_sent", -1),
            received=self.columns.get("bytes_received", -1),
            keys=np.array([self.columns[name] for name in self.key_names()], np.int64),
            kinds=np.array([KIND_OF.get(name, ANYTHING) for name in self.key_names()], np.int64),
            cuts=np.array(self.cuts, np.int64),
        )

    def key_names(self) -> list[str]:
        """Return the names of the key columns in the order of their cells in a key."""
        return [name for name in _KEYS if name in self.columns]


def is_readable(scan: Scan, time: str | None, time_unit: str) -> bool:
    """Do its bytes and the text of its first time look like what the loops read?"""
    is_time = time is not None and (_ZULU.fullmatch(time) or (time_unit == "s" and _SECONDS.fullmatch(time)))
    return scan.is_clean and not scan.cr and bool(is_time)


def group_csv(lines: Lines, width: int, delimiter: bytes, threads: int) -> Found | None:
    """Group a file of `width` cells a line without quotes; None where a closer look is needed."""
    shape, mark = lines.shape(), np.uint64(delimiter[0])

    def take_with(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Take:
        marks = np.zeros(PIECE + 16, np.int32)

        def take(worker: Worker, data: NDArray[np.uint8], at: int, stop: int, limit: int) -> tuple[int, int]:
            tables = (worker.batch, worker.groups, worker.clients)
            return take_lines(data, at, stop, limit, mark, shape, *tables, marks, starts, ends)

        return take

    return _group(lines, width, take_with, threads)


def group_objects(lines: Lines, template: Template, threads: int) -> Found | None:
    """Group a file of objects of one look; None where a closer look is needed."""
    shape, width = lines.shape(), len(template.forms)

    def take_with(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Take:
        def take(worker: Worker, data: NDArray[np.uint8], at: int, stop: int, limit: int) -> tuple[int, int]:
            tables = (worker.batch, worker.groups, worker.clients)
            return take_objects(data, at, stop, limit, template, shape, *tables, starts, ends)

        return take

    return _group(lines, width, take_with, threads)


def template_of(line: str) -> tuple[Template, list[str]] | None:
    """Return what stands around the values of an object in one line, and its keys; None where it is no plain one."""
    between, keys, at = [], [], 0
    decoder = json.JSONDecoder()
    try:
        while True:
            start = at
            at = line.index('"', start)
            key, at = decoder.raw_decode(line, at)
            at = line.index(":", at) + 1
            while line[at] == " ":
                at += 1
            between.append(line[start:at])
            keys.append(key)
            _, at = decoder.raw_decode(line, at)
            if line[at] == "}":
                break
        json.loads(line)
    except (ValueError, IndexError):
        return None
    between.append(line[at:] + "\n")
    if not all(isinstance(key, str) for key in keys) or len(set(keys)) < len(keys) or line[at:].strip() != "}":
        return None
    texts = [text.encode() for text in between]
    padded = [text + bytes(-len(text) % 8) for text in texts]
    sizes = np.array([len(text) for text in texts], np.int64)
    firsts = np.concatenate([[0], np.cumsum([len(text) // 8 for text in padded])[:-1]]).astype(np.int64)
    forms = np.array([QUOTED if key in _TEXT_ONLY else EITHER for key in keys], np.int64)
    return Template(np.frombuffer(bytearray(b"".join(padded)), np.uint64), firsts, sizes, forms), keys


def _group(
    lines: Lines,
    width: int,
    take_with: Callable[[NDArray[np.int64], NDArray[np.int64]], Take],
    threads: int,
) -> Found | None:
    parts = -(-(lines.size - lines.first) // _BLOCK)

    def begin(worker: Worker) -> Callable[[int], None]:
        memory = bytearray(_BLOCK + _MORE + SPARE)
        data = np.frombuffer(memory, np.uint8)
        take = take_with(np.zeros(width, np.int64), np.zeros(width, np.int64))

        def part(number: int) -> None:
            begin, at, stop, limit = _read(lines, number, data)

            def end_of(line: int) -> tuple[int, int, int]:
                after = memory.find(b"\n", line, limit) + 1
                if not after:
                    raise OddError
                return after, begin + line, min(begin + after, lines.size)

            worker.run(lambda start: take(worker, data, start, stop, limit), at, end_of)

        return part

    return share(parts, threads, begin, lines.key_names())


def _read(lines: Lines, number: int, data: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Read block `number` and the rest of its last line; return where it is, where its first line starts, and its ends.

    A block has the lines that start in it. Raises OddError where a line is too long to tell.
    """
    offset = lines.first + number * _BLOCK
    start = offset - 1 if number else offset  # the byte before says whether a line starts with the block
    memory = memoryview(data.data)[: _BLOCK + _MORE]
    with open(lines.file, "rb") as file:
        file.seek(start)
        limit = file.readinto(memory)
    stop = min(offset + _BLOCK, lines.size) - start
    if start + limit >= lines.size:
        limit = lines.size - start
        if data[limit - 1] != 10:
            data[limit] = 10
            limit += 1
    if not number:
        return start, 0, stop, limit
    ends = np.flatnonzero(data[:_MORE] == 10)
    if not len(ends):
        raise OddError
    return start, int(ends[0]) + 1, stop, limit
