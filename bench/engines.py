"""Compare the audit with the best query that DuckDB, polars, chdb and a loop over geoip2 have for the same question.

Every engine reads the same file, or folder of Zeek's logs, in a fresh process with the same threads and ends with the
same groups: server address, port, protocol, host, with flows, bytes each way, first and last time. What an engine finds
must be equal to what the others find, row for row in number and in every sum, or the run fails. The audit does more
(see docs/performance.md); it runs as it is, and without the sha256 of its input, which the others do not make.
`--rows 2000000 --repeat 1` is for a look; medians and, for machines with other work, processor seconds.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from fresh import run, without_sha256  # beside this file

HERE = Path(__file__).resolve().parent
FORMATS = ("csv", "ndjson", "parquet", "zeek")
SAME = ("flows", "groups", "sent", "received", "first", "last")

_HEAD = """
import json, resource, sys, time
path, fmt, threads, claims = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
def done(start, **found):
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"seconds": time.perf_counter() - start, "cpu": used.ru_utime + used.ru_stime,
                      "rss_mb": used.ru_maxrss / 1024} | found))
"""

# Typed columns, no sniffing, insertion order given up, numbers as small as they are: what its guide advises.
DUCKDB = """
import duckdb
start = time.perf_counter()
types = {"ts": "TIMESTAMP", "client_ip": "VARCHAR", "server_ip": "VARCHAR", "server_port": "USMALLINT",
         "proto": "VARCHAR", "bytes_sent": "BIGINT", "bytes_received": "BIGINT", "host": "VARCHAR"}
source = {
    "csv": f"read_csv(?, columns={types}, auto_detect=false, header=true, delim=',', quote='', escape='', "
           "new_line='\\\\n')",
    "ndjson": f"read_json(?, columns={types}, format='newline_delimited')",
    "parquet": "read_parquet(?)",
}[fmt]
con = duckdb.connect(config={"threads": threads, "preserve_insertion_order": "false"})
con.execute("SET enable_progress_bar = false; SET TimeZone = 'UTC'")
con.execute("CREATE TABLE g AS SELECT server_ip, server_port, proto, host, count(*) AS flows, sum(bytes_sent) AS sent, "
            "sum(bytes_received) AS received, min(ts) AS first, max(ts) AS last FROM " + source +
            " GROUP BY ALL", [path])
seconds = time.perf_counter() - start
row = con.execute("SELECT count(*), sum(flows), sum(sent), sum(received), epoch_us(min(first)), epoch_us(max(last)) "
                  "FROM g").fetchone()
done(start, seconds=seconds, **dict(zip(("groups", "flows", "sent", "received", "first", "last"), map(int, row))))
"""

# The streaming engine; times of text are ISO 8601 of one form, so their order is the order of their texts.
POLARS = """
import os
os.environ["POLARS_MAX_THREADS"] = str(threads)
import polars as pl
from datetime import datetime
start = time.perf_counter()
schema = {"ts": pl.String, "client_ip": pl.String, "server_ip": pl.String, "server_port": pl.Int64,
          "proto": pl.String, "bytes_sent": pl.Int64, "bytes_received": pl.Int64, "host": pl.String}
rows = {"csv": lambda: pl.scan_csv(path, schema=schema, quote_char=None),
        "ndjson": lambda: pl.scan_ndjson(path, schema=schema),
        "parquet": lambda: pl.scan_parquet(path)}[fmt]()
groups = rows.group_by("server_ip", "server_port", "proto", "host").agg(
    pl.len().alias("flows"), pl.col("bytes_sent").sum().alias("sent"), pl.col("bytes_received").sum().alias("received"),
    pl.col("ts").min().alias("first"), pl.col("ts").max().alias("last")).collect(engine="streaming")
seconds = time.perf_counter() - start
def us(value):
    from datetime import timezone
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    gone = moment - epoch
    return (gone.days * 86400 + gone.seconds) * 1000000 + gone.microseconds
done(start, seconds=seconds, groups=groups.height, flows=int(groups["flows"].sum()), sent=int(groups["sent"].sum()),
     received=int(groups["received"].sum()), first=us(groups["first"].min()), last=us(groups["last"].max()))
"""

# Low-cardinality strings where they are, no schema inference, no nullable columns, best-effort times off.
CHDB = """
import chdb
start = time.perf_counter()
time_type = "DateTime64(6, \\\\'UTC\\\\')"
columns = (f"ts {time_type}, client_ip String, server_ip String, server_port UInt16, "
           "proto LowCardinality(String), bytes_sent UInt64, bytes_received UInt64, host String")
kind = {"csv": "CSVWithNames", "ndjson": "JSONEachRow", "parquet": "Parquet"}[fmt]
settings = (f"SETTINGS max_threads = {threads}, date_time_input_format = 'best_effort', max_memory_usage = 0, "
            "input_format_parquet_preserve_order = 0")
if fmt == "parquet":
    columns = columns.replace("server_port UInt16", "server_port Int32")
inner = ("SELECT server_ip, server_port, proto, host, count() AS flows, sum(bytes_sent) AS sent, "
         "sum(bytes_received) AS received, min(ts) AS first, max(ts) AS last "
         f"FROM file('{path}', '{kind}', '{columns}') GROUP BY server_ip, server_port, proto, host")
sql = ("SELECT count() AS groups, sum(flows) AS f, sum(sent) AS s, sum(received) AS r, "
       f"toUnixTimestamp64Micro(min(first)) AS a, toUnixTimestamp64Micro(max(last)) AS b FROM ({inner}) {settings}")
row = json.loads(str(chdb.query(sql, "JSONCompact")))["data"][0]
seconds = time.perf_counter() - start
done(start, seconds=seconds, **dict(zip(("groups", "flows", "sent", "received", "first", "last"), map(int, row))))
"""

# The groups are counted apart, and the time for that is taken out.
AUDIT = """
start = time.perf_counter()
import residency, residency.traffic
seen, apart = [], []
read = residency.traffic.read_traffic
def remember(*args, **kwargs):
    traffic = read(*args, **kwargs)
    begun, used = time.perf_counter(), time.process_time()
    row = traffic._con.cursor().execute(
        "SELECT (SELECT count(*) FROM (SELECT DISTINCT server_ip, server_port, proto, host FROM by_input)), "
        "sum(flows), sum(bytes_sent), sum(bytes_received), min(first_us), max(last_us) FROM by_input").fetchone()
    seen.append(row)
    apart.append((time.perf_counter() - begun, time.process_time() - used))
    return traffic
residency.traffic.read_traffic = remember
report = residency.audit(claims, path, threads=threads)
from residency.report import as_json
text = as_json.dumps(as_json.document(report))
seconds = time.perf_counter() - start - sum(wall for wall, _ in apart)
used = resource.getrusage(resource.RUSAGE_SELF)
done(start, seconds=seconds, findings=len(report.findings),
     cpu=used.ru_utime + used.ru_stime - sum(cpu for _, cpu in apart),
     **dict(zip(("groups", "flows", "sent", "received", "first", "last"), map(int, seen[0]))))
"""

GEOIP2 = """
import csv, geoip2.database
from itertools import islice
limit = 200000
start = time.perf_counter()
found = {}
with open(path, newline="") as file, geoip2.database.Reader(claims) as reader:
    for number, row in enumerate(islice(csv.DictReader(file), limit), 1):
        try:
            country = reader.country(row["server_ip"]).country.iso_code
        except geoip2.errors.AddressNotFoundError:
            country = None
        key = (row["server_ip"], row["server_port"], row["proto"], row["host"], country)
        known = found.setdefault(key, [0, 0, 0])
        known[0] += 1
        known[1] += int(row["bytes_sent"])
        known[2] += int(row["bytes_received"])
done(start, rows=number, groups=len(found))
"""
ENGINES = {"duckdb": DUCKDB, "polars": POLARS, "chdb": CHDB, "audit": AUDIT, "audit, no sha256": without_sha256(AUDIT)}


def is_installed(engine: str) -> bool:
    """Is it there? chdb comes with nothing of ours: `pip install chdb`."""
    return engine.startswith("audit") or importlib.util.find_spec(engine) is not None


def query(engine: str, fmt: str) -> str:
    """Return the code of an engine for a format: Zeek's logs are two files, and have queries of their own."""
    if fmt == "zeek" and not engine.startswith("audit"):
        import zeek_engines  # beside this file

        return zeek_engines.PEERS[engine]
    return ENGINES[engine]


def warm(path: Path) -> None:
    """Read all bytes once, so that every engine finds them in memory, as the audit does that hashed them before."""
    for one in sorted(path.iterdir()) if path.is_dir() else [path]:
        with one.open("rb", buffering=0) as stream:
            while stream.read(1 << 22):
                pass


def compare(path: Path, fmt: str, given: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Run all engines in turn, hold their answers against each other and return each one's median times."""
    taken: dict[str, list[dict[str, Any]]] = {name: [] for name in given.engines}
    for _ in range(given.repeat):
        for name, runs in taken.items():
            warm(path)
            runs.append(run(_HEAD + query(name, fmt), path, fmt, given.threads, given.claims))
    answers = {name: tuple(runs[0][one] for one in SAME) for name, runs in taken.items()}
    if len(set(answers.values())) != 1:
        sys.exit(f"{fmt}: the engines do not agree on {SAME}: {answers}")
    return {
        name: {
            "wall": statistics.median(one["seconds"] for one in runs),
            "cpu": min(one["cpu"] for one in runs),
            "rss_mb": max(one["rss_mb"] for one in runs),
        }
        for name, runs in taken.items()
    }


def small_database(folder: Path) -> Path:
    """Write a country database of 4,319 networks, quicker to search than any real one."""
    import mmdb_writer  # beside this file

    countries = [
        {"country": {"iso_code": code, "geoname_id": number, "names": {"en": code}}}
        for number, code in enumerate(("IE", "US", "DE", "FR", "GB", "NO"), 1)
    ]
    networks = {f"{first}.0.0.0/8": countries[first % 6] for first in range(1, 224)}
    networks |= {f"2{part:03x}::/16": countries[part % 6] for part in range(0x1000)}
    path = folder / "small.mmdb"
    path.write_bytes(mmdb_writer.write(networks, ip_version=6, database_type="GeoLite2-Country"))
    return path


def main() -> None:
    """Print a Markdown table: seconds, processor seconds and peak memory of each engine on each format."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=20_000_000)
    options.add_argument("--repeat", type=int, default=3)
    options.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options.add_argument("--formats", nargs="+", default=list(FORMATS))
    options.add_argument("--engines", nargs="+", default=[one for one in ENGINES if is_installed(one)])
    options.add_argument("--claims", type=Path, default=HERE / "claims.toml")
    options.add_argument("--geoip", type=Path, help="a country database for the loop over geoip2 (else a small one)")
    options.add_argument("--keep", type=Path, help="folder that keeps the generated files")
    given = options.parse_args()
    sys.path.insert(0, str(HERE))
    import flows  # beside this file
    import zeek_logs

    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        print("| format | engine | wall | processor | peak memory |\n|---|---|---|---|---|")
        for fmt in given.formats:
            is_zeek = fmt == "zeek"
            path = zeek_logs.write(folder, given.rows) if is_zeek else flows.write(folder, fmt, given.rows)
            for name, one in compare(path, fmt, given).items():
                numbers = f"{one['wall']:.2f} s | {one['cpu']:.2f} s | {one['rss_mb']:.0f} MB"
                print(f"| {fmt} | {name} | {numbers} |", flush=True)
            if fmt == "csv":
                loop = run(_HEAD + GEOIP2, path, fmt, 1, given.geoip or small_database(folder))
                each = loop["seconds"] / loop["rows"]
                print(f"| csv | loop over geoip2, of {loop['rows']:,} rows | {each * given.rows:.0f} s | | |")


if __name__ == "__main__":
    main()
