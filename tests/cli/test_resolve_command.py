"""`residency resolve`, `locate NAME` and `audit --dns`, with recordings and a real server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.resolve import conftest
from tests.resolve.answers import address, lookup, message, resolution
from tests.resolve.servers import zones

from residency import audit, locate
from residency.cli import main
from residency.model.verdict import Outcome
from residency.resolve.recorded import write_recording

if TYPE_CHECKING:
    from tests.resolve.servers.kit import Servers

servers = conftest.servers  # the same real ones

NAME = "api.acme.example"
CLAIM = """
schema = "residency/1"
vendor = "acme"
[[claim]]
id = "acme.eu"
statement = "Data is processed in the EEA."
activity = "processing"
allow = ["EEA"]
hosts = ["*.acme.example"]
"""


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A recording of one answer with a TTL of a minute."""
    write_recording(tmp_path / "kept", resolution(lookup(NAME, message(NAME, "A", address(zones.DUBLIN)))))
    return tmp_path / "kept"


def test_a_recording_is_shown_with_places_and_nothing_is_sent(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resolve", "--replay", str(kept), "--format", "json"]) == 0
    doc = json.loads(capsys.readouterr().out)
    assert doc["places"][0]["sites"] == ["provider:aws/eu-west-1"]
    assert main(["resolve", NAME, "--replay", str(kept)]) == 0
    assert "provider:aws/eu-west-1" in capsys.readouterr().out
    assert main(["resolve", "other.example", "--replay", str(kept)]) == 2


def test_recorded_answers_name_flows_near_their_time_only(kept: Path, tmp_path: Path) -> None:
    (tmp_path / "claims.toml").write_text(CLAIM)
    rows = [
        f"2026-06-01T{time}Z,81.2.69.160,{zones.DUBLIN},443,tcp,10,20" for time in ("09:59:59", "10:05:30", "10:06:30")
    ]
    head = "ts,client_ip,server_ip,server_port,proto,bytes_sent,bytes_received"
    (tmp_path / "flows.csv").write_text("\n".join([head, *rows]) + "\n")
    plain = audit(tmp_path / "claims.toml", tmp_path / "flows.csv")
    named = audit(tmp_path / "claims.toml", tmp_path / "flows.csv", dns=[kept])
    assert not list(plain.findings)
    found = {(f.seen.host, f.seen.named_by): (f.seen.flows, f.outcome) for f in named.findings}
    assert found == {(NAME, "dns_shared"): (1, Outcome.INSIDE), (None, None): (2, Outcome.UNKNOWN)}
    assert any("recorded DNS answers" in text and "2 without a name" in text for text in named.warnings)
    assert [s.id for s in named.snapshots if s.kind == "dns"] == ["dns:lab"]


def test_a_damaged_recording_is_one_line(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept.write_bytes(kept.read_bytes()[:-20])
    (tmp_path / "claims.toml").write_text(CLAIM)
    assert main(["audit", str(kept), "--claims", str(tmp_path / "claims.toml"), "--dns", str(kept)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_name_is_located_by_each_of_its_addresses(servers: Servers) -> None:
    found = locate([f"dublin.{zones.ZONE}", zones.VIRGINIA], servers=[servers.authority], within="EEA")
    assert [(item.host, item.address.text) for item in found] == [
        (f"dublin.{zones.ZONE}", zones.DUBLIN),
        (f"dublin.{zones.ZONE}", zones.DUBLIN_6),
        (None, zones.VIRGINIA),
    ]
    assert found[0].countries == ("IE",)


def test_a_name_without_a_public_address_is_refused_with_its_outcome(
    servers: Servers,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = [f"{label}.{zones.ZONE}" for label in ("metadata", "nowhere")]
    assert main(["locate", *names, "--server", servers.authority]) == 2
    said = capsys.readouterr().err
    assert "non_public_answer (169.254.169.254: link-local)" in said
    assert "nxdomain" in said


def test_names_come_from_a_file(servers: Servers, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = tmp_path / "names.txt"
    names.write_text(f"# ours\ndublin.{zones.ZONE}\n\nnowhere.{zones.ZONE}  # gone\n")
    assert main(["resolve", "--file", str(names), "--server", servers.authority, "--format", "csv"]) == 3
    rows = capsys.readouterr().out.splitlines()
    assert sum(row.startswith(f"dublin.{zones.ZONE},") for row in rows) == 3
    assert sum(row.startswith(f"nowhere.{zones.ZONE},") and ",nxdomain," in row for row in rows) == 1
