"""Over a thousand captures of other projects' own tests, hundreds of them hostile, each held to the same promises.

No exception but ours, none over 2 s of CPU time, none over 256 MiB, every packet counted as `capinfos` counts it, and
rows that the flow table takes without a single complaint.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import subprocess
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest

from residency.errors import ResidencyError
from residency.traffic import read_traffic
from residency.traffic.capture.conversion import CaptureConversion
from residency.traffic.conversion import flow_schema

FOLDERS = ("zeek_traces", "tcpdump_tests")
FILES = 1253
MAX_CPU_S = 2.0
MAX_GROWTH_BYTES = 256 << 20
WORKERS = 2

# capinfos does not know these link types and counts nothing. Counted by stepping over the records' headers.
NOT_COUNTED_BY_CAPINFOS = {
    "brcm-tag-prepend.pcap": 15,  # 282, Broadcom tags before Ethernet
    "brcm-tag.pcap": 23,  # 281, Broadcom tags
    "dsa-high-vid.pcap": 4,  # 284, Marvell DSA tags
    "dsa.pcap": 8,
    "edsa-high-vid.pcap": 4,  # 285, Marvell EtherType DSA tags
    "edsa.pcap": 10,
    "frf16_magic_ie-oobr.pcap": 1,  # 182, multi-link Frame Relay of Juniper
    "hoobr_juniper3.pcap": 1,  # 805306500: the bits of a frame check sequence set beside a Juniper type
    "juniper_es_oobr.pcap": 1,  # the same
    "juniper_monitor_invalid_cookie_length.pcap": 1,  # 164, Juniper monitoring
    "kday6.pcap": 1,
    "vtp_asan-2.pcap": 1,
    "vtp_asan-3.pcap": 1,
    "vtp_asan.pcap": 5,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What reading one capture came to."""

    file: str
    packets: int | None
    accounted: int
    rows: pa.Table
    cpu_s: float
    growth_bytes: int
    refused: str | None
    exception: str | None


def _limit() -> None:
    """Bound a worker hard, so that a reader gone wild fails the test and not the machine."""
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    resource.setrlimit(resource.RLIMIT_CPU, (120, 120))


def _memory(field: str) -> int:
    text = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith(f"{field}:"))


def _read(path: Path) -> Outcome:
    """Read one capture in this process, which may have read others before."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before_bytes, started_s = _memory("VmRSS"), time.process_time()
    packets, accounted, refused, exception = None, 0, None, None
    rows = flow_schema().empty_table()
    try:
        conversion = CaptureConversion(path)
        rows = pa.Table.from_batches(conversion.flows(), flow_schema())
        for _ in conversion.answers():
            pass
        packets = conversion.records
        accounted = len(rows) + conversion.context + conversion.duplicate + len(conversion.rejected)
    except ResidencyError as error:
        refused = str(error)
    except Exception as error:  # noqa: BLE001 - what must not happen is reported with its file
        exception = repr(error)
    return Outcome(
        file=path.name,
        packets=packets,
        accounted=accounted,
        rows=rows,
        cpu_s=time.process_time() - started_s,
        growth_bytes=_memory("VmHWM") - before_bytes,
        refused=refused,
        exception=exception,
    )


@pytest.fixture(scope="module")
def captures() -> list[Path]:
    shared = os.environ.get("RESIDENCY_SHARED")
    if not shared:
        pytest.skip("RESIDENCY_SHARED is not set: the shared inputs are not here")
    return sorted(path for folder in FOLDERS for path in Path(shared, "inputs", folder).rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def outcomes(captures: list[Path]) -> dict[Path, Outcome]:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("memory is measured by /proc, which is Linux's")
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, mp_context=spawn, initializer=_limit) as pool:
        return dict(zip(captures, pool.map(_read, captures, chunksize=32), strict=True))


def test_all_are_here(captures: list[Path]) -> None:
    assert len(captures) == FILES


def test_none_breaks_the_reader_and_none_is_refused(outcomes: dict[Path, Outcome]) -> None:
    assert {path.name: one.exception for path, one in outcomes.items() if one.exception} == {}
    assert {path.name: one.refused for path, one in outcomes.items() if one.refused} == {}


def test_none_takes_long(outcomes: dict[Path, Outcome]) -> None:
    assert {path.name: one.cpu_s for path, one in outcomes.items() if one.cpu_s > MAX_CPU_S} == {}


def test_none_takes_much_memory(outcomes: dict[Path, Outcome]) -> None:
    assert {path.name: one.growth_bytes for path, one in outcomes.items() if one.growth_bytes > MAX_GROWTH_BYTES} == {}


def test_every_packet_is_accounted_for(outcomes: dict[Path, Outcome]) -> None:
    assert {path.name: one for path, one in outcomes.items() if one.packets != one.accounted} == {}


def test_packets_are_as_many_as_capinfos_counts(captures: list[Path], outcomes: dict[Path, Outcome]) -> None:
    if shutil.which("capinfos") is None:
        pytest.skip("capinfos is not installed (.ci/install-tools)")
    command = ["capinfos", "-M", "-c", "-T", "-r", *map(str, captures)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    counted = {Path(path): int(count) for path, count in (line.split("\t") for line in done.stdout.splitlines())}
    assert {path.name for path in captures if path not in counted} == set(NOT_COUNTED_BY_CAPINFOS)
    expected = {path: counted.get(path, NOT_COUNTED_BY_CAPINFOS.get(path.name)) for path in captures}
    ours = {path: one.packets for path, one in outcomes.items()}
    assert {p.name: (ours[p], expected[p]) for p in captures if ours[p] != expected[p]} == {}
    assert sum(count or 0 for count in ours.values()) == 29_662


def test_the_flow_table_takes_every_row(outcomes: dict[Path, Outcome]) -> None:
    rows = pa.concat_tables(one.rows for one in outcomes.values())
    assert len(rows) > 1_000
    with read_traffic([rows], cuts_us=()) as traffic:
        assert [one.reason for one in traffic.quarantine()] == []
        assert traffic.warnings == ()
        (taken,) = traffic.inputs
    assert taken.flows_rows == len(rows)
