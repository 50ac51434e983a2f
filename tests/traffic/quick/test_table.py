"""The hash table of the compiled loops: it grows, it compares whole keys, and it gives up rather than slow down."""

from __future__ import annotations

import numpy as np
import pytest
from tests.traffic.conftest import HEADER, Write, read

from residency.traffic import quick

pytest.importorskip("numba", reason="the extra `fast` is not installed")

from residency.traffic.quick.result import OddError, merged
from residency.traffic.quick.rows import FIRST, LAST, RECORDS, SENT, SUMS
from residency.traffic.quick.table import CROWDED, FULL, HEAD, Table, find_or_add, grown, new_table
from residency.traffic.quick.words import U
from residency.traffic.quick.workers import Worker


def key(number: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.array([number, number], np.uint64)


def test_an_equal_key_is_found_and_another_of_the_same_hash_is_not() -> None:
    table = new_table(8, 256, SUMS)
    first = find_or_add(table, key(1), 0, 2, U(5))
    assert find_or_add(table, key(2), 0, 2, U(5)) != first
    assert find_or_add(table, key(1), 0, 1, U(5)) not in (first, FULL, CROWDED)
    assert find_or_add(table, key(1), 0, 2, U(5)) == first
    assert table.used[0] == 3


def test_a_full_table_grows_and_keeps_what_it_has() -> None:
    table = new_table(2, 64, SUMS)
    places: dict[int, int] = {}
    for number in range(1_000):
        h = U(number * 0x9E3779B97F4A7C15 % 2**64)
        place = find_or_add(table, key(number), 0, 2, h)
        while place == FULL:
            table = grown(table)
            place = find_or_add(table, key(number), 0, 2, h)
        places[number] = place
    for number, place in places.items():
        assert find_or_add(table, key(number), 0, 2, U(number * 0x9E3779B97F4A7C15 % 2**64)) == place


def test_keys_that_crowd_one_place_end_the_attempt() -> None:
    table = new_table(1 << 12, 1 << 16, SUMS)
    found = [find_or_add(table, key(number), 0, 2, U(7)) for number in range(600)]
    assert CROWDED in found
    assert found.index(CROWDED) == 512


def filled(sent: int) -> Table:
    table = new_table(8, 256, SUMS)
    at = find_or_add(table, key(1), 0, 2, U(5)) + HEAD + 2
    table.numbers[at + np.array([RECORDS, SENT, FIRST, LAST])] = (2, sent, sent, sent + 9)
    return table


def test_tables_are_joined_by_their_keys() -> None:
    whole = merged([filled(10), filled(5), new_table(8, 64, SUMS)])
    at = HEAD + 2
    assert whole.used[0] == 1
    assert whole.numbers[at + np.array([RECORDS, SENT, FIRST, LAST])].tolist() == [4, 15, 5, 19]
    with pytest.raises(OddError):
        merged([filled(1 << 61), filled(1 << 61)])


def test_a_worker_gives_up_what_does_not_fit_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("residency.traffic.quick.workers._MOST_WORDS", 1 << 20)
    with pytest.raises(OddError):
        Worker().run(lambda at: (at, FULL), 0, lambda at: (at, at, at))


def test_many_endpoints_of_several_threads_are_the_same(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (
        f"2026-06-01T00:00:{n % 60:02}Z,10.0.0.1,81.0.{n // 250 % 250}.{n % 250},{n % 3},tcp,{n},,h{n % 7}.example"
        for n in range(40_000)
    )
    path = write("a.csv", HEADER + "\n".join(lines) + "\n")
    exact = read([path])
    monkeypatch.setattr(quick, "LEAST_RECORDS", 0)
    assert quick.is_usable()
    assert read([path], threads=2) == exact
    assert len(exact.groups) == 40_000
