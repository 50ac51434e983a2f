"""Compare the reading of a capture into named flows with nfstream on the same file, and tell the peaks of memory.

Both run in fresh processes on one core, in turn; the medians of several runs give the ratio. nfstream (LGPL) is no
dependency: it is used where it is installed, else dpkt is the peer (packets parsed, nothing more). nfstream measures no
handshakes: it runs as it comes (names alone), and with a plugin that takes the time from SYN to SYN/ACK, in the
milliseconds that it keeps. Run `make bench`, or `python bench/capture_speed.py --packets 200000` for a look.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
GOAL_PACKETS_PER_S, GOAL_RATIO = 500_000, 8

OURS = """
import json, resource, sys, time
start = time.perf_counter()
from residency.traffic.capture.conversion import CaptureConversion
capture = CaptureConversion(sys.argv[1])
flows = named = timed = 0
for batch in capture.flows():
    flows += batch.num_rows
    named += batch.num_rows - batch.column("host").null_count
    timed += batch.num_rows - batch.column("rtt_ms").null_count
answers = sum(batch.num_rows for batch in capture.answers())
found = {"packets": capture.records, "flows": flows, "named": named, "timed": timed, "answers": answers}
"""

NFSTREAM = """
import json, resource, sys, time
start = time.perf_counter()
from nfstream import NFPlugin, NFStreamer
class Handshake(NFPlugin):
    def on_init(self, packet, flow):
        flow.udps.syn_ms = packet.time if packet.syn and not packet.ack else None
        flow.udps.rtt_ms = None
    def on_update(self, packet, flow):
        if flow.udps.rtt_ms is None and packet.syn and packet.ack and flow.udps.syn_ms is not None:
            flow.udps.rtt_ms = packet.time - flow.udps.syn_ms
plugins = [Handshake()] if PLUGIN else None
flows = named = timed = packets = 0
for flow in NFStreamer(source=sys.argv[1], n_meters=1, udps=plugins):
    flows += 1
    named += bool(flow.requested_server_name)
    timed += bool(plugins) and flow.udps.rtt_ms is not None
    packets += flow.bidirectional_packets
found = {"packets": packets, "flows": flows, "named": named, "timed": timed}
"""

DPKT = """
import json, resource, sys, time
start = time.perf_counter()
import dpkt
packets, flows = 0, set()
with open(sys.argv[1], "rb") as file:
    for _, data in dpkt.pcap.Reader(file):
        packets += 1
        ip = dpkt.ethernet.Ethernet(data).data
        flows.add((ip.src, ip.dst, ip.data.sport, ip.data.dport))
found = {"packets": packets, "flows": len(flows) // 2, "named": 0}
"""


# Seconds of the core, children included: on a machine that others use as well they tell more than those of the clock.
MEASURE = """
took = time.perf_counter() - start
parts = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps({**found, "wall_s": took, "core_s": sum(part.ru_utime + part.ru_stime for part in parts),
                  "rss_mb": max(part.ru_maxrss for part in parts) / 1024}))
"""


def run(code: str, path: Path, core: int) -> dict[str, Any]:
    """Run code in a fresh interpreter on one core and return the JSON that it prints."""
    command = [sys.executable, "-c", code + MEASURE, str(path)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, preexec_fn=lambda: os.sched_setaffinity(0, {core})
    )
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def peers() -> dict[str, str]:
    """Return the code of whom we compare with, by name; the last one does most of what we do."""
    if importlib.util.find_spec("nfstream"):
        return {
            "nfstream": f"PLUGIN = False\n{NFSTREAM}",
            "nfstream with SYN times by a plugin": f"PLUGIN = True\n{NFSTREAM}",
        }
    if importlib.util.find_spec("dpkt"):
        return {"dpkt": DPKT}
    sys.exit("no peer: pip install nfstream (or dpkt)")


def compare(path: Path, repeat: int, core: int) -> None:
    """Print medians of all and the ratios, one line each."""
    codes = {**peers(), "residency": OURS}
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in codes}
    for _ in range(repeat):
        for name, code in codes.items():
            runs[name].append(run(code, path, core))
    print("| reader | packets/s | core s | wall s | flows | named | with a time | peak MB |\n|" + "---|" * 8)
    rates = {}
    for name, rows in runs.items():
        core_s, wall_s = (statistics.median(row[clock] for row in rows) for clock in ("core_s", "wall_s"))
        one = rows[0]
        rates[name] = one["packets"] / core_s
        print(
            f"| {name} | {rates[name]:,.0f} | {core_s:.2f} | {wall_s:.2f} | {one['flows']:,} | {one['named']:,} "
            f"| {one.get('timed', 0):,} | {max(row['rss_mb'] for row in rows):.0f} |"
        )
    ours = rates.pop("residency")
    print(f"\n{ours:,.0f} packets a second of one core (goal {GOAL_PACKETS_PER_S:,})")
    for name, rate in rates.items():
        print(f"{ours / rate:.1f} times {name} (goal {GOAL_RATIO})")


def memory(folder: Path, packets: list[int], core: int) -> None:
    """Print the peak of memory against the size of the file."""
    import packets as generator  # beside this file

    print("\n| file MB | packets | flows | peak MB |\n|---|---|---|---|")
    for count in packets:
        path = generator.write(folder, count)
        row = run(OURS, path, core)
        size = path.stat().st_size / 1e6
        print(f"| {size:,.0f} | {row['packets']:,} | {row['flows']:,} | {row['rss_mb']:.0f} |", flush=True)


def main() -> None:
    """Print two Markdown tables: speed, and memory."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--packets", type=int, default=2_000_000)
    options.add_argument("--repeat", type=int, default=3)
    options.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    options.add_argument("--memory", type=int, nargs="*", default=[1_400_000, 5_600_000], help="packets of each file")
    options.add_argument("--keep", type=Path, help="folder that keeps the generated files")
    given = options.parse_args()
    sys.path.insert(0, str(HERE))
    import packets  # beside this file

    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        compare(packets.write(folder, given.packets), given.repeat, given.core)
        memory(folder, given.memory, given.core)


if __name__ == "__main__":
    main()
