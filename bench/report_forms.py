"""Time and memory of every form of a report with many findings.

    python bench/report_forms.py                     # 100,000 findings, three pieces of evidence each
    python bench/report_forms.py --findings 1000000

Goal: each form of 100,000 findings in under 10 s and 1 GiB. Each is made in a process of its own, which reads the saved
report as `residency report` does; the memory includes that reading, the times
are the form's alone.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import residency
from residency.cli.report_command import read_report
from residency.report import as_json
from residency.report.formats import FORMATS, Page
from residency.shipped import data_path
from residency.sources.atlas import shipped_atlas

OUTCOMES = ("violating", "adverse", "doubtful", "unknown", "inside")


def made(findings: int) -> dict[str, Any]:
    """Return the demonstration's document with so many findings, spread over outcomes, hosts and addresses."""
    folder = data_path("demo")
    report = residency.audit(folder / "claims.toml", folder / "composed-sample.csv", clients="EEA")
    document = as_json.document(report)
    first = next(f for f in document["findings"] if f["outcome"] == "violating")
    document["findings"] = [
        {
            **first,
            "id": f"F-{number:012x}",
            "outcome": OUTCOMES[number % 5],
            "host": f"h{number % 30_000}.metrics.shop.example",
            "server_ip": f"3.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
        }
        for number in range(findings)
    ]
    return document


def measure(name: str, path: Path) -> dict[str, float]:
    """Make one form here; return its seconds, its size and this process's peak memory."""
    document = read_report(path)
    form = FORMATS[name]
    page = Page(atlas=shipped_atlas()) if form.draws_maps else Page()
    start, worked = time.perf_counter(), time.process_time()
    written = form(document, page)
    seconds, cpu = time.perf_counter() - start, time.process_time() - worked
    size = len(written if isinstance(written, bytes) else written.encode())
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": seconds, "cpu_s": cpu, "megabytes": size / 1e6, "peak_mib": peak_kib / 1024}


def main() -> None:
    """Print one line a form."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--findings", type=int, default=100_000)
    parser.add_argument("--form", help="make this one only, and print its figures as JSON")
    parser.add_argument("--report", type=Path)
    asked = parser.parse_args()
    if asked.form:
        print(json.dumps(measure(asked.form, asked.report)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "report.json")
        path.write_text(as_json.dumps(made(asked.findings)), encoding="utf-8")
        print(f"{asked.findings:,} findings, {path.stat().st_size / 1e6:.0f} MB of JSON")
        print(f"{'form':10} {'seconds':>8} {'CPU s':>8} {'MB':>8} {'peak MiB':>9}")
        for name in FORMATS:
            command = [sys.executable, __file__, "--form", name, "--report", str(path)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            told = json.loads(done.stdout)
            figures = " ".join(f"{told[key]:8.2f}" for key in ("seconds", "cpu_s", "megabytes"))
            print(f"{name:10} {figures} {told['peak_mib']:9.0f}")


if __name__ == "__main__":
    main()
