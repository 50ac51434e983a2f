"""`residency data update`: it lists its addresses without the network, and refuses a provider that it does not know."""

from __future__ import annotations

import sys

import pytest

from residency.cli import main
from residency.sources.update import PUBLISHED


def test_a_dry_run_lists_the_addresses_and_connects_to_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    connected: list[object] = []
    is_on = [True]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if is_on[0] and event in ("socket.connect", "socket.getaddrinfo"):
            connected.append(arguments)

    sys.addaudithook(hook)
    try:
        assert main(["data", "update", "--dry-run"]) == 0
    finally:
        is_on[0] = False
    out = capsys.readouterr().out
    assert all(item.url in out.replace("\n", "") or item.list_id in out for item in PUBLISHED)
    assert "https://ip-ranges.amazonaws.com/ip-ranges.json" in out
    assert connected == []


def test_one_provider(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "update", "--dry-run", "--provider", "oracle"]) == 0
    out = capsys.readouterr().out
    assert "oracle" in out
    assert "amazonaws" not in out


def test_an_unknown_provider_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "update", "--provider", "acme"]) == 2
    assert "residency: error: --provider `acme`: one of aws, azure" in capsys.readouterr().err
