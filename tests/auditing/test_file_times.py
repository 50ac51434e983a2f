"""Times of several vantages in files: two must agree, or their mesh vouches for them; a liar in it is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import residency
from residency.errors import UsageError
from residency.model.evidence import Assurance
from residency.model.location import Locations
from residency.model.vantage_check import Standing
from residency.model.verdict import Verdict, Where

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
