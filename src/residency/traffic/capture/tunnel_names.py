"""The outer headers of tunnelled packets, kept as text: one text for each distinct stack of tunnels in a batch."""

from __future__ import annotations

from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address

import numpy as np
from numpy.typing import NDArray


class Tunnel(IntEnum):
    """What carries an inner IP packet inside an outer one."""

    IP_IN_IP = 0
    GRE = 1
    ETHERIP = 2
    VXLAN = 3
    GENEVE = 4
    GTP_U = 5
    MPLS = 6


_NAMES = {
    Tunnel.IP_IN_IP: "ip",
    Tunnel.GRE: "gre",
    Tunnel.ETHERIP: "etherip",
    Tunnel.VXLAN: "vxlan",
    Tunnel.GENEVE: "geneve",
    Tunnel.GTP_U: "gtp-u",
    Tunnel.MPLS: "mpls",
}
OUTER = np.dtype([(name, np.uint64) for name in ("inside", "kind", "family", "src_hi", "src_lo", "dst_hi", "dst_lo")])
"""One tunnel: the number of the stack it lies in plus 1, its kind, and the outer addresses."""


class Tunnels:
    """Which stack of tunnels each packet of a batch came through, -1 for none."""

    def __init__(self, count: int) -> None:
        self.of_packet = np.full(count, -1, np.int32)
        self.kind = np.zeros(count, np.uint8)  # of the tunnel that is being opened, should its inside prove good
        self._number: dict[bytes, int] = {}
        self._names: list[str] = []

    @property
    def names(self) -> tuple[str, ...]:
        """The stacks of tunnels by number."""
        return tuple(self._names)

    def enter(self, where: NDArray[np.int64] | slice, outer: NDArray[np.void]) -> None:
        """Note the tunnels (`OUTER`) of these packets."""
        opaque = outer.view(f"V{OUTER.itemsize}")
        distinct, member = np.unique(opaque, return_inverse=True)
        numbers = [self._intern(one) for one in distinct.view(OUTER)]
        self.of_packet[where] = np.array(numbers, np.int32)[member]

    def _intern(self, outer: np.void) -> int:
        key = outer.tobytes()
        number = self._number.get(key)
        if number is None:
            number = self._number[key] = len(self._names)
            inside = int(outer["inside"])
            name = _describe(outer)
            self._names.append(f"{self._names[inside - 1]}; {name}" if inside else name)
        return number


def _describe(outer: np.void) -> str:
    """Name one tunnel, as in `vxlan 10.0.0.1 > 10.0.0.2`."""
    kind, family = Tunnel(int(outer["kind"])), int(outer["family"])
    src, dst = (_address(family, int(outer[f"{end}_hi"]), int(outer[f"{end}_lo"])) for end in ("src", "dst"))
    return f"{_NAMES[kind]} {src} > {dst}"


def _address(family: int, high: int, low: int) -> str:
    return str(IPv4Address(low) if family == 4 else IPv6Address(high << 64 | low))
