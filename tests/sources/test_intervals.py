"""Interval and dated-prefix lookups equal brute force, in both families, for every prefix length."""

from __future__ import annotations

import ipaddress
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from residency.model.network import Addresses, parse_address
from residency.sources.intervals import DatedPrefixes, IntervalTable, join_halves

LOW = 2**64 - 1
# Public addresses that lie close together, so that intervals and prefixes of any length meet them.
V4 = st.one_of(st.integers(0x14000000, 0x140000FF), st.integers(0x08000000, 0x5FFFFFFF).filter(lambda v: v >> 24 != 10))
V6 = st.one_of(
    st.integers(0x2A00_0000 << 96, (0x2A00_0000 << 96) + 300), st.integers(0x2400_0000 << 96, 0x2C00_0000 << 96)
)
Subject = tuple[int, int]
subjects = st.lists(st.one_of(st.tuples(st.just(4), V4), st.tuples(st.just(6), V6)), max_size=12)


def addresses(items: list[Subject]) -> Addresses:
    kinds = {4: ipaddress.IPv4Address, 6: ipaddress.IPv6Address}
    return Addresses([parse_address(str(kinds[family](value))) for family, value in items])


def halves(values: list[int]) -> NDArray[np.bytes_]:
    high = np.array([v >> 64 for v in values], dtype=np.uint64)
    return join_halves(high, np.array([v & LOW for v in values], dtype=np.uint64))


@given(st.lists(st.integers(0, 2**128 - 1), min_size=2, max_size=20))
def test_joined_halves_sort_as_numbers(values: list[int]) -> None:
    joined = halves(values)
    assert np.argsort(joined, kind="stable").tolist() == sorted(range(len(values)), key=lambda i: values[i])


@given(
    v4=st.lists(V4, unique=True, max_size=8).map(sorted),
    v6=st.lists(V6, unique=True, max_size=8).map(sorted),
    ask=subjects,
)
def test_intervals_equal_brute_force(v4: list[int], v6: list[int], ask: list[Subject]) -> None:
    table = IntervalTable(
        np.array(v4, dtype=np.uint32),
        np.arange(len(v4), dtype=np.int64),
        halves(v6),
        np.arange(len(v6), dtype=np.int64) + 100,
    )
    expected = []
    for family, value in ask:
        starts, base = (v4, 0) if family == 4 else (v6, 100)
        below = [i for i, start in enumerate(starts) if start <= value]
        expected.append(below[-1] + base if below else -1)
    assert table.lookup(addresses(ask)).tolist() == expected


@given(
    starts=st.lists(st.integers(0, 2**32 - 1) | st.integers(0x14000000, 0x14000400), unique=True, max_size=12).map(
        sorted
    ),
    first=st.integers(0, 2**15),
    ask=st.lists(st.integers(0, 2**32 - 1) | st.integers(0x13FFFF00, 0x14000500), max_size=20),
)
@settings(max_examples=12)
def test_the_table_of_24s_equals_the_search(starts: list[int], first: int, ask: list[int]) -> None:
    values = np.arange(len(starts), dtype=np.int32) + first - 1  # from -1, and beyond 16 bits
    nothing = np.empty(0, dtype=np.int32)
    table = IntervalTable(np.array(starts, dtype=np.uint32), values, np.empty(0, dtype="S16"), nothing)
    asked = np.array(ask + [edge for s in starts for edge in (max(s - 1, 0), s)], dtype=np.uint32)
    searched = table.lookup_v4(asked)
    many = np.resize(asked, 1 << 18) if len(asked) else asked
    assert table.lookup_v4(many)[: len(asked)].tolist() == searched.tolist()


def test_an_address_that_is_not_locatable_has_no_interval() -> None:
    one = np.zeros(1, dtype=np.int64)
    table = IntervalTable(np.zeros(1, dtype=np.uint32), one, halves([0]), one)
    asked = Addresses([parse_address(t) for t in ("10.0.0.1", "::1", "8.8.8.8", "2001:4860::1", "2001:0:1::1")])
    assert table.lookup(asked).tolist() == [-1, -1, 0, 0, -1]


Row = tuple[int, int, int, int, int]  # family, value, length, first day, last day
DAYS = st.integers(730_000, 730_012)


@st.composite
def prefixes(draw: st.DrawFn) -> Row:
    family = draw(st.sampled_from([4, 6]))
    value = draw(V4 if family == 4 else V6)
    width = 32 if family == 4 else 128
    length = draw(st.one_of(st.integers(0, width), st.integers(width - 9, width)))
    first, last = sorted((draw(DAYS), draw(DAYS)))
    return family, value >> (width - length) << (width - length), length, first, last


def table_of(rows: list[Row]) -> DatedPrefixes:
    def column(i: int, kind: Any) -> NDArray[Any]:
        return np.array([row[i] for row in rows], dtype=kind)

    return DatedPrefixes(
        column(0, np.uint8),
        np.array([row[1] >> 64 if row[0] == 6 else 0 for row in rows], dtype=np.uint64),
        np.array([row[1] & LOW for row in rows], dtype=np.uint64),
        column(2, np.uint8),
        column(3, np.int64),
        column(4, np.int64),
    )


def brute(rows: list[Row], subject: Subject, day: int) -> tuple[tuple[int, int, int], set[int]] | None:
    """Return the best rank (listed, distance, longest) and the rows that share it."""
    family, value = subject
    width = 32 if family == 4 else 128

    def rank(row: Row) -> tuple[int, int, int]:
        _, _, length, first, last = row
        if first <= day <= last:
            return (0, 0, -length)
        return (1, day - last, -length) if last < day else (2, first - day, -length)

    holding = [i for i, r in enumerate(rows) if r[0] == family and value >> (width - r[2]) == r[1] >> (width - r[2])]
    if not holding:
        return None
    best = min(rank(rows[i]) for i in holding)
    return best, {i for i in holding if rank(rows[i]) == best}


@given(rows=st.lists(prefixes(), max_size=10), ask=subjects, day=DAYS, data=st.data())
def test_dated_prefixes_equal_brute_force(rows: list[Row], ask: list[Subject], day: int, data: st.DataObject) -> None:
    # Half of the questions lie inside a listed prefix, on days before, in, between and after the listings.
    for family, value, length, *_ in rows[:5]:
        inside = value + data.draw(st.integers(0, 2 ** ((32 if family == 4 else 128) - length) - 1))
        text = str(ipaddress.IPv4Address(inside) if family == 4 else ipaddress.IPv6Address(inside))
        if parse_address(text).is_locatable and parse_address(text).family == family:
            ask = [*ask, (family, parse_address(text).value)]
    days = np.full(len(ask), day, dtype=np.int64)
    found = table_of(rows).lookup(addresses(ask), days).tolist()
    for subject, row in zip(ask, found, strict=True):
        expected = brute(rows, subject, day)
        assert (row == -1) if expected is None else (row in expected[1])


@pytest.mark.parametrize("length", range(129))
def test_every_ipv6_length_matches_its_first_and_last_address(length: int) -> None:
    value = int(ipaddress.IPv6Address("2a00:1450:4009:80b::200e"))
    base = value >> (128 - length) << (128 - length)
    last = base + (1 << (128 - length)) - 1
    table = table_of([(6, base, length, 1, 2)])
    asked = Addresses([parse_address(str(ipaddress.IPv6Address(value)))])
    assert table.lookup(asked, np.array([1], dtype=np.int64)).tolist() == [0]
    if length > 16:
        for outside in (base - 1, last + 1):
            asked = Addresses([parse_address(str(ipaddress.IPv6Address(outside)))])
            assert table.lookup(asked, np.array([1], dtype=np.int64)).tolist() == [-1]


@pytest.mark.parametrize("length", range(33))
def test_every_ipv4_length_matches_its_first_and_last_address(length: int) -> None:
    value = int(ipaddress.IPv4Address("81.2.69.160"))
    base = value >> (32 - length) << (32 - length)
    table = table_of([(4, base, length, 1, 2)])

    def found(v: int) -> list[int]:
        asked = addresses([(4, v)]) if v >> 24 else Addresses([])
        rows: list[int] = table.lookup(asked, np.full(len(asked), 1, dtype=np.int64)).tolist()
        return rows

    assert found(value) == [0]
    if length > 8:
        assert found(base - 1) == found(base + (1 << (32 - length))) == [-1]


def test_an_empty_table_finds_nothing() -> None:
    asked = addresses([(4, 0x14000001), (6, 0x2A00 << 112)])
    days = np.array([1, 1], dtype=np.int64)
    assert table_of([]).lookup(asked, days).tolist() == [-1, -1]
    assert table_of([]).lookup(addresses([]), days[:0]).tolist() == []


def test_the_nearest_listing_before_goes_before_any_after() -> None:
    day = date(2026, 1, 1).toordinal()
    rows: list[Row] = [(4, 0x14000000, 24, day + 1, day + 9), (4, 0x14000000, 24, day - 3000, day - 2000)]
    found = table_of(rows).lookup(addresses([(4, 0x14000001)]), np.array([day], dtype=np.int64))
    assert found.tolist() == [1]


def test_the_most_specific_of_two_listed_prefixes_answers() -> None:
    rows: list[Row] = [(4, 0x14000000, 16, 1, 9), (4, 0x14000000, 24, 1, 9), (4, 0x14000000, 8, 1, 9)]
    found = table_of(rows).lookup(addresses([(4, 0x14000001), (4, 0x14000101)]), np.array([5, 5], dtype=np.int64))
    assert found.tolist() == [1, 0]
