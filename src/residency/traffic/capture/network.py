"""IPv4 and IPv6: addresses, declared lengths, fragments, extension headers (RFC 791, RFC 8200, RFC 2675, RFC 4302).

An inner IP header, one found in a tunnel, is believed only if its lengths fit into what carries it; else the packet
stays what its outer header says. Checksums are not checked: captures of offloading senders hold none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from residency.traffic.capture.packets import Fragment
from residency.traffic.capture.peel import Indexes, Layer, Numbers, Peeling, header
from residency.traffic.capture.tunnel_names import OUTER, Tunnel

if TYPE_CHECKING:
    from collections.abc import Mapping

_IPV4 = header(
    *(("version_words", "u1"), ("service", "u1"), ("length", ">u2"), ("identification", ">u2"), ("fragment", ">u2")),
    *(("hops", "u1"), ("proto", "u1"), ("checksum", ">u2"), ("src", ">u4"), ("dst", ">u4")),
)
_IPV6 = header(
    *(("version_class", ">u4"), ("length", ">u2"), ("proto", "u1"), ("hops", "u1")),
    *(("src_hi", ">u8"), ("src_lo", ">u8"), ("dst_hi", ">u8"), ("dst_lo", ">u8")),
)
_VERSION = header(("version_words", "u1"))
_EXTENSION = header(("next", "u1"), ("length", "u1"))
_JUMBO = header(("next", "u1"), ("length", "u1"), ("option", ">u2"), ("bytes", ">u4"))
_FRAGMENT = header(("next", "u1"), ("reserved", "u1"), ("offset_more", ">u2"), ("identification", ">u4"))
_JUMBO_OPTION = 0xC204
_NO_NEXT_HEADER = 59
_HOP_BY_HOP = 0

_TRANSPORTS: Mapping[int, Layer] = {6: Layer.TCP, 17: Layer.UDP, 132: Layer.SCTP}
_TUNNELS: Mapping[int, Layer] = {
    4: Layer.IPV4,
    41: Layer.IPV6,
    47: Layer.GRE,
    97: Layer.ETHERIP,
    137: Layer.MPLS,
}
_TUNNEL_KINDS = {4: Tunnel.IP_IN_IP, 41: Tunnel.IP_IN_IP, 47: Tunnel.GRE, 97: Tunnel.ETHERIP, 137: Tunnel.MPLS}
_EXTENSIONS: Mapping[int, Layer] = {
    **dict.fromkeys((_HOP_BY_HOP, 43, 60, 135, 139, 140), Layer.EXTENSION),
    44: Layer.FRAGMENT,
    51: Layer.AUTHENTICATION,
}
_AFTER_IPV4 = {**_TRANSPORTS, **_TUNNELS, 51: Layer.AUTHENTICATION}
_AFTER_IPV6 = {**_TRANSPORTS, **_TUNNELS, **_EXTENSIONS}


def peel_raw_ip(peeling: Peeling, which: Indexes) -> None:
    """Tell IPv4 from IPv6 by the first four bits."""
    which = peeling.fitting(which, 1, "ip")
    version = peeling.read(which, _VERSION)["version_words"].astype(np.int64) >> 4
    peeling.dispatch(which, version, {4: Layer.IPV4, 6: Layer.IPV6}, lambda value: f"ip version {value}")


def peel_ipv4(peeling: Peeling, which: Indexes) -> None:
    """Read IPv4 headers. A total length of 0 stands for the rest: the sender left it to its hardware."""
    which = peeling.fitting(which, _IPV4.itemsize, "ipv4")
    head = peeling.read(which, _IPV4)
    which, head = _keep(peeling, which, head, head["version_words"] >> 4 == 4, "ipv4: not version 4")
    words, length = (head["version_words"] & 15).astype(np.int64) * 4, head["length"].astype(np.int64)
    is_sane = (words >= 20) & ((length == 0) | (length >= words))
    fitted = _believed(peeling, which, is_sane, words, length)
    which, head = _keep(peeling, which, head, fitted, "ipv4: impossible lengths")
    words, length = words[fitted], length[fitted]
    _open(peeling, which, 4)
    where = peeling.where(which)
    peeling.src_lo[where], peeling.dst_lo[where] = head["src"], head["dst"]
    peeling.src_hi[where] = peeling.dst_hi[where] = 0
    _narrow(peeling, which, np.where(length > 0, length, peeling.stop[where] - peeling.at[where]))
    peeling.at[where] += words
    _note_fragments(
        peeling,
        which,
        (head["fragment"] & 0x1FFF).astype(np.int64),
        head["fragment"] & 0x2000 > 0,
        head["identification"],
    )
    _go_on(peeling, which, head["proto"])


def peel_ipv6(peeling: Peeling, which: Indexes) -> None:
    """Read IPv6 headers. A payload length of 0 stands for a jumbogram's option, or for the rest."""
    which = peeling.fitting(which, _IPV6.itemsize, "ipv6")
    head = peeling.read(which, _IPV6)
    which, head = _keep(peeling, which, head, head["version_class"] >> 28 == 6, "ipv6: not version 6")
    length = head["length"].astype(np.int64)
    has_length = (length > 0) | (head["proto"] == _NO_NEXT_HEADER)
    total = np.where(has_length, length + _IPV6.itemsize, 0)
    fitted = _believed(peeling, which, np.ones(len(which), np.bool_), np.full(len(which), _IPV6.itemsize), total)
    which, head = _keep(peeling, which, head, fitted, "ipv6: impossible lengths")
    total = total[fitted]
    _open(peeling, which, 6)
    where = peeling.where(which)
    for name in ("src_hi", "src_lo", "dst_hi", "dst_lo"):
        getattr(peeling, name)[where] = head[name]
    total = np.where(total > 0, total, _jumbo_total(peeling, which, head["proto"]))
    _narrow(peeling, which, total)
    peeling.at[where] += _IPV6.itemsize
    _go_on(peeling, which, head["proto"])


def peel_extension(peeling: Peeling, which: Indexes) -> None:
    """Pass hop-by-hop, routing, destination, mobility, HIP and shim headers: units of 8 bytes beyond the first."""
    _pass_header(peeling, which, unit_bytes=8, first_bytes=8)


def peel_authentication(peeling: Peeling, which: Indexes) -> None:
    """Pass an authentication header, which counts in units of 4 bytes less 2 (RFC 4302 section 2.2)."""
    _pass_header(peeling, which, unit_bytes=4, first_bytes=8)


def peel_fragment(peeling: Peeling, which: Indexes) -> None:
    """Read IPv6 fragment headers (RFC 8200 section 4.5); offset 0 without more is a whole packet (RFC 6946)."""
    which = peeling.fitting(which, _FRAGMENT.itemsize, "ipv6")
    head = peeling.read(which, _FRAGMENT)
    peeling.at[peeling.where(which)] += _FRAGMENT.itemsize
    more = head["offset_more"] & 1 > 0
    _note_fragments(peeling, which, (head["offset_more"] >> 3).astype(np.int64), more, head["identification"])
    _go_on(peeling, which, head["next"])


def _keep(
    peeling: Peeling, which: Indexes, head: NDArray[np.void], is_good: NDArray[np.bool_], reason: str
) -> tuple[Indexes, NDArray[np.void]]:
    if is_good.all():
        return which, head
    peeling.set_aside(which[~is_good], reason)
    return which[is_good], head[is_good]


def _believed(
    peeling: Peeling,
    which: Indexes,
    is_sane: NDArray[np.bool_],
    header_bytes: NDArray[np.int64],
    total: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Return where an IP header may be believed: the outermost if sane, an inner one only if it fits its carrier."""
    where = peeling.where(which)
    is_inner = peeling.family[where] > 0
    if not is_inner.any():
        return is_sane
    room = peeling.stop[where] - peeling.at[where]
    fits = (total > 0) & (total <= room) & (header_bytes <= room)
    return np.asarray(is_sane & (fits | ~is_inner))


def _open(peeling: Peeling, which: Indexes, family: int) -> None:
    """Begin an IP packet: what was outer goes into the tunnel's name, the transport's columns are cleared."""
    where = peeling.where(which)
    inner = which[peeling.family[where] > 0]
    if len(inner):
        _enter_tunnel(peeling, inner)
    peeling.family[where] = family


def _enter_tunnel(peeling: Peeling, inner: Indexes) -> None:
    where = peeling.where(inner)
    outer = np.zeros(len(inner), OUTER)
    outer["inside"] = peeling.tunnels.of_packet[where].astype(np.int64) + 1
    outer["kind"], outer["family"] = peeling.tunnels.kind[where], peeling.family[where]
    for name in ("src_hi", "src_lo", "dst_hi", "dst_lo"):
        outer[name] = getattr(peeling, name)[where]
    peeling.tunnels.enter(where, outer)
    for column in (peeling.src_port, peeling.dst_port, peeling.tcp_flags, peeling.seq, peeling.ack):
        column[where] = 0
    peeling.has_transport[where] = False


def _narrow(peeling: Peeling, which: Indexes, total: NDArray[np.int64]) -> None:
    """End the layer after `total` bytes, so that padding and trailers are no payload."""
    where = peeling.where(which)
    stop = peeling.at[where] + total
    peeling.stop[where] = stop
    peeling.end[where] = np.minimum(peeling.end[where], stop)


def _jumbo_total(peeling: Peeling, which: Indexes, proto: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the length of packets that declare none: of the jumbo payload option (RFC 2675), else the rest.

    An option that claims more than was on the wire is not believed: 60 bytes could make 4 GB.
    """
    where = peeling.where(which)
    total: NDArray[np.int64] = np.maximum(peeling.stop[where] - peeling.at[where], _IPV6.itemsize)
    fits = peeling.end[where] - peeling.at[where] >= _IPV6.itemsize + _JUMBO.itemsize
    maybe = np.flatnonzero((proto == _HOP_BY_HOP) & fits)
    if len(maybe):
        option = peeling.read(which[maybe], _JUMBO, _IPV6.itemsize)
        length = option["bytes"].astype(np.int64) + _IPV6.itemsize
        is_jumbo = (option["option"] == _JUMBO_OPTION) & (length < total[maybe])
        total[maybe[is_jumbo]] = length[is_jumbo]
    return total


def _note_fragments(
    peeling: Peeling,
    which: Indexes,
    units: Numbers,
    more: NDArray[np.bool_],
    identification: NDArray[np.uint32],
) -> None:
    where = peeling.where(which)
    is_fragment = more | (units > 0)
    peeling.fragment[where] = np.where(units > 0, Fragment.LATER, np.where(more, Fragment.FIRST, Fragment.WHOLE))
    peeling.fragment_id[where] = np.where(is_fragment, identification, 0)
    peeling.fragment_offset[where] = units * 8
    peeling.has_more_fragments[where] = more


def _pass_header(peeling: Peeling, which: Indexes, *, unit_bytes: int, first_bytes: int) -> None:
    which = peeling.fitting(which, _EXTENSION.itemsize, "ipv6")
    head = peeling.read(which, _EXTENSION)
    length = head["length"].astype(np.int64) * unit_bytes + first_bytes
    where = peeling.where(which)
    fits = peeling.stop[where] - peeling.at[where] >= length
    which, head, length = which[fits], head[fits], length[fits]
    peeling.at[peeling.where(which)] += length
    _go_on(peeling, which, head["next"])


def _go_on(peeling: Peeling, which: Indexes, proto: NDArray[np.uint8]) -> None:
    """Note the payload as it stands, and send on what is understood."""
    where = peeling.where(which)
    peeling.proto[where] = proto
    peeling.ip_bytes[where] = np.maximum(peeling.stop[where] - peeling.at[where], 0)
    peeling.note_payload(which)
    fragment = peeling.fragment[where]
    numbers = proto.astype(np.int64)
    if not fragment.any():
        _send_on(peeling, which, numbers, is_whole=True)
        return
    for kind, is_whole in ((Fragment.WHOLE, True), (Fragment.FIRST, False)):
        _send_on(peeling, which[fragment == kind], numbers[fragment == kind], is_whole=is_whole)


def _send_on(peeling: Peeling, which: Indexes, proto: NDArray[np.int64], *, is_whole: bool) -> None:
    """Send on by protocol. The first fragment of a tunnel stays outer, as its later ones must."""
    for family, table in ((4, _AFTER_IPV4), (6, _AFTER_IPV6)):
        mine = peeling.family[peeling.where(which)] == family
        part, numbers = (which, proto) if mine.all() else (which[mine], proto[mine])
        _mark_tunnels(peeling, part, numbers)
        known = table if is_whole else {key: value for key, value in table.items() if key not in _TUNNELS}
        peeling.dispatch(part, numbers, known, str)


def _mark_tunnels(peeling: Peeling, which: Indexes, proto: NDArray[np.int64]) -> None:
    for number, kind in _TUNNEL_KINDS.items():
        same = proto == number
        if same.any():
            peeling.tunnels.kind[which[same]] = kind
