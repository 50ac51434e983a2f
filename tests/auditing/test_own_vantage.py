"""The auditor's own vantage, audits end to end: what its times prove, and what voids them (HAZARDS, section F)."""

from __future__ import annotations

import math

import pytest
from tests.auditing.conftest import CONTROLS, DUBLIN, FRANKFURT, HONEST, NEW_YORK, Audit, app, controls, flow

from residency.model.evidence import Assurance
from residency.model.vantage_check import Standing
from residency.model.verdict import Finding, Outcome, Report, Verdict
from residency.report import as_json


def only(report: Report) -> Finding:
    (finding,) = report.findings
    return finding


def said(report: Report) -> str:
    return "; ".join(e.statement.says for e in only(report).evidence if e.kind == "measured")


def test_tls_times_of_a_tested_vantage_contradict_a_claim(audit: Audit) -> None:
    report = audit([*controls(), *app(0.8)])
    assert report.verdict("acme") is Verdict.VIOLATED
    assert report.result("acme").assurance is Assurance.MEASURED
    finding = only(report)
    assert finding.outcome is Outcome.VIOLATING
    assert "DE" in finding.countries
    assert {"NO", "US", "CN"} <= set(finding.excluded)
    assert not set(finding.excluded) & set(finding.countries)
    (check,) = report.vantages
    assert check.standing is Standing.PASSED
    assert (check.controls, check.operators) == (len(CONTROLS), ("aws", "gcp", "oracle"))
    assert not [w for w in report.warnings if "vantage" in w]


def test_syn_times_support_and_refute_nothing(audit: Audit) -> None:
    report = audit([*controls(), *controls(kind="syn"), *app(0.8, "syn")])
    assert report.verdict("acme") is Verdict.INCONCLUSIVE
    assert "early answer possible" in said(report)
    assert "R125" in only(report).rules
    assert "NO" in only(report).excluded  # what it would exclude is still shown


def test_two_samples_do_not_prove(audit: Audit) -> None:
    report = audit([*controls(), *app(0.8, times=2)])
    assert report.verdict("acme") is Verdict.INCONCLUSIVE
    assert "R128" in only(report).rules


def test_a_disc_that_reaches_another_country_supports_only(audit: Audit) -> None:
    """Dublin, 1 ms: 150 km reach Great Britain, so Ireland is neither confirmed nor contradicted."""
    from_dublin = {ip: max(rtt_ms, 18.0) + 8 for ip, rtt_ms in HONEST.items()}
    report = audit([*controls(from_dublin), *app(1.0)], allow="IE", vantage=DUBLIN)
    assert report.vantages[0].standing is Standing.PASSED
    assert report.verdict("acme") is Verdict.INCONCLUSIVE
    assert {"IE", "GB"} <= only_countries(report)
    narrower = audit([*controls(from_dublin), *app(0.3)], allow="IE", vantage=DUBLIN)
    assert narrower.verdict("acme") is Verdict.CONSISTENT
    assert narrower.result("acme").assurance is Assurance.MEASURED


def only_countries(report: Report) -> set[str]:
    return {p.country for e in only(report).evidence if e.kind == "measured" for p in e.statement.places}


def test_a_slow_answer_refutes_nothing(audit: Audit) -> None:
    from_dublin = {ip: max(rtt_ms, 18.0) + 8 for ip, rtt_ms in HONEST.items()}
    report = audit([*controls(from_dublin), *app(250)], allow="IE", vantage=DUBLIN)
    assert report.verdict("acme") is Verdict.INCONCLUSIVE
    assert only(report).excluded == ()
    assert "excludes nothing" in said(report)


@pytest.mark.parametrize("bad", ["-3", "0", "NaN", "inf", "1e12", "100000.0"])
def test_what_is_no_time_is_dropped_and_the_flow_judged(audit: Audit, bad: str) -> None:
    report = audit([*controls(), *app(bad)])
    finding = only(report)
    assert finding.seen.min_rtt_ms is None
    assert finding.seen.flows == 5
    assert finding.excluded == ()
    assert report.verdict("acme") is Verdict.INCONCLUSIVE


def test_a_vantage_declared_far_from_where_it_is_is_caught(audit: Audit) -> None:
    """Traffic recorded in Frankfurt, said to be from New York: Frankfurt's regions answer faster than light."""
    report = audit([*controls(), *app(0.8)], allow="NO", vantage=NEW_YORK)
    (check,) = report.vantages
    assert check.standing is Standing.VOID
    assert {c.server_ip for c in check.impossible} >= {"104.255.58.44", "34.118.244.9"}
    assert report.verdict("acme") is Verdict.INCONCLUSIVE
    assert only(report).excluded == ()
    (warning,) = [w for w in report.warnings if w.startswith("vantage New York")]
    assert "void" in warning
    assert "not where it is said to be" in warning


def test_a_proxy_that_answers_every_syn_is_caught(audit: Audit) -> None:
    others = [flow(f"185.{n}.1.1", 0.4, "syn") for n in range(20)]
    report = audit([*controls(dict.fromkeys(CONTROLS, 0.4), "syn"), *others, *app(0.4, "syn")])
    (check,) = report.vantages
    assert check.standing is Standing.VOID
    assert "may answer for everybody" in check.why
    assert only(report).excluded == ()
    assert report.verdict("acme") is Verdict.INCONCLUSIVE


def test_an_interceptor_without_a_far_control_is_caught(audit: Audit) -> None:
    """Nothing of known place was seen, but twenty networks cannot all be a stone's throw away."""
    report = audit([*[flow(f"185.{n}.1.1", 0.4) for n in range(20)], *app(0.4)])
    assert report.vantages[0].standing is Standing.VOID
    assert report.verdict("acme") is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    "chosen",
    [(), ("1.178.5.9",), ("1.178.5.9", "136.23.64.9"), ("104.255.58.44", "1.178.5.9", "1.178.64.9")],
    ids=["none", "one", "two of two", "three of one operator"],
)
def test_too_few_controls_support_nothing_and_say_so(audit: Audit, chosen: tuple[str, ...]) -> None:
    times = {ip: HONEST.get(ip, 230.0) for ip in chosen}
    report = audit([*(controls(times) if times else []), *app(0.8)])
    assert report.vantages[0].standing is Standing.UNTESTED
    assert report.verdict("acme") is Verdict.INCONCLUSIVE
    assert "R127" in only(report).rules
    assert any("its test needs 3 endpoints of 2" in w for w in report.warnings)


def test_controls_within_the_bound_in_question_do_not_test_it(audit: Audit) -> None:
    """All controls stand within 1,000 km; a disc of 3,000 km was never put to the test."""
    near = {"104.255.58.44": 1.0, "34.118.244.9": 1.0, "104.199.0.9": 7.0}
    report = audit([*controls(near), *app(20.0)], allow="US")
    assert report.vantages[0].standing is Standing.PASSED
    assert report.verdict("acme") is Verdict.INCONCLUSIVE
    assert "US" in only(report).excluded
    assert "R127" in only(report).rules


def test_a_partys_own_list_is_no_control(audit: Audit) -> None:
    claims_of_amazon = {"1.178.5.9": 95.0, "1.178.64.9": 230.0, "104.255.58.44": 1.0}
    report = audit([*controls(claims_of_amazon), *app(0.8)])
    assert report.vantages[0].operators == ("aws",)


def test_the_order_of_flows_never_matters(audit: Audit) -> None:
    rows = [*controls(), *app(0.8), *app(0.9)]
    first, second = audit(rows), audit(rows[::-1])
    assert as_json.document(first)["findings"] == as_json.document(second)["findings"]
    assert first.vantages == second.vantages


def test_several_vantages_are_told_apart_by_name(audit: Audit) -> None:
    report = audit([*controls(), *app(0.8)], vantage=[FRANKFURT, NEW_YORK])
    assert report.vantages == ()
    assert any("not stated" in w for w in report.warnings)


def test_the_report_says_it_in_json(audit: Audit) -> None:
    doc = as_json.document(audit([*controls(), *app(0.8)]))
    (told,) = doc["vantages"]
    assert told["standing"] == "passed"
    assert told["beyond_km"]["tcp"] > 9_000
    assert doc["findings"][0]["evidence"][0]["proves"] is True
    assert not any(math.isnan(v) for v in told["beyond_km"].values())
    assert "own-times" in [s["id"] for s in doc["snapshots"]]


def test_a_finding_says_which_vantage_set_the_bound(audit: Audit) -> None:
    (finding,) = as_json.document(audit([*controls(), *app(0.8)]))["findings"]
    (bound,) = next(e["excluded_by"] for e in finding["evidence"] if e["kind"] == "measured")
    assert (bound["vantage"], bound["rtt_ms"]) == ("Frankfurt", 0.8)
    assert 129 < bound["within_km"] < 131  # 0.8 ms of light, and ten km of the vantage
    assert set(finding["excluded"]) <= set(bound["excludes"])
