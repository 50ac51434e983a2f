"""Bytes of capture files and frames for tests: each function returns the bytes that its name says.

Lengths and checks that a header holds are right unless the caller states other ones, which is how damage is built.
Checksums are left 0: nothing here checks them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

ETHERNET, RAW_IP = 1, 101
IPV4, IPV6, ARP, VLAN = 0x0800, 0x86DD, 0x0806, 0x8100
TCP, UDP = 6, 17
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a capture: time, captured bytes, and lengths other than the true ones."""

    ts_ns: int
    data: bytes
    wire_bytes: int | None = None  # length on the wire; None: as captured
    captured: int | None = None  # the stated captured length; None: the true one
    interface: int = 0  # pcapng only


Records = Iterable[Record | tuple[int, bytes]]


def as_record(record: Record | tuple[int, bytes]) -> Record:
    """Return a (time, frame) pair as a record."""
    return record if isinstance(record, Record) else Record(*record)


def pcap_header(
    link_type: int = ETHERNET, *, order: str = "<", magic: int = 0xA1B2C3D4, snaplen: int = 262_144
) -> bytes:
    """Return the 24 bytes at the start of a pcap file."""
    return struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, link_type)


def pcap_record(record: Record | tuple[int, bytes], *, order: str = "<", unit_ns: int = 1_000) -> bytes:
    """Return a record with its header; `unit_ns` is what the fraction of a second counts in."""
    one = as_record(record)
    seconds, rest_ns = divmod(one.ts_ns, 1_000_000_000)
    captured = len(one.data) if one.captured is None else one.captured
    wire = len(one.data) if one.wire_bytes is None else one.wire_bytes
    return struct.pack(order + "IIII", seconds, rest_ns // unit_ns, captured, wire) + one.data


def pcap(
    records: Records, link_type: int = ETHERNET, *, order: str = "<", nano: bool = False, snaplen: int = 262_144
) -> bytes:
    """Return a whole pcap file in microseconds or nanoseconds; `order` is `<` or `>`."""
    header = pcap_header(link_type, order=order, magic=0xA1B23C4D if nano else 0xA1B2C3D4, snaplen=snaplen)
    return header + b"".join(pcap_record(r, order=order, unit_ns=1 if nano else 1_000) for r in records)


def block(kind: int, body: bytes, *, order: str = "<", total: int | None = None, trailer: int | None = None) -> bytes:
    """Return a pcapng block around a body, which is padded to 32 bits."""
    body += bytes(-len(body) % 4)
    length = len(body) + 12 if total is None else total
    end = length if trailer is None else trailer
    return struct.pack(order + "II", kind, length) + body + struct.pack(order + "I", end)


def section_header(*, order: str = "<", section_bytes: int = -1) -> bytes:
    """Return a pcapng section header block."""
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, section_bytes), order=order)


def interface(
    link_type: int = ETHERNET,
    *,
    order: str = "<",
    snaplen: int = 0,
    time_resolution: int | None = None,
    time_offset_s: int | None = None,
) -> bytes:
    """Return an interface description block; `time_resolution` is the byte of if_tsresol."""
    options = b""
    if time_resolution is not None:
        options += struct.pack(order + "HHB3x", 9, 1, time_resolution)
    if time_offset_s is not None:
        options += struct.pack(order + "HHq", 14, 8, time_offset_s)
    if options:
        options += struct.pack(order + "HH", 0, 0)
    return block(1, struct.pack(order + "HHI", link_type, 0, snaplen) + options, order=order)


def enhanced_packet(record: Record | tuple[int, bytes], *, order: str = "<", unit_ns: int = 1_000) -> bytes:
    """Return an enhanced packet block; `unit_ns` is the resolution of its interface."""
    one = as_record(record)
    units = one.ts_ns // unit_ns
    captured = len(one.data) if one.captured is None else one.captured
    wire = len(one.data) if one.wire_bytes is None else one.wire_bytes
    head = struct.pack(order + "IIIII", one.interface, units >> 32, units & 0xFFFFFFFF, captured, wire)
    return block(6, head + one.data, order=order)


def simple_packet(data: bytes, *, order: str = "<", wire_bytes: int | None = None) -> bytes:
    """Return a simple packet block, which has no time."""
    return block(3, struct.pack(order + "I", len(data) if wire_bytes is None else wire_bytes) + data, order=order)


def old_packet(record: Record | tuple[int, bytes], *, order: str = "<", unit_ns: int = 1_000, drops: int = 0) -> bytes:
    """Return a packet block of the obsolete kind (type 2)."""
    one = as_record(record)
    units = one.ts_ns // unit_ns
    wire = len(one.data) if one.wire_bytes is None else one.wire_bytes
    lengths = (units >> 32, units & 0xFFFFFFFF, len(one.data), wire)
    return block(2, struct.pack(order + "HHIIII", one.interface, drops, *lengths) + one.data, order=order)


def pcapng(records: Records, link_type: int = ETHERNET, *, order: str = "<", nano: bool = False) -> bytes:
    """Return a whole pcapng file of one section and one interface."""
    head = section_header(order=order) + interface(link_type, order=order, time_resolution=9 if nano else None)
    return head + b"".join(enhanced_packet(r, order=order, unit_ns=1 if nano else 1_000) for r in records)


def ethernet(payload: bytes, ethertype: int = IPV4) -> bytes:
    """Return an Ethernet frame."""
    return bytes.fromhex("020000000001 020000000002") + struct.pack(">H", ethertype) + payload


def vlan(payload: bytes, ethertype: int = IPV4, tag: int = 7) -> bytes:
    """Return what follows the ethertype 0x8100 (or 0x88a8)."""
    return struct.pack(">HH", tag, ethertype) + payload


def mpls(payload: bytes, *labels: int) -> bytes:
    """Return a label stack; the last label is the bottom."""
    last = len(labels) - 1
    stack = (struct.pack(">I", label << 12 | (i == last) << 8 | 64) for i, label in enumerate(labels))
    return b"".join(stack) + payload


def ipv4(
    payload: bytes,
    proto: int = TCP,
    src: str = "10.0.0.1",
    dst: str = "192.0.2.1",
    *,
    options: bytes = b"",
    total_length: int | None = None,
    identification: int = 0,
    offset: int = 0,
    more: bool = False,
) -> bytes:
    """Return an IPv4 packet; `offset` of a fragment is in bytes."""
    options += bytes(-len(options) % 4)
    header = 20 + len(options)
    total = header + len(payload) if total_length is None else total_length
    fragment = more << 13 | offset // 8
    fixed = (0x40 | header // 4, 0, total & 0xFFFF, identification, fragment, 64, proto, 0)
    return struct.pack(">BBHHHBBH", *fixed) + address(src) + address(dst) + options + payload


def ipv6(
    payload: bytes,
    proto: int = TCP,
    src: str = "2001:db8::1",
    dst: str = "2001:db8::2",
    *,
    payload_length: int | None = None,
) -> bytes:
    """Return an IPv6 packet; extension headers belong to `payload`, `proto` is the first next header."""
    length = len(payload) if payload_length is None else payload_length
    return struct.pack(">IHBB", 6 << 28, length, proto, 64) + address(src) + address(dst) + payload


def extension(next_header: int, body: bytes = bytes(6)) -> bytes:
    """Return an IPv6 hop-by-hop, routing or destination header of 8 bytes or a multiple."""
    return bytes((next_header, (len(body) + 2) // 8 - 1)) + body


def fragment_header(next_header: int, *, offset: int = 0, more: bool = False, identification: int = 0) -> bytes:
    """Return an IPv6 fragment header; `offset` is in bytes."""
    return struct.pack(">BBHI", next_header, 0, offset | more, identification)


def tcp(
    payload: bytes = b"",
    src_port: int = 40_000,
    dst_port: int = 443,
    *,
    flags: int = ACK,
    seq: int = 0,
    ack: int = 0,
    options: bytes = b"",
    data_offset: int | None = None,
) -> bytes:
    """Return a TCP segment; `data_offset` is in 32-bit words."""
    options += bytes(-len(options) % 4)
    words = 5 + len(options) // 4 if data_offset is None else data_offset
    head = struct.pack(">HHIIHHHH", src_port, dst_port, seq, ack, words << 12 | flags, 65_535, 0, 0)
    return head + options + payload


def udp(payload: bytes = b"", src_port: int = 40_000, dst_port: int = 53, *, length: int | None = None) -> bytes:
    """Return a UDP datagram."""
    return struct.pack(">HHHH", src_port, dst_port, 8 + len(payload) if length is None else length, 0) + payload


def address(text: str) -> bytes:
    """Return the bytes of an IPv4 or IPv6 address."""
    return ip_address(text).packed


def gre(payload: bytes, ethertype: int, *, flags: int = 0, fields: bytes = b"") -> bytes:
    """Return GRE with these flags; `fields` are the optional ones that the flags announce."""
    return struct.pack(">HH", flags, ethertype) + fields + payload


def vxlan(frame: bytes, network: int = 42, *, flags: int = 8) -> bytes:
    """Return the UDP payload of VXLAN."""
    return struct.pack(">B3xI", flags, network << 8) + frame


def geneve(payload: bytes, ethertype: int = 0x6558, *, options: bytes = b"", flags: int = 0) -> bytes:
    """Return the UDP payload of Geneve."""
    return struct.pack(">BBHI", len(options) // 4, flags, ethertype, 42 << 8) + options + payload


def gtp_u(packet: bytes, *, message: int = 0xFF, flags: int = 0x30, extensions: bytes = b"") -> bytes:
    """Return the UDP payload of GTP-U; `extensions` are the optional four bytes and the extension headers."""
    return struct.pack(">BBHI", flags, message, len(extensions) + len(packet), 7) + extensions + packet


def cooked(payload: bytes, ethertype: int = IPV4, *, hardware: int = 1) -> bytes:
    """Return a Linux cooked frame (link type 113)."""
    return struct.pack(">HHH8sH", 0, hardware, 6, bytes(8), ethertype) + payload


def cooked_2(payload: bytes, ethertype: int = IPV4, *, hardware: int = 1) -> bytes:
    """Return a Linux cooked frame, version 2 (link type 276)."""
    return struct.pack(">HHIHBB8s", ethertype, 0, 3, hardware, 0, 6, bytes(8)) + payload


def pppoe(payload: bytes, *, code: int = 0) -> bytes:
    """Return a PPPoE frame; the payload begins with the PPP protocol."""
    return struct.pack(">BBHH", 0x11, code, 5, len(payload)) + payload
