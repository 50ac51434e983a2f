"""CSV: the plain flow table of DESIGN section 7.3, one record a line, comma-separated, with a header."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from residency.errors import InputError, LimitError, shorten
from residency.limits import LIMITS
from residency.traffic.columns import COLUMNS, REQUIRED, Kind
from residency.traffic.delimited import Delimited, as_batches, broken_line, split_csv, text_schema
from residency.traffic.engine import quoted
from residency.traffic.lines import BOM, Block, blocks, shown
from residency.traffic.records import Rejected
from residency.traffic.source import FlowSource, OpenFile, Relation, Span, damage_of, duckdb_type
from residency.traffic.spans import as_spans, copy_spans, cut

if TYPE_CHECKING:
    import pyarrow as pa

    from residency.traffic.quick.workers import Found


class CsvSource:
    """Reads one CSV file."""

    format = "csv"
    fast_condition = "true"
    is_columnar = False
    keep_text = False
    suspicious: str | None = None
    extras: tuple[str, ...] = ()

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        self._names = _header(file)
        self._wanted = [(name, self._names.index(name)) for name in COLUMNS if name in self._names]
        self.kinds: Mapping[str, Kind] = {name: Kind.TEXT for name, _ in self._wanted}
        self.exact_kinds: Mapping[str, Kind] = self.kinds
        self.records = max(file.scan.lines - 1, 0)
        self.rejected: list[Rejected] = []

    @property
    def whole(self) -> Span | None:
        """All of the file."""
        return Span(0, self._file.scan.size)

    def spans(self, within: Span, size: int) -> list[Span]:
        """Cut a span at line ends; each part begins with the header, which is no line of it."""
        return cut([(at, lines - 1) for at, lines in self._file.scan.marks], within, size)

    def part(self, span: Span, target: str) -> FlowSource:
        """Return the source of a span's copy."""
        return CsvSource(copy_spans(self._file, [span], self._header, target, self.format))

    @property
    def _header(self) -> bytes:
        return self._file.head.partition(b"\n")[0] + b"\n"

    def lines(self, odd: Sequence[tuple[int, int]], target: str) -> tuple[FlowSource, list[int]]:
        """Return the source of a copy of some lines, and the line of the file that each of its lines is."""
        spans = as_spans(self._file, odd)
        copied = CsvSource(copy_spans(self._file, spans, self._header, target, self.format))
        return copied, [1, *(span.lines_before + 1 for span in spans)]

    @property
    def first_time(self) -> str | None:
        """The text of the first row's `ts`."""
        fields = self._file.head.partition(b"\n")[2].partition(b"\n")[0].split(b",")
        position = self._names.index("ts")
        return fields[position].decode("utf-8", "replace").strip('\r"') if position < len(fields) else None

    def fast(self, kinds: Mapping[str, Kind]) -> Relation | None:
        """Return DuckDB's reader over the columns."""
        if not self._file.scan.is_clean:
            return None
        types = {position: duckdb_type(kinds[name]) for name, position in self._wanted}
        columns = ", ".join(f"'c{i}': '{types.get(i, 'VARCHAR')}'" for i in range(len(self._names)))
        picked = ", ".join(f"c{i} AS {quoted(name)}" for name, i in self._wanted)
        quote = "quote = '\"', escape = '\"'" if self._file.scan.has_quotes else "quote = '', escape = ''"
        newline = "\\r\\n" if self._file.scan.cr else "\\n"
        sql = f"""(SELECT {picked} FROM read_csv(?, auto_detect = false, header = true, columns = {{{columns}}},
          delim = ',', {quote}, nullstr = '', new_line = '{newline}', compression = 'none', strict_mode = true))"""  # noqa: S608
        return Relation(sql, (self._file.link,))

    def quick(self, cuts: Sequence[int], time_unit: str, threads: int) -> Found | None:
        """Return the groups of all rows as compiled loops read them."""
        from residency.traffic.quick.text_files import Lines, group_csv, is_readable

        scan = self._file.scan
        if not is_readable(scan, self.first_time, time_unit) or scan.has_quotes:
            return None
        first = self._file.head.index(b"\n") + 1
        lines = Lines(scan.file, first, scan.size, dict(self._wanted), self.first_time or "", cuts)
        return group_csv(lines, len(self._names), b",", threads)

    def exact(self) -> Relation:
        """Return the columns as text with line numbers."""
        self.rejected = []
        reader = as_batches(self._tables(), text_schema([name for name, _ in self._wanted]))
        return Relation("incoming", (), {"incoming": reader})

    def _tables(self) -> Iterator[pa.Table]:
        splitter = Delimited(delimiter=",", quoting=True, width=len(self._names), wanted=self._wanted, null="")
        scan = self._file.scan
        for block in blocks(scan.file, self.rejected):
            data = block
            if block.first == 1:
                head, _, rest = block.data.partition(b"\n")
                del head
                data = Block(2, rest)
            if scan.damage is not None and not data.data.endswith(b"\n"):
                data = self._without_cut_line(data)
            if data.data:
                yield splitter.table(data, self.rejected)
        lost = damage_of(scan)
        if lost is not None:
            self.rejected.append(lost)

    def _without_cut_line(self, block: Block) -> Block:
        whole, cut = split_cut_line(block)
        if cut is not None:
            self.rejected.append(cut)
        return whole


def split_cut_line(block: Block) -> tuple[Block, Rejected | None]:
    """Part a block from the unterminated line that a broken stream leaves at its end."""
    end = block.data.rfind(b"\n") + 1
    whole, cut = block.data[:end], block.data[end:]
    if not cut:
        return block, None
    number = block.first + whole.count(b"\n")
    return Block(block.first, whole), Rejected(number, "truncated last line: the stream breaks here", shown(cut))


def _header(file: OpenFile) -> list[str]:
    line = file.head.removeprefix(BOM).partition(b"\n")[0].removesuffix(b"\r")
    if len(line) >= len(file.head) - len(BOM) and file.scan.newlines and b"\n" not in file.head:
        raise LimitError(f"header longer than {len(file.head)} bytes", path=file.path, line=1)
    reason = broken_line(line)
    if reason is not None:
        raise InputError(f"header: {reason}", path=file.path, line=1)
    try:
        names = [name.strip().lower() for name in split_csv(line.decode())]
    except csv.Error as error:
        raise InputError(f"header: {error}", path=file.path, line=1) from error
    if len(names) > LIMITS.max_log_fields:
        raise LimitError(f"more than {LIMITS.max_log_fields} columns", path=file.path, line=1)
    check_names(names, file.path, 1)
    return names


def check_names(names: Sequence[str], path: str, line: int | None) -> None:
    """Refuse a table that lacks a required column or has one of ours twice; raises InputError."""
    missing = [name for name in REQUIRED if name not in names]
    there = shorten(", ".join(names), 200)
    if missing:
        raise InputError(f"no column {', '.join(missing)}; the columns are: {there}", path=path, line=line)
    twice = [name for name in COLUMNS if names.count(name) > 1] if isinstance(names, list) else []
    if twice:
        raise InputError(f"column {', '.join(twice)} is there twice; the columns are: {there}", path=path, line=line)
