"""Maps say what the document says: each endpoint once, at the point that is known and at no other."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from tests.report.html.conftest import Doc, Outline

from residency.model.atlas import Atlas
from residency.model.place import great_circle_km
from residency.report.html.labels import labelled
from residency.report.html.projection import point
from residency.report.html.spots import MOST_CANDIDATES, spread
from residency.report.html.world import circle_path, excluded_by_all, figure, shading_of


def finding(
    place: str = "inside", countries: tuple[str, ...] = ("IE",), sites: tuple[str, ...] = (), **more: Any
) -> Doc:
    """One finding with what maps read of it."""
    told = {"id": "F-1", "flows": 2, "bytes_sent": 30, "bytes_received": None, "excluded": [], "server_ip": "192.0.2.1"}
    return told | {"place": place, "countries": countries, "sites": sites, "min_rtt_ms": None, "vantage": None} | more


def claim(allow: tuple[str, ...] = (), forbid: tuple[str, ...] = ()) -> Doc:
    return {"id": "c", "allow": allow, "forbid": forbid}


DOCUMENT: Doc = {"as_of": "2026-06-15T00:00:00Z", "vantages": []}


def test_no_findings_give_no_spots(atlas: Atlas) -> None:
    told = spread([], atlas)
    assert (told.spots, told.countries) == ((), {})
    assert not told.possible + told.adrift


def test_a_country_is_its_label_and_a_site_is_its_own_point(atlas: Atlas) -> None:
    told = spread([finding(), finding("outside", ("US",), ("provider:gcp/us-east4",))], atlas)
    there = {spot.name: (spot.lat, spot.lon) for spot in told.spots}
    assert there["Ireland"] == atlas.labels["IE"]
    assert great_circle_km(*there[f"Ashburn, {atlas.name('US')}"], 39.04, -77.49) < 50
    assert all(spot.is_certain for spot in told.spots)


def test_several_sites_of_one_country_are_the_country(atlas: Atlas) -> None:
    (spot,) = spread([finding("outside", ("US",), ("provider:gcp/us-east4", "provider:aws/us-east-1"))], atlas).spots
    assert (spot.lat, spot.lon) == atlas.labels["US"]


def test_several_countries_are_drawn_at_each_and_counted_once(atlas: Atlas) -> None:
    told = spread([finding("outside", ("US", "CA"))], atlas)
    assert [(spot.name, spot.is_certain) for spot in told.spots] == [("Canada", False), (atlas.name("US"), False)]
    assert told.possible == {"outside": 1}
    assert told.countries[(f"{atlas.name('US')} or Canada", "outside")].endpoints == 1


@pytest.mark.parametrize("countries", [(), ("XX",), ("IE", "XX"), ("AT", "BE", "CH", "DE", "DK", "ES", "FI")])
def test_what_has_no_point_is_counted_and_not_drawn(atlas: Atlas, countries: tuple[str, ...]) -> None:
    assert len(countries) <= 2 or len(countries) > MOST_CANDIDATES
    told = spread([finding("unknown", countries)], atlas)
    assert told.spots == ()
    assert told.adrift == {"unknown": 1}


def test_endpoints_of_one_point_are_one_mark_and_places_never_mix(atlas: Atlas) -> None:
    told = spread([finding(), finding(bytes_received=12), finding("unknown")], atlas)
    assert {(s.place, s.load.endpoints, s.load.flows, s.load.bytes) for s in told.spots} == {
        ("inside", 2, 4, 72),
        ("unknown", 1, 2, 30),
    }


def test_every_endpoint_of_a_real_report_is_counted_once(thousand: Doc, atlas: Atlas) -> None:
    outline = Outline(figure(thousand, thousand["claims"][0], thousand["findings"], atlas))
    drawn: Counter[str | None] = Counter()
    for mark in outline.all("g", data_certain="yes"):
        drawn[mark["data-place"]] += int(mark["data-endpoints"] or 0)
    assert drawn == Counter(f["place"] for f in thousand["findings"])
    assert "outside: 600 drawn" in outline.text
    assert "inside: 400 drawn" in outline.text


def test_the_area_of_a_claim_at_the_date_of_the_report(atlas: Atlas) -> None:
    told = shading_of(claim(("EEA",)), "2026-06-15T00:00:00Z", atlas)
    assert told.name == "area"
    assert {"IE", "NO", "ES-CN"} <= set(told.codes["in"])
    assert not {"GB", "CH", "US"} & set(told.codes["in"])
    before = shading_of(claim(("EU",)), "2019-06-15T00:00:00Z", atlas)
    assert "GB" in before.codes["in"]


def test_what_is_forbidden_is_taken_out_of_the_area_or_shaded_alone(atlas: Atlas) -> None:
    told = shading_of(claim(("EEA",), ("HU",)), "2026-06-15T00:00:00Z", atlas)
    assert "HU" not in told.codes["in"]
    alone = shading_of(claim((), ("CN",)), "2026-06-15T00:00:00Z", atlas)
    assert (alone.name, alone.codes["in"]) == ("forbidden", ("CN",))


def test_a_place_that_is_not_known_here_shades_nothing_and_says_so(atlas: Atlas) -> None:
    told = shading_of(claim(("VENDOR:of-tomorrow",)), "2026-06-15T00:00:00Z", atlas)
    assert (told.name, told.codes) == ("unknown", {})
    page = figure(DOCUMENT, claim(("VENDOR:of-tomorrow",)), [finding()], atlas)
    assert "names a place that this map does not know" in page


def test_a_country_is_hatched_where_times_exclude_it_for_every_timed_endpoint() -> None:
    assert excluded_by_all([]) == []
    assert excluded_by_all([finding()]) == []
    assert excluded_by_all([finding(excluded=["CN", "US"]), finding(excluded=["CN"]), finding()]) == ["CN"]


VANTAGE = {"name": "fra", "lat": 50.0, "lon": 8.5, "radius_km": 10.0, "standing": "passed"}


@pytest.mark.parametrize(("standing", "drawn"), [("passed", 1), ("untested", 0), ("void", 0)])
def test_bounds_are_drawn_for_vantages_that_passed_alone(atlas: Atlas, standing: str, drawn: int) -> None:
    document = DOCUMENT | {"vantages": [VANTAGE | {"standing": standing}]}
    timed = finding(min_rtt_ms=2.0, vantage="fra")
    outline = Outline(figure(document, claim(("DE",)), [timed, timed], atlas))
    assert len(outline.all("path", class_="bound")) == drawn
    assert len(outline.all("g", class_="mark vantage")) == 1
    if drawn:
        assert (
            "192.0.2.1 is within 310 km of fra" in outline.text
        )  # 149.9 km a millisecond, and the vantage's own radius


def test_a_bound_of_a_vantage_that_is_not_named_there_is_not_drawn(atlas: Atlas) -> None:
    document = DOCUMENT | {"vantages": [VANTAGE, VANTAGE | {"name": "nyc"}]}
    outline = Outline(figure(document, claim(("DE",)), [finding(min_rtt_ms=2.0, vantage="osl")], atlas))
    assert not outline.all("path", class_="bound")


def test_a_circle_keeps_its_distance_and_is_parted_at_the_180th_meridian() -> None:
    path = circle_path(50.0, 8.5, 300.0)
    assert path.count("M") == 1
    x, y = point(50.0, 8.5)
    reached = [tuple(map(float, pair.split())) for pair in path[1:].split("L")]
    assert len(reached) == 91
    assert all(abs(a - x) < 40 and abs(b - y) < 40 for a, b in reached)
    assert circle_path(-17.0, 179.0, 1_000.0).count("M") == 3


def test_labels_cover_neither_marks_nor_each_other() -> None:
    marks = [((100.0, 100.0), 10.0, "First"), ((120.0, 100.0), 10.0, "Second"), ((50.0, 100.0), 4.0, "Third")]
    outline = Outline(labelled(marks))
    assert outline.texts == ["Second"]  # the first is hemmed in, and the third would cover the first
    assert Outline(labelled([((500.0, 100.0), 10.0, "Alone"), ((900.0, 100.0), 9.0, "")])).texts == ["Alone"]
    assert labelled([]) == '<g class="labels"></g>'
