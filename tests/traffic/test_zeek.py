"""Zeek logs: every row accounted for, names joined over all inputs, the same from TSV and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.traffic.conftest import Write, read

from residency.errors import InputError

IDS = {"ts": "1780272000.000001", "uid": "C1", "id.orig_h": "10.0.0.1", "id.orig_p": "5000", "id.resp_h": "81.2.69.160",
       "id.resp_p": "443"}  # fmt: skip
CONN = IDS | {"proto": "tcp", "orig_bytes": "5", "resp_bytes": "6", "conn_state": "SF", "history": "ShADad"}
SSL = IDS | {"server_name": "A.Example", "established": "T", "cipher": "x"}
HTTP = IDS | {"trans_depth": "1", "method": "GET", "host": "h.example:80", "uri": "/", "status_code": "200"}
DNS = IDS | {"uid": "D1", "id.resp_p": "53", "proto": "udp", "trans_id": "7", "query": "d.example", "qtype": "1",
             "answers": "c.example,81.2.69.160", "TTLs": "60.0,60.0"}  # fmt: skip
LISTS = ("answers", "TTLs")
NUMBERS = ("orig_bytes", "resp_bytes", "id.resp_p", "trans_depth", "status_code", "ts", "trans_id", "qtype")


def tsv(path: str, rows: Sequence[Mapping[str, str]], close: bool = True) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = f"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t{path}\n#fields\t"
    body = "".join("\t".join(row.get(name, "-") for name in names) + "\n" for row in rows)
    return head + "\t".join(names) + "\n" + body + ("#close\t2026-06-01-00-00-00\n" if close else "")


def as_json(rows: Sequence[Mapping[str, str]], **more: Any) -> str:
    def value(name: str, text: str) -> Any:
        if name in LISTS:
            parts = text.split(",")
            return [float(part) for part in parts] if name == "TTLs" else parts
        if name == "established":
            return text == "T"
        return json.loads(text) if name in NUMBERS else text

    return "".join(
        json.dumps({name: value(name, text) for name, text in row.items() if text != "-"} | more) + "\n" for row in rows
    )


def endpoints(result: Any) -> list[tuple[Any, ...]]:
    return [(g["host"], g["named_by"], g["answered"], g["records"]) for g in result.groups]


def test_conn_alone(write: Write) -> None:
    result = read([write("conn.log", tsv("conn", [CONN]))])
    [group] = result.groups
    assert (group["host"], group["bytes_sent"], group["bytes_received"], group["first_us"]) == (
        None,
        5,
        6,
        1_780_272_000_000_001,
    )
    assert result.one.flows_rows == 1


@pytest.mark.parametrize(
    ("changes", "answered"),
    [
        ({"resp_bytes": "6"}, True),
        ({"resp_bytes": "-", "history": "ShADd"}, True),
        ({"resp_bytes": "0"}, True),
        ({"resp_bytes": "0", "history": "ShA"}, False),
        ({"resp_bytes": "-", "history": "S", "conn_state": "S0"}, False),
        ({"resp_bytes": "-", "history": "Sr", "conn_state": "REJ"}, False),
        ({"resp_bytes": "-", "history": "-", "conn_state": "OTH"}, None),
        ({"resp_bytes": "0", "history": "DT", "conn_state": "OTH"}, None),
        ({"resp_bytes": "0", "history": "Da", "conn_state": "OTH"}, False),
    ],
)
def test_answered(write: Write, changes: dict[str, str], answered: bool | None) -> None:
    [group] = read([write("conn.log", tsv("conn", [CONN | changes]))]).groups
    assert group["answered"] is answered


def test_names_by_uid_in_order_of_worth(write: Write) -> None:
    logs = {"conn": [CONN], "ssl": [SSL], "http": [HTTP], "dns": [DNS]}
    files = [write(f"{name}.log", tsv(name, rows)) for name, rows in logs.items()]
    result = read(files)
    assert endpoints(result) == [("a.example", "sni", True, 1)]
    assert [one.context for one in result.inputs] == [0, 1, 1, 1]
    assert endpoints(read([files[0], files[2], files[3]])) == [("h.example", "http", True, 1)]
    assert endpoints(read([files[0], files[3]])) == [("d.example", "dns", True, 1)]


def test_quic_and_connect(write: Write) -> None:
    quic = write("quic.log", tsv("quic", [IDS | {"server_name": "q.example", "client_scid": "x"}]))
    assert endpoints(read([write("conn.log", tsv("conn", [CONN])), quic])) == [("q.example", "quic", True, 1)]
    asked = HTTP | {"method": "CONNECT", "host": "-", "uri": "p.example:443"}
    http = write("http.log", tsv("http", [asked]))
    assert endpoints(read([write("conn.log", tsv("conn", [CONN])), http])) == [("p.example", "http", True, 1)]


@pytest.mark.parametrize(
    ("seconds", "named_by"), [(-1, None), (0, "dns"), (60, "dns"), (359, "dns"), (360, "dns"), (361, None)]
)
def test_a_dns_answer_names_within_ttl_and_grace(write: Write, seconds: int, named_by: str | None) -> None:
    conn = CONN | {"ts": str(1780272000 + seconds)}
    dns = DNS | {"ts": "1780272000"}
    result = read([write("conn.log", tsv("conn", [conn])), write("dns.log", tsv("dns", [dns]))])
    assert result.groups[0]["named_by"] == named_by


def test_two_names_of_one_address_are_shared_and_others_do_not_count(write: Write) -> None:
    conn = write("conn.log", tsv("conn", [CONN | {"ts": "1780272010"}]))
    older, newer = DNS, DNS | {"ts": "1780272005", "query": "e.example", "uid": "D2"}
    assert endpoints(read([conn, write("dns.log", tsv("dns", [older, newer]))])) == [
        ("e.example", "dns_shared", True, 1)
    ]
    for other in ({"id.orig_h": "10.0.0.2"}, {"id.resp_p": "5353"}, {"answers": "1.1.1.1"}, {"qtype": "16"}):
        dns = write("dns.log", tsv("dns", [DNS | other]))
        assert endpoints(read([conn, dns])) == [(None, None, True, 1)]


def test_rows_without_their_conn_are_flows_once_a_uid(write: Write) -> None:
    http = [
        HTTP | {"trans_depth": str(i), "ts": f"178027200{i}", "host": "-" if i == 0 else f"h{i}.example"}
        for i in range(3)
    ]
    result = read([write("http.log", tsv("http", http)), write("ssl.log", tsv("ssl", [SSL | {"uid": "C2"}]))])
    assert endpoints(result) == [("a.example", "sni", True, 1), ("h1.example", "http", True, 1)]
    assert [(one.flows_rows, one.context) for one in result.inputs] == [(1, 2), (1, 0)]
    assert result.groups[0]["sent_unknown"] == 1


def test_overlapping_rotated_logs_count_once(write: Write) -> None:
    first = write("conn.1.log", tsv("conn", [CONN, CONN | {"uid": "C2"}]))
    second = write(
        "conn.2.log",
        tsv("conn", [CONN | {"uid": "C2"}, CONN | {"uid": "C3"}, CONN | {"uid": "-"}, CONN | {"uid": "-"}]),
    )
    result = read([first, second])
    assert [(one.flows_rows, one.duplicate) for one in result.inputs] == [(2, 0), (3, 1)]


def test_headers_that_change_in_mid_file(write: Write) -> None:
    turned = dict(reversed(list((CONN | {"uid": "C2", "_node_name": "w1"}).items())))
    text = tsv("conn", [CONN], close=False) + tsv("conn", [turned]) + tsv("ssl", [SSL], close=False)
    result = read([write("all.log", text)])
    assert (result.one.flows_rows, result.one.context, result.one.quarantined) == (2, 1, 0)
    assert sorted(endpoints(result), key=str) == [("a.example", "sni", True, 1), (None, None, True, 1)]


def test_other_separators_and_escapes(write: Write) -> None:
    names = list(SSL)
    text = "#separator \\x7c\n#set_separator|;\n#empty_field|EMPTY\n#unset_field|NIL\n#path|ssl\n#fields|" + "|".join(
        names
    )
    values = [SSL[name] if name != "server_name" else "fa\\xc3\\x9f.de" for name in names]
    result = read([write("ssl.log", text + "\n" + "|".join(values) + "\n")])
    assert endpoints(result) == [("xn--fa-hia.de", "sni", True, 1)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ts": "-"}, "ts: no time"),
        ({"id.resp_h": "x"}, "server_ip: not an IP address"),
        ({"orig_bytes": "-1"}, "bytes_sent: not an integer"),
        ({"id.resp_p": "70000"}, "server_port: not a port"),
    ],
)
def test_bad_rows_are_put_aside(write: Write, changes: dict[str, str], reason: str) -> None:
    result = read([write("conn.log", tsv("conn", [CONN | {"uid": "C2"}, CONN | changes]))])
    [(line, why)] = result.reasons
    assert line == 8
    assert why.startswith(reason)


def test_broken_rows_and_a_cut_end(write: Write) -> None:
    text = tsv("conn", [CONN], close=False) + "short\n" + "1780272000.5\tC9\t10.0.0.1"
    result = read([write("conn.log", text)])
    assert [line for line, _ in result.reasons] == [8, 9]
    assert result.one.incomplete == "the last line is cut"


def test_a_hostile_name_loses_its_row_and_not_the_flow(write: Write) -> None:
    ssl = write("ssl.log", tsv("ssl", [SSL | {"server_name": "http://x"}]))
    result = read([write("conn.log", tsv("conn", [CONN])), ssl])
    assert endpoints(result) == [(None, None, True, 1)]
    assert [one.quarantined for one in result.inputs] == [0, 1]


def test_logs_without_flows_are_refused(write: Write) -> None:
    with pytest.raises(InputError, match="zero flows: logs that only name"):
        read([write("dns.log", tsv("dns", [DNS])), write("x509.log", tsv("x509", [{"ts": "1", "id": "F"}]))])


def test_json_gives_the_same_groups(write: Write) -> None:
    more = [CONN | {"uid": f"C{i}", "ts": f"17802720{i:02}.25", "id.resp_h": f"81.2.69.{i}"} for i in range(2, 9)]
    logs = {"conn": [CONN, *more], "ssl": [SSL], "http": [HTTP | {"uid": "C2"}], "dns": [DNS]}
    plain = read([write(f"t/{name}.log", tsv(name, rows)) for name, rows in logs.items()])
    for extra in ({}, {"_path": True}):
        files = [
            write(f"j/{name}.log", as_json(rows, **({"_path": name} if extra else {}))) for name, rows in logs.items()
        ]
        result = read(files)
        assert result.groups == plain.groups
        assert [one.format for one in result.inputs] == ["zeek-json"] * 4
    together = write("j/all.log", "".join(as_json(rows, _path=name) for name, rows in logs.items()))
    assert read([together]).groups == plain.groups


def test_real_logs_are_accounted_for(shared: Path) -> None:
    result = read([shared / "zeek" if (shared / "zeek").is_dir() else shared / "inputs" / "zeek"])
    by_name = {Path(one.path).name: one for one in result.inputs}
    assert by_name["rita_proxy_conn.log"].flows_rows == 463
    assert by_name["rita_proxy_http.log"].context == 407
    assert sum(one.records for one in result.inputs) == 15_707
    assert sum(one.quarantined for one in result.inputs) == 0
