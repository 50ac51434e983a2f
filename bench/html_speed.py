"""Time and memory of writing a report of many findings as HTML, from the demo's document with its findings repeated.

python bench/html_speed.py [--findings N]
"""

from __future__ import annotations

import argparse
import copy
import json
import resource
import time

import residency
from residency.report import as_json
from residency.report.html.page import render
from residency.shipped import data_path
from residency.sources.atlas import shipped_atlas


def main() -> None:
    """Print one line of JSON: findings, seconds, seconds of the processor, bytes of the page, peak memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--findings", type=int, default=100_000)
    wanted = parser.parse_args().findings
    folder = data_path("demo")
    report = residency.audit([folder / "claims.toml", "tiktok-clover"], [folder / "composed-sample.csv"], clients="EEA")
    document = as_json.document(report)
    every = document["findings"]
    document["findings"] = [
        copy.deepcopy(every[n % len(every)]) | {"id": f"F-{n:012x}", "host": f"h{n}.example"} for n in range(wanted)
    ]
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, busy = time.perf_counter(), time.process_time()
    page = render(document, atlas=shipped_atlas())
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = {"findings": wanted, "seconds": round(seconds, 2), "cpu_s": round(busy, 2), "bytes": len(page.encode())}
    print(json.dumps(told | {"peak_mib": peak // 1024, "before_mib": held // 1024}))


if __name__ == "__main__":
    main()
