"""What malformed rows cost: a clean file against the same with bad rows scattered over it, each in a fresh process.

`python bench/malformed.py --rows 20000000 --every 1000000`. The counts of quarantined rows must be exact. Time is CPU
time of the process (all threads), which a busy machine changes less than the clock.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

import flows

CLAIMS = Path(__file__).with_name("claims.toml")
# In text by turns a time and an address; Parquet holds times as times.
_BY_TURNS = (
    "SELECT * REPLACE (CASE WHEN row % $every = 7 AND row // $every % 2 = 0 THEN 'yesterday' ELSE ts END AS ts, "
    "CASE WHEN row % $every = 7 AND row // $every % 2 = 1 THEN 'nowhere' ELSE server_ip END AS server_ip)"
)
_BAD = {
    "csv": _BY_TURNS,
    "ndjson": _BY_TURNS,
    "parquet": "SELECT * REPLACE (CASE WHEN row % $every = 7 THEN 'nowhere' ELSE server_ip END AS server_ip)",
}
_TYPES = dict.fromkeys(("ts", "client_ip", "server_ip"), "VARCHAR") | {"server_port": "INTEGER", "proto": "VARCHAR"}
_TYPES |= {"bytes_sent": "BIGINT", "bytes_received": "BIGINT", "host": "VARCHAR"}
_RUN = """
import json, resource, sys
from residency.cli import main
code = main(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"code": code, "cpu": used.ru_utime + used.ru_stime}))
"""


def spoiled(clean: Path, form: str, every: int) -> Path:
    """Write the rows of a clean file with every so many spoiled; a file that is there is kept."""
    path = clean.with_name(f"{clean.stem}-bad-{every}.{form}")
    if not path.exists():
        connection = duckdb.connect()
        connection.execute("SET enable_progress_bar = false; SET preserve_insertion_order = true")
        options = {"csv": ", all_varchar = true", "ndjson": f", columns = {_TYPES}", "parquet": ""}
        reader = {"ndjson": "json"}.get(form, form)
        rows = f"read_{reader}('{clean}'{options[form]})"
        numbered = f"SELECT *, row_number() OVER () AS row FROM {rows}"
        picked = _BAD[form].replace("$every", str(every)).replace("SELECT *", "SELECT * EXCLUDE (row)")
        connection.execute(f"COPY ({picked} FROM ({numbered})) TO '{path}' {flows.FORMATS[form]}")
    return path


def audit(path: Path, folder: Path) -> tuple[float, int]:
    """Audit one file; return its CPU seconds and how many records were put aside."""
    report = folder / "report.json"
    args = ["audit", str(path), "--claims", str(CLAIMS), "--format", f"json:{report}", "--fail-on", "never"]
    done = subprocess.run([sys.executable, "-c", _RUN, *args], capture_output=True, text=True, check=True)
    aside = sum(one["quarantined"] for one in json.loads(report.read_text())["inputs"])
    return float(json.loads(done.stdout.splitlines()[-1])["cpu"]), aside


def main() -> None:
    """Print one line a format."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--every", type=int, default=1_000_000)
    parser.add_argument("--formats", nargs="*", default=list(_BAD))
    parser.add_argument("--folder", type=Path, help="where a folder for the generated files is made, and removed")
    parser.add_argument("--keep", type=Path, help="folder that keeps the generated files")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = given.keep or Path(name)
        for form in given.formats:
            clean = flows.write(folder, form, given.rows)
            expected = (given.rows - 7) // given.every + (given.rows >= 7)
            audit(clean, folder)  # compiled loops are compiled once
            before, none = audit(clean, folder)
            after, aside = audit(spoiled(clean, form, given.every), folder)
            is_exact = (none, aside) == (0, expected)
            print(f"{form}: clean {before:.1f} s, {aside} bad rows {after:.1f} s, ratio {after / before:.2f}", end=", ")
            print("counts exact" if is_exact else f"COUNTS WRONG: {none} and {aside} instead of 0 and {expected}")


if __name__ == "__main__":
    main()
