"""Compare the whole audit with the plain DuckDB query that only scans and groups the same columns.

Both run in fresh processes, alternating, on the same file and threads; the medians of several runs give the ratio.
The audit runs twice, without and with the sha256 of its input (for the report), which is made in a thread beside the
reading; the ratio is without, as the query makes none.
Run `make bench`, or `python bench/audit_speed.py --rows 2000000 --repeat 1` for a look.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from fresh import run, without_sha256  # beside this file

HERE = Path(__file__).resolve().parent
GOALS = {"csv": 1.5, "parquet": 1.5, "ndjson": 2.0}

PEER = """
import json, resource, sys, time
import duckdb
path, fmt, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
types = {"ts": "TIMESTAMP", "client_ip": "VARCHAR", "server_ip": "VARCHAR", "server_port": "INTEGER",
         "proto": "VARCHAR", "bytes_sent": "BIGINT", "bytes_received": "BIGINT", "host": "VARCHAR"}
source = {
    "csv": "read_csv(?, columns=" + repr(types) + ", auto_detect=false, header=true, delim=',', quote='\\"')",
    "ndjson": "read_json(?, columns=" + repr(types) + ", format='newline_delimited')",
    "parquet": "read_parquet(?)",
}[fmt]
start = time.perf_counter()
connection = duckdb.connect(config={"threads": threads})
connection.execute("SET enable_progress_bar = false")
rows = connection.execute(
    "SELECT server_ip, server_port, proto, host, count(*), sum(bytes_sent), sum(bytes_received), min(ts), max(ts), "
    "min(client_ip) FROM " + source + " GROUP BY ALL", [path]).to_arrow_table()
print(json.dumps({"seconds": time.perf_counter() - start, "groups": rows.num_rows,
                  "flows": sum(rows.column(4).to_pylist()),
                  "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""

AUDIT = """
import json, resource, sys, time
start = time.perf_counter()
import residency, residency.traffic
path, claims, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
report = residency.audit(claims, path, threads=threads)
from residency.report import as_json
text = as_json.dumps(as_json.document(report))
print(json.dumps({"seconds": time.perf_counter() - start,
                  "judged": report.inputs[0].judged, "records": report.inputs[0].records,
                  "findings": len(report.findings), "verdict": report.claims[0].verdict.value,
                  "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def compare(path: Path, fmt: str, claims: Path, threads: int, repeat: int) -> dict[str, Any]:
    """Run all in turn `repeat` times and return medians, the ratio and the peaks."""
    peer: list[dict[str, Any]] = []
    ours: list[dict[str, Any]] = []
    hashed: list[dict[str, Any]] = []
    for _ in range(repeat):
        peer.append(run(PEER, path, fmt, threads))
        ours.append(run(without_sha256(AUDIT), path, claims, threads))
        hashed.append(run(AUDIT, path, claims, threads))
    if any(o["records"] != p["flows"] for o, p in zip(ours, peer, strict=True)):
        sys.exit(f"{fmt}: the audit counted other rows than DuckDB")
    plain = statistics.median(p["seconds"] for p in peer)
    audit = statistics.median(o["seconds"] for o in ours)
    return {
        "format": fmt,
        "duckdb_s": round(plain, 2),
        "audit_s": round(audit, 2),
        "ratio": round(audit / plain, 2),
        "goal": GOALS[fmt],
        "with_sha256_s": round(statistics.median(o["seconds"] for o in hashed), 2),
        "peak_mb": round(max(o["rss_mb"] for o in ours)),
        "duckdb_peak_mb": round(max(p["rss_mb"] for p in peer)),
        "groups": peer[0]["groups"],
        "findings": ours[0]["findings"],
    }


def main() -> None:
    """Print a Markdown table of ratios."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=20_000_000)
    options.add_argument("--repeat", type=int, default=3)
    options.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options.add_argument("--formats", nargs="+", default=list(GOALS))
    options.add_argument("--claims", type=Path, default=HERE / "claims.toml")
    options.add_argument("--keep", type=Path, help="folder that keeps the generated files")
    given = options.parse_args()
    sys.path.insert(0, str(HERE))
    import flows  # beside this file

    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        names: list[str] = []
        for fmt in given.formats:
            path = flows.write(folder, fmt, given.rows)
            row = compare(path, fmt, given.claims, given.threads, given.repeat)
            if not names:
                names = list(row)
                print("| " + " | ".join(names) + " |\n|" + "---|" * len(names))
            print("| " + " | ".join(str(row[name]) for name in names) + " |", flush=True)


if __name__ == "__main__":
    main()
