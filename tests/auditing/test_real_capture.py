"""A real capture, recorded in the west of the United States, with its vantage declared there and 9,000 km away."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import residency
from residency.model.vantage_check import Standing
from residency.model.verdict import Report

CAPTURE = Path(os.environ.get("RESIDENCY_SHARED", "")) / "inputs" / "pcap" / "netflix.pcap"
CLAIM = """
schema = "residency/1"
vendor = "Nobody"
[[claim]]
id = "all"
statement = "Everything ends in the EEA."
activity = "connection"
allow = ["EEA"]
hosts = ["*"]
"""

pytestmark = pytest.mark.skipif(not CAPTURE.is_file(), reason="RESIDENCY_SHARED names no captures")


def audit(tmp_path: Path, vantage: str) -> Report:
    claims = tmp_path / "claims.toml"
    claims.write_text(CLAIM, encoding="utf-8")
    return residency.audit(claims, CAPTURE, vantage=vantage, threads=1)


def test_declared_in_milan_its_times_are_void(tmp_path: Path) -> None:
    report = audit(tmp_path, "45.46,9.19,±50,Milan")
    (check,) = report.vantages
    assert check.standing is Standing.VOID
    assert {c.place for c in check.impossible} == {"US (aws/us-west-2)"}
    assert not [f for f in report.findings if f.excluded]


def test_declared_where_it_was_one_operator_is_not_enough(tmp_path: Path) -> None:
    report = audit(tmp_path, "37.77,-122.42,±50,San Francisco")
    (check,) = report.vantages
    assert (check.standing, check.operators) == (Standing.UNTESTED, ("aws",))
    timed = [f for f in report.findings if f.seen.min_rtt_ms is not None]
    assert timed
    assert all("US" not in f.excluded for f in timed)
    assert any("DE" in f.excluded for f in timed)
    assert not [e for f in timed for e in f.evidence if e.kind == "measured" and e.statement.proves]
