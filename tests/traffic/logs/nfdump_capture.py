"""The conversations that the samples of nfdump hold, and the capture that nfpcapd read to make them.

To make the samples again, with nfdump 1.7.1 (write the file with `write_capture`):

    TZ=UTC nfpcapd -r talks.pcap -w . && TZ=UTC nfdump -r nfcapd.* -o csv > one_way.csv
    TZ=UTC nfdump -r nfcapd.* -o json > one_way.json; TZ=UTC nfdump -r nfcapd.* -B -o csv > both_ways.csv
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.traffic.capture.builder import IPV6, TCP, UDP, ethernet, ipv4, ipv6, pcap, tcp, udp

START_S = 1_780_272_000  # 2026-06-01T00:00:00Z
ICMP = 1


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation: after how many milliseconds it begins, its ends, the payloads of its packets each way."""

    after_ms: int
    proto: int
    client: tuple[str, int]
    server: tuple[str, int]
    sent: tuple[int, ...]
    received: tuple[int, ...]

    def bytes_of(self, payloads: tuple[int, ...]) -> int | None:
        """Return the bytes at IP of packets with these payloads; None where there are none."""
        header = (40 if ":" in self.client[0] else 20) + {TCP: 20, UDP: 8, ICMP: 8}[self.proto]
        return sum(payloads) + header * len(payloads) if payloads else None


TALKS = (
    Talk(0, TCP, ("10.0.0.1", 50_000), ("81.2.69.160", 443), (0, 0, 300, 0), (0, 1400, 1400, 90)),
    Talk(500, UDP, ("10.0.0.1", 53_001), ("9.9.9.9", 53), (40,), (120,)),
    Talk(1_000, TCP, ("2001:db8::1", 50_001), ("2a02:e00::5", 8443), (0, 200), (0, 0)),
    Talk(2_000, TCP, ("10.0.0.1", 50_002), ("81.2.69.161", 443), (0,), ()),
    Talk(3_000, ICMP, ("10.0.0.1", 0), ("81.2.69.162", 0), (56, 56), (56, 56)),
    Talk(4_000, UDP, ("10.0.0.1", 40_000), ("81.2.69.163", 50_000), (10,), (1000,)),
)


def write_capture(path: Path) -> None:
    """Write the conversations as a capture, the packets of each taking turns, 10 ms apart."""
    packets = []
    for talk in TALKS:
        turns = sum(len(side) for side in (talk.sent, talk.received))
        sides = {True: list(talk.sent), False: list(talk.received)}
        is_client = True
        for turn in range(turns):
            is_client = is_client if sides[is_client] else not is_client
            packets.append((_at_ns(talk, turn), _frame(talk, is_client, sides[is_client].pop(0))))
            is_client = not is_client
    path.write_bytes(pcap(sorted(packets)))


def _at_ns(talk: Talk, turn: int) -> int:
    return START_S * 1_000_000_000 + (talk.after_ms + 10 * turn) * 1_000_000


def _frame(talk: Talk, is_client: bool, payload: int) -> bytes:
    (src, src_port), (dst, dst_port) = (talk.client, talk.server) if is_client else (talk.server, talk.client)
    if talk.proto == TCP:
        data = tcp(bytes(payload), src_port, dst_port)
    elif talk.proto == UDP:
        data = udp(bytes(payload), src_port, dst_port)
    else:
        data = bytes((8 if is_client else 0, 0, 0, 0, 0, 7, 0, 1)) + bytes(payload)
    if ":" in src:
        return ethernet(ipv6(data, talk.proto, src, dst), IPV6)
    return ethernet(ipv4(data, talk.proto, src, dst))
