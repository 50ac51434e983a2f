"""Google Cloud's VPC Flow Logs: reporters, directions, times, and each kind of damage."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.traffic.conftest import Write, read
from tests.traffic.logs.conftest import rows

from residency.errors import InputError

T0 = datetime(2026, 6, 1, tzinfo=UTC)
IDS = count()


def at(seconds: float) -> str:
    """A time as Google writes it, with nanoseconds."""
    return (T0 + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def entry(
    src: str = "10.0.0.2:50000", dst: str = "81.2.69.160:443", *, start: float = 0, end: float = 4, **more: Any
) -> dict[str, Any]:
    """One log entry; addresses are given with their ports, `more` goes to the payload (None takes a key away)."""
    (source, sport), (target, dport) = (text.rsplit(":", 1) for text in (src, dst))
    ends = {"src_ip": source, "src_port": int(sport), "dest_ip": target, "dest_port": int(dport), "protocol": 6}
    usual = {"bytes_sent": "1224", "packets_sent": "9", "reporter": "SRC", "start_time": at(start), "end_time": at(end)}
    payload = {"connection": ends | more.pop("connection", {})} | usual | more
    return {
        "insertId": f"id{next(IDS)}",
        "jsonPayload": {key: value for key, value in payload.items() if value is not None},
        "logName": "projects/p/logs/compute.googleapis.com%2Fvpc_flows",
        "resource": {"type": "gce_subnetwork", "labels": {"subnetwork_name": "default"}},
        "timestamp": at(10),
    }


def back(**more: Any) -> dict[str, Any]:
    """The other direction of the usual entry, as the client's machine sees it."""
    return entry("81.2.69.160:443", "10.0.0.2:50000", **{"reporter": "DEST", "bytes_sent": "5342"} | more)


def lines(*entries: dict[str, Any]) -> str:
    return "".join(json.dumps(one) + "\n" for one in entries)


def told(row: dict[str, Any]) -> tuple[Any, ...]:
    names = ("client_ip", "client_port", "server_ip", "server_port", "bytes_sent", "bytes_received")
    return tuple(row.get(name) for name in names)


USUAL = ("10.0.0.2", 50_000, "81.2.69.160", 443, 1224, 5342)


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("is_array", [True, False])
def test_two_directions_are_one_flow(write: Write, indent: int | None, *, is_array: bool) -> None:
    entries = [entry(), back(start=1, end=6)]
    text = json.dumps(entries, indent=indent) if is_array else "\n".join(json.dumps(e, indent=indent) for e in entries)
    result = read([write("a.json", text + "\n")])
    assert (result.one.format, result.one.records, result.one.flows_rows, result.one.context) == ("gcp-vpc", 2, 1, 1)
    [row] = rows([write("b.json", text)])
    assert told(row) == USUAL
    assert (row["proto"], row["answered"]) == ("tcp", True)
    assert [row["ts"], row["ended"]] == [T0, T0 + timedelta(seconds=6)]


def test_samples_are_said(write: Write) -> None:
    assert any("samples packets" in text for text in read([write("a.json", lines(entry()))]).warnings)


def test_a_direction_that_is_not_there_is_not_known(write: Write) -> None:
    [row] = rows([write("a.json", lines(entry()))])
    assert (told(row), row.get("answered")) == ((*USUAL[:5], None), None)


def test_acknowledgements_alone_are_no_answer_and_no_silence(write: Write) -> None:
    [row] = rows([write("a.json", lines(entry(), back(bytes_sent="0")))])
    assert told(row)[5] == 0
    assert row.get("answered") not in (True, False, "true", "false")


# -- reporters -------------------------------------------------------------------------------------------------------


def both_sides() -> list[dict[str, Any]]:
    """One conversation of two machines, each of which reports both directions, a little apart."""
    return [
        entry(rtt_msec="20"),
        back(rtt_msec="21"),
        entry(reporter="DEST", start=0.02, end=4.02, rtt_msec="30"),
        back(reporter="SRC", start=0.01, end=3.9, rtt_msec="31"),
    ]


@given(st.permutations(range(4)))
def test_reports_of_both_sides_are_counted_once(write: Write, order: list[int]) -> None:
    entries = both_sides()
    path = write("a.json", lines(*(entries[place] for place in order)))
    result = read([path])
    assert (result.one.records, result.one.flows_rows, result.one.context, result.one.duplicate) == (4, 1, 1, 2)
    assert [told(row) for row in rows([path])] == [USUAL]


@pytest.mark.parametrize("reporter", ["SRC_GATEWAY", "DEST_GATEWAY"])
def test_gateways_tell_again_what_a_machine_told(write: Write, reporter: str) -> None:
    result = read([write("a.json", lines(entry(), entry(reporter=reporter, start=1, end=5)))])
    assert (result.one.flows_rows, result.one.duplicate) == (1, 1)
    assert read([write("b.json", lines(entry(reporter=reporter)))]).one.flows_rows == 1


@pytest.mark.parametrize(("start", "duplicate"), [(6.0, 1), (6.1, 0)])
def test_what_only_the_receiver_reports_counts(write: Write, start: float, duplicate: int) -> None:
    result = read([write("a.json", lines(entry(), entry(reporter="DEST", start=start, end=start + 1)))])
    assert result.one.duplicate == duplicate
    assert result.groups[0]["bytes_sent"] == 1224 * (2 - duplicate)


def test_the_same_entry_again_is_a_duplicate(write: Write) -> None:
    one = entry()
    result = read([write("a.json", lines(one, one, one | {"timestamp": at(11)}))])
    assert (result.one.duplicate, result.one.flows_rows, result.one.context) == (1, 1, 1)


def test_ports_tell_the_server_else_the_first_entry(write: Write) -> None:
    [row] = rows([write("a.json", lines(back(start=-3)))])
    assert told(row) == (*USUAL[:4], None, 5342)
    high = [entry("10.0.0.2:50000", "10.0.0.3:50001", start=1), entry("10.0.0.3:50001", "10.0.0.2:50000", start=0)]
    [row] = rows([write("b.json", lines(*high))])
    assert row["server_ip"] == "10.0.0.2"


# -- times -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "rtt_ms"),
    [
        ([entry(rtt_msec="20"), back(rtt_msec="18")], 18.0),
        ([entry(rtt_msec=20)], 20.0),
        ([entry(rtt_msec="0")], None),
        ([entry(rtt_msec="-3")], None),
        ([entry(rtt_msec="NaN")], None),
        ([entry(rtt_msec="x")], None),
        ([entry()], None),
        ([entry(reporter="DEST", rtt_msec="20")], None),
        ([back(reporter="SRC", rtt_msec="20")], None),
        ([back(rtt_msec="20")], 20.0),
        ([entry(reporter="SRC_GATEWAY", rtt_msec="20")], None),
    ],
)
def test_only_what_the_client_measured_is_a_time_and_proves_nothing(
    write: Write, entries: list[dict[str, Any]], rtt_ms: float | None
) -> None:
    [row] = rows([write("a.json", lines(*entries))])
    expected = {} if rtt_ms is None else {"rtt_ms": rtt_ms, "rtt_kind": "syn", "rtt_from": "client"}
    assert {key: row[key] for key in ("rtt_ms", "rtt_kind", "rtt_from") if key in row} == expected


@pytest.mark.parametrize(("pause_s", "flows"), [(300, 1), (301, 2)])
def test_a_long_pause_ends_a_conversation(write: Write, pause_s: int, flows: int) -> None:
    start = 4 + pause_s
    assert read([write("a.json", lines(entry(), entry(start=start, end=start + 4)))]).one.flows_rows == flows


def test_other_logs_in_the_export_are_context(write: Write) -> None:
    other: list[dict[str, Any]] = [
        {"jsonPayload": {"message": "x"}},
        {"textPayload": "x"},
        {"jsonPayload": {"connection": {}}},
    ]
    for name, text in (("a.json", lines(entry(), *other)), ("b.json", json.dumps([entry(), *other]))):
        result = read([write(name, text)])
        assert (result.one.records, result.one.flows_rows, result.one.context) == (4, 1, 3)


# -- damage ----------------------------------------------------------------------------------------------------------

BAD: list[tuple[dict[str, Any], str]] = [
    (entry(bytes_sent="-1"), "bytes: not an integer"),
    (entry(bytes_sent=str(2**64 - 1)), "bytes: not an integer"),
    (entry(bytes_sent=1.5), "bytes: not an integer"),
    (entry(packets_sent="many"), "packets: not an integer"),
    (entry(end=-1), "end_time: before the start"),
    (entry(start_time=None), "start_time: not a time with an offset"),
    (entry(start_time="2026-06-01T00:00:00"), "start_time: not a time with an offset"),
    (entry(end_time="later"), "end_time: not a time with an offset"),
    (entry(reporter="ME"), "reporter: none of SRC, DEST"),
    (entry(reporter=None), "reporter: none of SRC, DEST"),
    (entry(connection={"src_port": 70_000}), "src_port: not a port"),
    (entry(connection={"dest_port": "x"}), "dst_port: not an integer"),
    (entry(connection={"dest_ip": None}), "connection: an address is missing"),
    (entry(connection={"dest_ip": "010.0.0.1"}), "server_ip: not an address"),
    (entry(connection={"protocol": 300}), "proto: neither"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD)
@pytest.mark.parametrize("is_array", [True, False])
def test_a_damaged_entry_is_put_aside(write: Write, bad: dict[str, Any], reason: str, *, is_array: bool) -> None:
    entries = [entry(), bad, back()]
    text = "[" + ",\n".join(json.dumps(one) for one in entries) + "]" if is_array else lines(*entries)
    result = read([write("a.json", text)])
    assert (result.one.records, result.one.flows_rows, result.one.context) == (3, 1, 1)
    [(line, found)] = result.reasons
    assert (line, found[: len(reason)]) == (2, reason)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"jsonPayload": 5}', "jsonPayload: a JSON value of the wrong type"),
        (b'{"jsonPayload": {"connection": []}}', "jsonPayload: a JSON value of the wrong type"),
        (b'{"insertId": "a", "insertId": "b"}', "not a JSON object: a key is there twice"),
        (json.dumps(entry(bytes_sent=float("nan"))).encode(), "bytes: not an integer from 0 to 2^62 - 1"),
        (b"[" * 100_000, "not a JSON object: nested too deeply"),
        (b'{"insertId": "\xff"}', "not valid UTF-8"),
        (b'{"insertId": "\\ud800"}', "not a JSON object: half of a surrogate pair"),
        (b'{"insertId": "\0"}', "a NUL byte in the line"),
        (b'"x"', "not a JSON object"),
        (b"null", "not a JSON object"),
    ],
)
def test_a_damaged_line_is_put_aside(write: Write, line: bytes, reason: str) -> None:
    result = read([write("a.json", lines(entry()).encode() + line + b"\n" + lines(back()).encode())])
    assert (result.one.flows_rows, result.one.context) == (1, 1)
    assert result.reasons == [(2, reason)]


def test_a_half_line_at_the_end(write: Write) -> None:
    result = read([write("a.json", lines(entry(), back())[:-40])])
    assert (result.one.flows_rows, result.one.quarantined) == (1, 1)
    assert result.reasons[0][1].startswith("truncated last line")
    assert result.one.incomplete == "the last line is cut"


def test_an_array_that_breaks_off(write: Write) -> None:
    result = read([write("a.json", json.dumps([entry(), back()])[:-40])])
    assert (result.one.flows_rows, result.one.quarantined) == (1, 1)
    assert result.one.incomplete is not None


def test_entries_without_any_flow_are_an_error(write: Write) -> None:
    with pytest.raises(InputError, match="zero flows"):
        read([write("a.json", lines({"jsonPayload": {}}))], input_format="gcp-vpc")
