"""Areas are sets: one property a law, over random names of the shipped gazetteer at random dates."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from residency.model.place import Area, Gazetteer, Place, Relation
from residency.sources.gazetteer import shipped_gazetteer

GAZETTEER: Gazetteer = shipped_gazetteer()
NAMES = sorted(
    [
        *GAZETTEER.set_names,
        *GAZETTEER.countries,
        *(f"site:{key}" for key in GAZETTEER.sites),
        *(f"provider:{key}" for key in GAZETTEER.regions),
        *("ES-CN", "PT-20", "IC", "EA", "UK"),
    ]
)
FAVOURED = ["EU", "EEA", "EFTA", "ADEQUATE", "WORLD", "IE", "NO", "GB", "ES", "SJ", "US", "ES-CN", "IC"]
names = st.lists(st.one_of(st.sampled_from(FAVOURED), st.sampled_from(NAMES)), max_size=3)
moments = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
KNOWN = GAZETTEER.known_places
PLACES = [p for i, p in enumerate(KNOWN) if p.part or p.country in ("SJ", "ES", "NO", "GB", "US") or i % 4 == 0]


@st.composite
def areas(draw: st.DrawFn, count: int) -> tuple[Area, ...]:
    moment = draw(moments)
    found = []
    for _ in range(count):
        area = GAZETTEER.area(draw(names), moment)
        found.append(~area if draw(st.booleans()) else area)
    return tuple(found)


def answers(area: Area, places: Iterable[Place] = PLACES) -> list[Relation]:
    return [area.relation(place) for place in places]


@given(areas(3))
def test_union_and_intersection_are_associative(abc: tuple[Area, Area, Area]) -> None:
    a, b, c = abc
    assert answers((a | b) | c) == answers(a | (b | c))
    assert answers((a & b) & c) == answers(a & (b & c))


@given(areas(2))
def test_union_and_intersection_commute(ab: tuple[Area, Area]) -> None:
    a, b = ab
    assert answers(a | b) == answers(b | a)
    assert answers(a & b) == answers(b & a)


@given(areas(1))
def test_they_are_idempotent_and_complement_is_an_involution(one: tuple[Area]) -> None:
    (a,) = one
    assert answers(a | a) == answers(a & a) == answers(~~a) == answers(a)


@given(areas(2))
def test_absorption(ab: tuple[Area, Area]) -> None:
    a, b = ab
    assert answers(a | (a & b)) == answers(a & (a | b)) == answers(a)


@given(areas(3))
def test_distribution(abc: tuple[Area, Area, Area]) -> None:
    a, b, c = abc
    assert answers(a & (b | c)) == answers((a & b) | (a & c))
    assert answers(a | (b & c)) == answers((a | b) & (a | c))


@given(areas(2))
def test_de_morgan(ab: tuple[Area, Area]) -> None:
    a, b = ab
    assert answers(~(a | b)) == answers(~a & ~b)
    assert answers(~(a & b)) == answers(~a | ~b)


@given(areas(1))
def test_world_and_nothing_are_the_bounds(one: tuple[Area]) -> None:
    (a,) = one
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    world, nothing = GAZETTEER.area(["WORLD"], moment), GAZETTEER.area([], moment)
    assert answers(a & world) == answers(a | nothing) == answers(a)
    assert answers(~world) == answers(nothing)
    assert nothing <= a <= world


@settings(max_examples=15)
@given(areas(3))
def test_subset_is_a_partial_order(abc: tuple[Area, Area, Area]) -> None:
    a, b, c = abc
    assert a <= a
    assert (a & b) <= a <= (a | b)
    if a <= b and b <= a:
        assert answers(a) == answers(b)
    assert not (a <= b and b <= c) or a <= c
    assert (a <= b) == (answers(a | b, KNOWN) == answers(b, KNOWN))


@given(areas(2))
def test_a_difference_has_nothing_of_what_was_taken_where_that_is_decided(ab: tuple[Area, Area]) -> None:
    a, b = ab
    for place in PLACES:
        if b.relation(place) is not Relation.PARTLY:
            assert min((a - b).relation(place), b.relation(place)) is Relation.OUTSIDE
    assert answers(a - b) == answers(a & ~b)


@given(areas(2))
def test_disjoint_is_an_empty_intersection(ab: tuple[Area, Area]) -> None:
    a, b = ab
    assert a.isdisjoint(b) == b.isdisjoint(a) == all(r is Relation.OUTSIDE for r in answers(a & b, KNOWN))


@given(names, names, moments)
def test_naming_two_lists_is_their_union(a: list[str], b: list[str], moment: datetime) -> None:
    together = GAZETTEER.area([*a, *b], moment)
    assert answers(together) == answers(GAZETTEER.area(a, moment) | GAZETTEER.area(b, moment))


@given(areas(1), st.lists(st.sampled_from(PLACES), min_size=1, max_size=4))
def test_more_feasible_places_never_decide_more(one: tuple[Area], places: list[Place]) -> None:
    (a,) = one
    whole = a.relation_of_all(places)
    assert whole is Relation.PARTLY or all(a.relation(p) is whole for p in places)


@given(names, moments)
def test_countries_are_those_wholly_inside(wanted: list[str], moment: datetime) -> None:
    area = GAZETTEER.area(wanted, moment)
    assert set(area.countries()) == {c for c in GAZETTEER.countries if c in area}
