"""The outcome of one endpoint: what is set aside first, then its place, and every link of a contradiction."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from residency.evaluate import rules
from residency.model.claim import Activity, Binding, HostRule, Modality, Role
from residency.model.evidence import Assurance, Kind
from residency.model.names import HostPattern
from residency.model.period import Period
from residency.model.verdict import Outcome, Where

if TYPE_CHECKING:
    from tests.evaluate.conftest import Bench

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
TODAY = date(2026, 6, 1)
DAY = timedelta(days=1)
O = Outcome  # noqa: E741


def outside(bench: Bench, *, seen: dict[str, Any] | None = None, **claim: Any) -> Any:
    """Rule on an endpoint that its operator publishes in the United States."""
    return bench.rule(bench.claim(**claim), bench.seen(**(seen or {})), [bench.declared("US")])


def test_inside_and_outside(bench: Bench) -> None:
    claim, seen = bench.claim(), bench.seen()
    assert bench.rule(claim, seen, [bench.declared("IE")]).outcome is O.INSIDE
    assert bench.rule(claim, seen, [bench.declared("US")]).outcome is O.VIOLATING
    assert bench.rule(claim, seen, [bench.database("US")]).outcome is O.DOUBTFUL
    assert bench.rule(claim, seen, []).outcome is O.UNKNOWN


# The order in which endpoints are set aside


def test_unanswered_comes_before_excused_before_not_carrying(bench: Bench) -> None:
    everything = bench.claim(role=Role.CDN, exceptions=(bench.exception(places=("US",)),))
    us = [bench.declared("US")]
    assert bench.rule(everything, bench.seen(answered=False), us).outcome is O.UNANSWERED
    assert bench.rule(everything, bench.seen(), us).outcome is O.EXCUSED
    assert bench.rule(bench.claim(role=Role.CDN), bench.seen(), us).outcome is O.NOT_CARRYING


def test_what_is_set_aside_may_lie_anywhere(bench: Bench) -> None:
    for said in ([bench.declared("IE")], [bench.declared("US")], []):
        assert bench.rule(bench.claim(), bench.seen(answered=False), said).outcome is O.UNANSWERED


@pytest.mark.parametrize(
    ("activity", "role", "carries"),
    [
        *((a, r, True) for a in ("processing", "telemetry", "transit") for r in ("data", "storage", "api", "app")),
        *((a, r, True) for a in ("processing", "telemetry", "transit") for r in ("edge", "telemetry", None)),
        *((a, r, False) for a in ("processing", "telemetry", "transit") for r in ("cdn", "auth", "control_plane")),
        *(("storage", r, False) for r in ("cdn", "auth", "control_plane", "edge")),
        *(("storage", r, True) for r in ("data", "storage", "api", "app", "telemetry", None)),
        *(("connection", r, True) for r in (*Role, None)),
    ],
)
def test_which_roles_carry_what(bench: Bench, activity: str, role: str | None, *, carries: bool) -> None:
    claim = bench.claim(activity=Activity(activity), role=Role(role) if role else None)
    ruling = bench.rule(claim, bench.seen(), [bench.declared("IE")])
    assert (ruling.outcome is not O.NOT_CARRYING) is carries


def test_a_cdn_address_has_the_role_edge_unless_one_is_stated(bench: Bench) -> None:
    front = [bench.network("cdn"), bench.measured("US")]
    unstated = bench.rule(bench.claim(), bench.seen(), front)
    assert (unstated.role, unstated.outcome) == (Role.EDGE, O.VIOLATING)
    assert rules.FRONT in unstated.rules
    stated = bench.rule(bench.claim(role=Role.DATA), bench.seen(), front)
    assert stated.role is Role.DATA
    assert rules.FRONT not in stated.rules
    storage = bench.rule(bench.claim(activity=Activity.STORAGE), bench.seen(), front)
    assert storage.outcome is O.NOT_CARRYING


# Exceptions


@pytest.mark.parametrize(
    ("named", "excused"),
    [
        ({"places": ("US",)}, True),
        ({"places": ("US", "CA")}, True),
        ({"places": ("CA",)}, False),
        ({"hosts": ("*.acme.example",)}, True),
        ({"hosts": ("acme.example",)}, False),
        ({"networks": ("20.1.1.0/24",)}, True),
        ({"networks": ("20.1.2.0/24",)}, False),
        ({"networks": ("2001:db8::/32",)}, False),
        ({"hosts": ("*.acme.example",), "networks": ("20.1.1.0/24",), "places": ("US",)}, True),
        ({"hosts": ("other.example",), "networks": ("20.1.1.0/24",), "places": ("US",)}, False),
        ({"hosts": ("*.acme.example",), "networks": ("20.1.2.0/24",), "places": ("US",)}, False),
        ({"hosts": ("*.acme.example",), "networks": ("20.1.1.0/24",), "places": ("CA",)}, False),
        ({"hosts": ("*.acme.example",), "activity": Activity.STORAGE}, False),
        ({"hosts": ("*.acme.example",), "effective": Period(NOW, NOW + DAY)}, True),
        ({"hosts": ("*.acme.example",), "effective": Period(NOW + DAY, None)}, False),
        ({"hosts": ("*.acme.example",), "effective": Period(None, NOW)}, False),
    ],
)
def test_an_exception_excuses_only_what_it_names(bench: Bench, named: dict[str, Any], *, excused: bool) -> None:
    import ipaddress

    read = dict(named)
    if "hosts" in read:
        read["hosts"] = tuple(HostPattern.parse(h) for h in read["hosts"])
    if "networks" in read:
        read["networks"] = tuple(ipaddress.ip_network(n) for n in read["networks"])
    ruling = outside(bench, exceptions=(bench.exception(**read),))
    assert ruling.outcome is (O.EXCUSED if excused else O.VIOLATING)


def test_an_exception_by_place_needs_every_feasible_place(bench: Bench) -> None:
    claim = bench.claim(exceptions=(bench.exception(places=("US",)),))
    assert bench.rule(claim, bench.seen(), [bench.declared("US", "CA")]).outcome is O.VIOLATING
    assert bench.rule(claim, bench.seen(), []).outcome is O.UNKNOWN


def test_an_exception_by_host_excuses_no_unnamed_flow(bench: Bench) -> None:
    by_host = bench.exception(hosts=(HostPattern.parse("*"),))
    claim = bench.claim(hosts=(), networks=(bench.network_rule("20.1.1.0/24"),), exceptions=(by_host,))
    seen = bench.seen(host=None, named_by=None)
    assert bench.rule(claim, seen, [bench.declared("US")]).outcome is O.VIOLATING


def test_a_caveat_excuses_nothing_and_makes_adverse(bench: Bench) -> None:
    assert outside(bench, exceptions=(bench.exception(),)).outcome is O.ADVERSE
    other = bench.exception(activity=Activity.STORAGE)
    assert outside(bench, exceptions=(other,)).outcome is O.VIOLATING
    past = bench.exception(effective=Period(None, NOW))
    assert outside(bench, exceptions=(past,)).outcome is O.VIOLATING


# Every link alone

COMPLETE = {"modality": Modality.MIGRATING}
LABELLED = (HostRule(pattern=HostPattern.parse("*.acme.example"), binding=Binding.LABEL),)


@pytest.mark.parametrize(
    ("link", "claim", "seen", "outcome"),
    [
        (rules.LINK_MODALITY, {"modality": Modality.DEFAULT}, {}, O.ADVERSE),
        (rules.LINK_MODALITY, {"modality": Modality.MIGRATING}, {}, O.ADVERSE),
        (rules.LINK_MODALITY, {**COMPLETE, "complete": NOW + DAY}, {}, O.ADVERSE),
        ("", {**COMPLETE, "complete": NOW}, {}, O.VIOLATING),
        ("", {**COMPLETE, "complete": NOW - DAY}, {}, O.VIOLATING),
        ("", {}, {"named_by": "sni"}, O.VIOLATING),
        ("", {}, {"named_by": "quic"}, O.VIOLATING),
        ("", {}, {"named_by": "http"}, O.VIOLATING),
        ("", {}, {"named_by": "stated"}, O.VIOLATING),
        ("", {}, {"named_by": "dns"}, O.VIOLATING),
        (rules.LINK_NAME, {}, {"named_by": "dns_shared"}, O.ADVERSE),
        (rules.LINK_NAME, {}, {"named_by": "ech"}, O.ADVERSE),
        (rules.LINK_BINDING, {"hosts": LABELLED}, {}, O.ADVERSE),
        (rules.LINK_ANSWERED, {}, {"answered": None}, O.ADVERSE),
        (rules.LINK_SUBJECTS, {"subjects": ("EEA",)}, {}, O.ADVERSE),
        (rules.LINK_ROLE, {"activity": Activity.STORAGE}, {}, O.ADVERSE),
        (rules.LINK_ROLE, {"activity": Activity.STORAGE, "role": Role.API}, {}, O.ADVERSE),
        ("", {"activity": Activity.STORAGE, "role": Role.STORAGE}, {}, O.VIOLATING),
        ("", {"activity": Activity.STORAGE, "role": Role.DATA}, {}, O.VIOLATING),
    ],
)
def test_one_missing_link_makes_adverse(
    bench: Bench, link: str, claim: dict[str, Any], seen: dict[str, Any], outcome: Outcome
) -> None:
    ruling = outside(bench, seen=seen, **claim)
    assert ruling.outcome is outcome
    assert len(ruling.missing_links) == bool(link)
    assert not link or link in ruling.rules


def test_several_missing_links_are_all_named(bench: Bench) -> None:
    ruling = outside(bench, seen={"named_by": "ech", "answered": None}, modality=Modality.DEFAULT)
    assert len(ruling.missing_links) == 3


def test_dns_alone_does_not_name_a_shared_address(bench: Bench) -> None:
    said = [bench.network("cdn"), bench.measured("US")]
    ruling = bench.rule(bench.claim(), bench.seen(named_by="dns"), said)
    assert ruling.outcome is O.ADVERSE
    assert rules.LINK_NAME in ruling.rules


@pytest.mark.parametrize("named_by", ["ech", "dns_shared", "dns", None])
def test_no_name_is_needed_where_the_scope_is_every_flow_or_a_network(bench: Bench, named_by: str | None) -> None:
    host = "api.acme.example" if named_by else None
    seen = bench.seen(host=host, named_by=named_by)
    for claim in (bench.claim("*"), bench.claim(hosts=(), networks=(bench.network_rule("20.1.1.0/24"),))):
        assert bench.rule(claim, seen, [bench.declared("US")]).outcome is O.VIOLATING


# The place link


@pytest.mark.parametrize(
    ("days", "stable", "outcome"),
    [(0, False, O.VIOLATING), (35, False, O.VIOLATING), (36, False, O.ADVERSE), (4000, True, O.VIOLATING)],
)
def test_a_list_accuses_within_35_days_or_where_it_is_stable(
    bench: Bench, days: int, outcome: Outcome, *, stable: bool
) -> None:
    ruling = bench.rule(bench.claim(), bench.seen(), [bench.declared("US", days=days, stable=stable)])
    assert ruling.outcome is outcome
    assert (rules.LINK_LIST_DATE in ruling.rules) is (outcome is O.ADVERSE)


def test_a_list_after_the_flow_counts_its_days_too(bench: Bench) -> None:
    for days, outcome in ((35, O.VIOLATING), (36, O.ADVERSE)):
        assert bench.rule(bench.claim(), bench.seen(), [bench.declared("US", days=-days)]).outcome is outcome


def test_a_list_without_a_date_never_violates(bench: Bench) -> None:
    ruling = bench.rule(bench.claim(), bench.seen(), [bench.declared("US", listed=None)])
    assert ruling.outcome is O.ADVERSE
    assert rules.LINK_LIST_DATE in ruling.rules


def test_lists_before_and_after_that_agree_span_the_flow(bench: Bench) -> None:
    said = bench.declared("US", listed=(TODAY - 300 * DAY, TODAY + 300 * DAY))
    assert bench.rule(bench.claim(), bench.seen(), [said]).outcome is O.VIOLATING


def test_one_old_list_among_deciding_lists_makes_adverse(bench: Bench) -> None:
    said = [bench.declared("US", author="a"), bench.declared("US", author="b", days=36)]
    assert bench.rule(bench.claim(), bench.seen(), said).outcome is O.ADVERSE


def test_an_old_list_still_confirms(bench: Bench) -> None:
    assert bench.rule(bench.claim(), bench.seen(), [bench.declared("IE", days=400)]).outcome is O.INSIDE


@pytest.mark.parametrize(
    ("rate", "outcome"), [(0.001, O.VIOLATING), (0.0011, O.DOUBTFUL), (0.05, O.DOUBTFUL), (None, O.DOUBTFUL)]
)
def test_calibrated_accuses_only_at_one_in_a_thousand(bench: Bench, rate: float | None, outcome: Outcome) -> None:
    said = bench.said(Kind.CALIBRATED, "US", rate=rate, listed=None)
    assert bench.rule(bench.claim(), bench.seen(), [said]).outcome is outcome


def test_syn_alone_makes_nothing_adverse(bench: Bench) -> None:
    ruling = bench.rule(bench.claim(), bench.seen(), [bench.measured("US", proves=False)])
    assert ruling.outcome is O.UNKNOWN


@pytest.mark.parametrize("statements", ["echoes", "hostname", "registration"])
def test_echoes_and_hints_outside_are_unknown_not_doubtful(bench: Bench, statements: str) -> None:
    said = {
        "echoes": [*bench.two("US"), bench.network("cloud", "aws")],
        "hostname": [bench.said(Kind.HOSTNAME, "US")],
        "registration": [bench.registered("US")],
    }[statements]
    assert bench.rule(bench.claim(), bench.seen(), said).outcome is O.UNKNOWN


@pytest.mark.parametrize(
    ("floor", "said", "outcome"),
    [
        ("declared", "database", O.UNKNOWN),
        ("declared", "declared", O.INSIDE),
        ("declared", "measured", O.INSIDE),
        ("measured", "declared", O.UNKNOWN),
        ("corroborated", "database", O.UNKNOWN),
        ("database", "database", O.INSIDE),
    ],
)
def test_the_floor_applies_to_inside(bench: Bench, floor: str, said: str, outcome: Outcome) -> None:
    statement = getattr(bench, said)("IE")
    ruling = bench.rule(bench.claim(), bench.seen(), [statement], floor=Assurance(floor))
    assert ruling.outcome is outcome
    assert (rules.BELOW_FLOOR in ruling.rules) is (outcome is O.UNKNOWN)


def test_the_floor_touches_neither_violating_nor_adverse(bench: Bench) -> None:
    floor = Assurance.MEASURED
    assert bench.rule(bench.claim(), bench.seen(), [bench.declared("US")], floor=floor).outcome is O.VIOLATING
    seen = bench.seen(answered=None)
    assert bench.rule(bench.claim(), seen, [bench.declared("US")], floor=floor).outcome is O.ADVERSE


# Not knowable


@pytest.mark.parametrize("ip", ["10.0.0.8", "100.64.0.1", "127.0.0.1", "fc00::1", "2001:0:5102:45a0::1"])
def test_a_host_in_scope_at_a_private_address_is_proxied(bench: Bench, ip: str) -> None:
    ruling = bench.rule(bench.claim(), bench.seen(ip), [bench.declared("US")])
    assert (ruling.outcome, ruling.location.where) == (O.UNKNOWN, Where.UNKNOWN)
    assert rules.PROXIED in ruling.rules


def test_an_unnamed_flow_to_a_known_address_is_unknown(bench: Bench) -> None:
    rows = [(bench.seen(), [bench.declared("IE")]), (bench.seen(host=None, named_by=None), [bench.declared("IE")])]
    found = {j.entry.seen.host: j.ruling for j in bench.judge(bench.claim(), rows).judged}
    assert found[None].outcome is O.UNKNOWN
    assert rules.UNNAMED_KNOWN in found[None].rules
    assert found["api.acme.example"].outcome is O.INSIDE


def test_an_unnamed_flow_to_a_known_address_outside_is_unknown_too(bench: Bench) -> None:
    rows = [(bench.seen(), [bench.declared("US")]), (bench.seen(host=None, named_by=None), [bench.declared("US")])]
    found = {j.entry.seen.host: j.ruling for j in bench.judge(bench.claim(), rows).judged}
    assert found[None].outcome is O.UNKNOWN


# Clock skew

SKEW = timedelta(seconds=5)


@pytest.mark.parametrize(
    ("offset", "outcome"),
    [
        (timedelta(seconds=-6), None),
        (timedelta(seconds=-5), O.ADVERSE),
        (timedelta(seconds=-1), O.ADVERSE),
        (timedelta(seconds=4), O.ADVERSE),
        (timedelta(seconds=5), O.VIOLATING),
        (DAY - timedelta(seconds=6), O.VIOLATING),
        (DAY - timedelta(seconds=5), O.ADVERSE),
        (DAY + timedelta(seconds=4), O.ADVERSE),
        (DAY + timedelta(seconds=5), None),
    ],
)
def test_within_the_clock_skew_of_the_edges_it_is_at_most_adverse(
    bench: Bench, offset: timedelta, outcome: Outcome | None
) -> None:
    claim = bench.claim(effective=Period(NOW, NOW + DAY))
    seen = bench.seen(first=NOW + offset, last=NOW + offset)
    judged = bench.judge(claim, [(seen, [bench.declared("US")])], skew=SKEW).judged
    assert [j.ruling.outcome for j in judged] == ([] if outcome is None else [outcome])
    assert all((rules.LINK_IN_FORCE in j.ruling.rules) is (outcome is O.ADVERSE) for j in judged)


@pytest.mark.parametrize(("ms", "counted"), [(-1, 0), (0, 1), (86_400_000 - 1, 1), (86_400_000, 0)])
def test_the_claims_period_is_half_open(bench: Bench, ms: int, counted: int) -> None:
    moment = NOW + timedelta(milliseconds=ms)
    claim = bench.claim(effective=Period(NOW, NOW + DAY))
    rows = [(bench.seen(first=moment, last=moment), [bench.declared("IE")])]
    assert len(bench.judge(claim, rows).judged) == counted


# Subjects


@pytest.mark.parametrize(
    ("clients", "outcome"),
    [((), O.ADVERSE), (("IE",), O.VIOLATING), (("EEA",), O.VIOLATING), (("IE", "US"), O.ADVERSE)],
)
def test_whose_data_it_was_must_be_stated(bench: Bench, clients: tuple[str, ...], outcome: Outcome) -> None:
    claim = bench.claim(subjects=("EEA",))
    ruling = bench.rule(claim, bench.seen(), [bench.declared("US")], clients=clients)
    assert ruling.outcome is outcome
