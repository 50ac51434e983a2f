"""Timelines, and what is said of times and hosts without traffic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.report.html.conftest import Doc, Outline

from residency.report.html.timeline import Axis, timeline
from residency.report.html.untested import idle, never_seen
from residency.report.html.words import parsed, period

START = datetime(2026, 6, 1, tzinfo=UTC)
END = START + timedelta(hours=10)
AXIS = Axis(start=START, end=END)


def at(hours: float) -> str:
    return (START + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


def seen(first: float, last: float, host: str = "a.example", outcome: str = "inside", flows: int = 1) -> Doc:
    return {"first_seen": at(first), "last_seen": at(last), "host": host, "outcome": outcome, "flows": flows}


DOCUMENT: Doc = {"seen": {"first": at(0), "last": at(10)}}
CLAIM: Doc = {"effective": "../..", "exceptions": []}


def test_nothing_seen_has_no_timeline() -> None:
    assert timeline(DOCUMENT, CLAIM, []) is None
    assert timeline({"seen": {"first": None, "last": None}}, CLAIM, [seen(0, 1)]) is None


@pytest.mark.parametrize(
    ("start", "end", "x", "width"),
    [
        (0, 10, 0, 100),
        (2, 4, 20, 20),
        (None, 5, 0, 50),
        (5, None, 50, 50),
        (-9, 99, 0, 100),
        (5, 5, 50, 0.6),
        (10, 10, 99.4, 0.6),
    ],
)
def test_a_bar_is_its_share_of_the_traffic(start: float | None, end: float | None, x: float, width: float) -> None:
    edges = [None if hours is None else START + timedelta(hours=hours) for hours in (start, end)]
    (bar,) = Outline(str(AXIS.bar(edges[0], edges[1], "inside"))).all("rect")
    assert (float(bar["x"] or 0), float(bar["width"] or 0)) == (x, width)


@pytest.mark.parametrize(("start", "end"), [(11, 12), (-2, -1), (11, None), (None, -1)])
def test_what_lies_wholly_beyond_has_no_bar(start: float | None, end: float | None) -> None:
    edges = [None if hours is None else START + timedelta(hours=hours) for hours in (start, end)]
    assert AXIS.bar(edges[0], edges[1], "period") is None


def test_traffic_of_one_moment_is_in_the_middle() -> None:
    assert Axis(start=START, end=START).share(START) == 50


def test_one_row_a_host_and_outcome_the_gravest_first_and_the_claim_above() -> None:
    findings = [seen(1, 2), seen(5, 6), seen(3, 3, "b.example", "violating"), seen(1, 9, "c.example", flows=9)]
    exceptions = [
        {"id": "x", "effective": f"{at(1)}/{at(3)}", "caveat": False},
        {"id": "y", "effective": "../..", "caveat": True},
    ]
    outline = Outline(str(timeline(DOCUMENT, CLAIM | {"exceptions": exceptions}, findings)))
    rows = [text for text in outline.texts if text.endswith("example") or text.startswith(("in force", "exception"))]
    assert rows == ["in force", "exception x", "b.example", "c.example", "a.example"]
    bars = [rect["class"] for rect in outline.all("rect") if rect["class"] != "trough"]
    assert bars == ["lane period", "lane excused", "lane violating", "lane inside", "lane inside", "lane inside"]
    assert outline.all("svg", aria_label="2026-06-01 01:00:00 to 2026-06-01 06:00:00")


def test_many_hosts_are_cut_and_counted() -> None:
    outline = Outline(str(timeline(DOCUMENT, CLAIM, [seen(1, 2, f"h{n}.example") for n in range(13)])))
    assert "and 1 more host; all are in the findings" in outline.text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("../..", "always"),
        ("2025-01-01T00:00:00Z/..", "from 2025-01-01"),
        ("../2025-01-01T00:00:00Z", "until 2025-01-01"),
        ("2025-01-01T12:30:00Z/2026-01-01T00:00:00Z", "from 2025-01-01 12:30:00 until 2026-01-01"),
    ],
)
def test_periods_in_words(text: str, told: str) -> None:
    assert period(text) == told


def test_hours_without_traffic() -> None:
    assert idle([], START, START + timedelta(minutes=59)) == []
    assert idle([], START, END) == [(START, END)]
    assert idle([seen(0, 10)], START, END) == []
    gaps = idle([seen(0, 2), seen(1, 3), seen(5, 5)], START, END)
    assert gaps == [(parsed(at(3)), parsed(at(5))), (parsed(at(5)), END)]


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10)), max_size=8))
def test_no_flow_lies_in_a_gap_and_every_moment_outside_gaps_is_near_one(spans: list[tuple[float, float]]) -> None:
    findings = [seen(min(s), max(s)) for s in spans]
    gaps = idle(findings, START, END)
    assert all(b - a >= timedelta(hours=1) for a, b in gaps)
    for f in findings:
        first, last = parsed(f["first_seen"]), parsed(f["last_seen"])
        assert not [gap for gap in gaps if first < gap[1] and last > gap[0]]


@pytest.mark.parametrize(
    ("patterns", "hosts", "missing"),
    [
        ([], ["a.example"], []),
        (["*"], [], ["*"]),
        (["*"], [None], []),
        (["*.x.org", "x.org"], ["a.x.org"], ["x.org"]),
        (["*.x.org", "x.org"], ["x.org"], ["*.x.org"]),
        (["*.x.org", "b.a.x.org"], ["b.a.x.org"], []),
        (["*.y.org", "a.x.org"], ["a.x.org", None], ["*.y.org"]),
    ],
)
def test_hosts_that_no_flow_reached(patterns: list[str], hosts: list[str | None], missing: list[str]) -> None:
    claim: Any = {"scope": {"hosts": [{"pattern": pattern} for pattern in patterns]}}
    assert never_seen(claim, [{"host": host} for host in hosts]) == missing
