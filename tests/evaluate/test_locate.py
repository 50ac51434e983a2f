"""From statements to a place: ranks, striking, echoes, dates, anycast, transition forms, conflicts."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from residency.evaluate import rules
from residency.evaluate.locate import side_of
from residency.model.evidence import Assurance, Kind
from residency.model.verdict import Where

if TYPE_CHECKING:
    from tests.evaluate.conftest import Bench

TODAY = date(2026, 6, 1)
INSIDE, OUTSIDE, UNKNOWN = Where.INSIDE, Where.OUTSIDE, Where.UNKNOWN


def test_no_evidence_is_unknown(bench: Bench) -> None:
    found = bench.locate()
    assert (found.where, found.assurance, found.rules) == (UNKNOWN, Assurance.NONE, (rules.NO_STATEMENT,))


@pytest.mark.parametrize("ip", ["10.0.0.1", "127.0.0.1", "192.0.2.1", "2001:db8::1", "2001:0:5102:45a0::1"])
def test_an_address_that_is_not_public_is_never_located(bench: Bench, ip: str) -> None:
    found = bench.locate(bench.measured("IE"), bench.declared("IE"), ip=ip)
    assert (found.where, found.rules) == (UNKNOWN, (rules.NOT_LOCATABLE,))
    assert not bench.weigh(bench.declared("IE"), ip=ip).evidence


@pytest.mark.parametrize(
    ("kind", "assurance"),
    [
        (Kind.MEASURED, Assurance.MEASURED),
        (Kind.DECLARED, Assurance.DECLARED),
        (Kind.DATABASE, Assurance.DATABASE),
    ],
)
@pytest.mark.parametrize(("code", "where"), [("IE", INSIDE), ("NO", INSIDE), ("US", OUTSIDE), ("CH", OUTSIDE)])
def test_one_statement_places(bench: Bench, kind: Kind, assurance: Assurance, code: str, where: Where) -> None:
    found = bench.locate(bench.said(kind, code))
    assert (found.where, found.assurance) == (where, assurance)


@pytest.mark.parametrize("kind", [Kind.HOSTNAME, Kind.REGISTRATION, Kind.NETWORK])
def test_a_hint_places_nothing_and_speaks_for_neither_side(bench: Bench, kind: Kind) -> None:
    said = bench.said(kind, "IE")
    assert bench.locate(said).where is UNKNOWN
    assert side_of(bench.weigh(said).evidence[0], bench.area()) == "neither"


@pytest.mark.parametrize(
    ("strong", "weak"),
    [("measured", "declared"), ("measured", "database"), ("declared", "database")],
)
def test_a_stronger_kind_decides_against_a_weaker(bench: Bench, strong: str, weak: str) -> None:
    first, second = getattr(bench, strong), getattr(bench, weak)
    for statements in permutations([first("IE"), second("US")]):
        assert bench.locate(*statements).where is INSIDE
    for statements in permutations([first("US"), second("IE")]):
        assert bench.locate(*statements).where is OUTSIDE


def test_a_measurement_that_does_not_decide_leaves_the_word_to_the_list(bench: Bench) -> None:
    found = bench.locate(bench.measured("IE", "GB"), bench.declared("IE"))
    assert (found.where, found.assurance) == (INSIDE, Assurance.DECLARED)


def test_measurements_are_intersected(bench: Bench) -> None:
    a, b = bench.measured("IE", "GB", author="a"), bench.measured("IE", "FR", author="b")
    found = bench.locate(a, b)
    assert (found.where, {p.country for p in found.feasible}) == (INSIDE, {"IE"})


def test_contradicting_measurements_decide_nothing(bench: Bench) -> None:
    found = bench.locate(bench.measured("IE", author="a"), bench.measured("US", author="b"), bench.declared("IE"))
    assert found.where is UNKNOWN


def test_lists_are_united_and_a_conflict_stays_one(bench: Bench) -> None:
    found = bench.locate(bench.declared("IE", author="a"), bench.declared("US", author="b"), bench.database("IE"))
    assert (found.where, found.rules) == (UNKNOWN, (rules.CONFLICT,))
    assert {p.country for p in found.feasible} == {"IE", "US"}


def test_a_lower_rank_never_overrules_a_conflict(bench: Bench) -> None:
    lists = [bench.declared("IE", author="a"), bench.declared("US", author="b")]
    assert bench.locate(*lists, *bench.two("US")).where is UNKNOWN


def test_a_place_partly_in_the_area_is_not_fine_enough(bench: Bench) -> None:
    found = bench.locate(bench.declared("NO"), area="site:tiktok/hamar")
    assert (found.where, found.rules) == (UNKNOWN, (rules.NOT_FINE_ENOUGH,))


@pytest.mark.parametrize("code", ["EU", "AP", "ZZ", "A1", "XX", "UK", "EL"])
def test_a_pseudo_code_is_unknown_whoever_says_it(bench: Bench, code: str) -> None:
    assert bench.locate(bench.database(code)).where is UNKNOWN
    assert bench.locate(*bench.two(code)).where is UNKNOWN


# Striking


@pytest.mark.parametrize("kind", [Kind.DECLARED, Kind.DATABASE])
def test_a_statement_that_measurement_excludes_is_struck_and_shown(bench: Bench, kind: Kind) -> None:
    weighed = bench.weigh(bench.measured("IE", "GB"), bench.said(kind, "US"))
    struck = [e for e in weighed.evidence if e.struck]
    assert [e.kind for e in struck] == [kind]
    assert rules.STRUCK in weighed.rules


def test_a_statement_that_shares_a_country_with_measurement_is_kept(bench: Bench) -> None:
    weighed = bench.weigh(bench.measured("IE", "GB"), bench.declared("GB", "US"))
    assert not [e for e in weighed.evidence if e.struck]


def test_a_syn_time_alone_neither_places_nor_strikes(bench: Bench) -> None:
    syn = bench.measured("IE", proves=False)
    assert bench.locate(syn).where is UNKNOWN
    weighed = bench.weigh(syn, bench.declared("US"))
    assert not [e for e in weighed.evidence if e.struck]
    assert rules.MEASURED_CANNOT_PROVE in weighed.rules
    assert bench.locate(syn, bench.declared("US")).assurance is Assurance.DECLARED


def test_a_struck_database_is_no_second_witness(bench: Bench) -> None:
    two = bench.two("US")
    assert bench.locate(*two).assurance is Assurance.CORROBORATED
    found = bench.locate(bench.measured("IE", "GB"), *two)
    assert (found.where, found.assurance) == (UNKNOWN, Assurance.NONE)


# Echoes


@pytest.mark.parametrize("kind", ["cloud", "hosting", "cdn"])
def test_a_database_in_cloud_space_is_an_echo_outside(bench: Bench, kind: str) -> None:
    found = bench.locate(*bench.two("US"), bench.network(kind, "aws"))
    assert (found.where, found.rules, found.is_echo) == (UNKNOWN, (rules.ECHO_ALONE,), True)


def test_an_echo_supports_inside_as_one_database(bench: Bench) -> None:
    found = bench.locate(*bench.two("IE"), bench.network("cloud", "aws"))
    assert (found.where, found.assurance) == (INSIDE, Assurance.DATABASE)


def test_the_echo_of_a_list_carries_the_lists_author(bench: Bench) -> None:
    weighed = bench.weigh(bench.database("IE"), bench.network("cloud", "aws"))
    (echo,) = [e for e in weighed.evidence if e.kind is Kind.DATABASE]
    assert (echo.echo, echo.lineage) == ("list:aws", "aws")
    assert rules.ECHO_OF_LIST in weighed.rules


def test_a_declared_list_makes_databases_its_echo(bench: Bench) -> None:
    weighed = bench.weigh(bench.database("IE"), bench.declared("IE", author="oracle"))
    (echo,) = [e for e in weighed.evidence if e.kind is Kind.DATABASE]
    assert echo.lineage == "oracle"


def test_the_echo_of_a_registration_stays_the_databases(bench: Bench) -> None:
    weighed = bench.weigh(bench.database("US"), bench.registered("US"))
    (echo,) = [e for e in weighed.evidence if e.kind is Kind.DATABASE]
    assert (echo.echo, echo.lineage) == ("registration", "dba")
    assert rules.ECHO_OF_REGISTRATION in weighed.rules
    assert bench.locate(bench.database("US"), bench.registered("US")).where is UNKNOWN


def test_a_database_that_differs_from_the_registration_is_no_echo(bench: Bench) -> None:
    assert bench.locate(bench.database("US"), bench.registered("IE")).where is OUTSIDE


def test_leaving_out_the_lists_author_leaves_out_its_echo(bench: Bench) -> None:
    said = [bench.declared("IE", author="aws"), *bench.two("IE")]
    assert bench.locate(*said).where is INSIDE
    assert bench.locate(*said, without=["aws"]).where is UNKNOWN


def test_leaving_out_a_lineage_leaves_out_whoever_repeats_it(bench: Bench) -> None:
    said = bench.database("IE", author="reseller", lineage="acme")
    assert bench.locate(said, without=["acme"]).where is UNKNOWN
    assert bench.locate(said, without=["other"]).where is INSIDE


# Databases


def test_a_database_older_than_the_prefix_says_nothing_of_it(bench: Bench) -> None:
    newer = bench.declared("IE", prefix_since=TODAY)
    old = bench.database("US", built=TODAY - timedelta(days=1))
    weighed = bench.weigh(newer, old)
    assert [bool(e.struck) for e in weighed.evidence if e.kind is Kind.DATABASE] == [True]
    assert rules.OLDER_THAN_PREFIX in weighed.rules
    same_day = bench.weigh(newer, bench.database("US"))
    assert not [e for e in same_day.evidence if e.struck]


def test_two_lineages_corroborate(bench: Bench) -> None:
    found = bench.locate(*bench.two("US"))
    assert (found.where, found.assurance, found.rules) == (OUTSIDE, Assurance.CORROBORATED, (rules.CORROBORATED,))


def test_one_lineage_twice_does_not(bench: Bench) -> None:
    pair = [bench.database("US", author="a", lineage="x"), bench.database("US", author="b", lineage="x")]
    assert bench.locate(*pair).assurance is Assurance.DATABASE


def test_different_countries_of_one_side_do_not_corroborate(bench: Bench) -> None:
    pair = [bench.database("US", author="a"), bench.database("CN", author="b")]
    assert (bench.locate(*pair).where, bench.locate(*pair).assurance) == (OUTSIDE, Assurance.DATABASE)


def test_a_third_database_on_the_other_side_is_a_conflict(bench: Bench) -> None:
    found = bench.locate(*bench.two("US"), bench.database("IE", author="dbc"))
    assert (found.where, found.rules) == (UNKNOWN, (rules.CONFLICT,))


def test_a_echo_on_the_other_side_is_a_conflict_too(bench: Bench) -> None:
    said = [*bench.two("US"), bench.database("IE", author="dbc"), bench.registered("IE")]
    assert bench.locate(*said).where is UNKNOWN


# Dates


def test_the_distance_in_days_is_that_of_the_farthest_flow(bench: Bench) -> None:
    said = bench.declared("US", days=10)
    assert bench.weigh(said).evidence[0].days_from_flow == 10
    later = bench.weigh(said, first=TODAY, last=TODAY + timedelta(days=5))
    assert later.evidence[0].days_from_flow == 15
    assert rules.BACKDATED in later.rules


def test_a_list_that_spans_the_flow_is_of_its_day(bench: Bench) -> None:
    spanning = bench.declared("US", listed=(TODAY - timedelta(days=400), TODAY + timedelta(days=400)))
    weighed = bench.weigh(spanning)
    assert weighed.evidence[0].days_from_flow == 0
    assert rules.BACKDATED not in weighed.rules


@pytest.mark.parametrize(("days", "used"), [(0, True), (7, True), (8, False)])
def test_evidence_over_the_maximum_age_is_not_used(bench: Bench, days: int, *, used: bool) -> None:
    weighed = bench.weigh(bench.declared("IE", days=days), max_age_days=7)
    assert weighed.evidence[0].counts is used
    assert (rules.TOO_OLD in weighed.rules) is not used


def test_a_maximum_age_of_zero_days_is_a_limit(bench: Bench) -> None:
    assert bench.locate(bench.declared("IE", days=1), max_age_days=0).where is UNKNOWN
    assert bench.locate(bench.declared("IE"), max_age_days=0).where is INSIDE


# Anycast and transition forms


def test_anycast_voids_lists_databases_and_names(bench: Bench) -> None:
    edge = bench.declared(author="cloudflare", anycast=True, network="cdn")
    found = bench.locate(edge, bench.declared("IE"), *bench.two("IE"))
    assert found.where is UNKNOWN
    assert rules.ANYCAST in bench.weigh(edge).rules


def test_anycast_leaves_the_conversations_own_round_trip_time(bench: Bench) -> None:
    edge = bench.declared(author="cloudflare", anycast=True, network="cdn")
    assert bench.locate(edge, bench.measured("IE")).assurance is Assurance.MEASURED


@pytest.mark.parametrize(("code", "where"), [("IE", INSIDE), ("US", OUTSIDE)])
def test_6to4_is_at_most_a_databases_word(bench: Bench, code: str, where: Where) -> None:
    for said in ([bench.declared(code)], bench.two(code)):
        found = bench.locate(*said, ip="2002:1401:101::1")
        assert found.where is where
        assert found.assurance.rank <= Assurance.DATABASE.rank
    assert rules.TRANSITION_FORM in bench.weigh(bench.declared(code), ip="2002:1401:101::1").rules


# Calibrated


@pytest.mark.parametrize(
    ("rate", "assurance"),
    [(0.0005, Assurance.CALIBRATED), (0.001, Assurance.CALIBRATED), (0.01, Assurance.DATABASE)],
)
def test_calibrated_stands_by_its_stated_rate(bench: Bench, rate: float, assurance: Assurance) -> None:
    found = bench.locate(bench.said(Kind.CALIBRATED, "US", rate=rate, listed=None))
    assert (found.where, found.assurance) == (OUTSIDE, assurance)


def test_calibrated_without_a_rate_is_weak(bench: Bench) -> None:
    assert bench.locate(bench.said(Kind.CALIBRATED, "IE", listed=None)).assurance is Assurance.DATABASE


def test_measured_beats_calibrated_beats_declared(bench: Bench) -> None:
    calibrated = bench.said(Kind.CALIBRATED, "US", rate=0.0005, listed=None)
    assert bench.locate(calibrated, bench.declared("IE")).where is OUTSIDE
    assert bench.locate(calibrated, bench.measured("IE")).where is INSIDE
