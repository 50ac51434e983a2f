"""Peak memory of an audit against rows and against distinct hosts: each point is one run in a fresh process.

`python bench/memory.py --folder DIR` generates the inputs (Parquet; 100 million rows take 3 GB), measures, and prints
the table of docs/performance.md; `--plot FILE.svg` draws it. Peak memory is the largest resident set of the process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import duckdb

import flows

CLAIMS = Path(__file__).with_name("claims.toml")
ROWS = (1_000_000, 10_000_000, 100_000_000)
HOSTS = (100_000, 1_000_000, 10_000_000)
ROWS_OF_HOSTS = 20_000_000
GOAL_MB = 2_048

_HOSTS_SQL = """
COPY (SELECT make_timestamptz(1780272000000000 + i * 100000) AS ts, '10.0.' || (i % 200) || '.7' AS client_ip,
  '81.' || (h % 97) || '.' || (h % 251) || '.' || (h % 241) AS server_ip, 443 AS server_port, 'tcp' AS proto,
  400 + i % 20000 AS bytes_sent, 900 + i % 40000 AS bytes_received, 'h' || h || '.v' || (h % 400) || '.example' AS host
  FROM (SELECT i, hash(i, 3) % $hosts AS h FROM range($rows) t(i)))
TO '$path' (FORMAT parquet, COMPRESSION zstd)"""

_RUN = """
import json, resource, sys, time
from residency.cli import main
started = time.perf_counter()
code = main(sys.argv[1:])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"code": code, "seconds": time.perf_counter() - started, "peak_mb": peak / 1024}))
"""


def hosts_file(folder: Path, hosts: int, rows: int) -> Path:
    """Write `rows` flows to so many distinct hosts and return the file; one that is there is kept."""
    path = folder / f"hosts-{hosts}-{rows}.parquet"
    if not path.exists():
        partial = path.with_suffix(".partial")
        values = {"$hosts": str(hosts), "$rows": str(rows), "$path": str(partial)}
        sql = _HOSTS_SQL
        for name, value in values.items():
            sql = sql.replace(name, value)
        connection = duckdb.connect()
        connection.execute("SET enable_progress_bar = false; SET memory_limit = '2GB'")
        connection.execute(sql)
        partial.rename(path)
    return path


def measure(path: Path, folder: Path) -> dict[str, float]:
    """Audit one file in a fresh process; return seconds and the peak of its memory in MiB."""
    args = ["audit", str(path), "--claims", str(CLAIMS), "--format", f"json:{folder / 'report.json'}"]
    args += ["--fail-on", "never", "--temp-dir", str(folder), "--quiet"]
    done = subprocess.run([sys.executable, "-c", _RUN, *args], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    if found["code"]:
        raise SystemExit(f"{path}: exit {found['code']}: {done.stderr}")
    return found


def table(points: list[dict[str, float | str]]) -> str:
    """Return the table of the docs."""
    head = "| what grows | rows | distinct hosts | peak memory | time |\n|---|---|---|---|---|"
    rows = (
        f"| {one['grows']} | {one['rows']:,} | {one['hosts']:,} | {one['peak_mb']:,.0f} MiB | {one['seconds']:.0f} s |"
        for one in points
    )
    return "\n".join([head, *rows])


def plot(points: list[dict[str, float | str]], path: Path) -> None:
    """Draw peak memory against what grows, both on their own scale, with the goal as a line."""
    import altair as alt

    charts = []
    for grows, field, title in (("rows", "rows", "rows read"), ("hosts", "hosts", "distinct hosts (20 M rows)")):
        mine = [one for one in points if one["grows"] == grows]
        line = (
            alt.Chart({"values": mine})
            .mark_line(point=True)
            .encode(
                x=alt.X(f"{field}:Q", title=title, scale=alt.Scale(type="log"), axis=alt.Axis(format="~s")),
                y=alt.Y("peak_mb:Q", title="peak memory (MiB)", scale=alt.Scale(domain=[0, GOAL_MB * 1.1])),
            )
        )
        goal = alt.Chart({"values": [{"goal": GOAL_MB}]}).mark_rule(strokeDash=[4, 4]).encode(y="goal:Q")
        charts.append((line + goal).properties(width=280, height=200))
    alt.hconcat(*charts).save(str(path))


def main() -> None:
    """Measure every point, or only those of a folder's earlier run, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--rows", type=int, nargs="*", default=ROWS)
    parser.add_argument("--hosts", type=int, nargs="*", default=HOSTS)
    given = parser.parse_args()
    points: list[dict[str, float | str]] = []
    for rows in given.rows:
        path = flows.write(given.folder, "parquet", rows)
        points.append({"grows": "rows", "rows": rows, "hosts": flows.HOSTS, **measure(path, given.folder)})
        print(points[-1], file=sys.stderr)
    for hosts in given.hosts:
        path = hosts_file(given.folder, hosts, ROWS_OF_HOSTS)
        points.append({"grows": "hosts", "rows": ROWS_OF_HOSTS, "hosts": hosts, **measure(path, given.folder)})
        print(points[-1], file=sys.stderr)
    print(table(points))
    if given.plot is not None:
        plot(points, given.plot)


if __name__ == "__main__":
    main()
