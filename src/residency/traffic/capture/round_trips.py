"""Measures the round trips of handshakes over whole columns: SYN to SYN/ACK, ClientHello to ServerHello.

Each time runs from the first sending of a packet to the first sight of its answer, so that it is never shorter than the
true one, whatever was sent again, captured twice or captured out of order. A sample is clean, and leaves this module
(`syn_rtt_ns`, `tls_rtt_ns`), only if nothing was sent again in between (Karn's rule, RFC 6298 section 3); a packet
that comes twice within LIMITS.capture_copy_us was captured twice, not sent twice. What is not above zero is no time.

A HelloRetryRequest (RFC 8446 section 4.1.4) is no sample: it needs no key of the server, so anything in the path could
have sent it; nor is the hello after it measured. Not checked: that the ServerHello is genuine (its proof is encrypted).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from residency.limits import LIMITS
from residency.traffic.capture.conversations import Placed
from residency.traffic.capture.slots import NEVER, Slots

_RST_FLAG = 4
_COPY_NS = LIMITS.capture_copy_us * 1_000
_RANDOM_AT, _RANDOM_BYTES = 11, 32  # after the record's 5 bytes, the message's 4 and the version's 2
# The random of a HelloRetryRequest: SHA-256 of that word (RFC 8446 section 4.1.3).
_RETRY_RANDOM = np.frombuffer(
    bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"), np.uint8
)


def measure_syn(slots: Slots, placed: Placed) -> None:
    """Note SYNs, their SYN/ACKs, and how soon the caller answered those."""
    calls = np.flatnonzero(placed.is_syn & ~placed.is_ack)
    _note_syns(slots, placed, calls)
    _note_syn_acks(slots, placed, np.flatnonzero(placed.is_syn & placed.is_ack))
    mine = placed.slot[calls]
    number, ts_ns = placed.packets.number[calls], placed.packets.ts_ns[calls]
    is_resent = (number > slots.syn_number[mine]) & (number < slots.syn_ack_number[mine])
    is_resent &= np.abs(ts_ns - slots.syn_ns[mine]) > _COPY_NS
    slots.is_syn_resent[mine[is_resent]] = True
    _note_acks(slots, placed)


def measure_tls(slots: Slots, placed: Placed) -> None:
    """Note the ServerHello that follows a ClientHello which `openings` found, and hellos that were sent again."""
    packets = placed.packets
    at = np.flatnonzero(placed.is_tcp & (packets.payload_len > 0) & slots.awaits_server_hello[placed.slot])
    if not len(at):
        return
    slot = placed.slot[at]
    is_after = packets.number[at] > slots.hello_number[slot]
    is_client = placed.side[at] == slots.hello_side[slot]
    _note_server_hellos(slots, placed, at[is_after & ~is_client])
    again = at[is_after & is_client]
    mine = placed.slot[again]
    is_resent = (packets.seq[again] - slots.hello_end_seq[mine]).astype(np.int32) < 0
    is_resent &= packets.number[again] < slots.server_hello_number[mine]
    is_resent &= np.abs(packets.ts_ns[again] - slots.hello_ns[mine]) > _COPY_NS
    slots.is_hello_resent[mine[is_resent]] = True


def syn_rtt_ns(slots: Slots, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the time from SYN to SYN/ACK of each flow; 0 where there is no clean one."""
    took = slots.syn_ack_ns[chosen] - slots.syn_ns[chosen]
    is_clean = (slots.syn_ack_number[chosen] != NEVER) & ~slots.is_syn_resent[chosen]
    return np.where(is_clean, np.maximum(took, 0), 0)


def tls_rtt_ns(slots: Slots, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the time from ClientHello to ServerHello of each flow; 0 where there is no clean one."""
    return np.where(slots.is_hello_resent[chosen], 0, np.maximum(slots.tls_ns[chosen], 0))


def is_at_client(slots: Slots, chosen: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which flows show that the capture was made where the client is.

    Its answer to the SYN/ACK came within LIMITS.client_ack_us: light goes 150 km there and back in that time, and a
    client elsewhere would have needed that way besides its own work. A slow client is not told from a far one.
    """
    gap = slots.ack_gap_ns[chosen]
    return (gap >= 0) & (gap <= LIMITS.client_ack_us * 1_000)


def _note_syns(slots: Slots, placed: Placed, calls: NDArray[np.int64]) -> None:
    fresh = calls[slots.syn_number[placed.slot[calls]] == NEVER][::-1]  # of repeated slots the first one stays
    mine = placed.slot[fresh]
    slots.syn_number[mine] = placed.packets.number[fresh]
    slots.syn_ns[mine] = placed.packets.ts_ns[fresh]
    slots.syn_seq[mine] = placed.packets.seq[fresh]


def _note_syn_acks(slots: Slots, placed: Placed, answers: NDArray[np.int64]) -> None:
    packets, slot = placed.packets, placed.slot[answers]
    is_mine = (slots.syn_ack_number[slot] == NEVER) & (packets.number[answers] > slots.syn_number[slot])
    is_mine &= (placed.side[answers] != slots.caller[slot]) & (packets.ack[answers] - slots.syn_seq[slot] == 1)
    first = answers[is_mine][::-1]
    mine = placed.slot[first]
    slots.syn_ack_number[mine] = packets.number[first]
    slots.syn_ack_ns[mine] = packets.ts_ns[first]
    slots.syn_ack_seq[mine] = packets.seq[first]
    slots.awaits_ack[mine] = True


def _note_acks(slots: Slots, placed: Placed) -> None:
    packets = placed.packets
    at = np.flatnonzero(slots.awaits_ack[placed.slot] & placed.is_ack & ~placed.is_syn)
    slot = placed.slot[at]
    is_mine = (placed.side[at] == slots.caller[slot]) & (packets.number[at] > slots.syn_ack_number[slot])
    is_mine &= (packets.tcp_flags[at] & _RST_FLAG) == 0
    first = at[is_mine][::-1]
    mine = placed.slot[first]
    slots.ack_gap_ns[mine] = packets.ts_ns[first] - slots.syn_ack_ns[mine]
    slots.awaits_ack[mine] = False


def _note_server_hellos(slots: Slots, placed: Placed, at: NDArray[np.int64]) -> None:
    packets = placed.packets
    at = at[packets.payload_len[at] >= _RANDOM_AT + _RANDOM_BYTES]
    start, buffer = packets.payload_at[at], packets.buffer
    is_hello = (buffer[start] == 22) & (buffer[start + 1] == 3) & (buffer[start + 5] == 2)
    first = at[is_hello][::-1]
    mine = placed.slot[first]
    slots.server_hello_number[mine] = packets.number[first]
    slots.tls_ns[mine] = packets.ts_ns[first] - slots.hello_ns[mine]
    random = buffer[packets.payload_at[first][:, None] + np.arange(_RANDOM_AT, _RANDOM_AT + _RANDOM_BYTES)]
    slots.tls_ns[mine[(random == _RETRY_RANDOM).all(axis=1)]] = 0
    slots.awaits_server_hello[mine] = False
