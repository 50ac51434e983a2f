"""How a flow was named, as numbers in the slots and as words in the rows."""

from __future__ import annotations

from enum import IntEnum

from residency.traffic.capture.hello import Hello
from residency.traffic.capture.slots import Slots

NOT_NAMED = 0
"""Nothing was read so far."""

PROXIED = 5
"""The client told a proxy where to go: the host that it named is not the server of this flow."""

NAMELESS = 6
"""A hello was read and held no name."""


class NamedBy(IntEnum):
    """What named a flow."""

    SNI = 1
    QUIC = 2
    HTTP = 3
    ECH = 4


WORDS = (None, *(member.name.lower() for member in NamedBy), None, None)
"""The word of each number, None where there is no name."""


def name_by_hello(slots: Slots, slot: int, side: int, hello: Hello, named_by: NamedBy) -> None:
    """Name a flow by its ClientHello; the name beside an encrypted hello is kept as the outer one only."""
    slots.hello_side[slot] = side
    slots.host[slot] = hello.sni
    if hello.sni is None:
        slots.named_by[slot] = NAMELESS
    else:
        slots.named_by[slot] = NamedBy.ECH if hello.is_outer else named_by
