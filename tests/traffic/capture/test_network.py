"""IPv4 and IPv6: lengths that hold and that lie, options, extension headers, fragments."""

from __future__ import annotations

import struct

import pytest
from tests.traffic.capture import builder as b
from tests.traffic.capture.conftest import ReadCapture
from tests.traffic.capture.reading import Packet

from residency.limits import LIMITS
from residency.traffic.capture.packets import Fragment

START = 1_700_000_000 * 1_000_000_000


def one(read_capture: ReadCapture, packet: bytes, wire_bytes: int | None = None) -> Packet:
    """Return the one packet of a capture of raw IP."""
    reader, found = read_capture(b.pcap([b.Record(START, packet, wire_bytes=wire_bytes)], b.RAW_IP))
    assert (len(found), reader.other, reader.damaged) == (1, {}, [])
    return found[0]


def test_options_are_passed(read_capture: ReadCapture) -> None:
    packet = one(read_capture, b.ipv4(b.tcp(b"abc"), options=bytes(37)))
    assert (packet.payload, packet.ip_bytes) == (b"abc", 23)


def test_a_snapped_packet_keeps_its_declared_lengths(read_capture: ReadCapture) -> None:
    whole = b.ipv4(b.tcp(bytes(1_000)))
    packet = one(read_capture, whole[:60], len(whole))
    assert (len(packet.payload), packet.payload_bytes, packet.ip_bytes) == (20, 1_000, 1_020)


@pytest.mark.parametrize("family", [4, 6])
def test_a_length_left_to_the_hardware_is_the_rest(read_capture: ReadCapture, family: int) -> None:
    segment = b.tcp(bytes(100_000))
    whole = b.ipv4(segment, total_length=0) if family == 4 else b.ipv6(segment, payload_length=0)
    packet = one(read_capture, whole)
    assert (packet.payload_bytes, len(packet.payload), packet.ip_bytes) == (100_000, 100_000, 100_020)


def jumbogram(stated: int) -> bytes:
    option = struct.pack(">BBI", 0xC2, 4, stated)
    return b.ipv6(b.extension(b.TCP, option) + b.tcp(b"abc"), 0, payload_length=0)


def test_a_jumbograms_option_states_its_length(read_capture: ReadCapture) -> None:
    packet = one(read_capture, jumbogram(8 + 23) + b"padding")
    assert (packet.payload, packet.payload_bytes, packet.ip_bytes) == (b"abc", 3, 23)


def test_a_jumbogram_of_more_than_the_wire_carried_is_not_believed(read_capture: ReadCapture) -> None:
    assert one(read_capture, jumbogram(0xFFFFFFFF)).ip_bytes == 23


def test_a_payload_length_beyond_what_was_captured_is_what_the_header_declares(read_capture: ReadCapture) -> None:
    packet = one(read_capture, b.ipv6(b.udp(b"abc", length=0), b.UDP, payload_length=500))
    assert (packet.payload, packet.ip_bytes, packet.payload_bytes) == (b"abc", 500, 492)


CHAINS = {
    "hop-by-hop": (0, b.extension(b.TCP)),
    "routing of 24 bytes": (43, b.extension(b.TCP, bytes(22))),
    "destination, twice": (60, b.extension(60) + b.extension(b.TCP)),
    "authentication": (51, bytes((b.TCP, 4)) + bytes(22)),
    "mobility": (135, b.extension(b.TCP)),
    "all": (0, b.extension(43) + b.extension(60) + b.extension(51) + bytes((b.TCP, 1)) + bytes(10)),
    "atomic fragment": (44, b.fragment_header(b.TCP, identification=9)),
}


@pytest.mark.parametrize(("first", "headers"), CHAINS.values(), ids=CHAINS)
def test_extension_headers_are_passed(read_capture: ReadCapture, first: int, headers: bytes) -> None:
    packet = one(read_capture, b.ipv6(headers + b.tcp(b"abc", seq=8), first))
    assert (packet.proto, packet.seq, packet.payload, packet.ip_bytes) == (b.TCP, 8, b"abc", 23)
    assert packet.fragment == Fragment.WHOLE


def test_authentication_in_ipv4_is_passed(read_capture: ReadCapture) -> None:
    packet = one(read_capture, b.ipv4(bytes((b.UDP, 4)) + bytes(22) + b.udp(b"abc"), 51))
    assert (packet.proto, packet.ports, packet.payload) == (b.UDP, (40_000, 53), b"abc")


def test_an_extension_header_longer_than_its_packet_ends_the_chain(read_capture: ReadCapture) -> None:
    packet = one(read_capture, b.ipv6(bytes((b.TCP, 200)) + bytes(6) + b.tcp(), 0))
    assert (packet.proto, packet.has_transport, packet.ip_bytes) == (0, False, 28)


def test_more_extension_headers_than_the_cap_end_the_chain(read_capture: ReadCapture) -> None:
    chain = b.extension(60) * LIMITS.max_packet_layers + b.extension(b.TCP) + b.tcp()
    packet = one(read_capture, b.ipv6(chain, 60))
    assert (packet.proto, packet.has_transport) == (60, False)


@pytest.mark.parametrize("proto", [1, 50, 59, 88, 255])
def test_other_protocols_keep_their_payload(read_capture: ReadCapture, proto: int) -> None:
    packet = one(read_capture, b.ipv4(b"abcdef", proto))
    assert (packet.proto, packet.has_transport, packet.ports, packet.payload) == (proto, False, (0, 0), b"abcdef")


def fragments(family: int) -> list[bytes]:
    """Return a UDP datagram of 3,000 bytes in three parts."""
    whole = b.udp(bytes(range(250)) * 12)
    parts = []
    for offset in (0, 1_480, 2_960):
        piece, more = whole[offset : offset + 1_480], offset < 2_960
        if family == 4:
            parts.append(b.ipv4(piece, b.UDP, identification=77, offset=offset, more=more))
        else:
            head = b.fragment_header(b.UDP, offset=offset, more=more, identification=1 << 31 | 77)
            parts.append(b.ipv6(head + piece, 44))
    return parts


@pytest.mark.parametrize(("family", "identification"), [(4, 77), (6, 1 << 31 | 77)])
def test_only_the_first_fragment_has_ports(read_capture: ReadCapture, family: int, identification: int) -> None:
    _, found = read_capture(b.pcap([(START, part) for part in fragments(family)], b.RAW_IP))
    assert [p.fragment for p in found] == [Fragment.FIRST, Fragment.LATER, Fragment.LATER]
    assert [p.has_transport for p in found] == [True, False, False]
    assert [p.ports for p in found] == [(40_000, 53), (0, 0), (0, 0)]
    assert {p.fragment_id for p in found} == {identification}
    assert [p.fragment_offset for p in found] == [0, 1_480, 2_960]
    assert [p.has_more_fragments for p in found] == [True, True, False]
    assert [p.ip_bytes for p in found] == [1_480, 1_480, 48]
    assert [p.payload_bytes for p in found] == [1_472, 1_480, 48]
    assert b"".join(p.payload for p in found) == bytes(range(250)) * 12


def test_a_whole_packets_identification_is_not_kept(read_capture: ReadCapture) -> None:
    assert one(read_capture, b.ipv4(b.tcp(), identification=5)).fragment_id == 0
