"""pcap files: every form of header, and every way in which a record can be damaged or lie."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from tests.traffic.capture import builder as b
from tests.traffic.capture.conftest import ReadCapture
from tests.traffic.capture.reading import Packet, read_all

from residency.errors import InputError, LimitError
from residency.limits import LIMITS
from residency.traffic.capture.files import CaptureReader

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND


def frame(index: int = 0, payload: bytes = b"") -> bytes:
    return b.ethernet(b.ipv4(b.tcp(payload or bytes(20 + index), seq=index)))


def records(count: int) -> list[b.Record]:
    return [b.Record(START + i * SECOND, frame(i)) for i in range(count)]


def sequence(found: list[Packet]) -> list[int]:
    return [packet.seq for packet in found]


def offset_of(index: int) -> int:
    """Return where record `index` of `records` begins."""
    return 24 + sum(16 + len(frame(i)) for i in range(index))


def with_lengths(data: bytes, index: int, captured: int, wire: int | None = None) -> bytes:
    """Return the file of `records` with other lengths in one record."""
    at = offset_of(index) + 8
    old_wire = struct.unpack_from("<I", data, at + 4)[0]
    return data[:at] + struct.pack("<II", captured, old_wire if wire is None else wire) + data[at + 8 :]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
def test_times_are_exact_in_both_byte_orders_and_resolutions(read_capture: ReadCapture, order: str, nano: bool) -> None:
    ts_ns = START + (123_456_789 if nano else 123_456_000)
    reader, found = read_capture(b.pcap([(ts_ns, frame())], order=order, nano=nano))
    assert (reader.packets, found[0].ts_ns, found[0].resolution_ns) == (1, ts_ns, 1 if nano else 1_000)
    assert reader.incomplete is None


def test_records_with_kuznetzovs_longer_header_are_read(read_capture: ReadCapture) -> None:
    head = struct.pack("<IIII", 1_700_000_000, 5, len(frame()), len(frame())) + struct.pack("<IHBB", 2, 8, 0, 0)
    _, found = read_capture(b.pcap_header(magic=0xA1B2CD34) + (head + frame()) * 2)
    assert [packet.ts_ns for packet in found] == [START + 5_000] * 2


def test_the_frame_check_sequence_is_no_payload(read_capture: ReadCapture) -> None:
    with_rest = b.ethernet(b.ipv4(b.udp(b"abcd", length=0), b.UDP, total_length=0)) + b"FCS!"
    _, found = read_capture(b.pcap([(START, with_rest)], link_type=b.ETHERNET | 0x04000000 | 2 << 28))
    assert found[0].payload == b"abcd"


def test_a_header_alone_is_a_capture_of_nothing(read_capture: ReadCapture) -> None:
    reader, found = read_capture(b.pcap([]))
    assert (found, reader.packets, reader.incomplete) == ([], 0, None)


@pytest.mark.parametrize("head", [b"", b"\xd4\xc3\xb2\xa1", b.pcap_header()[:23], b"GET / HTTP/1.1\r\n\r\n" * 2])
def test_what_is_no_capture_is_refused_in_one_line(read_capture: ReadCapture, head: bytes) -> None:
    with pytest.raises(InputError) as error:
        read_capture(head)
    assert str(error.value).startswith("shown.pcap: offset 0: ")
    assert "\n" not in str(error.value)


def test_a_missing_file_is_refused_by_the_name_shown(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no-file: cannot be opened: No such file"):
        read_all(CaptureReader(tmp_path / "x", "no-file"))


@pytest.mark.parametrize("kept", [1, 15, 16, 40])
def test_a_cut_record_is_counted_with_its_offset(read_capture: ReadCapture, kept: int) -> None:
    reader, found = read_capture(b.pcap(records(4))[: offset_of(3) + kept])
    assert sequence(found) == [0, 1, 2]
    assert reader.packets == 4
    assert [(one.line, one.offset) for one in reader.damaged] == [(4, offset_of(3))]
    assert reader.incomplete == f"cut in the middle of packet 4 at offset {offset_of(3)}"


@pytest.mark.parametrize("captured", [0xFFFFFFFF, 1 << 31, LIMITS.max_captured_packet_bytes + 1])
@pytest.mark.parametrize("index", [0, 3, 9])
def test_an_impossible_length_loses_that_record_only(read_capture: ReadCapture, captured: int, index: int) -> None:
    reader, found = read_capture(with_lengths(b.pcap(records(10)), index, captured))
    assert sequence(found) == [i for i in range(10) if i != index]
    assert reader.packets == 10
    assert [(one.line, one.offset) for one in reader.damaged] == [(index + 1, offset_of(index))]
    assert reader.incomplete is not None
    assert f"packet {index + 1} at offset {offset_of(index)}" in reader.incomplete


@pytest.mark.parametrize("surplus", [*range(1, 130), 1_000])
def test_a_length_that_lies_into_the_next_records_swallows_none(read_capture: ReadCapture, surplus: int) -> None:
    lie = len(frame(3)) + surplus
    reader, found = read_capture(with_lengths(b.pcap(records(40)), 3, lie, lie))
    assert sequence(found) == [i for i in range(40) if i != 3]
    assert [(one.line, one.offset) for one in reader.damaged] == [(4, offset_of(3))]


@pytest.mark.parametrize("swallowed", [1, 2, 5])
def test_a_length_that_swallows_whole_records_is_seen(read_capture: ReadCapture, swallowed: int) -> None:
    lie = offset_of(4 + swallowed) - offset_of(3) - 16
    reader, found = read_capture(with_lengths(b.pcap(records(40)), 3, lie))
    assert sequence(found) == [i for i in range(40) if i != 3]
    assert [(one.line, one.offset) for one in reader.damaged] == [(4, offset_of(3))]
    assert "hides other packets" in reader.damaged[0].reason


def test_a_length_beyond_the_files_limit_that_swallows_records_is_seen(read_capture: ReadCapture) -> None:
    lie = offset_of(6) - offset_of(3) - 16
    data = with_lengths(b.pcap(records(40), snaplen=100), 3, lie, lie)
    reader, found = read_capture(data)
    assert sequence(found) == [i for i in range(40) if i != 3]
    assert len(reader.damaged) == 1


def test_a_length_that_reaches_past_the_end_swallows_none(read_capture: ReadCapture) -> None:
    lie = offset_of(10) - offset_of(3)
    reader, found = read_capture(with_lengths(b.pcap(records(10)), 3, lie, lie))
    assert sequence(found) == [i for i in range(10) if i != 3]
    assert [(one.line, one.offset) for one in reader.damaged] == [(4, offset_of(3))]


@pytest.mark.parametrize(("captured", "wire"), [(60, 40), (300, 300)])
def test_more_captured_than_sent_or_than_the_limit_is_no_damage_by_itself(
    read_capture: ReadCapture, captured: int, wire: int
) -> None:
    odd = b.Record(START, frame(0, bytes(captured - 54)), wire_bytes=wire)
    reader, found = read_capture(b.pcap([odd, b.Record(START, frame(1))], snaplen=100))
    assert (len(found), reader.damaged) == (2, [])


def test_a_fraction_of_a_whole_second_leaves_the_time_unknown(read_capture: ReadCapture) -> None:
    data = b.pcap(records(3))
    at = offset_of(1) + 4
    reader, found = read_capture(data[:at] + struct.pack("<I", 1_000_000) + data[at + 4 :])
    assert sequence(found) == [0, 2]
    assert (reader.packets, [(one.line, one.offset) for one in reader.damaged]) == (3, [(2, offset_of(1))])


def test_a_captured_pcap_file_inside_a_packet_is_payload(read_capture: ReadCapture) -> None:
    inner = b.pcap(records(5))
    reader, found = read_capture(b.pcap([b.Record(START, frame(0, inner)), *records(3)]))
    assert (reader.packets, len(found), reader.damaged, found[0].payload) == (4, 4, [], inner)


def test_a_file_of_damage_only_is_refused(read_capture: ReadCapture) -> None:
    one = struct.pack("<IIII", 1_700_000_000, 2_000_000, 0, 0)
    with pytest.raises(LimitError, match=f"more than {LIMITS.max_damaged_packets} damaged records"):
        read_capture(b.pcap_header() + one * (LIMITS.max_damaged_packets + 1))


def test_records_over_the_windows_edge_are_read_whole(read_capture: ReadCapture) -> None:
    size = LIMITS.capture_window_bytes
    large = [b.Record(START, b.ethernet(b.ipv4(b.udp(bytes(60_000), length=0), b.UDP, total_length=0)))] * 150
    reader, found = read_capture(b.pcap([*large, *records(5)]))
    assert size < 60_000 * 150
    assert (reader.packets, len(found), reader.incomplete) == (155, 155, None)
    assert {packet.payload_bytes for packet in found[:150]} == {60_000}


def test_damage_right_at_the_windows_edge_is_passed(read_capture: ReadCapture) -> None:
    """Whatever stands at the edge, the one damaged record is the only loss."""
    size, piece = LIMITS.capture_window_bytes, 65_516
    for shift in (-40, -16, -8, 0, 8):
        large = [b.Record(START, bytes(piece))] * (size // (piece + 16) - 1)
        filler = size + shift - 24 - len(large) * (piece + 16) - 16
        before = [*large, b.Record(START, bytes(filler % 200_000)), b.Record(START, bytes(filler - filler % 200_000))]
        bad = b.Record(START, frame(1), captured=0xFFFFFFF0)
        reader, found = read_capture(b.pcap([*before, bad, *records(9)]))
        assert len(found) == 9
        assert [one.line for one in reader.damaged] == [len(before) + 1]


@pytest.mark.parametrize("surplus", [3, 17, 62, 94, 100])
def test_a_lie_at_the_windows_edge_swallows_none(read_capture: ReadCapture, surplus: int) -> None:
    size, piece = LIMITS.capture_window_bytes, 65_516
    for left in range(40, 400, 37):  # bytes between the lie and the edge of the first window
        large = [b.Record(START, bytes(piece))] * (size // (piece + 16) - 2)
        filler = size - left - len(large) * (piece + 16) - 16
        before = [*large, b.Record(START, bytes(filler))]
        lie = len(frame(3)) + surplus
        liar = b.Record(START, frame(3), captured=lie, wire_bytes=lie)
        _, found = read_capture(b.pcap([*before, liar, *records(12)[4:]]))
        assert sequence(found) == list(range(4, 12))


@pytest.mark.parametrize("wire", [0, 40])
def test_what_was_captured_was_on_the_wire(read_capture: ReadCapture, wire: int) -> None:
    _, found = read_capture(b.pcap([b.Record(START, frame(5), wire_bytes=wire)]))
    assert (found[0].payload, found[0].payload_bytes) == (bytes(25), 25)


def test_a_gap_larger_than_the_window_is_searched_through(read_capture: ReadCapture) -> None:
    gap = b"\xff" * (LIMITS.capture_window_bytes + 3)
    reader, found = read_capture(b.pcap(records(3)) + gap + b"".join(b.pcap_record(r) for r in records(6)[3:]))
    assert sequence(found) == [0, 1, 2, 3, 4, 5]
    assert len(reader.damaged) == 1
    assert reader.incomplete is not None
    assert str(offset_of(3) + len(gap)) in reader.incomplete
