"""VPC flow logs: every record accounted for, directions joined, nothing that was refused counted as sent."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.traffic.conftest import Write, read
from tests.traffic.logs.conftest import rows
from tests.traffic.test_zeek import DNS, tsv

from residency.errors import InputError
from residency.traffic.logs.aws_vpc import FIELDS

T0 = 1_780_272_000
HEADER = " ".join(FIELDS[:14]) + "\n"


def record(src: str = "10.0.0.1:50000", dst: str = "81.2.69.160:443", **more: Any) -> str:
    """One line of the default format; addresses are given with their ports."""
    (source, sport), (target, dport) = (text.rsplit(":", 1) for text in (src, dst))
    usual = {"proto": 6, "packets": 10, "bytes": 9000, "start": T0, "end": T0 + 59, "action": "ACCEPT", "status": "OK"}
    found = usual | {"eni": "eni-1"} | more
    tail = " ".join(str(found[name]) for name in ("proto", "packets", "bytes", "start", "end", "action", "status"))
    return f"2 123456789010 {found['eni']} {source} {target} {sport} {dport} {tail}\n"


def swapped(**more: Any) -> str:
    return record("81.2.69.160:443", "10.0.0.1:50000", **more)


def told(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in ("client_ip", "server_ip", "server_port", "bytes_sent", "bytes_received"))


def test_two_directions_are_one_flow(write: Write) -> None:
    path = write("vpc.log", HEADER + record(bytes=2000) + swapped(bytes=9000, start=T0 + 1, end=T0 + 58))
    result = read([path])
    assert (result.one.records, result.one.flows_rows, result.one.context) == (2, 1, 1)
    [row] = rows([path])
    assert told(row) == ("10.0.0.1", "81.2.69.160", 443, 2000, 9000)
    assert (row["answered"], row["client_port"], row["proto"]) == (True, 50_000, "tcp")
    assert [t.timestamp() for t in (row["ts"], row["ended"])] == [T0, T0 + 59]


def test_the_order_of_lines_does_not_matter(write: Write) -> None:
    lines = [record(bytes=1), swapped(bytes=2), record(start=T0 + 60, end=T0 + 99), swapped(start=T0 + 60, end=T0 + 99)]
    found = rows([write("a.log", "".join(lines))])
    assert rows([write("b.log", "".join(reversed(lines)))]) == found
    assert len(found) == 2


@pytest.mark.parametrize(
    "other",
    [
        swapped(start=T0 + 60, end=T0 + 119),
        swapped(eni="eni-2"),
        swapped(proto=17),
        swapped(action="REJECT"),
        record("81.2.69.160:444", "10.0.0.1:50000"),
        record(),
    ],
)
def test_what_is_no_other_direction_stays_alone(write: Write, other: str) -> None:
    result = read([write("vpc.log", record() + other)])
    assert (result.one.flows_rows, result.one.context) == (2, 0)


@pytest.mark.parametrize(
    ("src", "dst", "more", "server"),
    [
        ("10.0.0.1:50000", "81.2.69.160:443", {}, "81.2.69.160"),
        ("81.2.69.160:443", "10.0.0.1:50000", {}, "81.2.69.160"),
        ("81.2.69.160:5000", "10.0.0.1:50000", {}, "81.2.69.160"),
        ("81.2.69.160:8080", "10.0.0.1:443", {}, "10.0.0.1"),
        ("10.0.0.1:123", "81.2.69.160:123", {"proto": 17}, "81.2.69.160"),
        ("10.0.0.1:0", "81.2.69.160:0", {"proto": 1}, "81.2.69.160"),
    ],
)
def test_the_server_is_told_by_ports_else_by_who_sent(
    write: Write, src: str, dst: str, more: dict[str, Any], server: str
) -> None:
    [row] = rows([write("vpc.log", record(src, dst, **more))])
    assert row["server_ip"] == server


def flags(src: str, dst: str, tcp_flags: int) -> str:
    return record(src, dst).rstrip() + f" {tcp_flags}\n"


@pytest.mark.parametrize(("tcp_flags", "server"), [(2, "81.2.69.160"), (18, "10.0.0.1"), (19, "10.0.0.1")])
def test_a_syn_goes_before_ports(write: Write, tcp_flags: int, server: str) -> None:
    text = HEADER.rstrip() + " tcp-flags\n" + flags("10.0.0.1:443", "81.2.69.160:50000", tcp_flags)
    [row] = rows([write("vpc.log", text)])
    assert row["server_ip"] == server


@pytest.mark.parametrize(
    ("packets", "size", "answered"), [(10, 9000, True), (1, 40, False), (1, 60, None), (3, 164, None), (10, 801, True)]
)
def test_headers_are_no_answer(write: Write, packets: int, size: int, answered: bool | None) -> None:
    path = write("vpc.log", record() + swapped(packets=packets, bytes=size))
    [group] = read([path]).groups
    assert group["answered"] is answered
    assert group["bytes_received"] == size
    assert rows([path])[0]["answered"] == {True: True, False: False, None: "unknown"}[answered]


def test_what_was_refused_was_not_sent(write: Write) -> None:
    [group] = read([write("vpc.log", record(action="REJECT"))]).groups
    assert (group["answered"], group["bytes_sent"], group["bytes_received"]) == (False, 0, 0)


def test_a_single_direction_leaves_the_other_unknown(write: Write) -> None:
    [group] = read([write("vpc.log", record())]).groups
    assert (group["answered"], group["bytes_sent"], group["received_unknown"]) == (None, 9000, 1)
    [group] = read([write("vpc.log", swapped())]).groups
    assert (group["answered"], group["bytes_received"], group["sent_unknown"]) == (True, 9000, 1)


def test_windows_without_data_are_context(write: Write) -> None:
    none = "2 123456789010 eni-1 - - - - - - - 1431280876 1431280934 - {}\n"
    result = read([write("vpc.log", record() + none.format("NODATA") + none.format("SKIPDATA"))])
    assert (result.one.flows_rows, result.one.context) == (1, 2)
    assert any("SKIPDATA" in text for text in result.warnings)
    with pytest.raises(InputError, match="zero flows"):
        read([write("vpc.log", none.format("NODATA"))])


def test_any_order_of_fields_and_the_packet_s_own_addresses(write: Write) -> None:
    text = "end pkt-dstaddr start dstaddr srcaddr pkt-srcaddr action dstport srcport region\n"
    line = f"{T0 + 9} 81.2.69.160 {T0} 10.0.0.220 10.0.1.5 10.0.1.5 ACCEPT 443 50000 eu-west-1\n"
    [row] = rows([write("vpc.log", text + line)])
    assert told(row) == ("10.0.1.5", "81.2.69.160", 443, None, None)


def test_logs_joined_together_keep_their_headers(write: Write) -> None:
    other = "start end srcaddr dstaddr srcport dstport\n" + f"{T0} {T0 + 1} 10.0.0.9 81.2.69.161 50001 443\n"
    result = read([write("vpc.log", HEADER + record() + other + HEADER + record("10.0.0.2:50000"))])
    assert (result.one.records, result.one.flows_rows) == (3, 3)


def test_lines_of_cloudwatch_carry_a_time_before(write: Write) -> None:
    assert len(rows([write("vpc.log", "2026-06-01T00:01:00.000Z " + record())])) == 1


@pytest.mark.parametrize("names", ["hyphens", "underscores"])
def test_parquet(tmp_path: Path, names: str, write: Write) -> None:
    columns: dict[str, Any] = {
        "version": [2, 2],
        "interface-id": ["eni-1"] * 2,
        "srcaddr": ["10.0.0.1", "81.2.69.160"],
        "dstaddr": ["81.2.69.160", "10.0.0.1"],
        "srcport": [50_000, 443],
        "dstport": [443, 50_000],
        "protocol": [6, 6],
        "packets": [10, 10],
        "bytes": [2000, 9000],
        "start": [T0, T0],
        "end": [T0 + 59] * 2,
        "action": ["ACCEPT"] * 2,
        "log-status": ["OK"] * 2,
    }
    if names == "underscores":
        columns = {name.replace("-", "_"): values for name, values in columns.items()}
    pq.write_table(pa.table(columns), tmp_path / "vpc.parquet")
    expected = rows([write("vpc.log", record(bytes=2000) + swapped())])
    assert rows([tmp_path / "vpc.parquet"]) == expected
    assert read([tmp_path / "vpc.parquet"]).one.format == "aws-vpc"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (record(bytes=-1), "bytes: not an integer"),
        (record(bytes=2**64), "bytes: not an integer"),
        (record(bytes="1.5"), "bytes: not an integer"),
        (record(bytes="0x10"), "bytes: not an integer"),
        (record(packets="many"), "packets: not an integer"),
        (record(start=T0, end=T0 - 1), "end: before the start"),
        (record(start=-5), "start: not seconds"),
        (record(start=2**62), "start: not seconds"),
        (record(start="-"), "start: not seconds"),
        (record("10.0.0.1:70000"), "srcport: not a port"),
        (record(proto=256), "protocol: not a protocol"),
        (record(action="MAYBE"), "action: neither"),
        (record(status="FINE"), "log-status: no status"),
        (record("-:50000"), "srcaddr: an address is missing"),
        (record(dst="010.0.0.1:443"), "server_ip:"),
        (record("10.0.0.300:50000"), "client_ip: not an IP address"),
        ("2 short\n", "2 fields where the header has 14"),
        (record().replace("eni-1", "eni\0"), "a NUL byte"),
        (record().replace("eni-1", "eni\r"), "a carriage return"),
    ],
)
def test_bad_records_are_put_aside_with_their_line(write: Write, line: str, reason: str) -> None:
    result = read([write("vpc.log", HEADER + record() + line + record("10.0.0.2:50000"))])
    [(number, why)] = result.reasons
    assert number == 3
    assert why.startswith(reason)
    assert result.one.flows_rows == 2


def test_bad_utf8_and_a_cut_last_line(write: Write) -> None:
    data = (HEADER + record()).encode() + b"2 \xff " + record().encode()[2:] + record().encode()[:-20]
    result = read([write("vpc.log", data)])
    assert [line for line, _ in result.reasons] == [3, 4]
    assert result.reasons[1][1].startswith("truncated last line")
    assert result.one.incomplete == "the last line is cut"


@pytest.mark.parametrize("change", [lambda t: t.replace("\n", "\r\n"), lambda t: "\ufeff" + t, lambda t: t[:-1]])
def test_other_line_ends_and_marks(write: Write, change: Callable[[str], str]) -> None:
    text = HEADER + record(bytes=2000) + swapped()
    assert rows([write("b.log", change(text))]) == rows([write("a.log", text)])


def test_compressed(write: Write) -> None:
    result = read([write("vpc.log.gz", gzip.compress((HEADER + record() + swapped()).encode())[:-4])])
    assert result.one.incomplete == "stream ends before its end mark (truncated)"
    assert result.one.flows_rows == 1


def test_a_layout_that_tells_no_flow_is_refused(write: Write) -> None:
    with pytest.raises(InputError, match="no field start"):
        read([write("vpc.log", "srcaddr dstaddr end\n1.1.1.1 2.2.2.2 5\n")])


def test_answers_of_other_inputs_name_its_flows(write: Write) -> None:
    dns = write("dns.log", tsv("dns", [DNS | {"ts": str(T0 - 5)}]))
    result = read([write("vpc.log", record() + swapped() + record("10.0.0.2:50000")), dns])
    assert sorted((str(g["host"]), str(g["named_by"])) for g in result.groups) == [
        ("None", "None"),
        ("d.example", "dns"),
    ]


def test_the_real_logs(shared: Path) -> None:
    folder = shared / "inputs" / "cloud"
    one = read([folder / "aws_vpcflow_v2_extra.log"]).one
    assert (one.records, one.flows_rows, one.context, one.quarantined) == (7, 5, 2, 0)
    [row] = rows([folder / "aws_vpcflow_v5_all_fields.log"])
    assert told(row) == ("89.160.20.156", "10.200.0.80", 33004, 0, 0)
    assert row["answered"] is False


windows = st.lists(
    st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 3), st.integers(1, 3)), min_size=1, max_size=30
)


@given(windows)
def test_no_record_is_lost_or_counted_twice(tmp_path: Path, found: list[tuple[bool, int, int, int]]) -> None:
    """Whatever windows overlap: each record is a flow or context of one, and no byte is counted twice."""
    lines = [
        (swapped if is_back else record)(start=T0 + begin, end=T0 + begin + length, bytes=10**place)
        for place, (is_back, begin, length, _) in enumerate(found)
        if place < 15
    ]
    path = tmp_path / "vpc.log"
    path.write_text("".join(lines))
    result = read([path])
    assert result.one.records == len(lines)
    total = sum((g["bytes_sent"] or 0) + (g["bytes_received"] or 0) for g in result.groups)
    assert total == sum(10**place for place in range(len(lines)))
