"""NDJSON: the plain flow table as one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from residency.traffic.columns import COLUMNS, Kind
from residency.traffic.csv_format import check_names, split_cut_line
from residency.traffic.delimited import as_batches, broken_line, text_schema
from residency.traffic.engine import quoted
from residency.traffic.lines import BOM, Block, blocks, shown
from residency.traffic.records import Rejected
from residency.traffic.source import FlowSource, OpenFile, Relation, Span, damage_of, duckdb_type
from residency.traffic.spans import as_spans, copy_spans, cut

if TYPE_CHECKING:
    import pyarrow as pa

    from residency.traffic.quick.workers import Found

_TEXT_ONLY = ("server_ip", "client_ip", "host", "named_by", "rtt_kind")
_HEAD_OBJECTS = 1_000


class Number(str):
    """The text of a JSON number, so that it is neither rounded nor taken for a string."""

    __slots__ = ()


class _MalformedError(ValueError):
    """A line that is no JSON object."""


class NdjsonSource:
    """Reads one NDJSON file."""

    format = "ndjson"
    is_columnar = False
    keep_text = True
    extras: tuple[str, ...] = ()
    # DuckDB turns true, 5 and [..] into text: such a text where a string belongs needs the exact reader.
    suspicious: str | None = (
        "regexp_full_match(host, '(?s)true|false|[-+0-9.eE]+|[\\[{].*') OR proto IN ('true', 'false') "
        "OR regexp_full_match(vantage, '(?s)true|false|[\\[{].*') "
        "OR regexp_full_match(concat_ws(' ', server_port, proto), '(?s).*[\\[{].*')"
    )

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        names = _keys(file.head)
        check_names(names, file.path, 1)
        present = [name for name in COLUMNS if name in names]
        self.kinds: Mapping[str, Kind] = dict.fromkeys(present, Kind.TEXT)
        self.exact_kinds: Mapping[str, Kind] = dict.fromkeys(COLUMNS, Kind.TEXT)
        absent = [f"{quoted(name)} IS NULL" for name in COLUMNS if name not in present]
        self.fast_condition = " AND ".join(absent) or "true"
        self.records = file.scan.lines
        self.rejected: list[Rejected] = []

    @property
    def whole(self) -> Span | None:
        """All of the file."""
        return Span(0, self._file.scan.size)

    def spans(self, within: Span, size: int) -> list[Span]:
        """Cut a span at line ends."""
        return cut(self._file.scan.marks, within, size)

    def part(self, span: Span, target: str) -> FlowSource:
        """Return the source of a span's copy; its keys are still those of the first objects of the file."""
        return NdjsonSource(copy_spans(self._file, [span], b"", target, self.format))

    def lines(self, odd: Sequence[tuple[int, int]], target: str) -> tuple[FlowSource, list[int]]:
        """Return the source of a copy of some lines, and the line of the file that each of its lines is."""
        spans = as_spans(self._file, odd)
        copied = NdjsonSource(copy_spans(self._file, spans, b"", target, self.format))
        return copied, [span.lines_before + 1 for span in spans]

    @property
    def first_time(self) -> str | None:
        """The text of the first row's `ts`."""
        for _, found, _ in objects(Block(1, self._file.head.removeprefix(BOM).partition(b"\n")[0]), []):
            return str(found.get("ts"))
        return None

    def fast(self, kinds: Mapping[str, Kind]) -> Relation | None:
        """Return DuckDB's reader over the columns."""
        if not self._file.scan.is_clean:
            return None
        columns = ", ".join(f"'{name}': '{duckdb_type(kinds.get(name, Kind.TEXT))}'" for name in COLUMNS)
        sql = f"""read_json(?, format = 'newline_delimited', auto_detect = false, columns = {{{columns}}},
          compression = 'uncompressed', ignore_errors = false)"""
        return Relation(sql, (self._file.link,))

    def quick(self, cuts: Sequence[int], time_unit: str, threads: int) -> Found | None:
        """Return the groups of all rows as compiled loops read them: only of lines that all look like the first."""
        from residency.traffic.quick.text_files import Lines, group_objects, is_readable, template_of

        scan = self._file.scan
        line = self._file.head.partition(b"\n")[0]
        if not is_readable(scan, self.first_time, time_unit) or line.startswith(BOM):
            return None
        found = template_of(line.decode())
        if found is None or not self.kinds.keys() <= set(found[1]):
            return None
        template, keys = found
        columns = {name: keys.index(name) for name in self.kinds}
        return group_objects(Lines(scan.file, 0, scan.size, columns, self.first_time or "", cuts), template, threads)

    def exact(self) -> Relation:
        """Return the columns as text with line numbers."""
        self.rejected = []
        reader = as_batches(self._tables(), text_schema(COLUMNS))
        return Relation("incoming", (), {"incoming": reader})

    def _tables(self) -> Iterator[pa.Table]:
        for block in whole_blocks(self._file, self.rejected):
            yield _table(block, self.rejected)


def whole_blocks(file: OpenFile, rejected: list[Rejected]) -> Iterator[Block]:
    """Yield the blocks of a file; what a broken stream cut off is rejected."""
    scan = file.scan
    for block in blocks(scan.file, rejected):
        whole = block
        if scan.damage is not None and not block.data.endswith(b"\n"):
            whole, cut = split_cut_line(block)
            rejected.extend([cut] if cut is not None else [])
        if whole.data:
            yield whole
    lost = damage_of(scan)
    if lost is not None:
        rejected.append(lost)


def objects(block: Block, rejected: list[Rejected]) -> Iterator[tuple[int, dict[str, Any], bytes]]:
    """Yield (line, object, raw line); lines that hold no JSON object are rejected, empty ones skipped."""
    for number, raw in block.lines():
        if not raw:
            continue
        reason = broken_line(raw)
        if reason is None:
            try:
                yield number, parse_object(raw.decode()), raw
                continue
            except _MalformedError as error:
                reason = str(error)
        rejected.append(Rejected(number, reason, shown(raw)))


def parse_object(text: str) -> dict[str, Any]:
    """Read one JSON object strictly: no duplicate keys, NaN or depth that ends the stack; numbers stay texts."""
    try:
        value = _DECODER.decode(text)
    except RecursionError as error:
        raise _MalformedError("not a JSON object: nested too deeply") from error
    except ValueError as error:
        raise _MalformedError(f"not a JSON object: {str(error)[:80]}") from error
    if not isinstance(value, dict):
        raise _MalformedError("not a JSON object")
    if "\\u" in text and not _is_unicode(value):
        raise _MalformedError("not a JSON object: half of a surrogate pair")
    return value


def _is_unicode(value: object) -> bool:
    """Can it be written as UTF-8? Not what an escape made half of a surrogate pair."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _no_twins(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_no_twins, parse_float=Number, parse_int=Number, parse_constant=_no_constant
)


def _table(block: Block, rejected: list[Rejected]) -> pa.Table:
    import pyarrow as pa

    numbers: list[int] = []
    columns: dict[str, list[str | None]] = {name: [] for name in COLUMNS}
    for number, found, raw in objects(block, rejected):
        texts: list[str | None] = []
        for name in COLUMNS:
            value = found.get(name)
            if value is not None and not isinstance(value, str):
                value = None if isinstance(value, (dict, list)) else ("true" if value else "false")
                if value is None or name not in (
                    "answered",
                    "ts",
                    "bytes_sent",
                    "bytes_received",
                    "flows",
                    "rtt_ms",
                ):
                    rejected.append(Rejected(number, f"{name}: a JSON value of the wrong type", shown(raw)))
                    break
            elif isinstance(value, Number) and name in _TEXT_ONLY:
                rejected.append(Rejected(number, f"{name}: a JSON number where a string belongs", shown(raw)))
                break
            texts.append(value)
        else:
            numbers.append(number)
            for column, text in zip(columns.values(), texts, strict=True):
                column.append(text if text is None else str(text))
    arrays = [pa.array(column, pa.string()) for column in columns.values()]
    return pa.table([*arrays, pa.array(numbers, pa.int64())], names=[*COLUMNS, "line"])


def _keys(head: bytes) -> list[str]:
    """Return the keys of the first objects, in order of appearance."""
    ignored: list[Rejected] = []
    end = head.rfind(b"\n") + 1
    data = head[:end] if end else head
    found: dict[str, None] = {}
    for count, (_, value, _) in enumerate(objects(Block(1, data.removeprefix(BOM)), ignored)):
        found.update(dict.fromkeys(value))
        if count >= _HEAD_OBJECTS:
            break
    return list(found)
