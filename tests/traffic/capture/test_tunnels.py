"""Tunnels: the inner flow is read, the outer kept; what only looks like a tunnel stays what it is."""

from __future__ import annotations

import struct

import pytest
from tests.traffic.capture import builder as b
from tests.traffic.capture.conftest import ReadCapture
from tests.traffic.capture.reading import Packet

from residency.limits import LIMITS
from residency.traffic.capture.packets import Fragment

START = 1_700_000_000 * 1_000_000_000
INNER = b.ipv4(b.tcp(b"hello", 1_111, 443, seq=3), src="172.16.0.1", dst="172.16.0.2")
INNER_6 = b.ipv6(b.tcp(b"hello", 1_111, 443, seq=3), src="fd00::1", dst="fd00::2")
FRAME, FRAME_6 = b.ethernet(INNER), b.ethernet(INNER_6, b.IPV6)
ERSPAN_2 = struct.pack(">HHI", 0x1000 | 5, 9, 0)
ERSPAN_3 = struct.pack(">HHIHH", 0x2000 | 5, 9, 0, 0, 0)
GTP_PLAIN = bytes(4)
GTP_EXTENDED = bytes((0, 0, 0, 0x85)) + bytes((1, 0x10, 9, 0xC0)) + bytes((2, 1, 2, 3, 4, 5, 6, 0))


def over_udp(payload: bytes, port: int, src_port: int = 50_000) -> tuple[int, bytes]:
    return b.UDP, b.udp(payload, src_port, port)


TUNNELS: dict[str, tuple[str, tuple[int, bytes]]] = {
    "ip in ip": ("ip", (4, INNER)),
    "6in4": ("ip", (41, INNER_6)),
    "gre": ("gre", (47, b.gre(INNER, b.IPV4))),
    "gre, ipv6": ("gre", (47, b.gre(INNER_6, b.IPV6))),
    "gre with a key": ("gre", (47, b.gre(INNER, b.IPV4, flags=0x2000, fields=bytes(4)))),
    "gre with all fields": ("gre", (47, b.gre(INNER, b.IPV4, flags=0xB000, fields=bytes(12)))),
    "nvgre": ("gre", (47, b.gre(FRAME, 0x6558, flags=0x2000, fields=bytes(4)))),
    "gre, mpls": ("gre", (47, b.gre(b.mpls(INNER, 16, 17), 0x8847))),
    "pptp": ("gre", (47, b.gre(bytes.fromhex("ff03 0021") + INNER, 0x880B, flags=0x3081, fields=bytes(12)))),
    "pptp without acknowledgement": ("gre", (47, b.gre(b"\x21" + INNER, 0x880B, flags=0x3001, fields=bytes(8)))),
    "erspan 1": ("gre", (47, b.gre(FRAME, 0x88BE))),
    "erspan 2": ("gre", (47, b.gre(ERSPAN_2 + FRAME, 0x88BE, flags=0x1000, fields=bytes(4)))),
    "erspan 3": ("gre", (47, b.gre(ERSPAN_3 + FRAME_6, 0x22EB, flags=0x1000, fields=bytes(4)))),
    "erspan 3 with a platform": (
        "gre",
        (47, b.gre(ERSPAN_3[:-1] + b"\x01" + bytes(8) + FRAME, 0x22EB, flags=0x1000, fields=bytes(4))),
    ),
    "etherip": ("etherip", (97, b"\x30\x00" + FRAME)),
    "mpls in ip": ("mpls", (137, b.mpls(INNER, 16))),
    "vxlan": ("vxlan", over_udp(b.vxlan(FRAME), 4789)),
    "vxlan of old linux": ("vxlan", over_udp(b.vxlan(FRAME_6), 8472)),
    "vxlan with a policy": ("vxlan", over_udp(struct.pack(">BBHI", 0x88, 0, 77, 42 << 8) + FRAME, 4789)),
    "vxlan, 802.1Q": ("vxlan", over_udp(b.vxlan(b.ethernet(b.vlan(INNER), b.VLAN)), 4789)),
    "geneve": ("geneve", over_udp(b.geneve(FRAME), 6081)),
    "geneve with options": ("geneve", over_udp(b.geneve(FRAME, options=bytes(12), flags=0x40), 6081)),
    "geneve, ipv6": ("geneve", over_udp(b.geneve(INNER_6, b.IPV6), 6081)),
    "mpls in udp": ("mpls", over_udp(b.mpls(INNER, 16), 6635)),
    "gtp-u": ("gtp-u", over_udp(b.gtp_u(INNER), 2152)),
    "gtp-u from its port": ("gtp-u", over_udp(b.gtp_u(INNER_6), 9_999, 2152)),
    "gtp-u with a number": ("gtp-u", over_udp(b.gtp_u(INNER, flags=0x32, extensions=GTP_PLAIN), 2152)),
    "gtp-u with extensions": ("gtp-u", over_udp(b.gtp_u(INNER, flags=0x34, extensions=GTP_EXTENDED), 2152)),
}
OUTER = ("198.51.100.1", "198.51.100.2")
each_tunnel = pytest.mark.parametrize(("name", "payload"), TUNNELS.values(), ids=TUNNELS)


def carried(payload: tuple[int, bytes]) -> bytes:
    proto, content = payload
    return b.ipv4(content, proto, *OUTER)


def one(read_capture: ReadCapture, packet: bytes) -> Packet:
    """Return the one packet of a capture of raw IP."""
    _, found = read_capture(b.pcap([(START, packet)], b.RAW_IP))
    assert len(found) == 1
    return found[0]


@each_tunnel
def test_the_inner_flow_is_read_and_the_outer_kept(
    read_capture: ReadCapture, name: str, payload: tuple[int, bytes]
) -> None:
    packet = one(read_capture, carried(payload))
    assert (packet.src, packet.dst) in (("172.16.0.1", "172.16.0.2"), ("fd00::1", "fd00::2"))
    assert (packet.proto, packet.ports, packet.seq, packet.payload) == (b.TCP, (1_111, 443), 3, b"hello")
    assert (packet.ip_bytes, packet.payload_bytes) == (25, 5)
    assert packet.tunnel == f"{name} {OUTER[0]} > {OUTER[1]}"


@each_tunnel
def test_an_outer_ipv6_packet_carries_as_well(read_capture: ReadCapture, name: str, payload: tuple[int, bytes]) -> None:
    packet = one(read_capture, b.ipv6(payload[1], payload[0]))
    assert packet.payload == b"hello"
    assert packet.tunnel == f"{name} 2001:db8::1 > 2001:db8::2"


@each_tunnel
def test_a_fragment_of_a_tunnel_stays_outer(read_capture: ReadCapture, name: str, payload: tuple[int, bytes]) -> None:
    """Its later fragments must stay outer, so the first one does too."""
    packet = one(read_capture, b.ipv4(payload[1], payload[0], *OUTER, more=True))
    assert ((packet.src, packet.dst), packet.tunnel, packet.fragment) == (OUTER, None, Fragment.FIRST)


@each_tunnel
def test_a_tunnel_may_be_cut_anywhere(read_capture: ReadCapture, name: str, payload: tuple[int, bytes]) -> None:
    whole = carried(payload)
    cuts = [b.Record(START, whole[:kept], wire_bytes=len(whole)) for kept in range(20, len(whole) + 1)]
    _, found = read_capture(b.pcap(cuts, b.RAW_IP))
    assert len(found) == len(cuts)
    is_inner = [packet.tunnel is not None for packet in found]
    assert is_inner == sorted(is_inner)
    assert is_inner[-1]
    for packet in found:
        assert ((packet.src, packet.dst) == OUTER) == (packet.tunnel is None)
        assert packet.ip_bytes == (len(whole) - 20 if packet.tunnel is None else 25)


@each_tunnel
def test_an_inner_length_beyond_its_carrier_is_not_believed(
    read_capture: ReadCapture, name: str, payload: tuple[int, bytes]
) -> None:
    proto, content = payload
    longer_4 = b.ipv4(INNER[20:], src="172.16.0.1", dst="172.16.0.2", total_length=46)
    longer_6 = b.ipv6(INNER_6[40:], src="fd00::1", dst="fd00::2", payload_length=26)
    for inner, longer in ((INNER, longer_4), (INNER_6, longer_6)):
        content = content.replace(inner, longer)
    packet = one(read_capture, carried((proto, content)))
    assert ((packet.src, packet.dst), packet.tunnel, packet.proto) == (OUTER, None, proto)


LOOKALIKES = {
    "vxlan without its flag": over_udp(b.vxlan(FRAME, flags=0), 4789),
    "vxlan with reserved bits": over_udp(b.vxlan(FRAME, flags=0x0C), 4789),
    "vxlan of arp": over_udp(b.vxlan(b.ethernet(bytes(28), b.ARP)), 4789),
    "dns to vxlan's port": over_udp(bytes.fromhex("1234 0100 0001 0000 0000 0000") + bytes(20), 4789),
    "gtp-u echo": over_udp(b.gtp_u(b"", message=1), 2152),
    "gtp-u of version 2": over_udp(b.gtp_u(INNER, flags=0x48), 2152),
    "gtp-u of another length": over_udp(b.gtp_u(INNER) + b"x", 2152),
    "gtp-u with an empty extension": over_udp(
        b.gtp_u(INNER, flags=0x34, extensions=bytes((0, 0, 0, 0x85, 0, 0, 0, 0))), 2152
    ),
    "geneve control": over_udp(b.geneve(FRAME, flags=0x80), 6081),
    "geneve with endless options": over_udp(b"\x3f\x00\x65\x58" + bytes(20), 6081),
    "vxlan from, not to, its port": over_udp(b.vxlan(FRAME), 9_999, 4789),
    "gre with routing": (47, b.gre(INNER, b.IPV4, flags=0x4000, fields=bytes(4))),
    "gre of an unknown type": (47, b.gre(INNER, 0x1234)),
    "gre keepalive": (47, b.gre(b"", 0)),
    "ip in ip of no ip": (4, b"\x00" * 40),
    "6in4 of ipv4": (41, INNER),
    "etherip of another version": (97, b"\x40\x00" + FRAME),
}


@pytest.mark.parametrize("payload", LOOKALIKES.values(), ids=LOOKALIKES)
def test_what_only_looks_like_a_tunnel_stays_outer(read_capture: ReadCapture, payload: tuple[int, bytes]) -> None:
    proto, content = payload
    packet = one(read_capture, carried(payload))
    assert ((packet.src, packet.dst), packet.tunnel) == (OUTER, None)
    assert (packet.proto, packet.ip_bytes) == (proto, len(content))
    assert packet.payload == (content[8:] if proto == b.UDP else content)
    assert packet.has_transport == (proto == b.UDP)


def test_nested_tunnels_are_all_named(read_capture: ReadCapture) -> None:
    middle = b.ipv4(b.gre(INNER, b.IPV4), 47, "10.9.0.1", "10.9.0.2")
    packet = one(read_capture, carried(over_udp(b.vxlan(b.ethernet(middle)), 4789)))
    assert packet.tunnel == "vxlan 198.51.100.1 > 198.51.100.2; gre 10.9.0.1 > 10.9.0.2"
    assert packet.ports == (1_111, 443)


def test_tunnels_nested_over_the_cap_end_there(read_capture: ReadCapture) -> None:
    packet = b.ipv4(b.tcp())
    for _ in range(LIMITS.max_packet_layers + 5):
        packet = b.ipv4(packet, 4)
    found = one(read_capture, packet)
    assert found.proto == 4
    assert found.tunnel is not None
    assert found.tunnel.count(";") == LIMITS.max_packet_layers - 3


def test_an_inner_packet_without_ports_has_none_of_the_outers(read_capture: ReadCapture) -> None:
    ping = b.ipv4(b"\x08\x00" + bytes(6), 1, "172.16.0.1", "172.16.0.2")
    packet = one(read_capture, carried(over_udp(b.vxlan(b.ethernet(ping)), 4789)))
    assert (packet.proto, packet.has_transport, packet.ports, packet.ip_bytes) == (1, False, (0, 0), 8)


def test_inner_fragments_are_flagged(read_capture: ReadCapture) -> None:
    part = b.ipv4(bytes(16), b.UDP, "172.16.0.1", "172.16.0.2", identification=5, offset=1_480)
    packet = one(read_capture, carried((47, b.gre(part, b.IPV4))))
    assert (packet.fragment, packet.fragment_id, packet.fragment_offset) == (Fragment.LATER, 5, 1_480)


def test_each_packet_of_a_batch_keeps_its_own_tunnel(read_capture: ReadCapture) -> None:
    mixed = [carried(payload) for _, payload in TUNNELS.values()] + [INNER, INNER_6]
    _, found = read_capture(b.pcap([(START, packet) for packet in mixed], b.RAW_IP))
    expected = [f"{name} {OUTER[0]} > {OUTER[1]}" for name, _ in TUNNELS.values()]
    assert [packet.tunnel for packet in found] == [*expected, None, None]
