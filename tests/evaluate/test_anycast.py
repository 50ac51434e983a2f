"""Several sites are only concluded where no single vantage explains all disjoint pairs."""

from __future__ import annotations

from tests.evaluate.physics_data import DUBLIN, FRANKFURT, NEW_YORK, OSLO, SYDNEY, TOKYO, measured, trip

from residency.evaluate.physics import Bound, RoundTrip, is_anycast


def test_sites_on_four_continents_are_seen() -> None:
    spread = [trip("a", DUBLIN, 1.0), trip("b", TOKYO, 1.0), trip("c", SYDNEY, 1.0), trip("d", NEW_YORK, 1.0)]
    assert is_anycast(spread)


def test_one_wrong_vantage_is_no_anycast() -> None:
    """Its disc is disjoint from every other, and one lie explains them all."""
    europe = [trip("a", DUBLIN, 12.0), trip("b", FRANKFURT, 8.0), trip("c", OSLO, 12.0)]
    assert not is_anycast([*europe, trip("liar", SYDNEY, 1.0)])


def test_two_sites_seen_by_two_vantages_each_are_seen() -> None:
    east = [trip("a", TOKYO, 1.0), trip("b", (TOKYO[0] + 0.2, TOKYO[1]), 1.0)]
    west = [trip("c", DUBLIN, 1.0), trip("d", (DUBLIN[0] + 0.2, DUBLIN[1]), 1.0)]
    assert is_anycast(east + west)


def test_copies_of_one_vantage_are_one() -> None:
    """Two boxes in one rack with the same wrong position are one mistake."""
    rack = [trip("a", TOKYO, 1.0, asn=5), trip("b", TOKYO, 1.1, asn=5)]
    assert not is_anycast([*rack, trip("c", DUBLIN, 12.0), trip("d", FRANKFURT, 8.0)])


def test_two_vantages_alone_never_show_it() -> None:
    assert not is_anycast([trip("a", TOKYO, 1.0), trip("b", DUBLIN, 1.0)])
    no_trips: list[RoundTrip] = []
    assert not is_anycast(no_trips)


def test_no_unicast_target_of_the_real_mesh_is_called_anycast() -> None:
    real = measured("anchor_mesh_2018.csv")
    assert len(real.trips) == 98
    assert [name for name, trips in real.trips.items() if is_anycast(trips, bound=Bound.FIBRE)] == []
