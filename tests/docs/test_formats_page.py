"""docs/formats.md names the formats, columns and words of the reader, and what it says of records holds."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

import residency
from residency.limits import LIMITS
from residency.traffic.columns import COLUMNS, NAMED_BY, REQUIRED, RTT_KINDS
from residency.traffic.formats import FORMATS
from residency.traffic.records import TIME_UNITS
from residency.traffic.zeek_log import FIELDS

CLAIM = """\
schema = "residency/1"
vendor = "Acme"
[[claim]]
id = "acme"
statement = "In the EEA."
activity = "processing"
allow = ["EEA"]
hosts = ["*.acme.example"]
"""
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")


def first_cells(heading: str) -> list[list[str]]:
    """The words in code marks in the first column of the first table below a heading."""
    text = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    return [re.findall(r"`([^`]+)`", row.split("|")[1]) for row in rows]


def test_the_formats_are_the_registry_s() -> None:
    assert [name for (name,) in first_cells("What is read")] == list(FORMATS)


def test_the_columns_are_the_reader_s() -> None:
    assert sorted(name for (name,) in first_cells("The flow table")) == sorted(COLUMNS)


def test_the_needed_columns_are_the_reader_s() -> None:
    assert sorted(re.findall(r"^\| `(\w+)` \| yes \|", PAGE, re.MULTILINE)) == sorted(REQUIRED)


def test_the_words_of_a_column_are_the_reader_s() -> None:
    named = re.search(r"^\| `named_by` \|.*", PAGE, re.MULTILINE)
    kinds = re.search(r"^\| `rtt_kind` \|.*", PAGE, re.MULTILINE)
    assert named
    assert kinds
    assert all(f"`{word}`" in named[0] for word in NAMED_BY)
    assert all(f"`{word}`" in kinds[0] for word in RTT_KINDS)


def test_the_logs_of_zeek_are_the_reader_s() -> None:
    assert sorted(name for cell in first_cells("Zeek logs") for name in cell) == sorted(FIELDS)


def test_the_numbers_are_the_limits() -> None:
    times = PAGE.partition("## Times\n")[2].partition("\n## ")[0]
    assert all(f"`{unit}`" in times or f" {unit}`" in times for unit in TIME_UNITS if unit != "s")
    assert f"plus {LIMITS.dns_grace_s} s" in PAGE
    assert f"up to {LIMITS.max_rtt_ms:,.0f}" in PAGE
    assert f"first {LIMITS.max_quarantine_in_report:,}" in PAGE


def audited(folder: Path, *names: str, **options: Any) -> residency.Report:
    """Hold the example claim against files of a folder."""
    claim = folder / "claims.toml"
    claim.write_text(CLAIM, encoding="utf-8")
    return residency.audit(claim, [folder / name for name in names], **options)


def fates(report: residency.Report) -> dict[str, int]:
    """Return what became of the records of all inputs, nothing left out."""
    names = ("records", "judged", "out_of_scope", "quarantined", "duplicate", "context")
    found = {name: sum(getattr(one, name) for one in report.inputs) for name in names}
    assert found["records"] == sum(found[name] for name in names[1:])
    return {name: count for name, count in found.items() if count}


HEAD = "TS,Server_IP,server_port,bytes_received,host,flow_id,rtt_ms,rtt_kind,comment\n"


@pytest.mark.parametrize(
    ("row", "fate"),
    [
        ("2026-10-20T08:00:00Z,3.248.10.20,443,10,a.acme.example,,,,", "judged"),
        ("2026-10-20T10:00:00+02:00,3.248.10.20,443,10,a.acme.example,,,,", "judged"),
        ("1792483200.5,3.248.10.20,443,10,a.acme.example,,,,", "judged"),
        ("2026-10-20T23:59:60Z,3.248.10.20,443,10,a.acme.example,,,,", "judged"),
        ("2026-10-20T08:00:00Z,::ffff:3.248.10.20,443,10,a.acme.example,,,,", "judged"),
        ("2026-10-20T08:00:00Z,3.248.10.20,443,10,a.acme.example,,-3,tls,", "judged"),
        ("2026-10-20T08:00:00Z,3.248.10.20,443,10,other.example,,,,", "out_of_scope"),
        ("2026-10-20T08:00:00Z,3.248.10.20,443,10,a.acme.example,f1,,,", "duplicate"),
        ("2026-10-20T08:00:00,3.248.10.20,443,10,a.acme.example,,,,", "quarantined"),
        ("2250-10-20T08:00:00Z,3.248.10.20,443,10,a.acme.example,,,,", "quarantined"),
        ("2026-10-20T08:00:00Z,010.0.0.1,443,10,a.acme.example,,,,", "quarantined"),
        ("2026-10-20T08:00:00Z,127.1,443,10,a.acme.example,,,,", "quarantined"),
        ("2026-10-20T08:00:00Z,3.248.10.20,70000,10,a.acme.example,,,,", "quarantined"),
        ("2026-10-20T08:00:00Z,3.248.10.20,443,-1,a.acme.example,,,,", "quarantined"),
        ("2026-10-20T08:00:00Z,3.248.10.20,443,10,http://acme.example,,,,", "quarantined"),
        ("2026-10-20T08:00:00Z,3.248.10.20,443", "quarantined"),
    ],
)
def test_a_row_has_the_fate_that_the_page_says(row: str, fate: str, tmp_path: Path) -> None:
    first = "2026-10-20T08:00:00Z,3.248.10.20,443,10,a.acme.example,f1,,,\n"
    (tmp_path / "flows.csv").write_text(HEAD + first + row + "\n", encoding="utf-8")
    found = fates(audited(tmp_path, "flows.csv"))
    expected = {"records": 2, "judged": 1}
    assert found == expected | {fate: expected.get(fate, 0) + 1}


def test_a_whole_column_of_times_without_offset_is_an_error(tmp_path: Path) -> None:
    rows = "2026-10-20T08:00:00,3.248.10.20,443,10,a.acme.example,,,,\n"
    (tmp_path / "flows.csv").write_text(HEAD + rows * 2, encoding="utf-8")
    with pytest.raises(residency.InputError, match="offset"):
        audited(tmp_path, "flows.csv")


def test_the_same_content_twice_is_counted_once(tmp_path: Path) -> None:
    rows = "2026-10-20T08:00:00Z,3.248.10.20,443,10,a.acme.example,,,,\n"
    (tmp_path / "a.csv").write_text(HEAD + rows * 2, encoding="utf-8")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress((HEAD + rows * 2).encode()))
    assert fates(audited(tmp_path, "a.csv", "b.csv.gz")) == {"records": 4, "judged": 2, "duplicate": 2}


def zeek(folder: Path, log: str, *rows: dict[str, Any]) -> str:
    """Write a Zeek log in JSON and return its name."""
    plain = {"id.orig_h": "192.168.1.7", "id.orig_p": 50000, "id.resp_h": "3.248.10.20", "id.resp_p": 443}
    text = "".join(json.dumps(plain | row) + "\n" for row in rows)
    (folder / f"{log}.log").write_text(text, encoding="utf-8")
    return f"{log}.log"


CONN = {"ts": 1792483200.0, "uid": "C1", "proto": "tcp", "orig_bytes": 5, "resp_bytes": 9, "conn_state": "SF"}
TLS = {"ts": 1792483200.1, "uid": "C1", "server_name": "a.acme.example", "cipher": "TLS_AES_128_GCM_SHA256"}
DNS = {"uid": "D1", "id.resp_h": "9.9.9.9", "id.resp_p": 53, "trans_id": 1, "qtype": 1, "answers": ["3.248.10.20"]}


def answer(ts: float, name: str) -> dict[str, Any]:
    """A row of dns.log that gives the server's address for a name, for a minute."""
    return DNS | {"ts": ts, "uid": f"D-{name}", "query": name, "TTLs": [60.0]}


def test_zeek_names_a_flow_by_its_uid(tmp_path: Path) -> None:
    logs = [zeek(tmp_path, "conn", CONN, CONN), zeek(tmp_path, "ssl", TLS)]
    report = audited(tmp_path, *logs)
    assert fates(report) == {"records": 3, "judged": 1, "duplicate": 1, "context": 1}
    assert [f.seen.named_by for f in report.findings] == ["sni"]


def test_zeek_reads_a_name_without_its_conn_as_a_flow_of_unknown_bytes(tmp_path: Path) -> None:
    report = audited(tmp_path, zeek(tmp_path, "ssl", TLS))
    assert fates(report) == {"records": 1, "judged": 1}
    assert [f.seen.bytes_received for f in report.findings] == [None]


@pytest.mark.parametrize(
    ("answers", "named"),
    [
        ([answer(1792483190.0, "a.acme.example")], ["dns"]),
        ([answer(1792483190.0, "a.acme.example"), answer(1792483195.0, "b.acme.example")], ["dns_shared"]),
        ([answer(1792483200.0 - 60 - 299, "a.acme.example")], ["dns"]),
        ([answer(1792483200.0 - 60 - 301, "a.acme.example")], []),
        ([answer(1792483201.0, "a.acme.example")], []),
    ],
)
def test_zeek_names_a_flow_by_dns(answers: list[dict[str, Any]], named: list[str], tmp_path: Path) -> None:
    logs = [zeek(tmp_path, "conn", CONN), zeek(tmp_path, "dns", *answers)]
    report = audited(tmp_path, *logs)
    assert [f.seen.named_by for f in report.findings] == named
    assert fates(report)["context"] == len(answers)


def test_zeek_logs_that_hold_no_flow_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(residency.InputError, match="zero flows"):
        audited(tmp_path, zeek(tmp_path, "dns", answer(1792483190.0, "a.acme.example")))


@pytest.mark.parametrize(
    ("more", "answered"),
    [
        ({}, True),
        ({"resp_bytes": 0}, False),
        ({"resp_bytes": None, "conn_state": "REJ"}, False),
        ({"resp_bytes": None, "conn_state": "S1", "history": "ShAd"}, True),
        ({"resp_bytes": None, "conn_state": "S1"}, None),
    ],
)
def test_zeek_says_whether_the_server_answered(more: dict[str, Any], answered: bool | None, tmp_path: Path) -> None:
    logs = [zeek(tmp_path, "conn", CONN | more), zeek(tmp_path, "ssl", TLS)]
    assert [f.seen.answered for f in audited(tmp_path, *logs).findings] == [answered]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b'{"event_type": "flow", "flow_id": 1}\n', "EVE"),
        ("ts,server_ip\n".encode("utf-16"), "UTF-16"),
        (b"<flows/>\n", "XML"),
        (b"---\nflows: 1\n", "YAML"),
        (b"[{}]\n", "array"),
        (b"PK\x03\x04\0\0", "zip"),
    ],
)
def test_what_is_refused_is_named(content: bytes, word: str, tmp_path: Path) -> None:
    (tmp_path / "input").write_bytes(content)
    with pytest.raises(residency.InputError, match=word):
        audited(tmp_path, "input")
