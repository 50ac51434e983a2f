"""Audit the same flows with Spark on one executor and on two, and hold each report against the local engine's.

Executors are processes of this machine (`local-cluster`), so two gain only where two cores are free. A first audit of
few flows starts the Python workers and is not timed. Run `python bench/spark_speed.py`, or with `--rows 200000` for a
look. It stops with an error where a report differs in anything but its inputs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from tests.spark.cluster import cluster  # noqa: E402

import flows  # noqa: E402 - beside this file
import residency  # noqa: E402
from residency.report import as_json  # noqa: E402


def audit(claims: Path, traffic: Any) -> dict[str, Any]:
    """Return the seconds that an audit takes, the records it read and its report without inputs."""
    start = time.perf_counter()
    report = residency.audit(claims, traffic)
    seconds = time.perf_counter() - start
    document = as_json.document(report)
    [counts] = document.pop("inputs")
    return {"seconds": seconds, "records": counts["records"], "report": as_json.dumps(document)}


def spread(claims: Path, path: Path, executors: int, scratch: Path) -> dict[str, Any]:
    """Audit a file with Spark, once few flows were."""
    pieces = {"spark.sql.files.maxPartitionBytes": "16m"}
    with cluster(executors, scratch, **pieces) as session:
        frame = session.read.parquet(str(path))
        audit(claims, frame.limit(1_000).repartition(2 * executors))
        return audit(claims, frame)


def run(given: argparse.Namespace, engine: str, path: Path, scratch: Path) -> dict[str, Any]:
    """Run one engine in a fresh process."""
    command = [
        sys.executable,
        __file__,
        "--engine",
        engine,
        "--path",
        path,
        "--claims",
        given.claims,
        "--keep",
        scratch,
    ]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def compare(given: argparse.Namespace, scratch: Path) -> None:
    """Print a Markdown table of seconds and speed-up."""
    path = flows.write(given.keep or scratch, "parquet", given.rows)
    local = run(given, "local", path, scratch)
    print(f"| engine | rows | seconds | against one executor |\n|---|---|---|---|\n"
          f"| local | {local['records']:,} | {local['seconds']:.1f} | |", flush=True)  # fmt: skip
    first = None
    for executors in given.executors:
        found = run(given, str(executors), path, scratch)
        if found["report"] != local["report"]:
            sys.exit(f"{executors} executors: the report differs from the local engine's")
        first = first or found["seconds"]
        gain = first / found["seconds"]
        print(
            f"| Spark, {executors} executors | {found['records']:,} | {found['seconds']:.1f} | {gain:.2f} |", flush=True
        )
    print(f"\nThe reports are equal but for `inputs`: {len(local['report']):,} bytes each.")


def main() -> None:
    """Compare, or run one engine for the comparison."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=5_000_000)
    options.add_argument("--executors", type=int, nargs="+", default=[1, 2])
    options.add_argument("--claims", type=Path, default=HERE / "claims.toml")
    options.add_argument("--keep", type=Path, help="folder that keeps the generated file")
    options.add_argument("--engine", help=argparse.SUPPRESS)
    options.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(dir=given.keep) as scratch:
        if given.engine is None:
            compare(given, Path(scratch))
        elif given.engine == "local":
            print(json.dumps(audit(given.claims, given.path)))
        else:
            print(json.dumps(spread(given.claims, given.path, int(given.engine), Path(scratch))))


if __name__ == "__main__":
    main()
