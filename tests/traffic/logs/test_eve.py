"""Suricata's EVE: names joined by flow_id over all files, answers of all three DNS shapes, exact accounts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.traffic.conftest import GOOD, HEADER, Write, read
from tests.traffic.logs.conftest import rows

from residency.errors import InputError
from residency.traffic.streams import Scan

T0 = 1_780_272_000
AT = "2026-06-01T02:00:{:02}.000000+0200"
BASE = {
    "flow_id": 7,
    "src_ip": "10.0.0.1",
    "src_port": 50000,
    "dest_ip": "81.2.69.160",
    "dest_port": 443,
    "proto": "TCP",
}
FLOW = BASE | {
    "timestamp": AT.format(30),
    "event_type": "flow",
    "flow": {"pkts_toserver": 9, "pkts_toclient": 9, "bytes_toserver": 1500, "bytes_toclient": 9000}
    | {"start": AT.format(10), "end": AT.format(20), "age": 10, "state": "closed"},
}
TLS = BASE | {"timestamp": AT.format(11), "event_type": "tls", "tls": {"sni": "A.Example", "version": "TLS 1.3"}}
QUIC = BASE | {"timestamp": AT.format(11), "event_type": "quic", "proto": "UDP", "quic": {"sni": "q.example"}}
HTTP = BASE | {
    "timestamp": AT.format(12),
    "event_type": "http",
    "tx_id": 0,
    "http": {"hostname": "h.example:80", "url": "/", "status": 200},
}
DNS = BASE | {"flow_id": 8, "timestamp": AT.format(5), "event_type": "dns", "dest_ip": "9.9.9.9", "dest_port": 53}
RECORDS = [
    {"rrname": "d.example", "rrtype": "CNAME", "ttl": 60, "rdata": "c.example"},
    {"rrname": "c.example", "rrtype": "A", "ttl": 60, "rdata": "81.2.69.160"},
]
V2 = {"version": 2, "type": "answer", "id": 5, "rrname": "d.example", "rrtype": "A", "rcode": "NOERROR"}
V3 = {"version": 3, "type": "response", "id": 5, "queries": [{"rrname": "d.example", "rrtype": "A"}]}


def lines(*events: dict[str, Any]) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


def names(inputs: list[Path]) -> list[tuple[Any, ...]]:
    return [(g["host"], g["named_by"], g["answered"], g["records"]) for g in read(inputs).groups]


def test_a_flow_and_its_name(write: Write) -> None:
    path = write("eve.json", lines(TLS, FLOW))
    result = read([path])
    assert (result.one.format, result.one.flows_rows, result.one.context) == ("eve", 1, 1)
    [row] = rows([path])
    assert (row["host"], row["named_by"], row["client_port"]) == ("a.example", "sni", 50_000)
    assert (row["bytes_sent"], row["bytes_received"], row["proto"]) == (1500, 9000, "tcp")
    assert [t.isoformat() for t in (row["ts"], row["ended"])] == [
        "2026-06-01T00:00:10+00:00",
        "2026-06-01T00:00:20+00:00",
    ]


def test_names_in_order_of_worth(write: Write) -> None:
    assert names([write("a.json", lines(FLOW, HTTP, QUIC, TLS))]) == [("a.example", "sni", True, 1)]
    assert names([write("b.json", lines(FLOW, HTTP, QUIC))]) == [("q.example", "quic", True, 1)]
    assert names([write("c.json", lines(FLOW, HTTP))]) == [("h.example", "http", True, 1)]


def test_rotated_files_are_joined(write: Write) -> None:
    result = read([write("eve.1.json", lines(TLS, FLOW)), write("eve.2.json", lines(FLOW, HTTP | {"flow_id": 9}))])
    assert [(i.flows_rows, i.duplicate, i.context) for i in result.inputs] == [(1, 0, 1), (1, 1, 0)]
    assert names([write("x.json", lines(FLOW)), write("y.json", lines(TLS))]) == [("a.example", "sni", True, 1)]


def test_names_without_their_flow_are_flows_once_a_flow_id(write: Write) -> None:
    more = [HTTP | {"tx_id": i, "timestamp": AT.format(40 + i)} for i in range(3)]
    result = read([write("eve.json", lines(*more, TLS | {"flow_id": 9}, QUIC | {"flow_id": 10}))])
    assert (result.one.flows_rows, result.one.context) == (3, 2)
    assert {(g["host"], g["named_by"], g["answered"], g["sent_unknown"]) for g in result.groups} == {
        ("h.example", "http", True, 1),
        ("a.example", "sni", True, 1),
        ("q.example", "quic", None, 1),
    }


def test_a_quic_event_of_the_server_s_packet_is_turned(write: Write) -> None:
    turned = QUIC | {"src_ip": "81.2.69.160", "src_port": 443, "dest_ip": "10.0.0.1", "dest_port": 50000}
    [row] = rows([write("eve.json", lines(turned))])
    assert (row["client_ip"], row["server_ip"], row["server_port"]) == ("10.0.0.1", "81.2.69.160", 443)


def test_a_flow_id_that_comes_again_names_only_its_own_addresses(write: Write) -> None:
    assert names([write("eve.json", lines(FLOW, TLS | {"dest_ip": "81.2.69.161"}))]) == [
        (None, None, True, 1),
        ("a.example", "sni", True, 1),
    ]


def test_the_same_event_again_is_a_duplicate(write: Write) -> None:
    twice = lines(FLOW, FLOW, TLS, TLS, HTTP, HTTP, HTTP | {"tx_id": 1})
    result = read([write("eve.json", twice)])
    assert (result.one.flows_rows, result.one.duplicate, result.one.context) == (1, 3, 3)
    without = {k: v for k, v in FLOW.items() if k != "flow_id"}
    assert read([write("b.json", lines(without, without))]).one.flows_rows == 2


def test_other_events_are_context(write: Write) -> None:
    others = [BASE | {"timestamp": AT.format(1), "event_type": kind} for kind in ("alert", "fileinfo", "netflow")]
    stats = {"timestamp": AT.format(1), "event_type": "stats", "stats": {"uptime": 1}}
    result = read([write("eve.json", lines(FLOW, *others, stats))])
    assert (result.one.flows_rows, result.one.context) == (1, 4)


@pytest.mark.parametrize(
    ("changes", "answered"),
    [
        ({}, True),
        ({"pkts_toclient": 0, "bytes_toclient": 0}, False),
        ({"pkts_toclient": 1, "bytes_toclient": 40}, False),
        ({"pkts_toclient": 1, "bytes_toclient": 74}, None),
    ],
)
def test_frames_are_no_answer(write: Write, changes: dict[str, int], answered: bool | None) -> None:
    flow = FLOW | {"flow": dict(FLOW["flow"]) | changes}  # type: ignore[call-overload]  # a dict, as built above
    assert [g["answered"] for g in read([write("eve.json", lines(flow))]).groups] == [answered]


@pytest.mark.parametrize(
    "events",
    [
        [DNS | {"dns": V2 | {"answers": RECORDS}}],
        [DNS | {"dns": V2 | {"grouped": {"CNAME": ["c.example"], "A": ["81.2.69.160"]}}}],
        [DNS | {"dns": V3 | {"answers": RECORDS}}],
        [
            DNS | {"dns": {"type": "query", "id": 5, "rrname": "d.example", "rrtype": "A", "tx_id": 0}},
            *(DNS | {"dns": {"type": "answer", "id": 5, "rcode": "NOERROR"} | one} for one in RECORDS),
        ],
        [
            DNS
            | {"dns": V2 | {"answers": RECORDS}}
            | {"src_ip": "9.9.9.9", "src_port": 53, "dest_ip": "10.0.0.1", "dest_port": 50000}
        ],
    ],
    ids=["v2", "v2 grouped", "v3", "v1", "turned"],
)
def test_answers_of_every_version_name_flows(write: Write, events: list[dict[str, Any]]) -> None:
    result = read([write("eve.json", lines(FLOW, *events))])
    assert [(g["host"], g["named_by"]) for g in result.groups] == [("d.example", "dns")]
    assert result.one.context == len(events)
    unnamed = write("flows.csv", HEADER + GOOD.replace("a.example", "").replace("00:00:00Z", "00:00:09Z"))
    assert names([unnamed, write("dns.json", lines(*events))]) == [("d.example", "dns", True, 1)]


@pytest.mark.parametrize("change", [{"dest_port": 5353}, {"src_ip": "10.0.0.2"}, {"timestamp": AT.format(59)}])
def test_other_answers_name_nothing(write: Write, change: dict[str, Any]) -> None:
    dns = DNS | {"dns": V2 | {"answers": RECORDS}} | change
    assert names([write("eve.json", lines(FLOW, dns))]) == [(None, None, True, 1)]


def test_dns_alone_is_refused(write: Write) -> None:
    with pytest.raises(InputError, match="zero flows: logs that only name"):
        read([write("eve.json", lines(DNS | {"dns": V2 | {"answers": RECORDS}}))])


def flow(**changes: Any) -> str:
    return lines(FLOW | {"flow": dict(FLOW["flow"]) | changes})  # type: ignore[call-overload]  # a dict, as built above


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (flow(bytes_toserver=-1), "bytes_sent: not an integer"),
        (flow(bytes_toclient=2**64), "bytes_received: not an integer"),
        (flow(bytes_toclient=1.5), "bytes_received: not an integer"),
        (flow(end=AT.format(9)), "flow.end: before the start"),
        (flow(start="yesterday"), "ts: neither"),
        (flow(start="2026-06-01T00:00:00.000000"), "ts: a time without an offset"),
        (lines(FLOW | {"dest_port": 70_000}), "server_port: not a port"),
        (lines(FLOW | {"dest_port": "x"}), "server_port: not a port"),
        (lines({k: v for k, v in FLOW.items() if k != "dest_ip"}), "server_ip: no address"),
        (lines(FLOW | {"flow_id": 8, "dest_ip": "010.0.0.1"}), "server_ip:"),
        (lines(FLOW | {"flow_id": 8, "src_ip": "x"}), "client_ip: not an IP address"),
        (lines(TLS | {"tls": {"sni": "http://x"}}), "host:"),
        (lines({"timestamp": AT.format(1)}), "event_type: not there"),
        ('{"event_type": "flow", "event_type": "tls"}\n', "not a JSON object: a key is there twice"),
        (
            flow(start=AT.format(1)).replace('"start"', '"start": "", "start"'),
            "not a JSON object: a key is there twice",
        ),
        ("null\n", "not a JSON object"),
        ("[1]\n", "not a JSON object"),
        ("{\n", "not a JSON object"),
        (lines(FLOW | {"flow": 5}), "flow: a JSON value of the wrong type"),
        (lines(FLOW).replace("TCP", "T\0CP"), "a NUL byte"),
        ("[" * 100_000 + "\n", "not a JSON object: nested too deeply"),
    ],
)
def test_bad_events_are_put_aside_with_their_line(write: Write, line: str, reason: str) -> None:
    result = read([write("eve.json", lines(FLOW) + line + lines(FLOW | {"flow_id": 9}))])
    [(number, why)] = result.reasons
    assert number == 2
    assert why.startswith(reason)
    assert result.one.flows_rows == 2


def test_bad_utf8_and_a_cut_last_line(write: Write) -> None:
    data = lines(FLOW).encode() + lines(FLOW).encode().replace(b"TCP", b"T\xffP") + lines(FLOW).encode()[:99]
    result = read([write("eve.json", data)])
    assert [line for line, _ in result.reasons] == [2, 3]
    assert result.reasons[1][1].startswith("truncated last line")
    assert result.one.incomplete == "the last line is cut"


def test_lines_keep_their_numbers_in_bulk(write: Write) -> None:
    """Enough lines for several buffers and threads, a bad address far in: its line is exact."""
    many = [lines(FLOW | {"flow_id": i}) for i in range(60_000)]
    many[54_321] = lines(FLOW | {"flow_id": 54_321, "dest_ip": "x"})
    result = read([write("eve.json", "".join(many))])
    assert result.reasons == [(54_322, "server_ip: not an IP address")]


EVENTS = (
    FLOW,
    TLS,
    QUIC,
    HTTP,
    DNS | {"dns": V2 | {"answers": RECORDS}},
    BASE | {"timestamp": AT.format(1), "event_type": "alert"},
)
edits = st.lists(
    st.tuples(st.integers(0, 5000), st.integers(0, 9), st.sampled_from([b"", b'"', b"\n", b"{", b"\0", b"9", b"\xff"])),
    max_size=4,
)


@given(st.lists(st.sampled_from(EVENTS), min_size=1, max_size=8), edits)
def test_every_line_is_accounted_for(
    tmp_path: Path, events: list[dict[str, Any]], changes: list[tuple[int, int, bytes]]
) -> None:
    data = lines(FLOW, *events).encode()
    first = len(lines(FLOW))
    for place, length, bits in changes:
        at = first + place % max(len(data) - first, 1)
        data = data[:at] + bits + data[at + length :]
    path = tmp_path / "eve.json"
    path.write_bytes(data)
    assert read([path]).one.records == len([one for one in data.split(b"\n") if one.removesuffix(b"\r")])


@given(st.lists(st.sampled_from(EVENTS), min_size=1, max_size=8))
def test_the_fast_and_the_exact_way_agree(tmp_path: Path, events: list[dict[str, Any]]) -> None:
    path = tmp_path / "eve.json"
    path.write_text(lines(FLOW, *events))
    usual = read([path])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scan, "is_clean", False)
        assert read([path]) == usual
