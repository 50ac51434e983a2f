"""Traffic with round-trip times to endpoints of known place, and one endpoint that a claim speaks of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import residency
from residency.model.verdict import Report

FRANKFURT = "50.11,8.68,±10,Frankfurt"
NEW_YORK = "40.71,-74.01,±10,New York"  # some 6,200 km from Frankfurt
DUBLIN = "53.35,-6.26,±5,Dublin"
# Addresses that their operators publish for one region each (the lists that ship with residency).
CONTROLS = {
    "104.255.58.44": "aws/eu-central-1",
    "1.178.5.9": "aws/us-east-1",
    "34.118.244.9": "gcp/europe-west3",
    "136.23.64.9": "gcp/us-east4",
    "132.145.112.9": "oracle/ap-tokyo-1",
}
# What light in glass needs at the least from Frankfurt, with half as much again for the way that cables take.
HONEST = {
    "104.255.58.44": 1.0,
    "1.178.5.9": 95.0,
    "34.118.244.9": 1.1,
    "136.23.64.9": 92.0,
    "132.145.112.9": 225.0,
}
OFFICE = "185.1.2.3"  # in no provider's list
HEADER = "ts,client_ip,server_ip,server_port,proto,bytes_sent,bytes_received,host,rtt_ms,rtt_kind"
CLAIM = """
schema = "residency/1"
vendor = "Acme"
[[claim]]
id = "acme"
statement = "All connections end in {allow}."
activity = "connection"
allow = ["{allow}"]
hosts = ["app.acme.example"]
"""
Audit = Callable[..., Report]


def flow(ip: str, rtt_ms: object, kind: str = "tls", host: str = "") -> str:
    return f"2026-11-01T12:00:00Z,192.0.2.7,{ip},443,tcp,100,200,{host},{rtt_ms},{kind}"


def app(rtt_ms: object, kind: str = "tls", times: int = 5, ip: str = OFFICE) -> list[str]:
    """Flows of the claim's own host."""
    return [flow(ip, rtt_ms, kind, "app.acme.example")] * times


def controls(times: dict[str, float] | None = None, kind: str = "tls") -> list[str]:
    return [flow(ip, rtt_ms, kind, f"control{n}.example") for n, (ip, rtt_ms) in enumerate((times or HONEST).items())]


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    """Audit flows, given as rows, against a connection claim; no database that ships with residency says a word."""

    def run(rows: Sequence[str], *, allow: str = "NO", vantage: Any = FRANKFURT, **options: Any) -> Report:
        claims, flows = tmp_path / "claims.toml", tmp_path / "flows.csv"
        claims.write_text(CLAIM.format(allow=allow), encoding="utf-8")
        flows.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
        return residency.audit(claims, flows, vantage=vantage, threads=1, **options)

    return run
