"""What a map shows: points where one country is known, what is not drawn is counted, and areas as claims state them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from residency.model.evidence import Assurance, Evidence, Kind, Statement
from residency.model.location import Location, Locations
from residency.model.network import Vantage, parse_address
from residency.model.place import Gazetteer, Place
from residency.model.vantage_check import Standing, VantageCheck
from residency.model.verdict import ClaimResults, Findings, Outcome, Report, Where
from residency.report.map_data import AREA, BOTH, EXCLUDED, FEASIBLE, Atlas, of_location, of_locations, of_report
from residency.report.map_shapes import middles
from residency.sources.borders import read_rings
from residency.sources.gazetteer import shipped_gazetteer

MakeReport = Callable[[str], Report]
IRELAND, DUBLIN_REGION = Place("IE"), Place("IE", provider_region="aws/eu-west-1")


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return shipped_gazetteer()


@pytest.fixture(scope="module")
def atlas(gazetteer: Gazetteer) -> Atlas:
    return Atlas(gazetteer, middles(*read_rings()))


def located(*feasible: Place, target: str = "192.0.2.1", where: Where | None = None) -> Location:
    return Location(
        target=target,
        address=parse_address("192.0.2.1"),
        host=None,
        anycast="no_evidence",
        feasible=feasible,
        where=where,
        assurance=Assurance.DECLARED,
        verdict=None,
        reasons=(),
        rules=(),
        evidence=(),
        sides=(),
    )


def timed(item: Location, *excluded: str, proves: bool = True) -> Location:
    """The location with round-trip times that leave its feasible places."""
    said = Statement(
        kind=Kind.MEASURED, source="s", author="lab", says="2 ms", places=frozenset(item.feasible), proves=proves
    )
    return replace(item, excluded=excluded, evidence=(Evidence(statement=said),), sides=("neither",))


def found(*items: Location, within: tuple[str, ...] = ()) -> Locations:
    return Locations(items=items, as_of=date(2026, 6, 15), within=within, snapshots=())


def test_nothing_located_is_an_empty_map(atlas: Atlas) -> None:
    (drawn,) = of_locations(found(), atlas)
    assert drawn.title == "0 targets, 2026-06-15"
    assert drawn.points == ()
    assert drawn.in_view == ()
    assert drawn.subtitle == ()
    assert drawn.fills == {}


def test_a_region_is_drawn_where_it_is_published_to_be(atlas: Atlas, gazetteer: Gazetteer) -> None:
    (drawn,) = of_locations(found(located(DUBLIN_REGION)), atlas)
    (point,) = drawn.points
    spot = gazetteer.regions["aws/eu-west-1"].spot
    assert point.at == (spot.lat, spot.lon)
    assert point.place == "aws/eu-west-1, Dublin, Ireland"
    assert point.is_exact
    assert point.where == "located"
    assert point.seen == ""


def test_a_mere_country_is_drawn_pale_in_its_middle_and_the_map_says_so(atlas: Atlas) -> None:
    (drawn,) = of_locations(found(located(IRELAND)), atlas)
    (point,) = drawn.points
    assert point.at == atlas.middles["IE"]
    assert point.place == "somewhere in Ireland"
    assert not point.is_exact
    assert drawn.subtitle == ("pale: known to be somewhere in the country, drawn in its middle",)


def test_two_regions_of_one_country_are_that_country(atlas: Atlas) -> None:
    two = located(Place("US", provider_region="aws/us-east-1"), Place("US", provider_region="aws/us-west-2"))
    (drawn,) = of_locations(found(two), atlas)
    assert [(point.place, point.is_exact) for point in drawn.points] == [
        ("somewhere in United States of America", False)
    ]


@pytest.mark.parametrize("feasible", [(), (IRELAND, Place("GB"))])
def test_what_has_no_single_country_is_counted_and_not_drawn(atlas: Atlas, feasible: tuple[Place, ...]) -> None:
    (drawn,) = of_locations(found(located(*feasible), located(DUBLIN_REGION)), atlas)
    assert len(drawn.points) == 1
    assert drawn.subtitle == ("1 has no single country and is not drawn",)


def test_targets_of_one_place_are_one_point(atlas: Atlas) -> None:
    targets = [located(DUBLIN_REGION, target=f"t{n}.example") for n in range(7)]
    (drawn,) = of_locations(found(*targets), atlas)
    (point,) = drawn.points
    assert point.endpoints == 7
    assert point.names == "t0.example, t1.example, t2.example, t3.example, t4.example and 2 more"


def test_one_target_shades_every_country_that_may_hold_it(atlas: Atlas) -> None:
    (drawn,) = of_location(timed(located(IRELAND, Place("GB")), "FR"), atlas)
    assert drawn.points == ()
    assert drawn.fills == {"IE": FEASIBLE, "GB": FEASIBLE, "FR": EXCLUDED}
    assert drawn.subtitle[0] == "may be in GB or IE"
    assert set(drawn.in_view) == {atlas.middles["IE"], atlas.middles["GB"]}


def test_many_feasible_countries_are_counted(atlas: Atlas) -> None:
    (drawn,) = of_location(located(*(Place(code) for code in ("IE", "GB", "FR", "DE", "BE", "NL"))), atlas)
    assert drawn.subtitle == ("may be in any of 6 countries",)


def test_one_target_of_one_place_has_a_point(atlas: Atlas) -> None:
    (drawn,) = of_location(located(DUBLIN_REGION), atlas)
    assert len(drawn.points) == 1
    assert drawn.fills == {}
    assert of_location(located(), atlas)[0].points == ()


def test_the_area_is_shaded_by_country_and_part(atlas: Atlas) -> None:
    (drawn,) = of_locations(found(located(IRELAND, where=Where.INSIDE), within=("EU", "NO")), atlas)
    in_area = {code for code, fill in drawn.fills.items() if fill == AREA}
    assert {"IE", "FR", "ES", "ES-CN", "NO"} <= in_area
    assert not {"GB", "CH", "US", "SJ"} & in_area
    assert set(drawn.fills.values()) == {AREA}


def test_only_what_is_excluded_for_all_that_was_timed_is_shaded(atlas: Atlas) -> None:
    first = timed(located(IRELAND), "US", "CN", "FR")
    second = timed(located(Place("BE")), "US", "CN", "IE")
    (drawn,) = of_locations(found(first, second, located(Place("NO")), within=("FR", "US")), atlas)
    assert drawn.fills == {"CN": EXCLUDED, "US": BOTH, "FR": AREA}
    assert "proven by round-trip times: nothing that was timed is in 2 countries" in drawn.subtitle


def test_what_times_without_proof_would_exclude_is_not_drawn(atlas: Atlas) -> None:
    (drawn,) = of_locations(found(timed(located(IRELAND), "US", proves=False)), atlas)
    assert drawn.fills == {}
    (drawn,) = of_locations(found(timed(located(IRELAND), "US", proves=False), timed(located(IRELAND), "CN")), atlas)
    assert drawn.fills == {"CN": EXCLUDED}
    assert "proven by round-trip times: nothing that was timed is in 1 country" in drawn.subtitle


def test_the_picture_holds_the_area_nearby_and_not_that_overseas(atlas: Atlas) -> None:
    (drawn,) = of_locations(found(located(IRELAND), within=("EEA",)), atlas)
    assert atlas.middles["DE"] in drawn.in_view
    assert atlas.middles["GF"] not in drawn.in_view


def test_a_report_has_a_map_of_each_claim_that_has_findings(atlas: Atlas, make_report: MakeReport) -> None:
    report = make_report("plain")
    (drawn,) = of_report(report, atlas)
    assert drawn.title == "acme.eu: violated"
    assert drawn.subtitle == ("endpoints: " + ", ".join(f"1 {outcome.value.replace('_', ' ')}" for outcome in Outcome),)
    (point,) = drawn.points
    assert (point.where, point.endpoints, point.known_by, point.said_by) == ("outside", 8, "declared", "plain")
    assert point.seen == "24 conversations, 9.9 MB"
    assert drawn.fills["IE"] == AREA
    assert "HU" not in drawn.fills  # forbidden by the claim
    assert "CN" not in drawn.fills  # excluded, but by no times that prove


def test_a_claim_without_findings_has_a_map_only_where_it_is_asked_for(atlas: Atlas, make_report: MakeReport) -> None:
    report = make_report("x")
    (result,) = report.claims
    other = replace(result, claim=replace(result.claim, id="other", allow=("site:tiktok/hamar", "NO")))
    both = replace(report, claims=ClaimResults([result, other]))
    assert [drawn.title for drawn in of_report(both, atlas)] == ["acme.eu: violated"]
    (drawn,) = of_report(both, atlas, "other")
    assert drawn.points == ()
    assert [name for name, _ in drawn.sites] == ["site:tiktok/hamar"]
    assert of_report(replace(both, findings=Findings()), atlas)[0].points == ()
    with pytest.raises(KeyError):
        of_report(report, atlas, "no.such")


def test_a_claim_that_allows_anywhere_shades_nothing(atlas: Atlas, make_report: MakeReport) -> None:
    report = make_report("x")
    (result,) = report.claims
    anywhere = replace(result, claim=replace(result.claim, allow=(), forbid=()))
    (drawn,) = of_report(replace(report, claims=ClaimResults([anywhere])), atlas)
    assert AREA not in drawn.fills.values()


def test_bytes_that_nobody_told_are_none(atlas: Atlas, make_report: MakeReport) -> None:
    report = make_report("x")
    silent = Findings(replace(f, seen=replace(f.seen, bytes_sent=None)) for f in report.findings)
    (point,) = of_report(replace(report, findings=silent), atlas)[0].points
    assert point.bytes_seen == 0


def test_vantages_are_in_the_picture(atlas: Atlas, make_report: MakeReport) -> None:
    tokyo = Vantage(lat=35.7, lon=139.7, name="Tokyo")
    check = VantageCheck(vantage=tokyo, standing=Standing.UNTESTED, why="", endpoints=0, controls=0)
    (drawn,) = of_report(replace(make_report("x"), vantages=(check,)), atlas)
    assert drawn.vantages == (tokyo,)
    assert (35.7, 139.7) in drawn.in_view


def test_no_text_breaks_out_of_its_line(atlas: Atlas, make_report: MakeReport, hostile: str) -> None:
    (drawn,) = of_report(make_report(hostile), atlas)
    for text in (drawn.title, *drawn.subtitle, drawn.points[0].names, drawn.points[0].said_by):
        assert text.isprintable()
        assert len(text) <= 320
