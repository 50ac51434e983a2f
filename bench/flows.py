"""A seeded generator of realistic flows: Zipf-distributed addresses of both families, 100,000 hosts, 10,000 clients.

The same seed and size give the same rows, whatever the format (Parquet holds times as times). Addresses are drawn
from published cloud ranges and random public space; names end in `.example`.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

FORMATS = {
    "csv": "(FORMAT csv, HEADER)",
    "parquet": "(FORMAT parquet, COMPRESSION zstd)",
    "ndjson": "(FORMAT json)",
}
HOSTS, ADDRESSES, CLIENTS = 100_000, 60_000, 10_000
_SPAN_S = 30 * 86_400

# Row i talks to address number r (Zipf: exp of a uniform exponent); its host is one of two that share the address.
ROWS = f"""
WITH draw AS (
  SELECT i,
    CAST(floor(exp((hash(i, $seed) % 1000003) / 1000003.0 * ln({ADDRESSES}))) AS BIGINT) - 1 AS address,
    hash(i, $seed + 1) AS u, hash(i, $seed + 2) AS v, hash(i, $seed + 3) AS w
  FROM range($rows) t(i)
)
SELECT
  strftime(make_timestamp(1780272000000000 + CAST(u % {_SPAN_S} AS BIGINT) * 1000000 + CAST(v % 1000000 AS BIGINT)),
           '%Y-%m-%dT%H:%M:%S.%fZ') AS ts,
  '10.' || (u % {CLIENTS} // 250 % 250) || '.' || (u % {CLIENTS} % 250) || '.7' AS client_ip,
  CASE WHEN hash(address, 5) % 5 = 0
    THEN format('2a05:d018:{{:x}}:{{:x}}::{{:x}}', hash(address, 1) % 65536, hash(address, 2) % 65536,
                1 + hash(address, 3) % 65535)
    ELSE (CASE WHEN hash(address, 6) % 3 = 0 THEN '3.5.' || (64 + hash(address, 1) % 8)
               ELSE (20 + hash(address, 7) % 180) || '.' || (hash(address, 1) % 250) END)
         || '.' || (hash(address, 2) % 250) || CASE WHEN hash(address, 6) % 3 = 0 THEN ''
         ELSE '.' || (1 + hash(address, 3) % 250) END END AS server_ip,
  CASE WHEN hash(address, 12) % 20 = 0 THEN 80 ELSE 443 END AS server_port,
  CASE WHEN hash(address, 13) % 7 = 0 THEN 'udp' ELSE 'tcp' END AS proto,
  400 + v % 20000 AS bytes_sent,
  CASE WHEN w % 50 = 0 THEN 0 ELSE 900 + u % 400000 END AS bytes_received,
  'h' || ((hash(address, 11) + w // 64 % 2) % {HOSTS}) || '.v' || (hash(address, 11) % 400) || '.example' AS host
FROM draw"""


def write(folder: Path, fmt: str, rows: int, seed: int = 7) -> Path:
    """Write `rows` flows in one format and return the file; a file of that size and seed is kept."""
    path = folder / f"flows-{rows}-{seed}.{fmt}"
    if not path.exists():
        partial = path.with_suffix(".partial")
        rows_of = f"SELECT * REPLACE (CAST(ts AS TIMESTAMPTZ) AS ts) FROM ({ROWS})" if fmt == "parquet" else ROWS
        sql = f"COPY ({rows_of}) TO '{partial}' {FORMATS[fmt]}"
        connection = duckdb.connect()
        connection.execute("SET enable_progress_bar = false")
        connection.execute(sql.replace("$seed", str(seed)).replace("$rows", str(rows)))
        partial.rename(path)
    return path
