"""What conversions of logs share: lines into a table of texts with their numbers, and an account of every line.

A log is staged once as text, in bulk; its format then says in SQL what its columns mean. What cannot be split or is
no JSON object is rejected here, line by line; values are checked by the format and by the flow table.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from residency.limits import LIMITS
from residency.traffic.columns import LAST_US
from residency.traffic.conversion import answer_schema, flow_schema
from residency.traffic.delimited import Delimited
from residency.traffic.distinct import PLAIN_HOST, read_host
from residency.traffic.engine import quoted, scalar
from residency.traffic.lines import shown
from residency.traffic.ndjson_format import objects, whole_blocks
from residency.traffic.records import Rejected

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from residency.traffic.source import OpenFile

Path = tuple[str, ...]
_BATCH_ROWS = 100_000


@dataclass(slots=True)
class Account:
    """The counts of one input, as `conversion.Conversion` asks for them."""

    records: int = 0
    context: int = 0
    duplicate: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    incomplete: str | None = None

    def reject(self, connection: duckdb.DuckDBPyConnection, query: str) -> None:
        """Reject the lines that a query yields as (line, reason, value)."""
        cursor = connection.execute(query)
        while rows := cursor.fetchmany(_BATCH_ROWS):
            self.rejected += [Rejected(line, reason, value or "") for line, reason, value in rows]

    def mark_cut_line(self, file: OpenFile) -> None:
        """Say of a rejected last line without line end that it was cut, and of the file that it is incomplete."""
        scan = file.scan
        if scan.ends_with_newline or scan.damage is not None:
            return
        for place, one in enumerate(self.rejected):
            if one.line == scan.lines and not one.reason.startswith("truncated"):
                self.rejected[place] = Rejected(one.line, f"truncated last line: {one.reason}", one.value)
                self.incomplete = "the last line is cut"


class LogConversion(Account):
    """A log as a `conversion.Conversion`: the file, the engine, and the account; `flows` is the format's own.

    A log that names flows by what clients were answered overrides `answers`.
    """

    def __init__(self, file: OpenFile, connection: duckdb.DuckDBPyConnection) -> None:
        super().__init__()
        self._file, self._con = file, connection

    def answers(self) -> Iterator[pa.RecordBatch]:
        """Yield nothing: such a log has no names beside those of its flows."""
        yield from ()


def stage_lines(file: OpenFile, connection: duckdb.DuckDBPyConnection, table: str, account: Account) -> None:
    """Make the temporary `table` (line, text) of a log whose lines are taken apart by patterns."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} (line BIGINT, text VARCHAR)")
    splitter = Delimited(delimiter="\x1f", quoting=False, width=1, wanted=[("text", 0)], null="\x1e")
    for block in whole_blocks(file, account.rejected):
        insert_table(connection, table, splitter.table(block, account.rejected))
    account.records += scalar(connection, f"SELECT count(*) FROM {table}") + len(account.rejected)  # noqa: S608


def stage_json(
    file: OpenFile, connection: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, Path], account: Account
) -> None:
    """Make the temporary `table` (line, columns as text) of a log with one JSON object a line.

    `columns` gives for each name the keys that lead to its value; arrays and objects stand as JSON text, what is
    absent as null. A clean file goes through DuckDB; where that refuses a line (malformed, a key twice, too long),
    or an empty line shifts the numbers, every line is read by the strict reader instead.
    """
    if not (file.scan.is_clean and _staged_fast(file, connection, table, columns)):
        _stage_exactly(file, connection, table, columns, account)
    account.records += scalar(connection, f"SELECT count(*) FROM {table}") + len(account.rejected)  # noqa: S608


def _staged_fast(
    file: OpenFile, connection: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, Path]
) -> bool:
    import duckdb

    types = _types(columns.values())
    picked = ", ".join(f"{'.'.join(quoted(key) for key in path)} AS {quoted(name)}" for name, path in columns.items())
    reader = f"""read_json(?, format = 'newline_delimited', auto_detect = false, ignore_errors = false,
      compression = 'uncompressed', maximum_object_size = {LIMITS.max_line_bytes},
      columns = {{{", ".join(f"{quoted(key)}: '{kind}'" for key, kind in types.items())}}})"""
    try:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT row_number() OVER () AS line, {picked} FROM {reader}",  # noqa: S608
            [file.link],
        )
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error:
        return False
    # A line `null` is a row of nulls to DuckDB, and no object.
    some = " OR ".join(f"{quoted(name)} IS NOT NULL" for name in columns)
    return scalar(connection, f"SELECT count(*) FROM {table} WHERE {some}") == file.scan.lines  # noqa: S608


def _types(paths: Iterable[Path]) -> dict[str, str]:
    """Return the DuckDB type of each first key; nested keys make structs of text."""
    tree: dict[str, Any] = {}
    for path in paths:
        inner = tree
        for key in path[:-1]:
            inner = inner.setdefault(key, {})
        inner[path[-1]] = None

    def kind(value: dict[str, Any] | None) -> str:
        if value is None:
            return "VARCHAR"
        return f"STRUCT({', '.join(f'{quoted(key)} {kind(inner)}' for key, inner in value.items())})"

    return {key: kind(value) for key, value in tree.items()}


def _stage_exactly(
    file: OpenFile, connection: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, Path], account: Account
) -> None:
    names = ", ".join(f"{quoted(name)} VARCHAR" for name in columns)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} (line BIGINT, {names})")
    for block in whole_blocks(file, account.rejected):
        rows: list[list[str | int | None]] = []
        for number, found, raw in objects(block, account.rejected):
            try:
                rows.append([number, *(_text(found, path) for path in columns.values())])
            except TypeError as error:
                account.rejected.append(Rejected(number, f"{error}: a JSON value of the wrong type", shown(raw)))
        _insert(connection, table, rows, list(columns))


def _text(found: Mapping[str, Any], path: Path) -> str | None:
    """Return the value at a path as text; raises TypeError with the key where a value stands for an object."""
    value: Any = found
    for key in path:
        if not isinstance(value, Mapping):
            raise TypeError(path[0])
        value = value.get(key)
        if value is None:
            return None
    if isinstance(value, str):
        return str(value)
    return json.dumps(value)


def _insert(
    connection: duckdb.DuckDBPyConnection, table: str, rows: list[list[str | int | None]], names: list[str]
) -> None:
    import pyarrow as pa

    if not rows:
        return
    columns = list(zip(*rows, strict=True))
    arrays = [pa.array(columns[0], pa.int64()), *(pa.array(column, pa.string()) for column in columns[1:])]
    insert_table(connection, table, pa.table(arrays, names=["line", *names]))


def insert_table(connection: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> None:
    """Append an Arrow table to a table by the names of its columns."""
    connection.register("staged", rows)
    connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM staged")  # noqa: S608
    connection.unregister("staged")


def flow_batches(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a query as batches of `flow_schema()`; columns that it lacks are null."""
    yield from _batches(connection, query, flow_schema())


def answer_batches(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a query as batches of `answer_schema()`; columns that it lacks are null."""
    yield from _batches(connection, query, answer_schema())


def _batches(connection: duckdb.DuckDBPyConnection, query: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    for batch in connection.sql(query).to_arrow_reader(_BATCH_ROWS):
        arrays = [
            batch.column(name).cast(kind) if name in batch.schema.names else pa.nulls(batch.num_rows, kind)
            for name, kind in zip(schema.names, schema.types, strict=True)
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


# -- SQL of single values --------------------------------------------------------------------------------------------


def whole(column: str) -> str:
    """Return SQL for a text as an integer, null unless it is written as one (no point, exponent, sign or space)."""
    return f"CASE WHEN CAST(TRY_CAST({column} AS BIGINT) AS VARCHAR) = {column} THEN TRY_CAST({column} AS BIGINT) END"


def is_bad_count(column: str, value: str) -> str:
    """Return SQL: is there a text, and is its `value` no count?"""
    return f"{column} IS NOT NULL AND coalesce({value} NOT BETWEEN 0 AND {LIMITS.max_record_bytes - 1}, true)"


def is_bad_second(column: str, value: str) -> str:
    """Return SQL: is the `value` of a text no second from 1970 to 2200?"""
    return f"{column} IS NULL OR coalesce({value} NOT BETWEEN 0 AND {LAST_US // 1_000_000 - 1}, true)"


def moment(microseconds: str) -> str:
    """Return SQL for microseconds since 1970 as an instant."""
    return f"CAST(make_timestamp({microseconds}) AS TIMESTAMPTZ)"


def has_payload(bytes_: str, packets: str, proto: str, address: str, *, link_bytes: int = 0) -> str:
    """Return SQL: did packets of these sizes carry payload, where sizes count the headers too?

    True where they are larger than the largest headers, false where nothing came or no packet exceeds the smallest,
    else null (not known). `link_bytes` is the most that the layer below IP may add. TCP headers are 20 to 60 bytes
    (RFC 9293), IP headers 20 or 40, IPv4 options are taken for absent.
    """
    ip = f"CASE WHEN contains({address}, ':') THEN 40 ELSE 20 END"
    packets = f"CAST({packets} AS DOUBLE)"  # a count near the cap must not overflow
    smallest = f"({ip} + CASE WHEN {proto} IN ('6', 'tcp') THEN 20 ELSE 8 END)"
    largest = f"({ip} + {link_bytes} + CASE WHEN {proto} IN ('6', 'tcp') THEN 60 ELSE 8 END)"
    return (
        f"CASE WHEN {packets} = 0 OR {bytes_} = 0 THEN false WHEN {bytes_} > {packets} * {largest} THEN true "
        f"WHEN {bytes_} <= {packets} * {smallest} THEN false END"
    )


def read_hosts(connection: duckdb.DuckDBPyConnection, table: str, query: str) -> None:
    """Make the temporary `table` (text, canonical, reason) of the distinct texts that `query` yields as `text`.

    For names that were heard on the wire: what no host can be called must not spoil the flow that it was heard of.
    """
    import pyarrow as pa

    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT DISTINCT text, text AS canonical, "  # noqa: S608
        f"CAST(NULL AS VARCHAR) AS reason FROM ({query}) WHERE text IS NOT NULL"
    )
    plain = f"regexp_full_match(text, '{PLAIN_HOST}') AND strlen(text) <= 253 AND NOT contains(text, 'xn--')"
    odd = [text for (text,) in connection.execute(f"SELECT text FROM {table} WHERE NOT ({plain})").fetchall()]  # noqa: S608
    if not odd:
        return
    found = [read_host(text) for text in odd]
    columns = {"text": odd, "canonical": [host for host, _ in found], "reason": [why for _, why in found]}
    connection.execute(f"DELETE FROM {table} WHERE NOT ({plain})")  # noqa: S608
    insert_table(connection, table, pa.table({name: pa.array(one, pa.string()) for name, one in columns.items()}))
