"""Parquet files and tables in memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.traffic.conftest import GOOD, HEADER, Write, read

from residency.errors import InputError
from residency.traffic import plain

_TS = [datetime(2026, 6, 1, tzinfo=UTC)] * 3


def table(**changes: Any) -> pa.Table:
    columns: dict[str, Any] = {
        "ts": pa.array(_TS, pa.timestamp("us", "UTC")),
        "client_ip": ["10.0.0.1"] * 3,
        "server_ip": ["81.2.69.160"] * 3,
        "server_port": [443] * 3,
        "proto": ["tcp"] * 3,
        "bytes_sent": [5] * 3,
        "bytes_received": [6] * 3,
        "host": ["a.example"] * 3,
        "more": [None] * 3,
    }
    return pa.table({name: value for name, value in (columns | changes).items() if value is not None})


def test_every_kind_of_table_gives_the_same(write: Write, tmp_path: Path) -> None:
    expected = read([write("a.csv", HEADER + GOOD * 3)]).groups
    pq.write_table(table(), tmp_path / "a.parquet")
    frame = table().drop(["more"]).to_pandas()
    for one in (tmp_path / "a.parquet", table(), frame, pl.from_arrow(table()), table().to_reader()):
        result = read([one])
        assert result.groups == expected
    assert read([frame]).one.path == "<table 1>"


def test_times_in_nanoseconds_are_times(tmp_path: Path) -> None:
    fine = table(ts=pa.array([1_780_272_000_000_000_400] * 3, pa.timestamp("ns", "UTC")))
    pq.write_table(fine, tmp_path / "a.parquet", version="2.6")
    for one in (fine, tmp_path / "a.parquet"):
        assert read([one]).span == (1_780_272_000_000_000, 1_780_272_000_000_000)


def test_the_same_table_twice_counts_once() -> None:
    chunked = pa.concat_tables([table().slice(0, 1), table().slice(1)])
    result = read([table(), chunked])
    assert [(one.path, one.flows_rows, one.duplicate) for one in result.inputs] == [
        ("<table 1>", 3, 0),
        ("<table 2>", 0, 3),
    ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"server_ip": ["81.2.69.160", "x", "81.2.69.160"]}, "server_ip: not an IP address"),
        ({"client_ip": ["10.0.0.1", "x", "10.0.0.1"]}, "client_ip: not an IP address"),
        ({"bytes_sent": [1, -1, 1]}, "bytes_sent: not an integer"),
        ({"bytes_sent": [1.0, 1.5, None]}, "bytes_sent: not an integer"),
        ({"bytes_sent": [1.0, float("inf"), None]}, "bytes_sent: not an integer"),
        ({"bytes_sent": pa.array([1, 2**64 - 1, 1], pa.uint64())}, "bytes_sent: not an integer"),
        ({"bytes_sent": ["1", "1.5", None]}, "bytes_sent: not an integer"),
        ({"server_port": [1, 70_000, 1]}, "server_port: not a port"),
        ({"ts": [1.0, float("nan"), 2.0]}, "ts: neither"),
        ({"ts": [1, -5, 2]}, "ts: outside"),
        ({"ts": [1, 2**62, 2]}, "ts: outside"),
        ({"ts": ["1", "2026-06-01T00:00:00", "1"]}, "ts: a time without an offset"),
        ({"host": ["a.example", "a:1", None]}, "host: a port"),
        ({"server_ip": pa.array([16843009, 2**33, 1], pa.int64())}, "server_ip: an integer that is no IPv4"),
    ],
)
def test_a_bad_row_is_numbered(changes: dict[str, Any], reason: str) -> None:
    result = read([table(**changes)])
    [(line, why)] = result.reasons
    assert line == 2
    assert why.startswith(reason)


def test_addresses_as_integers() -> None:
    column = pa.array([16843009, 16843009, 2**32 - 1], pa.uint32())
    assert [g["server_ip"] for g in read([table(server_ip=column)]).groups] == ["1.1.1.1", "255.255.255.255"]


def test_categories_and_nulls() -> None:
    frame = table().drop(["more"]).to_pandas()
    frame["host"] = frame["host"].astype("category")
    frame["bytes_sent"] = [1.0, float("nan"), 2.0]
    [group] = read([frame]).groups
    assert (group["bytes_sent"], group["sent_unknown"]) == (3, 1)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"ts": pa.array([datetime(2026, 6, 1)] * 3, pa.timestamp("us"))}, "without a time zone"),  # noqa: DTZ001
        ({"ts": [True] * 3}, "is no time"),
        ({"ts": None}, "no column ts"),
        ({"server_ip": [b"\x01\x01\x01\x01"] * 3}, "neither text nor an integer"),
        ({"server_ip": ["x"] * 3}, "zero flows"),
    ],
)
def test_refused_tables(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(InputError, match=what):
        read([table(**changes)])


def test_what_is_no_table() -> None:
    with pytest.raises(InputError, match="neither a path nor a table"):
        read([object()])
    with pytest.raises(InputError, match="zero flows"):
        read([pd.DataFrame({"ts": pd.Series([], dtype=int), "server_ip": pd.Series([], dtype=str)})])


def test_half_a_parquet_file(write: Write, tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:4], whole[:-8] + b"\xff\xff\xff\x7fPAR1"):
        with pytest.raises(InputError):
            read([write("b.parquet", damaged)])


_SPOILT: dict[str, Any] = {
    "ts": None,
    "client_ip": "10.0.0.999",
    "server_ip": "nowhere",
    "server_port": 70_000,
    "proto": "t c p",
    "bytes_sent": -1,
    "bytes_received": 2**53 + 1,  # too much to be summed as a double, and good all the same
    "host": "a:1",
}


def spoilt(path: Path, *, every: int, rows: int = 3_000) -> Path:
    """Write rows of which every so many have one bad value, each column in its turn."""
    columns: dict[str, list[Any]] = {
        "ts": [datetime(2026, 6, 1, tzinfo=UTC) + timedelta(seconds=i) for i in range(rows)],
        "client_ip": [f"10.0.0.{i % 250}" for i in range(rows)],
        "server_ip": [f"81.2.69.{i % 9}" for i in range(rows)],
        "server_port": [443 + i % 2 for i in range(rows)],
        "proto": ["tcp"] * rows,
        "bytes_sent": list(range(rows)),
        "bytes_received": [i % 2 for i in range(rows)],
        "host": [f"h{i % 5}.example" for i in range(rows)],
    }
    for turn, row in enumerate(range(0, rows, every)):
        name = list(_SPOILT)[turn % len(_SPOILT)]
        columns[name][row] = _SPOILT[name]
    pq.write_table(pa.table(columns), path, row_group_size=1_000)
    return path


@pytest.mark.parametrize("every", [1_000, 100, 7])
def test_only_the_bad_rows_of_a_parquet_file_are_read_exactly(
    every: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = spoilt(tmp_path / "a.parquet", every=every)
    exact: list[int] = []
    take_exact = plain.Loader.take_exact

    def remember(loader: plain.Loader, number: int, source: Any, tally: Any, **options: Any) -> None:
        exact.append(source.records)
        take_exact(loader, number, source, tally, **options)

    monkeypatch.setattr(plain.Loader, "take_exact", remember)
    day = 1_780_272_000_000_000
    found = read([path], [day + 1_000_000_000])
    bad = len(range(0, 3_000, every))
    good = len(range(list(_SPOILT).index("bytes_received"), bad, len(_SPOILT)))
    assert exact == [bad]
    assert found.one.quarantined == bad - good

    monkeypatch.setattr(plain.Loader, "_read_bad_rows", lambda *_: False)
    slow = read([path], [day + 1_000_000_000])
    assert exact[1:] == [3_000]
    assert found == slow


def test_more_bad_rows_than_are_looked_for_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "_MOST_BAD_ROWS", 2)
    found = read([spoilt(tmp_path / "a.parquet", every=100)])
    assert found.one.quarantined == 27
    assert found.one.flows_rows == 2_973
