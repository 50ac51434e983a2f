"""What was not looked at is said for what is there, and only for that."""

from __future__ import annotations

from typing import Any

import pytest

from residency.report import wording


def test_the_demonstration(demo: dict[str, Any]) -> None:
    assert wording.not_looked_at(demo) == [
        "where data rests",
        "what happens behind these servers",
        "access, oversight (not observable on the network)",
        "1 conversation without a host name",
        "4 records in no claim's scope",
        "1 quarantined record",
        "traffic that is not in these files",
    ]
    assert wording.counts(demo) == "6 claims: 1 violated, 3 inconclusive, 2 consistent"


@pytest.mark.parametrize(
    ("activity", "first"),
    [
        ("storage", "where data rests"),
        ("processing", "what happens behind these servers"),
        ("backup", "backup (not observable on the network)"),
        ("connection", "2 conversations without a host name"),
    ],
)
def test_each_activity_has_its_own_words(plain: dict[str, Any], activity: str, first: str) -> None:
    plain["claims"][0]["activity"] = activity
    assert wording.not_looked_at(plain)[0] == first


def test_nothing_at_all() -> None:
    assert wording.not_looked_at({"claims": [], "inputs": []}) == ["traffic that is not in these files"]
    assert wording.counts({"claims": []}) == "0 claims"


def test_findings_are_weighed_by_outcome_then_bytes(plain: dict[str, Any]) -> None:
    outcomes = [finding["outcome"] for finding in wording.by_weight(plain["findings"][::-1])]
    assert outcomes == list(wording.OUTCOMES)
    larger = plain["findings"][0] | {"bytes_sent": 10**9, "id": "F-f"}
    assert wording.by_weight([*plain["findings"], larger])[0]["id"] == "F-f"
