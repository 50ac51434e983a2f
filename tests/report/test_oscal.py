"""OSCAL assessment results: the models of compliance-trestle, two states for three verdicts, ids that stay."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from tests.report.conftest import many
from trestle.oscal.assessment_results import AssessmentResults

from residency.report import as_oscal


def body_of(document: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(as_oscal.dumps(document))["assessment-results"]
    AssessmentResults.model_validate(body)
    return body


def test_only_what_was_decided_is_a_finding(demo: dict[str, Any]) -> None:
    result = body_of(demo)["results"][0]
    states = {f["target"]["target-id"]: f["target"]["status"]["state"] for f in result["findings"]}
    assert states == {
        "shop.orders-in-eea": "satisfied",
        "shop.telemetry-in-eu": "not-satisfied",
        "tiktok.clover.storage-default": "satisfied",
    }
    observed = {o["title"] for o in result["observations"]}
    assert {claim["id"] for claim in demo["claims"]} <= observed
    controls = result["reviewed-controls"]["control-selections"][0]["include-controls"]
    assert [c["control-id"] for c in controls] == [claim["id"] for claim in demo["claims"]]


def test_a_violation_leads_to_its_witness_and_that_to_its_sources(demo: dict[str, Any]) -> None:
    body = body_of(demo)
    result = body["results"][0]
    (violated,) = [f for f in result["findings"] if f["target"]["status"]["reason"] == "fail"]
    wanted = {item["observation-uuid"] for item in violated["related-observations"]}
    (witness,) = [o for o in result["observations"] if o["uuid"] in wanted and o["types"] == ["discovery"]]
    assert "b.metrics.shop.example at 3.5.16.8" in witness["description"]
    sources = {f"#{resource['uuid']}" for resource in body["back-matter"]["resources"]}
    assert {evidence["href"] for evidence in witness["relevant-evidence"]} <= sources


def test_every_reference_leads_somewhere_and_no_id_stands_twice(demo: dict[str, Any]) -> None:
    text = as_oscal.dumps(demo)
    body = json.loads(text)["assessment-results"]
    result = body["results"][0]
    things = [body, result, *result["observations"], *result["findings"], *body["back-matter"]["resources"]]
    ids = [thing["uuid"] for thing in things]
    assert len(set(ids)) == len(ids)
    assert body["import-ap"]["href"][1:] in ids
    related = [r["observation-uuid"] for f in result["findings"] for r in f["related-observations"]]
    assert related
    assert set(related) <= set(ids)


def test_ids_are_those_of_the_report(demo: dict[str, Any]) -> None:
    assert as_oscal.dumps(demo) == as_oscal.dumps(json.loads(json.dumps(demo)))
    other = as_oscal.results(demo | {"headline": "another"})
    assert other["assessment-results"]["uuid"] != as_oscal.results(demo)["assessment-results"]["uuid"]


@pytest.mark.parametrize("name", ["", "a", "F-1", "ü"])
def test_a_uuid_is_that_of_the_standard_library(name: str) -> None:
    assert as_oscal.uuid5(name) == str(uuid.uuid5(uuid.NAMESPACE_OID, name))


@pytest.mark.parametrize(
    ("text", "token"),
    [("acme.eu", "acme.eu"), ("1a", "_1a"), ("a b", "a-b"), ("", "_"), ("a/b<c", "a_b_c"), ("é", "_")],
)
def test_a_token(text: str, token: str) -> None:
    assert as_oscal.token(text) == token


def test_what_is_over_the_cap_is_said() -> None:
    result = as_oscal.results(many(8), max_endpoints=5)["assessment-results"]["results"][0]
    assert result["remarks"].startswith("3 endpoints that speak against a claim are left out")
    assert len(result["observations"]) == 1 + 5
    assert "remarks" not in body_of(many(8))["results"][0]
