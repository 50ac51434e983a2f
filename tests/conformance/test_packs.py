"""Every worked case of every shipped pack, run: traffic and evidence are pinned, the verdict is expected.

A folder `packs/PACK/CLAIM--CASE/` holds `traffic.csv`, `evidence.json`, `case.toml` (what it is a case of, and
the auditor's options), `expected.json` and a README.md. A pack with a case without a folder fails, and the
reverse.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

import residency
from residency.claims import load_pack, shipped_packs
from residency.sources.gazetteer import shipped_gazetteer

ROOT = Path(__file__).resolve().parent / "packs"
OPTIONS = {"clients", "vantage", "min_assurance", "rely_on", "max_age_days"}
EXPECTED = {
    "verdict",
    "exit_code",
    "assurance",
    "outcomes",
    "headline_contains",
    "findings",
    "could_confirm",
    "could_violate",
}


@dataclass(frozen=True)
class Folder:
    """One case on disk."""

    path: Path

    @cached_property
    def case(self) -> dict[str, Any]:
        return tomllib.loads((self.path / "case.toml").read_text(encoding="utf-8"))

    @cached_property
    def evidence(self) -> dict[str, Any]:
        return self._json("evidence.json")

    @cached_property
    def expected(self) -> dict[str, Any]:
        return self._json("expected.json")

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.case["pack"], self.case["claim"], self.case["case"])

    def _json(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.path / name).read_text(encoding="utf-8"))
        return found

    def runs(self) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
        """Return (name, options, expected) of the case and of its variants, which add options."""
        options = self.case.get("options", {})
        variants = [(v["name"], {**options, **v["options"]}, v["expected"]) for v in self.case.get("variant", [])]
        return [("", options, self.expected), *variants]

    def audit(self, options: dict[str, Any]) -> residency.Report:
        """Hold the case's one claim against its traffic, with the pinned evidence alone."""
        pack, claim, _ = self.key
        return residency.audit(
            pack,
            [self.path / "traffic.csv"],
            claim_ids=[claim],
            sources=residency.MemorySource.from_json(self.evidence),
            embedded=False,
            **options,
        )


FOLDERS = [Folder(path.parent) for path in sorted(ROOT.glob("*/*/case.toml"))]
RUNS = [
    pytest.param(folder, options, expected, id="/".join(filter(None, [*folder.path.parts[-2:], name])))
    for folder in FOLDERS
    for name, options, expected in folder.runs()
]


def worked_cases() -> dict[tuple[str, str, str], residency.Claim]:
    gazetteer = shipped_gazetteer()
    return {
        (name, claim.id, case.name): claim
        for name in shipped_packs()
        for claim in load_pack(name, gazetteer=gazetteer).claims
        for case in claim.cases
    }


def test_every_worked_case_has_a_folder_and_every_folder_a_case() -> None:
    assert {folder.key for folder in FOLDERS} == set(worked_cases())
    assert {path for path in ROOT.glob("*/*") if path.is_dir()} == {folder.path for folder in FOLDERS}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: "/".join(folder.path.parts[-2:]))
def test_folder_is_well_formed(folder: Folder) -> None:
    pack, claim_id, name = folder.key
    assert folder.path.parts[-2:] == (pack, f"{claim_id}--{name}")
    assert set(folder.case) <= {"pack", "claim", "case", "options", "variant"}
    (case,) = [case for case in worked_cases()[folder.key].cases if case.name == name]
    assert folder.expected["verdict"] == case.expect
    for _, options, expected in folder.runs():
        assert set(options) <= OPTIONS
        assert {"verdict", "exit_code"} <= set(expected) <= EXPECTED
    assert len(residency.MemorySource.from_json(folder.evidence)) == len(folder.evidence["sources"])
    header = (folder.path / "traffic.csv").read_text(encoding="utf-8").partition("\n")[0].split(",")
    assert {"ts", "client_ip", "server_ip", "server_port", "proto", "bytes_sent", "bytes_received"} < set(header)
    readme = (folder.path / "README.md").read_text(encoding="utf-8").lower()
    assert case.given.lower() in readme
    assert case.because.lower() in readme


def differences(report: residency.Report, expected: dict[str, Any]) -> list[str]:
    """Return how the report differs from what is expected, in words."""
    (result,) = report.claims
    seen = {outcome.value: tally.endpoints for outcome, tally in result.outcomes.items() if tally.endpoints}
    told: dict[str, Any] = {
        "verdict": result.verdict.value,
        "exit_code": report.exit_code,
        "assurance": result.assurance.value,
        "outcomes": seen,
        "could_confirm": result.could.could_confirm,
        "could_violate": result.could.could_violate,
    }
    found = [
        f"{key}: {told[key]}, not {value}" for key, value in expected.items() if key in told and told[key] != value
    ]
    wanted = [f"{expected['verdict']}", *expected.get("headline_contains", [])]
    found += [f"headline without {w!r}: {result.headline}" for w in wanted if w not in result.headline]
    if expected.get("findings") == [] and report.findings:
        found.append(f"{len(report.findings)} findings, not none")
    for wish in expected.get("findings", []):
        rows = [finding_row(finding) for finding in report.findings]
        if not any(_agrees(row, wish) for row in rows):
            found.append(f"no finding like {wish} among {rows}")
    return found


def finding_row(finding: residency.Finding) -> dict[str, Any]:
    return {
        "server_ip": finding.seen.server_ip,
        "server_port": finding.seen.server_port,
        "host": finding.seen.host,
        "role": finding.role,
        "outcome": finding.outcome.value,
        "place": finding.place.value,
        "assurance": finding.assurance.value,
        "missing_link": finding.missing_link or "",
        "countries": list(finding.countries),
        "evidence": [
            {"source": item.statement.source, "for": side, "struck": bool(item.struck)}
            for item, side in zip(finding.evidence, finding.sides, strict=True)
        ],
    }


def _agrees(row: dict[str, Any], wish: dict[str, Any]) -> bool:
    """Does a finding have every wished value? A missing link needs only to contain the words."""

    def holds(key: str, value: Any) -> bool:
        if key == "missing_link":
            return value in row[key]
        if key == "evidence":
            return all(item in row[key] for item in value)
        return bool(row[key] == value)

    return all(holds(key, value) for key, value in wish.items())


@pytest.mark.parametrize(("folder", "options", "expected"), RUNS)
def test_verdict(folder: Folder, options: dict[str, Any], expected: dict[str, Any]) -> None:
    report = folder.audit(options)
    assert differences(report, expected) == []
    (record,) = report.inputs
    assert record.quarantined == 0
