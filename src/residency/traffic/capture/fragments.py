"""Gives the later fragments of IP packets the ports of their first one, and joins fragmented DNS datagrams.

A later fragment that comes before its first one keeps no port: it counts in a flow of its own between the two
addresses. Held are the chains of the last minute, up to a cap; the oldest are forgotten first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from residency.limits import LIMITS
from residency.traffic.capture.packets import Fragment, Packets

_UDP = 17
_UDP_HEADER_BYTES = 8
_DNS_PORT = 53


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributed:
    """The ports of a batch, fragments included, and the DNS datagrams that became whole in it."""

    src_port: NDArray[np.uint16]
    dst_port: NDArray[np.uint16]
    datagrams: tuple[tuple[int, bytes], ...]


@dataclass(slots=True, kw_only=True)
class _Chain:
    """The fragments of one packet so far; `pieces` are kept for DNS only, by their offset in the UDP payload."""

    src_port: int
    dst_port: int
    ts_ns: int
    pieces: dict[int, bytes] | None
    held_bytes: int = 0
    end: int | None = None


_Key = tuple[int | str, ...]


class Fragments:
    """The chains of fragments that are open."""

    def __init__(self) -> None:
        self._chains: dict[_Key, _Chain] = {}

    def attribute(self, packets: Packets) -> Attributed:
        """Return the ports of all packets; those of later fragments are taken from the first."""
        at = np.flatnonzero(packets.fragment != Fragment.WHOLE)
        if not len(at):
            return Attributed(src_port=packets.src_port, dst_port=packets.dst_port, datagrams=())
        src_port, dst_port = packets.src_port.copy(), packets.dst_port.copy()
        datagrams: list[tuple[int, bytes]] = []
        for index in at.tolist():
            chain = self._chain(packets, index)
            if chain is None:
                continue
            src_port[index], dst_port[index] = chain.src_port, chain.dst_port
            whole = _join(chain, packets, index)
            if whole is not None:
                datagrams.append((index, whole))
        return Attributed(src_port=src_port, dst_port=dst_port, datagrams=tuple(datagrams))

    def _chain(self, packets: Packets, index: int) -> _Chain | None:
        key = _key(packets, index)
        now = int(packets.ts_ns[index])
        if packets.fragment[index] == Fragment.FIRST:
            return self._begin(packets, index, key, now)
        chain = self._chains.get(key)
        if chain is None or abs(now - chain.ts_ns) > LIMITS.fragment_wait_s * 1_000_000_000:
            return None
        return chain

    def _begin(self, packets: Packets, index: int, key: _Key, now: int) -> _Chain:
        ports = int(packets.src_port[index]), int(packets.dst_port[index])
        is_dns = packets.proto[index] == _UDP and _DNS_PORT in ports
        self._chains.pop(key, None)  # so that the newest stand last
        while len(self._chains) >= LIMITS.max_fragment_chains:
            del self._chains[next(iter(self._chains))]
        chain = _Chain(src_port=ports[0], dst_port=ports[1], ts_ns=now, pieces={} if is_dns else None)
        self._chains[key] = chain
        return chain


def _key(packets: Packets, index: int) -> _Key:
    columns = (packets.src_hi, packets.src_lo, packets.dst_hi, packets.dst_lo)
    more = (packets.proto, packets.fragment_id, packets.family)
    tunnel = int(packets.tunnel[index])
    return (*(int(column[index]) for column in (*columns, *more)), packets.tunnels[tunnel] if tunnel >= 0 else "")


def _join(chain: _Chain, packets: Packets, index: int) -> bytes | None:
    """Add a fragment to a DNS datagram; returns its UDP payload once it is whole."""
    if chain.pieces is None:
        return None
    length, at = int(packets.payload_len[index]), int(packets.payload_at[index])
    is_first = packets.fragment[index] == Fragment.FIRST
    offset = 0 if is_first else int(packets.fragment_offset[index]) - _UDP_HEADER_BYTES
    if length < packets.payload_bytes[index] or offset < 0 or offset in chain.pieces:
        return None
    if chain.held_bytes + length > LIMITS.max_fragmented_datagram_bytes:
        chain.pieces = None
        return None
    chain.pieces[offset] = packets.buffer[at : at + length].tobytes()
    chain.held_bytes += length
    if not packets.has_more_fragments[index]:
        chain.end = offset + length
    return _whole(chain)


def _whole(chain: _Chain) -> bytes | None:
    """Return the payload if the pieces touch from its start to its end; overlapping ones are given up (RFC 5722)."""
    if chain.pieces is None or chain.end is None or chain.held_bytes < chain.end:
        return None
    found = bytearray()
    for offset in sorted(chain.pieces):
        if offset != len(found):
            break
        found += chain.pieces[offset]
    chain.pieces = None
    return bytes(found) if len(found) == chain.end else None
