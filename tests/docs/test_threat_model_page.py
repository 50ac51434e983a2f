"""docs/threat-model.md names tests that exist, one at least for each row, and says of everybody what is not stopped."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
PAGE = (TESTS.parent / "docs" / "threat-model.md").read_text(encoding="utf-8")
ROWS = [
    line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| it could", "| they could"))
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split(" | ")[0].strip("| ")[:60])
def test_a_row_is_shown_by_tests_that_exist(row: str) -> None:
    shown = re.findall(r"`([^`]+)`", row.rstrip("| ").rpartition(" | ")[2])
    assert shown
    path = TESTS / shown[0]
    for name in shown:
        if name.startswith("test_") and "." not in name:
            assert f"\ndef {name}(" in path.read_text(encoding="utf-8"), name
        else:
            path = TESTS / name
            assert path.exists(), name


def test_everybody_who_may_be_lying_has_rows_and_what_is_not_stopped() -> None:
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:-1]
    assert len(sections) == 6
    for section in sections:
        assert section.count("\n| ") > 2, section[:40]
        assert section.count("**Not stopped.**") == 1, section[:40]
