"""docs/reports.md describes the forms that there are, with the numbers that hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from residency.limits import LIMITS
from residency.report.as_markdown import _FEW_FINDINGS, _FINDINGS
from residency.report.as_oscal import VERSION
from residency.report.as_sarif import _ADDRESSES
from residency.report.formats import FORMATS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reports.md").read_text(encoding="utf-8")


def test_the_forms_are_those_of_the_registry() -> None:
    listed = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|$", PAGE, re.MULTILINE))
    assert listed == {name: form.about for name, form in FORMATS.items()}


@pytest.mark.parametrize(
    "sentence",
    [
        f"GitHub takes {LIMITS.max_sarif_results:,}",
        f"Up to {LIMITS.max_oscal_observations:,} endpoints",
        f"Assessment results of OSCAL {VERSION}.",
        f"holds {LIMITS.max_step_summary_bytes >> 20} MiB",
        f"its first {_FINDINGS} findings",
        f"shows {_FEW_FINDINGS} findings",
        f"up to {['none', 'one', 'two', 'three', 'four', 'five'][_ADDRESSES]} addresses",
    ],
)
def test_a_number_on_the_page_is_the_program_s(sentence: str) -> None:
    assert sentence in " ".join(PAGE.split())
