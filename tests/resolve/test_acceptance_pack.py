"""The names of the shipped TikTok pack against a zone: what `resolve` gives, `locate` and `audit` take as it is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from tests.resolve.servers import zones
from tests.resolve.servers.kit import Servers

import residency
from residency.model.resolution import Resolution
from residency.model.verdict import Report
from residency.resolve import resolve

PACK = "tiktok-clover"
NAMES = {f"{label}.{zone}": address for zone, labels in zones.PACK.items() for label, address in labels.items()}
TTL_S, GRACE_S = 60, 300


@pytest.fixture
def recording(servers: Servers, tmp_path: Path) -> Path:
    """The answers for all names, kept in a file."""
    path = tmp_path / "answers.jsonl"
    resolve(NAMES, servers=[servers.authority], record=path)
    return path


def flows(found: Resolution, seconds_later: float) -> pa.Table:
    """Return one flow without a name to each address, so long after its answer."""
    rows = [
        {
            "ts": (lookup.at + timedelta(seconds=seconds_later)).isoformat(),
            "client_ip": "10.0.0.1",
            "server_ip": address,
            "server_port": 443,
            "proto": "tcp",
            "bytes_sent": 1_000,
            "bytes_received": 1_000,
        }
        for lookup in found
        for address in lookup.endpoints
    ]
    return pa.Table.from_pylist(rows)


def audited(recording: Path, seconds_later: float, *, with_answers: bool = True) -> Report:
    table = flows(resolve(replay=recording), seconds_later)
    return residency.audit(PACK, table, clients="EEA", dns=[recording] if with_answers else [])


def test_a_recording_has_the_endpoints_of_every_name(recording: Path) -> None:
    assert dict(resolve(replay=recording).endpoints) == NAMES


def test_locate_takes_the_endpoints(recording: Path) -> None:
    endpoints = resolve(replay=recording).endpoints
    located = residency.locate([address for _, address in endpoints], within="EEA")
    places = {name: at.countries for (name, _), at in zip(endpoints, located, strict=True)}
    assert places["api16-normal-no1a.tiktokv.eu"] == ("IE",)
    assert places["mcs16-normal-useastred.tiktokw.eu"] == ("US",)


def test_audit_names_flows_by_the_recorded_answers(recording: Path) -> None:
    findings = audited(recording, 1.0).findings
    named = {finding.seen.host: finding.seen.server_ip for finding in findings if finding.seen.host}
    assert named == NAMES
    by_name = {finding.seen.host: finding for finding in findings if finding.claim == "tiktok.clover.storage-default"}
    assert by_name["api16-normal-no1a.tiktokv.eu"].countries == ("IE",)
    assert by_name["mcs16-normal-useastred.tiktokw.eu"].countries == ("US",)
    assert "violating" not in {finding.outcome.value for finding in findings}


@pytest.mark.parametrize("seconds_later", [-1.0, TTL_S + GRACE_S + 2.0])
def test_an_answer_too_far_from_the_flow_names_nothing_and_is_told(recording: Path, seconds_later: float) -> None:
    report = audited(recording, seconds_later)
    assert not [finding for finding in report.findings if finding.seen.host]
    assert any("answer" in warning for warning in report.warnings)


def test_without_the_answers_the_flows_have_no_name(recording: Path) -> None:
    assert not [f for f in audited(recording, 1.0, with_answers=False).findings if f.seen.host]
