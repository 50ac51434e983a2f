"""Tunnels over IP and UDP down to the inner packet: GRE, ERSPAN, EtherIP, VXLAN, Geneve, GTP-U.

A port proves nothing, so a header must be the protocol's to the last reserved bit before it is believed; and the inner
IP header must fit (`network`). What is not believed stays the outer packet, which it is in any case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from residency.traffic.capture.links import send_by_ethertype
from residency.traffic.capture.peel import Indexes, Layer, Peeling, header

if TYPE_CHECKING:
    from collections.abc import Mapping

_GRE = header(("flags", ">u2"), ("type", ">u2"))
_CHECKSUM, _ROUTING, _KEY, _SEQUENCE, _ACKNOWLEDGED = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080
_PPP_IN_GRE, _ERSPAN_2, _ERSPAN_3 = 0x880B, 0x88BE, 0x22EB
_GRE_TYPES: Mapping[int, Layer] = {_ERSPAN_2: Layer.ERSPAN_2, _ERSPAN_3: Layer.ERSPAN_3}

_ETHERIP = header(("version", ">u2"))
_ERSPAN = header(("version_vlan", ">u2"), ("session", ">u2"), ("rest", ">u4"))
_ERSPAN_2_BYTES, _ERSPAN_3_BYTES, _ERSPAN_SUBHEADER_BYTES = 8, 12, 8
_ERSPAN_LAST = header(("head", "V10"), ("flags", ">u2"))

_VXLAN = header(("flags", "u1"), ("reserved", "u1"), ("policy", ">u2"), ("network_last", ">u4"))
_VXLAN_PLAIN, _VXLAN_POLICY = 0x08, 0x88
_GENEVE = header(("version_length", "u1"), ("flags", "u1"), ("type", ">u2"), ("network_last", ">u4"))
_GENEVE_CRITICAL = 0x40
_GTP = header(("flags", "u1"), ("message", "u1"), ("length", ">u2"), ("endpoint", ">u4"))
_GTP_OPTIONAL = header(("sequence", ">u2"), ("number", "u1"), ("next", "u1"))
_GTP_PAYLOAD = 0xFF
_BYTE = header(("value", "u1"))


def peel_gre(peeling: Peeling, which: Indexes) -> None:
    """Take off GRE with checksum, key and sequence number (RFC 2784, RFC 2890), or PPTP's (RFC 2637)."""
    which = peeling.fitting(which, _GRE.itemsize, "gre")
    head = peeling.read(which, _GRE)
    flags, types = head["flags"].astype(np.int64), head["type"].astype(np.int64)
    version = flags & 7
    is_pptp = (version == 1) & (types == _PPP_IN_GRE)
    skip = _GRE.itemsize + 4 * ((flags & _KEY > 0).astype(np.int64) + (flags & _SEQUENCE > 0))
    peeling.send(Layer.PPP, which[is_pptp], (skip + 4 * (flags & _ACKNOWLEDGED > 0))[is_pptp])
    is_plain = (version == 0) & (flags & _ROUTING == 0)
    which, types, flags = which[is_plain], types[is_plain], flags[is_plain]
    has_sequence = flags & _SEQUENCE > 0
    peeling.at[peeling.where(which)] += skip[is_plain] + 4 * (flags & _CHECKSUM > 0)
    # ERSPAN without a sequence number is type I, which has no header of its own.
    types = np.where((types == _ERSPAN_2) & ~has_sequence, 0x6558, types)
    is_mirror = (types == _ERSPAN_2) | (types == _ERSPAN_3)
    peeling.dispatch(which[is_mirror], types[is_mirror], _GRE_TYPES, str)
    send_by_ethertype(peeling, which[~is_mirror], types[~is_mirror])


def peel_erspan_2(peeling: Peeling, which: Indexes) -> None:
    """Take off the header of ERSPAN type II, which carries Ethernet."""
    which = _fitting_erspan(peeling, which, version=1, length=_ERSPAN_2_BYTES)
    peeling.send(Layer.ETHERNET, which, _ERSPAN_2_BYTES)


def peel_erspan_3(peeling: Peeling, which: Indexes) -> None:
    """Take off the header of ERSPAN type III, with its platform part where flagged."""
    which = _fitting_erspan(peeling, which, version=2, length=_ERSPAN_3_BYTES)
    flags = peeling.read(which, _ERSPAN_LAST)["flags"]
    is_ethernet = flags & 0x7C00 == 0  # the frame type; 2 would be IP
    which, flags = which[is_ethernet], flags[is_ethernet]
    peeling.send(Layer.ETHERNET, which, _ERSPAN_3_BYTES + (flags & 1).astype(np.int64) * _ERSPAN_SUBHEADER_BYTES)


def peel_etherip(peeling: Peeling, which: Indexes) -> None:
    """Take off EtherIP's two bytes (RFC 3378)."""
    which = peeling.fitting(which, _ETHERIP.itemsize, "etherip")
    is_good = peeling.read(which, _ETHERIP)["version"] == 0x3000
    peeling.send(Layer.ETHERNET, which[is_good], _ETHERIP.itemsize)


def peel_vxlan(peeling: Peeling, which: Indexes) -> None:
    """Take off VXLAN (RFC 7348 section 5), also with a group policy; all reserved bits must be 0."""
    which = peeling.fitting(which, _VXLAN.itemsize, "vxlan")
    head = peeling.read(which, _VXLAN)
    is_plain = (head["flags"] == _VXLAN_PLAIN) & (head["policy"] == 0) & (head["reserved"] == 0)
    is_good = (is_plain | (head["flags"] == _VXLAN_POLICY)) & (head["network_last"] & 0xFF == 0)
    peeling.send(Layer.ETHERNET, which[is_good], _VXLAN.itemsize)


def peel_geneve(peeling: Peeling, which: Indexes) -> None:
    """Take off Geneve with its options (RFC 8926 section 3.4); control packets carry no user's packet."""
    which = peeling.fitting(which, _GENEVE.itemsize, "geneve")
    head = peeling.read(which, _GENEVE)
    skip = _GENEVE.itemsize + 4 * (head["version_length"] & 0x3F).astype(np.int64)
    room = peeling.stop[peeling.where(which)] - peeling.at[peeling.where(which)]
    is_good = (head["version_length"] >> 6 == 0) & (head["flags"] & ~np.uint8(_GENEVE_CRITICAL) == 0)
    is_good &= (head["network_last"] & 0xFF == 0) & (skip <= room)
    which = which[is_good]
    peeling.at[peeling.where(which)] += skip[is_good]
    send_by_ethertype(peeling, which, head["type"][is_good].astype(np.int64))


def peel_gtp_u(peeling: Peeling, which: Indexes) -> None:
    """Take off GTP-U, version 1, of packets that carry a user's (3GPP TS 29.281 section 5.1)."""
    which = peeling.fitting(which, _GTP.itemsize, "gtp-u")
    head = peeling.read(which, _GTP)
    room = peeling.stop[peeling.where(which)] - peeling.at[peeling.where(which)]
    is_user = (head["flags"] & 0xF8 == 0x30) & (head["message"] == _GTP_PAYLOAD)
    is_user &= head["length"].astype(np.int64) + _GTP.itemsize == room
    which, flags = which[is_user], head["flags"][is_user]
    peeling.at[peeling.where(which)] += _GTP.itemsize
    has_more = flags & 7 > 0
    peeling.send(Layer.RAW_IP, which[~has_more])
    which = peeling.fitting(which[has_more], _GTP_OPTIONAL.itemsize, "gtp-u")
    following = peeling.read(which, _GTP_OPTIONAL)["next"]
    # The type of the next extension is its last byte, so that it stands right before the extension itself.
    has_extension = (peeling.read(which, _BYTE, -_GTP.itemsize)["value"] & 4 > 0) & (following > 0)
    peeling.send(Layer.RAW_IP, which[~has_extension], _GTP_OPTIONAL.itemsize)
    peeling.send(Layer.GTP_U_EXTENSION, which[has_extension], _GTP_OPTIONAL.itemsize)


def peel_gtp_u_extension(peeling: Peeling, which: Indexes) -> None:
    """Take off one extension header of GTP-U: length in units of 4 bytes, content, the next one's type."""
    which = peeling.fitting(which, 1, "gtp-u")
    length = peeling.read(which, _BYTE)["value"].astype(np.int64) * 4
    which, length = which[length > 0], length[length > 0]
    where = peeling.where(which)
    fits = peeling.end[where] - peeling.at[where] >= length
    which, length = which[fits], length[fits]
    following = peeling.read(which, _BYTE, length - 1)["value"]
    peeling.send(Layer.RAW_IP, which[following == 0], length[following == 0])
    peeling.send(Layer.GTP_U_EXTENSION, which[following > 0], length[following > 0])


def _fitting_erspan(peeling: Peeling, which: Indexes, *, version: int, length: int) -> Indexes:
    which = peeling.fitting(which, length, "erspan")
    is_good: NDArray[np.bool_] = peeling.read(which, _ERSPAN)["version_vlan"] >> 12 == version
    return which[is_good]
