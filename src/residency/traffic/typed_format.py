"""Parquet files and tables in memory: columns that have types of their own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

from residency.errors import InputError
from residency.traffic.columns import COLUMNS, Kind
from residency.traffic.csv_format import check_names
from residency.traffic.engine import literal, quoted, scalar, seam
from residency.traffic.inputs import partition_columns
from residency.traffic.records import Rejected
from residency.traffic.source import FlowSource, OpenFile, Relation, Span, duckdb_type
from residency.traffic.spans import cut
from residency.traffic.tables import digest, to_arrow

if TYPE_CHECKING:
    import duckdb

_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
             "UHUGEINT"}  # fmt: skip


class _TypedSource:
    """What Parquet and Arrow share: the kinds of the columns, taken from DuckDB's description."""

    format = "parquet"
    fast_condition = "true"
    keep_text = False
    is_columnar = False
    suspicious: str | None = None
    extras: tuple[str, ...] = ()

    def __init__(
        self, described: list[tuple[str, str]], path: str, constants: Mapping[str, str | None] | None = None
    ) -> None:
        names = [name.strip().lower() for name, _ in described]
        # What a folder says of its files counts where the file itself does not say it.
        self._constants = {
            name: value for name, value in (constants or {}).items() if name in COLUMNS and name not in names
        }
        described = [*described, *((name, "VARCHAR") for name in self._constants)]
        names += self._constants
        check_names(names, path, None)
        self._picked = [(names[i], described[i][0]) for i in range(len(names)) if names[i] in COLUMNS]
        self.kinds: Mapping[str, Kind] = {
            name.strip().lower(): kind_of(kind) for name, kind in described if name.strip().lower() in COLUMNS
        }
        self.exact_kinds: Mapping[str, Kind] = self.kinds
        self.rejected: list[Rejected] = []
        self.records = 0
        self.first_time: str | None = None
        self.whole: Span | None = None
        _check_kinds(self.kinds, dict(described), path)

    def spans(self, within: Span, size: int) -> list[Span]:
        """Return the span itself: what lies in memory is read at once."""
        del size
        return [within]

    def _columns(self, kinds: Mapping[str, Kind]) -> str:
        return ", ".join(self._column(name, original, kinds[name]) for name, original in self._picked)

    def _column(self, name: str, original: str, kind: Kind) -> str:
        # Dictionary (ENUM) columns are read as text; everything else keeps its type.
        column = quoted(original)
        if name in self._constants:
            value = self._constants[name]
            column = "NULL" if value is None else literal(value)
        if self.kinds[name] is Kind.TEXT:
            column = f"CAST({column} AS {duckdb_type(kind)})"
        if self.kinds[name] is Kind.MOMENT:
            column = f"CAST({column} AS TIMESTAMPTZ)"  # DuckDB has no epoch of times in nanoseconds
        return f"{column} AS {quoted(name)}"


class ParquetSource(_TypedSource):
    """Reads one Parquet file."""

    is_columnar = True

    def __init__(self, file: OpenFile, connection: duckdb.DuckDBPyConnection) -> None:
        self._link, self._size = file.link, max(os.path.getsize(file.link), 1)
        self._where = ""
        with seam(file.path, "reading its footer"):
            described = describe_parquet(connection, file.link)
            super().__init__(described, file.path, partition_columns(file.path))
            self.records = scalar(connection, "SELECT count(*) FROM read_parquet(?)", [file.link])
            self.first_time = self._first_time(connection, file.link)
        self.whole = Span(0, self.records)

    def _first_time(self, connection: duckdb.DuckDBPyConnection, link: str) -> str | None:
        original = dict(self._picked)["ts"]
        if "ts" in self._constants:
            return self._constants["ts"]
        first = f"SELECT CAST({quoted(original)} AS VARCHAR) FROM read_parquet(?) LIMIT 1"  # noqa: S608
        rows = connection.execute(first, [link]).fetchall()
        return str(rows[0][0]) if rows else None

    def spans(self, within: Span, size: int) -> list[Span]:
        """Cut a span of rows by their numbers."""
        rows = max(self.records * size // self._size, 1)
        starts = range(within.start + rows, within.end, rows)
        return cut([(row, 0) for row in starts], within, rows)

    def part(self, span: Span, target: str) -> FlowSource:
        """Return the same file with only the rows of a span, which the engine finds by row groups."""
        del target
        made = copy(self)
        made.records, made.rejected = span.end - span.start, []
        made._where = f" WHERE file_row_number >= {span.start:d} AND file_row_number < {span.end:d}"
        return made

    @property
    def _rows(self) -> str:
        return f"read_parquet(?, file_row_number = true){self._where}" if self._where else "read_parquet(?)"

    def fast(self, kinds: Mapping[str, Kind]) -> Relation | None:
        """Return DuckDB's reader."""
        return Relation(f"(SELECT {self._columns(kinds)} FROM {self._rows})", (self._link,))  # noqa: S608

    def numbered(self, kinds: Mapping[str, Kind]) -> Relation:
        """Return the rows of `fast` with their `line`, from 1."""
        rows = f"read_parquet(?, file_row_number = true){self._where}"
        sql = f"(SELECT {self._columns(kinds)}, file_row_number + 1 AS line FROM {rows})"  # noqa: S608
        return Relation(sql, (self._link,))

    def exact(self) -> Relation:
        """Return the rows numbered from 1."""
        return self.numbered(self.kinds)

    def only(self, lines: Sequence[int]) -> FlowSource:
        """Return the same file with only the rows of these lines."""
        made = copy(self)
        made.records, made.rejected = len(lines), []
        made._where = f" WHERE file_row_number IN ({', '.join(str(line - 1) for line in lines)})"
        return made


class TableSource(_TypedSource):
    """Reads a pandas, polars or Arrow table, or anything that speaks the Arrow C stream interface."""

    format = "table"

    def __init__(self, table: Any, path: str, connection: duckdb.DuckDBPyConnection) -> None:
        self._table = to_arrow(table, path)
        connection.register("incoming", self._table)
        try:
            with seam(path, "reading its columns"):
                super().__init__(describe(connection, "incoming", []), path)
        finally:
            connection.unregister("incoming")
        self.records = self._table.num_rows
        if self.kinds["ts"] is Kind.TEXT and self.records:
            self.first_time = str(self._table[dict(self._picked)["ts"]][0].as_py())

    def part(self, span: Span, target: str) -> FlowSource:
        """Return the table itself."""
        del span, target
        return self

    @property
    def sha256(self) -> str:
        """The digest of the table as one Arrow stream."""
        return digest(self._table)

    def fast(self, kinds: Mapping[str, Kind]) -> Relation | None:
        """Return the table itself."""
        return Relation(f"(SELECT {self._columns(kinds)} FROM incoming)", (), {"incoming": self._table})  # noqa: S608

    def exact(self) -> Relation:
        """Return the rows numbered from 1."""
        import numpy as np
        import pyarrow as pa

        names = [original for _, original in self._picked]
        numbers = pa.array(np.arange(1, self._table.num_rows + 1, dtype=np.int64))
        numbered = self._table.select(names).append_column("line", numbers)
        return Relation(f"(SELECT {self._columns(self.kinds)}, line FROM incoming)", (), {"incoming": numbered})  # noqa: S608


def describe_parquet(connection: duckdb.DuckDBPyConnection, link: str) -> list[tuple[str, str]]:
    """Return (name, DuckDB type) of a Parquet file's own columns."""
    return describe(connection, "read_parquet(?, hive_partitioning = false)", [link])


def describe(connection: duckdb.DuckDBPyConnection, relation: str, values: list[object]) -> list[tuple[str, str]]:
    """Return (name, DuckDB type) of a relation's columns."""
    rows = connection.execute(f"DESCRIBE SELECT * FROM {relation}", values).fetchall()  # noqa: S608
    return [(str(row[0]), str(row[1])) for row in rows]


def kind_of(duckdb_type: str) -> Kind:
    """Return how a column of this type is read."""
    if duckdb_type == "VARCHAR" or duckdb_type.startswith("ENUM"):
        return Kind.TEXT
    if duckdb_type in _INTEGERS:
        return Kind.INTEGER
    if duckdb_type in ("FLOAT", "DOUBLE") or duckdb_type.startswith("DECIMAL"):
        return Kind.FLOAT
    if duckdb_type in ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP_NS WITH TIME ZONE", "TIMESTAMPTZ_NS"):
        return Kind.MOMENT
    return Kind.BOOL if duckdb_type == "BOOLEAN" else Kind.OTHER


def _check_kinds(kinds: Mapping[str, Kind], types: Mapping[str, str], path: str) -> None:
    """Refuse columns whose type can mean no value of theirs at all."""
    by_name = {name.strip().lower(): kind for name, kind in types.items()}
    if kinds["ts"] not in (Kind.TEXT, Kind.INTEGER, Kind.FLOAT, Kind.MOMENT):
        naive = by_name["ts"].startswith(("TIMESTAMP", "DATE", "DATETIME"))
        why = "times without a time zone; convert them to UTC" if naive else f"type {by_name['ts']} is no time"
        raise InputError(f"column ts: {why}", path=path)
    if kinds["server_ip"] not in (Kind.TEXT, Kind.INTEGER):
        raise InputError(f"column server_ip: type {by_name['server_ip']} is neither text nor an integer", path=path)
