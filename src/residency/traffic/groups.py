"""From `by_input` to the distinct endpoints: canonical keys, sums over inputs, one deterministic order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from residency.arrow import integers, texts
from residency.errors import LimitError
from residency.model.network import AddressForm
from residency.traffic.engine import scalar

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

KEY = "server_ip, server_port, proto, host, named_by, answered, period, vantage, rtt_kind"

_CANONICAL = """
CREATE OR REPLACE TABLE canonical AS
SELECT b.input, a.canonical AS server_ip, a.form AS form, p.canonical AS server_port, r.canonical AS proto,
  h.canonical AS host,
  CASE WHEN h.canonical IS NULL THEN NULL ELSE coalesce(n.canonical, 'stated') END AS named_by,
  b.answered, b.period, nullif(trim(b.vantage), '') AS vantage, b.rtt_kind,
  b.records, b.flows, b.bytes_sent, b.bytes_received, b.sent_unknown, b.received_unknown,
  b.first_us, b.last_us, b.min_rtt_ms, b.rtt_samples
FROM (
  SELECT * FROM by_input WHERE host IS NULL OR host NOT IN (
    SELECT text FROM seen_host WHERE $narrow AND canonical IS NOT NULL AND canonical NOT IN (SELECT host FROM wanted)
  )) b
JOIN seen_address a ON a.text = b.server_ip AND a.is_int = b.int_address
LEFT JOIN seen_port p ON p.text = b.server_port
LEFT JOIN seen_proto r ON r.text = b.proto
LEFT JOIN seen_host h ON h.text = b.host
LEFT JOIN seen_named_by n ON n.text = b.named_by"""

_FORMS = (
    "concat_ws(',', "
    + ", ".join(f"CASE WHEN bool_or(form = '{form.value}') THEN '{form.value}' END" for form in sorted(AddressForm))
    + ")"
)

_GROUPED = f"""
CREATE OR REPLACE TABLE grouped AS
SELECT {KEY}, {_FORMS} AS server_form,
  sum(records) AS records, sum(flows) AS flows, sum(bytes_sent) AS bytes_sent, sum(bytes_received) AS bytes_received,
  sum(sent_unknown) AS sent_unknown, sum(received_unknown) AS received_unknown,
  min(first_us) AS first_us, max(last_us) AS last_us, min(min_rtt_ms) AS min_rtt_ms, sum(rtt_samples) AS rtt_samples
FROM canonical GROUP BY {KEY}"""  # noqa: S608

_SORTED = f"""
CREATE OR REPLACE TABLE numbered AS
SELECT row_number() OVER (ORDER BY {", ".join(f"{name} NULLS FIRST" for name in KEY.split(", "))}) - 1 AS group_id, *
FROM grouped"""  # noqa: S608

_OUTPUT = """
SELECT group_id, server_ip, server_form, server_port, proto, host, named_by, answered, period, vantage, rtt_kind,
  CAST(records AS BIGINT) AS records, CAST(flows AS BIGINT) AS flows, CAST(bytes_sent AS BIGINT) AS bytes_sent,
  CAST(bytes_received AS BIGINT) AS bytes_received, CAST(sent_unknown AS BIGINT) AS sent_unknown,
  CAST(received_unknown AS BIGINT) AS received_unknown, first_us, last_us, min_rtt_ms,
  CAST(rtt_samples AS BIGINT) AS rtt_samples
FROM numbered ORDER BY group_id"""

_BATCH = 100_000
_SUMS = ("records", "flows", "bytes_sent", "bytes_received", "sent_unknown", "received_unknown")


def build_groups(connection: duckdb.DuckDBPyConnection, hosts: Sequence[str] | None = None) -> None:
    """Fill `canonical` (by input) and `numbered` (the distinct endpoints, of these hosts and unnamed ones)."""
    import pyarrow as pa

    connection.register("wanted", pa.table({"host": texts(hosts or [], is_large=True)}))
    try:
        connection.execute(_CANONICAL, {"narrow": hosts is not None})
    finally:
        connection.unregister("wanted")
    for sql in (_GROUPED, _SORTED, "DROP TABLE grouped"):
        connection.execute(sql)
    for name in _SUMS:
        if scalar(connection, f"SELECT count(*) FROM numbered WHERE {name} > {2**63 - 1}"):  # noqa: S608
            raise LimitError(f"the {name} of one endpoint sum up to more than 2^63 - 1")


def fetch_groups(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the distinct endpoints in order."""
    return connection.cursor().sql(_OUTPUT).to_arrow_table()


def fetch_hosts(
    connection: duckdb.DuckDBPyConnection, containing: str = "", ending: Sequence[str] = ("",)
) -> Iterator[str]:
    """Yield every distinct name that flows or logs carry, in its normal form, sorted.

    Only those that contain a text and have one of the endings.
    """
    is_meant = " OR ".join(["false", *["suffix(canonical, ?)"] * len(ending)])
    sql = f"SELECT DISTINCT canonical FROM seen_host WHERE contains(canonical, ?) AND ({is_meant}) ORDER BY canonical"  # noqa: S608
    cursor = connection.cursor()
    cursor.execute(sql, [containing, *ending])
    while rows := cursor.fetchmany(_BATCH):
        yield from (host for (host,) in rows)


def fetch_records(connection: duckdb.DuckDBPyConnection, inputs: int, judged: NDArray[np.int64]) -> list[int]:
    """Return the number of records in the groups `judged` for each input."""
    import pyarrow as pa

    connection.register("incoming", pa.table({"group_id": integers(judged)}))
    same = " AND ".join(f"c.{name} IS NOT DISTINCT FROM n.{name}" for name in KEY.split(", "))
    try:
        rows = connection.execute(
            f"""
            SELECT c.input, sum(c.records) FROM canonical c
            JOIN (SELECT * FROM numbered WHERE group_id IN (SELECT group_id FROM incoming)) n ON {same}
            GROUP BY c.input"""  # noqa: S608
        ).fetchall()
    finally:
        connection.unregister("incoming")
    found = {int(number): int(mine) for number, mine in rows}
    return [found.get(number, 0) for number in range(inputs)]
