"""Read the search tree of a MaxMind DB file into sorted intervals, level by level, and check that it is a tree.

In a sound file every node but the root is pointed at exactly once; only the node of IPv4 has aliases (6to4, Teredo,
mapped addresses). So a flipped pointer to a node leaves another node without parent, and is seen. Writers also merge
neighbours that say the same and store records in the order in which the nodes first name them: a file that keeps such a
habit everywhere but at one or two places was damaged there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from residency.sources.intervals import join_halves
from residency.sources.mmdb_data import damaged
from residency.sources.mmdb_metadata import SEPARATOR_BYTES, Metadata

Words = NDArray[np.uint32]
NOTHING = -1
_V4_BITS_INSIDE_V6 = 96
# Prefixes (high, low 64 bits, length) at which writers repeat the IPv4 tree; answers there are never asked for.
_ALIASES = {
    (0, 0xFFFF_0000_0000, 96),  # ::ffff:0:0/96
    (0x2001 << 48, 0, 32),  # Teredo
    (0x2002 << 48, 0, 16),  # 6to4
    (0x64_FF9B << 32, 0, 96),  # NAT64
}
_EXCEPTIONS_THAT_ARE_DAMAGE = 2
_LEAVES_THAT_MAKE_A_HABIT = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaves:
    """Intervals of both families in order: row i reaches from its start to the next one's; `NOTHING` is no record.

    `*_records` are offsets in the data section. `networks` counts those that hold a record.
    """

    v4_starts: Words
    v4_records: NDArray[np.int64]
    v6_starts: NDArray[np.bytes_]
    v6_records: NDArray[np.int64]
    networks: int


def read_tree(content: bytes, metadata: Metadata) -> Leaves:
    """Return the leaves of the tree; raises SourceError where it is no tree or points out of the data."""
    left, right = _nodes(content, metadata)
    tree = _Tree(left, right, metadata.node_count)
    v4_root = tree.v4_root() if metadata.ip_version == 6 else 0
    tree.check_parents(v4_root)
    tree.check_records(metadata.data_end - metadata.data_start)
    tree.check_habits()
    v4_prefixes, v4_rows = tree.walk_v4(v4_root)
    high, low, v6_rows = tree.walk_v6(v4_root) if metadata.ip_version == 6 else _no_rows()
    if tree.visited != metadata.node_count:
        raise damaged("a part of the search tree hangs loose", 0)
    if metadata.ip_version == 6 and v4_root >= metadata.node_count and tree.deepest <= 32:
        raise damaged("an IPv4 tree that says it is one of IPv6", 0)
    v4_order, v6_order = np.argsort(v4_prefixes, kind="stable"), np.lexsort((low, high))
    return Leaves(
        v4_starts=v4_prefixes[v4_order].astype(np.uint32),
        v4_records=tree.offsets(v4_rows[v4_order]),
        v6_starts=join_halves(high[v6_order], low[v6_order]),
        v6_records=tree.offsets(v6_rows[v6_order]),
        networks=int((v4_rows > metadata.node_count).sum() + (v6_rows > metadata.node_count).sum()),
    )


def _no_rows() -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int64]]:
    return np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty(0, np.int64)


def _nodes(content: bytes, metadata: Metadata) -> tuple[Words, Words]:
    size = metadata.node_bytes
    raw = np.frombuffer(content, np.uint8, metadata.node_count * size).reshape(-1, size)
    if size == 8:
        pairs = raw.view(">u4").astype(np.uint32)
        return pairs[:, 0].copy(), pairs[:, 1].copy()
    byte = [raw[:, i].astype(np.uint32) for i in range(size)]
    if size == 6:
        return _joined(byte[:3]), _joined(byte[3:])
    return _joined([byte[3] >> np.uint32(4), *byte[:3]]), _joined([byte[3] & np.uint32(15), *byte[4:]])


def _joined(parts: list[Words]) -> Words:
    found = parts[0].copy()
    for part in parts[1:]:
        found <<= np.uint32(8)
        found |= part
    return found


class _Tree:
    """The two records of every node: below `count` another node, `count` itself nothing, above it data."""

    def __init__(self, left: Words, right: Words, count: int) -> None:
        self._left, self._right, self._count = left, right, count
        self.visited = self.deepest = 0

    def v4_root(self) -> int:
        """Return what holds ::/96, the IPv4 addresses of an IPv6 tree: a node, or a record above it."""
        at = 0
        for _ in range(_V4_BITS_INSIDE_V6):
            if at >= self._count:
                break
            at = int(self._left[at])
        return at

    def check_parents(self, v4_root: int) -> None:
        """Every node has one parent, the root none; the node of IPv4 may have aliases, seen while walking."""
        parents = np.bincount(self._left[self._left < self._count], minlength=self._count)
        parents += np.bincount(self._right[self._right < self._count], minlength=self._count)
        expected = np.ones(self._count, dtype=np.int64)
        expected[0] = 0
        if 0 < v4_root < self._count:
            expected[v4_root] = max(1, min(int(parents[v4_root]), 1 + len(_ALIASES)))
        wrong = np.flatnonzero(parents != expected)
        if len(wrong):
            node = int(wrong[0])
            raise damaged(f"node {node} of the search tree is pointed at {int(parents[node])} times", 0)

    def check_records(self, data_bytes: int) -> None:
        """Every record above the nodes points into the data section."""
        for side in (self._left, self._right):
            beyond = side.astype(np.int64) - self._count - SEPARATOR_BYTES
            if ((side > self._count) & ((beyond < 0) | (beyond >= data_bytes))).any():
                raise damaged("the search tree points out of the data", 0)

    def check_habits(self) -> None:
        """Refuse one or two exceptions to a habit that the rest of the file keeps."""
        both = np.stack([self._left, self._right], axis=1)
        filled = both > self._count
        leaves = both[filled].astype(np.int64)
        if len(leaves) < _LEAVES_THAT_MAKE_A_HABIT:
            return
        twins = int(((both[:, 0] == both[:, 1]) & filled[:, 0]).sum())
        if 0 < twins <= _EXCEPTIONS_THAT_ARE_DAMAGE:
            raise damaged("two neighbours say the same where all others like them are one", 0)
        distinct, first = np.unique(leaves, return_index=True)
        falls = int((np.diff(first) < 0).sum())
        if 0 < falls <= _EXCEPTIONS_THAT_ARE_DAMAGE and len(distinct) > 4 * _EXCEPTIONS_THAT_ARE_DAMAGE:
            raise damaged("a record is named out of the order that all others keep", 0)

    def walk_v4(self, root: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Return prefixes and records below the root of IPv4, in no order."""
        start = np.array([root], dtype=np.int64)
        nowhere = np.zeros(1, dtype=np.uint64)
        _, low, rows = self._walk(start, nowhere, nowhere, 96, NOTHING)
        return low, rows

    def walk_v6(self, v4_root: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int64]]:
        """Return prefixes in halves and records of the whole tree without IPv4 and its aliases, in no order."""
        nowhere = np.zeros(1, dtype=np.uint64)
        return self._walk(np.zeros(1, dtype=np.int64), nowhere, nowhere, 0, v4_root)

    def _walk(
        self, nodes: NDArray[np.int64], high: NDArray[np.uint64], low: NDArray[np.uint64], depth: int, leave_out: int
    ) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int64]]:
        found = [_no_rows()]
        while True:
            inner = nodes < self._count
            if depth and leave_out != NOTHING and leave_out < self._count:
                inner &= ~self._is_v4(nodes, high, low, depth, leave_out)
            found.append((high[~inner], low[~inner], np.where(nodes < self._count, self._count, nodes)[~inner]))
            nodes, high, low = nodes[inner], high[inner], low[inner]
            if not len(nodes):
                break
            if depth == 128:
                raise damaged("the search tree is deeper than an address is long", 0)
            self.visited += len(nodes)
            nodes, high, low = self._children(nodes, high, low, depth)
            depth += 1
            self.deepest = max(self.deepest, depth)
        highs, lows, rows = zip(*found, strict=True)
        return np.concatenate(highs), np.concatenate(lows), np.concatenate(rows)

    def _children(
        self, nodes: NDArray[np.int64], high: NDArray[np.uint64], low: NDArray[np.uint64], depth: int
    ) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.uint64]]:
        bit = np.uint64(1 << (63 - depth % 64))
        right_high, right_low = (high | bit, low) if depth < 64 else (high, low | bit)
        children = np.concatenate([self._left[nodes], self._right[nodes]]).astype(np.int64)
        return children, np.concatenate([high, right_high]), np.concatenate([low, right_low])

    def _is_v4(
        self, nodes: NDArray[np.int64], high: NDArray[np.uint64], low: NDArray[np.uint64], depth: int, v4_root: int
    ) -> NDArray[np.bool_]:
        hit: NDArray[np.bool_] = nodes == v4_root
        for i in np.flatnonzero(hit).tolist():
            where = (int(high[i]), int(low[i]), depth)
            if where != (0, 0, _V4_BITS_INSIDE_V6) and where not in _ALIASES:
                raise damaged("the tree of IPv4 hangs at a prefix that is no alias of it", 0)
        return hit

    def offsets(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Turn records of the tree into offsets in the data section, `NOTHING` for none."""
        return np.where(rows > self._count, rows - self._count - SEPARATOR_BYTES, NOTHING)
