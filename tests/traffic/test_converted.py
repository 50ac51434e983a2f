"""What a conversion hands over enters the account exactly, and its rows read like any flow table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from residency.traffic import ReadOptions
from residency.traffic.aggregate import BY_INPUT
from residency.traffic.conversion import answer_schema, flow_schema
from residency.traffic.converted import ConvertedSource, add_rows, run_conversion
from residency.traffic.distinct import Distinct
from residency.traffic.engine import connect
from residency.traffic.naming import Naming
from residency.traffic.plain import Loader
from residency.traffic.records import Rejected, Tally

AT = datetime(2026, 6, 1, tzinfo=UTC)
ROW = {"ts": AT, "client_ip": "10.0.0.1", "server_ip": "81.2.69.160", "server_port": 443, "proto": "tcp", "line": 7}


class Rows:
    """A conversion of rows that are known already."""

    def __init__(self, rows: Sequence[dict[str, Any]], answers: Sequence[dict[str, Any]] = (), **counts: Any) -> None:
        self._rows, self._answers = rows, answers
        self.context = self.duplicate = 0
        self.rejected: Sequence[Rejected] = ()
        self.warnings: Sequence[str] = ("said",)
        self.incomplete: str | None = None
        for name, value in counts.items():
            setattr(self, name, value)
        self.records = len(rows) + self.context + self.duplicate + len(self.rejected) + counts.get("lost", 0)

    def flows(self) -> Iterator[pa.RecordBatch]:
        for row in self._rows:
            yield from pa.Table.from_pylist([row], flow_schema()).to_batches()

    def answers(self) -> Iterator[pa.RecordBatch]:
        yield from pa.Table.from_pylist(list(self._answers), answer_schema()).to_batches()


def load(conversion: Rows, folder: Path) -> tuple[Tally, list[Any], list[Any]]:
    """Run a conversion and load its rows; return the account, the groups and the quarantine."""
    connection = connect(ReadOptions(), str(folder))
    connection.execute(BY_INPUT)
    distinct = Distinct(connection)
    naming = Naming(connection, distinct)
    loader = Loader(connection, distinct, naming, [], "s", str(folder))
    tally = Tally(path="x", format="rows")
    spool = str(folder / "rows.parquet")
    filled = run_conversion(conversion, tally, number=0, spool=spool, connection=connection, naming=naming)
    naming.collect()
    naming.cut()
    naming.look()
    if filled is not None:
        source, rows = ConvertedSource(spool, tally.path, connection, filled), Tally(path="x", format="rows")
        loader.take(0, source, rows)
        loader.conclude(0, source, rows)
        add_rows(tally, rows, number=0, connection=connection)
    assert tally.records == tally.flows_rows + tally.quarantined + tally.duplicate + tally.context
    groups = connection.execute("SELECT host, named_by, records FROM by_input ORDER BY ALL").fetchall()
    aside = connection.execute("SELECT line, byte_offset, reason FROM quarantine ORDER BY ALL").fetchall()
    connection.close()
    return tally, groups, aside


def test_the_account_is_the_conversion_s_and_the_rows_(tmp_path: Path) -> None:
    rejected = (Rejected(3, "short", "x"), Rejected(None, "cut", "", 24))
    tally, groups, aside = load(Rows([ROW] * 2, context=5, duplicate=1, rejected=rejected, incomplete="cut"), tmp_path)
    assert (tally.records, tally.flows_rows, tally.context, tally.duplicate) == (10, 2, 5, 1)
    assert tally.incomplete == "cut"
    assert tally.warnings[0] == "said"
    assert groups == [(None, None, 2)]
    assert aside == [(3, None, "short"), (None, 24, "cut")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ts": None}, "ts: no time"),
        ({"server_ip": "x"}, "server_ip: not an IP address"),
        ({"server_port": 70_000}, "server_port: not a port"),
        ({"bytes_sent": -1}, "bytes_sent: not an integer"),
        ({"client_ip": "x"}, "client_ip: not an IP address"),
        ({"host": "a:1"}, "host: a port"),
    ],
)
def test_a_bad_row_is_put_aside_with_its_own_line(change: dict[str, Any], reason: str, tmp_path: Path) -> None:
    tally, groups, aside = load(Rows([ROW, ROW | {"line": 9} | change], rejected=[Rejected(1, "a", "")]), tmp_path)
    assert groups == [(None, None, 1)]
    assert tally.quarantined == 2
    assert aside[1][:2] == (9, None)
    assert aside[1][2].startswith(reason)


def test_its_answers_name_its_own_flows(tmp_path: Path) -> None:
    answer = {"ts": AT - timedelta(seconds=9), "client_ip": "10.0.0.1", "host": "d.example", "address": "81.2.69.160"}
    conversion = Rows([ROW, ROW | {"client_ip": "10.0.0.2"}], [answer | {"ttl_s": 60.0}], context=1)
    assert load(conversion, tmp_path)[1] == [("d.example", "dns", 1), (None, None, 1)]
    anybody = Rows([ROW, ROW | {"client_ip": "10.0.0.2"}], [answer | {"client_ip": None}], context=1)
    assert load(anybody, tmp_path)[1] == [("d.example", "dns_shared", 2)]


def test_a_client_s_own_answer_goes_before_anybody_s(tmp_path: Path) -> None:
    answer = {"ts": AT - timedelta(seconds=9), "client_ip": "10.0.0.1", "host": "own.example", "address": "81.2.69.160"}
    others = [answer, answer | {"client_ip": None, "host": "any.example", "ts": AT}]
    assert load(Rows([ROW], others, context=2), tmp_path)[1] == [("own.example", "dns_shared", 1)]


def test_only_answers(tmp_path: Path) -> None:
    tally, groups, _ = load(Rows([], context=4), tmp_path)
    assert (tally.records, tally.context, groups) == (4, 4, [])


def test_an_account_that_does_not_balance_is_our_fault(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="2 records, but 1 rows and 0 others"):
        load(Rows([ROW], lost=1), tmp_path)
