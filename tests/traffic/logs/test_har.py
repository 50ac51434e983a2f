"""HAR: archives of real browsers, what each entry becomes, and each kind of damage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.traffic.conftest import Write, read
from tests.traffic.logs.conftest import rows

from residency.errors import InputError

ENTRY = {
    "startedDateTime": "2026-06-01T02:00:00.250+02:00",
    "time": 120.5,
    "serverIPAddress": "81.2.69.160",
    "connection": "7",
    "request": {"url": "https://a.example/x?y", "httpVersion": "h2", "headersSize": 100, "bodySize": 20},
    "response": {"status": 200, "httpVersion": "h2", "headersSize": 200, "bodySize": 1000},
    "timings": {"blocked": 1, "dns": 10, "connect": 60.5, "ssl": 40, "send": 0, "wait": 9, "receive": 1},
}


def entry(**more: Any) -> dict[str, Any]:
    """An entry with other values; `request`, `response` and `timings` are added to, None takes a key away."""
    found = {
        key: ENTRY.get(key, {}) | value if isinstance(value, dict) else value  # type: ignore[operator]
        for key, value in more.items()
    }
    return {key: value for key, value in (ENTRY | found).items() if value is not None}


def har(*entries: Any, indent: int | None = None) -> str:
    log = {"version": "1.2", "creator": {"name": "x", "version": "1"}, "pages": [], "entries": list(entries)}
    return json.dumps({"log": log}, indent=indent)


@pytest.mark.parametrize(
    ("name", "flows", "records"),
    [
        ("har_files_chrome.har", 2, 3),
        ("har_files_firefox.har", 5, 14),
        ("har_files_safari.har", 3, 19),
        ("har_files_with-bom.har", 1, 1),
    ],
)
def test_archives_of_browsers(shared: Path, name: str, flows: int, records: int) -> None:
    path = shared / "inputs" / "har" / name
    result = read([path])
    assert (result.one.format, result.one.records, result.one.flows_rows) == ("har", records, flows)
    assert result.one.context == records - flows
    given_ = json.loads(path.read_bytes().decode("utf-8-sig"))["log"]["entries"]
    addresses = sorted(one["serverIPAddress"] for one in given_ if one.get("serverIPAddress"))
    assert sorted(row["server_ip"] for row in rows([path])) == addresses


def test_the_corrupted_archive_is_one_line(shared: Path) -> None:
    path = shared / "inputs" / "har" / "corrupted_har_brokenfile.har"
    with pytest.raises(InputError) as caught:
        read([path])
    assert str(caught.value) == f"{path}:2: log: not a JSON object (offset 8)"


def test_handshakes_of_safari_are_connect_less_ssl(shared: Path) -> None:
    found = rows([shared / "inputs" / "har" / "har_files_safari.har"])
    times = {row["server_ip"]: (row["rtt_kind"], round(row["rtt_ms"], 3)) for row in found if "rtt_ms" in row}
    assert times == {"13.35.121.29": ("syn", 10.0), "52.218.233.144": ("syn", 31.0)}


def test_an_entry_is_a_flow(write: Write) -> None:
    [row] = rows([write("a.har", har(entry()))])
    assert [row.pop(name).timestamp() for name in ("ts", "ended")] == [1780272000.25, 1780272000.3705]
    assert row == {
        "server_ip": "81.2.69.160",
        "server_port": 443,
        "proto": "tcp",
        "bytes_sent": 120,
        "bytes_received": 1200,
        "host": "a.example",
        "named_by": "http",
        "answered": True,
        "rtt_ms": 20.5,
        "rtt_kind": "syn",
        "rtt_syn_ms": 20.5,
        "rtt_from": "client",
        "flows": 1,
    }


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("http://A.Example/", "a.example", 80),
        ("https://a.example:8443/", "a.example", 8443),
        ("wss://a.example/socket", "a.example", 443),
        ("https://user:pass@a.example:1/x@y:2", "a.example", 1),
        ("https://a.example?x=https://b.example", "a.example", 443),
        ("https://xn--fa-hia.de/", "xn--fa-hia.de", 443),
        ("https://[2001:db8::1]:444/", None, 444),
        ("https://81.2.69.160/", None, 443),
        ("chrome-extension://abc/x", "abc", None),
        ("no url", None, None),
    ],
)
def test_the_host_and_port_are_of_the_url(write: Write, url: str, host: str | None, port: int | None) -> None:
    [row] = rows([write("a.har", har(entry(request={"url": url})))])
    assert (row.get("host"), row.get("server_port")) == (host, port)


def test_safari_s_port_goes_before_the_url_s(write: Write) -> None:
    [row] = rows([write("a.har", har(entry(_serverPort=8443)))])
    assert row["server_port"] == 8443


@pytest.mark.parametrize("address", ["[2a02:e00::5]", "2a02:e00::5"])
def test_brackets_are_taken_off(write: Write, address: str) -> None:
    [row] = rows([write("a.har", har(entry(serverIPAddress=address)))])
    assert row["server_ip"] == "2a02:e00::5"


@pytest.mark.parametrize(
    "more",
    [
        {"serverIPAddress": None},
        {"serverIPAddress": ""},
        {"_fromCache": "disk"},
        {"_fromCache": "memory"},
        {"_fetchType": "Memory Cache"},
        {"serverIPAddress": None, "request": {"url": "data:text/plain,x"}, "startedDateTime": "x"},
    ],
)
def test_what_reached_no_server_is_context(write: Write, more: dict[str, Any]) -> None:
    result = read([write("a.har", har(entry(), entry(**more)))])
    assert (result.one.records, result.one.flows_rows, result.one.context) == (2, 1, 1)


@pytest.mark.parametrize(
    ("timings", "version", "rtt_ms"),
    [
        ({"connect": 30, "ssl": -1}, "HTTP/1.1", 30.0),
        ({"connect": 30, "ssl": 0}, "HTTP/1.1", 30.0),
        ({"connect": 30, "ssl": 20}, "h2", 10.0),
        ({"connect": 30, "ssl": 30}, "h2", None),
        ({"connect": 30, "ssl": 31}, "h2", None),
        ({"connect": -1, "ssl": -1}, "h2", None),
        ({"connect": 0, "ssl": 0}, "h2", None),
        ({"connect": 30, "ssl": 20}, "h3", None),
        ({"connect": 30, "ssl": 20}, "HTTP/3", None),
        ({"connect": 30, "ssl": 20}, "http/2+quic/46", None),
        ({"connect": "x"}, "h2", None),
    ],
)
def test_round_trip_times(write: Write, timings: dict[str, Any], version: str, rtt_ms: float | None) -> None:
    [row] = rows([write("a.har", har(entry(timings=timings, response={"httpVersion": version})))])
    assert (row.get("rtt_ms"), row.get("rtt_kind")) == (rtt_ms, None if rtt_ms is None else "syn")
    assert row["proto"] == ("udp" if "3" in version or "quic" in version else "tcp")


@given(st.floats(-1, 1e5), st.floats(-1, 1e5))
def test_no_archive_proves_a_place_by_its_times(write: Write, connect: float, ssl: float) -> None:
    [row] = rows([write("a.har", har(entry(timings={"connect": connect, "ssl": ssl})))])
    assert row.get("rtt_kind") in (None, "syn")
    assert row.get("rtt_ms", 1.0) > 0


@pytest.mark.parametrize(
    ("request_", "response", "sizes"),
    [
        ({"headersSize": -1, "bodySize": 20}, {"headersSize": -1, "bodySize": 1000}, (20, 1000)),
        ({"headersSize": -1, "bodySize": -1}, {"headersSize": -1, "bodySize": -1}, (None, None)),
        ({"headersSize": 100, "bodySize": -1}, {"headersSize": 200, "bodySize": -1}, (None, None)),
        ({"headersSize": -1, "bodySize": 0}, {"headersSize": -1, "bodySize": 0}, (None, None)),
        ({}, {"_transferSize": 555}, (120, 555)),
        ({}, {"_transferSize": -1}, (120, 1200)),
        ({}, {"status": 304}, (120, 200)),
    ],
)
def test_sizes(write: Write, request_: dict[str, int], response: dict[str, int], sizes: tuple[Any, Any]) -> None:
    [row] = rows([write("a.har", har(entry(request=request_, response=response)))])
    assert (row.get("bytes_sent"), row.get("bytes_received")) == sizes


@pytest.mark.parametrize(("status", "answered"), [(200, "true"), (304, "true"), (503, "true"), (0, "unknown")])
def test_a_status_is_an_answer(write: Write, status: int, answered: str) -> None:
    [row] = rows([write("a.har", har(entry(response={"status": status})))])
    assert str(row["answered"]).lower() == answered


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"startedDateTime": "2026-06-01T02:00:00"}, "startedDateTime: not a time with an offset"),
        ({"startedDateTime": None}, "startedDateTime: not a time with an offset"),
        ({"serverIPAddress": "010.0.0.1"}, "server_ip: not an address"),
        ({"request": {"bodySize": -2}}, "sent_body: neither a size nor -1"),
        ({"response": {"bodySize": 2**64 - 1}}, "received_body: neither a size nor -1"),
        ({"response": {"_transferSize": "NaN"}}, "transferred: neither a size nor -1"),
        ({"request": {"url": "https://a.example:70000/"}}, "server_port: not a port"),
        ({"serverIPAddress": "\ud800"}, "serverIPAddress: a control character or half of a surrogate pair"),
        ({"serverIPAddress": "81.2.69.160\0"}, "serverIPAddress: a control character"),
        ({"response": "x"}, "response: a JSON value of the wrong type"),
    ],
)
def test_a_damaged_entry_is_put_aside(write: Write, more: dict[str, Any], reason: str) -> None:
    result = read([write("a.har", har(entry(), entry(**more), entry(), indent=1))])
    assert (result.one.records, result.one.flows_rows) == (3, 2)
    [one] = result.quarantine
    assert one.reason.startswith(reason)
    assert one.line is not None
    assert one.line > 20


def test_bodies_may_hold_anything(write: Write) -> None:
    body = entry(response={"content": {"text": "\ud800 \0 é \u2028"}})
    assert read([write("a.har", har(body))]).one.flows_rows == 1


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"log": {"version": "1.2"}}', "no key 'entries'"),
        ('{"log": {"entries": {}}}', "entries: not a JSON array"),
        ('{"log": []}', "log: not a JSON object"),
        ('{"log": {"entries": [], "entries": []}}', "key 'entries' is there twice"),
        ('{"log": {"pages": [', "not JSON"),
        ('{"log": ' + "[" * 200_000, "log: not a JSON object"),
        ('{"log": {"pages": ' + "[" * 200_000, "nested too deeply"),
        ('{"log"', "not"),
    ],
)
def test_a_document_without_entries_is_an_error(write: Write, text: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        read([write("a.har", text)], input_format="har")


def test_an_archive_that_breaks_off_is_incomplete(write: Write) -> None:
    text = har(entry(), entry(), entry())
    result = read([write("a.har", text[:-200])])
    assert (result.one.records, result.one.flows_rows, result.one.quarantined) == (3, 2, 1)
    assert result.one.incomplete is not None
