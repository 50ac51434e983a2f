"""The written flow table: the same content whatever the form, in one order, and read again with the same result."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.traffic.conftest import GOOD, HEADER, Write, read
from tests.traffic.logs.test_aws_vpc import T0, record, swapped
from tests.traffic.test_zeek import CONN, DNS, SSL, tsv

from residency.errors import UsageError
from residency.traffic import read_traffic

MAPPED = GOOD.replace("81.2.69.160", "::FFFF:81.2.69.160")
CSV = HEADER + GOOD * 2 + MAPPED + GOOD.replace("a.example", "A.Example.") + GOOD.replace("443", "x") + GOOD[:30] + "\n"


def written(inputs: Sequence[Any], path: Path) -> Path:
    with read_traffic(inputs, cuts_us=(), keep_rows=True) as traffic:
        traffic.write_flows(str(path), {".parquet": "parquet", ".csv": "csv"}.get(path.suffix, "ndjson"))
    return path


@pytest.fixture
def mixed(write: Write) -> list[Path]:
    return [
        write("flows.csv", CSV),
        write("conn.log", tsv("conn", [CONN, CONN | {"uid": "C2", "id.resp_h": "2a02:6b8::1"}])),
        write("oth.log", tsv("conn", [CONN | {"uid": "C3", "resp_bytes": "0", "conn_state": "OTH", "history": "D"}])),
        write("ssl.log", tsv("ssl", [SSL])),
        write("dns.log", tsv("dns", [DNS | {"answers": "2a02:6b8::1", "TTLs": "60"}])),
        write("vpc.log", record(start=T0 + 5) + swapped(start=T0 + 5, packets=1, bytes=60)),
    ]


@pytest.mark.parametrize("form", ["parquet", "csv", "ndjson"])
def test_what_is_written_reads_the_same(mixed: list[Path], tmp_path: Path, form: str) -> None:
    expected = read(mixed)
    assert {group["answered"] for group in expected.groups} == {True, None}
    result = read([written(mixed, tmp_path / f"flows.{form}")])
    assert result.groups == expected.groups
    assert (result.one.quarantined, result.one.records) == (0, sum(one.flows_rows for one in expected.inputs))


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_captures_read_the_same_from_their_table(shared: Path, tmp_path: Path, form: str) -> None:
    captures = [path for path in sorted((shared / "inputs" / "pcap").iterdir()) if path.suffix != ".json"]
    expected = read(captures)
    assert None in {group["answered"] for group in expected.groups}
    assert read([written(captures, tmp_path / f"a.{form}")]).groups == expected.groups


def test_the_order_of_inputs_and_rows_does_not_matter(mixed: list[Path], tmp_path: Path) -> None:
    rows = [GOOD.replace("10.0.0.1", f"10.0.{i % 5}.{i}").replace("443", str(i)) for i in range(200)]
    (tmp_path / "more.csv").write_text(HEADER + "".join(rows))
    first = written([*mixed, tmp_path / "more.csv"], tmp_path / "a.parquet").read_bytes()
    random.Random(7).shuffle(rows)
    (tmp_path / "more.csv").write_text(HEADER + "".join(rows))
    assert written([tmp_path / "more.csv", *reversed(mixed)], tmp_path / "b.parquet").read_bytes() == first


def test_only_columns_that_hold_something_beside_the_usual(write: Write, tmp_path: Path) -> None:
    usual = ["ts", "client_ip", "server_ip", "server_port", "proto", "bytes_sent", "bytes_received", "host", "named_by"]
    usual += ["answered", "rtt_ms", "rtt_kind", "flows"]
    plain = pq.read_table(written([write("flows.csv", HEADER + GOOD)], tmp_path / "a.parquet"))
    assert plain.column_names == usual
    assert str(plain.schema.field("ts").type) == "timestamp[us, tz=UTC]"
    vpc = pq.read_table(written([write("vpc.log", record())], tmp_path / "b.parquet"))
    assert vpc.column_names == [*usual, "ended", "client_port"]


def test_what_is_not_known_in_spite_of_bytes_is_said(write: Write, tmp_path: Path) -> None:
    doubtful = write("vpc.log", record() + swapped(packets=1, bytes=60))
    table = pq.read_table(written([doubtful], tmp_path / "a.parquet"))
    assert table["answered"].to_pylist() == ["unknown"]
    assert [g["answered"] for g in read([tmp_path / "a.parquet"]).groups] == [None]


def test_text_of_others_stays_on_its_line_and_runs_nowhere(tmp_path: Path) -> None:
    names = ["=cmd|' /C calc'!A0", "+1", "@SUM(A1)", "a\nb\r\0c", "-2", 'quote"d', "plain"]
    columns = {"ts": [float(T0 + i) for i in range(len(names))], "server_ip": ["81.2.69.160"] * len(names)}
    table = pa.table(columns | {"vantage": names})
    text = written([table], tmp_path / "a.csv").read_text()
    assert text.count("\n") == len(names) + 1
    assert not [
        cell for line in text.splitlines() for cell in line.split(",") if cell.lstrip('"')[:1] in "=+@-" and cell
    ]
    assert read([tmp_path / "a.csv"]).one.flows_rows == len(names)


def test_integers_for_addresses_are_written_as_addresses(tmp_path: Path) -> None:
    table = pa.table({"ts": [float(T0)], "server_ip": [16843009], "client_ip": [10 * 2**24 + 1]})
    [row] = pq.read_table(written([table], tmp_path / "a.parquet")).to_pylist()
    assert (row["server_ip"], row["client_ip"]) == ("1.1.1.1", "10.0.0.1")


def test_a_flow_id_is_kept_and_a_duplicate_is_not_written(write: Write, tmp_path: Path) -> None:
    head = HEADER.strip() + ",flow_id\n"
    path = write("a.csv", head + GOOD.strip() + ",f1\n" + GOOD.strip() + ",f1\n" + GOOD.strip() + ",\n")
    table = pq.read_table(written([path], tmp_path / "b.parquet"))
    assert sorted(table["flow_id"].to_pylist(), key=str) == [None, "f1"]


def test_what_cannot_be_written_is_an_error(write: Write, tmp_path: Path) -> None:
    path = write("a.csv", HEADER + GOOD)
    with pytest.raises(UsageError, match="cannot be written"):
        written([path], tmp_path / "missing" / "a.csv")
    with read_traffic([path], cuts_us=()) as traffic, pytest.raises(UsageError, match="no rows were kept"):
        traffic.flow_table()
