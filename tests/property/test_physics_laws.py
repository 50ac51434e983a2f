"""Laws of discs: truth survives fewer than k lies, agreement never weakens, width never strengthens."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from residency.evaluate.physics import KM_PER_MS, Bound, Region, RoundTrip, locate_by_discs, survivors
from residency.model.geography import Geography
from residency.model.network import Vantage
from residency.model.place import Spot, great_circle_km
from residency.sources.borders import shipped_geography

GEOGRAPHY: Geography = shipped_geography()
CELLS = GEOGRAPHY.cells
bounds = st.sampled_from(list(Bound))
cells = st.integers(0, len(CELLS) - 1)


def point(cell: int) -> tuple[float, float]:
    return float(CELLS.lat[cell]), float(CELLS.lon[cell])


def region(trips: list[RoundTrip], bound: Bound = Bound.FIBRE, k: int = 1) -> Region:
    return locate_by_discs(trips, GEOGRAPHY, bound=bound, k=k)


@st.composite
def honest(draw: st.DrawFn, least: int = 0) -> tuple[int, Bound, list[RoundTrip]]:
    """A cell that holds the target, and vantages of different networks whose times the target could have given."""
    home, bound = draw(cells), draw(bounds)
    trips = []
    for number in range(draw(st.integers(least, 8))):
        lat, lon = point(draw(cells))
        slower = draw(st.floats(1.0, 3.0))
        apart_km = great_circle_km(lat, lon, *point(home)) * 1.0057
        rtt_ms = apart_km / KM_PER_MS[bound] * slower + draw(st.floats(0.01, 5.0))
        vantage = Vantage(lat=lat, lon=lon, radius_km=draw(st.floats(0, 50)), name=f"v{number}", asn=100 + number)
        trips.append(RoundTrip(vantage=vantage, rtt_ms=rtt_ms))
    return home, bound, trips


@st.composite
def lies(draw: st.DrawFn, count: int) -> list[RoundTrip]:
    found = []
    for number in range(count):
        lat, lon = point(draw(cells))
        vantage = Vantage(lat=lat, lon=lon, radius_km=0, name=f"liar{number}", asn=900 + number)
        found.append(RoundTrip(vantage=vantage, rtt_ms=draw(st.floats(0.1, 20.0))))
    return found


@given(honest())
def test_the_true_place_is_never_excluded(case: tuple[int, Bound, list[RoundTrip]]) -> None:
    home, bound, trips = case
    found = region(trips, bound)
    assert GEOGRAPHY.codes[CELLS.code[home]] in found.feasible
    assert not found.is_empty


@given(honest(least=3), st.integers(1, 3).flatmap(lambda k: st.tuples(st.just(k), lies(k - 1))))
def test_fewer_than_k_wrong_vantages_never_exclude_the_true_place(
    case: tuple[int, Bound, list[RoundTrip]], wrong: tuple[int, list[RoundTrip]]
) -> None:
    (home, bound, trips), (k, false) = case, wrong
    assert GEOGRAPHY.codes[CELLS.code[home]] in region(trips + false, bound, k).feasible


@given(honest(least=1), st.randoms(use_true_random=False))
def test_order_and_duplication_never_matter(case: tuple[int, Bound, list[RoundTrip]], random: object) -> None:
    _, bound, trips = case
    again = trips[::-1] + [replace(trip, rtt_ms=trip.rtt_ms + 1) for trip in trips] + trips[:1]
    assert region(again, bound) == region(trips, bound)


@given(honest(least=1))
def test_an_independent_vantage_that_agrees_never_weakens(case: tuple[int, Bound, list[RoundTrip]]) -> None:
    _, bound, trips = case
    before, after = region(trips[:-1], bound), region(trips, bound)
    assert set(after.feasible) <= set(before.feasible)


@given(honest(least=1), st.floats(1.0, 10.0))
def test_a_wider_disc_never_strengthens(case: tuple[int, Bound, list[RoundTrip]], factor: float) -> None:
    _, bound, trips = case
    wider = [replace(trips[0], rtt_ms=trips[0].rtt_ms * factor), *trips[1:]]
    unsure = [replace(trips[0], vantage=replace(trips[0].vantage, radius_km=60.0)), *trips[1:]]
    coarse = [replace(trips[0], resolution_ms=factor), *trips[1:]]
    for changed in (wider, unsure, coarse):
        assert set(region(trips, bound).feasible) <= set(region(changed, bound).feasible)


@given(honest(least=1))
def test_a_larger_deficit_and_the_proof_bound_exclude_less(case: tuple[int, Bound, list[RoundTrip]]) -> None:
    _, bound, trips = case
    assume(bound is Bound.FIBRE)  # times that only the proof bound allows contradict each other at the other
    assert set(region(trips, Bound.FIBRE, 1).excluded) >= set(region(trips, Bound.FIBRE, 2).excluded)
    assert set(region(trips, Bound.FIBRE).excluded) >= set(region(trips, Bound.VACUUM).excluded)


@given(honest(), st.lists(cells, max_size=4))
def test_the_true_one_of_a_list_survives(case: tuple[int, Bound, list[RoundTrip]], others: list[int]) -> None:
    home, bound, trips = case
    spots = [Spot(country="XX", lat=point(c)[0], lon=point(c)[1], radius_km=1.0) for c in (home, *others)]
    assert survivors(trips, spots, bound=bound)[0].survives


def test_no_evidence_excludes_nothing() -> None:
    found = region([])
    assert found.feasible == GEOGRAPHY.codes
    assert found.excluded == ()
    assert not found.is_empty


def test_every_code_has_a_cell() -> None:
    assert set(np.asarray(CELLS.code).tolist()) == set(range(len(GEOGRAPHY.codes)))
