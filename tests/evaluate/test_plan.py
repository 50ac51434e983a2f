"""The planner by hand: what is asked for suffices, nothing more is, and what a station is told lies within reach."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evaluate.conftest import TODAY

from residency.evaluate.physics import KM_PER_MS, Bound
from residency.evaluate.plan import Candidate, plan_claim
from residency.model.geography import Geography
from residency.model.measurement_plan import ClaimPlan, Would
from residency.model.period import midnight
from residency.model.place import Gazetteer, Place, Spot, great_circle_km
from residency.sources.borders import shipped_geography

SPOTS = {
    "frankfurt": Spot(country="DE", lat=50.11, lon=8.68, radius_km=10, city="Frankfurt"),
    "berlin": Spot(country="DE", lat=52.52, lon=13.40, radius_km=10, city="Berlin"),
    "madrid": Spot(country="ES", lat=40.42, lon=-3.70, radius_km=10, city="Madrid"),
    "virginia": Spot(country="US", lat=39.04, lon=-77.49, radius_km=10, city="Ashburn"),
    "tokyo": Spot(country="JP", lat=35.68, lon=139.69, radius_km=10, city="Tokyo"),
}


@pytest.fixture(scope="module")
def geography() -> Geography:
    return shipped_geography()


def candidate(number: int, city: str = "frankfurt", weight: int = 1, **changes: bool) -> Candidate:
    spot = SPOTS.get(city)
    return Candidate(
        finding=f"F-{number:012x}",
        server_ip=f"185.{number // 250}.{number % 250}.1",
        server_port=443,
        weights=(weight, weight, weight),
        likely=() if spot is None else ((Place(spot.country), spot),),
        counts_inside=changes.get("counts_inside", False),
        may_accuse=changes.get("may_accuse", False),
    )


def planned(gazetteer: Gazetteer, geography: Geography, *given_: Candidate, coverage: float = 0.95) -> ClaimPlan:
    area = gazetteer.area(("EEA",), midnight(TODAY))
    return plan_claim("c", "s", area, coverage, given_, geography)


def targets(plan: ClaimPlan) -> list[str]:
    return sorted(t.server_ip for s in plan.stations for t in s.targets)


def test_neighbours_share_a_station_and_continents_do_not(gazetteer: Gazetteer, geography: Geography) -> None:
    plan = planned(gazetteer, geography, candidate(1, "virginia"), candidate(2, "tokyo"), candidate(3, "virginia"))
    assert sorted(len(s.targets) for s in plan.stations) == [1, 2]
    assert {t.would for s in plan.stations for t in s.targets} == {Would.CONTRADICT}


def test_one_that_lacks_only_evidence_is_all_that_is_asked(gazetteer: Gazetteer, geography: Geography) -> None:
    plan = planned(gazetteer, geography, candidate(1), candidate(2, "virginia", may_accuse=True), candidate(3))
    assert targets(plan) == [candidate(2).server_ip]


def test_what_is_inside_already_is_not_asked(gazetteer: Gazetteer, geography: Geography) -> None:
    plan = planned(gazetteer, geography, candidate(1, weight=99, counts_inside=True), candidate(2))
    assert targets(plan) == []
    assert plan.note


def test_an_endpoint_without_a_likely_place_is_to_be_found_first(gazetteer: Gazetteer, geography: Geography) -> None:
    plan = planned(gazetteer, geography, candidate(1, "nowhere"))
    assert [t.server_ip for t in plan.unplaced] == [candidate(1).server_ip]


@given(
    cities=st.lists(st.sampled_from(sorted(SPOTS)), min_size=1, max_size=6),
    weights=st.lists(st.integers(1, 50), min_size=6, max_size=6),
    coverage=st.floats(0.1, 1.0),
)
def test_the_plan_suffices_and_its_stations_are_within_reach(
    gazetteer: Gazetteer, geography: Geography, cities: list[str], weights: list[int], coverage: float
) -> None:
    made = [candidate(n, city, weights[n]) for n, city in enumerate(cities)]
    plan = planned(gazetteer, geography, *made, coverage=coverage)
    asked = {*targets(plan), *(h.server_ip for h in plan.hopeless)}
    total = sum(c.weights[0] for c in made)
    chosen = sorted(c.weights[0] for c in made if c.server_ip in asked)
    assert sum(chosen) >= coverage * total - 1e-9
    assert sum(chosen) - min(chosen) < coverage * total  # the least of them is needed
    by_ip = {c.server_ip: c.likely[0][1] for c in made}
    for station in plan.stations:
        for target in station.targets:
            spot = by_ip[target.server_ip]
            apart = great_circle_km(station.spot.lat or 0, station.spot.lon or 0, spot.lat or 0, spot.lon or 0)
            assert station.within_km + apart < target.max_rtt_ms * KM_PER_MS[Bound.FIBRE]
            assert station.within_km >= 0
