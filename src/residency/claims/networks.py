"""How much of the address space a list of networks covers: published "vendor lists" reach 15 % of IPv4."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from residency.model.claim import Network

_V4_SIZE = 2**32
_V6_SIZE = 2**125  # 2000::/3, the part of IPv6 in use


def share_of_address_space(networks: Iterable[Network]) -> float:
    """Return the greater of the shares of IPv4 and of IPv6 (2000::/3) that the networks cover together."""
    listed = list(networks)
    v4 = [n for n in listed if isinstance(n, ipaddress.IPv4Network)]
    v6 = [n for n in listed if isinstance(n, ipaddress.IPv6Network)]
    size_v4 = sum(n.num_addresses for n in ipaddress.collapse_addresses(v4))
    size_v6 = sum(n.num_addresses for n in ipaddress.collapse_addresses(v6))
    return max(size_v4 / _V4_SIZE, min(1.0, size_v6 / _V6_SIZE))


def format_share(share: float) -> str:
    """Write a share as a percentage with two digits that count."""
    return f"{share * 100:.2g} %" if share < 0.995 else "100 %"
