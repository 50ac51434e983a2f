"""Text for terminals: at any width, never wider, never a control character, whatever was observed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from rich.cells import cell_len
from tests.report.conftest import poisoned

from residency.evaluate.rules import RULES
from residency.model.claim import Activity, Claim
from residency.model.verdict import ScopePreview, Tally, Yield
from residency.report import as_json, as_text, explain, preview
from residency.report.formats import FORMATS, Page
from residency.report.medium import printable

if TYPE_CHECKING:
    from tests.report.conftest import MakeReport

WIDTHS = (20, 80, 400)


def check(text: str, width: int) -> None:
    lines = text.split("\n")
    assert lines[-1] == ""
    assert all(line.isprintable() for line in lines)
    assert max(cell_len(line) for line in lines) <= width
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.parametrize("width", WIDTHS)
def test_hostile_text_stays_within_the_width(make_report: MakeReport, hostile: str, width: int) -> None:
    document = as_json.document(make_report(hostile))
    check(as_text.render(document, width=width), width)


def test_an_explanation_of_hostile_text(make_report: MakeReport, hostile: str) -> None:
    document = as_json.document(make_report(hostile))
    for width in WIDTHS:
        check(explain.render(document, document["findings"][0]["id"], RULES, width=width), width)


def test_a_preview_of_hostile_text(hostile: str) -> None:
    claim = Claim(id=hostile, statement=hostile, activity=Activity.STORAGE)
    item = ScopePreview(
        claim=claim, could=Yield(could_violate=True, could_confirm=True), hosts={hostile: Tally(endpoints=1, flows=2)}
    )
    for width in WIDTHS:
        check(preview.render([item], width=width), width)


@pytest.mark.parametrize("text", ["\x1b[31m\x1b]8;;x\x07", "a\rb\nc", "\u202eevil", "\x9b1m", "lone\ud800", "\x00"])
def test_a_saved_report_that_somebody_else_wrote_is_as_harmless(make_report: MakeReport, text: str) -> None:
    document = poisoned(json.loads(as_json.dumps(as_json.document(make_report("plain")))), text)
    document["claims"][0]["id"] = "acme.eu"
    document["findings"][0]["id"] = "F-1"
    for width in WIDTHS:
        check(as_text.render(document, width=width), width)
        check(explain.render(document, "F-1", RULES, width=width), width)


def test_colour_only_where_it_is_asked_for(make_report: MakeReport) -> None:
    document = as_json.document(make_report("plain"))
    assert "\x1b" not in as_text.render(document, colour=False)
    assert "\x1b[" in as_text.render(document, colour=True)
    assert "\x1b[" in FORMATS["text"](document, Page(colour=True))


def test_colour_adds_no_words(make_report: MakeReport) -> None:
    document = as_json.document(make_report("plain"))
    coloured = re.sub(r"\x1b\[[0-9;]*m", "", as_text.render(document, colour=True))
    assert [x.rstrip() for x in coloured.split("\n")] == as_text.render(document, colour=False).split("\n")


def test_an_empty_report_renders() -> None:
    document = {
        "schema": as_json.SCHEMA,
        "as_of": "2026-06-01T00:00:00Z",
        "options": {},
        "seen": {"first": None, "last": None},
        "inputs": [],
        "quarantine": [],
        "snapshots": [],
        "claims": [],
        "findings": [],
        "warnings": [],
        "headline": "",
    }
    check(as_text.render(document), 80)


def test_the_verdict_stands_before_the_details(make_report: MakeReport) -> None:
    text = as_text.render(as_json.document(make_report("plain")), width=80)
    assert text.index("violated") < text.index("R301") < text.index("records =")


@pytest.mark.parametrize("width", [*range(20, 70), 80, 120, 200, 400])
def test_any_width_will_do(demo: dict[str, Any], width: int) -> None:
    text = as_text.render(demo, width=width)
    check(text, width)
    assert re.sub(r"\s", "", demo["claims"][0]["headline"].partition(": ")[2]) in re.sub(r"\s", "", text) or width >= 60


def test_the_first_screen_says_verdict_why_how_surely_and_what_was_not_looked_at(demo: dict[str, Any]) -> None:
    first = " ".join(" ".join(as_text.render(demo, width=80).splitlines()[:24]).split())
    assert "6 claims: 1 violated, 3 inconclusive, 2 consistent" in first
    assert "not looked at: where data rests; what happens behind these servers; access, oversight" in first
    assert "violated shop.telemetry-in-eu" in first
    assert "declared, One of 10 conversations" in first


def test_details_stand_in_the_order_of_the_verdicts(demo: dict[str, Any]) -> None:
    lines = as_text.render(demo).splitlines()
    headings = [line.split()[0] for line in lines if line.startswith(("violated  ", "inconclusive  ", "consistent  "))]
    assert headings[6:] == headings[:6] == ["violated", *["inconclusive"] * 3, *["consistent"] * 2]


def test_explain_numbers_its_steps_and_names_its_rules(make_report: MakeReport) -> None:
    document = as_json.document(make_report("plain"))
    text = explain.render(document, "F-000000000000", RULES, width=120)
    for number in range(1, 8):
        assert f"\n{number}. " in text
    assert RULES["R206"] in text
    assert "sha256" in text


@pytest.mark.parametrize(("wanted", "message"), [("F-", "8 findings"), ("F-x", "no finding"), ("", "8 findings")])
def test_explain_needs_one_finding(make_report: MakeReport, wanted: str, message: str) -> None:
    document = as_json.document(make_report("plain"))
    with pytest.raises(KeyError, match=message):
        explain.render(document, wanted, RULES)


@pytest.mark.parametrize("outcome", range(8))
def test_every_outcome_can_be_explained(make_report: MakeReport, outcome: int) -> None:
    document = as_json.document(make_report("plain"))
    check(explain.render(document, document["findings"][outcome]["id"], RULES), 80)


def test_printable_is_one_line_and_reversible_by_eye(hostile: str) -> None:
    shown = printable(hostile)
    assert shown.isprintable()
    assert printable(shown) == shown
    assert len(printable(hostile, 60)) <= 60
