"""Reading captures in tests: from bytes to one plain row a packet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from residency.traffic.capture.files import CaptureReader
from residency.traffic.capture.packets import Packets

Put = Callable[[str, bytes], Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One packet of `Packets`, as plain values."""

    number: int
    ts_ns: int
    resolution_ns: int
    src: str
    dst: str
    proto: int
    has_transport: bool
    ports: tuple[int, int]
    tcp_flags: int
    seq: int
    ack: int
    ip_bytes: int
    payload: bytes
    payload_bytes: int
    fragment: int
    fragment_id: int
    fragment_offset: int
    has_more_fragments: bool
    tunnel: str | None


def packets_of(batch: Packets) -> list[Packet]:
    """Return the rows of a batch."""
    return [_packet(batch, i) for i in range(len(batch))]


def _packet(batch: Packets, i: int) -> Packet:
    at, length = int(batch.payload_at[i]), int(batch.payload_len[i])
    tunnel = int(batch.tunnel[i])
    return Packet(
        number=int(batch.number[i]),
        ts_ns=int(batch.ts_ns[i]),
        resolution_ns=int(batch.resolution_ns[i]),
        src=_address(int(batch.family[i]), int(batch.src_hi[i]), int(batch.src_lo[i])),
        dst=_address(int(batch.family[i]), int(batch.dst_hi[i]), int(batch.dst_lo[i])),
        proto=int(batch.proto[i]),
        has_transport=bool(batch.has_transport[i]),
        ports=(int(batch.src_port[i]), int(batch.dst_port[i])),
        tcp_flags=int(batch.tcp_flags[i]),
        seq=int(batch.seq[i]),
        ack=int(batch.ack[i]),
        ip_bytes=int(batch.ip_bytes[i]),
        payload=batch.buffer[at : at + length].tobytes(),
        payload_bytes=int(batch.payload_bytes[i]),
        fragment=int(batch.fragment[i]),
        fragment_id=int(batch.fragment_id[i]),
        fragment_offset=int(batch.fragment_offset[i]),
        has_more_fragments=bool(batch.has_more_fragments[i]),
        tunnel=None if tunnel < 0 else batch.tunnels[tunnel],
    )


def _address(family: int, high: int, low: int) -> str:
    return str(IPv4Address(low) if family == 4 else IPv6Address(high << 64 | low))


def read_all(reader: CaptureReader) -> list[Packet]:
    """Read a capture to its end and check that every record of it is accounted for, once."""
    found = [packet for batch in reader.batches() for packet in packets_of(batch)]
    assert reader.packets == len(found) + sum(reader.other.values()) + len(reader.damaged)
    numbers = [packet.number for packet in found]
    assert numbers == sorted(set(numbers))
    assert not set(numbers) & {one.line for one in reader.damaged}
    return found
