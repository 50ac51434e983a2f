"""What would change a finding: every rule that leaves something open names what would close it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest

from residency.auditing.flow_table import write_flows
from residency.evaluate.rules import RULES
from residency.model.measurement_plan import DecidingTime, FindingPlan, Would
from residency.model.place import Spot
from residency.report import explain
from residency.report.flips import _LINKS, _UNKNOWN, flips
from residency.shipped import data_path

HERE = Spot(country="SE", lat=63.5, lon=16.8, radius_km=0.0)
INSIDE = DecidingTime(spot=HERE, would=Would.CONFIRM, one_vantage_ms=3.87, two_vantages_ms=5.81)
ASHBURN = Spot(country="US", city="Ashburn", lat=39.0, lon=-77.5, radius_km=30.0)
OUTSIDE = DecidingTime(spot=ASHBURN, would=Would.CONTRADICT, one_vantage_ms=1.0, two_vantages_ms=1.5)
PLAN = FindingPlan(likely=OUTSIDE, inside=INSIDE)
CONTEXT = {"id": "acme.eu", "activity": "processing", "subjects": ["EEA"], "effective": "2026-01-01T00:00:00Z/.."}


def finding(plain: dict[str, Any], outcome: str, *rules: str, **changes: Any) -> dict[str, Any]:
    return {**plain["findings"][0], "outcome": outcome, "rules": list(rules), **changes}


def claim(*exceptions: dict[str, Any]) -> dict[str, Any]:
    return {**CONTEXT, "exceptions": list(exceptions)}


def exception(**changes: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"hosts": [], "networks": [], "places": []}
    told = {"id": "cdn", "activity": "processing", "effective": "../..", "caveat": False, "why": "w"}
    return {**empty, **told, **changes}


def test_every_link_and_every_reason_for_not_knowing_has_its_sentence() -> None:
    assert set(_LINKS) == {rule for rule in RULES if "R220" <= rule <= "R229"}
    open_ = {"R101", "R103", "R116", "R122", "R123", "R124", "R125", "R127", "R128", "R205", "R210", "R211"}
    assert set(_UNKNOWN) == open_ <= set(RULES)


@pytest.mark.parametrize("rule", sorted(_LINKS))
def test_a_missing_link_is_told_with_what_would_close_it(plain: dict[str, Any], rule: str) -> None:
    told = flips(finding(plain, "adverse", "R207", rule, "R112"), claim(), PLAN)
    (line,) = [line for line in told if line.startswith("would contradict: ")]
    assert "{" not in line
    assert ("Ashburn" in " ".join(told)) == (rule in ("R227", "R228"))


@pytest.mark.parametrize("rule", sorted(_UNKNOWN))
def test_what_is_unknown_is_told_with_what_would_tell_it(plain: dict[str, Any], rule: str) -> None:
    told = flips(finding(plain, "unknown", "R209", rule), claim(), PLAN)
    assert "{" not in told[0]
    assert any("round-trip time" in line for line in told) == (rule not in ("R101", "R210", "R211"))


def test_the_words_are_those_of_the_finding(plain: dict[str, Any]) -> None:
    told = flips(finding(plain, "adverse", "R207", "R222", "R225"), claim(), None)
    assert (
        told[0] == "would contradict: a conversation with 20.1.1.1 that carries plain.example in its SNI or HTTP Host"
    )
    assert told[1] == "would contradict: --clients AREA within EEA"


def test_times_are_numbers_from_a_place(plain: dict[str, Any]) -> None:
    told = flips(finding(plain, "violating", "R206"), claim(), PLAN)
    assert told[1] == (
        "would show that it is inside: a round-trip time to 20.1.1.1 from 63.5, 16.8 (SE) of at most 3.9 ms "
        "(`tls`, `quic` or `app`, three samples, one tested vantage) or 5.8 ms (two independent vantages)"
    )
    assert "no time at its likeliest place would: too near" in flips(
        finding(plain, "unknown", "R209", "R124"), claim(), FindingPlan(likely=None, inside=None, why_not="too near")
    )


def test_exceptions_are_named_by_id(plain: dict[str, Any]) -> None:
    violating = finding(plain, "violating", "R206")
    assert flips(violating, claim())[0].endswith("the claim states none")
    others = claim(exception(hosts=["*.cdn.example"]), exception(id="c", caveat=True), exception(activity="backup"))
    assert flips(violating, others)[1] == "the stated exceptions do not match: `cdn` (hosts *.cdn.example; ../..)"
    excused = finding(plain, "excused", "R202", host="a.cdn.example")
    told = flips(excused, claim(exception(hosts=["*.cdn.example"]), exception(id="n", networks=["21.0.0.0/8"])))
    assert told == ["the end or the withdrawal of the exception `cdn` (hosts *.cdn.example; in force ../..)"]


def test_the_pair_of_databases_is_named(plain: dict[str, Any]) -> None:
    said = [
        {**plain["findings"][0]["evidence"][0], "kind": "database", "author": name, "source": f"s-{name}"}
        for name in ("one", "two")
    ]
    told = flips(finding(plain, "violating", "R206", "R114", assurance="corroborated", evidence=said), claim())
    assert told[-1] == "would make it doubtful: one [s-one] and two [s-two] no longer naming the same country"


@pytest.mark.parametrize("outcome", ["violating", "adverse", "doubtful", "unknown", "inside", "excused"])
def test_a_claim_or_a_plan_that_is_not_known_is_no_failure(plain: dict[str, Any], outcome: str) -> None:
    assert flips(finding(plain, outcome, "R209"))


def test_the_commands_list_the_flows(demo: dict[str, Any], tmp_path: Path) -> None:
    violating = next(f for f in demo["findings"] if f["outcome"] == "violating")
    make, query = explain.commands(demo, violating)
    assert make.startswith("residency flows ")
    assert query.startswith('duckdb -c "FROM')
    write_flows([data_path("demo") / "composed-sample.csv"], str(tmp_path / "flows.parquet"))
    table = (
        query.removeprefix('duckdb -c "').removesuffix('"').replace("flows.parquet", str(tmp_path / "flows.parquet"))
    )
    assert duckdb.execute(f"SELECT count(*) {table}").fetchall() == [(violating["flows"],)] == [(1,)]


@pytest.mark.parametrize("host", ["a'; touch x; '", "$(touch x)", "`touch x`", 'a" ; touch x ; "', "a!b", "a\\"])
def test_a_shell_runs_nothing_that_was_observed(plain: dict[str, Any], host: str, tmp_path: Path) -> None:
    document = plain | {"inputs": [plain["inputs"][0] | {"path": host}]}
    made = explain.commands(document, finding(plain, "violating", "R206", host=host))
    for command in made:
        echoed = "print_() { for word; do printf '%s\\n' \"$word\"; done; }; print_ " + command
        done = subprocess.run(["/bin/sh", "-c", echoed], capture_output=True, text=True, cwd=tmp_path, check=True)
        assert host.replace("'", "''") in done.stdout or host in done.stdout
    assert len(made) == 2
    assert list(tmp_path.iterdir()) == []


def test_an_explanation_as_json(demo: dict[str, Any]) -> None:
    violating = next(f for f in demo["findings"] if f["outcome"] == "violating")
    told = json.loads(json.dumps(explain.explanation(demo, violating["id"], RULES, PLAN)))
    assert told["schema"] == "residency-explain/1"
    assert [step["number"] for step in told["steps"]] == list(range(1, 8))
    assert {s["id"] for s in told["snapshots"]} == {e["source"] for e in violating["evidence"]}
    assert told["claim"]["id"] == violating["claim"]
    assert "stated in claims.toml line 15" in told["steps"][1]["lines"]
