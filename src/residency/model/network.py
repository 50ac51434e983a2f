"""Addresses: strict reading, classes, and the IPv4 address inside an IPv6 form.

`ipaddress.is_global` is not used: it says true of NAT64 and 6to4 forms of private addresses and of
multicast. The table below follows the IANA special-purpose registries (RFC 6890 and updates).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class AddressClass(StrEnum):
    """What kind of address it is; only `PUBLIC` ones are ever located."""

    PUBLIC = "public"
    PRIVATE = "private"
    SHARED = "carrier-grade NAT"
    LOOPBACK = "loopback"
    LINK_LOCAL = "link-local"
    MULTICAST = "multicast"
    DOCUMENTATION = "documentation"
    SPECIAL = "special-purpose"
    RESERVED = "reserved"
    UNSPECIFIED = "unspecified"
    TEREDO = "teredo"


class AddressForm(StrEnum):
    """How the address was written."""

    NATIVE = "native"
    MAPPED = "mapped"
    NAT64 = "nat64"
    SIX_TO_FOUR = "6to4"
    TEREDO = "teredo"
    LABEL = "label"


_C = AddressClass
_V4: tuple[tuple[str, AddressClass], ...] = (
    ("0.0.0.0/8", _C.UNSPECIFIED),
    ("10.0.0.0/8", _C.PRIVATE),
    ("100.64.0.0/10", _C.SHARED),
    ("127.0.0.0/8", _C.LOOPBACK),
    ("169.254.0.0/16", _C.LINK_LOCAL),
    ("172.16.0.0/12", _C.PRIVATE),
    ("192.0.0.0/24", _C.SPECIAL),
    ("192.0.2.0/24", _C.DOCUMENTATION),
    ("192.31.196.0/24", _C.SPECIAL),
    ("192.52.193.0/24", _C.SPECIAL),
    ("192.88.99.0/24", _C.SPECIAL),
    ("192.168.0.0/16", _C.PRIVATE),
    ("192.175.48.0/24", _C.SPECIAL),
    ("198.18.0.0/15", _C.SPECIAL),
    ("198.51.100.0/24", _C.DOCUMENTATION),
    ("203.0.113.0/24", _C.DOCUMENTATION),
    ("224.0.0.0/4", _C.MULTICAST),
    ("240.0.0.0/4", _C.RESERVED),
)
_V6: tuple[tuple[str, AddressClass], ...] = (
    ("::/128", _C.UNSPECIFIED),
    ("::1/128", _C.LOOPBACK),
    ("64:ff9b:1::/48", _C.PRIVATE),
    ("100::/64", _C.SPECIAL),
    ("100:0:0:1::/64", _C.SPECIAL),
    ("2001::/32", _C.TEREDO),
    ("2001::/23", _C.SPECIAL),
    ("2001:db8::/32", _C.DOCUMENTATION),
    ("2620:4f:8000::/48", _C.SPECIAL),
    ("3fff::/20", _C.DOCUMENTATION),
    ("5f00::/16", _C.SPECIAL),
    ("fc00::/7", _C.PRIVATE),
    ("fe80::/10", _C.LINK_LOCAL),
    ("fec0::/10", _C.PRIVATE),
    ("ff00::/8", _C.MULTICAST),
)


def _ranges(table: Sequence[tuple[str, AddressClass]]) -> tuple[tuple[int, int, AddressClass], ...]:
    nets = [(ipaddress.ip_network(net), kind) for net, kind in table]
    return tuple((int(n.network_address), int(n.broadcast_address), kind) for n, kind in nets)


_V4_RANGES, _V6_RANGES = _ranges(_V4), _ranges(_V6)
_SPECIAL_OCTETS = frozenset(str(octet) for low, high, _ in _V4_RANGES for octet in range(low >> 24, (high >> 24) + 1))
_SPECIAL_GROUPS = frozenset(
    f"{group:x}"
    for low, high, _ in (*_V6_RANGES, *_ranges([("2002::/16", _C.SPECIAL)]))  # 6to4 is what its IPv4 address is
    for group in range(low >> 112, (high >> 112) + 1)
)
_GLOBAL_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Address:
    """One address as a subject.

    `text` is the canonical key (a mapped or NAT64 form has its IPv4 address as key), `family` and `value`
    are what sources are asked for (the embedded IPv4 address of a 6to4 form), `form` is how it was written.
    """

    text: str
    family: int
    value: int
    address_class: AddressClass
    form: AddressForm = AddressForm.NATIVE
    zone: str | None = None

    @property
    def is_locatable(self) -> bool:
        """May sources be asked where it is?"""
        return self.address_class is AddressClass.PUBLIC

    @property
    def network(self) -> str:
        """Its /24 or /48: the unit that counts as one network."""
        if self.family == 4:
            return f"{ipaddress.IPv4Address(self.value >> 8 << 8)}/24"
        return f"{ipaddress.IPv6Address(self.value >> 80 << 80)}/48"


def parse_address(text: str) -> Address:
    """Read one address strictly (dotted quad or RFC 4291 text); raises ValueError with the reason.

    Octal, hexadecimal, short and integer forms are refused: `010.0.0.1` means two things to two programs.
    """
    text = text.strip()
    bare, _, zone = text.partition("%")
    try:
        parsed = ipaddress.ip_address(bare)
    except ValueError as error:
        raise ValueError(_why_not_an_address(bare)) from error
    if isinstance(parsed, ipaddress.IPv4Address):
        if bare != text:
            raise ValueError("an IPv4 address has no zone; give the address alone")
        return _native_v4(parsed)
    return _read_v6(parsed, zone or None)


def is_plainly_public(text: str) -> bool:
    """Say of a canonical address, by its first part alone, whether no special range begins like it.

    False decides nothing: `parse_address` tells what it is, and takes far longer.
    """
    first, dot, _ = text.partition(".")
    if dot and ":" not in first:
        return first not in _SPECIAL_OCTETS
    first = text.partition(":")[0]
    return len(first) == 4 and first[0] in "23" and first not in _SPECIAL_GROUPS


def _why_not_an_address(text: str) -> str:
    if text.replace(".", "").replace("x", "").isalnum() and text[:1].isdigit():
        return "not an address in dotted-quad or RFC 4291 form (octal, hex, short and integer forms are refused)"
    return "not an IP address"


def _native_v4(address: ipaddress.IPv4Address, form: AddressForm = AddressForm.NATIVE) -> Address:
    return Address(str(address), 4, int(address), _class_of(int(address), _V4_RANGES) or _C.PUBLIC, form)


def _read_v6(address: ipaddress.IPv6Address, zone: str | None) -> Address:
    if address.ipv4_mapped is not None:
        return _native_v4(address.ipv4_mapped, AddressForm.MAPPED)
    if address in _NAT64:
        return _native_v4(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF), AddressForm.NAT64)
    if address.sixtofour is not None:
        inner = _native_v4(address.sixtofour)
        return Address(str(address), 4, inner.value, inner.address_class, AddressForm.SIX_TO_FOUR)
    kind = _class_of(int(address), _V6_RANGES)
    if kind is None:
        kind = _C.PUBLIC if address in _GLOBAL_UNICAST_V6 else _C.RESERVED
    form = AddressForm.TEREDO if kind is _C.TEREDO else AddressForm.NATIVE
    bare = ipaddress.IPv6Address(int(address))
    return Address(str(bare), 6, int(bare), kind, form, zone)


def _class_of(value: int, ranges: tuple[tuple[int, int, AddressClass], ...]) -> AddressClass | None:
    for first, last, kind in ranges:
        if first <= value <= last:
            return kind
    return None


def as_label(text: str) -> Address:
    """Return a subject that is no address: a name or label of a file of times, which no source knows."""
    return Address(text, 0, 0, AddressClass.PUBLIC, AddressForm.LABEL)


class AddressBook:
    """Distinct address texts that are read when they are first looked at: most are never in scope of a claim."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._read: dict[int, Address] = {}

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, code: int) -> Address:
        found = self._read.get(code)
        if found is None:
            found = self._read[code] = parse_address(self._texts[code])
        return found

    def is_outside(self, code: int) -> bool:
        """Is it an address of the public internet, the tunnels of Teredo among them?"""
        outside = (AddressClass.PUBLIC, AddressClass.TEREDO)
        return is_plainly_public(self._texts[code]) or self[code].address_class in outside


class Addresses:
    """Distinct addresses in columns, as sources are asked about them.

    `v4`/`v6` hold the positions of locatable addresses of a family; `v4_values` is uint32,
    `v6_high`/`v6_low` are the two uint64 halves, all in the order of the positions.
    """

    def __init__(self, items: Sequence[Address]) -> None:
        self.items = tuple(items)

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def v4(self) -> NDArray[np.int64]:
        """Positions of the locatable IPv4 subjects."""
        return self._positions(4)

    @cached_property
    def v6(self) -> NDArray[np.int64]:
        """Positions of the locatable IPv6 subjects."""
        return self._positions(6)

    @cached_property
    def v4_values(self) -> NDArray[np.uint32]:
        """Values of the locatable IPv4 subjects."""
        import numpy as np

        return np.array([self.items[i].value for i in self.v4], dtype=np.uint32)

    @cached_property
    def v6_high(self) -> NDArray[np.uint64]:
        """High 64 bits of the locatable IPv6 subjects."""
        import numpy as np

        return np.array([self.items[i].value >> 64 for i in self.v6], dtype=np.uint64)

    @cached_property
    def v6_low(self) -> NDArray[np.uint64]:
        """Low 64 bits of the locatable IPv6 subjects."""
        import numpy as np

        return np.array([self.items[i].value & (2**64 - 1) for i in self.v6], dtype=np.uint64)

    def _positions(self, family: int) -> NDArray[np.int64]:
        import numpy as np

        found = [i for i, a in enumerate(self.items) if a.family == family and a.is_locatable]
        return np.array(found, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vantage:
    """From where an observation was made: a position known to `radius_km`, and its name."""

    lat: float
    lon: float
    radius_km: float = 25.0
    name: str = ""
    country: str | None = None
    asn: int | None = None

    def __post_init__(self) -> None:
        if not (-90 <= self.lat <= 90 and -180 <= self.lon <= 180):
            raise ValueError("a vantage needs a latitude in [-90, 90] and a longitude in [-180, 180]")
        if not 0 <= self.radius_km <= 20_100:
            raise ValueError("a vantage's ± km must lie in [0, 20100]")
