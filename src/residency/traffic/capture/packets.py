"""The columns of consecutive packets: what decoding hands to the following of conversations."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Fragment(IntEnum):
    """What part of an IP packet it is."""

    WHOLE = 0
    FIRST = 1
    LATER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Packets:
    """Packets that carried IP, innermost header after tunnels were taken off; one entry each, in file order.

    `buffer` holds the captured bytes that `payload_at` points into; it is only valid until the next batch.
    Addresses are two 64-bit halves; an IPv4 address stands in `*_lo` with `*_hi` 0 and `family` 4. Ports, flags,
    sequence numbers are 0 where the transport has none or its header was cut off (`has_transport` tells).
    Lengths are as the headers declare them (never the snapped ones), except `payload_len`, which is what was captured.
    """

    buffer: NDArray[np.uint8]
    number: NDArray[np.int64]  # 1-based number of the packet in its file
    ts_ns: NDArray[np.int64]
    resolution_ns: NDArray[np.int64]  # of the clock of the interface
    family: NDArray[np.uint8]
    src_hi: NDArray[np.uint64]
    src_lo: NDArray[np.uint64]
    dst_hi: NDArray[np.uint64]
    dst_lo: NDArray[np.uint64]
    proto: NDArray[np.uint8]
    has_transport: NDArray[np.bool_]
    src_port: NDArray[np.uint16]
    dst_port: NDArray[np.uint16]
    tcp_flags: NDArray[np.uint16]
    seq: NDArray[np.uint32]
    ack: NDArray[np.uint32]
    ip_bytes: NDArray[np.int64]  # length of the IP payload (after IP headers and extension headers), declared
    payload_at: NDArray[np.int64]
    payload_len: NDArray[np.int64]  # captured bytes of the transport payload
    payload_bytes: NDArray[np.int64]  # declared bytes of the transport payload
    fragment: NDArray[np.uint8]  # a Fragment
    fragment_id: NDArray[np.uint32]
    fragment_offset: NDArray[np.int64]  # bytes
    has_more_fragments: NDArray[np.bool_]
    tunnel: NDArray[np.int32]  # index into `tunnels`, -1 for none
    tunnels: tuple[str, ...]  # as in "vxlan 10.0.0.1 > 10.0.0.2", outermost first, "; " between several

    def __len__(self) -> int:
        return len(self.number)
