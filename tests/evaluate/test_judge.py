"""From outcomes to the verdict on a claim: the tail of the binomial, coverage, doubt, parties, forbidding."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.evaluate import rules
from residency.evaluate.judge import Judgement, chance_of_errors, could_yield
from residency.model.claim import Activity, Binding, Claim, HostRule, Modality, Role
from residency.model.evidence import Assurance
from residency.model.names import HostPattern
from residency.model.period import Period
from residency.model.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from tests.evaluate.conftest import Bench

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CONSISTENT, VIOLATED, OPEN = Verdict.CONSISTENT, Verdict.VIOLATED, Verdict.INCONCLUSIVE


def ids(judgement: Judgement) -> list[str]:
    return [reason.rule for reason in judgement.reasons]


# Trivial


def test_no_flow_in_scope_is_inconclusive(bench: Bench) -> None:
    found = bench.judge(bench.claim(), [])
    assert (found.verdict, found.assurance, ids(found)) == (OPEN, Assurance.NONE, [rules.NO_FLOWS])


def test_no_evidence_is_inconclusive(bench: Bench) -> None:
    found = bench.judge(bench.claim(), bench.many(3, []))
    assert (found.verdict, ids(found)) == (OPEN, [rules.COVERAGE])


def test_one_endpoint_inside_is_consistent(bench: Bench) -> None:
    found = bench.judge(bench.claim(), bench.many(1, [bench.declared("IE")]))
    assert (found.verdict, found.assurance) == (CONSISTENT, Assurance.DECLARED)


def test_one_endpoint_outside_violates_whatever_the_rest(bench: Bench) -> None:
    rows = [*bench.many(500, [bench.declared("IE")]), *bench.many(1, [bench.declared("US")], start=600)]
    found = bench.judge(bench.claim(), rows)
    assert (found.verdict, found.assurance) == (VIOLATED, Assurance.DECLARED)


def test_the_strongest_violating_finding_stands_for_the_claim(bench: Bench) -> None:
    rows = [*bench.many(1, [bench.declared("US")]), *bench.many(1, [bench.measured("US")], start=5)]
    assert bench.judge(bench.claim(), rows).assurance is Assurance.MEASURED


@pytest.mark.parametrize("activity", ["access", "backup", "support", "ownership", "oversight"])
def test_what_is_not_observable_is_always_inconclusive(bench: Bench, activity: str) -> None:
    claim = bench.claim(activity=Activity(activity))
    found = bench.judge(claim, bench.many(1, [bench.declared("US")]))
    assert found.verdict is OPEN
    assert ids(found)[0] == rules.NOT_OBSERVABLE
    assert (found.could.could_violate, found.could.could_confirm) == (False, False)


# The tail


@pytest.mark.parametrize(("networks", "wrong"), [(1, 1), (10, 2), (100, 3), (1000, 6)])
def test_the_published_numbers(networks: int, wrong: int) -> None:
    assert chance_of_errors(networks, wrong) <= 0.001 + 1e-9
    assert chance_of_errors(networks, wrong - 1) > 0.001 + 1e-9


def exact(networks: int, wrong: int) -> Fraction:
    rate = Fraction(1, 1000)
    return sum(
        (math.comb(networks, k) * rate**k * (1 - rate) ** (networks - k) for k in range(wrong, networks + 1)),
        Fraction(0),
    )


@given(st.integers(0, 60), st.integers(-1, 61))
def test_the_tail_equals_exact_fractions(networks: int, wrong: int) -> None:
    expected = float(exact(networks, max(wrong, 0)))
    assert chance_of_errors(networks, wrong) == pytest.approx(expected, rel=1e-9, abs=0)


def test_the_tail_of_many_networks_is_fast_and_exact() -> None:
    started = time.perf_counter()
    values = [chance_of_errors(100_000, k) for k in (1, 50, 100, 131, 132, 150, 1000, 99_999)]
    assert time.perf_counter() - started < 2
    assert values == sorted(values, reverse=True)
    assert all(0 <= v <= 1 for v in values)
    # The complement is exact where the tail is near one.
    rate, n = Fraction(1, 1000), 2_000
    below = sum(math.comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(2))
    assert chance_of_errors(n, 2) == pytest.approx(float(1 - below), rel=1e-9)


@pytest.mark.parametrize(("networks", "needed"), [(1, 1), (10, 2), (100, 3), (1000, 6)])
def test_databases_accuse_only_in_numbers_that_errors_cannot_give(bench: Bench, networks: int, needed: int) -> None:
    def verdict(wrong: int) -> Judgement:
        bad = bench.many(wrong, bench.two("US"))
        return bench.judge(bench.claim(), [*bad, *bench.many(networks - wrong, [bench.declared("IE")], start=wrong)])

    enough = verdict(needed)
    assert (enough.verdict, enough.assurance) == (VIOLATED, Assurance.CORROBORATED)
    if needed > 1:
        fewer = verdict(needed - 1)
        assert fewer.verdict is OPEN
        assert fewer.outcomes[Outcome.ADVERSE].endpoints == needed - 1
        assert rules.LINK_NETWORKS in {r for j in fewer.judged for r in j.ruling.rules}


def test_addresses_of_one_network_count_once(bench: Bench) -> None:
    honest = bench.many(99, [bench.declared("IE")])
    crowd = [(bench.seen(f"30.1.1.{i}"), bench.two("US")) for i in range(1, 30)]
    assert bench.judge(bench.claim(), [*honest, *crowd]).verdict is OPEN


def test_what_is_set_aside_is_no_judged_network(bench: Bench) -> None:
    rows = [*bench.many(1, bench.two("US")), *bench.many(50, [bench.declared("IE")], start=5, answered=False)]
    assert bench.judge(bench.claim(), rows).verdict is VIOLATED


# Coverage


@pytest.mark.parametrize(("inside", "unknown", "verdict"), [(95, 5, CONSISTENT), (94, 6, OPEN), (100, 0, CONSISTENT)])
def test_coverage_of_flows(bench: Bench, inside: int, unknown: int, verdict: Verdict) -> None:
    rows = [
        (bench.seen("20.1.1.1", flows=inside, bytes_sent=None, bytes_received=None), [bench.declared("IE")]),
        (bench.seen("20.1.2.1", flows=max(unknown, 1), bytes_sent=None, bytes_received=None), []),
    ][: 1 + bool(unknown)]
    assert bench.judge(bench.claim(), rows).verdict is verdict


@pytest.mark.parametrize("column", ["bytes_sent", "bytes_received"])
def test_each_direction_of_bytes_must_reach_the_coverage(bench: Bench, column: str) -> None:
    rows = bench.many(99, [bench.declared("IE")])
    few = [*rows, *bench.many(1, [], start=200, **{column: 100})]
    heavy = [*rows, *bench.many(1, [], start=200, **{column: 1_000_000})]
    assert bench.judge(bench.claim(), few).verdict is CONSISTENT
    found = bench.judge(bench.claim(), heavy)
    assert (found.verdict, ids(found)) == (OPEN, [rules.COVERAGE])
    assert column.replace("_", " ") in found.reasons[0].text


@pytest.mark.parametrize("nothing", [None, 0])
def test_null_or_zero_bytes_are_skipped_and_said(bench: Bench, nothing: int | None) -> None:
    rows = bench.many(3, [bench.declared("IE")], bytes_sent=nothing, bytes_received=nothing)
    found = bench.judge(bench.claim(), rows)
    assert found.verdict is CONSISTENT
    assert tuple(found.coverage) == (1.0, None, None)
    assert rules.BYTES_SKIPPED in ids(found)


@pytest.mark.parametrize("seen", [{"answered": False}, {"host": "cdn.acme.example"}])
def test_nothing_left_to_count_is_inconclusive(bench: Bench, seen: dict[str, Any]) -> None:
    claim = bench.claim(
        hosts=(
            HostRule(pattern=HostPattern.parse("*.acme.example")),
            HostRule(pattern=HostPattern.parse("cdn.acme.example"), role=Role.CDN),
        )
    )
    found = bench.judge(claim, bench.many(3, [bench.declared("IE")], **seen))
    assert (found.verdict, ids(found)) == (OPEN, [rules.NOTHING_COUNTED])


def test_coverage_of_another_share(bench: Bench) -> None:
    rows = [*bench.many(6, [bench.declared("IE")]), *bench.many(4, [], start=10)]
    assert bench.judge(bench.claim(coverage=0.6), rows).verdict is CONSISTENT
    assert bench.judge(bench.claim(coverage=0.61), rows).verdict is OPEN
    assert bench.judge(bench.claim(coverage=1.0), rows[:6]).verdict is CONSISTENT


def test_excused_and_unanswered_are_no_part_of_the_denominator(bench: Bench) -> None:
    rows = [*bench.many(2, [bench.declared("IE")]), *bench.many(50, [], start=10, answered=False)]
    assert bench.judge(bench.claim(), rows).coverage.flows == 1.0


def test_a_missed_coverage_is_never_rounded_up(bench: Bench) -> None:
    rows = [*bench.many(1, [bench.declared("IE")], flows=9_999), *bench.many(1, [], start=3, bytes_sent=None)]
    found = bench.judge(bench.claim(coverage=1.0), rows)
    assert "100 %" not in found.reasons[0].text.split("asked for")[0]


# Doubt


@pytest.mark.parametrize(("doubtful", "verdict"), [(1, CONSISTENT), (2, OPEN)])
def test_one_host_may_carry_one_percent_of_doubt(bench: Bench, doubtful: int, verdict: Verdict) -> None:
    good = bench.many(100 - doubtful, [bench.declared("IE")])
    bad = bench.many(doubtful, [bench.database("US")], start=300, host="odd.acme.example")
    found = bench.judge(bench.claim(), [*good, *bad])
    assert found.verdict is verdict
    assert (rules.HOST_DOUBT in ids(found)) is (verdict is OPEN)


def test_doubt_spread_over_hosts_is_database_noise(bench: Bench) -> None:
    good = bench.many(96, [bench.declared("IE")])
    bad = [
        row for i in range(4) for row in bench.many(1, [bench.database("US")], start=300 + i, host=f"h{i}.acme.example")
    ]
    assert bench.judge(bench.claim(), [*good, *bad]).verdict is CONSISTENT


def test_doubt_is_weighed_by_bytes_sent_too(bench: Bench) -> None:
    good = bench.many(199, [bench.declared("IE")])
    bad = bench.many(1, [bench.database("US")], start=300, bytes_sent=400, host="odd.acme.example")
    assert rules.HOST_DOUBT in ids(bench.judge(bench.claim(), [*good, *bad]))


def test_adverse_is_never_consistent(bench: Bench) -> None:
    rows = [*bench.many(1000, [bench.declared("IE")]), *bench.many(1, [bench.declared("US", days=99)], start=1100)]
    found = bench.judge(bench.claim(), rows)
    assert (found.verdict, ids(found)[0]) == (OPEN, rules.HAS_ADVERSE)


# Parties


def test_the_claimants_own_word_alone_is_inconclusive(bench: Bench) -> None:
    found = bench.judge(bench.claim(parties=("aws",)), bench.many(3, [bench.declared("IE", author="aws")]))
    assert (found.verdict, ids(found)[0]) == (OPEN, rules.ONLY_PARTIES)


@pytest.mark.parametrize("author", ["acme-inc", "Acme Inc", "ACME, Inc.", "Acmé Inc"])
def test_a_party_is_known_however_its_name_is_written(bench: Bench, author: str) -> None:
    rows = bench.many(3, [bench.declared("IE", author=author)])
    assert bench.judge(bench.claim(parties=("acme-inc",)), rows).verdict is OPEN
    assert bench.judge(bench.claim(parties=("acme-inc",)), rows, rely_on=[author]).verdict is CONSISTENT
    echo = bench.many(3, [bench.declared("IE", author="reseller", lineage=author)])
    assert bench.judge(bench.claim(parties=("acme-inc",)), echo).verdict is OPEN


def test_databases_that_echo_the_claimant_add_nothing(bench: Bench) -> None:
    said = [bench.declared("IE", author="aws"), *bench.two("IE"), bench.network("cloud", "aws")]
    assert bench.judge(bench.claim(parties=("aws",)), bench.many(3, said)).verdict is OPEN


def test_somebody_elses_word_carries_it(bench: Bench) -> None:
    said = [bench.declared("IE", author="acme"), bench.declared("IE", author="carrier")]
    found = bench.judge(bench.claim(), bench.many(3, said))
    assert (found.verdict, found.assurance) == (CONSISTENT, Assurance.DECLARED)


def test_the_auditor_may_rely_on_a_party(bench: Bench) -> None:
    rows = bench.many(3, [bench.declared("IE", author="aws")])
    found = bench.judge(bench.claim(parties=("aws",)), rows, rely_on=["aws"])
    assert found.verdict is CONSISTENT
    assert rules.RELIED_ON in ids(found)
    assert bench.judge(bench.claim(parties=("aws",)), rows, rely_on=["other"]).verdict is OPEN
    assert bench.judge(bench.claim(parties=("aws", "amazon")), rows, rely_on=["aws"]).verdict is CONSISTENT


def test_a_partys_word_against_itself_violates(bench: Bench) -> None:
    found = bench.judge(bench.claim(parties=("aws",)), bench.many(1, [bench.declared("US", author="aws")]))
    assert found.verdict is VIOLATED


def test_a_partys_measurement_strikes_nothing_once_its_word_is_left_out(bench: Bench) -> None:
    said = [bench.measured("IE", author="acme"), bench.database("US"), bench.database("IE", author="dbb")]
    assert bench.judge(bench.claim(), bench.many(3, said)).verdict is OPEN


# What it could yield


def test_could_yield_says_why_not(bench: Bench) -> None:
    def could(**changes: Any) -> tuple[bool, bool]:
        found = could_yield(bench.claim(**changes), subjects_stated=True)
        assert bool(found.reasons) is not (found.could_violate and found.could_confirm)
        return found.could_violate, found.could_confirm

    assert could() == (True, True)
    assert could(modality=Modality.DEFAULT) == (False, True)
    assert could(modality=Modality.MIGRATING) == (False, True)
    assert could(modality=Modality.MIGRATING, complete=NOW) == (True, True)
    assert could(activity=Activity.STORAGE) == (False, True)
    assert could(activity=Activity.STORAGE, role=Role.STORAGE) == (True, True)
    assert could(role=Role.CDN) == (False, False)
    assert could(role=Role.CDN, activity=Activity.CONNECTION) == (True, True)
    assert could(exceptions=(bench.exception(),)) == (False, True)
    assert could(exceptions=(bench.exception(activity=Activity.STORAGE),)) == (True, True)
    label = (HostRule(pattern=HostPattern.parse("a.example"), binding=Binding.LABEL),)
    assert could(hosts=label) == (False, True)
    for activity in (Activity.STORAGE, Activity.PROCESSING, Activity.TELEMETRY):
        assert not could(allow=(), forbid=("US",), activity=activity)[1]
    for activity in (Activity.CONNECTION, Activity.TRANSIT):
        assert could(allow=(), forbid=("US",), activity=activity)[1]


def test_unstated_subjects_cannot_be_contradicted(bench: Bench) -> None:
    claim = bench.claim(subjects=("EEA",))
    assert not could_yield(claim, subjects_stated=False).could_violate
    assert could_yield(claim, subjects_stated=True).could_violate


def test_a_migrating_promise_binds_from_its_completion(bench: Bench) -> None:
    claim = bench.claim(modality=Modality.MIGRATING, complete=NOW)
    us = [bench.declared("US")]
    before = bench.seen("20.1.1.1", first=NOW - DAY, last=NOW - DAY)
    after = bench.seen("20.1.2.1", first=NOW, last=NOW)
    assert bench.judge(claim, [(before, us)]).verdict is OPEN
    assert bench.judge(claim, [(before, us), (after, us)]).verdict is VIOLATED


def test_storage_without_storage_hosts_is_never_violated(bench: Bench) -> None:
    claim = bench.claim(activity=Activity.STORAGE)
    assert bench.judge(claim, bench.many(3, [bench.declared("US")])).verdict is OPEN
    assert bench.judge(claim, bench.many(3, [bench.declared("IE")])).verdict is CONSISTENT


# Forbidding


@pytest.mark.parametrize("activity", [Activity.STORAGE, Activity.PROCESSING, Activity.TELEMETRY])
def test_not_seeing_a_conversation_proves_no_absence(bench: Bench, activity: Activity) -> None:
    claim = bench.claim(allow=(), forbid=("CN",), activity=activity, role=Role.DATA)
    found = bench.judge(claim, bench.many(3, [bench.declared("IE")]))
    assert (found.verdict, ids(found)) == (OPEN, [rules.FORBID_ABSENCE])
    assert bench.judge(claim, bench.many(3, [bench.declared("CN")])).verdict is VIOLATED


@pytest.mark.parametrize("activity", [Activity.CONNECTION, Activity.TRANSIT])
def test_a_forbidden_place_can_be_confirmed_for_connections(bench: Bench, activity: Activity) -> None:
    claim = bench.claim(allow=(), forbid=("CN",), activity=activity)
    assert bench.judge(claim, bench.many(3, [bench.declared("IE")])).verdict is CONSISTENT
    assert "forbidden place" in bench.judge(claim, bench.many(1, [bench.declared("CN")])).reasons[0].text


def test_a_transit_claim_that_nothing_carries_is_not_told_of_absence(bench: Bench) -> None:
    claim = bench.claim(allow=(), forbid=("CN",), activity=Activity.TRANSIT, role=Role.CDN)
    assert ids(bench.judge(claim, bench.many(1, [bench.declared("IE")]))) == [rules.CANNOT_CONFIRM]


def test_allowed_without_a_forbidden_part(bench: Bench) -> None:
    claim = bench.claim(allow=("EEA",), forbid=("HU",))
    assert bench.judge(claim, bench.many(1, [bench.declared("IE")])).verdict is CONSISTENT
    assert bench.judge(claim, bench.many(1, [bench.declared("HU")])).verdict is VIOLATED


def ban(bench: Bench) -> Claim:
    return bench.claim("*.tiktok.com", activity=Activity.CONNECTION, allow=(), forbid=("WORLD",))


class TestForbiddingEveryPlace:
    """`connection` with `forbid = ["WORLD"]` needs no location."""

    def test_an_answered_conversation_violates_without_any_evidence(self, bench: Bench) -> None:
        claim = ban(bench)
        found = bench.judge(claim, bench.many(1, [], host="api.tiktok.com"))
        assert (found.verdict, found.assurance) == (VIOLATED, Assurance.NOT_NEEDED)

    def test_no_flow_is_inconclusive(self, bench: Bench) -> None:
        claim = ban(bench)
        found = bench.judge(claim, [])
        assert (found.verdict, ids(found)) == (OPEN, [rules.NO_FLOWS])
        late = replace(claim, effective=Period(NOW + DAY, None))
        assert ids(bench.judge(late, bench.many(1, []))) == [rules.NO_FLOWS]

    @pytest.mark.parametrize(("named", "verdict"), [(95, CONSISTENT), (94, OPEN)])
    def test_absence_needs_names(self, bench: Bench, named: int, verdict: Verdict) -> None:
        claim = ban(bench)
        rows = bench.many(named, [], host="www.example.org")
        rows += bench.many(100 - named, [], start=300, host=None, named_by=None)
        found = bench.judge(claim, rows)
        assert found.verdict is verdict
        assert ids(found) == [rules.NO_ANSWERED if verdict is CONSISTENT else rules.UNNAMED_SHARE]
        assert found.assurance is (Assurance.NOT_NEEDED if verdict is CONSISTENT else Assurance.NONE)

    def test_bytes_must_be_named_too(self, bench: Bench) -> None:
        claim = ban(bench)
        rows = bench.many(99, [], host="www.example.org")
        rows += bench.many(1, [], start=300, host=None, named_by=None, bytes_received=10**6)
        assert ids(bench.judge(claim, rows)) == [rules.UNNAMED_SHARE]

    @pytest.mark.parametrize("named_by", ["ech", "dns_shared"])
    def test_an_uncertain_name_is_no_name(self, bench: Bench, named_by: str) -> None:
        claim = ban(bench)
        rows = bench.many(10, [], host="www.example.org", named_by=named_by)
        assert ids(bench.judge(claim, rows)) == [rules.UNNAMED_SHARE]

    def test_an_unanswered_attempt_is_no_conversation(self, bench: Bench) -> None:
        claim = ban(bench)
        rows = [
            *bench.many(1, [], host="api.tiktok.com", answered=False),
            *bench.many(9, [], start=5, host="x.org"),
        ]
        assert bench.judge(claim, rows).verdict is CONSISTENT

    def test_a_missing_link_is_adverse(self, bench: Bench) -> None:
        claim = ban(bench)
        rows = [
            *bench.many(1, [], host="api.tiktok.com", answered=None),
            *bench.many(9, [], start=5, host="x.org"),
        ]
        assert ids(bench.judge(claim, rows)) == [rules.HAS_ADVERSE]

    def test_an_unnamed_flow_to_a_known_address_stays_open(self, bench: Bench) -> None:
        claim = ban(bench)
        rows = [
            *bench.many(1, [], host="api.tiktok.com", answered=False),
            *bench.many(1, [], host=None, named_by=None),
            *bench.many(99, [], start=5, host="x.org"),
        ]
        assert ids(bench.judge(claim, rows)) == [rules.UNNAMED_KNOWN]


# Assurance


@pytest.mark.parametrize(
    ("strong", "weak", "assurance"),
    [(95, 5, Assurance.MEASURED), (94, 6, Assurance.DATABASE), (0, 100, Assurance.DATABASE)],
)
def test_the_weakest_assurance_that_the_share_needs(bench: Bench, strong: int, weak: int, assurance: Assurance) -> None:
    rows = [*bench.many(strong, [bench.measured("IE")]), *bench.many(weak, [bench.database("IE")], start=300)]
    found = bench.judge(bench.claim(), rows)
    assert (found.verdict, found.assurance) == (CONSISTENT, assurance)


def test_a_floor_turns_databases_into_unknown(bench: Bench) -> None:
    rows = bench.many(3, [bench.database("IE")])
    assert bench.judge(bench.claim(), rows).assurance is Assurance.DATABASE
    assert bench.judge(bench.claim(), rows, floor=Assurance.DECLARED).verdict is OPEN


# Scope


def test_ports_narrow_the_scope(bench: Bench) -> None:
    rows = [
        *bench.many(1, [bench.declared("US")], server_port=8443),
        *bench.many(1, [bench.declared("IE")], start=5),
    ]
    assert bench.judge(bench.claim(ports=(443,)), rows).verdict is CONSISTENT
    assert bench.judge(bench.claim(ports=(8443,)), rows).verdict is VIOLATED
    assert bench.judge(bench.claim(ports=(53,)), rows).verdict is OPEN


def test_other_unnamed_flows_are_one_number(bench: Bench) -> None:
    rows = [*bench.many(1, [bench.declared("IE")]), *bench.many(4, [], start=50, host=None, named_by=None)]
    found = bench.judge(bench.claim(), rows)
    assert found.verdict is CONSISTENT
    assert (found.unnamed.endpoints, found.unnamed.flows) == (4, 4)


def test_unnamed_flows_to_known_addresses_are_in_the_denominator(bench: Bench) -> None:
    rows = [
        (bench.seen("20.1.1.1", flows=50), [bench.declared("IE")]),
        (bench.seen("20.1.1.1", flows=50, host=None, named_by=None), [bench.declared("IE")]),
    ]
    found = bench.judge(bench.claim(), rows)
    assert (found.verdict, found.coverage.flows) == (OPEN, 0.5)


def test_proxied_conversations_are_in_the_denominator(bench: Bench) -> None:
    rows = [(bench.seen("10.0.0.8"), []), *bench.many(1, [bench.declared("IE")])]
    assert bench.judge(bench.claim(), rows).coverage.flows == 0.5


def test_unnamed_local_flows_are_out_of_scope_even_for_everything(bench: Bench) -> None:
    rows = [(bench.seen("10.0.0.8", host=None, named_by=None), []), *bench.many(1, [bench.declared("IE")])]
    found = bench.judge(bench.claim("*"), rows)
    assert (found.verdict, len(found.judged)) == (CONSISTENT, 1)


def test_networks_scope_unnamed_flows(bench: Bench) -> None:
    claim = bench.claim(hosts=(), networks=(bench.network_rule("20.1.0.0/16", role=Role.DATA),))
    rows = bench.many(3, [bench.declared("US")], host=None, named_by=None)
    found = bench.judge(claim, rows)
    assert found.verdict is VIOLATED
    assert {j.ruling.role for j in found.judged} == {Role.DATA}
    old = bench.claim(hosts=(), networks=(bench.network_rule("20.1.0.0/16", effective=Period(None, NOW)),))
    assert bench.judge(old, rows).verdict is OPEN


def test_every_endpoint_has_one_outcome_and_tallies_conserve(bench: Bench) -> None:
    rows = [
        *bench.many(3, [bench.declared("IE")]),
        *bench.many(2, [bench.declared("US")], start=10, answered=None),
        *bench.many(2, [], start=20),
        *bench.many(1, [bench.database("US")], start=30),
        *bench.many(4, [], start=40, answered=False),
    ]
    found = bench.judge(bench.claim(), rows)
    assert sum(t.endpoints for t in found.outcomes.values()) == len(rows) == len(found.judged)
    assert sum(t.bytes_sent for t in found.outcomes.values()) == 100 * len(rows)
