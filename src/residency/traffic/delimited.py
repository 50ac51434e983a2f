"""Splits lines of delimited text into columns exactly: what is no clean record is rejected with its line.

Simple blocks go through pyarrow in bulk, the others line by line. A record is one line: an unclosed quote spoils
its own line only.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from residency.traffic.lines import Block, is_utf8, shown
from residency.traffic.records import Rejected

if TYPE_CHECKING:
    import pyarrow as pa

Splitter = Callable[[str], list[str]]


def split_csv(line: str) -> list[str]:
    """Split one CSV line strictly; raises csv.Error for an unclosed or misplaced quote."""
    return next(csv.reader([line], strict=True))


class Delimited:
    """A splitter for blocks that have `width` fields a line, of which `wanted` (position by name) are kept."""

    def __init__(
        self, *, delimiter: str, quoting: bool, width: int, wanted: Sequence[tuple[str, int]], null: str
    ) -> None:
        self._delimiter, self._quoting, self.width = delimiter, quoting, width
        self.wanted, self._null = wanted, null

    def typed_table(self, block: Block, integers: frozenset[str]) -> pa.Table | None:
        """Return the wanted columns with `integers` as such, or None for a block that needs a closer look.

        Quicker than texts that are cast later. A line of another width or a text that is no integer gives None.
        """
        if not (block.is_simple or (not self._quoting and _is_plain(block.data))) or b"0x" in block.data:
            return None  # pyarrow takes hexadecimal for integers
        rejected: list[Rejected] = []
        table = self._in_bulk(block, rejected, integers)
        return None if rejected else table

    def table(self, block: Block, rejected: list[Rejected]) -> pa.Table:
        """Return the wanted columns as text, with `line`; append what could not be split to `rejected`."""
        if block.is_simple or (not self._quoting and _is_plain(block.data)):
            table = self._in_bulk(block, rejected)
            if table is not None:
                return table
        return self._line_by_line(block, rejected)

    def _in_bulk(
        self, block: Block, rejected: list[Rejected], integers: frozenset[str] = frozenset()
    ) -> pa.Table | None:
        import numpy as np
        import pyarrow as pa
        import pyarrow.csv as pacsv

        lost: list[tuple[int, str]] = []

        def lose(row: Any) -> str:
            lost.append((row.number, row.text))
            return "skip"

        names = [f"c{i}" for i in range(self.width)]
        types = dict.fromkeys(names, pa.string()) | {f"c{i}": pa.int64() for one, i in self.wanted if one in integers}
        try:
            table = pacsv.read_csv(
                pa.py_buffer(block.data),
                read_options=pacsv.ReadOptions(column_names=names, use_threads=False, block_size=len(block.data) + 1),
                parse_options=pacsv.ParseOptions(
                    delimiter=self._delimiter, quote_char=False, double_quote=False, invalid_row_handler=lose
                ),
                convert_options=pacsv.ConvertOptions(
                    check_utf8=False,
                    column_types=types,
                    null_values=[self._null],
                    strings_can_be_null=True,
                    include_columns=[f"c{i}" for _, i in self.wanted],
                ),
            )
        except pa.ArrowInvalid:
            return None
        count = block.data.count(b"\n") + (not block.data.endswith(b"\n"))
        numbers = np.arange(block.first, block.first + count, dtype=np.int64)
        if lost:
            rows = np.array([number - 1 for number, _ in lost])
            numbers = np.delete(numbers, rows)
            for number, text in lost:
                rejected.append(self._wrong_width(block.first + number - 1, text, text.count(self._delimiter) + 1))
        if table.num_rows != len(numbers):
            del rejected[len(rejected) - len(lost) :]
            return None
        table = table.rename_columns([name for name, _ in self.wanted])
        return table.append_column("line", pa.array(numbers))

    def _line_by_line(self, block: Block, rejected: list[Rejected]) -> pa.Table:
        import pyarrow as pa

        numbers: list[int] = []
        columns: list[list[str | None]] = [[] for _ in self.wanted]
        for number, raw in block.lines():
            fields = self._split(number, raw, rejected)
            if fields is None:
                continue
            numbers.append(number)
            for column, (_, position) in zip(columns, self.wanted, strict=True):
                value = fields[position]
                column.append(None if value == self._null else value)
        arrays = [pa.array(column, pa.string()) for column in columns]
        names = [name for name, _ in self.wanted]
        return pa.table([*arrays, pa.array(numbers, pa.int64())], names=[*names, "line"])

    def _split(self, number: int, raw: bytes, rejected: list[Rejected]) -> list[str] | None:
        """Return the fields of a line, or None for an empty line or one that was rejected."""
        if not raw:
            return None
        reason = broken_line(raw)
        if reason is not None:
            rejected.append(Rejected(number, reason, shown(raw)))
            return None
        text = raw.decode()
        try:
            fields = split_csv(text) if self._quoting and '"' in text else text.split(self._delimiter)
        except csv.Error as error:
            rejected.append(Rejected(number, f"quotes: {error}", shown(raw)))
            return None
        if len(fields) != self.width:
            rejected.append(self._wrong_width(number, shown(raw), len(fields)))
            return None
        return fields

    def _wrong_width(self, number: int, text: str, found: int) -> Rejected:
        return Rejected(number, f"{found} fields where the header has {self.width}", text)


def broken_line(raw: bytes) -> str | None:
    """Say what makes the bytes of one line unreadable as text, or None."""
    if b"\0" in raw:
        return "a NUL byte in the line"
    if b"\r" in raw:
        return "a carriage return in mid-line"
    return None if is_utf8(raw) else "not valid UTF-8"


def _is_plain(data: bytes) -> bool:
    """Is it simple but for quotes, which the format does not know?"""
    return Block(1, data.replace(b'"', b"")).is_simple


def as_batches(tables: Iterator[pa.Table], schema: pa.Schema) -> pa.RecordBatchReader:
    """Make a stream of tables readable by DuckDB without holding more than one."""
    import pyarrow as pa

    def batches() -> Iterator[pa.RecordBatch]:
        for table in tables:
            yield from table.cast(schema).to_batches()

    return pa.RecordBatchReader.from_batches(schema, batches())


def text_schema(names: Sequence[str]) -> pa.Schema:
    """Return the schema of text columns followed by `line`."""
    import pyarrow as pa

    return pa.schema([*((name, pa.string()) for name in names), ("line", pa.int64())])
