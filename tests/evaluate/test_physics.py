"""Bounds from round-trip times: what one disc, several discs and a list of sites leave."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.evaluate.physics_data import DUBLIN, FRANKFURT, NEW_YORK, OSLO, SYDNEY, TOKYO, measured, trip

from residency.evaluate.physics import KM_PER_MS, Bound, RoundTrip, locate_by_discs, radius_km, survivors
from residency.limits import LIMITS
from residency.model.geography import Geography
from residency.model.network import Vantage
from residency.model.place import Spot
from residency.sources.borders import shipped_geography


@pytest.fixture(scope="module")
def geography() -> Geography:
    return shipped_geography()


def test_the_two_bounds_are_half_of_c_and_half_of_two_thirds_of_it() -> None:
    assert KM_PER_MS[Bound.VACUUM] == pytest.approx(299.792458 / 2)
    assert KM_PER_MS[Bound.FIBRE] == pytest.approx(299.792458 / 3, rel=1e-6)


def test_a_radius_holds_time_resolution_and_position() -> None:
    seen = RoundTrip(vantage=Vantage(lat=0, lon=0, radius_km=25), rtt_ms=2.0, resolution_ms=1.0)
    assert radius_km(seen, Bound.VACUUM) == pytest.approx(3 * 149.896229 + 25)


@pytest.mark.parametrize("rtt_ms", [-3.0, 0.0, float("nan"), float("inf"), 1e12, 100_000.0])
def test_what_is_no_time_is_refused(rtt_ms: float) -> None:
    with pytest.raises(ValueError, match="round-trip time"):
        trip("v", DUBLIN, rtt_ms)


def test_what_else_cannot_be_is_refused() -> None:
    seen = trip("v", DUBLIN, 1.0)
    with pytest.raises(ValueError, match="kind"):
        replace(seen, kind="dns")
    with pytest.raises(ValueError, match="sample"):
        replace(seen, samples=0)
    for resolution_ms in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="resolution"):
            replace(seen, resolution_ms=resolution_ms)


def test_more_vantages_than_the_cap_keep_the_nearest(geography: Geography) -> None:
    many = [trip(f"v{n}", (n / 100, 0.0), 500.0, asn=n + 1) for n in range(LIMITS.max_vantages)]
    found = locate_by_discs([*many, trip("near", DUBLIN, 1.0)], geography, bound=Bound.FIBRE, k=1)
    assert "US" in found.excluded


def test_a_millisecond_from_dublin_reaches_great_britain(geography: Geography) -> None:
    found = locate_by_discs([trip("v", DUBLIN, 1.0)], geography, bound=Bound.VACUUM, k=1)
    assert {"IE", "GB"} <= set(found.feasible)
    assert {"FR", "NO", "US"} <= set(found.excluded)


def test_frankfurt_in_less_than_a_millisecond_is_not_norway(geography: Geography) -> None:
    found = locate_by_discs([trip("fra", FRANKFURT, 0.8)], geography, bound=Bound.VACUUM, k=1)
    assert "NO" in found.excluded
    assert "DE" in found.feasible
    (refuter,) = found.refuters_of("NO")
    assert refuter.vantage.name == "fra"
    assert refuter.radius_km < 125 < refuter.distance_km


def test_a_slow_answer_refutes_nothing(geography: Geography) -> None:
    found = locate_by_discs([trip("v", DUBLIN, 250.0)], geography, bound=Bound.FIBRE, k=1)
    assert found.excluded == ()


def test_two_vantages_of_one_network_and_city_are_one_witness(geography: Geography) -> None:
    near = (DUBLIN[0] + 0.1, DUBLIN[1])
    same = [trip("a", DUBLIN, 1.0, asn=7), trip("b", near, 1.0, asn=7)]
    other = [trip("a", DUBLIN, 1.0, asn=7), trip("b", near, 1.0, asn=8)]
    assert locate_by_discs(same, geography, bound=Bound.FIBRE, k=2).excluded == ()
    assert "US" in locate_by_discs(other, geography, bound=Bound.FIBRE, k=2).excluded


def test_discs_that_contradict_raise_the_deficit(geography: Geography) -> None:
    """One vantage claims Sydney for what three see in Europe: one disc is wrong, so two must speak against a place."""
    europe = [trip("a", DUBLIN, 12.0), trip("b", FRANKFURT, 8.0), trip("c", OSLO, 12.0)]
    found = locate_by_discs([*europe, trip("d", SYDNEY, 2.0)], geography, bound=Bound.FIBRE, k=1)
    assert found.is_empty
    assert found.k_used == 2
    assert "DE" in found.feasible
    assert {"AU", "US"} <= set(found.excluded)


def test_anycast_excludes_nothing(geography: Geography) -> None:
    spread = [trip("a", DUBLIN, 1.0), trip("b", TOKYO, 1.0), trip("c", SYDNEY, 1.0), trip("d", NEW_YORK, 1.0)]
    found = locate_by_discs(spread, geography, bound=Bound.FIBRE, k=1)
    assert found.anycast
    assert found.excluded == ()


def test_a_deficit_below_one_is_refused(geography: Geography) -> None:
    with pytest.raises(ValueError, match="deficit"):
        locate_by_discs([], geography, bound=Bound.FIBRE, k=0)
    with pytest.raises(ValueError, match="k is 1"):
        survivors([], [], bound=Bound.FIBRE, k=0)


def test_of_a_list_only_the_near_site_survives_and_the_others_have_their_refuter() -> None:
    sites = [
        Spot(country="IE", lat=53.4, lon=-6.3, radius_km=20),
        Spot(country="DE", lat=50.1, lon=8.7, radius_km=20),
        Spot(country="US"),
    ]
    found = survivors([trip("dub", DUBLIN, 2.0), trip("osl", OSLO, 30.0)], sites, bound=Bound.FIBRE)
    assert [each.survives for each in found] == [True, False, True]
    assert [refuter.vantage.name for refuter in found[1].by] == ["dub"]
    assert found[0].by == () == found[2].by


def test_a_place_of_unknown_extent_survives() -> None:
    nowhere = Spot(country="DE", lat=50.1, lon=8.7)
    assert survivors([trip("syd", SYDNEY, 1.0)], [nowhere], bound=Bound.VACUUM)[0].survives


@pytest.mark.parametrize("name", ["anchor_mesh_2018.csv", "azure_matrix.csv"])
@pytest.mark.parametrize("bound", list(Bound))
def test_no_row_of_the_real_times_refutes_the_true_place(name: str, bound: Bound) -> None:
    real = measured(name)
    wrong = [
        (target, refuter)
        for target, trips in real.trips.items()
        for refuter in survivors(trips, [real.spots[target]], bound=bound)[0].by
    ]
    assert len(real.trips) >= 49
    assert wrong == []


def test_no_real_target_is_refused_its_own_country(geography: Geography) -> None:
    real = measured("anchor_mesh_2018.csv")
    for target, trips in sorted(real.trips.items())[::4]:
        found = locate_by_discs(trips, geography, bound=Bound.FIBRE, k=1)
        assert real.spots[target].country in {code[:2] for code in found.feasible}


def test_most_azure_regions_refute_each_other() -> None:
    real = measured("azure_matrix.csv", resolution_ms=0.5)
    names = sorted(real.trips)
    refuted = 0
    for target in names:
        answer = survivors(real.trips[target], [real.spots[name] for name in names], bound=Bound.FIBRE)
        assert answer[names.index(target)].survives
        refuted += sum(not each.survives for each in answer)
    assert refuted / (len(names) * (len(names) - 1)) > 0.85
