"""Write small or large MaxMind DB files, as publishers' writers do: for benchmarks, and for tests that need odd ones.

`write` takes networks and records; `write_full` makes a full tree of any size in numpy. Equal records are stored once,
keys and texts once each with pointers to them, in the order in which the nodes name them.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

_TYPES = {"node_count": 6}
MARKER = b"\xab\xcd\xefMaxMind.com"


class Data:
    """A data section that grows: `add` returns the offset of a value that stands by itself."""

    def __init__(self) -> None:
        self.content = bytearray()
        self._texts: dict[str, int] = {}
        self._records: dict[str, int] = {}

    def add(self, record: object) -> int:
        """Store a record, once."""
        key = repr(record)
        if key not in self._records:
            self._records[key] = len(self.content)
            self._put(record)
        return self._records[key]

    def _put(self, value: object) -> None:
        if isinstance(value, str):
            if len(value) > 2 and value in self._texts:
                self.content += pointer(self._texts[value])
                return
            self._texts.setdefault(value, len(self.content))
        self.content += head(value)
        if isinstance(value, Mapping):
            for key, part in value.items():
                self._put(key)
                self._put(part)
        elif isinstance(value, list):
            for part in value:
                self._put(part)
        else:
            self.content += body(value)


def body(value: object) -> bytes:
    """Return the bytes of a value that holds no others."""
    if isinstance(value, bool):
        return b""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, float):
        return struct.pack(">d", value)
    number = int(str(value))
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def head(value: object) -> bytes:
    """Return the control bytes of a value: type and size."""
    if isinstance(value, bool):
        return bytes([int(value), 7])
    if isinstance(value, list):
        return bytes([len(value), 4])
    if isinstance(value, Mapping):
        return sized(7, len(value))
    if isinstance(value, float):
        return sized(3, 8)
    if isinstance(value, str):
        return sized(2, len(value.encode()))
    return sized(6, len(body(value))) if int(str(value)) < 2**32 else bytes([len(body(value)), 2])


def sized(kind: int, size: int) -> bytes:
    """Return the control bytes of a type below 8."""
    if size < 29:
        return bytes([kind << 5 | size])
    if size < 285:
        return bytes([kind << 5 | 29, size - 29])
    return bytes([kind << 5 | 30, *(size - 285).to_bytes(2, "big")])


def pointer(offset: int) -> bytes:
    """Return a pointer to an offset of the data section, in its shortest form."""
    if offset < 2_048:
        return bytes([0x20 | offset >> 8, offset & 255])
    if offset < 526_336:
        return bytes([0x28 | (offset - 2_048) >> 16]) + ((offset - 2_048) & 0xFFFF).to_bytes(2, "big")
    return bytes([0x38]) + offset.to_bytes(4, "big")


def metadata(**changed: Any) -> bytes:
    """Return the metadata section, marker first."""
    values = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1_780_000_000,
        "database_type": "Test-City",
        "description": {"en": "a test"},
        "ip_version": 4,
        "languages": ["en"],
    }
    content = bytearray(MARKER + sized(7, len(values | changed)))
    for name, value in (values | changed).items():
        data = Data()
        data.add(name)
        if isinstance(value, int):  # readers in C ask for just these types
            raw = body(value)
            data.content += bytes([len(raw), 2]) if name == "build_epoch" else sized(_TYPES.get(name, 5), len(raw))
            data.content += raw
        else:
            data.add(value)
        content += data.content
    return bytes(content)


def write(networks: Mapping[str, object], *, ip_version: int = 4, record_size: int = 24, **said: Any) -> bytes:
    """Return a database of these networks (no two may overlap); IPv4 ones stand at ::/96 in a tree of IPv6."""
    nodes: list[list[int | str | None]] = [[None, None]]
    for text in networks:
        network = ipaddress.ip_network(text)
        value, length = int(network.network_address), network.prefixlen
        if ip_version == 6 and network.version == 4:
            length += 96
        bits = 128 if ip_version == 6 else 32
        at = 0
        for depth in range(length):
            side = value >> (bits - 1 - depth) & 1
            if depth == length - 1:
                nodes[at][side] = text
                break
            if not isinstance(nodes[at][side], int):
                nodes[at][side] = len(nodes)
                nodes.append([None, None])
            at = int(str(nodes[at][side]))
    order = _in_order(nodes)
    number = {node: i for i, node in enumerate(order)}
    data, count, tree = Data(), len(nodes), bytearray()
    for node in order:
        pair = []
        for said_here in nodes[node]:
            if isinstance(said_here, int):
                pair.append(number[said_here])
            else:
                pair.append(count if said_here is None else count + 16 + data.add(networks[said_here]))
        tree += _node(pair, record_size)
    told = metadata(node_count=count, record_size=record_size, ip_version=ip_version, **said)
    return bytes(tree) + bytes(16) + bytes(data.content) + told


def _in_order(nodes: list[list[int | str | None]]) -> list[int]:
    """Return nodes as writers number them: each before what is below it, left before right."""
    found, waiting = [], [0]
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting += [child for child in reversed(nodes[node]) if isinstance(child, int)]
    return found


def _node(pair: list[int], record_size: int) -> bytes:
    left, right = pair
    if record_size != 28:
        return left.to_bytes(record_size // 8, "big") + right.to_bytes(record_size // 8, "big")
    middle = (left >> 24) << 4 | right >> 24
    return (left & 0xFFFFFF).to_bytes(3, "big") + bytes([middle]) + (right & 0xFFFFFF).to_bytes(3, "big")


def write_full(depth: int, records: list[object], *, seed: int = 1, **said: Any) -> bytes:
    """Return an IPv4 database of all 2**depth networks of one length, with records drawn at random."""
    data = Data()
    offsets = np.array([data.add(record) for record in records], dtype=np.int64)
    count, leaves = 2**depth - 1, 2**depth
    drawn = np.random.default_rng(seed).integers(0, len(records), leaves)
    named, first = np.unique(drawn, return_index=True)
    rank = np.full(len(records), -1, dtype=np.int64)
    rank[named[np.argsort(first)]] = np.arange(len(named))  # the first to be named is the first that is stored
    if len(named) < len(records):
        raise ValueError("more records than networks can name")
    pairs = np.empty((count, 2), dtype=np.int64)
    inner = np.arange(count // 2)
    pairs[: count // 2] = np.stack([2 * inner + 1, 2 * inner + 2], axis=1)
    pairs[count // 2 :] = (count + 16 + offsets[rank[drawn]]).reshape(-1, 2)
    told = metadata(node_count=count, record_size=32, ip_version=4, **said)
    return pairs.astype(">u4").tobytes() + bytes(16) + bytes(data.content) + told
