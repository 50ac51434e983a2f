"""Names QUIC flows by the ClientHello in their Initials, and measures from the first Initial to the server's.

The time runs from the first datagram of the client's flight, which may be of several: a hello with post-quantum keys
needs two. An Initial of the client later than LIMITS.capture_copy_us after the first, before the server answered, was
sent again (or follows a Retry): no clean sample then. Retry and Version Negotiation are no answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from residency.limits import LIMITS
from residency.traffic.capture import quic
from residency.traffic.capture.conversations import UDP, Placed, permitted_client
from residency.traffic.capture.hello import Hello
from residency.traffic.capture.naming import NOT_NAMED, NamedBy, name_by_hello
from residency.traffic.capture.packets import Fragment
from residency.traffic.capture.slots import NOBODY, Slots

_LONG_HEADER = 0xC0  # header form and fixed bit (RFC 9000 section 17.2)
_VERSION_2 = 0x6B3343CF  # its types are other ones (RFC 9369 section 3.2)
_MIN_DATAGRAM_BYTES = 24
_COPY_NS = LIMITS.capture_copy_us * 1_000


@dataclass(slots=True, kw_only=True)
class _Connection:
    """A client's Initials so far."""

    side: int
    first_ns: int
    reader: quic.InitialReader = field(default_factory=quic.InitialReader)
    is_read: bool = False
    is_resent: bool = False
    is_answered: bool = False
    took_ns: int = 0


@dataclass(frozen=True, slots=True)
class _Datagram:
    """A datagram that begins with an Initial: its flow, who sent it, and who must be the client if that is known."""

    slot: int
    side: int
    client: int
    ts_ns: int
    is_cut: bool
    payload: bytes


class QuicOpenings:
    """The QUIC connections whose opening is not over, by slot."""

    def __init__(self, slots: Slots) -> None:
        self.cut_short = 0
        self.given_up = 0
        self._slots = slots
        self._connections: dict[int, _Connection] = {}

    def read(self, placed: Placed) -> None:
        """Read the Initials of this batch."""
        packets, slots = placed.packets, self._slots
        at = np.flatnonzero(
            (packets.proto == UDP)
            & packets.has_transport
            & (packets.payload_len >= _MIN_DATAGRAM_BYTES)
            & (packets.fragment == Fragment.WHOLE)
            & ~slots.is_quic_over[placed.slot]
        )
        at = at[_look_like_initials(packets.buffer, packets.payload_at[at])]
        for datagram in _datagrams(placed, at, permitted_client(slots, placed.slot[at])):
            if not slots.is_quic_over[datagram.slot]:
                self._take(datagram)

    def forget(self, done: NDArray[np.int64]) -> None:
        """Drop what waits for flows that are over."""
        if self._connections:
            for slot in done.tolist():
                self._connections.pop(slot, None)

    def _take(self, datagram: _Datagram) -> None:
        slot = datagram.slot
        if datagram.is_cut:
            self._cut(datagram)
            return
        connection = self._connections.get(slot)
        if connection is None:
            if datagram.client not in (NOBODY, datagram.side):
                return
            connection = self._begin(datagram)
        if datagram.side == connection.side:
            self._read_client(connection, datagram)
        elif not connection.is_answered and quic.is_server_initial(datagram.payload):
            connection.is_answered = True
            connection.took_ns = 0 if connection.is_resent else max(datagram.ts_ns - connection.first_ns, 0)
        if connection.is_read and connection.is_answered:
            # Only now it is known that the first datagram was the client's and not an answer to one not captured.
            self._slots.quic_ns[slot] = connection.took_ns
            self._stop(slot)

    def _begin(self, datagram: _Datagram) -> _Connection:
        while len(self._connections) >= LIMITS.max_open_streams:
            del self._connections[next(iter(self._connections))]
            self.given_up += 1
        connection = _Connection(side=datagram.side, first_ns=datagram.ts_ns)
        self._connections[datagram.slot] = connection
        return connection

    def _read_client(self, connection: _Connection, datagram: _Datagram) -> None:
        if not connection.is_answered:
            connection.is_resent |= abs(datagram.ts_ns - connection.first_ns) > _COPY_NS
        if connection.is_read:
            return
        outcome = connection.reader.feed(datagram.payload)
        if isinstance(outcome, Hello):
            connection.is_read = True
            name_by_hello(self._slots, datagram.slot, connection.side, outcome, NamedBy.QUIC)
        elif outcome is None:
            self._stop(datagram.slot)

    def _cut(self, datagram: _Datagram) -> None:
        slot = datagram.slot
        if self._slots.named_by[slot] == NOT_NAMED and datagram.side == self._slots.first_side[slot]:
            self.cut_short += 1
        self._stop(slot)

    def _stop(self, slot: int) -> None:
        self._connections.pop(slot, None)
        self._slots.is_quic_over[slot] = True


def _datagrams(placed: Placed, at: NDArray[np.int64], client: NDArray[np.int8]) -> Iterator[_Datagram]:
    packets = placed.packets
    start, size = packets.payload_at[at], packets.payload_len[at]
    columns = (placed.slot[at], placed.side[at], client, packets.ts_ns[at], size < packets.payload_bytes[at])
    view = packets.buffer.data
    facts = zip(*(column.tolist() for column in columns), strict=True)
    for begin, end, fact in zip(start.tolist(), (start + size).tolist(), facts, strict=True):
        slot, side, sure_client, ts_ns, is_cut = fact
        yield _Datagram(slot, side, sure_client, ts_ns, is_cut, bytes(view[begin:end]))


def _look_like_initials(buffer: NDArray[np.uint8], at: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which payloads begin like an Initial packet of a version that `quic` may know (RFC 9000 section 17.2.2)."""
    found: NDArray[np.bool_] = (buffer[at] & _LONG_HEADER) == _LONG_HEADER
    maybe = np.flatnonzero(found)
    four = buffer[at[maybe][:, None] + np.arange(1, 5)].astype(np.uint32)
    version = four[:, 0] << 24 | four[:, 1] << 16 | four[:, 2] << 8 | four[:, 3]
    is_known = (version == 1) | (version == _VERSION_2)
    is_known |= (version >> 8 == 0xFF0000) | (version >> 8 == 0xFACEB0)
    found[maybe] = is_known & (buffer[at[maybe]] & 0x30 == np.where(version == _VERSION_2, 0x10, 0))
    return found
