"""NDJSON: strict lines, strict types, and the same answers as CSV."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.traffic.conftest import GOOD, HEADER, Write, read


def line(**changes: Any) -> str:
    row: dict[str, Any] = {
        "ts": "2026-06-01T00:00:00Z",
        "client_ip": "10.0.0.1",
        "server_ip": "81.2.69.160",
        "server_port": 443,
        "proto": "tcp",
        "bytes_sent": 5,
        "bytes_received": 6,
        "host": "a.example",
    }
    return json.dumps(row | changes) + "\n"


def test_the_same_groups_as_csv(write: Write) -> None:
    assert read([write("a.json", line())]).groups == read([write("a.csv", HEADER + GOOD)]).groups


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{\n", "not a JSON object"),
        ("[1]\n", "not a JSON object"),
        ("5\n", "not a JSON object"),
        ('{"ts": 1, "ts": 2, "server_ip": "81.2.69.160"}\n', "not a JSON object: a key is there twice"),
        ('{"ts": 1, "server_ip": "81.2.69.160", "host": "\\ud800"}\n', "not a JSON object: half of a surrogate pair"),
        ('{"ts": NaN, "server_ip": "81.2.69.160"}\n', "not a JSON object: NaN"),
        ("[" * 200_000 + "\n", "not a JSON object"),
        (line().strip() + line(), "not a JSON object"),
        (line(host=True), "host: a JSON value of the wrong type"),
        (line(host=5), "host: a JSON number"),
        (line(host={"a": 1}), "host: a JSON value of the wrong type"),
        (line(host=["a.example"]), "host: a JSON value of the wrong type"),
        (line(server_ip=1360151968), "server_ip: a JSON number"),
        (line(client_ip=5), "client_ip: a JSON number"),
        (line(ts=True), "ts: neither"),
        (line(ts={}), "ts: a JSON value of the wrong type"),
        (line(ts=None), "ts: no time"),
        (line(bytes_sent=1.5), "bytes_sent: not an integer"),
        (line(bytes_sent=-1), "bytes_sent: not an integer"),
        (line(bytes_sent=2**64), "bytes_sent: not an integer"),
        (line(bytes_sent=True), "bytes_sent: not an integer"),
        (line(server_port=70_000), "server_port: not a port"),
        (line(proto=True), "proto: a JSON value"),
        (line(vantage=False), "vantage: a JSON value"),
        (line(named_by="guess"), "named_by: none of"),
    ],
)
def test_a_bad_line_is_one_record(write: Write, bad: str, reason: str) -> None:
    result = read([write("a.json", line() + bad + line())])
    assert (result.one.records, result.one.flows_rows) == (3, 2)
    [(number, why)] = result.reasons
    assert number == 2
    assert why.startswith(reason)


def test_a_column_that_comes_late_is_seen(write: Write) -> None:
    text = "".join(line(bytes_sent=i) for i in range(5_000)) + line(vantage="here", extra={"deep": [1]})
    groups = read([write("a.json", text)]).groups
    assert [(g["vantage"], g["records"]) for g in groups] == [(None, 5_000), ("here", 1)]


def test_numbers_as_text_and_as_numbers_mean_the_same(write: Write) -> None:
    text = line(ts=1780272000) + line(ts="1780272000", bytes_sent="5", server_port="443", proto=6)
    [group] = read([write("a.json", text)]).groups
    assert (group["records"], group["bytes_sent"], group["proto"]) == (2, 10, "tcp")


def test_a_cut_last_line(write: Write) -> None:
    result = read([write("a.json", line() + line()[:-20])])
    assert result.one.incomplete == "the last line is cut"
    assert result.reasons[0][1].startswith("truncated last line")
