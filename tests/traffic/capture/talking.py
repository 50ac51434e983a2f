"""Conversations for tests, built packet by packet, and their rows as the capture reader and the following make them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.traffic.capture import builder as b

from residency.traffic.capture.conversion import Following
from residency.traffic.capture.files import CaptureReader
from residency.traffic.capture.packets import Packets

MS = 1_000_000
S = 1_000 * MS
Row = dict[str, Any]


@dataclasses.dataclass
class Talk:
    """A TCP connection between a client and a server; each method returns (time, frame). Times are nanoseconds."""

    client: str = "10.0.0.1"
    server: str = "192.0.2.1"
    client_port: int = 40_000
    server_port: int = 443
    mine: int = 1_000  # the client's first sequence number
    theirs: int = 9_000

    def sent(self, ts_ns: int, payload: bytes = b"", *, flags: int = b.ACK, seq: int = 1, ack: int = 1) -> Packet:
        """A segment of the client; `seq` and `ack` count from the start of the streams, a SYN being 0."""
        segment = b.tcp(
            payload,
            self.client_port,
            self.server_port,
            flags=flags,
            seq=(self.mine + seq) % 2**32,
            ack=(self.theirs + ack) % 2**32,
        )
        return ts_ns, self._frame(segment, self.client, self.server)

    def received(self, ts_ns: int, payload: bytes = b"", *, flags: int = b.ACK, seq: int = 1, ack: int = 1) -> Packet:
        """A segment of the server."""
        segment = b.tcp(
            payload,
            self.server_port,
            self.client_port,
            flags=flags,
            seq=(self.theirs + seq) % 2**32,
            ack=(self.mine + ack) % 2**32,
        )
        return ts_ns, self._frame(segment, self.server, self.client)

    def syn(self, ts_ns: int) -> Packet:
        """The client's SYN."""
        return self.sent(ts_ns, flags=b.SYN, seq=0, ack=-self.theirs)

    def syn_ack(self, ts_ns: int) -> Packet:
        """The server's SYN/ACK."""
        return self.received(ts_ns, flags=b.SYN | b.ACK, seq=0)

    def handshake(self, start_ns: int = 0, rtt_ns: int = 20 * MS, ack_gap_ns: int = 50_000) -> list[Packet]:
        """The three packets that open the connection."""
        return [
            self.syn(start_ns),
            self.syn_ack(start_ns + rtt_ns),
            self.sent(start_ns + rtt_ns + ack_gap_ns),
        ]

    @staticmethod
    def _frame(segment: bytes, src: str, dst: str) -> bytes:
        if ":" in src:
            return b.ethernet(b.ipv6(segment, b.TCP, src, dst), b.IPV6)
        return b.ethernet(b.ipv4(segment, b.TCP, src, dst))


Packet = tuple[int, bytes]


def datagram(ts_ns: int, payload: bytes, src: tuple[str, int], dst: tuple[str, int]) -> Packet:
    """Return a UDP datagram in an Ethernet frame."""
    return ts_ns, b.ethernet(b.ipv4(b.udp(payload, src[1], dst[1]), b.UDP, src[0], dst[0]))


def batches_of(path: Path, size: int | None = None) -> Iterator[Packets]:
    """Yield the batches of a capture, cut into ones of at most `size` packets."""
    for packets in CaptureReader(path).batches():
        step = size or max(len(packets), 1)
        for start in range(0, len(packets), step):
            yield cut(packets, slice(start, start + step))


def cut(packets: Packets, part: slice) -> Packets:
    """Return a part of a batch."""
    whole = ("buffer", "tunnels")
    names = [field.name for field in dataclasses.fields(packets)]
    return Packets(
        **{name: getattr(packets, name) if name in whole else getattr(packets, name)[part] for name in names}
    )


def follow(path: Path, size: int | None = None, max_open_flows: int | None = None) -> tuple[Following, list[Row]]:
    """Return the state at the end of a capture and its rows, by the packet that opened each."""
    following = Following(max_open_flows)
    rows = [row for batch in following.rows(batches_of(path, size)) for row in batch.to_pylist()]
    return following, sorted(rows, key=lambda row: int(row["line"]))


class Talks:
    """Writes packets as a nanosecond capture below a folder and follows them."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "talk.pcap"
        self.following = Following()

    def rows(
        self, packets: Sequence[Packet], *, size: int | None = None, max_open_flows: int | None = None
    ) -> list[Row]:
        """Return the rows of these packets, in the order given; times may go back."""
        self._path.write_bytes(b.pcap([(ts_ns + S, frame) for ts_ns, frame in packets], nano=True))
        self.following, rows = follow(self._path, size, max_open_flows)
        return rows

    def one(self, packets: Sequence[Packet], **options: int) -> Row:
        """Return the only row."""
        (row,) = self.rows(packets, **options)
        return row

    def answers(self) -> list[Row]:
        """Return the DNS answers of the last packets."""
        return [row for batch in self.following.answers.batches() for row in batch.to_pylist()]
