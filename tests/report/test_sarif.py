"""SARIF: the official schema, places in the claim file, levels, fingerprints that stay, and the cap."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
from tests.report.conftest import many

from residency.report import as_sarif
from residency.shipped import data_path

SCHEMA = json.loads(Path(__file__).with_name("schemas").joinpath("sarif-schema-2.1.0.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft4Validator(SCHEMA)


def run_of(document: dict[str, Any], **options: int) -> dict[str, Any]:
    log = as_sarif.log(document, **options)
    VALIDATOR.validate(json.loads(json.dumps(log)))
    run: dict[str, Any] = log["runs"][0]
    return run


def test_the_schema_is_the_official_one_and_refuses_what_is_not_sarif(demo: dict[str, Any]) -> None:
    assert SCHEMA["id"] == as_sarif.SCHEMA
    log = as_sarif.log(demo)
    assert not VALIDATOR.is_valid(log | {"version": "2.0.0"})
    log["runs"][0]["results"][0]["level"] = "violated"
    assert not VALIDATOR.is_valid(log)


def test_a_result_for_each_claim_that_is_not_consistent_and_each_host_against_one(demo: dict[str, Any]) -> None:
    found = [(r["ruleId"], r["level"]) for r in run_of(demo)["results"]]
    assert found == [("R301", "error"), ("R206", "error"), ("R317", "note"), ("R310", "note"), ("R310", "note")]
    assert run_of(demo)["properties"]["consistent"] == ["shop.orders-in-eea", "tiktok.clover.storage-default"]


def test_levels_follow_outcomes(plain: dict[str, Any]) -> None:
    levels = {r["message"]["text"].split(":")[0]: r["level"] for r in run_of(plain)["results"]}
    assert levels == {"acme.eu": "error", "violating": "error", "adverse": "warning", "doubtful": "warning"}


def test_a_result_stands_at_the_line_where_the_claim_begins(demo: dict[str, Any]) -> None:
    place = run_of(demo)["results"][0]["locations"][0]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "claims.toml"
    line = place["physicalLocation"]["region"]["startLine"]
    lines = data_path("demo").joinpath("claims.toml").read_text(encoding="utf-8").splitlines()
    assert lines[line - 1 : line + 1] == ["[[claim]]", 'id = "shop.telemetry-in-eu"']
    assert place["logicalLocations"][0]["fullyQualifiedName"] == "shop.telemetry-in-eu"


def test_a_claim_from_no_file_has_a_logical_place_only(plain: dict[str, Any]) -> None:
    plain["claims"][0]["file"] = None
    assert "physicalLocation" not in run_of(plain)["results"][0]["locations"][0]


def test_rules_have_their_sentences(demo: dict[str, Any]) -> None:
    rules = run_of(demo)["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["R206", "R301", "R310", "R317"]
    assert all(rule["shortDescription"]["text"] == demo["rules"][rule["id"]] for rule in rules)
    for result in run_of(demo)["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


def test_fingerprints_differ_and_outlive_lines_times_and_addresses(plain: dict[str, Any]) -> None:
    def prints(document: dict[str, Any]) -> list[str]:
        return [r["partialFingerprints"]["primaryLocationLineHash"] for r in run_of(document)["results"]]

    before = prints(plain)
    assert len(set(before)) == len(before) == 4
    for finding in plain["findings"]:
        finding |= {"server_ip": "20.9.9.9", "first_seen": "2027-01-01T00:00:00Z", "flows": 99, "id": "F-ffffffffffff"}
    plain["claims"][0] |= {"line": 70, "headline": "violated (declared): otherwise"}
    assert prints(plain) == before


def test_endpoints_of_one_host_are_one_result() -> None:
    document = many(5_000, host="a.example")
    (_, result) = run_of(document)["results"]
    assert result["properties"]["findingCount"] == 5_000
    assert len(result["properties"]["addresses"]) == 5
    assert "at 5,000 addresses" in result["message"]["text"]


def test_what_is_over_the_cap_is_the_least_severe_and_counted(plain: dict[str, Any]) -> None:
    run = run_of(plain, max_results=2)
    assert [r["level"] for r in run["results"]] == ["error", "error"]
    notes = [n["message"]["text"] for n in run["invocations"][0]["toolExecutionNotifications"]]
    assert notes[-1].startswith("2 results left out")


def test_text_that_sarif_would_read_is_escaped() -> None:
    assert as_sarif.message("[a](b) {0} c\\d") == "\\[a\\](b) {{0}} c\\\\d"
