"""Link layers: each kind leads to the same packet, and what leads nowhere is counted by what it is."""

from __future__ import annotations

import struct

import pytest
from tests.traffic.capture import builder as b
from tests.traffic.capture.conftest import ReadCapture

from residency.limits import LIMITS

START = 1_700_000_000 * 1_000_000_000
V4 = b.ipv4(b.tcp(b"hello", seq=3))
V6 = b.ipv6(b.tcp(b"hello", seq=3))
SNAP = bytes.fromhex("aaaa03 000000")


def nested_vlans(count: int) -> bytes:
    tags = V4
    for index in range(count):
        tags = b.vlan(tags, b.VLAN if index else b.IPV4)
    return b.ethernet(tags, b.VLAN)


FRAMES = {
    "ethernet": (1, b.ethernet(V4)),
    "ethernet, ipv6": (1, b.ethernet(V6, b.IPV6)),
    "802.1Q": (1, b.ethernet(b.vlan(V4), b.VLAN)),
    "802.1ad around 802.1Q": (1, b.ethernet(b.vlan(b.vlan(V6, b.IPV6), b.VLAN), 0x88A8)),
    "many tags": (1, nested_vlans(12)),
    "mpls": (1, b.ethernet(b.mpls(V4, 16), 0x8847)),
    "mpls stack of ipv6": (1, b.ethernet(b.mpls(V6, 16, 17, 18), 0x8848)),
    "ethernet pseudowire in mpls": (1, b.ethernet(b.mpls(bytes(4) + b.ethernet(V4), 16), 0x8847)),
    "pppoe": (1, b.ethernet(b.pppoe(b"\x00\x21" + V4), 0x8864)),
    "pppoe in 802.1Q": (1, b.ethernet(b.vlan(b.pppoe(b"\x00\x57" + V6), 0x8864), b.VLAN)),
    "pppoe link type": (51, b.pppoe(b"\x00\x21" + V4)),
    "snap": (1, b.ethernet(SNAP + b"\x08\x00" + V4, len(V4) + 8)),
    "llc": (1, b.ethernet(bytes.fromhex("060603") + V4, len(V4) + 3)),
    "ppp": (9, bytes.fromhex("ff03 0021") + V4),
    "ppp without address": (9, bytes.fromhex("0057") + V6),
    "ppp with a short protocol": (9, b"\x21" + V4),
    "ppp, mpls": (9, bytes.fromhex("ff03 0281") + b.mpls(V4, 16)),
    "ppp in hdlc": (50, bytes.fromhex("ff03 0021") + V4),
    "cisco hdlc by the type of ppp": (50, bytes.fromhex("0f00 0800") + V4),
    "cisco hdlc": (104, bytes.fromhex("0f00 86dd") + V6),
    "cooked": (113, b.cooked(V4)),
    "cooked, 802.1Q": (113, b.cooked(b.vlan(V6, b.IPV6), b.VLAN)),
    "cooked, llc": (113, b.cooked(SNAP + b"\x08\x00" + V4, 4)),
    "cooked 2": (276, b.cooked_2(V6, b.IPV6)),
    **{f"raw ip as {number}": (number, V4 if number % 2 else V6) for number in (12, 14, 101)},
    "raw ipv4": (228, V4),
    "raw ipv6": (229, V6),
    "null, little endian": (0, struct.pack("<I", 2) + V4),
    "null, big endian": (0, struct.pack(">I", 2) + V4),
    **{f"loopback, ipv6 as {number}": (108, struct.pack(">I", number) + V6) for number in (10, 23, 24, 28, 30)},
}


@pytest.mark.parametrize(("link_type", "frame"), FRAMES.values(), ids=FRAMES)
def test_each_link_layer_leads_to_the_packet(read_capture: ReadCapture, link_type: int, frame: bytes) -> None:
    reader, found = read_capture(b.pcap([(START, frame + bytes(7))], link_type))  # a trailer is no payload
    assert (len(found), reader.other) == (1, {})
    packet = found[0]
    assert packet.src in ("10.0.0.1", "2001:db8::1")
    assert (packet.proto, packet.ports, packet.seq, packet.payload) == (b.TCP, (40_000, 443), 3, b"hello")
    assert (packet.ip_bytes, packet.payload_bytes, packet.tunnel) == (25, 5, None)


@pytest.mark.parametrize(("link_type", "frame"), FRAMES.values(), ids=FRAMES)
def test_each_link_layer_may_be_cut_anywhere(read_capture: ReadCapture, link_type: int, frame: bytes) -> None:
    cuts = [b.Record(START, frame[:kept], wire_bytes=len(frame)) for kept in range(len(frame) + 1)]
    reader, found = read_capture(b.pcap(cuts, link_type))
    assert reader.damaged == []
    assert [packet.has_transport for packet in found] == [False] * 20 + [True] * 6
    assert [len(packet.payload) for packet in found] == [*range(20), *range(6)]
    assert sum(reader.other.values()) == len(cuts) - len(found)
    assert {packet.ip_bytes for packet in found} == {25}


@pytest.mark.parametrize(
    ("link_type", "frame", "reason"),
    [
        (1, b.ethernet(bytes(28), b.ARP), "arp"),
        (1, b.ethernet(b.vlan(bytes(28), b.ARP), b.VLAN), "arp"),
        (1, b.ethernet(bytes(28), 0x88CC), "lldp"),
        (1, b.ethernet(bytes(28), 0x1234), "ethertype 0x1234"),
        (1, b.ethernet(bytes.fromhex("424203") + bytes(35), 38), "llc 0x42"),
        (1, b.ethernet(b.pppoe(b"", code=9), 0x8864), "pppoe discovery"),
        (1, b.ethernet(b"\x55" + V4[1:]), "ipv4: not version 4"),
        (1, b.ethernet(b.mpls(b"\xf0" + V4, 16), 0x8847), "mpls of type 15"),
        (1, b"", "ethernet: header cut"),
        (1, b.ethernet(V4[:19]), "ipv4: header cut"),
        (1, b.ethernet(V6[:39], b.IPV6), "ipv6: header cut"),
        (1, b.ethernet(b"\x44" + V4[1:]), "ipv4: impossible lengths"),
        (1, b.ethernet(b.ipv4(b"", total_length=19)), "ipv4: impossible lengths"),
        (0, struct.pack("<I", 7) + V4, "address family 7"),
        (9, bytes.fromhex("ff03 c021") + bytes(20), "ppp 0xc021"),
        (101, b"\x35" + V4[1:], "ip version 3"),
        (113, b.cooked(bytes(40), 0, hardware=824), "netlink"),
        (147, V4, "link type 147"),
        (9_999, V4, "link type 9999"),
    ],
)
def test_what_holds_no_ip_is_counted_by_name(
    read_capture: ReadCapture, link_type: int, frame: bytes, reason: str
) -> None:
    reader, found = read_capture(b.pcap([(START, frame)] * 3, link_type))
    assert (found, reader.packets, reader.other) == ([], 3, {reason: 3})


def test_mixed_frames_stay_in_the_order_of_the_file(read_capture: ReadCapture) -> None:
    frames = [frame for link_type, frame in FRAMES.values() if link_type == 1]
    mixed = [(START + i, frame) for i, frame in enumerate([*frames, b.ethernet(bytes(28), b.ARP), *reversed(frames)])]
    reader, found = read_capture(b.pcap(mixed, nano=True))
    assert [packet.ts_ns - START for packet in found] == [i for i in range(len(mixed)) if i != len(frames)]
    assert reader.other == {"arp": 1}


def test_more_headers_than_the_cap_are_counted(read_capture: ReadCapture) -> None:
    reader, found = read_capture(b.pcap([(START, nested_vlans(LIMITS.max_packet_layers + 1))]))
    assert (found, reader.other) == ([], {f"more than {LIMITS.max_packet_layers} headers": 1})
