"""docs/data.md has a section for every shipped table, with the facts of today's manifest."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from residency.evaluate.rules import RULES
from residency.shipped import manifest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
FLAT = " ".join(PAGE.split())


@pytest.fixture(scope="module")
def build() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "docs" / "build_data.py"))


def test_the_page_is_up_to_date(build: dict[str, Any]) -> None:
    assert build["filled"](PAGE) == PAGE, "run python docs/build_data.py"


def test_every_table_has_its_facts_and_no_other() -> None:
    assert sorted(re.findall(r"<!-- facts ([\w-]+) -->", PAGE)) == sorted(manifest())


@pytest.mark.parametrize("entry_id", sorted(manifest()))
def test_the_facts_name_author_date_licence_and_source(entry_id: str) -> None:
    entry = manifest()[entry_id]
    said = PAGE.partition(f"<!-- facts {entry_id} -->")[2].partition("<!-- end -->")[0]
    assert isinstance(entry.snapshot.built, date)
    for fact in (entry.file, entry.snapshot.licence, entry.snapshot.built.isoformat(), entry.snapshot.source):
        assert fact in said
    assert all(author in said for author in entry.snapshot.author.split(","))
    assert all(day.isoformat() in said for days in entry.listings.values() for day in days)


def test_the_attribution_that_the_licence_asks_for_is_a_link() -> None:
    assert "[IP Geolocation by DB-IP](https://db-ip.com)" in PAGE


def test_the_spans_between_lists_are_what_verdicts_md_says() -> None:
    verdicts = (ROOT / "docs" / "verdicts.md").read_text(encoding="utf-8")
    days = sorted(manifest()["provider-ranges"].listings["azure"])
    steps = [(b - a).days for a, b in pairwise(days)]
    assert f"taken {min(steps)} to {max(steps)} days apart" in verdicts


def test_the_figures_of_accuracy_are_what_measure_py_prints() -> None:
    shared = os.environ.get("RESIDENCY_SHARED")
    if not shared:
        pytest.skip("RESIDENCY_SHARED is not set: the list of known prefixes is not here")
    script, truth = ROOT / "data" / "build" / "measure.py", Path(shared) / "data" / "cloud_truth.parquet"
    printed = subprocess.run(
        [sys.executable, str(script), "--truth", str(truth)], capture_output=True, text=True, check=True
    ).stdout
    aws = printed.partition("aws: ")[2].partition("azure: ")[0]
    counts = {text: int(number) for number, text in re.findall(r"^ +(\d+) +[\d.]+% +(.*?) \[", aws, re.MULTILINE)}
    told = "region equal; border group"
    for number in (
        counts["equal"] + counts["equal, but anycast"],
        counts[f"{told} unknown (main group)"],
        counts[f"{told} unknown (local zone)"],
        counts[f"{told} differs (local zone)"],
    ):
        assert f"| {number:,} | {number / sum(counts.values()):.1%} |".replace("%", " %") in PAGE
    assert "other region" not in printed
    assert "absent" not in printed
    found = re.search(r"country, all: .*\(([\d.]+)%\), ([\d.]+)% of IPv4", printed)
    assert found
    assert f"for {float(found[1]):.1f} % of the prefixes" in FLAT
    assert f"hold {float(found[2]):.1f} % of the IPv4" in FLAT


def test_the_rules_named_on_the_page_exist() -> None:
    assert set(re.findall(r"\bR[0-9]{3}\b", PAGE)) <= set(RULES)
