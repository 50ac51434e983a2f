"""Follows conversations: gives every packet of a batch its flow, adds up the flows, and says when each is over.

What makes a new flow: another key; silence longer than the timeout of its protocol, measured by the latest time that
any packet had so far (so that the cutting into batches never matters); a SYN with another sequence number; more than a
short silence once both sides closed or one reset. Times of handshakes and names are the matter of `round_trips` and
`openings`, which read the slots that are given here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from residency.limits import LIMITS
from residency.traffic.capture.fragments import Fragments
from residency.traffic.capture.keys import Ends, Groups, canonical, group, key_bytes, ports_of, proto_of
from residency.traffic.capture.packets import Fragment, Packets
from residency.traffic.capture.slots import ACKED, FIN, NOBODY, PAYLOAD, RESET, SENT, Slots
from residency.traffic.capture.splitting import Carried, Run, find_starts

TCP, UDP = 6, 17
_FIN_FLAG, _SYN_FLAG, _RST_FLAG, _ACK_FLAG = 1, 2, 4, 16
_WELL_KNOWN = 1_024
_EPHEMERAL = 32_768  # Linux takes the ports of clients from here; IANA's range starts at 49152
_BEFORE_ALL = -(1 << 61)  # so far back that a difference still fits 64 bits
_SWEEP_NS = 2_000_000_000
_BOTH_FINS = FIN | FIN << 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A batch of packets with the slot of each one's flow, and the side of the key that sent it."""

    packets: Packets
    slot: NDArray[np.int64]
    side: NDArray[np.uint8]
    is_tcp: NDArray[np.bool_]
    is_syn: NDArray[np.bool_]
    is_ack: NDArray[np.bool_]
    datagrams: tuple[tuple[int, bytes], ...]  # (index of the packet that completed it, UDP payload) of port 53


class Conversations:
    """All open flows. `place` every batch in turn; write and `release` what `finished` tells; at the end, `rest`."""

    def __init__(self, max_open_flows: int | None = None) -> None:
        self.slots = Slots()
        self.evicted = 0
        self._max_open_flows = max_open_flows or LIMITS.max_open_flows
        self._slot_of: dict[bytes, int] = {}
        self._fragments = Fragments()
        self._clock_ns = _BEFORE_ALL
        self._swept_ns = self._clock_ns
        self._timeout_ns = _timeouts()

    def place(self, packets: Packets) -> Placed:
        """Find or open the flow of every packet, and add the packet to it."""
        attributed = self._fragments.attribute(packets)
        ends = Ends(
            src_hi=packets.src_hi,
            src_lo=packets.src_lo,
            dst_hi=packets.dst_hi,
            dst_lo=packets.dst_lo,
            src_port=attributed.src_port,
            dst_port=attributed.dst_port,
            proto=packets.proto,
            family=packets.family,
            tunnel=_tunnel_keys(packets),
        )
        words, side = canonical(ends)
        is_tcp = (packets.proto == TCP) & packets.has_transport & (packets.fragment != Fragment.LATER)
        placed = Placed(
            packets=packets,
            slot=np.empty(len(packets), np.int64),
            side=side,
            is_tcp=is_tcp,
            is_syn=is_tcp & ((packets.tcp_flags & _SYN_FLAG) != 0),
            is_ack=is_tcp & ((packets.tcp_flags & _ACK_FLAG) != 0),
            datagrams=attributed.datagrams,
        )
        if len(packets):
            self._follow(placed, words)
        return placed

    def finished(self) -> NDArray[np.int64]:
        """Return the slots of flows that no packet can join any more, in the order of their first packets.

        Flows are looked through once in a while; which rows come out does not depend on when.
        """
        slots = self.slots
        if self._clock_ns - self._swept_ns < _SWEEP_NS and slots.count <= self._max_open_flows:
            return np.empty(0, np.int64)
        self._swept_ns = self._clock_ns
        idle = np.subtract(self._clock_ns, slots.clock_ns, where=slots.is_open, out=np.zeros(slots.capacity, np.int64))
        limit = self._timeout_ns[proto_of(slots.key[:, 4])]
        limit[is_closed(slots.seen)] = LIMITS.tcp_closed_s * 1_000_000_000
        slots.is_done |= slots.is_open & (idle > limit)
        self._evict(idle)
        return self._in_order(np.flatnonzero(slots.is_done))

    def rest(self) -> NDArray[np.int64]:
        """Return every slot that is still taken: the capture ended."""
        return self._in_order(np.flatnonzero(self.slots.is_open))

    def release(self, done: NDArray[np.int64]) -> None:
        """Forget flows whose rows were written."""
        for key, slot in zip(key_bytes(self.slots.key[done].T), done.tolist(), strict=True):
            if self._slot_of.get(key) == slot:
                del self._slot_of[key]
        self.slots.give_back(done)

    def client_side(self, slots: NDArray[np.int64]) -> NDArray[np.int8]:
        """Return which side is the client: by SYN, by SYN/ACK, by a well-known port, by a hello, by ports, else first.

        A hello goes before the weaker signs of ports only: what a server sends cannot make it the client.
        """
        table = self.slots
        chosen = table.first_side[slots]
        for known in (_by_ports(table, slots), table.hello_side[slots], permitted_client(table, slots)):
            chosen = np.where(known == NOBODY, chosen, known)
        return chosen

    def _follow(self, placed: Placed, words: NDArray[np.uint64]) -> None:
        groups = group(words)
        keys = key_bytes(words[:, groups.order[groups.starts]])
        known = np.fromiter(map(self._slot_of.get, keys, [NOBODY] * len(keys)), np.int64, len(keys))
        run = self._run(placed, groups, known)
        is_start = find_starts(run, self._carried(known), self._timeout_ns)
        heads = np.flatnonzero(is_start | run.is_first)
        slot_of_head = self._open(placed, words, groups.order[heads], is_start[heads], known[run.group[heads]])
        self._add(placed, run, heads, slot_of_head)
        self._register(keys, known, run.group[heads], slot_of_head)
        placed.slot[groups.order] = np.repeat(slot_of_head, np.diff(heads, append=len(run.group)))
        self._clock_ns = int(run.clock_ns.max())

    def _run(self, placed: Placed, groups: Groups, known: NDArray[np.int64]) -> Run:
        packets, order = placed.packets, groups.order
        clock = np.maximum.accumulate(np.maximum(packets.ts_ns, self._clock_ns))
        is_first = np.zeros(len(order), np.bool_)
        is_first[groups.starts] = True
        return Run(
            order=order,
            starts=groups.starts,
            group=np.cumsum(is_first) - 1,
            is_first=is_first,
            clock_ns=clock[order],
            proto=packets.proto[order],
            side=placed.side[order],
            flags=np.where(placed.is_tcp, packets.tcp_flags, 0).astype(np.uint8)[order],
            seq=packets.seq,
            ack=packets.ack,
            is_known=known != NOBODY,
        )

    def _carried(self, known: NDArray[np.int64]) -> Carried:
        slots = self.slots
        return Carried(
            clock_ns=slots.clock_ns[known],
            seen=slots.seen[known],
            start_side=slots.start_side[known],
            start_seq=slots.start_seq[known],
        )

    def _open(
        self,
        placed: Placed,
        words: NDArray[np.uint64],
        index: NDArray[np.int64],
        is_start: NDArray[np.bool_],
        known: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Return the slot of each stretch of packets: the known one, or a fresh one where a flow starts."""
        slots, packets = self.slots, placed.packets
        fresh = slots.take(int(is_start.sum()))
        opener = index[is_start]
        slots.key[fresh] = words[:, opener].T
        slots.number[fresh] = packets.number[opener]
        slots.first_ns[fresh] = packets.ts_ns[opener]
        slots.last_ns[fresh] = packets.ts_ns[opener]
        slots.first_side[fresh] = placed.side[opener]
        if packets.tunnels:
            slots.tunnel[fresh] = np.array([*packets.tunnels, None], object)[packets.tunnel[opener]]
        chosen = known.copy()
        chosen[is_start] = fresh
        return chosen

    def _add(self, placed: Placed, run: Run, heads: NDArray[np.int64], slot: NDArray[np.int64]) -> None:
        """Add up each stretch of packets in its slot; a slot has one stretch a batch."""
        slots, packets = self.slots, placed.packets
        size = packets.ip_bytes[run.order]
        low = np.where(run.side == 0, size, 0)
        slots.bytes_0[slot] += np.add.reduceat(low, heads)
        slots.bytes_1[slot] += np.add.reduceat(size - low, heads)
        slots.seen[slot] |= np.bitwise_or.reduceat(_marks(placed)[run.order], heads)
        slots.last_ns[slot] = np.maximum(slots.last_ns[slot], np.maximum.reduceat(packets.ts_ns[run.order], heads))
        slots.clock_ns[slot] = run.clock_ns[np.append(heads[1:], len(run.order)) - 1]
        resolution = np.maximum.reduceat(packets.resolution_ns[run.order], heads)
        slots.resolution_ns[slot] = np.maximum(slots.resolution_ns[slot], resolution)
        self._remember_starts(run, heads, slot)

    def _remember_starts(self, run: Run, heads: NDArray[np.int64], slot: NDArray[np.int64]) -> None:
        """Keep the last start of a connection that each flow showed; the first SYN's sender is its caller."""
        at = np.flatnonzero(run.flags & _SYN_FLAG)
        if not len(at):
            return
        slots = self.slots
        mine = slot[np.searchsorted(heads, at, side="right") - 1]
        side, seq = run.connection_start(at)
        slots.start_side[mine] = side  # of repeated slots the last one stays
        slots.start_seq[mine] = seq
        is_call = (run.flags[at] & _ACK_FLAG) == 0
        calls, callers = mine[is_call][::-1], side[is_call][::-1]
        known = slots.caller[calls]
        slots.caller[calls] = np.where(known == NOBODY, callers, known)

    def _register(
        self, keys: list[bytes], known: NDArray[np.int64], groups: NDArray[np.int64], slot: NDArray[np.int64]
    ) -> None:
        """Let each key lead to its last flow; every earlier one is done."""
        is_last = np.append(groups[1:] != groups[:-1], True)
        last = slot[is_last]
        self.slots.is_done[slot[~is_last]] = True
        changed = np.flatnonzero(last != known)
        gone = known[changed]
        self.slots.is_done[gone[gone != NOBODY]] = True
        for number, one in zip(changed.tolist(), last[changed].tolist(), strict=True):
            self._slot_of[keys[number]] = one

    def _evict(self, idle: NDArray[np.int64]) -> None:
        """Give up the flows that were silent for longest where there are more than may be open."""
        slots = self.slots
        waiting = np.flatnonzero(slots.is_open & ~slots.is_done)
        excess = len(waiting) - self._max_open_flows
        if excess > 0:
            longest = waiting[np.argsort(-idle[waiting], kind="stable")[:excess]]
            slots.is_done[longest] = True
            self.evicted += excess

    def _in_order(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        return slots[np.argsort(self.slots.number[slots], kind="stable")]


def is_closed(seen: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Tell which flows were reset, or closed by both sides."""
    has_both: NDArray[np.bool_] = (seen & _BOTH_FINS) == _BOTH_FINS
    has_both |= (seen & RESET) != 0
    return has_both


def _marks(placed: Placed) -> NDArray[np.uint16]:
    """Return what each packet shows of its flow, as bits of `slots`."""
    packets = placed.packets
    flags = np.where(placed.is_tcp, packets.tcp_flags, 0).astype(np.uint16)
    one = np.full(len(packets), SENT, np.uint16)
    one |= (packets.payload_bytes > 0).astype(np.uint16) * PAYLOAD
    one |= (flags & _FIN_FLAG) * FIN
    one |= ((flags & _ACK_FLAG) != 0).astype(np.uint16) * ACKED
    one <<= placed.side
    one |= ((flags & _RST_FLAG) != 0).astype(np.uint16) * RESET
    return one


def permitted_client(slots: Slots, chosen: NDArray[np.int64]) -> NDArray[np.int8]:
    """Return the side that is the client for sure: by SYN, SYN/ACK or a well-known port; NOBODY where none tells."""
    low, high = ports_of(slots.key[chosen, 4])
    is_told = (_port_rank(low) == 0) != (_port_rank(high) == 0)
    found = np.where(is_told, _by_ports(slots, chosen), np.int8(NOBODY))
    for known in (slots.start_side[chosen], slots.caller[chosen]):
        found = np.where(known == NOBODY, found, known)
    return found


def _by_ports(slots: Slots, chosen: NDArray[np.int64]) -> NDArray[np.int8]:
    """Return the side whose port is less like that of a server; NOBODY where they are alike."""
    low, high = ports_of(slots.key[chosen, 4])
    low_rank, high_rank = _port_rank(low), _port_rank(high)
    return np.where(low_rank == high_rank, NOBODY, low_rank < high_rank).astype(np.int8)


def _port_rank(ports: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rank ports by how surely a server has them: well-known, registered, those that clients are given."""
    rank = (ports >= _WELL_KNOWN).astype(np.int64)
    rank += ports >= _EPHEMERAL
    rank[ports == 0] = 3
    return rank


def _tunnel_keys(packets: Packets) -> NDArray[np.uint64]:
    """Return a number for the tunnel of each packet; 0 is no tunnel."""
    if not packets.tunnels:
        return np.zeros(len(packets), np.uint64)
    return np.array([*map(_tunnel_key, packets.tunnels), 0], np.uint64)[packets.tunnel]


@lru_cache(maxsize=4_096)
def _tunnel_key(tunnel: str) -> int:
    """Return the same number for both ways of a tunnel, `gre a > b; ...` and `gre b > a; ...`."""
    layers = []
    for layer in tunnel.split("; "):
        kind, _, ends = layer.partition(" ")
        layers.append(f"{kind} {' '.join(sorted(ends.split(' > ')))}")
    return int.from_bytes(blake2b("; ".join(layers).encode(), digest_size=8).digest()) or 1


def _timeouts() -> NDArray[np.int64]:
    """Return the longest silence within a flow in nanoseconds, by protocol."""
    found = np.full(256, LIMITS.other_idle_s * 1_000_000_000, np.int64)
    found[TCP] = LIMITS.tcp_idle_s * 1_000_000_000
    found[UDP] = LIMITS.udp_idle_s * 1_000_000_000
    return found
