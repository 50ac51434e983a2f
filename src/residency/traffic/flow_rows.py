"""The flow table itself, one row a flow: kept where it is asked for, and written as Parquet, CSV or NDJSON.

Rows are in one order that depends on their content alone. What cannot be read, duplicates and context are not in it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING

from residency.errors import UsageError
from residency.traffic.columns import UNKNOWN
from residency.traffic.conversion import flow_schema
from residency.traffic.converted import EXTRAS
from residency.traffic.engine import quoted, scalar, seam

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from residency.traffic.distinct import Distinct

WRITTEN = {"parquet": "FORMAT parquet, COMPRESSION zstd", "csv": "FORMAT csv, HEADER true", "ndjson": "FORMAT json"}
"""Forms that a flow table is written in, with DuckDB's words for them."""

_TABLE = {
    "ts": "TIMESTAMPTZ",
    "client_ip": "VARCHAR",
    "server_ip": "VARCHAR",
    "server_port": "INTEGER",
    "proto": "VARCHAR",
    "bytes_sent": "BIGINT",
    "bytes_received": "BIGINT",
    "host": "VARCHAR",
    "named_by": "VARCHAR",
    "answered": "BOOLEAN",
    "rtt_ms": "DOUBLE",
    "rtt_kind": "VARCHAR",
    "flows": "BIGINT",
    "vantage": "VARCHAR",
    "flow_id": "VARCHAR",
}
_ONLY_IF_THERE = ("vantage", "flow_id", *EXTRAS)
_DUCKDB = {"timestamp[us, tz=UTC]": "TIMESTAMPTZ", "string": "VARCHAR", "int32": "INTEGER", "double": "DOUBLE"}
_MOMENTS = ("ts", "ended")


class FlowRows:
    """Takes the good rows of every input, named, and writes them out."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, distinct: Distinct) -> None:
        self._con, self._distinct = connection, distinct
        extras = {name: _DUCKDB[str(flow_schema().field(name).type)] for name in EXTRAS}
        columns = ", ".join(f"{name} {kind}" for name, kind in (_TABLE | extras).items())
        connection.execute(f"CREATE TABLE flow_rows ({columns})")

    def take(self, rows: str, extras: Sequence[str] = (), *, has_integer_clients: bool = False) -> None:
        """Keep the rows of a relation with the columns of a stage table; its texts were read by `Distinct`.

        An address whose form says something (mapped, NAT64) stays as written: reading it again must say the same.
        """
        clients = f"SELECT DISTINCT client_ip AS text FROM {rows}"  # noqa: S608
        (self._distinct.integer_addresses if has_integer_clients else self._distinct.addresses)(clients)
        names = [*_TABLE, *extras]
        self._con.execute(
            f"""
            INSERT INTO flow_rows ({", ".join(names)})
            SELECT CAST(make_timestamp(t.ts_us) AS TIMESTAMPTZ), coalesce(c.canonical, trim(t.client_ip)),
              CASE WHEN a.form = 'native' THEN a.canonical ELSE trim(t.server_ip) END,
              p.canonical, r.canonical, t.bytes_sent, t.bytes_received, h.canonical,
              CASE WHEN h.canonical IS NOT NULL THEN coalesce(n.canonical, 'stated') END,
              t.answered, t.rtt_ms, t.rtt_kind, coalesce(t.flows, 1), nullif(trim(t.vantage), ''),
              t.flow_id{"".join(f", t.{quoted(name)}" for name in extras)}
            FROM {rows} t
            JOIN seen_address a ON a.text = t.server_ip AND a.is_int = t.int_address
            LEFT JOIN seen_address c ON c.text = t.client_ip AND c.is_int = {has_integer_clients}
            LEFT JOIN seen_port p ON p.text = t.server_port
            LEFT JOIN seen_proto r ON r.text = t.proto
            LEFT JOIN seen_host h ON h.text = t.host
            LEFT JOIN seen_named_by n ON n.text = t.named_by"""  # noqa: S608
        )

    @property
    def columns(self) -> list[str]:
        """The columns of the table: those of a flow table, and of the others those that hold anything."""
        names = [name for name in _TABLE if name not in _ONLY_IF_THERE]
        return names + [name for name in _ONLY_IF_THERE if scalar(self._con, f"SELECT count({name}) FROM flow_rows")]  # noqa: S608

    def to_arrow(self) -> pa.Table:
        """Return the table in memory."""
        return self._con.cursor().sql(self._sorted(self._picked("parquet"))).to_arrow_table()

    def write(self, path: str, form: str, folder: str) -> None:
        """Write the table to `path` by way of `folder`; raises UsageError where it cannot be written."""
        made = os.path.join(folder, "flows_out")
        picked = self._picked(form)
        with seam(path, "writing flows"):
            self._con.execute("SET preserve_insertion_order = true")  # else the order is lost on the way out
            self._con.execute(
                f"COPY ({self._sorted(picked)}) TO '{made.replace(chr(39), chr(39) * 2)}' ({WRITTEN[form]})"
            )
        try:
            shutil.copyfile(made, path)
        except OSError as error:
            raise UsageError(f"cannot be written: {error.strerror}", path=path) from error
        finally:
            os.unlink(made)

    def _picked(self, form: str) -> list[str]:
        """Return SQL for each column; where bytes are known and an answer is not, `answered` has words for it."""
        made = self.columns if form == "parquet" else [_as_text(name, form) for name in self.columns]
        doubtful = "SELECT count(*) FROM flow_rows WHERE answered IS NULL AND bytes_received IS NOT NULL"
        if scalar(self._con, doubtful):
            unknown = f"CASE WHEN bytes_received IS NOT NULL THEN '{UNKNOWN}' END"
            words = f"coalesce(CAST(answered AS VARCHAR), {unknown}) AS answered"
            made = [words if one == "answered" else one for one in made]
        return made

    def _sorted(self, picked: Sequence[str]) -> str:
        order = ", ".join(f"flow_rows.{name} NULLS FIRST" for name in self.columns)
        return f"SELECT {', '.join(picked)} FROM flow_rows ORDER BY {order}"  # noqa: S608


def _as_text(name: str, form: str) -> str:
    """Return SQL for a column of a text form: times in RFC 3339, and nothing that a spreadsheet would run."""
    if name in _MOMENTS:
        return f"strftime({name} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ') AS {name}"
    if form == "csv" and name in ("vantage", "flow_id"):
        one_line = f"regexp_replace({name}, '[\\x00-\\x1f\\x7f]', ' ', 'g')"
        return f"CASE WHEN regexp_matches({name}, '^[=+@\\s-]') THEN '''' || {one_line} ELSE {one_line} END AS {name}"
    return name
