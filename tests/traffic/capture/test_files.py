"""Capture files as a whole: real captures against tshark and capinfos, and laws over damaged bytes."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.traffic.capture import builder as b
from tests.traffic.capture.reading import read_all

from residency.errors import ResidencyError
from residency.limits import LIMITS
from residency.traffic.capture.files import CaptureReader, is_capture

START = 1_700_000_000 * 1_000_000_000
QUOTED = {
    "6in4tunnel.pcap": {"2001:470:1f17:13f:25a3:3292:16f9:2ce0"},
    "instagram.pcap": {"173.194.40.20", "216.58.212.106"},
}
"""Addresses that stand only in the packets which ICMP errors quote: tshark reads those too."""

UNKNOWN_TO_CAPINFOS = {
    "brcm-tag-prepend.pcap": 15,
    "brcm-tag.pcap": 23,
    "dsa-high-vid.pcap": 4,
    "dsa.pcap": 8,
    "edsa-high-vid.pcap": 4,
    "edsa.pcap": 10,
    "frf16_magic_ie-oobr.pcap": 1,
    "hoobr_juniper3.pcap": 1,
    "juniper_es_oobr.pcap": 1,
    "juniper_monitor_invalid_cookie_length.pcap": 1,
    "kday6.pcap": 1,
    "vtp_asan-2.pcap": 1,
    "vtp_asan-3.pcap": 1,
    "vtp_asan.pcap": 5,
}
"""Files whose link type capinfos does not know: their records, counted by hand along the lengths."""


def captures(shared: Path, *folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((shared / "inputs" / folder).rglob("*")) if path.is_file()]
    return [path for path in found if not path.name.endswith(".json")]


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    return tmp_path / "unpacked"


def plain(path: Path, target: Path) -> Path:
    """Return the path of the decompressed file."""
    if path.suffix != ".gz":
        return path
    with gzip.open(path) as packed, target.open("wb") as out:
        shutil.copyfileobj(packed, out)
    return target


def addresses_of(reader: CaptureReader) -> set[str]:
    found = set()
    for packet in read_all(reader):
        found |= {packet.src, packet.dst}
        for tunnel in (packet.tunnel or "").split("; "):
            found |= set(tunnel.split(" ")[-3::2])
    return found - {""}


def test_packets_and_addresses_are_those_of_tshark(shared: Path, unpacked: Path) -> None:
    paths = captures(shared, "pcap")
    assert len(paths) >= 32
    for path in paths:
        truth = json.loads(path.with_name(path.name + ".tshark.json").read_text(encoding="utf-8"))
        reader = CaptureReader(plain(path, unpacked))
        addresses = addresses_of(reader)
        assert reader.packets == truth["packets"], path.name
        assert addresses == set(truth["host_list"]) - QUOTED.get(path.name, set()), path.name
        assert (reader.damaged, reader.incomplete) == ([], None), path.name


def packet_counts(paths: list[Path]) -> dict[str, int]:
    """Return the number of packets by path, as capinfos counts them, of the files that it reads."""
    run = subprocess.run(
        ["capinfos", "-c", "-M", "-T", "-r", "-Q", *map(str, paths)], capture_output=True, text=True, check=False
    )
    rows = (line.replace('"', "").split("\t") for line in run.stdout.splitlines())
    return {row[0]: int(row[1]) for row in rows}


@pytest.mark.skipif(shutil.which("capinfos") is None, reason="capinfos is not installed")
def test_packet_counts_are_those_of_capinfos(shared: Path) -> None:
    paths = captures(shared, "zeek_traces", "tcpdump_tests")
    assert len(paths) >= 1_200
    counts = packet_counts(paths)
    for path in paths:
        reader = CaptureReader(path)
        read = sum(len(batch) for batch in reader.batches())
        expected = counts.get(str(path), UNKNOWN_TO_CAPINFOS.get(path.name))
        assert reader.packets == expected, path.name
        assert reader.packets == read + sum(reader.other.values()) + len(reader.damaged), path.name


def sample() -> list[b.Record]:
    inner = b.ipv4(b.udp(b"inner"), b.UDP)
    frames = [
        b.ethernet(b.ipv4(b.tcp(b"hello", seq=1))),
        b.ethernet(b.ipv6(b.extension(b.UDP) + b.udp(b"hello"), 0), b.IPV6),
        b.ethernet(b.vlan(b.ipv4(b.udp(b.vxlan(b.ethernet(inner)), 5, 4789), b.UDP)), b.VLAN),
        b.ethernet(b.ipv4(b.gre(inner, b.IPV4), 47)),
        b.ethernet(b.ipv4(b.udp(b.gtp_u(inner, flags=0x32, extensions=bytes(4)), 5, 2152), b.UDP)),
        b.ethernet(bytes(28), b.ARP),
    ]
    return [b.Record(START + i * 1_000_000, frame) for i, frame in enumerate(frames * 3)]


SAMPLES = [b.pcap(sample()), b.pcap(sample(), order=">", nano=True), b.pcapng(sample()), b.pcapng(sample(), order=">")]
EDITS = st.lists(
    st.tuples(st.integers(0, 3_000), st.sampled_from(["set", "cut", "put", "flip"]), st.binary(min_size=1, max_size=6)),
    max_size=6,
)


def damaged(data: bytes, edits: list[tuple[int, str, bytes]]) -> bytes:
    for place, edit, content in edits:
        at = place % (len(data) + 1)
        behind = data[at + len(content) :]
        match edit:
            case "set":
                data = data[:at] + content + behind
            case "cut":
                data = data[:at] + behind
            case "put":
                data = data[:at] + content + data[at:]
            case _:
                flipped = bytes(a ^ c for a, c in zip(data[at:], content, strict=False))
                data = data[:at] + flipped + behind
    return data


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch") / "capture"


@settings(max_examples=300, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.sampled_from(SAMPLES), edits=EDITS)
def test_damage_gives_our_errors_or_an_exact_account(
    scratch: Path, data: bytes, edits: list[tuple[int, str, bytes]]
) -> None:
    scratch.write_bytes(damaged(data, edits))
    reader = CaptureReader(scratch)
    refusal = ""
    try:
        found = read_all(reader)  # checks the account
    except ResidencyError as error:
        found, refusal = [], str(error)
    assert "\n" not in refusal
    for packet in found:
        assert 0 <= len(packet.payload) <= packet.payload_bytes <= packet.ip_bytes
    assert all(one.offset is not None and one.line is not None for one in reader.damaged)


@settings(max_examples=100, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.sampled_from(SAMPLES), kept=st.integers(0, 3_000))
def test_a_file_cut_anywhere_is_read_up_to_there(scratch: Path, data: bytes, kept: int) -> None:
    scratch.write_bytes(data)
    whole = [packet.number for packet in read_all(CaptureReader(scratch))]
    scratch.write_bytes(data[:kept])
    reader = CaptureReader(scratch)
    try:
        found = [packet.number for packet in read_all(reader)]
    except ResidencyError:
        assert kept < 72  # within the headers
        return
    assert found == whole[: len(found)]
    assert len(reader.damaged) <= 1
    assert (reader.incomplete is None) == (not reader.damaged)


@settings(max_examples=100, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.binary(max_size=200), magic=st.sampled_from([b"", SAMPLES[0][:24], SAMPLES[2][:48]]))
def test_any_bytes_behind_a_header_are_survived(scratch: Path, data: bytes, magic: bytes) -> None:
    scratch.write_bytes(magic + data)
    reader = CaptureReader(scratch)
    if magic:
        read_all(reader)
    else:
        with pytest.raises(ResidencyError):
            read_all(reader)


@pytest.mark.parametrize("data", SAMPLES)
def test_captures_are_known_by_their_first_bytes(data: bytes) -> None:
    assert is_capture(data)
    assert is_capture(data[:24])
    assert not is_capture(data[4:])
    assert not is_capture(data[:3])


def test_both_formats_give_the_same_packets(scratch: Path) -> None:
    readings = []
    for data in SAMPLES:
        scratch.write_bytes(data)
        reader = CaptureReader(scratch)
        readings.append([(p.number, p.ts_ns, p.src, p.dst, p.payload, p.tunnel) for p in read_all(reader)])
        assert reader.other == {"arp": 3}
    assert len(readings[0]) == 15
    assert all(reading == readings[0] for reading in readings)


def test_reading_twice_gives_the_same_account(scratch: Path) -> None:
    scratch.write_bytes(SAMPLES[0])
    reader = CaptureReader(scratch)
    first, second = read_all(reader), read_all(reader)
    assert first == second
    assert reader.packets == len(sample())


def test_no_batch_is_longer_than_the_cap(scratch: Path) -> None:
    count = LIMITS.max_batch_packets + 10
    scratch.write_bytes(b.pcap([(START, b.ethernet(b.ipv4(b.udp(), b.UDP)))] * count))
    lengths = [len(batch) for batch in CaptureReader(scratch).batches()]
    assert sum(lengths) == count
    assert max(lengths) <= LIMITS.max_batch_packets
