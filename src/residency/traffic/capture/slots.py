"""The open flows as columns: one slot a flow, taken when it opens and given back when its row was written."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from residency.traffic.capture.keys import KEY_WORDS

NEVER = np.iinfo(np.int64).max
"""A packet number that no packet has: not seen."""

NOBODY = -1
"""A side that is not known; else 0 is the lower end of the key and 1 the higher."""

# What packets of a flow showed, a bit each; the bits of side 1 stand one to the left.
SENT, PAYLOAD, FIN, ACKED, RESET = 1, 4, 16, 64, 256

# Column -> (type, value in a fresh slot).
_COLUMNS: dict[str, tuple[type[np.generic], int]] = {
    "is_open": (np.bool_, 0),
    "is_done": (np.bool_, 0),
    "number": (np.int64, 0),
    "first_ns": (np.int64, 0),
    "last_ns": (np.int64, 0),
    "clock_ns": (np.int64, 0),
    "resolution_ns": (np.int64, 0),
    "first_side": (np.int8, 0),
    "bytes_0": (np.int64, 0),
    "bytes_1": (np.int64, 0),
    "seen": (np.uint16, 0),
    "caller": (np.int8, NOBODY),
    "start_side": (np.int8, NOBODY),
    "start_seq": (np.uint32, 0),
    "syn_number": (np.int64, NEVER),
    "syn_ns": (np.int64, 0),
    "syn_seq": (np.uint32, 0),
    "is_syn_resent": (np.bool_, 0),
    "syn_ack_number": (np.int64, NEVER),
    "syn_ack_ns": (np.int64, 0),
    "syn_ack_seq": (np.uint32, 0),
    "awaits_ack": (np.bool_, 0),
    "ack_gap_ns": (np.int64, -1),
    "opened_number": (np.int64, NEVER),
    "hello_side": (np.int8, NOBODY),
    "hello_number": (np.int64, NEVER),
    "hello_ns": (np.int64, 0),
    "hello_end_seq": (np.uint32, 0),
    "is_hello_resent": (np.bool_, 0),
    "awaits_server_hello": (np.bool_, 0),
    "server_hello_number": (np.int64, NEVER),
    "tls_ns": (np.int64, 0),
    "quic_ns": (np.int64, 0),
    "is_quic_over": (np.bool_, 0),
    "has_stream": (np.bool_, 0),
    "named_by": (np.uint8, 0),
}


class Slots:
    """Columns over slots; `key`, `host` and `tunnel` beside them.

    `caller` is the side that sent the SYN; `start_*` are the side and sequence number of the last SYN or SYN/ACK.
    A flow is open while packets may still join it, and done once none can; a slot that is neither is free.
    """

    __slots__ = (*_COLUMNS, "_free", "capacity", "host", "key", "tunnel")

    is_open: NDArray[np.bool_]
    is_done: NDArray[np.bool_]
    number: NDArray[np.int64]
    first_ns: NDArray[np.int64]
    last_ns: NDArray[np.int64]
    clock_ns: NDArray[np.int64]
    resolution_ns: NDArray[np.int64]
    first_side: NDArray[np.int8]
    bytes_0: NDArray[np.int64]
    bytes_1: NDArray[np.int64]
    seen: NDArray[np.uint16]
    caller: NDArray[np.int8]
    start_side: NDArray[np.int8]
    start_seq: NDArray[np.uint32]
    syn_number: NDArray[np.int64]
    syn_ns: NDArray[np.int64]
    syn_seq: NDArray[np.uint32]
    is_syn_resent: NDArray[np.bool_]
    syn_ack_number: NDArray[np.int64]
    syn_ack_ns: NDArray[np.int64]
    syn_ack_seq: NDArray[np.uint32]
    awaits_ack: NDArray[np.bool_]
    ack_gap_ns: NDArray[np.int64]
    opened_number: NDArray[np.int64]
    hello_side: NDArray[np.int8]
    hello_number: NDArray[np.int64]
    hello_ns: NDArray[np.int64]
    hello_end_seq: NDArray[np.uint32]
    is_hello_resent: NDArray[np.bool_]
    awaits_server_hello: NDArray[np.bool_]
    server_hello_number: NDArray[np.int64]
    tls_ns: NDArray[np.int64]
    quic_ns: NDArray[np.int64]
    is_quic_over: NDArray[np.bool_]
    has_stream: NDArray[np.bool_]
    named_by: NDArray[np.uint8]

    def __init__(self, capacity: int = 4_096) -> None:
        self.capacity = capacity
        self.key = np.zeros((capacity, KEY_WORDS), np.uint64)
        self.host: NDArray[np.object_] = np.full(capacity, None, object)
        self.tunnel: NDArray[np.object_] = np.full(capacity, None, object)
        for name, (kind, value) in _COLUMNS.items():
            setattr(self, name, np.full(capacity, value, kind))
        self._free = np.arange(capacity - 1, -1, -1)

    def take(self, count: int) -> NDArray[np.int64]:
        """Return `count` fresh slots, marked open."""
        if count > len(self._free):
            self._grow(count)
        taken, self._free = self._free[len(self._free) - count :][::-1], self._free[: len(self._free) - count]
        for name, (_, value) in _COLUMNS.items():
            getattr(self, name)[taken] = value
        self.is_open[taken] = True
        return taken

    def give_back(self, slots: NDArray[np.int64]) -> None:
        """Make slots free again."""
        self.is_open[slots] = False
        self.is_done[slots] = False
        self.host[slots] = None
        self.tunnel[slots] = None
        self._free = np.concatenate([self._free, slots[::-1]])

    @property
    def count(self) -> int:
        """How many slots are taken."""
        return self.capacity - len(self._free)

    def _grow(self, count: int) -> None:
        old = self.capacity
        self.capacity = max(old * 2, old + count)
        more = self.capacity - old
        self.key = np.concatenate([self.key, np.zeros((more, KEY_WORDS), np.uint64)])
        self.host = np.concatenate([self.host, np.full(more, None, object)])
        self.tunnel = np.concatenate([self.tunnel, np.full(more, None, object)])
        for name, (kind, value) in _COLUMNS.items():
            setattr(self, name, np.concatenate([getattr(self, name), np.full(more, value, kind)]))
        self._free = np.concatenate([np.arange(self.capacity - 1, old - 1, -1), self._free])
