"""Reads one Zeek log (TSV or JSON) into tables of text, block by block, with line numbers and the kind of log.

Follows the header as it stands: separators, unset and empty marks, any order of fields, headers that come again in
mid-file because rotated logs were concatenated. Joining logs is `residency.traffic.zeek`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from residency.errors import LimitError
from residency.limits import LIMITS
from residency.traffic.delimited import Delimited
from residency.traffic.lines import Block, shown
from residency.traffic.ndjson_format import objects, whole_blocks
from residency.traffic.records import Rejected
from residency.traffic.source import OpenFile

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

_IDS = ("ts", "uid", "id.orig_h", "id.resp_h", "id.resp_p")
FIELDS: Mapping[str, tuple[str, ...]] = {
    "conn": (*_IDS, "proto", "orig_bytes", "resp_bytes", "conn_state", "history"),
    "ssl": (*_IDS, "server_name", "established", "cipher"),
    "quic": (*_IDS, "server_name"),
    "http": (*_IDS, "trans_depth", "method", "host", "uri", "status_code"),
    "dns": (*_IDS, "trans_id", "query", "qtype", "answers", "TTLs"),
}
LISTS = frozenset({"answers", "TTLs"})
_ESCAPED = frozenset({"server_name", "host", "uri", "query"})
_EMPTY, _LINE_END = "(empty)", 10
_NEEDED = {"conn": (*_IDS, "proto", "orig_bytes", "resp_bytes"), "ssl": _IDS}
_CHANGES = tuple(
    f"#{key}".encode() for key in ("separator", "set_separator", "empty_field", "unset_field", "path", "fields")
)
# A field that only this log has.
_MARKS = (
    ("conn", {"conn_state"}),
    ("http", {"trans_depth"}),
    ("quic", {"client_initial_dcid", "client_scid", "server_scid"}),
    ("dns", {"trans_id", "qclass", "rcode_name", "TTLs"}),
    ("ssl", {"cipher", "next_protocol", "cert_chain_fuids", "cert_chain_fps", "ssl_history"}),
)
_IN_NAME = re.compile(r"(?:^|[_.-])(conn|ssl|quic|http|dns)(?=[_.-]|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one kind of log: a table of its FIELDS and `line`, or only their number where none is wanted."""

    log: str
    count: int
    table: pa.Table | None


def read_tsv(file: OpenFile, rejected: list[Rejected]) -> Iterator[Rows]:
    """Yield the rows of a TSV log."""
    header = _Header(name=PurePath(file.path).name)
    for block in whole_blocks(file, rejected):
        for part in _parts(block):
            if part.data.startswith(b"#"):
                header.read(part.data, file.path, part.first)
            elif header.splitter is None:
                for number, raw in part.lines():
                    if raw:
                        rejected.append(Rejected(number, "a row before any #fields line", shown(raw)))
            else:
                yield _tsv_rows(part, header, rejected)


@dataclass(frozen=True, slots=True)
class Plain:
    """A TSV log whose lines all stand under one header of the usual form, as far as its beginning tells.

    `columns` are the positions of the fields that are wanted, `first` is the byte after the header.
    """

    log: str
    columns: Mapping[str, int]
    width: int
    separator: int
    unset: int
    first: int
    header: _Header
    header_lines: tuple[bytes, ...]


class HeaderChangedError(Exception):
    """A line in mid-file says something else than the header does."""


def plain(file: OpenFile) -> Plain | None:
    """Return what the header of a conn or ssl log says, None where only `read_tsv` can follow it."""
    scan = file.scan
    if not scan.is_clean or scan.cr or not file.head.startswith(b"#"):
        return None
    end = _end_of_header(file.head)
    lines = file.head[:end].splitlines()
    header = _Header(name=PurePath(file.path).name)
    for number, line in enumerate(lines, 1):
        header.read(line, file.path, number)
    keys = [line.split(header.separator.encode())[0].split(b" ")[0] for line in lines]
    splitter, marks = header.splitter, (header.separator, header.unset)
    is_usual = header.empty == _EMPTY and all(len(mark.encode()) == 1 for mark in marks)
    if end == 0 or len(set(keys)) < len(keys) or not is_usual or splitter is None:
        return None
    columns = dict(splitter.wanted)
    if any(name not in columns for name in _NEEDED.get(header.log, ("",))):
        return None
    separator, unset = (ord(mark) for mark in marks)
    return Plain(header.log, columns, splitter.width, separator, unset, end, header, tuple(lines))


def _end_of_header(head: bytes) -> int:
    """Return where the first line without `#` starts, 0 where none does."""
    at = 0
    while head.startswith(b"#", at):
        at = head.find(b"\n", at) + 1
        if not at:
            return 0
    return at if at < len(head) else 0


def read_lines(file: OpenFile, known: Plain, places: NDArray[np.int64], rejected: list[Rejected]) -> Iterator[Rows]:
    """Yield the rows of the lines that start at sorted `places`; empty lines and comments are none.

    Raises HeaderChangedError.
    """
    for numbers, lines in _picked(file, places):
        rows, kept = [], []
        for number, line in zip(numbers, lines, strict=True):
            if line.startswith(b"#"):
                _refuse_change(line, known)
            elif line != b"\n":
                rows.append(line)
                kept.append(number)
        mine: list[Rejected] = []
        found = _tsv_rows(Block(1, b"".join(rows)), known.header, mine)
        rejected += [replace(one, line=kept[(one.line or 1) - 1]) for one in mine]
        if found.table is not None and found.count:
            yield replace(found, table=_with_lines(found.table, kept))


def _refuse_change(line: bytes, known: Plain) -> None:
    is_said = line.rstrip(b"\n") in known.header_lines
    if not is_said and line.startswith(_CHANGES):
        raise HeaderChangedError


def _with_lines(table: pa.Table, numbers: Sequence[int]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    lines = pc.take(pa.array(numbers, pa.int64()), pc.subtract(table["line"], 1))
    return table.set_column(table.column_names.index("line"), "line", lines)


def _picked(file: OpenFile, places: NDArray[np.int64]) -> Iterator[tuple[list[int], list[bytes]]]:
    """Yield the lines that start at some places, with their numbers, for each stretch between two noted line ends."""
    import numpy as np

    marks = [(0, 0), *((at, before) for at, before in file.scan.marks), (file.scan.size, 0)]
    turns = np.searchsorted([at for at, _ in marks[:-1]], places, side="right") - 1
    with open(file.scan.file, "rb") as stream:
        for turn in np.unique(turns):
            (start, before), (end, _) = marks[turn], marks[turn + 1]
            stream.seek(start)
            data = stream.read(end - start)
            ends = np.flatnonzero(np.frombuffer(data, np.uint8) == _LINE_END)
            wanted = places[turns == turn] - start
            lines = np.searchsorted(ends, wanted)
            after = np.append(ends + 1, len(data))[lines]
            yield (
                (before + 1 + lines).tolist(),
                [data[one:other] for one, other in zip(wanted.tolist(), after.tolist(), strict=True)],
            )


def _parts(block: Block) -> Iterator[Block]:
    """Cut a block into header lines, one each, and runs of rows."""
    data = block.data
    if b"\n#" not in data and not data.startswith(b"#"):
        yield block
        return
    start, first = 0, block.first
    while start < len(data):
        if data.startswith(b"#", start):
            end = data.find(b"\n", start) + 1 or len(data)
        else:
            end = data.find(b"\n#", start) + 1 or len(data)
        part = data[start:end]
        yield Block(first, part)
        first += part.count(b"\n")
        start = end


@dataclass(slots=True)
class _Header:
    """What the `#` lines said last."""

    name: str
    separator: str = "\t"
    set_separator: str = ","
    empty: str = _EMPTY
    unset: str = "-"
    path: str = ""
    log: str = ""
    missing: list[str] = field(default_factory=list)
    splitter: Delimited | None = None

    def read(self, line: bytes, path: str, number: int) -> None:
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if text.startswith("#separator"):
            self.separator = unescape(text.partition(" ")[2].strip()) or "\t"
            return
        key, _, value = text[1:].partition(self.separator)
        if key == "set_separator":
            self.set_separator = unescape(value) or ","
        elif key == "empty_field":
            self.empty = value
        elif key == "unset_field":
            self.unset = value
        elif key == "path":
            self.path = value
        elif key == "fields":
            self._fields(value.split(self.separator), path, number)

    def _fields(self, names: Sequence[str], path: str, number: int) -> None:
        if len(names) > LIMITS.max_log_fields:
            raise LimitError(f"more than {LIMITS.max_log_fields} fields", path=path, line=number)
        self.log = kind_of_log(self.path, set(names), self.name)
        wanted = [(name, list(names).index(name)) for name in FIELDS.get(self.log, ()) if name in names]
        self.missing = [name for name in FIELDS.get(self.log, ()) if name not in names]
        self.splitter = Delimited(
            delimiter=self.separator,
            quoting=False,
            width=len(names),
            wanted=wanted or [(names[0], 0)],
            null=self.unset,
        )


def kind_of_log(path: str, names: set[str], file_name: str) -> str:
    """Return the kind of a log by its `#path`, else by its fields, else by its file's name; "" if none says."""
    if path in FIELDS:
        return path
    for log, marks in _MARKS:
        if marks & names:
            return log
    if path:
        return path
    found = _IN_NAME.search(file_name)
    return found[1].lower() if found else ""


def _tsv_rows(block: Block, header: _Header, rejected: list[Rejected]) -> Rows:
    import pyarrow as pa
    import pyarrow.compute as pc

    if header.splitter is None:
        raise AssertionError("a header comes first")
    table = header.splitter.table(block, rejected)
    if header.log not in FIELDS:
        return Rows(header.log, table.num_rows, None)
    columns: dict[str, Any] = {"line": table["line"]}
    for name in FIELDS[header.log]:
        if name in header.missing:
            columns[name] = pa.nulls(table.num_rows, pa.list_(pa.string()) if name in LISTS else pa.string())
            continue
        column = table[name]
        if header.empty.encode() in block.data:
            column = pc.if_else(pc.equal(column, header.empty), None if name in LISTS else "", column)
        if name in LISTS:
            column = pc.split_pattern(column, header.set_separator)
        elif name in _ESCAPED and b"\\x" in block.data:
            column = pa.array([None if v is None else unescape(v) for v in column.to_pylist()], pa.string())
        columns[name] = column
    return Rows(header.log, table.num_rows, pa.table(columns))


_ESCAPE = re.compile(rb"\\x([0-9A-Fa-f]{2})")


def unescape(text: str) -> str:
    r"""Resolve Zeek's `\xNN` escapes; bytes that are no UTF-8 stay visible as escapes."""
    if "\\x" not in text:
        return text
    raw = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), text.encode())
    return raw.decode("utf-8", "backslashreplace")


def read_json(file: OpenFile, rejected: list[Rejected]) -> Iterator[Rows]:
    """Yield the rows of a JSON log; `_path` in a row says what it is, else the fields of the file's first rows."""
    usual = _usual_log(file)
    for block in whole_blocks(file, rejected):
        by_log: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        for number, found, raw in objects(block, rejected):
            stated = found.get("_path")
            log = str(stated) if isinstance(stated, str) else usual
            wrong = _wrong_type(found, FIELDS.get(log, ()))
            if wrong is not None:
                rejected.append(Rejected(number, f"{wrong}: a JSON value of the wrong type", shown(raw)))
                continue
            by_log.setdefault(log, []).append((number, found))
        for log, rows in by_log.items():
            yield Rows(log, len(rows), _json_table(rows, FIELDS[log]) if log in FIELDS else None)


def _usual_log(file: OpenFile) -> str:
    ignored: list[Rejected] = []
    end = file.head.rfind(b"\n") + 1
    names: set[str] = set()
    for _, found, _ in objects(
        Block(1, (file.head[:end] if end else file.head).removeprefix(b"\xef\xbb\xbf")), ignored
    ):
        names.update(found)
    return kind_of_log("", names, PurePath(file.path).name)


def _value(found: Mapping[str, Any], name: str) -> Any:
    if name in found:
        return found[name]
    outer, _, inner = name.partition(".")
    nested = found.get(outer)
    return nested.get(inner) if inner and isinstance(nested, dict) else None


def _wrong_type(found: Mapping[str, Any], names: Sequence[str]) -> str | None:
    for name in names:
        value = _value(found, name)
        if value is None:
            continue
        if name in LISTS:
            if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
                return name
        elif isinstance(value, bool):
            if name != "established":
                return name
        elif not isinstance(value, str):
            return name
    return None


def _json_table(rows: Sequence[tuple[int, dict[str, Any]]], names: Sequence[str]) -> pa.Table:
    import pyarrow as pa

    columns: dict[str, Any] = {"line": pa.array([number for number, _ in rows], pa.int64())}
    for name in names:
        values = [_value(found, name) for _, found in rows]
        if name in LISTS:
            lists = [None if one is None else [str(item) for item in one] for one in values]
            columns[name] = pa.array(lists, pa.list_(pa.string()))
        else:
            texts = [
                None if one is None else ("T" if one is True else "F" if one is False else str(one)) for one in values
            ]
            columns[name] = pa.array(texts, pa.string())
    return pa.table(columns)
