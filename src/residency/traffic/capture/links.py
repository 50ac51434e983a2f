"""Link layers down to IP: Ethernet and its tags, PPP, Linux cooked captures, loopback, label stacks.

Link types are numbered as in the registry of tcpdump.org; ethertypes as in the IEEE registry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from residency.traffic.capture.peel import Indexes, Layer, Numbers, Peeling, header

if TYPE_CHECKING:
    from collections.abc import Mapping

LINK_TYPES: Mapping[int, Layer] = {
    0: Layer.LOOPBACK,
    1: Layer.ETHERNET,
    9: Layer.PPP,
    **dict.fromkeys((12, 14, 101), Layer.RAW_IP),
    50: Layer.PPP,
    51: Layer.PPPOE,
    104: Layer.CISCO_HDLC,
    108: Layer.LOOPBACK,
    113: Layer.COOKED,
    228: Layer.IPV4,
    229: Layer.IPV6,
    276: Layer.COOKED_2,
}
_ETHERTYPES: Mapping[int, Layer] = {
    0x0800: Layer.IPV4,
    0x86DD: Layer.IPV6,
    **dict.fromkeys((0x8100, 0x88A8, 0x9100, 0x9200, 0x9300), Layer.VLAN),
    **dict.fromkeys((0x8847, 0x8848), Layer.MPLS),
    0x8864: Layer.PPPOE,
    0x6558: Layer.ETHERNET,
}
_ETHERTYPE_NAMES: Mapping[int, str] = {
    0x0806: "arp",
    0x8035: "rarp",
    0x8863: "pppoe discovery",
    0x888E: "eapol",
    0x88CC: "lldp",
    0x88F7: "ptp",
    0x8137: "ipx",
    0x8809: "slow protocols",
    0x9000: "loopback test",
    0x88E5: "macsec",
}
_FIRST_ETHERTYPE = 0x0600
"""Smaller numbers in an Ethernet header are the length of an LLC frame (IEEE 802.3)."""

_ETHERNET = header(("dst", "V6"), ("src", "V6"), ("type", ">u2"))
_VLAN = header(("tag", ">u2"), ("type", ">u2"))
_LLC = header(("dsap", "u1"), ("ssap", "u1"), ("control", "u1"))
_SNAP = header(("llc", "V3"), ("organisation", "V3"), ("type", ">u2"))
_COOKED = header(("kind", ">u2"), ("hardware", ">u2"), ("length", ">u2"), ("address", "V8"), ("type", ">u2"))
_COOKED_2 = header(
    *(("type", ">u2"), ("reserved", ">u2"), ("interface", ">u4"), ("hardware", ">u2"), ("rest", "V10")),
)
_LOOPBACK = header(("family", "<u4"))
_BYTE = header(("value", "u1"))
_SHORT = header(("value", ">u2"))
_LABEL = header(("value", ">u4"))
_PPPOE = header(("version", "u1"), ("code", "u1"), ("session", ">u2"), ("length", ">u2"))
_HDLC = header(("address", "u1"), ("control", "u1"), ("type", ">u2"))

_NETLINK = 824
_SNAP_SERVICE, _IP_SERVICE = 0xAA, 0x06
_FAMILIES: Mapping[int, Layer] = {2: Layer.IPV4, **dict.fromkeys((10, 23, 24, 28, 30), Layer.IPV6)}
_PPP_PROTOCOLS: Mapping[int, Layer] = {
    0x0021: Layer.IPV4,
    0x0057: Layer.IPV6,
    **dict.fromkeys((0x0281, 0x0283), Layer.MPLS),
}
_PPP_ADDRESS, _CISCO_ADDRESSES = 0xFF, (0x0F, 0x8F)


def send_by_ethertype(peeling: Peeling, which: Indexes, types: Numbers) -> None:
    """Send packets, whose payload begins here, on by ethertype; a length means LLC."""
    is_length = types < _FIRST_ETHERTYPE
    if is_length.any():
        _end_llc(peeling, which[is_length], types[is_length])
        which, types = which[~is_length], types[~is_length]
    peeling.dispatch(which, types, _ETHERTYPES, _name_ethertype)


def peel_ethernet(peeling: Peeling, which: Indexes) -> None:
    """Take off an Ethernet header."""
    which = peeling.fitting(which, _ETHERNET.itemsize, "ethernet")
    types = peeling.read(which, _ETHERNET)["type"].astype(np.int64)
    peeling.at[peeling.where(which)] += _ETHERNET.itemsize
    send_by_ethertype(peeling, which, types)


def peel_vlan(peeling: Peeling, which: Indexes) -> None:
    """Take off one 802.1Q or 802.1ad tag."""
    which = peeling.fitting(which, _VLAN.itemsize, "vlan")
    types = peeling.read(which, _VLAN)["type"].astype(np.int64)
    peeling.at[peeling.where(which)] += _VLAN.itemsize
    send_by_ethertype(peeling, which, types)


def peel_llc(peeling: Peeling, which: Indexes) -> None:
    """Take off LLC, with SNAP where it has an ethertype (organisation code 0, RFC 1042)."""
    which = peeling.fitting(which, _LLC.itemsize, "llc")
    head = peeling.read(which, _LLC)
    service = head["dsap"].astype(np.int64)
    has_snap = (service == _SNAP_SERVICE) & (head["ssap"] == _SNAP_SERVICE) & (head["control"] == 3)
    _peel_snap(peeling, which[has_snap])
    rest, service = which[~has_snap], service[~has_snap]
    peeling.dispatch(rest, service, {_IP_SERVICE: Layer.IPV4}, lambda value: f"llc 0x{value:02x}", _LLC.itemsize)


def peel_cooked(peeling: Peeling, which: Indexes) -> None:
    """Take off the header of Linux cooked captures (link type 113)."""
    which = peeling.fitting(which, _COOKED.itemsize, "linux cooked")
    head = peeling.read(which, _COOKED)
    types, hardware = head["type"].astype(np.int64), head["hardware"].astype(np.int64)
    _pass_cooked(peeling, which, types, hardware, _COOKED.itemsize)


def peel_cooked_2(peeling: Peeling, which: Indexes) -> None:
    """Take off the header of Linux cooked captures, version 2 (link type 276)."""
    which = peeling.fitting(which, _COOKED_2.itemsize, "linux cooked")
    head = peeling.read(which, _COOKED_2)
    types, hardware = head["type"].astype(np.int64), head["hardware"].astype(np.int64)
    _pass_cooked(peeling, which, types, hardware, _COOKED_2.itemsize)


def peel_loopback(peeling: Peeling, which: Indexes) -> None:
    """Take off an address family of four bytes, in the byte order of whichever host wrote it."""
    which = peeling.fitting(which, _LOOPBACK.itemsize, "loopback")
    family = peeling.read(which, _LOOPBACK)["family"].astype("<u4")
    family = np.where(family > 0xFFFF, family.byteswap(), family).astype(np.int64)
    peeling.dispatch(which, family, _FAMILIES, lambda value: f"address family {value}", _LOOPBACK.itemsize)


def peel_ppp(peeling: Peeling, which: Indexes) -> None:
    """Take off PPP: address and control may be left out, the protocol may be one byte (RFC 1661, RFC 1662)."""
    which = peeling.fitting(which, 1, "ppp")
    first = peeling.read(which, _BYTE)["value"]
    is_cisco = np.isin(first, _CISCO_ADDRESSES)
    peeling.send(Layer.CISCO_HDLC, which[is_cisco])
    which, first = which[~is_cisco], first[~is_cisco]
    peeling.at[peeling.where(which)] += np.where(first == _PPP_ADDRESS, 2, 0)
    which = peeling.fitting(which, _SHORT.itemsize, "ppp")
    protocol = peeling.read(which, _SHORT)["value"].astype(np.int64)
    is_short = protocol & 0x0100 > 0  # the last byte of a protocol number is odd, the one before it even
    protocol = np.where(is_short, protocol >> 8, protocol)
    skip = np.where(is_short, 1, 2)
    peeling.dispatch(which, protocol, _PPP_PROTOCOLS, lambda value: f"ppp 0x{value:04x}", skip)


def peel_pppoe(peeling: Peeling, which: Indexes) -> None:
    """Take off the header of a PPPoE session (RFC 2516 section 4); the PPP inside has neither address nor control."""
    which = peeling.fitting(which, _PPPOE.itemsize, "pppoe")
    head = peeling.read(which, _PPPOE)
    is_session = (head["version"] == 0x11) & (head["code"] == 0)
    peeling.set_aside(which[~is_session], "pppoe discovery")
    peeling.send(Layer.PPP, which[is_session], _PPPOE.itemsize)


def peel_cisco_hdlc(peeling: Peeling, which: Indexes) -> None:
    """Take off Cisco's HDLC header, which ends in an ethertype."""
    which = peeling.fitting(which, _HDLC.itemsize, "cisco hdlc")
    types = peeling.read(which, _HDLC)["type"].astype(np.int64)
    peeling.dispatch(which, types, _ETHERTYPES, _name_ethertype, _HDLC.itemsize)


def peel_mpls(peeling: Peeling, which: Indexes) -> None:
    """Take off one label (RFC 3032); under the last one the first four bits tell IP, or a control word (RFC 4385)."""
    which = peeling.fitting(which, _LABEL.itemsize, "mpls")
    is_bottom = peeling.read(which, _LABEL)["value"] & 0x100 > 0
    peeling.at[peeling.where(which)] += _LABEL.itemsize
    peeling.send(Layer.MPLS, which[~is_bottom])
    bottom = peeling.fitting(which[is_bottom], 1, "mpls")
    version = peeling.read(bottom, _BYTE)["value"].astype(np.int64) >> 4
    table = {4: Layer.IPV4, 6: Layer.IPV6}
    is_ethernet = version == 0
    peeling.send(Layer.ETHERNET, bottom[is_ethernet], 4)
    peeling.dispatch(bottom[~is_ethernet], version[~is_ethernet], table, lambda value: f"mpls of type {value}")


def _end_llc(peeling: Peeling, which: Indexes, lengths: Numbers) -> None:
    where = peeling.where(which)
    peeling.stop[where] = np.minimum(peeling.stop[where], peeling.at[where] + lengths)
    peeling.end[where] = np.minimum(peeling.end[where], peeling.stop[where])
    peeling.send(Layer.LLC, which)


def _peel_snap(peeling: Peeling, which: Indexes) -> None:
    which = peeling.fitting(which, _SNAP.itemsize, "snap")
    types = peeling.read(which, _SNAP)["type"].astype(np.int64)
    peeling.dispatch(which, types, _ETHERTYPES, _name_ethertype, _SNAP.itemsize)


def _pass_cooked(
    peeling: Peeling,
    which: Indexes,
    types: Numbers,
    hardware: Numbers,
    length: int,
) -> None:
    """Pass a cooked header; protocol 4 is LLC, and netlink has numbers of its own."""
    is_netlink = hardware == _NETLINK
    peeling.set_aside(which[is_netlink], "netlink")
    which, types = which[~is_netlink], types[~is_netlink]
    peeling.dispatch(which, types, {**_ETHERTYPES, 4: Layer.LLC}, _name_ethertype, length)


def _name_ethertype(value: int) -> str:
    return _ETHERTYPE_NAMES.get(value) or f"ethertype 0x{value:04x}"
