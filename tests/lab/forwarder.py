"""A delay line between two TUN devices: what netem does, for kernels without it. Linux, root.

Run as `forwarder.py DEVICE DEVICE PREFIX=MS...`. It makes the two devices in its own network namespace, says `ready`
(whoever started it may then move one of them into another namespace), and carries packets both ways. Each packet is
held for half of the round-trip time set for the far end: the prefix that holds its destination or its source.
"""

from __future__ import annotations

import fcntl
import heapq
import ipaddress
import os
import select
import struct
import sys
import time
from dataclasses import dataclass

_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_MAX_PACKET_BYTES = 65_535
# The kernel wakes a sleeper late by some tens of microseconds: sleep until shortly before, then watch the clock.
_WATCHED_NS = 150_000

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Prefix = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """The round-trip time to one prefix of far ends."""

    prefix: Prefix
    rtt_ns: int


def parse_delay(text: str) -> Delay:
    """Return the delay that `PREFIX=MS` says."""
    prefix, _, rtt_ms = text.partition("=")
    return Delay(prefix=ipaddress.ip_network(prefix), rtt_ns=round(float(rtt_ms) * 1e6))


def addresses_of(packet: bytes) -> tuple[Address, Address] | None:
    """Return source and destination of an IP packet, None for what is none."""
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= 20:
        return ipaddress.IPv4Address(packet[12:16]), ipaddress.IPv4Address(packet[16:20])
    if version == 6 and len(packet) >= 40:
        return ipaddress.IPv6Address(packet[8:24]), ipaddress.IPv6Address(packet[24:40])
    return None


def held_ns(packet: bytes, delays: tuple[Delay, ...]) -> int | None:
    """Return how long to hold a packet; None for one that no delay is set for (it is dropped)."""
    ends = addresses_of(packet)
    if ends is None:
        return None
    return next((one.rtt_ns // 2 for one in delays if any(end in one.prefix for end in ends)), None)


def open_tun(name: str) -> int:
    """Make a TUN device and return its file descriptor: one packet for each read and write."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH14x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    return device


def carry(near: int, far: int, delays: tuple[Delay, ...]) -> None:
    """Carry packets between two devices until the process is ended."""
    others = {near: far, far: near}
    waiting: list[tuple[int, int, int, bytes]] = []  # due at, number, where to, what
    number = 0
    while True:
        for device in _readable((near, far), waiting[0][0] if waiting else None):
            packet = _read(device)
            pause_ns = None if packet is None else held_ns(packet, delays)
            if packet is not None and pause_ns is not None:
                number += 1
                heapq.heappush(waiting, (time.monotonic_ns() + pause_ns, number, others[device], packet))
        while waiting and waiting[0][0] <= time.monotonic_ns():
            _, _, device, packet = heapq.heappop(waiting)
            _write(device, packet)


def _readable(devices: tuple[int, ...], due_ns: int | None) -> list[int]:
    """Wait for a packet, or until just before the next is due."""
    if due_ns is None:
        return select.select(devices, (), ())[0]
    left_ns = due_ns - time.monotonic_ns() - _WATCHED_NS
    return select.select(devices, (), (), max(0, left_ns) / 1e9)[0]


def _read(device: int) -> bytes | None:
    try:
        return os.read(device, _MAX_PACKET_BYTES)
    except OSError:  # taken away meanwhile, or a device that is not up yet
        return None


def _write(device: int, packet: bytes) -> None:
    try:
        os.write(device, packet)
    except OSError as error:  # a device that is not up drops what comes, as a cable would
        print(f"dropped: {error}", file=sys.stderr)


def main() -> None:
    near_name, far_name, *delays = sys.argv[1:]
    near, far = open_tun(near_name), open_tun(far_name)
    print("ready", flush=True)
    carry(near, far, tuple(parse_delay(one) for one in delays))


if __name__ == "__main__":
    main()
