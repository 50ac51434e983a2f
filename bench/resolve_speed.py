"""Look 10,000 names up at an Unbound of loopback: ours beside dnspython's own async resolver, in the same run.

    python bench/resolve_speed.py --repeat 3

Both sides run in fresh processes, in turn, with the same names, type and number of questions at once, after the
resolver has every answer in its cache; each of them opens a socket of its own for every question, so that ports stay
unpredictable. Then ours alone: names of which every server fails must all have an outcome before the deadline. Goal:
dnspython takes at least 1.5 times as long. Needs the programs that `.ci/install-tools` installs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.resolve import ways
from tests.resolve.hostile import hostile_server
from tests.resolve.servers import programs, zones
from tests.resolve.servers.processes import LOOPBACK

AT_ONCE = 100
GOAL = 1.5
DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one side did in one process."""

    took_s: float
    cpu_s: float
    peak_mb: float
    outcomes: dict[str, int]


def names(way: str = "") -> list[str]:
    """Return the names of the zone, or as many that the hostile server answers in a way."""
    if way:
        return [f"n{number}.{way}.{ways.ZONE}" for number in range(zones.BULK)]
    return [f"bulk-{number}.{zones.ZONE}" for number in range(zones.BULK)]


def ours(port: int, way: str) -> Counter[str]:
    """Look the names up with `resolve`."""
    from residency.resolve import resolve

    server = f"udp://{LOOPBACK}:{port}"
    deadline_s = DEADLINE_S if way else None
    found = resolve(names(way), servers=[server], types=["A"], concurrency=AT_ONCE, deadline_s=deadline_s)
    return Counter(lookup.outcome.value for lookup in found)


def dnspythons(port: int, way: str) -> Counter[str]:
    """Look the names up with dnspython, as its pages show, so many at once."""
    from dns.asyncresolver import Resolver
    from dns.exception import DNSException

    resolver = Resolver(configure=False)
    resolver.nameservers, resolver.port = [LOOPBACK], port
    found: Counter[str] = Counter()

    async def work(todo: list[str]) -> None:
        while todo:
            try:
                await resolver.resolve(f"{todo.pop()}.", "A")
                found["answer"] += 1
            except DNSException as error:
                found[type(error).__name__] += 1

    async def everything() -> None:
        todo = names(way)
        await asyncio.gather(*(work(todo) for _ in range(AT_ONCE)))

    asyncio.run(everything())
    return found


SIDES = {"ours": ours, "dnspython": dnspythons}


def run_here(side: str, port: int, way: str) -> Run:
    """Run a side in this process."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    outcomes = SIDES[side](port, way)
    took_s, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Run(took_s=took_s, cpu_s=cpu_s, peak_mb=after.ru_maxrss / 1024, outcomes=dict(outcomes))


def run_apart(side: str, port: int, way: str = "") -> Run:
    """Run a side in a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--port", str(port), "--way", way]
    return Run(**json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout))


def compare(repeat: int) -> None:
    """Print the medians of both sides and their ratio."""
    with tempfile.TemporaryDirectory(prefix="residency-bench-") as folder:
        place = Path(folder)
        with (
            programs.nsd(place) as (nsd, anchors),
            programs.unbound(place, {zones.ZONE: nsd}, anchors, programs.issue(place)) as unbound,
        ):
            run_apart("ours", unbound.plain)  # fills the resolver's cache
            runs: dict[str, list[Run]] = {side: [] for side in SIDES}
            for _ in range(repeat):
                for side, kept in runs.items():
                    kept.append(run_apart(side, unbound.plain))
    for side, kept in runs.items():
        if any(run.outcomes != {"answer": zones.BULK} for run in kept):
            raise SystemExit(f"{side}: not every name was answered: {[run.outcomes for run in kept]}")
        took_s = statistics.median(run.took_s for run in kept)
        cpu_s = statistics.median(run.cpu_s for run in kept)
        peak_mb = max(run.peak_mb for run in kept)
        print(
            f"{side:>10} {took_s:6.2f} s, {cpu_s:6.2f} s of CPU, {zones.BULK / took_s:8,.0f} names/s, {peak_mb:4.0f} MB"
        )
    ratio = statistics.median(a.took_s / b.took_s for a, b in zip(runs["dnspython"], runs["ours"], strict=True))
    print(f"     ratio {ratio:6.2f} (goal {GOAL})")


def failing() -> None:
    """Print how names end of which every server fails."""
    with hostile_server() as server:
        for way in ("servfail", "refused", "drop"):
            run = run_apart("ours", server.port, way)
            print(f"{way:>10} {run.took_s:6.2f} s of {DEADLINE_S:.0f} s, {run.peak_mb:4.0f} MB, {run.outcomes}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--way", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(asdict(run_here(options.side, options.port, options.way))))
        return
    if missing := programs.missing_programs():
        raise SystemExit(f"{', '.join(missing)} not installed; .ci/install-tools installs them")
    compare(options.repeat)
    failing()


if __name__ == "__main__":
    main()
