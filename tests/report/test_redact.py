"""Reports without clients: what may name one is replaced everywhere, the same by the same, and nothing else is."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
import tests.auditing.conftest as rtt
from jsonschema import Draft202012Validator

import residency
from residency.cli import main
from residency.model.place import great_circle_km
from residency.report import as_json
from residency.report.formats import FORMATS, Page
from residency.report.redact import Redactor

if TYPE_CHECKING:
    from tests.report.conftest import MakeReport

Doc = dict[str, Any]

CLIENTS = ("10.1.2.3", "198.18.0.9", "2001:db8::7", "93.184.216.34", "fd00::12")
HEADER = "ts,client_ip,server_ip,server_port,proto,bytes_sent,bytes_received,host,rtt_ms,rtt_kind,vantage"
ROWS = [
    f"2026-06-01T12:00:00Z,{CLIENTS[0]},3.5.64.21,443,tcp,10,20,a.acme.example,9,tls,alice-laptop",
    f"2026-06-01T12:00:00Z,{CLIENTS[1]},3.5.16.8,443,tcp,10,20,b.acme.example,9,tls,bob",
    f"2026-06-01T12:00:00Z,{CLIENTS[2]},{CLIENTS[0]},443,tcp,10,20,a.acme.example,9,tls,bob",
    f"2026-06-01T12:00:00Z,{CLIENTS[3]},{CLIENTS[4]},443,tcp,10,20,ip-10-1-2-3.acme.example,9,tls,bob",
    f"2026-06-01T12:00:00,{CLIENTS[3]},3.5.16.8,443,tcp,10,20,b.acme.example,9,tls,bob",
]
CLAIM = """
schema = "residency/1"
vendor = "Acme"
[[claim]]
id = "acme"
statement = "All connections from 10.1.2.3 on end in the EU."
activity = "connection"
allow = ["EU"]
hosts = ["*.acme.example"]
[[claim.network]]
cidr = "192.168.7.0/24"
"""
VANTAGES = "name,lat,lon,radius_km\nalice-laptop,50.4567,8.3456,10\nbob,40.7111,-74.0111,10\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("redact")
    (made / f"{CLIENTS[0]}.csv").write_text("\n".join([HEADER, *ROWS]) + "\n", encoding="utf-8")
    (made / "claims.toml").write_text(CLAIM, encoding="utf-8")
    (made / "vantages.csv").write_text(VANTAGES, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def document(folder: Path) -> Doc:
    report = residency.audit(folder / "claims.toml", folder / f"{CLIENTS[0]}.csv", vantage=[folder / "vantages.csv"])
    return as_json.document(report)


@pytest.fixture(scope="module")
def redacted(document: Doc) -> Doc:
    return Redactor().document(document)


def without_claims(document: Doc) -> Doc:
    """Empty what the claim file says."""
    scope: Doc = {"hosts": [], "networks": [], "asns": [], "ports": []}
    return document | {"claims": [claim | {"statement": "", "scope": scope} for claim in document["claims"]]}


def test_the_fixture_holds_what_is_to_go(document: Doc) -> None:
    text = as_json.dumps(document)
    assert all(client in text for client in (CLIENTS[0], CLIENTS[4], "alice-laptop", "50.4567", "10-1-2-3"))


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_no_client_is_in_any_form(redacted: Doc, form: str) -> None:
    made = FORMATS[form](without_claims(redacted), Page(width=200))
    text = str(pq.read_table(io.BytesIO(made)).to_pylist()) if isinstance(made, bytes) else made
    for secret in (*CLIENTS, "alice-laptop", "bob", "10-1-2-3", "50.4567", "8.3456", "10.1.2."):
        assert secret not in text


def test_what_is_no_client_stays(document: Doc, redacted: Doc) -> None:
    text = as_json.dumps(redacted)
    assert "3.5.64.21" in text
    assert "3.5.16.8" in text
    assert "3.5.64.0/24" in text
    for claim, before in zip(redacted["claims"], document["claims"], strict=True):
        assert claim["statement"] == before["statement"]
        assert claim["scope"] == before["scope"]
        assert claim["outcomes"] == before["outcomes"]
    assert redacted["tool"] == document["tool"]
    assert [i["sha256"] for i in redacted["inputs"]] == [i["sha256"] for i in document["inputs"]]


def test_the_same_address_has_the_same_name_everywhere(redacted: Doc) -> None:
    (path,) = {item["path"] for item in redacted["inputs"]}
    name = Path(path).name.removesuffix(".csv")
    assert name.startswith("client-")
    assert name in {f["server_ip"] for f in redacted["findings"]}
    assert f"ip-{name}.acme.example" in {f["host"] for f in redacted["findings"]}
    assert len({f["server_ip"] for f in redacted["findings"]}) == 4


def test_vantages_are_named_alike_and_their_places_stay_true(document: Doc, redacted: Doc) -> None:
    names = [vantage["name"] for vantage in redacted["vantages"]]
    assert names == ["vantage-1", "vantage-2"]
    assert redacted["options"]["vantage"] == "vantage-1, vantage-2"
    assert {f["vantage"] for f in redacted["findings"]} == set(names)
    for rough, exact in zip(redacted["vantages"], document["vantages"], strict=True):
        assert rough["lat"] == int(rough["lat"])
        moved = great_circle_km(rough["lat"], rough["lon"], exact["lat"], exact["lon"])
        assert 0 < moved <= rough["radius_km"] - exact["radius_km"]


def test_no_distance_says_where_a_void_vantage_is(tmp_path: Path) -> None:
    (tmp_path / "flows.csv").write_text(
        "\n".join([rtt.HEADER, *rtt.controls(), *rtt.app(0.8)]) + "\n", encoding="utf-8"
    )
    (tmp_path / "claims.toml").write_text(rtt.CLAIM.format(allow="NO"), encoding="utf-8")
    report = residency.audit(tmp_path / "claims.toml", tmp_path / "flows.csv", vantage=rtt.NEW_YORK)
    document = as_json.document(report)
    (before,), told = document["vantages"], Redactor().document(document)
    (after,) = told["vantages"]
    assert before["standing"] == "void"
    assert before["impossible"]
    for exact, rough in zip(before["impossible"], after["impossible"], strict=True):
        assert rough["least_km"] <= exact["least_km"] < rough["least_km"] + 100
        assert f"{exact['least_km']:,.0f} km" not in FORMATS["text"](told, Page(width=400))
    assert "far away" in " ".join(told["warnings"])
    assert "New York" not in as_json.dumps(told)


def test_ids_are_distinct_sorted_and_tell_nothing(document: Doc, redacted: Doc) -> None:
    before, after = ([f["id"] for f in doc["findings"]] for doc in (document, redacted))
    assert len(set(after)) == len(before)
    assert not set(before) & set(after)  # every finding of this report has a vantage
    assert after == sorted(after)


def test_it_is_a_report_as_published_and_redacting_twice_changes_nothing_more(redacted: Doc, project: Path) -> None:
    schema = json.loads((project / "docs" / "report.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(json.loads(as_json.dumps(redacted)))
    again = Redactor().document(redacted)
    assert [f["server_ip"] for f in again["findings"]] == [f["server_ip"] for f in redacted["findings"]]


def test_a_report_without_clients_is_left_as_it_is(make_report: MakeReport) -> None:
    document = as_json.document(make_report("plain.example"))
    for finding in document["findings"]:
        finding["vantage"] = None
    told = Redactor().document(document)
    assert told == document


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ""),
        ("10.0.0.5", "client-1"),
        ("at 10.0.0.5.", "at client-1."),
        ("10.0.0.5:443 and 10.0.0.6, then 10.0.0.5", "client-1:443 and client-2, then client-1"),
        ("[fd00::1]:443", "[client-1]:443"),
        ("::ffff:10.0.0.5 is 10.0.0.5", "client-1 is client-1"),
        ("10.0.0.0/24", "client-1/24"),
        ("8.8.8.0/24", "8.8.8.0/24"),
        ("8.8.8.8", "client-1"),
        ("ip-10-0-0-5.internal", "ip-client-1.internal"),
        ("a-8-8-8-8.example", "a-8-8-8-8.example"),
        ("2026-06-01T12:00:00Z", "2026-06-01T12:00:00Z"),
        ("12:30:45", "12:30:45"),
        ("999.1.1.1 1.2.3 v1.2.3.4.5 1.2.3.4.5", "999.1.1.1 1.2.3 v1.2.3.4.5 1.2.3.4.5"),
        ("x" * 50_000 + "1." * 50_000, "x" * 50_000 + "1." * 50_000),
    ],
)
def test_addresses_in_texts(text: str, told: str) -> None:
    assert Redactor().text(text) == told


def test_the_command_redacts_every_file_that_it_writes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    argv = ["audit", f"{CLIENTS[0]}.csv", "--claims", "claims.toml", "--vantage", "vantages.csv", "--quiet"]
    formats = ["--format", "json:full.json", "--fail-on", "never"]
    assert main([*argv, *formats]) == 0
    forms = [word for name in FORMATS for word in ("--format", f"{name}:out.{name}")]
    assert main([*argv, *forms, "--redact-clients", "--quarantine", "q.ndjson", "--fail-on", "never"]) == 0
    assert main(["report", "full.json", "--redact-clients", "--format", "json:again.json"]) == 0
    statement = re.compile("All connections from `?10.1.2.3`? on")  # the claim's own words stay
    for name in (*(f"out.{name}" for name in FORMATS), "q.ndjson", "again.json"):
        made = (folder / name).read_bytes()
        whole = str(pq.read_table(folder / name).to_pylist()) if name == "out.parquet" else made.decode()
        text = statement.sub("", " ".join(whole.split()))
        assert text
        assert not [secret for secret in (*CLIENTS, "alice-laptop") if secret in text]


def test_damage_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], document: Doc) -> None:
    path = tmp_path / "r.json"
    path.write_text(as_json.dumps({k: v for k, v in document.items() if k != "vantages"}), encoding="utf-8")
    assert main(["report", str(path), "--redact-clients"]) == 2
    assert "a damaged report" in capsys.readouterr().err
