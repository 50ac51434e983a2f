"""The tree becomes intervals that answer as the networks do; what is no tree is refused."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.errors import SourceError
from residency.sources.mmdb_metadata import Metadata, read_metadata
from residency.sources.mmdb_tree import NOTHING, Leaves, read_tree

Write = Callable[..., bytes]


@st.composite
def networks_v4(draw: st.DrawFn) -> list[ipaddress.IPv4Network]:
    """Disjoint networks of any length."""
    found: list[ipaddress.IPv4Network] = []
    for value, length in draw(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 32)), max_size=25)):
        network = ipaddress.IPv4Network((value >> (32 - length) << (32 - length), length))
        if not any(network.overlaps(other) for other in found):
            found.append(network)
    return found


def tree_of(content: bytes, now: datetime) -> tuple[Leaves, Metadata]:
    metadata = read_metadata(content, now)
    return read_tree(content, metadata), metadata


@pytest.mark.parametrize("record_size", [24, 28, 32])
@given(networks=networks_v4(), seen=st.lists(st.integers(0, 2**32 - 1), max_size=20))
def test_every_address_finds_its_network(
    write: Write, now: datetime, record_size: int, networks: list[ipaddress.IPv4Network], seen: list[int]
) -> None:
    records = {str(network): {"n": str(network)} for network in networks}
    leaves, _ = tree_of(write(records, record_size=record_size), now)
    assert leaves.networks == len(networks)
    edges = [end for n in networks for end in (int(n.network_address), int(n.broadcast_address))]
    asked = np.array(seen + edges, dtype=np.uint32)
    rows = leaves.v4_records[np.searchsorted(leaves.v4_starts, asked, side="right") - 1]
    held: dict[int, str] = {}
    for value, row in zip(asked.tolist(), rows.tolist(), strict=True):
        network = next((str(n) for n in networks if ipaddress.IPv4Address(value) in n), None)
        assert (row == NOTHING) == (network is None)
        if network is not None:
            assert held.setdefault(row, network) == network


def test_ipv4_in_a_tree_of_ipv6_answers_for_ipv4_alone(write: Write, now: datetime) -> None:
    content = write({"1.2.3.0/24": {"n": 1}, "2001:db9::/32": {"n": 2}}, ip_version=6)
    leaves, _ = tree_of(content, now)
    filled_v4 = leaves.v4_starts[leaves.v4_records != NOTHING]
    assert filled_v4.tolist() == [0x01020300]
    filled_v6 = leaves.v6_starts[leaves.v6_records != NOTHING]
    assert [bytes(s).ljust(16, b"\0")[:4].hex() for s in filled_v6] == ["20010db9"]


def patched(content: bytes, node: int, side: int, record: int) -> bytes:
    """Return a database of 24-bit records with one record changed."""
    at = node * 6 + side * 3
    return content[:at] + record.to_bytes(3, "big") + content[at + 3 :]


def test_a_node_with_two_parents_is_refused(write: Write, now: datetime) -> None:
    content = write({"0.0.0.0/2": {"n": 1}, "192.0.0.0/2": {"n": 2}})
    tree_of(content, now)
    with pytest.raises(SourceError, match="pointed at"):
        tree_of(patched(content, 0, 1, 1), now)


def test_a_loop_is_refused(write: Write, now: datetime) -> None:
    content = write({"0.0.0.0/2": {"n": 1}, "192.0.0.0/2": {"n": 2}})
    with pytest.raises(SourceError, match="node 0 of the search tree is pointed at"):
        tree_of(patched(content, 1, 1, 0), now)


def test_nodes_that_point_at_each_other_away_from_the_root_are_refused(write: Write, now: datetime) -> None:
    content = write({"0.0.0.0/3": {"n": 1}, "192.0.0.0/2": {"n": 2}})
    _, metadata = tree_of(content, now)
    loose = patched(patched(content, 0, 0, metadata.node_count), 2, 1, 1)  # 0 lets go of 1, whose child takes it
    with pytest.raises(SourceError, match="hangs loose"):
        tree_of(loose, now)


@pytest.mark.parametrize("beyond", [1, 15, 10_000])
def test_a_record_out_of_the_data_is_refused(write: Write, now: datetime, beyond: int) -> None:
    content = write({"0.0.0.0/1": {"n": 1}})
    _, metadata = tree_of(content, now)
    with pytest.raises(SourceError, match="out of the data"):
        tree_of(patched(content, 0, 0, metadata.node_count + beyond), now)


def many(write: Write) -> bytes:
    """A database of 64 networks with a record for each, as writers order them."""
    return write({f"{i * 4}.0.0.0/6": {"n": i} for i in range(64)})


def test_one_record_out_of_the_order_of_all_others_is_refused(write: Write, now: datetime) -> None:
    content = many(write)
    leaves, metadata = tree_of(content, now)
    last = int(leaves.v4_records.max()) + 16 + metadata.node_count
    row = next(i for i in range(63) if int.from_bytes(content[i * 6 : i * 6 + 3], "big") > 63)
    with pytest.raises(SourceError, match="order that all others keep"):
        tree_of(patched(content, row, 0, last), now)


def test_two_neighbours_that_say_the_same_are_refused_where_no_others_do(write: Write, now: datetime) -> None:
    content = many(write)
    row = next(i for i in range(63) if int.from_bytes(content[i * 6 : i * 6 + 3], "big") > 63)
    left = int.from_bytes(content[row * 6 : row * 6 + 3], "big")
    with pytest.raises(SourceError, match="neighbours say the same"):
        tree_of(patched(content, row, 1, left), now)


def test_a_tree_of_ipv4_that_says_ipv6_is_refused(write: Write, now: datetime) -> None:
    content = many(write)
    at = content.rfind(b"ip_version") + len(b"ip_version")
    with pytest.raises(SourceError, match="IPv4 tree"):
        tree_of(content[: at + 1] + b"\x06" + content[at + 2 :], now)
