"""Which vantages are one witness: same network, or an unknown one, and near."""

from __future__ import annotations

from residency.evaluate.independence import groups_of
from residency.model.network import Vantage


def at(lat: float, asn: int | None, radius_km: float = 0.0) -> Vantage:
    return Vantage(lat=lat, lon=0.0, radius_km=radius_km, asn=asn)


def test_one_network_in_one_city_is_one() -> None:
    assert groups_of([at(50, 1), at(50.1, 1), at(50.1, 2)]).tolist() == [0, 0, 1]


def test_an_unknown_network_counts_as_the_same() -> None:
    assert groups_of([at(50, 1), at(50.1, None)]).tolist() == [0, 0]


def test_more_than_a_hundred_km_apart_is_two_unless_the_positions_are_vague() -> None:
    assert groups_of([at(50, 1), at(51, 1)]).tolist() == [0, 1]
    assert groups_of([at(50, 1, 10), at(51, 1, 10)]).tolist() == [0, 0]


def test_dependence_is_passed_on() -> None:
    assert groups_of([at(50, 1), at(51.4, 1), at(50.7, 1)]).tolist() == [0, 0, 0]


def test_no_vantage_is_no_group() -> None:
    assert groups_of([]).tolist() == []


def test_networks_that_nobody_shares_are_passed_over_and_the_numbers_stay_in_order() -> None:
    vantages = [at(50, 7), at(50, 1), at(50, 9), at(50.1, 1), at(50.1, 8), at(0, 1)]
    assert groups_of(vantages).tolist() == [0, 1, 2, 1, 3, 4]
    assert groups_of([*vantages, at(50.2, None)]).tolist() == [0, 0, 0, 0, 0, 1, 0]
