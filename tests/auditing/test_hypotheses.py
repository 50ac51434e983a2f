"""Finite lists of places: what survives of a provider's regions and of the claims' sites, and who refutes the rest."""

from __future__ import annotations

import pytest
from tests.evaluate.physics_data import DUBLIN, FRANKFURT, trip

from residency.auditing.hypotheses import CLAIMED, exclusions_of, hypotheses_on, survivors_among
from residency.evaluate.physics import Refuter
from residency.model.evidence import Kind, Statement
from residency.model.network import Vantage
from residency.model.place import Place, Spot
from residency.sources.gazetteer import shipped_gazetteer

IRELAND = Spot(country="IE", lat=53.35, lon=-6.26, radius_km=30.0)
VIRGINIA = Spot(country="US", lat=39.0, lon=-77.5, radius_km=30.0)
LISTED = (("aws/eu-west-1", IRELAND), ("aws/us-east-1", VIRGINIA))


def listed(holder: str, **more: object) -> Statement:
    where = {"kind": Kind.DECLARED, "source": "s", "author": holder, "says": "x", "places": frozenset({Place("IE")})}
    return Statement(**{**where, "holder": holder, **more})  # type: ignore[arg-type]


def test_nothing_said_gives_no_list() -> None:
    assert hypotheses_on([], shipped_gazetteer()) == {}


def test_the_regions_of_who_lists_it_are_a_list() -> None:
    found = hypotheses_on([listed("aws"), listed("aws")], shipped_gazetteer())
    (name,) = found
    assert name == "aws's published regions"
    assert "aws/eu-west-1" in dict(found[name])
    assert all(spot.lat is not None for _, spot in found[name])


@pytest.mark.parametrize(
    "said",
    [
        listed("aws", anycast=True),
        listed("aws", network="cdn"),
        listed("aws", kind=Kind.DATABASE),
        listed("aws", places=frozenset()),
        listed("nobody"),
    ],
)
def test_fronts_anycast_and_databases_give_none(said: Statement) -> None:
    assert hypotheses_on([said], shipped_gazetteer()) == {}


def test_sites_and_regions_of_claims_are_a_list_and_countries_are_not() -> None:
    names = ("site:tiktok/hamar", "site:tiktok/dublin-1", "provider:aws/eu-west-1", "EEA", "IE", "site:nobody/x")
    (found,) = hypotheses_on([], shipped_gazetteer(), names).items()
    assert found[0] == CLAIMED
    assert [key for key, _ in found[1]] == ["aws/eu-west-1", "tiktok/dublin-1", "tiktok/hamar"]
    assert hypotheses_on([], shipped_gazetteer(), ("site:tiktok/hamar",)) == {}


def test_what_survives_is_said_with_who_refutes_the_rest() -> None:
    found = survivors_among("aws's regions", LISTED, [trip("dub", DUBLIN, 1.0)], k=1, source="f")
    assert found is not None
    assert found.says == "of aws's regions (2 with a position) 1 can hold it: aws/eu-west-1"
    assert [(e.vantage, e.rtt_ms, e.excludes) for e in found.exclusions] == [("dub", 1.0, ("aws/us-east-1",))]
    assert not found.proves
    assert not found.places


def test_a_list_that_lacks_the_true_place_is_called_so() -> None:
    found = survivors_among("x", LISTED, [trip("fra", FRANKFURT, 1.0)], k=1, source="f")
    assert found is not None
    assert "none can hold it" in found.says


def test_where_all_survive_nothing_is_said() -> None:
    assert survivors_among("x", LISTED, [trip("dub", DUBLIN, 300.0)], k=1, source="f") is None
    assert survivors_among("x", LISTED, [trip("dub", DUBLIN, 1.0)], k=2, source="f") is None


def test_each_place_is_named_once_by_its_strongest_refuter() -> None:
    def refuter(name: str, distance_km: float) -> Refuter:
        at = Vantage(lat=0, lon=0, name=name)
        return Refuter(vantage=at, rtt_ms=1.0, radius_km=100.04, distance_km=distance_km)

    found = exclusions_of([("US", (refuter("b", 900), refuter("a", 200))), ("CN", (refuter("b", 800),)), ("AQ", ())])
    assert [(e.vantage, e.within_km, e.excludes) for e in found] == [("b", 100.0, ("CN", "US"))]
