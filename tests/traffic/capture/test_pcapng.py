"""pcapng files: sections, interfaces and their clocks, packet blocks, and damaged blocks."""

from __future__ import annotations

import struct

import pytest
from tests.traffic.capture import builder as b
from tests.traffic.capture.conftest import ReadCapture
from tests.traffic.capture.reading import Packet

from residency.errors import InputError, LimitError
from residency.limits import LIMITS

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND


def frame(index: int = 0) -> bytes:
    return b.ethernet(b.ipv4(b.tcp(bytes(index), seq=index)))


def records(count: int) -> list[b.Record]:
    return [b.Record(START + i * SECOND, frame(i)) for i in range(count)]


def sequence(found: list[Packet]) -> list[int]:
    return [packet.seq for packet in found]


def blocks(count: int, order: str = "<") -> list[bytes]:
    """Return a section header, an interface and packets."""
    packets = [b.enhanced_packet(r, order=order) for r in records(count)]
    return [b.section_header(order=order), b.interface(order=order), *packets]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
def test_times_are_exact_in_both_byte_orders_and_resolutions(read_capture: ReadCapture, order: str, nano: bool) -> None:
    ts_ns = START + (123_456_789 if nano else 123_456_000)
    _, found = read_capture(b.pcapng([(ts_ns, frame())], order=order, nano=nano))
    assert (found[0].ts_ns, found[0].resolution_ns) == (ts_ns, 1 if nano else 1_000)


@pytest.mark.parametrize(
    ("resolution", "units", "ts_ns", "resolution_ns"),
    [
        (0, 5, 5 * SECOND, SECOND),
        (3, 5_001, 5_001_000_000, 1_000_000),
        (9, 5_000_000_001, 5_000_000_001, 1),
        (12, 5_000_000_001_999, 5_000_000_001, 1),
        (18, 5 * 10**18 + 10**9, 5 * SECOND + 1, 1),
        (0x80, 5, 5 * SECOND, SECOND),
        (0x80 | 10, 5 * 1024 + 512, 5 * SECOND + SECOND // 2, 976_563),
        (0x80 | 32, (5 << 32) + (1 << 31), 5 * SECOND + SECOND // 2, 1),
        (0x80 | 60, (5 << 60) + (1 << 58), 5 * SECOND + SECOND // 4, 1),
    ],
)
def test_every_clock_counts_in_its_own_units(
    read_capture: ReadCapture, resolution: int, units: int, ts_ns: int, resolution_ns: int
) -> None:
    data = b.section_header() + b.interface(time_resolution=resolution) + b.enhanced_packet((units, frame()), unit_ns=1)
    _, found = read_capture(data)
    assert (found[0].ts_ns, found[0].resolution_ns) == (ts_ns, resolution_ns)


def test_a_clocks_offset_is_added(read_capture: ReadCapture) -> None:
    data = b.section_header() + b.interface(time_offset_s=1_600_000_000) + b.enhanced_packet((7_000, frame()))
    _, found = read_capture(data)
    assert found[0].ts_ns == 1_600_000_000 * SECOND + 7_000


@pytest.mark.parametrize(
    ("resolution", "offset_s", "units"),
    [(100, 0, 1), (0x80 | 64, 0, 1), (0, 0, 1 << 40), (6, -10, 1), (6, 1 << 62, 1), (6, -(1 << 63), 1)],
)
def test_a_time_that_cannot_be_is_damage(read_capture: ReadCapture, resolution: int, offset_s: int, units: int) -> None:
    head = b.section_header() + b.interface(time_resolution=resolution, time_offset_s=offset_s)
    reader, found = read_capture(head + b.enhanced_packet((units, frame()), unit_ns=1))
    assert (found, reader.packets, [one.reason for one in reader.damaged]) == ([], 1, ["its time cannot be"])


def test_interfaces_have_their_own_link_type_and_clock(read_capture: ReadCapture) -> None:
    raw = b.Record(START + 5, b.ipv4(b.tcp(seq=9)), interface=1)
    data = b.section_header() + b.interface() + b.interface(b.RAW_IP, time_resolution=9)
    _, found = read_capture(data + b.enhanced_packet((START, frame())) + b.enhanced_packet(raw, unit_ns=1))
    assert [(p.ts_ns, p.seq, p.resolution_ns) for p in found] == [(START, 0, 1_000), (START + 5, 9, 1)]


def test_sections_have_their_own_byte_order_and_interfaces(read_capture: ReadCapture) -> None:
    second = b.section_header(order=">") + b.interface(b.RAW_IP, order=">")
    late = b.enhanced_packet((START, b.ipv4(b.tcp(seq=77))), order=">")
    reader, found = read_capture(b"".join(blocks(2)) + second + late + b"".join(blocks(1)))
    assert sequence(found) == [0, 1, 77, 0]
    assert reader.damaged == []


def test_a_packet_of_no_interface_is_damage(read_capture: ReadCapture) -> None:
    stray = b.Record(START, frame(), interface=1)
    data = b"".join(blocks(1)) + b.interface() + b.section_header() + b.interface() + b.enhanced_packet(stray)
    reader, found = read_capture(data)
    assert (len(found), reader.packets) == (1, 2)
    assert [(one.line, one.reason) for one in reader.damaged] == [(2, "its interface is not described")]


@pytest.mark.parametrize("order", ["<", ">"])
def test_old_packet_blocks_are_read(read_capture: ReadCapture, order: str) -> None:
    head = b.section_header(order=order) + b.interface(order=order) + b.interface(b.RAW_IP, order=order)
    old = b.old_packet(b.Record(START, b.ipv4(b.tcp(seq=3)), interface=1), order=order, drops=9)
    _, found = read_capture(head + old)
    assert [(p.ts_ns, p.seq) for p in found] == [(START, 3)]


def test_a_simple_packet_has_no_time_and_is_set_aside(read_capture: ReadCapture) -> None:
    first, second, *rest = blocks(1)
    reader, found = read_capture(first + second + b.simple_packet(frame()) + rest[0])
    assert ([p.number for p in found], reader.packets) == ([2], 2)
    assert reader.other == {"simple packet block: no time": 1}


def test_unknown_blocks_are_skipped(read_capture: ReadCapture) -> None:
    first, second, *rest = blocks(2)
    unknown = b.block(0xBAD, bytes(40)) + b.block(5, bytes(8)) + b.block(4, bytes(400_000))
    reader, found = read_capture(first + unknown + second + rest[0] + unknown + rest[1])
    assert (sequence(found), reader.packets, reader.incomplete) == ([0, 1], 2, None)


def test_a_block_larger_than_the_window_is_skipped(read_capture: ReadCapture) -> None:
    first, second, *rest = blocks(2)
    huge = b.block(10, bytes(LIMITS.capture_window_bytes + 5))
    reader, found = read_capture(first + second + rest[0] + huge + rest[1])
    assert (sequence(found), reader.packets, reader.damaged) == ([0, 1], 2, [])


def test_a_packet_larger_than_the_window_is_damage(read_capture: ReadCapture) -> None:
    first, second, *rest = blocks(2)
    huge = b.enhanced_packet((START, bytes(LIMITS.capture_window_bytes + 5)))
    reader, found = read_capture(first + second + rest[0] + huge + rest[1])
    assert (sequence(found), reader.packets, [one.line for one in reader.damaged]) == ([0, 1], 3, [2])


@pytest.mark.parametrize("captured", [100, 1 << 19, 0xFFFFFFFF])
def test_more_captured_than_the_block_holds_loses_that_packet_only(read_capture: ReadCapture, captured: int) -> None:
    first, second, *rest = blocks(3)
    lie = b.enhanced_packet(b.Record(START, frame(1), captured=captured))
    reader, found = read_capture(first + second + rest[0] + lie + rest[2])
    offset = len(first + second + rest[0])
    assert sequence(found) == [0, 2]
    assert [(one.line, one.offset) for one in reader.damaged] == [(2, offset)]
    assert reader.incomplete is None


@pytest.mark.parametrize("total", [0, 8, 13, 40, 64, 96, 1 << 20, 0xFFFFFFFC, 0xFFFFFFFF])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_block_length_that_lies_swallows_no_other_block(read_capture: ReadCapture, total: int, order: str) -> None:
    parts = blocks(6, order)
    offset = sum(map(len, parts[:4]))
    bad = parts[4][:4] + struct.pack(order + "I", total) + parts[4][8:]
    reader, found = read_capture(b"".join((*parts[:4], bad, *parts[5:])))
    assert sequence(found) == [0, 1, 3, 4, 5]
    assert [(one.line, one.offset) for one in reader.damaged] == [(3, offset)]
    assert reader.incomplete is not None
    assert f"block at offset {offset}" in reader.incomplete


def test_a_wrong_length_at_the_blocks_end_is_seen(read_capture: ReadCapture) -> None:
    parts = blocks(4)
    bad = parts[3][:-4] + struct.pack("<I", 64)
    reader, found = read_capture(b"".join((*parts[:3], bad, *parts[4:])))
    assert sequence(found) == [0, 2, 3]
    assert len(reader.damaged) == 1


@pytest.mark.parametrize("kept", [1, 8, 11, 30])
def test_a_cut_block_is_counted_with_its_offset(read_capture: ReadCapture, kept: int) -> None:
    parts = blocks(3)
    offset = sum(map(len, parts[:-1]))
    reader, found = read_capture(b"".join(parts[:-1]) + parts[-1][:kept])
    assert sequence(found) == [0, 1]
    assert [one.offset for one in reader.damaged] == [offset]
    assert reader.incomplete is not None
    assert f"offset {offset}" in reader.incomplete


def test_what_follows_a_lost_interface_keeps_its_own(read_capture: ReadCapture) -> None:
    broken = b.interface()[:-4] + bytes(4)
    raw = b.Record(START, b.ipv4(b.tcp(seq=5)), interface=1)
    lost = b.Record(START, frame())
    data = b.section_header() + broken + b.interface(b.RAW_IP) + b.enhanced_packet(lost) + b.enhanced_packet(raw)
    reader, found = read_capture(data)
    assert (sequence(found), reader.packets, len(reader.damaged)) == ([5], 3, 2)


def test_what_follows_a_lost_section_is_not_read_by_the_old_one(read_capture: ReadCapture) -> None:
    broken = b.section_header()[:-4] + bytes(4)
    reader, found = read_capture(b"".join(blocks(1)) + broken + b.enhanced_packet((START, frame(1))))
    assert (sequence(found), reader.packets, len(reader.damaged)) == ([0], 3, 2)


def test_damage_larger_than_the_window_is_searched_through(read_capture: ReadCapture) -> None:
    parts = blocks(4)
    junk = b"\xff" * (LIMITS.capture_window_bytes + 4_000_000)
    reader, found = read_capture(b"".join(parts[:4]) + junk + b"".join(parts[4:]))
    assert (sequence(found), len(reader.damaged)) == ([0, 1, 2, 3], 1)


@pytest.mark.parametrize("head", [b"\x0a\x0d\x0d\x0a", b"\x0a\x0d\x0d\x0a" + bytes(24)])
def test_a_broken_section_header_at_the_start_is_refused(read_capture: ReadCapture, head: bytes) -> None:
    with pytest.raises(InputError, match=r"^shown\.pcap: offset 0: the section header of the pcapng file is"):
        read_capture(head)


def test_more_interfaces_than_the_cap_are_refused(read_capture: ReadCapture) -> None:
    with pytest.raises(LimitError, match="interfaces"):
        read_capture(b.section_header() + b.interface() * (LIMITS.max_capture_interfaces + 1))
