"""Tables that are read part by part: the same endpoints, counts and reasons as in one reading."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from tests.traffic.conftest import Read, read
from tests.traffic.spread_rows import CUTS, ROWS, VARIANTS, varied

from residency.errors import InputError, LimitError, UsageError
from residency.traffic import ReadOptions, read_traffic
from residency.traffic import parts as parts_module
from residency.traffic.parts import FIRST, KEYS, LAST, SUMS, Spread, part_schema, read_parts

_ADDED = ", ".join([f"sum({n}) {n}" for n in SUMS] + [f"min({n}) {n}" for n in FIRST] + [f"max({n}) {n}" for n in LAST])


class Cut(Spread):
    """A table cut into parts, each read alone, in batches of three rows; rows of one flow_id stay together."""

    format = "cut"

    def __init__(self, table: pa.Table, parts: int) -> None:
        self.table, self.count = table, parts

    def empty(self) -> pa.Table:
        return self.table.slice(0, 0)

    def parts(self, cuts_us: Sequence[int], options: ReadOptions) -> pa.Table:
        whole = duckdb.connect()
        found = [
            batch
            for number in range(self.count)
            for batch in read_parts(
                self.part(number).to_batches(max_chunksize=3), cuts_us=cuts_us, options=ReadOptions(threads=1)
            )
        ]
        every = pa.Table.from_batches(found, part_schema())  # noqa: F841 - DuckDB reads it by name
        return whole.sql(f"SELECT {', '.join(KEYS)}, {_ADDED} FROM every GROUP BY ALL").to_arrow_table()

    def part(self, number: int) -> pa.Table:
        names = [name.lower() for name in self.table.column_names]
        ids = self.table.column(names.index("flow_id")).to_pylist() if "flow_id" in names else [None] * len(self.table)
        homes = [row if one is None else zlib.crc32(str(one).encode()) for row, one in enumerate(ids)]
        return self.table.filter(pa.array([home % self.count == number for home in homes], pa.bool_()))


def account(result: Read) -> list[int]:
    one = result.one
    return [one.records, one.flows_rows, one.quarantined, one.duplicate, one.context]


def aside(result: Read) -> list[tuple[str, str]]:
    return sorted((one.reason, one.value) for one in result.quarantine)


@pytest.mark.parametrize("change", VARIANTS.values(), ids=VARIANTS)
def test_parts_come_to_the_same_as_the_whole(change: Callable[[pa.Table], pa.Table]) -> None:
    table = varied(change)
    whole = read([table], CUTS)
    cut = read([Cut(table, 2)], CUTS)
    assert cut.groups == whole.groups
    assert (account(cut), cut.span, cut.warnings) == (account(whole), whole.span, whole.warnings)
    assert aside(cut) == aside(whole)
    assert {one.line for one in cut.quarantine} <= {None}
    assert {one.offset for one in cut.quarantine} <= {None}


def test_the_digest_is_of_the_content_and_of_nothing_else() -> None:
    table = pa.Table.from_pylist(ROWS)
    digests = {
        read([Cut(table, 1)], CUTS).one.sha256,
        read([Cut(table, 4)], ()).one.sha256,
        read([Cut(table.take(list(reversed(range(len(table))))), 2)], CUTS).one.sha256,
    }
    assert len(digests) == 1
    fewer = table.slice(0, len(table) - 1)
    assert read([Cut(fewer, 1)]).one.sha256 not in digests


def test_a_part_whose_times_all_lack_an_offset_refuses_nothing_but_the_whole_does() -> None:
    naive = {"ts": "2026-06-01T00:00:00", "server_ip": "81.2.69.160", "flow_id": None}
    good = naive | {"ts": "2026-06-01T00:00:00Z"}
    mixed = read([Cut(pa.Table.from_pylist([naive] * 4 + [good]), 5)])
    assert (mixed.one.quarantined, mixed.one.flows_rows) == (4, 1)
    with pytest.raises(InputError, match="no time in it has an offset"):
        read([Cut(pa.Table.from_pylist([naive] * 4), 2)])


def test_nothing_at_all() -> None:
    empty = pa.Table.from_pylist(ROWS).slice(0, 0)
    with pytest.raises(InputError, match="zero flows"):
        read([Cut(empty, 2)])
    with pytest.raises(InputError, match="no column server_ip"):
        read([Cut(pa.table({"ts": [1]}), 1)])


def test_a_long_value_still_shows_that_it_was_cut() -> None:
    row = {"ts": "x" * 500, "server_ip": "81.2.69.160"}
    good = {"ts": "1", "server_ip": "81.2.69.160"}
    table = pa.Table.from_pylist([row, good])
    [(_, value)] = aside(read([Cut(table, 2)]))
    assert [(_, value)] == aside(read([table]))
    assert value.endswith("…")


def test_chunks_are_read_as_they_fill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts_module, "_CHUNK_BYTES", 1)
    table = pa.Table.from_pylist(ROWS)
    assert read([Cut(table, 1)], CUTS).groups == read([table], CUTS).groups


def test_an_error_in_a_part_is_raised_where_parts_come_together() -> None:
    class Failing(Cut):
        def parts(self, cuts_us: Sequence[int], options: ReadOptions) -> pa.Table:
            options = ReadOptions(memory_limit="nonsense")
            return pa.Table.from_batches(list(read_parts([], cuts_us=cuts_us, options=options)))

    with pytest.raises(UsageError, match="cannot start the engine"):
        read([Failing(pa.Table.from_pylist(ROWS), 1)])


def test_too_many_bytes_of_one_endpoint() -> None:
    row = {"ts": 1, "server_ip": "81.2.69.160", "bytes_sent": 2**62 - 1}
    table = pa.Table.from_pylist([row] * 3)
    with pytest.raises(LimitError, match="sum up to more"):
        read([Cut(table, 3)])


@pytest.mark.parametrize(
    ("more", "keep_rows", "what"),
    [([pa.Table.from_pylist(ROWS)], False, "is read alone"), ([], True, "are not copied")],
)
def test_what_needs_the_rows(more: list[Any], keep_rows: bool, what: str) -> None:
    given = [Cut(pa.Table.from_pylist(ROWS), 1), *more]
    with pytest.raises(UsageError, match=what):
        read_traffic(given, cuts_us=(), keep_rows=keep_rows)


def test_answers_of_dns_are_refused() -> None:
    answers = pa.RecordBatch.from_pylist([{"ts": datetime(2026, 6, 1, tzinfo=UTC)}])
    with pytest.raises(UsageError, match="name no flows of a Spark DataFrame"):
        read_traffic([Cut(pa.Table.from_pylist(ROWS), 1)], cuts_us=(), answers=[answers])
