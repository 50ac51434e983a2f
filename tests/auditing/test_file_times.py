"""Times of several vantages in files: two must agree, or their mesh vouches for them; a liar in it is left out."""

from __future__ import annotations

import csv
import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.auditing.conftest import Audit, app

import residency
from residency.auditing.locating import Locator
from residency.errors import UsageError
from residency.model.evidence import Assurance, Kind
from residency.model.location import Locations
from residency.model.vantage_check import Standing
from residency.model.verdict import Verdict, Where
from residency.sources.latency import read_rtt_files

DAY = date(2026, 11, 1)

HEAD = "vantage,lat,lon,radius_km,asn,target,rtt_ms,kind\n"
PLACES = {
    "fra": ("50.11,8.68", 64501),
    "ams": ("52.37,4.90", 64502),
    "par": ("48.86,2.35", 64503),
    "lon": ("51.51,-0.13", 64504),
    "nyc": ("40.71,-74.01", 64505),
    "tok": ("35.68,139.69", 64506),
    "syd": ("-33.87,151.21", 64507),
}
# Round trips in ms that are honest for these places.
MESH = {
    ("fra", "ams"): 6.0,
    ("fra", "par"): 9.0,
    ("fra", "lon"): 12.0,
    ("fra", "nyc"): 85.0,
    ("fra", "tok"): 220.0,
    ("ams", "par"): 8.0,
    ("ams", "lon"): 6.5,
    ("par", "lon"): 7.0,
    ("nyc", "tok"): 170.0,
    ("lon", "nyc"): 72.0,
}
TARGET = "185.1.2.3"


def row(vantage: str, target: str, rtt_ms: float, kind: str = "icmp") -> str:
    place, asn = PLACES[vantage]
    return f"{vantage},{place},10,{asn},{target},{rtt_ms},{kind}\n"


def mesh() -> str:
    return "".join(row(a, b, rtt_ms) for (a, b), rtt_ms in MESH.items())


def locate(
    tmp_path: Path, text: str, target: str | tuple[str, ...] = TARGET, within: str = "EEA", **options: Any
) -> Locations:
    path = tmp_path / "times.csv"
    path.write_text(HEAD + text, encoding="utf-8")
    return residency.locate(target, rtt=[path], within=within, **({"embedded": False} | options))


def test_a_vantage_of_the_mesh_refutes_alone(tmp_path: Path) -> None:
    (found,) = locate(tmp_path, mesh() + row("fra", TARGET, 1.0), within="NO")
    assert (found.where, found.assurance, found.verdict) == (Where.OUTSIDE, Assurance.MEASURED, Verdict.VIOLATED)
    assert {"NO", "US", "JP"} <= set(found.excluded)
    assert "DE" in found.countries


def test_without_a_mesh_one_vantage_proves_nothing_and_two_do(tmp_path: Path) -> None:
    (alone,) = locate(tmp_path, row("fra", TARGET, 1.0), within="NO")
    assert (alone.where, alone.verdict) == (Where.UNKNOWN, Verdict.INCONCLUSIVE)
    assert "NO" in alone.excluded  # what it would exclude is shown
    (two,) = locate(tmp_path, row("fra", TARGET, 1.0) + row("par", TARGET, 7.5), within="US")
    assert (two.where, two.assurance) == (Where.OUTSIDE, Assurance.MEASURED)


def test_two_vantages_of_one_network_at_one_place_count_once(tmp_path: Path) -> None:
    twin = row("fra", TARGET, 1.0).replace("fra,50.11", "fra2,50.12")
    (found,) = locate(tmp_path, row("fra", TARGET, 1.0) + twin, within="NO")
    assert found.verdict is Verdict.INCONCLUSIVE


def test_a_liar_in_the_mesh_is_left_out(tmp_path: Path) -> None:
    """A vantage in Frankfurt that is said to stand in Sydney would alone refute every true place."""
    near = (("fra", 0.5), ("ams", 6.0), ("par", 9.0), ("lon", 12.0))
    liar = "".join(row("syd", other, rtt_ms) for other, rtt_ms in near)
    (found,) = locate(tmp_path, mesh() + liar + row("syd", TARGET, 1.0) + row("fra", TARGET, 1.0))
    assert "DE" in found.countries
    assert found.where is not Where.OUTSIDE


def test_a_vantage_in_the_city_of_a_target_of_the_mesh_is_heard(tmp_path: Path) -> None:
    """It is left out of the mesh that tests the others, and tested by them."""
    twin = [row("fra", other, rtt_ms) for other, rtt_ms in (("ams", 6.2), ("par", 9.1), ("lon", 12.1), ("fra", 0.4))]
    lines = "".join(line.replace("fra,50.11,8.68,10,64501", "fra2,50.10,8.70,10,64999") for line in twin)
    lines += row("ams", "nyc", 80.0) + row("par", "nyc", 78.0)
    (found,) = (item for item in locate(tmp_path, mesh() + lines, target=(), within="NO") if item.target == "fra")
    assert {"NO", "US"} <= set(found.excluded)
    assert found.verdict is Verdict.VIOLATED


def test_evidence_says_which_vantage_excludes_what(tmp_path: Path) -> None:
    (found,) = locate(tmp_path, mesh() + row("fra", TARGET, 1.0), within="NO")
    (evidence,) = (e for e in found.evidence if e.kind is Kind.MEASURED)
    (exclusion,) = evidence.statement.exclusions
    assert (exclusion.vantage, exclusion.rtt_ms) == ("fra", 1.0)
    assert {"NO", "US"} <= set(exclusion.excludes)
    assert 109 < exclusion.within_km < 112  # a millisecond in glass, ten km of the vantage, and what the sphere is off


def test_of_the_places_asked_about_the_survivors_are_named(tmp_path: Path) -> None:
    within = ("site:tiktok/dublin-1", "provider:aws/eu-central-1")
    (found,) = locate(tmp_path, mesh() + row("fra", TARGET, 1.0), within=within)  # type: ignore[arg-type]
    says = [e.statement.says for e in found.evidence]
    assert any("1 can hold it: aws/eu-central-1" in text for text in says)
    assert found.verdict is Verdict.INCONCLUSIVE  # they are shown and place nothing: a disc is no data centre


def test_labels_and_names_are_located_too(tmp_path: Path) -> None:
    text = mesh() + row("fra", "azure:Germany West Central", 1.0) + row("fra", "api.acme.example", 1.0)
    found = {item.target: item for item in locate(tmp_path, text, target=())}
    assert set(found) == {"ams", "par", "lon", "nyc", "tok", "azure:Germany West Central", "api.acme.example"}
    label = found["azure:Germany West Central"]
    assert (label.host, "DE" in label.countries) == ("azure:Germany West Central", True)
    assert "US" in label.excluded


def test_anycast_is_detected_by_times(tmp_path: Path) -> None:
    text = "".join(row(v, TARGET, 1.0) for v in ("fra", "nyc", "tok"))
    (found,) = locate(tmp_path, text)
    assert found.anycast == "detected"
    assert found.where is Where.UNKNOWN


def test_a_vantage_of_a_file_that_fails_its_test_is_left_out(tmp_path: Path) -> None:
    """Said to stand in New York, it reaches a region in Frankfurt in 1 ms."""
    text = row("nyc", "104.255.58.44", 1.0) + row("nyc", TARGET, 1.0) + row("fra", TARGET, 1.0)
    found = locate(tmp_path, text, embedded=True)
    standings = {check.vantage.name: check.standing for check in found.vantages}
    assert standings == {"fra": Standing.UNTESTED, "nyc": Standing.VOID}
    assert any("nyc" in w and "void" in w for w in found.warnings)
    assert "US" in found[0].excluded


def test_rows_set_aside_are_told(tmp_path: Path) -> None:
    found = locate(tmp_path, mesh() + "fra,50.11,8.68,10,64501,185.1.2.3,100000.0,icmp\n" + row("fra", TARGET, 1.0))
    (note,) = [w for w in found.warnings if "set aside" in w]
    assert "12: rtt_ms: over" in note


def test_the_order_of_rows_never_matters(tmp_path: Path) -> None:
    lines = [*mesh().splitlines(True), row("fra", TARGET, 1.0), row("par", TARGET, 7.5)]
    first, second = (locate(tmp_path, "".join(order))[0] for order in (lines, lines[::-1]))
    assert (first.excluded, first.feasible, first.rules) == (second.excluded, second.feasible, second.rules)


def test_live_needs_a_stated_vantage() -> None:
    with pytest.raises(UsageError, match="--vantage"):
        residency.locate([TARGET], live=True)


def test_every_row_set_aside_is_in_the_quarantine_of_an_audit(audit: Audit, tmp_path: Path) -> None:
    path = tmp_path / "times.csv"
    bad = ("-3", "0", "NaN", "inf", "1e12", "100000.0")
    text = HEAD + mesh() + "".join(f"fra,50.11,8.68,10,64501,{TARGET},{value},icmp\n" for value in bad)
    path.write_text(text + row("fra", TARGET, 1.0), encoding="utf-8")
    report = audit(app("", ""), vantage=None, embedded=False, rtt=[path])
    assert [(q.path, q.line, q.value) for q in report.quarantine] == [
        (str(path), 12 + number, value) for number, value in enumerate(bad)
    ]
    assert report.verdict("acme") is Verdict.VIOLATED
    assert report.result("acme").assurance is Assurance.MEASURED
    assert all(item.quarantined == 0 for item in report.inputs)


ANCHORS = Path(os.environ.get("RESIDENCY_SHARED", "")) / "data" / "rtt"


@pytest.mark.skipif(not (ANCHORS / "anchor_mesh_2018.csv").is_file(), reason="RESIDENCY_SHARED names no rtt data")
def test_real_anchors_are_never_excluded_from_their_own_country(tmp_path: Path) -> None:
    """Every sixth anchor as a target of all others, read as a file of times with its mesh."""
    with (ANCHORS / "anchor_mesh_2018.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    truth = {r["target_id"]: r["target_country"] for r in rows}
    path = tmp_path / "mesh.csv"
    lines = [f"{r['vantage_id']},{r['vantage_lat']},{r['vantage_lon']},{r['target_id']},{r['rtt_ms']}" for r in rows]
    path.write_text("\n".join(["vantage,lat,lon,target,rtt_ms", *lines]), encoding="utf-8")
    locator = Locator(
        sources=[], within=(), min_assurance="database", max_age_days=None, day=DAY, rtt_files=read_rtt_files([path])
    )
    found = locator.locate(locator.timed_targets()[::6])
    assert len(found) > 15
    assert not [(item.target, truth[item.target]) for item in found if truth[item.target] in item.excluded]
    assert sum(len(item.excluded) > 200 for item in found) > len(found) / 2
    calibrated = [item for item in found if item.assurance is Assurance.DATABASE]
    assert all(item.assurance in (Assurance.MEASURED, Assurance.NONE, Assurance.DATABASE) for item in found)
    assert all(any(e.kind is Kind.CALIBRATED and e.counts for e in item.evidence) for item in calibrated)
    rates = [e.statement.rate or 1.0 for item in found for e in item.evidence if e.kind is Kind.CALIBRATED]
    assert len(rates) >= 3
    assert all(0.01 < rate <= 0.05 for rate in rates)
