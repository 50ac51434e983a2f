"""TCP, UDP and SCTP: ports, flags, sequence numbers, and where the payload lies (RFC 9293, RFC 768, RFC 9260)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from residency.traffic.capture.packets import Fragment
from residency.traffic.capture.peel import Indexes, Layer, Peeling, header
from residency.traffic.capture.tunnel_names import Tunnel

if TYPE_CHECKING:
    from collections.abc import Mapping

_TCP = header(
    *(("src_port", ">u2"), ("dst_port", ">u2"), ("seq", ">u4"), ("ack", ">u4"), ("offset_flags", ">u2")),
    *(("window", ">u2"), ("checksum", ">u2"), ("urgent", ">u2")),
)
_UDP = header(("src_port", ">u2"), ("dst_port", ">u2"), ("length", ">u2"), ("checksum", ">u2"))
_SCTP_BYTES = 12
_TUNNEL_PORTS: Mapping[int, tuple[Layer, Tunnel]] = {
    4789: (Layer.VXLAN, Tunnel.VXLAN),
    8472: (Layer.VXLAN, Tunnel.VXLAN),  # Linux before the port was assigned
    6081: (Layer.GENEVE, Tunnel.GENEVE),
    2152: (Layer.GTP_U, Tunnel.GTP_U),
    6635: (Layer.MPLS, Tunnel.MPLS),  # RFC 7510
}


def peel_tcp(peeling: Peeling, which: Indexes) -> None:
    """Read TCP headers; one that is cut or whose data offset is impossible is none (`has_transport` stays False)."""
    which = peeling.fitting(which, _TCP.itemsize, "tcp")
    head = peeling.read(which, _TCP)
    where = peeling.where(which)
    length = (head["offset_flags"] >> 12).astype(np.int64) * 4
    is_good = (length >= _TCP.itemsize) & (length <= peeling.stop[where] - peeling.at[where])
    if not is_good.all():
        which, head, length = which[is_good], head[is_good], length[is_good]
        where = peeling.where(which)
    _note_ports(peeling, where, head)
    peeling.tcp_flags[where] = head["offset_flags"] & 0x1FF
    peeling.seq[where], peeling.ack[where] = head["seq"], head["ack"]
    peeling.at[where] += length
    peeling.note_payload(which)


def peel_udp(peeling: Peeling, which: Indexes) -> None:
    """Read UDP headers; a length of 0 or beyond the IP payload stands for the rest, one under 8 for no payload.

    The first fragment states the length of the whole datagram.
    """
    which = peeling.fitting(which, _UDP.itemsize, "udp")
    head = peeling.read(which, _UDP)
    where = peeling.where(which)
    _note_ports(peeling, where, head)
    length = head["length"].astype(np.int64)
    room = peeling.stop[where] - peeling.at[where]
    length = np.where((length == 0) | (length > room), room, np.maximum(length, _UDP.itemsize))
    peeling.stop[where] = peeling.at[where] + length
    peeling.end[where] = np.minimum(peeling.end[where], peeling.stop[where])
    peeling.at[where] += _UDP.itemsize
    peeling.note_payload(which)
    _open_tunnels(peeling, which, head)


def peel_sctp(peeling: Peeling, which: Indexes) -> None:
    """Read the ports of SCTP packets; the chunks behind the common header are the payload."""
    which = peeling.fitting(which, _SCTP_BYTES, "sctp")
    where = peeling.where(which)
    _note_ports(peeling, where, peeling.read(which, _UDP))
    peeling.at[where] += _SCTP_BYTES
    peeling.note_payload(which)


def _note_ports(peeling: Peeling, where: Indexes | slice, head: NDArray[np.void]) -> None:
    peeling.src_port[where], peeling.dst_port[where] = head["src_port"], head["dst_port"]
    peeling.has_transport[where] = True


def _open_tunnels(peeling: Peeling, which: Indexes, head: NDArray[np.void]) -> None:
    """Try the payload of whole datagrams to (of GTP-U: or from) the ports of tunnels."""
    is_whole = peeling.fragment[peeling.where(which)] == Fragment.WHOLE
    for port, (layer, kind) in _TUNNEL_PORTS.items():
        is_tunnel = head["dst_port"] == port
        if layer is Layer.GTP_U:
            is_tunnel |= head["src_port"] == port
        if is_tunnel.any():
            inside = which[is_tunnel & is_whole]
            peeling.tunnels.kind[inside] = kind
            peeling.send(layer, inside)
