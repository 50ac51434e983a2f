"""How one piece of evidence is worded: above all which days it speaks of."""

from __future__ import annotations

from typing import Any

import pytest

from residency.report.explain import evidence_line

DECLARED: dict[str, Any] = {
    "kind": "declared",
    "source": "aws",
    "author": "Amazon",
    "says": "Amazon eu-west-1",
    "for": "inside",
    "echo": "",
    "struck": False,
    "days_from_flow": 0,
}
VERSIONS = {"aws": "Amazon ranges, built 2026-10-26"}
BEGIN = "declared: Amazon publishes it for eu-west-1 [Amazon ranges, built 2026-10-26]; "
END = "0 days from the flow; speaks for inside"


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        (["2026-06-05", "2026-10-26"], "listed alike from 2026-06-05 to 2026-10-26; "),
        (["2026-06-05", "2026-06-05"], "listed on 2026-06-05; "),
        (None, ""),
    ],
)
def test_a_list_says_since_when_it_says_so(listed: list[str] | None, told: str) -> None:
    assert evidence_line(DECLARED | {"listed": listed}, VERSIONS) == BEGIN + told + END


def test_a_report_of_former_days_names_no_days() -> None:
    assert evidence_line(DECLARED, VERSIONS) == BEGIN + END


def test_the_day_of_a_database_is_that_of_its_snapshot() -> None:
    database = DECLARED | {"kind": "database", "says": "IE", "listed": ["2026-06-01", "2026-06-01"]}
    assert "listed" not in evidence_line(database, VERSIONS)
