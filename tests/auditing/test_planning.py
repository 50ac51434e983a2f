"""What a plan asks for would decide: the measurement that it names, made, gives the verdict that it names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.auditing.conftest import OFFICE, Audit, app

import residency
from residency.auditing.planning import plan_finding, plan_report
from residency.cli import main
from residency.model.measurement_plan import Would
from residency.model.verdict import Verdict
from residency.report import as_json, as_plan
from residency.sources.memory import MemorySource

UNKNOWN = "185.9.9.9"


def one_database(code: str) -> dict[str, Any]:
    """Options under which one database speaks, and only measurement confirms."""
    return {"embedded": False, "sources": [database(code)], "min_assurance": "measured"}


def database(code: str) -> MemorySource:
    return MemorySource.of("database", "dba", {"185.0.0.0/8": code})


def test_what_would_confirm_is_named_and_does(audit: Audit, tmp_path: Path) -> None:
    report = audit(app("", ""), allow="DE", vantage=None, **one_database("DE"))
    assert report.verdict("acme") is Verdict.INCONCLUSIVE
    (plan,) = plan_report(as_json.document(report))
    (station,) = plan.stations
    (target,) = station.targets
    assert (target.server_ip, target.would, station.spot.country) == (OFFICE, Would.CONFIRM, "DE")
    assert 0 < target.max_rtt_ms < 5
    lat, lon = station.spot.lat, station.spot.lon
    times = tmp_path / "times.csv"
    rows = [f"v{n},{lat},{lon},25,{64500 + n},{OFFICE},{target.max_rtt_ms * 0.99},icmp" for n in range(2)]
    times.write_text("\n".join(["vantage,lat,lon,radius_km,asn,target,rtt_ms,kind", *rows]), encoding="utf-8")
    decided = audit(app("", ""), allow="DE", vantage=None, rtt=[times], embedded=False, min_assurance="measured")
    assert decided.verdict("acme") is Verdict.CONSISTENT


def test_what_would_contradict_is_named_first(audit: Audit) -> None:
    sources = [database("US"), MemorySource.of("database", "dbb", {"185.1.0.0/16": "US"})]
    rows = [*app("", ""), *app("", "", ip=UNKNOWN, times=500)]
    many = [*rows, *(line for n in range(60) for line in app("", "", ip=f"185.{n + 20}.0.1", times=1))]
    report = audit(many, allow="EEA", vantage=None, embedded=False, sources=sources)
    (plan,) = plan_report(as_json.document(report))
    targets = [t for s in plan.stations for t in s.targets]
    assert {t.would for t in targets} == {Would.CONTRADICT}


@pytest.mark.parametrize("side", ["likely", "inside"])
def test_the_time_that_would_decide_a_finding_decides_it(audit: Audit, tmp_path: Path, side: str) -> None:
    sources = [database("US"), MemorySource.of("database", "dbb", {"185.0.0.0/8": "US"})]
    options: dict[str, Any] = {"allow": "EEA", "vantage": None, "embedded": False, "sources": sources}
    document = as_json.document(audit(app("", ""), **options))
    (finding,) = document["findings"]
    assert (finding["place"], finding["assurance"]) == ("outside", "corroborated")
    time = getattr(plan_finding(document, finding), side)
    assert time.would is (Would.CONFIRM if side == "inside" else Would.CONTRADICT)
    assert 0 < time.one_vantage_ms < time.two_vantages_ms

    def decided(rtt_ms: float) -> tuple[str, str]:
        where = f"{time.spot.lat},{time.spot.lon},25"
        rows = [f"v{n},{where},{64500 + n},{OFFICE},{rtt_ms},icmp" for n in range(2)]
        path = tmp_path / "times.csv"
        path.write_text("\n".join(["vantage,lat,lon,radius_km,asn,target,rtt_ms,kind", *rows]), encoding="utf-8")
        (found,) = audit(app("", ""), **options, rtt=[path]).findings
        return found.place.value, found.assurance.value

    assert decided(time.two_vantages_ms * 0.99) == (side.replace("likely", "outside"), "measured")
    assert decided(time.two_vantages_ms * 6)[1] != "measured"


def test_endpoints_at_one_place_share_a_station(audit: Audit) -> None:
    rows = [line for n in range(8) for line in app("", "", ip=f"185.{n}.0.1", times=1)]
    report = audit(rows, allow="EEA", vantage=None, **one_database("DE"))
    (plan,) = plan_report(as_json.document(report))
    assert len(plan.stations) == 1
    assert len(plan.stations[0].targets) == 8


def test_only_as_many_endpoints_as_the_coverage_needs(audit: Audit) -> None:
    rows = [*app("", "", times=99), *app("", "", ip="185.7.7.7", times=1)]
    report = audit(rows, allow="EEA", vantage=None, **one_database("DE"))
    (plan,) = plan_report(as_json.document(report))
    assert [t.server_ip for s in plan.stations for t in s.targets] == [OFFICE]


def test_nobody_says_where_it_is(audit: Audit) -> None:
    report = audit(app("", ""), allow="EEA", vantage=None, embedded=False)
    (plan,) = plan_report(as_json.document(report))
    assert [t.server_ip for t in plan.unplaced] == [OFFICE]
    (request,) = as_plan.atlas_requests([plan])
    assert request["probes"] == [{"type": "area", "value": "WW", "requested": 20}]


def test_a_border_too_near_is_said(audit: Audit) -> None:
    report = audit(app("", ""), allow="LU", vantage=None, **one_database("LU"))
    (plan,) = plan_report(as_json.document(report))
    assert not plan.stations
    assert "too near" in plan.hopeless[0].why


def test_a_decided_claim_needs_no_plan(audit: Audit) -> None:
    report = audit(app("", ""), allow="DE", vantage=None, sources=[database("DE")], embedded=False)
    assert report.verdict("acme") is Verdict.CONSISTENT
    assert plan_report(as_json.document(report)) == ()


def test_the_command_writes_requests_and_sends_nothing(
    audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = audit(app("", ""), allow="DE", vantage=None, **one_database("DE"))
    saved, requests = tmp_path / "report.json", tmp_path / "atlas.json"
    saved.write_text(as_json.dumps(as_json.document(report)), encoding="utf-8")
    assert main(["plan", str(saved), "--atlas", str(requests)]) == 0
    assert "two vantages of different networks within" in capsys.readouterr().out
    (request,) = json.loads(requests.read_text(encoding="utf-8"))
    assert request["is_oneoff"] is True
    assert request["probes"] == [{"type": "country", "value": "DE", "requested": 5}]
    assert [(d["type"], d["target"], d["af"]) for d in request["definitions"]] == [
        ("ping", OFFICE, 4),
        ("sslcert", OFFICE, 4),
    ]
    assert main(["plan", str(saved), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "residency-plan/1"


def test_a_damaged_report_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = tmp_path / "report.json"
    saved.write_text('{"schema": "residency-report/1", "claims": [{}], "findings": [], "snapshots": [], "inputs": []}')
    assert main(["plan", str(saved)]) == 2
    assert "damaged report" in capsys.readouterr().err


def test_nothing_is_open(audit: Audit) -> None:
    assert residency.__version__
    assert "Nothing to measure" in as_plan.render(())
