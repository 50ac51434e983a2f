"""Round-trip times of the auditor's own vantage: what they prove, and what voids them, a folder a case.

`vantages/CASE/` holds `traffic.csv`, `claims.toml`, pinned `evidence.json` (the controls), `case.toml` (the vantage),
`expected.json` and a README.md.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

import residency

FOLDERS = sorted(path for path in (Path(__file__).resolve().parent / "vantages").iterdir() if path.is_dir())
KEYS = {
    *("verdict", "assurance", "standing", "outcomes", "excluded", "excluded_has"),
    *("countries_have", "rules_have", "says", "warning"),
}


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def audit(folder: Path) -> residency.Report:
    case = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
    sources = residency.MemorySource.from_json(read(folder / "evidence.json"))
    return residency.audit(
        folder / "claims.toml", folder / "traffic.csv", sources=sources, embedded=False, threads=1, **case
    )


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_case(folder: Path) -> None:
    expected, report = read(folder / "expected.json"), audit(folder)
    assert set(expected) <= KEYS
    (result,), (check,), (finding,) = report.claims, report.vantages, report.findings
    assert (result.verdict.value, result.assurance.value) == (expected["verdict"], expected["assurance"])
    assert check.standing.value == expected["standing"]
    assert {o.value: t.endpoints for o, t in result.outcomes.items() if t.endpoints} == expected["outcomes"]
    timed = [e.statement for e in finding.evidence if e.kind == "measured"]
    reached = {place.country for statement in timed for place in statement.places}
    assert list(finding.excluded) == expected.get("excluded", list(finding.excluded))
    assert set(expected.get("excluded_has", ())) <= set(finding.excluded)
    assert set(expected.get("countries_have", ())) <= reached
    assert set(expected.get("rules_have", ())) <= set(finding.rules)
    assert not expected.get("says") or any(expected["says"] in statement.says for statement in timed)
    assert not expected.get("warning") or any(expected["warning"] in warning for warning in report.warnings)
    assert (folder / "README.md").read_text(encoding="utf-8").count("**Because.**") == 1


def test_every_folder_is_run() -> None:
    assert len(FOLDERS) == 8
