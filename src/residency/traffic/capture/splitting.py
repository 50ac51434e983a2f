"""Finds where one conversation ends and the next begins among the packets of one key.

Whole columns where no closed connection speaks again after a while; packet by packet, for that key only, where one
does, because then each decision hangs on the one before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from residency.limits import LIMITS
from residency.traffic.capture.slots import FIN, NOBODY, RESET

_TCP = 6
_FIN_FLAG, _SYN_FLAG, _RST_FLAG, _ACK_FLAG = 1, 2, 4, 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The packets of a batch sorted by key; `seq` and `ack` stand as in the file, `flags` are 0 beside TCP.

    `order` leads from here to the file's order; `group` numbers the keys; `is_known` tells which keys have a flow.
    """

    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    group: NDArray[np.int64]
    is_first: NDArray[np.bool_]
    clock_ns: NDArray[np.int64]
    proto: NDArray[np.uint8]
    side: NDArray[np.uint8]
    flags: NDArray[np.uint8]
    seq: NDArray[np.uint32]
    ack: NDArray[np.uint32]
    is_known: NDArray[np.bool_]

    def connection_start(self, at: NDArray[np.int64]) -> tuple[NDArray[np.int8], NDArray[np.uint32]]:
        """Return who called, and with which sequence number, as the SYN or SYN/ACK at each position tells it."""
        is_answer = (self.flags[at] & _ACK_FLAG) != 0
        side = (self.side[at] ^ is_answer).astype(np.int8)
        inside = self.order[at]
        return side, np.where(is_answer, self.ack[inside] - np.uint32(1), self.seq[inside])


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What is known of the open flow of each key from earlier batches; anything where `is_known` is false."""

    clock_ns: NDArray[np.int64]
    seen: NDArray[np.uint16]
    start_side: NDArray[np.int8]
    start_seq: NDArray[np.uint32]


def find_starts(run: Run, carried: Carried, timeout_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which packets open a flow."""
    before = np.empty(len(run.order), np.int64)
    before[1:] = run.clock_ns[:-1]
    before[run.starts] = np.where(run.is_known, carried.clock_ns, run.clock_ns[run.starts])
    silence = run.clock_ns - before
    is_start = silence > timeout_ns[run.proto]
    is_start[run.starts] |= ~run.is_known
    is_idle = is_start.copy()
    at = np.flatnonzero(run.flags & _SYN_FLAG)
    if len(at):
        is_start[at] |= _is_other_call(run, carried, at, is_idle)
    is_late = (run.proto == _TCP) & (silence > LIMITS.tcp_closed_s * 1_000_000_000) & ~is_idle
    for number in np.unique(run.group[is_late]).tolist():
        _split_exactly(run, carried, number, is_idle, is_late, is_start)
    return is_start


def _is_other_call(run: Run, carried: Carried, at: NDArray[np.int64], is_idle: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which of the SYNs at `at` call anew: not the start of connection that was last seen within the flow."""
    side, seq = run.connection_start(at)
    stretches = np.cumsum(is_idle | run.is_first)
    stretch, group = stretches[at], run.group[at]
    last_side, last_seq = np.empty_like(side), np.empty_like(seq)
    last_side[1:], last_seq[1:] = side[:-1], seq[:-1]
    is_new_stretch = np.ones(len(at), np.bool_)
    is_new_stretch[1:] = stretch[1:] != stretch[:-1]
    # The first start within a stretch that continues an open flow is held against what that flow remembers.
    continues = ~is_idle[run.starts[group]] & (stretch == stretches[run.starts[group]])
    last_side = np.where(is_new_stretch, np.where(continues, carried.start_side[group], NOBODY), last_side)
    last_seq = np.where(is_new_stretch, carried.start_seq[group], last_seq)
    is_call: NDArray[np.bool_] = (run.flags[at] & _ACK_FLAG) == 0
    is_call &= (last_side != side) | (last_seq != seq)
    return is_call


def _split_exactly(
    run: Run,
    carried: Carried,
    number: int,
    is_idle: NDArray[np.bool_],
    is_late: NDArray[np.bool_],
    is_start: NDArray[np.bool_],
) -> None:
    """Decide one key packet by packet: a closed connection that speaks again after a while is another flow."""
    start = int(run.starts[number])
    end = int(run.starts[number + 1]) if number + 1 < len(run.starts) else len(run.order)
    flags, sides = run.flags[start:end], run.side[start:end]
    matters = ((flags & (_FIN_FLAG | _SYN_FLAG | _RST_FLAG)) != 0) | is_idle[start:end] | is_late[start:end]
    seen, last = 0, (NOBODY, 0)
    if run.is_known[number]:
        seen, last = int(carried.seen[number]), (int(carried.start_side[number]), int(carried.start_seq[number]))
    at = np.flatnonzero(matters)
    start_side, start_seq = run.connection_start(at + start)
    events = zip(
        at.tolist(), flags[at].tolist(), sides[at].tolist(), start_side.tolist(), start_seq.tolist(), strict=True
    )
    for position, flag, side, caller, seq in events:
        where = start + position
        is_call = flag & (_SYN_FLAG | _ACK_FLAG) == _SYN_FLAG
        is_new = bool(is_idle[where]) or (bool(is_late[where]) and _is_over(seen))
        is_new = is_new or (is_call and last != (caller, seq))
        if is_new:
            seen, last = 0, (NOBODY, 0)
        is_start[where] = is_new
        if flag & _SYN_FLAG:
            last = (caller, seq)
        seen |= (flag & _FIN_FLAG) * FIN << side | (RESET if flag & _RST_FLAG else 0)


def _is_over(seen: int) -> bool:
    return bool(seen & RESET) or seen & (FIN | FIN << 1) == FIN | FIN << 1
