"""TCP, UDP and SCTP: ports, flags, numbers and payloads, whatever the headers claim."""

from __future__ import annotations

import pytest
from tests.traffic.capture import builder as b
from tests.traffic.capture.conftest import ReadCapture
from tests.traffic.capture.reading import Packet

START = 1_700_000_000 * 1_000_000_000


def one(read_capture: ReadCapture, payload: bytes, proto: int, wire_bytes: int | None = None) -> Packet:
    """Return the one packet of a capture of raw IP with this payload."""
    packet = b.ipv4(payload, proto, total_length=None if wire_bytes is None else wire_bytes)
    _, found = read_capture(b.pcap([b.Record(START, packet, wire_bytes=wire_bytes)], b.RAW_IP))
    return found[0]


def test_every_field_of_tcp_is_read(read_capture: ReadCapture) -> None:
    segment = b.tcp(b"abc", 65_535, 1, flags=0x1FF, seq=0xFFFFFFFF, ack=0xFEDCBA98, options=bytes(12))
    packet = one(read_capture, segment, b.TCP)
    assert (packet.has_transport, packet.ports, packet.tcp_flags) == (True, (65_535, 1), 0x1FF)
    assert (packet.seq, packet.ack) == (0xFFFFFFFF, 0xFEDCBA98)
    assert (packet.payload, packet.payload_bytes, packet.ip_bytes) == (b"abc", 3, 35)


@pytest.mark.parametrize("data_offset", [0, 4, 7, 15])
def test_an_impossible_data_offset_is_no_transport(read_capture: ReadCapture, data_offset: int) -> None:
    packet = one(read_capture, b.tcp(b"abc", data_offset=data_offset), b.TCP)
    assert (packet.has_transport, packet.ports, packet.tcp_flags) == (False, (0, 0), 0)
    assert packet.ip_bytes == 23


def test_options_that_were_not_captured_leave_a_declared_payload(read_capture: ReadCapture) -> None:
    packet = one(read_capture, b.tcp(flags=b.SYN, data_offset=8), b.TCP, wire_bytes=20 + 32 + 500)
    assert (packet.has_transport, packet.tcp_flags, packet.payload, packet.payload_bytes) == (True, b.SYN, b"", 500)


@pytest.mark.parametrize("kept", range(20))
def test_a_cut_tcp_header_is_no_transport(read_capture: ReadCapture, kept: int) -> None:
    packet = one(read_capture, b.tcp()[:kept], b.TCP, wire_bytes=40)
    assert (packet.has_transport, packet.ports, packet.ip_bytes) == (False, (0, 0), 20)


def test_bytes_behind_the_datagram_are_no_payload(read_capture: ReadCapture) -> None:
    packet = one(read_capture, b.udp(b"abcdef", length=11), b.UDP)
    assert (packet.payload, packet.payload_bytes, packet.ip_bytes) == (b"abc", 3, 14)


@pytest.mark.parametrize(("length", "payload"), [(0, b"abc"), (7, b""), (8, b""), (9, b"a"), (60_000, b"abc")])
def test_a_datagrams_length_never_reaches_out_of_its_packet(
    read_capture: ReadCapture, length: int, payload: bytes
) -> None:
    packet = one(read_capture, b.udp(b"abc", length=length), b.UDP)
    assert (packet.has_transport, packet.payload, packet.payload_bytes) == (True, payload, len(payload))


@pytest.mark.parametrize("kept", range(8))
def test_a_cut_udp_header_is_no_transport(read_capture: ReadCapture, kept: int) -> None:
    packet = one(read_capture, b.udp()[:kept], b.UDP, wire_bytes=28)
    assert (packet.has_transport, packet.ports) == (False, (0, 0))


def test_sctp_has_ports_and_chunks(read_capture: ReadCapture) -> None:
    packet = one(read_capture, b.udp(b"tag!chunks", 5_000, 36_412), 132)
    assert (packet.has_transport, packet.ports) == (True, (5_000, 36_412))
    assert packet.payload == b"tag!chunks"[4:]
