"""The best query that we know for each engine over a folder of Zeek's logs, read as `engines` reads its files.

conn.log and ssl.log are joined by uid; each engine is told which columns there are and which of them it needs, that
`-` is null and that lines with `#` are none.
"""

from __future__ import annotations

import zeek_logs  # beside this file

_COLUMNS = f"""
conn_names, ssl_names = {tuple(zeek_logs.CONN)}, {tuple(zeek_logs.SSL)}
numbers = ("id.resp_p", "orig_bytes", "resp_bytes", "ts")
"""

# Typed columns, no sniffing, insertion order given up. `comment` is quicker than `ignore_errors` and `skip`.
DUCKDB = (
    _COLUMNS
    + r"""
import duckdb
start = time.perf_counter()
kinds = {"id.resp_p": "USMALLINT", "orig_bytes": "BIGINT", "resp_bytes": "BIGINT", "ts": "DOUBLE"}
def log(name, names):
    types = {one: kinds.get(one, "VARCHAR") for one in names}
    return (f"read_csv('{path}/{name}.log', columns={types}, auto_detect=false, header=false, delim='\t', "
            "quote='', escape='', nullstr='-', new_line='\\n', comment='#')")
con = duckdb.connect(config={"threads": threads, "preserve_insertion_order": "false"})
con.execute("SET enable_progress_bar = false; SET TimeZone = 'UTC'")
con.execute('CREATE TABLE g AS SELECT c."id.resp_h", c."id.resp_p", c.proto, s.server_name, count(*) AS flows, '
            'sum(orig_bytes) AS sent, sum(resp_bytes) AS received, min(c.ts) AS first, max(c.ts) AS last '
            'FROM ' + log("conn", conn_names) + ' c LEFT JOIN ' + log("ssl", ssl_names) + ' s USING (uid) GROUP BY ALL')
seconds = time.perf_counter() - start
row = con.execute("SELECT count(*), sum(flows), sum(sent), sum(received), round(min(first) * 1e6), "
                  "round(max(last) * 1e6) FROM g").fetchone()
done(start, seconds=seconds, **dict(zip(("groups", "flows", "sent", "received", "first", "last"), map(int, row))))
"""
)

POLARS = (
    _COLUMNS
    + r"""
import os
os.environ["POLARS_MAX_THREADS"] = str(threads)
import polars as pl
start = time.perf_counter()
kinds = {"id.resp_p": pl.Int32, "orig_bytes": pl.Int64, "resp_bytes": pl.Int64, "ts": pl.Float64}
def log(name, names):
    schema = {one: kinds.get(one, pl.String) for one in names}
    return pl.scan_csv(f"{path}/{name}.log", separator="\t", has_header=False, schema=schema,
                       quote_char=None, null_values="-", comment_prefix="#")
names = log("ssl", ssl_names).select("uid", "server_name")
groups = log("conn", conn_names).join(names, on="uid", how="left").group_by(
    "id.resp_h", "id.resp_p", "proto", "server_name").agg(
    pl.len().alias("flows"), pl.col("orig_bytes").sum().alias("sent"), pl.col("resp_bytes").sum().alias("received"),
    pl.col("ts").min().alias("first"), pl.col("ts").max().alias("last")).collect(engine="streaming")
seconds = time.perf_counter() - start
done(start, seconds=seconds, groups=groups.height, flows=int(groups["flows"].sum()), sent=int(groups["sent"].sum()),
     received=int(groups["received"].sum()), first=round(groups["first"].min() * 1e6),
     last=round(groups["last"].max() * 1e6))
"""
)

CHDB = (
    _COLUMNS
    + r"""
import chdb
start = time.perf_counter()
kinds = {"id.resp_p": "UInt16", "orig_bytes": "Nullable(UInt64)", "resp_bytes": "Nullable(UInt64)", "ts": "Float64",
         "proto": "LowCardinality(String)", "server_name": "Nullable(String)", "uid": "String", "id.resp_h": "String"}
def log(name, names):
    columns = ", ".join(f"`{one}` {kinds.get(one, 'Nullable(String)')}" for one in names)
    return f"file('{path}/{name}.log', 'TSV', '{columns}')"
inner = ("SELECT c.`id.resp_h`, c.`id.resp_p`, c.proto, s.server_name, count() AS flows, sum(c.orig_bytes) AS sent, "
         "sum(c.resp_bytes) AS received, min(c.ts) AS first, max(c.ts) AS last "
         f"FROM {log('conn', conn_names)} c LEFT ANY JOIN (SELECT uid, server_name FROM {log('ssl', ssl_names)}) s "
         "USING (uid) GROUP BY c.`id.resp_h`, c.`id.resp_p`, c.proto, s.server_name")
sql = ("SELECT count() AS groups, sum(flows) AS f, sum(sent) AS s, sum(received) AS r, "
       f"toInt64(round(min(first) * 1e6)) AS a, toInt64(round(max(last) * 1e6)) AS b FROM ({inner}) "
       f"SETTINGS max_threads = {threads}, max_memory_usage = 0, input_format_tsv_skip_first_lines = 8, "
       "format_tsv_null_representation = '-', input_format_allow_errors_num = 10, join_algorithm = 'parallel_hash'")
row = json.loads(str(chdb.query(sql, "JSONCompact")))["data"][0]
seconds = time.perf_counter() - start
done(start, seconds=seconds, **dict(zip(("groups", "flows", "sent", "received", "first", "last"), map(int, row))))
"""
)
PEERS = {"duckdb": DUCKDB, "polars": POLARS, "chdb": CHDB}
