"""Audits end to end on small tables: verdicts, conservation, and the same bytes whatever the circumstances."""

from __future__ import annotations

import ipaddress
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import residency
from residency.errors import ClaimError, InputError, UsageError
from residency.model.claim import Claim, Pack
from residency.model.evidence import Assurance
from residency.model.verdict import InputRecord, Outcome, QuarantinedRecord, Report, Verdict
from residency.report import as_json
from residency.sources.embedded import read_table
from residency.sources.memory import MemorySource

HEADER = "ts,client_ip,server_ip,server_port,proto,bytes_sent,bytes_received,host"
CLAIM = """
schema = "residency/1"
vendor = "Acme"
[[claim]]
id = "acme.eu"
statement = "Customer data of European users is processed in the EEA."
activity = "processing"
allow = ["EEA"]
hosts = ["*.acme.example", "acme.example"]
"""
PINNED = {
    "20.1.0.0/16": "IE",
    "20.2.0.0/16": "NO",
    "20.3.0.0/16": "US",
    "20.4.0.0/16": "GB",
    "2a00:1::/32": "DE",
    "2a00:2::/32": "CN",
}
Write = Callable[..., Path]


def row(ip: str = "20.1.1.1", host: str = "api.acme.example", **changes: str) -> str:
    cells = {
        "ts": "2026-06-01T12:00:00Z",
        "client_ip": "192.0.2.7",
        "server_ip": ip,
        "server_port": "443",
        "proto": "tcp",
        "bytes_sent": "100",
        "bytes_received": "200",
        "host": host,
    } | changes
    return ",".join(cells.values())


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a flow table, or any text, and return its path."""

    def put(*rows: str, name: str = "flows.csv", header: str = HEADER) -> Path:
        path = tmp_path / name
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return path

    return put


@pytest.fixture
def claims(tmp_path: Path) -> Path:
    path = tmp_path / "claims.toml"
    path.write_text(CLAIM, encoding="utf-8")
    return path


def operators(built: str = "2026-06-01") -> MemorySource:
    from datetime import date

    return MemorySource.of("declared", "carrier", PINNED, built=date.fromisoformat(built))


def run(claims: Any, traffic: Any, **options: Any) -> Report:
    given: dict[str, Any] = {"sources": [operators()], "embedded": False, "threads": 1} | options
    return residency.audit(claims, traffic, **given)


# Verdicts


@pytest.mark.parametrize(
    ("ip", "verdict"),
    [
        ("20.1.1.1", Verdict.CONSISTENT),
        ("20.2.1.1", Verdict.CONSISTENT),
        ("2a00:1::1", Verdict.CONSISTENT),
        ("::ffff:20.1.1.1", Verdict.CONSISTENT),
        ("20.3.1.1", Verdict.VIOLATED),
        ("20.4.1.1", Verdict.VIOLATED),
        ("2a00:2::1", Verdict.VIOLATED),
        ("20.9.1.1", Verdict.INCONCLUSIVE),
        ("10.0.0.1", Verdict.INCONCLUSIVE),
        ("2002:1403:101::1", Verdict.INCONCLUSIVE),
    ],
)
def test_one_conversation(claims: Path, write: Write, ip: str, verdict: Verdict) -> None:
    assert run(claims, write(row(ip))).verdict("acme.eu") is verdict


@pytest.mark.parametrize(
    ("allow", "ip", "day", "verdict"),
    [
        ("EEA", "20.2.1.1", "2026-06-01", Verdict.CONSISTENT),
        ("EU", "20.2.1.1", "2026-06-01", Verdict.VIOLATED),
        ("EU", "20.4.1.1", "2020-01-31", Verdict.CONSISTENT),
        ("EU", "20.4.1.1", "2020-02-01", Verdict.VIOLATED),
        ("EEA", "20.4.1.1", "2020-12-31", Verdict.CONSISTENT),
        ("EEA", "20.4.1.1", "2021-01-01", Verdict.VIOLATED),
        ("WORLD", "20.3.1.1", "2026-06-01", Verdict.CONSISTENT),
    ],
)
def test_membership_is_that_of_the_flows_day(
    claims: Path, write: Write, allow: str, ip: str, day: str, verdict: Verdict
) -> None:
    claims.write_text(CLAIM.replace('"EEA"', f'"{allow}"'), encoding="utf-8")
    flows = write(row(ip, ts=f"{day}T23:59:59Z"))
    report = run(claims, flows, sources=[operators(day)])
    assert report.verdict("acme.eu") is verdict


def test_one_file_may_span_a_border_in_time(claims: Path, write: Write) -> None:
    claims.write_text(CLAIM.replace('"EEA"', '"EU"'), encoding="utf-8")
    flows = write(row("20.4.1.1", ts="2020-01-31T23:59:59.999Z"), row("20.4.1.1", ts="2020-02-01T00:00:00Z"))
    report = run(claims, flows, sources=[operators("2020-02-01")])
    outcomes = report.result("acme.eu").outcomes
    assert outcomes[Outcome.INSIDE].flows == outcomes[Outcome.VIOLATING].flows == 1


def test_a_pinned_list_splits_flows_at_its_35_days(claims: Path, write: Write) -> None:
    spec = {"network": "20.3.0.0/16", "countries": ["US"], "listed": ["2026-01-01", "2026-02-01"]}
    source = MemorySource.from_json(
        {"sources": [{"id": "m", "kind": "declared", "author": "carrier", "statements": [spec]}]}
    )
    flows = write(row("20.3.1.1", ts="2026-03-08T23:59:59Z"), row("20.3.1.1", ts="2026-03-09T00:00:00Z"))
    outcomes = run(claims, flows, sources=source).result("acme.eu").outcomes
    assert outcomes[Outcome.VIOLATING].flows == outcomes[Outcome.ADVERSE].flows == 1


def test_zero_flows_in_scope_is_inconclusive(claims: Path, write: Write) -> None:
    report = run(claims, write(row(host="www.other.example")))
    result = report.result("acme.eu")
    assert (result.verdict, result.assurance) == (Verdict.INCONCLUSIVE, Assurance.NONE)
    assert result.reasons[0].rule == "R311"
    assert not report.findings
    assert report.inputs[0].out_of_scope == 1
    assert report.exit_code == 3


def test_embedded_sources_place_a_known_address(claims: Path, write: Write) -> None:
    report = run(claims, write(row("129.240.2.1")), sources=[], embedded=True)
    assert report.findings[0].countries == ("NO",)
    assert report.verdict("acme.eu") is Verdict.CONSISTENT
    assert report.result("acme.eu").assurance is Assurance.DATABASE


def test_a_local_zone_is_judged_where_it_stands(claims: Path, write: Write) -> None:
    """AWS lists 15.220.x of `us-east-1` in Buenos Aires: an American claim does not hold there."""
    columns, words, _ = read_table("provider-ranges")
    group = columns["border_group"] == words["border_group"].index("us-east-1-bue-1")
    row_ = int(np.flatnonzero(group & (columns["family"] == 4))[0])
    ip, day = str(ipaddress.IPv4Address(int(columns["lo"][row_]) + 1)), str(columns["last_listed"][row_])
    flows = write(row(ip, ts=f"{day}T12:00:00Z"))
    eea = run(claims, flows, sources=[], embedded=True)
    (finding,) = eea.findings
    assert (finding.countries, finding.sites) == (("AR",), ("provider:aws/us-east-1-bue-1",))
    assert eea.verdict("acme.eu") is Verdict.VIOLATED
    for allowed, verdict in (("US", Verdict.VIOLATED), ("AR", Verdict.CONSISTENT)):
        claims.write_text(CLAIM.replace('"EEA"', f'"{allowed}"'), encoding="utf-8")
        assert run(claims, flows, sources=[], embedded=True).verdict("acme.eu") is verdict


def test_an_address_that_may_be_a_local_zone_is_not_placed_by_its_region(claims: Path, write: Write) -> None:
    """Without a published border group an EC2 address of `eu-central-1` may stand in Istanbul: not surely EEA."""
    columns, words, _ = read_table("provider-ranges")

    def is_(name: str, word: str) -> Any:
        return columns[name] == words[name].index(word)

    chosen = is_("region", "eu-central-1") & is_("border_group", "") & is_("services", "AMAZON,EC2")
    row_ = int(np.flatnonzero(chosen & (columns["family"] == 4))[0])
    ip, day = str(ipaddress.IPv4Address(int(columns["lo"][row_]) + 1)), str(columns["last_listed"][row_])
    report = run(claims, write(row(ip, ts=f"{day}T12:00:00Z")), sources=[], embedded=True)
    assert {"DE", "TR"} <= set(report.findings[0].countries)
    assert report.verdict("acme.eu") is Verdict.INCONCLUSIVE


def test_unknown_bytes_received_are_an_unknown_answer(claims: Path, write: Write) -> None:
    report = run(claims, write(row("20.3.1.1", bytes_received="")))
    assert report.findings[0].outcome is Outcome.ADVERSE
    silent = run(claims, write(row("20.3.1.1", bytes_received="0")))
    assert silent.findings[0].outcome is Outcome.UNANSWERED


def test_a_conversation_of_a_mapped_form_is_one_endpoint(claims: Path, write: Write) -> None:
    report = run(claims, write(row("20.1.1.1"), row("::ffff:20.1.1.1"), row("64:ff9b::20.1.1.1")))
    (finding,) = report.findings
    assert finding.seen.flows == 3
    assert set(finding.seen.server_form.split(",")) == {"native", "mapped", "nat64"}


def test_a_lookalike_is_named_and_not_in_scope(claims: Path, write: Write) -> None:
    report = run(claims, write(row(host="аcme.example"), row()))  # Cyrillic а
    assert any("looks like acme.example" in warning for warning in report.warnings)
    assert report.inputs[0].out_of_scope == 1


@pytest.mark.parametrize("name", ["api.ACME.example.", "API.acme.EXAMPLE"])
def test_names_are_normalised(claims: Path, write: Write, name: str) -> None:
    assert run(claims, write(row(host=name))).findings[0].seen.host == "api.acme.example"


# Subjects, parties, floors


@pytest.mark.parametrize(
    ("clients", "verdict", "judged"),
    [
        ("", Verdict.INCONCLUSIVE, 1),
        ("IE", Verdict.VIOLATED, 1),
        ("EEA", Verdict.VIOLATED, 1),
        ("IE,US", Verdict.INCONCLUSIVE, 1),
        ("US", Verdict.INCONCLUSIVE, 0),
    ],
)
def test_clients_that_are_not_the_subjects_are_out_of_scope(
    claims: Path, write: Write, clients: str, verdict: Verdict, judged: int
) -> None:
    claims.write_text(CLAIM + 'subjects = ["EEA"]\n', encoding="utf-8")
    report = run(claims, write(row("20.3.1.1")), clients=clients)
    assert report.verdict("acme.eu") is verdict
    assert report.inputs[0].judged == judged


def test_only_the_claimants_word(claims: Path, write: Write) -> None:
    own = MemorySource.of("declared", "acme", PINNED)
    flows = write(row())
    report = run(claims, flows, sources=[own])
    assert report.verdict("acme.eu") is Verdict.INCONCLUSIVE
    assert report.result("acme.eu").reasons[0].rule == "R316"
    relied = run(claims, flows, sources=[own], rely_on="acme")
    assert relied.verdict("acme.eu") is Verdict.CONSISTENT
    assert "relying on acme" in relied.result("acme.eu").headline


@pytest.mark.parametrize("who", ["acme", "Acme", ["ACME"]])
def test_relying_on_a_party_by_any_spelling(claims: Path, write: Write, who: Any) -> None:
    own = MemorySource.of("declared", "Acme", PINNED)
    assert run(claims, write(row()), sources=[own]).verdict("acme.eu") is Verdict.INCONCLUSIVE
    assert run(claims, write(row()), sources=[own], rely_on=who).verdict("acme.eu") is Verdict.CONSISTENT


def test_several_inputs_and_claims_share_one_report(claims: Path, write: Write, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(CLAIM.replace("acme.eu", "acme.no").replace('"EEA"', '"NO"'), encoding="utf-8")
    paths = [write(row("20.2.1.1"), name="a.csv"), write(row("20.2.1.2"), name="b.csv")]
    report = run([claims, other], paths)
    assert [r.id for r in report.claims] == ["acme.eu", "acme.no"]
    assert {r.verdict for r in report.claims} == {Verdict.CONSISTENT}
    assert sorted((f.claim, f.id) for f in report.findings) == [(f.claim, f.id) for f in report.findings]
    only = run([claims, other], paths, claim_ids=["acme.no"])
    assert [r.id for r in only.claims] == ["acme.no"]


# Errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clients": "Europe"}, "EU, EEA"),
        ({"clients": "ie"}, "IE"),
        ({"vantage": "north"}, "LAT,LON"),
        ({"vantage": "95,0"}, "LAT,LON"),
        ({"vantage": "nan,0"}, "LAT,LON"),
        ({"min_assurance": "certain"}, "one of"),
        ({"min_assurance": "none"}, "one of"),
        ({"min_assurance": "no location needed"}, "one of"),
        ({"as_of": "yesterday"}, "as-of"),
        ({"as_of": "2026-06-01T00:00:00"}, "offset"),
        ({"claim_ids": ["nothing"]}, "no claim `nothing`"),
        ({"clock_skew_s": -1.0}, "skew"),
        ({"clock_skew_s": float("nan")}, "skew"),
        ({"clock_skew_s": float("inf")}, "skew"),
        ({"clock_skew_s": 1e12}, "skew"),
        ({"max_age_days": -1}, "age"),
        ({"max_age_days": 10**9}, "age"),
    ],
)
def test_an_option_that_cannot_be_meant_is_a_usage_error(
    claims: Path, write: Write, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        run(claims, write(row()), **options)


def test_a_claim_given_twice_is_a_usage_error(claims: Path, write: Write) -> None:
    with pytest.raises(UsageError, match="twice"):
        run([claims, claims], write(row()))


def test_no_claims_is_a_usage_error(write: Write) -> None:
    with pytest.raises(UsageError, match="no claim"):
        run([], write(row()))


def test_an_empty_pack_is_an_error(write: Write) -> None:
    with pytest.raises((UsageError, ClaimError)):
        run(Pack(claims=(), path="empty.toml"), write(row()))


def test_a_missing_input_is_an_input_error(claims: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.csv"):
        run(claims, tmp_path / "nothing.csv")


def test_zero_parsed_flows_is_an_input_error(claims: Path, write: Write) -> None:
    with pytest.raises(InputError):
        run(claims, write())


def test_asns_that_no_table_knows_are_a_usage_error(claims: Path, write: Write) -> None:
    claims.write_text(CLAIM.replace('hosts = ["*.acme.example", "acme.example"]', "asns = [64512]"), encoding="utf-8")
    with pytest.raises(UsageError, match="AS64512"):
        run(claims, write(row()), sources=[], embedded=True)


def test_a_claim_from_the_first_day_of_time(claims: Path, write: Write) -> None:
    claims.write_text(CLAIM + "effective = { from = 0001-01-01, until = 9999-12-31 }\n", encoding="utf-8")
    assert run(claims, write(row()), clock_skew_s=5.0).verdict("acme.eu") is Verdict.CONSISTENT


# Conservation and sameness


def test_conservation_is_exact(claims: Path, write: Write) -> None:
    kept: list[QuarantinedRecord] = []
    bad = [row(ts="2026-06-01T12:00:00"), row(ip="010.0.0.1"), row(bytes_sent="-1"), "short,line"]
    good = [row() for _ in range(7)] + [row("20.3.1.1", host="x.org"), row(host="")]
    report = run(claims, write(*good, *bad), quarantine=kept.append)
    (record,) = report.inputs
    assert record.records == 13
    assert record.records == (
        record.judged + record.out_of_scope + record.quarantined + record.duplicate + record.context
    )
    assert record.quarantined == len(bad) == len(kept)
    assert record.judged == sum(f.seen.records for f in report.findings)


def test_a_record_count_that_does_not_add_up_cannot_be_built() -> None:
    counts = {"judged": 1, "out_of_scope": 1, "quarantined": 1, "duplicate": 1, "context": 1}
    InputRecord(path="a", sha256="", format="csv", records=5, **counts)
    for wrong in (4, 6, 0):
        with pytest.raises(ValueError, match="accounted for"):
            InputRecord(path="a", sha256="", format="csv", records=wrong, **counts)


def many() -> list[str]:
    """Rows over borders of claims and places, with doubles, unnamed flows and quarantined ones."""
    chance = random.Random(7)
    nets = ["20.1.{}.{}", "20.2.{}.{}", "20.9.{}.{}", "2a00:1::{:x}:{:x}"]
    rows = []
    for i in range(400):
        ip = chance.choice(nets).format(chance.randrange(1, 9), chance.randrange(1, 9))
        host = chance.choice(["api.acme.example", "acme.example", "x.org", "", "B.acme.example."])
        rows.append(row(ip, host, ts=f"2026-06-{i % 28 + 1:02d}T12:00:00Z", bytes_sent=str(chance.randrange(999))))
    return rows


def rendered(report: Report) -> str:
    return as_json.dumps(as_json.document(report))


def test_a_real_report_is_what_the_published_schema_says(claims: Path, write: Write, project: Path) -> None:
    schema = json.loads((project / "docs" / "report.schema.json").read_text(encoding="utf-8"))
    text = rendered(run(claims, write(*many(), row(ip="010.0.0.1")), clients="EEA", vantage="50.85,4.35,±10,Brussels"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(text))


@pytest.mark.parametrize("threads", [2, 8])
def test_the_same_bytes_for_any_number_of_threads(claims: Path, write: Write, threads: int) -> None:
    flows = write(*many())
    assert rendered(run(claims, flows, threads=threads)) == rendered(run(claims, flows, threads=1))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_findings_for_any_order_of_rows(claims: Path, write: Write, seed: int) -> None:
    rows = many()
    first = as_json.document(run(claims, write(*rows)))
    random.Random(seed).shuffle(rows)
    second = as_json.document(run(claims, write(*rows)))
    for document in (first, second):
        document["inputs"] = [item | {"sha256": ""} for item in document["inputs"]]
    assert as_json.dumps(first) == as_json.dumps(second)


def test_the_same_bytes_for_any_hash_seed(claims: Path, write: Write, tmp_path: Path) -> None:
    flows = write(*many())
    command = [sys.executable, "-m", "residency", "audit", str(flows), "--claims", str(claims), "--format", "json"]
    found = set()
    for seed in ("0", "1"):
        done = subprocess.run(
            [*command, "--quiet"], capture_output=True, env={**os.environ, "PYTHONHASHSEED": seed}, check=False
        )
        assert done.stderr == b""
        found.add(done.stdout)
    assert len(found) == 1
    assert len(found.pop()) > 1000


def test_splitting_the_input_changes_no_verdict(claims: Path, write: Write) -> None:
    rows = many()
    whole = run(claims, write(*rows, name="all.csv"))
    parts = run(claims, [write(*rows[:150], name="a.csv"), write(*rows[150:], name="b.csv")])
    assert [f.id for f in whole.findings] == [f.id for f in parts.findings]
    assert [r.headline for r in whole.claims] == [r.headline for r in parts.claims]
    assert sum(i.judged for i in parts.inputs) == whole.inputs[0].judged


def test_the_same_file_twice_is_a_duplicate(claims: Path, write: Write) -> None:
    path = write(row(), row("20.1.2.2"))
    report = run(claims, [path, path])
    assert [i.duplicate for i in report.inputs] == [0, 2]
    assert report.findings[0].seen.flows == 1


@pytest.mark.parametrize("kind", ["arrow", "pandas", "polars"])
def test_tables_in_memory_are_input_too(claims: Path, kind: str) -> None:
    columns: dict[str, Sequence[object]] = {
        "ts": ["2026-06-01T12:00:00Z"],
        "client_ip": ["192.0.2.7"],
        "server_ip": ["20.2.1.1"],
        "server_port": [443],
        "proto": ["tcp"],
        "bytes_sent": [10],
        "bytes_received": [10],
        "host": ["acme.example"],
    }
    if kind == "arrow":
        import pyarrow as pa

        table: Any = pa.table(columns)
    elif kind == "pandas":
        import pandas as pd

        table = pd.DataFrame(columns)
    else:
        import polars as pl

        table = pl.DataFrame(columns)
    assert run(claims, table).verdict("acme.eu") is Verdict.CONSISTENT


def test_a_report_has_no_truth_value(claims: Path, write: Write) -> None:
    report = run(claims, write(row()))
    with pytest.raises(TypeError, match="three values"):
        bool(report)
    with pytest.raises(TypeError, match="three values"):
        bool(report.verdict("acme.eu"))
    with pytest.raises(KeyError):
        report.verdict("nothing")


def test_findings_are_a_table_too(claims: Path, write: Write) -> None:
    report = run(claims, write(row(), row("20.2.1.1")))
    table = report.findings.to_arrow()
    assert table.num_rows == len(report.findings) == 2
    assert set(table["outcome"].to_pylist()) == {"inside"}
    assert len(report.findings.to_pandas()) == len(report.findings.to_polars()) == 2
    assert run(claims, write(row(host="x.org"))).findings.to_arrow().num_rows == 0


def test_finding_ids_are_stable_beside_unrelated_claims(claims: Path, write: Write, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(CLAIM.replace("acme.eu", "zzz").replace("acme.example", "zzz.example"), encoding="utf-8")
    flows = write(row())
    alone, both = run(claims, flows), run([claims, other], flows)
    assert [f.id for f in alone.findings] == [f.id for f in both.findings_of("acme.eu")]


def test_as_of_is_the_last_flow_unless_stated(claims: Path, write: Write) -> None:
    flows = write(row(), row(ts="2026-06-03T00:00:00Z"))
    assert run(claims, flows).as_of.isoformat() == "2026-06-03T00:00:00+00:00"
    assert run(claims, flows, as_of="2026-07-01").as_of.isoformat() == "2026-07-01T00:00:00+00:00"


def test_storage_is_read_as_a_connection_claim_beside(claims: Path, write: Write) -> None:
    claims.write_text(CLAIM.replace('"processing"', '"storage"'), encoding="utf-8")
    result = run(claims, write(row("20.3.1.1"))).result("acme.eu")
    assert (result.verdict, result.as_connection) == (Verdict.INCONCLUSIVE, Verdict.VIOLATED)
    assert isinstance(result.claim, Claim)
    assert "not observed" in result.not_observed
