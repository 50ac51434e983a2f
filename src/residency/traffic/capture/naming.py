"""How a flow was named, as numbers in the slots and as words in the rows."""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache

from residency.model.names import HostNameError, normalise_host
from residency.traffic.capture.hello import Hello
from residency.traffic.capture.slots import Slots

NOT_NAMED = 0
"""Nothing was read so far."""

PROXIED = 5
"""The client told a proxy where to go: the host that it named is not the server of this flow."""

NAMELESS = 6
"""What the client said first was read and held no name that can be a host's."""


class NamedBy(IntEnum):
    """What named a flow."""

    SNI = 1
    QUIC = 2
    HTTP = 3
    ECH = 4


WORDS = (None, *(member.name.lower() for member in NamedBy), None, None)
"""The word of each number, None where there is no name."""


@lru_cache(maxsize=65_536)
def usable_name(text: str | None) -> str | None:
    """Return a name as sent, or None where it is an address or can be no host name: what was sent may be anything."""
    try:
        return text if text is not None and normalise_host(text) is not None else None
    except HostNameError:
        return None


def name_by_hello(slots: Slots, slot: int, side: int, hello: Hello, named_by: NamedBy) -> None:
    """Name a flow by its ClientHello; the name beside an encrypted hello is kept as the outer one only."""
    slots.hello_side[slot] = side
    host = slots.host[slot] = usable_name(hello.sni)
    if host is None:
        slots.named_by[slot] = NAMELESS
    else:
        slots.named_by[slot] = NamedBy.ECH if hello.is_outer else named_by
