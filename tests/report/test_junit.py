"""JUnit: the schema of Jenkins, what fails, what is skipped, what passes, as two parsers read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from junitparser import JUnitXml
from lxml import etree
from tests.report.conftest import many

from residency.report import as_junit

XSD = etree.XMLSchema(etree.parse(Path(__file__).with_name("schemas") / "junit-10.xsd"))


def cases_of(document: dict[str, Any]) -> dict[str, Any]:
    text = as_junit.render(document)
    XSD.assertValid(etree.fromstring(text.encode()))
    return {case.name: case for suite in JUnitXml.fromstring(text.encode()) for case in suite}


def test_violated_fails_inconclusive_is_skipped_consistent_passes(demo: dict[str, Any]) -> None:
    cases = cases_of(demo)
    assert len(cases) == 6
    for claim in demo["claims"]:
        results = cases[claim["id"]].result
        expected = {"violated": ["failure"], "inconclusive": ["skipped"], "consistent": []}[claim["verdict"]]
        assert [result._tag for result in results] == expected
        for result in results:
            assert result.message == claim["headline"]
            assert result.type == claim["verdict"]


def test_a_failure_names_its_rule_and_witness(demo: dict[str, Any]) -> None:
    (failure,) = cases_of(demo)["shop.telemetry-in-eu"].result
    assert "R301" in failure.text
    assert "b.metrics.shop.example at 3.5.16.8, outside: US, says aws (declared)" in failure.text


def test_a_failure_says_how_many_more_endpoints_there_are() -> None:
    (failure,) = cases_of(many(25))["acme.eu"].result
    assert failure.text.endswith("\nand 5 more endpoints against the claim")


def test_suites_are_claim_files_and_counts_are_sums(demo: dict[str, Any]) -> None:
    read = JUnitXml.fromstring(as_junit.render(demo).encode())
    assert [(s.name, s.tests, s.failures, s.skipped) for s in read] == [
        ("claims.toml", 2, 1, 0),
        ("tiktok-clover", 4, 0, 3),
    ]
    assert (read.tests, read.failures, read.errors) == (6, 1, 0)
    told = {p.name: p.value for suite in read for p in suite.properties()}
    assert told["residency.stated.clients"] == "EEA"
    assert told["shop.telemetry-in-eu.assurance"] == "declared"
