"""A capture, and Zeek-style logs that tshark's reading of it gives, lead to the same verdicts."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.traffic.capture.zeek_by_tshark import write_logs

import residency
from residency.report import as_json

CLAIMS = """
schema = "residency/1"
[[claim]]
id = "all.us"
statement = "Every conversation over the web ends in the United States."
activity = "connection"
allow = ["US"]
hosts = ["*"]
ports = [80, 443]
[[claim]]
id = "named.eea"
statement = "What these services process stays in the EEA."
activity = "processing"
allow = ["EEA"]
hosts = [
  "*.reddit.com", "*.redditmedia.com", "*.redditstatic.com", "*.netflix.com", "*.instagram.com", "*.akamaihd.net",
  "*.zoom.us", "zoom.us", "*.weibo.com", "*.weibo.cn",
]
[[claim]]
id = "no.advertising"
statement = "Nothing is sent to networks of advertisers."
activity = "connection"
forbid = ["WORLD"]
hosts = ["*.doubleclick.net", "*.amazon-adsystem.com", "*.googletagmanager.com"]
"""
CAPTURES = ("reddit.pcap", "netflix.pcap", "instagram.pcap", "weibo.pcap", "zoom.pcap")


def outcomes(claim: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Return endpoints and flows of each outcome. Bytes are left out: a log counts payload, a capture IP payload."""
    return {name: (one["endpoints"], one["flows"]) for name, one in claim["outcomes"].items()}


def told(report: residency.Report) -> dict[str, Any]:
    document = as_json.document(report)
    return {one["id"]: (one["verdict"], one["assurance"], outcomes(one)) for one in document["claims"]}


@pytest.fixture
def folder() -> Path:
    shared = os.environ.get("RESIDENCY_SHARED")
    if not shared:
        pytest.skip("RESIDENCY_SHARED is not set: the shared inputs are not here")
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed (.ci/install-tools)")
    return Path(shared, "inputs", "pcap")


@pytest.fixture
def claims(tmp_path: Path) -> Path:
    path = tmp_path / "claims.toml"
    path.write_text(CLAIMS)
    return path


@pytest.mark.parametrize("name", CAPTURES)
def test_a_capture_and_the_logs_of_it_give_the_same_verdicts(
    name: str, folder: Path, claims: Path, tmp_path: Path
) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    write_logs(folder / name, logs)
    assert told(residency.audit(claims, folder / name)) == told(residency.audit(claims, logs))


def test_all_three_verdicts_are_among_them(folder: Path, claims: Path) -> None:
    verdicts = {claim: one[0] for claim, one in told(residency.audit(claims, folder / "reddit.pcap")).items()}
    assert verdicts == {"all.us": "inconclusive", "named.eea": "consistent", "no.advertising": "violated"}
