"""Places, dated sets and the gazetteer, held against an independent reading of the shipped tables."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from residency.model.place import Gazetteer, Place, Relation, Spot, UnknownPlaceError, great_circle_km
from residency.shipped import data_path

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.combine(date.fromisoformat(text), datetime.min.time(), tzinfo=UTC)


def rows() -> list[dict[str, str]]:
    with data_path("jurisdictions.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def holds(set_name: str, code: str, day: date) -> bool:
    """Read the table anew: does any row of the set hold the code on that day?"""
    return any(
        row["set"] == set_name
        and row["code"] == code
        and date.fromisoformat(row["from"]) <= day
        and (not row["until"] or day < date.fromisoformat(row["until"]))
        and row["status"] != "partial"
        for row in rows()
    )


def expected(set_name: str, code: str, day: date) -> bool:
    if set_name == "EU":
        return (holds("EU", code, day) or holds("EU_TERRITORY", code, day)) and not holds("EU_EXCLUDED", code, day)
    if set_name == "EEA":
        return holds("EEA", code, day) or holds("EEA_TERRITORY", code, day)
    return holds("EU_ADEQUACY" if set_name == "ADEQUATE" else set_name, code, day)


def edges() -> Iterator[tuple[str, str, date]]:
    of_set = {
        **dict.fromkeys(("EU", "EU_TERRITORY", "EU_EXCLUDED"), "EU"),
        **dict.fromkeys(("EEA", "EEA_TERRITORY"), "EEA"),
        "EU_ADEQUACY": "ADEQUATE",
    }
    for row in rows():
        set_name = of_set.get(row["set"], row["set"] if row["set"].startswith(("EFTA", "GDPR", "VENDOR")) else "")
        if set_name and row["code_kind"].startswith("iso3166"):
            for text in (row["from"], row["until"]):
                if text:
                    yield set_name, row["code"], date.fromisoformat(text)


EDGES = sorted(set(edges()))


def test_the_edges_read_here_are_many() -> None:
    assert len(EDGES) > 150
    assert {code for _, code, _ in EDGES} >= {"GF", "GP", "MQ", "RE", "YT", "MF", "BL", "GL", "GI", "AX", "HR"}


@pytest.mark.parametrize(("set_name", "code", "day"), EDGES, ids=lambda v: str(v))
def test_membership_around_every_dated_edge(gazetteer: Gazetteer, set_name: str, code: str, day: date) -> None:
    for moved in (-1, 0, 1):
        moment = datetime.combine(day, datetime.min.time(), tzinfo=UTC) + timedelta(days=moved)
        found = code in gazetteer.area([set_name], moment)
        assert found is expected(set_name, code, moment.date()), (set_name, code, moment)


@pytest.mark.parametrize(("set_name", "code", "day"), [e for e in EDGES if e[0] in ("EU", "EEA")], ids=str)
def test_membership_changes_at_midnight_utc(gazetteer: Gazetteer, set_name: str, code: str, day: date) -> None:
    edge = datetime.combine(day, datetime.min.time(), tzinfo=UTC)
    tick = timedelta(microseconds=1)
    assert (code in gazetteer.area([set_name], edge - tick)) is expected(set_name, code, day - timedelta(days=1))
    assert (code in gazetteer.area([set_name], edge)) is expected(set_name, code, day)


@pytest.mark.parametrize(
    ("set_name", "code", "day", "inside"),
    [
        ("EEA", "NO", "2026-06-01", True),
        ("EU", "NO", "2026-06-01", False),
        ("EEA", "CH", "2026-06-01", False),
        ("EU", "GB", "2019-06-01", True),
        ("EEA", "GB", "2019-06-01", True),
        ("EU", "GB", "2024-06-01", False),
        ("EEA", "GB", "2024-06-01", False),
        ("EU", "GB", "2020-01-31", True),
        ("EU", "GB", "2020-02-01", False),
        ("EEA", "GB", "2020-06-01", True),
        ("EEA", "HR", "2013-12-01", False),
        ("EU", "HR", "2013-12-01", True),
        ("EU", "YT", "2013-12-31", False),
        ("EU", "YT", "2014-01-01", True),
        ("EU", "BL", "2011-12-31", True),
        ("EU", "BL", "2012-01-01", False),
        ("EU", "GL", "1985-01-31", True),
        ("EU", "GL", "2026-06-01", False),
        ("EU", "GI", "2026-06-01", False),
        ("EU", "FO", "2026-06-01", False),
        ("EEA", "FO", "2026-06-01", False),
        ("EU", "SJ", "2026-06-01", False),
        ("EU", "AX", "2026-06-01", True),
        ("EU", "ES-CN", "2026-06-01", True),
        ("EEA", "IM", "2026-06-01", False),
        ("EEA", "MC", "2026-06-01", False),
        ("ADEQUATE", "CH", "2026-06-01", True),
        ("ADEQUATE", "US", "2026-06-01", False),
        ("ADEQUATE", "CA", "2026-06-01", False),
        ("ADEQUATE", "JP", "2026-06-01", False),
        ("ADEQUATE", "IE", "2026-06-01", False),
        ("VENDOR:tiktok-europe", "GB", "2026-06-01", True),
        ("VENDOR:tiktok-europe", "CH", "2026-06-01", True),
        ("VENDOR:tiktok-europe", "GB", "2022-11-01", False),
        ("VENDOR:openai-eu", "GB", "2026-06-01", False),
        ("WORLD", "CN", "1900-01-01", True),
        ("CN", "HK", "2026-06-01", False),
        ("CN", "TW", "2026-06-01", False),
        ("US", "PR", "2026-06-01", False),
    ],
)
def test_well_known_facts(gazetteer: Gazetteer, set_name: str, code: str, day: str, *, inside: bool) -> None:
    assert (code in gazetteer.area([set_name], at(day))) is inside


def test_svalbard_is_partly_in_the_eea(gazetteer: Gazetteer) -> None:
    assert gazetteer.area(["EEA"], NOW).relation(Place("SJ")) is Relation.PARTLY
    assert gazetteer.area(["EEA"], at("1993-12-31")).relation(Place("SJ")) is Relation.OUTSIDE


def test_a_country_with_a_part_inside_is_partly_inside(gazetteer: Gazetteer) -> None:
    canaries = gazetteer.area(["ES-CN"], NOW)
    assert canaries.relation(Place("ES")) is Relation.PARTLY
    assert canaries.relation(Place("ES", part="ES-CN")) is Relation.INSIDE
    assert canaries.relation(Place("ES", part="ES-MD")) is Relation.OUTSIDE
    assert canaries.relation(Place("PT")) is Relation.OUTSIDE


@pytest.mark.parametrize(("alias", "code"), [("UK", "GB"), ("EL", "GR")])
def test_reserved_codes_are_read_as_what_they_mean(gazetteer: Gazetteer, alias: str, code: str) -> None:
    assert gazetteer.area([alias], NOW).countries() == (code,)
    assert gazetteer.place(alias) == Place(code)


@pytest.mark.parametrize(("code", "parts"), [("IC", ("ES-CN",)), ("EA", ("ES-CE", "ES-ML"))])
def test_reserved_codes_of_parts(gazetteer: Gazetteer, code: str, parts: tuple[str, ...]) -> None:
    area = gazetteer.area([code], NOW)
    assert all(part in area for part in parts)
    assert "ES" not in area
    assert area <= gazetteer.area(["EU"], NOW)


@pytest.mark.parametrize("code", ["EU", "AP", "ZZ", "A1", "A2", "XX", "T1", "UK", "EL", "IC", ""])
def test_a_pseudo_country_is_unknown_never_outside(gazetteer: Gazetteer, code: str) -> None:
    assert gazetteer.area(["EEA"], NOW).relation(Place(code)) is not Relation.OUTSIDE
    assert gazetteer.area(["EEA"], NOW).relation(Place(code)) is not Relation.INSIDE


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("Europe", "EU, EEA"),
        ("europe", "EU, EEA"),
        ("EUROPE", "EU, EEA"),
        ("EU+CH", "list"),
        ("ie", "write IE"),
        ("eea", "write EEA"),
        ("site:tiktok/nowhere", "residency sites list"),
        ("provider:aws/nowhere-1", "residency sites list"),
        ("provider:eu-west-1", "provider:NAME/REGION"),
        ("VENDOR:nobody", "VENDOR:tiktok-europe"),
        ("Ireland", "ISO 3166-1"),
        ("", "ISO 3166-1"),
        ("XX", "ISO 3166-1"),
        ("EU_TERRITORY", "ISO 3166-1"),
        ("CODE_TRAP", "ISO 3166-1"),
        ("AP", "ISO 3166-1"),
        ("ZZ", "ISO 3166-1"),
    ],
)
def test_an_unusable_name_is_refused_with_advice(gazetteer: Gazetteer, name: str, advice: str) -> None:
    with pytest.raises(UnknownPlaceError, match=advice):
        gazetteer.area([name], NOW)
    with pytest.raises(UnknownPlaceError):
        gazetteer.check(name)


def test_a_set_is_not_one_place(gazetteer: Gazetteer) -> None:
    with pytest.raises(UnknownPlaceError, match="set"):
        gazetteer.place("EEA")


def test_a_region_excludes_its_local_zones(gazetteer: Gazetteer) -> None:
    frankfurt = gazetteer.area(["provider:aws/eu-central-1"], NOW)
    zones = [k for k in gazetteer.regions if k.startswith("aws/eu-central-1-")]
    assert "aws/eu-central-1-ist-1" in zones
    assert frankfurt.relation(gazetteer.place("provider:aws/eu-central-1")) is Relation.INSIDE
    for zone in zones:
        assert frankfurt.relation(gazetteer.place(f"provider:{zone}")) is not Relation.INSIDE
    assert frankfurt.relation(gazetteer.place("provider:aws/eu-central-1-ist-1")) is Relation.OUTSIDE


@pytest.mark.parametrize(
    ("region", "country"),
    [
        ("aws/eu-west-2", "GB"),
        ("aws/eu-central-2", "CH"),
        ("aws/eu-central-1-ist-1", "TR"),
        ("gcp/europe-west2", "GB"),
        ("gcp/europe-west6", "CH"),
        ("azure/uksouth", "GB"),
        ("azure/switzerlandnorth", "CH"),
        ("oracle/eu-zurich-1", "CH"),
        ("oracle/eu-jovanovac-1", "RS"),
    ],
)
def test_a_european_name_is_no_jurisdiction(gazetteer: Gazetteer, region: str, country: str) -> None:
    place = gazetteer.place(f"provider:{region}")
    assert place.country == country
    assert gazetteer.area(["EEA"], NOW).relation(place) is Relation.OUTSIDE


def test_a_country_may_hold_a_named_site(gazetteer: Gazetteer) -> None:
    hamar = gazetteer.area(["site:tiktok/hamar"], NOW)
    assert hamar.relation(Place("NO")) is Relation.PARTLY
    assert hamar.relation(Place("SE")) is Relation.OUTSIDE
    assert hamar.relation(gazetteer.place("site:tiktok/hamar")) is Relation.INSIDE
    assert hamar <= gazetteer.area(["NO"], NOW)


def test_a_distant_site_of_the_same_country_is_outside(gazetteer: Gazetteer) -> None:
    oregon = gazetteer.area(["provider:aws/us-west-2"], NOW)
    assert oregon.relation(gazetteer.place("provider:aws/us-east-1")) is Relation.OUTSIDE
    assert oregon.relation(Place("US")) is Relation.PARTLY


def test_a_set_of_feasible_places(gazetteer: Gazetteer) -> None:
    eea = gazetteer.area(["EEA"], NOW)
    assert eea.relation_of_all([]) is Relation.PARTLY
    assert eea.relation_of_all([Place("IE"), Place("NO")]) is Relation.INSIDE
    assert eea.relation_of_all([Place("US"), Place("CN")]) is Relation.OUTSIDE
    assert eea.relation_of_all([Place("IE"), Place("US")]) is Relation.PARTLY


def test_every_site_and_region_lies_in_a_known_country(gazetteer: Gazetteer) -> None:
    spots = [s.spot for s in gazetteer.sites.values()] + [r.spot for r in gazetteer.regions.values()]
    assert {spot.country for spot in spots} <= set(gazetteer.countries)


def test_edges_are_those_of_the_named_sets(gazetteer: Gazetteer) -> None:
    assert at("2020-02-01") in gazetteer.edges(["EU"])
    assert at("2014-04-12") in gazetteer.edges(["EEA"])
    assert gazetteer.edges(["IE", "WORLD", "site:tiktok/hamar"]) == frozenset()


@pytest.mark.parametrize(
    ("a", "b", "km"),
    [((0, 0), (0, 0), 0.0), ((0, 0), (0, 180), 20015.1), ((53.35, -6.26), (50.11, 8.68), 1087.0)],
)
def test_great_circle(a: tuple[float, float], b: tuple[float, float], km: float) -> None:
    assert great_circle_km(*a, *b) == pytest.approx(km, rel=0.006, abs=0.01)


def test_spots_touch_unless_country_or_distance_excludes_it() -> None:
    dublin = Spot(country="IE", lat=53.35, lon=-6.26, radius_km=10)
    cork = Spot(country="IE", lat=51.9, lon=-8.47, radius_km=10)
    assert dublin.may_touch(dublin)
    assert not dublin.may_touch(cork)
    assert dublin.may_touch(Spot(country="IE"))
    assert not dublin.may_touch(Spot(country="GB"))
