"""Runs a conversion and offers what it gave as one more source of flow rows.

The rows go to a Parquet file in the reader's folder, one batch at a time, so that memory does not grow with the input;
then they are read like any Parquet file, fast or exactly, with the conversion's own `line` for what is put aside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from residency.errors import shorten
from residency.limits import LIMITS
from residency.traffic.columns import REQUIRED, UNKNOWN, Kind
from residency.traffic.conversion import Conversion, flow_schema
from residency.traffic.engine import quoted, scalar, seam
from residency.traffic.records import Rejected, Tally
from residency.traffic.source import OpenFile, Relation
from residency.traffic.streams import Scan
from residency.traffic.typed_format import ParquetSource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from residency.traffic.naming import Naming

EXTRAS = ("ended", "client_port", "rtt_syn_ms", "rtt_tls_ms", "rtt_quic_ms", "rtt_resolution_us", "rtt_from", "tunnel")
"""Columns that captures and logs know beside the flow table: written by `residency flows`, never judged by."""


class ConvertedSource(ParquetSource):
    """The rows of one conversion. Columns that hold nothing at all count as absent."""

    def __init__(self, spool: str, path: str, connection: duckdb.DuckDBPyConnection, filled: frozenset[str]) -> None:
        super().__init__(OpenFile(path, spool, Scan(spool), b""), connection)
        self._spool = spool
        filled |= {"answered"}  # null is an answer too: not known, whatever the bytes
        self._picked = [one for one in self._picked if one[0] in filled]
        self.kinds: Mapping[str, Kind] = {name: kind for name, kind in self.kinds.items() if name in filled} | {
            "answered": Kind.TEXT
        }
        self.exact_kinds: Mapping[str, Kind] = self.kinds
        self.extras: tuple[str, ...] = tuple(name for name in EXTRAS if name in filled)

    def _column(self, name: str, original: str, kind: Kind) -> str:
        if name == "answered":
            return f"coalesce(CAST(answered AS VARCHAR), '{UNKNOWN}') AS answered"
        return super()._column(name, original, kind)

    def exact(self) -> Relation:
        """Return the rows with the line, or the packet, that each came from."""
        extras = "".join(f", {quoted(name)}" for name in self.extras)
        sql = f"(SELECT {self._columns(self.kinds)}, line{extras} FROM {self._rows})"  # noqa: S608
        return Relation(sql, (self._spool,))


def run_conversion(
    conversion: Conversion,
    tally: Tally,
    *,
    number: int,
    spool: str,
    connection: duckdb.DuckDBPyConnection,
    naming: Naming,
) -> frozenset[str] | None:
    """Run a conversion to its end and leave its rows in the Parquet file `spool`.

    Returns the columns that hold anything, or None where there are no rows. Answers go to `naming`, what could not be
    read to the quarantine, the rest of the account to `tally`, whose `records` count all but the rows. Raises
    InputError, and AssertionError for an account that does not balance.
    """
    rows, filled = _spool(conversion, spool)
    naming.add(number, conversion.answers())
    _put_aside(conversion.rejected, number, connection)
    rest = conversion.context + conversion.duplicate + len(conversion.rejected)
    if conversion.records != rows + rest:
        raise AssertionError(f"{tally.format}: {conversion.records} records, but {rows} rows and {rest} others")
    tally.records, tally.quarantined = rest, len(conversion.rejected)
    tally.context, tally.duplicate = conversion.context, conversion.duplicate
    tally.warnings += conversion.warnings
    tally.say_duplicates()
    tally.incomplete = tally.incomplete or conversion.incomplete
    if not conversion.records:
        tally.warnings.append("no records in it")
    return filled if rows else None


def add_rows(tally: Tally, rows: Tally, *, number: int, connection: duckdb.DuckDBPyConnection) -> None:
    """Add to the account of a conversion what became of its rows."""
    tally.records += rows.records
    tally.duplicate += rows.duplicate
    tally.flows_rows += rows.flows_rows
    tally.quarantined = scalar(connection, "SELECT count(*) FROM quarantine WHERE input = ?", [number])
    tally.warnings += rows.warnings


def _spool(conversion: Conversion, spool: str) -> tuple[int, frozenset[str]]:
    """Write the rows out; return their number and the columns that hold any value."""
    import pyarrow.parquet as pq

    rows, filled = 0, set(REQUIRED)
    with pq.ParquetWriter(spool, flow_schema(), compression="lz4") as writer:
        for batch in conversion.flows():
            writer.write_batch(batch)
            rows += batch.num_rows
            filled |= {
                name
                for name, column in zip(batch.schema.names, batch.columns, strict=True)
                if name not in filled and column.null_count < batch.num_rows
            }
    return rows, frozenset(filled)


def _put_aside(rejected: Sequence[Rejected], number: int, connection: duckdb.DuckDBPyConnection) -> None:
    import pyarrow as pa

    if not rejected:
        return
    table = pa.table(
        {
            "line": pa.array([one.line for one in rejected], pa.int64()),
            "byte_offset": pa.array([one.offset for one in rejected], pa.int64()),
            "reason": pa.array([one.reason for one in rejected], pa.string()),
            "value": pa.array([shorten(one.value, LIMITS.max_value_characters) for one in rejected], pa.string()),
        }
    )
    with seam("", "keeping what was put aside"):
        connection.register("incoming", table)
        connection.execute("INSERT INTO quarantine SELECT ?, line, byte_offset, reason, value FROM incoming", [number])
        connection.unregister("incoming")
