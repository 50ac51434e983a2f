"""Peeling: the state of a batch of frames while header after header is taken off.

A step takes the packets whose next header is of one layer, reads it for all of them at once and sends them on. So the
loop runs over the depth of headers, never over packets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from residency.limits import LIMITS
from residency.traffic.capture.frames import Frames
from residency.traffic.capture.packets import Packets
from residency.traffic.capture.tunnel_names import Tunnels

Indexes = NDArray[np.int64]
"""Which packets of the batch, rising."""

Numbers = NDArray[np.int64]
"""One number for each of some packets."""


class Layer(IntEnum):
    """The header that comes next."""

    ETHERNET = 0
    VLAN = 1
    LLC = 2
    COOKED = 3
    COOKED_2 = 4
    LOOPBACK = 5
    PPP = 6
    PPPOE = 7
    CISCO_HDLC = 8
    MPLS = 9
    RAW_IP = 10
    IPV4 = 11
    IPV6 = 12
    EXTENSION = 13
    FRAGMENT = 14
    AUTHENTICATION = 15
    TCP = 16
    UDP = 17
    SCTP = 18
    GRE = 19
    ERSPAN_2 = 20
    ERSPAN_3 = 21
    ETHERIP = 22
    VXLAN = 23
    GENEVE = 24
    GTP_U = 25
    GTP_U_EXTENSION = 26


class Peeling:
    """A batch of packets, each with its next header at `at`.

    `end` is where the captured bytes of the present layer end, `stop` where it ends as declared; `end <= stop`.
    A packet with `family` 0 has shown no IP header yet. Columns hold what the innermost accepted IP header says.
    """

    def __init__(self, frames: Frames) -> None:
        count = len(frames)
        self.frames, self.count = frames, count
        self.buffer = frames.buffer
        self.at = frames.at.copy()
        self.stop = self.at + np.maximum(frames.wire, 0)
        self.end = np.minimum(self.at + frames.captured, self.stop)
        self.family = np.zeros(count, np.uint8)
        self.proto = np.zeros(count, np.uint8)
        self.src_hi, self.src_lo, self.dst_hi, self.dst_lo = (np.zeros(count, np.uint64) for _ in range(4))
        self.has_transport = np.zeros(count, np.bool_)
        self.src_port, self.dst_port, self.tcp_flags = (np.zeros(count, np.uint16) for _ in range(3))
        self.seq, self.ack, self.fragment_id = (np.zeros(count, np.uint32) for _ in range(3))
        self.ip_bytes, self.payload_at, self.payload_len = (np.zeros(count, np.int64) for _ in range(3))
        self.payload_bytes, self.fragment_offset = (np.zeros(count, np.int64) for _ in range(2))
        self.fragment = np.zeros(count, np.uint8)
        self.has_more_fragments = np.zeros(count, np.bool_)
        self.tunnels = Tunnels(count)
        self.waiting: dict[Layer, list[Indexes]] = {}
        self.other: dict[str, int] = {}

    def where(self, which: Indexes) -> Indexes | slice:
        """Return `which` in the form that numpy writes fastest."""
        return slice(None) if len(which) == self.count else which

    def send(self, layer: Layer, which: Indexes, skip: int | Numbers = 0) -> None:
        """Let `layer` read these packets next, `skip` bytes further on."""
        if len(which):
            self.at[self.where(which)] += skip
            self.waiting.setdefault(layer, []).append(which)

    def read(self, which: Indexes, dtype: np.dtype[np.void], skip: int | Numbers = 0) -> NDArray[np.void]:
        """Return the header of each packet; the bytes must be there."""
        return gather(self.buffer, self.at[self.where(which)] + skip, dtype)

    def fitting(self, which: Indexes, length: int | Numbers, name: str) -> Indexes:
        """Return the packets that have `length` more captured bytes; the others end here."""
        where = self.where(which)
        fits: NDArray[np.bool_] = self.end[where] - self.at[where] >= length
        if fits.all():
            return which
        self.set_aside(which[~fits], f"{name}: header cut")
        return which[fits]

    def set_aside(self, which: Indexes, reason: str) -> None:
        """Count the packets that end here without any IP header; one that had one stays what that header says."""
        lost = int(np.count_nonzero(self.family[which] == 0))
        if lost:
            self.other[reason] = self.other.get(reason, 0) + lost

    def dispatch(
        self,
        which: Indexes,
        values: Numbers,
        table: Mapping[int, Layer],
        name: Callable[[int], str],
        skip: int | Numbers = 0,
    ) -> None:
        """Send each packet to the layer of its value; count the rest by the name of theirs."""
        if not len(which):
            return
        first = int(values[0])
        if first in table and bool((values == first).all()):
            self.send(table[first], which, skip)
            return
        is_known = np.zeros(len(which), np.bool_)
        for value, layer in table.items():
            same = values == value
            if same.any():
                is_known |= same
                self.send(layer, which[same], skip if isinstance(skip, int) else skip[same])
        if not is_known.all():
            self._count(which[~is_known], values[~is_known], name)

    def _count(self, which: Indexes, values: Numbers, name: Callable[[int], str]) -> None:
        lost, counts = np.unique(values[self.family[which] == 0], return_counts=True)
        for value, count in zip(lost.tolist(), counts.tolist(), strict=True):
            reason = name(value)
            self.other[reason] = self.other.get(reason, 0) + count

    def run(self, steps: Mapping[Layer, Callable[[Peeling, Indexes], None]]) -> None:
        """Take off headers until none is left, at most `LIMITS.max_packet_layers` of each packet."""
        for _ in range(LIMITS.max_packet_layers):
            if not self.waiting:
                return
            waiting, self.waiting = self.waiting, {}
            for layer, parts in waiting.items():
                steps[layer](self, parts[0] if len(parts) == 1 else np.sort(np.concatenate(parts)))
        for parts in self.waiting.values():
            for part in parts:
                self.set_aside(part, f"more than {LIMITS.max_packet_layers} headers")
        self.waiting = {}

    def packets(self) -> Packets:
        """Return the packets that have shown an IP header."""
        frames, has_ip = self.frames, self.family > 0
        kept: slice | NDArray[np.bool_] = slice(None) if has_ip.all() else has_ip
        return Packets(
            buffer=self.buffer,
            number=frames.number[kept],
            ts_ns=frames.ts_ns[kept],
            resolution_ns=frames.resolution_ns[kept],
            family=self.family[kept],
            src_hi=self.src_hi[kept],
            src_lo=self.src_lo[kept],
            dst_hi=self.dst_hi[kept],
            dst_lo=self.dst_lo[kept],
            proto=self.proto[kept],
            has_transport=self.has_transport[kept],
            src_port=self.src_port[kept],
            dst_port=self.dst_port[kept],
            tcp_flags=self.tcp_flags[kept],
            seq=self.seq[kept],
            ack=self.ack[kept],
            ip_bytes=self.ip_bytes[kept],
            payload_at=self.payload_at[kept],
            payload_len=self.payload_len[kept],
            payload_bytes=self.payload_bytes[kept],
            fragment=self.fragment[kept],
            fragment_id=self.fragment_id[kept],
            fragment_offset=self.fragment_offset[kept],
            has_more_fragments=self.has_more_fragments[kept],
            tunnel=self.tunnels.of_packet[kept],
            tunnels=self.tunnels.names,
        )

    def note_payload(self, which: Indexes) -> None:
        """Take what is left of the present layer for the payload."""
        where = self.where(which)
        at = self.at[where]
        self.payload_at[where] = at
        self.payload_len[where] = np.maximum(self.end[where] - at, 0)
        self.payload_bytes[where] = np.maximum(self.stop[where] - at, 0)


def header(*fields: tuple[str, str]) -> np.dtype[np.void]:
    """Return the packed layout of a header: (name, numpy type) of each field."""
    return np.dtype(list(fields))


def gather(buffer: NDArray[np.uint8], at: NDArray[np.int64], dtype: np.dtype[np.void]) -> NDArray[np.void]:
    """Return the structures at these places of the buffer.

    Opaque bytes are copied as one block each; numpy would copy structures field by field, fifteen times slower.
    """
    size = dtype.itemsize
    if not len(at):
        return np.empty(0, dtype)
    opaque = np.ndarray((len(buffer) - size + 1,), dtype=f"V{size}", buffer=buffer, strides=(1,))
    return opaque[at].view(dtype)
