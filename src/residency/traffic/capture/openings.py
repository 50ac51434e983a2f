"""Names TCP flows by what their clients say first: a TLS ClientHello, or an HTTP request.

A packet whose payload starts like one of them is read at once, wherever in the stream it stands (after STARTTLS, say).
One that needs more is joined with the segments after it, and a segment that overtook the start of the stream waits for
it. Only the client may name a flow: who called, or failing that the side that has no well-known port.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from residency.limits import LIMITS
from residency.traffic.capture import http, tls
from residency.traffic.capture.conversations import Placed, permitted_client
from residency.traffic.capture.hello import MORE, Hello, More
from residency.traffic.capture.hello_columns import read_hellos
from residency.traffic.capture.http import Request
from residency.traffic.capture.naming import NAMELESS, NOT_NAMED, PROXIED, NamedBy, name_by_hello, usable_name
from residency.traffic.capture.packets import Fragment
from residency.traffic.capture.segments import Segments
from residency.traffic.capture.slots import NEVER, Slots

_TLS_HANDSHAKE = 22
_METHODS = (b"GET ", b"POST", b"PUT ", b"HEAD", b"DELE", b"OPTI", b"PATC", b"CONN", b"TRAC")
_METHOD_WORDS = np.array([int.from_bytes(word) for word in _METHODS], np.uint32)
_METHOD_STARTS = np.zeros(256, np.bool_)
_METHOD_STARTS[[word[0] for word in _METHODS]] = True


@dataclass(slots=True, kw_only=True)
class _Stream:
    """An opening that needs more segments, and the packet that it has come to."""

    segments: Segments
    side: int
    number: int


class Openings:
    """The openings that wait for more of their stream, by slot."""

    def __init__(self, slots: Slots) -> None:
        self.cut_short = 0  # flows whose opening the capture kept only in part
        self.given_up = 0  # openings that were dropped because too many waited
        self.proxied = 0  # flows whose server is a proxy
        self._slots = slots
        self._streams: dict[int, _Stream] = {}

    def read(self, placed: Placed) -> None:
        """Name the flows whose openings are in this batch."""
        slots, packets = self._slots, placed.packets
        carries = placed.is_tcp & (packets.payload_len > 0) & (slots.named_by[placed.slot] == NOT_NAMED)
        carries &= packets.fragment == Fragment.WHOLE
        at = np.flatnonzero(carries)
        if not len(at):
            return
        slot, side = placed.slot[at], placed.side[at]
        at = at[permitted_client(slots, slot) != 1 - side]
        is_early = self._early(placed, at)
        is_start = _looks_like_opening(packets.buffer, packets.payload_at[at], packets.payload_len[at])
        self._read_starts(placed, at[is_start | is_early], is_early[is_start | is_early])
        self._read_waiting(placed, at, is_start)

    def forget(self, done: NDArray[np.int64]) -> None:
        """Drop what waits for flows that are over."""
        for slot in done[self._slots.has_stream[done]].tolist():
            self._streams.pop(slot, None)

    def _early(self, placed: Placed, at: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which segments overtook the first one of their client's stream."""
        slots, packets = self._slots, placed.packets
        slot = placed.slot[at]
        ahead = (_payload_seq(placed, at) - slots.syn_seq[slot] - np.uint32(1)).astype(np.int32)
        is_known: NDArray[np.bool_] = (slots.syn_number[slot] != NEVER) & (placed.side[at] == slots.caller[slot])
        first = at[is_known & (ahead == 0)][::-1]
        mine = placed.slot[first]
        slots.opened_number[mine] = np.minimum(slots.opened_number[mine], packets.number[first])
        is_early: NDArray[np.bool_] = is_known & (ahead > 0) & (ahead < LIMITS.max_opening_bytes)
        is_early &= packets.number[at] < slots.opened_number[slot]
        return is_early

    def _read_starts(self, placed: Placed, at: NDArray[np.int64], is_early: NDArray[np.bool_]) -> None:
        """Read what starts in these packets; a flow that comes to wait for more is left to `_read_waiting`."""
        slots = self._slots
        keep = ~slots.has_stream[placed.slot[at]]
        at, is_early = at[keep], is_early[keep]
        _, first = np.unique(placed.slot[at], return_index=True)
        self._read_whole_hellos(placed, at[first[~is_early[first]]])
        keep = slots.named_by[placed.slot[at]] == NOT_NAMED
        at, is_early = at[keep], is_early[keep]
        for index, slot, early in zip(at.tolist(), placed.slot[at].tolist(), is_early.tolist(), strict=True):
            if slot not in self._streams and slots.named_by[slot] == NOT_NAMED:
                self._start(placed, index, slot, early)

    def _read_whole_hellos(self, placed: Placed, at: NDArray[np.int64]) -> None:
        """Read the openings of distinct flows that are a hello in one record; nearly all of TLS is done here."""
        slots, packets = self._slots, placed.packets
        hellos = read_hellos(packets.buffer, packets.payload_at[at], packets.payload_len[at])
        done = np.flatnonzero(hellos.is_read)
        at = at[done]
        slot = placed.slot[at]
        slots.hello_side[slot] = placed.side[at]
        slots.hello_number[slot] = packets.number[at]
        slots.hello_ns[slot] = packets.ts_ns[at]
        slots.hello_end_seq[slot] = _payload_seq(placed, at) + hellos.length[done].astype(np.uint32)
        slots.awaits_server_hello[slot] = True
        names = _names(packets.buffer, hellos.name_at[done], hellos.name_len[done])
        named_by = np.where(hellos.is_outer[done], NamedBy.ECH, NamedBy.SNI)
        is_nameless = np.array([name is None for name in names], np.bool_)
        slots.named_by[slot] = np.where(is_nameless, NAMELESS, named_by)
        slots.host[slot] = names

    def _read_waiting(self, placed: Placed, at: NDArray[np.int64], is_start: NDArray[np.bool_]) -> None:
        """Feed the openings that wait, packet by packet."""
        slots, number = self._slots, placed.packets.number
        keep = slots.has_stream[placed.slot[at]]
        at, is_start = at[keep], is_start[keep]
        after: dict[int, int] = {}
        for index, slot, starts in zip(at.tolist(), placed.slot[at].tolist(), is_start.tolist(), strict=True):
            if slot not in after:
                after[slot] = self._streams[slot].number if slot in self._streams else -1
            if number[index] <= after[slot] or slots.named_by[slot] != NOT_NAMED:
                continue
            stream = self._streams.get(slot)
            if stream is not None:
                self._feed(placed, index, slot, stream)
            elif starts:
                self._start(placed, index, slot, early=False)

    def _start(self, placed: Placed, index: int, slot: int, early: bool) -> None:
        packets = placed.packets
        payload = _payload(placed, index)
        base = int(self._slots.syn_seq[slot]) + 1 if early else _one_payload_seq(placed, index)
        outcome = MORE if early else _read_opening(payload)
        if not isinstance(outcome, More):
            self._settle(placed, index, slot, base, outcome)
        elif packets.payload_len[index] < packets.payload_bytes[index]:
            self.cut_short += not early
        else:
            segments = Segments(base, LIMITS.max_opening_bytes)
            segments.add(_one_payload_seq(placed, index), payload)
            self._wait(
                slot, _Stream(segments=segments, side=int(placed.side[index]), number=int(packets.number[index]))
            )

    def _feed(self, placed: Placed, index: int, slot: int, stream: _Stream) -> None:
        packets, segments = placed.packets, stream.segments
        if placed.side[index] != stream.side:
            return
        stream.number = int(packets.number[index])
        if packets.payload_len[index] < packets.payload_bytes[index]:
            self.cut_short += 1
            self._stop(slot)
            return
        before = len(segments.data)
        if not segments.add(_one_payload_seq(placed, index), _payload(placed, index)):
            self._stop(slot)
            return
        if len(segments.data) == before:
            return
        outcome = _read_opening(bytes(segments.data))
        if not isinstance(outcome, More):
            self._stop(slot)
            self._settle(placed, index, slot, segments.base, outcome, is_clean=not segments.is_reordered)
        elif segments.is_full:
            self._stop(slot)

    def _settle(
        self,
        placed: Placed,
        index: int,
        slot: int,
        base: int,
        outcome: Hello | Request | None,
        *,
        is_clean: bool = True,
    ) -> None:
        """Write down what an opening said. The hello ends in the packet at `index`: from there runs the time."""
        slots, side = self._slots, int(placed.side[index])
        if isinstance(outcome, Hello):
            name_by_hello(slots, slot, side, outcome, NamedBy.SNI)
            slots.hello_number[slot] = placed.packets.number[index]
            slots.hello_ns[slot] = placed.packets.ts_ns[index]
            slots.hello_end_seq[slot] = (base + outcome.length) % (1 << 32)
            slots.is_hello_resent[slot] = not is_clean
            slots.awaits_server_hello[slot] = True
        elif isinstance(outcome, Request):
            slots.hello_side[slot] = side
            self.proxied += outcome.is_for_proxy
            host = usable_name(outcome.host)
            if outcome.is_for_proxy:
                slots.named_by[slot] = PROXIED
            elif host is not None:
                slots.named_by[slot], slots.host[slot] = NamedBy.HTTP, host

    def _wait(self, slot: int, stream: _Stream) -> None:
        while len(self._streams) >= LIMITS.max_open_streams:
            self._stop(next(iter(self._streams)))
            self.given_up += 1
        self._streams[slot] = stream
        self._slots.has_stream[slot] = True

    def _stop(self, slot: int) -> None:
        del self._streams[slot]


def _looks_like_opening(
    buffer: NDArray[np.uint8], at: NDArray[np.int64], length: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Tell which payloads may start a ClientHello or a request, by their first bytes as far as they are there."""
    first = buffer[at]
    is_start: NDArray[np.bool_] = first == _TLS_HANDSHAKE
    maybe = np.flatnonzero(is_start & (length > 1))
    is_start[maybe] = buffer[at[maybe] + 1] == 3
    maybe = np.flatnonzero(is_start & (length > 5))
    is_start[maybe] = buffer[at[maybe] + 5] == 1
    may_be_method = _METHOD_STARTS[first]
    is_start |= may_be_method & (length < 4)  # too little to tell: more of the stream decides
    words = np.flatnonzero(may_be_method & (length >= 4))
    four = buffer[at[words][:, None] + np.arange(4)].astype(np.uint32)
    word = four[:, 0] << 24 | four[:, 1] << 16 | four[:, 2] << 8 | four[:, 3]
    is_start[words] = np.isin(word, _METHOD_WORDS)
    return is_start


def _names(buffer: NDArray[np.uint8], at: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.object_]:
    """Return the usable names that stand at these places; None for the rest."""
    found = np.full(len(at), None, object)
    view = buffer.data
    for number, (start, size) in enumerate(zip(at.tolist(), length.tolist(), strict=True)):
        name = str(view[start : start + size], "latin-1")
        found[number] = usable_name(name) if name.isascii() and name else None
    return found


def _read_opening(data: bytes) -> Hello | Request | More | None:
    return tls.read_client_hello(data) if data[0] == _TLS_HANDSHAKE else http.read_request(data)


def _payload_seq(placed: Placed, at: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Return the sequence number of the first byte of payload; a SYN takes one for itself (RFC 9293 section 3.4)."""
    return placed.packets.seq[at] + placed.is_syn[at].astype(np.uint32)


def _one_payload_seq(placed: Placed, index: int) -> int:
    return int(placed.packets.seq[index]) + int(placed.is_syn[index])


def _payload(placed: Placed, index: int) -> bytes:
    at = int(placed.packets.payload_at[index])
    return placed.packets.buffer[at : at + int(placed.packets.payload_len[index])].tobytes()
