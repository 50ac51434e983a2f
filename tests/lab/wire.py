"""What tshark says of a capture of the lab: the truth that our own reading is held against."""

from __future__ import annotations

import subprocess
from collections import defaultdict
from pathlib import Path

# A conversation of the lab: server address, client port.
Ends = tuple[str, int]
_ADDRESSES = ("ip.src", "ipv6.src", "ip.dst", "ipv6.dst")


def fields(capture: Path, only: str, *names: str) -> list[list[str]]:
    """Return fields of the packets that a display filter lets through, as text; of several values the first."""
    command = ["tshark", "-n", "-r", str(capture), "-Y", only, "-T", "fields", "-E", "occurrence=f"]
    wanted = [word for name in names for word in ("-e", name)]
    done = subprocess.run([*command, *wanted], check=True, capture_output=True, text=True, timeout=60)
    return [line.split("\t") for line in done.stdout.splitlines()]


def syn_ms(capture: Path) -> dict[Ends, float]:
    """Return for each conversation the time from SYN to SYN/ACK."""
    rows = fields(capture, "tcp.flags.syn==1 && tcp.flags.ack==1", *_ADDRESSES, "tcp.dstport", "tcp.analysis.ack_rtt")
    return {(v4 or v6, int(port)): 1e3 * float(rtt) for v4, v6, _, _, port, rtt in rows}


def tls_ms(capture: Path) -> dict[Ends, float]:
    """Return for each conversation the time from ClientHello to ServerHello."""
    return _between(capture, "tcp && tls.handshake.type==1", "tcp && tls.handshake.type==2", "tcp")


def quic_ms(capture: Path) -> dict[Ends, float]:
    """Return for each conversation the time from the client's first packet to the server's."""
    return _between(capture, "udp.dstport==443", "udp.srcport==443", "udp")


def _between(capture: Path, asked: str, answered: str, transport: str) -> dict[Ends, float]:
    """Return the time from the first packet of one kind to the first of the other, in milliseconds."""
    first: dict[Ends, float] = {}
    for _, _, v4, v6, port, at in fields(capture, asked, *_ADDRESSES, f"{transport}.srcport", "frame.time_epoch"):
        first.setdefault((v4 or v6, int(port)), _ms(at))
    times: dict[Ends, float] = {}
    for v4, v6, _, _, port, at in fields(capture, answered, *_ADDRESSES, f"{transport}.dstport", "frame.time_epoch"):
        ends = (v4 or v6, int(port))
        times.setdefault(ends, _ms(at) - first[ends])
    return times


def _ms(epoch: str) -> float:
    """Return milliseconds of the day: in seconds since 1970 a float has no room for nanoseconds."""
    seconds, _, fraction = epoch.partition(".")
    return int(seconds) % 86_400 * 1e3 + int(fraction.ljust(9, "0")[:9]) / 1e6


def on_the_way(at_client: dict[Ends, float], at_servers: dict[Ends, float]) -> dict[str, float]:
    """Return for each server the least time that its conversations spent on the way: all but what the server took."""
    ways = defaultdict(list)
    for ends, seen_ms in at_client.items():
        ways[ends[0]].append(seen_ms - at_servers[ends])
    return {address: min(times) for address, times in ways.items()}
