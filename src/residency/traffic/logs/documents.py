"""JSON documents that hold records in an array, read one record at a time: memory does not grow with the file.

    {"records": [ {…}, {…} ]}      an array under a path of keys
    [ {…}, {…} ]                   an array alone
    {…} {…}                        objects in a row, as programs print them
    {…}                            one object a line: read line by line, so that a bad line spoils itself only
    {…}

A record that is no object, that repeats a key, holds NaN or bad UTF-8, is rejected alone. Where the JSON itself is
broken, reading goes on at the next line that begins with `{`; where there is none, the rest is one rejected record and
the input is incomplete. A document that is broken before its array begins is an InputError.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from residency.errors import InputError
from residency.limits import LIMITS
from residency.traffic.lines import BOM, shown
from residency.traffic.logs.staging import Account, Path, insert_table
from residency.traffic.ndjson_format import Number, objects, parse_object, whole_blocks
from residency.traffic.records import Rejected
from residency.traffic.source import OpenFile

if TYPE_CHECKING:
    import duckdb

_CHUNK_BYTES = 1 << 20
_BATCH_ROWS = 10_000
_SPACE = re.compile(r"[ \t\n\r]*")
_UNPRINTABLE = re.compile("[\x00-\x1f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Element:
    """One record: the 1-based line that it begins on, its offset in bytes (None in lines), and its object."""

    line: int
    offset: int | None
    value: dict[str, Any]

    def rejected(self, reason: str, value: str = "") -> Rejected:
        """Return this record as one that cannot be used."""
        return Rejected(self.line, reason, value, self.offset)


def elements(file: OpenFile, account: Account, path: Path = (), *, is_bare: bool = True) -> Iterator[Element]:
    """Yield the records of a file; what cannot be read is rejected in `account`, whose `records` are left alone.

    `path` are the keys that lead to the array. With `is_bare` the array, or the records, may also stand there without
    these keys. Raises InputError for a document in which no record can be found.
    """
    if is_bare and has_lines(file.head):
        yield from _of_lines(file, account, path)
        account.mark_cut_line(file)
    else:
        yield from _Document(file, account, path, is_bare=is_bare).elements()


def has_lines(head: bytes) -> bool:
    """Does a file begin with a line that is a whole object?"""
    first = head.removeprefix(BOM).lstrip().partition(b"\n")[0]
    try:
        parse_object(first.decode())
    except ValueError:
        return False
    return True


def stage_elements(
    found: Iterable[Element],
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Mapping[str, Path],
    account: Account,
) -> None:
    """Make the temporary `table` (line, columns as text) of records; `columns` are the keys that lead to each value.

    Arrays and objects stand as JSON text, what is absent as null. A record whose value is a lone surrogate or has
    control characters is rejected.
    """
    names = ", ".join(f'"{name}" VARCHAR' for name in columns)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} (line BIGINT, {names})")
    rows: list[Sequence[str | int | None]] = []
    for one in found:
        try:
            rows.append((one.line, *(_text(one.value, path) for path in columns.values())))
        except ValueError as error:
            account.rejected.append(one.rejected(str(error)))
        if len(rows) >= _BATCH_ROWS:
            account.records += _insert(connection, table, rows, list(columns))
    account.records += _insert(connection, table, rows, list(columns)) + len(account.rejected)


def _insert(
    connection: duckdb.DuckDBPyConnection, table: str, rows: list[Sequence[str | int | None]], names: Sequence[str]
) -> int:
    """Move rows into a table; return how many they were."""
    import pyarrow as pa

    count = len(rows)
    if count:
        columns = list(zip(*rows, strict=True))
        arrays = [pa.array(columns[0], pa.int64()), *(pa.array(column, pa.string()) for column in columns[1:])]
        insert_table(connection, table, pa.table(arrays, names=["line", *names]))
        rows.clear()
    return count


def _text(found: Mapping[str, Any], path: Path) -> str | None:
    """Return the value at a path as text; raises ValueError with the key for a value that cannot be one."""
    value: Any = found
    for key in path:
        if not isinstance(value, Mapping):
            raise ValueError(f"{path[0]}: a JSON value of the wrong type")
        value = value.get(key)
        if value is None:
            return None
    text = str(value) if isinstance(value, str) else json.dumps(value)
    if _UNPRINTABLE.search(text):
        raise ValueError(f"{path[-1]}: a control character or half of a surrogate pair")
    return text


def _of_lines(file: OpenFile, account: Account, path: Path) -> Iterator[Element]:
    for block in whole_blocks(file, account.rejected):
        for number, found, raw in objects(block, account.rejected):
            inner: Any = found
            for key in path:
                inner = inner.get(key) if isinstance(inner, dict) else None
            if not isinstance(inner, list):
                yield Element(number, None, found)
                continue
            for one in inner:
                if isinstance(one, dict):
                    yield Element(number, None, one)
                else:
                    account.rejected.append(Rejected(number, "a record that is no JSON object", shown(raw)))


class _BrokenError(ValueError):
    """The text is no JSON from here on."""


class _EndedError(_BrokenError):
    """The same, where no later record was found."""


class _Document:
    """Walks through one document."""

    def __init__(self, file: OpenFile, account: Account, path: Path, *, is_bare: bool) -> None:
        self._file, self._account, self._path, self._is_bare = file, account, path, is_bare
        self._window = _Window(file.scan.file)
        self._has_records = self._is_resumed = False

    def elements(self) -> Iterator[Element]:
        try:
            yield from self._values()
        except _BrokenError as error:
            self._give_up(error)
        finally:
            self._window.close()

    def _give_up(self, error: _BrokenError) -> None:
        """Refuse a document without records; else say that it is not whole."""
        line, offset = self._window.where()
        if not self._has_records:
            raise InputError(f"{error} (offset {offset})", path=self._file.path, line=line) from error
        if self._account.incomplete is None:
            self._account.incomplete = f"not JSON from line {line}, offset {offset} on"

    def _values(self) -> Iterator[Element]:
        """Walk through the values that stand at the top."""
        window, wanted = self._window, "with " + ".".join(self._path) if self._path else "of records"
        while (char := window.peek()) or not self._has_records:
            if char == "{":
                yield from self._object(self._path) if self._path else self._record()
            elif char == "[" and self._is_bare:
                yield from self._array()
            elif char == "," and self._is_bare and self._has_records:
                window.take(",")  # nfdump's JSON without its brackets
            elif self._has_records:
                self._resume(_BrokenError("not JSON: text after the end of the document"))
            else:
                raise _BrokenError(f"not a JSON document {wanted}")

    def _object(self, path: Path) -> Iterator[Element]:
        """Walk through an object that leads to the records, or is one itself where its keys are others."""
        window, rest, seen, fault = self._window, dict[str, Any](), set[str](), None
        line, offset = window.where()
        try:
            for key in self._members():
                fault = "a key is there twice" if key in seen else fault
                if key == path[0]:
                    if key in seen:
                        raise InputError(f"key {key!r} is there twice", path=self._file.path, line=window.where()[0])
                    yield from self._under(path)
                else:
                    rest[key] = window.value()
                    fault = fault or window.fault
                seen.add(key)
        except _EndedError:
            raise
        except _BrokenError as error:
            if path[0] in seen or not self._has_records:
                raise
            self._resume(error, (line, offset))
            return
        if path[0] in seen:
            return
        if not self._is_bare:
            raise InputError(f"no key {path[0]!r} in the JSON document", path=self._file.path, line=line)
        self._has_records = True
        if fault is None:
            yield Element(line, offset, rest)
        else:
            self._account.rejected.append(Rejected(line, fault, shown(json.dumps(rest)[:400].encode()), offset))

    def _under(self, path: Path) -> Iterator[Element]:
        """Walk through what stands under the first key of the path."""
        found = self._window.peek()
        if len(path) > 1 and found == "{":
            yield from self._object(path[1:])
        elif len(path) == 1 and found == "[":
            yield from self._array()
        else:
            raise _BrokenError(f"{path[0]}: not a JSON {'object' if len(path) > 1 else 'array'}")

    def _members(self) -> Iterator[str]:
        """Yield the keys of an object, each with the window at its value."""
        window = self._window
        window.take("{")
        while window.peek() != "}":
            key = window.value() if window.peek() == '"' else None
            if not isinstance(key, str):
                raise _BrokenError("not JSON: a key is no string")
            window.take(":")
            yield key
            if window.peek() != ",":
                break
            window.take(",")
        window.take("}")

    def _array(self) -> Iterator[Element]:
        window = self._window
        window.take("[")
        self._has_records = True
        while window.peek() != "]":
            self._is_resumed = False
            yield from self._record()
            found = window.peek()
            if self._is_resumed:
                continue
            if found == ",":
                window.take(",")
            elif found == "{":
                self._account.incomplete = f"not JSON: no comma before the record in line {window.where()[0]}"
            elif found != "]":
                self._resume(_BrokenError("not JSON: neither a comma nor the end after a record"))
        window.take("]")

    def _record(self) -> Iterator[Element]:
        """Yield the record that stands here, or reject it."""
        window = self._window
        window.peek()
        line, offset = window.where()
        try:
            value = window.value()
        except _BrokenError as error:
            self._resume(error)
            return
        self._has_records = True
        reason = window.fault if isinstance(value, dict) else "a record that is no JSON object"
        if reason is None:
            yield Element(line, offset, value)
        else:
            self._account.rejected.append(Rejected(line, reason, window.raw(), offset))

    def _resume(self, error: _BrokenError, start: tuple[int, int] | None = None) -> None:
        """Reject what is broken and go on at the next line that begins a record; raises where there is none.

        At the end of the text nothing was lost, unless a record had begun at `start`.
        """
        if not self._has_records:
            raise error
        if self._window.peek() or start:
            line, offset = start or self._window.where()
            self._account.rejected.append(Rejected(line, str(error), self._window.raw_here(), offset))
        if not self._window.skip_to_record():
            raise _EndedError(str(error)) from error
        self._is_resumed = True


class _Window:
    """A part of a file's text that moves forward, and where it stands in the file."""

    def __init__(self, file: str) -> None:
        self._stream = open(file, "rb")  # noqa: SIM115 - closed by `close`
        # What is no UTF-8 becomes lone surrogates, which no JSON text holds: so the record that has them is told.
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._text, self._at, self._start, self._is_over = "", 0, 0, False
        self._line, self._offset, self._counted = 1, 0, 0
        self.fault: str | None = None
        self._json = json.JSONDecoder(
            object_pairs_hook=self._pairs,
            parse_float=Number,
            parse_int=Number,
            parse_constant=self._constant,
            strict=False,
        )
        self._more()
        if self._text.startswith("\ufeff"):
            self._at = self._start = 1

    def close(self) -> None:
        self._stream.close()

    def where(self) -> tuple[int, int]:
        """Return the 1-based line and the offset in bytes of where the window stands."""
        passed = self._text[self._counted : self._at]
        self._line += passed.count("\n")
        self._offset += len(passed) if passed.isascii() else len(passed.encode("utf-8", "surrogateescape"))
        self._counted = self._at
        return self._line, self._offset

    def peek(self) -> str:
        """Return the next character that is no space, or nothing at the end."""
        while True:
            found = _SPACE.match(self._text, self._at)
            self._at = len(self._text) if found is None else found.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, char: str) -> None:
        """Pass a character that must stand here."""
        found = self.peek()
        if found != char:
            what = f"{found!r} stands there" if found else "the text ends (truncated)"
            raise _BrokenError(f"not JSON: {char!r} belongs here, but {what}")
        self._at += 1

    def value(self) -> Any:
        """Read the value that stands here and note its `fault`; numbers stay texts. Raises _BrokenError."""
        self.peek()
        while True:
            self.fault = None
            try:
                value, end = self._json.raw_decode(self._text, self._at)
            except RecursionError as error:
                raise _BrokenError("not JSON: nested too deeply") from error
            except json.JSONDecodeError as error:
                if len(self._text) - self._at > LIMITS.max_json_value_bytes:
                    raise _BrokenError(
                        f"not JSON, or a value longer than {LIMITS.max_json_value_bytes} bytes"
                    ) from error
                if not self._more():
                    raise _BrokenError(f"not JSON: {error.msg}") from error
                continue
            if end < len(self._text) or not self._more():  # else a number may go on
                break
            end = -1
        self._start, self._at = self._at, end
        self._check_raw()
        return value

    def raw(self) -> str:
        """Return the text of the value that was read last."""
        return shown(self._text[self._start : self._start + 400].encode("utf-8", "surrogateescape"))

    def raw_here(self) -> str:
        """Return the text that stands here."""
        return shown(self._text[self._at : self._at + 400].encode("utf-8", "surrogateescape"))

    def skip_to_record(self) -> bool:
        """Move to the next line that begins with `{`; return whether there is one."""
        while (found := self._text.find("\n{", self._at)) < 0:
            self._at = max(self._at, len(self._text) - 1)  # a line end may be the last that was read
            if not self._more():
                return False
        self._at = found + 1
        return True

    def _check_raw(self) -> None:
        raw = self._text[self._start : self._at]
        if len(raw) > LIMITS.max_json_value_bytes:
            self.fault = f"a value longer than {LIMITS.max_json_value_bytes} bytes"
        elif "\0" in raw:
            self.fault = "a NUL byte in the record"
        if not raw.isascii():
            try:
                raw.encode()
            except UnicodeEncodeError:
                self.fault = "not valid UTF-8"

    def _more(self) -> bool:
        """Read on, twice as much where a value is long; return whether there was more."""
        if self._is_over:
            return False
        self.where()
        wanted = max(_CHUNK_BYTES, len(self._text) - self._at)
        data = self._stream.read(wanted)
        self._is_over = len(data) < wanted
        self._text = self._text[self._at :] + self._decoder.decode(data, self._is_over)
        self._at = self._start = self._counted = 0
        return bool(data)

    def _pairs(self, pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            self.fault = "a key is there twice"
        return found

    def _constant(self, text: str) -> str:
        self.fault = f"{text} is no JSON number"
        return text
